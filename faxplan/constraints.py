"""What the named constraints of schema.sql say to a person: messages, which portal/messages.py takes from here."""

from faxplan.errors import FaxplanError
from faxplan.language import _

CONSTRAINT_MESSAGES = {
    "tenants_slug_key": "There is already a tenant with this short name. Choose another.",
    "tenants_slug_form": "A tenant's short name has lower-case letters, digits and hyphens only, at most 40.",
    "tenants_country_form": "A country is its two-letter ISO code, such as DE or US.",
    "tenants_us_header_line": "In the US the header line cannot be switched off (47 CFR 68.318(d)).",
    "tenants_us_header_name": "In the US the header line names the sender (47 CFR 68.318(d)). Give a header name.",
    "tenants_station_ident_form": "A station ident has digits, + and spaces only, at most 20 characters (T.30).",
    "dids_station_ident_form": "A station ident has digits, + and spaces only, at most 20 characters (T.30).",
    "tenants_header_name_form": "The name in the header line has at most 50 characters.",
    "brands_name_form": "The name on the pages has at most 80 characters, on one line.",
    "brands_colour_form": "A colour is written as #1d5f86.",
    "brands_support_form": "Whom your people ask is said in at most 200 characters, on one line.",
    "brands_legal_form": "The legal notice has at most 4000 characters.",
    "brands_mail_reply_to_form": "Answers to mails go to one e-mail address.",
    "brands_mail_sender_form": "The sender of mails is an e-mail address.",
    "mail_accounts_port_range": "A port is a number from 1 to 65535.",
    "mail_accounts_sizes": "What logs in to a mail account is shorter than that. Copy it again.",
    "mail_signing_keys_domain_form": "A domain is written as example.com.",
    "mail_templates_lengths": "A mail's subject has at most 200 characters, on one line, its text at most 4000.",
    "mail_signing_keys_selector_form": "A selector has small letters, digits and hyphens only, at most 63.",
    "brand_hosts_pkey": "This host name is entered already.",
    "brand_hosts_confirmed_key": "This host name is confirmed for another tenant.",
    "brand_hosts_host_form": "A host name is written as fax.example.com.",
    "cover_templates_name_key": "There is a cover page of this name already. Choose another name.",
    "cover_templates_name_form": "A cover page's name has 1 to 80 characters, on one line.",
    "cover_templates_body_length": "The text of a cover page has 1 to 4000 characters.",
    "cover_templates_footer_length": "The foot of a cover page has at most 600 characters.",
    "tenants_mail_signing_domains_form": "Domains that sign are names such as acme.onmicrosoft.com, at most 20.",
    "mail_senders_pkey": "Somebody of this tenant faxes from this address already.",
    "campaigns_hours_form": "Hours are written as 08:00 and 18:00; 24:00 is the end of a day.",
    "users_email_key": "This tenant has a user with this e-mail address already.",
    "users_email_form": "A user's e-mail address is needed, in lower case.",
    "tenants_billing_codes_known": "A tenant's billing codes are none, optional or required.",
    "users_caller_ids_form": "Numbers to call as are in E.164 form, such as +4930123456, at most 100.",
    "tenants_language_form": "A language is its tag, such as en or de.",
    "users_language_form": "A language is its tag, such as en or de.",
    "users_time_zone_known": "That is not an IANA time zone. Write it as Europe/Berlin.",
    "users_role_known": "A user's role is user or administrator.",
    "user_keys_one_current": "Another client has given this user a key at this moment. Look whether it was you.",
    "user_keys_one_recovery": "This tenant has a recovery key already. Switch that one off first.",
    "user_keys_reader_name": "There is an API reader of this name already. Revoke that one, or choose another name.",
    "user_keys_name_form": "An API reader needs a name, of at most 100 characters, on one line.",
    "key_locks_kind_key": "Another client has just changed this password. Look whether it was you.",
    "key_locks_credential_key": "This passkey opens your key already.",
    "key_locks_name_key": "You have a passkey of this name. Choose another name, or remove that one first.",
    "key_locks_name_form": "A passkey needs a name, of at most 100 characters, on one line.",
    "passkeys_credential_key": "This passkey is entered already.",
    "passkeys_name_key": "You have a passkey of this name. Choose another name, or remove that one first.",
    "passkeys_name_form": "A passkey needs a name, of at most 100 characters, on one line.",
    "key_locks_passkey_sizes": "A passkey has an id of 1 to 1023 bytes, and a salt of 32.",
    "mailboxes_name_key": "This tenant has a mailbox of this name already. (A user's is named as the address.)",
    "dids_pkey": "This number is a DID of this tenant already.",
    "dids_number_key": "This number is a DID of some tenant already.",
    "dids_number_form": "A DID is given in E.164 form, such as +4930123456.",
    "verified_numbers_pkey": "This number is verified for this tenant already.",
    "verified_numbers_number_form": "A number is given in E.164 form, such as +4930123456.",
    "verified_numbers_how_given": "Say how the number was verified, in at most 200 characters.",
    "dids_name_form": "A DID's name has at most 100 characters.",
    "dids_max_calls_range": "A DID takes 1 call at once or more; without a number it has no limit of its own.",
    "dids_refusal_known": "A caller that is not let in is answered with decline or busy.",
    "did_callers_pkey": "This DID has an entry for this caller already. Remove that one first.",
    "did_callers_caller_form": (
        "A caller is + and the leading digits of E.164 numbers, + alone for all, or anonymous for those without one."
    ),
    "do_not_fax_reason_form": "A reason has at most 200 characters.",
    "did_callers_rule_known": "A rule about a caller is allow or block.",
    "trunks_called_from_known": (
        "The called number is looked for in one or more of request, to, diversion and history-info."
    ),
    "trunk_tests_trunk_fkey": "A test fax waits for this trunk. It is gone within minutes; try again then.",
    "trunks_name_key": "There is already a trunk of this name.",
    "trunks_name_form": "A trunk's name has letters, digits, _ and - only, at most 63.",
    "trunks_transport_known": "A trunk's transport is udp, tcp or tls.",
    "trunks_called_format_known": "A trunk's called format is e164, e164-no-plus or national.",
    "trunks_calling_format_known": "A trunk's calling format is e164, e164-no-plus or national.",
    "trunks_inbound_format_known": "A trunk's inbound format is any, e164, e164-no-plus or national.",
    "trunks_called_prefix_form": "A trunk's prefix has digits, * and # only, at most 10.",
    "trunks_called_prefix_digits": (
        "No prefix stands before a +: with one, the trunk's called format is e164-no-plus or national."
    ),
    "trunks_inbound_prefix_form": "A trunk's inbound prefix has digits, * and # only, at most 10.",
    "trunks_inbound_calling_format_known": "A trunk's inbound format is any, e164, e164-no-plus or national.",
    "trunks_registration_complete": "A trunk that registers needs a username and a password.",
    "tenants_name_given": "A tenant needs a name, of at most 200 characters.",
    "tenants_max_attempts_range": "A fax may have 1 to 20 attempts.",
    "tenants_wait_hours_range": "A tenant's faxes wait for 1 to 8760 hours, or as long as the setting says.",
    "trunks_inbound_country_form": "A country is its two-letter ISO code, such as DE or US.",
    "trunks_port_range": "A port is a number from 1 to 65535.",
    "trunks_ping_seconds_range": "A trunk is pinged every 5 to 3600 seconds, or not at all.",
    "routes_trunk_fkey": "Routes lead to this trunk. Remove them first; `faxplan route list` shows them.",
    "identity_providers_issuer_form": "An issuer is a whole web address without blanks, such as https://id.example.com.",
    "identity_providers_client_form": "Client ID and secret are plain letters, digits and signs.",
    "identity_providers_label_form": "A name of the log-in has at most 40 characters, without line breaks.",
    "quotas_period_known": "A quota is for a day or a month.",
    "quotas_counts_range": "A quota is a number of pages, 0 or more.",
    "quotas_warnings_range": "A warning is for a percentage of the quota, 1 to 100.",
    "routes_entry_key": "This prefix has a route to this trunk already.",
    "routes_prefix_form": (
        "A route's prefix is + and the leading digits of E.164 numbers; + alone matches all. X stands for any digit, "
        "Z for 1 to 9, N for 2 to 9."
    ),
    "routes_weight_range": "A route's weight is 1 to 1000.",
    "routes_cost_range": "A route's cost is 0 or more.",
    "trunks_max_calls_range": "A trunk takes 1 call at once or more; without a number it has no limit of its own.",
    "trunks_calls_per_second_range": "A trunk's calls a second are 0.001 to 1000; without a number there is no limit.",
    "trunks_caller_id_in_known": "A trunk's caller ID stands in from, pai or rpid.",
    "trunks_caller_id_told": (
        "Nowhere would the trunk be told the calling number: with privacy or a From user it stands in pai or rpid."
    ),
    "trunks_t38_request_known": "Of a trunk's calls the receiver asks for T.38, the sender, or nobody.",
    "trunks_t38_redundancy_range": "A T.38 packet repeats 0 to 3 earlier ones.",
    "trunks_codec_known": "A trunk's codec is any, pcmu or pcma.",
    "trunks_t30_trace_known": "A trunk's T.30 traces are off, failed or all.",
    "trunks_encrypted_media_keys": (
        "Encrypted media need TLS: their keys stand in SDP, where anybody could read them. Add --transport tls."
    ),
    "trunks_encrypted_media_audio": "T.38 cannot be encrypted: with encrypted media a trunk has G.711. Add --t38 off.",
    "tenants_max_calls_range": "A tenant may have 1 call at once or more; without a number it has no limit of its own.",
    "tenants_calls_per_hour_range": "A tenant may make 1 call an hour or more; without a number there is no limit.",
    "tenants_pages_per_hour_range": "A tenant may send 1 page an hour or more; without a number there is no limit.",
    "tenants_number_lists_size": "A tenant's lists have at most 1000 numbers together. Shorter prefixes take more in.",
    "tenants_redial_limits_known": "Redial limits are none, or us (47 CFR 68.318(b)).",
    "sending_hours_weekday_range": "A weekday is 1 (Monday) to 7 (Sunday).",
    "sending_hours_order": "Sending hours close after they open; hours over midnight are two, one for each day.",
    "retention_bounds_min_days_range": "A minimum is 0 to 36500 days.",
    "retention_bounds_max_days_range": "A maximum is 1 to 36500 days; without one there is no limit.",
    "retention_bounds_order": "The minimum of days would be above the maximum. Give both so that they fit.",
    "retention_choices_days_range": "Faxes are kept for 1 to 36500 days.",
    "holds_reason_given": "Say why it is held, in at most 500 characters.",
    "contacts_name_given": "A contact needs a name or a company.",
    "contacts_name_form": "A contact's name has at most 200 characters, on one line.",
    "contacts_company_form": "A company has at most 200 characters, on one line.",
    "contacts_email_form": "An e-mail address is written as name@example.org, at most 254 characters, or left empty.",
    "contacts_note_length": "A note has at most 2000 characters, and none that cannot be shown.",
    "contact_groups_name_form": "A group's name has 1 to 100 characters, on one line.",
    "contact_groups_name_key": "There is a group of this name already. Choose another name.",
    "failure_rules_delay_range": "A delay is 0 to 86400 seconds, a day.",
    "failure_rules_times_range": "A rule leads to another call 0 to 100 times.",
}


class ConstraintViolated(FaxplanError):
    """A row breaks a rule of schema.sql; `constraint` is the rule's name there."""

    error_id = "constraint-violated"

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint
        known = CONSTRAINT_MESSAGES.get(constraint)
        super().__init__(
            _("The database refused the change: rule {rule}.").format(rule=constraint) if known is None else _(known)
        )
