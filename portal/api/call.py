"""One request of a program: whose it is, what it asks, and how it is answered."""

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, TypeVar

from pydantic import BaseModel
from werkzeug.wrappers import Response

from faxplan import api_requests, fetched_documents
from faxplan.api_keys import ApiKey
from faxplan.api_requests import Begun
from faxplan.audit import Actor
from faxplan.config import Settings
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.errors import FaxplanError
from faxplan.fetched_documents import Linked
from faxplan.language import _
from faxplan.originals import NamedFile
from faxplan.tenants import Tenant
from faxplan.users import User
from faxplan.web_client import WebClient
from portal.api.problems import InvalidRequest
from portal.visit import PortalRequest

_drawing = BoundedSemaphore(1)
"""Each is a process of its own for a moment."""
Given = TypeVar("Given", bound=BaseModel)
Each = TypeVar("Each")
_LONGEST_CURSOR = 300
LONGEST_NAMED_CURSOR = 1500
"""It holds a name."""


@dataclass
class Call:
    """path: what stands in the address. web: by which documents are fetched. query, body: as the operation's shapes
    read them. files: that came with it, on disk, or lie elsewhere, in their order; folder: for those. begun: of an
    Idempotency-Key; None: there is none. admin: the database as role admin, for administration."""

    request: PortalRequest
    db: Database
    store: Store
    settings: Settings
    tenant: Tenant
    key: ApiKey
    path: Mapping[str, Any]
    web: WebClient
    query: BaseModel | None = None
    body: BaseModel | None = None
    files: Sequence[NamedFile | Linked] = ()
    folder: Path | None = None
    begun: Begun | None = None
    admin: Database | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def user(self) -> User:
        """For whom it acts."""
        return self.key.user

    @property
    def address(self) -> str:
        """The client's network address."""
        return self.request.remote_addr or ""

    @property
    def actor(self) -> Actor:
        """For the audit."""
        return Actor(f"user:{self.user.id}", f"api-key:{self.key.id}", self.address)

    @property
    def its_admin(self) -> Database:
        """For an operation of administration."""
        if self.admin is None:
            raise RuntimeError("this operation is no administration's")
        return self.admin

    def asked(self, shape: type[Given]) -> Given:
        """The query, of this shape."""
        return _as(shape, self.query)

    def given(self, shape: type[Given]) -> Given:
        """The body, of this shape."""
        return _as(shape, self.body)


def _as(shape: type[Given], value: BaseModel | None) -> Given:
    if not isinstance(value, shape):
        raise TypeError(f"this operation has no {shape.__name__}")
    return value


class DrawingBusy(FaxplanError):
    """Other cover pages are being drawn."""

    error_id = "drawing-busy"
    retryable = True


@contextmanager
def drawing() -> Iterator[None]:
    """For who draws a cover page for somebody to look at: programs are not to take all that answers. Raises
    DrawingBusy."""
    if not _drawing.acquire(blocking=False):
        raise DrawingBusy(_("Other cover pages are being drawn. Try again in a moment."))
    try:
        yield
    finally:
        _drawing.release()


def documents(call: Call) -> list[NamedFile]:
    """Those that came with it, and those that lie elsewhere, which are fetched now. Raises InvalidRequest where there
    is none, and as fetched_documents.fetch."""
    if not call.files:
        raise InvalidRequest(_("There is nothing to fax. Send a document along."), [("/documents", _("there is none"))])
    if call.folder is None:
        raise TypeError("this operation takes no files")
    return fetched_documents.fetch(call.web, call.tenant.id, call.files, call.folder)


def answer(shape: BaseModel, status: int = 200) -> Response:
    """JSON, as the shape has it."""
    return Response(shape.model_dump_json(by_alias=True), status=status, content_type="application/json")


def nothing() -> Response:
    """It is done, and there is nothing to say."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def kept(tx: Transaction, call: Call, shape: BaseModel, status: int = 200) -> Response:
    """As `answer`, of what tx has done: the same request is answered so again, if it comes with its Idempotency-Key."""
    made = answer(shape, status)
    if call.begun is not None:
        api_requests.answer(tx, call.begun, status, made.get_data(as_text=True))
    return made


def named_cursor_of(place: tuple[str, int] | None) -> str | None:
    """Where a list goes on, of which each thing has a name and a number; None: it has ended."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(place, ensure_ascii=False).encode()).decode().rstrip("=")


def named_place_of(cursor: str | None, longest: int = _LONGEST_CURSOR) -> tuple[str, int] | None:
    """What named_cursor_of has made. Raises InvalidRequest."""
    if cursor is None:
        return None
    try:
        if len(cursor) > longest:
            raise ValueError(cursor)
        name, number = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if type(number) is not int or not 0 <= number < 2**63 or type(name) is not str or "\0" in name:
            raise ValueError(cursor)
        # Half a character, escaped, is none.
        name.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_cursor() from error
    return name, number


def part_of(rows: Sequence[Each], limit: int, key: Callable[[Each], str]) -> tuple[Sequence[Each], str | None]:
    """Of limit + 1 rows, in the order of this key, those that are shown, and where the list goes on."""
    shown = rows[:limit]
    return shown, named_cursor_of((key(shown[-1]), 0)) if len(rows) > limit else None


def after_of(cursor: str | None) -> str:
    """Behind which key a list goes on that part_of has broken off; empty: it begins. Raises InvalidRequest."""
    place = named_place_of(cursor, LONGEST_NAMED_CURSOR)
    return "" if place is None else place[0]


def changed(shape: BaseModel, *, nullable: Collection[str] = ()) -> dict[str, Any]:
    """What a request names that changes something, by names as programs write them. nullable: those of which null is
    a value; of the others it says nothing."""
    named = shape.model_dump(exclude_unset=True, by_alias=True)
    return {name: value for name, value in named.items() if value is not None or name in nullable}


def cursor_of(place: tuple[datetime, int] | None) -> str | None:
    """Where a list goes on; None: it has ended."""
    return None if place is None else named_cursor_of((place[0].isoformat(), place[1]))


def place_of(cursor: str | None) -> tuple[datetime, int] | None:
    """What cursor_of has made. Raises InvalidRequest."""
    place = named_place_of(cursor)
    if place is None:
        return None
    try:
        moment = datetime.fromisoformat(place[0])
    except ValueError as error:
        raise _no_cursor() from error
    if moment.tzinfo is None:
        raise _no_cursor()
    return moment, place[1]


def _no_cursor() -> InvalidRequest:
    return InvalidRequest(
        _("This cursor is none. Take `next` as a list has it, or begin without one."), [("/cursor", _("this is none"))]
    )
