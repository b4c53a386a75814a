"""Faxplan's life on a Debian 12 with a FreeSWITCH that has calls: onto it, faxes, upgrade, restart, and off it again.

By the commands of the pages, under the systemd and the cron of that machine. The tests stand in the order of that life;
each may be run with those before it left out.
"""

import json
import re
import shlex
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faxplan.freeswitch_found import find
from tests import documented
from tests.live.calls import wait_for
from tests.live.debian import DebianMachine, unusable
from tests.live.neighbour import SIP_PORT, Neighbour
from tests.live.running import TEST_NUMBER
from tests.live.vanilla import FREESWITCH, PREFIX
from tests.live.wheels import wheel
from tests.unit.test_packaging import PROJECT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

PASSWORD = "a ferry to the islands\n"  # noqa: S105 - of a user of this test
DID, READER = "+493023125001", "anna@acme.example"
NEEDED, INSTALLING, UNINSTALLING = documented.claimed(__file__, "docs/install-on-freeswitch.md")
UPGRADING, BACK = documented.claimed(__file__, "docs/upgrade.md")
PORTAL, ADMINISTRATION = documented.claimed(__file__, "docs/portal.md")
BACKING_UP, AGAIN, VERIFYING = documented.claimed(__file__, "docs/backup.md")
FIRST = re.findall(r"faxplan-([\d.]+)-py3", INSTALLING)[0]
SECOND = re.findall(r"faxplan-([\d.]+)-py3", UPGRADING)[0]
SERVICES = ("faxplan-worker", "faxplan-portal", "faxplan-administration", "faxplan-lmtp")
SOCKETS = ("faxplan-portal.socket", "faxplan-administration.socket", "faxplan-lmtp.socket")
MOUNTS = ("var-lib-faxplan-spool.mount", "var-lib-faxplan-work.mount")
SETTINGS = """
portal_domain = "fax.example"
portal_behind_proxy = true
portal_administration_listen = "127.0.0.1:8081"
lmtp_listen = "127.0.0.1:8024"
mail_domain = "fax.example"
"""
# Answers of the three that listen, as one line.
ASKING = """
import http.client, socket
def status(port, path):
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asked.request("GET", path, headers={"Host": "acme.fax.example", "X-Forwarded-Proto": "https"})
    return asked.getresponse().status
print(status(8080, "/log-in"), status(8081, "/organisation/people"), end=" ")
print(socket.create_connection(("127.0.0.1", 8024), timeout=60).recv(100).decode())
"""
NEEDED_BY_FAXPLAN = {
    "bubblewrap", "cron", "fonts-dejavu-core", "ghostscript", "libfribidi0", "postgresql", "tzdata",
}  # fmt: skip


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """As `make dist` makes them, of this checkout: by their versions."""
    return {version: wheel(version, tmp_path_factory.mktemp("source")) for version in (FIRST, SECOND)}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianMachine]:
    """It runs, and FreeSWITCH as its service. Of what Faxplan needs it has nothing."""
    why, found = unusable(), find()
    if why or found is None or found.missing:
        pytest.skip(f"live: not run, {why or 'FreeSWITCH with mod_python3 is not installed'}")
    made = DebianMachine(tmp_path_factory.mktemp("debian"))
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def provided(bare: DebianMachine, wheels: dict[str, Path]) -> DebianMachine:
    """With a release by the page's commands, and with the packages that `faxplan install` names, no others."""
    for each in wheels.values():
        shutil.copy(each, bare.at("/root"))
    bare.run("apt-get", "update", "-qq", outside=True)
    status, told = bare.tried("/usr/bin/python3", "-m", "venv", "/srv/try")
    assert status != 0, "the page's first command is not needed"
    assert "python3-venv" in told
    _type(bare, NEEDED, given="y\n", outside=True)
    *making, trying, _ = INSTALLING.splitlines()
    _type(bare, "\n".join(making), outside=True)
    status, told = bare.tried(*shlex.split(trying))
    assert (status, "nothing was changed" in told) == (1, True), told
    (packages,) = re.findall(r"^All packages at once: apt-get install (.+)$", told, re.MULTILINE)
    assert set(packages.split()) == {each for each in NEEDED_BY_FAXPLAN if not _is_installed(bare, each)}
    bare.install_packages(packages.split())
    # From here on it reaches no index: later releases come from a folder.
    pip, lock = f"{PREFIX}/releases/{FIRST}/bin/pip", f"{PREFIX}/releases/{FIRST}/share/faxplan/requirements.lock"
    bare.run(pip, "wheel", "--quiet", "--wheel-dir", "/srv/wheels", "--constraint", lock,
             f"/root/{wheels[SECOND].name}", outside=True, seconds=1200)  # fmt: skip
    bare.at("/etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/wheels\n")
    bare.at("/srv/letter.txt").write_text("A letter.\n")
    return bare


class Life:
    """What the tests of one installation look back at. voice: a call of the PBX's that never ends."""

    def __init__(self, machine: DebianMachine) -> None:
        self.machine = machine
        self.configuration = machine.files_below(FREESWITCH / "conf", FREESWITCH / "scripts")
        self.etc = machine.files_below("/etc")
        self.core = machine.fs_cli("global_getvar core_uuid")
        self.voice = str(uuid.uuid4())
        machine.voice_call(self.voice)

    def is_undisturbed(self) -> bool:
        """Whether FreeSWITCH is the same process, with the same call, and takes others."""
        self.machine.voice_call(str(uuid.uuid4()))
        same = self.machine.fs_cli("global_getvar core_uuid") == self.core
        return same and self.machine.is_up(self.voice)


@pytest.fixture(scope="module")
def life(provided: DebianMachine) -> Life:
    """Installed beside a call, with a trunk to the carrier, a tenant and its reader."""
    begun = Life(provided)
    *_, trying, installing = INSTALLING.splitlines()
    before = provided.files_below("/etc", FREESWITCH / "conf")
    told = provided.run(*shlex.split(trying))
    assert "nothing is changed now" in told
    assert provided.files_below("/etc", FREESWITCH / "conf") == before
    # The address that trunks reach; then whether lines may be added.
    told = _at_a_terminal(provided, installing, "\ny\n")
    for expected in ("FreeSWITCH has loaded mod_python3", "the SIP profile faxplan runs", "systemd runs", "Installed."):
        assert expected in told
    assert begun.is_undisturbed()
    _enter(provided)
    return begun


@pytest.fixture
def carrier(life: Life, tmp_path: Path) -> Iterator[Neighbour]:
    with_it = Neighbour(life.machine, tmp_path / "carrier")
    with_it.start()
    try:
        yield with_it
    finally:
        with_it.stop()


def test_what_was_installed_is_found_and_not_done_again(life: Life) -> None:
    machine = life.machine
    looked_at = ("/etc", FREESWITCH / "conf", FREESWITCH / "scripts", PREFIX / "install.json")
    before = machine.files_below(*looked_at)
    assert "nothing was changed" in machine.run("faxplan", "install", "--yes")
    assert machine.files_below(*looked_at) == before


def test_first_faxes_go_out_and_come_in_over_t38(life: Life, carrier: Neighbour, three_pages: Path) -> None:
    _both_ways(life.machine, carrier, three_pages)
    assert life.is_undisturbed()
    number = _received(life.machine)[0]["id"]
    assert isinstance(number, int)
    life.machine.run("faxplan", "open", str(number), "--output", "/root/opened", "--as", READER, given=PASSWORD)
    assert sorted(path.suffix for path in life.machine.at("/root/opened").iterdir()) == [".pdf", ".png", ".png", ".png"]


def test_services_run_as_hardened_as_their_units_say(life: Life) -> None:
    machine = life.machine
    with machine.at("/etc/faxplan/faxplan.toml").open("a") as settings:
        settings.write(SETTINGS)
    _type(machine, PORTAL)
    _type(machine, ADMINISTRATION)
    machine.run("systemctl", "enable", "--now", "faxplan-lmtp.socket", "faxplan-lmtp.service")
    assert machine.run("python3", "-c", ASKING).startswith("200 303 220 ")
    _assert_active(machine)
    units = [f"{each}.service" for each in SERVICES]
    assert machine.run("systemd-analyze", "verify", *units, *SOCKETS, *MOUNTS, "freeswitch.service") == ""
    page = (PROJECT / "docs/operation.md").read_text()
    (worker, administration) = re.findall(r"faxplan-worker` says ([\d.]+), of the administration ([\d.]+)", page)[0]
    levels = dict(zip(SERVICES, (worker, worker, administration, worker), strict=True))
    for service, level in levels.items():
        told = machine.run("systemd-analyze", "security", "--no-pager", service)
        assert f"level for {service}.service: {level} " in told
    assert "documents are converted in a namespace" in machine.run("journalctl", "--unit", "faxplan-worker")


def test_a_release_is_put_in_force_and_back_beside_a_voice_call(
    life: Life, carrier: Neighbour, three_pages: Path
) -> None:
    machine = life.machine
    for command, version in ((UPGRADING, SECOND), (BACK, FIRST)):
        started = {each: _value(machine, each, "ActiveEnterTimestampMonotonic") for each in SERVICES}
        told = machine.run(*shlex.split(command), seconds=900)
        assert f"Release {version} is in force" in told
        assert "to do" not in told
        assert machine.fs_cli("python fax_queue::alive") == f"+OK {version}"
        assert machine.run("faxplan", "--version") == f"faxplan {version}\n"
        assert life.is_undisturbed()
        again = {each: _value(machine, each, "ActiveEnterTimestampMonotonic") for each in SERVICES}
        active = [each for each in SERVICES if started[each] != "0"]
        assert all(again[each] != started[each] for each in active)
        _both_ways(machine, carrier, three_pages)
    assert "nothing was changed" in machine.run("faxplan", "install", "--yes")


def test_the_doctor_finds_nothing_to_mend(life: Life) -> None:
    status, told = life.machine.tried("faxplan", "doctor", "--json")
    found = {each["what"]: each for each in json.loads(told) if each["level"] != "ok"}
    assert found.keys() <= TO_LOOK_AFTER, found
    assert (status, {each["level"] for each in found.values()}) == (0, {"warning"})


def test_a_backup_is_taken_and_is_whole(life: Life) -> None:
    for block in (BACKING_UP, AGAIN, VERIFYING):
        for command in block.splitlines():
            life.machine.run(*shlex.split(command))


def test_it_comes_up_again_with_the_machine(life: Life, three_pages: Path, tmp_path: Path) -> None:
    machine = life.machine
    active = [each for each in (*SERVICES, *SOCKETS) if _value(machine, each, "ActiveState") == "active"]
    machine.stop()
    machine.start()
    wait_for(lambda: machine.fs_cli("python fax_queue::alive").startswith("+OK"), 60, "runtime")
    assert "0 loaded units" in machine.run("systemctl", "--failed")
    for each in (*active, *MOUNTS, "freeswitch"):
        assert _value(machine, each, "ActiveState") == "active", each
    # What its drop-in says is in force now.
    assert _value(machine, "freeswitch", "LimitCORE") == "0"
    pid = _value(machine, "freeswitch", "MainPID")
    assert machine.run("stat", "--format=%a", f"/proc/{pid}/root/var/lib/faxplan/keys/mailer") == "0\n"
    life.core = machine.fs_cli("global_getvar core_uuid")
    machine.voice_call(life.voice)
    carrier = Neighbour(machine, tmp_path / "carrier")
    carrier.start()
    try:
        _both_ways(machine, carrier, three_pages)
    finally:
        carrier.stop()


def test_uninstalled_it_leaves_the_machine_as_it_was(life: Life) -> None:
    machine = life.machine
    cron = wait_for(lambda: _told_by_cron(machine, "(freeswitch) CMD (timeout 50 faxplan guard)"), 90, "guard")
    # What a command prints, cron mails, and there is nobody here who takes mail.
    assert "discarding output" not in cron
    faxes = len(_received(machine))
    told = _at_a_terminal(machine, UNINSTALLING, "y\n")
    assert "Faxplan is taken off this machine." in told
    assert life.is_undisturbed()
    _assert_as_before(life)
    assert machine.at("/var/lib/faxplan/store").is_dir()
    # Faxes have stayed, for an installation to come; a second one can be undone as the first.
    machine.run(f"{PREFIX}/releases/{FIRST}/bin/faxplan", "install", "--yes")
    assert len(_received(machine)) == faxes
    machine.run("faxplan", "uninstall", "--yes", "--purge-data")
    assert life.is_undisturbed()
    _assert_as_before(life)
    assert not machine.at("/var/lib/faxplan").exists()
    databases = machine.run("runuser", "-u", "postgres", "--", "psql", "-Atc", "select datname from pg_database")
    assert "faxplan" not in databases.split()


def test_beside_a_pbx_whose_configuration_a_handler_serves_it_is_a_service_of_its_own(
    provided: DebianMachine, three_pages: Path, tmp_path: Path
) -> None:
    machine = provided
    if machine.tried("faxplan", "--version")[0] == 0:
        machine.run("faxplan", "uninstall", "--yes", "--purge-data", "--force")
    shutil.rmtree(machine.at(PREFIX))
    machine.run("systemctl", "stop", "freeswitch")
    machine.serve_by_handler()
    machine.run("systemctl", "start", "freeswitch")
    wait_for(lambda: "is ready" in machine.fs_cli("status"), 60, "FreeSWITCH")
    life = Life(machine)
    # A release by the script, as the ten-minute start has it.
    shutil.copy(PROJECT / "install/release.sh", machine.at("/srv/release.sh"))
    machine.run("/srv/release.sh", f"/root/faxplan-{FIRST}-py3-none-any.whl", seconds=900)
    told = machine.run(f"{PREFIX}/current/bin/faxplan", "install", "--yes", "--sip-ip", "127.0.0.1")
    assert "mod_lua answers for its configuration and dialplan" in told
    assert "Installed." in told
    assert "nothing was changed" in machine.run("faxplan", "install", "--yes")
    _enter(machine)
    carrier = Neighbour(machine, tmp_path / "carrier")
    carrier.start()
    try:
        gateway = machine.at("/etc/faxplan/freeswitch/sip_profiles/faxplan/carrier.xml")
        wait_for(gateway.exists, 60, "gateway")
        _both_ways(machine, carrier, three_pages, account="faxplan")
    finally:
        carrier.stop()
    units = ("faxplan-switch", "faxplan-worker", *MOUNTS)
    assert [_value(machine, each, "ActiveState") for each in units] == ["active"] * len(units)
    assert machine.run("systemd-analyze", "verify", "faxplan-switch.service") == ""
    assert "faxplan" not in machine.fs_cli("sofia status")
    assert life.is_undisturbed()
    machine.run("faxplan", "uninstall", "--yes", "--purge-data")
    assert life.is_undisturbed()
    _assert_as_before(life)


TO_LOOK_AFTER = {
    # There is no network, no other machine, no mail server and no proxy.
    "clock, kept right", "mail server", "mails that come in", "certificate of the portal", "audit",
    # What the page tells an administrator to see to.
    "FreeSWITCH's copy of its configuration",
    # For the bench alone, which nobody runs here.
    "libspandsp",
}  # fmt: skip
"""Of the doctor's findings, all that this machine may have; each a warning."""
STAYS = {
    # As they were before useradd and userdel last changed the files of that name, which are as before.
    "/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-",
}  # fmt: skip
"""Below /etc, of all that an installation touches: everything else is as it was."""


def _type(machine: DebianMachine, block: str, *, given: str = "", outside: bool = False) -> None:
    """The commands of a page, as they stand there."""
    for command in block.splitlines():
        machine.run(*shlex.split(command), given=given, outside=outside, seconds=1200)


def _is_installed(machine: DebianMachine, package: str) -> bool:
    asking = ("dpkg-query", "--show", "--showformat=${db:Status-Status}", package)
    return machine.tried(*asking) == (0, "installed")


def _at_a_terminal(machine: DebianMachine, command: str, typed: str) -> str:
    return machine.run("script", "--quiet", "--return", "--command", command.strip(), "/dev/null", given=typed)


def _enter(machine: DebianMachine) -> None:
    """A trunk to the carrier, a tenant and its reader."""
    trunk = f"trunk add carrier --host 127.0.0.1 --port {SIP_PORT} --country DE --source 127.0.0.1"
    machine.run("faxplan", *trunk.split())
    machine.run("faxplan", "route", "add", "+", "carrier")
    machine.run("faxplan", "tenant", "add", "acme", "--name", "Acme GmbH", "--country", "DE", "--time-zone",
                "Europe/Berlin", "--station-ident", "+49 30 23125 001")  # fmt: skip
    machine.run("faxplan", "user", "add", "acme", READER, "--name", "Anna Beispiel")
    machine.run("faxplan", "did", "add", "acme", DID, "--mailbox", READER)
    machine.run("faxplan", "enrol", "--as", READER, given=PASSWORD)


def _both_ways(machine: DebianMachine, carrier: Neighbour, pages: Path, account: str = "freeswitch") -> None:
    """A fax comes in while another goes out, both over T.38."""
    before = len(_received(machine))
    carrier.fax_to(DID, pages)
    sending = ("faxplan", "send", "/srv/letter.txt", f"{TEST_NUMBER}000", "--as", READER, "--wait")
    told = machine.run("runuser", "-u", account, "--", *sending)
    assert "The page arrived." in told, told
    fax = wait_for(lambda: _newest(machine, before), 120, "received fax")
    assert fax["pages"] == 3
    sent = re.findall(r"^Fax (\d+) to", told, re.MULTILINE)[0]
    for number in (sent, fax["id"]):
        assert "T.38 negotiated" in machine.run("faxplan", "show", str(number), "--as", READER)


def _received(machine: DebianMachine) -> list[dict[str, Any]]:
    """Newest first."""
    told = machine.run("faxplan", "list", "--inbox", "--json", "--as", READER)
    return list(json.loads(told[told.index("[") :]))


def _newest(machine: DebianMachine, before: int) -> dict[str, Any] | None:
    time.sleep(1)
    found = _received(machine)
    return found[0] if len(found) > before and found[0]["state"] == "received" else None


def _told_by_cron(machine: DebianMachine, expected: str) -> str | None:
    told = machine.run("journalctl", "--unit", "cron", "--no-pager")
    return told if expected in told else None


def _value(machine: DebianMachine, unit: str, name: str) -> str:
    """Of a unit's properties."""
    return machine.run("systemctl", "show", "--property", name, "--value", unit).strip()


def _assert_active(machine: DebianMachine) -> None:
    for each in (*SERVICES, *SOCKETS, *MOUNTS):
        assert _value(machine, each, "ActiveState") == "active", each
    assert "0 loaded units" in machine.run("systemctl", "--failed")


def _assert_as_before(life: Life) -> None:
    machine = life.machine
    assert machine.files_below(FREESWITCH / "conf", FREESWITCH / "scripts") == life.configuration
    now = machine.files_below("/etc")
    changed = {path for path in life.etc.keys() | now.keys() if life.etc.get(path) != now.get(path)}
    assert changed <= STAYS, changed - STAYS
