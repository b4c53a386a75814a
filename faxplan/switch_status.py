"""What the switch's operator sees at fs_cli: this node, its calls, the trunks, and one fax, each as plain lines.

Worked out inside the switch, beside calls: of what is in memory, and of short statements by a connection of their own
that gives up in seconds. Numbers are shown, as `show channels` shows them; docs/operation.md has examples.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import faxplan
from faxplan import trunk_health
from faxplan.config import Settings
from faxplan.db import Database, Row, Transaction
from faxplan.journal import Journal
from faxplan.live_calls import LiveCall
from faxplan.pending import Pending

SECONDS = 2
"""For a connection, and for a statement: whoever asks waits, and nobody else."""
MOST_CALLS, MOST_ATTEMPTS = 200, 5


class AtWork(Protocol):
    """A runtime, as far as it is looked at from another thread."""

    started_at: float

    def calls(self) -> list[tuple[LiveCall, int]]:
        """See runtime.Runtime."""

    def hears_database(self) -> bool:
        """See runtime.Runtime."""


@contextmanager
def opened(settings: Settings) -> Iterator[Transaction]:
    """A transaction of role switch, by a connection of its own. Raises DatabaseUnavailable, soon."""
    db = Database(
        settings.database_url_for("switch"),
        max_connections=1,
        wait_seconds=SECONDS,
        connect_seconds=SECONDS,
        statement_seconds=SECONDS,
    )
    try:
        with db.across_tenants() as tx:
            yield tx
    finally:
        db.close()


def state(settings: Settings, runtime: AtWork | None) -> str:
    """In a few words, what this node's runtime does."""
    if settings.stop_file.exists():
        return "stopped on purpose; `python fax_queue::start` starts it"
    if runtime is None:
        return "not running in this switch; `python fax_queue::start` starts it"
    if settings.pause_file.exists():
        return "paused: dials nothing new; `python fax_queue::resume` lets it"
    if not runtime.hears_database():
        return "waits for PostgreSQL; calls go on, nothing new is dialled"
    return "at work"


def here(settings: Settings, runtime: AtWork | None, journal: Journal, pending: Pending) -> list[str]:
    """What is known without the database."""
    lines = [f"Node       {settings.node}, Faxplan {faxplan.__version__}", f"Runtime    {state(settings, runtime)}"]
    if runtime is not None:
        calls = runtime.calls()
        dialled = sum(call.dialled_at is not None for call, _ in calls)
        lines.append(f"Up for     {duration(time.time() - runtime.started_at)}")
        lines.append(f"In hand    {len(calls)} calls to send, {dialled} of them dialled")
    outcomes, faxes = sum(1 for _ in journal.waiting()), pending.count()
    lines.append(f"On disk    {outcomes} outcomes that are not settled, {faxes} received faxes that are not delivered")
    return lines


def in_database(tx: Transaction, settings: Settings) -> list[str]:
    """This node's calls, and the whole queue."""
    row = tx.one(
        """select (select count(*) from calls where node = %(node)s) as calls,
                  (select count(*) from calls where node = %(node)s and direction = 'inbound') as inbound,
                  (select count(*) from calls) as everywhere,
                  (select draining_since is not null from nodes where name = %(node)s) as drains,
                  count(*) as faxes, count(*) filter (where not_before <= now()) as due,
                  coalesce(extract(epoch from max(now() - not_before) filter (where not_before <= now())), 0)::float
                      as oldest
           from fax_queue""",
        {"node": settings.node},
    )
    waits = f", the oldest for {duration(row['oldest'])}" if row["due"] else ""
    mine = f"{row['calls']} of {settings.max_channels}, {row['inbound']} of them received"
    drained = ["Drained    takes no calls, until `faxplan node resume` lets it"] if row["drains"] else []
    return [
        *drained,
        f"Calls      {mine}; {row['everywhere']} on all nodes",
        f"Queue      {row['faxes']} faxes, {row['due']} due{waits} (all nodes)",
    ]


def calls_of(tx: Transaction, node: str, runtime: AtWork | None) -> list[str]:
    """This node's calls, both directions."""
    rows = tx.rows(
        """select c.attempt_id, c.fax_id, t.slug, c.direction, coalesce(k.name, '-') as trunk, c.destination, c.pages,
                  c.channel_uuid, extract(epoch from now() - c.started_at)::float as seconds, count(*) over () as total
           from calls c join tenants t on t.id = c.tenant_id left join trunks k on k.id = c.trunk_id
           where c.node = %s order by c.started_at, c.attempt_id limit %s""",
        (node, MOST_CALLS),
    )
    told = {call.fax.channel_uuid: pages for call, pages in runtime.calls()} if runtime is not None else {}
    shown = [
        (
            row["fax_id"], row["attempt_id"], row["slug"], "out" if row["direction"] == "outbound" else "in",
            row["trunk"], row["destination"], max(row["pages"], told.get(row["channel_uuid"], 0)),
            duration(row["seconds"]), row["channel_uuid"],
        )
        for row in rows
    ]  # fmt: skip
    headings = ("FAX", "ATTEMPT", "TENANT", "WAY", "TRUNK", "NUMBER", "PAGES", "FOR", "CHANNEL")
    return _with_rest(table(headings, shown, "No call runs on this node."), rows)


def calls_in_memory(runtime: AtWork) -> list[str]:
    """Those that the runtime has in hand, while the database is away."""
    now = time.monotonic()
    shown = [
        (
            call.fax.fax_id, call.fax.attempt_id, call.fax.trunk.name if call.fax.trunk else "-",
            call.fax.called_number, pages,
            "not dialled" if call.dialled_at is None else duration(now - call.dialled_at), call.fax.channel_uuid,
        )
        for call, pages in runtime.calls()[:MOST_CALLS]
    ]  # fmt: skip
    return table(("FAX", "ATTEMPT", "TRUNK", "NUMBER", "PAGES", "FOR", "CHANNEL"), shown, "None in hand.")


def trunks_of(tx: Transaction, node: str) -> list[str]:
    """Every trunk, as this node may use it."""
    shown = [
        (
            row["name"], _trunk_state(row, node),
            f"{row['calls']} of {row['max_calls']}" if row["max_calls"] else str(row["calls"]),
            row["failures"], (row["last_failure"] or "-")[:60],
        )
        for row in trunk_health.everyone(tx)
    ]  # fmt: skip
    return table(("TRUNK", "STATE", "CALLS", "FAILED IN A ROW", "LAST FAILURE"), shown, "There is no trunk yet.")


def _trunk_state(row: Row, node: str) -> str:
    if not row["enabled"]:
        return "switched off"
    if row["unregistered_on"] or row["registered_by"] not in (None, node):
        fails = ", and cannot" if row["unregistered_on"] else ""
        return f"registered by {row['registered_by']}, which alone dials{fails}"
    if row["rests_seconds"]:
        return f"rests for {row['rests_seconds']} s"
    if node in row["down_on"]:
        return "unreachable from this node"
    if row["down_on"]:
        return f"up; not from {', '.join(row['down_on'])}"
    return "tried with one call" if row["is_tried"] else "up"


def fax_of(tx: Transaction, fax_id: int) -> list[str] | None:
    """A fax of any tenant, and its last calls; None: there is none with this number."""
    tx.enter_tenants(row["id"] for row in tx.rows("select id from tenants"))
    fax = tx.row(
        """select f.id, t.slug, f.direction, f.state, f.called_number, f.pages, f.pages_done, f.attempts_made,
                  f.explanation, q.lane, c.node, c.channel_uuid, c.attempt_id, k.name as trunk,
                  extract(epoch from now() - f.created_at)::float as age,
                  extract(epoch from q.not_before - now())::float as due_in
           from faxes f join tenants t on t.id = f.tenant_id
           left join fax_queue q on q.tenant_id = f.tenant_id and q.fax_id = f.id
           left join calls c on c.tenant_id = f.tenant_id and c.fax_id = f.id
           left join trunks k on k.id = c.trunk_id
           where f.id = %s and f.tenant_id = any ((select claimed_tenants())::bigint[])""",
        (fax_id,),
    )
    if fax is None:
        return None
    pages = f"{fax['pages_done']} of {fax['pages'] or '?'} pages done"
    lines = [
        f"Fax        {fax['id']} of {fax['slug']}, {fax['direction']}, to {fax['called_number']}",
        f"State      {fax['state']}, {pages}, made {duration(fax['age'])} ago",
    ]
    if fax["due_in"] is not None:
        due = "now" if fax["due_in"] <= 0 else f"in {duration(fax['due_in'])}"
        lines.append(f"Queue      due {due}, lane {fax['lane']}")
    if fax["attempt_id"] is not None:
        lines.append(
            f"Call       attempt {fax['attempt_id']} on {fax['node']} through {fax['trunk'] or '-'}, "
            f"channel {fax['channel_uuid']}"
        )
    if fax["explanation"]:
        lines.append(f"Words      {fax['explanation']}")
    return [*lines, *_attempts(tx, fax_id)]


def _attempts(tx: Transaction, fax_id: int) -> list[str]:
    rows = tx.rows(
        """select id, number, coalesce(trunk, '-') as trunk, node, coalesce(outcome, 'runs') as outcome,
                  coalesce(hangup_cause, '-') as cause, coalesce(sip_code::text, '-') as sip,
                  coalesce(fax_result_code::text, '-') as fax, pages, coalesce(rule, '-') as rule,
                  count(*) over () as total
           from attempts where fax_id = %s and tenant_id = any ((select claimed_tenants())::bigint[])
           order by number desc limit %s""",
        (fax_id, MOST_ATTEMPTS),
    )
    headings = ("ATTEMPT", "CALL", "TRUNK", "NODE", "OUTCOME", "CAUSE", "SIP", "T.30", "PAGES", "RULE")
    shown = [
        (row["id"], row["number"], row["trunk"], row["node"], row["outcome"], row["cause"], row["sip"], row["fax"],
         row["pages"], row["rule"])
        for row in rows
    ]  # fmt: skip
    return _with_rest(table(headings, shown, "No call was made for it yet."), rows)


def _with_rest(lines: list[str], rows: Sequence[Row]) -> list[str]:
    more = rows[0]["total"] - len(rows) if rows else 0
    return [*lines, f"and {more} more"] if more else lines


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> list[str]:
    """Aligned columns."""
    if not rows:
        return [empty]
    texts = [[str(each) for each in row] for row in (headings, *rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(headings))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def duration(seconds: float) -> str:
    """Such as `42 s`, `3 min 20 s`, `2 h 5 min` or `4 days`."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 2 * 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} days"
