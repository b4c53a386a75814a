"""`faxplan retention`, `hold`, `purge` and `delete`, as somebody types them."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from faxplan import cli, reports
from faxplan.db import Row
from tests.db.test_cli_administration import listed, said, shop
from tests.retained import count, execute, kept, received, sent
from tests.world import World

__all__ = ["shop"]


@pytest.fixture
def chief(shop: World) -> str:
    """A tenant's administrator."""
    execute(shop, "update users set role = 'administrator' where email = %s", (shop.acme.user.email,))
    return shop.acme.user.email


def test_from_bounds_to_a_purge(shop: World, chief: str, capsys: pytest.CaptureFixture[str]) -> None:
    old, young = received(shop, shop.acme, "a", days_ago=31), sent(shop, shop.acme, days_ago=31)
    assert "at least and for 3650 days at most" in said(capsys, "retention", "set", "--min", "10", "--max", "3650")
    assert "acme: faxes are kept for 10 days" in said(capsys, "retention", "set", "acme", "--max", "365")
    assert "at most 365" in said(capsys, "retention", "set", "--as", chief, "--days", "366", code=1)
    out = said(capsys, "retention", "set", "--as", chief, "--days", "30", "--mailbox", chief, "--direction", "received")
    assert out == f"Received faxes of {chief} are kept for 30 days.\n"
    shown = said(capsys, "retention", "show", "acme")
    assert f"It chose 30 days for received faxes of {chief}." in shown
    assert "365 days  30 days" in shown
    assert "set backup_days" in shown
    assert said(capsys, "retention", "show", "--as", chief).startswith("acme: ")
    as_json = listed(capsys, "retention", "show")
    assert [each["tenant"] for each in as_json["tenants"]] == ["acme", "borea"]
    assert as_json["tenants"][1]["mailboxes"] == [{"mailbox": shop.borea.user.email, "sent": 3650, "received": 3650}]

    (row,) = csv.DictReader(io.StringIO(said(capsys, "purge", "--dry-run"), newline=""))
    assert (row["tenant"], row["fax"], row["direction"], row["mailbox"], row["why"]) == (
        "acme", str(old), "received", chief, "age",
    )  # fmt: skip
    assert listed(capsys, "purge", "--dry-run", "--tenant", "borea") == []
    assert kept(shop, shop.acme) == [old, young]
    assert "0 faxes are purged" in said(capsys, "purge", "--tenant", "borea")
    assert said(capsys, "purge", "--quiet", "--max-seconds", "60") == ""
    assert kept(shop, shop.acme) == [young]
    assert said(capsys, "purge").startswith("0 faxes are purged: 0 objects, 0 bytes.")
    assert "Its pages were destroyed" in said(capsys, "show", str(old), "--as", chief)
    assert "no choice any more" in said(
        capsys, "retention", "set", "--as", chief, "--days", "none", "--mailbox", chief, "--direction", "received"
    )


def test_bounds_and_choices_do_not_mix(shop: World, chief: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "one or the other" in said(capsys, "retention", "set", "--days", "3", "--min", "3", "--as", chief, code=1)
    assert "go with --days" in said(capsys, "retention", "set", "--mailbox", "x", "--max", "3", code=1)
    assert "go with --days" in said(capsys, "retention", "set", "--as", chief, "--max", "3", code=1)
    assert "Nothing was given" in said(capsys, "retention", "set", "acme", code=1)
    bounds = listed(capsys, "retention", "set", "acme", "--min", "1", "--max", "3", "--records", "remove")["bounds"]
    assert bounds == {"min_days": 1, "max_days": 3, "remove_records": True}
    bounds = listed(
        capsys, "retention", "set", "acme", "--min", "none", "--max", "none", "--records", "none"
    )["bounds"]  # fmt: skip
    assert bounds == {"min_days": 0, "max_days": None, "remove_records": False}


def test_how_long_backups_are_kept_is_said_beside_it(
    shop: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAXPLAN_BACKUP_DAYS", "35")
    assert "Backups are kept for 35 days (backup_days). Purge does not reach them" in said(capsys, "retention", "show")
    assert listed(capsys, "retention", "show")["backup_days"] == 35


def test_holds_are_set_listed_and_released(shop: World, chief: str, capsys: pytest.CaptureFixture[str]) -> None:
    fax_id = received(shop, shop.acme, "a")
    assert "Nothing is under legal hold." in said(capsys, "hold", "list")
    out = said(capsys, "hold", "set", "acme", "--fax", str(fax_id), "--reason", "case 4711")
    assert "neither deleted nor purged" in out
    said(capsys, "hold", "set", "acme", "--mailbox", chief, "--reason", "case 4712")
    said(capsys, "hold", "set", "borea", "--reason", "case 4713")
    assert "legal hold" in said(capsys, "delete", str(fax_id), "--as", chief, code=1)
    shown = said(capsys, "hold", "list")
    for words in (f"fax {fax_id}", f"mailbox {chief}", "the whole tenant", "case 4713", "administrator:"):
        assert words in shown
    held = listed(capsys, "hold", "list", "acme")
    assert [each["what"] for each in held] == [f"fax {fax_id}", f"mailbox {chief}"]
    for each in held:
        released = said(capsys, "hold", "release", "acme", str(each["hold"]["id"]), "--reason", "settled")
        assert "is released" in released
    assert "no hold" in said(capsys, "hold", "release", "acme", "1", "--reason", "x", code=1)
    assert "next purge destroys it" in said(capsys, "delete", str(fax_id), "--as", chief)
    assert "there again" in said(capsys, "delete", str(fax_id), "--undo", "--as", chief)
    said(capsys, "retention", "set", "acme", "--min", "5")
    assert "your organisation keeps all faxes" in said(capsys, "delete", str(fax_id), "--as", chief)


def test_after_a_restore_it_says_what_to_do(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    received(shop, shop.acme, "a")
    execute(shop, "update purge_state set database = 'another'")
    assert "faxplan doctor --adopt" in said(capsys, "purge", code=1)
    cli.main(["doctor", "--adopt", "--json"])
    out, err = capsys.readouterr()
    assert "0 objects (0 bytes) are named by no row" in err
    assert not [each for each in json.loads(out) if each["what"] == "purge" and each["level"] == "error"]
    assert "0 faxes are purged" in said(capsys, "purge")


def test_what_could_not_be_done_is_said_and_fails(
    shop: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    received(shop, shop.acme, "a", days_ago=31)
    said(capsys, "retention", "set", "--max", "30")

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr("faxplan.object_folder.ObjectFolder.delete", broken)
        assert "Input/output error" in said(capsys, "purge", "--quiet", code=1)
    assert count(shop, "tombstones") == 4
    assert listed(capsys, "purge")["failures"] == []


def test_calls_whose_records_go_are_counted_before(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nobody has looked at the reports since they were made."""
    fax, late = sent(shop, shop.acme, days_ago=100), sent(shop, shop.acme)
    execute(shop, "update attempts set started_at = started_at - interval '100 days' where fax_id = %s", (fax,))
    said(capsys, "retention", "set", "acme", "--max", "30", "--records", "remove")
    said(capsys, "purge")
    # Both were purged in an earlier month, though one has ended just now: its day is counted anew.
    execute(shop, "update faxes set purged_at = now() - interval '40 days' where direction = 'outbound'")
    assert "The records of 1 faxes are removed." in said(capsys, "purge")
    assert [row["id"] for row in rows(shop, "select id from faxes")] == [late]
    execute(shop, "update report_states set computed_at = 'epoch'")
    now = datetime.now(UTC)
    reports.refresh(shop.portal, shop.acme.tenant, now)
    with shop.portal.tenant(shop.acme.tenant.id) as tx:
        days = reports.latest(shop.acme.tenant, now, 120)
        assert [row[1] for row in reports.volume(tx, shop.acme.tenant.id, days).rows if row[1]] == [1, 1]


def rows(shop: World, sql: str) -> list[Row]:
    with shop.portal.tenant(shop.acme.tenant.id) as tx:
        return tx.rows(sql)
