"""What a switch says of its own room."""

from faxplan.switch import Capacity, capacity_of

STATUS = (
    "UP 0 years, 0 days, 0 hours, 0 minutes, 21 seconds, 532 milliseconds, 107 microseconds\n"
    "FreeSWITCH (Version 1.11.2-dev 64bit) is ready\n"
    "17 session(s) since startup\n"
    "3 session(s) - peak 5, last 5min 5 \n"
    "0 session(s) per Sec out of max 30, peak 2, last 5min 2 \n"
    "300 session(s) max\n"
    "min idle cpu 0.00/97.40\n"
    "Current Stack Size/Max 240K/8192K\n"
)


def test_the_status_of_freeswitch_is_read() -> None:
    assert capacity_of(STATUS) == Capacity(sessions=3, most_sessions=300, per_second=30)


def test_anything_else_says_nothing() -> None:
    assert capacity_of("-ERR no reply\n") is None
    assert capacity_of("") is None
