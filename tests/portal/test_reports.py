"""Reports: counted by day, drawn, listed, and as CSV."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from lxml import etree as ET  # noqa: N812

from faxplan import inbound, numbers, reports, users
from faxplan.call_result import CallResult
from faxplan.reports import Days
from portal import charts
from portal.charts import Series
from tests.faxes import accepted, fax_tiff, pending_folder
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor
from tests.retained import execute, received, sent
from tests.world import Office, World

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def boss(world: World, ann: Visitor) -> Visitor:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})
    return ann


def call(world: World, office: Office, at: datetime, outcome: str, **more: object) -> int:
    """A call that has ended; a fax with it, where none is named."""
    values = {
        "direction": "outbound", "number": "+493023125009", "trunk": "carrier", "rule": None, "t38": None, "pages": 0,
        "seconds": 0, "user": office.user.id, "code": "", "fax": None, "internal": False, "test": False, **more,
    }  # fmt: skip
    values |= {"tenant": office.tenant.id, "at": at, "outcome": outcome, "mailbox": office.user.mailbox_id}
    goes_out = values["direction"] == "outbound"
    far, own = ("called_number", "calling_number") if goes_out else ("calling_number", "called_number")
    values["state"] = "failed" if goes_out else "received"
    if values["fax"] is None:
        execute(
            world,
            f"""insert into faxes (tenant_id, direction, state, user_id, mailbox_id, {far}, {own}, created_at, pages,
                                   pages_done, finished_at, billing_code, is_test)
                values (%(tenant)s, %(direction)s, %(state)s,
                        case when %(direction)s = 'outbound' then %(user)s end, %(mailbox)s, %(number)s,
                        '+493023125001', %(at)s, %(pages)s, %(pages)s, now(), %(code)s, %(test)s)""",
            values,
        )
    execute(
        world,
        """insert into attempts (tenant_id, fax_id, number, node, trunk, channel_uuid, start_page, pages, outcome, rule,
                                 t38_status, started_at, answered_at, ended_at, internal)
           select %(tenant)s, coalesce(%(fax)s, max(f.id)),
                  1 + (select count(*) from attempts a where a.fax_id = coalesce(%(fax)s, max(f.id))), 'n', %(trunk)s,
                  gen_random_uuid(), 0, %(pages)s, %(outcome)s, %(rule)s, %(t38)s, %(at)s, %(at)s,
                  %(at)s + make_interval(secs => %(seconds)s), %(internal)s from faxes f""",
        values,
    )
    with world.portal.tenant(office.tenant.id) as tx:
        return int(tx.value("select max(id) from faxes"))


def counted(world: World, made: object, days: Days, office: Office | None = None) -> list[tuple[object, ...]]:
    office = office or world.acme
    execute(world, "update report_states set computed_at = 'epoch'")
    reports.refresh(world.portal, office.tenant, datetime.now(UTC))
    with world.portal.tenant(office.tenant.id) as tx:
        return made(tx, office.tenant.id, days).rows  # type: ignore[operator]


DAY = date(2026, 3, 29)
AT = datetime(2026, 3, 29, 12, tzinfo=BERLIN)
PERIOD = Days(DAY, DAY)


def test_calls_are_counted_by_what_became_of_them(world: World) -> None:
    first = call(world, world.acme, AT, "not-sent", rule="busy", trunk="a")
    call(world, world.acme, AT, "sent", fax=first, pages=3, seconds=40, t38="negotiated", trunk="b")
    call(world, world.acme, AT, "incomplete", number="+12025550123", pages=1, seconds=20, t38="refused", trunk="b")
    call(world, world.acme, AT, "cancelled", trunk="b")
    call(world, world.acme, AT, "received", direction="inbound", pages=2, seconds=30, t38="negotiated")
    call(world, world.acme, AT, "failed", direction="inbound")
    call(world, world.acme, AT, "sent", pages=5, internal=True, trunk=None)
    # Neither a test, nor another's.
    call(world, world.acme, AT, "sent", pages=7, test=True)
    call(world, world.borea, AT, "sent", pages=9)
    assert counted(world, reports.volume, PERIOD) == [(DAY, 2, 1, 9, 2)]
    assert counted(world, reports.trunks, PERIOD) == [
        ("b", 2, 2, 4, 1, 60),
        ("(within)", 1, 1, 5, 0, 0),
        ("a", 1, 0, 0, 0, 0),
    ]
    assert counted(world, reports.destinations, PERIOD) == [("DE", 3, 2, 8, 1, 40), ("US", 1, 1, 1, 0, 20)]
    assert counted(world, reports.failures, PERIOD) == [("busy", "The line was busy", 1)]
    assert counted(world, reports.transmission, PERIOD) == [
        ("outbound", "negotiated", 1, 3, 40),
        ("outbound", "refused", 1, 1, 20),
        ("inbound", "negotiated", 1, 2, 30),
    ]
    assert counted(world, reports.hours, PERIOD)[12] == (12, 5, 2)
    assert counted(world, reports.people, PERIOD) == [(world.acme.user.email, 2, 9)]
    assert counted(world, reports.volume, PERIOD, world.borea) == [(DAY, 1, 0, 9, 0)]


def test_a_day_is_the_tenants(world: World) -> None:
    """The clock goes forward in Berlin on this day: 23 hours."""
    for at in (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 29, 21, 59, tzinfo=UTC)):
        call(world, world.acme, at, "sent", pages=1)
    call(world, world.acme, datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "sent", pages=1)
    call(world, world.acme, datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "sent", pages=1)
    days = Days(DAY - timedelta(days=1), DAY + timedelta(days=1))
    assert [row[1] for row in counted(world, reports.volume, days)] == [1, 2, 1]
    assert [(row[0], row[1]) for row in counted(world, reports.hours, PERIOD) if row[1]] == [(0, 1), (23, 1)]


def test_what_is_counted_for_good_outlives_its_records(world: World) -> None:
    fax = call(world, world.acme, AT, "sent", pages=2)
    assert counted(world, reports.volume, PERIOD) == [(DAY, 1, 0, 2, 0)]
    execute(world, "delete from attempts where fax_id = %s", (fax,))
    assert counted(world, reports.volume, PERIOD) == [(DAY, 1, 0, 2, 0)]


def test_today_is_counted_anew(world: World) -> None:
    days = reports.latest(world.acme.tenant, datetime.now(UTC), 2)
    sent(world, world.acme)
    assert [sum(row[1] for row in counted(world, reports.volume, days))] == [1]
    sent(world, world.acme)
    received(world, world.acme, "one")
    rows = counted(world, reports.volume, days)
    assert (sum(row[1] for row in rows), sum(row[2] for row in rows)) == (2, 1)


def test_a_day_is_counted_anew_as_long_as_a_call_of_it_goes_on(world: World) -> None:
    """And an hour longer, for what was begun and not seen; then for good."""
    call(world, world.acme, AT, "sent", pages=1)
    going_on = call(world, world.acme, AT, "sent", pages=2)
    execute(world, "update attempts set outcome = null, ended_at = null where fax_id = %s", (going_on,))

    def looked_at(now: datetime) -> object:
        execute(world, "update report_states set computed_at = 'epoch'")
        reports.refresh(world.portal, world.acme.tenant, now)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            return reports.volume(tx, world.acme.tenant.id, PERIOD).rows

    midnight = datetime(2026, 3, 30, tzinfo=BERLIN)
    assert looked_at(midnight + timedelta(hours=12)) == [(DAY, 1, 0, 1, 0)]
    execute(world, "update attempts set outcome = 'sent', ended_at = now() where fax_id = %s", (going_on,))
    assert looked_at(midnight + timedelta(minutes=59)) == [(DAY, 2, 0, 3, 0)]
    call(world, world.acme, AT, "sent", pages=4)
    assert looked_at(midnight + timedelta(minutes=61)) == [(DAY, 3, 0, 7, 0)]
    call(world, world.acme, AT, "sent", pages=8)
    assert looked_at(midnight + timedelta(minutes=62)) == [(DAY, 3, 0, 7, 0)]


def test_what_a_node_brings_that_was_away_for_days_is_counted(world: World) -> None:
    """Settled on Monday, and somebody has looked over the weekend."""
    now = datetime.now(UTC)
    side = accepted(world, world.acme, "a")
    execute(world, "update attempts set started_at = started_at - interval '3 days'")
    reports.refresh(world.portal, world.acme.tenant, now - timedelta(days=1))
    fax_tiff(world.spool.inbound_tiff(side.attempt_id), 1)
    result = CallResult("NORMAL_CLEARING", fax_success=True, pages=1)
    fax = pending_folder(world).secure(world.spool, side, result)
    assert inbound.deliver(world.switch, world.store, fax, actor="test") == "received"
    execute(world, "update report_states set computed_at = 'epoch'")
    rows = counted(world, reports.volume, reports.latest(world.acme.tenant, now))
    assert sum(row[2] for row in rows) == 1


def test_whoever_looks_within_five_minutes_counts_nothing(world: World) -> None:
    first = reports.refresh(world.portal, world.acme.tenant, datetime.now(UTC))
    call(world, world.acme, datetime.now(UTC), "sent", pages=1)
    assert reports.refresh(world.portal, world.acme.tenant, datetime.now(UTC)) == first
    execute(world, "update report_states set computed_at = computed_at - interval '5 minutes'")
    assert reports.refresh(world.portal, world.acme.tenant, datetime.now(UTC)) > first


@pytest.mark.parametrize(
    ("number", "country"),
    [("+493023125009", "DE"), ("+12025550123", "US"), ("+16045551234", "CA"), ("+442079460000", "GB"),
     ("+80012345678", "001"), ("+999123456", ""), ("", ""), ("x", "")],
)  # fmt: skip
def test_a_number_is_of_a_country(number: str, country: str) -> None:
    assert numbers.country(number) == country


# ---------------------------------------------------------------------------------------------------------------- pages


def test_the_page_draws_and_lists(world: World, boss: Visitor) -> None:
    now = datetime.now(UTC)
    call(world, world.acme, now, "sent", pages=3, seconds=40, t38="negotiated", code="A 17")
    call(world, world.acme, now, "not-sent", rule="busy")
    page = boss.get("/organisation/reports").text
    assert page.count('<svg class="chart"') == 8
    for said in ("The line was busy", "user@acme.example", "A 17", "carrier", "50%", "100%"):
        assert said in page
    assert "Nothing in this period." in boss.get("/organisation/reports?from=2020-01-01&to=2020-01-02").text
    assert boss.get("/organisation/reports?days=365").status_code == 200


@pytest.mark.parametrize(
    "query", ["days=0", "days=-1", "days=x", "days=9999999999999999999999", "from=x&to=y",
              "from=2026-02-30&to=2026-03-01", "from=2026-03-02&to=2026-03-01", "from=0001-01-01&to=9999-12-31",
              "from=2026-01-01"],
)  # fmt: skip
def test_a_period_that_is_none_is_the_last_days(boss: Visitor, query: str) -> None:
    page = boss.get(f"/organisation/reports?{query}")
    first = reports.latest(boss.office.tenant, datetime.now(UTC)).first
    assert (page.status_code, f'value="{first}"' in page.text) == (200, True)


@pytest.mark.parametrize("made", reports.ALL, ids=lambda made: made.__name__)
def test_each_report_is_a_csv(world: World, boss: Visitor, made: object) -> None:
    call(world, world.acme, datetime.now(UTC), "not-sent", rule="busy", code="=1+1")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        name = made(tx, world.acme.tenant.id, PERIOD).name  # type: ignore[operator]
    answer = boss.get(f"/organisation/reports/{name}.csv?days=2")
    assert answer.content_type == "text/csv; charset=utf-8"
    heading, *rows = csv.reader(io.StringIO(answer.text))
    assert all(len(row) == len(heading) for row in rows)
    if name == "billing":
        assert rows == [["'=1+1", "0", "0"]]
        assert f"/organisation/reports/{name}.csv?from=" in boss.get("/organisation/reports?days=2").text
    assert boss.get("/organisation/reports/nothing.csv").status_code == 404


# --------------------------------------------------------------------------------------------------------------- charts


@pytest.mark.parametrize("text", TEXTS)
def test_a_chart_is_xml_whatever_is_written_in_it(text: str) -> None:
    shown = text.replace("\0", "").encode("utf-8", "replace").decode()
    drawn = charts.rows(shown, [(shown, 1, shown)]) + charts.columns(shown, [shown], [Series(shown, [1])])
    drawn += charts.areas(shown, [shown], [("well", Series(shown, [1]))]) + charts.share([("well", 1, shown)], shown)
    if all(each.isprintable() or each in "\r\n\t" for each in shown):
        root = ET.fromstring(f"<p>{drawn}</p>")
        assert {each.tag.partition("}")[2] for each in root.iter()} <= {
            "",
            "svg",
            "rect",
            "title",
            "text",
            "line",
            "polygon",
        }
    assert "<script>alert" not in drawn


def test_bars_are_as_high_as_their_values() -> None:
    root = ET.fromstring(charts.columns("x", ["a", "b"], [Series("s", [10, 5]), Series("r", [0, 5])]))
    bars = [each for each in root.iter() if each.tag.endswith("rect")]
    heights = [float(each.get("height", "")) for each in bars]
    assert heights == pytest.approx([heights[0], heights[0] / 2, heights[0] / 2])
    # Stacked: the second stands upon the first.
    assert float(bars[2].get("y", "")) == pytest.approx(float(bars[0].get("y", "")), abs=0.2)
    root = ET.fromstring(charts.rows("x", [("a", 0.5, "50%"), ("b", 1, "100%"), ("c", 0, "0%")], most=1))
    wide = [float(each.get("width", "")) for each in root.iter() if each.get("class") == "s0"]
    assert wide == pytest.approx([wide[1] / 2, wide[1], 0])


def test_areas_lie_upon_each_other() -> None:
    series = [("well", Series("s", [0, 1, 2])), ("fault", Series("f", [0, 0, 0])), ("ground", Series("w", [2, 1, 0]))]
    root = ET.fromstring(charts.areas("x", ["a", "b", "c"], series))
    # What is nowhere is not drawn.
    below, above = (each for each in root.iter() if each.tag.endswith("polygon"))
    assert (below.get("class"), above.get("class")) == ("well", "ground")
    corners = [tuple(map(float, each.split(","))) for each in below.get("points", "").split()]
    on, ground = corners[:3], corners[3:]
    assert [x for x, _y in on] == [x for x, _y in reversed(ground)] == sorted(x for x, _y in on)
    high = [foot - y for (_x, y), (_same, foot) in zip(on, reversed(ground), strict=True)]
    assert high == pytest.approx([0, high[2] / 2, high[2]], abs=0.2)
    # The upper one stands upon the lower one's edge.
    assert set(below.get("points", "").split()[:3]) <= set(above.get("points", "").split())


def test_a_bar_has_its_shares_beside_each_other() -> None:
    root = ET.fromstring(charts.share([("well", 3, "a"), ("fault", 0, "b"), ("rest", 1, "c")], "3 of 4"))
    bars = [(each.get("class"), each.get("x"), each.get("width")) for each in root.iter() if each.tag.endswith("rect")]
    assert bars == [("well", "0", "3"), ("rest", "3", "1")]
    assert (root.get("viewBox"), root.get("aria-label")) == ("0 0 4 1", "3 of 4")
    assert 'aria-hidden="true"' in charts.share([])


def test_an_empty_chart_is_one() -> None:
    assert charts.areas("x", [], []).startswith("<svg")
    assert charts.columns("x", [], []).startswith("<svg")
    assert charts.columns("x", ["a"], [Series("s", [0])]).count("<rect") == 0
    assert charts.rows("x", []).startswith("<svg")
