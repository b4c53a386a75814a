"""FreeSWITCH's strings, parsed once: what cannot be read is an error, not a zero."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import call_result
from faxplan import channel_variables as cv
from faxplan.call_result import CallResult, UnreadableResult

SENT = {
    cv.HANGUP_CAUSE: "NORMAL_CLEARING",
    cv.HANGUP_CAUSE_Q850: "16",
    cv.SIP_TERM_STATUS: "200",
    cv.FAX_SUCCESS: "1",
    cv.FAX_RESULT_CODE: "0",
    cv.FAX_RESULT_TEXT: "OK",
    cv.FAX_PAGES: "3",
    cv.FAX_T38_STATUS: "negotiated",
    cv.FAX_ECM_USED: "on",
    cv.FAX_V17_DISABLED: "0",
    cv.FAX_TRANSFER_RATE: "14400",
    cv.FAX_BAD_ROWS: "0",
    cv.FAX_REMOTE_STATION_ID: "+49 30 1",
    cv.ANSWER_EPOCH: "1750000000",
}
NUMBERS = [
    cv.FAX_RESULT_CODE,
    cv.FAX_PAGES,
    cv.FAX_TRANSFER_RATE,
    cv.FAX_BAD_ROWS,
    cv.HANGUP_CAUSE_Q850,
    cv.SIP_TERM_STATUS,
    cv.ANSWER_EPOCH,
]
FLAGS = [cv.FAX_SUCCESS, cv.FAX_ECM_USED, cv.FAX_V17_DISABLED]


def test_a_sent_fax() -> None:
    result = call_result.parse(SENT.get, ended_at=5.0)
    assert (result.fax_success, result.fax_result_code, result.pages) == (True, 0, 3)
    assert (result.ecm_used, result.v17_disabled, result.transfer_rate, result.bad_rows) == (True, False, 14400, 0)
    assert (result.sip_code, result.q850_cause, result.ended_at) == (200, 16, 5.0)
    assert result.answered is not None
    assert result.answered.isoformat() == "2025-06-15T15:06:40+00:00"


def test_a_call_that_never_came_to_the_fax() -> None:
    variables = {cv.HANGUP_CAUSE: "USER_BUSY", cv.SIP_INVITE_FAILURE_STATUS: "486", cv.ANSWER_EPOCH: "0"}
    result = call_result.parse(variables.get, ended_at=5.0)
    assert result == CallResult("USER_BUSY", sip_code=486, ended_at=5.0)
    assert result.answered is None


def test_the_echo_of_our_own_cancel_is_no_answer() -> None:
    variables = {cv.HANGUP_CAUSE: "NO_ANSWER", cv.SIP_INVITE_FAILURE_STATUS: "487"}
    assert call_result.parse(variables.get, ended_at=5.0).sip_code is None
    # What the switch itself says of the end counts, whatever it is.
    assert call_result.parse({**variables, cv.SIP_TERM_STATUS: "487"}.get, ended_at=5.0).sip_code == 487


DECISIVE = {cv.FAX_SUCCESS, cv.FAX_RESULT_CODE, cv.FAX_PAGES}
"""Without these nobody knows what was sent."""


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["three", "3.0", "0x3", " ", "1_000", "\uff13", "99999999999", "-", "3\n"])
def test_a_number_that_is_none_is_an_error_where_it_decides_and_absent_elsewhere(name: str, value: str) -> None:
    variables = SENT | {name: value}
    if name in DECISIVE:
        with pytest.raises(UnreadableResult, match=name):
            call_result.parse(variables.get, ended_at=5.0)
        return
    result = call_result.parse(variables.get, ended_at=5.0)
    assert result == call_result.parse({k: v for k, v in variables.items() if k != name}.get, ended_at=5.0)
    assert result.fax_success is True


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["yes", "2", "true", " on"])
def test_a_flag_that_is_none_is_an_error_where_it_decides_and_absent_elsewhere(name: str, value: str) -> None:
    variables = SENT | {name: value}
    if name in DECISIVE:
        with pytest.raises(UnreadableResult, match=name):
            call_result.parse(variables.get, ended_at=5.0)
        return
    result = call_result.parse(variables.get, ended_at=5.0)
    assert result == call_result.parse({k: v for k, v in variables.items() if k != name}.get, ended_at=5.0)


@given(st.text(max_size=400))
def test_text_of_the_far_end_can_be_stored(text: str) -> None:
    result = call_result.parse((SENT | {cv.FAX_REMOTE_STATION_ID: text}).get, ended_at=5.0)
    kept = result.remote_station_id or ""
    assert "\0" not in kept
    assert len(kept) <= 250
    assert kept.encode("utf-8").decode("utf-8") == kept


@pytest.mark.parametrize("text", ["a\0b", "\udcff\ud800", "x" * 1000, "'\"\r\n${system(id)}"], ids=ascii)
def test_hostile_text_can_be_stored(text: str) -> None:
    kept = call_result.parse((SENT | {cv.FAX_REMOTE_VENDOR: text}).get, ended_at=5.0).remote_vendor
    assert kept
    assert "\0" not in kept
    assert kept.encode("utf-8")


def test_json_brings_it_back() -> None:
    result = call_result.parse(SENT.get, ended_at=5.0)
    assert CallResult(**json.loads(json.dumps(result.as_dict()))) == result


def test_without_a_channel_there_is_only_the_cause() -> None:
    expected = CallResult("GATEWAY_DOWN", ended_at=5.0, channel=False)
    assert call_result.without_channel("GATEWAY_DOWN", ended_at=5.0) == expected
    assert call_result.without_channel("", ended_at=5.0).hangup_cause == "NONE"


ENDED = SENT | {
    cv.START_UEPOCH: "1750000000000000",
    cv.PROGRESS_UEPOCH: "1750000003000000",
    cv.PROGRESS_MEDIA_UEPOCH: "1750000002500000",
    cv.ANSWER_UEPOCH: "1750000005250000",
    cv.END_UEPOCH: "1750000065750000",
    cv.SIP_HANGUP_DISPOSITION: "recv_bye",
    cv.SIP_NETWORK_IP: "192.0.2.1",
    cv.SIP_NETWORK_PORT: "5080",
    cv.REMOTE_MEDIA_IP: "2001:db8::1",
    cv.REMOTE_MEDIA_PORT: "4000",
    cv.READ_CODEC: "PCMA",
    cv.SIP_INVITE_FAILURE_PHRASE: "Proxy Authentication Required",
}


def test_the_switchs_own_times_are_taken_and_the_first_sign_of_life() -> None:
    result = call_result.parse(ENDED.get, ended_at=5.0)
    assert (result.invited_at, result.progress_at) == (1_750_000_000.0, 1_750_000_002.5)
    assert (result.answered_at, result.ended_at) == (1_750_000_005.25, 1_750_000_065.75)
    # "0" is what FreeSWITCH has for what never was.
    nothing = ENDED | dict.fromkeys(
        (cv.PROGRESS_UEPOCH, cv.PROGRESS_MEDIA_UEPOCH, cv.ANSWER_UEPOCH, cv.END_UEPOCH), "0"
    )
    result = call_result.parse((nothing | {cv.ANSWER_EPOCH: "0"}).get, ended_at=5.0)
    assert (result.progress_at, result.answered_at, result.ended_at) == (None, None, 5.0)


def test_where_its_sip_and_its_media_came_from() -> None:
    result = call_result.parse(ENDED.get, ended_at=5.0)
    assert (result.peer_address, result.peer_port) == ("192.0.2.1", 5080)
    assert (result.media_address, result.codec) == ("[2001:db8::1]:4000", "PCMA")
    assert call_result.parse((ENDED | {cv.SIP_NETWORK_PORT: "99999"}).get, ended_at=5.0).peer_port is None
    # The phrase of a challenge that was met is nobody's refusal.
    assert result.sip_phrase is None


@pytest.mark.parametrize(
    ("disposition", "who"),
    [
        ("recv_bye", "far-end"),
        ("recv_refuse", "far-end"),
        ("recv_cancel", "far-end"),
        ("send_bye", "us"),
        ("send_cancel", "us"),
        ("send_refuse", "us"),
        ("", None),
    ],
)
def test_who_hung_up(disposition: str, who: str | None) -> None:
    assert call_result.parse((ENDED | {cv.SIP_HANGUP_DISPOSITION: disposition}).get, ended_at=5.0).hung_up_by == who


def test_the_stacks_own_408_is_nobodys_refusal() -> None:
    silent = {cv.HANGUP_CAUSE: "NONE", cv.SIP_TERM_STATUS: "408", cv.SIP_HANGUP_DISPOSITION: "recv_refuse"}
    assert call_result.parse(silent.get, ended_at=5.0).hung_up_by is None


def test_what_the_invite_said_is_of_calls_that_went_out() -> None:
    sent = ENDED | {
        cv.SIP_REQ_URI: "+4930@192.0.2.1",
        cv.SIP_DESTINATION_URL: "sip:+4930@192.0.2.1",
        cv.SIP_FROM_HOST: "192.0.2.9",
        cv.SIP_CID_TYPE: "none",
        cv.ORIGINATION_CALLER_ID_NUMBER: "+4940",
    }
    result = call_result.parse_sent(sent.get, ended_at=5.0, from_user=None)
    assert (result.invite_uri, result.invite_from) == ("sip:+4930@192.0.2.1", '"+4940" <sip:+4940@192.0.2.9>')
    assert call_result.parse(sent.get, ended_at=5.0).invite_uri is None
