"""Many DIDs at once: a range of numbers, or a table. All of them are entered, or none.

They are tried first (`tried`), in a transaction that is taken back: what is said there is what would happen.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from faxplan import audit, dids, mailboxes, numbers, tenants
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.tenants import Tenant

MOST = 1000
"""Numbers at once."""
COLUMNS = ("number", "tenant", "mailbox", "name")


class InvalidBatch(FaxplanError):
    """It is no range, or no table of numbers."""

    error_id = "invalid-batch"


class NotAllOfThem(FaxplanError):
    """Some numbers cannot be entered, so none was."""

    error_id = "not-all-of-them"

    def __init__(self, message: str, lines: "Sequence[Line]") -> None:
        super().__init__(message)
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Entry:
    """A number as it was written, and the tenant's mailbox, by its name, to which it is to lead."""

    number: str
    tenant: str
    mailbox: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What would become of an entry. number: E.164; empty where it is none. wrong: why it cannot be entered; empty: it
    can. mailbox_id: 0 where it cannot."""

    entry: Entry
    number: str = ""
    wrong: str = ""
    tenant_id: int = 0
    mailbox_id: int = 0


def read(text: str) -> list[Entry]:
    """The lines of a table (CSV with commas, semicolons or tabs), with or without a first line of COLUMNS.

    Raises InvalidBatch.
    """
    written = text.removeprefix("\ufeff")
    first = written.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = [
            [cell.strip() for cell in row] for row in csv.reader(io.StringIO(written), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        raise InvalidBatch(
            _("This is no table ({error}). Save it as CSV, with a number in each line.").format(error=error)
        ) from error
    rows = [row for row in rows if any(row)]
    if rows and [cell.lower() for cell in rows[0]][: len(COLUMNS)] == list(COLUMNS)[: len(rows[0])]:
        rows = rows[1:]
    _check_count(len(rows))
    for place, row in enumerate(rows, 1):
        if not 3 <= len(row) <= len(COLUMNS):
            raise InvalidBatch(
                _(
                    "Entry {place} has {count} cells. Each has a number, a tenant's short name, a mailbox, and a name "
                    "or nothing."
                ).format(place=place, count=len(row))
            )
    return [Entry(*row) for row in rows]


def written(entries: Sequence[Entry]) -> str:
    """As `read` takes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((each.number, each.tenant, each.mailbox, each.name) for each in entries)
    return text.getvalue()


def of_range(admin: Database, first: str, last: str, tenant: str, mailbox: str) -> list[Entry]:
    """The numbers from the first to the last one, as they are dialled in the tenant's country, or with +.

    Raises InvalidBatch, NotFound and InvalidNumber.
    """
    with admin.across_tenants() as tx:
        country = tenants.by_slug(tx, tenant).country
    begins, ends = (numbers.normalise(each, country) for each in (first, last))
    if len(begins) != len(ends) or begins > ends:
        raise InvalidBatch(
            _("{begins} to {ends} is no range: both have the same number of digits, the lower one first.").format(
                begins=begins, ends=ends
            )
        )
    count = int(ends[1:]) - int(begins[1:]) + 1
    _check_count(count)
    return [Entry(f"+{int(begins[1:]) + each}", tenant, mailbox) for each in range(count)]


def tried(admin: Database, entries: Sequence[Entry]) -> list[Line]:
    """What would become of each, were they entered now. Nothing is changed."""
    try:
        with admin.across_tenants() as tx:
            lines = _enter_all(tx, entries)
            raise _Tried
    except _Tried:
        return lines


def add(admin: Database, actor: Who, entries: Sequence[Entry]) -> int:
    """Enters all of them; how many. One transaction, with a row for each in its tenant's audit. Raises NotAllOfThem."""
    with admin.across_tenants() as tx:
        lines = _enter_all(tx, entries)
        wrong = sum(bool(line.wrong) for line in lines)
        if wrong:
            raise NotAllOfThem(
                _("{wrong} of {lines} cannot be entered, so none was. Mend what is said of them.").format(
                    wrong=wrong, lines=len(lines)
                ),
                lines,
            )
        # The chains one after the other, in the order in which everybody takes them.
        for tenant_id in sorted({line.tenant_id for line in lines}):
            tx.enter_tenant(tenant_id)
            for line in lines:
                if line.tenant_id == tenant_id:
                    audit.record(
                        tx, tenant_id, actor=actor, action="did.add", object=f"did:{line.number}",
                        mailbox=f"mailbox:{line.mailbox_id}",
                    )  # fmt: skip
    return len(lines)


class _Tried(Exception):
    """Takes the transaction back."""


def _enter_all(tx: Transaction, entries: Sequence[Entry]) -> list[Line]:
    known: dict[str, Tenant] = {}
    return [_enter(tx, each, known) for each in entries]


def _enter(tx: Transaction, entry: Entry, known: dict[str, Tenant]) -> Line:
    e164 = ""
    try:
        with tx.apart():
            if entry.tenant not in known:
                known[entry.tenant] = tenants.by_slug(tx, entry.tenant)
            tenant = known[entry.tenant]
            tx.enter_tenant(tenant.id)
            e164 = numbers.normalise(entry.number, tenant.country)
            mailbox_id = mailboxes.by_name(tx, tenant.id, entry.mailbox)
            mailboxes.check_may_receive(tx, tenant.id, mailbox_id)
            dids.assign(tx, tenant.id, e164, mailbox_id)
            if entry.name:
                dids.change(tx, tenant.id, e164, {"name": entry.name})
    except FaxplanError as error:
        if error.retryable:
            raise
        return Line(entry, e164, str(error))
    return Line(entry, e164, "", tenant.id, mailbox_id)


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST:
        raise InvalidBatch(_("There are {count} numbers. Enter 1 to {most} at once.").format(count=count, most=MOST))
