"""Why namespaces do not work, from what bubblewrap said and how the machine is set; and what is hidden."""

import os
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import pytest

from faxplan import doctor_host, namespace
from faxplan.config import Settings
from faxplan.findings import Level


@pytest.mark.parametrize(
    ("said", "file", "content", "cause", "remedy"),
    [
        (
            "bwrap: No permissions to create new namespace",
            "proc/sys/kernel/unprivileged_userns_clone",
            "0\n",
            "only root",
            "sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            "bwrap: Creating new namespace failed: No space left on device",
            "proc/sys/user/max_user_namespaces",
            "0\n",
            "no user namespaces",
            "user.max_user_namespaces",
        ),
        (
            "bwrap: setting up uid map: Permission denied",
            "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1\n",
            "AppArmor",
            "apparmor.d",
        ),
        ("bwrap: Creating new namespace failed: Operation not permitted", ".dockerenv", "", "container", "seccomp"),
        (
            "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
            "x",
            "",
            "/proc",
            "ProtectKernelTunables",
        ),
        ("bwrap: loopback: Failed to create NETLINK_ROUTE socket", "x", "", "netlink", "AF_NETLINK"),
        ("bwrap: Unknown option --disable-userns", "x", "", "older than 0.8", "0.8 or later"),
        ("bwrap: out of cheese", "proc/sys/user/max_user_namespaces", "96365\n", "out of cheese", "bwrap"),
    ],
)
def test_the_cause_is_named_with_what_to_do(
    tmp_path: Path, said: str, file: str, content: str, cause: str, remedy: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(content)
    found = namespace.explained(said, tmp_path)
    assert cause in found.cause
    assert said in found.cause
    assert remedy in found.remedy


def machine_without(folder: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose bubblewrap does nothing but say this."""
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    folder.chmod(0o755)
    monkeypatch.setattr(namespace, "ENVIRONMENT", MappingProxyType({"PATH": str(folder)}))


def test_installed_is_not_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_without(tmp_path, "bwrap: loopback: Failed to create NETLINK_ROUTE socket", monkeypatch)
    found = namespace.trouble()
    assert found is not None
    assert "netlink" in found.cause


def test_the_doctor_says_whether_it_works_and_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state")
    machine_without(tmp_path, "bwrap: loopback: Failed to create NETLINK_ROUTE socket", monkeypatch)
    found = doctor_host.sandbox(settings)
    assert (found.level, "AF_NETLINK" in found.remedy) == (Level.ERROR, True)
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state", sandbox="limits")
    assert doctor_host.sandbox(settings).level is Level.WARNING


def test_the_doctor_finds_it_working_for_the_worker_s_user(namespaces_work: None, tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state")
    settings.state_dir.mkdir()
    if os.geteuid() == 0:
        os.chown(settings.state_dir, 65534, 65534)
    assert doctor_host.sandbox(settings).level is Level.OK


def test_what_is_hidden_is_covered_only_where_it_would_show(tmp_path: Path) -> None:
    # Not what lies below /usr/share, which is covered already, nor what is nowhere to be seen.
    unseen = [Path("/usr/share/doc"), Path("/usr/local/etc"), Path("/usr/no-such-folder"), tmp_path / "keys"]
    (tmp_path / "keys").mkdir()
    command = namespace.command_line(tmp_path, {}, [*unseen, Path("/usr/share")])
    covered = [inside for option, inside in pairwise(command) if option == "--tmpfs"]
    assert covered == ["/usr/local", "/usr/share", "/tmp"]


def test_the_unit_of_the_worker_lets_bubblewrap_work() -> None:
    unit = (Path(__file__).parents[2] / "conf" / "systemd" / "faxplan-worker.service").read_text()
    lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    forbidding = {"ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "RestrictNamespaces", "PrivateUsers"}
    assert not forbidding & lines.keys()
    assert "AF_NETLINK" in lines["RestrictAddressFamilies"].split()
