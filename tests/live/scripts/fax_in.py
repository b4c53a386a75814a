"""A receiver without Faxplan: says in JSON what a handler can read before the answer and after rxfax."""

import json
import os
from pathlib import Path

import freeswitch

BEFORE = [
    "sip_network_ip",
    "sip_network_port",
    "sip_received_ip",
    "sip_received_port",
    "sip_via_host",
    "sip_acl_authed_by",
    "sip_gateway",
    "sip_gateway_name",
    "sip_req_user",
    "sip_to_user",
    "sip_from_user",
    "sip_call_id",
    "sofia_profile_name",
    "sip_user_agent",
    "destination_number",
    "caller_id_number",
    "max_forwards",
    "channel_name",
    "sip_authorized",
    "sip_via_protocol",
    "sip_contact_host",
]
AFTER = [
    "fax_success",
    "fax_result_code",
    "fax_result_text",
    "fax_document_transferred_pages",
    "fax_document_total_pages",
    "fax_ecm_used",
    "fax_t38_status",
    "fax_transfer_rate",
    "fax_remote_station_id",
    "fax_local_station_id",
    "fax_bad_rows",
    "fax_image_resolution",
    "fax_file_image_resolution",
    "fax_image_pixel_size",
    "fax_filename",
    "fax_v17_disabled",
    "fax_encoding_name",
    "has_t38",
    "fax_longest_bad_row_run",
    "fax_image_size",
    "hangup_cause",
    "hangup_cause_q850",
    "sip_hangup_disposition",
    "sip_term_status",
    "sip_term_cause",
    "answer_epoch",
    "answer_uepoch",
    "start_uepoch",
    "end_epoch",
    "end_uepoch",
    "endpoint_disposition",
    "current_application_response",
    "remote_media_ip",
    "remote_media_port",
    "read_codec",
    "proto_specific_hangup_cause",
]


def handler(session, args):
    uuid = session.getVariable("uuid")
    folder = Path(os.environ["FAXPLAN_LIVE_FOLDER"])
    try:
        before = {name: session.getVariable(name) for name in BEFORE}
        session.execute("answer")
        session.execute("rxfax", str(folder / f"{uuid}.tif"))
        after = {name: session.getVariable(name) for name in AFTER}
        after["ready()"] = session.ready()
        after["hangupCause()"] = session.hangupCause()
        session.hangup("NORMAL_CLEARING")
        hung_up = {name: session.getVariable(name) for name in AFTER}
        hung_up["hangupCause()"] = session.hangupCause()
        part = folder / f"{uuid}.part"
        part.write_text(json.dumps({"before": before, "after": after, "hung_up": hung_up}, ensure_ascii=True))
        part.rename(folder / f"{uuid}.received.json")
    except BaseException as error:  # noqa: BLE001 - nothing may leave a script
        freeswitch.consoleLog("err", f"fax_in: {error!a}\n")
    session.hangup("NORMAL_CLEARING")
