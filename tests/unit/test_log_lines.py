"""What a line of the log says besides, in text and in systemd's journal."""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from faxplan import log_lines
from faxplan.log_lines import JournalHandler, PlainFormatter, about, about_this, suffix


def test_ids_are_set_inside_added_to_and_gone_afterwards() -> None:
    assert suffix() == ""
    with about(tenant=3, rendering=5):
        assert suffix() == " tenant=3 rendering=5"
        with about(faxes=(17, 18)), about(attempt=23):
            assert suffix() == " tenant=3 fax=17,18 attempt=23 rendering=5"
        assert suffix() == " tenant=3 rendering=5"
    with pytest.raises(ValueError, match="no"), about(fax=1):
        raise ValueError("no")
    assert suffix() == ""


def test_another_thread_is_about_something_else() -> None:
    said: list[str] = []
    with about(fax=17):
        thread = threading.Thread(target=lambda: said.append(suffix()))
        thread.start()
        thread.join()
    assert said == [""]


@dataclass(slots=True)
class Claimed:
    tenant_id: int = 3
    fax_id: int = 17
    attempt_id: int = 23


@pytest.mark.parametrize(
    "thing",
    [
        Claimed(),
        (Claimed(), "its tenant"),
        SimpleNamespace(fax=Claimed()),
        SimpleNamespace(sidecar=Claimed()),
        {"tenant_id": 3, "fax_id": 17, "attempt_id": 23, "called_number": "+493099001234"},
    ],
)
def test_things_know_what_they_are_about(thing: object) -> None:
    with about_this(thing):
        assert suffix() == " tenant=3 fax=17 attempt=23"


@pytest.mark.parametrize("thing", [17, None, "text", ()])
def test_of_what_has_no_ids_nothing_is_said(thing: object) -> None:
    with about_this(thing):
        assert suffix() == ""


def record(message: str, *arguments: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("faxplan.worker", level, "worker.py", 7, message, arguments, None)


def test_a_line_of_text_is_one_line_with_the_ids_at_its_end() -> None:
    with about(tenant=3, fax=17):
        line = PlainFormatter().format(record("rendering %s: %s", 5, "two\nlines"))
    assert line.endswith(" faxplan.worker ERROR rendering 5: two lines tenant=3 fax=17")
    assert "\n" not in line


def test_what_a_terminal_would_obey_stands_there_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "550 \x1b]0;owned\x07\x9b2J \u202eno"
    told = record("the mail server says %s", said)
    try:
        raise ValueError(f"{said}\nfaxplan.refused WARNING refused an API key from 192.0.2.1")
    except ValueError:
        told.exc_info = sys.exc_info()
    handler = JournalHandler("faxplan-worker", str(tmp_path / "nowhere"))
    handler.handle(record("%s\nfaxplan.refused WARNING refused an API key from 192.0.2.1", said))
    handler.close()
    lines = (PlainFormatter().format(told) + "\n" + capsys.readouterr().err).splitlines()
    assert [line for line in lines if not line.isprintable()] == []
    assert r"550 \x1b]0;owned\x07\x9b2J \u202eno" in lines[0]
    assert not any(line.strip().startswith("faxplan.refused") for line in lines)


def test_the_journal_hides_nothing_that_a_far_one_has_said(journal: socket.socket) -> None:
    """journalctl shows a message with control characters as "[93B blob data]", and with -o cat as it is."""
    said = "550 \x1b]0;owned\x07 no\nrefused an API key from 192.0.2.1"
    handler = JournalHandler("faxplan-portal", journal.getsockname())
    told = record("it says %s", said)
    try:
        raise ValueError(said)
    except ValueError:
        told.exc_info = sys.exc_info()
    handler.handle(told)
    handler.close()
    lines = dict(fields(journal.recv(65536)))["MESSAGE"].split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert lines[0] == r"it says 550 \x1b]0;owned\x07 no refused an API key from 192.0.2.1"
    assert {line[:2] for line in lines[1:]} == {"| "}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.settimeout(10)
        opened.bind(str(tmp_path / "journal"))
        yield opened


def fields(datagram: bytes) -> list[tuple[str, str]]:
    """As journald reads a datagram (JOURNAL_NATIVE_PROTOCOL)."""
    found = []
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        if b"=" in line:
            name, _, value = line.partition(b"=")
        else:
            length = int.from_bytes(rest[:8], "little")
            name, value, end = line, rest[8 : 8 + length], rest[8 + length : 9 + length]
            assert end == b"\n"
            rest = rest[9 + length :]
        found.append((name.decode(), value.decode()))
        datagram = rest
    return found


def test_the_journal_gets_fields_also_of_messages_with_lines(journal: socket.socket) -> None:
    handler = JournalHandler("faxplan-worker", journal.getsockname())
    try:
        with about(tenant=3, faxes=(17, 18), attempt=23):
            handler.handle(record("one=\nFAXPLAN_FAX=99"))
        handler.handle(record("nothing \udcff in particular", level=logging.INFO))
    finally:
        handler.close()
    first = fields(journal.recv(65536))
    assert first[:3] == [
        ("MESSAGE", "one= FAXPLAN_FAX=99 tenant=3 fax=17,18 attempt=23"),
        ("PRIORITY", "3"),
        ("SYSLOG_IDENTIFIER", "faxplan-worker"),
    ]
    assert [each for each in first if each[0].startswith("FAXPLAN_")] == [
        ("FAXPLAN_TENANT", "3"),
        ("FAXPLAN_FAX", "17"),
        ("FAXPLAN_FAX", "18"),
        ("FAXPLAN_ATTEMPT", "23"),
    ]
    second = dict(fields(journal.recv(65536)))
    assert second["PRIORITY"] == "6"
    assert second["MESSAGE"] == "nothing \\udcff in particular"
    assert not any(name.startswith("FAXPLAN_") for name in second)


def test_a_traceback_is_in_the_journal_and_a_message_without_end_is_cut(journal: socket.socket) -> None:
    handler = JournalHandler("faxplan-worker", journal.getsockname())
    try:
        raise OSError(28, "No space left on device")
    except OSError:
        made = record("x" * 10)
        made.exc_info = sys.exc_info()
    handler.handle(made)
    handler.handle(record("y" * 10**6))
    handler.close()
    assert "Traceback" in dict(fields(journal.recv(65536)))["MESSAGE"]
    assert len(dict(fields(journal.recv(65536)))["MESSAGE"]) < 40_000


def test_while_the_journal_is_away_lines_go_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = JournalHandler("faxplan-worker", str(tmp_path / "nowhere"))
    with about(fax=17):
        handler.handle(record("a line"))
    handler.close()
    assert capsys.readouterr().err == "a line fax=17\n"


SCRIPT = """
import logging
from faxplan import log_lines
log_lines.set_up_briefly("faxplan")
log_lines.set_up("INFO", "faxplan-worker")
with log_lines.about(tenant=3, fax=17):
    logging.getLogger("faxplan.worker").info("rendered")
    log_lines.refused("log-in by password", "192.0.2.1\\nfrom nobody")
"""


def test_a_process_without_a_journal_writes_to_standard_error_once() -> None:
    # Of another stream: this process's own standard error is not it.
    environment = {**os.environ, "JOURNAL_STREAM": "1:1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    rendered, refused = done.stderr.splitlines()
    assert rendered.endswith(" faxplan.worker INFO rendered tenant=3 fax=17")
    assert refused.endswith("WARNING refused log-in by password from 192.0.2.1fromnobody tenant=3 fax=17")


def test_the_journal_is_taken_where_standard_error_leads_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = os.fstat(2)
    leads = {"JOURNAL_STREAM": f"{seen.st_dev}:{seen.st_ino}"}
    monkeypatch.setattr(log_lines, "JOURNAL", str(tmp_path))
    assert log_lines.has_journal(leads)
    assert not log_lines.has_journal({"JOURNAL_STREAM": f"{seen.st_dev}:{seen.st_ino + 1}"})
    assert not log_lines.has_journal({})
    monkeypatch.setattr(log_lines, "JOURNAL", str(tmp_path / "nowhere"))
    assert not log_lines.has_journal(leads)
