"""How long an organisation keeps its faxes."""

from dataclasses import replace

import pytest
from markupsafe import escape

from faxplan import provisioning, retention, retention_provisioning
from portal.app import Portal
from tests.portal.conftest import DOMAIN, Visitor, visitor
from tests.portal.test_people import audited, boss
from tests.retained import bound, received
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/retention"


def days(world: World, mailbox: int | None, direction: str) -> int | None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return retention.policy(tx, world.acme.tenant.id).days(mailbox, direction)


def test_a_choice_is_made_and_taken_back(world: World, boss: Visitor) -> None:
    claims = provisioning.add_mailbox(world.admin, "test", "acme", "Claims")
    assert "until somebody deletes them" in boss.get(PAGE).text
    assert boss.post(PAGE, {"mailbox": "", "direction": "", "days": "90"}).status_code == 303
    assert boss.post(PAGE, {"mailbox": "Claims", "direction": "inbound", "days": "30"}).status_code == 303
    assert (days(world, claims, "inbound"), days(world, claims, "outbound")) == (30, 90)
    page = boss.get(PAGE).text
    assert "30 days" in page
    assert "90 days" in page
    assert boss.post(PAGE, {"mailbox": "Claims", "direction": "inbound", "days": ""}).status_code == 303
    assert days(world, claims, "inbound") == 90
    rows = audited(world, "retention.choose")
    assert [row.details["days"] for row in rows] == [90, 30, None]
    assert {(row.actor, row.authenticated) for row in rows} == {(f"user:{world.acme.user.id}", "password")}


def test_bounds_are_shown_and_kept(world: World, boss: Visitor) -> None:
    bound(world, world.acme, min_days=30, max_days=365, remove_records=True)
    page = boss.get(PAGE).text
    assert "for 30 to 365 days" in page
    assert "a month later" in page
    for wrong in ("29", "366", "x", "-1"):
        answer = boss.post(PAGE, {"mailbox": "", "direction": "", "days": wrong})
        assert answer.status_code == 400
    assert days(world, None, "inbound") == 365


def test_what_is_held_is_shown(world: World, boss: Visitor) -> None:
    fax = received(world, world.acme, "one")
    hold = {"mailbox": None, "fax_id": None, "reason": "Case <4711>"}
    retention_provisioning.set_hold(world.admin, "test", "acme", **hold)  # type: ignore[arg-type]
    retention_provisioning.set_hold(world.admin, "test", "acme", **{**hold, "fax_id": fax})  # type: ignore[arg-type]
    page = boss.get(PAGE).text
    assert "All of your organisation, since" in page
    assert "Case &lt;4711&gt;" in page
    assert "1 single fax" in page


def test_how_long_backups_are_kept_is_said(world: World, boss: Visitor) -> None:
    assert "how long they are kept is not entered" in boss.get(PAGE).text
    other = visitor(
        Portal(world.portal, world.store, DOMAIN, admin=world.admin, settings=replace(world.settings, backup_days=14)),
        world.acme,
    )
    other.log_in()
    assert "they are kept for 14 days" in other.get(PAGE).text


@pytest.mark.parametrize("name", ['</option></select><b title="x">&', "50 % free", "%(name)s", "100%%"])
@pytest.mark.parametrize("path", [PAGE, "/organisation/numbers/{did}"])
def test_a_mailbox_is_called_what_it_is_called(world: World, boss: Visitor, name: str, path: str) -> None:
    """In a form's choices, where messages of ours stand as well."""
    provisioning.add_mailbox(world.admin, "test", "acme", name)
    answer = boss.get(path.format(did=world.acme.did))
    assert answer.status_code == 200
    assert f">{escape(name)}</option>" in answer.text
    assert "<b " not in answer.text


@pytest.mark.parametrize("form", [{"mailbox": "user@borea.example"}, {"direction": "sideways"}])
def test_what_is_not_there_is_not_chosen(world: World, boss: Visitor, form: dict[str, object]) -> None:
    answer = boss.post(PAGE, {"mailbox": "", "direction": "", "days": "5", **form})
    assert (answer.status_code, "Choose one of these." in answer.text) == (400, True)
