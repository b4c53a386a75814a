"""A FreeSWITCH of Faxplan's own beside the PBX's: its program and modules; configuration, account and ports of its own.

For a PBX whose configuration comes from an XML handler, as FusionPBX has it: FreeSWITCH asks handlers before it reads
files (switch_xml.c, switch_xml_locate), and takes what they answer for all there is. mod_lua of FusionPBX answers
`sofia.conf` with the profiles of its database, and any context with its own extensions: a profile or context in files
is never seen there.
"""

import re
import secrets
import socket
from pathlib import Path

from faxplan.install_plan import STATE, Folder, OurFile
from faxplan.install_switch import SocketAccess, SwitchHere
from faxplan.install_tree import InstallRefused, Owner, Tree

ACCOUNT = "faxplan"
UNIT = "faxplan-switch.service"
CONF = Path("/etc/faxplan/freeswitch")
_DATA = STATE / "switch"
_DATA_FOLDERS = (
    "log", "run", "certs", "db", "storage", "recordings", "cache", "sounds", "grammar", "htdocs", "temp",
)  # fmt: skip
_RTP = (10000, 14999)
_FIRST_SOCKET_PORT, _LAST_SOCKET_PORT = 8022, 8099


def beside(tree: Tree, pbx: SwitchHere, before: dict[str, str]) -> SwitchHere:
    """The switch that is to be, as it is not yet there. `before`: what an earlier installation has remembered.

    Raises InstallRefused.
    """
    _refuse_ports_of_the_pbx(tree, pbx)
    port = int(before.get("own_socket_port") or 0) or _free_socket_port(tree, pbx)
    password = before.get("own_socket_password") or secrets.token_urlsafe(24)
    return SwitchHere(
        pbx.program,
        CONF,
        CONF / "scripts",
        pbx.mod_dir,
        _DATA / "log",
        _DATA / "run",
        _DATA / "certs",
        owner=Owner(ACCOUNT, ACCOUNT),
        socket=SocketAccess("127.0.0.1", port, password),
        variables={},
    )


def command(switch: SwitchHere) -> list[str]:
    """What starts it."""
    words = [str(switch.program), "-nf", "-nc", "-nonat", "-np", "-conf", str(CONF)]
    words += ["-scripts", str(switch.script_dir), "-mod", str(switch.mod_dir)]
    for name in _DATA_FOLDERS:
        words += [f"-{name}", str(_DATA / name)]
    return words


def folders(switch: SwitchHere) -> list[Folder]:
    """Besides those that every installation has."""
    owner = switch.owner
    return [
        Folder(CONF / "autoload_configs", 0o750, owner),
        *(Folder(path, 0o700, owner, kept=True) for path in (_DATA, *(_DATA / name for name in _DATA_FOLDERS))),
    ]


def files(switch: SwitchHere, conf: Path) -> list[OurFile]:
    """conf/standalone, which `make run` uses too, with this switch's ports and password, and our own autoload files."""
    standalone, owner = conf / "standalone", switch.owner
    assert switch.socket is not None  # noqa: S101 - `beside` gives one
    texts = {path.relative_to(standalone): path.read_text() for path in standalone.rglob("*.xml") if path.is_file()} | {
        path.relative_to(conf): path.read_text() for path in (conf / "autoload_configs").glob("*.xml")
    }
    socket_conf = Path("autoload_configs/event_socket.conf.xml")
    texts[socket_conf] = texts[socket_conf].replace("PASSWORD", switch.socket.password)
    values = {
        "faxplan_switch_name": "faxplan",
        "faxplan_log_level": "info",
        "faxplan_rtp_start_port": str(_RTP[0]),
        "faxplan_rtp_end_port": str(_RTP[1]),
        "faxplan_max_sessions": "300",
        "faxplan_sessions_per_second": "30",
        "faxplan_event_socket_port": str(switch.socket.port),
    }
    lines = [f'  <X-PRE-PROCESS cmd="set" data="{name}={value}"/>' for name, value in values.items()]
    texts[Path("vars.xml")] = "\n".join(["<include>", *lines, "</include>", ""])
    return [OurFile(CONF / name, text.encode(), 0o640, owner) for name, text in sorted(texts.items())]


def unit(switch: SwitchHere, conf: Path) -> str:
    """Its systemd unit, before account and prefix are put in."""
    text = (conf / "standalone" / UNIT).read_text()
    return text.replace("ExecStart=FREESWITCH", f"ExecStart={' '.join(command(switch))}")


def remembered(switch: SwitchHere) -> dict[str, str]:
    """What the next installation must know: the password is in two files."""
    assert switch.socket is not None  # noqa: S101 - `beside` gives one
    return {"own_socket_port": str(switch.socket.port), "own_socket_password": switch.socket.password}


def _refuse_ports_of_the_pbx(tree: Tree, pbx: SwitchHere) -> None:
    text = (tree.read(pbx.conf_dir / "autoload_configs" / "switch.conf.xml") or b"").decode(errors="replace")
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    found = dict(re.findall(r'name="rtp-(start|end)-port"\s+value="(\d+)"', text))
    first, last = int(found.get("start", 16384)), int(found.get("end", 32768))
    if first <= _RTP[1] and last >= _RTP[0]:
        raise InstallRefused(
            f"The PBX has the UDP ports {first} to {last} for RTP (rtp-start-port, rtp-end-port in switch.conf.xml); "
            f"Faxplan's own switch needs {_RTP[0]} to {_RTP[1]}. Give the PBX others."
        )


def _free_socket_port(tree: Tree, pbx: SwitchHere) -> int:
    taken = {pbx.socket.port} if pbx.socket else set()
    for port in range(_FIRST_SOCKET_PORT, _LAST_SOCKET_PORT):
        if port in taken:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                if tree.is_this_machine:
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise InstallRefused(f"No port from {_FIRST_SOCKET_PORT} to {_LAST_SOCKET_PORT} is free for an event socket.")
