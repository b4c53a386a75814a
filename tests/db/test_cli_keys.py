"""The commands about keys, as a user and an administrator type them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faxplan import cli
from faxplan.config import to_toml
from tests.installations import Installation
from tests.world import PHRASE, World, world_on

ME = "user@acme.example"


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys yet."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


@pytest.fixture
def shop(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    file = tmp_path / "faxplan.toml"
    names = ("database_url", "state_dir", "sandbox")
    file.write_text(to_toml({name: getattr(world.settings, name) for name in names}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    return world


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A file with PHRASE, and one with another."""
    (tmp_path / "password").write_text(PHRASE + "\n")
    (tmp_path / "other").write_text("staple, battery & horse\n")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.main([str(each) for each in arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return err if code else out


def test_from_no_key_to_a_changed_password(shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status: Any = json.loads(said(capsys, "vault", "status", "acme", "--json"))
    assert status == [{"tenant": "acme", "name": ME, "epoch": 0, "members": 1, "enrolled": 0, "readers": 0}]
    assert "has no key yet" in said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password", code=1)

    told = said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    code = next(line.strip() for line in told.splitlines() if line.count("-") == 7)
    (secrets / "code").write_text(code.lower().replace("-", " ") + "\n")
    assert "none" not in said(capsys, "vault", "status", "acme")

    assert "1 mailbox of" in said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password")
    assert "1 mailbox of" in said(capsys, "unlock", "--as", ME, "--code-file", secrets / "code")
    refused = said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password", code=1)
    assert "--anew" in refused

    said(capsys, "password", "--as", ME, "--password-file", secrets / "password", "--new-password-file",
         secrets / "other")  # fmt: skip
    assert "not the right one" in said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password", code=1)
    said(capsys, "unlock", "--as", ME, "--password-file", secrets / "other")


def test_a_forgotten_password_and_its_way_back(shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first: Any = json.loads(said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password", "--json"))
    (secrets / "code").write_text(first["recovery_code"])
    told = said(capsys, "enrol", "--as", ME, "--password-file", secrets / "other", "--anew")
    assert "stays locked, in 1 mailbox of" in told
    assert "1 mailbox of" in said(
        capsys, "recover", "--as", ME, "--password-file", secrets / "other", "--old-code-file", secrets / "code"
    )


def test_an_empty_answer_changes_nothing(
    shop: World, secrets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "empty").write_text("")
    assert "Nothing was given" in said(capsys, "enrol", "--as", ME, "--password-file", secrets / "empty", code=1)
    assert "has no key yet" in said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password", code=1)


def test_who_is_entered_is_told_of_enrol_and_a_did_of_480(
    shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    added = said(capsys, "user", "add", "acme", "second@acme.example")
    assert "`faxplan enrol --as second@acme.example/acme`" in added
    did = ("did", "add", "acme")
    nobody = said(capsys, *did, "030 23125 008", "--mailbox", "second@acme.example")
    assert "answered with 480" in nobody
    assert "faxplan enrol" in nobody
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    elsewhere = said(capsys, *did, "030 23125 009", "--mailbox", "second@acme.example")
    assert elsewhere.endswith(f"until then they go to {ME}.\n")
    assert "480" not in elsewhere
    plain = said(capsys, *did, "030 23125 010", "--mailbox", ME)
    assert plain == f"Faxes to +49 30 23125010 go to mailbox {ME} of acme.\n"
