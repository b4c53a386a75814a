"""What conf/ and the pages tell somebody to run is there: commands and their options, scripts' functions, files."""

import argparse
import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import cli, machine_turn, switch_answers

PROJECT = Path(__file__).parents[2]
INSTALL_PAGE = PROJECT / "docs" / "install-on-freeswitch.md"
UNITS = sorted((PROJECT / "conf" / "systemd").rglob("*.service"))
CRON_FILES = sorted((PROJECT / "conf" / "cron.d").iterdir())
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]
SOURCES = [*PAGES, *sorted((PROJECT / "faxplan").glob("*.py")), *sorted((PROJECT / "fs_scripts").glob("*.py"))]
SOURCES += sorted((PROJECT / "faxplan_client").glob("*.py"))


def command_lines() -> Iterator[str]:
    """Whole command lines: what systemd and cron run, and what stands in the install page's blocks."""
    for unit in UNITS:
        yield from re.findall(r"^Exec\w+=[-@:+!]*(.+)$", unit.read_text(), re.MULTILINE)
    for file in CRON_FILES:
        # Five fields of time, then the user.
        yield from re.findall(r"^[*0-9](?:\S*\s+){6}(.+)$", file.read_text(), re.MULTILINE)
    yield from re.findall(r"^    (?:runuser .* -- )?(faxplan [a-z].*)$", INSTALL_PAGE.read_text(), re.MULTILINE)


def ours(line: str) -> list[str] | None:
    """The arguments of `faxplan` in a command line; None where it runs something else."""
    words = shlex.split(line)
    at = next((number for number, word in enumerate(words) if Path(word).name == "faxplan"), None)
    return None if at is None else words[at + 1 :]


def mentioned(text: str) -> set[str]:
    """The commands that a text names in passing, by their words: `faxplan trunk add carrier ...` is `trunk add`."""
    words = re.findall(r"`faxplan ([a-z][a-z-]*(?: [a-z][a-z-]*)*)", re.sub(r"\s+", " ", text))
    return {" ".join(named(each.split(), cli._parser())) for each in words}


def named(words: list[str], parser: argparse.ArgumentParser) -> list[str]:
    """Those that name a command: the first, and while that is a group (`did caller add`) the next."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups or not words:
        return []
    found = groups[0].choices.get(words[0])
    return words[:1] if found is None else [words[0], *named(words[1:], found)]


def test_commands_are_found_in_a_text_down_to_the_innermost_group() -> None:
    text = (
        "`faxplan vault\nstatus acme`, `faxplan did caller add`, `faxplan number nonsense`, "
        "`faxplan send letter.pdf`, `faxplan vault recovery-key off`"
    )
    assert mentioned(text) == {"vault status", "did caller add", "number nonsense", "send", "vault recovery-key off"}


def test_faxplan_is_a_program() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"faxplan": "faxplan_client.command:main"}


def test_there_are_lines_to_look_at() -> None:
    lines = {" ".join(words[:2]) for words in map(ours, command_lines()) if words}
    assert {"worker", "guard", "database create", "trunk add", "did add", "doctor"} <= lines
    assert (len(UNITS), len(CRON_FILES)) == (4, 1)


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_a_command_line_is_understood(line: str) -> None:
    words = ours(line)
    if words is not None:
        assert callable(cli._parser().parse_args(words).command)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_command_that_is_named_in_passing_exists(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in mentioned(path.read_text()):
        with pytest.raises(SystemExit) as ended:
            cli.main([*words.split(), "--help"])
        assert ended.value.code == 0, f"{path} names `faxplan {words}`: {capsys.readouterr().err}"


def test_scripts_that_freeswitch_is_told_to_run_have_those_functions() -> None:
    texts = [path.read_text() for path in (*PAGES, *(PROJECT / "conf").rglob("*.xml"))]
    named = {found for text in texts for found in re.findall(r"\bpython (fax_\w+::\w+)", text)}
    named |= {f"{name}::runtime" for text in texts for name in re.findall(r'"startup-script" value="(\w+)"', text)}
    named |= {f"{name}::handler" for text in texts for name in re.findall(r'"python" data="(\w+)"', text)}
    assert {"fax_queue::runtime", "fax_queue::alive", "fax_in::handler"} <= named
    assert [name for name in sorted(named) if not _is_defined(*name.split("::"))] == []


def test_files_that_the_install_page_copies_exist() -> None:
    page = INSTALL_PAGE.read_text()
    named = set(re.findall(r"\bconf/[\w./*-]+", page))
    assert len(named) >= 8
    assert [name for name in sorted(named) if not list(PROJECT.glob(name.rstrip(".")))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_below_the_prefix_are_those_of_an_installation(page: Path) -> None:
    """A release has what setup.py lays, and nothing lies beside the releases but the lock and what is noted."""
    for path in re.findall(r"/usr/local/lib/faxplan/([\w./-]+)", page.read_text()):
        first, *rest = path.rstrip("./").split("/")
        assert first in {"current", "previous", "releases", "install.json", "kept", machine_turn.NAME}, path
        within = "/".join(rest[first == "releases" :])
        if shared := within.removeprefix("share/faxplan").strip("/") if within.startswith("share/") else "":
            assert (PROJECT / shared).exists(), path


def _is_defined(script: str, function: str) -> bool:
    """In a release's script, in the entry file that leads to it, or in the table that answers."""
    if script == "fax_queue" and function in switch_answers.COMMANDS:
        return True
    found = set()
    for folder in ("fs_scripts", "conf/scripts"):
        for node in ast.parse((PROJECT / folder / f"{script}.py").read_text()).body:
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return function in found
