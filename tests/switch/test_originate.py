"""originate and bgapi: jobs, quoting, and the failures that never make a channel."""

import time
from pathlib import Path

import pytest

from tests.switch.switch_under_test import Probe, wait_for

IDLE = """
def handler(session, args):
    note("handled", args=args, uuid=session.get_uuid(), b=session.getVariable("b"), c=session.getVariable("c"))
"""
# Its call's session goes on until the file is there, by the wall clock: the bench lets the line's pass as it can.
HELD = """
import pathlib, time
def handler(session, args):
    while not pathlib.Path({until!r}).exists():
        time.sleep(0.02)
"""
CALL = ("BACKGROUND_JOB", ""), ("CHANNEL_CREATE", ""), ("CHANNEL_ORIGINATE", ""), ("CHANNEL_ANSWER", "")


def test_the_job_has_the_uuid_that_was_asked_for_and_says_ok_with_the_channel(probe: Probe) -> None:
    probe.record(*CALL)
    call = probe.dial(probe.number("000"), probe.script(IDLE), args="17 and more")
    assert probe.job(call) == f"+OK {call}"
    noted = probe.wait_for_note("handled")
    assert (noted["uuid"], noted["args"]) == (call, "17 and more")
    assert [len(probe.events(call, each)) for each in ("CHANNEL_ORIGINATE", "CHANNEL_ANSWER")] == [1, 1]


def test_the_reply_of_a_job_without_uuid_names_a_new_one(probe: Probe) -> None:
    reply = probe.switch.api("bgapi status")
    assert reply.startswith("+OK Job-UUID: ")
    assert len(reply.strip().split()[-1]) == 36


@pytest.mark.parametrize(
    ("written", "read"),
    [(r"x\,y", "x,y"), (r"x\sy", "x y"), ("'x y'", "x y"), ("+49301234", "+49301234")],
)
def test_quoting_of_a_value(probe: Probe, written: str, read: str) -> None:
    call = probe.dial(probe.number("000"), probe.script(IDLE), b=written, c="after")
    noted = probe.wait_for_note("handled")
    assert (noted["b"], noted["c"]) == (read, "after")
    probe.hook(call)


@pytest.mark.parametrize(
    ("gateway", "answer"), [("no-such-gateway", "-ERR INVALID_GATEWAY"), ("down", "-ERR GATEWAY_DOWN")]
)
def test_a_gateway_that_is_unknown_or_down_gives_only_an_error(probe: Probe, gateway: str, answer: str) -> None:
    probe.record(*CALL)
    name = probe.switch.down_gateway if gateway == "down" else gateway
    call = probe.dial(probe.number("000"), probe.script(IDLE), gateway=name)
    assert probe.job(call) == answer
    assert not probe.events(call, "CHANNEL_CREATE")
    assert not probe.events(call, "CHANNEL_ORIGINATE")
    assert not probe.notes("hook")


def test_a_paused_switch_gives_only_an_error(probe: Probe) -> None:
    probe.record(*CALL)
    try:
        assert probe.switch.api("fsctl pause outbound").startswith("+OK")
        call = probe.dial(probe.number("000"), probe.script(IDLE))
        assert probe.job(call).startswith("-ERR ")
    finally:
        assert probe.switch.api("fsctl resume outbound").startswith("+OK")
    assert not probe.events(call, "CHANNEL_CREATE")
    assert not probe.events(call, "CHANNEL_ORIGINATE")
    assert not probe.notes("hook")


@pytest.mark.parametrize(
    ("limit", "no_limit", "fewest"),
    [("fsctl sps 2", "fsctl sps 100", 1), ("fsctl max_sessions 1", "fsctl max_sessions 1000", 4)],
)
def test_a_throttled_switch_gives_only_an_error(
    probe: Probe, tmp_path: Path, limit: str, no_limit: str, fewest: int
) -> None:
    probe.record(*CALL)
    until = tmp_path / "until"
    module = probe.script(HELD.format(until=str(until)))
    try:
        assert probe.switch.api(limit).startswith("+OK")
        # The rate counts from the new limit only when the switch's next second begins.
        time.sleep(1.1)
        # One takes the only place and keeps it: of n a second it admits n - 1 (switch_core_session.c, --runtime.sps).
        # Each second that begins while the others are dialled lets one more in: they are dialled without a pause.
        calls = [probe.dial(probe.number("000"), module)]
        wait_for(lambda: probe.events(calls[0], "CHANNEL_CREATE"), "the channel of the first")
        calls += [probe.dial(probe.number("000"), module) for _ in range(4)]
        answers = {call: probe.job(call) for call in calls}
    finally:
        until.touch()
        assert probe.switch.api(no_limit).startswith("+OK")
        time.sleep(1.1)
    refused = [call for call in calls if not probe.events(call, "CHANNEL_CREATE")]
    assert not [call for call in refused if probe.events(call, "CHANNEL_ORIGINATE")]
    assert fewest <= len(refused) < 5, answers
    assert {answers[call] for call in refused} == {"-ERR DESTINATION_OUT_OF_ORDER"}
    for call in set(calls) - set(refused):
        probe.hook(call)
    assert {note["env"]["Unique-ID"] for note in probe.notes("hook")}.isdisjoint(refused)


def test_a_redirection_that_is_fatal_ends_the_call_and_says_so(probe: Probe) -> None:
    probe.record(*CALL)
    call = probe.dial(probe.number("302"), probe.script(IDLE), outbound_redirect_fatal="true")
    environment = probe.hook(call)
    assert probe.job(call) == "-ERR REQUESTED_CHAN_UNAVAIL"
    assert len(probe.events(call, "CHANNEL_ORIGINATE")) == 1
    assert environment["variable_hangup_cause"] == "REQUESTED_CHAN_UNAVAIL"
    assert environment["variable_hangup_cause_q850"] == "44"
    assert environment["variable_proto_specific_hangup_cause"] == "sip:302"
    assert "15559900200" in environment["variable_sip_redirected_to"]
    assert environment["variable_sip_hangup_disposition"] == "send_cancel"
    assert environment["variable_sip_invite_failure_status"] == "487"
    assert "variable_sip_term_status" not in environment
    assert not probe.notes("handled")


@pytest.mark.parametrize("name", ["sps", "max_sessions"])
def test_a_limit_of_zero_asks_for_the_limit(probe: Probe, name: str) -> None:
    limit = probe.switch.api(f"fsctl {name}")
    assert not limit.endswith(": 0\n")
    assert probe.switch.api(f"fsctl {name} 0") == limit


@pytest.mark.parametrize(
    ("digits", "cause", "q850"),
    [
        ("486", "USER_BUSY", "17"),
        ("404", "UNALLOCATED_NUMBER", "1"),
        ("503", "NORMAL_TEMPORARY_FAILURE", "41"),
        ("603", "CALL_REJECTED", "21"),
        ("480", "NO_USER_RESPONSE", "18"),
        ("484", "INVALID_NUMBER_FORMAT", "28"),
        ("488", "INCOMPATIBLE_DESTINATION", "88"),
        ("408", "RECOVERY_ON_TIMER_EXPIRE", "102"),
    ],
)
def test_a_refused_call_has_its_hook_with_sip_status_and_cause(
    probe: Probe, digits: str, cause: str, q850: str
) -> None:
    probe.record(*CALL)
    call = probe.dial(probe.number(digits), probe.script(IDLE), args="23")
    environment = probe.hook(call)
    assert probe.job(call) == f"-ERR {cause}"
    assert len(probe.events(call, "CHANNEL_ORIGINATE")) == 1
    assert environment["variable_hangup_cause"] == environment["Hangup-Cause"] == cause
    assert environment["variable_hangup_cause_q850"] == q850
    assert environment["variable_sip_term_status"] == digits
    assert environment["variable_sip_invite_failure_status"] == digits
    assert environment["variable_proto_specific_hangup_cause"] == f"sip:{digits}"
    assert environment["variable_sip_hangup_disposition"] == "recv_refuse"
    assert "variable_fax_result_code" not in environment
    assert not probe.notes("handled")
    assert probe.notes("hook")[0]["args"] == "23"


def test_nobody_answers(probe: Probe) -> None:
    probe.record(*CALL)
    call = probe.dial(probe.number("012"), probe.script(IDLE), originate_timeout="2")
    assert probe.job(call) == "-ERR NO_ANSWER"
    environment = probe.hook(call)
    assert environment["variable_hangup_cause"] == "NO_ANSWER"
    assert environment["variable_hangup_cause_q850"] == "19"
    assert environment["variable_sip_hangup_disposition"] == "send_cancel"


def test_what_sofia_says_of_a_gateway(probe: Probe) -> None:
    status = probe.switch.api(f"sofia status gateway {probe.switch.gateway}")
    assert f"Name    \t{probe.switch.gateway}\n" in status
    assert "Status  \tUP" in status
    assert "Status  \tDOWN" in probe.switch.api(f"sofia status gateway {probe.switch.down_gateway}")
    assert probe.switch.api("sofia status gateway nobody") == "Invalid Gateway!\n"
