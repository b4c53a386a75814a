"""What every connection to PostgreSQL is told about a server that is gone, and how its errors are told."""

from typing import Any

# libpq's, in seconds but for the last one: a server that went away without a word, as at a network fail-over, is an
# error after some ten seconds. The kernel's own patience is hours. Without effect on a Unix socket.
DEAD_PEER: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def first_line(error: BaseException) -> str:
    """Of what PostgreSQL says in several; the error's class where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
