"""Where the files lie that are shipped beside the packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import shipped


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    shipped.folder.cache_clear()
    yield
    shipped.folder.cache_clear()


def installed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = root / "lib" / "python3.11" / "site-packages" / "faxplan"
    package.mkdir(parents=True)
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    return root / "share" / "faxplan"


def test_a_checkout_has_them_at_its_top() -> None:
    here = shipped.folder()
    assert (here / "migrations" / "roles.sql").is_file()
    assert (here / "conf" / "dialplan" / "faxplan.xml").is_file()
    assert (here / "fs_scripts" / "fax_in.py").is_file()


def test_an_environment_has_them_in_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share = installed(tmp_path, monkeypatch)
    share.mkdir(parents=True)
    (share / "schema.sql").touch()
    assert shipped.folder() == share


def test_where_they_are_missing_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch)
    with pytest.raises(shipped.NotShipped, match="Install its wheel again"):
        shipped.folder()
