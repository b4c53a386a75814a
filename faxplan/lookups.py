"""Look-ups of incoming calls: in threads, since a connection to a dead network cannot be bounded to a second."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from faxplan.errors import FaxplanError

Found = TypeVar("Found")


class TooManyLookups(FaxplanError):
    """The database answers so slowly, or not at all, that calls are waiting for it already."""

    error_id = "too-many-lookups"
    retryable = True


class Lookups:
    """At most `threads` look-ups at once, and `waiting` more that wait for a thread."""

    def __init__(self, threads: int = 16, waiting: int = 32) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="faxplan-lookup")
        self._places = BoundedSemaphore(threads + waiting)

    def run(self, look_up: Callable[[], Found], seconds: float) -> Found:
        """What `look_up` returns or raises, waiting at most so long.

        Raises TooManyLookups at once where every place is taken, and TimeoutError; then a look-up that has not begun
        never does, and one that has goes on alone, so it must bound itself.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyLookups("Too many calls wait for PostgreSQL already. Is it running?")
        deadline = time.monotonic() + seconds
        # Its place is free when a thread is done with it, not when the caller gives up: while all threads hang, those
        # given up stay in the pool's queue, which would grow without end.
        return self._pool.submit(self._run, look_up, deadline).result(seconds)

    def _run(self, look_up: Callable[[], Found], deadline: float) -> Found:
        try:
            if time.monotonic() >= deadline:
                raise TimeoutError("the caller has given up")
            return look_up()
        finally:
            self._places.release()

    def close(self) -> None:
        """Ends the threads when what they have in hand is done."""
        self._pool.shutdown(wait=True, cancel_futures=False)
