"""Rows that hardly ever change, remembered by a process and read anew once they did."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from faxplan.db import Transaction


class HasId(Protocol):
    """What a table has a row of."""

    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=HasId)


class RowMemory(Generic[T]):
    """What `read` makes of rows, each kept while its row is the same. For one thread to use."""

    def __init__(self, read: Callable[[Transaction, set[int]], list[T]]) -> None:
        self._read = read
        self._known: dict[int, tuple[str, T]] = {}

    def some(self, tx: Transaction, versions: Mapping[int, str]) -> dict[int, T]:
        """By id, those that are there. versions: of each row now, by id: its xmin, the transaction that wrote it.

        Nothing is asked of the database while all of them are known.
        """
        new = {each for each, version in versions.items() if self._known.get(each, ("", None))[0] != version}
        if new:
            for row in self._read(tx, new):
                self._known[row.id] = (versions[row.id], row)
        return {each: self._known[each][1] for each in versions if each in self._known}
