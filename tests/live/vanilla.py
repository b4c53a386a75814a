"""A machine of its own for a FreeSWITCH with its vanilla configuration: /etc, /var and /usr are copies that vanish.

They are overlays in a mount namespace, so that an installation can go where it goes on a real machine. The network is
this machine's; everything listens on 127.0.0.1 only.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from faxplan.errors import SwitchUnavailable
from faxplan.event_socket import EventSocket
from faxplan.free_ports import RtpPorts, free_sip_port, free_tcp_port
from faxplan.processes import end_child

PROJECT = Path(__file__).parents[2]
PREFIX = Path("/usr/local/lib/faxplan")
FREESWITCH = Path("/usr/local/freeswitch")
VOICE = "15550100"
"""A number of the PBX's own, which plays a tone for ever."""
OWN_SWITCH_LAST = 14999
_FOLDERS = ("/etc", "/var", "/usr")
OWN_NUMBER = f"""<include>
  <extension name="tone">
    <condition field="destination_number" expression="^{VOICE}$">
      <action application="transfer" data="9197 XML default"/>
    </condition>
  </extension>
</include>
"""


class VanillaMachine:
    """`start` and `stop` are for the whole; FreeSWITCH is started by `start_switch`."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._holder: subprocess.Popen[str] | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._rtp = _rtp_ports()
        self.internal_port, self.external_port, self.socket_port = free_sip_port(), free_sip_port(), free_tcp_port()
        self.password = "the PBX's own word"  # noqa: S105 - of this test's switch

    def start(self) -> None:
        mounts = [f"mount -t tmpfs none {self._base}"]
        for folder in _FOLDERS:
            at = self._base / folder.strip("/").replace("/", "_")
            mounts.append(f"mkdir -p {at}/up {at}/work")
            mounts.append(f"mount -t overlay overlay -o lowerdir={folder},upperdir={at}/up,workdir={at}/work {folder}")
        # The machine that tests run on may have one.
        mounts.append("rm -rf /var/lib/faxplan")
        script = " && ".join([*mounts, "echo ready", "exec sleep infinity"])
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline().strip() == "ready"
        # What an installation asks for, and nobody needs here.
        for path in ("/usr/sbin/cron",):
            self.at(path).touch(mode=0o755)
        self._make_release()
        self._give_ports()

    def stop(self) -> None:
        for child in reversed(self._children):
            end_child(child, 15)
        if self._holder is not None:
            end_child(self._holder, 5)
            assert self._holder.stdout is not None
            self._holder.stdout.close()
        self._rtp.release()

    def at(self, path: Path | str) -> Path:
        """Where a file of this machine is seen from outside."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root") / str(path).lstrip("/")

    def run(self, *command: str, given: str = "", environment: Mapping[str, str] = os.environ) -> str:
        """A command's output; the test fails where the command does."""
        ended = subprocess.run(
            self._inside(command),
            input=given,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env=environment,
        )
        assert ended.returncode == 0, f"{command}: {ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def begin(self, *command: str, environment: Mapping[str, str] = os.environ) -> subprocess.Popen[bytes]:
        """Ends with the machine."""
        log = (self._base.parent / f"{Path(command[0]).name}.log").open("ab")
        child = subprocess.Popen(
            self._inside(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
        )
        log.close()
        self._children.append(child)
        return child

    def start_switch(self, environment: Mapping[str, str] = os.environ) -> None:
        self.begin(str(FREESWITCH / "bin" / "freeswitch"), "-nf", "-nc", "-nonat", "-np", environment=environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                if "is ready" in self.api("status") and "external" in self.api("sofia status"):
                    return
            except SwitchUnavailable:
                pass
            assert time.monotonic() < deadline, "FreeSWITCH was not up in 60 s"
            time.sleep(0.2)

    def serve_by_handler(self) -> None:
        """Has mod_lua answer for configuration and dialplan, as FusionPBX does it; before it is started."""
        lua = self.at(FREESWITCH / "conf" / "autoload_configs" / "lua.conf.xml")
        bound = '<param name="xml-handler-bindings" value="configuration,dialplan"/>'
        lua.write_text(lua.read_text().replace("<settings>", f"<settings>{bound}", 1))

    def api(self, command: str) -> str:
        with EventSocket(self.socket_port, self.password) as connection:
            return connection.api(command, 60).strip()

    def voice_call(self, uuid: str) -> bool:
        """Calls the PBX's own number through its external profile; whether it was answered."""
        variables = f"origination_uuid={uuid},originate_timeout=10"
        reply = self.api(f"originate {{{variables}}}sofia/external/{VOICE}@127.0.0.1:{self.external_port} &park()")
        assert reply.startswith("+OK"), reply
        return True

    def is_up(self, uuid: str) -> bool:
        return self.api(f"uuid_exists {uuid}") == "true"

    def configuration(self) -> dict[str, bytes]:
        """All files of the PBX's configuration."""
        folder = self.at(FREESWITCH / "conf")
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        assert self._holder is not None
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--", *command]

    def _make_release(self) -> None:
        """An environment as a wheel makes it, of this checkout and the packages that the tests have."""
        release = self.at(PREFIX / "releases" / "0.1.0")
        minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = release / "lib" / minor / "site-packages"
        site.mkdir(parents=True)
        for path in (Path(sys.prefix) / "lib" / minor / "site-packages").iterdir():
            # Of setuptools Debian's own is in the switch already, and another version of it asks for a restart.
            others = (
                "__editable__",
                "__pycache__",
                "faxplan",
                "setuptools",
                "_distutils",
                "distutils",
                "pkg_resources",
            )
            if not path.name.startswith(others):
                (site / path.name).symlink_to(path)
        for name in ("faxplan", "faxplan_client", "portal"):
            (site / name).symlink_to(PROJECT / name)
        described = site / "faxplan-0.1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: faxplan\nVersion: 0.1.0\n")
        shared = release / "share" / "faxplan"
        shared.mkdir(parents=True)
        for name in ("conf", "fs_scripts", "migrations", "schema.sql"):
            (shared / name).symlink_to(PROJECT / name)
        (release / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
        (release / "bin").mkdir()
        (release / "bin" / "python").symlink_to("/usr/bin/python3")
        program = release / "bin" / "faxplan"
        inside = PREFIX / "releases" / "0.1.0"
        program.write_text(
            f"#!{inside}/bin/python\nimport sys\nfrom faxplan_client.command import main\nsys.exit(main())\n"
        )
        program.chmod(0o755)

    def _give_ports(self) -> None:
        """Of its own, on 127.0.0.1, and a number for voice."""
        conf = self.at(FREESWITCH / "conf")
        variables = conf / "vars.xml"
        text = variables.read_text()
        for name, port in (("internal_sip_port", self.internal_port), ("external_sip_port", self.external_port)):
            text, count = re.subn(rf'data="{name}=\d+"', f'data="{name}={port}"', text)
            assert count == 1
        text = text.replace("<include>", '<include>\n  <X-PRE-PROCESS cmd="set" data="local_ip_v4=127.0.0.1"/>', 1)
        # With the one that everybody knows each call would wait for ten seconds.
        text = text.replace("default_password=1234", "default_password=of-this-test")
        variables.write_text(
            text.replace('cmd="stun-set"', 'cmd="set"').replace("stun:stun.freeswitch.org", "127.0.0.1")
        )
        socket_conf = conf / "autoload_configs" / "event_socket.conf.xml"
        text = socket_conf.read_text().replace("8021", str(self.socket_port)).replace("ClueCon", self.password)
        socket_conf.write_text(text.replace('"::"', '"127.0.0.1"'))
        switch_conf = conf / "autoload_configs" / "switch.conf.xml"
        ports = "".join(
            f'<param name="rtp-{end}-port" value="{port}"/>'
            for end, port in (("start", self._rtp.first), ("end", self._rtp.last))
        )
        switch_conf.write_text(switch_conf.read_text().replace("<settings>", f"<settings>{ports}", 1))
        for ipv6 in ("internal-ipv6.xml", "external-ipv6.xml"):
            (conf / "sip_profiles" / ipv6).unlink()
        (conf / "dialplan" / "public" / "00_tone.xml").write_text(OWN_NUMBER)


def _rtp_ports() -> RtpPorts:
    """As a PBX has them: not those that Faxplan's own switch takes."""
    while True:
        found = RtpPorts.reserve(200)
        if found.first > OWN_SWITCH_LAST:
            return found
        found.release()


def unusable() -> str | None:
    """Why no such machine can be made here; None where it can."""
    if os.geteuid() != 0:
        return "needs root, for a mount namespace"
    if not (FREESWITCH / "conf" / "freeswitch.xml").is_file() or shutil.which("unshare") is None:
        return f"needs a FreeSWITCH built from source in {FREESWITCH}, with its vanilla configuration"
    return None


def received(text: str) -> list[dict[str, object]]:
    """Of `faxplan list --json`."""
    found: list[dict[str, object]] = json.loads(text)
    return found
