"""The files of one document have its limits together, and not each for itself."""

import pytest

from faxplan.refusals import Budget, Limits, TooManyPages
from faxplan.sandbox import DocumentTooExpensive


def test_each_file_has_the_time_that_those_before_it_have_left() -> None:
    now = 100.0
    budget = Budget(Limits(cpu_seconds=300, wall_seconds=600), clock=lambda: now)
    assert budget.left() == Limits(cpu_seconds=300, wall_seconds=600)
    now = 350.0
    assert budget.left() == Limits(cpu_seconds=300, wall_seconds=350)
    now = 600.5
    assert budget.left() == Limits(cpu_seconds=99, wall_seconds=99)
    now = 699.5
    with pytest.raises(DocumentTooExpensive, match="together"):
        budget.left()


def test_their_pages_are_counted_together() -> None:
    budget = Budget(Limits(max_pages=5))
    for pages in (2, None, 3):
        budget.take_pages(pages)
    with pytest.raises(TooManyPages, match="more than 5 pages together"):
        budget.take_pages(1)
