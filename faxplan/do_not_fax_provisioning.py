"""A tenant's do-not-fax list, changed: by its users, who enter numbers, and its administrators, who take them off.

Each function is one transaction with its audit row in the tenant's chain. `slug` is a tenant's short name, `actor` as
audit.record takes it; `number`: as it is dialled in the tenant's country, or E.164. Errors: NotFound, InvalidNumber,
ConstraintViolated.
"""

import csv
import io
import re
from collections.abc import Iterator

from faxplan import audit, do_not_fax, numbers, spreadsheets, tenants
from faxplan.audit import Who, name_of
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, InvalidNumber
from faxplan.language import _
from faxplan.tenants import Tenant

COLUMNS = ("number", "reason", "added_by", "added_at")
MOST_LINES = 20_000


class InvalidList(FaxplanError):
    """A file is no list of numbers."""

    error_id = "invalid-list"


def add(admin: Database, actor: Who, slug: str, number: str, reason: str) -> str:
    """The number in E.164; what is on the list stays as it is."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        return _added(tx, actor, tenant, numbers.normalise(number, tenant.country), reason)


def add_own(portal: Database, actor: Who, tenant_id: int, number: str, reason: str) -> str:
    """As `add`, by a user (role portal)."""
    with portal.tenant(tenant_id) as tx:
        tenant = tenants.get(tx, tenant_id)
        return _added(tx, actor, tenant, numbers.normalise(number, tenant.country), reason)


def _added(tx: Transaction, actor: Who, tenant: Tenant, e164: str, reason: str) -> str:
    if do_not_fax.add(tx, tenant.id, e164, reason, name_of(actor)):
        audit.record(tx, tenant.id, actor=actor, action="do-not-fax.add", object=f"number:{e164}", reason=reason)
    return e164


def remove(admin: Database, actor: Who, slug: str, number: str) -> str:
    """The number in E.164. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        e164 = numbers.normalise(number, tenant.country)
        do_not_fax.remove(tx, tenant.id, e164)
        audit.record(tx, tenant.id, actor=actor, action="do-not-fax.remove", object=f"number:{e164}")
    return e164


def read_in(admin: Database, actor: Who, slug: str, text: str) -> int:
    """Adds what a CSV file has: a number a line, a reason beside it. All of it, or nothing; how many were new.

    Raises InvalidList, with the lines that are wrong.
    """
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        found = _lines(text, tenant.country)
        count = sum(do_not_fax.add(tx, tenant.id, number, reason, name_of(actor)) for number, reason in found.items())
        audit.record(
            tx, tenant.id, actor=actor, action="do-not-fax.read-in", object=f"tenant:{tenant.id}", lines=len(found),
            added=count,
        )  # fmt: skip
    return count


def _lines(text: str, country: str) -> dict[str, str]:
    found: dict[str, str] = {}
    wrong: list[str] = []
    try:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
    except csv.Error as error:
        raise InvalidList(
            _("This is no CSV file: {error}. Write a number a line, and a reason behind a comma.").format(error=error)
        ) from error
    if len(rows) > MOST_LINES:
        raise InvalidList(
            _("The file has {rows} lines: {most_lines} at most at a time. Send it in parts.").format(
                rows=len(rows), most_lines=MOST_LINES
            )
        )
    for line, row in enumerate(rows, 1):
        cells = [each.strip() for each in (*row, "", "")]
        if not any(cells) or (line == 1 and cells[0].lower() == COLUMNS[0]):
            continue
        try:
            number = numbers.normalise(cells[0].removeprefix("'"), country)
        except InvalidNumber:
            wrong.append(f"line {line} ({cells[0][:30]})")
            continue
        if len(cells[1]) > do_not_fax.LONGEST_REASON or "\0" in cells[1]:
            wrong.append(f"line {line} (its reason)")
        found[number] = cells[1]
    if wrong:
        more = f", and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise InvalidList(
            _("Nothing was added. These are no numbers: {wrong}{more}. Mend the file first.").format(
                wrong=", ".join(wrong[:10]), more=more
            )
        )
    return found


def written(rows: list[Row]) -> Iterator[str]:
    """Entries (do_not_fax.of_tenant) as lines of CSV, which `read_in` reads."""
    for row in ({name: name for name in COLUMNS}, *rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow([_cell(row[name]) for name in COLUMNS])
        yield line.getvalue()


_NUMBER = re.compile(r"\+[0-9]+")


def _cell(value: object) -> str:
    """Text that no spreadsheet takes for a formula; a number with its + is one that it may."""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text if _NUMBER.fullmatch(text) else spreadsheets.inert(text)


def listed(admin: Database, slug: str | None) -> list[Row]:
    """do_not_fax.of_tenant with `tenant`, of one tenant or of all."""
    with admin.across_tenants() as tx:
        found: list[Row] = []
        for tenant in tenants.each_entered(tx, slug):
            found += [{"tenant": tenant.slug, **row} for row in do_not_fax.of_tenant(tx, tenant.id)]
        return found
