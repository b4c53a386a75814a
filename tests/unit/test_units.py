"""conf/systemd as systemd reads it: what its units keep from FreeSWITCH, and from a disk."""

import re
from pathlib import Path

import pytest

from faxplan.config import Settings

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "conf" / "systemd"
FREESWITCH, WORKER = FOLDER / "freeswitch.service.d" / "faxplan.conf", FOLDER / "faxplan-worker.service"
PORTAL = FOLDER / "faxplan-portal.service"
LMTP = FOLDER / "faxplan-lmtp.service"
ADMINISTRATION = FOLDER / "faxplan-administration.service"
INSTALLED = Settings("", state_dir=Path("/var/lib/faxplan"))
"""Where the install page has it."""


def read(text: str) -> dict[tuple[str, str], list[str]]:
    """The values of each setting, by section and name. Comments are none; an empty value takes back those before it."""
    found: dict[tuple[str, str], list[str]] = {}
    section = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line.strip()):
            section = header[1]
        elif (given := re.fullmatch(r"(\w+)\s*=\s*(.*)", line.strip())) is not None:
            values = found.setdefault((section, given[1]), [])
            if given[2]:
                values.append(given[2])
            else:
                values.clear()
    return found


def test_a_unit_is_read_as_systemd_reads_it() -> None:
    text = "# A=1\n; A=2\n[Unit]\nA=3\n[Service]\nA=4\nA=\nA=5 \\\n6\nB=7\nB=\n"
    assert read(text) == {("Unit", "A"): ["3"], ("Service", "A"): ["5  6"], ("Service", "B"): []}


def hidden(unit: Path) -> set[str]:
    """The folders that a unit's processes do not see. A hyphen: one that is missing is no error."""
    values = read(unit.read_text()).get(("Service", "InaccessiblePaths"), [])
    return {path.lstrip("-+") for value in values for path in value.split()}


def test_freeswitch_does_not_see_the_workers_keys_for_mail() -> None:
    assert str(INSTALLED.mailer_keys) in hidden(FREESWITCH)
    # Its own keys it reads.
    assert str(INSTALLED.keys) not in hidden(FREESWITCH)


def test_the_worker_sees_its_keys() -> None:
    assert hidden(WORKER) == set()


def test_what_is_hidden_is_there_before_freeswitch_starts() -> None:
    """systemd covers what it finds then: a folder that the worker makes later FreeSWITCH would see."""
    page = (PROJECT / "docs" / "install-on-freeswitch.md").read_text()
    made = {path for line in re.findall(r"^    install -d (.+)$", page, re.MULTILINE) for path in line.split()}
    assert hidden(FREESWITCH) <= made


@pytest.mark.parametrize("unit", [PORTAL, LMTP], ids=lambda unit: unit.name)
def test_who_takes_documents_sees_nothing_that_opens_a_fax_and_nothing_plain(unit: Path) -> None:
    kept_from = {INSTALLED.keys, INSTALLED.spool, INSTALLED.pending, INSTALLED.journal}
    assert {str(each) for each in kept_from} <= hidden(unit)
    assert not {str(INSTALLED.store), str(INSTALLED.work)} & hidden(unit)


@pytest.mark.parametrize("unit", [FREESWITCH, WORKER, PORTAL, LMTP], ids=lambda unit: unit.name)
def test_no_crash_writes_memory_to_a_disk(unit: Path) -> None:
    assert read(unit.read_text())[("Service", "LimitCORE")][-1] == "0"


def test_the_administration_sees_no_document_and_no_key_and_is_no_user_that_calls_run_as() -> None:
    unit = read(ADMINISTRATION.read_text())
    assert hidden(ADMINISTRATION) == {str(INSTALLED.state_dir)}
    assert unit["Service", "User"] != read(PORTAL.read_text())["Service", "User"]
    assert unit["Service", "ExecStart"][0].endswith("-m portal --administration")
    assert ("Service", "ReadWritePaths") not in unit
