"""Commands about how calls are made."""

from pathlib import Path

import pytest

from tests.db.test_cli_administration import audited, listed, said, shop
from tests.faxes import NUMBER, claim, due_now
from tests.world import World

__all__ = ["shop"]


@pytest.fixture
def chief(shop: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Commands act as an administrator of acme."""
    with shop.admin.tenant(shop.acme.tenant.id) as tx:
        tx.execute("update users set role = 'administrator'")
    monkeypatch.setenv("FAXPLAN_USER", shop.acme.user.email)
    return shop


def test_a_rule_is_changed_shown_and_reset(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Nothing was changed" in said(capsys, "failure", "list", "--changed")
    out = said(capsys, "failure", "set", "sip:486", "retry", "--after", "90", "--tenant", "acme", "--trunk", "carrier")
    assert out == "From now on sip:486 means retry.\n"
    assert listed(capsys, "failure", "list", "--changed")["changed"] == [
        {
            "condition": "sip:486",
            "tenant": "acme",
            "trunk": "carrier",
            "action": "retry",
            "delay": 90,
            "times": None,
            "downgrade": None,
        }
    ]
    table = said(capsys, "failure", "list")
    assert "retry, after 90 s" in table
    assert "again after 4 min" in table
    said(capsys, "failure", "reset", "sip:486", "--tenant", "acme", "--trunk", "carrier")
    assert listed(capsys, "failure", "list", "--changed")["changed"] == []
    assert [row["action"] for row in audited(shop)] == ["failure-rule.reset", "failure-rule.set"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("failure", "set", "sip:200", "final"), "no way in which a call ends"),
        (("failure", "set", "sip:0486", "final"), "no way in which a call ends"),
        (("failure", "set", "sip:4860", "final"), "no way in which a call ends"),
        (("failure", "set", "sip:486", "final", "--after", "60"), "leave --after and --times out"),
        (("failure", "set", "sip:486", "final", "--times", "2"), "leave --after and --times out"),
        (("failure", "set", "fax:6", "final", "--downgrade", "ecm"), "and --downgrade (or `none`)"),
        (("failure", "set", "sip:486", "retry", "--after", "86401"), "86400 seconds"),
        (("failure", "set", "sip:486", "final", "--tenant", "nobody"), "no tenant"),
        (("failure", "set", "sip:486", "final", "--trunk", "nothing"), "no trunk"),
        (("failure", "reset", "sip:486"), "Nothing was changed for sip:486"),
        (("hours", "add", "acme", "someday", "08:00-18:00"), "no days"),
        (("hours", "add", "acme", "mon", "8-18"), "no hours"),
        (("tenant", "set", "acme", "--max-calls", "0"), "1 call at once"),
        (("tenant", "set", "acme", "--calls-per-hour", "0"), "1 call an hour"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    shop: World, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in said(capsys, *arguments, code=1)
    assert audited(shop) == []


def test_hours_of_a_priority_are_said_to_count_in_place_of_those_for_all(
    shop: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not theirs" not in said(capsys, "hours", "add", "acme", "sat", "20:00-22:00", "--priority", "bulk")
    assert "not theirs" not in said(capsys, "hours", "add", "acme", "mon-fri", "08:00-18:00")
    assert "hours for all faxes are not theirs any more" in said(
        capsys, "hours", "add", "acme", "mon-fri", "20:00-22:00", "--priority", "bulk"
    )


def test_hours_are_entered_shown_and_cleared(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "at all times" in said(capsys, "hours", "list", "acme")
    said(capsys, "hours", "add", "acme", "mon-fri", "08:00-18:00", "--priority", "bulk")
    said(capsys, "hours", "add", "acme", "sat", "22:00-24:00")
    found = listed(capsys, "hours", "list", "acme")
    assert len(found) == 6
    assert found[0] == {"priority": None, "weekday": 6, "opens": "22:00", "closes": "24:00"}
    assert "bulk   Mon  08:00-18:00" in said(capsys, "hours", "list", "acme")
    assert listed(capsys, "hours", "list", "borea") == []
    said(capsys, "hours", "clear", "acme")
    assert listed(capsys, "hours", "list", "acme") == []
    actions = [row["action"] for row in audited(shop, shop.acme.tenant.id)]
    assert actions == ["hours.add", "hours.add", "hours.clear"]


def test_an_administrator_says_how_a_number_is_called(chief: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "destination", "set", "030 99001234", "--t38", "off", "--why", "their gateway drops it")
    (known,) = listed(capsys, "destination", "list")
    assert (known["number"], known["t38_off"], known["v17_off"]) == (NUMBER, True, False)
    assert (known["entered_by"], known["expires_at"]) == (f"user:{chief.acme.user.id}", None)
    assert "their gateway drops it" in said(capsys, "destination", "list")
    said(capsys, "destination", "forget", NUMBER)
    assert listed(capsys, "destination", "list") == []
    assert "Nothing is known" in said(capsys, "destination", "forget", NUMBER, code=1)
    assert "Nothing was given" in said(capsys, "destination", "set", NUMBER, code=1)
    actions = [row["action"] for row in audited(chief, chief.acme.tenant.id)]
    assert actions == ["destination.forget", "destination.set"]


@pytest.mark.parametrize("days", ["0", "3651", "99999999"])
def test_what_is_entered_of_a_number_expires_within_ten_years(
    chief: World, capsys: pytest.CaptureFixture[str], days: str
) -> None:
    told = said(capsys, "destination", "set", NUMBER, "--t38", "off", "--days", days, code=1)
    assert "1 to 3650 days" in told
    said(capsys, "destination", "set", NUMBER, "--t38", "off", "--days", "3650")
    assert len(listed(capsys, "destination", "list")) == 1


def test_a_user_does_not(shop: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FAXPLAN_USER", shop.acme.user.email)
    for arguments in (("set", NUMBER, "--t38", "off"), ("forget", NUMBER)):
        assert "Only an administrator" in said(capsys, "destination", *arguments, code=1)


def test_a_fax_is_sent_at_its_time_and_with_its_priority(
    chief: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Hello.\n")
    said(capsys, "send", str(letter), NUMBER, "--at", "23:59", "--priority", "bulk")
    chief.render_all()
    with chief.switch.across_tenants() as tx:
        row = tx.one("select priority, not_before > now() as later from fax_queue")
    assert row == {"priority": 1000, "later": True}
    assert claim(chief) == []
    due_now(chief)
    assert len(claim(chief)) == 1
    assert "is past" in said(capsys, "send", str(letter), NUMBER, "--at", "2020-01-01 08:00", code=1)


def test_a_downgrade_is_set_and_taken_away(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "failure", "set", "fax:6", "retry", "--downgrade", "audio", "--trunk", "carrier")
    said(capsys, "failure", "set", "fax:6", "retry", "--downgrade", "none", "--tenant", "acme")
    changed = listed(capsys, "failure", "list", "--changed")["changed"]
    assert [(row["tenant"], row["trunk"], row["downgrade"]) for row in changed] == [
        (None, "carrier", "audio"),
        ("acme", None, "none"),
    ]
    table = said(capsys, "failure", "list")
    assert "retry, without T.38" in table
    assert "retry, with all" in table
    assert "again after 2 min, with less" in table
    (shipped,) = (row for row in listed(capsys, "failure", "list")["shipped"] if row["condition"] == "fax:6")
    assert shipped["downgrade"] == "less"
    assert {row["details"]["downgrade"] for row in audited(shop)} == {"audio", "none"}
