"""Whether another session may begin: fsctl pause, sps and max_sessions (switch_core_session_request_uuid)."""

import threading
import time


class SessionGate:
    """Counts sessions per second by the wall clock, and knows what is paused. Thread safe."""

    def __init__(self, sessions_per_second: int, max_sessions: int) -> None:
        self.sessions_per_second = sessions_per_second
        self.max_sessions = max_sessions
        self.paused: set[str] = set()
        self._lock = threading.Lock()
        self._second = 0
        self._begun = 0
        self.total = 0

    def admits(self, direction: str, sessions_now: int) -> bool:
        """Take one session of `inbound` or `outbound`, if there is room."""
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._begun = second, 0
            if direction in self.paused:
                return False
            # FreeSWITCH counts down before it looks (--runtime.sps), so that a limit of n admits n - 1.
            self._begun += 1
            if self._begun >= self.sessions_per_second or sessions_now >= self.max_sessions:
                return False
            self.total += 1
            return True
