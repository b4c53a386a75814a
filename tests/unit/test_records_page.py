"""docs/records.md describes the columns that there are, in their order, with their marks."""

import re
from pathlib import Path

from faxplan import cdr

PAGE = Path(__file__).parents[2] / "docs" / "records.md"
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| .*\|$", re.MULTILINE)
EXPLAINED = {"kind"}
"""Says itself what the mark means."""


def described() -> list[tuple[str, str]]:
    table = PAGE.read_text().partition("## Columns")[2].partition("###")[0]
    return ROW.findall(table)


def test_every_column_is_described_in_its_place() -> None:
    assert [name for name, _ in described()] == [each.name for each in cdr.COLUMNS]


def test_whose_text_it_is_and_what_only_calls_have() -> None:
    words = dict(described())
    assert {each.name for each in cdr.COLUMNS if each.theirs} == {
        name for name, said in words.items() if "*theirs*" in said or "*theirs," in said
    }
    of_calls = {name for name, said in words.items() if "(*calls*)" in said or "*calls*;" in said or "*calls*" in said}
    # The channel is the call's, too.
    assert {each.name for each in cdr.COLUMNS if each.of_calls} == of_calls - EXPLAINED
