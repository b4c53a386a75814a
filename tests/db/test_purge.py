"""What was kept for long enough is destroyed, all of it and nothing else; and killed at any point, purge goes on."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    cdr_check,
    deletion,
    fax_contents,
    holds,
    inbound,
    object_folder,
    outbound,
    purge_state,
    render_jobs,
    renderings,
    spool,
)
from faxplan.call_result import CallResult
from faxplan.cdr import Period
from faxplan.constraints import ConstraintViolated
from faxplan.db import Database, Transaction
from faxplan.document_store import StoreUnavailable
from faxplan.listener import Listener
from faxplan.object_folder import ObjectFolder
from faxplan.outbound import SendRequest
from faxplan.pending import Pending
from faxplan.purge import _LOCK, Purge, PurgeRuns
from faxplan.spool import OutboundSidecar
from tests.faxes import NUMBER, accepted, fax_tiff, pending_folder
from tests.past_the_gate import connected
from tests.retained import a_purge, age, bound, count, execute, kept, purge, received, sent
from tests.world import World

CONTENTS = ("documents", "mailbox_wraps", "transient_wraps", "mailbox_entries", "notices", "t30_traces", "renderings")

BLOCKED = """locktype = 'advisory' and not granted
             and database = (select oid from pg_database where datname = current_database())"""


def objects(world: World) -> set[str]:
    return {path.name for path in world.store.objects()}


def named(world: World) -> set[str]:
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("select object_name from documents")
        return {row[0] for row in cursor.fetchall()}


def test_nothing_is_purged_where_nobody_said_so(world: World) -> None:
    fax_id = received(world, world.acme, "a", days_ago=20000)
    assert purge(world).faxes == 0
    assert kept(world, world.acme) == [fax_id]


def test_all_of_a_fax_goes_and_its_record_stays(world: World) -> None:
    old = [received(world, world.acme, "a", days_ago=31, traced=True), sent(world, world.acme, days_ago=31)]
    assert count(world, "t30_traces") == 1
    young = received(world, world.acme, "b", days_ago=29)
    others = received(world, world.borea, "c", days_ago=31)
    bound(world, world.acme, max_days=30)
    done = purge(world)
    assert (done.faxes, done.objects, done.finished, done.failures) == (2, 5, True, [])
    assert kept(world, world.acme) == [young]
    assert kept(world, world.borea) == [others]
    for table in CONTENTS:
        column = {"mailbox_entries": "fax_id", "notices": "fax_id"}.get(table)
        if column:
            assert count(world, table, f"{column} = any(array{old})") == 0
    assert (count(world, "t30_traces"), count(world, "renderings"), count(world, "tombstones")) == (0, 0, 0)
    assert (count(world, "documents"), count(world, "mailbox_wraps")) == (8, 8)
    assert objects(world) == named(world)
    record = world.fax(world.acme, old[0])
    assert (record["state"], record["tiff_id"], record["pdf_id"]) == ("received", None, None)
    assert record["purged_at"] is not None
    assert len(world.attempts(world.acme, old[1])) == 1
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, object, details from audit where action = 'fax.purge' order by sequence")
    assert {row["object"] for row in rows} == {f"fax:{each}" for each in old}
    assert {(row["actor"], row["details"]["why"]) for row in rows} == {("purge", "age")}
    assert purge(world).faxes == 0


def test_every_column_that_leads_to_a_document_is_emptied(world: World) -> None:
    """One that comes later is found by itself; but purge may only write it once it was granted."""
    with world.purge.across_tenants() as tx:
        by = fax_contents.references(tx)
    assert {"pdf_id", "tiff_id"} <= set(by.of_faxes)
    assert {"document_id", "original_id"} <= set(by.of_renderings)
    with connected(world.installation, "postgres") as cursor:
        for column in by.of_faxes:
            cursor.execute("select has_column_privilege('faxplan_purge', 'faxes', %s, 'update')", (column,))
            assert cursor.fetchone() == (True,), f"grant update ({column}) on faxes to faxplan_purge, in its migration"
        cursor.execute(
            """select distinct c.relname from pg_constraint k join pg_class c on c.oid = k.conrelid
               where k.contype = 'f' and k.confrelid = 'documents'::regclass"""
        )
        tables = {row[0] for row in cursor.fetchall()}
    known = {"faxes", "renderings", "mailbox_wraps", "transient_wraps", "campaigns"}
    assert tables == known, "fax_contents must know the new one"


def test_every_reference_to_a_document_has_an_index(world: World) -> None:
    """Else the deletion of each document would read all faxes of its tenant."""
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(
            """select c.relname, a.attname from pg_constraint k join pg_class c on c.oid = k.conrelid
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]
               where k.contype = 'f' and k.confrelid in ('documents'::regclass, 'faxes'::regclass) and not exists (
                   select from pg_index i where i.indrelid = k.conrelid
                   and array[i.indkey[0], i.indkey[1]] = array[k.conkey[1], k.conkey[2]])"""
        )
        assert cursor.fetchall() == []


def test_no_index_makes_a_change_of_state_dearer(world: World) -> None:
    """An update that touches no indexed column is written into no index (heap-only tuples)."""
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("select pg_get_indexdef(indexrelid) from pg_index where indrelid = 'faxes'::regclass")
        definitions = [row[0] for row in cursor.fetchall()]
    assert len(definitions) >= 7
    changing = ("state", "finished_at", "not_before", "pages_done", "attempts_made", "reserved_pages", "explanation")
    assert [each for each in definitions for column in changing if column in each] == []


@pytest.mark.parametrize("stays", ["sends it too", "is purged too"])
def test_an_original_goes_with_the_last_fax_that_sends_it(world: World, stays: str) -> None:
    first, second = sent(world, world.acme, days_ago=31), sent(world, world.acme, days_ago=5)
    execute(
        world,
        """update faxes set rendering_id = (select rendering_id from faxes where id = %s) where id = %s""",
        (first, second),
    )
    bound(world, None, max_days=30)
    if stays == "is purged too":
        age(world, world.acme, [second], 30)
        done = purge(world)
        assert (done.faxes, done.objects) == (2, 1)
        return
    done = purge(world)
    assert (done.faxes, done.objects) == (1, 0)
    assert world.fax(world.acme, first)["rendering_id"] is None
    assert world.fax(world.acme, second)["rendering_id"] is not None
    assert count(world, "mailbox_wraps") == 2
    age(world, world.acme, [second], 30)
    done = purge(world)
    assert (done.faxes, done.objects) == (1, 1)
    assert objects(world) == named(world)


def test_a_mailbox_loses_what_only_other_mailboxes_still_send(world: World) -> None:
    first, second = sent(world, world.acme, days_ago=31), sent(world, world.acme, days_ago=5)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = tx.value(
            "insert into mailboxes (tenant_id, name) values (%s, 'o') returning id", (world.acme.tenant.id,)
        )
    execute(
        world,
        """update faxes set mailbox_id = %s, rendering_id = (select rendering_id from faxes where id = %s)
           where id = %s""",
        (other, first, second),
    )
    bound(world, None, max_days=30)
    before = count(world, "mailbox_wraps")
    purge(world)
    assert count(world, "mailbox_wraps") == before - 1
    assert count(world, "documents") == 2


def test_a_fax_that_has_not_ended_is_left_alone(world: World, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    submitted = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "l.txt"))
    age(world, world.acme, [submitted.fax_id], 400)
    bound(world, None, max_days=30)
    assert purge(world).faxes == 0
    world.render_all()
    assert world.fax(world.acme, submitted.fax_id)["state"] == "queued"


def test_one_that_was_cancelled_before_it_was_rendered_goes_with_its_job(world: World, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    submitted = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "l.txt"))
    outbound.cancel(world.portal, world.acme.user, submitted.fax_id)
    age(world, world.acme, [submitted.fax_id], 31)
    bound(world, None, max_days=30)
    assert (purge(world).faxes, count(world, "render_jobs"), objects(world)) == (1, 0, set())
    world.render_all()


def test_pages_that_are_made_while_purge_takes_their_fax_leave_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was cancelled while they were made. Purge waits for the worker that ends that, and takes these as well."""
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    submitted = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "l.txt"))
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    outbound.cancel(world.portal, world.acme.user, submitted.fax_id)
    age(world, world.acme, [submitted.fax_id], 31)
    bound(world, None, max_days=30)
    record_all = renderings.record_all
    purging = ThreadPoolExecutor(1)

    def meanwhile(*arguments: Any, **named: Any) -> dict[str, int]:
        purged = purging.submit(purge, world)
        with suppress(TimeoutError):
            purged.result(2)
        return record_all(*arguments, **named)

    monkeypatch.setattr(renderings, "record_all", meanwhile)
    made = renderings.Rendered([world.seal(letter, world.acme)], 1)
    renderings.finished(world.worker, job, "test", made)
    purging.shutdown()
    assert (count(world, "documents"), count(world, "renderings"), objects(world)) == (0, 0, set())


def test_days_count_from_the_end(world: World) -> None:
    """Not from when it was handed in: it may have been scheduled."""
    fax_id = sent(world, world.acme, days_ago=31)
    execute(world, "update faxes set finished_at = now() - interval '29 days' where id = %s", (fax_id,))
    bound(world, None, max_days=30)
    assert purge(world).faxes == 0


# ------------------------------------------------------------------------------------------------------- legal holds


@pytest.mark.parametrize("what", ["fax", "mailbox", "tenant"])
def test_what_is_held_is_not_purged(world: World, what: str) -> None:
    fax_id, deleted = received(world, world.acme, "a", days_ago=31), received(world, world.acme, "b", days_ago=31)
    execute(world, "update faxes set deleted_at = now() where id = %s", (deleted,))
    bound(world, None, max_days=30)
    hold_ids = []
    for each in [fax_id, deleted] if what == "fax" else [None]:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            mailbox = world.acme.user.mailbox_id if what == "mailbox" else None
            hold_ids.append(
                holds.place(tx, world.acme.tenant.id, mailbox_id=mailbox, fax_id=each, reason="x", set_by="test")
            )
    done = purge(world)
    assert (done.faxes, done.failures) == (0, [])
    assert kept(world, world.acme) == [fax_id, deleted]
    with pytest.raises(ConstraintViolated, match="faxes_held"), world.purge.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set purged_at = now() where id = %s", (fax_id,))
    for hold_id in hold_ids:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            holds.release(tx, world.acme.tenant.id, hold_id)
    assert purge(world).faxes == 2


def test_a_hold_of_another_mailbox_or_tenant_holds_nothing(world: World) -> None:
    fax_id = received(world, world.acme, "a", days_ago=31)
    bound(world, None, max_days=30)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = tx.value(
            "insert into mailboxes (tenant_id, name) values (%s, 'o') returning id", (world.acme.tenant.id,)
        )
        holds.place(tx, world.acme.tenant.id, mailbox_id=other, fax_id=None, reason="x", set_by="test")
    with world.admin.tenant(world.borea.tenant.id) as tx:
        holds.place(tx, world.borea.tenant.id, mailbox_id=None, fax_id=None, reason="x", set_by="test")
    assert purge(world).faxes == 1
    assert world.fax(world.acme, fax_id)["purged_at"] is not None


def test_a_hold_that_is_set_while_purge_looks_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its batches: each asks anew."""
    first, second = received(world, world.acme, "a", days_ago=32), received(world, world.acme, "b", days_ago=31)
    bound(world, None, max_days=30)
    monkeypatch.setattr("faxplan.purge._BATCH", 1)

    def hold(_: object) -> None:
        if count(world, "holds") == 0:
            with world.admin.tenant(world.acme.tenant.id) as tx:
                holds.place(tx, world.acme.tenant.id, mailbox_id=None, fax_id=second, reason="x", set_by="test")

    done = replace(a_purge(world), told=hold).run([world.acme.tenant], everything=False)
    assert (done.faxes, kept(world, world.acme)) == (1, [second])
    assert world.fax(world.acme, first)["purged_at"] is not None


def test_a_hold_that_is_just_being_set_is_waited_for(world: World) -> None:
    fax_id = received(world, world.acme, "a", days_ago=31)
    bound(world, None, max_days=30)
    with ThreadPoolExecutor(1) as pool:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            holds.place(tx, world.acme.tenant.id, mailbox_id=None, fax_id=None, reason="x", set_by="test")
            running = pool.submit(purge, world)
            while not count(world, "pg_locks", BLOCKED) and not running.done():
                time.sleep(0.01)
        assert running.result().faxes == 0
    assert kept(world, world.acme) == [fax_id]


# ------------------------------------------------------------------------------------------------ killed at every step

STEPS = ["before the commit", "after the commit", "between objects", "after the objects", "after the tombstones"]


def killed_at(step: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Lets the process end as by kill -9 there."""

    def end(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def prepare(patch: pytest.MonkeyPatch) -> None:
        if step == "before the commit":
            real = fax_contents.destroy

            def destroy(*arguments: Any, **more: Any) -> Any:
                real(*arguments, **more)
                arguments[0].value("select 1")
                end()

            patch.setattr(fax_contents, "destroy", destroy)
        elif step == "after the commit":
            patch.setattr(ObjectFolder, "delete", end)
        elif step == "between objects":
            delete, calls = ObjectFolder.delete, []

            def second(lies_in: ObjectFolder, name: str) -> None:
                calls.append(name)
                (end if len(calls) == 2 else delete)(lies_in, name)

            patch.setattr(ObjectFolder, "delete", second)
        elif step == "after the objects":
            patch.setattr(fax_contents, "forget", end)
        else:
            patch.setattr(purge_state, "end", end)

    return prepare


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_leaves_nothing_readable_and_forgets_nothing(world: World, step: str) -> None:
    fax_id = received(world, world.acme, "a", days_ago=31)
    stays = received(world, world.acme, "b")
    bound(world, None, max_days=30)
    before = objects(world)
    child = os.fork()
    if child == 0:
        try:
            with pytest.MonkeyPatch.context() as patch:
                killed_at(step)(patch)
                own = Purge(
                    Database(world.purge.url),
                    world.store,
                    world.spool,
                    Pending(world.settings.pending, world.store.confinement),
                )
                own.run([world.acme.tenant], everything=True)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    purged = world.fax(world.acme, fax_id)["purged_at"] is not None
    assert purged == (step != "before the commit")
    # Every object that is left is a kept fax's, or nobody opens it and a tombstone stands for it.
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("select object_name from tombstones")
        tombs = {row[0] for row in cursor.fetchall()}
    assert objects(world) - named(world) <= tombs
    assert count(world, "mailbox_wraps") == count(world, "documents") == (4 if purged else 8)
    assert (objects(world) == before) == (step in ("before the commit", "after the commit"))
    done = purge(world)
    assert (done.failures, done.finished) == ([], True)
    assert objects(world) == named(world)
    assert len(objects(world)) == 4
    assert (count(world, "tombstones"), kept(world, world.acme)) == (0, [stays])
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from audit where action = 'fax.purge'") == 1


# --------------------------------------------------------------------------------------- limits, disks, other machines


def test_two_never_run_at_once(world: World) -> None:
    other = Listener(world.purge.url, ())
    assert other.try_lock(_LOCK)
    with pytest.raises(PurgeRuns):
        purge(world)
    other.close()
    assert purge(world).finished


def test_with_its_time_over_it_stops_and_the_next_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        received(world, world.acme, str(number), days_ago=40 - number)
    bound(world, None, max_days=30)
    monkeypatch.setattr("faxplan.purge._BATCH", 1)
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stopped = replace(a_purge(world, seconds=10), told=lambda _: now.__setitem__(0, now[0] + 6))
    done = stopped.run([world.acme.tenant], everything=True)
    assert (done.faxes, done.finished) == (2, False)
    with world.admin.across_tenants() as tx:
        assert not purge_state.get(tx).finished
    assert (purge(world).faxes, kept(world, world.acme)) == (1, [])


def test_without_the_stores_disk_nothing_is_purged(world: World) -> None:
    fax_id = received(world, world.acme, "a", days_ago=31)
    bound(world, None, max_days=30)
    world.store.root.rename(world.store.root.with_name("the disk"))
    world.store.root.mkdir()
    with pytest.raises(StoreUnavailable):
        purge(world)
    assert kept(world, world.acme) == [fax_id]


def test_an_object_that_cannot_be_deleted_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    received(world, world.acme, "a", days_ago=31)
    bound(world, None, max_days=30)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(ObjectFolder, "delete", broken)
        done = purge(world)
    assert (done.faxes, count(world, "tombstones")) == (1, 4)
    (told,) = done.failures
    assert "and 3 more: Input/output error" in told
    assert count(world, "mailbox_wraps") == 0
    assert purge(world).failures == []
    assert (objects(world), count(world, "tombstones")) == (set(), 0)


def test_a_deletion_is_on_the_disk_before_its_tombstone_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    received(world, world.acme, "a", days_ago=31)
    folders = {path.parent for path in world.store.objects()}
    bound(world, None, max_days=30)
    steps: list[object] = []
    forget = fax_contents.forget

    def forgetting(*arguments: Any) -> None:
        steps.append("forget")
        forget(*arguments)

    monkeypatch.setattr(object_folder, "fsync_folder", steps.append)
    monkeypatch.setattr(fax_contents, "forget", forgetting)
    purge(world)
    assert set(steps[: steps.index("forget")]) == folders


def test_a_tenants_trouble_keeps_no_others_faxes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    received(world, world.acme, "a", days_ago=31)
    received(world, world.borea, "b", days_ago=31)
    bound(world, None, max_days=30)
    real = fax_contents.destroy

    def refused(tx: Transaction, tenant_id: int, *arguments: Any, **more: Any) -> Any:
        if tenant_id == world.acme.tenant.id:
            raise ConstraintViolated("some_rule")
        return real(tx, tenant_id, *arguments, **more)

    monkeypatch.setattr(fax_contents, "destroy", refused)
    done = purge(world)
    assert (done.faxes, [each.partition(":")[0] for each in done.failures]) == (1, ["acme"])


def test_what_is_left_in_spool_and_pending_goes(world: World) -> None:
    """Of a node whose runtime has not run since."""
    side = accepted(world, world.acme, "late")
    fax_tiff(world.spool.inbound_tiff(side.attempt_id), 1)
    left = pending_folder(world).secure(world.spool, side, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert inbound.abandon(world.switch, {**_call(world, side.attempt_id)}, actor="test")
    in_spool = accepted(world, world.acme, "spool")
    fax_tiff(world.spool.inbound_tiff(in_spool.attempt_id), 1)
    assert inbound.abandon(world.switch, {**_call(world, in_spool.attempt_id)}, actor="test")
    fax_id = sent(world, world.acme, days_ago=31)
    attempt = int(str(world.attempts(world.acme, fax_id)[0]["id"]))
    world.spool.outbound_tiff(attempt).write_bytes(b"pages")
    world.spool.stage(OutboundSidecar(world.acme.tenant.id, fax_id, attempt, "", 0, "", ""))
    young = accepted(world, world.acme, "now")
    age(world, world.acme, [side.fax_id, in_spool.fax_id], 31)
    bound(world, None, max_days=30)
    # As another process finds it.
    world.spool = spool.Spool(world.settings.spool)
    done = purge(world)
    assert (done.faxes, done.leftovers) == (3, 3)
    assert not left.folder.exists()
    assert world.spool.inbound_attempts() == [young.attempt_id]
    assert world.spool.outbound_attempts() == []


def _call(world: World, attempt_id: int) -> dict[str, Any]:
    with world.switch.across_tenants() as tx:
        return tx.one("select tenant_id, fax_id, attempt_id from calls where attempt_id = %s", (attempt_id,))


def test_a_fax_that_was_purged_is_not_delivered_late(world: World) -> None:
    side = accepted(world, world.acme, "late")
    fax_tiff(world.spool.inbound_tiff(side.attempt_id), 1)
    left = pending_folder(world).secure(world.spool, side, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert inbound.abandon(world.switch, {**_call(world, side.attempt_id)}, actor="test")
    age(world, world.acme, [side.fax_id], 31)
    bound(world, None, max_days=30)
    execute(world, "update faxes set purged_at = now() where id = %s", (side.fax_id,))
    assert inbound.deliver(world.switch, world.store, left, actor="test") is None
    assert not left.folder.exists()
    assert count(world, "documents") == 0


@pytest.mark.parametrize("purged", [True, False])
def test_pages_that_turn_up_of_a_failed_fax_that_was_deleted_are_delivered(world: World, *, purged: bool) -> None:
    """Who deleted it knew of no pages."""
    side = accepted(world, world.acme, "late")
    fax_tiff(world.spool.inbound_tiff(side.attempt_id), 1)
    left = pending_folder(world).secure(world.spool, side, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert inbound.abandon(world.switch, {**_call(world, side.attempt_id)}, actor="test")
    deletion.delete(world.portal, world.acme.user, side.fax_id)
    if purged:
        done = purge(world)
        assert (done.faxes, done.leftovers) == (1, 0)
    assert inbound.deliver(world.switch, world.store, left, actor="test") == "received"
    fax = world.fax(world.acme, side.fax_id)
    assert (fax["state"], fax["deleted_at"], fax["purged_at"]) == ("received", None, None)


# ------------------------------------------------------------------------------------------------------------- records


def test_records_go_in_the_month_after_and_the_quotas_still_add_up(world: World) -> None:
    old, young = sent(world, world.acme, days_ago=31), sent(world, world.acme, days_ago=31)
    bound(world, world.acme, max_days=30, remove_records=True)
    done = purge(world)
    assert (done.faxes, done.records, count(world, "faxes"), count(world, "attempts")) == (2, 0, 2, 2)
    execute(world, "update faxes set purged_at = purged_at - interval '32 days' where id = %s", (old,))
    with world.portal.across_tenants() as tx:
        assert cdr_check.is_complete(tx)
    done = purge(world)
    assert (done.records, count(world, "faxes"), count(world, "attempts")) == (1, 1, 1)
    with world.portal.across_tenants() as tx:
        assert not cdr_check.is_complete(tx)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one("select object, details from audit where action = 'fax.remove-records'")
        assert (row["object"], row["details"]) == (f"tenant:{world.acme.tenant.id}", {"faxes": [old]})
        began = tx.value("select now()")
        assert cdr_check.check(tx, world.acme.tenant.id, "acme", Period(), began=began)[1] == []
    assert world.fax(world.acme, young)["purged_at"] is not None


def test_records_of_what_is_held_stay(world: World) -> None:
    fax_id = sent(world, world.acme, days_ago=31)
    bound(world, world.acme, max_days=30, remove_records=True)
    purge(world)
    execute(world, "update faxes set purged_at = purged_at - interval '32 days' where id = %s", (fax_id,))
    with world.admin.tenant(world.acme.tenant.id) as tx:
        holds.place(tx, world.acme.tenant.id, mailbox_id=None, fax_id=None, reason="x", set_by="test")
    assert purge(world).records == 0
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_one_that_is_refused_keeps_its_tombstone_and_the_others_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is locked in a bucket."""
    received(world, world.acme, "a", days_ago=31)
    bound(world, None, max_days=30)
    with monkeypatch.context() as locked:
        delete_all = ObjectFolder.delete_all

        def but_one(self: ObjectFolder, names: Sequence[str]) -> Mapping[str, str]:
            return {**delete_all(self, names[1:]), names[0]: "AccessDenied: Object is locked"}

        locked.setattr(ObjectFolder, "delete_all", but_one)
        done = purge(world)
    (told,) = done.failures
    assert told.endswith(": AccessDenied: Object is locked")
    assert (len(objects(world)), count(world, "tombstones")) == (1, 1)
    assert purge(world).failures == []
    assert (objects(world), count(world, "tombstones")) == (set(), 0)
