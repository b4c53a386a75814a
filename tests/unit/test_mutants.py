"""`make mutants` at small size: its table fits the tree, it sees what a test catches, and says what none does."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import run_directory
from tests.mutants import protections
from tests.mutants.protections import Mutant
from tests.mutants.trial import PROJECT, Tree, Verdict, without_a_good_test

pytestmark = pytest.mark.xdist_group("mutants")  # one copy of the tree for all
ALL = protections.load()
QUICK = ("the header's seal is not compared", "any called number stands in a dial string")
DIAL_STRING = "tests/unit/test_dial_string.py::test_a_call"


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: f"{mutant.table}: {mutant.name}")
def test_its_text_stands_where_it_is_said(mutant: Mutant) -> None:
    source = (PROJECT / mutant.file).read_text(encoding="utf-8")
    assert mutant.applied(source) != source


def test_no_two_are_the_same() -> None:
    assert len({(each.table, each.name) for each in ALL}) == len(ALL)
    assert len({(each.file, each.text, each.instead, each.test) for each in ALL}) == len(ALL)


def test_every_named_test_exists() -> None:
    named = sorted({each.test for each in ALL})
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", *named]
    done = subprocess.run(collect, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_each_group_of_the_page_has_some() -> None:
    """docs/security.md, What tests show: 10 is of what is not there yet."""
    assert {each.of for each in ALL} == {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15}


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    directory, lock = run_directory.make()
    yield Tree(directory, "tree")
    run_directory.remove(directory, lock)


@pytest.mark.parametrize("name", QUICK)
def test_what_a_test_sees_is_caught(tree: Tree, name: str) -> None:
    (mutant,) = (each for each in ALL if each.name == name)
    assert without_a_good_test(tree, [mutant]) == {}
    source = (tree.root / mutant.file).read_text()
    assert tree.judge(mutant).verdict is Verdict.CAUGHT
    assert (tree.root / mutant.file).read_text() == source == (PROJECT / mutant.file).read_text()


def made_up(text: str, instead: str, test: str = DIAL_STRING, file: str = "faxplan/dial_string.py") -> Mutant:
    return Mutant("made up", 11, "made up", file, text, instead, test)


def test_what_no_test_sees_is_not_caught(tree: Tree) -> None:
    assert tree.judge(made_up("_HANG_AFTER_RESULT_SECONDS = 3", "_HANG_AFTER_RESULT_SECONDS = 1 + 2")).verdict is (
        Verdict.NOT_CAUGHT
    )


@pytest.mark.parametrize(
    ("mutant", "why"),
    [
        (made_up("this stands nowhere", ""), "stands 0 times"),
        (made_up("import", "export"), "times in"),
        (made_up("def originate(", "def originate(("), "is no Python"),
        (made_up("def originate(", "def originates("), "does not even begin"),
        (made_up("_NUMBER", "_NUMBER"), "times in"),
        (made_up("x", "y", file="faxplan/nowhere.py"), "there is no faxplan/nowhere"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_shows_nothing_is_an_error_by_itself(tree: Tree, mutant: Mutant, why: str) -> None:
    judged = tree.judge(mutant)
    assert judged.verdict is Verdict.BROKEN
    assert why in judged.words


def test_a_test_that_does_not_pass_as_the_tree_is_is_told(tree: Tree) -> None:
    broken = tree.root / "tests" / "unit" / "test_broken.py"
    broken.write_text("import pytest\ndef test_fails():\n    assert False\ndef test_skips():\n    pytest.skip()\n")
    mutant = made_up("_HANG_AFTER_RESULT_SECONDS = 3", "_HANG_AFTER_RESULT_SECONDS = 4")
    tests = [f"tests/unit/test_broken.py::{name}" for name in ("test_fails", "test_skips")]
    found = without_a_good_test(tree, [mutant, *(replace(mutant, test=test) for test in tests)])
    broken.unlink()
    assert found.keys() == set(tests)
    assert "fails as the tree is" in found[tests[0]]
    assert "not run here" in found[tests[1]]


def test_a_test_that_is_not_there_is_told(tree: Tree) -> None:
    (why,) = without_a_good_test(tree, [made_up("x", "y", test="tests/unit/test_dial_string.py::test_none")]).values()
    assert "no such test" in why


def test_the_command_shows_its_list() -> None:
    command = [sys.executable, "-m", "tests.mutants", "--list", "-k"]
    done = subprocess.run([*command, "AUDIT"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len([each for each in ALL if each.matches("audit")])
    none = subprocess.run([*command, "no such"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert none.returncode == 1


def test_it_is_the_tables_of_its_folder_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text(
        'of = 4\n[[mutant]]\nname = "a"\nfile = "b"\ntext = "c"\ninstead = ""\ntest = "d"\nof = 7\n'
    )
    assert protections.load(tmp_path) == [Mutant("some", 7, "a", "b", "c", "", "d")]
