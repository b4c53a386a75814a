"""One fax in: that what arrived reaches its mailbox once, whatever breaks in between."""

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

from faxplan import document_store, documents, files, inbound, mailboxes, queue, received_copies, sandbox, users
from faxplan import pending as pending_module
from faxplan.call_result import CallResult
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable, RenderingFailed
from faxplan.pending import PendingFax, adopt
from faxplan.spool import InboundSidecar, Spool
from tests.faxes import accepted, audited, fax_tiff, noticed, pending_folder
from tests.world import World

ACTOR = "switch:node1"
WELL = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=2, ended_at=1_750_000_000.0)
BROKEN = CallResult(
    "NORMAL_CLEARING", fax_success=False, fax_result_code=49, fax_result_text="The call dropped prematurely", pages=1
)


DOCUMENTS = {"tiff_id": b"II*\0", "pdf_id": b"%PDF", "images_id": b"PK\3\4", "thumbnail_id": b"\x89PNG"}
"""Of a received fax, and how each begins."""


class Crash(BaseException):
    """Stands for the end of the process: nothing of ours runs after it."""


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
    """In the mailbox once, all its documents readable, nothing left over anywhere."""
    (entry,) = in_mailbox(world)
    assert (entry.fax_id, entry.state, entry.pages) == (fax_id, "received", 2)
    row = world.fax(world.acme, fax_id)
    for column, magic in DOCUMENTS.items():
        with world.switch.tenant(world.acme.tenant.id) as tx:
            stored = documents.get(tx, world.acme.tenant.id, row[column])  # type: ignore[arg-type]
        assert world.opened(stored)[:4] == magic
    assert noticed(world, world.acme) == ["received"]
    assert audited(world, world.acme) == ["fax.receive"]
    assert nothing_is_open(world)
    assert not list(world.settings.pending.iterdir())
    assert not list(world.spool.inbound.iterdir())


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


def test_what_came_unsealed_for_a_mailbox_without_a_key_lies_where_it_can_be_opened(world: World) -> None:
    """As what is accepted now does. It was accepted before faxes were sealed."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        late = users.create(tx, world.acme.tenant.id, email="late@acme.example", name="Late")
    sidecar = accepted(world, world.acme, "uuid-1")
    assert late.mailbox_id is not None
    unsealed = dataclasses.replace(sidecar, epoch=0, public_key="", mailbox_id=late.mailbox_id)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set mailbox_id = %s where id = %s", (late.mailbox_id, sidecar.fax_id))
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    fax = pending_folder(world).secure(world.spool, unsealed, WELL)
    assert fax.plain.exists()
    # Not into any user's.
    assert deliver(world, fax) is None
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set role = 'administrator' where id = %s", (world.acme.user.id,))
    assert deliver(world, fax) == "received"
    assert_delivered_whole(world, sidecar.fax_id)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select mailbox_id from faxes where id = %s", (sidecar.fax_id,)) == world.acme.user.mailbox_id


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
    assert len(world.stored()) == 4


# ------------------------------------------------------------------------------------------------------ crash and adopt


def crash(*_: Any, **__: Any) -> None:
    raise Crash


SECURE_STEPS = {
    "sealing the TIFF": (document_store, "seal_file", 1),
    "the TIFF sealed": (pending_module, "write_durably", 1),
    "writing call.json": (files, "fsync_folder", 1),
    "call.json written": (pending_module, "fsync_folder", 1),
    "making a PDF and images": (received_copies, "make", 1),
    "sealing the PDF": (document_store, "seal_file", 2),
    "sealing the last of it": (document_store, "seal_file", 4),
    "all sealed": (pending_module, "write_durably", 2),
    "writing call.json again": (files, "fsync_folder", 2),
    "before the spool is cleared": (Spool, "discard_inbound", 1),
    "while the spool is cleared": (Path, "unlink", 0),
}
"""What crashes, and which of its calls; 0: the one that takes the pages' TIFF away, which comes just after that."""


def crash_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int) -> None:
    real, calls = getattr(owner, name), 0

    def step(*arguments: Any, **values: Any) -> Any:
        nonlocal calls
        calls += 1
        if number == 0 and arguments[0].suffix == ".tif" and arguments[0].parent.name == "in":
            real(*arguments, **values)
            raise Crash
        if calls == number:
            raise Crash
        return real(*arguments, **values)

    monkeypatch.setattr(owner, name, step)


def plain_in(folder: Path) -> list[Path]:
    """Files that anybody could read a page of."""
    magics = (b"II*\0", b"MM\0*", b"%PDF", b"PK\3\4", b"\x89PNG")
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes().startswith(magics)]


@pytest.mark.parametrize("step", SECURE_STEPS)
@pytest.mark.parametrize("first", ["adopted", "delivered"])
def test_a_crash_while_securing_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, first: str
) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    pending = pending_folder(world)
    with monkeypatch.context() as crashing:
        crash_at(crashing, *SECURE_STEPS[step])
        with pytest.raises(Crash):
            pending.secure(world.spool, sidecar, WELL)
    assert not plain_in(pending.root)
    if first == "delivered":
        for left in pending.waiting():
            deliver(world, left)
    # What the runtime does at its start.
    adopted = adopt(world.spool, pending, sidecar.attempt_id)
    for left in (adopted, *pending.waiting()):
        if left is not None:
            assert left.sidecar == sidecar
            deliver(world, left)
    if first == "adopted":
        assert_delivered_whole(world, sidecar.fax_id)
    (entry,) = in_mailbox(world)
    assert (entry.state, entry.pages) == ("received", 2)
    assert not list(pending.root.iterdir())
    assert not list(world.spool.inbound.iterdir())


def test_a_crash_after_the_pages_went_leaves_what_was_kept_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while nothing can be delivered: what lies in pending/ is then all that there is."""
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    pending = pending_folder(world)
    with monkeypatch.context() as crashing:
        crash_at(crashing, *SECURE_STEPS["while the spool is cleared"])
        with pytest.raises(Crash):
            pending.secure(world.spool, sidecar, WELL)
    assert not world.spool.inbound_tiff(sidecar.attempt_id).exists()
    left = adopt(world.spool, pending, sidecar.attempt_id)
    assert left is not None
    assert deliver(world, left) == "received"
    assert_delivered_whole(world, sidecar.fax_id)


def test_while_the_rest_of_a_fax_is_made_nobody_delivers_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    pending, real, seen = pending_folder(world), received_copies.make, []

    def make(*arguments: Any, **options: Any) -> Any:
        # The runtime's sweep finds a fax that is complete, and safe.
        (waiting,) = pending.waiting()
        assert deliver(world, waiting) is None
        assert adopt(world.spool, pending, sidecar.attempt_id) is None
        seen.append(waiting)
        return real(*arguments, **options)

    monkeypatch.setattr(received_copies, "make", make)
    pending.secure(world.spool, sidecar, WELL)
    # And where the sweep comes with what it read then, it delivers what is there now.
    assert deliver(world, seen[0]) == "received"
    assert_delivered_whole(world, sidecar.fax_id)


def test_where_nothing_can_be_made_of_it_the_tiff_goes_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RenderingFailed("A converter crashed.")

    monkeypatch.setattr(sandbox, "call", broken)
    fax = arrived(world)
    assert deliver(world, fax) == "received"
    row = world.fax(world.acme, fax.sidecar.fax_id)
    assert row["tiff_id"] is not None
    assert [row[column] for column in DOCUMENTS][1:] == [None, None, None]
    assert "A converter crashed" in caplog.text
    assert not list(world.spool.inbound.iterdir())


def test_a_full_disk_after_the_tiff_costs_the_images(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = document_store.seal_file

    def full(file: Path, target: Path, tenant_id: int, kind: str) -> Any:
        if kind != documents.RECEIVED_TIFF:
            raise OSError(28, "No space left on device")
        return real(file, target, tenant_id, kind)

    monkeypatch.setattr(document_store, "seal_file", full)
    fax = arrived(world)
    assert deliver(world, fax) == "received"
    assert world.fax(world.acme, fax.sidecar.fax_id)["images_id"] is None
    assert len(world.stored()) == 1


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
    written = ["call.json" if name.startswith(".call.json.") else name for name in done]
    record = ["call.json", fax.folder.name]
    copies = ["received-pdf.sealed", "thumbnail.sealed", "page-images.sealed"]
    assert written == ["received-tiff.sealed", *record, pending.root.name, *copies, *record, "discarded"]


DELIVER_STEPS = {
    "storing": (document_store.Store, "take_in"),
    "committing": (inbound, "_commit"),
    "removing": (pending_module, "remove"),
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
        full.setattr(document_store, "seal_file", crash)
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


def test_a_fax_that_was_given_up_and_has_no_page_stays_as_it_is(world: World) -> None:
    fax = arrived(world, BROKEN, pages=0)
    assert inbound.abandon(world.switch, call_row(fax.sidecar), actor="test")
    told = world.fax(world.acme, fax.sidecar.fax_id)
    assert deliver(world, fax) is None
    assert world.fax(world.acme, fax.sidecar.fax_id) == told
    assert noticed(world, world.acme) == ["failed"]
    assert not fax.folder.exists()


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
    kinds = ("received-tiff", "received-pdf", "page-images", "thumbnail")
    assert {path.name for path in kept.iterdir()} == {*(f"{kind}.sealed" for kind in kinds), "call.json"}
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
        assert len(queue.calls_of_node(tx, "node1")) == 1
        queue.record_pages(tx, "uuid-1", 1)
