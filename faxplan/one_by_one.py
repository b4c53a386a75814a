"""Work on several things of which one may fail."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from faxplan import log_lines
from faxplan.errors import DatabaseUnavailable
from faxplan.switch import Switch

T = TypeVar("T")


def one_by_one(switch: Switch, things: Iterable[T | None], act: Callable[[T], object]) -> None:
    """Does something for each that is not None, and goes on after one that fails, which the switch logs: one fax's
    trouble must not stop the others. Raises DatabaseUnavailable, which is everyone's trouble.
    """
    for thing in things:
        if thing is None:
            continue
        with log_lines.about_this(thing):
            try:
                act(thing)
            except DatabaseUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - see above; whoever calls tries it again
                # Of what has ids they stand at the line's end; its numbers are not for logs.
                what = act.__name__ if log_lines.ids_of(thing) else f"{act.__name__} of {thing!r}"
                switch.log("crit", ascii(f"{what}: {type(error).__name__}: {error}")[:400])
