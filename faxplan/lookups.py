"""Look-ups of incoming calls: in threads, since a connection to a dead network cannot be bounded to a second."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Lock
from typing import TypeVar

from faxplan.errors import FaxplanError

Found = TypeVar("Found")


class TooManyLookups(FaxplanError):
    """The database answers so slowly, or not at all, that calls are waiting for it already."""

    error_id = "too-many-lookups"
    retryable = True


class Caller:
    """Who waits for a look-up. He takes what was found, or gives up, whichever comes first; it is decided once."""

    def __init__(self) -> None:
        self._deciding = Lock()
        self._takes: bool | None = None

    def take(self) -> bool:
        """The look-up's last step: what it found is his. False: he has given up, so it must undo what it did."""
        return self._decide(takes=True)

    def give_up(self) -> bool:
        """True: he has it not, and will not have it. False: it was his already."""
        return not self._decide(takes=False)

    @property
    def gave_up(self) -> bool:
        """Whether he has given up: a look-up that sees it need not begin what comes next."""
        return self._takes is False

    def _decide(self, *, takes: bool) -> bool:
        with self._deciding:
            if self._takes is None:
                self._takes = takes
            return self._takes


class Lookups:
    """At most `threads` look-ups at once, and `waiting` more that wait for a thread."""

    def __init__(self, threads: int = 16, waiting: int = 32) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="faxplan-lookup")
        self._places = BoundedSemaphore(threads + waiting)

    def run(self, look_up: Callable[[Caller], Found], seconds: float) -> Found:
        """What `look_up` returns or raises, waiting at most so long.

        Raises TooManyLookups at once where every place is taken, and TimeoutError; then a look-up that has not begun
        never does, and one that has goes on alone: it must bound itself, and undo what its caller does not take.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyLookups("Too many calls wait for PostgreSQL already. Is it running?")
        caller = Caller()
        # Its place is free when a thread is done with it, not when the caller gives up: while all threads hang, those
        # given up stay in the pool's queue, which would grow without end.
        asked = self._pool.submit(self._run, look_up, caller)
        try:
            return asked.result(seconds)
        except TimeoutError:
            if caller.give_up():
                raise
        # He took it in this very moment; it is only to be handed over.
        return asked.result()

    def _run(self, look_up: Callable[[Caller], Found], caller: Caller) -> Found:
        try:
            if caller.gave_up:
                raise TimeoutError("the caller has given up")
            return look_up(caller)
        finally:
            self._places.release()

    def close(self, *, wait: bool = True) -> None:
        """Ends the threads when what they have in hand is done. wait: and waits for that."""
        self._pool.shutdown(wait=wait, cancel_futures=False)
