"""The commands of the switch's operator, `python fax_queue::NAME`: what each takes, does and answers.

An answer begins with +OK or -ERR where it is about something that was done, or could not be; it always says what to do.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from faxplan import switch_status
from faxplan.config import Settings
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.files import write_durably
from faxplan.journal import Journal
from faxplan.pending import Pending
from faxplan.switch_status import AtWork

_LARGEST_ID = 2**63 - 1
_one_at_a_time = threading.Lock()
"""Of a process: whoever asks again and again takes one connection of PostgreSQL, and no more."""


class UsageError(FaxplanError):
    """A command was given what it does not take; the message says how it is used."""

    error_id = "usage"


@dataclass(frozen=True)
class Node:
    """What the commands work with. runtime: the one at work in this process, or None."""

    settings: Settings
    journal: Journal
    pending: Pending
    runtime: AtWork | None


def answer(node: Node, name: str, arguments: str) -> str:
    """What a command answers: lines of printable text. Never raises but what is no Exception."""
    command = COMMANDS.get(name)
    if command is None:
        return _said([f"-ERR There is no command {name[:40]!r}. `python fax_queue::help` lists all."])
    if not _one_at_a_time.acquire(timeout=switch_status.SECONDS):
        return _said(["-ERR Another command is being answered. Try again."])
    try:
        return _said(command.run(node, arguments.split()))
    except UsageError as error:
        return _said([f"-ERR {error}"])
    except FaxplanError as error:
        return _said([f"-ERR {error}"])
    finally:
        _one_at_a_time.release()


def _said(lines: list[str]) -> str:
    return "".join(f"{''.join(each if each.isprintable() else '?' for each in line)}\n" for line in lines)


def _no_arguments(name: str, arguments: list[str]) -> None:
    if arguments:
        raise UsageError(f"{name} takes nothing after it. Say `python fax_queue::{name}`.")


def _status(node: Node, arguments: list[str]) -> list[str]:
    _no_arguments("status", arguments)
    lines = switch_status.here(node.settings, node.runtime, node.journal, node.pending)
    try:
        with switch_status.opened(node.settings) as tx:
            return [*lines, *switch_status.in_database(tx, node.settings)]
    except DatabaseUnavailable as error:
        return [*lines, f"Database   {error}"]


def _calls(node: Node, arguments: list[str]) -> list[str]:
    _no_arguments("calls", arguments)
    try:
        with switch_status.opened(node.settings) as tx:
            return switch_status.calls_of(tx, node.settings.node, node.runtime)
    except DatabaseUnavailable as error:
        if node.runtime is None:
            raise
        return [f"{error} Calls to send that this node has in hand:", *switch_status.calls_in_memory(node.runtime)]


def _trunks(node: Node, arguments: list[str]) -> list[str]:
    _no_arguments("trunks", arguments)
    with switch_status.opened(node.settings) as tx:
        return switch_status.trunks_of(tx, node.settings.node)


def _fax(node: Node, arguments: list[str]) -> list[str]:
    wanted = arguments[0] if len(arguments) == 1 else ""
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 20 and 0 < int(wanted) <= _LARGEST_ID):
        raise UsageError("Which fax? Say its number: `python fax_queue::fax 17`. `python fax_queue::calls` shows some.")
    with switch_status.opened(node.settings) as tx:
        found = switch_status.fax_of(tx, int(wanted))
    return found or [f"-ERR There is no fax {wanted}."]


def _pause(node: Node, arguments: list[str]) -> list[str]:
    _no_arguments("pause", arguments)
    write_durably(node.settings.pause_file, b"by fax_queue::pause\n")
    return [
        "+OK This node dials nothing new, also after a restart, until `python fax_queue::resume`.",
        "Calls in hand go on, and calls that come in are taken: `python fax_queue::calls` shows what is left.",
    ]


def _resume(node: Node, arguments: list[str]) -> list[str]:
    _no_arguments("resume", arguments)
    was_paused = node.settings.pause_file.exists()
    node.settings.pause_file.unlink(missing_ok=True)
    told = "This node dials again." if was_paused else "This node was not paused."
    running = switch_status.state(node.settings, node.runtime)
    return [f"+OK {told}" if running == "at work" else f"+OK {told} Its runtime: {running}."]


def _help(_node: Node, arguments: list[str]) -> list[str]:  # noqa: ARG001 - whatever is asked, all is told
    said = [
        (f"python fax_queue::{name}{' ID' if name == 'fax' else ''}", each.words) for name, each in COMMANDS.items()
    ]
    said += [(f"python fax_queue::{name}", words) for name, words in ELSEWHERE.items()]
    return switch_status.table(("COMMAND", "WHAT IT DOES"), said, "")


@dataclass(frozen=True, slots=True)
class Command:
    """words: for help."""

    run: Callable[[Node, list[str]], list[str]]
    words: str


COMMANDS = {
    "status": Command(_status, "this node: its runtime, calls, and the queue"),
    "calls": Command(_calls, "the fax calls of this node, with pages, trunk and channel"),
    "trunks": Command(_trunks, "every trunk: calls, rests, what failed last"),
    "fax": Command(_fax, "where one fax stands, and its last calls"),
    "pause": Command(_pause, "dial nothing new on this node; calls go on"),
    "resume": Command(_resume, "dial again"),
    "help": Command(_help, "this"),
}
ELSEWHERE = {
    "stop": "end the runtime, until start: no call is touched, nothing is dialled or settled",
    "start": "let the runtime run again",
    "alive": "+OK, if Python in the switch works",
    "upgrade": "take the release that is installed now, without a restart",
    "releases": "the releases that this process needs",
}
"""What the scripts answer themselves (conf/scripts the last two): they must, when all else is broken."""
