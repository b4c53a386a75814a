"""What a campaign would come to: pages, room in quotas, and until when, by its hours and the organisation's."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from faxplan import campaign_outlook, campaigns, provisioning, quotas, sending_hours, users
from faxplan.campaign_outlook import Outlook
from faxplan.campaign_pace import Pace
from faxplan.campaigns import Campaign
from faxplan.permissions import Permission
from faxplan.priorities import Priority
from tests.db.test_campaigns import a_campaign, bring, numbers
from tests.world import World

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=BERLIN)
OFFICE = {"opens": "08:00", "closes": "18:00", "weekdays": [1, 2, 3, 4, 5]}


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    """Of a page, one of which takes 70 seconds: ten at once are 8.6 a minute."""
    made = a_campaign(world, tmp_path, Pace(per_minute=2, at_once=10))
    bring(world, made, numbers(10))
    world.render_all()
    return made


def outlook(world: World, campaign: Campaign, count: int, now: datetime = MONDAY, **pace: Any) -> Outlook:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        if pace:
            campaigns.change(tx, world.acme.user, campaign.id, pace, actor="test")
        found = campaigns.get(tx, world.acme.user, campaign.id)
        return campaign_outlook.of(tx, found, world.acme.user, count, now)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("count", "pace", "begins", "ends"),
    [
        (120, {}, "2026-11-30 08:00", "2026-11-30 09:00"),
        # Of 1200 in ten hours, the rest goes on the next day; over the weekend nothing does.
        (1320, OFFICE, "2026-11-30 08:00", "2026-12-01 09:00"),
        (6120, OFFICE, "2026-11-30 08:00", "2026-12-07 09:00"),
        (120, OFFICE | {"start_at": datetime(2026, 12, 4, 16, 30, tzinfo=UTC)}, "2026-12-04 17:30", "2026-12-07 08:30"),
        (120, OFFICE | {"weekdays": [7]}, "2026-12-06 08:00", "2026-12-06 09:00"),
        # One call at a time, of 70 seconds each.
        (60, {"at_once": 1}, "2026-11-30 08:00", "2026-11-30 09:10"),
    ],
    ids=["at once", "over night", "over a weekend", "later", "on Sundays", "as many calls as it has"],
)  # fmt: skip
def test_it_ends_by_its_pace_and_hours(
    world: World, campaign: Campaign, count: int, pace: dict[str, Any], begins: str, ends: str
) -> None:
    found = outlook(world, campaign, count, **pace)
    assert (found.begins, found.ends) == (berlin(begins), berlin(ends))


def test_the_organisations_hours_and_limits_hold_as_well(world: World, campaign: Campaign) -> None:
    tenant = world.acme.tenant
    with world.admin.tenant(tenant.id) as tx:
        sending_hours.add(tx, tenant.id, sending_hours.parse("mon", "10:00-11:00"), Priority.BULK)
        sending_hours.add(tx, tenant.id, sending_hours.parse("daily", "00:00-24:00"), None)
    found = outlook(world, campaign, 180, **OFFICE)
    assert (found.begins, found.ends) == (berlin("2026-11-30 10:00"), berlin("2026-12-07 10:30"))
    found = outlook(world, campaign, 1, weekdays=[2])
    assert (found.begins, found.ends) == (None, None)
    provisioning.change_tenant(world.admin, "x", tenant.slug, {"calls_per_hour": 60})
    assert outlook(world, campaign, 60, weekdays=[1]).ends == berlin("2026-11-30 11:00")


def test_a_day_on_which_clocks_change_has_its_own_hours(world: World, campaign: Campaign) -> None:
    """On 28 March 2027 they go from 02:00 to 03:00."""
    now = datetime(2027, 3, 28, 0, 0, tzinfo=BERLIN)
    found = outlook(world, campaign, 120 * 23, now=now)
    assert found.ends == datetime(2027, 3, 29, 0, 0, tzinfo=BERLIN)


def test_what_quotas_have_room_for_and_what_is_against_it(world: World, campaign: Campaign) -> None:
    found = outlook(world, campaign, 10)
    assert (found.pages, found.room, found.wrong, found.calling) == (10, None, "", world.acme.did)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=7)
    assert outlook(world, campaign, 7).room is None
    assert outlook(world, campaign, 10).room == 7
    with world.portal.tenant(world.acme.tenant.id) as tx:
        covered = replace(campaigns.get(tx, world.acme.user, campaign.id), cover_id=1)
        found = campaign_outlook.of(tx, covered, world.acme.user, 10, MONDAY)
    assert (found.pages, found.room) == (20, 3)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": [Permission.SEND]})
    assert "not permitted" in outlook(world, campaign, 10).wrong
