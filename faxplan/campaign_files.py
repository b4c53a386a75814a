"""Files of a campaign's recipients: brought as CSV, looked at, and read by a worker, some lines at a time.

A file lies in the database until it is read. Each batch of lines and how far it has come are one transaction, so
whoever goes on after a crash begins where it stopped. A line that gets no fax is kept with why.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain
from multiprocessing import get_context
from typing import Any

from faxplan import audit, campaigns, contact_files, numbers, tenants
from faxplan.audit import Who
from faxplan.campaigns import FileInHand, NotNow
from faxplan.contact_files import Reading, Record, Sheet, UnreadableFile
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, InvalidNumber, NotFound
from faxplan.language import _
from faxplan.number_policy import NumberBarred, NumberPolicy
from faxplan.tenants import Tenant
from faxplan.users import User

MOST_BYTES = 40 * 1024**2
MOST_LINES = 200_000
AT_ONCE = 5000
"""Lines of a transaction."""
MOST_FIELDS, LONGEST_FIELD = 50, 500
LONG = 10_000
"""Lines: of a file with more, numbers are looked at by several processes."""
_SHOWN, _LOOKED_AT = 20, 1000
"""Lines of a preview."""
_PIECE = 500
_LONGEST_WRITTEN = 80


class NoNumbers(UnreadableFile):
    """Nobody said in which column the numbers are."""

    error_id = "no-column"


class ReadersGone(FaxplanError):
    """A process that looked at numbers was ended from outside, as when memory runs out."""

    error_id = "readers-gone"
    retryable = True


@dataclass(frozen=True, slots=True)
class Preview:
    """A file as it would be read. first: its first lines, each with its number (E.164; None: it is none). lines: that
    it has; unreadable: whose cells cannot be told apart. looked_at: the first so many were; numbers: of those that have
    one."""

    sheet: Sheet = field(repr=False)
    first: Sequence[tuple[Record, str | None]]
    lines: int
    unreadable: int
    looked_at: int
    numbers: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file has been read."""

    lines: int
    lines_read: int


def preview(tx: Transaction, user: User, content: bytes, reading: Reading) -> Preview:
    """Nothing is kept. Raises UnreadableFile."""
    tenant = tenants.get(tx, user.tenant_id)
    sheet = _sheet(content, reading, tenant)
    place = sheet.columns.get("number")
    looked_at = [
        (each, None if place is None else numbers.normalise_or_none(_cell(each, place), tenant.country))
        for each in sheet.records[:_LOOKED_AT]
    ]
    return Preview(
        sheet,
        looked_at[:_SHOWN],
        lines=len(sheet.records),
        unreadable=sum(each.cells is None for each in sheet.records),
        looked_at=len(looked_at),
        numbers=sum(number is not None for _record, number in looked_at),
    )


def bring_numbers(tx: Transaction, user: User, campaign_id: int, written: Sequence[str]) -> Progress:
    """The same of numbers, each as somebody wrote it: a file of one a line, whatever they have in them."""
    content = "\n".join(" ".join(each.replace('"', " ").split()) or "-" for each in written)
    return bring(tx, user, campaign_id, content.encode("utf-8", "replace"), _OF_NUMBERS)


_OF_NUMBERS = Reading("tab", False, {"number": 0}, contact_files.UTF_8)


def bring(tx: Transaction, user: User, campaign_id: int, content: bytes, reading: Reading) -> Progress:
    """Lays a file there, for a worker to read; in place of one that could not be read. Raises UnreadableFile,
    NoNumbers, NotFound, NotNow and FileInHand."""
    check_room(tx, user, campaign_id)
    sheet = _sheet(content, reading, tenants.get(tx, user.tenant_id))
    if not 0 <= sheet.columns.get("number", -1) < sheet.width:
        raise NoNumbers(_("Say in which column the fax numbers are."))
    known = Reading(sheet.separator, sheet.heading is not None, dict(sheet.columns), sheet.encoding)
    tx.execute(
        """insert into campaign_files (tenant_id, campaign_id, content, reading, lines) values (%s, %s, %s, %s, %s)""",
        (user.tenant_id, campaign_id, content, json.dumps(asdict(known)), len(sheet.records)),
    )
    tx.notify(CHANNEL)
    return Progress(len(sheet.records), 0)


def check_room(tx: Transaction, user: User, campaign_id: int) -> None:
    """Whether this user may add recipients now, and nobody else until commit; what could not be read goes. Raises
    NotFound, Forbidden, NotNow and FileInHand."""
    campaign = campaigns.hold(tx, user, campaign_id)
    campaigns.check_own(user, campaign)
    if campaign.state not in ("draft", "paused"):
        raise NotNow(_("Pause the campaign before you add recipients."))
    of = (user.tenant_id, campaign_id)
    tx.execute("delete from campaign_files where tenant_id = %s and campaign_id = %s and wrong <> ''", of)
    if tx.value("select exists (select from campaign_files where tenant_id = %s and campaign_id = %s)", of):
        raise FileInHand(_("A file of this campaign is being read. Add the next one when that is done."))


def take_away(tx: Transaction, user: User, campaign_id: int, *, actor: Who) -> None:
    """Reads no more of its file; who was entered stays. Raises NotFound, also where there is none."""
    campaigns.hold(tx, user, campaign_id)
    row = tx.row(
        """delete from campaign_files where tenant_id = %s and campaign_id = %s returning lines, lines_read""",
        (user.tenant_id, campaign_id),
    )
    if row is None:
        raise NotFound(_("No file of this campaign is being read."))
    audit.record(
        tx, user.tenant_id, actor=actor, action="campaign.file-remove", object=f"campaign:{campaign_id}", **row
    )


CHANNEL = "faxplan_campaign"
"""Notified when there is something to do for who lets campaigns go on."""


def read(db: Database, tenant_id: int, campaign_id: int) -> Iterator[Progress]:
    """Reads a file to its end (role portal), with a transaction for each batch. Of two who read at once one stops, and
    nothing is there twice; who reads one that was taken away stops as well. What cannot be read is
    so noted, in words for its user, and read no more. Raises UnreadableFile, and ReadersGone."""
    with db.tenant(tenant_id) as tx:
        row = tx.row(
            """select content, reading, lines, lines_read, brought_at from campaign_files
               where tenant_id = %s and campaign_id = %s and wrong = ''""",
            (tenant_id, campaign_id),
        )
        tenant = tenants.get(tx, tenant_id)
    if row is None:
        return
    try:
        yield from _read(db, tenant, campaign_id, row)
    except BrokenProcessPool as error:
        raise ReadersGone("What looked at the numbers was ended from outside. It is begun anew.") from error
    except FaxplanError as error:
        if not error.retryable:
            with db.tenant(tenant_id) as tx:
                tx.execute(
                    f"update campaign_files set wrong = %(why)s where {_THIS}",
                    _this(tenant_id, campaign_id, row) | {"why": str(error)},
                )
        raise


_THIS = "tenant_id = %(tenant)s and campaign_id = %(campaign)s and brought_at = %(brought)s"
"""A file, and not the one that came after it."""


def _this(tenant_id: int, campaign_id: int, row: Row) -> dict[str, Any]:
    return {"tenant": tenant_id, "campaign": campaign_id, "brought": row["brought_at"]}


def _read(db: Database, tenant: Tenant, campaign_id: int, row: Row) -> Iterator[Progress]:
    this = _this(tenant.id, campaign_id, row)
    sheet = _sheet(bytes(row["content"]), Reading(**json.loads(row["reading"])), tenant)
    done = row["lines_read"]
    with _judge(row["lines"] - done, tenant) as look:
        for batch in _batches(sheet, done, look):
            with db.tenant(tenant.id) as tx:
                campaigns.take_turn(tx, tenant.id)
                if not tx.execute(
                    f"update campaign_files set lines_read = %(after)s where {_THIS} and lines_read = %(done)s",
                    this | {"after": done + len(batch), "done": done},
                ):
                    return
                _enter(tx, tenant.id, campaign_id, batch)
            done += len(batch)
            yield Progress(row["lines"], done)
    with db.tenant(tenant.id) as tx:
        tx.execute(f"delete from campaign_files where {_THIS}", this)


@dataclass(frozen=True, slots=True)
class _Line:
    line: int
    written: str
    number: str | None
    name: str
    fields: str
    why: str | None


def _sheet(content: bytes, reading: Reading, tenant: Tenant) -> Sheet:
    def is_number(cell: str) -> bool:
        return numbers.normalise_or_none(cell, tenant.country) is not None

    return contact_files.read(content, is_number, reading, most_bytes=MOST_BYTES, most_lines=MOST_LINES)


Judge = Callable[[Sequence[str]], Iterable["Judged"]]
"""May begin at once, and is waited for where the first is asked for."""
Judged = tuple[str | None, str | None]
"""A number in E.164, and why it gets no fax."""


@contextmanager
def _judge(lines: int, tenant: Tenant) -> Iterator[Judge]:
    """Looks at numbers; of a long file in as many processes as there are processors: it is nearly all that is to do."""
    alone = partial(judge, country=tenant.country, policy=tenant.number_policy)
    if lines < LONG:
        yield alone
        return
    with ProcessPoolExecutor(os.cpu_count(), get_context("forkserver")) as pool:

        def together(written: Sequence[str]) -> Iterable[Judged]:
            return chain.from_iterable(
                pool.map(alone, [written[at : at + _PIECE] for at in range(0, len(written), _PIECE)])
            )

        yield together


def judge(written: Sequence[str], *, country: str, policy: NumberPolicy) -> list[Judged]:
    """Of each number as it was written."""
    return [_number(each, country, policy) for each in written]


def _batches(sheet: Sheet, start: int, look: Judge) -> Iterator[list[_Line]]:
    """So many lines at a time; the next are looked at while these are entered."""
    place = sheet.columns["number"]
    ahead: tuple[Sequence[Record], Sequence[str], Iterable[Judged]] | None = None
    for at in range(start, len(sheet.records), AT_ONCE):
        records = sheet.records[at : at + AT_ONCE]
        cells = [(_cell(each, place) if each.cells is not None else each.raw).strip() for each in records]
        begun = records, cells, look(cells)
        if ahead is not None:
            yield _lines(sheet, *ahead)
        ahead = begun
    if ahead is not None:
        yield _lines(sheet, *ahead)


def _lines(sheet: Sheet, records: Sequence[Record], cells: Sequence[str], judged: Iterable[Judged]) -> list[_Line]:
    found = []
    for record, written, (number, why) in zip(records, cells, judged, strict=True):
        entry = contact_files.entry_of(record, sheet.columns) if record.cells is not None else None
        found.append(
            _Line(
                record.line, _plain(written)[:_LONGEST_WRITTEN], number, _plain(entry.name if entry else "")[:200],
                json.dumps(_fields(sheet, record)), why,
            )
        )  # fmt: skip
    return found


def _number(written: str, country: str, policy: NumberPolicy) -> Judged:
    try:
        parsed = numbers.read(written, country)
        number = numbers.e164_of(parsed, written)
    except InvalidNumber:
        return None, "invalid-number"
    try:
        policy.check(number, parsed)
    except NumberBarred:
        return number, "number-barred"
    return number, None


def _fields(sheet: Sheet, record: Record) -> Mapping[str, str]:
    """What stands beside the number, by the heading of its column."""
    cells = record.cells or []
    headings = sheet.heading or [f"column {place}" for place in range(1, len(cells) + 1)]
    pairs = zip(headings[:MOST_FIELDS], cells, strict=False)
    return {
        _plain(name)[:_LONGEST_WRITTEN]: _plain(cell)[:LONGEST_FIELD]
        for place, (name, cell) in enumerate(pairs)
        if name.strip() and cell.strip() and place != sheet.columns["number"]
    }


def _cell(record: Record, place: int) -> str:
    cells = record.cells or []
    return cells[place] if place < len(cells) else ""


def _plain(text: str) -> str:
    """What the database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _enter(tx: Transaction, tenant_id: int, campaign_id: int, lines: Sequence[_Line]) -> None:
    """Each number once; none to whom nothing is to be faxed."""
    given: dict[str, Any] = {"tenant": tenant_id, "campaign": campaign_id}
    for name in ("line", "written", "number", "name", "fields", "why"):
        given[name] = [getattr(each, name) for each in lines]
    tx.execute(
        """with given as (
               select * from unnest(%(line)s::integer[], %(written)s::text[], %(number)s::text[], %(name)s::text[],
                                    %(fields)s::text[], %(why)s::text[]) g (line, written, number, name, fields, why)),
           judged as (
               select g.line, g.written, g.number, g.name, g.fields, case
                   when g.why is not null then g.why
                   when d.number is not null then 'do-not-fax'
                   when r.number is not null
                        or row_number() over (partition by g.number, g.why is null order by g.line) > 1
                       then 'duplicate' end as why
               from given g
               left join do_not_fax d on d.tenant_id = %(tenant)s and d.number = g.number
               left join campaign_recipients r on r.tenant_id = %(tenant)s and r.campaign_id = %(campaign)s
                    and r.number = g.number and r.state <> 'left-out')
           insert into campaign_recipients (tenant_id, campaign_id, line, written, number, name, fields, state, why)
           select %(tenant)s, %(campaign)s, line, written, number, name, fields::jsonb,
                  case when why is null then 'waiting' else 'left-out' end, why
           from judged order by line""",
        given,
    )
