"""Dialplan applications that a channel can execute (mod_dptools, mod_spandsp, mod_python3), no more than fax needs."""

import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bench import causes, dtmf
from bench.channel import Channel
from bench.fax_application import FaxApplication, answer

if TYPE_CHECKING:
    from bench.switch import Switch

_log = logging.getLogger("bench.applications")
_IN_HOOK = {"sched_hangup", "strftime", "set", "unset", "export", "log", "hangup"}
_API_IN_HOOK = {"sched_hangup"}
_VARIABLE = re.compile(r"\$\{([\w-]+)\}")


class Applications:
    """Executes applications by name."""

    def __init__(self, switch: "Switch") -> None:
        self._switch = switch
        self._known: dict[str, Callable[[Channel, str], None]] = {
            "answer": self._answer,
            "pre_answer": lambda channel, data: None,
            "ring_ready": lambda channel, data: None,
            "hangup": lambda channel, data: channel.hangup(causes.cause_named(data or "NORMAL_CLEARING")),
            "set": self._set,
            "export": self._set,
            "strftime": self._strftime,
            "unset": lambda channel, data: channel.set(data.strip(), None),
            "log": self._log,
            "info": lambda channel, data: _log.info("%s %s", channel.uuid, channel.headers()),
            "sleep": self._sleep,
            "park": self._park,
            "send_dtmf": self._send_dtmf,
            "playback": self._playback,
            "sched_hangup": self._sched_hangup,
            "rxfax": lambda channel, data: FaxApplication(channel, sending=False, path=data).run(),
            "txfax": lambda channel, data: FaxApplication(channel, sending=True, path=data).run(),
            "python": self._python,
        }

    def execute(self, channel: Channel, name: str, data: str) -> None:
        """Run one application in the channel's own thread. An unknown one ends the call, as in FreeSWITCH."""
        application = self._known.get(name.lower())
        if application is None:
            self._switch.complain(f"Invalid Application {name}")
            channel.hangup("DESTINATION_OUT_OF_ORDER")
            return
        data = self._expand(channel, data)
        if name != "python":
            channel.application = (name, data)
        channel.set("current_application", name)
        application(channel, data)

    def execute_on(self, channel: Channel, value: str) -> None:
        """Run an execute_on_* value, `app args` or `app:args`, in the thread that drives the line."""
        name, _, data = re.sub(r"^([^ :]+)[ :]", r"\1\0", value).partition("\0")
        if "::" in value.partition(" ")[0] or name not in _IN_HOOK:
            # Python or a slow application would run in FreeSWITCH's one fax timer thread, with its lock held.
            self._switch.complain(f"execute_on_*: {value!r} is not something for a thread that drives all calls")
            return
        self._known[name](channel, self._expand(channel, data))

    def api_on(self, channel: Channel, value: str) -> None:
        """Run an api_on_* value, `command arguments`, in the thread that drives the line (do_api_on)."""
        name, _, argument = value.partition(" ")
        if name not in _API_IN_HOOK:
            self._switch.complain(f"api_on_*: {value!r} is not something for a thread that drives all calls")
            return
        reply = self._switch.api.execute(name, self._expand(channel, argument))
        if reply.startswith("-") and channel.ready():
            self._switch.complain(f"api_on_*: {value!r} does nothing: {reply.strip()}")

    def _expand(self, channel: Channel, data: str) -> str:
        if "${" not in data:
            return data
        expanded = _VARIABLE.sub(lambda match: channel.get(match.group(1)) or "", data)
        if "${" in expanded:
            self._switch.complain(f"application data runs APIs or expands twice: {data!r}")
        return expanded

    def _answer(self, channel: Channel, _data: str) -> None:
        with channel.line.lock:
            answer(channel)

    def _set(self, channel: Channel, data: str) -> None:
        name, _, value = data.partition("=")
        channel.set(name.strip(), value)

    def _strftime(self, channel: Channel, data: str) -> None:
        name, _, form = data.partition("=")
        channel.set(name, time.strftime(form, time.localtime()))

    def _log(self, channel: Channel, data: str) -> None:
        level, _, text = data.partition(" ")
        self._switch.console_log(level, f"{channel.uuid} {text}")

    def _sleep(self, channel: Channel, data: str) -> None:
        sleep(channel, int(data) if data.isdigit() else 0)

    def _park(self, channel: Channel, _data: str) -> None:
        with channel.line.lock:
            channel.wait()

    def _send_dtmf(self, channel: Channel, data: str) -> None:
        try:
            digits = dtmf.queued(data)
        except dtmf.NoDtmf as error:
            self._switch.complain(str(error))
            return
        with channel.line.lock:
            if channel.get("dtmf_type") == "rfc2833":
                dtmf.send(channel, digits, in_band=False)
            else:
                self._switch.complain("send_dtmf without telephone-event: FreeSWITCH sends INFO, and nobody listens")

    def _playback(self, channel: Channel, data: str) -> None:
        try:
            digits, milliseconds = dtmf.played(data)
        except dtmf.NoDtmf as error:
            self._switch.complain(str(error))
            return
        with channel.line.lock:
            dtmf.send(channel, digits, in_band=True)
        sleep(channel, milliseconds)

    def _sched_hangup(self, channel: Channel, data: str) -> None:
        when, _, rest = data.strip().partition(" ")
        self.schedule_hangup(channel, when, rest.split()[0] if rest.split() else "ALLOTTED_TIMEOUT")

    def schedule_hangup(self, channel: Channel, when: str, cause: str) -> None:
        """switch_ivr_schedule_hangup. when: `+seconds`."""
        if not when.lstrip("+").isdigit():
            self._switch.complain(f"sched_hangup needs a time: {when!r}")
            return
        if not when.startswith("+"):
            self._switch.complain(f"sched_hangup with an absolute time is not for the bench: {when!r}")
            return
        channel.line.schedule(int(when) * 1000, lambda: channel.hangup(causes.cause_named(cause)))

    def _python(self, channel: Channel, data: str) -> None:
        self._switch.scripts.call(data, "handler", self._switch.session_of(channel))


def sleep(channel: Channel, milliseconds: int) -> None:
    """Let that much time pass on the call's line."""
    with channel.line.lock:
        if not channel.ready():
            return
        channel.line.schedule(milliseconds, channel.resume)
        channel.wait()
