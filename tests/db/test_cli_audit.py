import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import audit, cli, enrolment
from tests.audits import rewrite, tamper, write
from tests.db.test_audit_verification import cut, forget_the_tree
from tests.db.test_cli_administration import listed, said, shop
from tests.db.test_page_commands import run
from tests.documented import claimed
from tests.installations import Installation
from tests.world import PHRASE, World, world_on

__all__ = ["shop"]

VERIFY_EXPORT = Path(__file__).parents[2] / "docs" / "audit" / "verify_export.py"


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys: the others' were made past the audit."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


@pytest.fixture
def acme(shop: World) -> int:
    write(shop, audit.INSTALLATION, 2)
    write(shop, shop.borea.tenant.id, 3)
    write(shop, shop.acme.tenant.id, 6)
    return shop.acme.tenant.id


def test_a_key_a_checkpoint_and_a_verification(shop: World, acme: int, capsys: pytest.CaptureFixture[str]) -> None:
    vkey = said(capsys, "audit", "key", "--name", "fax.example.com/audit").strip()
    assert vkey.startswith("fax.example.com/audit+")
    assert listed(capsys, "audit", "key") == {
        "name": "fax.example.com/audit", "vkey": vkey, "file": str(shop.settings.state_dir / "audit_key"),
    }  # fmt: skip
    made = listed(capsys, "audit", "checkpoint")
    assert (made["size"], made["new"], made["mailed"]) == (12, True, [])
    assert said(capsys, "audit", "checkpoint", "--quiet") == ""
    assert "Nothing was written since" in said(capsys, "audit", "checkpoint")
    words = said(capsys, "audit", "verify")
    assert "Rows: 12, in 3 chains. All are as they were written." in words
    assert "Compared with the checkpoint of" in words
    shown = listed(capsys, "audit", "verify", "--checkpoint", made["file"], "--vkey", vkey)
    assert (shown["whole"], shown["rows"], shown["faults"]) == (True, 12, [])
    assert {each["tenant"]: each["rows"] for each in shown["chains"]} == {None: 3, "acme": 6, "borea": 3}
    assert "Rows: 6, in one chain." in said(capsys, "audit", "verify", "--tenant", "acme")
    assert "Rows: 3, in one chain." in said(capsys, "audit", "verify", "--installation")


def test_without_a_checkpoint_it_says_what_does_not_show(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Compared with no checkpoint" in said(capsys, "audit", "verify")


@pytest.mark.parametrize("how", ["changed", "cut", "rewritten"])
def test_what_was_tampered_with_is_said_and_fails(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, how: str
) -> None:
    file = tmp_path / "mailed"
    file.write_bytes(Path(listed(capsys, "audit", "checkpoint")["file"]).read_bytes())
    if how == "changed":
        tamper(shop, f"update audit set actor = 'x' where tenant_id = {acme} and sequence = 4")
    elif how == "cut":
        cut(shop, acme, 3)
        forget_the_tree(shop)
    else:
        rewrite(shop, acme, "actor = 'user:99'")
    capsys.readouterr()
    assert cli.main(["audit", "verify", "--checkpoint", str(file)]) == 1
    words = capsys.readouterr().out
    assert f"Chain {acme} (acme): " in words
    assert "The audit is NOT what was written." in words
    assert {"changed": "row 4 is not", "cut": "rows 4 to 6", "rewritten": "written anew: row 6"}[how] in words
    assert cli.main(["audit", "verify", "--checkpoint", str(file), "--json"]) == 1
    fault = json.loads(capsys.readouterr().out)["faults"][0]
    assert (fault["tenant"], fault["sequence"]) == ("acme", {"changed": 4, "cut": 4, "rewritten": 6}[how])


def test_a_key_that_was_put_in_anothers_place_is_said_and_fails(
    shop: World, capsys: pytest.CaptureFixture[str]
) -> None:
    enrolment.enrol(shop.portal, shop.acme.user, PHRASE)
    assert "All are as they were written." in said(capsys, "audit", "verify")
    tamper(
        shop,
        f"update user_keys set public_key = decode(repeat('07', 32), 'hex') where tenant_id = {shop.acme.tenant.id}",
    )
    assert cli.main(["audit", "verify", "--tenant", "acme"]) == 1
    words = capsys.readouterr().out
    assert f"Tenant acme: the key of {shop.acme.user.email} is in no row" in words
    assert "The keys are NOT those of the audit" in words
    assert cli.main(["audit", "verify", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["whole"], [fault["kind"] for fault in shown["faults"]]) == (False, ["key-unknown"])


def test_a_machines_key_that_was_put_there_is_said_of_the_installation_and_fails(
    shop: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(shop, "insert into transient_keys (purpose, node, public_key) values ('mailer', 'node9', sha256('x'))")
    for chosen in ((), ("--installation",)):
        assert cli.main(["audit", "verify", *chosen]) == 1
        words = capsys.readouterr().out
        assert "Installation: the mailer key of machine node9 is in no row of the audit" in words
    assert "All are" in said(capsys, "audit", "verify", "--tenant", "acme")


def test_a_checkpoint_of_a_wrong_key_is_refused(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mailed"
    file.write_bytes(Path(listed(capsys, "audit", "checkpoint")["file"]).read_bytes())
    right = said(capsys, "audit", "key").strip()
    key = shop.settings.state_dir / "audit_key"
    key.rename(tmp_path / "old_key")
    wrong = said(capsys, "audit", "key").strip()
    assert wrong != right
    arguments = ("audit", "verify", "--checkpoint", str(file))
    assert "not signed by" in said(capsys, *arguments, code=1)
    assert "not signed by" in said(capsys, *arguments, "--vkey", wrong, code=1)
    assert "Rows: 12, in 3 chains." in said(capsys, *arguments, "--vkey", wrong, "--vkey", right)
    key.unlink()
    assert "--vkey" in said(capsys, *arguments, code=1)
    file.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in said(capsys, *arguments, "--vkey", right, code=1)


def test_a_checkpoint_comes_by_standard_input(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = Path(listed(capsys, "audit", "checkpoint")["file"]).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(note)))
    assert "Rows: 12, in 3 chains." in said(capsys, "audit", "verify", "--checkpoint", "-")


def test_progress_is_said_on_standard_error(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faxplan.cli_audit._STEP", 4)
    assert cli.main(["audit", "verify"]) == 0
    assert "of 12 rows" in capsys.readouterr().err


def test_a_restore_is_noted(shop: World, acme: int, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "audit", "checkpoint")
    assert listed(capsys, "audit", "restored", "--reason", "disk of the 25th")["generation"] == 2
    assert "There was the restore of" in said(capsys, "audit", "verify")
    with shop.admin.across_tenants() as tx:
        row = tx.one("select actor, authenticated, details from audit where action = 'audit.restored'")
    assert row["actor"].startswith("administrator:")
    assert row["authenticated"] == "machine-account"
    assert row["details"]["checkpoint"]["size"] == 12


def test_the_pages_commands_do_what_it_says(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    daily, first, restored = claimed(__file__, "docs/audit.md")
    (vkey,) = run([first], capsys, tmp_path)
    assert vkey.startswith("fax.example.com/audit+")
    verified, checkpoint, _vkey, exported = run([daily], capsys, tmp_path)
    assert "chain" in verified
    assert checkpoint
    assert "audit.export" in exported
    run([restored], capsys, tmp_path)
    assert "2026-11-25 03:00" in said(capsys, "audit", "export", "--installation")


def export(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> Path:
    path.write_text(said(capsys, "audit", "export", *arguments), newline="")
    return path


def verify_export(*arguments: object) -> tuple[int, str]:
    script = [sys.executable, "-I", str(VERIFY_EXPORT), *map(str, arguments)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_stranger_verifies_an_export(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    file = export(capsys, tmp_path / "export", "--tenant", "acme", form)
    vkey = said(capsys, "audit", "key").strip()
    checkpoint = listed(capsys, "audit", "checkpoint")["file"]
    code, words = verify_export(file)
    assert (code, words.partition(".")[0]) == (0, f"Rows 1 to 7 of tenant {acme} are as they were written")
    code, words = verify_export(file, "--checkpoint", checkpoint, "--vkey", vkey)
    assert code == 0
    assert "Row 7 is the one that the checkpoint signs." in words
    # Also the export is an act, and its row is in it.
    assert "audit.export" in file.read_text()


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        ("user:17", "user:18", "was changed"),
        ("fax:3", "fax:4", "was changed"),
        ('""ratio"": 1.5', '""ratio"": 1.6', "the details of row"),
        ("password+totp", "", "was changed"),
    ],
)
def test_a_changed_export_is_found(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, there: str, instead: str, words: str
) -> None:
    file = export(capsys, tmp_path / "export", "--tenant", "acme")
    text = file.read_bytes().decode()
    assert there in text
    file.write_bytes(text.replace(there, instead, 1).encode())
    code, said_there = verify_export(file)
    assert code == 1
    assert words in said_there


def test_rows_that_miss_or_changed_places_in_an_export_are_found(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = export(capsys, tmp_path / "export", "--tenant", "acme", "--json")
    rows = json.loads(file.read_text())
    for broken in ([*rows[:2], *rows[3:]], [rows[0], rows[2], rows[1], *rows[3:]], [*rows, rows[-1]]):
        file.write_text(json.dumps(broken))
        code, words = verify_export(file)
        assert code == 1
        assert "is followed by row" in words


def test_a_cut_or_rewritten_export_is_found_by_the_checkpoint(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    vkey = said(capsys, "audit", "key").strip()
    outside = tmp_path / "outside"
    outside.write_bytes(Path(listed(capsys, "audit", "checkpoint")["file"]).read_bytes())
    file = export(capsys, tmp_path / "export", "--tenant", "acme", "--json")
    file.write_text(json.dumps(json.loads(file.read_text())[:4]))
    code, words = verify_export(file, "--checkpoint", outside, "--vkey", vkey)
    assert (code, "row 6" in words) == (2, True)
    rewrite(shop, acme, "actor = 'user:99'")
    export(capsys, file, "--tenant", "acme")
    assert verify_export(file)[0] == 0
    code, words = verify_export(file, "--checkpoint", outside, "--vkey", vkey)
    assert (code, "written anew" in words) == (1, True)
    outside.write_text(outside.read_text().replace(f"chain {acme} 6", f"chain {acme} 5"))
    code, words = verify_export(file, "--checkpoint", outside, "--vkey", vkey)
    assert (code, "does not fit" in words) == (1, True)


def test_an_export_of_a_period_has_no_gap(
    shop: World, acme: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with shop.admin.tenant(acme) as tx:
        third, fifth = (
            tx.value("select at::text from audit where tenant_id = %s and sequence = %s", (acme, each))
            for each in (3, 5)
        )
    file = export(capsys, tmp_path / "export", "--tenant", "acme", "--since", third, "--until", fifth)
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert [row["sequence"] for row in rows] == ["3", "4"]
    assert verify_export(file)[0] == 0
    assert said(capsys, "audit", "export", "--tenant", "acme", "--until", "2020-01-01").count("\r\n") == 1
    assert listed(capsys, "audit", "export", "--tenant", "acme", "--until", "2020-01-01") == []


def test_the_installations_own_is_exported(shop: World, acme: int, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys, "audit", "export", "--installation")
    assert [row["action"] for row in rows] == ["key.machine", "fax.send", "fax.send", "audit.export"]
    assert {row["tenant_id"] for row in rows} == {0}
