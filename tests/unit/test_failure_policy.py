"""What follows from the way a call ended: every code and cause has a rule, and no page goes out twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import failure_policy, failure_rules
from faxplan.call_result import CallResult, without_channel
from faxplan.failure_policy import Decision, Redials, Situation, decide, decide_unknown
from faxplan.failure_rules import SHIPPED, Action, Change, Rule, Rules

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


def shipped(kind: str) -> set[str]:
    return {condition.removeprefix(kind) for condition in SHIPPED if condition.startswith(kind)}


def after(result: CallResult, rules: Rules | None = None, **now: object) -> Decision:
    """Of a fax of three pages, at its first call unless said otherwise."""
    values: dict[str, object] = {
        "start_page": 0, "recorded_pages": 0, "pages": 3, "attempts_made": 1, "max_attempts": 5,
    }  # fmt: skip
    return decide(result, Situation(**(values | now)), rules)  # type: ignore[arg-type]


def refused_with(sip_code: int, cause: str) -> CallResult:
    return CallResult(cause, sip_code=sip_code)


def test_every_completion_code_of_spandsp_has_a_rule() -> None:
    assert shipped("fax:") == {str(code) for code in range(62)}


def test_every_cause_of_freeswitch_has_a_rule() -> None:
    assert set(FREESWITCH_CAUSES) - shipped("cause:") == set()


def test_no_rule_is_for_a_cause_that_freeswitch_does_not_know() -> None:
    assert {cause for cause in shipped("cause:") if cause.isupper()} - set(FREESWITCH_CAUSES) == set()


@pytest.mark.parametrize("rule", dict.fromkeys(SHIPPED.values()), ids=lambda rule: rule.name)
def test_a_retry_waits_and_an_end_does_not(rule: Rule) -> None:
    assert rule.action is not Action.RETRY or rule.delay
    assert rule.action is not Action.FINAL or rule.delay is None


def test_names_of_rules_are_given_once() -> None:
    rules = set(SHIPPED.values())
    assert len({rule.name for rule in rules}) == len(rules)


def test_the_fax_code_counts_where_there_is_one_then_sip_code_then_cause() -> None:
    rules = Rules()
    assert rules.of(CallResult("USER_BUSY", sip_code=486, fax_result_code=41)) is failure_rules.DOCUMENT
    assert rules.of(CallResult("CALL_REJECTED", sip_code=407)) is failure_rules.LOG_IN
    assert rules.of(CallResult("CALL_REJECTED", sip_code=603)) is failure_rules.REFUSED
    assert rules.of(CallResult("USER_BUSY")) is failure_rules.BUSY
    assert rules.of(CallResult("never heard of")) is failure_rules.UNKNOWN


@pytest.mark.parametrize(
    ("result", "rule"),
    [
        (CallResult("NORMAL_TEMPORARY_FAILURE", sip_code=503, rang=True, progress_at=1.0), failure_rules.RANG),
        (CallResult("NORMAL_TEMPORARY_FAILURE", sip_code=503, progress_at=1.0), failure_rules.TRUNK_FAULT),
        (CallResult("RECOVERY_ON_TIMER_EXPIRE", sip_code=408, progress_at=1.0), failure_rules.RANG),
        (CallResult("RECOVERY_ON_TIMER_EXPIRE", sip_code=504, progress_at=1.0), failure_rules.RANG),
        (CallResult("RECOVERY_ON_TIMER_EXPIRE", sip_code=408), failure_rules.TRUNK_FAULT),
        (CallResult("NORMAL_UNSPECIFIED", rang=True, progress_at=1.0, answered_at=2.0), failure_rules.TRUNK_FAULT),
        (CallResult("USER_BUSY", sip_code=486, rang=True, progress_at=1.0), failure_rules.BUSY),
        (CallResult("CALL_REJECTED", sip_code=403, rang=True, progress_at=1.0), failure_rules.FORBIDDEN),
    ],
)
def test_what_has_rung_is_no_fault_of_the_trunk(result: CallResult, rule: Rule) -> None:
    assert Rules().of(result) is rule


def test_a_trunk_of_which_something_else_was_decided_is_left_to_that() -> None:
    """Which was said of the code: that it rang is no other code."""
    rules = Rules(({"sip:503": Change(Action.FINAL, None, None)},))
    assert rules.of(CallResult("NORMAL_TEMPORARY_FAILURE", sip_code=503, rang=True)).action is Action.FINAL


@pytest.mark.parametrize("code", [300, 301, 302, 305])
def test_a_redirection_is_tried_through_another_trunk_and_then_final(code: int) -> None:
    redirected = refused_with(code, "REQUESTED_CHAN_UNAVAIL")
    first = after(redirected, trunks_left=1)
    assert (first.delay, first.next_trunk) == (0, True)
    assert first.rule is not None
    assert (first.rule.name, first.rule.trunk_fault) == ("redirected", False)
    assert after(redirected, attempts_made=2, uncounted=1).delay is None


def test_a_switch_that_shuts_down_is_no_fault_of_its_configuration() -> None:
    rules = Rules()
    assert rules.of(CallResult("SYSTEM_SHUTDOWN")) is rules.of(CallResult("runtime-stopped"))


@pytest.mark.parametrize("answered_at", [None, 1_750_000_000])
def test_nor_does_it_say_that_nothing_was_dialled(answered_at: int | None) -> None:
    told = after(CallResult("SYSTEM_SHUTDOWN", sip_code=200, answered_at=answered_at)).explanation
    assert told.startswith("The fax server was stopped. ")


def test_success_with_every_page_is_sent() -> None:
    decision = after(failed_after(3, fax_success=True, fax_result_code=0), recorded_pages=3)
    assert (decision.outcome, decision.pages_done, decision.delay) == ("sent", 3, None)


def test_success_with_fewer_pages_is_not_sent() -> None:
    decision = after(failed_after(0, fax_success=True, fax_result_code=0))
    assert (decision.outcome, decision.pages_done) == ("not-sent", 0)
    assert decision.delay


def test_a_call_that_broke_after_the_last_page_was_acknowledged_is_sent() -> None:
    decision = after(failed_after(3, fax_result_code=49), recorded_pages=3)
    assert (decision.outcome, decision.pages_done, decision.delay) == ("sent", 3, None)
    assert "acknowledged" in decision.explanation


def test_a_page_that_an_event_reported_counts_although_the_result_knows_less() -> None:
    decision = after(failed_after(0), start_page=1, recorded_pages=1)
    assert (decision.outcome, decision.pages_done) == ("incomplete", 2)


def test_a_machine_that_took_pages_is_dialled_again_even_if_it_then_refused() -> None:
    assert after(failed_after(1, fax_result_code=8)).delay
    assert after(failed_after(0, fax_result_code=8)).delay is None


def test_the_last_try_is_the_last() -> None:
    decision = after(CallResult("USER_BUSY", sip_code=486), attempts_made=5)
    assert decision.delay is None
    assert "the last" in decision.explanation
    assert "SIP 486" in decision.explanation


class TestTrunks:
    """LESSONS 5: busy is not trunk fail-over; a trunk's fault is."""

    def test_a_busy_line_is_busy_on_every_trunk(self) -> None:
        decision = after(refused_with(486, "USER_BUSY"), trunks_left=3)
        assert (decision.next_trunk, decision.delay) == (False, 240)

    def test_a_trunks_fault_goes_to_the_next_trunk_at_once_and_uses_up_no_try(self) -> None:
        decision = after(refused_with(503, "NORMAL_TEMPORARY_FAILURE"), trunks_left=1)
        assert (decision.next_trunk, decision.delay, decision.counted) == (True, 0, False)
        assert "another trunk" in decision.explanation

    def test_when_no_trunk_is_left_it_waits_longer_each_time_and_uses_up_no_try(self) -> None:
        fault = refused_with(503, "NORMAL_TEMPORARY_FAILURE")
        delays = [
            after(fault, attempts_made=1 + rounds * 2, uncounted=rounds * 2, trunks_tried=1).delay
            for rounds in range(6)
        ]
        assert delays == [60, 120, 240, 480, 900, 900]

    def test_a_refused_call_is_tried_on_one_other_trunk_and_then_final(self) -> None:
        refused = refused_with(603, "CALL_REJECTED")
        assert after(refused, trunks_left=2).next_trunk
        second = after(refused, trunks_left=1, trunks_tried=1, seen={"refused": 1})
        assert (second.next_trunk, second.delay) == (False, None)
        assert after(refused).delay is None

    def test_a_trunk_that_was_down_just_before_did_not_refuse_it(self) -> None:
        refused = refused_with(603, "CALL_REJECTED")
        assert after(refused, trunks_left=1, trunks_tried=1, seen={"trunk-fault": 1}).next_trunk

    def test_a_trunk_that_is_down_for_a_day_is_the_end(self) -> None:
        down = without_channel("GATEWAY_DOWN", ended_at=0)
        day = failure_policy.OLDEST
        assert after(down, waited=day, calls_since=failure_policy.FEWEST_CALLS).delay is None
        assert after(down, waited=day, calls_since=failure_policy.FEWEST_CALLS, trunks_left=1).next_trunk

    def test_days_in_which_it_could_not_be_dialled_are_not(self) -> None:
        down = without_channel("GATEWAY_DOWN", ended_at=0)
        assert after(down, waited=3 * failure_policy.OLDEST, calls_since=2).delay

    def test_a_carrier_that_wants_to_be_paid_ends_no_fax(self) -> None:
        unpaid = refused_with(402, "CALL_REJECTED")
        assert after(unpaid, trunks_left=1).next_trunk
        alone = after(unpaid)
        assert (alone.delay, alone.counted) == (900, False)
        assert "paid" in alone.explanation
        assert "password" not in alone.explanation


class TestTimes:
    def test_a_number_without_a_fax_machine_gets_one_late_call_more(self) -> None:
        voice = failed_after(0, fax_result_code=3)
        assert after(voice).delay == 3600
        again = after(voice, attempts_made=2, uses={"no-fax": 1})
        assert again.delay is None
        assert "again" in again.explanation

    @pytest.mark.parametrize("code", [11, 12])
    def test_pages_that_the_far_machine_does_not_take_are_made_anew_once(self, code: int) -> None:
        first = after(failed_after(0, fax_result_code=code))
        assert (first.render_again, first.delay) == (True, 0)
        second = after(failed_after(0, fax_result_code=code), rendered_again=True)
        assert (second.render_again, second.delay) == (False, None)


class TestUsRedials:
    """47 CFR 68.318(b)."""

    def test_after_the_second_call_without_success_it_rests_for_an_hour(self) -> None:
        silent = CallResult("NO_ANSWER", sip_code=480)
        first = after(silent, redials=Redials())
        assert (first.delay, first.redials) == (600, Redials(1, busy=False))
        second = after(silent, redials=first.redials, attempts_made=2)
        assert (second.delay, second.redials) == (3600, Redials())
        assert "hour" in second.explanation

    def test_a_busy_line_may_be_dialled_fifteen_times_before_that(self) -> None:
        busy, redials = CallResult("USER_BUSY", sip_code=486), Redials()
        delays = []
        for attempt in range(1, 16):
            decision = after(busy, redials=redials, attempts_made=attempt, max_attempts=20)
            assert decision.redials is not None
            redials = decision.redials
            delays.append(decision.delay)
        assert delays == [240] * 14 + [3600]
        assert redials == Redials()

    def test_a_call_that_brought_pages_over_was_a_success_of_sorts(self) -> None:
        decision = after(failed_after(1, fax_result_code=49), redials=Redials(1, busy=False))
        assert (decision.delay, decision.redials) == (60, Redials())

    def test_a_call_that_got_no_answer_may_have_rung(self) -> None:
        silent = CallResult("RECOVERY_ON_TIMER_EXPIRE", sip_code=408, q850_cause=102)
        first = after(silent, redials=Redials())
        assert (first.delay, first.counted, first.redials) == (60, False, Redials(1, busy=False))
        second = after(silent, redials=first.redials, attempts_made=2, uncounted=1)
        assert (second.delay, second.redials) == (3600, Redials())
        assert "hour" in second.explanation

    def test_one_that_did_ring_counts_as_any_call(self) -> None:
        rang = CallResult("RECOVERY_ON_TIMER_EXPIRE", sip_code=408, rang=True)
        first = after(rang, redials=Redials(), trunks_left=1)
        assert (first.delay, first.counted, first.redials) == (600, True, Redials(1, busy=False))

    def test_also_where_another_trunk_is_left(self) -> None:
        silent = CallResult("RECOVERY_ON_TIMER_EXPIRE", sip_code=408, q850_cause=102)
        first = after(silent, redials=Redials(), trunks_left=1)
        assert (first.delay, first.next_trunk, first.redials) == (0, True, Redials(1, busy=False))
        second = after(silent, redials=first.redials, trunks_left=1)
        assert (second.delay, second.next_trunk, second.redials) == (3600, True, Redials())

    @pytest.mark.parametrize(
        "result", [refused_with(503, "NORMAL_TEMPORARY_FAILURE"), without_channel("GATEWAY_DOWN", ended_at=0)]
    )
    def test_one_that_went_no_further_than_the_trunk_did_not(self, result: CallResult) -> None:
        before = Redials(1, busy=False)
        for left in (0, 1):
            decision = after(result, redials=before, trunks_left=left)
            assert (decision.delay or 0) <= 60
            assert decision.redials == before

    def test_a_call_whose_end_nobody_told_counts(self) -> None:
        values = {"start_page": 0, "pages": 3, "attempts_made": 1, "max_attempts": 5}
        first = decide_unknown(Situation(**values, recorded_pages=0, redials=Redials()), redial=True)
        assert (first.delay, first.redials) == (60, Redials(1, busy=False))
        again = Situation(**values, recorded_pages=0, redials=first.redials)
        assert decide_unknown(again, redial=True).delay == 3600
        some = Situation(**values, recorded_pages=1, redials=first.redials)
        assert decide_unknown(some, redial=True).delay == 60

    def test_other_tenants_have_no_such_limit(self) -> None:
        assert after(CallResult("NO_ANSWER"), attempts_made=2).delay == 600


class TestChanges:
    """What an administrator decided comes before what is shipped."""

    def test_the_nearest_scope_decides(self) -> None:
        tenants = {"sip:486": Change(Action.RETRY, 30, None)}
        everybody = {"cause:USER_BUSY": Change(Action.FINAL, None, None), "fax:3": Change(Action.RETRY, 60, 9)}
        rules = Rules((tenants, everybody))
        assert rules.of(CallResult("USER_BUSY", sip_code=486)).delay == 30
        assert rules.of(CallResult("USER_BUSY", sip_code=600)).action is Action.FINAL
        assert rules.of(CallResult("NORMAL_CLEARING", fax_result_code=3)).times == 9

    def test_what_a_change_leaves_out_is_as_shipped(self) -> None:
        rule = Rules(({"cause:USER_BUSY": Change(Action.NEXT_TRUNK, None, 2)},)).of(CallResult("USER_BUSY"))
        assert (rule.words, rule.delay, rule.times) == ("The line was busy", 240, 2)

    def test_a_final_rule_that_is_made_a_retry_waits_as_an_unknown_one(self) -> None:
        rule = Rules(({"sip:404": Change(Action.RETRY, None, None)},)).of(
            CallResult("UNALLOCATED_NUMBER", sip_code=404)
        )
        assert rule.delay == failure_rules.UNKNOWN.delay
        assert rule.words.startswith("The number does not exist")

    @pytest.mark.parametrize(
        ("condition", "change", "code", "delay"),
        [
            ("fax:49", Change(Action.FINAL, None, None), 49, None),
            ("fax:20", Change(Action.NEXT_TRUNK, 900, None), 20, 900),
            ("fax:0", Change(Action.FINAL, None, None), 0, None),
        ],
    )
    def test_they_hold_after_a_page_and_for_a_success_that_was_none_as_well(
        self, condition: str, change: Change, code: int, delay: int | None
    ) -> None:
        ended = failed_after(1, fax_result_code=code, fax_success=code == 0)
        assert after(ended, Rules(({condition: change},))).delay == delay

    @pytest.mark.parametrize("action", [Action.NEXT_TRUNK, Action.RETRY])
    def test_times_hold_for_a_trunks_fault_as_well(self, action: Action) -> None:
        rules = Rules(({"sip:503": Change(action, 60, 2)},))
        fault = refused_with(503, "NORMAL_TEMPORARY_FAILURE")
        assert after(fault, rules, uses={"trunk-fault": 1}).delay == 60
        assert after(fault, rules, uses={"trunk-fault": 2}).delay is None


@given(results, st.integers(1, 10), st.data(), st.integers(1, 5), st.integers(0, 2))
def test_no_acknowledged_page_is_ever_sent_again(
    result: CallResult, pages: int, data: st.DataObject, attempts_made: int, trunks_left: int
) -> None:
    start = data.draw(st.integers(0, pages - 1))
    recorded = data.draw(st.integers(0, pages - start))
    decision = after(
        result,
        start_page=start,
        recorded_pages=recorded,
        pages=pages,
        attempts_made=attempts_made,
        trunks_left=trunks_left,
    )
    assert start + recorded <= decision.pages_done <= pages
    assert decision.pages_done >= min(start + max(result.pages, 0), pages)
    assert (decision.outcome == "sent") == (decision.pages_done == pages)
    assert (decision.outcome == "not-sent") == (decision.pages_done == start)
    assert decision.outcome != "sent" or decision.delay is None
    assert attempts_made < 5 or decision.delay is None or not decision.counted or decision.render_again
    assert not decision.next_trunk or (trunks_left and decision.delay == 0)
    assert decision.explanation


def test_fixed_delays_stand_in_place_of_the_tables_where_it_dials_again_at_all() -> None:
    busy = refused_with(486, "USER_BUSY")
    assert [after(busy, attempts_made=each, delays=(90, 600)).delay for each in (1, 2, 3, 4)] == [90, 600, 600, 600]
    assert after(refused_with(404, "UNALLOCATED_NUMBER"), delays=(90,)).delay is None
    assert after(busy, attempts_made=2, max_attempts=2, delays=(90,)).delay is None
    # US rules ask for an hour all the same.
    rested = after(refused_with(480, "NO_ANSWER"), delays=(90,), redials=Redials(calls=1, busy=False))
    assert rested.delay == 3600
