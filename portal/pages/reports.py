"""Reports of an organisation: drawn, listed, and as CSV."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_skeleton
from markupsafe import Markup
from werkzeug.wrappers import Response

from faxplan import language, quotas, reports, spreadsheets
from faxplan.errors import NotFound
from faxplan.language import _, marked
from faxplan.reports import Days, Report
from portal import answers, charts
from portal.charts import Series
from portal.visit import Visit

PERIODS = (7, 30, 90, 365)
_BY_MONTH = 92
"""A period of more days is drawn by month."""


@dataclass(frozen=True, slots=True)
class Shown:
    """title, and headings by column: marked. chart: drawn; empty: there is nothing to draw."""

    report: Report
    title: str
    headings: tuple[str, ...]
    chart: Markup

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """For the table: those of days without anything are left out."""
        if self.report.name != "volume":
            return self.report.rows
        return [row for row in self.report.rows if any(row[1:])]


def page(visit: Visit) -> Response:
    """GET: all reports of a period."""
    tenant = visit.its_tenant
    days = _period(visit)
    computed_at = reports.refresh(visit.db, tenant, visit.now)
    with visit.db.tenant(tenant.id) as tx:
        found = {report.name: report for report in (each(tx, tenant.id, days) for each in reports.ALL)}
        used = quotas.of_tenant(tx, tenant.id)
    shown = [
        Shown(report, *_TITLES[name], _CHARTS[name](report) if report.rows else Markup(""))
        for name, report in found.items()
    ]
    return answers.page(
        visit,
        "reports.html",
        shown=shown,
        days=days,
        periods=PERIODS,
        computed_at=computed_at,
        quotas=used,
        summary=_summary(found),
    )


def table(visit: Visit, name: str) -> Response:
    """GET: one report as CSV. name: with .csv."""
    tenant = visit.its_tenant
    days = _period(visit)
    made = next((each for each in reports.ALL if f"{each.__name__}.csv" == name), None)
    if made is None:
        raise NotFound(_("There is no such report."))
    reports.refresh(visit.db, tenant, visit.now)
    with visit.db.tenant(tenant.id) as tx:
        report = made(tx, tenant.id, days)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(report.columns)
    writer.writerows([_cell(each) for each in row] for row in report.rows)
    response = Response(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{report.name}-{days.first}-{days.last}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cell(value: Any) -> str:
    return spreadsheets.inert(value) if isinstance(value, str) else str(value)


def _period(visit: Visit) -> Days:
    """As the address says: `days` up to today, or `from` and `to`; what is none is the last 30 days."""
    given = visit.request.args
    try:
        if "from" in given or "to" in given:
            days = Days(date.fromisoformat(given.get("from", "")), date.fromisoformat(given.get("to", "")))
            if not 0 <= (days.last - days.first).days < reports.LONGEST_DAYS:
                raise ValueError
            return days
        count = int(given.get("days", "30"))
        if not 0 < count <= reports.LONGEST_DAYS:
            raise ValueError
        return reports.latest(visit.its_tenant, visit.now, count)
    except (ValueError, OverflowError):
        return reports.latest(visit.its_tenant, visit.now)


def _summary(found: dict[str, Report]) -> list[tuple[str, str]]:
    """The figures of the whole period: (what, how much)."""
    volume, trunks = found["volume"], found["trunks"]
    sent, received, pages_sent, pages_received = (sum(row[at] for row in volume.rows) for at in range(1, 5))
    calls, successful = sum(row[1] for row in trunks.rows), sum(row[2] for row in trunks.rows)
    with_pages = sum(row[2] for row in found["transmission"].rows)
    by_t38 = sum(row[2] for row in found["transmission"].rows if row[1] == "negotiated")
    return [
        (_("Faxes sent"), language.number(sent)),
        (_("Faxes received"), language.number(received)),
        (_("Pages sent"), language.number(pages_sent)),
        (_("Pages received"), language.number(pages_received)),
        (_("Calls that brought pages across"), _share(successful, calls)),
        (_("Calls by T.38"), _share(by_t38, with_pages)),
    ]


def _share(part: int, whole: int) -> str:
    return language.share(part / whole) if whole else "-"


_TITLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "volume": (
        marked("Faxes and pages"),
        (marked("Day"), marked("Sent"), marked("Received"), marked("Pages sent"), marked("Pages received")),
    ),
    "trunks": (
        marked("By trunk"),
        (marked("Trunk"), marked("Calls"), marked("With pages"), marked("Pages"), marked("By T.38"), marked("Seconds")),
    ),
    "destinations": (
        marked("By destination"),
        (
            marked("Country"),
            marked("Calls"),
            marked("With pages"),
            marked("Pages"),
            marked("By T.38"),
            marked("Seconds"),
        ),
    ),
    "failures": (marked("Why calls failed"), (marked("Rule"), marked("Reason"), marked("Calls"))),
    "transmission": (
        marked("How pages travelled"),
        (marked("Direction"), marked("T.38"), marked("Calls"), marked("Pages"), marked("Seconds")),
    ),
    "hours": (marked("Busiest hours"), (marked("Hour"), marked("Sent"), marked("Received"))),
    "people": (marked("By person"), (marked("Person"), marked("Faxes"), marked("Pages"))),
    "billing": (marked("By billing code"), (marked("Billing code"), marked("Faxes"), marked("Pages"))),
}


def _volume(report: Report) -> Markup:
    days = [row[0] for row in report.rows]
    if len(days) > _BY_MONTH:
        months = sorted({each.replace(day=1) for each in days})
        places = [_month(each) for each in months]
        values = [
            [sum(row[at] for row in report.rows if row[0].replace(day=1) == month) for month in months] for at in (1, 2)
        ]
    else:
        places = [_day(each) for each in days]
        values = [[row[at] for row in report.rows] for at in (1, 2)]
    series = [Series(_("sent"), values[0]), Series(_("received"), values[1])]
    return charts.columns(_("Faxes that were sent and that came in, over time"), places, series)


def _hours(report: Report) -> Markup:
    series = [
        Series(_("sent"), [row[1] for row in report.rows]),
        Series(_("received"), [row[2] for row in report.rows]),
    ]
    return charts.columns(_("Calls by hour of the day"), [f"{row[0]}" for row in report.rows], series)


def _successes(report: Report) -> Markup:
    bars = [
        (row[0] or "?", row[2] / row[1], f"{_share(row[2], row[1])} / {language.number(row[1])}")
        for row in report.rows
        if row[1]
    ]
    return charts.rows(_("Share of calls that brought pages across"), bars, most=1)


def _failures(report: Report) -> Markup:
    return charts.rows(
        _("Calls that failed, by reason"), [(row[0] or "?", row[2], language.number(row[2])) for row in report.rows]
    )


def _transmission(report: Report) -> Markup:
    bars = [
        (f"{_sides()[row[0]]}, {'T.38' if row[1] == 'negotiated' else 'G.711'}", row[2], language.number(row[2]))
        for row in report.rows
    ]
    return charts.rows(_("Calls with pages, by T.38 or audio"), bars)


def _sides() -> dict[str, str]:
    return {"outbound": _("sent"), "inbound": _("received")}


def _last(report: Report) -> Markup:
    bars: Sequence[tuple[str, float, str]] = [(row[0] or "-", row[2], language.number(row[2])) for row in report.rows]
    return charts.rows(_("Pages that were sent"), bars)


_CHARTS: dict[str, Callable[[Report], Markup]] = {
    "volume": _volume,
    "trunks": _successes,
    "destinations": _successes,
    "failures": _failures,
    "transmission": _transmission,
    "hours": _hours,
    "people": _last,
    "billing": _last,
}


def _day(day: date) -> str:
    return format_skeleton("Md", day, locale=language.current())


def _month(day: date) -> str:
    return format_skeleton("yMMM", day, locale=language.current())
