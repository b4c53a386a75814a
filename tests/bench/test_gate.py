"""How many sessions the bench admits, and when."""

from bench.gate import SessionGate
from tests.faxes import in_threads

MANY = 64


def test_no_more_come_in_than_may_whoever_asks_at_once() -> None:
    gate = SessionGate(sessions_per_second=1000, max_sessions=3)
    answers = in_threads(*[lambda: gate.admits("outbound") for _ in range(MANY)])
    assert answers.count(True) == 3
    gate.leaves()
    assert [gate.admits("inbound"), gate.admits("inbound")] == [True, False]


def test_what_never_became_a_call_gives_its_place_back() -> None:
    gate = SessionGate(sessions_per_second=1000, max_sessions=1)
    assert gate.admits("outbound")
    gate.leaves()
    gate.paused.add("outbound")
    assert not gate.admits("outbound")
    gate.paused.clear()
    assert gate.admits("outbound")
