"""Migrations as files: migrations/NNNN_name.sql, numbered without gaps.

Most **expand**: whoever runs already goes on with what they leave, so they run at any time. One whose name begins with
`contract_` takes away what earlier releases use. Its first line says which: `-- suits releases that know 0095`; it runs
when no process of an older one is alive. Statements that cannot run in a transaction, or must not share one, stand in a
file whose first line is `-- each statement by itself`: these may be repeated, whatever an interrupted run left.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from faxplan import shipped
from faxplan.errors import FaxplanError

MIGRATIONS = shipped.folder() / "migrations"
CONTRACTS = "contract_"
FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_SUITS = re.compile(r"-- suits releases that know (\d{4})\b")
_APART = "-- each statement by itself"
_COMMENT = re.compile(r"--[^\n]*")
INDEX = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?P<name>[a-z0-9_]+)\s+on\s"
)
_REPEATABLE = (
    INDEX,
    re.compile(r"drop\s+index\s+concurrently\s+if\s+exists\s+[a-z0-9_]+$"),
    re.compile(r"alter\s+table\s+[a-z0-9_]+\s+validate\s+constraint\s+[a-z0-9_]+$"),
)


class MigrationFailed(FaxplanError):
    """A migration could not be applied; the database stands where the one before it left it."""

    error_id = "migration-failed"


@dataclass(frozen=True)
class Migration:
    """One file; `number` counts from 1 without gaps."""

    number: int
    name: str
    path: Path

    @property
    def contracts(self) -> bool:
        """Whether it takes away what earlier releases use."""
        return self.name.startswith(CONTRACTS)

    @cached_property
    def text(self) -> str:
        """Its SQL."""
        return self.path.read_text()

    @property
    def suits(self) -> int:
        """What a release must know to go on with it, as the number of a migration; 0: nothing. Raises MigrationFailed
        where a contraction does not say."""
        if not self.contracts:
            return 0
        if (said := _SUITS.match(self.text)) is None:
            raise MigrationFailed(
                f"{self.path.name} takes something away, and does not say from whom. Let its first line be: "
                "-- suits releases that know 0095"
            )
        return int(said[1])

    @property
    def is_apart(self) -> bool:
        """Whether each of its statements runs by itself, outside a transaction."""
        return _APART in self.text.splitlines()[:2]

    @property
    def statements(self) -> list[str]:
        """Of one that is apart. Raises MigrationFailed for one that could not be repeated."""
        found = [each.strip() for each in _COMMENT.sub("", self.text).split(";")]
        for each in found:
            if each and not any(form.match(each.lower()) for form in _REPEATABLE):
                raise MigrationFailed(
                    f"{self.path.name} has a statement that cannot be repeated after an interruption: {each[:80]}. By "
                    "itself run: create index concurrently, drop index concurrently if exists, alter table ... "
                    "validate constraint. All else belongs into a transaction, so into another file."
                )
        return [each for each in found if each]


def available(folder: Path = MIGRATIONS) -> list[Migration]:
    """Every migration in the folder, in order. Raises MigrationFailed for a gap or a number used twice."""
    found = []
    for path in sorted(folder.glob("[0-9]*.sql")):
        if (parts := FILE_NAME.fullmatch(path.name)) is None:
            raise MigrationFailed(f"{path} is not called NNNN_some_name.sql; rename it.")
        found.append(Migration(int(parts["number"]), parts["name"], path))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationFailed(
            f"The numbers in {folder} have a gap or stand twice; number the files from 0001 without gaps."
        )
    return found
