"""An Asterisk of our own as the fax machine at the other end: res_fax over spandsp, chan_pjsip, UDPTL of its own.

Its own configuration and folders, a free port of 127.0.0.1. It is the one on PATH, or lies in a folder that
FAXPLAN_ASTERISK names (docs/interoperability.md): there it runs with the libraries of that folder, without chroot, so
that it needs no rights and sees the same files as we do.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from faxplan.free_ports import free_sip_port
from tests.bench.whole import wait_for

FILES = Path(__file__).parent / "asterisk"
NOT_INSTALLED = (
    "live: not run, there is no Asterisk with res_fax_spandsp: install the packages asterisk and asterisk-modules, or "
    "name a folder that has them in FAXPLAN_ASTERISK; see docs/interoperability.md"
)
_FAXED = re.compile(
    r"FAXED:(?P<status>\w*):(?P<pages>\d*):(?P<mode>\w*):(?P<ident>[^:]*):(?P<error>[^:\n]*)$", re.MULTILINE
)


@dataclass(frozen=True)
class AsteriskFound:
    """`command`: the program, and what must stand before it. `installed`: lines of asterisk.conf, where it is
    elsewhere than it was built for.
    """

    command: tuple[str, ...]
    installed: str


def find(environment: Mapping[str, str] = os.environ) -> AsteriskFound | None:
    """With res_fax_spandsp; None where there is none."""
    if named := environment.get("FAXPLAN_ASTERISK"):
        return _in_tree(Path(named).resolve())
    on_path = shutil.which("asterisk", path=f"{environment.get('PATH', os.defpath)}:/usr/sbin")
    modules = [Path("/usr/lib/asterisk/modules"), *Path("/usr/lib").glob("*/asterisk/modules")]
    if on_path is None or not any((folder / "res_fax_spandsp.so").is_file() for folder in modules):
        return None
    return AsteriskFound((on_path,), "")


def _in_tree(tree: Path) -> AsteriskFound | None:
    """A Debian below a folder. Its links that begin with / lead elsewhere, so nothing here goes through one."""
    modules = next((each.parent for each in tree.glob("usr/lib/**/asterisk/modules/res_fax_spandsp.so")), None)
    loader = next(tree.glob("usr/lib/*/ld-linux*.so.*"), None)
    if modules is None or loader is None:
        return None
    libraries = f"{loader.parent}:{tree}/usr/lib"
    program = str(tree / "usr" / "sbin" / "asterisk")
    data = tree / "usr" / "share" / "asterisk"
    return AsteriskFound(
        (str(loader), "--library-path", libraries, program), f"astmoddir => {modules}\nastdatadir => {data}"
    )


@dataclass(frozen=True)
class Faxed:
    """What Asterisk says of a fax. mode: `T38` or `audio`."""

    status: str
    pages: int
    mode: str
    ident: str
    error: str


class Asterisk:
    """A context manager: the process runs within.

    t38: how UDPTL makes good for losses, `redundancy`, `fec` or `none`; None: it does not speak T.38, and refuses it.
    receive_options, send_options: of the applications ReceiveFAX and SendFAX, which say who asks for T.38.
    """

    def __init__(
        self,
        found: AsteriskFound,
        base: Path,
        faxplan_port: int,
        *,
        t38: str | None = "redundancy",
        ecm: bool = True,
        receive_options: str = "",
        send_options: str = "",
    ) -> None:
        self._found = found
        self._base = base
        self.port = free_sip_port()
        self.received = base / "received.tif"
        self._log = base / "log" / "messages"
        for folder in ("etc", "run", "log", "spool"):
            (base / folder).mkdir(parents=True)
        values = {
            "base": str(base),
            "installed": found.installed,
            "port": str(self.port),
            "faxplan_port": str(faxplan_port),
            "t38": "t38_udptl=no" if t38 is None else f"t38_udptl=yes\nt38_udptl_ec={t38}",
            "ecm": "yes" if ecm else "no",
            "receive_options": receive_options,
            "send_options": send_options,
        }
        for file in FILES.glob("*.conf"):
            (base / "etc" / file.name).write_text(Template(file.read_text()).substitute(values))

    def __enter__(self) -> "Asterisk":
        with (self._base / "log" / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*self._command(), "-f"], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._base
            )
        wait_for(self._up, f"Asterisk to run; see {self._log}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def send(self, tiff: Path, number: str) -> None:
        """Calls Faxplan and sends these pages; returns at once."""
        shutil.copy(tiff, self._base / "to_send.tif")
        said = self.console(f"channel originate PJSIP/{number}@faxplan extension send@faxes")
        assert "No such command" not in said, said

    def faxed(self, seconds: float = 120) -> Faxed:
        """What the one fax of this Asterisk came to, once its call is over."""
        wait_for(lambda: _FAXED.search(self._text()) is not None, f"the fax to end; see {self._log}", seconds)
        said = _FAXED.search(self._text())
        assert said is not None
        return Faxed(said["status"], int(said["pages"] or 0), said["mode"], said["ident"], said["error"])

    def console(self, command: str) -> str:
        """A command of its command line, and what it answers."""
        done = subprocess.run(
            [*self._command(), "-rx", command], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def _command(self) -> list[str]:
        return [*self._found.command, "-C", str(self._base / "etc" / "asterisk.conf")]

    def _text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _up(self) -> bool:
        assert self._process.poll() is None, f"Asterisk ended while starting; see {self._log}"
        if not (self._base / "run" / "asterisk.ctl").exists():
            time.sleep(0.1)
            return False
        return "faxplan" in self.console("pjsip show endpoints") and "Spandsp" in self.console("fax show capabilities")
