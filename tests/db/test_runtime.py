"""The runtime on a scripted switch: what it dials, how many at once, and that every call is settled."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from faxplan import nodes, outbound, queue, staging, whereabouts
from faxplan.claims import ClaimedFax
from faxplan.document_store import Store
from faxplan.documents import StoredObject
from faxplan.listener import Listener
from faxplan.runtime import RECOVERY_SECONDS
from faxplan.spool import OutboundSidecar, Spool
from faxplan.switch import Capacity, FaxStarted, PageDone
from tests.faxes import accepted, audited, claim, due_now, fax_tiff, noticed, pending_folder, queued
from tests.runtime import DROPPED, SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    return Runtime(world, monkeypatch)


def test_a_fax_is_dialled_and_settled_and_nothing_is_left_over(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme, pages=3)
    switch, staged = runtime.switch, []

    def answered(call: Originate) -> None:
        sidecar = world.spool.staged(call.attempt_id)
        assert sidecar is not None
        staged.append((sidecar.fax_id, sidecar.start_page, world.spool.outbound_tiff(call.attempt_id).exists()))
        switch.ends(call, SENT)

    switch.on_originate = answered
    runtime.run(runtime.final(world.acme, fax_id))
    assert [(call.gateway, call.number) for call in switch.originated] == [("carrier", "+493099001234")]
    assert staged == [(fax_id, 0, True)]
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert world.attempts(world.acme, fax_id)[0]["dialled"] == "+493099001234"
    assert not [*world.spool.outbound.iterdir(), *world.journal.folder.iterdir()]
    with world.portal.across_tenants() as tx:
        assert [node["name"] for node in nodes.everyone(tx)] == ["node1"]


def test_pages_told_just_before_the_end_count(world: World, runtime: Runtime) -> None:
    """The hook knew less: it could not read its variables. Both lie before the runtime at once."""
    fax_id = queued(world, world.acme)

    def drops_after_two(call: Originate) -> None:
        runtime.switch.tell(FaxStarted(call.uuid), PageDone(call.uuid, 1), PageDone(call.uuid, 2))
        runtime.switch.ends(call, DROPPED)

    runtime.switch.on_originate = drops_after_two
    runtime.run(runtime.settled(world.acme, fax_id))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"]) == ("queued", 2)


def test_a_fax_on_its_way_shows_its_pages(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)

    def pages_recorded() -> int:
        with world.switch.across_tenants() as tx:
            return tx.value("select max(pages) from calls") or 0

    runtime.switch.on_originate = lambda call: runtime.switch.tell(FaxStarted(call.uuid), PageDone(call.uuid, 1))
    runtime.run(lambda: pages_recorded() == 1)
    assert world.fax(world.acme, fax_id)["state"] == "sending"


def test_a_resumed_fax_starts_after_the_last_acknowledged_page(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)
    starts = []

    def drops_once(call: Originate) -> None:
        sidecar = world.spool.staged(call.attempt_id)
        assert sidecar is not None
        starts.append(sidecar.start_page)
        first = len(starts) == 1
        runtime.switch.tell(PageDone(call.uuid, 2 if first else 1))
        runtime.switch.ends(call, DROPPED)

    runtime.switch.on_originate = drops_once
    runtime.run(runtime.settled(world.acme, fax_id))
    due_now(world)
    runtime.run(runtime.final(world.acme, fax_id))
    assert starts == [0, 2]
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_number_that_no_trunk_serves_is_not_dialled(world: World, runtime: Runtime) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update routes set prefix = '+1'")
    fax_id = queued(world, world.acme)
    runtime.run(runtime.final(world.acme, fax_id))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "no-route")
    assert runtime.switch.originated == []


def rendering_of(world: World, fax_id: int) -> str:
    """Its name in the store."""
    with world.switch.tenant(world.acme.tenant.id) as tx:
        return str(
            tx.value(
                """select object_name from faxes f join renderings r on r.id = f.rendering_id
                   join documents d on d.id = r.document_id where f.id = %s""",
                (fax_id,),
            )
        )


def test_a_rendering_that_is_lost_or_spoilt_ends_its_fax_alone(world: World, runtime: Runtime) -> None:
    lost, spoilt, well = (queued(world, world.acme, due_in=seconds) for seconds in (-30, -20, -10))
    world.store.delete(rendering_of(world, lost))
    next(world.store.root.rglob(rendering_of(world, spoilt))).write_bytes(b"something else")
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.acme, lost, spoilt, well))
    rows = [world.fax(world.acme, fax_id) for fax_id in (lost, spoilt, well)]
    states = [(row["state"], row["error_id"]) for row in rows]
    assert states == [("failed", "document-lost"), ("failed", "document-lost"), ("sent", None)]
    assert len(runtime.switch.originated) == 1


def test_a_rendering_that_is_no_fax_tiff_ends_its_fax_alone(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as garbled:
        garbled.setattr("tests.faxes.fax_tiff", lambda path, _: path.write_bytes(b"II*\0 and nothing that follows"))
        garbage = queued(world, world.acme, pages=1)
    well = queued(world, world.acme, pages=3)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.acme, garbage, well))
    assert world.fax(world.acme, garbage)["state"] == "failed"
    assert world.fax(world.acme, well)["state"] == "sent"


def test_no_more_calls_at_once_than_the_node_may_have(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(world, monkeypatch, max_channels=3)
    received = accepted(world, world.borea, "a call that comes in")
    faxes = [queued(world, world.acme) for _ in range(7)]
    switch = runtime.switch
    switch.channels[received.channel_uuid] = Originate(received.channel_uuid, "", "", received.attempt_id, 0.0)

    def one_call_ends() -> None:
        ours = [call for call in switch.channels.values() if call.gateway]
        if len(switch.channels) == 3 or len(switch.originated) == len(faxes):
            for call in ours[:1]:
                switch.ends(call, SENT)

    switch.on_turn = one_call_ends
    runtime.run(runtime.final(world.acme, *faxes))
    assert len(switch.originated) == 7
    assert switch.busiest == 3


def test_no_more_new_calls_a_second_than_set(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(world, monkeypatch, calls_per_second=2.0)
    faxes = [queued(world, world.acme) for _ in range(9)]
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.acme, *faxes))
    at = [call.at for call in runtime.switch.originated]
    assert len(at) == 9
    # A bucket of one call: in any stretch of time no more than what flows in, and what it held.
    for first in range(9):
        for last in range(first, 9):
            assert last - first + 1 <= 2.0 * (at[last] - at[first]) + 1.0 + 1e-6


def test_sessions_that_are_reserved_are_left_to_other_calls(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch has a telephone system's calls as well."""
    runtime = Runtime(world, monkeypatch, session_reserve=10)
    faxes = [queued(world, world.acme) for _ in range(4)]
    runtime.switch.room = Capacity(sessions=98, most_sessions=110, per_second=1000)
    runtime.run(lambda: runtime.switch.clock.monotonic() > 1010)
    assert len(runtime.switch.originated) == 2
    runtime.switch.room = Capacity(sessions=20, most_sessions=110, per_second=1000)
    runtime.run(lambda: len(runtime.switch.originated) == len(faxes))


def test_the_switchs_own_limit_of_new_sessions_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(world, monkeypatch, calls_per_second=200)
    runtime.switch.room = Capacity(sessions=0, most_sessions=1000, per_second=11)
    faxes = [queued(world, world.acme) for _ in range(40)]
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.acme, *faxes))
    at = [call.at for call in runtime.switch.originated]
    assert max(sum(start <= each < start + 1 for each in at) for start in at) <= 10


def test_a_cancel_hangs_up(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)
    runtime.switch.on_originate = lambda _: outbound.cancel(world.portal, world.acme.user, fax_id)
    runtime.run(runtime.final(world.acme, fax_id))
    assert [cause for _, cause in runtime.switch.hung_up] == ["ORIGINATOR_CANCEL"]
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"
    assert audited(world, world.acme) == ["fax.cancel", "fax.cancelled"]
    assert noticed(world, world.acme) == ["cancelled"]


def test_a_second_runtime_on_the_same_node_ends(world: World, runtime: Runtime) -> None:
    queued(world, world.acme)
    first = Listener(world.installation.url("faxplan_switch"), ())
    assert first.try_lock(nodes.lock_key("node1"))
    runtime.run(lambda: False)
    assert "another runtime serves this node" in runtime.switch.logged[-1]
    assert runtime.switch.originated == []
    first.close()


def test_a_machine_with_the_name_of_another_says_so(world: World, runtime: Runtime) -> None:
    """As one that was copied whole."""
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="of another machine", max_channels=1)
    first = Listener(world.installation.url("faxplan_switch"), ())
    assert first.try_lock(nodes.lock_key("node1"))
    runtime.run(lambda: False)
    assert runtime.switch.logged[-1].startswith("crit: another runtime serves this node")
    assert "two machines are called node1" in runtime.switch.logged[-1]
    first.close()


def test_calls_of_a_switch_that_is_gone_are_settled(world: World, runtime: Runtime) -> None:
    """The switch was killed in mid-call: it starts again with another core UUID."""
    fax_id = queued(world, world.acme)
    (old,) = claim(world)
    with world.switch.across_tenants() as tx:
        queue.record_pages(tx, old.channel_uuid, 2)
    world.spool.outbound_tiff(old.attempt_id).touch()
    half, empty = accepted(world, world.borea, "in-1"), accepted(world, world.borea, "in-2")
    fax_tiff(world.spool.inbound_tiff(half.attempt_id), 1)
    runtime.switch.core = "switch-2"
    runtime.run(runtime.settled(world.acme, fax_id))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"]) == ("unknown", 2)
    assert world.fax(world.acme, fax_id)["pages_done"] == 2
    runtime.run(runtime.final(world.borea, half.fax_id, empty.fax_id))
    states = [world.fax(world.borea, each.fax_id)["state"] for each in (half, empty)]
    assert states == ["partial", "failed"]
    assert not [*world.spool.outbound.iterdir(), *world.spool.inbound.iterdir()]


def test_calls_of_a_node_that_died_are_settled_by_another_that_saw_them_twice(world: World, runtime: Runtime) -> None:
    """After a clock jumped, every lease looks old until the nodes have reported again."""
    fax_id = queued(world, world.acme)
    claim(world, node="node2", lease_seconds=-1)
    began = runtime.switch.clock.monotonic()
    runtime.run(runtime.settled(world.acme, fax_id))
    assert runtime.switch.clock.monotonic() - began >= RECOVERY_SECONDS
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["node"], attempt["outcome"]) == ("node2", "unknown")
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_what_the_journal_holds_at_the_start_is_settled_first(world: World, runtime: Runtime) -> None:
    """The runtime died after the hook wrote: the outcome counts, not that the switch is another one."""
    fax_id = queued(world, world.acme)
    runtime.run(lambda: bool(runtime.switch.originated))
    (call,) = runtime.switch.originated
    runtime.switch.ends(call, SENT)
    runtime.switch.core = "switch-2"
    runtime.run(runtime.settled(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert len(runtime.switch.originated) == 1


def test_a_call_going_on_survives_a_new_runtime(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)
    runtime.run(lambda: bool(runtime.switch.originated))
    with world.switch.across_tenants() as tx:
        # For as long as a call without a channel is given up.
        tx.execute("update calls set started_at = now() - interval '1 hour'")
    runtime.run(lambda: runtime.switch.turns > 400)
    assert world.attempts(world.acme, fax_id)[0]["outcome"] is None
    (call,) = runtime.switch.originated
    assert world.spool.staged(call.attempt_id) is not None
    runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_call_past_its_lease_is_hung_up_and_not_dialled_beside_itself(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme, pages=3)
    most_at_once = []

    def clock_jumped(_: Originate) -> None:
        with world.switch.across_tenants() as tx:
            tx.execute("update calls set lease_until = now() - interval '1 hour'")

    runtime.switch.on_originate = clock_jumped
    runtime.switch.on_turn = lambda: most_at_once.append(len(runtime.switch.channels))
    runtime.run(runtime.settled(world.acme, fax_id))
    assert [cause for _, cause in runtime.switch.hung_up] == ["ALLOTTED_TIMEOUT"]
    assert max(most_at_once) == 1
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] == "not-sent"


def test_a_cancel_before_the_channel_is_there_is_not_forgotten(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)
    switch = runtime.switch

    def cancelled_while_dialling(call: Originate) -> None:
        switch.no_channel(call)
        outbound.cancel(world.portal, world.acme.user, fax_id)

    def channel_comes() -> None:
        if switch.hung_up and not switch.channels:
            switch.channels[switch.originated[0].uuid] = switch.originated[0]

    switch.on_originate, switch.on_turn = cancelled_while_dialling, channel_comes
    runtime.run(runtime.final(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"


def test_one_tenants_bad_time_zone_holds_up_nobody_else(world: World, runtime: Runtime) -> None:
    # PostgreSQL reads it as POSIX has it, and lets no zone in that it cannot read; Python has no such one.
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set time_zone = 'XYZ-3' where id = %s", (world.acme.tenant.id,))
    bad, good = queued(world, world.acme), queued(world, world.borea)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(lambda: runtime.final(world.borea, good)() and runtime.settled(world.acme, bad)())
    assert world.fax(world.borea, good)["state"] == "sent"
    assert world.fax(world.acme, bad)["state"] == "queued"


def test_a_received_fax_that_cannot_be_delivered_holds_up_no_other(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = accepted(world, world.acme, "uuid-1"), accepted(world, world.acme, "uuid-2")
    pending = pending_folder(world)
    for sidecar in (bad, good):
        fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
        pending.secure(world.spool, sidecar, replace(SENT, pages=1))
    take_in = world.store.take_in

    def full(file: Path, stored: StoredObject) -> None:
        if file.parent.name == str(bad.attempt_id):
            raise OSError(28, "No space left on device")
        take_in(file, stored)

    monkeypatch.setattr(world.store, "take_in", full)
    runtime.run(lambda: world.fax(world.acme, good.fax_id)["state"] == "received")
    assert world.fax(world.acme, bad.fax_id)["state"] == "receiving"
    assert (pending.root / str(bad.attempt_id)).exists()


def test_a_disabled_tenants_faxes_wait(world: World, runtime: Runtime) -> None:
    held, sent = queued(world, world.acme), queued(world, world.borea)
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set enabled = false where id = %s", (world.acme.tenant.id,))
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, replace(SENT, pages=1))
    runtime.run(runtime.settled(world.borea, sent))
    assert world.fax(world.acme, held)["state"] == "queued"
    assert not world.attempts(world.acme, held)


@pytest.fixture
def slow_stamping(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Long faxes are stamped when this is set, and not before."""
    go_on, stage = threading.Event(), staging.stage

    def stage_slowly(store: Store, spool: Spool, fax: ClaimedFax, *rest: Any) -> OutboundSidecar:
        if fax.pages > staging.MOST_PAGES_AT_ONCE:
            assert go_on.wait(60)
        return stage(store, spool, fax, *rest)

    monkeypatch.setattr(staging, "stage", stage_slowly)
    return go_on


def test_while_a_long_fax_is_stamped_others_go_out_and_it_is_not_given_up(
    world: World, runtime: Runtime, slow_stamping: threading.Event
) -> None:
    long = queued(world, world.acme, due_in=-10, pages=staging.MOST_PAGES_AT_ONCE + 1)
    short = queued(world, world.acme, pages=3)
    clock, began = runtime.switch.clock, runtime.switch.clock.monotonic()

    def stamped_when_recovery_has_looked_twice() -> None:
        with world.switch.across_tenants() as tx:
            tx.execute(
                "update calls set started_at = now() - %s", (timedelta(seconds=whereabouts.DIALLING_SECONDS + 1),)
            )
        if clock.monotonic() > began + 2 * RECOVERY_SECONDS:
            assert world.fax(world.acme, short)["state"] == "sent"
            slow_stamping.set()
            time.sleep(0.01)

    def sent_whole(call: Originate) -> None:
        runtime.switch.ends(call, replace(SENT, pages=3 if len(runtime.switch.originated) == 1 else 11))

    runtime.switch.on_turn = stamped_when_recovery_has_looked_twice
    runtime.switch.on_originate = sent_whole
    runtime.run(runtime.final(world.acme, long))
    assert world.fax(world.acme, long)["state"] == "sent"
    assert len(world.attempts(world.acme, long)) == 1
