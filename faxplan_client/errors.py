"""What goes wrong, by class and by `error_id`; no message has a key in it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrong:
    """Where a request is not as it has to be. pointer: a JSON Pointer (RFC 6901)."""

    pointer: str
    detail: str


class ClientError(Exception):
    """Base class. detail: for people. error_id: for programs. retryable: the same may succeed later.

    status: of HTTP; None: nothing was answered. once: the Idempotency-Key with which the same may be asked again and is
    done once; None: there was none.
    """

    error_id = "client-error"
    retryable = False
    status: int | None = None
    once: str | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidAddress(ClientError):
    """An address of a server, or a key, cannot be one."""

    error_id = "invalid-address"


class InvalidIdempotencyKey(ClientError):
    """An Idempotency-Key is none."""

    error_id = "invalid-idempotency-key"


class ConnectionFailed(ClientError):
    """Nothing was answered. may_have_arrived: the request was perhaps done all the same."""

    error_id = "connection-failed"
    retryable = True

    def __init__(self, detail: str, *, may_have_arrived: bool) -> None:
        super().__init__(detail)
        self.may_have_arrived = may_have_arrived


class UnexpectedAnswer(ClientError):
    """What was answered is not of this API."""

    error_id = "unexpected-answer"


class CannotOpen(ClientError):
    """A document does not open: by this secret, for this reader, or at all (`error_id`).

    error_id: `wrong-secret`, `invalid-secret`, `weak-parameters`, `excessive-parameters`, `locked`, `no-such-file` or
    `seal-broken`.
    """

    def __init__(self, error_id: str, detail: str) -> None:
        super().__init__(detail)
        self.error_id = error_id


class Problem(ClientError):
    """The server refuses it, or has failed (RFC 9457): docs/api.md has all `error_id`.

    errors: where the request is wrong. retry_after: in so many seconds it may be asked again; None: not said.
    """

    def __init__(
        self, status: int, error_id: str, detail: str, *, retryable: bool = False, errors: Sequence[Wrong] = (),
        retry_after: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status = status
        self.error_id = error_id
        self.retryable = retryable
        self.errors = errors
        self.retry_after = retry_after


class NotAuthenticated(Problem):
    """401: the API key opens nothing (any more)."""


class Forbidden(Problem):
    """403: the key, or its user, may not do this."""


class NotFound(Problem):
    """404: there is no such thing, or the user does not see it."""


class Conflict(Problem):
    """409: not in this state."""


class Gone(Problem):
    """410: it was destroyed."""


class Invalid(Problem):
    """422, 400, 413 and 415: the request cannot be done as it is."""


class TooManyRequests(Problem):
    """429: too much was asked in too little time."""


class Unavailable(Problem):
    """5xx: the server has failed, or lacks something for the moment."""


_BY_STATUS: dict[int, type[Problem]] = {
    400: Invalid,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
}
_SERVERS_FAULT = 500


def class_of(status: int) -> type[Problem]:
    """Of a problem with this status."""
    return _BY_STATUS.get(status, Unavailable if status >= _SERVERS_FAULT else Problem)
