"""install/provision.sh in a fresh Debian 12 of debootstrap's, without FreeSWITCH and systemd: as far as it goes."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.running import PROJECT

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="apt-get install debootstrap"),
]
_SOURCE = "srv/faxplan-source"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With the checkout in it, and with what this machine knows of networks: names, certificates, pip's index."""
    folder = tmp_path_factory.mktemp("debian")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=ca-certificates,python3", "bookworm", str(folder)],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
        if Path("/", name).exists():
            shutil.copy(Path("/", name), folder / name)
    # Packages start nothing: nothing of this tree is to meet what runs on this machine.
    policy = folder / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in listed.splitlines():
        target = folder / _SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, target)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def within(tree: Path, command: str) -> "subprocess.CompletedProcess[str]":
    """A command in processes and mounts of its own, which end with it."""
    mounts = f"mount -t proc proc {tree}/proc; mount -t tmpfs tmpfs {tree}/run; mount -t tmpfs tmpfs {tree}/dev/shm; "
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_CERT") or name == "PATH"}
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
         f"{mounts} exec chroot {tree} sh -c '{command}'"],
        env={**kept, "HOME": "/root"}, capture_output=True, text=True, check=False, timeout=3000,
    )  # fmt: skip


def test_it_goes_as_far_as_it_can_and_says_what_is_missing(tree: Path) -> None:
    for _again in (1, 2):
        done = within(tree, f"/{_SOURCE}/install/provision.sh --domain fax.test")
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        missing = told.partition("Not done:")[2]
        assert "SIGNALWIRE_TOKEN is not set" in missing
        assert "faxplan install" in missing
        assert "no systemd runs here" in missing
        release = (tree / "usr/local/lib/faxplan/current").readlink()
        assert str(release).startswith("releases/")
    version = within(tree, "/usr/local/lib/faxplan/current/bin/faxplan --version")
    assert version.stdout == f"faxplan {release.name}\n"
    assert "server_name fax.test *.fax.test;" in (tree / "etc/nginx/conf.d/faxplan.conf").read_text()
    assert (tree / "etc/ssl/private/faxplan.key").stat().st_mode & 0o077 == 0
    # What a user of the machine has: make, from their home folder.
    assert "make live" in within(tree, "cd /root && make help").stdout
    # No FreeSWITCH came, and nothing of one.
    assert not (tree / "etc/faxplan").exists()
