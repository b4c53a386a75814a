"""portal/static/vault/vendor/: what others wrote is as it was looked at, with its licences, and nothing besides."""

import hashlib
import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).parents[2]
VENDOR = PROJECT / "portal" / "static" / "vault" / "vendor"
PAGE = (VENDOR / "VENDORED.md").read_text()
RECORDED = dict(re.findall(r"^\| (\S+) \| `([0-9a-f]{64})` \|$", PAGE, re.MULTILINE))
SCRIPTS = sorted(path for path in VENDOR.parent.rglob("*.js"))


@pytest.fixture(scope="module")
def renewing() -> ModuleType:
    """install/renew_vendored.py, which is no package."""
    spec = importlib.util.spec_from_file_location("renew_vendored", PROJECT / "install" / "renew_vendored.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }


def test_every_file_is_the_recorded_one() -> None:
    assert hashes(VENDOR) == RECORDED


def test_a_changed_and_an_added_file_show(tmp_path: Path) -> None:
    shutil.copytree(VENDOR, tmp_path / "vendor")
    changed = tmp_path / "vendor" / "hpke" / "core" / "esm" / "mod.js"
    changed.write_text(changed.read_text() + "\n")
    (tmp_path / "vendor" / "more.js").touch()
    assert {name for name, _ in hashes(tmp_path / "vendor").items() ^ RECORDED.items()} == {
        "hpke/core/esm/mod.js",
        "more.js",
    }


def test_the_page_is_the_one_that_would_be_written(renewing: ModuleType) -> None:
    """So name, version, licence and archive are those of the script."""
    assert renewing.page() == PAGE


def test_each_package_has_its_licence_beside_it(renewing: ModuleType) -> None:
    for package in renewing.PACKAGES:
        assert all("ermission" in (VENDOR / package.folder / name).read_text() for name in package.licences)
    assert "Redistributions in binary form" in (VENDOR / "hash-wasm" / "LICENSE.go").read_text()


def imported(script: Path) -> list[str]:
    code = re.sub(r"/\*.*?\*/", "", script.read_text(), flags=re.DOTALL)
    return re.findall(r"""^(?:(?:import|export)\b[^;()=]*?\bfrom|import)\s*["']([^"']+)["']""", code, re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(VENDOR.parent)))
def test_a_script_imports_files_that_are_there(script: Path) -> None:
    """A browser finds nothing by a bare name, and tells only when it is too late."""
    missing = [name for name in imported(script) if not name.startswith(".") or not (script.parent / name).is_file()]
    assert missing == []


def test_imports_are_found_at_all() -> None:
    assert "./vendor/hpke/core/esm/mod.js" in imported(VENDOR.parent / "wraps.js")
    assert imported(VENDOR.parent / "argon2-worker.js") == ["./vendor/hash-wasm/dist/argon2.umd.min.js"]
    assert len(imported(VENDOR / "hpke" / "core" / "esm" / "mod.js")) == 6
