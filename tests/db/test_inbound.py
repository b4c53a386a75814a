"""One fax in: who gets an answer, and that what arrived reaches its mailbox once, whatever breaks in between."""

import dataclasses
import fcntl
import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from PIL import Image

from faxplan import documents, files, inbound, mailboxes, queue
from faxplan import pending as pending_module
from faxplan.call_result import CallResult
from faxplan.db import Database, Transaction
from faxplan.errors import DatabaseUnavailable
from faxplan.inbound import Accepted, IncomingCall, Refused
from faxplan.lookups import Caller
from faxplan.pending import PendingFax, adopt
from faxplan.spool import InboundSidecar, Spool
from tests.faxes import accepted, audited, fax_tiff, noticed, pending_folder
from tests.world import World

ACTOR = "switch:node1"
WELL = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=2, ended_at=1_750_000_000.0)
BROKEN = CallResult(
    "NORMAL_CLEARING", fax_success=False, fax_result_code=49, fax_result_text="The call dropped prematurely", pages=1
)


class Crash(BaseException):
    """Stands for the end of the process: nothing of ours runs after it."""


def accept(world: World, **values: Any) -> Accepted | Refused:
    call = {
        "channel_uuid": "uuid-1",
        "source_address": "127.0.0.1",
        "gateway": "carrier",
        "called": "03023125001",
        "calling": "030 99001234",
        "calling_name": "Somebody",
    }
    caller, max_channels = values.pop("caller", Caller()), values.pop("max_channels", 100)
    return inbound.accept(
        world.switch,
        world.spool,
        IncomingCall(**(call | values)),
        caller,
        node="node1",
        switch_uuid="switch-1",
        lease_seconds=600,
        max_channels=max_channels,
    )


def arrived(world: World, result: CallResult = WELL, *, pages: int = 2, uuid: str = "uuid-1") -> PendingFax:
    """A call that ended: its fax is in pending/."""
    sidecar = accepted(world, world.acme, uuid)
    if pages:
        fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), pages)
    return pending_folder(world).secure(world.spool, sidecar, result)


def deliver(world: World, fax: PendingFax) -> str | None:
    return inbound.deliver(world.switch, world.store, fax, actor=ACTOR)


def nothing_is_open(world: World) -> bool:
    with world.switch.across_tenants() as tx:
        return tx.value("select count(*) from calls") == 0


def in_mailbox(world: World) -> list[mailboxes.Entry]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return mailboxes.entries(tx, world.acme.tenant.id, world.acme.user.id)


def assert_delivered_whole(world: World, fax_id: int) -> None:
    """In the mailbox once, its TIFF and PDF readable, nothing left over anywhere."""
    (entry,) = in_mailbox(world)
    assert (entry.fax_id, entry.state, entry.pages) == (fax_id, "received", 2)
    row = world.fax(world.acme, fax_id)
    for column, magic in (("tiff_id", b"II*\0"), ("pdf_id", b"%PDF")):
        with world.switch.tenant(world.acme.tenant.id) as tx:
            stored = documents.get(tx, world.acme.tenant.id, row[column])  # type: ignore[arg-type]
        with world.store.open(stored) as content:
            assert content.read(4) == magic
    assert noticed(world, world.acme) == ["received"]
    assert audited(world, world.acme) == ["fax.receive"]
    assert nothing_is_open(world)
    assert not list(world.settings.pending.iterdir())
    assert not list(world.spool.inbound.iterdir())


# --------------------------------------------------------------------------------------------------------------- accept


def test_a_call_for_a_did_is_answered_with_its_ident(world: World) -> None:
    decision = accept(world)
    assert isinstance(decision, Accepted)
    assert decision.ident == world.acme.did
    assert world.spool.expected(decision.sidecar.attempt_id) == decision.sidecar
    fax = world.fax(world.acme, decision.sidecar.fax_id)
    assert (fax["state"], fax["called_number"], fax["calling_number"]) == (
        "receiving",
        world.acme.did,
        "+493099001234",
    )
    (attempt,) = world.attempts(world.acme, decision.sidecar.fax_id)
    assert (attempt["trunk"], attempt["peer_address"], attempt["caller_id"]) == (
        "carrier",
        "127.0.0.1",
        "Somebody 030 99001234",
    )


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"source_address": "192.0.2.1"}, "CALL_REJECTED"),
        ({"source_address": ""}, "CALL_REJECTED"),
        ({"source_address": "127.0.0.1; drop table faxes"}, "CALL_REJECTED"),
        ({"called": "+493023125999"}, "UNALLOCATED_NUMBER"),
        ({"called": ""}, "UNALLOCATED_NUMBER"),
        ({"called": "${system(id)}"}, "UNALLOCATED_NUMBER"),
        ({"called": "\udcff\0\r\n"}, "UNALLOCATED_NUMBER"),
    ],
)
def test_a_stranger_or_a_number_of_nobody_is_refused(world: World, values: dict[str, str], cause: str) -> None:
    decision = accept(world, **values)
    assert isinstance(decision, Refused)
    assert decision.cause == cause
    assert decision.reason.isascii()
    assert nothing_is_open(world)
    assert not list(world.spool.inbound.iterdir())


@pytest.mark.parametrize("called", ["+493023125001", "493023125001", "03023125001", "+49 30 23125-001"])
def test_a_did_is_found_however_the_carrier_writes_it(world: World, called: str) -> None:
    assert isinstance(accept(world, called=called), Accepted)


def test_the_calling_number_is_read_as_the_called_one_was(world: World) -> None:
    decision = accept(world, called="493023125001", calling="33123456789")
    assert isinstance(decision, Accepted)
    assert world.fax(world.acme, decision.sidecar.fax_id)["calling_number"] == "+33123456789"


@pytest.mark.parametrize(("of_did", "of_tenant", "ident"), [("2", "1", "2"), ("", "1", "1"), ("", "", "+493023125001")])
def test_the_ident_is_the_dids_then_the_tenants_then_the_number(
    world: World, of_did: str, of_tenant: str, ident: str
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set station_ident = %s", (of_did,))
        tx.execute("update tenants set station_ident = %s where id = %s", (of_tenant, world.acme.tenant.id))
    decision = accept(world)
    assert isinstance(decision, Accepted)
    assert decision.ident == ident


def test_a_trunks_own_format_is_the_only_one(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set inbound_format = 'e164'")
    assert isinstance(accept(world, called="493023125001"), Refused)
    assert isinstance(accept(world, called="+493023125001", channel_uuid="another"), Accepted)


@pytest.mark.parametrize("off", ["update tenants set enabled = false", "update dids set enabled = false"])
def test_a_did_that_is_switched_off_is_nobodys(world: World, off: str) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute(off)
    decision = accept(world)
    assert isinstance(decision, Refused)
    assert decision.cause == "UNALLOCATED_NUMBER"


@pytest.mark.parametrize("calling", [None, "", "anonymous", "Restricted", "not a number"])
def test_an_anonymous_caller_is_let_in(world: World, calling: str | None) -> None:
    decision = accept(world, calling=calling)
    assert isinstance(decision, Accepted)
    assert world.fax(world.acme, decision.sidecar.fax_id)["calling_number"] is None


def test_nothing_is_committed_for_a_caller_who_has_given_up(world: World) -> None:
    caller = Caller()
    caller.give_up()
    with pytest.raises(DatabaseUnavailable):
        accept(world, caller=caller)
    assert nothing_is_open(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0
    assert not list(world.spool.inbound.iterdir())


@pytest.mark.parametrize("step", [(Transaction, "commit"), (Spool, "expect")], ids=["commit", "sidecar"])
def test_what_was_written_for_a_caller_who_gave_up_meanwhile_is_undone(
    world: World, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    caller, real = Caller(), getattr(*step)

    def stalls(*arguments: Any) -> None:
        real(*arguments)
        caller.give_up()

    monkeypatch.setattr(*step, stalls)
    with pytest.raises(DatabaseUnavailable, match="took too long"):
        accept(world, caller=caller)
    assert_withdrawn(world)


def test_a_call_that_cannot_be_noted_in_the_spool_is_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "expect", full)
    with pytest.raises(OSError, match="No space"):
        accept(world)
    assert_withdrawn(world)


def assert_withdrawn(world: World) -> None:
    """It holds no place, and its mailbox has heard nothing of it."""
    assert nothing_is_open(world)
    assert not list(world.spool.inbound.iterdir())
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fax = tx.one("select state, error_id, explanation from faxes")
    assert (fax["state"], fax["error_id"]) == ("failed", "not-answered")
    assert "503" in fax["explanation"]
    assert noticed(world, world.acme) == []


@pytest.mark.parametrize(
    "name",
    ["O'Brien\"; --", "a\r\nVia: b", "a\0b", "\udcff\ud800", "${system(id)}", "<script>alert(1)</script>", "../" * 100],
    ids=ascii,
)
def test_a_hostile_caller_name_is_kept_as_inert_text(world: World, name: str) -> None:
    decision = accept(world, calling_name=name, calling=name)
    assert isinstance(decision, Accepted)
    (attempt,) = world.attempts(world.acme, decision.sidecar.fax_id)
    kept = str(attempt["caller_id"])
    assert kept.encode("utf-8")
    assert "\0" not in kept
    assert len(kept) <= 200
    if name.isprintable():
        assert kept.startswith(name[:200])
    assert world.fax(world.acme, decision.sidecar.fax_id)["calling_number"] is None
    # What the call needs later is ours alone.
    sidecar = (world.spool.inbound / f"{decision.sidecar.attempt_id}.json").read_text()
    assert "Brien" not in sidecar
    assert "system" not in sidecar


def test_the_same_channel_cannot_be_two_calls(world: World) -> None:
    accept(world)
    with pytest.raises(Exception, match="attempts_channel_uuid_key"):
        accept(world)


# -------------------------------------------------------------------------------------------------------------- deliver


def test_a_received_fax_lands_in_the_mailbox(world: World) -> None:
    fax = arrived(world)
    assert deliver(world, fax) == "received"
    assert_delivered_whole(world, fax.sidecar.fax_id)


def test_a_broken_call_keeps_its_whole_pages(world: World) -> None:
    fax = arrived(world, BROKEN, pages=1)
    assert deliver(world, fax) == "partial"
    row = world.fax(world.acme, fax.sidecar.fax_id)
    assert (row["state"], row["pages_done"], row["error_id"]) == ("partial", 1, "NORMAL_CLEARING")
    assert "dropped prematurely" in str(row["explanation"])
    assert [entry.state for entry in in_mailbox(world)] == ["partial"]
    assert noticed(world, world.acme) == ["partial"]


def test_fewer_pages_on_disk_than_the_switch_counted_is_partial(world: World) -> None:
    assert deliver(world, arrived(world, pages=1)) == "partial"


@pytest.mark.parametrize("content", [None, b"", b"II*\0", b"garbage" * 100], ids=["no file", "empty", "cut", "garbage"])
def test_a_call_without_a_page_is_told_and_not_delivered(world: World, content: bytes | None) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    if content is not None:
        world.spool.inbound_tiff(sidecar.attempt_id).write_bytes(content)
    fax = pending_folder(world).secure(world.spool, sidecar, BROKEN)
    assert deliver(world, fax) == "failed"
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "failed"
    assert in_mailbox(world) == []
    assert noticed(world, world.acme) == ["failed"]
    assert nothing_is_open(world)
    assert not world.stored()


def test_a_second_delivery_changes_nothing(world: World, tmp_path: Path) -> None:
    fax = arrived(world)
    shutil.copytree(fax.folder, tmp_path / "copy")
    assert deliver(world, fax) == "received"
    assert deliver(world, fax) is None
    # As after a crash between the commit and the removal of pending/.
    shutil.copytree(tmp_path / "copy", fax.folder)
    before = world.stored()
    assert deliver(world, fax) is None
    assert world.stored() == before
    assert_delivered_whole(world, fax.sidecar.fax_id)


def test_what_another_thread_delivers_is_left_to_it(world: World) -> None:
    fax = arrived(world)
    folder = os.open(fax.folder, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert deliver(world, fax) is None
        assert fax.folder.exists()
    finally:
        os.close(folder)
    assert deliver(world, fax) == "received"


def test_without_a_database_it_waits_in_pending(world: World) -> None:
    fax = arrived(world)
    away = Database(world.installation.url("faxplan_switch").replace("test_", "no_such_"))
    with pytest.raises(DatabaseUnavailable):
        inbound.deliver(away, world.store, fax, actor=ACTOR)
    (waiting,) = pending_folder(world).waiting()
    assert waiting == fax
    assert deliver(world, waiting) == "received"
    assert_delivered_whole(world, fax.sidecar.fax_id)


def test_a_commit_whose_answer_was_lost_loses_no_document(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL committed and went away before it said so: the rows are there, and name the objects."""
    fax = arrived(world)
    real = inbound._commit

    def answer_lost(*arguments: Any) -> bool:
        assert real(*arguments)
        raise DatabaseUnavailable("server closed the connection unexpectedly")

    with monkeypatch.context() as outage:
        outage.setattr(inbound, "_commit", answer_lost)
        with pytest.raises(DatabaseUnavailable):
            deliver(world, fax)
    deliver(world, fax)
    assert_delivered_whole(world, fax.sidecar.fax_id)


def test_a_long_outage_does_not_fill_the_store(world: World) -> None:
    fax = arrived(world)
    away = Database(world.installation.url("faxplan_switch").replace("test_", "no_such_"))
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            inbound.deliver(away, world.store, fax, actor=ACTOR)
    assert deliver(world, fax) == "received"
    assert len(world.stored()) == 2


# ------------------------------------------------------------------------------------------------------ crash and adopt


def crash(*_: Any, **__: Any) -> None:
    raise Crash


SECURE_STEPS = {
    "copying the TIFF": (shutil, "copyfile"),
    "the TIFF in place": (pending_module, "write_durably"),
    "writing call.json": (files, "fsync_folder"),
    "before the spool is cleared": (pending_module, "fsync_folder"),
}


@pytest.mark.parametrize("step", SECURE_STEPS)
def test_a_crash_while_securing_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    pending = pending_folder(world)
    with monkeypatch.context() as crashing:
        crashing.setattr(*SECURE_STEPS[step], crash)
        with pytest.raises(Crash):
            pending.secure(world.spool, sidecar, WELL)
    for left in (*pending.waiting(), adopt(world.spool, pending, sidecar.attempt_id)):
        if left is None:
            continue
        assert left.sidecar == sidecar
        deliver(world, left)
    (entry,) = in_mailbox(world)
    assert entry.pages == 2
    assert not list(pending.root.iterdir())
    assert not list(world.spool.inbound.iterdir())


def test_what_is_secured_is_on_the_disk_before_the_spool_lets_go_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that loses power forgets what was written and not synced, names of files too."""
    done: list[str] = []
    fsync, discard = os.fsync, world.spool.discard_inbound

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def noted_discard(attempt_id: int) -> None:
        done.append("discarded")
        discard(attempt_id)

    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    pending = pending_folder(world)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(world.spool, "discard_inbound", noted_discard)
    fax = pending.secure(world.spool, sidecar, WELL)
    (record,) = (name for name in done if name.startswith(".call.json."))
    assert done == ["fax.partial", record, fax.folder.name, pending.root.name, "discarded"]


DELIVER_STEPS = {
    "making the PDF": (inbound.received, "to_pdf"),
    "storing": (documents.Store, "put"),
    "committing": (inbound, "_commit"),
    "removing": (shutil, "rmtree"),
}


@pytest.mark.parametrize("step", DELIVER_STEPS)
def test_a_crash_while_delivering_delivers_once(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    fax = arrived(world)
    with monkeypatch.context() as crashing:
        crashing.setattr(*DELIVER_STEPS[step], crash)
        with pytest.raises(Crash):
            deliver(world, fax)
    (waiting,) = pending_folder(world).waiting()
    deliver(world, waiting)
    assert_delivered_whole(world, fax.sidecar.fax_id)


def test_what_a_dead_call_left_is_adopted(world: World) -> None:
    dead, other = accepted(world, world.acme, "uuid-1"), accepted(world, world.acme, "uuid-2")
    for sidecar in (dead, other):
        fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
    left = adopt(world.spool, pending_folder(world), dead.attempt_id)
    assert left is not None
    assert left.sidecar == dead
    assert deliver(world, left) == "partial"
    assert world.spool.inbound_attempts() == [other.attempt_id]


def test_a_disk_that_was_full_for_a_moment_costs_no_result(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    pending = pending_folder(world)
    with monkeypatch.context() as full:
        full.setattr("faxplan.pending.shutil.copyfile", crash)
        with pytest.raises(Crash):
            pending.secure(world.spool, sidecar, WELL)
    left = adopt(world.spool, pending, sidecar.attempt_id)
    assert left is not None
    assert deliver(world, left) == "received"


def test_pages_of_a_fax_that_was_given_up_are_delivered_late(world: World) -> None:
    fax = arrived(world)
    assert inbound.abandon(world.switch, call_row(fax.sidecar), actor="test")
    assert deliver(world, fax) == "received"
    (entry,) = in_mailbox(world)
    assert (entry.state, entry.pages) == ("received", 2)
    assert noticed(world, world.acme) == ["failed", "received"]
    assert deliver(world, fax) is None


def the_database_forgets(world: World) -> None:
    """As after a restore, or a fail-over to a copy that lacked the last rows; and gives their ids out again."""
    url = world.installation.url("postgres")
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("delete from calls; delete from attempts; delete from faxes")
        cursor.execute("alter table faxes alter id restart; alter table attempts alter id restart")


def test_a_fax_that_the_database_has_never_heard_of_is_kept(world: World) -> None:
    fax = arrived(world)
    the_database_forgets(world)
    assert deliver(world, fax) is None
    (kept,) = pending_module.unclaimed(world.settings.pending)
    assert {path.name for path in kept.iterdir()} == {"fax.tif", "fax.pdf", "call.json"}
    assert not list(pending_folder(world).waiting())
    assert not world.stored()


def test_a_fax_whose_ids_were_given_out_again_is_kept_and_the_new_call_goes_on(world: World) -> None:
    fax = arrived(world)
    the_database_forgets(world)
    new = accepted(world, world.acme, "uuid-2")
    assert (new.fax_id, new.attempt_id) == (fax.sidecar.fax_id, fax.sidecar.attempt_id)
    assert deliver(world, fax) is None
    assert len(pending_module.unclaimed(world.settings.pending)) == 1
    assert not nothing_is_open(world)
    fax_tiff(world.spool.inbound_tiff(new.attempt_id), 2)
    assert deliver(world, pending_folder(world).secure(world.spool, new, WELL)) == "received"


def test_a_fax_in_the_place_of_one_with_its_ids_leaves_that_one_whole(world: World) -> None:
    old = arrived(world)
    again = dataclasses.replace(old.sidecar, channel_uuid="uuid-2")
    fax_tiff(world.spool.inbound_tiff(again.attempt_id), 1)
    new = pending_folder(world).secure(world.spool, again, WELL)
    assert [each.sidecar for each in pending_folder(world).waiting()] == [new.sidecar] == [again]
    (kept,) = pending_module.unclaimed(world.settings.pending)
    assert json.loads((kept / "call.json").read_text())["sidecar"]["channel_uuid"] == "uuid-1"


@pytest.mark.parametrize("rows", [1, 20000])
def test_pages_of_any_length_are_delivered(world: World, rows: int) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    page = Image.new("1", (1728, rows), 1)
    page.save(world.spool.inbound_tiff(sidecar.attempt_id), compression="group4", dpi=(204, 98))
    one_page = dataclasses.replace(WELL, pages=1)
    fax = pending_folder(world).secure(world.spool, sidecar, one_page)
    assert deliver(world, fax) == "received"


def test_a_node_that_is_full_refuses(world: World) -> None:
    accepted(world, world.acme, "uuid-1")
    decision = accept(world, max_channels=1)
    assert isinstance(decision, Refused)
    assert decision.cause == inbound.FULL


def call_row(sidecar: InboundSidecar) -> dict[str, object]:
    return {"tenant_id": sidecar.tenant_id, "fax_id": sidecar.fax_id, "attempt_id": sidecar.attempt_id}


def test_a_call_of_which_nothing_is_left_is_given_up_once(world: World) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    assert inbound.abandon(world.switch, call_row(sidecar), actor=ACTOR)
    assert not inbound.abandon(world.switch, call_row(sidecar), actor=ACTOR)
    fax = world.fax(world.acme, sidecar.fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "outcome-unknown")
    assert noticed(world, world.acme) == ["failed"]
    assert nothing_is_open(world)


def test_what_was_delivered_is_not_given_up(world: World) -> None:
    fax = arrived(world)
    deliver(world, fax)
    assert not inbound.abandon(world.switch, call_row(fax.sidecar), actor=ACTOR)
    assert_delivered_whole(world, fax.sidecar.fax_id)


def test_a_call_in_progress_counts_on_its_node(world: World) -> None:
    accepted(world, world.acme, "uuid-1")
    with world.switch.across_tenants() as tx:
        assert queue.calls_on_node(tx, "node1") == 1
        queue.record_pages(tx, "uuid-1", 1)
