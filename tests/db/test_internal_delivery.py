"""A fax to a DID of this installation, without a call: once, in two tenants, as a call would have brought it."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from faxplan import (
    caller_ids,
    claims,
    did_callers,
    dids,
    documents,
    header_line,
    internal_delivery,
    mail_readers,
    mailboxes,
    outbound,
    queue,
    quotas,
    received_copies,
    users,
)
from faxplan.db import Transaction
from faxplan.document_store import Store
from faxplan.errors import DatabaseUnavailable
from faxplan.key_folder import KeyFolder
from faxplan.object_folder import ObjectFolder
from faxplan.queue import InternalFax
from faxplan.tiff_directory import Data
from tests.db.test_inbound import DOCUMENTS
from tests.faxes import audited, claim, due_now, in_threads, noticed, queued
from tests.mailing import choose_mail, to_be_mailed
from tests.received_pages import assert_same_pages_below_the_header
from tests.routing import add_route, change
from tests.runtime import Runtime
from tests.world import Office, World


class Crash(BaseException):
    """Stands for the end of the process: nothing of ours runs after it."""


def pick(world: World, after: int = 0) -> InternalFax | None:
    with world.switch.across_tenants() as tx:
        return queue.pick_internal(tx, after=after)


def deliver(world: World, node: str = "node1") -> str | None:
    """Picks a fax that is due, and delivers it."""
    picked = pick(world)
    assert picked is not None
    return internal_delivery.deliver(world.switch, world.store, picked, node=node)


def inbox(world: World, office: Office) -> list[mailboxes.Entry]:
    with world.portal.tenant(office.tenant.id) as tx:
        return mailboxes.entries(tx, office.tenant.id, office.user.id)


def from_acme_to_borea(world: World, **values: Any) -> int:
    return queued(world, world.acme, number=world.borea.did, **values)


def objects(world: World) -> int:
    return sum(1 for path in world.store.root.rglob("*") if path.is_file() and len(path.name) == 32)


def nothing_waits(world: World) -> bool:
    with world.switch.across_tenants() as tx:
        return bool(tx.value("select (select count(*) from fax_queue) + (select count(*) from calls) = 0"))


def assert_delivered_once(world: World, fax_id: int, pages: int = 3) -> None:
    """Sent for its sender, and once in its receiver's mailbox; nothing left over anywhere."""
    sent = world.fax(world.acme, fax_id)
    assert (sent["state"], sent["pages_done"], sent["reserved_pages"]) == ("sent", sent["pages"], 0)
    (entry,) = inbox(world, world.borea)
    assert (entry.state, entry.pages, entry.called_number, entry.calling_number) == (
        "received",
        pages,
        world.borea.did,
        world.acme.did,
    )
    assert inbox(world, world.acme) == []
    assert noticed(world, world.acme) == ["sent"]
    assert noticed(world, world.borea) == ["received"]
    assert audited(world, world.acme) == ["fax.sent"]
    assert audited(world, world.borea) == ["fax.receive"]
    received = world.fax(world.borea, entry.fax_id)
    for column, magic in DOCUMENTS.items():
        with world.switch.tenant(world.borea.tenant.id) as tx:
            stored = documents.get(tx, world.borea.tenant.id, received[column])  # type: ignore[arg-type]
        assert world.opened(stored)[:4] == magic
    assert nothing_waits(world)


def test_both_sides_have_what_a_call_would_have_left(world: World, tmp_path: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=100)
    fax_id = from_acme_to_borea(world)
    assert deliver(world) == "sent"
    assert_delivered_once(world, fax_id)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)
    (sent,) = world.attempts(world.acme, fax_id)
    (entry,) = inbox(world, world.borea)
    (received,) = world.attempts(world.borea, entry.fax_id)
    common = {"internal": True, "trunk": None, "node": "node1", "pages": 3, "caller_id": world.acme.did, "number": 1}
    assert {name: sent[name] for name in common} == {name: received[name] for name in common} == common
    assert (sent["outcome"], received["outcome"]) == ("sent", "received")
    assert (sent["explanation"], received["explanation"]) == ("All 3 pages arrived.", "3 pages received.")
    assert (sent["remote_station_id"], received["remote_station_id"]) == (world.borea.did, world.acme.did)
    assert sent["channel_uuid"] != received["channel_uuid"]
    with world.admin.tenant(world.acme.tenant.id) as tx:
        (quota,) = quotas.of_tenant(tx, world.acme.tenant.id)
    assert (quota["used_pages"], quota["reserved_pages"]) == (3, 0)
    # The rendering, and the receiver's TIFF, PDF, page images and thumbnail.
    assert objects(world) == 5
    assert pick(world) is None


def test_a_mailbox_that_chose_mail_is_wrapped_to_the_worker_too(world: World) -> None:
    keys = KeyFolder(world.settings.mailer_keys)
    keys.prepare()
    mail_readers.renew(world.worker, keys, "node1")
    choose_mail(world, world.borea.user, mail=True)
    from_acme_to_borea(world)
    assert deliver(world) == "sent"
    waiting = to_be_mailed(world.worker)
    assert {tenant for tenant, _ in waiting} == {world.borea.tenant.id}
    for (tenant_id, document_id), magic in zip(waiting, (b"II*\0", b"%PDF"), strict=True):
        with mail_readers.opened(world.worker, world.store, keys, tenant_id, document_id) as reader:
            assert reader.read(4) == magic


def test_within_a_tenant_too(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert world.acme.user.mailbox_id is not None
        dids.assign(tx, world.acme.tenant.id, "+493023125003", world.acme.user.mailbox_id)
    fax_id = queued(world, world.acme, number="+493023125003")
    assert deliver(world) == "sent"
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    (entry,) = inbox(world, world.acme)
    assert (entry.called_number, entry.calling_number) == ("+493023125003", world.acme.did)


# ------------------------------------------------------------------------------------------------ which faxes these are


def test_a_fax_to_a_number_of_ours_waits_in_a_lane_of_its_own(world: World) -> None:
    inside, outside = from_acme_to_borea(world), queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        lanes = {row["fax_id"]: row["lane"] for row in tx.rows("select fax_id, lane from fax_queue")}
    assert ":internal " in lanes[inside]
    assert "internal" not in lanes[outside]


@pytest.mark.parametrize(("internal", "dialled"), [(True, 1), (False, 2)])
def test_only_where_it_is_switched_on_such_faxes_are_not_dialled(world: World, internal: bool, dialled: int) -> None:
    from_acme_to_borea(world)
    queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        taken = claims.claim_faxes(
            tx, node="node1", switch_uuid="s", most=16, max_calls=100, lease_seconds=60, internal=internal
        )
    assert len(taken.faxes) == dialled


def test_a_fax_that_waits_is_delivered_here_once_its_number_is_a_did(world: World) -> None:
    fax_id = queued(world, world.acme, number="+493023129999")
    with world.admin.tenant(world.borea.tenant.id) as tx:
        tx.execute(
            """insert into dids (tenant_id, number, mailbox_id)
               select tenant_id, '+493023129999', mailbox_id from dids where number = %s""",
            (world.borea.did,),
        )
    with world.switch.across_tenants() as tx:
        took = claims.claim_faxes(
            tx, node="node1", switch_uuid="s", most=16, max_calls=100, lease_seconds=60, internal=True
        )
    assert (took.faxes, took.wait) == ([], 0)
    picked = pick(world)
    assert picked is not None
    assert picked.fax_id == fax_id


def test_a_number_that_is_nobody_s_any_more_goes_out_through_a_trunk(world: World) -> None:
    fax_id = from_acme_to_borea(world)
    with world.admin.tenant(world.borea.tenant.id) as tx:
        dids.remove(tx, world.borea.tenant.id, world.borea.did)
    assert deliver(world) is None
    assert pick(world) is None
    assert [fax.fax_id for fax in claim(world)] == [fax_id]


def test_tenants_take_turns_and_the_urgent_come_first(world: World) -> None:
    first = [from_acme_to_borea(world) for _ in range(3)]
    other = queued(world, world.borea, number=world.acme.did)
    urgent = from_acme_to_borea(world, priority=10)
    order, after = [], 0
    while (picked := pick(world, after)) is not None:
        order.append(picked.fax_id)
        after = picked.tenant_id
    assert order == [urgent, other, *first]


def test_what_may_not_go_out_now_is_not_delivered(world: World) -> None:
    from_acme_to_borea(world, due_in=60)
    assert pick(world) is None
    due_now(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update tenants set enabled = false where id = %s", (world.acme.tenant.id,))
    assert pick(world) is None
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update tenants set enabled = true")
        tx.execute(
            """insert into sending_hours (tenant_id, weekday, opens, closes)
               select %s, extract(isodow from now() at time zone 'Europe/Berlin' + interval '2 days')::integer,
                      '00:00', '24:00'""",
            (world.acme.tenant.id,),
        )
    assert pick(world) is None
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into sending_hours (tenant_id, priority, weekday, opens, closes)
               select %s, 100, d, '00:00', '24:00' from generate_series(1, 7) d""",
            (world.acme.tenant.id,),
        )
    assert pick(world) is not None
    # Somebody has it in hand.
    assert pick(world) is None


# ------------------------------------------------------------------------------------------------------------ the pages


def header_rows(world: World, office: Office, folder: Path) -> list[bytes]:
    """The first rows of each page that arrived, under which the page begins."""
    with world.portal.tenant(office.tenant.id) as tx:
        tiff = tx.value("select tiff_id from faxes where direction = 'inbound'")
        stored = documents.get(tx, office.tenant.id, tiff)
    world.copy_out(stored, folder / "arrived.tif")
    with Image.open(folder / "arrived.tif") as image:
        return [frame.convert("L").crop((0, 0, 1728, 35)).tobytes() for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize(
    ("settings", "total"), [({}, 3), ({"page_n_of_m": False}, None)], ids=["page-n-of-m", "as-by-spandsp"]
)
def test_the_header_line_is_that_of_a_call(
    world: World, monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], total: int | None
) -> None:
    lines = []
    real = header_line.stamp

    def noted(source: Data, target: Path, line: header_line.HeaderLine, **values: Any) -> object:
        lines.append(line)
        return real(source, target, line, **values)

    monkeypatch.setattr(header_line, "stamp", noted)
    if settings:
        change(world, "tenants", **settings)
    from_acme_to_borea(world)
    assert deliver(world) == "sent"
    (line,) = lines
    assert (line.name, line.number, line.first_page, line.total_pages) == ("Acme", world.acme.did, 1, total)
    assert str(line.when.tzinfo) == "Europe/Berlin"


def test_without_a_header_line_the_pages_arrive_as_they_are(world: World, tmp_path: Path) -> None:
    change(world, "tenants", header_line=False)
    fax_id = from_acme_to_borea(world)
    deliver(world)
    assert_delivered_once(world, fax_id)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        received = documents.get(tx, world.borea.tenant.id, tx.value("select tiff_id from faxes"))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        sent = documents.get(tx, world.acme.tenant.id, tx.value("select id from documents where kind = 'rendering'"))
    assert world.opened(received) == world.opened(sent)


def test_pages_that_a_call_has_brought_are_not_brought_again(world: World, tmp_path: Path) -> None:
    fax_id = from_acme_to_borea(world)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set pages_done = 2, attempts_made = 1 where id = %s", (fax_id,))
    assert deliver(world) == "sent"
    assert_delivered_once(world, fax_id, pages=1)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["number"], attempt["start_page"], attempt["pages"]) == (2, 2, 1)
    (third,) = header_rows(world, world.borea, tmp_path)
    assert b"\0" in third


# ------------------------------------------------------------------------------------------------------------- refusals


def block(world: World) -> None:
    with world.admin.tenant(world.borea.tenant.id) as tx:
        did_callers.add(tx, world.borea.tenant.id, world.borea.did, "+4930", did_callers.BLOCK)


def block_and_say_busy(world: World) -> None:
    block(world)
    set_did(world, refusal="busy")


def set_did(world: World, **values: object) -> None:
    with world.admin.tenant(world.borea.tenant.id) as tx:
        dids.change(tx, world.borea.tenant.id, world.borea.did, values)


def switch_borea_off(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set enabled = false where id = %s", (world.borea.tenant.id,))


def permit_no_reading(world: World) -> None:
    with world.admin.tenant(world.borea.tenant.id) as tx:
        users.change(tx, world.borea.tenant.id, world.borea.user.id, {"permissions": ["send"]})


@pytest.mark.parametrize(
    ("act", "state", "sip_code", "words", "counted"),
    [
        (block, "failed", 603, "The call was refused (SIP 603).", 1),
        (block_and_say_busy, "queued", 486, "The line was busy (SIP 486).", 1),
        (lambda world: set_did(world, enabled=False), "failed", 404, "The number does not exist", 0),
        (switch_borea_off, "failed", 404, "The number does not exist", 0),
        (permit_no_reading, "failed", 404, "The number does not exist", 0),
    ],
    ids=["blocked", "busy", "did-off", "tenant-off", "may-not-receive"],
)
def test_who_may_not_call_is_refused_as_by_a_call(
    world: World, act: Callable[[World], None], state: str, sip_code: int, words: str, counted: int
) -> None:
    act(world)
    fax_id = from_acme_to_borea(world)
    assert deliver(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert fax["state"] == state
    assert str(fax["explanation"]).startswith(words)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["sip_code"], attempt["internal"]) == ("not-sent", sip_code, True)
    assert inbox(world, world.borea) == []
    assert noticed(world, world.borea) == []
    with world.admin.tenant(world.borea.tenant.id) as tx:
        assert sum(row["calls"] for row in dids.refusals(tx, world.borea.tenant.id, world.borea.did)) == counted
    assert objects(world) == 1


def test_a_number_that_a_route_bars_meanwhile_is_not_reached(world: World) -> None:
    fax_id = from_acme_to_borea(world)
    add_route(world, world.borea.did[:5], None)
    assert deliver(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "no-route")
    assert inbox(world, world.borea) == []


def test_a_busy_number_is_tried_again_and_then_taken(world: World) -> None:
    block_and_say_busy(world)
    fax_id = from_acme_to_borea(world)
    deliver(world)
    with world.admin.tenant(world.borea.tenant.id) as tx:
        did_callers.remove(tx, world.borea.tenant.id, world.borea.did, "+4930")
    due_now(world)
    assert deliver(world) == "sent"
    assert [each["outcome"] for each in world.attempts(world.acme, fax_id)] == ["not-sent", "sent"]


def test_a_sender_without_a_number_sends_nothing(world: World) -> None:
    fax_id = from_acme_to_borea(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set enabled = false")
    assert deliver(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "no-caller-id")


def test_a_fax_calls_as_the_verified_number_that_was_chosen(world: World) -> None:
    verified = "+498999990001"
    with world.admin.tenant(world.acme.tenant.id) as tx:
        caller_ids.verify(tx, world.acme.tenant.id, verified, "an invoice")
    with world.admin.tenant(world.borea.tenant.id) as tx:
        did_callers.add(tx, world.borea.tenant.id, world.borea.did, verified, did_callers.ALLOW)
    fax_id = from_acme_to_borea(world)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set calling_number = %s where id = %s", (verified, fax_id))
    assert deliver(world) == "sent"
    (entry,) = inbox(world, world.borea)
    assert entry.calling_number == verified


def test_pages_that_cannot_be_made_ready_use_up_a_try(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no such tag")

    fax_id = from_acme_to_borea(world)
    monkeypatch.setattr(header_line, "stamp", broken)
    before = objects(world)
    assert deliver(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["attempts_made"]) == ("queued", 1)
    assert (objects(world), inbox(world, world.borea)) == (before, [])


def test_pages_that_are_lost_are_told_as_with_a_call(world: World) -> None:
    fax_id = from_acme_to_borea(world)
    for path in list(world.store.root.rglob("*")):
        if path.is_file() and len(path.name) == 32:
            path.unlink()
    assert deliver(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "document-lost")
    assert objects(world) == 0


# ------------------------------------------------------------------------------------------------- once, and never half


STEPS: dict[str, tuple[object, str]] = {
    "reading": (Store, "copy_to"),
    "stamping": (header_line, "stamp"),
    "storing": (Store, "seal"),
    "making the PDF and images": (received_copies, "make"),
    "before the transaction": (internal_delivery, "_commit"),
    "taking it out of the queue": (queue, "withdraw"),
    "the sender's side": (internal_delivery, "settle"),
    "the receiver's side": (internal_delivery, "_receive"),
    "the receiver's mailbox": (mailboxes, "deliver"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_delivers_once(world: World, monkeypatch: pytest.MonkeyPatch, step: str, when: str) -> None:
    fax_id = from_acme_to_borea(world)
    real = getattr(*STEPS[step])

    def crash(*arguments: Any, **values: Any) -> None:
        if when == "after":
            real(*arguments, **values)
        raise Crash

    with monkeypatch.context() as crashing:
        crashing.setattr(*STEPS[step], crash)  # type: ignore[arg-type]
        with pytest.raises(Crash):
            deliver(world)
    if (step, when) == ("before the transaction", "after"):
        # It was committed.
        due_now(world)
        assert pick(world) is None
    else:
        # Nothing of it is to be seen, by either, until it is picked again.
        assert inbox(world, world.borea) == []
        assert world.fax(world.acme, fax_id)["state"] == "queued"
        assert world.attempts(world.acme, fax_id) == []
        due_now(world)
        assert deliver(world) == "sent"
    assert_delivered_once(world, fax_id)


def test_a_crash_at_the_commit_delivers_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = from_acme_to_borea(world)
    real, commits = Transaction.commit, 0

    def crash(tx: Transaction) -> None:
        nonlocal commits
        commits += 1
        # Picking, looking up, delivering.
        if commits == 3:
            raise Crash
        real(tx)

    with monkeypatch.context() as crashing:
        crashing.setattr(Transaction, "commit", crash)
        with pytest.raises(Crash):
            deliver(world)
    assert commits == 3
    due_now(world)
    assert deliver(world) == "sent"
    assert_delivered_once(world, fax_id)


def test_a_commit_whose_answer_was_lost_loses_no_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = from_acme_to_borea(world)
    real = internal_delivery._commit

    def answer_lost(*arguments: Any) -> None:
        real(*arguments)
        raise DatabaseUnavailable("server closed the connection unexpectedly")

    with monkeypatch.context() as outage:
        outage.setattr(internal_delivery, "_commit", answer_lost)
        with pytest.raises(DatabaseUnavailable):
            deliver(world)
    due_now(world)
    assert pick(world) is None
    assert_delivered_once(world, fax_id)


def test_two_nodes_that_picked_the_same_deliver_it_once(world: World) -> None:
    fax_id = from_acme_to_borea(world)
    picked = pick(world)
    assert picked is not None

    def of(node: str) -> Callable[[], str | None]:
        return lambda: internal_delivery.deliver(world.switch, world.store, picked, node=node)

    outcomes = in_threads(*(of(f"node{number}") for number in range(4)))
    assert sorted(map(str, outcomes)) == ["None"] * 3 + ["sent"]
    assert_delivered_once(world, fax_id)
    assert objects(world) == 5


def test_faxes_that_cross_each_other_do_not_wait_for_each_other(world: World) -> None:
    for _ in range(4):
        from_acme_to_borea(world)
        queued(world, world.borea, number=world.acme.did)
    picked = [pick(world) for _ in range(8)]
    assert None not in picked

    def of(fax: InternalFax) -> Callable[[], str | None]:
        return lambda: internal_delivery.deliver(world.switch, world.store, fax, node="node1")

    assert in_threads(*(of(fax) for fax in picked if fax is not None)) == ["sent"] * 8
    assert (len(inbox(world, world.acme)), len(inbox(world, world.borea))) == (4, 4)


def test_what_is_cancelled_meanwhile_is_not_delivered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = from_acme_to_borea(world)
    real = header_line.stamp

    def cancelled_while_stamping(*arguments: Any, **values: Any) -> object:
        assert outbound.cancel(world.portal, world.acme.user, fax_id)
        return real(*arguments, **values)

    monkeypatch.setattr(header_line, "stamp", cancelled_while_stamping)
    assert deliver(world) is None
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"
    assert inbox(world, world.borea) == []
    assert objects(world) == 1


def test_what_changes_meanwhile_is_looked_at_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = from_acme_to_borea(world)
    real = header_line.stamp

    def blocked_while_stamping(*arguments: Any, **values: Any) -> object:
        block(world)
        return real(*arguments, **values)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(header_line, "stamp", blocked_while_stamping)
        assert deliver(world) is None
    assert objects(world) == 1
    # At once, and not when it would have been due after a crash.
    assert deliver(world) == "not-sent"
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert inbox(world, world.borea) == []


def test_each_side_sees_its_own_rows_alone(world: World) -> None:
    from_acme_to_borea(world)
    deliver(world)
    for office, direction in ((world.acme, "outbound"), (world.borea, "inbound")):
        with world.portal.tenant(office.tenant.id) as tx:
            assert [row["direction"] for row in tx.rows("select direction from faxes")] == [direction]
            assert tx.value("select count(*) from attempts") == 1


# ---------------------------------------------------------------------------------------------------------- the runtime


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime(world, monkeypatch, internal_delivery=True)
    # What is delivered takes real time, in a thread beside the runtime's.
    made.switch.on_turn = lambda: time.sleep(0.01)
    return made


def test_the_runtime_delivers_beside_its_calls(world: World, runtime: Runtime) -> None:
    fax_ids = [from_acme_to_borea(world) for _ in range(3)]
    runtime.run(runtime.final(world.acme, *fax_ids))
    assert runtime.switch.originated == []
    assert len(inbox(world, world.borea)) == 3
    assert nothing_waits(world)


def test_one_that_cannot_be_delivered_now_does_not_stop_the_others(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, well = from_acme_to_borea(world), from_acme_to_borea(world)
    real = internal_delivery.deliver

    def full_for_one(db: object, store: object, picked: InternalFax, **values: Any) -> object:
        if picked.fax_id == broken:
            raise OSError(28, "No space left on device")
        return real(db, store, picked, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(internal_delivery, "deliver", full_for_one)
    runtime.run(runtime.final(world.acme, well))
    assert world.fax(world.acme, broken)["state"] == "queued"
    assert any("No space left" in line for line in runtime.switch.logged)


def test_without_a_store_it_waits(world: World, tmp_path: Path) -> None:
    fax_id = from_acme_to_borea(world)
    store = Store(ObjectFolder(world.store.root, makes_itself=False), world.store.keys, world.store.scratch)
    moved = tmp_path / "elsewhere"
    shutil.move(world.store.root, moved)
    picked = pick(world)
    assert picked is not None
    with pytest.raises(Exception, match=r"."):
        internal_delivery.deliver(world.switch, store, picked, node="node1")
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    shutil.move(moved, world.store.root)
    due_now(world)
    assert deliver(world) == "sent"
    assert_delivered_once(world, fax_id)
