"""What follows from the way a call ended: every code and cause has a rule, and no page goes out twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan.call_result import CallResult
from faxplan.failure_policy import BY_CAUSE, BY_FAX_CODE, Action, decide, rule_for

# switch_channel.c, CAUSE_CHART of FreeSWITCH 1.11.
CAUSE_CHART = """
    NONE UNALLOCATED_NUMBER NO_ROUTE_TRANSIT_NET NO_ROUTE_DESTINATION CHANNEL_UNACCEPTABLE CALL_AWARDED_DELIVERED
    NORMAL_CLEARING USER_BUSY NO_USER_RESPONSE NO_ANSWER SUBSCRIBER_ABSENT CALL_REJECTED NUMBER_CHANGED
    REDIRECTION_TO_NEW_DESTINATION EXCHANGE_ROUTING_ERROR DESTINATION_OUT_OF_ORDER INVALID_NUMBER_FORMAT
    FACILITY_REJECTED RESPONSE_TO_STATUS_ENQUIRY NORMAL_UNSPECIFIED NORMAL_CIRCUIT_CONGESTION NETWORK_OUT_OF_ORDER
    NORMAL_TEMPORARY_FAILURE SWITCH_CONGESTION ACCESS_INFO_DISCARDED REQUESTED_CHAN_UNAVAIL PRE_EMPTED
    FACILITY_NOT_SUBSCRIBED OUTGOING_CALL_BARRED INCOMING_CALL_BARRED BEARERCAPABILITY_NOTAUTH
    BEARERCAPABILITY_NOTAVAIL SERVICE_UNAVAILABLE BEARERCAPABILITY_NOTIMPL CHAN_NOT_IMPLEMENTED
    FACILITY_NOT_IMPLEMENTED SERVICE_NOT_IMPLEMENTED INVALID_CALL_REFERENCE INCOMPATIBLE_DESTINATION
    INVALID_MSG_UNSPECIFIED MANDATORY_IE_MISSING MESSAGE_TYPE_NONEXIST WRONG_MESSAGE IE_NONEXIST INVALID_IE_CONTENTS
    WRONG_CALL_STATE RECOVERY_ON_TIMER_EXPIRE MANDATORY_IE_LENGTH_ERROR PROTOCOL_ERROR INTERWORKING SUCCESS
    ORIGINATOR_CANCEL CRASH SYSTEM_SHUTDOWN LOSE_RACE MANAGER_REQUEST BLIND_TRANSFER ATTENDED_TRANSFER
    ALLOTTED_TIMEOUT USER_CHALLENGE MEDIA_TIMEOUT PICKED_OFF USER_NOT_REGISTERED PROGRESS_TIMEOUT INVALID_GATEWAY
    GATEWAY_DOWN INVALID_URL INVALID_PROFILE NO_PICKUP SRTP_READ_ERROR BOWOUT BUSY_EVERYWHERE DECLINE
    DOES_NOT_EXIST_ANYWHERE NOT_ACCEPTABLE UNWANTED NO_IDENTITY BAD_IDENTITY_INFO UNSUPPORTED_CERTIFICATE
    INVALID_IDENTITY STALE_DATE REJECT_ALL
"""
FREESWITCH_CAUSES = CAUSE_CHART.split()

results = st.builds(
    CallResult,
    hangup_cause=st.sampled_from([*FREESWITCH_CAUSES, "no-route", "never heard of"]),
    sip_code=st.none() | st.integers(100, 699),
    fax_success=st.none() | st.booleans(),
    fax_result_code=st.none() | st.integers(-1, 70),
    fax_result_text=st.none() | st.just("Some words"),
    pages=st.integers(-1, 12),
)


def failed_after(pages: int, **values: object) -> CallResult:
    given_values: dict[str, object] = {"hangup_cause": "NORMAL_CLEARING", "fax_success": False, "pages": pages}
    return CallResult(**(given_values | values))  # type: ignore[arg-type]


def test_every_completion_code_of_spandsp_has_a_rule() -> None:
    assert set(BY_FAX_CODE) == set(range(62))


def test_every_cause_of_freeswitch_has_a_rule() -> None:
    assert set(FREESWITCH_CAUSES) - set(BY_CAUSE) == set()


def test_no_rule_is_for_a_cause_that_freeswitch_does_not_know() -> None:
    assert {cause for cause in BY_CAUSE if cause.isupper()} - set(FREESWITCH_CAUSES) == set()


@pytest.mark.parametrize(
    "rule", dict.fromkeys([*BY_CAUSE.values(), *BY_FAX_CODE.values()]), ids=lambda rule: rule.words[:30]
)
def test_a_retry_waits_and_an_end_does_not(rule: object) -> None:
    assert (rule.action is Action.RETRY) == (rule.delay > 0)  # type: ignore[attr-defined]


def test_the_fax_code_counts_where_there_is_one_and_the_cause_elsewhere() -> None:
    assert rule_for(CallResult("USER_BUSY", fax_result_code=41)) is BY_FAX_CODE[41]
    assert rule_for(CallResult("USER_BUSY")) is BY_CAUSE["USER_BUSY"]


def test_a_switch_that_shuts_down_is_no_fault_of_its_configuration() -> None:
    assert rule_for(CallResult("SYSTEM_SHUTDOWN")) is rule_for(CallResult("runtime-stopped"))


def test_success_with_every_page_is_sent() -> None:
    result = failed_after(3, fax_success=True, fax_result_code=0)
    decision = decide(result, start_page=0, recorded_pages=3, pages=3, attempts_made=1, max_attempts=5)
    assert (decision.outcome, decision.pages_done, decision.delay) == ("sent", 3, None)


def test_success_with_fewer_pages_is_not_sent() -> None:
    result = failed_after(0, fax_success=True, fax_result_code=0)
    decision = decide(result, start_page=0, recorded_pages=0, pages=3, attempts_made=1, max_attempts=5)
    assert (decision.outcome, decision.pages_done) == ("not-sent", 0)
    assert decision.delay


def test_a_call_that_broke_after_the_last_page_was_acknowledged_is_sent() -> None:
    result = failed_after(3, fax_result_code=49)
    decision = decide(result, start_page=0, recorded_pages=3, pages=3, attempts_made=1, max_attempts=5)
    assert (decision.outcome, decision.pages_done, decision.delay) == ("sent", 3, None)
    assert "acknowledged" in decision.explanation


def test_a_page_that_an_event_reported_counts_although_the_result_knows_less() -> None:
    decision = decide(failed_after(0), start_page=1, recorded_pages=1, pages=3, attempts_made=1, max_attempts=5)
    assert (decision.outcome, decision.pages_done) == ("incomplete", 2)


def test_a_machine_that_took_pages_is_dialled_again_even_if_it_then_refused() -> None:
    took_one = decide(
        failed_after(1, fax_result_code=8), start_page=0, recorded_pages=0, pages=3, attempts_made=1, max_attempts=5
    )
    took_none = decide(
        failed_after(0, fax_result_code=8), start_page=0, recorded_pages=0, pages=3, attempts_made=1, max_attempts=5
    )
    assert took_one.delay
    assert took_none.delay is None


def test_the_last_try_is_the_last() -> None:
    busy = CallResult("USER_BUSY", sip_code=486)
    decision = decide(busy, start_page=0, recorded_pages=0, pages=1, attempts_made=5, max_attempts=5)
    assert decision.delay is None
    assert "the last" in decision.explanation
    assert "SIP 486" in decision.explanation


@given(results, st.integers(1, 10), st.data(), st.integers(1, 5))
def test_no_acknowledged_page_is_ever_sent_again(
    result: CallResult, pages: int, data: st.DataObject, attempts_made: int
) -> None:
    start = data.draw(st.integers(0, pages - 1))
    recorded = data.draw(st.integers(0, pages - start))
    decision = decide(
        result, start_page=start, recorded_pages=recorded, pages=pages, attempts_made=attempts_made, max_attempts=5
    )
    assert start + recorded <= decision.pages_done <= pages
    assert decision.pages_done >= min(start + max(result.pages, 0), pages)
    assert (decision.outcome == "sent") == (decision.pages_done == pages)
    assert (decision.outcome == "not-sent") == (decision.pages_done == start)
    assert decision.outcome != "sent" or decision.delay is None
    assert attempts_made < 5 or decision.delay is None
    assert decision.explanation
