"""A world in which both tenants have rows in every table."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from faxplan import (
    accepting,
    api_keys,
    api_rate,
    api_requests,
    audit_tree,
    brand_provisioning,
    caller_ids,
    campaign_files,
    campaign_uploads,
    campaigns,
    contact_groups,
    contact_imports,
    contacts,
    cover_provisioning,
    destinations,
    did_callers,
    dids,
    do_not_fax,
    documents,
    drafts,
    forwarding,
    holds,
    identity_providers,
    inbound,
    invitations,
    keyring,
    labels,
    login,
    mail_access,
    mail_accounts,
    mail_templates,
    mailbox_mail,
    mails_in,
    membership,
    outbound,
    quotas,
    reports,
    retention,
    sessions,
    signing_keys,
    t30_trace,
    trunk_tests,
    users,
    vault,
    webhooks,
    wraps,
)
from faxplan.accepting import Accepted, IncomingCall
from faxplan.api_keys import Scope
from faxplan.call_result import CallResult
from faxplan.campaign_pace import Pace
from faxplan.contact_files import Reading
from faxplan.contacts import Entry
from faxplan.covers import Wanted
from faxplan.db import Transaction
from faxplan.destinations import Offered
from faxplan.documents import StoredObject
from faxplan.identity_providers import Identity, Provider
from faxplan.login import Whence
from faxplan.lookups import Caller
from faxplan.mail_accounts import Account
from faxplan.mail_templates import MailTemplate
from faxplan.originals import HandedIn
from faxplan.outbound import SendRequest
from faxplan.pending import Pending
from faxplan.recipients import Recipients
from faxplan.web_client import WebClient
from faxplan.webhooks import Event
from tests.faxes import NODE, invite
from tests.forks import forks
from tests.passwords import derived_once
from tests.past_the_gate import connected, tenant_tables
from tests.world import Office, World

__all__ = ["derived_once", "forks"]


def submit(world: World, office: Office, letter: Path) -> int:
    request = SendRequest("+493023125009", letter, "letter.txt")
    return outbound.submit(world.portal, world.store, office.user, request).fax_id


def _submit_with_cover(world: World, office: Office, letter: Path) -> None:
    draft = drafts.make(world.portal, world.store, office.user, HandedIn(letter, "letter.txt"))
    to = Recipients(["+493023125009"], cover=Wanted(message="A message."))
    drafts.send(world.portal, world.store, office.user, draft.id, to)


def live(world: World, office: Office, folder: Path) -> None:
    """Something of this tenant in every table."""
    letter = folder / "letter.txt"
    letter.write_text(f"A letter of {office.tenant.name}.\n")

    with world.admin.tenant(office.tenant.id) as tx:
        for user_id in (None, office.user.id):
            quotas.set_limit(tx, office.tenant.id, period="day", pages=100, user_id=user_id)
        caller_ids.verify(tx, office.tenant.id, f"{office.did}99", "an invoice of its carrier")
        tx.execute(
            "insert into sending_hours (tenant_id, weekday, opens, closes) values (%s, 1, '00:00', '24:00')",
            (office.tenant.id,),
        )
        did_callers.add(tx, office.tenant.id, office.did, "+1", did_callers.BLOCK)
        do_not_fax.add(tx, office.tenant.id, "+493023125998", "asked for it", "test")
        holds.place(tx, office.tenant.id, mailbox_id=None, fax_id=None, reason="a lawsuit", set_by="test")
    with world.purge.tenant(office.tenant.id) as tx:
        tx.execute("insert into tombstones (tenant_id, object_name) values (%s, %s)", (office.tenant.id, office.did))
    with world.portal.tenant(office.tenant.id) as tx:
        retention.choose(tx, office.tenant.id, 365, None, None)
    with world.portal.tenant(office.tenant.id) as tx:
        # An API reader of the user's mailbox, as if let in by that user.
        reader = tx.value(
            "insert into user_keys (tenant_id, kind, name, public_key) values (%s, 'reader', 'test', %s) returning id",
            (office.tenant.id, wraps.new_key_pair().public.raw),
        )
        tx.execute(
            "insert into reader_mailboxes (tenant_id, mailbox_id, user_key_id, added_by) values (%s, %s, %s, %s)",
            (office.tenant.id, office.user.mailbox_id, reader, office.user.id),
        )
    with world.switch.tenant(office.tenant.id) as tx:
        dids.count_refusal(tx, dids.find(tx, [office.did])[office.did], dids.BY_CALLER)
    with world.portal.tenant(office.tenant.id) as tx:
        destinations.put(tx, office.tenant.id, "+493099", Offered(t38=False, v17=True, ecm=True), entered_by="test")
    with world.switch.across_tenants() as tx:
        tx.execute(
            "insert into tenant_turns (tenant_id, served_at, hour, calls) values (%s, now(), now(), 1)",
            (office.tenant.id,),
        )
    trunk_tests.submit(world.portal, world.store, office.user, "carrier", "+493023125009")
    submit(world, office, letter)
    _submit_with_cover(world, office, letter)
    world.render_all()
    outbound.cancel(world.portal, office.user, submit(world, office, letter))
    pending = Pending(world.settings.pending, world.store.confinement)
    pending.prepare()
    arrived = 0
    for number in range(2):
        call = IncomingCall(f"{office.tenant.slug}-{number}", "127.0.0.1", invite(office.did, "+493099"))
        accepted = accepting.accept(world.switch, world.spool, call, NODE, Caller())
        assert isinstance(accepted, Accepted)
        if number == 0:
            world.copy_out(_a_rendering(world, office), world.spool.inbound_tiff(accepted.sidecar.attempt_id))
            result = CallResult("NORMAL_CLEARING", fax_success=True, pages=1)
            sidecar = replace(accepted.sidecar, t30_trace=t30_trace.ALL)
            folder = world.spool.inbound_trace(sidecar.attempt_id)
            folder.mkdir()
            (folder / "fax-1.log").write_text(f"FLOW T.30 of {office.tenant.slug}\n")
            received = pending.secure(world.spool, sidecar, result)
            assert inbound.deliver(world.switch, world.store, received, actor="test") == "received"
            arrived = accepted.sidecar.fax_id
    with world.admin.tenant(office.tenant.id) as tx:
        other = users.create(tx, office.tenant.id, email=f"other@{office.tenant.slug}.example", name="Another")
        assert other.mailbox_id is not None
        membership.join(tx, office.tenant.id, other.mailbox_id, office.user)
    forwarding.hand_on(world.portal, office.user, world.ring(office), arrived, other.email, forwarding.forward)
    labels.put_on(world.portal, office.user, "test", [arrived], "Invoice")


def _log_ins(tx: Transaction, office: Office) -> None:
    """What there is beside a password."""
    ids = (office.tenant.id, office.user.id)
    tx.execute(
        "insert into second_factors (tenant_id, user_id, sealed, last_step) values (%s, %s, %s, 0)", (*ids, bytes(48))
    )
    tx.execute(
        """insert into passkeys (tenant_id, user_id, credential_id, public_key, sign_count, name)
           values (%s, %s, 'id', 'key', 0, 'laptop')""",
        ids,
    )
    tx.execute("insert into known_browsers (tenant_id, user_id, token_hash) values (%s, %s, %s)", (*ids, bytes(32)))
    tx.execute(
        "insert into spent_challenges (tenant_id, hash, expires_at) values (%s, %s, now() + interval '1 minute')",
        (office.tenant.id, bytes(32)),
    )


def _a_rendering(world: World, office: Office) -> StoredObject:
    with world.portal.tenant(office.tenant.id) as tx:
        document = tx.value("select id from documents where kind = 'rendering' order by id desc limit 1")
        return documents.get(tx, office.tenant.id, document)


def _programs_and_campaigns(world: World, office: Office, fax_id: int) -> None:
    with world.portal.tenant(office.tenant.id) as tx:
        _secret, key = api_keys.make(tx, office.user, "a program", [Scope.FAXES_READ], None, actor="test")
        api_rate.count(tx, office.tenant.id, key.id, 1)
    api_requests.begin(world.portal, office.tenant.id, key.id, "once", bytes(32))
    with world.portal.tenant(office.tenant.id) as tx:
        draft = drafts.of_user(tx, office.user)[0]
        campaign = campaigns.make(tx, office.user, "News", draft.id, Pace(), actor="test")
        campaign_uploads.begin(tx, office.user, campaign.id, "more.csv", b"Fax\n+493023125008\n")
        campaign_files.bring(tx, office.user, campaign.id, b"Fax\n+493023125009\n", Reading())
        tx.execute(
            """insert into campaign_tests (tenant_id, campaign_id, user_id, number, fax_id)
               values (%s, %s, %s, '+493023125009', %s)""",
            (office.tenant.id, campaign.id, office.user.id, fax_id),
        )
        tx.execute(
            """insert into campaign_recipients (tenant_id, campaign_id, line, written, number, state, fax_id)
               values (%s, %s, 1, '', '+493023125009', 'released', %s)""",
            (office.tenant.id, campaign.id, fax_id),
        )


@pytest.fixture
def inhabited(world: World, tmp_path: Path) -> World:
    """Both tenants have rows in every table of theirs; the backup role, which sees past policies, confirms it."""
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            webhooks.make(
                tx, office.user, "https://shop.example/", list(Event), WebClient(), own_only=True, actor="test"
            )
        live(world, office, tmp_path)
    for office in (world.acme, world.borea):
        # Last, since a worker renders for all: these wait for one.
        submit(world, office, tmp_path / "letter.txt")
        drafts.make(world.portal, world.store, office.user, HandedIn(tmp_path / "letter.txt", "letter.txt"))
        with world.portal.tenant(office.tenant.id) as tx:
            sessions.begin(tx, office.user, authenticated=login.PASSWORD, address="192.0.2.1", agent="")
            invitations.make(tx, office.user, actor="test")
            _log_ins(tx, office)
        mailbox_mail.add(
            world.portal, office.user, office.user.mailbox_id or 0, "two@x.example", shown=True, actor="test"
        )
        with world.admin.tenant(office.tenant.id) as tx:
            mail_access.add_address(tx, office.user, f"more@{office.tenant.slug}.example", actor="test")
            mail_access.new_token(tx, office.user, actor="test")
            mail_access.new_pin(tx, office.user, actor="test")
        with world.portal.tenant(office.tenant.id) as tx:
            fax_id = tx.value("select max(id) from faxes where direction = 'outbound'")
            mails_in.note(tx, office.user, bytes(32), fax_id, message_id="1@x.example", answer_to=office.user.email)
        _programs_and_campaigns(world, office, fax_id)
        brand_provisioning.change(world.admin, "x", office.tenant.slug, {"name": "A brand"})
        cover_provisioning.put(world.admin, "x", office.tenant.slug, "Letter", "{{ message }}", "")
        brand_provisioning.add_host(
            world.admin, "x", office.tenant.slug, f"fax.{office.tenant.slug}.example", "fax.example"
        )
        with pytest.raises(login.WrongLogin):
            login.log_in(world.portal, office.tenant.id, "nobody@x.example", bytes(32), Whence("192.0.2.1", ""))
        reports.refresh(world.portal, office.tenant, datetime.now(UTC))
        with world.portal.tenant(office.tenant.id) as tx:
            tx.execute("insert into report_people values (%s, now(), %s, '', 1, 1)", (office.tenant.id, office.user.id))
            contact = contacts.add(tx, office.user, Entry("Ann", "", "+493023125009"), shared=True)
            group = contact_groups.add(tx, office.user, "Customers", shared=True)
            contact_groups.put(tx, office.user, group.id, [contact.id])
            contact_imports.begin(tx, office.user, "contacts.csv", b"Name,Number\n")
            # As one that stayed behind where a fax was moved away.
            tx.execute("update faxes set left_by = copy_of where copy_of is not null")
            said = Identity("https://id.example", "7", office.user.email)
            _token, shut = sessions.begin(
                tx, office.user, authenticated=login.SIGN_ON, address="", agent="", is_shut=True, said=said
            )
            identity_providers.link(tx, office.tenant.id, shut.id)
        with world.admin.tenant(office.tenant.id) as tx:
            account = Account("smtp.example.com", 587, "starttls", "fax@x.example", "fax@x.example", "password")
            mail_accounts.put(tx, office.tenant.id, account)
            signing_keys.make(tx, office.tenant.id, "x.example", "fax")
            mail_templates.put(tx, office.tenant.id, MailTemplate("received", "en", "A fax", "{{ link }}"))
            identity_providers.put(tx, office.tenant.id, Provider("https://id.example", "faxes"))
        # An epoch that nothing refers to.
        with world.portal.tenant(office.tenant.id) as tx:
            vault.begin_epoch(tx, office.tenant.id, office.user.mailbox_id or 0, 2, keyring.new_epoch({})[0])
    audit_tree.grow(world.admin, lambda _: None)
    ids = {world.acme.tenant.id, world.borea.tenant.id}
    with connected(world.installation, "faxplan_backup") as cursor:
        for table in tenant_tables(world.installation):
            cursor.execute(f"select distinct tenant_id from {table}")
            assert {row[0] for row in cursor.fetchall()} >= ids, f"{table} is empty: nothing below would be shown"
    return world
