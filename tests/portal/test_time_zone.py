"""Times by the clock of who reads them: the user's own, else the organisation's."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from faxplan import drafts, time_zones
from faxplan.originals import HandedIn
from tests.portal.conftest import Visitor
from tests.retained import execute, received
from tests.world import World

MIDNIGHT_IN_TOKYO = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


def lay(world: World, at: datetime) -> None:
    received(world, world.acme, "one")
    execute(world, "update mailbox_entries set added_at = %s", (at,))


def test_times_are_shown_by_ones_own_clock(world: World, ann: Visitor) -> None:
    lay(world, MIDNIGHT_IN_TOKYO)
    assert "2026-03-09 16:00:00 CET" in ann.get("/inbox").text
    assert ann.post("/account/time-zone", {"time_zone": "Asia/Tokyo"}).status_code == 303
    assert "2026-03-10 00:00:00 JST" in ann.get("/inbox").text
    assert "<option selected>Asia/Tokyo</option>" in ann.get("/account").text
    # One that this machine does not know any more is no reason to show nothing.
    execute(world, "alter table users drop constraint users_time_zone_known")
    execute(world, "update users set time_zone = 'Atlantis/Poseidonis'")
    assert "2026-03-09 16:00:00 CET" in ann.get("/inbox").text
    assert ann.post("/account/time-zone", {"time_zone": ""}).status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select details from audit where action = 'user.time-zone' order by sequence")
    assert [row["details"]["time_zone"] for row in rows] == ["Asia/Tokyo", None]


def test_days_that_one_gives_are_ones_own(world: World, ann: Visitor) -> None:
    lay(world, MIDNIGHT_IN_TOKYO)
    of_the_tenth = "/inbox?from=2026-03-10&to=2026-03-10"
    assert 'href="/faxes/1"' not in ann.get(of_the_tenth).text
    ann.post("/account/time-zone", {"time_zone": "Asia/Tokyo"})
    assert 'href="/faxes/1"' in ann.get(of_the_tenth).text


def test_a_fax_is_sent_when_ones_own_clock_says_so(world: World, ann: Visitor, letter: Path) -> None:
    ann.post("/account/time-zone", {"time_zone": "Asia/Tokyo"})
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    page = ann.get(f"/drafts/{draft.id}").text
    assert "By the clock of Asia/Tokyo" in page
    world.render_all()
    night = datetime.now(UTC).date() + timedelta(days=3)
    form = {"numbers": "030 23125009", "at": f"{night}T00:00"}
    assert ann.post(f"/drafts/{draft.id}/send", form).status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select not_before from faxes") == datetime.combine(night, time(0), ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../../etc/passwd", "x" * 5000, "Europe/Berlin\0"])
def test_a_zone_that_there_is_not_is_refused(ann: Visitor, name: str) -> None:
    answer = ann.post("/account/time-zone", {"time_zone": name})
    assert answer.status_code == 400
    assert "not an IANA time zone" in answer.text


def test_all_that_are_offered_are_taken(world: World) -> None:
    offered = time_zones.of_places()
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu"} <= set(offered)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        for name in offered:
            time_zones.check(tx, name)
