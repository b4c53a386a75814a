"""DTMF after the answer and before txfax: a menu that connects its fax machine for the right digits only."""

from pathlib import Path

import pytest

from faxplan import post_dial
from tests.switch.switch_under_test import Probe


def sender(probe: Probe, tiff: Path, application: str, data: str, sleep_ms: int) -> str:
    return probe.script(
        f"""
        def handler(session, args):
            note("before", dtmf_type=session.getVariable("dtmf_type"))
            session.execute({application!r}, {data!r})
            session.sleep({sleep_ms})
            session.execute("txfax", {str(tiff)!r})
        """
    )


def test_digits_go_as_telephone_events_before_the_fax_begins(probe: Probe, five_pages: Path) -> None:
    tones = post_dial.tones("p12w#A")
    call = probe.dial(probe.number("070"), sender(probe, five_pages, "send_dtmf", tones, post_dial.milliseconds(tones)))
    environment = probe.hook(call)
    assert probe.wait_for_note("before")["dtmf_type"] == "rfc2833"
    assert environment["variable_fax_success"] == "1"
    assert environment["variable_fax_document_transferred_pages"] == "5"
    assert environment["variable_fax_t38_status"] == "negotiated"


def test_without_telephone_events_they_are_tones_in_the_audio(probe: Probe, five_pages: Path) -> None:
    tones = post_dial.tone_stream(post_dial.tones("p12w#A"))
    call = probe.dial(probe.number("071"), sender(probe, five_pages, "playback", tones, 0))
    environment = probe.hook(call)
    assert probe.wait_for_note("before")["dtmf_type"] == "info"
    assert environment["variable_fax_success"] == "1"
    assert environment["variable_fax_document_transferred_pages"] == "5"


@pytest.mark.parametrize("digits", ["w12#B", "p"])
def test_without_the_right_digits_there_is_no_fax(probe: Probe, five_pages: Path, digits: str) -> None:
    tones = post_dial.tones(digits)
    call = probe.dial(probe.number("070"), sender(probe, five_pages, "send_dtmf", tones, post_dial.milliseconds(tones)))
    environment = probe.hook(call)
    assert environment.get("variable_fax_success", "0") == "0"
    assert environment["variable_hangup_cause"] == "NORMAL_CLEARING"
