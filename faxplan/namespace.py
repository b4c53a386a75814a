"""What bubblewrap is told: a view of this machine with nothing in it but the programs that convert documents.

Of files: /usr and what programs in it need elsewhere, our package and the Python packages it uses, read-only; what was
given; one folder to write to, and a small /tmp. No network, and process ids, IPC, host name and users of its own.
bwrap(1) has each option; docs/decisions/document-sandbox.md has why these.
"""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from faxplan import shipped

WORK, GIVEN, CODE = "/work", "/given", "/code"
"""Where the folder to write to, what was given, and our code lie inside."""
TEMPORARY = "/tmp"  # noqa: S108 - a small one of the namespace's own
ENVIRONMENT = MappingProxyType(
    {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": TEMPORARY, "TMPDIR": TEMPORARY}
)
_TEMPORARY_BYTES = 64 * 1024**2
_PACKAGE = Path(__file__).parent
# With which the interpreter starts: nothing of the machine's site, only ours.
_PACKAGES = ("pikepdf", "PIL")
_SYSTEM_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# Fonts, Ghostscript, LibreOffice, the linker's cache, the local time: what is there of these.
_ELSEWHERE = (
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ghostscript",
    "/etc/ld.so.cache",
    "/etc/libreoffice",
    "/etc/localtime",
    "/etc/papersize",
    # Where glibc looks whether the kernel lends huge pages (render_pdf).
    "/sys/kernel/mm/transparent_hugepage",
    "/var/cache/fontconfig",
    "/var/lib/ghostscript",
    "/var/lib/libreoffice",
)
_PROBE_SECONDS = 20.0
# What does not work is no reason to convert nothing.
_BEHIND = """{
case $(chrt -p $$) in *SCHED_FIFO*|*SCHED_RR*) chrt --other -p 0 $$ ;; esac
case $(ionice -p $$) in realtime*) ionice -c 2 -n 7 -p $$ ;; esac
echo 1000 >/proc/self/oom_score_adj
} >/dev/null 2>&1
exec "$@"
"""
_OF_LOCAL = ("bin", "lib", "share")
_SYSTEM, _LOCAL = Path("/usr"), Path("/usr/local")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no namespace here, and what to do."""

    cause: str
    remedy: str


def command_line(
    folder: Path, given: Mapping[str, Path], hidden: Iterable[Path], *, info_fd: int | None = None
) -> list[str]:
    """bwrap and its options; what is to run inside comes after them.

    folder: to be written to. given: files by their names in GIVEN. hidden: what must not be seen even where it lies
    below what is shown. info_fd: where bwrap tells the process id of the first process inside, as JSON.
    """
    options = ["bwrap", "--unshare-user", "--disable-userns", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
    options += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--cap-drop", "ALL"]
    options += ["--die-with-parent", "--new-session", "--as-pid-1", "--chdir", "/", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        options += ["--setenv", name, value]
    if info_fd is not None:
        options += ["--info-fd", str(info_fd)]
    options += _files(hidden)
    options += ["--proc", "/proc", "--dir", "/dev"]
    for device in ("null", "zero", "full", "random", "urandom"):
        options += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    # Queues that a function leaves are seen here, and only here.
    options += ["--mqueue", "/dev/mqueue", "--size", str(_TEMPORARY_BYTES), "--perms", "0700", "--tmpfs", TEMPORARY]
    options += ["--bind", str(folder), WORK]
    for name, file in given.items():
        options += ["--ro-bind", str(file), f"{GIVEN}/{name}"]
    # To root's account the kernel's settings below /proc/sys are writable, in a namespace too.
    return [*options, "--remount-ro", "/proc", "--remount-ro", "/", "--"]


def behind_the_calls(command: list[str]) -> list[str]:
    """The same command, without the real-time priorities that FreeSWITCH may have of processor and disk (its unit in
    Debian gives it both), and the first that the kernel ends where memory runs out, though others are larger.
    """
    return ["/bin/sh", "-c", _BEHIND, "sh", *command]


def python(code: str, *arguments: str) -> list[str]:
    """Our interpreter inside, with our package and the packages that it uses, and nothing else."""
    places = [CODE, *(f"{CODE}/site{number}" for number in range(len(_sites())))]
    return [str(_interpreter()), "-I", "-S", "-c", f"import sys; sys.path[:0] = {places!r}; {code}", *arguments]


def trouble(*, user: int | None = None) -> Trouble | None:
    """Tries it: why namespaces do not work here; None where they do. user: as whom to try, for root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if user is not None:
            os.chown(folder, user, -1)
        command = [*command_line(folder, {}, ()), "/usr/bin/true"]
        try:
            tried = subprocess.run(
                command,
                user=user,
                group=None if user is None else pwd.getpwuid(user).pw_gid,
                extra_groups=None if user is None else [],
                cwd="/",
                env=dict(ENVIRONMENT),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            return Trouble("bubblewrap is not installed", "apt-get install bubblewrap")
        except (OSError, KeyError, subprocess.TimeoutExpired) as error:
            return Trouble(f"bubblewrap cannot be run ({error})", "See whether `bwrap --version` works here.")
    if tried.returncode == 0:
        return None
    return explained(tried.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2], Path("/"))


def explained(said: str, root: Path) -> Trouble:
    """The cause of bubblewrap's failure, from its last line and the machine's settings below `root`."""
    cause = f"bubblewrap fails ({said[:200] or 'without a word'})"
    own = f"{cause}: a container or the unit of a service"
    for file, bad, what, remedy in _SWITCHES:
        try:
            found = (root / file).read_text().strip()
        except OSError:
            continue
        if found == bad:
            return Trouble(f"{cause}: {what}", remedy)
    if "Unknown option" in said:
        return Trouble(f"{cause}: it is older than 0.8", "Install bubblewrap 0.8 or later.")
    if "NETLINK" in said:
        return Trouble(f"{own} forbids netlink sockets", "Add AF_NETLINK to RestrictAddressFamilies of the unit.")
    if "mount proc" in said or "max_user_namespaces" in said:
        return Trouble(
            f"{own} covers parts of /proc",
            "Take ProtectKernelTunables, ProtectKernelLogs and ProtectProc out of the unit; let a container unmask "
            "/proc (docker run --security-opt systempaths=unconfined).",
        )
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return Trouble(
            f"{cause}: this is a container whose rules forbid user namespaces",
            "Allow them (docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined), or run Faxplan outside of a container.",
        )
    return Trouble(cause, "See bwrap(1), and try as the worker's user: bwrap --unshare-all --ro-bind / / true")


# Files of the kernel, the value that forbids it, what that means, what to do.
_SWITCHES = (
    (
        "proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "the kernel lets only root make user namespaces",
        "sysctl -w kernel.unprivileged_userns_clone=1, and the same in /etc/sysctl.d",
    ),
    (
        "proc/sys/user/max_user_namespaces",
        "0",
        "the kernel is set to allow no user namespaces",
        "sysctl -w user.max_user_namespaces=10000, and the same in /etc/sysctl.d",
    ),
    (
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor restricts user namespaces",
        "Give bubblewrap a profile with `userns,` in /etc/apparmor.d, as apparmor's bwrap-userns-restrict has it",
    ),
)


def _files(hidden: Iterable[Path]) -> Iterator[str]:
    base = Path(sys.base_prefix).resolve()
    # A Python that did not come with the system.
    shown = [_SYSTEM] if base.is_relative_to(_SYSTEM) else [_SYSTEM, base]
    for place in shown:
        yield from ("--ro-bind", str(place), str(place))
    yield from _local()
    for name in _SYSTEM_LINKS:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.exists():
            yield from ("--ro-bind", name, name)
    for name in _ELSEWHERE:
        yield from ("--ro-bind-try", name, name)
    for path in _to_cover(hidden, shown):
        yield from ("--tmpfs", str(path), "--remount-ro", str(path)) if path.is_dir() else _nothing(path)
    yield from ("--ro-bind", str(_PACKAGE), f"{CODE}/{_PACKAGE.name}")
    for number, site in enumerate(_sites()):
        yield from ("--ro-bind", str(site), f"{CODE}/site{number}")


def _local() -> Iterator[str]:
    """Of /usr/local the programs; a FreeSWITCH may be there too, with all its passwords."""
    if _LOCAL.is_dir():
        yield from ("--tmpfs", str(_LOCAL))
        for name in _OF_LOCAL:
            yield from ("--ro-bind-try", str(_LOCAL / name), str(_LOCAL / name))
        yield from ("--remount-ro", str(_LOCAL))


def _to_cover(hidden: Iterable[Path], shown: list[Path]) -> Iterator[Path]:
    """What is hidden and would be seen: each once, since what lies below it is gone with it."""
    checkout = [_PACKAGE.parent] if (_PACKAGE.parent / "pyproject.toml").exists() else []
    covered: list[Path] = []
    for path in sorted({each.resolve() for each in [*checkout, *hidden]}):
        is_shown = any(path.is_relative_to(each) and path != each for each in shown)
        if path.is_relative_to(_LOCAL):
            is_shown = any(path.is_relative_to(_LOCAL / name) for name in _OF_LOCAL)
        if is_shown and path.exists() and not any(path.is_relative_to(each) for each in covered):
            covered.append(path)
            yield path


def _nothing(path: Path) -> tuple[str, str, str]:
    return ("--ro-bind", "/dev/null", str(path))


def _sites() -> list[Path]:
    """The folders with the Python packages that converting needs."""
    specs = [find_spec(name) for name in _PACKAGES]
    return sorted({Path(spec.origin).resolve().parents[1] for spec in specs if spec is not None and spec.origin})


def _interpreter() -> Path:
    # A virtual environment's is a link to the one that it was made of.
    return shipped.interpreter().resolve()
