"""FreeSWITCH's `freeswitch` module as the domain's Switch, and what the scripts of one FreeSWITCH process share.

mod_python3 reloads the script that a call names, at every call; a module that the script imports stays. So connection
pools and settings live here, and the scripts stay thin. From the first load on the scripts stay too: by load_once.py,
or where a release is installed by conf/scripts/, whose loader also ends this release when another one is in force.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import freeswitch
import load_once

from faxplan import config, log_lines, namespaces, release, switch_answers
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.journal import Journal
from faxplan.listener import Listener
from faxplan.lookups import Lookups
from faxplan.pending import Pending
from faxplan.queue import CANCEL_CHANNEL, QUEUE_CHANNEL
from faxplan.spool import Spool
from faxplan.switch import (
    CallJournalled,
    Capacity,
    ChannelMade,
    FaxStarted,
    GatewayState,
    NoAnswer,
    PageDone,
    SwitchEvent,
    capacity_of,
    gateway_state_of,
)
from faxplan.switch_status import AtWork

JOURNALLED = "faxplan::journalled"
TX_STARTED, TX_PAGE, RX_PAGE = "spandsp::txfaxnegociateresult", "spandsp::txfaxpageresult", "spandsp::rxfaxpageresult"
STATEMENT_SECONDS = 10.0


@dataclass(frozen=True)
class Installation:
    """What every script works with."""

    settings: Settings
    spool: Spool
    journal: Journal
    store: Store
    pending: Pending

    @cached_property
    def db(self) -> Database:
        """The pool of this process. Calls that come in wait at most lookup_seconds for it."""
        return Database(
            self.settings.database_url_for("switch"),
            max_connections=16,
            wait_seconds=self.settings.lookup_seconds,
            connect_seconds=2,
            statement_seconds=STATEMENT_SECONDS,
        )

    def listener(self) -> Listener:
        """A connection for the runtime's lock and notifications."""
        return Listener(self.settings.database_url_for("switch"), (QUEUE_CHANNEL, CANCEL_CHANNEL))


# A call that was answered waits for Python's lock no longer than this for what the runtime is just doing; Python's own
# interval is 5 ms.
sys.setswitchinterval(0.0001)

if not release.NAME:
    load_once.install()

lookups = Lookups()

_retired = threading.Event()

_making = threading.Lock()
_made: list[Installation] = []


def installation() -> Installation:
    """The one installation of this process. Raises InvalidSetting."""
    with _making:
        if not _made:
            settings = config.load()
            store = Store.of(settings, namespaces.shared)
            made = Installation(
                settings,
                Spool(settings.spool),
                Journal(settings.journal),
                store,
                Pending(settings.pending, store.confinement),
            )
            for part in (made.spool, made.journal, made.pending):
                part.prepare()
            _made.append(made)
        return _made[0]


def retire() -> None:
    """Another release is in force: the runtime of this one ends after its present step."""
    _retired.set()


def close() -> None:
    """No call is left in this release: its connections, threads and sandboxes end. Spool and journal are still of use
    to the hook of a call that it has dialled."""
    lookups.close(wait=False)
    for here in _made:
        here.store.confinement.close()
        if "db" in here.__dict__:
            here.db.close()


def log(level: str, text: str) -> None:
    """One short ASCII line to FreeSWITCH's log, whatever is in `text`; behind it, which fax and attempt it is about."""
    freeswitch.consoleLog(level, f"faxplan: {ascii(text)[1:-1][:400]}{log_lines.suffix()}\n")


def log_failure(what: str, error: BaseException) -> None:
    """Logs an exception that must not leave a script."""
    log("err", f"{what} failed: {type(error).__name__}: {error}")


class _DomainLog(logging.Handler):
    """What the domain logs by Python's means: it would go to standard error, which FreeSWITCH closes (switch.c)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Logs no traceback: of an exception its kind and its words."""
        try:
            error = record.exc_info[1] if record.exc_info else None
            why = "" if error is None else f" ({type(error).__name__}: {error})"
            level = "err" if record.levelno >= logging.ERROR else "warning"
            log(level, record.getMessage() + why)
        except Exception:
            # Whatever was to be logged, nothing is to break for it.
            log("err", f"a message of {record.name} cannot be logged")


for _name in {"faxplan", release.PACKAGE or "faxplan"}:
    # In place of another release's: what is logged is told once.
    _logger = logging.getLogger(_name)
    _logger.handlers[:] = [each for each in _logger.handlers if type(each).__name__ != _DomainLog.__name__]
    _logger.addHandler(_DomainLog(logging.WARNING))


_runtimes: list[AtWork] = []


@contextmanager
def at_work(runtime: AtWork) -> Iterator[None]:
    """While it lasts, this is the runtime of which an operator is told."""
    _runtimes.append(runtime)
    try:
        yield
    finally:
        _runtimes.remove(runtime)


def answer(stream: Any, name: str, args: str) -> None:
    """Answers a command of the switch's operator."""
    try:
        here = installation()
        node = switch_answers.Node(here.settings, here.journal, here.pending, _runtimes[0] if _runtimes else None)
        stream.write(switch_answers.answer(node, name, args))
    except BaseException as error:  # what leaves a script may corrupt FreeSWITCH's memory
        log_failure(f"fax_queue::{name}", error)
        stream.write(f"-ERR {ascii(str(error))[1:-1][:200] or type(error).__name__}; FreeSWITCH's log has it too\n")


def hangup_cause(session: Any) -> str | None:
    """Why this session's channel was hung up; None while it is not.

    The variable hangup_cause comes only after the script (switch_core_session_hangup_state), and session.hangupCause()
    stays NONE (switch_cpp.cpp); but an event that is given the channel's data has it from the hang-up on
    (switch_channel_event_set_basic_data). It is never fired.
    """
    event = freeswitch.Event("CUSTOM", "faxplan::cause")
    session.setEventData(event)
    return event.getHeader("Hangup-Cause") or None


def announce_journalled(attempt_id: int) -> None:
    """Wakes the runtime."""
    event = freeswitch.Event("CUSTOM", JOURNALLED)
    event.addHeader("Faxplan-Attempt", str(attempt_id))
    event.fire()


def start_runtime() -> None:
    """Starts the runtime; one that finds another at work ends by itself."""
    freeswitch.API().execute("bgapi", "pyrun fax_queue")


def core_uuid() -> str:
    """The UUID of this FreeSWITCH process: new at each start."""
    return str(freeswitch.API().execute("global_getvar", "core_uuid")).strip()


class FreeSwitch:
    """The running FreeSWITCH as faxplan.switch.Switch. API calls hold Python's lock: only quick ones are made here."""

    def __init__(self, stop_file: Path) -> None:
        self._stop_file = stop_file
        self._api = freeswitch.API()
        self._uuid = core_uuid()
        self._events = freeswitch.EventConsumer("CUSTOM", JOURNALLED, 20000)
        for name, subclass in (
            ("CUSTOM", TX_STARTED),
            ("CUSTOM", TX_PAGE),
            ("CUSTOM", RX_PAGE),
            ("CHANNEL_ORIGINATE", ""),
            ("BACKGROUND_JOB", ""),
        ):
            self._events.bind(name, subclass)

    def running(self) -> bool:
        """False once FreeSWITCH stops, after `python fax_queue::stop`, and when another release is in force."""
        return bool(freeswitch.running()) and not _retired.is_set() and not self._stop_file.exists()

    def uuid(self) -> str:
        """See faxplan.switch."""
        return self._uuid

    def capacity(self) -> Capacity | None:
        """See faxplan.switch."""
        return capacity_of(str(self._api.execute("status", "")))

    def originate(self, argument: str) -> None:
        """See faxplan.switch."""
        self._api.execute("bgapi", argument)

    def channel_is_up(self, channel_uuid: str) -> bool:
        """See faxplan.switch."""
        return str(self._api.execute("uuid_exists", channel_uuid)).strip() == "true"

    def hang_up(self, channel_uuid: str, cause: str) -> None:
        """See faxplan.switch."""
        self._api.execute("bgapi", f"uuid_kill {channel_uuid} {cause}")

    def command(self, text: str) -> None:
        """See faxplan.switch."""
        self._api.execute("bgapi", text)

    def gateway(self, name: str) -> GatewayState:
        """See faxplan.switch."""
        return gateway_state_of(str(self._api.execute("sofia", f"xmlstatus gateway {name}")))

    def log(self, level: str, text: str) -> None:
        """See faxplan.switch."""
        log(level, text)

    def next_event(self, timeout_ms: int) -> SwitchEvent | None:
        """See faxplan.switch. Events that are nobody's concern are skipped."""
        while True:
            event = self._events.pop(1, timeout_ms) if timeout_ms else self._events.pop(0, 0)
            if event is None:
                return None
            told = _told(event)
            if told is not None:
                return told
            timeout_ms = 0


def _told(event: "freeswitch.Event") -> SwitchEvent | None:
    if event.getType() == "CHANNEL_ORIGINATE":
        return ChannelMade(event.getHeader("Unique-ID") or "")
    if event.getType() == "BACKGROUND_JOB":
        reply = (event.getBody() or "").strip()
        if event.getHeader("Job-Command") == "originate" and reply.startswith("-ERR"):
            return NoAnswer(event.getHeader("Job-UUID") or "", reply.removeprefix("-ERR").strip())
        return None
    subclass = event.getHeader("Event-Subclass")
    if subclass == JOURNALLED:
        return CallJournalled(int(event.getHeader("Faxplan-Attempt") or 0))
    channel_uuid = event.getHeader("uuid") or event.getHeader("Unique-ID") or ""
    if subclass == TX_STARTED:
        return FaxStarted(channel_uuid)
    pages = event.getHeader("fax-document-transferred-pages") or ""
    return PageDone(channel_uuid, int(pages)) if pages.isdigit() else None
