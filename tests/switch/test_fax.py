"""txfax and rxfax: results, events, resuming, drops, and what goes out blank."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from faxplan import cover_page, header_line, page_strips
from faxplan.confinement import LimitsOnly
from faxplan.cover_layout import Sheet
from faxplan.cover_page import Job
from faxplan.header_line import HeaderLine
from faxplan.rendering import Resolution
from tests.received_pages import pages_of
from tests.switch.switch_under_test import Probe, wait_for

PAGES = "CUSTOM", "spandsp::txfaxpageresult"


def test_variables_after_success_over_t38(probe: Probe, five_pages: Path) -> None:
    call = probe.dial(probe.number("000"), probe.sender(five_pages, fax_ident="+49 30 1", fax_header="Sender"))
    environment = probe.hook(call)
    expected = {
        "fax_success": "1",
        "fax_result_code": "0",
        "fax_result_text": "OK",
        "fax_document_transferred_pages": "5",
        "fax_document_total_pages": "5",
        "fax_t38_status": "negotiated",
        "fax_ecm_used": "on",
        "fax_ecm_requested": "1",
        "fax_v17_disabled": "0",
        "fax_transfer_rate": "14400",
        "fax_local_station_id": "+49 30 1",
        "fax_bad_rows": "0",
        "fax_image_resolution": "8040x7700",
        "fax_filename": str(five_pages),
        "hangup_cause": "NORMAL_CLEARING",
        "hangup_cause_q850": "16",
    }
    assert {name: environment.get(f"variable_{name}") for name in expected} == expected


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("001", {"fax_t38_status": "off", "fax_success": "1", "fax_ecm_used": "on"}),
        ("002", {"fax_t38_status": "negotiated", "fax_success": "1", "fax_ecm_used": "off"}),
        ("003", {"fax_t38_status": "off", "fax_success": "1"}),
        ("004", {"fax_t38_status": "negotiated", "fax_success": "1", "fax_transfer_rate": "9600"}),
    ],
)
def test_receivers_of_every_kind(probe: Probe, five_pages: Path, digits: str, expected: dict[str, str]) -> None:
    environment = probe.hook(probe.dial(probe.number(digits), probe.sender(five_pages, fax_end_page="1")))
    assert {name: environment.get(f"variable_{name}") for name in expected} == expected
    assert environment["variable_fax_document_transferred_pages"] == "2"


def test_we_ask_for_t38_and_are_refused(probe: Probe, five_pages: Path) -> None:
    sender = probe.sender(five_pages, fax_end_page="0")
    environment = probe.hook(probe.dial(probe.number("005"), sender, fax_enable_t38_request="true"))
    assert environment["variable_fax_t38_status"] == "refused"
    assert environment["variable_fax_success"] == "1"


def test_we_ask_for_t38_and_get_it(probe: Probe, five_pages: Path) -> None:
    sender = probe.sender(five_pages, fax_end_page="0")
    environment = probe.hook(probe.dial(probe.number("003"), sender, fax_enable_t38_request="true"))
    assert environment["variable_fax_t38_status"] == "negotiated"
    assert environment["variable_fax_success"] == "1"


def test_t38_is_refused_where_the_variable_is_not_set(probe: Probe, five_pages: Path) -> None:
    sender = probe.sender(five_pages, fax_end_page="0")
    environment = probe.hook(probe.dial(probe.number("000"), sender, fax_enable_t38="false"))
    assert environment["variable_fax_t38_status"] == "off"
    assert environment["variable_fax_success"] == "1"


def test_page_events(probe: Probe, five_pages: Path) -> None:
    probe.record(PAGES, ("CUSTOM", "spandsp::txfaxnegociateresult"), ("CUSTOM", "spandsp::txfaxresult"))
    call = probe.dial(probe.number("000"), probe.sender(five_pages))
    wait_for(lambda: probe.events(call, "CUSTOM", "spandsp::txfaxresult"), "txfaxresult")
    pages = probe.events(call, *PAGES)
    assert [event["fax-document-transferred-pages"] for event in pages] == ["1", "2", "3", "4", "5"]
    assert {event["uuid"] for event in pages} == {call}
    assert {event["fax-document-total-pages"] for event in pages} == {"5"}
    assert {event["fax-image-pixel-size"].partition("x")[0] for event in pages} == {"1728"}
    (negotiated,) = probe.events(call, "CUSTOM", "spandsp::txfaxnegociateresult")
    assert negotiated["fax-t38-status"] == "negotiated"
    assert negotiated["fax-document-total-pages"] == "0"
    (result,) = probe.events(call, "CUSTOM", "spandsp::txfaxresult")
    assert (result["fax-success"], result["fax-document-transferred-pages"]) == ("1", "5")
    probe.hook(call)


def test_a_call_dropped_after_page_two_is_resumed_at_the_third(probe: Probe, five_pages: Path) -> None:
    environment = probe.hook(probe.dial(probe.number("022"), probe.sender(five_pages)))
    assert environment["variable_fax_success"] == "0"
    assert environment["variable_fax_result_code"] == "49"
    assert environment["variable_fax_document_transferred_pages"] == "2"
    assert environment["variable_sip_hangup_disposition"] == "recv_bye"
    again = probe.hook(probe.dial(probe.number("000"), probe.sender(five_pages, fax_start_page="2")))
    assert again["variable_fax_success"] == "1"
    assert again["variable_fax_document_transferred_pages"] == "3"
    assert again["variable_fax_document_total_pages"] == "5"


def test_an_ident_over_20_and_a_header_over_50_go_out_blank(probe: Probe, five_pages: Path, tmp_path: Path) -> None:
    received = {length: tmp_path / f"received-{length}.tif" for length in (50, 51)}
    for length, file in received.items():
        probe.script(
            f"""
            def handler(session, args):
                session.execute("answer")
                session.execute("rxfax", {str(file)!r})
                session.hangup("NORMAL_CLEARING")
                note("received {length}")
            """,
            name="fax_in",
        )
        sender = probe.sender(five_pages, fax_end_page="0", fax_ident="1" * (length - 30), fax_header="H" * length)
        environment = probe.hook(probe.dial(f"{probe.switch.own_prefix}1{length}", sender))
        assert environment["variable_fax_success"] == "1"
        assert environment.get("variable_fax_local_station_id") == ("1" * 20 if length == 50 else None)
        probe.wait_for_note(f"received {length}")
    assert [ink_at_the_top(file) for file in received.values()] == [True, False]


def ink_at_the_top(received: Path) -> bool:
    """Whether something is printed where the first of the five pages has nothing."""
    with Image.open(received) as arrived:
        return bool(arrived.convert("L").crop((0, 0, arrived.width, 60)).getextrema()[0] == 0)


def test_a_cover_arrives_before_the_pages_that_it_goes_with(probe: Probe, five_pages: Path, tmp_path: Path) -> None:
    """As staging puts them together: a page on A4 that we drew, then another program's shorter ones."""
    sheet = Sheet("Acme", "{{ message }}", values={"message": "Look at page two.", "subject": "Figures"})
    drawn, _pages = cover_page.draw(
        Job(sheet, None, 5), [Resolution.STANDARD, Resolution.FINE], tmp_path, within=LimitsOnly()
    )
    whole, received = tmp_path / "whole.tif", tmp_path / "received.tif"
    pages = page_strips.of(drawn.read_bytes()).at(Resolution.FINE.y_dpi) + page_strips.of(five_pages.read_bytes())
    header_line.stamp(pages, whole, HeaderLine(datetime.now(UTC), "Acme", "+49 30 1", 1, 6))
    probe.script(
        f"""
        def handler(session, args):
            session.execute("answer")
            session.execute("rxfax", {str(received)!r})
            session.hangup("NORMAL_CLEARING")
            note("received the cover")
        """,
        name="fax_in",
    )
    environment = probe.hook(probe.dial(f"{probe.switch.own_prefix}160", probe.sender(whole)))
    assert environment["variable_fax_document_transferred_pages"] == "6"
    probe.wait_for_note("received the cover")
    assert pages_of(received) == pages_of(whole)


def test_a_missing_file_sets_no_code(probe: Probe, tmp_path: Path) -> None:
    probe.record(("CUSTOM", "spandsp::txfaxresult"))
    call = probe.dial(probe.number("000"), probe.sender(tmp_path / "none.tif"))
    environment = probe.hook(call)
    assert "variable_fax_result_code" not in environment
    assert "variable_fax_success" not in environment
    assert environment["variable_current_application_response"] == "Cannot send non-existant fax file"
    assert not probe.events(call, "CUSTOM", "spandsp::txfaxresult")


def test_a_file_that_is_no_tiff_has_its_own_code(probe: Probe, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 and then nothing of the kind")
    environment = probe.hook(probe.dial(probe.number("000"), probe.sender(broken)))
    assert environment["variable_fax_success"] == "0"
    assert 41 <= int(environment["variable_fax_result_code"]) <= 47


def test_a_silent_peer_is_ended_by_the_scheduled_hangup(probe: Probe, five_pages: Path) -> None:
    environment = probe.hook(probe.dial(probe.number("060"), probe.sender(five_pages, fax_end_page="0")))
    assert environment["variable_fax_success"] == "1"
    assert environment["variable_hangup_cause"] == "NORMAL_CLEARING"
    assert environment["variable_sip_hangup_disposition"] == "send_bye"


def test_a_kill_during_txfax(probe: Probe, five_pages: Path) -> None:
    probe.record(PAGES)
    sender = probe.script(
        f"""
        def handler(session, args):
            freeswitch.API().execute("bgapi", "uuid_kill " + session.get_uuid() + " USER_BUSY")
            session.execute("txfax", {str(five_pages)!r})
            note("after", ready=session.ready(), answered=session.answered())
        """
    )
    call = probe.dial(probe.number("000"), sender)
    environment = probe.hook(call)
    assert environment["variable_hangup_cause"] == "USER_BUSY"
    assert environment.get("variable_fax_success", "0") == "0"
    assert probe.wait_for_note("after")["ready"] is False
    assert probe.switch.api("uuid_kill 00000000-0000-0000-0000-000000000000") == "-ERR No such channel!\n"
    probe.wait_until_gone(call)


@pytest.mark.parametrize("how", ["api", "application"])
def test_a_cap_ends_a_call_that_we_made(probe: Probe, five_pages: Path, how: str) -> None:
    """Where nothing comes from the other side; txfax itself would wait for a minute (T.30, T0)."""
    number, sender = probe.number("011"), probe.sender(five_pages)
    if how == "api":
        call = probe.dial(number, sender, cap_seconds=2)
    else:
        call = probe.dial(number, sender, execute_on_answer="'sched_hangup +2 allotted_timeout'")
    environment = probe.hook(call)
    assert (environment["variable_hangup_cause"], environment["variable_hangup_cause_q850"]) == (
        "ALLOTTED_TIMEOUT",
        "16",
    )
    assert environment["variable_sip_hangup_disposition"] == "send_bye"
    assert environment["variable_fax_success"] == "0"
    assert environment["variable_fax_result_code"] == "49"


ENDS = {
    # Ours, by the dialplan's cap and by an administrator; and the other side's.
    "cap": ("ALLOTTED_TIMEOUT", 'session.execute("sched_hangup", "+2 allotted_timeout")', "session.sleep(30000)"),
    "kill": (
        "MANAGER_REQUEST",
        'freeswitch.API().execute("bgapi", f"uuid_kill {session.get_uuid()} MANAGER_REQUEST")',
        "session.sleep(30000)",
    ),
    "bye": ("NORMAL_CLEARING", "pass", "session.sleep(1000)"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_script_is_told_in_the_channels_data_why_its_received_call_ended(
    probe: Probe, tmp_path: Path, end: str
) -> None:
    """And nowhere else before it ends: switch_core_session_hangup_state runs after it."""
    cause, begin, caller = ENDS[end]
    probe.script(
        f"""
        def told(session):
            event = freeswitch.Event("CUSTOM", "probe::data")
            session.setEventData(event)
            return event.getHeader("Hangup-Cause")
        def handler(session, args):
            session.execute("answer")
            before = told(session)
            {begin}
            session.execute("rxfax", {str(tmp_path / "received.tif")!r})
            after = told(session)
            session.hangup("USER_BUSY")
            note(
                "ended",
                data=[before, after, told(session)],
                elsewhere=[session.hangupCause(), session.getVariable("hangup_cause")],
            )
        """,
        name="fax_in",
    )
    module = probe.script(f"def handler(session, args):\n    {caller}\n")
    probe.wait_until_gone(probe.dial(probe.switch.own_prefix + "130", module))
    ended = probe.wait_for_note("ended")
    assert ended["data"] == [None, cause, cause]
    assert ended["elsewhere"] == ["NONE", None]


def test_without_an_end_from_outside_it_is_our_own_hang_up(probe: Probe) -> None:
    probe.script(
        """
        def handler(session, args):
            session.execute("answer")
            session.hangup("USER_BUSY")
            event = freeswitch.Event("CUSTOM", "probe::data")
            session.setEventData(event)
            note("ended", cause=event.getHeader("Hangup-Cause"))
        """,
        name="fax_in",
    )
    module = probe.script("def handler(session, args):\n    session.sleep(5000)\n")
    probe.wait_until_gone(probe.dial(probe.switch.own_prefix + "131", module))
    assert probe.wait_for_note("ended")["cause"] == "USER_BUSY"


def test_one_of_our_numbers_receives_what_we_send(probe: Probe, five_pages: Path, tmp_path: Path) -> None:
    received = tmp_path / "received.tif"
    probe.script(
        f"""
        def handler(session, args):
            names = "destination_number sip_req_user sip_to_user caller_id_number sip_network_ip sip_call_id"
            note("call", **{{name: session.getVariable(name) for name in names.split()}})
            session.execute("answer")
            session.execute("rxfax", {str(received)!r})
            names = "fax_success fax_result_code fax_document_transferred_pages fax_remote_station_id fax_t38_status"
            note("received", **{{name: session.getVariable(name) for name in names.split()}})
            session.hangup("NORMAL_CLEARING")
        """,
        name="fax_in",
    )
    number = probe.switch.own_prefix + "123"
    environment = probe.hook(probe.dial(number, probe.sender(five_pages, fax_ident="sender")))
    assert environment["variable_fax_document_transferred_pages"] == "5"
    call, result = probe.wait_for_note("call"), probe.wait_for_note("received")
    assert call["destination_number"] == call["sip_req_user"] == call["sip_to_user"] == number
    assert call["caller_id_number"] == "15557000"
    assert call["sip_network_ip"] == "127.0.0.1"
    assert call["sip_call_id"]
    assert result == {
        "kind": "received",
        "fax_success": "1",
        "fax_result_code": "0",
        "fax_document_transferred_pages": "5",
        "fax_remote_station_id": "sender",
        "fax_t38_status": "negotiated",
    }
    assert received.stat().st_size > 0


@pytest.mark.parametrize(
    ("cause", "sip", "at_the_caller"),
    [
        ("UNALLOCATED_NUMBER", "404", "UNALLOCATED_NUMBER"),
        ("NORMAL_TEMPORARY_FAILURE", "503", "NORMAL_TEMPORARY_FAILURE"),
    ],
)
def test_we_refuse_before_answer(probe: Probe, five_pages: Path, cause: str, sip: str, at_the_caller: str) -> None:
    probe.script(
        f"""
        def handler(session, args):
            session.hangup({cause!r})
            note("refused", ready=session.ready(), cause=session.hangupCause())
        """,
        name="fax_in",
    )
    environment = probe.hook(probe.dial(probe.switch.own_prefix + "404", probe.sender(five_pages)))
    assert environment["variable_hangup_cause"] == at_the_caller
    assert environment["variable_sip_term_status"] == sip
    assert probe.wait_for_note("refused") == {"kind": "refused", "ready": False, "cause": "NONE"}
