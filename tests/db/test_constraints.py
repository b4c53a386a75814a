"""Every rule of schema.sql has a name, and whoever can break one is told in words what it asks for."""

import re
from datetime import UTC
from pathlib import Path

import pytest
from psycopg2.errors import CheckViolation

from faxplan import tenants, time_zones
from faxplan.constraints import CONSTRAINT_MESSAGES, ConstraintViolated
from faxplan.db import ValueRefused
from tests.installations import Installation
from tests.past_the_gate import connected
from tests.world import World

SCHEMA = (Path(__file__).parents[2] / "schema.sql").read_text(encoding="utf-8")

FOUND_BEFORE = "the id comes from a look-up by name in the same transaction, which says what it did not find"
OURS = "Faxplan writes these values itself"
NEW_ID = "the id is generated"

# Tables whose rows no person writes values for.
MACHINES_OWN = {
    "schema_migration": "written by migrations",
    "logins": "a copy of users, whose rules are looked at first",
    "nodes": "written by the switch's runtime",
    "trunk_states": OURS,
    "node_trunks": OURS,
    "trunk_holders": OURS,
    "did_refusals": OURS,
    "t30_traces": OURS,
    "routing_version": OURS,
    "tenant_turns": OURS,
    "destinations": "of a user's own only a number, which is normalised first",
    "drafts": OURS,
    "sessions": OURS,
    "login_tries": OURS,
    "login_secret": OURS,
    "report_days": OURS,
    "report_hours": OURS,
    "report_people": OURS,
    "report_states": OURS,
    "counters": OURS,
    "uncounted": OURS,
    "contact_words": OURS,
    "contact_imports": "its size is asked first",
    "invitations": OURS,
    "second_factors": OURS,
    "spent_challenges": OURS,
    "known_browsers": OURS,
    "documents": "written once a document has been inspected; of a user's own only the file name, which has no rule",
    "renderings": "written for a document that was just stored",
    "render_jobs": OURS,
    "fax_deadlines": OURS,
    "fax_queue": OURS,
    "attempts": OURS,
    "calls": OURS,
    "configuration_faults": OURS,
    "mailbox_entries": OURS,
    "outbox": "written by a trigger",
    "mail_tokens": OURS,
    "mail_pins": OURS,
    "mails_in": OURS,
    "listings": "written by triggers",
    "webhook_secrets": OURS,
    "webhook_deliveries": "written by a trigger",
    "api_use": OURS,
    "campaign_files": OURS,
    "campaign_recipients": "each line is judged first",
    "campaign_uploads": OURS,
    "api_requests": "api_requests.begin looks at the key first",
    "fax_labels": OURS,
    "mailbox_epochs": OURS,
    "mailbox_keys": OURS,
    "mailbox_wraps": OURS,
    "sealed_mailboxes": OURS,
    "transient_keys": OURS,
    "transient_wraps": OURS,
    "notices": OURS,
    "tombstones": OURS,
    "purge_state": OURS,
    "audit": OURS,
    "audit_heads": OURS,
    "audit_leaves": OURS,
    "audit_tree": OURS,
}
# In the other tables: rules that no input reaches.
NOT_BY_INPUT = {
    "tenants_pkey": NEW_ID,
    "tenants_time_zone_known": "it raises an error of its own; tenants asks first",
    "tenants_permitted_kinds_known": "chosen by name from those that there are",
    "tenants_number_lists_form": "number_policy.entry is stricter",
    "tenants_permissions_known": "chosen from those that there are",
    "users_permissions_known": "chosen from those that there are",
    "faxes_billing_code_form": "billing_codes.checked is stricter",
    "users_pkey": NEW_ID,
    "campaigns_pkey": NEW_ID,
    "campaigns_user_fkey": FOUND_BEFORE,
    "campaigns_cover_fkey": OURS,
    "campaigns_has_pages": OURS,
    "campaigns_code_form": OURS,
    "tenants_opt_out_notice_length": "opt_out.check is stricter",
    "campaign_tests_pkey": NEW_ID,
    "campaign_tests_campaign_fkey": FOUND_BEFORE,
    "campaign_tests_user_fkey": FOUND_BEFORE,
    "campaign_tests_recipient_fkey": FOUND_BEFORE,
    "campaign_tests_fax_fkey": OURS,
    "campaigns_draft_fkey": FOUND_BEFORE,
    "campaigns_rendering_fkey": FOUND_BEFORE,
    "campaigns_name_form": "campaigns.make is stricter",
    "campaigns_state_known": OURS,
    "campaigns_ended": OURS,
    "campaigns_pace_range": "campaigns.make is stricter",
    "campaigns_weekdays_form": "campaigns.make is stricter",
    "campaigns_tries_range": "campaigns.make is stricter",
    "campaigns_delays_range": "campaigns.make is stricter",
    "campaigns_purged": OURS,
    "api_keys_pkey": NEW_ID,
    "api_keys_user_fkey": FOUND_BEFORE,
    "api_keys_digest_key": OURS,
    "api_keys_digest_size": OURS,
    "api_keys_name_form": "api_keys.make is stricter",
    "api_keys_scopes_form": "chosen from those that there are",
    "webhook_endpoints_pkey": NEW_ID,
    "webhook_endpoints_made_by_fkey": FOUND_BEFORE,
    "webhook_endpoints_address_form": "web_client.check is stricter",
    "webhook_endpoints_description_form": "webhooks.make is stricter",
    "webhook_endpoints_types_known": "chosen from those that there are",
    "webhook_endpoints_off_because_known": OURS,
    "webhook_endpoints_failing": OURS,
    "webhook_endpoints_lease": OURS,
    "users_tenant_fkey": FOUND_BEFORE,
    "users_mailbox_fkey": "the personal mailbox is made with the user",
    "brands_pkey": "a brand that exists is changed (on conflict)",
    "brands_tenant_fkey": FOUND_BEFORE,
    "brands_picture_sizes": "brands.picture is stricter",
    "brand_hosts_tenant_fkey": FOUND_BEFORE,
    "cover_templates_pkey": NEW_ID,
    "cover_templates_tenant_fkey": FOUND_BEFORE,
    "mailboxes_pkey": NEW_ID,
    "mailboxes_tenant_fkey": FOUND_BEFORE,
    "mailboxes_kind_known": OURS,
    "mailboxes_mail_set_by_fkey": FOUND_BEFORE,
    "mailbox_members_pkey": "who reads a mailbox already is passed over (on conflict)",
    "mailbox_members_mailbox_fkey": FOUND_BEFORE,
    "mailbox_members_user_fkey": FOUND_BEFORE,
    "dids_tenant_fkey": FOUND_BEFORE,
    "dids_mailbox_fkey": FOUND_BEFORE,
    "verified_numbers_tenant_fkey": FOUND_BEFORE,
    "did_callers_did_fkey": FOUND_BEFORE,
    "do_not_fax_pkey": "a number that is on the list is passed over (on conflict)",
    "do_not_fax_tenant_fkey": FOUND_BEFORE,
    "do_not_fax_number_form": "numbers.normalise gives E.164, or says what is wrong",
    "trunk_tests_pkey": "the id is that of a new fax",
    "trunk_tests_fax_fkey": OURS,
    "sending_hours_pkey": NEW_ID,
    "sending_hours_tenant_fkey": FOUND_BEFORE,
    "sending_hours_priority_known": "chosen by name from those that there are",
    "trunks_pkey": NEW_ID,
    "trunks_dedicated_to_fkey": FOUND_BEFORE,
    "routes_pkey": NEW_ID,
    "routes_only_for_fkey": FOUND_BEFORE,
    "failure_rules_pkey": NEW_ID,
    "failure_rules_only_for_fkey": FOUND_BEFORE,
    "failure_rules_trunk_fkey": FOUND_BEFORE,
    "failure_rules_entry_key": "a change that exists is changed (on conflict)",
    "failure_rules_condition_form": "failure_changes.check_condition is stricter",
    "failure_rules_downgrade_known": "chosen by name from those that there are",
    "failure_rules_action_known": "chosen by name from those that there are",
    "passkeys_pkey": NEW_ID,
    "passkeys_user_fkey": FOUND_BEFORE,
    "passkeys_sizes": "webauthn.py takes what the passkey made, which was looked at first",
    "faxes_pkey": NEW_ID,
    "faxes_tenant_fkey": FOUND_BEFORE,
    "faxes_user_fkey": FOUND_BEFORE,
    "faxes_mailbox_fkey": FOUND_BEFORE,
    "faxes_rendering_fkey": OURS,
    "faxes_tiff_fkey": OURS,
    "faxes_cover_fkey": OURS,
    "faxes_cover_pages_fkey": OURS,
    "faxes_cover_images_fkey": OURS,
    "faxes_cover_sent": OURS,
    "faxes_cover_drawn": OURS,
    "faxes_pdf_fkey": OURS,
    "faxes_direction_known": OURS,
    "faxes_state_known": OURS,
    "faxes_finished": OURS,
    "faxes_called_number_form": "numbers.normalise gives E.164, or says what is wrong",
    "faxes_post_dial_form": "post_dial.split is stricter",
    "faxes_priority_known": "chosen by name from those that there are",
    "faxes_pages_done_range": OURS,
    "faxes_sent_whole": OURS,
    **dict.fromkeys(
        (
            "user_keys_user_fkey",
            "user_keys_public_key_key",
            "user_keys_public_key_size",
            "user_keys_public_key_sealable",
            "key_locks_user_key_fkey",
            "key_locks_kind_known",
            "key_locks_password_derived",
            "key_locks_cost_floor",
            "key_locks_sizes",
            "key_locks_passkey",
            "user_keys_kind_known",
            "user_keys_owner",
            "faxes_images_fkey",
            "faxes_thumbnail_fkey",
            "faxes_copy_of_fkey",
            "faxes_left_by_fkey",
            "faxes_left_copy",
            "faxes_forwarded_by_fkey",
            "faxes_forwarded_received",
            "faxes_copy_forwarded",
        ),
        OURS,
    ),
    "user_keys_pkey": NEW_ID,
    "key_locks_pkey": NEW_ID,
    "reader_mailboxes_pkey": "each mailbox is named once (reader_keys)",
    **dict.fromkeys(
        (
            "reader_mailboxes_mailbox_fkey",
            "reader_mailboxes_user_key_fkey",
            "reader_mailboxes_added_by_fkey",
        ),
        FOUND_BEFORE,
    ),
    "contacts_pkey": NEW_ID,
    "contacts_owner_fkey": OURS,
    "contacts_made_by_fkey": OURS,
    "contacts_number_form": "numbers.normalise gives E.164, or says what is wrong",
    "contacts_sort_key_length": OURS,
    "contact_groups_pkey": NEW_ID,
    "contact_groups_owner_fkey": OURS,
    "contact_groups_made_by_fkey": OURS,
    "contact_group_members_pkey": "who is in a group already is passed over (on conflict)",
    "contact_group_members_group_fkey": FOUND_BEFORE,
    "contact_group_members_contact_fkey": FOUND_BEFORE,
    "retention_bounds_pkey": NEW_ID,
    "retention_bounds_only_for_fkey": FOUND_BEFORE,
    "retention_bounds_entry_key": "bounds that exist are changed (on conflict)",
    "retention_choices_pkey": NEW_ID,
    "retention_choices_tenant_fkey": FOUND_BEFORE,
    "retention_choices_mailbox_fkey": FOUND_BEFORE,
    "retention_choices_entry_key": "a choice that exists is changed (on conflict)",
    "retention_choices_direction_known": "chosen by name from those that there are",
    "tenants_mail_body_known": "chosen by name from those that there are",
    "mail_senders_user_fkey": FOUND_BEFORE,
    "mail_senders_address_form": "mail_sender.address is stricter",
    "users_mail_results_known": "chosen by name from those that there are",
    "mailboxes_mail_mode_known": "chosen by name from those that there are",
    "mail_accounts_pkey": "an account that is there is changed (on conflict)",
    "mail_accounts_tenant_fkey": FOUND_BEFORE,
    "mail_accounts_security_known": "chosen by name from those that there are",
    "mail_accounts_host_form": "mail_provisioning looks first",
    "mail_accounts_log_in": "mail_provisioning looks first",
    "mail_signing_keys_pkey": "another key takes its place (on conflict)",
    "mail_signing_keys_tenant_fkey": FOUND_BEFORE,
    "mail_templates_pkey": "words that are there are changed (on conflict)",
    "mail_templates_tenant_fkey": FOUND_BEFORE,
    "mail_templates_kind_known": "chosen by name from those that there are",
    "mail_templates_language_form": "chosen by name from those that there are",
    "mailboxes_mail_format_known": "chosen by name from those that there are",
    "mailboxes_mail_password": "mailbox_mail looks first",
    "mail_recipients_pkey": NEW_ID,
    "mail_recipients_mailbox_fkey": FOUND_BEFORE,
    "mail_recipients_added_by_fkey": FOUND_BEFORE,
    "mail_recipients_address_key": "a recipient who is there is changed (on conflict)",
    "mail_recipients_address_form": "mail.is_address is stricter",
    "mail_recipients_sizes": "mail_certificates and mail_openpgp look first",
    "holds_pkey": NEW_ID,
    "holds_tenant_fkey": FOUND_BEFORE,
    "holds_mailbox_fkey": FOUND_BEFORE,
    "holds_fax_fkey": FOUND_BEFORE,
    "labels_pkey": NEW_ID,
    "labels_tenant_fkey": FOUND_BEFORE,
    "labels_key_key": "a label that exists is used (on conflict)",
    "labels_name_form": "labels.checked is stricter",
    "identity_providers_pkey": "one that exists is changed (on conflict)",
    "identity_providers_tenant_fkey": FOUND_BEFORE,
    "identities_pkey": "who is known already is found (on conflict)",
    "identities_tenant_fkey": FOUND_BEFORE,
    "identities_user_fkey": FOUND_BEFORE,
    "identities_user_key": "who it is already stays so (on conflict)",
    "identities_subject_form": "single_sign_on looks at it first",
    "quotas_pkey": NEW_ID,
    "quotas_tenant_fkey": FOUND_BEFORE,
    "quotas_user_fkey": FOUND_BEFORE,
    "quotas_entry_key": "a limit that exists is changed (on conflict)",
}


def constraints(installation: Installation) -> dict[str, str]:
    """Each rule's name, and its table. Without 'n': PostgreSQL 18 names each "not null" too."""
    with connected(installation, "postgres") as cursor:
        cursor.execute(
            """select conname, conrelid::regclass::text from pg_constraint
               where connamespace = 'public'::regnamespace and contype <> 'n' and conrelid <> 0"""
        )
        return dict(cursor.fetchall())


def test_every_constraint_has_a_name_of_ours(installation: Installation) -> None:
    given = set(re.findall(r"\bconstraint ([a-z_0-9]+)", SCHEMA))
    found = constraints(installation)
    assert len(found) > 80
    assert set(found) - given == set()


def test_every_rule_that_input_can_break_has_a_message(installation: Installation) -> None:
    found = constraints(installation)
    reached = {name for name, table in found.items() if table not in MACHINES_OWN}
    assert reached - set(NOT_BY_INPUT) == set(CONSTRAINT_MESSAGES)
    # No rule is in both lists, and none is there that is gone from the schema.
    assert set(NOT_BY_INPUT) <= reached
    assert not set(NOT_BY_INPUT) & set(CONSTRAINT_MESSAGES)
    assert set(MACHINES_OWN) <= set(found.values())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("transport", "pigeon"),
        ("called_format", "any"),
        ("calling_format", "any"),
        ("inbound_format", "roman"),
        ("inbound_calling_format", "roman"),
        ("called_prefix", "+49"),
        ("called_prefix", "12345678901"),
        ("inbound_prefix", "0 "),
        ("inbound_country", "de"),
        ("port", 65536),
        ("ping_seconds", 1),
        ("name", "two words"),
    ],
)
def test_a_value_that_a_trunk_cannot_have_is_answered_in_words(world: World, column: str, value: object) -> None:
    with pytest.raises(ConstraintViolated) as refused, world.admin.across_tenants() as tx:
        tx.execute(f"update trunks set {column} = %s", (value,))
    assert "rule" not in str(refused.value)


def test_no_tenant_has_a_time_zone_that_the_database_cannot_read(world: World) -> None:
    with pytest.raises(ValueRefused, match="time zone"), world.admin.across_tenants() as tx:
        tx.execute("update tenants set time_zone = 'Nowhere/Atall' where id = %s", (world.acme.tenant.id,))


def test_a_zone_that_python_alone_knows_is_refused_in_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_zones, "ZoneInfo", lambda _: UTC)
    with pytest.raises(time_zones.UnknownTimeZone, match="not an IANA time zone"), world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"time_zone": "Europe/Nowhere"})


@pytest.mark.parametrize("cheaper", ["memory_kib = 65535", "passes = 2", "lanes = 0"])
def test_no_password_is_locked_cheaply(world: World, cheaper: str) -> None:
    """Whoever could write the table would guess the next password that is given."""
    with (
        pytest.raises(CheckViolation, match="key_locks_cost_floor"),
        connected(world.installation, "faxplan_owner", world.acme.tenant.id) as cursor,
    ):
        cursor.execute(f"update key_locks set {cheaper} where kind = 'password'")
