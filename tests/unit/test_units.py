"""conf/systemd as systemd reads it: what its units keep from FreeSWITCH, and from a disk."""

import re
import shutil
import subprocess
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


def test_who_stops_a_mount_of_ours_does_not_stop_freeswitch_and_its_calls() -> None:
    unit = read(FREESWITCH.read_text())
    mounts = {path.name for path in FOLDER.glob("*.mount")}
    assert {each for value in unit["Unit", "Wants"] for each in value.split()} == mounts
    assert unit["Unit", "After"] == unit["Unit", "Wants"]
    assert {name for _, name in unit} & {"RequiresMountsFor", "Requires", "Requisite", "BindsTo", "PartOf"} == set()


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


OURS = (WORKER, PORTAL, LMTP, ADMINISTRATION)
NEVER_NEEDED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectControlGroups": "yes",
    "ProtectKernelModules": "yes",
    "ProtectClock": "yes",
    "LockPersonality": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "KeyringMode": "private",
    "SystemCallArchitectures": "native",
    "SystemCallErrorNumber": "EPERM",
    "DevicePolicy": "closed",
}
BREAKS_NAMESPACES = (
    "ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "ProcSubset", "RestrictNamespaces", "PrivateUsers",
    "ProtectHostname", "MemoryDenyWriteExecute",
)  # fmt: skip


@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.name)
def test_every_service_has_no_more_than_it_needs(unit: Path) -> None:
    given = read(unit.read_text())
    assert {name: given.get(("Service", name), [""])[-1] for name in NEVER_NEEDED} == NEVER_NEEDED
    assert given["Service", "CapabilityBoundingSet"] == []
    assert given["Service", "SystemCallFilter"][0].startswith("@system-service")
    assert given["Service", "ExecStart"][0].startswith("/usr/local/lib/faxplan/current/bin/")


@pytest.mark.parametrize("unit", [WORKER, PORTAL, LMTP], ids=lambda unit: unit.name)
def test_who_converts_may_make_namespaces(unit: Path) -> None:
    given = read(unit.read_text())
    assert not [name for name in BREAKS_NAMESPACES if ("Service", name) in given]
    assert {"@mount", "sethostname"} <= set(given["Service", "SystemCallFilter"][0].split())
    assert "AF_NETLINK" in given["Service", "RestrictAddressFamilies"][0].split()


def analyze(unit: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """systemd-analyze of a copy: programs and the rest of the system are not here."""
    if (program := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd-analyze is missing: apt-get install systemd")
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
    (folder / unit.name).write_text(text)
    return subprocess.run(
        [program, *arguments, str(folder / unit.name)], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.name)
def test_systemd_knows_every_setting_and_is_content(unit: Path, tmp_path: Path) -> None:
    known = analyze(unit, tmp_path, "verify", "--man=no")
    complaints = [line for line in known.stderr.splitlines() if unit.name in line and "Unknown" in line]
    assert complaints == []
    # 0 is best, 10 is none at all: 9.6 without any of it.
    safe = analyze(unit, tmp_path, "security", "--offline=true", "--no-pager", "--threshold=35")
    assert safe.returncode == 0, safe.stdout[-300:]
