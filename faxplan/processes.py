"""Child processes of `make run`: started apart from the terminal, ended by their ids, found again after a crash."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from faxplan.errors import FaxplanError
from faxplan.files import write_durably

STOP_SECONDS = 10.0


class ChildFailed(FaxplanError):
    """A process that we started has ended by itself. The message ends with the last lines of its log."""

    error_id = "child-failed"


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, beyond doubt: numbers are given anew. started: clock ticks since boot (proc(5), stat field 22)."""

    name: str
    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, name: str, pid: int) -> "ProcessId | None":
        """The process that has this number now; None where there is none."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The second field, the program's name in brackets, may hold anything.
        state, *fields = stat.rpartition(")")[2].split()
        if state in ("Z", "X"):
            return None
        return cls(name, pid, int(fields[18]), Path("/proc/sys/kernel/random/boot_id").read_text().strip())

    def alive(self) -> bool:
        """Whether that very process still runs."""
        return ProcessId.of(self.name, self.pid) == self


def end(processes: Sequence[ProcessId], seconds: float = STOP_SECONDS) -> None:
    """Ends processes in this order, each by SIGTERM, and by SIGKILL if it is still there after `seconds`."""
    for process in processes:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.alive():
                os.kill(process.pid, number)
            deadline = time.monotonic() + seconds
            while process.alive() and time.monotonic() < deadline:
                time.sleep(0.05)


def end_child(process: "subprocess.Popen[bytes]", seconds: float = STOP_SECONDS) -> None:
    """Ends a child of this very process as `end` does, and waits for it, so that no zombie stays. May be repeated."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class PidFile:
    """What runs here, on disk, in the order in which it is to be ended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, processes: Iterable[ProcessId]) -> None:
        """Replaces what stood there."""
        write_durably(self._path, json.dumps([asdict(process) for process in processes]).encode())

    def alive(self) -> list[ProcessId]:
        """Those that still run: what a launcher that was killed has left behind."""
        try:
            noted = [ProcessId(**each) for each in json.loads(self._path.read_bytes())]
        except FileNotFoundError:
            return []
        return [process for process in noted if process.alive()]


class Service(Protocol):
    """Something that runs beside us and is watched: a Child, or a server with a way of its own to start and stop."""

    name: str

    def start(self) -> None:
        """Starts it; returns when it may be relied on, or raises a FaxplanError. May be called again after its end."""

    def alive(self) -> bool:
        """Whether it runs."""

    def stop(self) -> None:
        """Ends it, and waits for that. May be called at any time, also twice."""

    def identity(self) -> ProcessId | None:
        """For the pid file; None where it does not run."""

    def obituary(self) -> str:
        """How it ended, and the last lines of its log."""


class Child:
    """A process of ours with a log file of its own. It may be started again after it has ended."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._cwd = cwd
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it."""
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal is for us, and we end our children in order.
            self._process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def identity(self) -> ProcessId | None:
        """For the pid file; None where it does not run."""
        return ProcessId.of(self.name, self._process.pid) if self._process is not None and self.alive() else None

    def stop(self) -> None:
        """Ends it: SIGTERM, and SIGKILL if it has not ended in time. May be called again."""
        if self._process is not None:
            end_child(self._process)

    def obituary(self) -> str:
        """How it ended, and the last lines of its log."""
        code = self._process.returncode if self._process is not None else None
        return f"{self.name} ended ({_how(code)}). {tail(self.log)}"


def _how(code: int | None) -> str:
    if code is None:
        return "it was not started"
    return f"by signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, with its name, for an error message."""
    try:
        last = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return f"It left no log ({log})."
    if not last:
        return f"Its log {log} is empty."
    return "\n".join([f"Its log {log} ends with:", *(f"    {line}" for line in last)])
