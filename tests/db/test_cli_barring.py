"""Commands about which numbers a tenant may call."""

import json
from pathlib import Path

import pytest

from faxplan import cli
from tests.db.test_cli_administration import audited, listed, said, shop
from tests.world import World

__all__ = ["shop"]


def test_kinds_are_permitted_and_forbidden(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "barring", "permit", "acme", "satellite") == "acme may call satellite numbers from now on.\n"
    said(capsys, "barring", "permit", "acme", "satellite")
    (row,) = listed(capsys, "barring", "list", "acme")
    assert row["permitted_kinds"] == ["satellite"]
    assert "may not" in said(capsys, "barring", "forbid", "acme", "satellite")
    assert [row["permitted_kinds"] for row in listed(capsys, "barring", "list")] == [[], []]
    assert [row["action"] for row in audited(shop)] == ["barring.forbid", "barring.permit", "barring.permit"]


def test_numbers_are_allowed_blocked_and_removed(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "acme may call DE, and no numbers" in said(capsys, "barring", "allow", "acme", "de")
    assert said(capsys, "barring", "block", "acme", "+49 180") == "acme may not call +49180.\n"
    said(capsys, "tenant", "set", "acme", "--pages-per-hour", "200", "--calls-per-hour", "50")
    (row,) = listed(capsys, "barring", "list", "acme")
    assert row == {
        "tenant": "acme", "permitted_kinds": [], "allowed_numbers": ["DE"], "blocked_numbers": ["+49180"],
        "calls_per_hour": 50, "pages_per_hour": 200,
    }  # fmt: skip
    table = said(capsys, "barring", "list")
    assert "+49180" in table
    assert "(all)" in table
    assert "removed" in said(capsys, "barring", "remove", "acme", "DE")
    said(capsys, "tenant", "set", "acme", "--pages-per-hour", "none")
    assert listed(capsys, "barring", "list", "acme")[0]["pages_per_hour"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("barring", "allow", "acme", "Germany"), "neither how numbers begin"),
        (("barring", "block", "acme", "030"), "neither how numbers begin"),
        (("barring", "remove", "acme", "+49"), "no entry +49"),
        (("barring", "permit", "nobody", "satellite"), "no tenant"),
        (("barring", "list", "nobody"), "no tenant"),
        (("barring", "refused", "nobody"), "no tenant"),
        (("tenant", "set", "acme", "--pages-per-hour", "0"), "1 page an hour"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    shop: World, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in said(capsys, *arguments, code=1)
    assert audited(shop) == []


def test_a_kind_that_there_is_not_is_a_usage_error(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["barring", "permit", "acme", "emergency"])
    assert ended.value.code == 2
    assert "satellite" in capsys.readouterr().err


def test_send_says_why_not_and_the_operator_sees_who_tried(
    shop: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAXPLAN_USER", shop.acme.user.email)
    letter = tmp_path / "letter.txt"
    letter.write_text("One.\n")
    assert "`faxplan barring permit acme premium-rate`" in said(capsys, "send", str(letter), "0900 1123456", code=1)
    assert "never dialled" in said(capsys, "send", str(letter), "112", code=1)
    assert said(capsys, "barring", "refused", "borea") == "Nobody tried a number that may not be called.\n"
    rows = listed(capsys, "barring", "refused", "--hours", "1")
    assert [(row["user"], row["number"], row["reason"], row["times"]) for row in rows] == [
        (shop.acme.user.email, "112", "emergency-number", 1),
        (shop.acme.user.email, "0900 1123456", "kind-barred", 1),
    ]
    assert "0900 1123456" in said(capsys, "barring", "refused")


def test_digits_after_the_answer_are_shown_apart_from_the_number(
    shop: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAXPLAN_USER", shop.acme.user.email)
    letter = tmp_path / "letter.txt"
    letter.write_text("One.\n")
    out = said(capsys, "send", str(letter), "030 123456 p12#")
    assert "to 030 123456" in out
    assert "then p12# after the answer" in said(capsys, "show", "1")
    assert cli.main(["show", "1", "--json"]) == 0
    fax = json.loads(capsys.readouterr().out)["fax"]
    assert (fax["called_number"], fax["post_dial"]) == ("+4930123456", "p12#")


def test_route_explain_tells_what_a_number_is_barred_by(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "route", "explain", "+881 6 12345678", "--tenant", "acme")
    assert "satellite number, which acme may not call" in out
    assert "`faxplan barring permit acme satellite`" in out
    assert "short code" in said(capsys, "route", "explain", "11880", "--tenant", "acme", code=1)
