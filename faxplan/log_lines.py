"""What every line of the log says besides: of which fax, which attempt and which tenant it is.

`about` sets that for whatever is done inside it; nobody writes the ids into a message. Under systemd a line goes to the
journal by its native protocol, with fields (FAXPLAN_FAX and so on); else as text, `... fax=17 attempt=23`. Ids alone:
numbers and names are not for logs. docs/logging.md.
"""

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

FIELDS = ("tenant", "fax", "attempt", "rendering")
"""In this order."""
JOURNAL = "/run/systemd/journal/socket"
REFUSED = logging.getLogger("faxplan.refused")
_MOST_FAXES = 20
"""Of a rendering that waits for many."""
_MOST_BYTES = 32_000
"""Of a message, so that a datagram takes it."""
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"
_about: ContextVar[Mapping[str, tuple[int, ...]]] = ContextVar("about", default={})  # noqa: B039 - never written into


@contextmanager
def about(
    *,
    tenant: int | None = None,
    fax: int | None = None,
    attempt: int | None = None,
    rendering: int | None = None,
    faxes: Sequence[int] = (),
) -> Iterator[None]:
    """While it lasts, lines are about these, in this thread. faxes: in place of fax, where it is several."""
    given = {"tenant": tenant, "fax": fax, "attempt": attempt, "rendering": rendering}
    more: dict[str, tuple[int, ...]] = {name: (value,) for name, value in given.items() if value is not None}
    if faxes:
        more["fax"] = tuple(faxes[:_MOST_FAXES])
    token = _about.set({**_about.get(), **more})
    try:
        yield
    finally:
        _about.reset(token)


@contextmanager
def about_this(thing: Any) -> Iterator[None]:
    """The same, of whatever has tenant_id, fax_id or attempt_id: itself, its `fax` or `sidecar`, or a row with them."""
    ids = ids_of(thing)
    with about(tenant=ids.get("tenant"), fax=ids.get("fax"), attempt=ids.get("attempt")):
        yield


def ids_of(thing: Any) -> dict[str, int]:
    """tenant, fax and attempt of a thing, as far as it has them."""
    if isinstance(thing, tuple) and thing:
        thing = thing[0]
    for part in (thing, getattr(thing, "sidecar", None), getattr(thing, "fax", None)):
        row = part if isinstance(part, Mapping) else {name: getattr(part, name, None) for name in _ATTRIBUTES}
        found = {field: row.get(name) for name, field in _ATTRIBUTES.items()}
        if any(isinstance(value, int) for value in found.values()):
            return {field: value for field, value in found.items() if isinstance(value, int)}
    return {}


_ATTRIBUTES = {"tenant_id": "tenant", "fax_id": "fax", "attempt_id": "attempt"}


def suffix() -> str:
    """What a line of text ends with, a blank before it; empty: it is about nothing in particular."""
    now = _about.get()
    return "".join(f" {name}={','.join(str(each) for each in now[name])}" for name in FIELDS if name in now)


class PlainFormatter(logging.Formatter):
    """Text: the ids at the end of the first line, where a traceback follows too."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """One line, whatever is in the message."""
        return _one_line(super().formatMessage(record)) + suffix()

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's
        """Lines that begin with a bar: what far ones said may have line ends, and makes no line of its own."""
        return "\n".join(f"| {_one_line(line)}" for line in super().formatException(ei).split("\n"))


def _one_line(text: str) -> str:
    r"""Far ones' words are in it, and it may go to a terminal: what that would obey is there as `\x1b`."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in " ".join(text.splitlines())
    )


class _StandardError(logging.StreamHandler[Any]):
    """Whatever sys.stderr is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(PlainFormatter())

    @property
    def stream(self) -> Any:
        """See logging."""
        return sys.stderr


class JournalHandler(logging.Handler):
    """To systemd's journal (systemd.io/JOURNAL_NATIVE_PROTOCOL). While that is away, to standard error."""

    def __init__(self, program: str, path: str = JOURNAL) -> None:
        super().__init__()
        self._program = program
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        """Waits for nobody but the journal."""
        try:
            self._socket.sendto(entry(record, self._program), self._path)
        except OSError:
            # Its socket is not there while it starts again. Standard error leads there too, by systemd's hands.
            sys.stderr.write(f"{_one_line(record.getMessage())}{suffix()}\n")
        except Exception:  # noqa: BLE001 - as logging does with its own
            self.handleError(record)

    def close(self) -> None:
        """See logging."""
        self._socket.close()
        super().close()


def entry(record: logging.LogRecord, program: str) -> bytes:
    """A datagram: a line for each field; a value of several lines has its length before it."""
    # Also at the end of the text: `journalctl` shows that alone, and passes it on to syslog.
    message = _one_line(record.getMessage()) + suffix()
    if record.exc_info:
        message += "\n" + PlainFormatter().formatException(record.exc_info)
    priority = next((each for level, each in _PRIORITIES if record.levelno >= level), 7)
    fields = [
        ("MESSAGE", message.encode("utf-8", "backslashreplace")[:_MOST_BYTES]),
        ("PRIORITY", str(priority).encode()),
        ("SYSLOG_IDENTIFIER", program.encode()),
        ("LOGGER", record.name.encode()),
        ("CODE_FILE", record.pathname.encode("utf-8", "backslashreplace")),
        ("CODE_LINE", str(record.lineno).encode()),
    ]
    now = _about.get()
    fields += [(f"FAXPLAN_{name.upper()}", str(each).encode()) for name in FIELDS for each in now.get(name, ())]
    return b"".join(_field(name, value) for name, value in fields)


def _field(name: str, value: bytes) -> bytes:
    if b"\n" not in value:
        return name.encode() + b"=" + value + b"\n"
    return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def has_journal(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether standard error leads to the journal (systemd.exec, JOURNAL_STREAM), and it may be spoken to."""
    try:
        seen = os.fstat(2)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{seen.st_dev}:{seen.st_ino}" and os.path.exists(JOURNAL)  # noqa: PTH110


def set_up(level: str, program: str) -> None:
    """Of a process, once, before it logs anything: where lines go and how they look."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, JournalHandler | _StandardError)]:
        # A command's, which turns out to be a service.
        root.removeHandler(handler)
        handler.close()
    logging.basicConfig(level=level, handlers=[JournalHandler(program) if has_journal() else _StandardError()])


def set_up_briefly(program: str) -> None:
    """The same of a command: warnings and worse; nothing where somebody has set it up."""
    if not logging.getLogger().handlers:
        set_up("WARNING", program)


def refused(what: str, address: str) -> None:
    """Somebody was not let in: a line that has the network address, for fail2ban (conf/fail2ban)."""
    REFUSED.warning("refused %s from %s", what, "".join(address.split())[:45] or "nowhere")
