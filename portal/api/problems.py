"""What went wrong, for a program (RFC 9457): status, error_id, and whether the same request may succeed later."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from faxplan.admission import NeedsMember
from faxplan.api_requests import InHand, OtherRequest
from faxplan.campaigns import NotNow
from faxplan.covers import InvalidCover
from faxplan.deletion import NotEnded
from faxplan.document_store import DocumentLost
from faxplan.errors import FaxplanError, Forbidden, NoPages, NotFound, PagesPurged, QuotaExceeded
from faxplan.holds import Held
from faxplan.language import current
from faxplan.login import WrongLogin
from faxplan.mailbox_provisioning import MayReadNothing, NeedsClient, NoKeyYet
from faxplan.outbound import AlreadyFinal, TenantDisabled
from faxplan.resending import KeysMoved, NeedsDocument, NotFinal
from faxplan.tries import TooManyTries
from faxplan.vault import EpochMoved, LastReader
from faxplan.web_client import Busy, FetchFailed

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""After that what is away for the moment may be there."""


class NotAuthenticated(FaxplanError):
    """No API key came with the request, or one that opens nothing."""

    error_id = "not-authenticated"


class NoScope(FaxplanError):
    """The API key does not name what this takes."""

    error_id = "no-scope"


class TooManyRequests(FaxplanError):
    """The API key has made as many requests as it may, for now."""

    error_id = "too-many-requests"
    retryable = True


class InvalidRequest(FaxplanError):
    """The request is not as the OpenAPI document has it. errors: where, as JSON Pointers, and what is wrong there."""

    error_id = "invalid-request"

    def __init__(self, words: str, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(words)
        self.errors = errors


class NotReadable(InvalidRequest):
    """Nothing can be read of it."""

    error_id = "not-readable"


class WrongMediaType(InvalidRequest):
    """The body is of another kind than is taken here."""

    error_id = "wrong-media-type"


class TooLarge(InvalidRequest):
    """The body is larger than is taken here."""

    error_id = "too-large"


class NotAllEntered(InvalidRequest):
    """Some of several things cannot be entered, so none was. errors: which."""

    error_id = "not-all-of-them"


_STATUS: tuple[tuple[type[FaxplanError], HTTPStatus], ...] = (
    (NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (NoScope, HTTPStatus.FORBIDDEN),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (TenantDisabled, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (PagesPurged, HTTPStatus.GONE),
    (NoPages, HTTPStatus.CONFLICT),
    (WrongLogin, HTTPStatus.FORBIDDEN),
    (TooManyTries, HTTPStatus.TOO_MANY_REQUESTS),
    (AlreadyFinal, HTTPStatus.CONFLICT),
    (NotNow, HTTPStatus.CONFLICT),
    (NotEnded, HTTPStatus.CONFLICT),
    (NotFinal, HTTPStatus.CONFLICT),
    (NeedsDocument, HTTPStatus.CONFLICT),
    (KeysMoved, HTTPStatus.CONFLICT),
    (NeedsClient, HTTPStatus.CONFLICT),
    (NeedsMember, HTTPStatus.CONFLICT),
    (NoKeyYet, HTTPStatus.CONFLICT),
    (MayReadNothing, HTTPStatus.CONFLICT),
    (LastReader, HTTPStatus.CONFLICT),
    (EpochMoved, HTTPStatus.CONFLICT),
    (Held, HTTPStatus.CONFLICT),
    (InHand, HTTPStatus.CONFLICT),
    (OtherRequest, HTTPStatus.UNPROCESSABLE_ENTITY),
    (QuotaExceeded, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidCover, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Busy, HTTPStatus.SERVICE_UNAVAILABLE),
    (DocumentLost, HTTPStatus.SERVICE_UNAVAILABLE),
    (FetchFailed, HTTPStatus.BAD_GATEWAY),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (WrongMediaType, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (NotReadable, HTTPStatus.BAD_REQUEST),
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY),
)


def status_of(error: FaxplanError) -> HTTPStatus:
    """Of what nothing else is known: 422, or 503 where it may succeed later."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.UNPROCESSABLE_ENTITY


def of(error: FaxplanError, words: str) -> Response:
    """An answer that says so. words: of the error, as a program's author is told."""
    status = status_of(error)
    more: dict[str, Any] = {}
    if isinstance(error, InvalidRequest) and error.errors:
        more["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in error.errors]
    return answer(status, error.error_id, words, retryable=error.retryable, **more)


def answer(status: int, error_id: str, words: str, *, retryable: bool = False, **more: Any) -> Response:
    """For what has no error of ours."""
    said = {
        "type": f"/api/v1/problems#{error_id}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": words,
        "error_id": error_id,
        "retryable": retryable,
        **more,
    }
    response = Response(json.dumps(said), status=status, content_type=CONTENT_TYPE)
    response.headers["Content-Language"] = current()
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
