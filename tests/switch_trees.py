"""Trees of files with a FreeSWITCH in them: layouts of vendor and source, and configurations in the manner of the
vanilla one and of FusionPBX's. In our own words; nothing in them runs.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from faxplan import machine_turn
from faxplan.freeswitch_found import NEEDED_MODULES

_PACKAGED = Path("/var/lib/dpkg/info/freeswitch.list")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"

_MODULES = """<configuration name="modules.conf" description="Modules">
  <modules>
    <!-- Written long ago; the end is <modules> with a slash, as in </modules>. -->
{modules}
    <!-- <load module="mod_python3"/> -->
    <load module="mod_say_en"/>
  </modules>
</configuration>
"""
_PYTHON = """<configuration name="python.conf" description="PYTHON Configuration">
  <settings>
    <!--<param name="startup-script" value="fax_queue"/>-->

  </settings>
</configuration>
"""
_ACL = """<configuration name="acl.conf" description="Network Lists">
  <network-lists>
    <list name="lan" default="allow">
      <node type="deny" cidr="192.0.2.0/24"/>
    </list>

  </network-lists>
</configuration>

"""
_EVENT_SOCKET = """<configuration name="event_socket.conf" description="Socket Client">
  <settings>
    <param name="listen-ip" value="::"/>
    <param name="listen-port" value="{port}"/>
    <param name="password" value="a secret of this box"/>
  </settings>
</configuration>
"""
_SOFIA = """<configuration name="sofia.conf" description="sofia Endpoint">
  <profiles>
    <X-PRE-PROCESS cmd="include" data="../sip_profiles/*.xml"/>
  </profiles>
</configuration>
"""
_WHOLE = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="include" data="vars.xml"/>
  <section name="configuration">
    <X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
  </section>
  <section name="dialplan">
    <X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/>
  </section>
</document>
"""
_VARIABLES = """<include>
  <X-PRE-PROCESS cmd="set" data="internal_sip_port=5060"/>
  <X-PRE-PROCESS cmd="set" data="external_sip_port={external}"/>
</include>
"""
_PROFILE = """<profile name="{name}">
  <settings>
    <param name="sip-port" value="$${{{name}_sip_port}}"/>
    <param name="context" value="public"/>
  </settings>
</profile>
"""
_LUA = """<configuration name="lua.conf" description="LUA Configuration">
  <settings>
    <param name="script-directory" value="$${{script_dir}}/?.lua"/>
    <param name="xml-handler-script" value="app.lua xml_handler"/>
    <param name="xml-handler-bindings" value="{bindings}"/>
  </settings>
</configuration>
"""
_ACCOUNTS = """root:x:0:0:root:/root:/bin/sh
postgres:x:103:105::/var/lib/postgresql:/bin/sh
freeswitch:x:997:996::/var/lib/freeswitch:/bin/false
www-data:x:33:33::/var/www:/usr/sbin/nologin
faxplan-admin:x:995:994::/nonexistent:/usr/sbin/nologin
faxplan:x:993:992::/nonexistent:/usr/sbin/nologin
"""
_GROUP = "root:x:0:\npostgres:x:105:\nfreeswitch:x:996:\nwww-data:x:33:\nfaxplan-admin:x:994:\nfaxplan:x:992:\n"


@dataclass(frozen=True)
class SwitchTree:
    """`root`: where the tree begins; the rest as programs inside see it."""

    root: Path
    conf: Path
    scripts: Path
    mods: Path

    def at(self, path: Path | str) -> Path:
        return self.root / Path(path).relative_to("/")

    def read(self, path: Path | str) -> str:
        return self.at(path).read_text()

    def write(self, path: Path | str, text: str) -> None:
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)

    def picture(self, below: Path | str = "/") -> dict[str, tuple[str, bytes]]:
        """Everything in it: kind and mode, and content; but for the lock (machine_turn), which stays with the prefix,
        and tells who had it."""
        found = {}
        for path in sorted(self.at(below).rglob("*")):
            if path.name == machine_turn.NAME:
                continue
            name = str(path.relative_to(self.root))
            if path.is_symlink():
                found[name] = ("link", str(path.readlink()).encode())
            elif path.is_dir():
                found[name] = (f"folder {path.stat().st_mode:o}", b"")
            else:
                found[name] = (f"file {path.stat().st_mode:o}", path.read_bytes())
        return found


def vendor(root: Path, *, external: int = 5080) -> SwitchTree:
    """As the vendor's Debian packages lay it."""
    tree = SwitchTree(
        root, Path("/etc/freeswitch"), Path("/usr/share/freeswitch/scripts"), Path("/usr/lib/freeswitch/mod")
    )
    program = Path("/usr/bin/freeswitch")
    tree.write(_PACKAGED, f"/.\n/usr/bin\n{program}\n")
    return _made(tree, program, external)


def source(root: Path, *, external: int = 5080) -> SwitchTree:
    """As `make install` lays it."""
    prefix = Path("/usr/local/freeswitch")
    tree = SwitchTree(root, prefix / "conf", prefix / "scripts", prefix / "mod")
    return _made(tree, prefix / "bin" / "freeswitch", external)


def fusionpbx(root: Path, *, bindings: str = "configuration,dialplan,directory,languages") -> SwitchTree:
    """FusionPBX as its installer leaves it: FreeSWITCH built from source, in the places of the vendor's packages.

    What its database says comes by mod_lua, FreeSWITCH runs as www-data, and few modules are loaded.
    """
    tree = vendor(root)
    tree.at(_PACKAGED).unlink()
    modules = ["mod_commands", "mod_lua", "mod_sofia", "mod_logfile", "mod_spandsp", "mod_dptools", "mod_dialplan_xml"]
    tree.write(tree.conf / "autoload_configs" / "modules.conf.xml", _modules([*modules, "mod_event_socket"]))
    tree.write(tree.conf / "autoload_configs" / "lua.conf.xml", _LUA.format(bindings=bindings))
    tree.write("/etc/systemd/system/freeswitch.service", "[Service]\nExecStart=/usr/bin/freeswitch -u www-data -nc\n")
    for path in tree.at(tree.conf / "sip_profiles").glob("*.xml"):
        path.rename(path.with_name(path.name + ".noload"))
    return tree


def _modules(loaded: list[str]) -> str:
    return _MODULES.format(modules="\n".join(f'    <load module="{name}"/>' for name in loaded))


def _made(tree: SwitchTree, program: Path, external: int) -> SwitchTree:
    for name, text in (
        ("freeswitch.xml", _WHOLE),
        ("vars.xml", _VARIABLES.format(external=external)),
        ("autoload_configs/modules.conf.xml", _modules([name for name in NEEDED_MODULES if name != "mod_python3"])),
        ("autoload_configs/python.conf.xml", _PYTHON),
        ("autoload_configs/acl.conf.xml", _ACL),
        ("autoload_configs/event_socket.conf.xml", _EVENT_SOCKET.format(port=8021)),
        ("autoload_configs/sofia.conf.xml", _SOFIA),
        ("sip_profiles/internal.xml", _PROFILE.format(name="internal")),
        ("sip_profiles/external.xml", _PROFILE.format(name="external")),
        ("dialplan/public.xml", '<include>\n  <context name="public"/>\n</include>\n'),
    ):
        tree.write(tree.conf / name, text)
    for module in NEEDED_MODULES:
        tree.write(tree.mods / f"{module}.so", f"ELF libpython{MINOR}.so.1.0" if module == "mod_python3" else "ELF")
    for name in (
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/lib/x86_64-linux-gnu/libfribidi.so.0",
        "/usr/share/zoneinfo/Europe/Berlin", "/usr/lib/postgresql/15/bin/postgres",
        "/usr/lib/python3/dist-packages/freeswitch.py", "/etc/postgresql/15/main/postgresql.conf",
    ):  # fmt: skip
        tree.write(name, "")
    for runs in (program, "/usr/bin/gs", "/usr/bin/bwrap", "/usr/sbin/cron"):
        tree.write(runs, "#!/bin/sh\n")
        tree.at(runs).chmod(0o755)
    tree.write("/etc/postgresql/15/main/pg_hba.conf", "# who may log in\nlocal all postgres peer\nlocal all all peer\n")
    tree.write("/etc/postgresql/15/main/pg_ident.conf", "# MAPNAME SYSTEM-USERNAME PG-USERNAME")
    tree.write("/etc/passwd", _ACCOUNTS)
    tree.write("/etc/group", _GROUP)
    for folder in (
        "/usr/local/lib/faxplan/releases/0.1.0",
        "/usr/local/bin",
        "/var/lib",
        "/etc/cron.d",
        "/etc/systemd/system",
    ):
        tree.at(folder).mkdir(parents=True, exist_ok=True)
    tree.at(tree.scripts).mkdir(parents=True, exist_ok=True)
    return tree
