"""What people may do, as which numbers they call, and whom a fax is charged to."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from faxplan import (
    accepting,
    caller_ids,
    cdr,
    contact_groups,
    contact_imports,
    contact_names,
    contacts,
    deletion,
    did_provisioning,
    dids,
    doctor_enrolment,
    drafts,
    forwarding,
    history,
    labels,
    listings,
    mailboxes,
    outbound,
    permissions,
    provisioning,
    resending,
    users,
    vault,
    viewing,
)
from faxplan.accepting import Accepted, IncomingCall, Refused
from faxplan.billing_codes import NoBillingCode
from faxplan.caller_ids import ForeignCallerId
from faxplan.cdr import Period
from faxplan.constraints import ConstraintViolated
from faxplan.contact_files import Reading
from faxplan.contacts import Entry, Wanted
from faxplan.db import Transaction
from faxplan.errors import Forbidden, NotFound
from faxplan.lookups import Caller
from faxplan.mailboxes import MayNotReceive
from faxplan.originals import HandedIn
from faxplan.outbound import SendRequest
from faxplan.permissions import EVERYTHING, Permission
from faxplan.recipients import Recipients
from faxplan.resending import ResendRequest
from tests.faxes import NODE, invite
from tests.retained import count, execute, received, sent
from tests.world import World

NUMBER, SECOND, ELSEWHERE = "+493023125001", "+493023125077", "+4989123456"


def may(world: World, *, tenant: list[str] | None = None, user: list[str] | None = None) -> None:
    if tenant is not None:
        with world.admin.across_tenants() as tx:
            tx.execute("update tenants set permissions = %s where slug = 'acme'", (tenant,))
    if user is not None:
        change(world, permissions=user)


def change(world: World, **values: object) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, values)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.")
    return path


def send(world: World, letter: Path, **more: object) -> dict[str, object]:
    request = SendRequest("030 23125009", letter, "letter.txt", **more)  # type: ignore[arg-type]
    return world.fax(world.acme, outbound.submit(world.portal, world.store, world.acme.user, request).fax_id)


def of(world: World) -> frozenset[Permission]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return permissions.of(tx, world.acme.tenant.id, world.acme.user.id)


def test_a_user_may_what_the_tenant_may_and_was_not_taken_away(world: World) -> None:
    assert of(world) == frozenset(EVERYTHING)
    may(world, tenant=["send", "api"], user=["send", "contacts"])
    assert of(world) == {Permission.SEND}
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert permissions.has(tx, world.borea.tenant.id, world.borea.user.id, permissions.CONTACTS)
        with pytest.raises(NotFound):
            permissions.of(tx, world.borea.tenant.id, world.acme.user.id)


@pytest.mark.parametrize("whose", ["tenant", "user"])
def test_who_may_not_send_sends_by_no_way(world: World, letter: Path, whose: str) -> None:
    sent = send(world, letter)
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    outbound.cancel(world.portal, world.acme.user, int(str(sent["id"])))
    may(world, **{whose: ["receive"]})
    with pytest.raises(Forbidden, match="Send faxes"):
        send(world, letter)
    with pytest.raises(Forbidden):
        drafts.send(world.portal, world.store, world.acme.user, draft.id, Recipients(["030 23125009"]))
    with pytest.raises(Forbidden):
        resending.resend(world.portal, world.acme.user, world.ring(world.acme), ResendRequest(int(str(sent["id"]))))
    with pytest.raises(Forbidden):
        drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    assert (count(world, "faxes"), count(world, "drafts")) == (1, 1)


@pytest.mark.parametrize("whose", ["tenant", "user"])
def test_for_who_may_have_no_contacts_there_are_none(world: World, letter: Path, whose: str) -> None:
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        one = contacts.add(tx, user, Entry("Ann", "", "030 23125009"), shared=True)
        group = contact_groups.add(tx, user, "Customers", shared=True)
        contact_groups.put(tx, user, group.id, [one.id])
        brought = contact_imports.begin(tx, user, "a.csv", b"Name,Fax\nBob,030 23125008\n")
        assert contact_names.names_of(tx, user, [one.number]) == {one.number: "Ann"}
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
    may(world, **{whose: ["send"]})
    acts: list[Callable[[Transaction], object]] = [
        lambda tx: contacts.find(tx, user, Wanted(), limit=9),
        lambda tx: list(contacts.all_of(tx, user, Wanted())),
        lambda tx: contacts.get(tx, user, one.id),
        lambda tx: contacts.some(tx, user, [one.id]),
        lambda tx: contacts.add(tx, user, Entry("Bob", "", "030 23125008"), shared=False),
        lambda tx: contacts.change(tx, user, one.id, one.entry, shared=False),
        lambda tx: contacts.remove(tx, user, one.id),
        lambda tx: contact_groups.of_user(tx, user),
        lambda tx: contact_groups.beginning(tx, user, "Cust"),
        lambda tx: contact_groups.of_contact(tx, user, one.id),
        lambda tx: contact_groups.get(tx, user, group.id),
        lambda tx: contact_groups.named(tx, user, "Customers"),
        lambda tx: contact_groups.add(tx, user, "More", shared=False),
        lambda tx: contact_groups.rename(tx, user, group.id, "Others"),
        lambda tx: contact_groups.remove(tx, user, group.id),
        lambda tx: contact_groups.put(tx, user, group.id, [one.id]),
        lambda tx: contact_groups.take(tx, user, group.id, [one.id]),
        lambda tx: contact_groups.chosen(tx, user, [one.id], []),
        lambda tx: contact_imports.begin(tx, user, "a.csv", b"Name,Fax\n"),
        lambda tx: contact_imports.get(tx, user, brought.id),
        lambda tx: contact_imports.take(tx, user, brought.id, Reading(), shared=False),
        lambda tx: contact_imports.take_at_once(tx, user, b"Name,Fax\nBob,030 23125008\n", Reading(), shared=False),
    ]
    for act in acts:
        with pytest.raises(Forbidden, match="Contacts"), world.portal.tenant(user.tenant_id) as tx:
            act(tx)
    for to in (Recipients(["030 23125001"], contacts=[one.id]), Recipients([], groups=[group.id])):
        with pytest.raises(Forbidden, match="Contacts"):
            drafts.send(world.portal, world.store, user, draft.id, to)
    # Lists, which are not of contacts, have no names then, and a search finds none.
    with world.portal.tenant(user.tenant_id) as tx:
        assert contact_names.names_of(tx, user, [one.number]) == {}
        assert contacts.numbers_of(tx, user, "Ann") == []
    assert (count(world, "contacts"), count(world, "contact_groups"), count(world, "faxes")) == (1, 1, 0)


def test_what_comes_in_for_a_tenant_that_may_not_receive_is_not_taken(world: World) -> None:
    with world.switch.across_tenants() as tx:
        assert dids.find(tx, [NUMBER])[NUMBER].enabled
    may(world, tenant=["send"])
    with world.switch.across_tenants() as tx:
        assert not dids.find(tx, [NUMBER])[NUMBER].enabled
        assert dids.find(tx, [world.borea.did])[world.borea.did].enabled


def asked_for(world: World) -> Accepted | Refused:
    """Somebody calls acme's number."""
    call = IncomingCall("a-call", "127.0.0.1", invite(world.acme.did, ELSEWHERE))
    return accepting.accept(world.switch, world.spool, call, NODE, Caller())


def test_to_the_mailbox_of_who_may_not_receive_no_number_leads_and_no_call_comes(world: World) -> None:
    """As of a tenant that may not: nobody could look at what came."""
    slug, name = "acme", world.acme.user.email
    with world.admin.tenant(world.acme.tenant.id) as tx:
        mailboxes.create_group(tx, world.acme.tenant.id, "Office")
    may(world, user=["send"])
    assert asked_for(world) == Refused(
        "UNALLOCATED_NUMBER", "+493023125001 leads to the mailbox of a user who may not receive"
    )
    with pytest.raises(MayNotReceive, match="may read no faxes"):
        did_provisioning.change(world.admin, "test", slug, NUMBER, {}, mailbox=name)
    with pytest.raises(MayNotReceive):
        did_provisioning.add(world.admin, "test", slug, "+493023125003", mailbox=name, station_ident="")
    with world.admin.across_tenants() as tx:
        (finding,) = [each for each in doctor_enrolment.enrolment(tx) if "404" in each.found]
    assert NUMBER in finding.found.replace(" ", "")
    # Elsewhere, it is taken.
    did_provisioning.change(world.admin, "test", slug, NUMBER, {}, mailbox="Office")
    may(world, user=["send", "receive"])
    did_provisioning.change(world.admin, "test", slug, NUMBER, {}, mailbox=name)
    assert isinstance(asked_for(world), Accepted)
    assert [each["receives"] for each in provisioning.all_dids(world.admin, slug)] == [True]


def test_an_administrator_who_may_not_receive_stands_in_for_nobody(world: World) -> None:
    change(world, role="administrator")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert vault.administrators_mailbox(tx, world.acme.tenant.id) == world.acme.user.mailbox_id
    may(world, user=["send"])
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert vault.administrators_mailbox(tx, world.acme.tenant.id) is None


@pytest.mark.parametrize("whose", ["tenant", "user"])
def test_who_may_not_receive_sees_nothing_that_came_in_before(world: World, whose: str) -> None:
    user, tenant_id = world.acme.user, world.acme.tenant.id
    fax = received(world, world.acme, "a")
    out = sent(world, world.acme)
    labels.put_on(world.portal, user, "user:1", [fax], "Layoffs")
    labels.put_on(world.portal, user, "user:1", [out], "Offers")

    def seen() -> tuple[object, ...]:
        with world.portal.tenant(tenant_id) as tx:
            return (
                [each.id for each in history.faxes(tx, user)],
                [place[1] for place in listings.part(tx, user, listings.INBOX, limit=9).places],
                listings.seen(tx, user, [fax, out]),
                [each.id for each in listings.read_mailboxes(tx, user)],
                [each.fax_id for each in mailboxes.entries(tx, tenant_id, user.id)],
                [each.name for each in labels.seen_by(tx, user)],
                labels.named(tx, user, "layoffs") is not None,
            )

    assert seen() == ([out, fax], [fax], [fax, out], [user.mailbox_id], [fax], ["Layoffs", "Offers"], True)
    may(world, **{whose: ["send"]})
    assert seen() == ([out], [], [out], [], [], ["Offers"], False)
    assert mailboxes.mark(world.portal, user, "user:1", [fax], read=True) == []
    for act in (
        lambda: viewing.of_fax(world.portal, user, fax, address=""),
        lambda: viewing.stored(world.portal, user, fax, "tiff"),
        lambda: deletion.delete(world.portal, user, fax),
        lambda: forwarding.offer_to(world.portal, user, fax, user.mailbox_id or 0),
    ):
        with pytest.raises(NotFound):
            act()
    may(world, **{whose: ["send", "receive"]})
    assert viewing.of_fax(world.portal, user, fax, address="")


@pytest.mark.parametrize("table", ["tenants", "users"])
def test_there_are_no_other_permissions(world: World, table: str) -> None:
    with pytest.raises(ConstraintViolated), world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute(f"update {table} set permissions = '{{send,everything}}'")


# ---------------------------------------------------------------------------------------------------------- caller ids


@pytest.fixture
def second(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.assign(tx, world.acme.tenant.id, SECOND, world.acme.user.mailbox_id or 0)
        caller_ids.verify(tx, world.acme.tenant.id, ELSEWHERE, "an invoice")


@pytest.mark.usefixtures("second")
def test_a_fax_calls_as_its_users_number(world: World, letter: Path) -> None:
    assert send(world, letter)["calling_number"] == NUMBER
    change(world, caller_id=SECOND)
    assert send(world, letter)["calling_number"] == SECOND
    assert send(world, letter, calling="089 123456")["calling_number"] == ELSEWHERE
    # One that is the tenant's no more is nobody's.
    execute(world, "delete from dids where number = %s", (SECOND,))
    assert send(world, letter)["calling_number"] == NUMBER


@pytest.mark.usefixtures("second")
def test_nobody_calls_as_a_number_that_is_not_permitted(world: World, letter: Path) -> None:
    change(world, caller_ids=[SECOND, ELSEWHERE])
    assert send(world, letter)["calling_number"] == SECOND
    assert send(world, letter, calling="089 123456")["calling_number"] == ELSEWHERE
    with pytest.raises(ForeignCallerId, match="You may not call as"):
        send(world, letter, calling=NUMBER)
    change(world, caller_id=ELSEWHERE)
    assert send(world, letter)["calling_number"] == ELSEWHERE
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert caller_ids.usable(tx, world.acme.tenant.id, world.acme.user.id) == [ELSEWHERE, SECOND]
    # A default that is not among them is none.
    change(world, caller_id=NUMBER)
    assert send(world, letter)["calling_number"] == SECOND


@pytest.mark.usefixtures("second")
def test_who_may_call_as_what_is_gone_calls_as_nothing(world: World, letter: Path) -> None:
    change(world, caller_ids=[SECOND])
    execute(world, "delete from dids where number = %s", (SECOND,))
    for calling in (None, ELSEWHERE):
        with pytest.raises(ForeignCallerId, match="any more"):
            send(world, letter, calling=calling)


@pytest.mark.parametrize("value", ["+49 30", "030", None, "", "+0123"])
def test_a_caller_id_is_e164(world: World, value: str | None) -> None:
    with pytest.raises(ConstraintViolated, match=r"E\.164"):
        change(world, caller_ids=[value])


# ------------------------------------------------------------------------------------------------------- billing codes


def wants(world: World, what: str) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set billing_codes = %s where slug = 'acme'", (what,))


def test_a_fax_says_whom_it_is_charged_to_where_the_tenant_asks(world: World, letter: Path) -> None:
    assert send(world, letter, billing_code="A 17")["billing_code"] == ""
    wants(world, "optional")
    assert send(world, letter)["billing_code"] == ""
    assert send(world, letter, billing_code="  A\t17 ")["billing_code"] == "A 17"
    wants(world, "required")
    with pytest.raises(NoBillingCode, match="charged to"):
        send(world, letter, billing_code=" ")
    for wrong in ("x" * 41, "a\x1bb", "a\u202eb"):
        with pytest.raises(NoBillingCode, match="at most 40"):
            send(world, letter, billing_code=wrong)
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    with pytest.raises(NoBillingCode):
        drafts.send(world.portal, world.store, world.acme.user, draft.id, Recipients(["030 23125009"]))
    (one,) = drafts.send(
        world.portal, world.store, world.acme.user, draft.id, Recipients(["030 23125009"], billing_code="B")
    )
    assert world.fax(world.acme, one.fax_id)["billing_code"] == "B"


def test_one_that_is_sent_again_is_charged_as_before(world: World, letter: Path) -> None:
    wants(world, "required")
    first = int(str(send(world, letter, billing_code="A")["id"]))
    outbound.cancel(world.portal, world.acme.user, first)
    ring = world.ring(world.acme)
    again = resending.resend(world.portal, world.acme.user, ring, ResendRequest(first))
    assert world.fax(world.acme, again.fax_id)["billing_code"] == "A"
    outbound.cancel(world.portal, world.acme.user, again.fax_id)
    other = resending.resend(world.portal, world.acme.user, ring, ResendRequest(first, billing_code="B"))
    assert world.fax(world.acme, other.fax_id)["billing_code"] == "B"


def test_the_record_of_a_call_says_it(world: World, letter: Path) -> None:
    wants(world, "optional")
    fax = int(str(send(world, letter, billing_code="=A 17")["id"]))
    execute(
        world,
        """insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, pages, started_at)
           values (%s, %s, 1, 'n', gen_random_uuid(), 0, 0, now())""",
        (world.acme.tenant.id, fax),
    )
    with world.admin.tenant(world.acme.tenant.id) as tx, pytest.raises(Exception, match="permission denied"):
        list(cdr.records(tx, world.acme.tenant.id, Period(), world.acme.tenant.zone, withheld=False))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (row,) = cdr.records(tx, world.acme.tenant.id, Period(), world.acme.tenant.zone, withheld=False)
    assert row["billing_code"] == "=A 17"
    assert cdr.csv_cells(row)[-1] == "'=A 17"
    assert json.loads(json.dumps({name: cdr.plain(value) for name, value in row.items()}))["billing_code"] == "=A 17"
