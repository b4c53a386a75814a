"""How many calls may start: a token bucket, which holds a quarter of a second's worth; no second has many more."""

HELD_SECONDS = 0.25
"""In no second do more calls start than (1 + HELD_SECONDS) times the rate."""


class CallRate:
    """`per_second` calls a second. Times are seconds of a clock that never goes back."""

    def __init__(self, per_second: float, now: float) -> None:
        self._wanted = per_second
        self.per_second = per_second
        self._tokens = 1.0
        self._at = now

    def keep_below(self, refused_per_second: int) -> None:
        """Never start so many in a second that a switch refuses them, which refuses from that number on."""
        self.per_second = min(self._wanted, max((refused_per_second - 1) / (1 + HELD_SECONDS), 1.0))

    def allowance(self, now: float) -> int:
        """Calls that may start now."""
        held = max(self.per_second * HELD_SECONDS, 1.0)
        self._tokens = min(self._tokens + (now - self._at) * self.per_second, held)
        self._at = now
        return int(self._tokens)

    def take(self, calls: int) -> None:
        """They start."""
        self._tokens -= calls
