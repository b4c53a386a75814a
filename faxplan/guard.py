"""The guard of a node, from cron each minute: a silent runtime is started again, if Python in the switch answers.

It never restarts FreeSWITCH: calls may be running.
"""

import syslog
from pathlib import Path
from typing import Protocol

from faxplan import nodes, registrations
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable, FaxplanError, InvalidSetting, SwitchUnavailable
from faxplan.event_socket import EventSocket
from faxplan.gateway_sync import GatewaySync
from faxplan.switch import GatewayState, gateway_state_of

SILENT_SECONDS = 30.0
ANSWER_SECONDS = 5.0
WHEN_STUCK = (
    "See FreeSWITCH's log. Calls that run go on, new ones are not handled: restart FreeSWITCH when "
    "`faxplan status` shows none."
)


class RuntimeSilent(FaxplanError):
    """Nothing is dialled on this node, and the guard cannot help it."""

    error_id = "runtime-silent"


def look(settings: Settings, db: Database) -> str:
    """What was done, in a sentence; empty where nothing was, as cron mails each word. db: role switch.

    A runtime that was stopped on purpose stays so, and only syslog hears of it.

    Raises RuntimeSilent where somebody has to look, and DatabaseUnavailable where that is all that is wrong: whether
    Python in FreeSWITCH is stuck is asked then as well. What is done and what fails is in syslog.
    """
    try:
        with db.across_tenants() as tx:
            silent = next((row["silent"] for row in nodes.everyone(tx) if row["name"] == settings.node), None)
    except DatabaseUnavailable as away:
        _ask_python(settings, away)
        raise
    if silent is not None and silent < SILENT_SECONDS:
        return ""
    since = "has never reported" if silent is None else f"is silent for {silent:.0f} s"
    if settings.stop_file.exists():
        _log(
            syslog.LOG_NOTICE,
            f"The runtime of node {settings.node} was stopped on purpose ({settings.stop_file}); nothing is "
            "dialled here until `python fax_queue::start` in FreeSWITCH.",
        )
        _give_registrations_up(settings, db)
        return ""
    complaint = f"The runtime of node {settings.node} {since}; nothing is dialled here."
    try:
        with connect(settings) as switch:
            if stuck := why_stuck(switch):
                raise RuntimeSilent(f"{stuck}. {WHEN_STUCK}")
            reply = switch.api("pyrun fax_queue", ANSWER_SECONDS).strip()
    except FaxplanError as error:
        _log(syslog.LOG_ERR, f"{complaint} {error}")
        raise RuntimeSilent(f"{complaint} {error}") from error
    done = f"{complaint} Python in FreeSWITCH answers, so it was started again ({reply})."
    _log(syslog.LOG_WARNING, done)
    return done


def _give_registrations_up(settings: Settings, db: Database) -> None:
    """Of a runtime that was stopped while no other node could take them, or while the database was away."""
    if settings.gateway_dir is None:
        return
    with db.across_tenants() as tx:
        there = set(registrations.wanted(tx)) & {path.stem for path in settings.gateway_dir.glob("*.xml")}
    if not there:
        return
    try:
        with connect(settings) as switch:
            GatewaySync(_Commanded(switch), db, settings).leave()
    except FaxplanError as error:
        _log(syslog.LOG_ERR, f"Node {settings.node} is stopped, and registers its trunks still: {error}")


class _Commanded:
    """A FreeSWITCH that does what it is told over its event socket: a switch.Commanded."""

    def __init__(self, switch: EventSocket) -> None:
        self._switch = switch

    def command(self, text: str) -> None:
        """See faxplan.switch; it waits for the answer."""
        self._switch.api(text)

    def gateway(self, name: str) -> GatewayState:
        """See faxplan.switch."""
        return gateway_state_of(self._switch.api(f"sofia xmlstatus gateway {name}"))

    def log(self, level: str, text: str) -> None:
        """Into syslog."""
        _log(syslog.LOG_ERR if level == "err" else syslog.LOG_NOTICE, text)


def _ask_python(settings: Settings, away: DatabaseUnavailable) -> None:
    """While nobody knows whether the runtime reports. Raises RuntimeSilent where Python in FreeSWITCH is stuck too."""
    if settings.stop_file.exists():
        return
    try:
        with connect(settings) as switch:
            stuck = why_stuck(switch)
    except InvalidSetting:
        # Without an event socket there is nobody to ask.
        return
    except SwitchUnavailable as error:
        stuck, advice = str(error), ""
    else:
        advice = f". {WHEN_STUCK}"
    if stuck:
        complaint = f"{away} And on node {settings.node}: {stuck}{advice}"
        _log(syslog.LOG_ERR, complaint)
        raise RuntimeSilent(complaint) from away


def connect(settings: Settings) -> EventSocket:
    """The event socket of this node's FreeSWITCH. Raises InvalidSetting and SwitchUnavailable."""
    if settings.event_socket is None:
        raise InvalidSetting("event_socket is not set, so that FreeSWITCH cannot be asked; set it to host:port.")
    host, colon, port = settings.event_socket.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit()):
        raise InvalidSetting(f"event_socket = {settings.event_socket!r} is not host:port.")
    return EventSocket(int(port), _password(settings.event_socket_password_file), host, ANSWER_SECONDS)


class Asked(Protocol):
    """Whom to ask: an EventSocket."""

    def api(self, command: str, timeout_seconds: float | None = None) -> str:
        """A command's output. Raises SwitchUnavailable."""


def why_stuck(switch: Asked) -> str | None:
    """How Python in FreeSWITCH shows that it is stuck or broken, so that no script runs and no call is handled there;
    None where it answers. What to do then: WHEN_STUCK."""
    try:
        reply = switch.api("python fax_queue::alive", ANSWER_SECONDS)
    except SwitchUnavailable:
        return f"Python in FreeSWITCH does not answer within {ANSWER_SECONDS:.0f} s"
    return None if reply.startswith("+OK") else f"Python in FreeSWITCH answers {reply.strip()[:80]!r} instead of +OK"


def _password(file: Path | None) -> str:
    if file is None:
        raise InvalidSetting("event_socket_password_file is not set; name a file with the event socket's password.")
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InvalidSetting(f"event_socket_password_file {file} is not UTF-8. Write it anew.") from error
    except OSError as error:
        raise InvalidSetting(f"event_socket_password_file {file} cannot be read ({error.strerror}).") from error


def _log(priority: int, text: str) -> None:
    syslog.openlog("faxplan-guard", 0, syslog.LOG_DAEMON)
    syslog.syslog(priority, text)
