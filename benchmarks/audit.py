"""What a row of the audit costs, beside a plain insert of the same row; and how fast a long audit is verified.

    python benchmarks/audit.py [--inserts 500] [--rounds 15] [--rows 1000000] [--write docs/benchmarks]

The plain table has the same columns and indexes, and neither trigger, hash nor row-level security. Both are written in
turns, on one durable PostgreSQL: one row a transaction, as nearly every act does; a hundred rows a transaction; and
rows that come from within the server, without a client and its statements, which is the hardest comparison there is.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from _live import a_world
from _page import where_and_when, write_section

from faxplan import audit, audit_tree, audit_verification, checkpointing
from faxplan.db import Database, Transaction
from tests import many
from tests.world import World

AIM = 2.5
"""Times a plain insert."""
CHAINS = 20
AT_ONCE = 500
"""Rows in one transaction, where an audit is filled."""
NEW = 1_000

_BARE = """
    create table bare_audit (like audit including defaults including constraints including indexes);
    grant select, insert on bare_audit to faxplan_portal
"""
_INSERT_BARE = """
    insert into bare_audit (tenant_id, sequence, at, actor, action, object, result, details, previous_hash, hash,
                            authenticated, address)
    values (%s, %s, now(), %s, %s, %s, 'done', %s, %s, %s, %s, %s)"""
_FROM_WITHIN = """
    insert into {table} (tenant_id, sequence, at, actor, action, object, result, details, previous_hash, hash,
                         authenticated, address)
    select %(tenant)s, %(first)s + n, now(), 'user:' || n %% 50, 'fax.submit', 'fax:' || n, 'done',
           jsonb_build_object('pages', 3, 'number', '+4930' || n, 'document', 'letter.pdf'),
           repeat('a', 64), repeat('b', 64), 'password+totp', '2001:db8::7'
    from generate_series(1, %(count)s) n"""
DETAILS = {"pages": 3, "number": "+493023125001", "document": "letter.pdf"}


@dataclass
class Pair:
    """Of one way to write: microseconds a row, round by round."""

    way: str
    plain: list[float]
    ours: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(ours / plain for ours, plain in zip(self.ours, self.plain, strict=True))


@dataclass
class Long:
    """Of a long audit. Seconds, and megabytes of this process at most: before, and with all rows verified."""

    rows: int
    grow: float
    verify: float
    checkpoint: float
    before: float
    after: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inserts", type=int, default=500, help="of each kind, in each round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the audit that is verified")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o711)  # PostgreSQL runs as a user of its own
        with a_world(base) as (world, _):
            many.as_superuser(world, _BARE)
            pairs = inserts(world, options.inserts, options.rounds)
            many.add_tenants(world, CHAINS)
            long = verification(world, options.rows)
    text = markdown(pairs, long, options)
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Audit", text)


def inserts(world: World, count: int, rounds: int) -> list[Pair]:
    plain, ours = Plain(world.portal, world.acme.tenant.id), Ours(world.portal, world.acme.tenant.id)
    within = FromWithin(world)
    ways: list[tuple[str, Callable[[], float], Callable[[], float]]] = [
        ("one row a transaction", lambda: plain.write(count, 1), lambda: ours.write(count, 1)),
        ("100 rows a transaction", lambda: plain.write(count, 100), lambda: ours.write(count, 100)),
        ("from within the server", lambda: within.write("bare_audit", count), lambda: within.write("audit", count)),
    ]
    pairs = []
    for name, write_plain, write_ours in ways:
        write_plain(), write_ours()  # warm
        pair = Pair(name, [], [])
        for number in range(rounds):
            first, second = (pair.plain, write_plain), (pair.ours, write_ours)
            for figures, write in (first, second) if number % 2 else (second, first):
                figures.append(write() / count * 1e6)
        pairs.append(pair)
    within.close()
    return pairs


class Ours:
    """The audit, through the gate."""

    def __init__(self, db: Database, tenant_id: int) -> None:
        self.db = db
        self.tenant_id = tenant_id
        self.sequence = 0

    def write(self, count: int, at_once: int) -> float:
        """So many rows, so many in a transaction; seconds."""
        began = time.perf_counter()
        for first in range(0, count, at_once):
            with self.db.tenant(self.tenant_id) as tx:
                for number in range(first, min(first + at_once, count)):
                    self.row(tx, number)
        return time.perf_counter() - began

    def row(self, tx: Transaction, number: int) -> None:
        audit.record(
            tx, self.tenant_id, actor="user:17", action="fax.submit", object=f"fax:{number}",
            authenticated="password+totp", address="2001:db8::7", **DETAILS,
        )  # fmt: skip


class Plain(Ours):
    """The plain table, through the same gate, with the same statements around it."""

    def row(self, tx: Transaction, number: int) -> None:
        self.sequence += 1
        tx.later(
            _INSERT_BARE,
            (self.tenant_id, self.sequence, "user:17", "fax.submit", f"fax:{number}", json.dumps(DETAILS), "a" * 64,
             "b" * 64, "password+totp", "2001:db8::7"),
        )  # fmt: skip


class FromWithin:
    """Both, one statement for all rows."""

    def __init__(self, world: World) -> None:
        self.connection = psycopg2.connect(world.installation.url("faxplan_portal"))
        self.tenant_id = world.borea.tenant.id
        self.first = 0

    def write(self, table: str, count: int) -> float:
        """Seconds."""
        self.first += count
        began = time.perf_counter()
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("select set_config('app.tenant', %s, true)", (str(self.tenant_id),))
            parameters = {"tenant": self.tenant_id, "first": self.first, "count": count}
            cursor.execute(_FROM_WITHIN.format(table=table), parameters)
        return time.perf_counter() - began

    def close(self) -> None:
        self.connection.close()


def verification(world: World, rows: int) -> Long:
    fill(world, rows)
    many.as_superuser(world, "vacuum analyze audit")
    with world.admin.across_tenants() as tx:
        total = tx.value("select sum(sequence)::bigint from audit_heads")
    began = time.perf_counter()
    tree = audit_tree.grow(world.admin, lambda _: None)
    grow = time.perf_counter() - began
    assert tree.frontier.size == total
    first = checkpointing.make(world.settings, world.admin).checkpoint
    before = megabytes()
    began = time.perf_counter()
    found = audit_verification.verify(world.admin, None, [first])
    verify = time.perf_counter() - began
    assert (found.faults, found.rows) == ([], total)
    fill(world, NEW)
    began = time.perf_counter()
    assert checkpointing.make(world.settings, world.admin).new
    return Long(total, grow, verify, time.perf_counter() - began, before, megabytes())


def fill(world: World, rows: int) -> None:
    """Spread over all chains but the first, some rows of each after the other."""
    with world.admin.across_tenants() as tx:
        chains = [row["id"] for row in tx.rows("select id from tenants order by id")]
    with closing(psycopg2.connect(world.installation.url("faxplan_portal"))) as connection:
        for number, first in enumerate(range(0, rows, AT_ONCE)):
            tenant_id = chains[number % len(chains)]
            with connection, connection.cursor() as cursor:
                cursor.execute("select set_config('app.tenant', %s, true)", (str(tenant_id),))
                count = min(AT_ONCE, rows - first)
                cursor.execute(_FROM_WITHIN.format(table="audit"), {"tenant": tenant_id, "first": 0, "count": count})


def megabytes() -> float:
    """What this process has had in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def markdown(pairs: list[Pair], long: Long, options: argparse.Namespace) -> str:
    command = f"python benchmarks/audit.py --inserts {options.inserts} --rounds {options.rounds} --rows {options.rows}"
    lines = [
        f"`{command}`, {where_and_when()}.",
        "",
        "Microseconds a row, median of the rounds (least - most), in turns. The plain table has the same columns and",
        "indexes.",
        "",
        "| | plain | audit | **ratio** |",
        "|---|---|---|---|",
    ]
    lines += [f"| {each.way} | {_spread(each.plain)} | {_spread(each.ours)} | **{each.ratio:.2f}** |" for each in pairs]
    aim = "met" if pairs[0].ratio <= AIM else "missed"
    lines += [
        "",
        f"The aim, at most {AIM} times a plain insert, is {aim} where rows are written as acts write them,",
        "one a transaction.",
        "Many rows in one transaction share its commit and its round trips, so that what is left is the trigger: two",
        "SHA-256, the lock of the chain's head, and its new version.",
        "",
        f"An audit of {long.rows:,} rows in {CHAINS + 2} chains:",
        "",
        "| | seconds | rows a second |",
        "|---|---|---|",
        _rate("first checkpoint: all rows checked and taken into the tree", long.grow, long.rows),
        _rate("`verify`: all chains, then the tree, beside a checkpoint", long.verify, long.rows),
        f"| next checkpoint, {NEW:,} rows later | {long.checkpoint:.3f} | |",
        "",
        f"Memory at most: {long.before:.0f} MB before `verify`, {long.after:.0f} MB after it.",
    ]
    return "\n".join(lines)


def _rate(what: str, seconds: float, rows: int) -> str:
    return f"| {what} | {seconds:.1f} | {rows / seconds:,.0f} |"


def _spread(figures: list[float]) -> str:
    return f"{statistics.median(figures):.0f} ({min(figures):.0f} - {max(figures):.0f})"


if __name__ == "__main__":
    main()
