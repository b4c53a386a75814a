"""Calls that fail, on the bench: another trunk, less of T.38, pages made anew."""

from pathlib import Path

import pytest

from faxplan import destinations
from tests.bench.test_failing_calls import TEST_NUMBER, due_now, submit
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.routing import add_route, add_trunk
from tests.world import World

NUMBER = "+493098765432"
TRUNKS = ["carrier", "second"]


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("\f".join(f"Page {number} of two.\n" for number in range(1, 3)))
    return path


@pytest.fixture
def second(world: World) -> None:
    """Another trunk for every number, after the first."""
    add_route(world, "+", add_trunk(world, "second"), position=200)


def calls(world: World, fax_id: int) -> list[tuple[object, ...]]:
    return [(a["trunk"], a["outcome"], a["sip_code"], a["rule"]) for a in world.attempts(world.acme, fax_id)]


def final(world: World, fax_id: int) -> None:
    wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final")


@pytest.mark.usefixtures("second")
def test_a_call_that_one_trunk_refuses_with_503_goes_through_the_other(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = {"exact": NUMBER, "gateway": "carrier", "kind": "refuse", "sip_status": 503}
    answers = {"exact": NUMBER, "gateway": "second"}
    with faxplan_on_bench(world, monkeypatch, plan={"number": [refuses, answers]}, gateways=TRUNKS):
        fax_id = submit(world, letter, NUMBER)
        final(world, fax_id)
    assert calls(world, fax_id) == [("carrier", "not-sent", 503, "trunk-fault"), ("second", "sent", 200, None)]
    assert world.fax(world.acme, fax_id)["state"] == "sent"


@pytest.mark.usefixtures("second")
@pytest.mark.parametrize(
    ("plan", "gateways", "cause"),
    [({"down_gateways": ["carrier"]}, TRUNKS, "GATEWAY_DOWN"), ({}, ["second"], "INVALID_GATEWAY")],
)
def test_a_trunk_for_which_there_is_no_channel(
    world: World,
    letter: Path,
    monkeypatch: pytest.MonkeyPatch,
    plan: dict[str, object],
    gateways: list[str],
    cause: str,
) -> None:
    """A gateway that is down, or that the switch does not know: another trunk takes the call."""
    plan = {"number": [{"exact": NUMBER, "gateway": "second"}], **plan}
    with faxplan_on_bench(world, monkeypatch, plan=plan, gateways=gateways):
        fax_id = submit(world, letter, NUMBER)
        final(world, fax_id)
    attempts = world.attempts(world.acme, fax_id)
    assert attempts[0]["hangup_cause"] == cause
    assert [a["trunk"] for a in attempts] == TRUNKS


@pytest.mark.usefixtures("second")
def test_a_call_that_the_switch_refuses_for_having_too_many_goes_through_the_other(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions per second exceeded; the next call begins in another second."""
    plan = {"number": [{"exact": NUMBER}]}
    with faxplan_on_bench(world, monkeypatch, plan=plan, gateways=TRUNKS) as switch:
        gate, admits = switch.gate, switch.gate.admits

        def admits_none_once(direction: str) -> bool:
            admitted = admits(direction)
            gate.sessions_per_second = 1000
            return admitted

        monkeypatch.setattr(gate, "admits", admits_none_once)
        switch.api.execute("fsctl", "sps 1")
        fax_id = submit(world, letter, NUMBER)
        final(world, fax_id)
    assert calls(world, fax_id) == [("carrier", "not-sent", None, "trunk-fault"), ("second", "sent", 200, None)]
    first = world.attempts(world.acme, fax_id)[0]
    assert (first["hangup_cause"], first["channel"]) == ("DESTINATION_OUT_OF_ORDER", False)
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from trunk_states where failures > 0") == 0  # no trunk is to blame


@pytest.mark.usefixtures("second")
def test_a_busy_line_is_called_once(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with faxplan_on_bench(world, monkeypatch, gateways=TRUNKS):
        fax_id = submit(world, letter, TEST_NUMBER + "486")
        wait_for(lambda: any(call[1] for call in calls(world, fax_id)), "the attempt to be settled")
    assert calls(world, fax_id) == [("carrier", "not-sent", 486, "busy")]
    assert world.fax(world.acme, fax_id)["state"] == "queued"


@pytest.mark.usefixtures("second")
def test_a_refused_call_is_tried_on_one_other_trunk_and_is_then_final(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faxplan_on_bench(world, monkeypatch, gateways=TRUNKS):
        fax_id = submit(world, letter, TEST_NUMBER + "603")
        final(world, fax_id)
    assert [call[:3] for call in calls(world, fax_id)] == [("carrier", "not-sent", 603), ("second", "not-sent", 603)]
    assert world.fax(world.acme, fax_id)["state"] == "failed"


def test_two_failures_in_t38_and_then_audio(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lossy = {"exact": NUMBER, "loss_percent": 97}
    with faxplan_on_bench(world, monkeypatch, plan={"number": [lossy]}):
        fax_id = submit(world, letter, NUMBER)
        for tries in (1, 2):
            wait_for(lambda n=tries: sum(bool(c[1]) for c in calls(world, fax_id)) == n, f"attempt {tries} to end")  # type: ignore[misc]
            due_now(world)
        final(world, fax_id)
        again = submit(world, letter, NUMBER)
        wait_for(lambda: world.fax(world.acme, again)["finished_at"] is not None, "the second fax")
    attempts = world.attempts(world.acme, fax_id)
    assert [(a["t38_offered"], a["t38_status"], a["outcome"]) for a in attempts] == [
        (True, "negotiated", "not-sent"),
        (True, "negotiated", "not-sent"),
        (False, "off", "sent"),
    ]
    assert [(a["t38_offered"], a["outcome"]) for a in world.attempts(world.acme, again)] == [(False, "sent")]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (entry,) = destinations.everyone(tx, world.acme.tenant.id)
    assert (entry["number"], entry["t38_off"], entry["entered_by"]) == (NUMBER, True, "learned")
