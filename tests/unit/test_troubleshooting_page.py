"""docs/troubleshooting.md knows every reason for which a fax fails, and every thing that the doctor looks at."""

import ast
import re
from pathlib import Path

from faxplan import failure_rules
from faxplan.failure_rules import Rule

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "troubleshooting.md").read_text()
LOOKS = [*sorted((PROJECT / "faxplan").glob("doctor*.py"))]


def chapter(title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_every_reason_for_which_a_fax_fails_is_there_in_its_words_and_no_other() -> None:
    rows = re.findall(r"^\| (.+) \| `([a-z-]+)` \| (.+) \|$", chapter("A fax failed, or is tried again"), re.MULTILINE)
    rules = [each for each in vars(failure_rules).values() if isinstance(each, Rule)]
    assert {(words, name) for words, name, _ in rows} == {(each.words, each.name) for each in rules}


def found_by_the_doctor() -> set[str]:
    """How findings begin: the constants that error() and warning() get first, or what is put before a name there."""
    names = set()
    for file in LOOKS:
        for node in ast.walk(ast.parse(file.read_text())):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called not in ("error", "warning") or not isinstance(node, ast.Call):
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant):
                names.add(str(first.value))
            elif isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
                names.add(str(first.values[0].value).rstrip(" ,"))
            elif isinstance(first, ast.JoinedStr) and isinstance(first.values[-1], ast.Constant):
                names.add(str(first.values[-1].value).lstrip(" ,"))
    return names


def test_everything_that_the_doctor_finds_is_there() -> None:
    names = found_by_the_doctor()
    assert {"schema", "gateway", "database as", "pending, unclaimed", "marker"} <= names
    table = set(re.findall(r"`([^`]+)`", chapter("What the doctor finds")))
    assert names - table == set(), "Enter them into docs/troubleshooting.md, What the doctor finds."
