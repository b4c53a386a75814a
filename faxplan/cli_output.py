"""What the commands print: aligned columns for people, one JSON value for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


def print_json(value: Any) -> None:
    """One JSON value, with times in ISO 8601."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


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
    """A cell's text, without anything that a terminal would obey: names and idents come from strangers."""
    text = "" if cell is None else str(cell)
    return "".join(character if character.isprintable() else "?" for character in text)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
