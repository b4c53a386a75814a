"""The disk of the document store is not mounted: no fax fails, nothing is dialled, received faxes wait."""

from collections.abc import Callable
from pathlib import Path

import pytest

from faxplan import outbound
from faxplan.call_result import CallResult
from faxplan.document_store import Store, StoreUnavailable
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.outbound import SendRequest
from faxplan.worker import Worker
from tests.faxes import NUMBER, accepted, due_now, fax_tiff, pending_folder, queued
from tests.runtime import SENT, Runtime
from tests.world import World


class Disk:
    """What the store lies on."""

    def __init__(self, store: Store) -> None:
        self._root = store.root
        self._away = store.root.with_name("the disk")

    def unmount(self) -> None:
        self._root.rename(self._away)
        self._root.mkdir(mode=0o700)

    def mount(self) -> None:
        """Nothing was written into the mount point."""
        self._root.rmdir()
        self._away.rename(self._root)


@pytest.fixture
def disk(world: World) -> Disk:
    return Disk(world.store)


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime(world, monkeypatch)
    made.switch.on_originate = lambda call: made.switch.ends(call, SENT)
    return made


def for_seconds(runtime: Runtime, seconds: float, until: Callable[[], bool] = lambda: False) -> Callable[[], bool]:
    end = runtime.switch.clock.monotonic() + seconds
    return lambda: until() or runtime.switch.clock.monotonic() > end


def test_nothing_is_dialled_until_it_is_mounted(world: World, runtime: Runtime, disk: Disk) -> None:
    fax_id = queued(world, world.acme)
    disk.unmount()
    runtime.run(for_seconds(runtime, 100))
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert world.attempts(world.acme, fax_id) == []
    assert len([line for line in runtime.switch.logged if "nothing new is dialled" in line]) == 1
    disk.mount()
    runtime.run(for_seconds(runtime, 100, runtime.final(world.acme, fax_id)))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_one_that_was_claimed_as_it_went_is_sent_later_however_old_it_is(
    world: World, runtime: Runtime, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax_id = queued(world, world.acme)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set created_at = now() - interval '25 hours'")
    disk.unmount()
    with monkeypatch.context() as too_late:
        too_late.setattr(Store, "check", lambda _: None)
        runtime.run(for_seconds(runtime, 100, runtime.settled(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "store-unavailable")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["uncounted"]) == ("queued", 1)
    disk.mount()
    due_now(world)
    runtime.run(for_seconds(runtime, 100, runtime.final(world.acme, fax_id)))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_received_fax_waits_in_pending(world: World, runtime: Runtime, disk: Disk) -> None:
    queued(world, world.borea)  # whose rendering makes the store
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
    pending = pending_folder(world)
    pending.secure(world.spool, sidecar, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    disk.unmount()
    runtime.run(for_seconds(runtime, 100))
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "receiving"
    assert pending.holds(sidecar.attempt_id)
    disk.mount()
    runtime.run(for_seconds(runtime, 100, runtime.final(world.acme, sidecar.fax_id)))
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "received"


@pytest.fixture
def letter(tmp_path: Path) -> SendRequest:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.\n")
    return SendRequest(NUMBER, path, "letter.txt")


def worker(world: World) -> Worker:
    return Worker(
        world.worker,
        Listener(world.installation.url("faxplan_worker"), ()),
        world.store,
        name="test",
        node="node1",
        mailer_keys=KeyFolder(world.settings.mailer_keys),
        wait_hours=72,
    )


def tries(world: World) -> int:
    with world.worker.across_tenants() as tx:
        return int(tx.value("select tries from render_jobs"))


def test_nothing_is_rendered_and_no_try_counts(
    world: World, disk: Disk, letter: SendRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, letter).fax_id
    disk.unmount()
    with pytest.raises(StoreUnavailable):
        worker(world).work_one()
    running, real = worker(world), Store.check
    with monkeypatch.context() as just_gone:

        def the_first_look_saw_it(_: Store) -> None:
            just_gone.setattr(Store, "check", real)

        just_gone.setattr(Store, "check", the_first_look_saw_it)
        assert running.work_one()
    assert tries(world) == 0
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    disk.mount()
    with world.worker.across_tenants() as tx:
        tx.execute("update render_jobs set not_before = now()")
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_a_worker_waits_for_it(world: World, disk: Disk, letter: SendRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, letter).fax_id
    disk.unmount()
    running, waited = worker(world), []
    real = running._stop.wait

    def mounted_at_the_third_look(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 3:
            disk.mount()
        return real(0)

    monkeypatch.setattr(running._stop, "wait", mounted_at_the_third_look)
    monkeypatch.setattr(running._listener, "heard", lambda _: running.stop())
    running.run()
    assert len(waited) == 3
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_nothing_is_accepted(world: World, disk: Disk, letter: SendRequest) -> None:
    queued(world, world.borea)
    disk.unmount()
    with pytest.raises(StoreUnavailable):
        outbound.submit(world.portal, world.store, world.acme.user, letter)
    disk.mount()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0
