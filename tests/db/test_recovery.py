"""A call without a channel: still to be reported, or lost. FreeSWITCH finds no channel from its hang-up on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from faxplan.call_result import CallResult
from faxplan.live_calls import LiveCalls
from faxplan.switch import NoAnswer, PageDone
from faxplan.whereabouts import REPORT_SECONDS
from tests.faxes import accepted, fax_tiff, noticed, pending_folder, queued
from tests.runtime import DROPPED, SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World

NOT_A_FAX_MACHINE = CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=8, pages=0)
BUSY = CallResult("USER_BUSY", q850_cause=17, sip_code=486)
WHOLE = replace(SENT, pages=2)


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    return Runtime(world, monkeypatch)


def no_redial(world: World) -> None:
    """What is unknown then fails the fax."""
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set redial_unknown = false")


def long_running(world: World) -> None:
    """Every call that there is has lasted for more than two minutes."""
    with world.switch.across_tenants() as tx:
        tx.execute("update calls set started_at = now() - interval '10 minutes'")


def for_seconds(runtime: Runtime, seconds: float, until: Callable[[], bool] = lambda: False) -> Callable[[], bool]:
    end = runtime.switch.clock.monotonic() + seconds
    return lambda: until() or runtime.switch.clock.monotonic() > end


def hang_up_in_mid_call(
    runtime: Runtime, *, hook_after: float | None, result: CallResult = DROPPED, pages: int = 0
) -> None:
    """The call lasts 200 s; then its hang-up begins, and so much later (None: never) its hook writes the result.

    pages: told in the last moment.
    """
    switch, clock = runtime.switch, runtime.switch.clock
    hung_up_at: list[float] = []
    reported: list[Originate] = []

    def time_passes() -> None:
        long_running(runtime.world)
        if not switch.originated:
            return
        call, now = switch.originated[0], clock.monotonic()
        if not hung_up_at and now > call.at + 200:
            hung_up_at.append(now)
            switch.tell(*(PageDone(call.uuid, number + 1) for number in range(pages)))
            switch.hangs_up(call)
        elif hung_up_at and hook_after is not None and not reported and now > hung_up_at[0] + hook_after:
            reported.append(call)
            switch.ends(call, result)

    switch.on_turn = time_passes


@pytest.mark.parametrize("hook_after", [1, 35, REPORT_SECONDS - 5])
def test_a_call_whose_hook_is_late_ends_as_its_hook_says(world: World, runtime: Runtime, hook_after: float) -> None:
    no_redial(world)
    fax_id = queued(world, world.acme)
    hang_up_in_mid_call(runtime, hook_after=hook_after, result=NOT_A_FAX_MACHINE)
    runtime.run(for_seconds(runtime, 500, runtime.settled(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["fax_result_code"]) == ("not-sent", 8)


def test_a_call_that_is_never_reported_is_unknown_in_the_end(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme)
    hang_up_in_mid_call(runtime, hook_after=None)
    runtime.run(for_seconds(runtime, 500, runtime.settled(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] == "unknown"


def test_pages_told_of_a_lost_call_that_the_database_does_not_know_are_not_sent_twice(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveCalls, "record", lambda *_: None)
    fax_id = queued(world, world.acme, pages=3)
    hang_up_in_mid_call(runtime, hook_after=None, pages=2)
    runtime.run(for_seconds(runtime, 500, runtime.settled(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"]) == ("unknown", 2)
    assert world.fax(world.acme, fax_id)["pages_done"] == 2


def refused_by_the_far_end(runtime: Runtime, hook_after: float | None) -> None:
    """Its `-ERR` comes first, and so much later (None: never) its hook."""
    switch, clock = runtime.switch, runtime.switch.clock
    told: list[float] = []

    def rejected(call: Originate) -> None:
        switch.hangs_up(call)
        switch.tell(NoAnswer(call.uuid, "USER_BUSY"))
        told.append(clock.monotonic())

    def time_passes() -> None:
        long_running(runtime.world)
        if told and hook_after is not None and clock.monotonic() > told[0] + hook_after:
            told.clear()
            switch.ends(switch.originated[0], BUSY)

    switch.on_originate, switch.on_turn = rejected, time_passes


@pytest.mark.parametrize("hook_after", [0.7, 20])
def test_a_refused_call_whose_hook_is_late_counts_as_a_call(world: World, runtime: Runtime, hook_after: float) -> None:
    fax_id = queued(world, world.acme)
    refused_by_the_far_end(runtime, hook_after)
    runtime.run(for_seconds(runtime, 500, runtime.settled(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["sip_code"]) == ("not-sent", "USER_BUSY", 486)
    assert world.fax(world.acme, fax_id)["uncounted"] == 0


def test_a_refused_call_whose_hook_is_lost_ends_by_its_err(world: World, runtime: Runtime) -> None:
    no_redial(world)
    fax_id = queued(world, world.acme)
    refused_by_the_far_end(runtime, None)
    runtime.run(for_seconds(runtime, 500, runtime.settled(world.acme, fax_id)))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "USER_BUSY")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["uncounted"]) == ("queued", 0)


def test_a_received_call_is_left_to_its_handler_however_long_that_takes(world: World, runtime: Runtime) -> None:
    """Its channel is down, rxfax and the script are not done: to adopt it now would take the pages from under them."""
    sidecar = accepted(world, world.acme, "uuid-1")
    pending = pending_folder(world)
    long_running(world)
    with world.spool.receiving(sidecar.attempt_id):
        runtime.run(for_seconds(runtime, 300))
        assert world.spool.expected(sidecar.attempt_id) == sidecar
        fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
        pending.secure(world.spool, sidecar, WHOLE)
    runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, sidecar.fax_id)))
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "received"
    assert noticed(world, world.acme) == ["received"]


def test_a_received_call_that_the_database_does_not_know_is_left_to_its_handler(world: World, runtime: Runtime) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    with world.switch.across_tenants() as tx:
        tx.execute("delete from calls")
    with world.spool.receiving(sidecar.attempt_id):
        runtime.run(for_seconds(runtime, 100))
        assert world.spool.expected(sidecar.attempt_id) == sidecar


def test_a_received_call_past_its_lease_is_given_up_though_its_handler_hangs(world: World, runtime: Runtime) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
    long_running(world)
    with world.switch.across_tenants() as tx:
        tx.execute("update calls set lease_until = now() - interval '1 second'")
    with world.spool.receiving(sidecar.attempt_id):
        runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, sidecar.fax_id)))
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "partial"


def test_what_a_handler_that_broke_left_is_delivered(world: World, runtime: Runtime) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    world.spool.note_result(sidecar.attempt_id, WHOLE)
    long_running(world)
    runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, sidecar.fax_id)))
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "received"


def test_a_received_call_that_was_never_answered_ends_without_a_notice(world: World, runtime: Runtime) -> None:
    """PostgreSQL committed, and its answer was lost: the caller was refused, and no sidecar was written."""
    sidecar = accepted(world, world.acme, "uuid-1")
    world.spool.discard_inbound(sidecar.attempt_id)
    long_running(world)
    runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, sidecar.fax_id)))
    fax = world.fax(world.acme, sidecar.fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "not-answered")
    assert noticed(world, world.acme) == []


def test_a_received_call_whose_machine_was_started_again_is_told(world: World, runtime: Runtime) -> None:
    """Its spool was in memory: whether it was answered nobody knows."""
    sidecar = accepted(world, world.acme, "uuid-1", switch_uuid="switch-0")
    world.spool.discard_inbound(sidecar.attempt_id)
    runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, sidecar.fax_id)))
    assert noticed(world, world.acme) == ["failed"]


def test_a_received_fax_that_the_disk_has_spoilt_is_told_to_its_mailbox(world: World, runtime: Runtime) -> None:
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
    (pending_folder(world).secure(world.spool, sidecar, WHOLE).folder / "call.json").write_bytes(b"")
    long_running(world)
    runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, sidecar.fax_id)))
    assert noticed(world, world.acme) == ["failed"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"tenant_id": 1}'])
def test_received_pages_whose_sidecar_the_disk_has_spoilt_are_kept_apart_and_told(
    world: World, runtime: Runtime, damage: bytes
) -> None:
    spoilt, whole = accepted(world, world.acme, "uuid-1"), accepted(world, world.acme, "uuid-2")
    for sidecar in (spoilt, whole):
        fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
        world.spool.note_result(sidecar.attempt_id, WHOLE)
    pages = world.spool.inbound_tiff(spoilt.attempt_id).read_bytes()
    (world.spool.inbound / f"{spoilt.attempt_id}.json").write_bytes(damage)
    long_running(world)
    runtime.run(for_seconds(runtime, 300, runtime.final(world.acme, spoilt.fax_id, whole.fax_id)))
    assert sorted(noticed(world, world.acme)) == ["failed", "received"]
    assert world.fax(world.acme, spoilt.fax_id)["error_id"] != "not-answered"
    (aside,) = world.spool.damaged()
    assert {file.name: file.read_bytes() for file in aside.iterdir()} == {"fax.tif": pages, "call.json": damage}
    assert [path.name for path in world.spool.inbound.iterdir()] == [aside.name]
    (said,) = [text for text in runtime.switch.logged if text.startswith("crit")]
    assert f"{spoilt.attempt_id}.json cannot be read" in said
    assert "faxplan doctor" in said
