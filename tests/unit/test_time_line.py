from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from faxplan import progress, time_line
from faxplan.history import Attempt, Fax
from faxplan.tenants import Tenant

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
TENANT = Tenant(
    id=1,
    slug="acme",
    name="Acme",
    country="DE",
    time_zone="Europe/Berlin",
    station_ident="",
    header_name="",
    header_line=True,
    page_n_of_m=True,
    max_attempts=5,
    redial_unknown=True,
    enabled=True,
)
QUEUED = Fax(
    id=7,
    direction="outbound",
    state="queued",
    called_number="+493023125002",
    calling_number="+493023125001",
    pages=3,
    pages_done=1,
    call_pages=None,
    attempts_made=1,
    uncounted=0,
    max_attempts=5,
    not_before=NOW + timedelta(minutes=4),
    explanation="The line was busy (SIP 486). Try 1 of 5.",
    error_id=None,
    file_name="order.pdf",
    resolution="fine",
    created_at=NOW,
    finished_at=None,
    tiff_id=None,
    pdf_id=None,
    listed_at=NOW,
)
CALL = Attempt(
    number=2,
    node="node1",
    trunk="carrier",
    channel_uuid="0-1-2",
    start_page=1,
    pages=2,
    outcome="sent",
    explanation="All 3 pages arrived.",
    started_at=NOW,
    answered_at=NOW + timedelta(seconds=3),
    ended_at=NOW + timedelta(seconds=45),
    sip_code=200,
    q850_cause=16,
    hangup_cause="NORMAL_CLEARING",
    fax_result_code=0,
    fax_result_text="OK",
    t38_status="negotiated",
    ecm_used=True,
    v17_disabled=False,
    transfer_rate=14400,
    bad_rows=None,
    encoding="T.6",
    image_resolution="8040x7700",
    local_station_id="+49 30 23125001",
    remote_station_id="\x1b[31mRED",
    remote_country=None,
    remote_vendor="Ricoh",
    remote_model=None,
    sip_call_id="abc",
    peer_address="192.0.2.1",
    dialled="+493023125002",
    caller_id="+493023125001",
)


def test_a_retry_says_when_and_which_one_in_the_readers_zone() -> None:
    assert time_line.standing(QUEUED, BERLIN, NOW) == (
        "The line was busy (SIP 486). Try 1 of 5. Trying again at 14:04 (attempt 2 of 5)."
    )


def test_a_call_that_never_came_about_is_no_attempt() -> None:
    outage = replace(QUEUED, attempts_made=20, uncounted=20, explanation="The trunk could not take the call.")
    assert time_line.standing(outage, BERLIN, NOW).endswith("Trying again at 14:04 (attempt 1 of 5).")
    one_busy = replace(outage, attempts_made=21)
    assert time_line.standing(one_busy, BERLIN, NOW).endswith("(attempt 2 of 5).")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("accepted", "Its pages are being prepared."),
        ("dialing", "Dialling."),
        ("sending", "Sending: 2 of 3 pages arrived."),
    ],
)
def test_each_state_has_its_words(state: str, words: str) -> None:
    assert time_line.standing(replace(QUEUED, state=state, call_pages=1), BERLIN, NOW) == words


@pytest.mark.parametrize(
    ("held_by", "words"),
    [
        (None, "waits for a free line"),
        ("tenant", "organisation is switched off"),
        ("hours", "sending hours begin"),
        ("barred", "has been barred"),
        ("trunks-off", "is switched off"),
        ("no-route", "No trunk serves"),
        ("trunks-rest", "rests after failed calls"),
    ],
)
def test_a_fax_that_is_due_says_what_it_waits_for(held_by: str | None, words: str) -> None:
    assert words in time_line.standing(replace(QUEUED, not_before=NOW, held_by=held_by), BERLIN, NOW)


def test_a_time_of_another_day_has_its_date() -> None:
    assert time_line.clock(NOW + timedelta(days=1), BERLIN, NOW) == "2026-07-02 14:00"


def test_a_record_has_words_first_and_codes_after() -> None:
    sent = replace(QUEUED, state="sent", pages_done=3, finished_at=NOW, explanation="All 3 pages arrived.")
    lines = time_line.of_fax(sent, [CALL], TENANT, NOW)
    assert lines[0] == "Fax 7 to 030 23125002: sent. All 3 pages arrived."
    assert "14:00:00  Call 2 through carrier, from page 2" in lines
    assert "14:00:45  All 3 pages arrived. (42 s on the line)" in lines
    assert "          T.38, 14,400 bit/s, ECM, T.6, 204x196 dpi" in lines
    assert lines.index("          SIP 200, Q.850 16 NORMAL_CLEARING, T.30 0 OK, T.38 negotiated, node node1") > 4


def test_numbers_are_written_as_in_the_readers_country() -> None:
    received = replace(QUEUED, direction="inbound", state="received", finished_at=NOW)
    assert time_line.headline(received, "DE") == "Fax 7 from 030 23125001"
    assert time_line.headline(received, "US") == "Fax 7 from +49 30 23125001"
    assert time_line.headline(replace(received, calling_number=None), "DE") == "Fax 7 from a withheld number"
    assert "14:00:00  Came in for 030 23125002" in time_line.of_fax(received, [], TENANT, NOW)
    american = replace(TENANT, country="US")
    assert "14:00:00  Came in for +49 30 23125002" in time_line.of_fax(received, [], american, NOW)


def test_what_a_far_machine_wrote_cannot_steer_a_terminal() -> None:
    assert all("\x1b" not in line for line in time_line.of_fax(QUEUED, [CALL], TENANT, NOW))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b]0;owned\x07.txt", r"\x1b]0;owned\x07.txt"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("a\r\nb", r"a\r\nb"),
        ("Müller & Söhne\N{NO-BREAK SPACE}AG", "Müller & Söhne\N{NO-BREAK SPACE}AG"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(written: str, shown: str) -> None:
    lines = time_line.of_fax(replace(QUEUED, file_name=written), [replace(CALL, remote_model=written)], TENANT, NOW)
    assert any(line.strip().startswith(shown) for line in lines)
    assert all(line.isprintable() or "\N{NO-BREAK SPACE}" in written for line in lines)
    assert time_line.visible(written) == shown


def test_without_t38_the_pages_went_in_audio() -> None:
    assert time_line.transmission(replace(CALL, t38_status="off")).startswith("G.711 audio,")
    assert "T.38 was refused" in time_line.transmission(replace(CALL, t38_status="refused"))
    assert time_line.transmission(replace(CALL, fax_result_code=None, transfer_rate=None)) == ""


def test_an_unreadable_resolution_is_shown_as_it_is() -> None:
    assert time_line.dots_per_inch("unknown") == "unknown"


@pytest.mark.parametrize(("done", "filled"), [(0, 0), (1, 8), (3, 24)])
def test_the_bar_shows_what_has_arrived(done: int, filled: int) -> None:
    bar = progress.bar(replace(QUEUED, state="sending", pages_done=0, call_pages=done))
    assert bar == f"[{'=' * filled}{'-' * (24 - filled)}]  {done} of 3 pages"


def test_what_an_invite_said_is_shown_with_nothing_that_a_terminal_obeys() -> None:
    said = replace(
        CALL, called_from="to", verstat="TN-Validation-Passed", attest="A", invite_uri="sip:gw+carrier@192.0.2.1",
        invite_from='"\x1b[2J" <sip:+49301@a>', invite_diversion="<sip:+49302@a>;reason=no-answer",
    )  # fmt: skip
    lines = time_line.code_lines(said)
    assert "number found in to, verstat TN-Validation-Passed, attestation A" in lines
    assert lines[-3:] == [
        "Request-URI sip:gw+carrier@192.0.2.1",
        'From "\\x1b[2J" <sip:+49301@a>',
        "diverted <sip:+49302@a>;reason=no-answer",
    ]


def test_a_fax_within_the_installation_came_through_no_trunk() -> None:
    lines = time_line.of_fax(QUEUED, [replace(CALL, trunk=None, internal=True)], TENANT, NOW)
    assert any("Call 2 within this installation" in line for line in lines)


def test_what_settles_a_dispute_stands_among_the_codes() -> None:
    disputed = replace(
        CALL,
        sip_code=486,
        sip_phrase="Busy \x07Here",
        invited_at=NOW,
        progress_at=NOW + timedelta(seconds=1.5),
        hung_up_by="far-end",
        codec="PCMA",
        peer_port=5080,
        media_address="192.0.2.2:4000",
    )
    said, idents, _, *_ = time_line.code_lines(disputed)
    assert said.startswith("SIP 486 Busy \\x07Here, ")
    assert "codec PCMA, hung up by far-end, post-dial delay 1.50 s, node node1" in said
    assert "far address 192.0.2.1:5080, far media 192.0.2.2:4000" in idents
    assert "far address [2001:db8::1]:5080" in time_line.code_lines(replace(disputed, peer_address="2001:db8::1"))[1]


@pytest.mark.parametrize("without", [{"channel": False}, {"internal": True}])
def test_what_had_no_channel_shows_none(without: dict[str, bool]) -> None:
    assert any("channel 0-1-2" in line for line in time_line.code_lines(CALL))
    assert not any("channel" in line for line in time_line.code_lines(replace(CALL, **without)))
