"""Call detail records: one row an attempt, streamed, with stable columns. docs/records.md describes each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from faxplan import spreadsheets, time_line
from faxplan.attempts import ANONYMOUS
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError

CALL, NO_CHANNEL, INTERNAL = "call", "no-channel", "internal"
"""What an attempt was. no-channel: the switch made none, and no INVITE was sent. internal: delivered without a call."""

_KIND = f"case when a.internal then '{INTERNAL}' when a.channel is false then '{NO_CHANNEL}' else '{CALL}' end"
_INBOUND = "f.direction = 'inbound'"
# RFC 6076, 4.3: to the first response but 100. A refusal is one; an INVITE that nobody answered had none.
_FIRST_RESPONSE = "coalesce(a.progress_at, a.answered_at, case when a.hung_up_by = 'far-end' then a.ended_at end)"


class InvalidPeriod(FaxplanError):
    """It is no time, or the period ends before it begins."""

    error_id = "invalid-period"


def _seconds(start: str, end: str) -> str:
    # Of nothing there is no difference: greatest() would make 0 of it.
    between = f"round(extract(epoch from {end} - {start}), 3)"
    return f"case when {end} - {start} is not null then greatest({between}, 0) end"


_POST_DIAL_DELAY = f"case when not {_INBOUND} then {_seconds('a.invited_at', _FIRST_RESPONSE)} end"
_BILLABLE = (
    "case when a.answered_at is null and a.ended_at is not null then 0 "
    f"else {_seconds('a.answered_at', 'a.ended_at')} end"
)


@dataclass(frozen=True, slots=True)
class Column:
    """sql: over attempts a, faxes f, tenants t. theirs: somebody outside wrote it. of_calls: only calls have it.

    withheld: it may tell who an anonymous caller is (RFC 3325, 7).
    """

    name: str
    sql: str
    theirs: bool = False
    of_calls: bool = False
    withheld: bool = False


def _plain(*names: str, **more: bool) -> tuple[Column, ...]:
    return tuple(Column(name, f"a.{name}", **more) for name in names)


COLUMNS: tuple[Column, ...] = (
    Column("tenant", "t.slug"),
    Column("fax", "f.id"),
    Column("attempt", "a.number"),
    Column("attempt_id", "a.id"),
    Column("direction", f"case when {_INBOUND} then 'received' else 'sent' end"),
    Column("kind", _KIND),
    Column("test", "f.is_test"),
    Column("called_number", "f.called_number"),
    Column("calling_number", "f.calling_number"),
    *_plain("node", "trunk", "route_prefix", "dialled"),
    *_plain("caller_id", theirs=True),
    *_plain("started_at"),
    *_plain("invited_at", "progress_at", "answered_at", of_calls=True),
    *_plain("ended_at"),
    Column("post_dial_delay", _POST_DIAL_DELAY, of_calls=True),
    Column("answer_seconds", _seconds("a.invited_at", "a.answered_at"), of_calls=True),
    Column("billable_seconds", _BILLABLE, of_calls=True),
    *_plain("start_page", "pages"),
    Column("fax_pages", "f.pages"),
    Column("fax_state", "f.state"),
    *_plain("outcome", "rule"),
    *_plain("explanation", theirs=True),
    *_plain("hung_up_by", "sip_code", of_calls=True),
    *_plain("sip_phrase", theirs=True),
    *_plain("q850_cause", "hangup_cause", "fax_result_code"),
    *_plain("fax_result_text", theirs=True),
    *_plain("t38_status", "codec", of_calls=True),
    *_plain("ecm_used", "v17_disabled", "transfer_rate", "bad_rows", "encoding", "image_resolution"),
    *_plain("local_station_id", "remote_station_id", "remote_country", "remote_vendor", "remote_model", theirs=True),
    *_plain("sip_call_id", theirs=True),
    *_plain("channel_uuid", of_calls=True),
    *_plain("peer_address", "peer_port"),
    *_plain("media_address", theirs=True),
    *_plain("called_from"),
    *_plain("invite_uri", "invite_to", theirs=True),
    *_plain("invite_from", "invite_asserted", theirs=True, withheld=True),
    *_plain("invite_diversion", theirs=True),
    *_plain("verstat", "attest", "t38_offered", "ecm_offered", "v17_offered"),
    Column("billing_code", "f.billing_code", theirs=True),
)
_SELECTED = ", ".join(
    f"case when {_KIND} = '{CALL}' then {each.sql} end as {each.name}"
    if each.of_calls
    else f"{each.sql} as {each.name}"
    for each in COLUMNS
)
_WITHHELD = tuple(each.name for each in COLUMNS if each.withheld)


@dataclass(slots=True)
class Totals:
    """What was exported. Seconds are billable ones, of calls that went out and of those that came in."""

    attempts: int = 0
    by_kind: dict[str, int] = field(default_factory=lambda: {CALL: 0, NO_CHANNEL: 0, INTERNAL: 0})
    pages: dict[str, int] = field(default_factory=lambda: {"sent": 0, "received": 0})
    seconds: dict[str, float] = field(default_factory=lambda: {"sent": 0.0, "received": 0.0})

    def add(self, row: Row) -> None:
        self.attempts += 1
        self.by_kind[row["kind"]] += 1
        self.pages[row["direction"]] += row["pages"]
        self.seconds[row["direction"]] += float(row["billable_seconds"] or 0)


@dataclass(frozen=True, slots=True)
class Period:
    """Attempts that began in it. since: the first moment; until: the first one that is too late. None: no limit."""

    since: datetime | None = None
    until: datetime | None = None


def period(since: str | None, until: str | None, zone: ZoneInfo) -> Period:
    """From days (`2026-11-30`: its midnight) or times, by the clock of `zone` where they name no offset.

    Raises InvalidPeriod.
    """
    made = Period(_moment(since, zone), _moment(until, zone))
    if made.since is not None and made.until is not None and made.since >= made.until:
        raise InvalidPeriod(f"The period ends ({until}) before it begins ({since}). --to is the first day after it.")
    return made


def records(tx: Transaction, tenant_id: int, wanted: Period, zone: ZoneInfo, *, withheld: bool) -> Iterator[Row]:
    """A tenant's rows, by time, with times in `zone`. withheld: also what would tell who an anonymous caller is."""
    found = tx.stream(
        f"""select {_SELECTED}
            from attempts a join faxes f on f.tenant_id = a.tenant_id and f.id = a.fax_id
            join tenants t on t.id = a.tenant_id
            where a.tenant_id = %(tenant)s and a.started_at >= coalesce(%(since)s, '-infinity'::timestamptz)
              and a.started_at < coalesce(%(until)s, 'infinity'::timestamptz)
            order by a.started_at, a.id""",
        {"tenant": tenant_id, "since": wanted.since, "until": wanted.until},
    )
    for row in found:
        if not withheld and row["caller_id"] == ANONYMOUS:
            row.update(dict.fromkeys(_WITHHELD))
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = value.astimezone(zone)
        yield row


def csv_cells(row: Row) -> list[str]:
    """A row for a CSV file: nothing in it is a formula to a spreadsheet, or an order to a terminal."""
    return [_cell(each, row[each.name]) for each in COLUMNS]


def plain(value: Any) -> Any:
    """A value for JSON."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return value if value is None or isinstance(value, (bool, int, str)) else float(value)


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(plain(value))
    text = time_line.visible(value)
    return spreadsheets.inert(text) if column.theirs else text


def _moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidPeriod(f"{text[:40]!r} is no time. Write it as 2026-11-30, or as 2026-11-30 08:00.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidPeriod(f"{text[:40]!r} is before or after all calendars. Leave it out for no limit.") from None
