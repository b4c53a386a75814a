"""What `Client` and its parts ask by: requests and answers as Python's values."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, TypeVar

from faxplan_client import bodies, reading
from faxplan_client.bodies import Body
from faxplan_client.errors import ClientError, InvalidIdempotencyKey, UnexpectedAnswer
from faxplan_client.transport import Request, Transport

Read = TypeVar("Read")
Page = TypeVar("Page")
_ONCE = re.compile("[!-~]{1,255}")
Given = Body | Mapping[str, Any]


class Connection:
    """To one server."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def get(self, shape: type[Read], path: str, **query: Any) -> Read:
        """An answer of this shape. What is None is not asked."""
        return reading.read(shape, self.transport.ask(Request("GET", path, _query(query))))

    def do(
        self, shape: type[Read], method: str, path: str, body: Given | None = None, *, once: str | None = None
    ) -> Read:
        """The same of an act. once: its Idempotency-Key."""
        return reading.read(shape, self.act(method, path, body, once=once))

    def act(
        self, method: str, path: str, body: Given | None = None, *, once: str | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> bytes:  # fmt: skip
        """An act whose answer is not read here. Raises InvalidIdempotencyKey as well."""
        if once is not None and not _ONCE.fullmatch(once):
            raise InvalidIdempotencyKey("An Idempotency-Key has 1 to 255 visible ASCII characters, such as a UUID.")
        given = bodies.of_json(dict(body)) if isinstance(body, Mapping) else body
        try:
            return self.transport.ask(Request(method, path, _query(query or {}), given, once))
        except ClientError as error:
            error.once = once
            raise

    def pages(self, shape: type[Page], path: str, onward: Callable[[Page], str | None], **query: Any) -> Iterator[Page]:
        """All parts of a list, each asked for when the one before is used up. Raises UnexpectedAnswer as well."""
        cursor = None
        while True:
            page = self.get(shape, path, cursor=cursor, **query)
            yield page
            before, cursor = cursor, onward(page)
            if cursor is None:
                return
            if cursor == before:
                raise UnexpectedAnswer("The server's list goes on where it was already: it would never end.")

    def fetch(self, path: str, target: BinaryIO) -> None:
        """Writes a file."""
        self.transport.fetch(Request("GET", path), target)

    def asked(self, path: str, query: Mapping[str, Any]) -> bytes:
        """An answer as it came."""
        return self.transport.ask(Request("GET", path, _query(query)))


def new_once() -> str:
    """An Idempotency-Key."""
    return str(uuid.uuid4())


def _query(query: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
