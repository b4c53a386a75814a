"""The runtime when something comes between: a restart, a lost connection, a full disk, a fax that is long to stamp."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from faxplan import accepting, claims, nodes, outbound, staging
from faxplan.accepting import Accepted, IncomingCall
from faxplan.claims import ClaimedFax
from faxplan.errors import DatabaseUnavailable
from faxplan.listener import Listener
from faxplan.lookups import Caller
from faxplan.runtime import HEARTBEAT_SECONDS, TAKEOVER_SECONDS
from faxplan.spool import Spool
from faxplan.switch import PageDone
from tests.faxes import NODE, due_now, invite, queued
from tests.runtime import DROPPED, SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World

LONG = staging.MOST_PAGES_AT_ONCE + 1


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    return Runtime(world, monkeypatch)


def at_most(runtime: Runtime, seconds: float, until: Callable[[], bool]) -> Callable[[], bool]:
    """`until`, or so many seconds of the test's clock."""
    end = runtime.switch.clock.monotonic() + seconds
    return lambda: until() or runtime.switch.clock.monotonic() > end


def hung_up(runtime: Runtime) -> Callable[[], bool]:
    return lambda: bool(runtime.switch.hung_up)


class TestCancel:
    def test_while_no_runtime_listens(self, world: World, runtime: Runtime) -> None:
        fax_id = queued(world, world.acme)
        runtime.run(lambda: bool(runtime.switch.originated))
        outbound.cancel(world.portal, world.acme.user, fax_id)
        runtime.run(at_most(runtime, 60, hung_up(runtime)))
        assert runtime.switch.hung_up

    def test_while_the_listener_has_lost_its_connection(self, world: World, runtime: Runtime) -> None:
        fax_id = queued(world, world.acme)
        cancelled: list[bool] = []

        def connection_ends() -> None:
            if runtime.switch.originated and not cancelled:
                world.installation.end_connections("faxplan_switch")
                cancelled.append(outbound.cancel(world.portal, world.acme.user, fax_id))

        runtime.switch.on_turn = connection_ends
        runtime.run(at_most(runtime, 60, hung_up(runtime)))
        assert runtime.switch.hung_up

    def test_heard_in_a_step_that_fails(self, world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
        fax_id = queued(world, world.acme)
        failed: list[bool] = []
        report = nodes.report

        def cancelled_when_the_heartbeat_is_due() -> None:
            if runtime.switch.originated and not failed:
                failed.append(False)
                runtime.switch.clock.now += HEARTBEAT_SECONDS + 1
                outbound.cancel(world.portal, world.acme.user, fax_id)

        def fails_once(*arguments: Any, **named: Any) -> None:
            if failed == [False]:
                failed.append(True)
                raise DatabaseUnavailable("once")
            report(*arguments, **named)

        monkeypatch.setattr(nodes, "report", fails_once)
        runtime.switch.on_turn = cancelled_when_the_heartbeat_is_due
        runtime.run(at_most(runtime, 60, hung_up(runtime)))
        assert failed == [False, True]
        assert runtime.switch.hung_up


@pytest.fixture
def stamping(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Long faxes are stamped when this is set, and not before."""
    go_on, stage = threading.Event(), staging.stage

    def waits(store: Any, spool: Any, fax: ClaimedFax, *rest: Any) -> Any:
        if fax.pages >= LONG:
            assert go_on.wait(60)
        return stage(store, spool, fax, *rest)

    monkeypatch.setattr(staging, "stage", waits)
    yield go_on
    go_on.set()


def claimed(world: World, *fax_ids: int) -> bool:
    return all(world.attempts(world.acme, fax_id) for fax_id in fax_ids)


def test_what_was_never_dialled_when_the_runtime_stopped_is_dialled_by_the_next(
    world: World, runtime: Runtime, stamping: threading.Event
) -> None:
    """Even where the tenant wants no fax dialled again whose fate is unknown: nothing is unknown here."""
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set redial_unknown = false")
    faxes = [queued(world, world.acme, pages=LONG) for _ in range(2)]
    runtime.run(lambda: claimed(world, *faxes))
    assert not runtime.switch.originated
    stamping.set()
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, replace(SENT, pages=LONG))
    runtime.switch.on_turn = lambda: due_now(world)
    runtime.run(at_most(runtime, 300, runtime.final(world.acme, *faxes)))
    rows = [world.fax(world.acme, fax_id) for fax_id in faxes]
    assert [(row["state"], row["uncounted"]) for row in rows] == [("sent", 1)] * 2
    first = world.attempts(world.acme, faxes[0])[0]
    assert (first["outcome"], first["hangup_cause"]) == ("not-sent", "runtime-stopped")


def test_a_claim_whose_answer_is_lost_is_dialled_all_the_same(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has committed it, and went away before it said so."""
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set redial_unknown = false")
    fax_id = queued(world, world.acme)
    claim_faxes, lost = claims.claim_faxes, []

    def unheard(tx: Any, **named: Any) -> Any:
        claim = claim_faxes(tx, **named)
        if claim.faxes and not lost:
            lost.append(claim.faxes[0].attempt_id)
            tx.execute("commit")
            raise DatabaseUnavailable("The server closed the connection.")
        return claim

    def time_passes() -> None:
        due_now(world)
        with world.switch.across_tenants() as tx:
            tx.execute("update calls set started_at = now() - interval '1 minute' where attempt_id = any(%s)", (lost,))

    monkeypatch.setattr(claims, "claim_faxes", unheard)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.switch.on_turn = time_passes
    runtime.run(at_most(runtime, 300, runtime.final(world.acme, fax_id)))
    row = world.fax(world.acme, fax_id)
    assert (row["state"], row["uncounted"]) == ("sent", 1)
    first, second = world.attempts(world.acme, fax_id)
    assert (first["id"], first["outcome"], first["hangup_cause"]) == (lost[0], "not-sent", "claim-unheard")
    assert second["outcome"] == "sent"


def test_a_long_fax_that_is_cancelled_before_it_is_ready_is_not_dialled(
    world: World, runtime: Runtime, stamping: threading.Event
) -> None:
    fax_id = queued(world, world.acme, pages=LONG)

    def cancelled() -> None:
        if claimed(world, fax_id) and not stamping.is_set():
            outbound.cancel(world.portal, world.acme.user, fax_id)
            stamping.set()
            time.sleep(0.05)

    runtime.switch.on_turn = cancelled
    runtime.run(at_most(runtime, 60, runtime.final(world.acme, fax_id)))
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"
    assert [each["hangup_cause"] for each in world.attempts(world.acme, fax_id)] == ["ORIGINATOR_CANCEL"]
    assert not runtime.switch.originated


def test_long_faxes_in_the_making_leave_channels_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch, stamping: threading.Event
) -> None:
    runtime = Runtime(world, monkeypatch, max_channels=20)
    for _ in range(20):
        queued(world, world.acme, pages=LONG)
    comes_in = IncomingCall("uuid-in", "127.0.0.1", invite(world.acme.did, "+493099001234"))
    runtime.run(at_most(runtime, 60, lambda: False))
    node = replace(NODE, max_channels=20)
    taken = accepting.accept(world.switch, world.spool, comes_in, node, Caller())
    assert isinstance(taken, Accepted)


def test_a_call_just_dialled_is_not_taken_for_dead_however_long_its_staging_took(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, stamping: threading.Event
) -> None:
    monkeypatch.setattr("faxplan.runtime.RECOVERY_SECONDS", 0.05)
    fax_id, switch = queued(world, world.acme, pages=LONG), runtime.switch
    ringing: list[tuple[Originate, int]] = []

    def its_channel_comes_later(call: Originate) -> None:
        switch.no_channel(call)
        ringing.append((call, switch.turns))

    def old_and_ready() -> None:
        with world.switch.across_tenants() as tx:
            tx.execute("update calls set started_at = now() - interval '1 hour'")
        if claimed(world, fax_id) and not stamping.is_set():
            stamping.set()
            time.sleep(0.05)
        if ringing and switch.turns == ringing[0][1] + 3:
            switch.channels[ringing[0][0].uuid] = ringing[0][0]

    switch.on_originate, switch.on_turn = its_channel_comes_later, old_and_ready
    runtime.run(at_most(runtime, 10, lambda: bool(ringing) and switch.turns > ringing[0][1] + 10))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] is None
    assert len(switch.originated) == 1


def test_pages_told_of_a_call_that_an_earlier_runtime_dialled_count(world: World, runtime: Runtime) -> None:
    fax_id, switch = queued(world, world.acme, pages=3), runtime.switch
    runtime.run(lambda: bool(switch.originated))
    switch.tell(PageDone(switch.originated[0].uuid, 2))
    switch.ends(switch.originated[0], DROPPED)
    runtime.run(at_most(runtime, 60, runtime.settled(world.acme, fax_id)))
    assert world.fax(world.acme, fax_id)["pages_done"] == 2


def test_a_fax_that_can_be_neither_staged_nor_journalled_does_not_stop_the_others(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = queued(world, world.acme, pages=LONG, due_in=-10)
    good: list[int] = []
    stage, write, switch = staging.stage, world.journal.write, runtime.switch

    def no_space(store: Any, spool: Any, fax: ClaimedFax, *rest: Any) -> Any:
        if fax.fax_id == bad:
            raise OSError(28, "No space left on device")
        return stage(store, spool, fax, *rest)

    def full(outcome: Any) -> None:
        if outcome.fax_id == bad:
            raise OSError(28, "No space left on device")
        write(outcome)

    def another_comes() -> None:
        if switch.logged and not good:
            good.append(queued(world, world.borea))

    monkeypatch.setattr(staging, "stage", no_space)
    monkeypatch.setattr(world.journal, "write", full)
    switch.on_turn, switch.on_originate = another_comes, lambda call: switch.ends(call, SENT)
    runtime.run(at_most(runtime, 110, lambda: bool(good) and runtime.final(world.borea, *good)()))
    assert world.fax(world.borea, good[0])["state"] == "sent"


def test_pages_left_in_the_middle_of_stamping_are_removed(world: World, runtime: Runtime) -> None:
    left = world.spool.outbound_plain(999_999)
    left.write_bytes(b"as kill -9 leaves it")
    runtime.run(at_most(runtime, 60, lambda: not left.exists()))
    assert not left.exists()


@pytest.mark.parametrize("left", [b"", b'{"tenant_id": 1, "fa'])
def test_a_call_whose_sidecar_a_power_cut_halved_ends_as_any_other_that_is_lost(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    """It is not synced: nobody who answers is to wait for a disk."""
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set redial_unknown = false")
    fax_id = queued(world, world.acme)
    runtime.run(lambda: bool(runtime.switch.originated))
    (call,) = runtime.switch.originated
    machine = Runtime(replace(world, spool=Spool(world.settings.spool)), monkeypatch)
    machine.switch.core = "switch-2"
    (world.spool.outbound / f"{call.attempt_id}.json").write_bytes(left)
    machine.run(at_most(machine, 300, machine.final(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], world.fax(world.acme, fax_id)["state"]) == ("unknown", "failed")
    assert world.spool.outbound_attempts() == []
    assert not [text for text in machine.switch.logged if text.startswith("crit")]


def test_a_runtime_whose_node_another_took_over_ends(world: World, runtime: Runtime) -> None:
    """It has lost its connection, and with it the lock: two runtimes of one node would dial past its limits."""
    other = Listener(world.installation.url("faxplan_switch"), ())
    taken: list[float] = []

    def another_takes_over() -> None:
        if runtime.switch.turns > 3 and not taken:
            world.installation.end_connections("faxplan_switch")
            assert other.try_lock(nodes.lock_key("node1"))
            taken.append(runtime.switch.clock.monotonic())

    runtime.switch.on_turn = another_takes_over
    runtime.run(lambda: False)
    assert "another runtime serves this node" in runtime.switch.logged[-1]
    assert runtime.switch.clock.monotonic() - taken[0] >= TAKEOVER_SECONDS
    other.close()
