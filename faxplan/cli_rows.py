"""Many rows on standard output, one by one: CSV for tables, JSON for programs."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from faxplan.db import Row


class Writer(Protocol):
    """Writes rows as they come; begin and end once each."""

    def begin(self) -> None: ...

    def row(self, row: Row) -> None: ...

    def end(self) -> None: ...


def writer(columns: Sequence[str], *, as_json: bool) -> Writer:
    """For rows with these columns, of text, whole numbers and None."""
    return _Json(columns) if as_json else _Csv(columns)


class _Csv:
    """RFC 4180, with a header line; None is empty."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._writer = csv.writer(sys.stdout, lineterminator="\r\n")

    def begin(self) -> None:
        self._writer.writerow(self._columns)

    def row(self, row: Row) -> None:
        self._writer.writerow(["" if row[name] is None else row[name] for name in self._columns])

    def end(self) -> None:
        """Nothing follows the last row."""


class _Json:
    """One array, a row a line, in ASCII."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._before = "["

    def begin(self) -> None:
        """The bracket comes with the first row, or with the end."""

    def row(self, row: Row) -> None:
        values: dict[str, Any] = {name: row[name] for name in self._columns}
        print(self._before, json.dumps(values, ensure_ascii=True), sep="\n", end="")
        self._before = ","

    def end(self) -> None:
        print("[]" if self._before == "[" else "\n]")
