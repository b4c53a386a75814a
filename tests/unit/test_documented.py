"""Every command that the pages show is run by a test, or says that none does; and `faxplan` knows all of its own."""

import re
import shlex
from collections.abc import Iterator

import pytest

from faxplan import cli
from faxplan_client import cli as remote
from tests.documented import NOT_RUN, PAGES, PROJECT, RUN, Block, blocks

BLOCKS = [each for page in PAGES for each in blocks(page) if each.has_commands]


def test_there_are_blocks_to_look_at() -> None:
    assert len(BLOCKS) > 40
    assert {each.mark for each in BLOCKS} == {RUN, NOT_RUN}


def test_every_block_of_commands_says_who_runs_it_or_why_nobody_does() -> None:
    silent = [str(each) for each in BLOCKS if each.mark is None]
    assert silent == [], (
        "Put a line before each: <!-- run: tests/... --> where a test takes the block by tests.documented.claimed and "
        f"runs it, else <!-- not run: why -->. {', '.join(silent)}"
    )


def test_a_mark_stands_before_a_block_of_commands_only() -> None:
    marks = sum(len(re.findall(r"^<!-- (?:run|not run): ", page.read_text(), re.MULTILINE)) for page in PAGES)
    assert marks == sum(1 for each in BLOCKS if each.mark)


@pytest.mark.parametrize("test", sorted({test for each in BLOCKS for test in each.run_by}))
def test_who_is_said_to_run_a_block_takes_it_from_the_page(test: str) -> None:
    program = (PROJECT / test).read_text()
    assert "claimed(__file__," in program
    for each in BLOCKS:
        if test in each.run_by:
            assert each.page.relative_to(PROJECT).as_posix() in program, f"{test} never looks at {each}"


def lines() -> Iterator[tuple[Block, str]]:
    for block in BLOCKS:
        if block.language != "python":
            # A line that goes on, and what a shell comments.
            for line in block.text.replace("\\\n", " ").splitlines():
                yield block, line


def ours() -> Iterator[tuple[str, list[str]]]:
    """Every command line of `faxplan`, as its words."""
    for block, line in lines():
        found = re.search(r"(?:^ *|-- |\$\(|/bin/|\| |&& )faxplan ([a-z-].*)", line)
        if found:
            # A pipe, a comment, or words set off by spaces explain it; the shell takes all behind as its own.
            command = re.split(r" \| | > | < |  +|\)$| \|\| | && ", found[1])[0]
            yield str(block), [word for word in shlex.split(command) if word]


COMMANDS = list(ours())


def test_there_are_commands_of_ours() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=[f"{where} {words[0]}" for where, words in COMMANDS])
def test_each_command_of_ours_is_understood_as_it_stands(where: str, words: list[str]) -> None:
    parser, given = (remote._parser(), words[1:]) if words[0] == "remote" else (cli._parser(), words)
    if words != ["--version"]:
        assert callable(parser.parse_args(given).command), where
