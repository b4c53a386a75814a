"""What the doctor finds: one line each, with what to do where something is to be done."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """ERROR: faxes do not go, or may get lost. WARNING: they go, but not as well or not for long."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """what: the thing that was looked at. found: how it is, and what that means. remedy: what to do; empty for ok."""

    what: str
    level: Level
    found: str
    remedy: str = ""


def ok(what: str, found: str) -> Finding:
    """All is well with it."""
    return Finding(what, Level.OK, found)


def warning(what: str, found: str, remedy: str) -> Finding:
    """It should be mended."""
    return Finding(what, Level.WARNING, found, remedy)


def error(what: str, found: str, remedy: str) -> Finding:
    """It must be mended."""
    return Finding(what, Level.ERROR, found, remedy)
