"""`faxplan contact`, as its user types it."""

import json
from pathlib import Path

import pytest

from faxplan import contact_groups
from tests.db.test_cli import said, shop
from tests.world import World

__all__ = ["shop"]


def test_contacts_are_entered_found_and_deleted(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "contact", "list")[0].startswith("There is none.")
    assert (
        said(capsys, "contact", "add", "Ann", "030 23125009", "--company", "Co")[0] == "Contact 1, Ann: 030 23125009.\n"
    )
    said(capsys, "contact", "add", "Bob\x9b2J", "030 23125008", code=1)
    said(capsys, "contact", "add", "Bob", "+43 1 5800", "--shared")
    listed = said(capsys, "contact", "list", "co")[0].splitlines()
    assert listed[0].split() == ["CONTACT", "NAME", "COMPANY", "NUMBER", "E-MAIL", "WHOSE"]
    assert listed[1].split() == ["1", "Ann", "Co", "030", "23125009", "mine"]
    assert [each["name"] for each in json.loads(said(capsys, "contact", "list", "--shared", "--json")[0])] == ["Bob"]
    assert said(capsys, "contact", "remove", "1")[0] == "Contact 1, Ann, is deleted.\n"
    assert "no contact 1" in said(capsys, "contact", "remove", "1", code=1)[1]


def test_a_table_is_taken_in_and_written(shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, left, out = tmp_path / "in.csv", tmp_path / "left.csv", tmp_path / "out.csv"
    file.write_text("Name;Fax\n=Ann;030 23125009\nBob;\x1b[2J\n")
    text, errors = said(capsys, "contact", "import", str(file), "--dry-run")
    assert text == "1 new, 0 changed, 0 that change nothing, 1 that cannot be taken (nothing is changed).\n"
    assert "\nLine 3: " in errors
    assert "\x1b" not in errors
    assert json.loads(said(capsys, "contact", "list", "--json")[0]) == []
    found = json.loads(said(capsys, "contact", "import", str(file), "--left", str(left), "--json")[0])
    assert (found["new"], [each["line"] for each in found["lines"]]) == (1, [3])
    assert left.read_bytes().startswith(b"\xef\xbb\xbfName,Fax,Line,Why\r\nBob,")
    said(capsys, "contact", "export", "-o", str(out))
    assert out.read_bytes().endswith(b"'=Ann,,'+493023125009,,\r\n")
    assert said(capsys, "contact", "import", str(out))[0].startswith("0 new, 0 changed, 1 that change nothing")
    file.write_text("Name;Colour\nAnn;red\n")
    for more in ((), ("--dry-run",)):
        assert "column" in said(capsys, "contact", "import", str(file), *more, code=1)[1]


def test_a_draft_goes_to_a_contact_and_to_a_group(
    shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("One.\n")
    with shop.portal.tenant(shop.acme.tenant.id) as tx:
        contact_groups.add(tx, shop.acme.user, "Customers", shared=False)
    said(capsys, "contact", "add", "Ann", "030 23125009", "--group", "customers")
    said(capsys, "contact", "add", "Bob", "030 23125008")
    said(capsys, "draft", "add", str(letter))
    assert "no group" in said(capsys, "draft", "send", "1", "--group", "nobody", code=1)[1]
    out, _ = said(capsys, "draft", "send", "1", "--group", "Customers", "--contact", "2", "--json")
    assert [each["called_number"] for each in json.loads(out)] == ["+493023125009", "+493023125008"]
