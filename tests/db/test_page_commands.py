"""What pages show an administrator is run as it stands there, one command after another, and does what they say."""

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from faxplan import cli
from tests.db.test_cli_administration import listed, said, shop
from tests.documented import claimed
from tests.world import World

__all__ = ["shop"]


def run(blocks: list[str], capsys: pytest.CaptureFixture[str], folder: Path) -> list[str]:
    """What each command of a page's blocks printed; what goes `> FILE` lies in the folder."""
    printed = []
    for line in "".join(blocks).splitlines():
        words = shlex.split(line, comments=True)
        assert words.pop(0) == "faxplan", line
        file = words[words.index(">") + 1] if ">" in words else None
        capsys.readouterr()
        code = cli.main(words[: words.index(">")] if file else words)
        out, err = capsys.readouterr()
        assert code == 0, f"{line}: {err}"
        if file:
            (folder / file).write_text(out)
        printed.append(out)
    return printed


@pytest.fixture
def do(capsys: pytest.CaptureFixture[str], shop: World, tmp_path: Path) -> Any:
    return lambda page, language="": run(claimed(__file__, page, language), capsys, tmp_path)


def test_toll_fraud(do: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert "DE" in do("docs/toll-fraud.md")[-1]
    (row,) = listed(capsys, "barring", "list", "acme")
    assert (row["allowed_numbers"], row["calls_per_hour"], row["pages_per_hour"]) == (["DE", "AT"], 60, 300)


def test_records(do: Any, tmp_path: Path) -> None:
    *_, reconciled = do("docs/records.md")
    assert reconciled
    with (tmp_path / "november.csv").open(newline="") as file:
        assert "started_at" in next(csv.reader(file))
    assert json.loads((tmp_path / "all.json").read_text()) == []


def test_retention(do: Any, shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "user", "add", "acme", "chief@acme.example", "--name", "The Chief", "--administrator")
    said(capsys, "mailbox", "add", "acme", "Office")
    shown = do("docs/retention.md")[3]
    assert "Office" in shown
    assert "90" in shown
    assert "365" in shown


def test_receiving(do: Any, capsys: pytest.CaptureFixture[str]) -> None:
    do("docs/receiving.md")
    rows = listed(capsys, "did", "caller", "list", "acme", "+49 30 23125001")
    assert len(rows) == 2


def test_mail_to_fax(do: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "user", "add", "acme", "ann@acme.example", "--name", "Ann")
    _, token, _, pin = do("docs/mail-to-fax.md")
    assert "@" in token
    assert any(letter.isdigit() for letter in pin)


def test_the_administrators_day(do: Any) -> None:
    printed = do("docs/administrator.md", "sh")
    assert len(printed) == 7
    assert all(printed)
