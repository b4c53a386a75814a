"""Places to work at: so many at once, given in the order in which they are asked for."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class Places:
    """`count` places. threading.Semaphore may give one again and again to whoever has just given it back."""

    def __init__(self, count: int) -> None:
        self._lock = Lock()
        self._free = count
        self._waiting: deque[Event] = deque()

    @contextmanager
    def one(self, seconds: float) -> Iterator[None]:
        """A place, for which to wait at most so long. Raises TimeoutError."""
        self._take(seconds)
        try:
            yield
        finally:
            self._give_back()

    def _take(self, seconds: float) -> None:
        with self._lock:
            if self._free and not self._waiting:
                self._free -= 1
                return
            mine = Event()
            self._waiting.append(mine)
        if mine.wait(max(seconds, 0)):
            return
        with self._lock:
            if not mine.is_set():
                self._waiting.remove(mine)
                raise TimeoutError(f"no place was free within {seconds:.0f} s")
        # It was given in this very moment.

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
