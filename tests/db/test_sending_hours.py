"""Sending hours as PostgreSQL reckons them: to the moment, on days when clocks change, and in the tenant's own zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from faxplan import history, queue, sending_hours, tenants
from faxplan.priorities import Priority
from tests.claiming import taken
from tests.faxes import queued
from tests.world import World

BERLIN, NEW_YORK, KIRITIMATI = "Europe/Berlin", "America/New_York", "Pacific/Kiritimati"


def enter(world: World, days: str, clock: str, *, zone: str = BERLIN) -> None:
    """These are acme's hours, and no others, by the clock of this zone."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        sending_hours.clear(tx, world.acme.tenant.id)
        sending_hours.add(tx, world.acme.tenant.id, sending_hours.parse(days, clock), None)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"time_zone": zone})


def are_open(world: World, moment: str) -> bool:
    """Whether acme's are at this moment, in UTC: by the same words with which a claim asks for now."""
    asked = sending_hours.are_open("t.id", "100", f"(timestamptz '{moment}Z' at time zone t.time_zone)")
    with world.switch.across_tenants() as tx:
        return bool(tx.value(f"select {asked} from tenants t where t.id = %s", (world.acme.tenant.id,)))


@pytest.mark.parametrize(
    ("days", "clock", "zone", "moments"),
    [
        pytest.param(
            "mon-fri", "08:00-18:00", BERLIN,
            {
                "2026-11-30 06:59:59.999999": False, "2026-11-30 07:00": True,
                "2026-11-30 16:59:59.999999": True, "2026-11-30 17:00": False,
                "2026-12-04 12:00": True, "2026-12-05 12:00": False, "2026-12-06 12:00": False,
            },
            id="a week in winter",
        ),
        pytest.param(
            "mon-fri", "08:00-18:00", BERLIN,
            {
                "2026-07-06 05:59:59.999999": False, "2026-07-06 06:00": True,
                "2026-07-06 15:59:59.999999": True, "2026-07-06 16:00": False,
            },
            id="the same in summer",
        ),
        pytest.param(
            "mon", "00:00-24:00", KIRITIMATI,
            {
                "2026-11-29 09:59:59.999999": False, "2026-11-29 10:00": True,
                "2026-11-30 09:59:59.999999": True, "2026-11-30 10:00": False,
            },
            id="a whole day, that of the zone",
        ),
        pytest.param(
            "sat", "22:00-06:00", BERLIN,
            {
                "2026-03-28 20:59:59": False, "2026-03-28 21:00": True, "2026-03-28 23:00": True,
                "2026-03-29 03:59:59": True, "2026-03-29 04:00": False, "2026-03-29 20:30": False,
            },
            id="a night from which an hour is taken",
        ),
        pytest.param(
            "sun", "02:00-03:00", BERLIN,
            {"2026-03-29 00:59:59": False, "2026-03-29 01:00": False, "2026-03-29 01:30": False},
            id="an hour that there is not",
        ),
        pytest.param(
            "sun", "01:30-03:30", BERLIN,
            {
                "2026-03-29 00:29:59": False, "2026-03-29 00:30": True,
                "2026-03-29 01:29:59": True, "2026-03-29 01:30": False,
            },
            id="hours around one that there is not",
        ),
        pytest.param(
            "sun", "02:00-03:00", BERLIN,
            {
                "2026-10-24 23:59:59": False, "2026-10-25 00:00": True, "2026-10-25 00:59:59": True,
                "2026-10-25 01:00": True, "2026-10-25 01:59:59": True, "2026-10-25 02:00": False,
            },
            id="an hour that comes twice",
        ),
        pytest.param(
            "sun", "00:00-02:30", BERLIN,
            {
                "2026-10-24 21:59:59": False, "2026-10-24 22:00": True, "2026-10-25 00:29:59": True,
                "2026-10-25 00:30": False, "2026-10-25 00:59:59": False,
                "2026-10-25 01:00": True, "2026-10-25 01:29:59": True, "2026-10-25 01:30": False,
            },
            id="hours that end within one that comes twice",
        ),
        pytest.param(
            "sun", "01:00-02:00", NEW_YORK,
            {
                "2026-03-08 05:59:59": False, "2026-03-08 06:00": True, "2026-03-08 07:00": False,
                "2026-11-01 04:59:59": False, "2026-11-01 05:00": True, "2026-11-01 06:59:59": True,
                "2026-11-01 07:00": False,
            },
            id="where clocks change on other days",
        ),
    ],
)  # fmt: skip
def test_hours_open_and_close_by_the_clock_of_the_tenants_zone(
    world: World, days: str, clock: str, zone: str, moments: dict[str, bool]
) -> None:
    enter(world, days, clock, zone=zone)
    assert {moment: are_open(world, moment) for moment in moments} == moments


def zone_where_it_is(hour: int) -> str:
    """A zone in whose day it is now this hour, half over or not. POSIX has the sign the other way round."""
    west = (datetime.now(UTC).hour - hour) % 24
    return f"Etc/GMT+{west}" if west <= 12 else f"Etc/GMT-{24 - west}"


@pytest.mark.parametrize(("hour", "is_open"), [(12, True), (0, False), (22, False)])
def test_a_claim_asks_by_the_tenants_clock(world: World, hour: int, is_open: bool) -> None:
    enter(world, "daily", "08:00-18:00", zone=zone_where_it_is(hour))
    fax_id = queued(world, world.acme)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        held = history.fax(tx, world.acme.user, fax_id).held_by
    assert held == (None if is_open else "hours")
    assert taken(world) == ([fax_id] if is_open else [])


@pytest.mark.parametrize(("hour", "is_open"), [(12, True), (0, False)])
def test_a_delivery_without_a_call_asks_so_too(world: World, hour: int, is_open: bool) -> None:
    enter(world, "daily", "08:00-18:00", zone=zone_where_it_is(hour))
    queued(world, world.acme, number=world.borea.did)
    with world.switch.across_tenants() as tx:
        assert (queue.pick_internal(tx, after=0) is not None) is is_open


def test_a_claim_asks_for_the_day_that_it_is_there(world: World) -> None:
    now = datetime.now(UTC)
    # Far enough from both its midnights.
    zone, day = ("Etc/GMT-14", now + timedelta(days=1)) if now.hour >= 10 else ("Etc/GMT+12", now - timedelta(days=1))
    fax_id = queued(world, world.acme)
    enter(world, sending_hours.DAYS[now.weekday()], "00:00-24:00", zone=zone)
    assert taken(world) == []
    enter(world, sending_hours.DAYS[day.weekday()], "00:00-24:00", zone=zone)
    assert taken(world) == [fax_id]


@pytest.mark.parametrize(
    ("days", "clock", "moments"),
    [
        ("mon-fri", "08:00-18:00", ["2026-11-27 20:00", "2026-11-28 12:00", "2026-11-30 06:59", "2026-11-27 16:59"]),
        ("sun", "02:30-05:00", ["2026-03-28 12:00", "2026-10-24 23:30", "2026-10-25 00:45", "2026-10-25 04:00"]),
        ("sun", "02:15-02:45", ["2026-03-28 12:00", "2026-10-25 00:20", "2026-10-25 00:50"]),
        ("daily", "22:00-06:00", ["2026-11-27 06:00", "2026-11-27 21:30", "2026-12-31 12:00"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", [BERLIN, KIRITIMATI])
def test_when_they_open_next_is_when_a_claim_finds_them_open(
    world: World, days: str, clock: str, moments: list[str], zone: str
) -> None:
    enter(world, days, clock, zone=zone)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        hours = sending_hours.of_tenant(tx, world.acme.tenant.id)
    for text in moments:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        begins = sending_hours.next_open(hours, Priority.NORMAL, ZoneInfo(zone), moment)
        assert begins is not None
        assert are_open(world, f"{begins:%Y-%m-%d %H:%M}")
        while moment < begins:
            assert not are_open(world, f"{moment:%Y-%m-%d %H:%M}")
            moment += max(timedelta(minutes=1), min(timedelta(hours=7), begins - moment - timedelta(minutes=1)))


def test_hours_of_a_priority_stand_in_the_place_of_the_others(world: World) -> None:
    enter(world, "mon", "08:00-09:00")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        sending_hours.add(tx, world.acme.tenant.id, sending_hours.parse("tue", "08:00-09:00"), Priority.BULK)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        hours = sending_hours.of_tenant(tx, world.acme.tenant.id)
    sunday = datetime(2026, 11, 29, 12, tzinfo=UTC)
    for priority, day in ((Priority.URGENT, 30), (Priority.NORMAL, 30), (Priority.BULK, 1)):
        begins = sending_hours.next_open(hours, priority, ZoneInfo(BERLIN), sunday)
        assert (begins and begins.day) == day
    assert sending_hours.next_open([], Priority.BULK, ZoneInfo(BERLIN), sunday) == sunday
