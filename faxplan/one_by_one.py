"""Work on several things of which one may fail."""

from collections.abc import Callable, Iterable
from typing import TypeVar

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
        try:
            act(thing)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above; whoever calls tries it again
            told = f"{act.__name__} of {thing!r}: {type(error).__name__}: {error}"
            switch.log("crit", ascii(told)[:400])
