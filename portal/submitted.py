"""What our own scripts hand over as JSON: read piece by piece, and refused where a piece is none."""

from collections.abc import Callable
from typing import Any, TypeVar

from faxplan.errors import FaxplanError
from faxplan.language import _
from portal.visit import Visit

_LARGEST = 2**63 - 1
T = TypeVar("T")


class Malformed(FaxplanError):
    """A script of ours would not have written that."""

    error_id = "malformed"


class Submitted:
    """An object of JSON. Each method takes one of its members, and raises Malformed where it is missing or another."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise _malformed()
        self._value: dict[str, Any] = value

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None

    def text(self, name: str, longest: int = 300) -> str:
        return self._of(name, str, lambda found: 0 < len(found) <= longest and "\0" not in found)

    def number(self, name: str) -> int:
        # True is an int to Python.
        return self._of(name, int, lambda found: not isinstance(found, bool) and 0 <= found <= _LARGEST)

    def truth(self, name: str) -> bool:
        return self._of(name, bool, lambda _found: True)

    def raw(self, name: str, size: int | None = None) -> bytes:
        """Bytes, written in hexadecimal. size: that they must have."""
        try:
            found = bytes.fromhex(self._of(name, str, lambda _found: True))
        except ValueError as error:
            raise _malformed() from error
        if size is not None and len(found) != size:
            raise _malformed()
        return found

    def part(self, name: str) -> "Submitted":
        return Submitted(self._value.get(name))

    def parts(self, name: str) -> list["Submitted"]:
        return [Submitted(each) for each in self._of(name, list, lambda _found: True)]

    def _of(self, name: str, kind: type[T], is_right: Callable[[T], bool]) -> T:
        found = self._value.get(name)
        if not isinstance(found, kind) or not is_right(found):
            raise _malformed()
        return found


def json(visit: Visit) -> Submitted:
    """What the request brings."""
    try:
        return Submitted(visit.request.get_json())
    except RecursionError as error:
        raise _malformed() from error


def _malformed() -> Malformed:
    return Malformed(_("This page does not fit what is running here any more. Load it again."))
