"""How a test fax ended, in the words of the table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from faxplan import call_troubles
from faxplan.history import Attempt, Fax

AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def call(**given: Any) -> Attempt:
    empty = dict.fromkeys(Attempt.__slots__)
    values = {
        **empty, "number": 1, "node": "node1", "trunk": "t", "channel_uuid": "u", "start_page": 0, "pages": 0,
        "outcome": "not-sent", "started_at": AT, "ended_at": AT + timedelta(seconds=20), "internal": False,
    }  # fmt: skip
    return Attempt(**{**values, **given})


def fax(state: str = "failed") -> Fax:
    empty = dict.fromkeys(Fax.__slots__)
    return Fax(**{**empty, "id": 7, "state": state, "called_number": "+493099001234", "explanation": "It failed."})


def named(own_address: str = "", **given: Any) -> list[str]:
    found = call_troubles.of(fax(), [call(**given)], trunk="t", own_address=own_address)
    return [each.trouble.name for each in found]


ANSWERED = {"answered_at": AT + timedelta(seconds=2), "sip_code": 200, "hangup_cause": "NORMAL_CLEARING"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"sip_code": 401, "hangup_cause": "CALL_REJECTED"}, "call-401"),
        ({"sip_code": 402, "hangup_cause": "CALL_REJECTED"}, "call-402"),
        ({"sip_code": 403, "hangup_cause": "CALL_REJECTED"}, "call-403"),
        ({"sip_code": 404, "hangup_cause": "UNALLOCATED_NUMBER"}, "call-404"),
        ({"sip_code": 484, "hangup_cause": "INVALID_NUMBER_FORMAT"}, "call-484"),
        ({"sip_code": 486, "hangup_cause": "USER_BUSY"}, "call-busy"),
        ({"sip_code": 480, "hangup_cause": "NO_USER_RESPONSE"}, "call-no-answer"),
        ({"sip_code": 488, "hangup_cause": "INCOMPATIBLE_DESTINATION"}, "call-488"),
        ({"sip_code": 503, "hangup_cause": "NORMAL_TEMPORARY_FAILURE"}, "call-503"),
        ({"sip_code": 513, "hangup_cause": "ODD"}, "call-503"),
        ({"hangup_cause": "RECOVERY_ON_TIMER_EXPIRE"}, "call-timeout"),
        ({"hangup_cause": "GATEWAY_DOWN"}, "call-gateway"),
        ({"hangup_cause": "ODD"}, "call-other"),
        ({**ANSWERED, "fax_result_code": 2}, "no-media"),
        ({**ANSWERED, "fax_result_code": 49}, "hung-up"),
        ({**ANSWERED, "fax_result_code": 49, "t38_status": "negotiated"}, "t38-silent"),
        ({**ANSWERED, "fax_result_code": 6}, "no-training"),
        ({**ANSWERED, "fax_result_code": 49, "pages": 1}, "broke-off"),
        ({**ANSWERED, "fax_result_code": 43}, "call-other"),
    ],
)
def test_each_end_has_its_line(given: dict[str, Any], name: str) -> None:
    assert named(**given) == [name]


def test_a_private_address_is_told_where_the_carrier_is_outside() -> None:
    silent = {**ANSWERED, "fax_result_code": 2}
    assert named("10.0.0.5", **silent, peer_address="8.8.8.8") == ["private-address"]
    assert named("10.0.0.5", **silent, peer_address="10.0.0.9") == ["no-media"]
    assert named("8.8.4.4", **silent, peer_address="8.8.8.8") == ["no-media"]


def test_what_went_well_in_sound_tells_that_t38_was_refused() -> None:
    went = call(**{**ANSWERED, "outcome": "sent", "pages": 1, "fax_result_code": 0})
    assert call_troubles.of(fax("sent"), [went], trunk="t") == []
    refused = replace(went, t38_status="refused")
    (found,) = call_troubles.of(fax("sent"), [refused], trunk="t")
    assert (found.trouble.name, "--t38-request nobody" in found.do) == ("no-t38", True)


def test_a_fax_that_nobody_took_is_told() -> None:
    (found,) = call_troubles.of(fax(), [], trunk="t")
    assert found.trouble.name == "not-taken"


def test_what_was_dialled_is_named() -> None:
    (found,) = call_troubles.of(fax(), [call(sip_code=404, dialled="030 99")], trunk="t")
    assert found.means == "The carrier knows no such number (SIP 404); it was dialled 030 99."
    assert found.trouble.name in call_troubles.WRONG_FORMAT
