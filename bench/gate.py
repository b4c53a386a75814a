"""Whether another session may begin: fsctl pause, sps and max_sessions (switch_core_session_request_uuid)."""

import threading
import time


class SessionGate:
    """Counts sessions, and those begun in a second by the wall clock; knows what is paused. Thread safe."""

    def __init__(self, sessions_per_second: int, max_sessions: int) -> None:
        self.sessions_per_second = sessions_per_second
        self.max_sessions = max_sessions
        self.paused: set[str] = set()
        self._lock = threading.Lock()
        self._second = 0
        self._begun = 0
        self._now = 0
        self.total = 0

    def admits(self, direction: str) -> bool:
        """Take one place for a session of `inbound` or `outbound`, if there is one; `leaves` gives it back."""
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._begun = second, 0
            if direction in self.paused:
                return False
            # FreeSWITCH counts down before it looks (--runtime.sps), so that a limit of n admits n - 1.
            self._begun += 1
            if self._begun >= self.sessions_per_second or self._now >= self.max_sessions:
                return False
            self.total += 1
            self._now += 1
            return True

    def leaves(self) -> None:
        """A session that was admitted is over, or never came to be."""
        with self._lock:
            self._now -= 1
