"""install/raise_version.py: the version everywhere where it stands, or nothing is changed."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import faxplan
from tests.documented import claimed

PROJECT = Path(__file__).parents[2]
FILES = (
    "install/raise_version.py", "faxplan/__init__.py", "faxplan_client/pyproject.toml", "docs/install-on-freeswitch.md",
    "CHANGELOG.md",
)  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n\n### Added\n- Something.\n\n## 0.0.1 (2026-01-01)\n")
    return tmp_path


def raised(checkout: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, checkout / "install" / "raise_version.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_as_the_page_says_it_stands_everywhere_afterwards(checkout: Path) -> None:
    (command,) = claimed(__file__, "CONTRIBUTING.md")
    python, script, version = shlex.split(command)
    assert (python, script) == (".venv/bin/python", FILES[0])
    ended, told = raised(checkout, version)
    assert (ended, told.split()) == (0, [*FILES[1:]])
    for name in FILES[1:4]:
        text = (checkout / name).read_text()
        assert version in text
        assert not re.search(
            rf"(faxplan[-_]|version = |__version__ = |releases/)\"?{re.escape(faxplan.__version__)}", text
        )
    changelog = (checkout / "CHANGELOG.md").read_text()
    assert re.search(r"## Unreleased\n\n## 0\.2\.0 \(\d{4}-\d\d-\d\d\)\n\n### Added\n- Something\.\n", changelog)
    # What is unreleased now is nothing, and nothing is no release.
    ended, told = raised(checkout, "0.3.0")
    assert (ended, "say what users notice" in told) == (1, True)


@pytest.mark.parametrize(
    ("version", "words"),
    [(faxplan.__version__, "does not come after"), ("0.0.9", "does not come after"), ("1.0", "is no version"),
     (f"{faxplan.__version__}rc1", "does not come after"), ("v9.0.0", "is no version")],
)  # fmt: skip
def test_what_is_no_next_version_changes_nothing(checkout: Path, version: str, words: str) -> None:
    before = {name: (checkout / name).read_bytes() for name in FILES}
    ended, told = raised(checkout, version)
    assert (ended, words in told) == (1, True), told
    assert {name: (checkout / name).read_bytes() for name in FILES} == before


def test_the_page_on_installing_names_this_version() -> None:
    page = (PROJECT / "docs" / "install-on-freeswitch.md").read_text()
    assert set(re.findall(r"faxplan[-_](\d[^-_\s]*?)(?:[-_]|\.data)", page)) == {faxplan.__version__}
