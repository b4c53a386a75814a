"""One document to many: each number once, nobody who must not, at its pace, and nobody twice whatever happens."""

import os
import re
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from faxplan import (
    campaign_clones,
    campaign_contacts,
    campaign_files,
    campaign_outlook,
    campaign_progress,
    campaign_purge,
    campaign_recipients,
    campaign_release,
    campaign_results,
    campaigns,
    contact_groups,
    contacts,
    do_not_fax,
    drafts,
    history,
    holds,
    quotas,
    routes,
    tenants,
    users,
)
from faxplan.call_result import CallResult
from faxplan.campaign_clones import DocumentSealed, RecipientsPurged, Whom
from faxplan.campaign_files import NoNumbers, ReadersGone
from faxplan.campaign_pace import InvalidCampaign, Pace, Retries
from faxplan.campaigner import Campaigner
from faxplan.campaigns import Campaign, FileInHand, FileWrong, NoRecipients, NotNow
from faxplan.contact_files import Reading
from faxplan.contacts import Entry
from faxplan.db import Database
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, Forbidden, NotFound
from faxplan.listener import Listener
from faxplan.originals import HandedIn
from faxplan.permissions import EVERYTHING, Permission
from tests.db.test_constraints import SCHEMA
from tests.db.test_failing_over import settle
from tests.faxes import claim
from tests.retained import age, bound, count, execute, purge
from tests.world import World

FAST = Pace(per_minute=6000, at_once=1000)


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    return a_campaign(world, tmp_path)


def a_campaign(world: World, folder: Path, pace: Pace = FAST) -> Campaign:
    letter = folder / "letter.txt"
    letter.write_text("News for all of you.\n")
    user = world.acme.user
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
    with world.portal.tenant(user.tenant_id) as tx:
        return campaigns.make(tx, user, "Spring", draft.id, pace, actor="test")


def bring(world: World, campaign: Campaign, lines: Sequence[str], reading: Reading | None = None) -> None:
    content = "\r\n".join(lines).encode()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaign_files.bring(tx, world.acme.user, campaign.id, content, reading or Reading())
    campaigner(world).work()


def campaigner(world: World) -> Campaigner:
    url = world.installation.url("faxplan_worker")
    return Campaigner(world.worker, world.portal, Listener(url, ()), world.store)


def numbers(count: int, first: int = 10_000) -> list[str]:
    return [f"030 231{each}" for each in range(first, first + count)]


def do(world: World, what: Any, campaign: Campaign) -> Campaign:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        done: Campaign = what(tx, world.acme.user, campaign.id, actor="test")
        return done


def counted(world: World, campaign: Campaign) -> campaign_recipients.Counts:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return campaign_recipients.counts(tx, world.acme.user, campaign.id)


def state(world: World, campaign: Campaign) -> tuple[str, str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        found = campaigns.get(tx, world.acme.user, campaign.id)
    return found.state, found.why


def send_all(world: World, campaign: Campaign) -> None:
    """Until nothing is left to do."""
    for _turn in range(200):
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        campaigner(world).work()
        for fax in claim(world, most=100):
            settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
        if state(world, campaign)[0] != "running":
            return
    raise AssertionError(f"it does not end: {counted(world, campaign)}")


def test_each_number_gets_it_once_and_nobody_who_must_not(world: World, campaign: Campaign) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        do_not_fax.add(tx, world.acme.tenant.id, "+493023110003", "asked for it", "test")
    bring(
        world, campaign,
        [
            "Name;Faxnummer;Ort", "Ann;030 23110001;Berlin", "Bob;+49 30 23110002;", 'Cy;"030/231-10001";Bonn',
            "Di;030 23110003;", "Ed;12;", "Flo;0900 1234567;", "Gus;;", "Hal;110;",
        ],
    )  # fmt: skip
    bring(world, campaign, ["030 23110002", "030 23110004"])
    found = counted(world, campaign)
    assert (found.waiting, found.lines) == (3, None)
    assert found.left_out == {"duplicate": 2, "do-not-fax": 1, "invalid-number": 3, "number-barred": 1}
    world.render_all()
    assert do(world, campaigns.start, campaign).state == "running"
    send_all(world, campaign)
    assert state(world, campaign) == ("finished", "")
    found = counted(world, campaign)
    assert (found.sent, found.waiting, found.released) == (3, 0, 0)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        called = [row["called_number"] for row in tx.rows("select called_number from faxes order by id")]
        fields = tx.value("select fields from campaign_recipients where name = 'Ann'")
    assert called == ["+493023110001", "+493023110002", "+493023110004"]
    assert fields == {"Name": "Ann", "Ort": "Berlin"}
    # Its document is its faxes' from now on, and no machine opens it any more.
    assert (count(world, "drafts"), count(world, "transient_wraps"), count(world, "renderings")) == (0, 0, 1)


def test_its_document_stays_open_to_the_machines_until_it_has_ended(world: World, campaign: Campaign) -> None:
    """Between two batches no fax waits, and the next one has to be sent all the same."""
    bring(world, campaign, numbers(2))
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"at_once": 1}, actor="test")
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    (fax,) = claim(world)
    settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert count(world, "transient_wraps") > 0
    # Not even if all that was sent is purged meanwhile.
    do(world, campaigns.pause, campaign)
    execute(
        world,
        "update faxes set finished_at = finished_at - interval '1 year', created_at = created_at - interval '1 year'",
    )
    execute(world, "update drafts set created_at = created_at - interval '1 year'")
    purge(world)
    do(world, campaigns.start, campaign)
    send_all(world, campaign)
    assert counted(world, campaign).sent == 2
    assert count(world, "transient_wraps") == 0


def due_by_now(world: World) -> int:
    """How many the pace has let go at this moment."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(
            tx.value("select floor(extract(epoch from now() - paced_from) * per_minute / 60) + 1 from campaigns")
        )


def test_so_many_go_in_a_minute(world: World, campaign: Campaign) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"per_minute": 600}, actor="test")
    bring(world, campaign, numbers(300))
    world.render_all()
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    assert counted(world, campaign).released == 1
    for _second in range(5):
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        at_least = due_by_now(world)
        campaigner(world).work()
        # Ten a second, whatever time the test itself takes.
        assert at_least <= counted(world, campaign).released <= due_by_now(world)
    assert counted(world, campaign).released > 5 * 10
    # What it could not do for an hour it does not make up for.
    execute(world, "update campaigns set paced_from = paced_from - interval '1 hour'")
    before = counted(world, campaign).released
    campaigner(world).work()
    assert counted(world, campaign).released == before + 1


def test_so_many_are_under_way_at_once_and_those_that_wait_for_another_try_do_not_count(
    world: World, campaign: Campaign
) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"at_once": 3}, actor="test")
    bring(world, campaign, numbers(10))
    world.render_all()
    do(world, campaigns.start, campaign)
    for _turn in range(3):
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        campaigner(world).work()
    assert counted(world, campaign).released == 3
    for fax in claim(world, most=3):
        settle(world, fax, CallResult("USER_BUSY", sip_code=486))
    execute(world, "update campaigns set paced_from = now() - interval '1 second', paced = 0")
    campaigner(world).work()
    assert counted(world, campaign).released == 6


def test_it_tries_as_often_and_when_it_says(world: World, campaign: Campaign) -> None:
    tenant, user = world.acme.tenant.id, world.acme.user

    def change(values: dict[str, Any]) -> Campaign:
        with world.portal.tenant(tenant) as tx:
            return campaigns.change(tx, user, campaign.id, values, actor="test")

    most = world.acme.tenant.max_attempts
    for wrong in ({"max_attempts": 0}, {"max_attempts": most + 1}, {"retry_delays": [59]}, {"retry_delays": [60] * 20}):
        with pytest.raises(InvalidCampaign):
            change(wrong)
    assert change({"max_attempts": 3, "retry_delays": [120, 7200]}).retries == Retries(3, [120, 7200])
    bring(world, campaign, numbers(1))
    world.render_all()
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    delays = []
    for _try in range(3):
        (fax,) = claim(world)
        settle(world, fax, CallResult("USER_BUSY", sip_code=486))
        with world.portal.tenant(tenant) as tx:
            row = tx.one("select state, not_before - now() as delay, explanation from faxes")
        delays.append(row["delay"] and round(row["delay"].total_seconds() / 60))
        execute(world, "update faxes set not_before = now(); update fax_queue set not_before = now()")
    assert (delays, row["state"]) == ([2, 120, None], "failed")
    assert "try 3 of 3" in row["explanation"]
    campaigner(world).work()
    assert counted(world, campaign).failed == 1
    with world.portal.tenant(tenant) as tx:
        assert history.fax(tx, user, fax.fax_id).max_attempts == 3
    assert change_of_ended(world, campaign) == "campaign-state"


def test_it_tries_no_more_often_than_its_tenant_does_by_then(world: World, campaign: Campaign) -> None:
    tenant = world.acme.tenant.id
    with world.portal.tenant(tenant) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"max_attempts": 3}, actor="test")
    bring(world, campaign, numbers(1))
    world.render_all()
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    with world.admin.across_tenants() as tx:
        tenants.change(tx, tenant, {"max_attempts": 1})
    (fax,) = claim(world)
    settle(world, fax, CallResult("USER_BUSY", sip_code=486))
    with world.portal.tenant(tenant) as tx:
        assert tx.value("select state from faxes") == "failed"


def change_of_ended(world: World, campaign: Campaign) -> str:
    with pytest.raises(NotNow) as raised, world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"max_attempts": 2}, actor="test")
    return raised.value.error_id


@pytest.mark.parametrize(
    ("pace", "is_open"),
    [
        # Three days from now: that is another day in every time zone, the tenant's too.
        ({"weekdays": [(datetime.now(UTC) + timedelta(days=3)).isoweekday()]}, False),
        ({"start_at": datetime.now(UTC) + timedelta(hours=1)}, False),
        ({"start_at": datetime.now(UTC) - timedelta(hours=1)}, True),
        ({"opens": "00:00", "closes": "00:01"}, False),
        ({}, True),
    ],
    ids=["another day", "later", "before", "closed", "always"],
)
def test_it_keeps_its_hours(world: World, campaign: Campaign, pace: dict[str, Any], is_open: bool) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, pace, actor="test")
    bring(world, campaign, numbers(1))
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    assert counted(world, campaign).released == int(is_open)


def test_paused_it_lets_no_more_go_and_cancelled_it_takes_back(world: World, campaign: Campaign) -> None:
    bring(world, campaign, numbers(5))
    world.render_all()
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    assert do(world, campaigns.pause, campaign).state == "paused"
    before = counted(world, campaign)
    campaigner(world).work()
    assert counted(world, campaign) == before
    for what in (campaigns.pause,):
        with pytest.raises(NotNow, match="paused"):
            do(world, what, campaign)
    do(world, campaigns.start, campaign)
    assert do(world, campaigns.cancel, campaign).state == "cancelled"
    campaigner(world).work()
    found = counted(world, campaign)
    assert (found.released, found.cancelled, found.sent) == (0, before.released, 0)
    assert found.waiting == 5 - before.released
    assert (count(world, "fax_queue"), count(world, "transient_wraps")) == (0, 0)
    with pytest.raises(NotNow, match="cancelled"):
        do(world, campaigns.start, campaign)


def test_paused_it_learns_how_what_it_let_go_has_ended_and_then_ends_by_itself(
    world: World, campaign: Campaign
) -> None:
    bring(world, campaign, numbers(1))
    world.render_all()
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    do(world, campaigns.pause, campaign)
    (fax,) = claim(world)
    settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert not campaigner(world).work()
    assert (counted(world, campaign).sent, state(world, campaign)[0]) == (1, "paused")
    assert do(world, campaigns.start, campaign).state == "running"
    campaigner(world).work()
    assert state(world, campaign)[0] == "finished"


def test_what_is_wrong_pauses_it_and_says_why(world: World, campaign: Campaign) -> None:
    bring(world, campaign, numbers(3))
    world.render_all()
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=0)
    do(world, campaigns.start, campaign)
    campaigner(world).work()
    where, why = state(world, campaign)
    assert where == "paused"
    assert "quota" in why
    assert (counted(world, campaign).waiting, count(world, "faxes")) == (3, 0)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.remove_limit(tx, world.acme.tenant.id, period="day")
    do(world, campaigns.start, campaign)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": [Permission.SEND]})
    campaigner(world).work()
    assert state(world, campaign)[0] == "paused"
    with pytest.raises(Forbidden):
        do(world, campaigns.start, campaign)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": list(EVERYTHING)})
    do(world, campaigns.start, campaign)
    send_all(world, campaign)
    assert counted(world, campaign).sent == 3


def test_whoever_is_left_out_is_told_of_in_words(world: World) -> None:
    known = re.search(r"campaign_recipients_why_known check \(\s*why in \(([^)]*)\)", SCHEMA)
    assert known is not None
    assert {each.strip(" '") for each in known[1].split(",")} == set(campaign_results.WHY)


def test_who_is_barred_meanwhile_is_left_out(world: World, campaign: Campaign) -> None:
    bring(world, campaign, [*numbers(3), "0231 23110001"])
    with world.admin.across_tenants() as tx:
        routes.add(tx, "+49231", None)
    world.render_all()
    do(world, campaigns.start, campaign)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        do_not_fax.add(tx, world.acme.tenant.id, "+493023110001", "", "test")
    send_all(world, campaign)
    found = counted(world, campaign)
    assert (found.sent, found.left_out) == (2, {"do-not-fax": 1, "number-barred": 1})


def test_a_file_is_read_on_where_it_stopped(world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_files, "AT_ONCE", 10)
    tenant = world.acme.tenant.id
    content = "\n".join(["Fax", *numbers(35)]).encode()
    with world.portal.tenant(tenant) as tx:
        assert campaign_files.bring(tx, world.acme.user, campaign.id, content, Reading()).lines == 35
    reading, other = (campaign_files.read(world.portal, tenant, campaign.id) for _each in range(2))
    assert [next(reading).lines_read, next(reading).lines_read] == [10, 20]
    assert counted(world, campaign).lines_read == 20
    with pytest.raises(FileInHand):
        do(world, campaigns.start, campaign)
    with pytest.raises(FileInHand), world.portal.tenant(tenant) as tx:
        campaign_files.bring(tx, world.acme.user, campaign.id, content, Reading())
    # The first one is killed here; two go on, one of them alone.
    assert next(other).lines_read == 30
    assert list(reading) == []
    assert [each.lines_read for each in other] == [35]
    found = counted(world, campaign)
    assert (found.waiting, found.left_out, found.lines) == (35, {}, None)


def test_a_file_that_cannot_be_read_is_told_of_and_read_no_more(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_files, "AT_ONCE", 10)
    tenant, user = world.acme.tenant.id, world.acme.user
    with world.portal.tenant(tenant) as tx:
        campaign_files.bring(tx, user, campaign.id, "\n".join(["Fax", *numbers(20)]).encode(), Reading())
    next(campaign_files.read(world.portal, tenant, campaign.id))
    execute(world, "update campaign_files set content = '   '")
    campaigner(world).work()
    found = counted(world, campaign)
    assert (found.waiting, found.lines_read, found.wrong) == (10, 10, "This file is empty.")
    # Also if it could be read by now: its user has been told.
    execute(world, "update campaign_files set content = %s", ("\n".join(["Fax", *numbers(20)]).encode(),))
    campaigner(world).work()
    assert counted(world, campaign) == found
    with pytest.raises(FileWrong, match="This file is empty"):
        do(world, campaigns.start, campaign)
    # Another one takes its place, and who was entered stays.
    bring(world, campaign, numbers(12))
    found = counted(world, campaign)
    assert (found.waiting, found.left_out, found.wrong) == (12, {"duplicate": 10}, "")


def test_a_file_is_read_on_when_what_looks_at_its_numbers_is_killed(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[ProcessPoolExecutor] = []

    def recorded(*given: Any) -> ProcessPoolExecutor:
        pools.append(ProcessPoolExecutor(*given))
        return pools[-1]

    monkeypatch.setattr(campaign_files, "ProcessPoolExecutor", recorded)
    monkeypatch.setattr(campaign_files, "LONG", 0)
    monkeypatch.setattr(campaign_files, "AT_ONCE", 10)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaign_files.bring(tx, world.acme.user, campaign.id, "\n".join(["Fax", *numbers(100)]).encode(), Reading())
    reading = campaign_files.read(world.portal, world.acme.tenant.id, campaign.id)
    next(reading)
    for each in list(pools[0]._processes):
        os.kill(each, signal.SIGKILL)
    with pytest.raises(ReadersGone):
        list(reading)
    assert (counted(world, campaign).wrong, counted(world, campaign).lines) == ("", 100)
    campaigner(world).work()
    assert counted(world, campaign).waiting == 100


def test_a_file_is_taken_away_while_it_is_read(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_files, "AT_ONCE", 10)
    tenant, user = world.acme.tenant.id, world.acme.user

    def brought(first: int) -> None:
        with world.portal.tenant(tenant) as tx:
            content = "\n".join(["Fax", *numbers(20, first)]).encode()
            campaign_files.bring(tx, user, campaign.id, content, Reading())

    brought(10_000)
    reading = campaign_files.read(world.portal, tenant, campaign.id)
    next(reading)
    do(world, campaign_files.take_away, campaign)
    with pytest.raises(NotFound):
        do(world, campaign_files.take_away, campaign)
    # Another one, as far as that one was: who reads the first enters nothing of it, and does not end it.
    brought(20_000)
    next(campaign_files.read(world.portal, tenant, campaign.id))
    assert list(reading) == []
    assert counted(world, campaign).lines_read == 10
    campaigner(world).work()
    found = counted(world, campaign)
    assert (found.waiting, found.lines) == (30, None)


def test_a_file_without_numbers_is_refused_and_previewed(world: World, campaign: Campaign) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        shown = campaign_files.preview(
            tx, world.acme.user, b'Fax|Name\n030 23110001|Ann\n12|Bob\n"|\n', Reading(columns={"number": 0})
        )
        assert (shown.lines, shown.unreadable, shown.looked_at, shown.numbers) == (3, 1, 3, 1)
        with pytest.raises(NoNumbers):
            campaign_files.bring(tx, world.acme.user, campaign.id, b"a,b\n1,2\n", Reading(columns={"number": 2}))
        shown = campaign_files.preview(tx, world.acme.user, b"Name,Town\nAnn,Bonn\n", Reading())
        assert (shown.lines, [number for _record, number in shown.first]) == (1, [None])
        with pytest.raises(NoNumbers):
            campaign_files.bring(tx, world.acme.user, campaign.id, b"Name,Town\nAnn,Bonn\n", Reading())
        shown = campaign_files.preview(tx, world.acme.user, b"Town\tFax\nBonn\t030 23110001\n", Reading())
        assert [number for _record, number in shown.first] == ["+493023110001"]


def test_contacts_and_groups_are_recipients_as_they_are_when_they_are_added(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_files, "AT_ONCE", 3)
    tenant, user = world.acme.tenant.id, world.acme.user
    with world.admin.tenant(tenant) as tx:
        other = users.create(tx, tenant, email="other@acme.example", name="Other")
        do_not_fax.add(tx, tenant, "+493023110003", "asked for it", "test")
    with world.portal.tenant(tenant) as tx:
        named = [
            contacts.add(tx, user, Entry(name, company, f"030 2311000{at}"), shared=at % 2 == 0).id
            for at, (name, company) in enumerate(
                (("Ann", "A & Co"), ("", 'B "quoted", Co'), ("'=Cy", ""), ("Di", ""), ("Ed\u202e", "")), start=1
            )
        ]
        named.append(contacts.add(tx, user, Entry("Ann again", "", "+49 30 23110001"), shared=False).id)
        named.append(contacts.add(tx, user, Entry("Dear", "", "0900 1234567"), shared=False).id)
        unseen = contacts.add(tx, other, Entry("Theirs", "", "030 23110009"), shared=False).id
        group = contact_groups.add(tx, user, "Friends", shared=False)
        empty = contact_groups.add(tx, user, "Nobody", shared=False)
        theirs = contact_groups.add(tx, other, "Theirs", shared=False)
        contact_groups.put(tx, user, group.id, named[:3])

    def added(**wanted: Any) -> int:
        with world.portal.tenant(tenant) as tx:
            return campaign_contacts.bring(tx, user, campaign.id, **wanted).lines

    for wrong in ({"contact_ids": [named[0], unseen]}, {"group_ids": [group.id, theirs.id]}):
        with pytest.raises(NotFound):
            added(**wrong)
    with pytest.raises(NoRecipients):
        added(group_ids=[empty.id])
    # Who is in the group and named besides is one.
    assert added(group_ids=[group.id], contact_ids=named[2:4]) == 4
    with pytest.raises(FileInHand):
        added(everyone=True)
    with world.portal.tenant(tenant) as tx:
        contacts.change(tx, user, named[0], Entry("Another", "", "030 23119999"), shared=False)
        contacts.remove(tx, user, named[1])
    next(campaign_files.read(world.portal, tenant, campaign.id))
    campaigner(world).work()
    found = counted(world, campaign)
    assert (found.waiting, found.left_out, found.lines) == (3, {"do-not-fax": 1}, None)
    with world.portal.tenant(tenant) as tx:
        rows = tx.rows("select number, name, fields from campaign_recipients where state = 'waiting' order by number")
        contacts.change(tx, user, named[0], Entry("Ann", "A & Co", "030 23110001"), shared=False)
    assert [tuple(row.values()) for row in rows] == [
        ("+493023110001", "Ann", {"Name": "Ann", "Company": "A & Co"}),
        ("+493023110002", 'B "quoted", Co', {"Name": 'B "quoted", Co', "Company": 'B "quoted", Co'}),
        ("+493023110004", "Di", {"Name": "Di"}),
    ]
    assert added(everyone=True) == 6
    campaigner(world).work()
    found = counted(world, campaign)
    assert (found.waiting, found.left_out) == (4, {"do-not-fax": 2, "duplicate": 3, "number-barred": 1})
    with world.portal.tenant(tenant) as tx:
        assert tx.value("select name from campaign_recipients where number = '+493023110003' limit 1") == "'=Cy"
        assert tx.value("select count(*) from campaign_recipients where number = '+493023110009'") == 0
    with world.admin.tenant(tenant) as tx:
        users.change(tx, tenant, user.id, {"permissions": [Permission.SEND, Permission.CAMPAIGNS]})
    with pytest.raises(Forbidden):
        added(everyone=True)


def test_a_clone_has_the_document_until_the_last_of_both_has_ended(
    world: World, campaign: Campaign, tmp_path: Path
) -> None:
    tenant, user = world.acme.tenant.id, world.acme.user
    changed = {"max_attempts": 1, "retry_delays": [600], "start_at": datetime.now(UTC) - timedelta(hours=1)}
    with world.portal.tenant(tenant) as tx:
        campaigns.change(tx, user, campaign.id, changed, actor="test")
    bring(world, campaign, [*numbers(4), "12"])
    world.render_all()

    def cloned(whom: Whom, draft_id: int | None = None) -> Campaign:
        with world.portal.tenant(tenant) as tx:
            return campaign_clones.clone(tx, user, campaign.id, "Again", whom, draft_id=draft_id, actor="test")

    with pytest.raises(NoRecipients):
        cloned(Whom.FAILED)
    removed, later = cloned(Whom.NOBODY), cloned(Whom.ALL)
    assert (later.state, later.retries, later.pace) == ("draft", Retries(1, [600]), campaign.pace)
    assert (counted(world, later).waiting, counted(world, removed).total) == (4, 0)
    do(world, campaigns.remove, removed)
    do(world, campaigns.start, campaign)
    for _turn in range(3):
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        campaigner(world).work()
    first, *others = claim(world)
    settle(world, first, CallResult("USER_BUSY", sip_code=486))
    for each in others:
        settle(world, each, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    campaigner(world).work()
    assert state(world, campaign)[0] == "finished"
    # The other one has more to send of it.
    assert count(world, "transient_wraps") > 0
    purge(world)
    for whom in Whom:
        with pytest.raises(DocumentSealed):
            cloned(whom)
    letter = tmp_path / "again.txt"
    letter.write_text("News again.\n")
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "again.txt"))
    with world.admin.tenant(tenant) as tx:
        do_not_fax.add(tx, tenant, "+493023110001", "", "test")
    again = cloned(Whom.FAILED, draft.id)
    assert counted(world, again).total == 1
    other = drafts.make(world.portal, world.store, user, HandedIn(letter, "again.txt"))
    found = counted(world, cloned(Whom.ALL, other.id))
    assert (found.waiting, found.left_out) == (3, {"do-not-fax": 1})
    do(world, campaigns.start, later)
    send_all(world, later)
    assert (counted(world, later).sent, count(world, "drafts")) == (3, 2)
    with world.portal.tenant(tenant) as tx:
        opened = tx.value(
            """select count(*) from transient_wraps w
               join renderings r on w.document_id in (r.original_id, r.document_id) where r.id = %s""",
            (campaign.rendering_id,),
        )
    assert opened == 0


def test_an_administrators_clone_has_a_document_of_its_own(world: World, campaign: Campaign) -> None:
    """That of another user is sealed for them, and nobody sends it in their place."""
    tenant = world.acme.tenant.id
    bring(world, campaign, numbers(2))
    with world.admin.tenant(tenant) as tx:
        boss = users.create(tx, tenant, email="boss@acme.example", name="B", role="administrator")
        stranger = users.create(tx, tenant, email="other@acme.example", name="Other")
    for user, refused in ((boss, Forbidden), (stranger, NotFound)):
        with pytest.raises(refused), world.portal.tenant(tenant) as tx:
            campaign_clones.clone(tx, user, campaign.id, None, Whom.ALL, actor="test")


def test_its_progress_is_counted_over_its_life_in_few_points(world: World, campaign: Campaign) -> None:
    tenant, user = world.acme.tenant.id, world.acme.user

    def far() -> campaign_progress.Progress:
        with world.portal.tenant(tenant) as tx:
            return campaign_progress.progress(tx, user, campaign.id)

    with world.portal.tenant(tenant) as tx:
        campaigns.change(tx, user, campaign.id, {"per_minute": 1}, actor="test")
    bring(world, campaign, numbers(1000))
    assert (far().points, far().begun_at) == ([], None)
    through = far().through_at
    assert through is not None
    assert timedelta(minutes=998) < through - datetime.now(UTC) < timedelta(minutes=1002)
    do(world, campaigns.start, campaign)
    # Ten hours of it: one is begun a minute, each takes two, and each tenth fails.
    execute(world, "update campaigns set started_at = now() - interval '10 hours'")
    execute(
        world,
        """update campaign_recipients r set released_at = s.at,
               ended_at = case when s.at < now() - interval '2 minutes' then s.at + interval '2 minutes' end,
               state = case when s.at >= now() - interval '2 minutes' then 'released'
                            when r.line %% 10 = 0 then 'failed' else 'sent' end
           from (select line, now() - interval '10 hours' + make_interval(secs => 60 * line - 30) as at
                 from campaign_recipients where line <= 600) s where r.line = s.line""",
        (),
    )
    found = far()
    assert (found.seconds, len(found.points) <= campaign_progress.MOST_POINTS) == (900, True)
    for each in found.points:
        assert each.waiting + each.under_way + each.sent + each.failed == 1000
    whole = found.points[1:-1]
    assert {after.sent + after.failed - before.sent - before.failed for before, after in pairwise(whole)} == {15}
    last = found.points[-1]
    assert (last.sent + last.failed, last.failed, last.under_way, last.waiting) == (598, 59, 2, 400)


@pytest.mark.parametrize(
    ("pace", "now", "waiting", "through"),
    [
        (Pace(per_minute=60), "2026-03-02 12:00", 90, "2026-03-02 12:01:30"),
        # Ten minutes are left of Friday, and the rest is on Monday.
        (Pace(1, 1, "08:00", "18:00", (1, 2, 3, 4, 5)), "2026-03-06 17:50", 15, "2026-03-09 08:05"),
        (Pace(1, 1, "08:00", "24:00", (7,)), "2026-03-06 17:50", 16 * 60 + 1, "2026-03-15 08:01"),
        # The night in which clocks are put on has an hour less.
        (Pace(1, 1, "00:00", "24:00"), "2026-03-28 23:00", 4 * 60, "2026-03-29 04:00"),
        (Pace(1, start_at=datetime(2026, 3, 3, 11, tzinfo=UTC)), "2026-03-02 12:00", 1, "2026-03-03 12:01"),
        (Pace(1, 1, "08:00", "08:01", (1,)), "2026-03-02 12:00", 1000, None),
        (Pace(), "2026-03-02 12:00", 0, None),
    ],
)
def test_when_it_is_through(pace: Pace, now: str, waiting: int, through: str | None) -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = campaign_outlook.through_at(pace, zone, datetime.fromisoformat(now).replace(tzinfo=zone), waiting)
    assert found == (through and datetime.fromisoformat(through).replace(tzinfo=zone))


def test_hostile_lines_are_data(world: World, campaign: Campaign) -> None:
    bring(
        world, campaign,
        ["Name,Fax", "'); drop table faxes; --,030 23110001", "${api(x)},030 23110002", "=cmd(),030 23110003",
         '"a\x00b",030 23110004', "x,<script>", f"{'y' * 5000},030 23110005"],
    )  # fmt: skip
    found = counted(world, campaign)
    assert (found.waiting, found.left_out) == (5, {"invalid-number": 1})
    assert count(world, "faxes") == 0


def test_nobody_elses_campaign_is_seen(world: World, campaign: Campaign) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = users.create(tx, world.acme.tenant.id, email="other@acme.example", name="Other")
        boss = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="B", role="administrator")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert campaigns.of_user(tx, other) == []
        assert [each.id for each in campaigns.of_user(tx, boss)] == [campaign.id]
        for what in (campaigns.start, campaigns.pause, campaigns.cancel, campaigns.remove):
            with pytest.raises(NotFound):
                what(tx, other, campaign.id, actor="test")
    with world.portal.tenant(world.borea.tenant.id) as tx, pytest.raises(NotFound):
        campaigns.get(tx, world.borea.user, campaign.id)


def test_one_that_cannot_be_is_refused(world: World, campaign: Campaign, tmp_path: Path) -> None:
    for wrong in (
        {"name": ""}, {"name": "x" * 81}, {"per_minute": 0}, {"per_minute": 6001}, {"at_once": 0}, {"weekdays": []},
        {"weekdays": [8]}, {"opens": "18:00", "closes": "08:00"},
    ):  # fmt: skip
        with pytest.raises(InvalidCampaign), world.portal.tenant(world.acme.tenant.id) as tx:
            campaigns.change(tx, world.acme.user, campaign.id, wrong, actor="test")
    with pytest.raises(NoRecipients):
        do(world, campaigns.start, campaign)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        # Its draft is the campaign's.
        assert drafts.of_user(tx, world.acme.user) == []
        campaigns.remove(tx, world.acme.user, campaign.id, actor="test")
    purge(world)
    assert (count(world, "campaigns"), count(world, "drafts"), count(world, "documents")) == (0, 0, 0)
    assert [path for path in world.stored() if path.parent != world.store.root] == []


def test_whom_it_went_to_is_purged_when_its_faxes_are_and_its_counts_stay(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_purge, "AT_ONCE", 2)
    tenant, user = world.acme.tenant.id, world.acme.user
    bring(world, campaign, [*numbers(4), "12", "030 23110000"])
    world.render_all()
    do(world, campaigns.start, campaign)
    send_all(world, campaign)
    execute(world, "insert into campaign_tests (tenant_id, campaign_id, user_id, number, done_at) "
                   "select tenant_id, id, user_id, '+493023119999w1234', now() from campaigns")  # fmt: skip
    bound(world, world.acme, max_days=30)
    assert purge(world).recipients == 0
    before = counted(world, campaign)
    with world.portal.tenant(tenant) as tx:
        fax_id = tx.value("select max(fax_id) from campaign_recipients")
    with world.admin.tenant(tenant) as tx:
        held = holds.place(tx, tenant, mailbox_id=None, fax_id=fax_id, reason="case 1", set_by="test")
    execute(world, "update campaigns set ended_at = ended_at - interval '31 days'")
    age(world, world.acme, range(fax_id + 1), 31)
    assert (purge(world).recipients, counted(world, campaign)) == (0, before)
    with world.admin.tenant(tenant) as tx:
        holds.release(tx, tenant, held)
    # Two, and then it is killed.
    with world.purge.tenant(tenant) as tx:
        assert campaign_purge.due(tx, tenant) == 1
        assert campaign_purge.destroy(tx, tenant, actor="purge") == 2
    assert counted(world, campaign) == before
    done = purge(world)
    assert (done.recipients, done.failures, count(world, "campaign_recipients")) == (4, [], 0)
    # Nor is it known to whom its maker sent tests, and which codes are dialled there.
    assert count(world, "campaign_tests") == 0
    assert count(world, "renderings") == 0
    with world.portal.tenant(tenant) as tx:
        kept = campaigns.get(tx, user, campaign.id)
        assert campaign_recipients.some(tx, user, campaign.id) == []
        assert campaign_progress.progress(tx, user, campaign.id).points == []
        acts = [row["action"] for row in tx.rows("select action from audit where action = 'campaign.purge'")]
        with pytest.raises(RecipientsPurged):
            campaign_clones.clone(tx, user, campaign.id, None, Whom.ALL, actor="test")
    assert (kept.name, kept.rendering, kept.purged_at is None, acts) == ("Spring", "purged", False, ["campaign.purge"])
    found = counted(world, campaign)
    assert (found, found.sent, found.left_out) == (before, 4, {"invalid-number": 1, "duplicate": 1})


LOOKED_AT_FAXES = """
    select coalesce(sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0)), 0)::integer
    from pg_stat_xact_user_tables where relname = 'faxes'"""


def test_each_fax_is_looked_at_once_in_tables_of_which_nothing_is_known_yet(world: World, campaign: Campaign) -> None:
    """PostgreSQL looked through all faxes for each recipient, and for a campaign of a thousand a step took minutes."""
    tenant = world.acme.tenant.id
    bring(world, campaign, numbers(300))
    world.render_all()
    do(world, campaigns.start, campaign)
    while counted(world, campaign).released < 100:
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        campaign_release.step(world.portal, tenant, campaign.id)
    with world.portal.tenant(tenant) as tx:
        row = tx.one("select * from campaigns")
        # The connection's counters are of its earlier transactions as well, as far as it has not reported them.
        before = tx.value(LOOKED_AT_FAXES)
        assert campaign_release._collect(tx, tenant, campaign.id) == 0
        released = campaign_release._under_way(tx, row)
        looked_at = tx.value(LOOKED_AT_FAXES) - before
    assert 100 <= released <= looked_at <= 3 * released


def test_a_step_that_is_lost_is_done_once(world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if killed before and behind each commit."""
    bring(world, campaign, numbers(20))
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"at_once": 4}, actor="test")
    do(world, campaigns.start, campaign)
    real, turns = campaigns.take_turn, [0]

    def dies(tx: Any, tenant_id: int) -> None:
        turns[0] += 1
        real(tx, tenant_id)

    def lost(*given: Any) -> Any:
        done = campaign_release_release(*given)
        if turns[0] % 2:
            raise DatabaseUnavailable("killed")
        return done

    campaign_release_release = campaign_release._release
    monkeypatch.setattr(campaigns, "take_turn", dies)
    monkeypatch.setattr(campaign_release, "_release", lost)
    for _turn in range(60):
        execute(
            world,
            "update campaigns set paced_from = now() - interval '1 second', paced = 0",
        )
        try:
            campaign_release.step(world.portal, world.acme.tenant.id, campaign.id)
        except DatabaseUnavailable:
            continue
        for fax in claim(world, most=10):
            settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, pages=1))
    assert state(world, campaign)[0] == "finished"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        called = [row["called_number"] for row in tx.rows("select called_number from faxes")]
    assert len(called) == len(set(called)) == 20
    assert counted(world, campaign).sent == 20


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=-12)])
def test_one_that_begins_at_the_end_of_time_is_refused(world: World, campaign: Campaign, offset: timedelta) -> None:
    """Nobody could look at it any more: no clock goes so far."""
    at = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(offset))
    with pytest.raises(InvalidCampaign, match="within a year"), world.portal.tenant(world.acme.tenant.id) as tx:
        campaigns.change(tx, world.acme.user, campaign.id, {"start_at": at}, actor="test")


@pytest.mark.parametrize("fault", [KeyError("x"), StoreUnavailable("It is away."), OSError("The disk is full.")])
def test_what_one_cannot_go_on_without_keeps_no_other_from_going_on(
    world: World, campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    other = a_campaign(world, tmp_path)
    bring(world, campaign, numbers(1))
    bring(world, other, numbers(1))
    for each in (campaign, other):
        do(world, campaigns.start, each)
    step, tried = campaign_release.step, list[int]()

    def broken(db: Database, tenant_id: int, campaign_id: int, store: Store | None = None) -> campaign_release.Done:
        tried.append(campaign_id)
        if campaign_id == campaign.id:
            raise fault
        return step(db, tenant_id, campaign_id, store)

    monkeypatch.setattr(campaign_release, "step", broken)
    work = campaigner(world)
    work.work()
    work.work()
    assert (tried.count(campaign.id), count(world, "faxes")) == (1, 1)
