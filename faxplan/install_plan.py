"""What an installation consists of: folders, files, links, and lines in files of others. Changes nothing."""

import re
from dataclasses import dataclass
from pathlib import Path

from faxplan import config
from faxplan.install_edits import Edit, included, load_module, startup_script
from faxplan.install_switch import SwitchHere
from faxplan.install_tree import InstallRefused, Owner, Tree

PREFIX = Path("/usr/local/lib/faxplan")
STATE = Path("/var/lib/faxplan")
SETTINGS = Path("/etc/faxplan")
SYSTEMD = Path("/etc/systemd/system")
DROP_IN = SYSTEMD / "freeswitch.service.d" / "faxplan.conf"
"""What FreeSWITCH's own unit gains."""
CRON = Path("/etc/cron.d")
PROGRAMS = Path("/usr/local/bin")
PACKAGED = Path("/var/lib/dpkg/info/faxplan.prerm")
"""Is there where Debian's package of Faxplan is installed."""
ADMINISTRATION = "faxplan-admin"
UNITS = ("var-lib-faxplan-spool.mount", "var-lib-faxplan-work.mount", "faxplan-worker.service")
"""Those that every installation runs."""

_ROOT = Owner()
_LOADED = (
    "mod_event_socket", "mod_sofia", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_tone_stream",
    "mod_spandsp", "mod_python3",
)  # fmt: skip
"""mod_python3 last: its startup scripts run while it loads, and need the others."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What an administrator may say. Addresses: an IP address, or a FreeSWITCH variable.

    `release`: the environment that `current` leads to. `shared`: whether a PBX on this switch hands faxes over.
    `own_switch`: whether faxes have a FreeSWITCH of their own, beside the PBX's (install_own_switch).
    """

    sip_ip: str
    sip_port: int
    tls_port: int
    external_ip: str
    database_url: str
    release: Path
    prefix: Path = PREFIX
    shared: bool = False
    own_switch: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """One that is made where it is missing. `kept`: not taken away again, since faxes lie in it, whose owner it has.
    `noted`: taken away again where it was made and is empty."""

    path: Path
    mode: int
    owner: Owner
    kept: bool = False
    noted: bool = True


@dataclass(frozen=True, slots=True)
class OurFile:
    """`seed`: Faxplan itself writes it later; laid where there is none, and taken away however it is then."""

    path: Path
    content: bytes
    mode: int
    owner: Owner
    seed: bool = False


@dataclass(frozen=True, slots=True)
class LineIn:
    """A file of somebody else's that must gain lines. `whole`: the file as it is laid where there is none."""

    path: Path
    edit: Edit
    whole: bytes | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """In the order in which it is done."""

    folders: tuple[Folder, ...]
    files: tuple[OurFile, ...]
    links: tuple[tuple[Path, Path], ...]
    lines: tuple[LineIn, ...]


def make(tree: Tree, switch: SwitchHere, choices: Choices, shipped: Path) -> Plan:
    """shipped: the folder that holds `conf`. Raises InstallRefused."""
    conf = shipped / "conf"
    return Plan(
        folders=_folders(tree, switch, choices),
        files=(*_switch_files(switch, choices, conf), *_settings(switch, choices), *_services(switch, choices, conf)),
        links=(
            (choices.prefix / "current", choices.release),
            (PROGRAMS / "faxplan", choices.prefix / "current" / "bin" / "faxplan"),
        ),
        lines=() if choices.own_switch else _lines(tree, switch, conf),
    )


def manifest_path(prefix: Path) -> Path:
    """Where what was installed is noted."""
    return prefix / "install.json"


def _folders(tree: Tree, switch: SwitchHere, choices: Choices) -> tuple[Folder, ...]:
    owner, conf = switch.owner, switch.conf_dir
    made = [
        Folder(choices.prefix, 0o755, _ROOT),
        Folder(SETTINGS, 0o750, Owner("root", owner.group)),
        *([Folder(conf, 0o750, owner)] if choices.own_switch else []),
        Folder(conf / "faxplan", 0o750, owner),
        Folder(conf / "sip_profiles", 0o750, owner),
        Folder(conf / "sip_profiles" / "faxplan", 0o750, owner),
        Folder(conf / "dialplan", 0o750, owner),
        Folder(switch.script_dir, 0o755, _ROOT),
        *(Folder(STATE / name, 0o700, owner, kept=True) for name in ("", "keys", "keys/mailer", "spool", "work")),
        *([] if choices.own_switch else [Folder(SYSTEMD / "freeswitch.service.d", 0o755, _ROOT)]),
        Folder(CRON, 0o755, _ROOT),
        Folder(PROGRAMS, 0o755, _ROOT),
    ]
    # What is above them, where a tree has not even that.
    above = {parent for each in made for parent in each.path.parents if not tree.exists(parent)}
    named = {each.path for each in made}
    return (
        *(Folder(path, 0o755, _ROOT, noted=not STATE.is_relative_to(path)) for path in sorted(above - named)),
        *made,
    )


def _switch_files(switch: SwitchHere, choices: Choices, conf: Path) -> list[OurFile]:
    values = {
        "faxplan_sip_ip": choices.sip_ip,
        "faxplan_sip_port": str(choices.sip_port),
        "faxplan_tls_port": str(choices.tls_port),
        "faxplan_ext_sip_ip": choices.external_ip,
        "faxplan_ext_rtp_ip": choices.external_ip,
    }
    folder, owner = switch.conf_dir, switch.owner
    files = [OurFile(folder / "faxplan" / "vars.xml", _with_variables(conf, values), 0o640, owner)]
    # An empty list refuses everybody, as a missing one does; but FreeSWITCH complains of an include that leads nowhere.
    empty = b'<include>\n  <list name="faxplan-trunks" default="deny">\n  </list>\n</include>\n'
    files.append(OurFile(folder / "faxplan" / "trunks_acl.xml", empty, 0o640, owner, seed=True))
    named = ["dialplan/faxplan.xml", "sip_profiles/faxplan.xml"]
    named += ["dialplan/faxplan_shared.xml"] if choices.shared else []
    files += [OurFile(folder / name, (conf / name).read_bytes(), 0o640, owner) for name in named]
    scripts = sorted((conf / "scripts").glob("*.py"))
    if not scripts:
        raise InstallRefused(
            f"{conf}/scripts has no entry scripts: this Faxplan is not whole. Install its wheel again."
        )
    files += [OurFile(switch.script_dir / each.name, each.read_bytes(), 0o644, _ROOT) for each in scripts]
    if choices.prefix != PREFIX:
        prefix = f"{choices.prefix}\n".encode()
        files.append(OurFile(switch.script_dir / "faxplan_prefix", prefix, 0o644, _ROOT))
    return files


def _settings(switch: SwitchHere, choices: Choices) -> list[OurFile]:
    owner = Owner("root", switch.owner.group)
    table: dict[str, str | float | Path | list[str]] = {
        "database_url": choices.database_url,
        "gateway_dir": switch.conf_dir / "sip_profiles" / "faxplan",
        "acl_file": switch.conf_dir / "faxplan" / "trunks_acl.xml",
        "calls_per_second": 20,
    }
    files = []
    if switch.socket is not None:
        password = SETTINGS / "event_socket_password"
        table |= {"event_socket": switch.socket.address, "event_socket_password_file": password}
        files.append(OurFile(password, f"{switch.socket.password}\n".encode(), 0o640, owner))
    text = "# /etc/faxplan/faxplan.toml: what is not here has its default; docs/settings.md describes every setting.\n"
    files.append(OurFile(SETTINGS / "faxplan.toml", (text + config.to_toml(table)).encode(), 0o640, owner))
    return files


def _services(switch: SwitchHere, choices: Choices, conf: Path) -> list[OurFile]:
    systemd = conf / "systemd"
    named = [path.relative_to(systemd) for path in sorted(systemd.rglob("*")) if path.is_file()]
    if choices.own_switch:
        named = [name for name in named if name.parts[0] != "freeswitch.service.d"]
    sources = [(SYSTEMD / name, systemd / name) for name in named] + [(CRON / "faxplan", conf / "cron.d" / "faxplan")]
    return [OurFile(path, adapted(source.read_text(), switch, choices), 0o644, _ROOT) for path, source in sources]


def adapted(text: str, switch: SwitchHere, choices: Choices) -> bytes:
    """A unit or cron file with the account that runs FreeSWITCH here, and the prefix."""
    if choices.own_switch:
        text = text.replace("Before=freeswitch.service", "Before=faxplan-switch.service")
    user, group = switch.owner.user, switch.owner.group
    text = re.sub(r"^(|Socket)User=freeswitch$", rf"\g<1>User={user}", text, flags=re.MULTILINE)
    text = re.sub(r"^(|Socket)Group=freeswitch$", rf"\g<1>Group={group}", text, flags=re.MULTILINE)
    text = text.replace("uid=freeswitch,gid=freeswitch", f"uid={user},gid={group}")
    text = re.sub(r"^((?:\S+ ){5})freeswitch ", rf"\g<1>{user} ", text, flags=re.MULTILINE)
    return text.replace(str(PREFIX), str(choices.prefix)).encode()


def _with_variables(conf: Path, values: dict[str, str]) -> bytes:
    text = (conf / "faxplan" / "vars.xml").read_text()
    for name, value in values.items():
        if not re.fullmatch(r"[A-Za-z0-9.:_${}-]{1,100}", value):
            raise InstallRefused(f"{value!r} is no address or port for {name}: an IP address, such as 192.0.2.10.")
        text, count = re.subn(rf'(?<=data="{name}=)[^"]*', lambda _, value=value: value, text)  # type: ignore[misc]
        if count != 1:
            raise InstallRefused(f"conf/faxplan/vars.xml sets {name} {count} times; it must set it once.")
    return text.encode()


def _lines(tree: Tree, switch: SwitchHere, conf: Path) -> tuple[LineIn, ...]:
    folder = switch.conf_dir / "autoload_configs"
    modules = folder / "modules.conf.xml"
    text = "".join(
        (tree.read(folder / f"{name}.conf.xml") or b"").decode("utf-8", "surrogateescape")
        for name in ("pre_load_modules", "modules", "post_load_modules")
    )
    absent = [load_module(name) for name in _LOADED if not load_module(name).is_there(text)]
    found = []
    if absent:
        together = Edit(
            "\n".join(each.line for each in absent),
            # What the other files of modules load, they load still.
            lambda text: all(each.is_there(text) for each in absent),
            absent[-1].place,
            absent[-1].indent,
            "; ".join(each.why for each in absent),
        )
        found.append(LineIn(modules, together))
    for name, edit in (
        ("python.conf.xml", startup_script("fax_queue")),
        ("acl.conf.xml", included("../faxplan/trunks_acl.xml")),
    ):
        found.append(LineIn(folder / name, edit, (conf / "autoload_configs" / name).read_bytes()))
    return tuple(found)
