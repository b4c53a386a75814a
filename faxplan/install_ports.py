"""The SIP ports that a FreeSWITCH's other profiles have, so that ours takes none of theirs."""

import re
import socket

from faxplan.install_switch import SwitchHere, parameters
from faxplan.install_tree import InstallRefused, Tree

_FIRST, _LAST = 5090, 5198
_VANILLA = frozenset({5060, 5061, 5066, 5080, 5081, 7443})
_PORTS = ("sip-port", "tls-sip-port", "ws-binding", "wss-binding")


def free_pair(tree: Tree, switch: SwitchHere) -> tuple[int, int]:
    """A port for UDP and TCP, and the next one for TLS. Raises InstallRefused."""
    taken = _VANILLA | of_profiles(tree, switch)
    for port in range(_FIRST, _LAST, 2):
        if {port, port + 1} & taken:
            continue
        if tree.is_this_machine and not (_is_free(port) and _is_free(port + 1)):
            continue
        return port, port + 1
    raise InstallRefused(f"No port from {_FIRST} to {_LAST} is free for SIP. Name one: --sip-port.")


def of_profiles(tree: Tree, switch: SwitchHere) -> set[int]:
    """Those of all profiles but ours, as files and the running switch have them."""
    variables = {**_set_variables(tree, switch), **switch.variables}
    found: set[int] = set()
    for path in tree.glob(switch.conf_dir / "sip_profiles", "*.xml*"):
        if path.name.startswith("faxplan.xml"):
            continue
        text = (tree.read(path) or b"").decode(errors="replace")
        for name in _PORTS:
            for value in re.findall(rf'name="{name}"\s+value="([^"]*)"', text):
                resolved = re.sub(r"\$\$\{([\w.-]+)\}", lambda each: variables.get(each[1], ""), value)
                found |= {int(port) for port in re.findall(r"(?:^|:)(\d{2,5})$", resolved)}
    return found | _running(switch)


def _running(switch: SwitchHere) -> set[int]:
    """As `sofia status` has them: `internal  profile  sip:mod_sofia@192.0.2.1:5060  RUNNING (0)`. A gateway's line has
    its peer's port."""
    if not switch.running:
        return set()
    with switch.connect() as connection:
        status = connection.api("sofia status")
    found = re.findall(r"^\s*(\S+)\s+profile\s+sips?:\S+?:(\d+)\b", status, re.MULTILINE)
    return {int(port) for name, port in found if name != "faxplan"}


def _set_variables(tree: Tree, switch: SwitchHere) -> dict[str, str]:
    text = (tree.read(switch.conf_dir / "vars.xml") or b"").decode(errors="replace")
    return dict(re.findall(r'<X-PRE-PROCESS\s+cmd="set"\s+data="([\w.-]+)=([^"]*)"', text))


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def handlers(tree: Tree, switch: SwitchHere) -> dict[str, set[str]]:
    """Which modules answer for parts of the configuration before its files are read, and for which: `mod_lua` for
    {"configuration", "dialplan"}. Those only that are loaded. (switch_xml.c, switch_xml_locate: bindings come first.)
    """
    folder = switch.conf_dir / "autoload_configs"
    modules = re.sub(
        r"<!--.*?-->", "", (tree.read(folder / "modules.conf.xml") or b"").decode(errors="replace"), flags=re.DOTALL
    )
    found: dict[str, set[str]] = {}
    for name in ("lua", "perl", "python", "xml_curl", "xml_rpc"):
        module = "mod_python3" if name == "python" else f"mod_{name}"
        content = tree.read(folder / f"{name}.conf.xml")
        if content is None or f'"{module}"' not in modules:
            continue
        sections: set[str] = set()
        for param in parameters(content.decode(errors="replace")):
            bound = param.get("value", "") if param.get("name") == "xml-handler-bindings" else param.get("bindings", "")
            sections |= set(re.findall(r"[a-z]+", bound))
        if sections & {"configuration", "dialplan"}:
            found[module] = sections & {"configuration", "dialplan"}
    return found
