"""What is answered: pages, JSON for our own scripts, files; and the headers that all of these have."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from portal import notes, templates
from portal.policy import HEADERS
from portal.visit import Visit


def page(visit: Visit, name: str, status: int = HTTPStatus.OK, **given: Any) -> Response:
    """A page of a template."""
    text = templates.render(name, visit=visit, **given)
    return Response(text, status=status, content_type="text/html; charset=utf-8")


def data(value: Any, status: int = HTTPStatus.OK, content_type: str = "application/json") -> Response:
    """JSON: bytes are written in hexadecimal."""
    return Response(json.dumps(value, default=_written), status=status, content_type=content_type)


def problem(status: int, title: str, detail: str, error_id: str) -> Response:
    """What went wrong, for a script (RFC 9457)."""
    said = {"type": "about:blank", "status": int(status), "title": title, "detail": detail, "error_id": error_id}
    return data(said, status, "application/problem+json")


def table(name: str, lines: Iterable[str]) -> Response:
    """A CSV file, to be kept under this name."""
    response = Response(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def to(address: str, status: int = HTTPStatus.SEE_OTHER, *, note: str = "") -> Response:
    """Sends the browser there, with GET. address: a path of ours. note: what that page says was done (notes)."""
    return Response("", status=status, headers={"Location": notes.to(address, note) if note else address})


def finished(response: Response) -> Response:
    """With the headers that every answer has, unless it brought its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _written(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} is nothing for JSON")
