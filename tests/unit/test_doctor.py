import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from faxplan import doctor, doctor_folders, doctor_mail, doctor_switch, guard
from faxplan.config import Settings
from faxplan.document_store import Store
from faxplan.errors import InvalidSetting, SwitchUnavailable
from faxplan.findings import Finding, Level, error, ok, warning


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {finding.what: finding.level for finding in findings}


def test_without_settings_it_still_looks_at_the_machine() -> None:
    found = levels(doctor.examine(InvalidSetting("database_url is not set.")))
    assert found["settings"] is Level.ERROR
    assert {"ghostscript", "fonts", "libspandsp", "FreeSWITCH"} <= found.keys()


def test_folders_that_are_missing_open_or_right(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state")
    settings.state_dir.mkdir(mode=0o700)
    settings.spool.mkdir()
    settings.spool.chmod(0o755)
    found = {finding.what: finding for finding in doctor_folders.folders(settings)}
    assert found["state folder"].level is Level.OK
    assert (found["spool"].level, found["spool"].remedy) == (Level.ERROR, f"chmod 0700 {settings.spool}")
    assert found["document store"].level is Level.ERROR
    assert "does not exist" in found["document store"].found


def test_a_store_whose_disk_is_not_mounted_is_an_error(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state", store_dir=tmp_path / "mount")
    missing = {each.what: each for each in doctor_folders.folders(settings)}["document store"]
    assert (missing.level, "faxplan store accept" in missing.remedy) == (Level.ERROR, True)
    settings.store.mkdir(mode=0o700)
    assert levels(doctor_folders.folders(settings))["document store, marker"] is Level.ERROR
    Store.of(settings).accept()
    after = levels(doctor_folders.folders(settings))
    assert after["document store"] is Level.OK
    assert "document store, marker" not in after


def test_damaged_outcomes_and_a_stopped_runtime_are_shown(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state")
    settings.journal.mkdir(parents=True)
    settings.spool.mkdir()
    before = levels(doctor_folders.folders(settings))
    (settings.journal / "17.unreadable").touch()
    (settings.pending / "unclaimed" / "17-0a1b2c3d").mkdir(parents=True)
    (settings.pending / "18.unreadable").mkdir()
    (settings.spool / "in" / "19.unreadable").mkdir(parents=True)
    settings.stop_file.touch()
    settings.pause_file.touch()
    after = levels(doctor_folders.folders(settings))
    assert {what: after[what] for what in after.keys() - before.keys()} == {
        "journal, damaged": Level.ERROR,
        "pending, damaged": Level.ERROR,
        "pending, unclaimed": Level.ERROR,
        "spool, damaged": Level.ERROR,
        "runtime, stopped": Level.WARNING,
        "node, paused": Level.WARNING,
    }


MB = 1024**2


@pytest.mark.parametrize(
    ("total", "free", "spool", "store"),
    [
        pytest.param(512, 0, Level.ERROR, Level.ERROR, id="full"),
        pytest.param(512, 40, Level.ERROR, Level.ERROR, id="all but full"),
        pytest.param(512, 100, Level.WARNING, Level.WARNING, id="less than four times what a spool needs"),
        pytest.param(512, 300, Level.OK, Level.OK, id="half empty, small as it is"),
        pytest.param(100_000, 1000, Level.OK, Level.ERROR, id="much for a spool, little for a store"),
        pytest.param(100_000, 4000, Level.OK, Level.WARNING, id="some for a store"),
        pytest.param(100_000, 5000, Level.OK, Level.OK, id="enough, although nearly full"),
    ],
)
def test_full_folders_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, free: int, spool: Level, store: Level
) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state")
    watched = (settings.spool, settings.work, settings.store)
    for folder in watched:
        folder.mkdir(parents=True)
    asked = []

    def disk_usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(total=total * MB, used=(total - free) * MB, free=free * MB)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    found = {each.what: each for each in doctor_folders.folders(settings)}
    assert set(asked) == set(watched)
    rooms = found["spool, room"], found["work, room"], found["document store, room"]
    assert tuple(room.level for room in rooms) == (spool, spool, store)
    means = ("Calls fail", "No document is rendered", "Nothing can be sent or kept")
    for room, folder, otherwise in zip(rooms, watched, means, strict=True):
        assert f"{free:,} MB free, {1 - free / total:.0%} full" in room.found
        assert (str(folder) in room.remedy) is (room.level is not Level.OK)
        assert (otherwise in room.found) is (room.level is Level.ERROR)


def test_the_file_system_of_a_path_is_the_innermost_mount() -> None:
    assert doctor_folders.file_system(Path("/proc/self")) == "proc"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.168.1.4", False),
        ("10.0.0.0/8", False),
        ("127.0.0.1", False),
        ("8.8.8.8", True),
        ("2600::1", True),
        ("sip.carrier.example", True),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert doctor_switch.is_public(address) is public


class Switch:
    """The answers of FreeSWITCH's sofia command, as a 1.11 gives them."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers

    def api(self, command: str, timeout_seconds: float | None = None) -> str:  # noqa: ARG002 - as EventSocket
        return self._answers["profile" if "profile" in command else "gateway" if command.endswith("way") else "one"]


PROFILE = "Name             \tfaxplan\nRTP-IP           \t192.168.1.4\nSIP-IP           \t192.168.1.4\n"


@pytest.mark.parametrize(
    ("extra", "trunks", "level"),
    [
        ("", ["8.8.4.4"], Level.ERROR),
        ("Ext-RTP-IP       \t8.8.8.8\n", ["8.8.4.4"], Level.OK),
        ("", ["192.168.1.9", "10.0.0.0/8"], Level.OK),
    ],
)
def test_a_private_address_in_sdp_is_an_error_where_a_trunk_is_outside(
    extra: str, trunks: list[str], level: Level
) -> None:
    found = doctor_switch.profile(Switch(profile=PROFILE + extra), "faxplan", trunks)
    assert levels(found)["address in SDP"] is level


def test_a_profile_that_does_not_run_is_an_error() -> None:
    (found,) = doctor_switch.profile(Switch(profile="Invalid Profile!\n"), "faxplan", [])
    assert found.level is Level.ERROR


@pytest.mark.parametrize(
    ("state", "status", "level"),
    [
        ("NOREG", "UP", Level.OK),
        ("REGED", "UP", Level.OK),
        ("NOREG", "DOWN", Level.ERROR),
        ("FAIL_WAIT", "UP", Level.ERROR),
    ],
)
def test_gateways_by_state_and_status(state: str, status: str, level: Level) -> None:
    listed = f"  faxplan::office\tsip:fax@192.0.2.1\t{state}\t0.00\t0/0\t0/0\nother::x\tsip:y\tNOREG\t0\n"
    found = doctor_switch.gateways(
        Switch(gateway=listed, one=f"Name    \toffice\nStatus  \t{status}\n"), "faxplan", ["office"]
    )
    assert levels(found) == {"gateway office": level}


def test_a_gateway_that_freeswitch_should_have_and_has_not_is_an_error() -> None:
    listed = "  faxplan::office\tsip:fax@192.0.2.1\tNOREG\t0.00\t0/0\t0/0\nother::carrier\tsip:y\tNOREG\t0\n"
    switch = Switch(gateway=listed, one="Name    \toffice\nStatus  \tUP\n")
    found = doctor_switch.gateways(switch, "faxplan", ["carrier", "office"])
    assert levels(found) == {"gateway office": Level.OK, "gateway carrier": Level.ERROR}


@pytest.mark.parametrize(
    ("transport", "told", "level"),
    [("tls", "true", Level.OK), ("tls", "false", Level.ERROR), ("tls", "", Level.ERROR), ("tcp", "false", None)],
)
def test_a_trunk_by_tls_without_tls_in_the_profile_is_an_error(transport: str, told: str, level: Level | None) -> None:
    found = doctor_switch.tls(Switch(one=f"{told}\n"), {"carrier": transport})
    assert [each.level for each in found] == ([level] if level else [])


@pytest.mark.parametrize(("told", "level"), [("3600", Level.OK), ("3601", Level.ERROR), ("", None)])
def test_a_cap_of_received_calls_beyond_that_of_all_calls_is_an_error(told: str, level: Level | None) -> None:
    found = doctor_switch.inbound_cap(Switch(one=f"{told}\n"), 3600)
    assert [each.level for each in found] == ([level] if level else [])


@pytest.mark.parametrize(
    ("folder_mode", "mode", "told"),
    [(0o755, 0o644, True), (0o755, 0o640, False), (0o750, 0o644, False), (0o755, None, False)],
)
def test_passwords_of_gateways_that_everybody_can_read_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_mode: int, mode: int | None, told: bool
) -> None:
    logs = tmp_path / "log"
    logs.mkdir()
    logs.chmod(folder_mode)
    copy = logs / "freeswitch.xml.fsxml"
    if mode is not None:
        copy.touch()
        copy.chmod(mode)
    # pytest's own folders are private.
    monkeypatch.setattr(type(copy), "parents", property(lambda self: [self.parent]))
    found = doctor_switch.configuration_copy(Switch(one=f"{logs}\n"))
    assert [(each.level, each.remedy) for each in found] == [(Level.WARNING, f"chmod o-rwx {logs}")] * told


@pytest.mark.parametrize(("reported", "told"), [("core-1", False), ("core-2", True), (None, False)])
def test_two_machines_of_one_name_are_an_error(reported: str | None, told: bool) -> None:
    found = doctor_switch.same_switch(Switch(one="core-1\n"), "node1", reported)
    assert [each.level for each in found] == [Level.ERROR] * told


class LiveSwitch(Switch):
    """One that answers everything, with Python alive, stuck, or the socket lost on the way to a command."""

    def __init__(self, *, alive: str | None = "+OK\n", lost_at: str = "never") -> None:
        super().__init__(profile=PROFILE, gateway="  faxplan::office\tsip:fax@192.0.2.1\tNOREG\t0\n", one="3600")
        self._alive, self._lost_at = alive, lost_at

    def api(self, command: str, timeout_seconds: float | None = None) -> str:  # noqa: ARG002 - as EventSocket
        python = command == "python fax_queue::alive"
        if command.startswith(self._lost_at) or (python and self._alive is None):
            raise SwitchUnavailable("FreeSWITCH's event socket does not answer any more.")
        return self._alive or "" if python else super().api(command)


def running(switch: LiveSwitch, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    @contextmanager
    def connected(_: Settings) -> Iterator[LiveSwitch]:
        yield switch

    monkeypatch.setattr(guard, "connect", connected)
    settings = Settings("postgresql:///x", event_socket="127.0.0.1:8021")
    return {finding.what: finding for finding in doctor_switch.running(settings, [], {"office": "udp"})}


def test_a_switch_that_is_well_has_no_finding_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    found = running(LiveSwitch(), monkeypatch)
    assert {each.level for each in found.values()} == {Level.OK}
    assert {"event socket", "SIP profile", "gateway office", "scripts in FreeSWITCH"} <= found.keys()


@pytest.mark.parametrize("alive", [None, "-ERR no such module\n", ""])
def test_a_python_that_is_stuck_hides_nothing_else_and_has_its_own_remedy(
    monkeypatch: pytest.MonkeyPatch, alive: str | None
) -> None:
    found = running(LiveSwitch(alive=alive), monkeypatch)
    assert {what for what, each in found.items() if each.level is not Level.OK} == {"scripts in FreeSWITCH"}
    assert {"event socket", "SIP profile", "gateway office"} <= found.keys()
    assert "restart FreeSWITCH when" in found["scripts in FreeSWITCH"].remedy


def test_what_was_found_before_the_socket_was_lost_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = running(LiveSwitch(lost_at="sofia status gateway"), monkeypatch)
    assert found["SIP profile"].level is Level.OK
    assert found["event socket, lost"].level is Level.ERROR


def test_the_python_of_a_module_is_read_from_it(tmp_path: Path) -> None:
    module = tmp_path / "mod_python3.so"
    module.write_bytes(b"\x7fELF\0libpython3.11.so.1.0\0")
    assert doctor_switch.linked_python(module) == "3.11"
    module.write_bytes(b"\x7fELF")
    assert doctor_switch.linked_python(module) is None


def test_the_summary_counts() -> None:
    assert doctor.summary([ok("a", "b")] * 2) == "2 checks, all well."
    mixed = [ok("a", "b"), warning("a", "b", "c"), error("a", "b", "c")]
    assert doctor.summary(mixed) == "3 checks: 1 to mend, 1 to look after."
    assert doctor.has_errors(mixed)
    assert not doctor.has_errors(mixed[:2])


@pytest.mark.parametrize(
    ("domain", "ids", "levels"),
    [("", "", []), ("fax.example", "", [Level.WARNING]), ("", "mx.example", [Level.WARNING]),
     ("fax.example", "mx.example", [Level.OK])],
)  # fmt: skip
def test_it_sees_whether_mails_are_believed(domain: str, ids: str, levels: list[Level]) -> None:
    settings = Settings("postgresql://x/y", mail_domain=domain, mail_authserv_ids=ids)
    assert [each.level for each in doctor_mail.incoming(settings)] == levels
