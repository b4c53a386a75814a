"""What the commands print: aligned columns for people, one JSON value for programs.

And what several of them take: groups of commands, switches, values to change.
"""

import argparse
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from faxplan import time_line
from faxplan.errors import FaxplanError

_LARGEST_INTEGER = 2**31 - 1


class NothingToChange(FaxplanError):
    """A command that changes values was given none."""

    error_id = "nothing-to-change"


def group(commands: Any, name: str, verbs: str, about: str) -> Any:
    """A command whose own commands are `verbs`; they are entered into what is returned."""
    return commands.add_parser(name, help=f"{about}: {verbs}").add_subparsers(required=True, metavar=verbs)


def add_switch(parser: argparse.ArgumentParser, option: str, meaning: str) -> None:
    """An option with the values on and off; in the options it is True, False, or None where it was not given."""
    parser.add_argument(option, type=_on_or_off, metavar="on|off", help=meaning)


def pages_or_none(text: str) -> int | None:
    """An option's type: a number of pages, or `none`."""
    return None if text == "none" else whole_number(text)


def percent_or_none(text: str) -> int | None:
    """An option's type: a number from 1 to 100, or `none`."""
    if text == "none":
        return None
    percent = whole_number(text)
    if not 1 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to 100, nor `none`")
    return percent


NO_NUMBER = -1
"""What `none` is for number_or_none: not None, which stands for an option that was not given."""


def number_or_none(text: str) -> int:
    """An option's type: a number from 1 on, or `none`, which is NO_NUMBER."""
    return NO_NUMBER if text == "none" else whole_number(text)


def whole_number(text: str) -> int:
    """An option's type: a number that a column of type integer takes."""
    if not text.isdecimal() or int(text) > _LARGEST_INTEGER:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number up to {_LARGEST_INTEGER}")
    return int(text)


def above_zero(text: str) -> float:
    """An option's type: a number above 0, such as 0.5."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def amount(text: str) -> Decimal:
    """An option's type: an amount of money, 0 or more, to the last digit as it is written."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount; write it as 0.012")
    return number


def amount_or_none(text: str) -> Decimal:
    """An option's type: as `amount`, or `none`, which is NO_NUMBER."""
    return Decimal(NO_NUMBER) if text == "none" else amount(text)


def given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of the options that were given."""
    values = vars(options)
    return {name: values[name] for name in names if values.get(name) is not None}


def changes(options: argparse.Namespace, names: Iterable[str], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """As `given`, with `more` added. Raises NothingToChange where that is nothing."""
    values = {**given(options, names), **(more or {})}
    if not values:
        raise NothingToChange("Nothing was given to change. --help lists what can be.")
    return values


def done(options: argparse.Namespace, result: Any, *paragraphs: str) -> int:
    """Prints an act's result as JSON, or what is said of it, with an empty line between paragraphs; the exit code."""
    if options.json:
        print_json(result)
    else:
        print("\n\n".join(map(printable, paragraphs)))
    return 0


def listed(
    options: argparse.Namespace, found: Any, headings: Sequence[str], rows: Sequence[Sequence[object]], empty: str
) -> int:
    """Prints `found` as JSON, or `rows` as a table; the exit code."""
    if options.json:
        print_json(found)
    else:
        print_table(headings, rows, empty=empty)
    return 0


def print_json(value: Any) -> None:
    """One JSON value, with times in ISO 8601; in ASCII, so that no terminal obeys what stands in it."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=True))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Columns two spaces apart; the last one is as long as it is. Without rows: the sentence `empty`."""
    if not rows:
        print(empty)
        return
    texts = [list(headings), *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(headings))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(cell: object) -> str:
    """A cell's text, with what a terminal would obey as escapes: names and idents come from strangers."""
    return time_line.visible("" if cell is None else str(cell))


def _on_or_off(text: str) -> bool:
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither on nor off")
    return text == "on"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
