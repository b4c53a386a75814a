"""docs/command-line.md has every command, and the pages every option, that the parser knows."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from faxplan import cli

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "command-line.md").read_text()


def commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, set[str]]]:
    """Each command with its long options."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for group in groups:
        for word, inner in group.choices.items():
            yield from commands(inner, f"{name} {word}")
    if not groups:
        words = {word for each in parser._actions for word in each.option_strings}
        yield name, {word for word in words if word.startswith("--")}


KNOWN = dict(commands(cli._parser(), "faxplan"))


def is_there(command: str) -> bool:
    """By its whole name, or as `pause`, `resume` after another one of its group."""
    group, _space, last = command.rpartition(" ")
    rows = [row for row in PAGE.splitlines() if f"`{group} " in row]
    return re.search(rf"`{command}[ `\[]", PAGE) is not None or any(f"`{last}`" in row for row in rows)


def test_every_command_is_there() -> None:
    assert len(KNOWN) > 170
    assert [each for each in KNOWN if not is_there(each)] == []


def test_every_option_is_in_some_page() -> None:
    pages = "\n".join(file.read_text() for file in DOCS.rglob("*.md"))
    found = set(re.findall(r"--[a-z][a-z0-9-]+", pages))
    missing = {(name, word) for name, words in KNOWN.items() for word in words - found - {"--help"}}
    assert missing == set()
