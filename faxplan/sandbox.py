"""Run a function that parses what a stranger sent in a child process with hard limits.

The child sends its result back as JSON, never as a pickle: a parser that was taken over must not be able to run
code in the parent. Functions, arguments and results are therefore limited to what JSON holds.

Limits of resources are all that confines this child: it has its parent's account, files and network. `zygote` runs
the same child inside a namespace (docs/architecture.md).
"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, NoReturn

from faxplan import release, shallow_json, shipped
from faxplan.errors import DocumentRefused, FaxplanError, RenderingFailed
from faxplan.language import _, marked
from faxplan.room import LOOK_SECONDS, Room

MAX_ANSWER_BYTES = 4 * 1024 * 1024
_LONGEST_MESSAGE = 1000
_NO_SENSE = marked("The converter's answer made no sense. Print the document to a new PDF and retry.")


class EndedSilently(Exception):
    """The child closed its answers without a word: only a limit, or a crash inside a library, does that."""


class DocumentTooExpensive(DocumentRefused):
    """A document that needs more time or memory than we give to one; the child was stopped."""

    error_id: ClassVar[str] = "document-too-expensive"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one process may use. A child of the sandboxed process has the same limits again, counted by itself."""

    cpu_seconds: int = 120
    wall_seconds: int = 300
    memory_bytes: int = 2 * 1024**3
    file_bytes: int = 2 * 1024**3
    open_files: int = 256


def call(
    function: Callable[..., Any],
    *args: Any,
    ceiling: Ceiling,
    progress: Callable[[int, int], None] | None = None,
    room: Room | None = None,
) -> Any:
    """`function(*args)` in a limited child; its JSON-able result. room: that it takes in a file system is watched.

    `function` must be importable by name. With `progress` it is called with a keyword `progress`, and what it reports
    there arrives here. Raises the FaxplanError that it raised, DocumentTooExpensive if a limit stopped it, and
    RenderingFailed if it broke in any other way.

    A process with one thread is forked, which costs a few milliseconds; any other starts a fresh interpreter,
    because a fork would copy locks that other threads hold.
    """
    asked = request(function, args, ceiling, progress is not None)
    start = _forked if len(list(Path("/proc/self/task").iterdir())) == 1 else _spawned
    with start(asked) as (pid, answers):
        try:
            return result(answers, ceiling, progress, room)
        except EndedSilently:
            status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            raise death(status.si_status if status is not None else None) from None


def request(function: Callable[..., Any], args: Sequence[Any], ceiling: Ceiling, progress: bool) -> dict[str, Any]:
    """What `serve` is asked to do, for JSON."""
    name = f"{release.plain(function.__module__)}:{function.__qualname__}"
    return {"function": name, "args": args, "ceiling": asdict(ceiling), "progress": progress}


def command(
    argv: list[str],
    directory: Path,
    *,
    pass_fds: tuple[int, ...] = (),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.Popen[bytes]":
    """Start a converter from inside the sandboxed child: it inherits the limits, and works in `directory`.

    No shell, no input, nothing of our environment beside `settings`; its output (both streams) is a pipe.
    """
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(directory)}
    environment |= {"TMPDIR": str(directory), **settings}
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=environment,
            pass_fds=pass_fds,
        )
    except FileNotFoundError:
        raise RenderingFailed(
            _("{program} is not installed. Install it (apt install ghostscript) and retry.").format(program=argv[0])
        ) from None


@contextmanager
def _forked(asked: dict[str, Any]) -> Iterator[tuple[int, BinaryIO]]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.setsid()
        serve(asked, writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as answers:
        try:
            yield pid, answers
        finally:
            _end(pid)


@contextmanager
def _spawned(asked: dict[str, Any]) -> Iterator[tuple[int, BinaryIO]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as answers:
        try:
            process = subprocess.Popen(
                [_interpreter(), "-c", "from faxplan.sandbox import main; main()", str(writing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        try:
            if process.stdin is not None:  # which a pipe was asked for
                with process.stdin as asking:
                    asking.write(json.dumps(asked).encode())
            yield process.pid, answers
        finally:
            process.returncode = _end(process.pid)


def main() -> NoReturn:
    """The fresh interpreter's side of `call`: the request is on standard input, the answers' descriptor in argv."""
    serve(json.loads(sys.stdin.buffer.read()), int(sys.argv[1]))


def _interpreter() -> str:
    return str(shipped.interpreter())


def serve(asked: dict[str, Any], answers: int) -> NoReturn:
    """In the child, which ends with it: does what was asked, within its limits, and writes answers to a descriptor."""
    status = 1
    try:
        _limit(Ceiling(**asked["ceiling"]))
        # libtiff and friends print warnings about bad files; they belong in nobody's log.
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        _say(answers, _answer(asked, answers))
        status = 0
    finally:
        os._exit(status)


def _answer(asked: dict[str, Any], answers: int) -> dict[str, Any]:
    module, _colon, name = asked["function"].partition(":")
    keywords: dict[str, Any] = {}
    if asked["progress"]:
        keywords["progress"] = lambda done, total: _say(answers, {"progress": [done, total]})
    try:
        return {"result": getattr(import_module(module), name)(*asked["args"], **keywords)}
    except FaxplanError as error:
        return {"error_id": error.error_id, "message": str(error)}
    except MemoryError:
        return {"error_id": DocumentTooExpensive.error_id, "message": _too_expensive(marked("memory"))}
    except RecursionError:
        return {"error_id": DocumentTooExpensive.error_id, "message": _too_expensive(marked("nesting"))}
    except Exception as error:  # noqa: BLE001 - carried to the parent, which raises it
        words = _("The document could not be converted ({kind}: {error}). Print it to a new PDF and send that.")
        message = words.format(kind=type(error).__name__, error=str(error)[:200])
        return {"error_id": RenderingFailed.error_id, "message": message}


def _say(answers: int, message: dict[str, Any]) -> None:
    line = json.dumps(message).encode() + b"\n"
    while line:
        line = line[os.write(answers, line) :]


def _mapped() -> int:
    """Bytes of address space of this process (proc_pid_statm(5))."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _limit(ceiling: Ceiling) -> None:
    for kind, wanted in (
        # A fork begins with all that its parent has mapped.
        (resource.RLIMIT_AS, _mapped() + ceiling.memory_bytes),
        (resource.RLIMIT_FSIZE, ceiling.file_bytes),
        (resource.RLIMIT_NOFILE, ceiling.open_files),
        (resource.RLIMIT_CORE, 0),
        # FreeSWITCH may have the right to it, and whatever it starts would have it too.
        (resource.RLIMIT_RTPRIO, 0),
    ):
        resource.setrlimit(kind, (wanted, wanted))
    used = time.process_time()
    soft = int(used) + ceiling.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 2))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then write() fails with EFBIG, which is reported
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)


def result(
    answers: BinaryIO,
    ceiling: Ceiling,
    progress: Callable[[int, int], None] | None,
    room: Room | None = None,
) -> Any:
    """What a child writes to its answers, read to its end. Raises as `call`, EndedSilently, and RoomTaken.

    A child that was taken over may write anything: it decides about its own document, and about nothing else.
    """
    deadline = time.monotonic() + ceiling.wall_seconds
    pending = b""
    received = 0
    while True:
        _await(answers, deadline, room)
        piece = answers.read(65536)
        if not piece:
            raise EndedSilently
        received += len(piece)
        if received > MAX_ANSWER_BYTES:
            raise RenderingFailed(_(_NO_SENSE))
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            message = _message(line)
            if "progress" in message:
                if progress is not None:
                    progress(*_two_numbers(message["progress"]))
            elif "error_id" in message:
                raise _error(message["error_id"], message.get("message"))
            elif "result" in message:
                return message["result"]
            else:
                raise RenderingFailed(_(_NO_SENSE))


def _await(answers: BinaryIO, deadline: float, room: Room | None) -> None:
    """Until there is something to read. Raises DocumentTooExpensive and RoomTaken."""
    told = False
    while not told:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DocumentTooExpensive(_too_expensive(marked("time")))
        told = bool(select.select([answers], [], [], left if room is None else min(left, LOOK_SECONDS))[0])
        if room is not None:
            room.check()


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = shallow_json.read(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise RenderingFailed(_(_NO_SENSE))
    return message


def _two_numbers(said: Any) -> tuple[int, int]:
    if not (isinstance(said, list) and len(said) == 2 and all(type(number) is int for number in said)):
        raise RenderingFailed(_(_NO_SENSE))
    return said[0], said[1]


def death(end: int | None) -> FaxplanError:
    """The error for a child that ended without a word. end: the signal, or the exit status; None: nobody knows."""
    if end in (signal.SIGXCPU, signal.SIGKILL):
        return DocumentTooExpensive(_too_expensive(marked("processor time")))
    return RenderingFailed(_("A converter crashed on this document. Print it to a new PDF and send that."))


def _end(pid: int) -> int:
    """Kill whatever is left of the child's session, and reap the child."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)  # it is still before setsid; a zombie takes the signal without effect
    return os.waitpid(pid, 0)[1]


def _error(error_id: Any, message: Any) -> FaxplanError:
    words = printable(message)
    found = _error_classes().get(error_id, RenderingFailed) if isinstance(error_id, str) else RenderingFailed
    # What ends a document; an error of the machine's would have it tried for ever.
    return found(words) if issubclass(found, DocumentRefused | RenderingFailed) else RenderingFailed(words)


def printable(said: Any) -> str:
    """What a child has said, for a log or a user: on one line, and not for ever."""
    return "".join(each if each.isprintable() else " " for each in str(said)[:_LONGEST_MESSAGE])


def _error_classes() -> dict[str, type[FaxplanError]]:
    found: dict[str, type[FaxplanError]] = {}
    queue: list[type[FaxplanError]] = [FaxplanError]
    while queue:
        error = queue.pop()
        found.setdefault(error.error_id, error)
        queue.extend(error.__subclasses__())
    return found


def _too_expensive(what: str) -> str:
    return _(
        "Reading this document takes too much {what}. Print it to a new PDF, or send it in several smaller parts."
    ).format(what=_(what))
