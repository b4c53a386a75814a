"""How long the runtime waits for more before it works: never past what is due, and longer only with many calls."""

import pytest

from faxplan.dialer import LEAST_WAIT_SECONDS
from faxplan.runtime import BUSY_CALLS, BUSY_COLLECT_SECONDS, COLLECT_SECONDS, collect_seconds


@pytest.mark.parametrize("due", [-3.0, LEAST_WAIT_SECONDS, 5.0])
def test_few_calls_are_worked_on_soon(due: float) -> None:
    assert collect_seconds(BUSY_CALLS - 1, due) == COLLECT_SECONDS


@pytest.mark.parametrize(("due", "waits"), [(-3.0, COLLECT_SECONDS), (0.3, 0.3), (5.0, BUSY_COLLECT_SECONDS)])
def test_many_calls_share_a_turn_unless_something_is_due(due: float, waits: float) -> None:
    assert collect_seconds(BUSY_CALLS, due) == waits
