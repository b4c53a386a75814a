"""Gives Faxplan its next version, everywhere where it stands: CONTRIBUTING.md has what comes before and after.

    .venv/bin/python install/raise_version.py 0.2.0

faxplan/__init__.py, from which the sdist, the wheel, the package and `faxplan --version` have it; the client's
pyproject.toml; the names of files in the page on installing; and CHANGELOG.md, where what was unreleased gets the
number and the day.
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

PROJECT = Path(__file__).parents[1]
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?")
_UNRELEASED = "## Unreleased\n"


class Refused(Exception):
    """Nothing was changed."""


def order(version: str) -> tuple[int, int, int, str, int]:
    """Which of two comes first: 0.2.0a1, 0.2.0b1, 0.2.0rc1, 0.2.0. Raises Refused for what is no version."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise Refused(f"{version!r} is no version; one looks like 0.2.0 or 0.2.0rc1.")
    major, minor, patch, stage, number = found.groups()
    return int(major), int(minor), int(patch), stage or "z", int(number or 0)


def raised(project: Path, version: str, day: str) -> dict[Path, str]:
    """Each file that changes, and its text. Raises Refused."""
    init = project / "faxplan" / "__init__.py"
    (before,) = re.findall(r'^__version__ = "(.+)"$', init.read_text(), re.MULTILINE)
    if order(version) <= order(before):
        raise Refused(f"{version} does not come after {before}, which this is.")
    changelog = project / "CHANGELOG.md"
    told = changelog.read_text()
    unreleased = told.partition(_UNRELEASED)[2].partition("\n## ")[0]
    if not unreleased.strip():
        raise Refused(f"{changelog.name} has nothing below '## Unreleased': say what users notice.")
    page, name = project / "docs" / "install-on-freeswitch.md", re.escape(before)
    return {
        init: _changed(init, rf'^__version__ = "{name}"$', f'__version__ = "{version}"'),
        (client := project / "faxplan_client" / "pyproject.toml"): _changed(
            client, rf'^version = "{name}"$', f'version = "{version}"'
        ),
        page: _changed(page, rf"(?<=faxplan[-_]){name}(?=[-_.])|(?<=releases/){name}", version),
        changelog: told.replace(_UNRELEASED, f"{_UNRELEASED}\n## {version} ({day})\n", 1),
    }


def _changed(file: Path, pattern: str, text: str) -> str:
    changed, count = re.subn(pattern, text, file.read_text(), flags=re.MULTILINE)
    if not count:
        raise Refused(f"{file} does not have the version where it should.")
    return changed


def main(arguments: list[str]) -> int:
    """Prints what it has changed."""
    if len(arguments) != 1:
        print("install/raise_version.py VERSION", file=sys.stderr)
        return 2
    try:
        files = raised(PROJECT, arguments[0], f"{datetime.now(UTC):%Y-%m-%d}")
    except Refused as error:
        print(f"install/raise_version.py: {error} Nothing was changed.", file=sys.stderr)
        return 1
    for file, text in files.items():
        file.write_text(text)
        print(file.relative_to(PROJECT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
