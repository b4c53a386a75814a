"""Quotas count a day or a calendar month of the tenant's own, and begin the next one by themselves."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from faxplan import outbound, quotas, settling, tenants, users
from faxplan.call_result import CallResult
from faxplan.db import Row
from faxplan.errors import QuotaExceeded
from faxplan.journal import Outcome
from tests.faxes import claim, in_threads, queued
from tests.past_the_gate import connected
from tests.world import World

INSTANT = timedelta(microseconds=1)

# When a period begins in a time zone, and the one after it (UTC).
PERIODS = [
    ("UTC", "day", "2025-06-15T00:00", "2025-06-16T00:00"),
    ("Europe/Berlin", "day", "2025-06-14T22:00", "2025-06-15T22:00"),
    ("America/Los_Angeles", "day", "2025-01-15T08:00", "2025-01-16T08:00"),
    ("Asia/Kathmandu", "day", "2025-01-14T18:15", "2025-01-15T18:15"),
    # As far from UTC as there is.
    ("Pacific/Kiritimati", "day", "2025-06-14T10:00", "2025-06-15T10:00"),
    ("Pacific/Pago_Pago", "day", "2025-06-15T11:00", "2025-06-16T11:00"),
    # Clocks go forward, and back: 23 and 25 hours.
    ("Europe/Berlin", "day", "2025-03-29T23:00", "2025-03-30T22:00"),
    ("Europe/Berlin", "day", "2025-10-25T22:00", "2025-10-26T23:00"),
    ("America/New_York", "day", "2025-11-02T04:00", "2025-11-03T05:00"),
    # Forward at midnight: the day begins at one o'clock. A date that was left out: the next one follows.
    ("America/Havana", "day", "2025-03-09T05:00", "2025-03-10T04:00"),
    ("Pacific/Apia", "day", "2011-12-29T10:00", "2011-12-30T10:00"),
    ("Europe/Berlin", "month", "2025-02-28T23:00", "2025-03-31T22:00"),
    ("America/Los_Angeles", "month", "2024-02-01T08:00", "2024-03-01T08:00"),
    ("Pacific/Auckland", "month", "2024-12-31T11:00", "2025-01-31T11:00"),
    ("Pacific/Kiritimati", "month", "2025-11-30T10:00", "2025-12-31T10:00"),
    ("Pacific/Pago_Pago", "month", "2025-12-01T11:00", "2026-01-01T11:00"),
]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = moment("2025-06-15T10:00")


def in_zone(world: World, zone: str) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"time_zone": zone})


def limit(world: World, pages: int, period: str, at: datetime, *, of_user: bool = False) -> None:
    user_id = world.acme.user.id if of_user else None
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period=period, pages=pages, user_id=user_id, at=at)


def reserve(world: World, pages: int, at: datetime, *, held: int = 0) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, pages, held=held, at=at)


def settle(world: World, at: datetime, *, reserved: int, used: int) -> None:
    with world.switch.tenant(world.acme.tenant.id) as tx:
        quotas.settle(tx, world.acme.tenant.id, world.acme.user.id, reserved=reserved, used=used, at=at)


def send(world: World, pages: int, at: datetime) -> None:
    reserve(world, pages, at)
    settle(world, at, reserved=pages, used=pages)


def shown(world: World, at: datetime | None = None) -> list[Row]:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return quotas.of_tenant(tx, world.acme.tenant.id, at=at)


def counts(world: World, at: datetime) -> tuple[int, int]:
    """Used and held, of the only quota."""
    (row,) = shown(world, at)
    return row["used_pages"], row["reserved_pages"]


@pytest.mark.parametrize(("zone", "period", "begins", "ends"), PERIODS)
def test_a_quota_is_whole_again_when_the_next_period_begins_and_no_moment_sooner(
    world: World, zone: str, period: str, begins: str, ends: str
) -> None:
    first, after = moment(begins), moment(ends)
    in_zone(world, zone)
    limit(world, 10, period, first - INSTANT)
    send(world, 10, first - INSTANT)
    assert counts(world, first - INSTANT) == (10, 0)
    assert counts(world, first) == (0, 0)
    send(world, 4, first)
    send(world, 6, first + (after - first) / 2)
    with pytest.raises(QuotaExceeded):
        reserve(world, 1, after - INSTANT)
    assert counts(world, after - INSTANT) == (10, 0)
    send(world, 10, after)
    assert counts(world, after) == (10, 0)


@pytest.mark.parametrize(("zone", "period", "begins", "ends"), PERIODS)
def test_the_next_period_is_told_from_the_first_moment_to_the_last(
    world: World, zone: str, period: str, begins: str, ends: str
) -> None:
    in_zone(world, zone)
    limit(world, 10, period, moment(begins) - INSTANT)
    for at in (moment(begins), moment(ends) - INSTANT):
        assert [row["next_period"] for row in shown(world, at)] == [moment(ends)]
    assert [row["next_period"] for row in shown(world, moment(begins) - INSTANT)] == [moment(begins)]


def test_a_quota_that_nobody_used_for_long_is_whole(world: World) -> None:
    limit(world, 10, "day", NOON)
    send(world, 10, NOON)
    assert counts(world, NOON + timedelta(days=400)) == (0, 0)
    send(world, 10, NOON + timedelta(days=400))


def test_pages_held_are_carried_over_and_count_where_they_are_settled(world: World) -> None:
    tomorrow = NOON + timedelta(days=1)
    limit(world, 10, "day", NOON)
    send(world, 3, NOON)
    reserve(world, 6, NOON)
    assert counts(world, NOON) == (3, 6)
    assert counts(world, tomorrow) == (0, 6)
    with pytest.raises(QuotaExceeded, match="room for 4 more"):
        reserve(world, 5, tomorrow)
    settle(world, tomorrow, reserved=6, used=5)
    assert counts(world, tomorrow) == (5, 0)
    assert counts(world, tomorrow + timedelta(days=1)) == (0, 0)


def test_a_fax_handed_in_yesterday_and_sent_today_is_used_today(world: World) -> None:
    limit(world, 10, "day", datetime.now(UTC))
    queued(world, world.acme, pages=3)
    queued(world, world.acme, pages=2)
    (first, second) = claim(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update quotas set period_start = period_start - 1, used_pages = 4")
    whole = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=first.pages)
    outcome = Outcome(first.tenant_id, first.fax_id, first.attempt_id, whole)
    assert settling.settle(world.switch, outcome, None, actor="switch:node1")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.one("select used_pages, reserved_pages from quotas") == {
            "used_pages": first.pages,
            "reserved_pages": second.pages,
        }


def test_a_refusal_leaves_what_was_held_and_begins_the_period_all_the_same(world: World) -> None:
    tomorrow = NOON + timedelta(days=1)
    limit(world, 10, "day", NOON)
    limit(world, 4, "month", NOON, of_user=True)
    send(world, 2, NOON)
    with pytest.raises(QuotaExceeded), world.portal.tenant(world.acme.tenant.id) as tx:
        quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, 3, at=tomorrow)
    # And where the caller goes on with its transaction, as the worker does with the next fax of a rendering.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        with pytest.raises(QuotaExceeded):
            quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, 3, at=tomorrow)
        quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, 2, at=tomorrow)
    assert [(row["period"], row["used_pages"], row["reserved_pages"]) for row in shown(world, tomorrow)] == [
        ("day", 0, 2),
        ("month", 2, 2),
    ]


def test_a_statement_that_comes_late_does_not_bring_the_old_period_back(world: World) -> None:
    """Its transaction began before midnight, and waited for one that began after it."""
    midnight = moment("2025-06-15T22:00")
    limit(world, 10, "day", NOON)
    send(world, 10, NOON)
    send(world, 7, midnight)
    settle(world, midnight - INSTANT, reserved=0, used=3)
    assert counts(world, midnight) == (10, 0)
    with pytest.raises(QuotaExceeded):
        reserve(world, 1, midnight)


def test_clocks_that_go_back_past_midnight_give_no_second_helping(world: World) -> None:
    in_zone(world, "America/St_Johns")
    # 00:01 on 7 November 2010 was followed by 23:01 on the 6th.
    before, of_the_7th, of_the_6th_again, of_the_7th_again = (
        moment(f"2010-11-07T{time}") for time in ("02:29", "02:30:30", "02:45", "03:31")
    )
    limit(world, 10, "day", before)
    send(world, 10, before)
    send(world, 10, of_the_7th)
    for at in (of_the_6th_again, of_the_7th_again):
        assert counts(world, at) == (10, 0)
        with pytest.raises(QuotaExceeded):
            reserve(world, 1, at)
    send(world, 10, moment("2010-11-08T03:30"))


def test_a_tenant_that_moves_counts_in_its_new_days(world: World) -> None:
    in_zone(world, "Pacific/Auckland")
    limit(world, 10, "day", NOON)
    send(world, 10, NOON)
    # In Auckland it is the 15th until noon UTC, in Los Angeles until seven o'clock on the 16th.
    in_zone(world, "America/Los_Angeles")
    assert counts(world, moment("2025-06-16T06:59")) == (10, 0)
    assert counts(world, moment("2025-06-16T07:00")) == (0, 0)


def test_a_month_that_an_earlier_faxplan_began_in_its_middle_ends_as_any(world: World) -> None:
    limit(world, 10, "month", NOON)
    send(world, 10, NOON)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update quotas set period_start = '2025-06-13'")
    july = moment("2025-06-30T22:00")
    assert [row["next_period"] for row in shown(world, july - INSTANT)] == [july]
    assert [counts(world, at) for at in (july - INSTANT, july)] == [(10, 0), (0, 0)]
    send(world, 10, july)


def test_a_limit_that_is_changed_keeps_what_was_used(world: World) -> None:
    limit(world, 10, "day", NOON)
    send(world, 10, NOON)
    limit(world, 12, "day", NOON)
    assert counts(world, NOON) == (10, 0)
    send(world, 2, NOON)


def test_the_clock_is_the_databases_where_no_moment_is_given(world: World) -> None:
    limit(world, 10, "day", datetime.now(UTC) - timedelta(days=3))
    send(world, 10, datetime.now(UTC) - timedelta(days=3))
    (row,) = shown(world)
    assert row["used_pages"] == 0
    assert datetime.now(UTC) < row["next_period"] <= datetime.now(UTC) + timedelta(hours=25)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, 10)


@pytest.mark.parametrize("at", [NOON, moment("2025-06-30T22:00")], ids=["within a period", "as one begins"])
def test_of_fifty_at_once_those_that_fit_are_let_in(world: World, at: datetime) -> None:
    limit(world, 12, "day", NOON)
    limit(world, 30, "month", NOON)
    limit(world, 40, "month", NOON, of_user=True)
    send(world, 2 if at == NOON else 12, NOON)

    def one() -> bool:
        try:
            reserve(world, 1, at)
        except QuotaExceeded:
            return False
        return True

    assert sum(map(bool, in_threads(*[one] * 50))) == (10 if at == NOON else 12)
    held = 10 if at == NOON else 12
    assert {row["reserved_pages"] for row in shown(world, at)} == {held}
    in_threads(*[lambda: settle(world, at, reserved=1, used=1)] * held)
    assert {(row["used_pages"], row["reserved_pages"]) for row in shown(world, at)} == {(12, 0)}


def test_two_that_count_the_same_quotas_do_not_lock_each_other_out(world: World) -> None:
    """One goes on with a second user, as the worker may; the other comes from that user, between the two."""
    acme = world.acme.tenant.id
    with world.admin.tenant(acme) as tx:
        second = users.create(tx, acme, email="second@acme.example", name="Second").id
        for user_id in (second, None, world.acme.user.id):
            quotas.set_limit(tx, acme, period="day", pages=10, user_id=user_id)
    counted = threading.Event()

    def one() -> None:
        with world.worker.tenant(acme) as tx:
            quotas.reserve(tx, acme, world.acme.user.id, 1)
            counted.set()
            until_somebody_waits_for_a_lock(world)
            quotas.reserve(tx, acme, second, 1)

    def other() -> None:
        assert counted.wait(60)
        with world.portal.tenant(acme) as tx:
            quotas.reserve(tx, acme, second, 1)

    in_threads(one, other)
    assert [(row["user"], row["reserved_pages"]) for row in shown(world)] == [
        (None, 3),
        ("second@acme.example", 2),
        ("user@acme.example", 1),
    ]


def until_somebody_waits_for_a_lock(world: World) -> None:
    for _ in range(6000):
        with connected(world.installation, "postgres") as cursor:
            cursor.execute(
                """select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'"""
            )
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_a_refusal_says_when_the_next_period_begins_in_the_tenants_time(world: World) -> None:
    limit(world, 10, "day", NOON)
    send(world, 7, NOON)
    with pytest.raises(QuotaExceeded) as refused:
        reserve(world, 4, NOON)
    assert str(refused.value) == (
        "Your organisation's quota of 10 pages a day has room for 3 more; this fax has 4. The next day begins at "
        "2025-06-16 00:00 (Europe/Berlin): wait until then, or ask your administrator for more."
    )


def test_a_refusal_after_rendering_counts_what_the_fax_holds_already(world: World) -> None:
    limit(world, 10, "month", NOON, of_user=True)
    send(world, 7, NOON)
    reserve(world, 1, NOON)
    with pytest.raises(QuotaExceeded, match=r"^Your quota of 10 pages a month has room for 3 more; this fax has 4\."):
        reserve(world, 3, NOON, held=1)


def test_a_fax_that_fits_into_no_period_is_not_told_to_wait(world: World) -> None:
    limit(world, 3, "month", NOON, of_user=True)
    with pytest.raises(QuotaExceeded) as refused:
        reserve(world, 4, NOON)
    assert str(refused.value) == (
        "Your quota of 3 pages a month has room for 3 more; this fax has 4. The next month begins at 2025-07-01 00:00 "
        "(Europe/Berlin), but has no room for so many either: ask your administrator for more."
    )


def test_of_several_that_have_no_room_the_one_that_has_none_for_longest_is_named(world: World) -> None:
    limit(world, 2, "day", NOON, of_user=True)
    limit(world, 2, "month", NOON)
    with pytest.raises(QuotaExceeded, match="organisation's quota of 2 pages a month"):
        reserve(world, 3, NOON)
    assert {(row["used_pages"], row["reserved_pages"]) for row in shown(world, NOON)} == {(0, 0)}


def test_a_refused_fax_says_in_its_explanation_when_to_send_it_again(world: World) -> None:
    letter = world.settings.state_dir.parent / "letter.txt"
    letter.write_text("One.\n\fTwo.\n\fThree.\n")
    limit(world, 2, "day", datetime.now(UTC))
    request = outbound.SendRequest("030 23125 002", letter, "letter.txt")
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    world.render_all()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "quota-exceeded")
    assert "has room for 2 more; this fax has 3. The next day begins at" in str(fax["explanation"])
    assert shown(world)[0]["reserved_pages"] == 0


@pytest.mark.parametrize("of_user", [False, True])
def test_a_quota_that_is_set_while_faxes_are_under_way_counts_what_they_hold(world: World, *, of_user: bool) -> None:
    acme, user = world.acme.tenant.id, world.acme.user.id
    fax_id = queued(world, world.acme, pages=10)
    queued(world, world.borea, pages=7)
    with world.admin.tenant(acme) as tx:
        quotas.set_limit(tx, acme, period="month", pages=20, user_id=user if of_user else None)
    with world.portal.tenant(acme) as tx, pytest.raises(QuotaExceeded):
        quotas.reserve(tx, acme, user, 11)
    with world.portal.tenant(acme) as tx:
        quotas.reserve(tx, acme, user, 10)
    (fax,) = (each for each in claim(world) if each.fax_id == fax_id)
    sent = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=10)
    settling.settle(
        world.switch, Outcome(acme, fax_id, fax.attempt_id, sent, fax.channel_uuid), None, actor="switch:node1"
    )
    with world.portal.tenant(acme) as tx:
        (quota,) = quotas.of_tenant(tx, acme)
    assert (quota["used_pages"], quota["reserved_pages"]) == (10, 10)
