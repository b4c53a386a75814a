from dataclasses import replace

import pytest

from faxplan import called_number
from faxplan.invite import Invite

DID, OTHER = "+493023125001", "+493023125002"
CALL = Invite(request_user=DID, to=f"<sip:{OTHER}@a>")
DIVERTED = '<sip:+4930501@a>;reason=unconditional;counter=1, "B" <tel:+4930502>;reason=no-answer;privacy=off'
WENT_TO = "<sip:+4930601@a>;index=1, <sip:+4930602@a;cause=302>;index=1.1;rc=1, <sip:+4930603@a>;index=1.10"


@pytest.mark.parametrize(
    ("places", "numbers"),
    [
        (("request",), [DID]),
        (("request", "to"), [DID, OTHER]),
        (("to", "request"), [OTHER, DID]),
        (("diversion", "request"), ["+4930501", "+4930502", DID]),
        (("history-info",), ["+4930603", "+4930602", "+4930601"]),
    ],
)
def test_the_places_are_looked_at_in_their_order(places: tuple[str, ...], numbers: list[str]) -> None:
    call = replace(CALL, diversion=DIVERTED, history=WENT_TO)
    assert [number for _, number in called_number.written(call, places, trusted=True)] == numbers


def test_where_a_number_stood_is_said_with_it() -> None:
    call = replace(CALL, request_user="gw+carrier")
    assert list(called_number.written(call, ("request",), trusted=False)) == [("to", OTHER)]


def test_what_only_a_trusted_trunk_may_say_does_not_count_from_others() -> None:
    call = replace(CALL, diversion=DIVERTED, history=WENT_TO)
    assert list(called_number.written(call, called_number.PLACES, trusted=False)) == [("request", DID), ("to", OTHER)]


@pytest.mark.parametrize(
    "diversion",
    [
        None,
        "",
        "+4930501",
        "sip:+4930501@a",
        "<sip:+4930501@a",
        "<sip:+4930501@a>,",
        "<sip:+4930501@a>, nonsense",
        "<sip:+4930501@a> <sip:+4930501@a>",
        "<mailto:+4930501@a>",
        "<sip:%2B49305%3001@a>;reason=x;reason=y",
        ", ".join(["<sip:+4930501@a>"] * 21),
    ],
)
def test_a_diversion_that_is_not_as_the_rfc_has_it_says_nothing(diversion: str | None) -> None:
    assert list(called_number.written(Invite(diversion=diversion), ("diversion",), trusted=True)) == []


@pytest.mark.parametrize(
    "history",
    [
        "<sip:+4930601@a>",
        "<sip:+4930601@a>;index=",
        "<sip:+4930601@a>;index=1.",
        "<sip:+4930601@a>;index=1, <sip:+4930602@a>;index=1",
        "<sip:+4930601@a>;index=1, <sip:+4930602@a>",
        "<sip:+4930601@a>;index=1" + ".1" * 21,
        "<sip:+4930601@a>;index=\u0661",
    ],
)
def test_a_history_without_its_order_says_nothing(history: str) -> None:
    assert list(called_number.written(Invite(history=history), ("history-info",), trusted=True)) == []


def test_entries_that_are_no_numbers_are_passed_over() -> None:
    history = "<sip:+4930601@a>;index=1, <sip:gw+carrier@a>;index=1.1"
    assert [
        number for _, number in called_number.written(Invite(history=history), ("history-info",), trusted=True)
    ] == ["+4930601"]


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        ("4711#03023125001", "4711#", "03023125001"),
        ("4711%2303023125001", "4711#", "03023125001"),
        ("9493023125001", "9", "493023125001"),
        # As it is, where it does not begin so.
        ("+493023125001", "9", "+493023125001"),
        ("03023125001", "", "03023125001"),
        ("4711", "4711#", "4711"),
        ("%2B49", "9", "%2B49"),
        ("99", "9", "9"),
    ],
)
def test_a_trunks_prefix_is_taken_off_once_where_it_is_there(text: str, prefix: str, rest: str) -> None:
    assert called_number.without_prefix(text, prefix) == rest
