"""Names of FreeSWITCH channel variables, in one place (mod_spandsp_fax.c, sofia.c, switch_channel.c)."""

# Written by rxfax and txfax.
FAX_SUCCESS = "fax_success"
FAX_RESULT_CODE = "fax_result_code"
FAX_RESULT_TEXT = "fax_result_text"
FAX_PAGES = "fax_document_transferred_pages"
FAX_T38_STATUS = "fax_t38_status"
FAX_ECM_USED = "fax_ecm_used"
FAX_V17_DISABLED = "fax_v17_disabled"
FAX_TRANSFER_RATE = "fax_transfer_rate"
FAX_BAD_ROWS = "fax_bad_rows"
FAX_ENCODING_NAME = "fax_encoding_name"
FAX_IMAGE_RESOLUTION = "fax_image_resolution"
FAX_LOCAL_STATION_ID = "fax_local_station_id"
FAX_REMOTE_STATION_ID = "fax_remote_station_id"
FAX_REMOTE_COUNTRY = "fax_remote_country"
FAX_REMOTE_VENDOR = "fax_remote_vendor"
FAX_REMOTE_MODEL = "fax_remote_model"

# Read by rxfax and txfax.
FAX_IDENT = "fax_ident"
FAX_HEADER = "fax_header"
NO_HEADER = "-" * 51
"""Of fax_header: spandsp takes no more than 50 bytes, and prints nothing of a longer one. Without the variable, and an
empty one is none, mod_spandsp takes that of spandsp.conf.xml."""
FAX_START_PAGE = "fax_start_page"
FAX_USE_ECM = "fax_use_ecm"
FAX_DISABLE_V17 = "fax_disable_v17"
FAX_ENABLE_T38 = "fax_enable_t38"
FAX_ENABLE_T38_REQUEST = "fax_enable_t38_request"
T38_REDUNDANCY = "t38_gateway_redundancy"

# Also read by them: spandsp's log, see t30_trace.py.
FAX_VERBOSE = "fax_verbose"
FAX_VERBOSE_LOG_LEVEL = "fax_verbose_log_level"
FAX_TRACE_DIR = "fax_trace_dir"
API_ON_ANSWER = "api_on_answer"
API_ON_FAX_SUCCESS = "api_on_fax_success"
API_ON_FAX_FAILURE = "api_on_fax_failure"
EXECUTE_ON_FAX_PHASE_B = "execute_on_fax_phase_b"
EXECUTE_ON_FAX_PHASE_D = "execute_on_fax_phase_d"
PHASE_B_TIME = "faxplan_phase_b_time"
"""Set by the first of them, as we have it: when the machines agreed last. PHASE_D_TIME with a page's number: when that
page of the call was done. Both as t30_trace.CLOCK has it."""
PHASE_D_TIME = "faxplan_phase_d_time_"
# How DTMF is sent (switch_core_media.c): rfc2833 where telephone-event (RFC 4733) was agreed on.
DTMF_TYPE = "dtmf_type"
RFC2833 = "rfc2833"

# Without it a 300, 301, 302 or 305 is followed: a second INVITE goes to its Contact (sofia.c), past all of our checks.
OUTBOUND_REDIRECT_FATAL = "outbound_redirect_fatal"

# How the call went.
HANGUP_CAUSE = "hangup_cause"
HANGUP_CAUSE_Q850 = "hangup_cause_q850"
SIP_TERM_STATUS = "sip_term_status"
SIP_INVITE_FAILURE_STATUS = "sip_invite_failure_status"
PROTO_SPECIFIC_HANGUP_CAUSE = "proto_specific_hangup_cause"
"""sip:CODE, such as sip:302, of which sip_term_status says nothing."""
SIP_CALL_ID = "sip_call_id"
SIP_NETWORK_IP = "sip_network_ip"
SIP_VIA_PROTOCOL = "sip_via_protocol"
RTP_HAS_CRYPTO = "rtp_has_crypto"
RTP_SECURE_AUDIO_CONFIRMED = "rtp_secure_audio_confirmed"
ANSWER_EPOCH = "answer_epoch"
SIP_INVITE_FAILURE_PHRASE = "sip_invite_failure_phrase"
SIP_TERM_CAUSE = "sip_term_cause"
SIP_HANGUP_DISPOSITION = "sip_hangup_disposition"
"""recv_bye, recv_refuse, recv_cancel, send_bye, send_refuse or send_cancel."""
SIP_NETWORK_PORT = "sip_network_port"
REMOTE_MEDIA_IP = "remote_media_ip"
REMOTE_MEDIA_PORT = "remote_media_port"
READ_CODEC = "read_codec"
START_UEPOCH = "start_uepoch"
"""These are microseconds; "0" where it never happened. Set before the hangup hook, and after a script's end."""
PROGRESS_UEPOCH = "progress_uepoch"
PROGRESS_MEDIA_UEPOCH = "progress_media_uepoch"
ANSWER_UEPOCH = "answer_uepoch"
END_UEPOCH = "end_uepoch"

# What our INVITE said (outbound): sofia_glue.c, sofia_glue_do_invite.
SIP_DESTINATION_URL = "sip_destination_url"
SIP_FROM_HOST = "sip_from_host"
SIP_INVITE_DOMAIN = "sip_invite_domain"
SIP_INVITE_FROM_URI = "sip_invite_from_uri"
SIP_LOCAL_NETWORK_ADDR = "sip_local_network_addr"
SIP_CID_TYPE = "sip_cid_type"
ORIGINATION_CALLER_ID_NUMBER = "origination_caller_id_number"
ORIGINATION_CALLER_ID_NAME = "origination_caller_id_name"

# Who calls whom (inbound): sofia.c, sofia_handle_sip_i_invite and extract_header_vars.
SIP_GATEWAY = "sip_gateway"
SIP_REQ_USER = "sip_req_user"
SIP_REQ_URI = "sip_req_uri"
SIP_REQ_PARAMS = "sip_req_params"
SIP_FULL_TO = "sip_full_to"
SIP_FULL_FROM = "sip_full_from"
SIP_ASSERTED = "sip_P-Asserted-Identity"
"""The user part; with p-asserted-id-parse=verbatim the whole first header."""
SIP_REMOTE_PARTY = "sip_Remote-Party-ID"
SIP_PREFERRED = "sip_P-Preferred-Identity"
SIP_PRIVACY = "sip_Privacy"
SIP_DIVERSION = "sip_h_Diversion"
"""The last Diversion header: each line overwrites the one before it."""
SIP_HISTORY_INFO = "sip_history_info"
"""Every header whose name begins with History-Info, joined by commas."""
SIP_IDENTITY = "sip_h_identity"
SIP_NAME_PARAMETERS = "sip_name_params"
SIP_VERSTAT = "sip_verstat"
SIP_VERSTAT_DETAILED = "sip_verstat_detailed"
TRUNK_ACCOUNT = "faxplan_trunk_account"
"""Set by our gateway files (gateways.py), on calls to a Contact that we registered."""
TRUNK = "faxplan_trunk"
"""Set by the dialplan of a PBX that hands a call over, and by nothing that a peer writes: all variables whose names
come from SIP text begin with sip_ (sofia.c)."""

CLEARED_BEFORE_FAX = (
    FAX_SUCCESS,
    FAX_RESULT_CODE,
    FAX_RESULT_TEXT,
    FAX_PAGES,
    FAX_T38_STATUS,
    FAX_ECM_USED,
    FAX_TRANSFER_RATE,
    FAX_BAD_ROWS,
    FAX_REMOTE_STATION_ID,
)
"""Cleared before rxfax or txfax: a missing file or codec sets none of them, and stale ones would pass for a result."""
