"""The FreeSWITCH of a machine or tree: its program, folders and account, and whether it runs.

A running one is asked (`global_getvar`); another has the folders of the vendor's package or of a build from source.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from faxplan import install_owner
from faxplan.errors import SwitchUnavailable
from faxplan.event_socket import EventSocket
from faxplan.install_tree import InstallRefused, Owner, Tree

_VARIABLES = ("conf_dir", "script_dir", "mod_dir", "log_dir", "run_dir", "certs_dir")
_PACKAGE = {
    "conf_dir": "/etc/freeswitch",
    "script_dir": "/usr/share/freeswitch/scripts",
    "mod_dir": "/usr/lib/freeswitch/mod",
    "log_dir": "/var/log/freeswitch",
    "run_dir": "/var/run/freeswitch",
    "certs_dir": "/etc/freeswitch/tls",
}
"""Of the vendor's Debian packages (debian/rules), which FusionPBX uses too."""
_SOURCE = {"conf_dir": "conf", "script_dir": "scripts", "mod_dir": "mod", "log_dir": "log", "run_dir": "run"}
"""Below the prefix, as `./configure` has it."""
_PREFIX = Path("/usr/local/freeswitch")
_SECONDS = 5.0
_EVENT_SOCKET_PORT = 8021


@dataclass(frozen=True, slots=True)
class SocketAccess:
    """Where the event socket listens, and its password."""

    host: str
    port: int
    password: str

    @property
    def address(self) -> str:
        """host:port, as the setting event_socket has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SwitchHere:
    """Folders are as FreeSWITCH has them. `variables`: of the running one, all that are global; empty where none runs.
    `socket`: None where event_socket.conf.xml does not say it plainly.
    """

    program: Path
    conf_dir: Path
    script_dir: Path
    mod_dir: Path
    log_dir: Path
    run_dir: Path
    certs_dir: Path
    owner: Owner
    socket: SocketAccess | None
    variables: Mapping[str, str]

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return bool(self.variables)

    def connect(self) -> EventSocket:
        """To the running one; the caller closes it. Raises SwitchUnavailable."""
        if self.socket is None:
            raise SwitchUnavailable(f"{self.conf_dir}/autoload_configs/event_socket.conf.xml does not say how to ask.")
        return EventSocket(self.socket.port, self.socket.password, self.socket.host, 30)


def find(tree: Tree, program: Path | None = None, conf_dir: Path | None = None, user: str | None = None) -> SwitchHere:
    """What the arguments do not say is found. Raises InstallRefused."""
    found = _program(tree, program)
    folders = _folders(tree, found, conf_dir)
    if tree.read(folders["conf_dir"] / "freeswitch.xml") is None:
        raise InstallRefused(
            f"{found} is FreeSWITCH, and {folders['conf_dir']} has no freeswitch.xml. Say where its configuration "
            "lies: --conf-dir."
        )
    access = socket_access(tree, folders["conf_dir"])
    named = conf_dir is not None
    variables = asked(access, folders["conf_dir"], named=named) if tree.is_this_machine else {}
    for name in _VARIABLES:
        if variables.get(name, "").startswith("/"):
            folders[name] = Path(variables[name])
    owner = install_owner.find(tree, folders["run_dir"], folders["conf_dir"], user)
    return SwitchHere(found, **folders, owner=owner, socket=access, variables=variables)


def _program(tree: Tree, given: Path | None) -> Path:
    if given is not None:
        path = given / "bin" / "freeswitch" if tree.at(given).is_dir() else given
        candidates = [path]
    else:
        on_path = shutil.which("freeswitch") if tree.is_this_machine else None
        installed = [Path("/usr/bin/freeswitch"), _PREFIX / "bin" / "freeswitch"]
        candidates = [Path(on_path), *installed] if on_path else installed
    for path in candidates:
        if os.access(tree.at(path), os.X_OK) and tree.at(path).is_file():
            return path
    raise InstallRefused(
        f"There is no FreeSWITCH here ({', '.join(map(str, candidates))}). Install it from its vendor's packages "
        "(freeswitch-meta-vanilla and freeswitch-mod-python3), or name it: --freeswitch PATH."
    )


def _folders(tree: Tree, program: Path, conf_dir: Path | None) -> dict[str, Path]:
    prefix = program.parent.parent
    if tree.is_this_machine:
        prefix = program.resolve().parent.parent
    if prefix == Path("/usr"):
        folders = {name: Path(path) for name, path in _PACKAGE.items()}
    elif tree.at(prefix / "etc" / "freeswitch").is_dir() and not tree.at(prefix / "conf").is_dir():
        # ./configure --enable-fhs
        folders = {name: prefix / path for name, path in _SOURCE.items()}
        folders |= {
            "conf_dir": prefix / "etc" / "freeswitch",
            "script_dir": prefix / "share" / "freeswitch" / "scripts",
        }
        folders |= {"mod_dir": prefix / "lib" / "freeswitch" / "mod", "log_dir": prefix / "var" / "log" / "freeswitch"}
        folders |= {
            "run_dir": prefix / "var" / "run" / "freeswitch",
            "certs_dir": prefix / "etc" / "freeswitch" / "tls",
        }
    else:
        folders = {name: prefix / path for name, path in _SOURCE.items()}
        folders["certs_dir"] = prefix / "certs"
    if conf_dir is not None:
        folders["conf_dir"] = conf_dir
    return folders


def socket_access(tree: Tree, conf_dir: Path) -> SocketAccess | None:
    """As event_socket.conf.xml has it. None where it is missing, or says it by a variable of FreeSWITCH."""
    content = tree.read(conf_dir / "autoload_configs" / "event_socket.conf.xml")
    if content is None:
        return None
    params = {each.get("name"): each.get("value", "") for each in parameters(content.decode(errors="replace"))}
    host, password = params.get("listen-ip", "127.0.0.1"), params.get("password", "ClueCon")
    port = params.get("listen-port", str(_EVENT_SOCKET_PORT))
    if "$" in host or "$" in password or not port.isdigit():
        return None
    host = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    return SocketAccess(host, int(port), password)


def answers(tree: Tree, conf_dir: Path) -> bool:
    """Whether a FreeSWITCH of this configuration answers at its event socket, be its program there or not."""
    access = socket_access(tree, conf_dir)
    if access is None:
        return False
    with (
        suppress(SwitchUnavailable),
        EventSocket(access.port, access.password, access.host, _SECONDS) as connection,
    ):
        return Path(connection.api("global_getvar conf_dir").strip()).resolve() == conf_dir.resolve()
    return False


def parameters(text: str) -> list[dict[str, str]]:
    """The attributes of each <param/> that is no comment. By patterns: files of FreeSWITCH are pieces of a document."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return [
        {
            name: unescape(value or other)
            for name, value, other in re.findall(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", each)
        }
        for each in re.findall(r"<param\s([^>]*)>", text)
    ]


def asked(access: SocketAccess | None, conf_dir: Path, *, named: bool) -> dict[str, str]:
    """What a running FreeSWITCH of this configuration says; empty where there is none. named: somebody said that
    configuration, and no other is taken.

    Raises InstallRefused where another one answers there: it must not be told to load anything.
    """
    text = ""
    if access is not None:
        with (
            suppress(SwitchUnavailable),
            EventSocket(access.port, access.password, access.host, _SECONDS) as connection,
        ):
            text = connection.api("global_getvar")
    if not text:
        text = _by_fs_cli()
    variables = dict(re.findall(r"^([\w.-]+)=(.*)$", text, re.MULTILINE))
    told = variables.get("conf_dir")
    if told is None:
        return {}
    if Path(told).resolve() == conf_dir.resolve():
        return variables
    if named or (access is not None and conf_dir != Path(_PACKAGE["conf_dir"])):
        where = access.address if access is not None else "fs_cli"
        raise InstallRefused(
            f"The FreeSWITCH that answers at {where} has its configuration in {told}, and not in {conf_dir}. "
            f"Say --conf-dir {told}, or give the two of them different ports in event_socket.conf.xml."
        )
    return variables


def _by_fs_cli() -> str:
    """With the password that root's fs_cli knows (~/.fs_cli_conf); '' where it comes to nothing."""
    program = shutil.which("fs_cli")
    if program is None:
        return ""
    try:
        asked = subprocess.run(
            [program, "-x", "global_getvar"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout if asked.returncode == 0 else ""
