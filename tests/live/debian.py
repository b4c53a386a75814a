"""A machine of its own: a Debian 12 of debootstrap's, started by its systemd, with a copy of FreeSWITCH as its service.

Processes, mounts, host name and network are its own: of the network it has 127.0.0.1 alone, and the ports of a vanilla
configuration are free there. Only what is run with `outside` reaches Debian's mirror and pip's index. Nothing of the
machine that the tests run on is seen or changed; the tree is gone at the end.
"""

import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from tests.live.vanilla import FREESWITCH, OWN_NUMBER, VOICE

SUITE = "bookworm"
_BASE = ("systemd-sysv", "dbus", "ca-certificates", "python3", "iproute2")
"""What a machine has that runs a FreeSWITCH from source, besides FreeSWITCH's own libraries. No cron, no PostgreSQL."""
_MODULE = Path("/usr/lib/python3/dist-packages")
_PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HEARD = "&playback(silence_stream://-1)"
"""Both ends send: a vanilla FreeSWITCH ends a call in which it hears nothing for five minutes."""
_UNIT = f"""[Unit]
Description=FreeSWITCH
Wants=network-online.target
After=network-online.target

[Service]
Type=forking
User=freeswitch
Group=freeswitch
PIDFile={FREESWITCH}/run/freeswitch.pid
ExecStart={FREESWITCH}/bin/freeswitch -ncwait -nonat
TimeoutSec=120
Restart=always
LimitCORE=infinity
LimitNOFILE=100000

[Install]
WantedBy=multi-user.target
"""
# The tree becomes the root of a mount namespace, and systemd its first process, as `systemd-nspawn --boot` has it.
_BOOT = """
set -e
T=$1
mount --bind "$T" "$T"
mount -t proc -o nosuid,nodev,noexec proc "$T/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$T/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$T/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid dev "$T/dev"
for name in null zero full random urandom tty; do touch "$T/dev/$name"; mount --bind "/dev/$name" "$T/dev/$name"; done
mkdir "$T/dev/pts" "$T/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$T/dev/pts"
ln -s pts/ptmx "$T/dev/ptmx"
ln -s /proc/self/fd "$T/dev/fd"
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$T/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev run "$T/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$T/tmp"
ip link set lo up
cd "$T"
pivot_root . mnt
umount -l mnt
# Services' credentials come into their own namespaces by it.
mount --make-rshared /
exec env -i container=faxplan-test PATH="$2" /lib/systemd/systemd --log-target=journal --show-status=false
"""


class DebianMachine:
    """`make`, then `start` and `stop`, which may alternate: the tree stays. `remove` at the end."""

    def __init__(self, base: Path) -> None:
        self.tree = base / "tree"
        self._log = base / "systemd.log"
        self._cgroup = _cgroups() / f"faxplan-debian-{os.getpid()}"
        self._first: int | None = None
        self._outer: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """debootstrap, what this machine knows of networks, and FreeSWITCH with its vanilla configuration."""
        for folder in (self.tree.parent, self.tree.parent.parent, self.tree.parent.parent.parent):
            folder.chmod(0o755)
        _run(["debootstrap", "--variant=minbase", f"--include={','.join(_BASE)}", SUITE, str(self.tree)])
        for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
            if Path("/", name).exists():
                shutil.copy(Path("/", name), self.tree / name)
        (self.tree / "etc/hostname").write_text("pbx\n")
        (self.tree / "etc/hosts").write_text("127.0.0.1 localhost pbx\n")
        # Its own one; what generates it at the first start has no answer to a question here.
        (self.tree / "etc/machine-id").write_text(f"{os.urandom(16).hex()}\n")
        self._copy_freeswitch()

    def start(self) -> None:
        """Returns when systemd has started what it starts."""
        self._cgroup.mkdir(exist_ok=True)
        command = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child",
                   "--propagation", "private", "sh", "-c", _BOOT, "sh", str(self.tree), _PROGRAMS]  # fmt: skip
        with self._log.open("ab") as log:
            self._outer = subprocess.Popen(
                ["sh", "-c", 'echo $$ > "$0"/cgroup.procs; exec "$@"', str(self._cgroup), *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while (state := self._state()) not in ("running", "degraded"):
            assert self._outer.poll() is None, f"systemd ended: {self._log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"systemd is {state!r}: {self.tried('systemctl', 'list-jobs')[1]}"
            time.sleep(0.5)

    def stop(self) -> None:
        """As a machine is switched off: systemd ends its services in order."""
        if self._outer is None:
            return
        if self._first is not None:
            self.tried("systemctl", "poweroff", "--no-block")
        try:
            self._outer.wait(120)
        except subprocess.TimeoutExpired:
            self._outer.send_signal(signal.SIGKILL)
            self._outer.wait()
        self._outer = self._first = None
        # Empty now; systemd leaves those of its services.
        for left in [*sorted(self._cgroup.rglob("*/"), reverse=True), self._cgroup]:
            if left.is_dir():
                left.rmdir()

    def remove(self) -> None:
        """The tree."""
        self.stop()
        shutil.rmtree(self.tree, ignore_errors=True)

    def tried(
        self, *command: str, given: str = "", outside: bool = False, seconds: float = 300, folder: str = "/root"
    ) -> tuple[int, str]:
        """Exit status and output of a command, standard error with it. outside: in the test's machine's network."""
        ended = subprocess.run(
            [*self.entered(outside=outside, folder=folder), *command], input=given, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        return ended.returncode, ended.stdout

    def run(self, *command: str, given: str = "", outside: bool = False, seconds: float = 300) -> str:
        """The same of a command that must go well."""
        status, told = self.tried(*command, given=given, outside=outside, seconds=seconds)
        assert status == 0, f"{' '.join(command)}: {status}\n{told}"
        return told

    def entered(self, *, outside: bool = False, folder: str = "/") -> list[str]:
        """Words before a command that is to run in this machine, with the environment that cron or a log-in gives."""
        assert self._outer is not None
        spaces = ["--mount", "--pid", "--uts", "--ipc", *([] if outside else ["--net"])]
        environment = [f"PATH={_PROGRAMS}", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        target = ["--target", str(self._pid())]
        return ["nsenter", *target, *spaces, "--", "env", "-i", "-C", folder, *environment]

    def within_its_network(self) -> list[str]:
        """Words before a program of the test's machine that is to use this one's 127.0.0.1."""
        return ["nsenter", "--target", str(self._pid()), "--net", "--"]

    def at(self, path: Path | str) -> Path:
        """A file of the machine, on its disk; what lies in /run and /tmp is not there."""
        return self.tree / str(path).lstrip("/")

    def install_packages(self, names: Iterable[str]) -> None:
        self.run("apt-get", "update", "-qq", outside=True)
        self.run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", *names, outside=True, seconds=900)

    def fs_cli(self, command: str, *, port: int = 8021, password: str = "ClueCon") -> str:  # noqa: S107 - vanilla's
        """What FreeSWITCH answers; '' where it does not."""
        program = str(FREESWITCH / "bin" / "fs_cli")
        return self.tried(program, "-H", "127.0.0.1", "-P", str(port), "-p", password, "-x", command)[1].strip()

    def voice_call(self, uuid: str) -> None:
        """Calls the PBX's own number through its external profile; the test fails where nobody answers."""
        variables = f"origination_uuid={uuid},originate_timeout=10"
        told = self.fs_cli(f"originate {{{variables}}}sofia/external/{VOICE}@127.0.0.1:5080 {_HEARD}")
        assert told.startswith("+OK"), told

    def is_up(self, uuid: str) -> bool:
        return self.fs_cli(f"uuid_exists {uuid}") == "true"

    def serve_by_handler(self) -> None:
        """Has mod_lua answer for configuration and dialplan, as FusionPBX does it; before FreeSWITCH starts."""
        lua = self.at(FREESWITCH / "conf/autoload_configs/lua.conf.xml")
        bound = '<param name="xml-handler-bindings" value="configuration,dialplan"/>'
        lua.write_text(lua.read_text().replace("<settings>", f"<settings>{bound}", 1))

    def files_below(self, *folders: Path | str) -> dict[str, tuple[int, int, int, bytes]]:
        """Each file, folder and link below these: mode, owner, group, content (of a link, where it leads)."""
        found = {}
        for folder in folders:
            top = self.at(folder)
            for path in (top, *top.rglob("*")):
                known = path.lstat()
                content = b""
                if stat.S_ISLNK(known.st_mode):
                    content = os.fsencode(path.readlink())
                elif stat.S_ISREG(known.st_mode):
                    content = path.read_bytes()
                found[f"/{path.relative_to(self.tree)}"] = (known.st_mode, known.st_uid, known.st_gid, content)
        return found

    def _pid(self) -> int:
        """Of the tree's first process, as the test's machine counts."""
        if self._first is None:
            assert self._outer is not None
            children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
            deadline = time.monotonic() + 20
            while not (found := children.read_text().split()):
                assert time.monotonic() < deadline, "no first process"
                time.sleep(0.05)
            self._first = int(found[0])
        return self._first

    def _state(self) -> str:
        # Until it has its root, a command would run in this machine's.
        root = Path(f"/proc/{self._pid()}/root/etc/hostname")
        if Path(f"/proc/{self._pid()}/comm").read_text().strip() != "systemd" or root.read_text() != "pbx\n":
            return "not there"
        return self.tried("systemctl", "is-system-running")[1].strip()

    def _copy_freeswitch(self) -> None:
        shutil.copytree(FREESWITCH, self.at(FREESWITCH), symlinks=True)
        programs = [*FREESWITCH.glob("bin/*"), *FREESWITCH.glob("mod/*.so"), *FREESWITCH.glob("lib/*.so")]
        for library in _libraries(programs):
            # Debian's own are the same ones there.
            if not self.at(library).exists():
                self.at(library).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, self.at(library))
        for path in _MODULE.glob("*freeswitch*"):
            self.at(_MODULE).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.at(_MODULE))
        _run(["chroot", str(self.tree), "ldconfig"])
        home = ["useradd", "--system", "--user-group", "--home-dir", str(FREESWITCH), "--shell", "/usr/sbin/nologin"]
        _run(["chroot", str(self.tree), *home, "freeswitch"])
        for folder in ("scripts", "log", "run", "db", "storage", "recordings", "conf"):
            self.at(FREESWITCH / folder).mkdir(exist_ok=True)
        for left in (*self.at(FREESWITCH / "log").glob("*.log"), *self.at(FREESWITCH / "run").iterdir()):
            left.unlink()
        self.at(FREESWITCH / "conf/dialplan/public/00_tone.xml").write_text(OWN_NUMBER)
        variables = self.at(FREESWITCH / "conf/vars.xml")
        # It would ask the world outside for its address; and with the vanilla password each call waits for ten seconds.
        text = (
            variables.read_text()
            .replace('cmd="stun-set"', 'cmd="set"')
            .replace("stun:stun.freeswitch.org", "127.0.0.1")
        )
        variables.write_text(text.replace("default_password=1234", "default_password=of-this-test"))
        socket_conf = self.at(FREESWITCH / "conf/autoload_configs/event_socket.conf.xml")
        # IPv6 is not in this network.
        socket_conf.write_text(socket_conf.read_text().replace('"::"', '"127.0.0.1"'))
        _run(["chroot", str(self.tree), "chown", "-R", "freeswitch:freeswitch", str(FREESWITCH)])
        self.at("/etc/systemd/system/freeswitch.service").write_text(_UNIT)
        _run(["chroot", str(self.tree), "systemctl", "enable", "freeswitch.service"])


def unusable() -> str | None:
    """Why no such machine can be made here; None where it can."""
    if os.geteuid() != 0:
        return "needs root, for namespaces"
    for program in ("debootstrap", "unshare", "nsenter", "pivot_root", "ip"):
        if shutil.which(program) is None:
            return f"needs {program}"
    if not (FREESWITCH / "conf" / "freeswitch.xml").is_file():
        return f"needs a FreeSWITCH built from source in {FREESWITCH}, with its vanilla configuration"
    if not _cgroups().is_dir():
        return "needs control groups of version 2, for systemd"
    return None


def _cgroups() -> Path:
    """The tree of control groups of version 2, which may stand beside one of version 1."""
    unified = Path("/sys/fs/cgroup/unified")
    return unified if unified.is_dir() else Path("/sys/fs/cgroup")


def _libraries(programs: Iterable[Path]) -> set[Path]:
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    words = (line.split() for line in told.splitlines())
    return {Path(each[2]) for each in words if len(each) > 2 and each[1] == "=>" and each[2].startswith("/")}


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
