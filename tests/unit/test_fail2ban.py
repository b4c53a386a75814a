"""conf/fail2ban: its filters find the addresses in lines as Faxplan and FreeSWITCH write them, and in nobody's text."""

import configparser
import logging
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from faxplan import log_lines
from faxplan.log_lines import PlainFormatter

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "conf" / "fail2ban"
CALL = "85a03d93-e12b-4b89-89e9-ea525715abf7"
INVITE = (
    f"{CALL} 2026-11-27 21:56:07.760400 100.00% [INFO] sofia.c:10472 sofia/faxplan/15557000@192.0.2.99:49162 receiving "
    "invite from 198.51.100.9:49162 version: 1.11.2-dev git 0a54a48 2026-07-17 20:41:38Z 64bit call-id: a@192.0.2.98"
)
REFUSED = (
    f"{CALL} 2026-11-27 21:56:07.761151 100.00% [NOTICE] sofia.c:2406 Hangup sofia/faxplan/15557000@192.0.2.99:49162 "
    "[CS_NEW] [CALL_REJECTED]"
)
"""As FreeSWITCH 1.11 wrote them of a call from outside the access list; addresses are made up."""


def said_by_us() -> set[str]:
    """What is refused, of every place in the code that says so."""
    found = set()
    for file in [*(PROJECT / "faxplan").glob("*.py"), *(PROJECT / "portal").rglob("*.py")]:
        found |= set(re.findall(r'log_lines\.refused\("([^"]+)"', file.read_text()))
    login = (PROJECT / "faxplan" / "login.py").read_text()
    assert 'log_lines.refused(f"log-in by {what}"' in login
    return found | {f"log-in by {what}" for what in re.findall(r'what="([^"]+)"', login)}


def expressions(name: str) -> list[re.Pattern[str]]:
    """A filter's, as Python's; a line's date is taken out before, as fail2ban does."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(FOLDER / "filter.d" / f"{name}.conf")
    given = parser["Definition"]
    found = []
    for line in given["failregex"].splitlines():
        text = line.replace("%(__prefix_line)s", rf"\s*\S+ {given.get('_daemon', '')}\[\d+\]: ")
        text = re.sub(r"%\((_\w+)\)s", lambda name: given[name[1]], text).replace("%%", "%")
        text = text.replace("<ADDR>", r"(?P<host>[0-9a-fA-F.:]+?)").replace("<F-MLFID>", "(?P<call>")
        found.append(re.compile(text.replace("</F-MLFID>", ")").replace("<F-NOFAIL>", "").replace("</F-NOFAIL>", "")))
    return found


def hosts(name: str, *lines: str) -> list[str]:
    found = [each.search(line) for line in lines for each in expressions(name)]
    return [each["host"] for each in found if each is not None and "host" in each.groupdict()]


@pytest.mark.parametrize("what", sorted(said_by_us()))
@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
def test_every_refusal_is_found_with_its_address(what: str, address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), log_lines.about(tenant=3):
        log_lines.refused(what, address)
        message = caplog.records[-1].getMessage() + log_lines.suffix()
        text = PlainFormatter().format(caplog.records[-1])
    assert hosts("faxplan", f" vm faxplan-portal[174]: {message}") == [address]
    assert hosts("faxplan", re.sub(r"^\S+ \S+", "", text)) == [address]


@pytest.mark.parametrize(
    "line",
    [
        " vm faxplan-worker[174]: refused an API key from 203.0.113.7 tenant=3",
        " vm faxplan-portal[174]: POST '/refused an API key from 203.0.113.7': away",
        " vm faxplan-portal[174]: refused an API key from 203.0.113.7 and so on",
        " vm faxplan-portal[174]: refused an API key from nowhere",
    ],
)
def test_other_lines_are_nobodys(line: str) -> None:
    assert hosts("faxplan", line) == []


def test_a_stranger_is_known_by_the_address_that_freeswitch_saw() -> None:
    lines = [re.sub(r"2026-11-27 [\d:.]+", "", line, count=1) for line in (INVITE, REFUSED)]
    seen, refused = expressions("faxplan-sip")
    met, over = seen.search(lines[0]), refused.search(lines[1])
    assert met is not None
    assert over is not None
    assert met["call"] == over["call"] == CALL
    assert hosts("faxplan-sip", *lines) == ["198.51.100.9"]
    # A call that our dialplan refuses is a trunk's.
    assert not refused.search(lines[1].replace("CS_NEW", "CS_EXECUTE"))
    assert not seen.search(lines[0].replace("sofia/faxplan/", "sofia/internal/"))


def test_fail2ban_reads_them(tmp_path: Path) -> None:
    """By its own program, where it is installed: with its configuration, and ours beside it."""
    if (program := shutil.which("fail2ban-regex")) is None:
        pytest.skip("fail2ban is missing: apt-get install fail2ban")
    shutil.copytree("/etc/fail2ban/filter.d", tmp_path / "filter.d")
    for name in ("faxplan", "faxplan-sip"):
        shutil.copy(FOLDER / "filter.d" / f"{name}.conf", tmp_path / "filter.d")
    log = tmp_path / "log"
    log.write_text(f"{INVITE}\n{REFUSED}\n")
    done = subprocess.run(
        [program, "-c", tmp_path, "-o", "ip", log, tmp_path / "filter.d" / "faxplan-sip.conf"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["198.51.100.9"]
    log.write_text("Nov 27 21:49:20 vm faxplan-portal[174]: refused an API key from 203.0.113.7 tenant=3\n")
    done = subprocess.run(
        [program, "-c", tmp_path, "-o", "ip", log, tmp_path / "filter.d" / "faxplan.conf"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["203.0.113.7"]
