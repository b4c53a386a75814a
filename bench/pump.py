"""The thread that lets time pass on every line: as fast as the CPU goes, or by the wall clock times `speed`."""

import logging
import threading
import time

from bench.fax_terminal import TICK_MS
from bench.line import Line

_BATCH = 100  # ticks of one line before the next line's turn: 2 s of a call
_IDLE_S = 0.5
_log = logging.getLogger("bench.pump")


class Pump:
    """Drives lines. `speed` None is virtual time; a number is seconds on the line per second on the wall."""

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self._lines: list[Line] = []
        self._wake = threading.Condition()
        self._woken = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="bench-pump", daemon=True)

    def start(self) -> None:
        """Begin to drive lines."""
        self._thread.start()

    def stop(self) -> None:
        """Stop driving lines; they stand where they are."""
        self._stopped = True
        self.wake()
        self._thread.join(timeout=10)

    def add(self, line: Line) -> None:
        """Drive this line until it has ended."""
        with self._wake:
            self._lines.append(line)
        self.wake()

    def wake(self) -> None:
        """Something changed on a line (a party stopped thinking, say): look again."""
        with self._wake:
            self._woken = True
            self._wake.notify()

    def _run(self) -> None:
        if self.speed is None:
            self._run_virtual()
        else:
            self._run_real(self.speed)

    def _advance(self, line: Line, ticks: int, *, held_clock: bool) -> bool:
        try:
            return line.advance(ticks, held_clock=held_clock)
        except Exception:  # noqa: BLE001 - one broken line must not stop the others
            _log.exception("a line broke and was ended")
            line.end()
            return False

    def _current_lines(self) -> list[Line]:
        with self._wake:
            self._lines = [line for line in self._lines if not line.ended]
            return list(self._lines)

    def _run_virtual(self) -> None:
        while not self._stopped:
            with self._wake:
                self._woken = False
            moved = False
            for line in self._current_lines():
                moved |= self._advance(line, _BATCH, held_clock=True)
            if not moved:
                with self._wake:
                    if not self._woken and not self._stopped:
                        self._wake.wait(_IDLE_S)

    def _run_real(self, speed: float) -> None:
        tick_s = TICK_MS / 1000 / speed
        started, ticks_done = time.monotonic(), 0
        while not self._stopped:
            due = int((time.monotonic() - started) / tick_s)
            if due <= ticks_done:
                time.sleep(tick_s)
                continue
            for line in self._current_lines():
                self._advance(line, due - ticks_done, held_clock=False)
            ticks_done = due
