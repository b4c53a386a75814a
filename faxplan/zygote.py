"""A sandbox that runs: fresh namespaces, whose first process has our code in memory and forks a child for each call.

This is its outside. Its inside is `zygote_inside`; both speak JSON over a socket that no child has. What a child says
comes over a pipe of its own, and nothing that it may say or leave behind is trusted.
"""

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from faxplan import namespace, sandbox, shallow_json
from faxplan.confinement import SandboxUnavailable
from faxplan.errors import RenderingFailed
from faxplan.language import _, marked
from faxplan.room import Room
from faxplan.sandbox import Ceiling, EndedSilently

_START_SECONDS = 60.0
_CLEAR_SECONDS = 30.0
_ENDED = marked("The sandbox ended before this document. It is started anew: retry.")
_NONE = """No namespace could be made to convert documents of strangers in: {}. {} To do without one, set sandbox to \
"limits" (docs/settings.md)."""


class Zygote:
    """Started when it is made. folder: what children may write to. given: files that they may read, by names of ours.
    hidden: what they must not see (namespace.command_line). modules: those that are to be in memory already.

    Raises SandboxUnavailable. For one thread: bubblewrap ends with the thread that started it.
    """

    def __init__(
        self,
        folder: Path,
        given: Mapping[str, Path],
        hidden: Iterable[Path],
        modules: Sequence[str] = (),
    ) -> None:
        self.documents = 0
        self.processor_seconds = 0.0
        """Of all inside, as of the end of the last document."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        told, telling = os.pipe()
        run = namespace.python("from faxplan.zygote_inside import main; main()", str(theirs.fileno()), *modules)
        try:
            self._process = subprocess.Popen(
                namespace.behind_the_calls([*namespace.command_line(folder, given, hidden, info_fd=telling), *run]),
                env=dict(namespace.ENVIRONMENT),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(), telling),
                start_new_session=True,
            )
        except OSError as error:
            os.close(told)
            self._control.close()
            raise unavailable(str(error)) from error
        finally:
            theirs.close()
            os.close(telling)
        self._first: int | None = None
        try:
            self._first = self._identify(told)
            self._await_start()
        except BaseException:
            self.end()
            raise

    def call(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        ceiling: Ceiling,
        progress: Callable[[int, int], None] | None,
        room: Room | None = None,
    ) -> Any:
        """As Workplace.run."""
        asked = sandbox.request(function, args, ceiling, progress is not None)
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as answers:
            try:
                socket.send_fds(self._control, [json.dumps(asked).encode()], [writing])
            except OSError as error:
                self.end()
                raise RenderingFailed(
                    _("The sandbox ended before this document. It is started anew: retry.")
                ) from error
            finally:
                os.close(writing)
            status = None
            try:
                found = sandbox.result(answers, ceiling, progress, room)
            except EndedSilently:
                status = self._clear()
                raise sandbox.death(status and (os.WTERMSIG(status) or os.WEXITSTATUS(status))) from None
            except BaseException:
                self._clear()
                raise
            self._clear()
            return found

    def alive(self) -> bool:
        """Whether it can take another document."""
        return self._process.returncode is None and self._process.poll() is None and self._control.fileno() >= 0

    def end(self) -> None:
        """Ends it; nothing inside lives when this returns. May be called again."""
        self._control.close()
        if self._first is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            # It is gone when all others inside are: the kernel ends them with the first one.
            select.select([self._first], [], [], _CLEAR_SECONDS)
            os.close(self._first)
            self._first = None
        self._kill()
        with suppress(subprocess.TimeoutExpired):
            # One that waits for a disk which does not answer cannot be ended; nobody else is to wait for it.
            self._process.wait(_CLEAR_SECONDS)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _kill(self) -> None:
        """What was started, with a child that bubblewrap has made and not yet told to end with it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _identify(self, told: int) -> int | None:
        """A descriptor of the first process inside (pidfd_open(2)); None where there is none."""
        said, deadline = b"", time.monotonic() + _START_SECONDS
        with os.fdopen(told, "rb", buffering=0) as information:
            while select.select([information], [], [], max(deadline - time.monotonic(), 0))[0]:
                piece = information.read(4096)
                if not piece:
                    break
                said += piece
        try:
            # Written whole before bubblewrap goes on, or not at all.
            return os.pidfd_open(int(json.loads(said)["child-pid"]))
        except (ValueError, KeyError, ProcessLookupError):
            return None

    def _await_start(self) -> None:
        self._control.settimeout(_START_SECONDS)
        try:
            ready = self._control.recv(16) == b"ready"
        except OSError:
            ready = False
        if ready:
            self._control.settimeout(_CLEAR_SECONDS)
            return
        said = ""
        self._kill()
        if self._process.stderr is not None:
            said = self._process.stderr.read(4096).decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise unavailable(said)

    def _clear(self) -> int | None:
        """Ends what the document has started; the child's wait status, None where it is not known.

        A zygote that cannot, or whose surroundings are not as they were, is ended as a whole.
        """
        self.documents += 1
        try:
            self._control.send(b"end")
            said = shallow_json.read(self._control.recv(4096))
            status, self.processor_seconds, clean = said["status"], said["processor_seconds"], said["clean"]
        except (OSError, ValueError, TypeError, KeyError):
            self.end()
            return None
        if not clean:
            self.end()
        return int(status)


def unavailable(said: str) -> SandboxUnavailable:
    """Why no namespace could be made: what the machine forbids, else what was said."""
    found = namespace.trouble() or namespace.explained(said, Path("/"))
    return SandboxUnavailable(_NONE.format(found.cause, found.remedy.rstrip(".") + "."))
