"""API commands, with the replies of mod_commands.c and mod_sofia.c."""

import json
import time
import uuid as uuids
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench import causes
from bench.calls import InboundCall
from bench.channel import Channel
from bench.dial_string import separate
from bench.errors import BenchError
from bench.events import EventData
from bench.far_end import Behaviour
from bench.freeswitch_module import Event, Stream
from bench.session import Session
from bench.sofia_command import sofia

if TYPE_CHECKING:
    from bench.switch import Switch

_NO_CHANNEL = "-ERR No such channel!\n"


class Api:
    """The command table."""

    def __init__(self, switch: "Switch") -> None:
        self._switch = switch
        self._commands: dict[str, Callable[[str], str]] = {
            "bgapi": self._bgapi,
            "originate": switch.calls.originate,
            "show": self._show,
            "status": self._status,
            "version": lambda argument: "FreeSWITCH Version 1.11.2-dev+bench (a bench, not FreeSWITCH)\n",
            "uuid_exists": lambda argument: "true" if switch.channels.locate(argument) else "false",
            "uuid_kill": self._uuid_kill,
            "sched_hangup": self._sched_hangup,
            "uuid_getvar": self._uuid_getvar,
            "uuid_setvar": self._uuid_setvar,
            "uuid_dump": self._uuid_dump,
            "hupall": self._hupall,
            "global_getvar": self._global_getvar,
            "global_setvar": self._global_setvar,
            "fsctl": self._fsctl,
            "sofia": lambda argument: sofia(switch.gateways, switch.config.profile, argument),
            "reloadacl": lambda argument: "+OK acl reloaded\n",
            "reloadxml": lambda argument: "+OK [Success]\n",
            "pyrun": self._pyrun,
            "echo": lambda argument: argument,
            "msleep": self._msleep,
            "create_uuid": lambda argument: str(uuids.uuid4()),
            "eval": lambda argument: argument,
            "strepoch": lambda argument: str(int(time.time())),
            "bench_call_in": self._call_in,
            "bench_gateway": self._gateway,
            "bench_complaints": lambda argument: json.dumps(switch.complaints),
        }

    def execute(self, command: str, argument: str = "") -> str:
        """Run a command as a script or fs_cli would; an unknown one answers INVALID COMMAND!."""
        stream = Stream()
        self.run(command, argument, stream, Event.received(EventData("API")), None)
        return stream.get_data()

    def run(self, command: str, argument: str, stream: Stream, environment: Event, channel: Channel | None) -> None:
        """switch_api_execute: `environment` becomes the env of a Python API, `channel` its session."""
        command, argument = command.strip(), (argument or "").strip()
        environment.addHeader("API-Command", command)
        if argument:
            environment.addHeader("API-Command-Argument", argument)
        if command.lower() == "python":
            session: Session | str = "na" if channel is None else Session(channel, self._switch)
            self._switch.scripts.call(argument, "fsapi", session, stream, environment)
            return
        known = self._commands.get(command.lower())
        if known is None:
            self._switch.console_log("err", f"INVALID COMMAND! {command}")
            stream.write("INVALID COMMAND!\n")
            return
        stream.write(known(argument))

    # -- jobs -------------------------------------------------------------------------------------------------------

    def _bgapi(self, argument: str) -> str:
        job, command = "", argument
        if argument.lower().startswith("uuid:"):
            job, _, command = argument[5:].partition(" ")
        if not command:
            return "-ERR Invalid syntax\n"
        job = job or str(uuids.uuid4())
        name, _, rest = command.partition(" ")

        def run() -> None:
            reply = self.execute(name, rest) if name.lower() in {*self._commands, "python"} else ""
            event = EventData("BACKGROUND_JOB", "", {"Job-UUID": job, "Job-Command": name})
            if rest:
                event.headers["Job-Command-Arg"] = rest
            event.body = reply or f"{name}: Command not found!\n"
            self._switch.events.publish(event)

        self._switch.scripts.start_thread(f"job-{job[:8]}", run)
        return f"+OK Job-UUID: {job}\n"

    def _pyrun(self, argument: str) -> str:
        if not argument:
            return "USAGE: pyrun python </path/to/script>\n"
        self._switch.start_script(argument)
        return "OK\n"

    def _msleep(self, argument: str) -> str:
        time.sleep(int(argument) / 1000 if argument.isdigit() else 0)
        return "+OK\n"

    # -- looking ----------------------------------------------------------------------------------------------------

    def _show(self, argument: str) -> str:
        words = argument.lower().split()
        if not words or words[0] not in ("channels", "calls"):
            return "-USAGE: show channels|calls [count | as json]\n"
        rows = [_row(channel) for channel in self._switch.channels.all()]
        if "count" in words:
            return f"\n{len(rows)} total.\n"
        if words[-2:] == ["as", "json"]:
            return json.dumps({"row_count": len(rows)} | ({"rows": rows} if rows else {})) + "\n"
        if not rows:
            return "\n0 total.\n"
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        return "\n".join(lines) + f"\n\n{len(rows)} total.\n"

    def _status(self, _argument: str) -> str:
        gate, seconds = self._switch.gate, int(time.monotonic() - self._switch.started)
        days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
        return (
            f"UP 0 years, {days} days, {hours} hours, {minutes} minutes, {seconds % 60} seconds, 0 milliseconds, "
            "0 microseconds\n"
            f"FreeSWITCH (Version 1.11.2-dev bench) is {'ready' if self._switch.running else 'not ready'}\n"
            f"{gate.total} session(s) since startup\n"
            f"{len(self._switch.channels)} session(s) - peak 0, last 5min 0 \n"
            f"0 session(s) per Sec out of max {gate.sessions_per_second}, peak 0, last 5min 0 \n"
            f"{gate.max_sessions} session(s) max\n"
            "min idle cpu 0.00/100.00\n"
        )

    # -- channels ---------------------------------------------------------------------------------------------------

    def _uuid_kill(self, argument: str) -> str:
        if not argument:
            return "-USAGE: <uuid> [cause]\n"
        uuid, _, cause = argument.partition(" ")
        channel = self._switch.channels.locate(uuid)
        if channel is None:
            return _NO_CHANNEL
        channel.hangup(causes.cause_named(cause) if cause else "NORMAL_CLEARING")
        return "+OK\n"

    def _sched_hangup(self, argument: str) -> str:
        words = separate(argument, " ", 4)
        if not words or not words[0]:
            return "-USAGE: [+]<time> <uuid> [<cause>]\n"
        channel = self._switch.channels.locate(words[1] if len(words) > 1 else "")
        if channel is None:
            return _NO_CHANNEL
        cause = words[2] if len(words) > 2 else "ALLOTTED_TIMEOUT"
        self._switch.applications.schedule_hangup(channel, words[0], cause)
        return "+OK\n"

    def _uuid_getvar(self, argument: str) -> str:
        words = separate(argument, " ", 4)
        if len(words) < 2:
            return "-USAGE: <uuid> <var>\n"
        channel = self._switch.channels.locate(words[0])
        if channel is None:
            return _NO_CHANNEL
        value = channel.get(words[1])
        return "_undef_" if value is None else value

    def _uuid_setvar(self, argument: str) -> str:
        words = separate(argument, " ", 3)
        if len(words) < 2:
            return "-USAGE: <uuid> <var> [value]\n"
        channel = self._switch.channels.locate(words[0])
        if channel is None:
            return _NO_CHANNEL
        channel.set(words[1], words[2] if len(words) == 3 else None)
        return "+OK\n"

    def _uuid_dump(self, argument: str) -> str:
        channel = self._switch.channels.locate(argument.split(maxsplit=1)[0]) if argument else None
        if channel is None:
            return _NO_CHANNEL
        return Event.received(channel.event("CHANNEL_DATA")).serialize()

    def _hupall(self, argument: str) -> str:
        for channel in self._switch.channels.all():
            channel.hangup(causes.cause_named(argument or "MANAGER_REQUEST"))
        return "+OK hangup all channels\n"

    # -- the switch -------------------------------------------------------------------------------------------------

    def _global_getvar(self, argument: str) -> str:
        if argument:
            return self._switch.globals.get(argument, "")
        return "".join(f"{name}={value}\n" for name, value in self._switch.globals.items())

    def _global_setvar(self, argument: str) -> str:
        name, separator, value = argument.partition("=")
        if not separator:
            return "-USAGE: <var>=<value>\n"
        self._switch.globals[name] = value
        return "+OK"

    def _fsctl(self, argument: str) -> str:
        words = argument.lower().split()
        gate = self._switch.gate
        if words and words[0] in ("pause", "resume"):
            directions = {words[1]} & {"inbound", "outbound"} if len(words) > 1 else {"inbound", "outbound"}
            gate.paused = gate.paused | directions if words[0] == "pause" else gate.paused - directions
            return "+OK\n"
        if words and words[0] == "sps":
            # 0 asks, as no number does: switch_core_sessions_per_second.
            if len(words) > 1 and int(words[1]):
                gate.sessions_per_second = int(words[1])
            return f"+OK sessions per second: {gate.sessions_per_second}\n"
        if words and words[0] == "max_sessions":
            if len(words) > 1 and int(words[1]):
                gate.max_sessions = int(words[1])
            return f"+OK max sessions: {gate.max_sessions}\n"
        if words and words[0] == "pause_check":
            wanted = {words[1]} if len(words) > 1 else {"inbound", "outbound"}
            return "true" if wanted <= gate.paused else "false"
        return f"-ERR Invalid command\nUSAGE: fsctl {argument}\n"

    # -- of the bench alone -----------------------------------------------------------------------------------------

    def _call_in(self, argument: str) -> str:
        """JSON: number, tiff, other fields of InboundCall; `behaviour` is an object of Behaviour's fields. Waits."""
        try:
            wanted = json.loads(argument)
            behaviour = Behaviour(**{"t38": "accept", "ident": "REMOTE SENDER"} | wanted.pop("behaviour", {}))
            call = InboundCall(tiff=Path(wanted.pop("tiff")), behaviour=behaviour, **wanted)
        except (ValueError, TypeError, KeyError) as error:
            return f"-ERR {error}\n"
        result = self._switch.calls.call_in(call)
        result.ended.wait()
        return json.dumps({"code": result.code, "pages": result.pages, "sip_status": result.sip_status})

    def _gateway(self, argument: str) -> str:
        """`<name> up|down|add`."""
        name, _, wanted = argument.partition(" ")
        if wanted == "add":
            self._switch.gateways.add(name)
            return "+OK\n"
        gateway = self._switch.gateways.find(name)
        if gateway is None or wanted not in ("up", "down"):
            raise BenchError("bench_gateway <name> up|down|add; the gateway must be loaded")
        gateway.up = wanted == "up"
        return "+OK\n"


def _number(words: list[str]) -> int:
    return int(words[0]) if words and words[0].isdigit() else 0


def _row(channel: Channel) -> dict[str, str]:
    created = channel.profile.created_us // 1_000_000
    return {
        "uuid": channel.uuid,
        "direction": channel.profile.direction,
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)),
        "created_epoch": str(created),
        "name": channel.name,
        "state": channel.state,
        "cid_name": channel.profile.caller_id_name,
        "cid_num": channel.profile.caller_id_number,
        "ip_addr": channel.profile.network_addr,
        "dest": channel.profile.destination_number,
        "application": channel.application[0],
        "application_data": channel.application[1],
        "dialplan": "XML",
        "context": channel.profile.context,
        "read_codec": "PCMU",
        "read_rate": "8000",
        "read_bit_rate": "64000",
        "write_codec": "PCMU",
        "write_rate": "8000",
        "write_bit_rate": "64000",
        "hostname": "bench",
        "accountcode": "",
        "callstate": "HANGUP" if channel.cause else "ACTIVE" if channel.answered else "RINGING",
        "call_uuid": channel.uuid,
    }
