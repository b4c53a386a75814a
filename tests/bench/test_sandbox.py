"""The sandbox beside calls that end so: what both leave of a fax is the same."""

from pathlib import Path

import pytest

from faxplan.sandbox_numbers import End
from tests.bench.test_failing_calls import TEST_NUMBER, letter, submit
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.world import World

__all__ = ["letter"]

AS_CALLED = (
    "outcome", "rule", "explanation", "pages", "start_page", "sip_code", "q850_cause", "hangup_cause",
    "fax_result_code", "fax_result_text", "ecm_used", "transfer_rate",
)  # fmt: skip


@pytest.mark.parametrize(
    ("end", "digits"),
    [
        (End.SENT, "000"),
        (End.BUSY, "486"),
        (End.NO_ANSWER, "012"),
        (End.BAD_NUMBER, "404"),
        (End.DROPPED, "021"),
        (End.IN_AUDIO, "001"),
    ],
)
def test_a_sandbox_number_leaves_what_a_call_leaves(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, end: End, digits: str
) -> None:
    with faxplan_on_bench(world, monkeypatch) as switch:
        faxes = [submit(world, letter, number) for number in (end.number, TEST_NUMBER + digits)]
        wait_for(
            lambda: all(world.attempts(world.acme, each)[:1] and world.attempts(world.acme, each)[0]["outcome"]
                        for each in faxes),
            "both to be settled",
        )  # fmt: skip
        assert not switch.complaints
    ours, called = (world.attempts(world.acme, each)[0] for each in faxes)
    # Of a call in which T.38 was refused the bench tells no SIP status.
    same = [name for name in AS_CALLED if (end, name) != (End.IN_AUDIO, "sip_code")]
    assert {name: ours[name] for name in same} == {name: called[name] for name in same}
    first, second = (world.fax(world.acme, each) for each in faxes)
    for name in ("state", "pages_done", "attempts_made", "explanation", "error_id"):
        assert first[name] == second[name], name
