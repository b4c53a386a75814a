"""How many calls may start: a token bucket, which holds at most one second's worth."""


class CallRate:
    """`per_second` calls a second. Times are seconds of a clock that never goes back."""

    def __init__(self, per_second: float, now: float) -> None:
        self.per_second = per_second
        self._tokens = 1.0
        self._at = now

    def allowance(self, now: float) -> int:
        """Calls that may start now."""
        self._tokens = min(self._tokens + (now - self._at) * self.per_second, max(self.per_second, 1.0))
        self._at = now
        return int(self._tokens)

    def take(self, calls: int) -> None:
        """They start."""
        self._tokens -= calls
