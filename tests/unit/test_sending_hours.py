"""Hours as administrators write them."""

import pytest

from faxplan.sending_hours import Hours, InvalidHours, parse


def test_days_and_hours() -> None:
    assert parse("mon-wed", "8:00-18:00") == [Hours(day, "08:00", "18:00") for day in (1, 2, 3)]
    assert parse("Sat, Sun", "00:00-24:00") == [Hours(6, "00:00", "24:00"), Hours(7, "00:00", "24:00")]
    assert [each.weekday for each in parse("daily", "08:00-09:00")] == [1, 2, 3, 4, 5, 6, 7]
    assert [each.weekday for each in parse("fri-mon", "08:00-09:00")] == [1, 5, 6, 7]


def test_hours_over_midnight_are_two() -> None:
    assert parse("sun", "22:00-06:00") == [Hours(7, "22:00", "24:00"), Hours(1, "00:00", "06:00")]
    assert parse("mon", "22:00-00:00") == [Hours(1, "22:00", "24:00")]


@pytest.mark.parametrize("days", ["", "monday", "mon-", "mon-xyz", "1-5"])
def test_what_are_no_days_is_refused(days: str) -> None:
    with pytest.raises(InvalidHours, match="mon-fri"):
        parse(days, "08:00-18:00")


@pytest.mark.parametrize("clock", ["", "8-18", "08:00", "08:00-25:00", "08:60-09:00", "24:00-06:00", "-"])
def test_what_are_no_hours_is_refused(clock: str) -> None:
    with pytest.raises(InvalidHours, match="08:00-18:00"):
        parse("mon", clock)


@pytest.mark.parametrize("clock", ["08:00-08:00", "8:00-08:00", "00:00-00:00", "24:00-24:00"])
def test_hours_that_open_and_close_at_once_are_refused(clock: str) -> None:
    with pytest.raises(InvalidHours):
        parse("mon", clock)
