"""How calls end that the runtime has lost sight of."""

import pytest

from faxplan import attempts, history, t30_trace
from faxplan.call_result import CallResult
from faxplan.endings import Endings
from faxplan.errors import NotFound
from faxplan.journal import Outcome
from faxplan.live_calls import LiveCalls
from faxplan.spool import OutboundSidecar
from tests.faxes import claim, pending_folder, queued
from tests.past_the_gate import connected
from tests.world import World


def endings(world: World, live: LiveCalls) -> Endings:
    return Endings(
        world.switch, world.store, world.spool, world.journal, pending_folder(world), live, actor="switch:node1",
        calls_to_one_number=2, log=lambda *_: None,
    )  # fmt: skip


def test_an_outcome_of_another_call_with_the_same_ids_leaves_the_living_one_alone(world: World) -> None:
    fax_id, live = queued(world, world.acme), LiveCalls()
    (fax,) = claim(world)
    live.add(fax)
    world.spool.outbound_tiff(fax.attempt_id).touch()
    old = Outcome(fax.tenant_id, fax_id, fax.attempt_id, CallResult("USER_BUSY"), "of a call before the restore")
    world.journal.write(old)
    endings(world, live).settle(old)
    assert not list(world.journal.waiting())
    assert world.spool.outbound_tiff(fax.attempt_id).exists()
    assert fax.attempt_id in live
    assert world.attempts(world.acme, fax_id)[0]["outcome"] is None


def test_an_outcome_written_after_the_last_look_counts(world: World) -> None:
    fax_id = queued(world, world.acme)
    (fax,) = claim(world)
    call = {"tenant_id": fax.tenant_id, "fax_id": fax_id, "attempt_id": fax.attempt_id, "direction": "outbound"}
    world.journal.write(Outcome(fax.tenant_id, fax_id, fax.attempt_id, CallResult("UNALLOCATED_NUMBER")))
    endings(world, LiveCalls()).end_lost(call)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "UNALLOCATED_NUMBER")
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert not list(world.journal.waiting())


def test_what_a_dead_switch_had_written_of_the_t30_is_kept_and_the_spool_is_left_to_recovery(world: World) -> None:
    fax_id = queued(world, world.acme)
    (fax,) = claim(world)
    sidecar = OutboundSidecar(
        fax.tenant_id, fax_id, fax.attempt_id, "1", "", "UTC", 0, "+4930", "+4940", t30_trace=t30_trace.FAILED
    )
    world.spool.stage(sidecar)
    world.spool.outbound_trace(fax.attempt_id).mkdir()
    (world.spool.outbound_trace(fax.attempt_id) / "fax-1.log").write_text("FLOW T.30 Rx:  DIS with final frame tag\n")
    call = {"tenant_id": fax.tenant_id, "fax_id": fax_id, "attempt_id": fax.attempt_id, "direction": "outbound"}
    endings(world, LiveCalls()).end_lost(call)
    with world.portal.tenant(fax.tenant_id) as tx:
        kept = tx.rows("select attempt_id, trace from t30_traces")
    assert kept == [{"attempt_id": fax.attempt_id, "trace": "FLOW T.30 Rx:  DIS with final frame tag"}]
    assert world.spool.outbound_attempts() == [fax.attempt_id]
    world.spool.discard_outbound(fax.attempt_id)
    assert list(world.spool.outbound.iterdir()) == []


def test_a_trace_goes_with_its_attempt(world: World) -> None:
    fax_id = queued(world, world.acme)
    (fax,) = claim(world)
    with world.switch.tenant(fax.tenant_id) as tx:
        attempts.keep_trace(tx, fax.tenant_id, fax.attempt_id, "FLOW T.30 x")
        # Whoever settles it a second time changes nothing.
        attempts.keep_trace(tx, fax.tenant_id, fax.attempt_id, "FLOW T.30 y")
        attempts.keep_trace(tx, fax.tenant_id, fax.attempt_id, None)
    with world.portal.tenant(fax.tenant_id) as tx:
        assert tx.value("select trace from t30_traces") == "FLOW T.30 x"
        assert history.traces(tx, world.acme.user, fax_id) == {1: "FLOW T.30 x"}
        with pytest.raises(NotFound):
            history.traces(tx, world.acme.user, fax_id + 1)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("delete from calls; delete from attempts")
        cursor.execute("select count(*) from t30_traces")
        assert cursor.fetchone() == (0,)


def test_a_machine_of_which_was_told_in_the_same_breath_was_no_person(world: World) -> None:
    """Code 49 and no name: so ends a call in which somebody picked up, and one that broke off before the first page."""
    hung_up = CallResult("NORMAL_CLEARING", sip_code=200, fax_success=False, fax_result_code=49, answered_at=1)
    rules = []
    for told in (True, False):
        fax_id, live = queued(world, world.acme), LiveCalls()
        (fax,) = claim(world)
        live.add(fax)
        if told:
            live.note_start(fax.channel_uuid)
        outcome = Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, hung_up, fax.channel_uuid)
        endings(world, live).settle(outcome)
        rules += [attempt["rule"] for attempt in world.attempts(world.acme, fax_id)]
    assert rules == ["dropped", "no-fax"]
