"""A FreeSWITCH of our own: configuration, databases, logs and recordings below one folder, on free ports of 127.0.0.1.

For `make run`, tests/live and benchmarks. The configuration is conf/ itself, the files that an administrator installs,
plus conf/standalone, in place of the rest of a FreeSWITCH's configuration. A running FreeSWITCH is never touched.
"""

import ipaddress
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faxplan import shipped
from faxplan.errors import InvalidSetting, SwitchUnavailable
from faxplan.event_socket import EventSocket
from faxplan.free_ports import RtpPorts, free_sip_port, free_tcp_port
from faxplan.freeswitch_found import FreeSwitchFound
from faxplan.gateways import Gateway, Network, acl_xml, write_gateways
from faxplan.processes import ProcessId, end, end_child

PROFILE = "faxplan"
CONF = shipped.folder() / "conf"

_FOLDERS = ("run", "db", "log", "storage", "recordings", "cache", "certs", "sounds", "grammar", "htdocs")
# Waits for the end of its input, which comes when the launcher is gone, however it went; then ends the switch.
_WATCHER = 'read _; grep -qsF "$1" "/proc/$0/cmdline" && kill -TERM "$0"'
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.1/32"),)


@dataclass(frozen=True, slots=True)
class InstanceOptions:
    """`base`: everything is below it. `python`: the virtual environment's, of the same minor version as FreeSWITCH's.

    Ports: None takes free ones, and no TLS for `tls_port`, which needs agent.pem and cafile.pem in <base>/certs.
    `dialplan`: a file in place of conf/dialplan, for a switch that plays somebody else.
    `trunk_networks`: who may call. `demo_carrier`: adds a gateway `carrier` that leads back to this same switch, so
    that a number of ours, dialled through it, comes back as a received call.
    """

    base: Path
    script_dir: Path
    python: Path
    name: str = "faxplan"
    sip_port: int | None = None
    event_socket_port: int | None = None
    tls_port: int | None = None
    rtp_ports: tuple[int, int] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    startup_scripts: Sequence[str] = ("fax_queue",)
    gateways: Sequence[Gateway] = ()
    trunk_networks: Sequence[Network] = _LOOPBACK
    sessions_per_second: int = 30
    max_sessions: int = 300
    inbound_cap_seconds: int = 3600
    dialplan: Path | None = None
    demo_carrier: bool = False
    log_level: str = "info"


class Instance:
    """One FreeSWITCH process. `prepare` writes its folder; `start` and `stop` may alternate on the same folder."""

    def __init__(self, found: FreeSwitchFound, options: InstanceOptions) -> None:
        if found.missing or found.python_module is None:
            raise SwitchUnavailable("FreeSWITCH cannot be used here: " + "; ".join(found.missing))
        if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", options.name):
            raise InvalidSetting(f"{options.name!r} is no name for a switch; use letters, digits and hyphens.")
        self.found = found
        self._python_module = found.python_module
        self.options = options
        self.base = options.base.resolve()
        self.sip_port = options.sip_port or free_sip_port()
        self.event_socket_port = options.event_socket_port or free_tcp_port()
        self.password = secrets.token_urlsafe(24)
        self.log_path = self.base / "log" / "freeswitch.log"
        self.gateways_folder = self.base / "conf" / "sip_profiles" / PROFILE
        self.acl_path = self.base / "conf" / PROFILE / "trunks_acl.xml"
        self._rtp_ports: RtpPorts | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running FreeSWITCH; SwitchUnavailable if it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise SwitchUnavailable(f"FreeSWITCH {self.options.name} does not run; its log is {self.log_path}.")
        return self._process.pid

    def prepare(self) -> None:
        """Write the configuration below `base`, anew each time; what FreeSWITCH keeps there itself stays."""
        conf = self.base / "conf"
        shutil.rmtree(conf, ignore_errors=True)
        for folder in (*_FOLDERS, "tmp"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        self.base.chmod(0o700)
        shutil.copytree(CONF / "standalone", conf)
        for folder in ("autoload_configs", "sip_profiles", "faxplan"):
            shutil.copytree(CONF / folder, conf / folder, dirs_exist_ok=True)
        (conf / "dialplan").mkdir()
        for path in [self.options.dialplan] if self.options.dialplan else (CONF / "dialplan").glob("*.xml"):
            shutil.copy(path, conf / "dialplan")
        self._write_variables(conf)
        python_conf = conf / "autoload_configs" / "python.conf.xml"
        python_conf.write_text(_with_startup_scripts(python_conf.read_text(), self.options.startup_scripts))
        gateways = list(self.options.gateways)
        if self.options.demo_carrier:
            gateways.append(Gateway("carrier", "127.0.0.1", self.sip_port))
        write_gateways(self.gateways_folder, gateways)
        self.acl_path.write_text(acl_xml(self.options.trunk_networks))
        # Alone in a folder of its own: the folder it was found in would bring the system's packages before the venv's.
        module_folder = self.base / "python"
        module_folder.mkdir(exist_ok=True)
        shutil.copy(self._python_module, module_folder)

    def start(self) -> None:
        """Prepare, start, and return once the event socket answers and the fax profile runs; else SwitchUnavailable."""
        self._stop_left_over()
        self.prepare()
        environment = {**os.environ, **self.options.environment}
        environment["PATH"] = f"{self.options.python.parent}:{environment.get('PATH', os.defpath)}"
        # The scripts first: each call looks for its script, and Python looks through the path from the start.
        given = self.options.environment.get("PYTHONPATH")
        folders = [str(self.options.script_dir), str(self.base / "python"), *([given] if given else [])]
        environment["PYTHONPATH"] = os.pathsep.join(folders)
        with (self.base / "log" / "output").open("ab") as output:
            # Its own session: Ctrl-C in the terminal is for whoever started us, and they stop the switch in order.
            self._process = subprocess.Popen(
                self._command(),
                env=environment,
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        # A launcher that is killed could not stop the switch.
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, str(self._process.pid), str(self.base / "run")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._up():
            if self._process.poll() is not None:
                raise SwitchUnavailable(f"FreeSWITCH ended while starting; see {self.log_path}, and output beside it.")
            if time.monotonic() > deadline:
                self.kill9()
                raise SwitchUnavailable(f"FreeSWITCH was not up in {_START_SECONDS:.0f} s; see {self.log_path}.")
            time.sleep(0.1)

    def connect(self) -> EventSocket:
        """A new connection to the event socket; the caller closes it."""
        return EventSocket(self.event_socket_port, self.password)

    def api(self, command: str, timeout_seconds: float = 30.0) -> str:
        """An API command's output, without the line end."""
        with self.connect() as connection:
            return connection.api(command, timeout_seconds).rstrip("\n")

    def core_uuid(self) -> str:
        """Another one after each start."""
        return self.api("global_getvar core_uuid")

    def stop(self) -> None:
        """End it in order; by force if it has not ended in 15 s."""
        if self._process is None:
            return
        end_child(self._process, _STOP_SECONDS)
        self._ended()

    def kill9(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._ended()

    def _ended(self) -> None:
        self._process = None
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None
        if self._rtp_ports is not None:
            self._rtp_ports.release()
            self._rtp_ports = None

    def _up(self) -> bool:
        try:
            profiles = self.api("sofia status")
            ready = "is ready" in self.api("status")
        except SwitchUnavailable:
            return False
        return ready and re.search(rf"\b{PROFILE}\s+profile\s.*\bRUNNING\b", profiles) is not None

    def _command(self) -> list[str]:
        command = [str(self.found.binary), "-nf", "-nc", "-nonat", "-nonatmap", "-np"]
        for folder in ("conf", *_FOLDERS):
            command += [f"-{folder}", str(self.base / folder)]
        command += ["-temp", str(self.base / "tmp"), "-mod", str(self.found.mod_dir)]
        return [*command, "-scripts", str(self.options.script_dir.resolve())]

    def _write_variables(self, conf: Path) -> None:
        if self.options.rtp_ports is None:
            self._rtp_ports = self._rtp_ports or RtpPorts.reserve(2 * self.options.max_sessions)
            rtp_start, rtp_end = self._rtp_ports.first, self._rtp_ports.last
        else:
            rtp_start, rtp_end = self.options.rtp_ports
        site = conf / PROFILE / "vars.xml"
        values = {"faxplan_sip_ip": "127.0.0.1", "faxplan_sip_port": str(self.sip_port)}
        values["faxplan_inbound_cap"] = str(self.options.inbound_cap_seconds)
        if self.options.tls_port is not None:
            values |= {"faxplan_tls": "true", "faxplan_tls_port": str(self.options.tls_port)}
        site.write_text(_with_variables(site.read_text(), values))
        own = {
            "faxplan_switch_name": self.options.name,
            "faxplan_log_level": self.options.log_level,
            "faxplan_rtp_start_port": str(rtp_start),
            "faxplan_rtp_end_port": str(rtp_end),
            "faxplan_max_sessions": str(self.options.max_sessions),
            "faxplan_sessions_per_second": str(self.options.sessions_per_second),
            "faxplan_event_socket_port": str(self.event_socket_port),
        }
        lines = [f'  <X-PRE-PROCESS cmd="set" data="{name}={value}"/>' for name, value in own.items()]
        (conf / "vars.xml").write_text("\n".join(["<include>", *lines, "</include>", ""]))
        # The password stands in its own file only: a global variable could be read by every script and dialplan.
        socket_conf = conf / "autoload_configs" / "event_socket.conf.xml"
        socket_conf.write_text(socket_conf.read_text().replace("PASSWORD", self.password))

    def _stop_left_over(self) -> None:
        """End the FreeSWITCH that a killed launcher left behind in this same folder; nobody else's."""
        pid_file = self.base / "run" / "freeswitch.pid"
        if not pid_file.exists():
            return
        left = ProcessId.of("freeswitch", int(pid_file.read_text().strip("\0 \n") or 0))
        if left is not None and _runs_in(left.pid, self.base):
            end([left], _STOP_SECONDS)


def _runs_in(pid: int, base: Path) -> bool:
    """Whether that process is a FreeSWITCH in this folder, by its command line: process ids are used again."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(base / "run") in arguments


def _with_variables(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text, count = re.subn(rf'(?<=data="{name}=)[^"]*', value, text)
        if count != 1:
            raise InvalidSetting(f"conf/faxplan/vars.xml sets {name} {count} times; it must set it once.")
    return text


def _with_startup_scripts(text: str, scripts: Sequence[str]) -> str:
    for script in scripts:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:]*( [A-Za-z0-9_. -]*)?", script):
            raise InvalidSetting(f"{script!r} is no startup script; write a module, and its argument after a space.")
    lines = "\n".join(f'    <param name="startup-script" value="{script}"/>' for script in scripts)
    return re.sub(r'    <param name="startup-script" value="fax_queue"/>', lines, text)
