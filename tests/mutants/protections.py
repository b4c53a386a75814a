"""The table of protections: each a text in a file, what stands there without it, and the test that must fail then.

The table is data: `*.toml` beside this file, one for each group of docs/security.md's list of what tests show.
"""

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """The tree without one protection.

    of: the number in docs/security.md's list. file: from the project's folder. text: stands there so many times;
    instead: what stands in its place. test: what must fail, as pytest names it: all of a test's parameters, or one.
    """

    table: str
    of: int
    name: str
    file: str
    text: str
    instead: str
    test: str
    times: int = 1

    def applied(self, source: str) -> str:
        """The file without the protection. Raises Unusable."""
        found = source.count(self.text)
        if found != self.times:
            raise Unusable(f"its text stands {found} times in {self.file}, and not {self.times}: mend the table")
        changed = source.replace(self.text, self.instead)
        if changed == source:
            raise Unusable("it changes nothing: mend the table")
        if self.file.endswith(".py"):
            try:
                ast.parse(changed)
            except SyntaxError as error:
                # Any test fails on what Python cannot read.
                raise Unusable(f"{self.file} is no Python then ({error.msg}, line {error.lineno})") from None
        return changed

    def matches(self, words: str) -> bool:
        """Whether these stand in its table's name, its own, its file or its test."""
        return words.lower() in f"{self.table} {self.name} {self.file} {self.test}".lower()


class Unusable(Exception):
    """A mutant that shows nothing: the message says why."""


def load(tables: Path = TABLES) -> list[Mutant]:
    """All, table by table. Raises KeyError and TypeError for what is no mutant."""
    found = []
    for path in sorted(tables.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [Mutant(**{"table": path.stem, "of": content["of"], **entry}) for entry in content["mutant"]]
    return found
