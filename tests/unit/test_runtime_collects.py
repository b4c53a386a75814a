"""How long the runtime waits for more before it works: never past what is due, and longer only with many calls."""

from types import SimpleNamespace
from typing import Any

import pytest

from faxplan import runtime
from faxplan.dialer import LEAST_WAIT_SECONDS
from faxplan.runtime import (
    BUSY_CALLS,
    BUSY_COLLECT_SECONDS,
    COLLECT_SECONDS,
    MOST_EVENTS,
    Runtime,
    collect_seconds,
)
from faxplan.switch import CallJournalled


@pytest.mark.parametrize("due", [-3.0, LEAST_WAIT_SECONDS, 5.0])
def test_few_calls_are_worked_on_soon(due: float) -> None:
    assert collect_seconds(BUSY_CALLS - 1, due) == COLLECT_SECONDS


@pytest.mark.parametrize(("due", "waits"), [(-3.0, COLLECT_SECONDS), (0.3, 0.3), (5.0, BUSY_COLLECT_SECONDS)])
def test_many_calls_share_a_turn_unless_something_is_due(due: float, waits: float) -> None:
    assert collect_seconds(BUSY_CALLS, due) == waits


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(runtime, "time", SimpleNamespace(sleep=seconds.append, monotonic=lambda: 0.0))
    return seconds


def busy(events: list[CallJournalled], *, staging: bool = False) -> Any:
    """A runtime with many calls in hand, of which no more is there than takes in what the switch tells."""
    made: Any = Runtime.__new__(Runtime)
    made._more_told = False
    made._switch = SimpleNamespace(next_event=lambda _: events.pop(0) if events else None)
    made._live, made._ended, made._next_sweep = [None] * BUSY_CALLS, set(), 1e9
    made._dialer = SimpleNamespace(due=1e9, is_staging=staging)
    made._patience_ms = lambda: 1
    return made


def test_what_is_left_of_a_full_turn_is_taken_at_once(slept: list[float]) -> None:
    events = [CallJournalled(number) for number in range(2 * MOST_EVENTS + 1)]
    taking = busy(events)
    for _ in range(3):
        taking._take_events()
    assert not events
    assert slept == [BUSY_COLLECT_SECONDS]
    events.append(CallJournalled(0))
    taking._take_events()
    assert slept == [BUSY_COLLECT_SECONDS] * 2


def test_a_long_fax_that_is_being_stamped_is_due(slept: list[float]) -> None:
    busy([CallJournalled(1)], staging=True)._take_events()
    assert slept == [COLLECT_SECONDS]
