import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faxplan.event_socket import EventSocket
from tests.live.calls import Dialled, Live, dial, job_result, wait_for


@pytest.fixture
def connection(live: Live) -> Iterator[EventSocket]:
    with live.ours.connect() as opened:
        opened.subscribe("BACKGROUND_JOB", "CUSTOM", "spandsp::txfaxpageresult")
        yield opened


def settled(live: Live, dialled: Dialled, seconds: float = 60) -> dict[str, str]:
    return wait_for(lambda: live.hook(dialled.attempt), seconds, "hangup hook")


def pages(path: Path) -> list[bytes]:
    with Image.open(path) as tiff:
        found = []
        for index in range(tiff.n_frames):
            tiff.seek(index)
            found.append(tiff.tobytes())
        return found


def limit_sessions_per_second(live: Live, limit: int) -> None:
    live.ours.api(f"fsctl sps {limit}")
    # The switch counts down from the new limit only when its next second begins; until then it still refuses, or not.
    time.sleep(1.2)


def received_call(live: Live, before: set[str]) -> dict[str, Any]:
    return wait_for(
        lambda: [call for uuid, call in live.received().items() if uuid not in before], 20, "received call"
    )[0]


@pytest.mark.parametrize(
    ("number", "t38", "status"), [("15550001", "true", "negotiated"), ("15550002", "false", "refused")]
)
def test_three_pages_to_us_through_the_carrier(
    live: Live, connection: EventSocket, three_pages: Path, number: str, t38: str, status: str
) -> None:
    before = set(live.received())
    dialled = dial(connection, number, three_pages, fax_enable_t38=t38)
    hook = settled(live, dialled)
    call = received_call(live, before)
    assert hook["fax_success"] == "1"
    assert hook["fax_document_transferred_pages"] == "3"
    assert call["after"]["fax_success"] == "1"
    assert call["after"]["fax_t38_status"] == status
    # Without ident and header nothing is stamped: the decoded pages are the sent ones.
    assert pages(Path(call["after"]["fax_filename"])) == pages(three_pages)


def test_a_sent_call_tells_its_hook_about_itself(live: Live, connection: EventSocket, three_pages: Path) -> None:
    dialled = dial(connection, "15559900000", three_pages)
    others: list[Any] = []
    assert job_result(connection, dialled.job, others) == f"+OK {dialled.attempt}"
    hook = settled(live, dialled)
    assert hook["variable_uuid"] == dialled.attempt
    assert hook["variable_hangup_cause"] == "NORMAL_CLEARING"
    assert hook["variable_fax_t38_status"] == "negotiated"
    assert hook["variable_fax_remote_station_id"] == "15559900000"
    assert int(hook["variable_answer_uepoch"]) > 0
    assert hook["variable_sip_call_id"]
    while (event := connection.next_event(0.5)) is not None:
        others.append(event)
    ours = [event for event in others if event.headers.get("Unique-ID") == dialled.attempt]
    counted = [event.headers["fax-document-transferred-pages"] for event in ours]
    assert counted == ["1", "2", "3"]


def test_a_far_end_that_refuses_t38_gets_audio(live: Live, connection: EventSocket, three_pages: Path) -> None:
    hook = settled(live, dial(connection, "15559900001", three_pages))
    assert hook["fax_success"] == "1"
    assert hook["fax_t38_status"] == "off"


def test_a_call_that_drops_after_page_two_says_two(live: Live, connection: EventSocket, three_pages: Path) -> None:
    hook = settled(live, dial(connection, "15559900022", three_pages))
    assert hook["fax_success"] == "0"
    assert hook["fax_document_transferred_pages"] == "2"


@pytest.mark.parametrize(
    ("status", "cause", "q850"),
    [
        ("486", "USER_BUSY", "17"),
        ("404", "UNALLOCATED_NUMBER", "1"),
        ("503", "NORMAL_TEMPORARY_FAILURE", "41"),
        ("603", "CALL_REJECTED", "21"),
        ("480", "NO_USER_RESPONSE", "18"),
    ],
)
def test_a_refused_call_reaches_the_hook(
    live: Live, connection: EventSocket, three_pages: Path, status: str, cause: str, q850: str
) -> None:
    dialled = dial(connection, f"15559900{status}", three_pages)
    assert job_result(connection, dialled.job, []) == f"-ERR {cause}"
    hook = settled(live, dialled, 10)
    assert (hook["hangup_cause"], hook["hangup_cause_q850"]) == (cause, q850)
    assert hook["sip_term_status"] == status
    assert "fax_success" not in hook


def test_no_answer_reaches_the_hook(live: Live, connection: EventSocket, three_pages: Path) -> None:
    hook = settled(live, dial(connection, "15559900012", three_pages, originate_timeout="3"), 20)
    assert hook["hangup_cause"] == "NO_ANSWER"
    assert hook["answer_uepoch"] == "0"


def test_an_unknown_gateway_ends_without_a_channel(live: Live, connection: EventSocket, three_pages: Path) -> None:
    dialled = dial(connection, "15559900000", three_pages, gateway="nowhere")
    assert job_result(connection, dialled.job, []) == "-ERR INVALID_GATEWAY"
    assert live.hook(dialled.attempt) is None


def test_a_gateway_that_is_down_ends_without_a_channel(live: Live, connection: EventSocket, three_pages: Path) -> None:
    wait_for(lambda: "DOWN" in live.ours.api("sofia status gateway down"), 60, "gateway that is down")
    dialled = dial(connection, "15559900000", three_pages, gateway="down")
    assert job_result(connection, dialled.job, []) == "-ERR GATEWAY_DOWN"
    assert live.hook(dialled.attempt) is None


def test_a_paused_switch_ends_without_a_channel(live: Live, connection: EventSocket, three_pages: Path) -> None:
    live.ours.api("fsctl pause outbound")
    try:
        dialled = dial(connection, "15559900486", three_pages)
        assert job_result(connection, dialled.job, []).startswith("-ERR")
    finally:
        live.ours.api("fsctl resume outbound")
    assert live.hook(dialled.attempt) is None


def test_beyond_sessions_per_second_calls_end_without_a_channel(
    live: Live, connection: EventSocket, three_pages: Path
) -> None:
    limit_sessions_per_second(live, 2)
    try:
        dialled = [dial(connection, "15559900486", three_pages) for _ in range(8)]
        with_channel = without = 0
        results: dict[str, str] = {}
        deadline = time.monotonic() + 40
        while len(results) < len(dialled):
            assert time.monotonic() < deadline, results
            event = connection.next_event(1)
            if event is not None and event.name == "BACKGROUND_JOB":
                results[event.headers["Job-UUID"]] = event.body.strip()
        for call in dialled:
            if results[call.job] == "-ERR USER_BUSY":
                settled(live, call, 10)
                with_channel += 1
            else:
                assert live.hook(call.attempt) is None
                without += 1
    finally:
        limit_sessions_per_second(live, 30)
    assert with_channel > 0
    assert without > 0
