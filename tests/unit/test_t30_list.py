"""A call's T.30 as a list for people."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from faxplan import t30_list
from faxplan.history import Attempt
from tests.unit.test_t30_steps import NEGOTIATED
from tests.unit.test_time_line import CALL

ZONE = ZoneInfo("Europe/Berlin")
BROKEN = replace(
    CALL,
    outcome="not-sent",
    fax_result_code=22,
    fax_result_text="No response after sending a page",
    answered_at=datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC),
    ended_at=datetime(2025, 6, 15, 15, 7, 40, tzinfo=UTC),
    hung_up_by="us",
)


def listed(call: Attempt, trace: str | None) -> list[str]:
    return t30_list.of_call(call, trace, ZONE)


def test_it_says_who_said_what_and_where_it_broke() -> None:
    trace = NEGOTIATED + "FLOW T.30 T4 expired in phase D_RX, state II_Q\nFAXPLAN times: B 1750000002\n"
    assert listed(BROKEN, trace) == [
        f"Call {BROKEN.number}, its T.30:",
        "17:06:40      answered",
        "          <- CED      the answer tone of a fax machine",
        "          <- CSI      the receiver's ident ('+49 30 1')",
        "17:06:42  <- DIS      the receiver says what it can do (V.27 ter, V.29, and V.17, ECM)",
        "          -> DCS      the sender says how it will send (V.17 14400bps, no ECM)",
        "          -> TCF      training: a test of the line at that speed",
        "          <- CFR      training was good: go on",
        "         !            no answer in time (timer T4) (T4 expired in phase D_RX, state II_Q)",
        "         >>>  it broke here (No response after sending a page)",
        "17:07:40      we hung up",
    ]


def test_a_call_that_went_well_broke_nowhere() -> None:
    well = replace(BROKEN, outcome="sent", fax_result_code=0, hung_up_by="far-end")
    lines = listed(well, NEGOTIATED)
    assert not any(">>>" in line for line in lines)
    assert lines[-1].endswith("the far end hung up")


def test_without_a_trace_it_says_how_there_would_be_one() -> None:
    (line,) = listed(BROKEN, None)
    assert "--t30-trace failed" in line
    for call in (replace(BROKEN, answered_at=None), replace(BROKEN, internal=True)):
        (line,) = listed(call, None)
        assert "nothing was answered" in line
