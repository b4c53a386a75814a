"""The commands about keys, as a user and an administrator type them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faxplan import cli, passkeys, users
from faxplan.config import to_toml
from faxplan.keyring import PasskeyLock
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
    assert "an administrator of acme, is enrolled" in said(
        capsys, *did, "030 23125 007", "--mailbox", "second@acme.example"
    )
    boss = "boss@acme.example"
    said(capsys, "user", "add", "acme", boss, "--administrator")
    said(capsys, "enrol", "--as", boss, "--password-file", secrets / "password")
    elsewhere = said(capsys, *did, "030 23125 009", "--mailbox", "second@acme.example")
    assert elsewhere.endswith(f"until then they go to {boss}, of an administrator.\n")
    assert "480" not in elsewhere
    plain = said(capsys, *did, "030 23125 010", "--mailbox", ME)
    assert plain == f"Faxes to +49 30 23125010 go to mailbox {ME} of acme.\n"


@pytest.fixture
def boss(shop: World) -> str:
    with shop.admin.tenant(shop.acme.tenant.id) as tx:
        users.create(tx, shop.acme.tenant.id, email="boss@acme.example", name="Boss", role="administrator")
    return "boss@acme.example"


def test_a_recovery_key_from_paper_to_its_end(
    shop: World, boss: str, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recovery = ("vault", "recovery-key")
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    assert "has no recovery key" in said(capsys, *recovery, "status", "--as", boss)
    assert "administrator" in said(
        capsys, *recovery, "make", "--as", ME, "--password-file", secrets / "password", code=1
    )
    said(capsys, "enrol", "--as", boss, "--password-file", secrets / "password")
    told = said(capsys, *recovery, "make", "--as", boss, "--password-file", secrets / "password")
    (secrets / "paper").write_text(next(line.strip() for line in told.splitlines() if line.count("-") == 7))
    assert f"1 of 2 mailboxes.\nNot yet, until one of their members unlocks (`faxplan unlock`): {ME}." in said(
        capsys, *recovery, "status", "--as", boss
    )
    told = said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password")
    assert "besides their members: your organisation's recovery key." in told
    assert "2 of 2 mailboxes" in said(capsys, *recovery, "status", "--as", boss)

    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "other", "--anew")
    use = (*recovery, "use", "--as", boss, "--key-file", secrets / "paper", "--why", "A password was lost.")
    assert "--of EMAIL" in said(capsys, *use, code=1)
    assert "who had none: 1; older ones tied to those of now: 0." in said(capsys, *use, "--of", ME)
    found: Any = json.loads(said(capsys, *recovery, "status", "--as", boss, "--json"))
    assert (found["opened"], found["status"]["older"]) == (2, [])
    assert "2 mailboxes have a new key. Destroy the paper." in said(capsys, *recovery, "off", "--as", boss)
    told = said(capsys, *recovery, "make", "--as", boss, "--password-file", secrets / "password")
    (secrets / "paper").write_text(next(line.strip() for line in told.splitlines() if line.count("-") == 7))
    said(capsys, "unlock", "--as", ME, "--password-file", secrets / "other")
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password", "--anew")
    assert f"Keep the paper: it alone opens what came before in {ME}." in said(capsys, *recovery, "off", "--as", boss)
    assert f"It opens {ME}." in said(capsys, *use, "--of", ME)


def test_a_file_with_a_mark_of_its_encoding_has_the_same_password(
    shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As some editors write UTF-8."""
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    (secrets / "marked").write_text(PHRASE + "\r\n", encoding="utf-8-sig")
    assert "1 mailbox of" in said(capsys, "unlock", "--as", ME, "--password-file", secrets / "marked")


def test_a_member_lets_somebody_into_a_mailbox_with_faxes(
    shop: World, boss: str, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    (secrets / "letter.txt").write_text("Hello.\n")
    said(capsys, "send", "--as", ME, secrets / "letter.txt", "+493023125002")
    member = ("mailbox", "member", "acme", ME, boss)
    assert f"One of its members can: {ME}." in said(capsys, *member, code=1)
    by = ("--by", ME, "--password-file", secrets / "password")
    assert "from now on" in said(capsys, *member, *by)
    said(capsys, "enrol", "--as", boss, "--password-file", secrets / "other")
    said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password")
    assert "2 mailboxes" in said(capsys, "unlock", "--as", boss, "--password-file", secrets / "other")

    # Nor does that one let anybody in alone; with the recovery key an administrator does.
    made = ("vault", "recovery-key", "make", "--as", boss, "--password-file", secrets / "other", "--json")
    (secrets / "paper").write_text(json.loads(said(capsys, *made))["recovery_key"])
    said(capsys, "user", "add", "acme", "third@acme.example", "--name", "Third")
    member = ("mailbox", "member", "acme", ME, "third@acme.example")
    assert "--why" in said(capsys, *member, code=1)
    assert "from now on" in said(capsys, *member, "--by", boss, "--why", "Holidays.", "--key-file", secrets / "paper")


def test_whatever_unlocks_says_on_standard_error_to_whom_keys_went(
    shop: World, boss: str, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for email in (ME, boss):
        said(capsys, "enrol", "--as", email, "--password-file", secrets / "password")
    (secrets / "letter.txt").write_text("Hello.\n")
    said(capsys, "send", "--as", ME, secrets / "letter.txt", "+493023125002")
    shop.render_all()
    own = ("--as", ME, "--password-file", secrets / "password")
    commands: list[tuple[str | Path, ...]] = [
        ("unlock", *own),
        ("open", "1", "-o", secrets / "out", *own),
        ("reader", "add", "Archive", "--mailbox", ME, *own),
    ]
    for command in commands:
        key = ("vault", "recovery-key")
        told = said(capsys, *key, "make", "--as", boss, "--password-file", secrets / "password")
        assert "Keys handed on" not in told
        assert cli.main([str(each) for each in command]) == 0
        err = capsys.readouterr().err
        assert f"recovery key, made on {datetime.now(UTC):%Y-%m-%d} by {boss}, opens now what lies in mailbox" in err
        assert err.count("Keys handed on") == 1
        said(capsys, *key, "off", "--as", boss)
    said(capsys, *key, "make", "--as", boss, "--password-file", secrets / "password")
    assert cli.main(["unlock", *map(str, own), "--json"]) == 0
    out, err = capsys.readouterr()
    (handed,) = json.loads(err)["keys_handed_on"]
    assert (handed["mailboxes"], "keys_handed_on" in json.loads(out)) == ([ME], False)


def test_an_api_reader_from_its_first_key_to_its_last(
    shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    add = ("reader", "add", "Archive", "--mailbox", ME, "--as", ME)
    made: Any = json.loads(said(capsys, *add, "--password-file", secrets / "password", "--json"))
    assert made["reader_key"].startswith("fxr_")
    (secrets / "reader").write_text(made["reader_key"] + "\n")
    assert "Archive" in said(capsys, "reader", "list", "--as", ME)
    told = said(capsys, "unlock", "--as", ME, "--password-file", secrets / "password")
    assert "besides their members: API reader Archive." in told

    # A fax that it opens, into the user's mailbox.
    letter = secrets / "letter.txt"
    letter.write_text("A letter.\n")
    said(capsys, "send", letter, "+4930231250", "--as", ME)
    shop.render_all()
    opening = ("open", "1", "--as", ME, "-o", secrets / "out", "--reader-key-file")
    assert "fax-1.pdf" in said(capsys, *opening, secrets / "reader")
    assert "fxr_" in said(capsys, *opening, secrets / "password", code=1)

    assert "1 mailbox has a new key" in said(capsys, "reader", "revoke", "Archive", "--as", ME)
    assert "revoked" in said(capsys, *opening, secrets / "reader", code=1)


def test_a_passkey_is_listed_and_removed(shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    assert "No passkey" in said(capsys, "passkey", "list", "--as", ME)
    # As a browser's page would hand it over.
    passkeys.add(shop.portal, shop.acme.user, "laptop", PasskeyLock(b"an id", bytes(32), bytes(60)))
    assert "laptop" in said(capsys, "passkey", "list", "--as", ME)
    said(capsys, "passkey", "remove", "laptop", "--as", ME)
    assert "passkey list" in said(capsys, "passkey", "remove", "laptop", "--as", ME, code=1)


def test_a_mailbox_chooses_mail(shop: World, secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "enrol", "--as", ME, "--password-file", secrets / "password")
    mail = ("mailbox", "mail", ME, "--as", ME)
    assert "a link, and no page" in said(capsys, *mail)
    proof = ("--password-file", secrets / "password")
    assert "no certificate" in said(capsys, *mail, "--add", "two@x.example", "--mode", "smime", *proof, code=1)
    told = said(capsys, *mail, "--add", "two@x.example", "--mode", "plain", *proof)
    assert "mailed as they are to two@x.example" in told
    found: Any = json.loads(said(capsys, "mailbox", "list", "acme", "--json"))
    assert [each["mail_mode"] for each in found] == ["plain"]
    changed: Any = json.loads(said(capsys, *mail, "--mode", "off", "--json"))
    assert (changed["mode"], [each["address"] for each in changed["recipients"]]) == ("off", ["two@x.example"])
    assert said(capsys, *mail, "--remove", "two@x.example")
    assert "No mail of" in said(capsys, *mail, "--remove", "two@x.example", code=1)
