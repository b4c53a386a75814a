"""The direction of imports, as docs/architecture.md draws it: import-linter's contracts, and what it cannot see."""

import ast
import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((PROJECT / "fs_scripts").glob("*.py"))
OURS = sorted((PROJECT / "faxplan").rglob("*.py"))
LOCKING_SQL = re.compile(r"\bfor\s+(no\s+key\s+)?update\b|\bfor\s+(key\s+)?share\b|\bskip\s+locked\b", re.IGNORECASE)


def test_import_linter_contracts_are_kept() -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_and_the_contract_have_the_same_rooms() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [re.findall(r"\w+", layer) for layer in contracts[0]["layers"]]
    page = (PROJECT / "docs" / "architecture.md").read_text().partition("knows every module's room")[2]
    # A room: its name and what it is, then its modules, further to the right; * stands for any letters.
    drawn = re.findall(r"^ {4}\w+ +\S.*\n((?: {20}\S.*\n)+)", page.partition("Above them")[0], re.MULTILINE)
    rooms = [re.findall(r"[\w*]+", modules) for modules in drawn]
    assert len(rooms) == len(layers)
    for room, layer in zip(rooms, layers, strict=True):
        shown = [module for module in layer if any(fnmatch.fnmatch(module, name) for name in room)]
        assert sorted(shown) == sorted(layer)
        assert all(fnmatch.filter(layer, name) for name in room)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_in_the_switch_imports_only_the_switch_faxplan_and_the_standard_library(script: Path) -> None:
    siblings = {path.stem for path in SCRIPTS}
    assert _imported(script) <= sys.stdlib_module_names | siblings | {"freeswitch", "faxplan"}


def test_there_are_scripts_to_look_at() -> None:
    assert {script.name for script in SCRIPTS} >= {"fax_in.py", "fax_out.py", "fax_queue.py"}


HANDS_ON = ("enrolment.unlock", "enrolment.recover", "reader_keys.make", "recovery_key.make", "recovery_key.use",
            "admission.let_in")  # fmt: skip


def test_every_command_that_hands_keys_on_says_to_whom() -> None:
    calls = {
        (path.stem, ast.unparse(node.func)): {keyword.arg for keyword in node.keywords}
        for path in OURS
        if path.stem.startswith("cli")
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in HANDS_ON
    }
    assert {name for _, name in calls} == set(HANDS_ON)
    assert [call for call, named in calls.items() if "told" not in named] == []


@pytest.mark.parametrize("module", OURS, ids=lambda path: path.stem)
def test_locking_sql_stands_where_work_is_given_out_only(module: Path) -> None:
    locking = _locking(_parsed(module))
    assert (
        bool(locking) if module.stem in ("queue", "claims", "render_jobs", "outbox", "webhook_events") else not locking
    )


@pytest.mark.parametrize(
    "code",
    [
        'tx.execute("select 1 from faxes for update")',
        'tx.execute(f"select {columns} from faxes for no key update")',
        'tx.rows("select 1 from faxes\\n  FOR SHARE")',
        'tx.rows("select 1 from fax_queue limit 1 for update skip locked")',
        "tx.query(Fax.select().for_update())",
    ],
)
def test_locking_sql_is_known_however_it_is_written(code: str) -> None:
    assert _locking(ast.parse(code))


def _locking(tree: ast.Module) -> list[str]:
    """What locks rows: SQL in a text, or peewee's method."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    methods = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "for_update"]
    return [text for text in texts if LOCKING_SQL.search(text)] + methods


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def _imported(path: Path) -> set[str]:
    """First names of everything that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.split(".")[0] for name in names}
