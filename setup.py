"""What a wheel has beside its packages: in <environment>/share/faxplan, where faxplan/shipped.py looks for it.

All else is in pyproject.toml, which can name files but not whole folders: one that is forgotten would be missed only on
the machine of whoever installs.
"""

from pathlib import Path

from setuptools import setup

FOLDERS = ("conf", "docs", "fs_scripts", "migrations")
# install/release.sh: whoever has the wheel alone makes a release of it with what is in it.
FILES = ("CHANGELOG.md", "install/release.sh", "requirements.lock", "schema.sql")
SHARE = Path("share/faxplan")


def shipped() -> list[tuple[str, list[str]]]:
    """Each folder of an environment, and the files of this folder that go there."""
    files = [Path(name) for name in FILES]
    for folder in FOLDERS:
        files += [path for path in Path(folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    into: dict[str, list[str]] = {}
    for path in sorted(files):
        into.setdefault(str(SHARE / path.parent), []).append(str(path))
    return sorted(into.items())


setup(data_files=shipped())
