"""What this installation's machines can open: a document that waits to be sent, and nothing after that."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import documents, outbound, queue, render_jobs, renderings, transient_readers
from faxplan.call_result import CallResult
from faxplan.documents import ToSend, get_to_send
from faxplan.enrolment import NotEnrolled
from faxplan.errors import RenderingFailed
from faxplan.outbound import SendRequest
from faxplan.transient_readers import LIFETIME_SECONDS, LOST_SECONDS, KeyGone, NoDispatch
from tests.db.test_failing_over import settle
from tests.faxes import NUMBER, claim, queued
from tests.past_the_gate import connected
from tests.world import Office, World, office

SENT = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=3)
NOBODY = CallResult("UNALLOCATED_NUMBER", sip_code=404)


def open_to_machines(world: World) -> list[str]:
    """The kinds of documents that some machine has a wrap to."""
    with world.switch.across_tenants() as tx:
        rows = tx.rows("select tenant_id, document_id from transient_wraps order by document_id")
        found = []
        for row in rows:
            tx.enter_tenant(row["tenant_id"])
            found.append(tx.value("select kind from documents where id = %s", (row["document_id"],)))
    return found


def submit(world: World, letter: Path, sender: Office | None = None) -> int:
    request = SendRequest(NUMBER, letter, "letter.txt")
    return outbound.submit(world.portal, world.store, (sender or world.acme).user, request).fax_id


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.\n")
    return path


@pytest.mark.parametrize("ending", ["sent", "failed"])
def test_a_fax_that_has_ended_no_machine_opens(world: World, letter: Path, ending: str) -> None:
    submit(world, letter)
    assert open_to_machines(world) == ["original"]
    world.render_all()
    assert open_to_machines(world) == ["original", "rendering"]
    (fax,) = claim(world)
    settle(world, fax, replace(SENT, pages=1) if ending == "sent" else NOBODY)
    assert world.fax(world.acme, fax.fax_id)["state"] == ending
    assert open_to_machines(world) == []
    # Its sender reads on.
    assert world.opened(fax.rendering.stored)[:2] in (b"II", b"MM")


@pytest.mark.parametrize("when", ["before it is rendered", "afterwards"])
def test_one_that_was_cancelled_no_machine_opens(world: World, letter: Path, when: str) -> None:
    fax_id = submit(world, letter)
    if when == "afterwards":
        world.render_all()
    outbound.cancel(world.portal, world.acme.user, fax_id)
    assert open_to_machines(world) == []


def test_what_is_rendered_after_all_were_cancelled_no_machine_opens(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    outbound.cancel(world.portal, world.acme.user, fax_id)
    kinds = (documents.RENDERING, documents.PAGE_IMAGES, documents.THUMBNAIL)
    made = renderings.Rendered([world.seal(letter, world.acme, kind) for kind in kinds], 1)
    assert renderings.finished(world.worker, job, "test", made)
    assert open_to_machines(world) == []


def test_one_that_cannot_be_rendered_no_machine_opens(world: World, letter: Path) -> None:
    submit(world, letter)
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    renderings.failed(world.worker, job, "test", RenderingFailed("It cannot be read."))
    assert open_to_machines(world) == []


def two_of_one_document(world: World) -> tuple[int, int]:
    first, second = queued(world, world.acme, pages=3), queued(world, world.acme, pages=3)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            "update faxes set rendering_id = (select rendering_id from faxes where id = %s) where id = %s",
            (first, second),
        )
        tx.execute("delete from transient_wraps where document_id not in (select document_id from renderings r "
                   "join faxes f on f.rendering_id = r.id)")  # fmt: skip
    return first, second


def test_a_document_stays_open_as_long_as_one_fax_waits_for_it(world: World) -> None:
    first, second = two_of_one_document(world)
    outbound.cancel(world.portal, world.acme.user, first)
    assert open_to_machines(world) == ["rendering"]
    outbound.cancel(world.portal, world.acme.user, second)
    assert open_to_machines(world) == []


def test_two_last_faxes_of_a_document_that_end_at_once_leave_nothing_behind(world: World) -> None:
    for _ in range(5):
        ends = [threading.Thread(target=outbound.cancel, args=(world.portal, world.acme.user, fax_id))
                for fax_id in two_of_one_document(world)]  # fmt: skip
        for each in ends:
            each.start()
        for each in ends:
            each.join()
        assert open_to_machines(world) == []


WAITING = """
    select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"""


@pytest.mark.parametrize("ending", ["sent", "cancelled"])
def test_of_two_last_faxes_that_end_at_once_the_second_sees_that_the_first_has_ended(world: World, ending: str) -> None:
    """The second ends while the first has ended and not yet committed."""
    first, _ = two_of_one_document(world)
    tenant_id = world.acme.tenant.id
    calls = {fax.fax_id: fax for fax in claim(world)}
    other = next(fax for fax_id, fax in calls.items() if fax_id != first)
    with ThreadPoolExecutor(1) as pool, connected(world.installation, "postgres") as cursor:
        with world.worker.tenant(tenant_id) if ending == "cancelled" else world.switch.tenant(tenant_id) as tx:
            fax = tx.one("select * from faxes where id = %s", (first,))
            outbound.finish(tx, fax, ending, "It has ended.", actor="test", pages_done=3)
            tx.value("select 1")
            second = pool.submit(settle, world, other, SENT)
            waits = False
            while not waits and not second.done():
                cursor.execute(WAITING)
                (waits,) = cursor.fetchone() or (False,)
                cursor.connection.rollback()
        second.result()
    assert open_to_machines(world) == []


def test_a_fax_that_ends_while_its_machine_takes_a_new_key_leaves_nothing_behind(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(
            "update transient_keys set created_at = created_at - make_interval(secs => %s)", (LIFETIME_SECONDS,)
        )
        cursor.connection.commit()
    renewal = threading.Thread(
        target=transient_readers.renew, args=(world.worker, world.store.keys, world.settings.node)
    )
    with world.switch.tenant(world.acme.tenant.id) as tx:
        fax = queue.lock_fax(tx, world.acme.tenant.id, fax_id)
        assert fax is not None
        outbound.finish(tx, fax, "cancelled", "test", actor="test")
        tx.value("select 1")
        renewal.start()
        # It waits for us, or has long done what it should not.
        renewal.join(1)
    renewal.join()
    assert open_to_machines(world) == []


def test_a_fax_whose_keys_are_gone_ends_and_says_to_send_it_again(world: World, tmp_path: Path) -> None:
    """As after the restore of a database whose machines have other keys by now."""
    fax_id = queued(world, world.acme)
    with world.switch.across_tenants() as tx:
        tx.execute("delete from transient_wraps")
    (fax,) = claim(world)
    with pytest.raises(KeyGone):
        world.store.copy_to_send(fax.rendering, tmp_path / "pages.tif")
    settle(world, fax, CallResult("key-gone", channel=False))
    row = world.fax(world.acme, fax_id)
    assert row["state"] == "failed"
    assert "send it again" in str(row["explanation"])


def test_a_fax_that_only_a_dead_machine_could_open_is_not_waited_for(world: World, tmp_path: Path) -> None:
    queued(world, world.acme)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update transient_keys set node = 'dead', public_key = %s", (b"d" * 32,))
        cursor.execute("update transient_keys set created_at = now() - make_interval(secs => %s)", (LOST_SECONDS + 1,))
        cursor.connection.commit()
    (fax,) = claim(world)
    with pytest.raises(KeyGone):
        world.store.copy_to_send(fax.rendering, tmp_path / "pages.tif")


def test_only_who_could_read_it_again_sends(world: World, letter: Path) -> None:
    newcomer = office(world.admin, "nova", "+493023125003")
    with pytest.raises(NotEnrolled, match="faxplan enrol"):
        submit(world, letter, newcomer)
    assert not world.stored()


def test_before_any_machine_can_send_it_nothing_is_taken(world: World, letter: Path) -> None:
    with world.switch.across_tenants() as tx:
        tx.execute("delete from transient_keys")
    with pytest.raises(NoDispatch):
        submit(world, letter)
    assert not world.stored()


def test_two_machines_each_open_what_is_handed_in_once(world: World, letter: Path) -> None:
    """What a claim brings has a wrap for each of them."""
    with world.switch.across_tenants() as tx:
        insert = "insert into transient_keys (purpose, node, public_key) values ('dispatch', 'node2', %s)"
        tx.execute(insert, (b"2" * 32,))
    submit(world, letter)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        waiting: ToSend = get_to_send(tx, world.acme.tenant.id, tx.value("select id from documents"))
    assert len(waiting.wraps) == 2
    assert b"2" * 32 in waiting.wraps
