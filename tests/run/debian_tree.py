"""A fresh Debian of debootstrap's in a folder, and commands within it: for tests of what administrators install."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.run.running import PROJECT

NEEDED = (
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="apt-get install debootstrap"),
)


def made(folder: Path, packages: str = "ca-certificates,python3", *, suite: str = "bookworm") -> None:
    """With what this machine knows of networks: names, certificates, pip's index."""
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", suite, str(folder)],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
        if Path("/", name).exists():
            shutil.copy(Path("/", name), folder / name)
    # Packages start nothing: nothing of this tree is to meet what runs on this machine.
    policy = folder / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


def lay_checkout(target: Path) -> None:
    """What the repository has, and what is new in the checkout."""
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in listed.splitlines():
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, target / name)


def within(tree: Path, command: str, *, network: bool = True) -> "subprocess.CompletedProcess[str]":
    """A command in processes and mounts of its own, which end with it."""
    mounts = f"mount -t proc proc {tree}/proc; mount -t tmpfs tmpfs {tree}/run; mount -t tmpfs tmpfs {tree}/dev/shm; "
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_CERT")}
    kept |= {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"]), "sh", "-c",
         f"{mounts} exec chroot {tree} sh -c {shlex.quote(command)}"],
        env={**kept, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True, check=False, timeout=3000,
    )  # fmt: skip
