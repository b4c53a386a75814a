"""JSON read into dataclasses. What is not known is passed over: a server may be newer than its client."""

import base64
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from faxplan_client.errors import UnexpectedAnswer

Read = TypeVar("Read")


def read(shape: type[Read], content: bytes) -> Read:
    """An answer of this shape. Raises UnexpectedAnswer."""
    try:
        return cast("Read", _of_class(shape, json.loads(content)))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UnexpectedAnswer(
            f"The server's answer is no {shape.__name__} that this client knows ({error}). See whether there is a "
            "newer client, and whether something between you and the server answers in its place."
        ) from error


@cache
def _kinds(shape: type) -> dict[str, Any]:
    hints = typing.get_type_hints(shape)
    return {each.name: hints[each.name] for each in fields(shape)}


def _of_class(shape: type, value: object) -> object:
    if not isinstance(value, Mapping):
        raise TypeError(f"{shape.__name__}: no object")
    return shape(**{name: _of_kind(kind, value.get(name), name) for name, kind in _kinds(shape).items()})


def _of_kind(kind: Any, value: Any, name: str) -> object:
    choices = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if value is None:
        # Of a server that is older there may be less.
        if types.NoneType in choices or kind is Any:
            return None
        raise KeyError(name)
    return _of_value(choices[0], value, name)


def _of_value(kind: Any, value: Any, name: str) -> object:
    if typing.get_origin(kind) is list:
        (inner,) = typing.get_args(kind)
        if not isinstance(value, list):
            raise TypeError(f"{name}: no list")
        return [_of_kind(inner, each, name) for each in value]
    if kind in _TEXTS:
        return _TEXTS[kind](value)
    if kind in (str, int, float, bool):
        # To Python true is a number.
        if type(value) is not kind and (kind, type(value)) != (float, int):
            raise TypeError(f"{name}: {type(value).__name__} in place of {kind.__name__}")
        return kind(value)
    return value if kind is Any or typing.get_origin(kind) is dict else _of_class(kind, value)


def unpacked(text: str) -> bytes:
    """base64url, with padding or without. Raises ValueError."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def packed(content: bytes) -> str:
    """As answers have it: base64url, with padding."""
    return base64.urlsafe_b64encode(content).decode()


def _moment(text: str) -> datetime:
    """Raises ValueError, also for what has no zone, and for what is no time of a fax: not every year can be brought to
    every zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(text[:40])
    return found


_FIRST_YEAR, _LAST_YEAR = 1900, 9000
_TEXTS = {datetime: _moment, bytes: unpacked}
