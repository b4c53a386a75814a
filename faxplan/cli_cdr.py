"""`faxplan cdr`: call detail records as CSV or JSON, and whether they add up."""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from faxplan import audit, cdr, cdr_check, cli_output, tenants
from faxplan.cdr import Period, Totals
from faxplan.db import Row
from faxplan.errors import InvalidSetting
from faxplan.tenants import Tenant

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters the command into the parser."""
    records = commands.add_parser("cdr", parents=[common], help="call detail records: CSV, or JSON with --json")
    records.add_argument(
        "--tenant", metavar="TENANT", help="of this tenant only (default: of all, one after the other)"
    )
    records.add_argument("--from", dest="since", metavar="DAY", help="attempts since 2026-11-01, or 2026-11-01 08:00")
    records.add_argument("--to", dest="until", metavar="DAY", help="and before this day, or time")
    records.add_argument("--zone", metavar="ZONE", help="time zone of the period, and of the times (default: the "
                                                        "tenant's; of all tenants: UTC)")  # fmt: skip
    records.add_argument("--withheld", action="store_true",
                         help="with what tells who an anonymous caller is: for a dispute with the carrier, and nobody "
                              "else")  # fmt: skip
    records.add_argument("--reconcile", action="store_true",
                         help="say instead whether the pages add up, of attempts, faxes and quotas")  # fmt: skip
    records.set_defaults(command=_cdr)


def _cdr(context: "Context", options: argparse.Namespace) -> int:
    with context.portal.across_tenants() as tx:
        chosen = tenants.everyone(tx) if options.tenant is None else [tenants.by_slug(tx, options.tenant)]
    zone = _zone(options.zone, chosen if options.tenant else [])
    wanted = cdr.period(options.since, options.until, zone)
    if options.reconcile:
        return _reconcile(context, options, chosen, wanted)
    return _export(context, options, chosen, wanted, zone)


def _zone(name: str | None, chosen: Sequence[Tenant]) -> ZoneInfo:
    if name is None:
        return chosen[0].zone if chosen else ZoneInfo("UTC")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidSetting(f"{name[:60]!r} is no time zone. Give an IANA name, such as Europe/Berlin.") from None


def _export(
    context: "Context", options: argparse.Namespace, chosen: Iterable[Tenant], wanted: Period, zone: ZoneInfo
) -> int:
    writer: _Writer = _Json() if options.json else _Csv()
    totals = Totals()
    writer.begin()
    for tenant in chosen:
        # Before the first row is shown: whoever breaks the export off has seen what is shown so far.
        with context.portal.tenant(tenant.id) as tx:
            audit.record(
                tx,
                tenant.id,
                actor=context.actor,
                action="cdr.export",
                object=f"tenant:{tenant.slug}",
                since=cdr.plain(wanted.since),
                until=cdr.plain(wanted.until),
                withheld=options.withheld,
            )
        # Each in a transaction of its own: the rows of one tenant are all of one moment.
        with context.portal.tenant(tenant.id) as tx:
            for row in cdr.records(tx, tenant.id, wanted, zone, withheld=options.withheld):
                totals.add(row)
                writer.row(row)
    writer.end()
    if not options.json:
        print(_summary(totals), file=sys.stderr)
    return 0


def _summary(totals: Totals) -> str:
    kinds = totals.by_kind
    return (
        f"{totals.attempts} attempts: {kinds[cdr.CALL]} calls, {kinds[cdr.NO_CHANNEL]} without a channel, "
        f"{kinds[cdr.INTERNAL]} internal. Pages: {totals.pages['sent']} sent, {totals.pages['received']} received. "
        f"Billable seconds: {totals.seconds['sent']:.3f} sent, {totals.seconds['received']:.3f} received."
    )


def _reconcile(context: "Context", options: argparse.Namespace, chosen: Iterable[Tenant], wanted: Period) -> int:
    sums, found = [], []
    began = datetime.now(UTC)
    for tenant in chosen:
        with context.portal.tenant(tenant.id) as tx:
            of_tenant, differences = cdr_check.check(tx, tenant.id, tenant.slug, wanted, began=began)
        sums.append(of_tenant)
        found += differences
    with context.portal.across_tenants() as tx:
        is_complete = cdr_check.is_complete(tx)
    if options.tenant is None and wanted == Period() and is_complete:
        found += cdr_check.across(sums)
    if options.json:
        cli_output.print_json({"adds_up": not found, "tenants": sums, "differences": found})
    else:
        rows = [(each.tenant, each.faxes, each.fax_pages, each.attempt_pages) for each in sums]
        cli_output.print_table(("TENANT", "FAXES", "THEIR PAGES", "ATTEMPTS' PAGES"), rows, empty="There is no tenant.")
        for each in found:
            print(cli_output.printable(f"{each.tenant}: {each.what} {each.words}."))
        print("It adds up." if not found else "It does not add up.")
    return 0 if not found else 1


class _Writer(Protocol):
    def begin(self) -> None: ...

    def row(self, row: Row) -> None: ...

    def end(self) -> None: ...


class _Csv:
    """RFC 4180, with a header line."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\r\n")

    def begin(self) -> None:
        self._writer.writerow(each.name for each in cdr.COLUMNS)

    def row(self, row: Row) -> None:
        self._writer.writerow(cdr.csv_cells(row))

    def end(self) -> None:
        """Nothing follows the last row."""


class _Json:
    """One array, a row a line, in ASCII."""

    def __init__(self) -> None:
        self._between = _between()

    def begin(self) -> None:
        print("[", end="")

    def row(self, row: Row) -> None:
        values = {name: cdr.plain(value) for name, value in row.items()}
        print(next(self._between), json.dumps(values, ensure_ascii=True), sep="", end="")

    def end(self) -> None:
        print("\n]")


def _between() -> Iterator[str]:
    yield "\n"
    while True:
        yield ",\n"
