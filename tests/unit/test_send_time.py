"""A moment by the clock of a time zone, also where clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from faxplan.send_time import InvalidSendTime, parse

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02 08:00", "2026-03-02 07:00"),
        ("2026-03-02T08:00:30", "2026-03-02 07:00:30"),
        ("2026-03-02 08:00-05:00", "2026-03-02 13:00"),
        (" 13:30 ", "2026-03-01 12:30"),
        # It is 12:00 in Berlin: tomorrow's.
        ("8:00", "2026-03-02 07:00"),
        ("12:00", "2026-03-02 11:00"),
        # Summer time begins: 02:30 is not there, and is 03:30.
        ("2026-03-29 02:30", "2026-03-29 01:30"),
        ("2026-03-29 03:30", "2026-03-29 01:30"),
        ("2026-06-01 08:00", "2026-06-01 06:00"),
        # It ends: 02:30 comes twice, and the first is meant.
        ("2026-10-25 02:30", "2026-10-25 00:30"),
        ("2026-10-25 03:30", "2026-10-25 02:30"),
    ],
)
def test_a_time_is_by_the_clock_of_the_zone(text: str, moment: str) -> None:
    assert parse(text, BERLIN, NOON) == utc(moment)


def test_the_next_eight_oclock_is_so_on_the_day_whose_clocks_change() -> None:
    evening_before = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    assert parse("08:00", BERLIN, evening_before) == utc("2026-03-29 06:00")


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-02-30 08:00", "08:00:00:00", "99:99", "2026-13-01 00:00"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidSendTime, match=r"2026-03-01 13:00"):
        parse(text, BERLIN, NOON)


@pytest.mark.parametrize("text", ["2026-03-01 11:59", "2026-03-01 12:00", "2027-03-03 08:00"])
def test_the_past_and_the_far_future_are_refused(text: str) -> None:
    with pytest.raises(InvalidSendTime, match=r"is past|more than a year"):
        parse(text, BERLIN, NOON)
