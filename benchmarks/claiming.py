"""What a claim costs with 1,000 to 1,000,000 faxes in the queue, beside a bare one: `delete ... skip locked`.

    python benchmarks/claiming.py [--sizes 1000 10000 100000 1000000] [--claims 60] [--write docs/benchmarks]

Both take 16 rows a claim out of a queue of as many rows, in turns, on one PostgreSQL, and commit. Faxplan's counts
limits of node, tenant, trunk and number, keeps sending hours, takes tenants by turns, chooses a trunk, and writes
attempts and calls; the bare one deletes rows of a table with one index. What a claim wrote into `calls` is taken away
before the next, as if those calls had ended, and a second had gone by.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import _chart
from _calls import database_seconds
from _live import a_world
from _page import where_and_when, write_section

from faxplan import claims, lanes, postgres
from faxplan.ways import Ways
from tests import many
from tests.routing import add_route, add_trunk, change
from tests.world import World

SIZES = (1_000, 10_000, 100_000, 1_000_000)
TENANTS = 20
SENT_BEFORE = 20_000
SHARED_BUFFERS = "1GB"
"""Of PostgreSQL: as one would set it where a million faxes wait."""
WAYS = Ways()
WARM = 100
"""So many claims of each kind go before, for connections and caches; or half of what a short queue has."""
AIM = 0.25
"""Of the bare claim's rate."""

_BARE_QUEUE = """
    create table bare_queue (tenant_id bigint, fax_id bigint primary key, not_before timestamptz, priority integer);
    create index bare_queue_due_idx on bare_queue (priority, not_before);
    grant all on bare_queue to faxplan_switch
"""
_FILL_BARE = """
    truncate bare_queue;
    insert into bare_queue select tenant_id, id, not_before, priority from faxes
"""
_BARE = """
    with due as (select fax_id from bare_queue where not_before <= now() order by priority, not_before limit 16
                 for update skip locked)
    delete from bare_queue q using due where q.fax_id = due.fax_id returning q.tenant_id, q.fax_id
"""


@dataclass
class Row:
    """Of one size: seconds a claim took, and PostgreSQL's processor seconds a claim, of each kind."""

    size: int
    ours: list[float]
    bare: list[float]
    ours_cpu: float = 0.0
    bare_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Of ours to the bare one's: claims a second, median of the pairs."""
        return statistics.median(bare / ours for ours, bare in zip(self.ours, self.bare, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--claims", type=int, default=60, help="of each kind, at each size")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the chart there, the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o711)  # PostgreSQL runs as a user of its own
        with a_world(base, shared_buffers=SHARED_BUFFERS, autovacuum="off") as (world, cluster):
            prepare(world)
            rows = [measured(world, cluster, size, options.claims) for size in options.sizes]
            plan = explained(world)
            office = quiet(world, options.claims)
    text = markdown(rows, options.claims, office, plan)
    print(text)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / "claiming.svg").write_text(chart(rows))
        title = "Milliseconds a fax that is claimed, by the length of the queue"
        write_section(
            options.write.with_suffix(".md"), "Claiming", f"{text}\n![{title}]({options.write.name}/claiming.svg)"
        )


def prepare(world: World) -> None:
    """Tenants with limits and hours, and two trunks with limits of calls and of calls a second."""
    add_route(world, "+49", add_trunk(world, "second", max_calls=100_000), weight=3)
    add_route(world, "+49", add_trunk(world, "third", max_calls=100_000))
    change(world, "trunks", max_calls=100_000, calls_per_second=1_000)
    many.add_tenants(world, TENANTS)
    many.as_superuser(world, _BARE_QUEUE)


def measured(world: World, cluster: postgres.Cluster, size: int, count: int) -> Row:
    many.queue(world, size)
    many.send_before(world, SENT_BEFORE)
    many.as_superuser(world, _FILL_BARE)
    many.as_superuser(world, "vacuum analyze bare_queue")
    row = Row(size, [], [])
    warm = min(WARM, size // claims.MOST_CLAIMED // 2)
    count = min(count, size // claims.MOST_CLAIMED - warm)
    for number in range(warm + count):
        for kind, action in (("bare", bare_claim), ("ours", our_claim)):
            cpu, began = database_seconds(cluster), time.perf_counter()
            action(world)
            took = time.perf_counter() - began
            cpu = database_seconds(cluster) - cpu
            if number >= warm:
                getattr(row, kind).append(took)
                setattr(row, f"{kind}_cpu", getattr(row, f"{kind}_cpu") + cpu / count)
        with world.switch.across_tenants() as tx:
            tx.execute("delete from calls")
            tx.execute("update trunk_states set next_call_at = '-infinity'")
    print(
        f"  {size} queued: {statistics.median(row.ours) * 1000:.2f} ms a claim, {row.rate:.2f} of the bare rate",
        flush=True,
    )
    return row


def quiet(world: World, count: int) -> tuple[list[float], list[float]]:
    """Seconds of claims that find one fax that is due, and none, among some that wait for tomorrow: an office."""
    many.queue(world, 10 * TENANTS)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() + interval '1 day'")
        faxes = [row["fax_id"] for row in tx.rows("select fax_id from fax_queue order by fax_id limit %s", (count,))]
    one, none = [], []
    for fax_id in faxes:
        with world.switch.across_tenants() as tx:
            tx.execute("update fax_queue set not_before = now() where fax_id = %s", (fax_id,))
        for times, expected in ((one, 1), (none, 0)):
            began = time.perf_counter()
            our_claim(world, expected)
            times.append(time.perf_counter() - began)
        with world.switch.across_tenants() as tx:
            tx.execute("delete from calls")
            tx.execute("update trunk_states set next_call_at = '-infinity'")
    return one, none


def our_claim(world: World, expected: int = claims.MOST_CLAIMED) -> None:
    with world.switch.across_tenants() as tx:
        claimed = claims.claim_faxes(
            tx,
            node="node1",
            switch_uuid="s",
            most=16,
            max_calls=1000,
            lease_seconds=600,
            calls_to_one_number=2,
            ways=WAYS,
        ).faxes
    if len(claimed) != expected:
        raise RuntimeError(f"{len(claimed)} faxes were claimed, and not {expected}")


def bare_claim(world: World) -> None:
    with world.switch.across_tenants() as tx:
        claimed = tx.rows(_BARE)
    if len(claimed) != claims.MOST_CLAIMED:
        raise RuntimeError(f"{len(claimed)} rows were claimed, and not {claims.MOST_CLAIMED}")


def explained(world: World) -> str:
    """How PostgreSQL finds lanes and faxes in the queue: the steps of a look that touch it."""
    with world.switch.across_tenants() as tx:
        rows = tx.rows(
            f"explain (analyze, buffers off, costs off, timing off) {lanes.LOOK.sql}",
            {"node": "node1", "most": 16, "past": 0, "internal": False, "lanes": lanes.LANES_AT_ONCE, "tried": 60},
        )
    lines = [str(next(iter(row.values()))) for row in rows]
    found = [number for number, line in enumerate(lines) if " on fax_queue" in line]
    return "\n".join(line.strip() for number in found for line in lines[number : number + 3] if "Searches" not in line)


def markdown(rows: list[Row], count: int, office: tuple[list[float], list[float]], plan: str) -> str:
    about = (
        f"Up to {count} claims of 16 faxes at each size, in turns with bare ones; {TENANTS + 2} tenants, 3 trunks, "
        f"{SENT_BEFORE:,} faxes sent before; PostgreSQL has {SHARED_BUFFERS} of shared "
        "buffers and is vacuumed between sizes. The rate is the median of pairs: other work on the machine slows both. "
        "Milliseconds, median (least - most); PostgreSQL's processor time is a mean."
    )
    titles = ["queued", "a claim", "a bare claim", "a fax", "rate, of the bare one's", "PostgreSQL's CPU", "bare"]
    lines = [f"`python benchmarks/claiming.py --claims {count}`, {where_and_when()}.", "", about, ""]
    lines += [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        cells = [
            f"{row.size:,}", spread(row.ours), spread(row.bare),
            f"{statistics.median(row.ours) * 1000 / claims.MOST_CLAIMED:.3f}", f"**{row.rate:.2f}**",
            f"{row.ours_cpu * 1000:.2f}", f"{row.bare_cpu * 1000:.2f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    worst = min(row.rate for row in rows)
    growth = statistics.median(rows[-1].ours) / statistics.median(rows[0].ours)
    verdict = "met" if worst >= AIM else "**missed**"
    said = (
        f"The aim, a quarter of the bare claim's rate with all limits and turns, is {verdict}: {worst:.2f} at least. "
        f"From {rows[0].size:,} to {rows[-1].size:,} queued faxes the cost of one grows by a factor of {growth:.2f}."
    )
    one, none = office
    alone = f"Where one fax is due a claim takes {spread(one)} ms, and where none is {spread(none)} ms."
    lines += [
        "",
        said,
        "",
        alone,
        "",
        f"How PostgreSQL finds lanes and faxes, with {rows[-1].size:,} faxes queued:",
        "",
    ]
    lines += [f"    {line}" for line in plan.splitlines()]
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.2f} ({min(values) * 1000:.2f} - {max(values) * 1000:.2f})"


def chart(rows: list[Row]) -> str:
    """Milliseconds a fax, two bars a size."""
    bars: list[tuple[str, float, str]] = []
    pick: list[tuple[str, Callable[[Row], list[float]], str]] = [
        ("Faxplan", lambda row: row.ours, _chart.DARK), ("bare", lambda row: row.bare, _chart.GREY),
    ]  # fmt: skip
    for row in rows:
        for who, values, fill in pick:
            bars.append((f"{row.size:,} queued, {who}", statistics.median(values(row)) * 1000 / 16, fill))
    most = max(value for _, value, _ in bars)
    drawn = [
        _chart.text(210, 20 + 24 * n, label, anchor="end")
        + f'<rect x="220" y="{8 + 24 * n}" width="{280 * value / most:.1f}" height="16" fill="{fill}"/>'
        + _chart.text(226 + 280 * value / most, 20 + 24 * n, f"{value:.3f}")
        for n, (label, value, fill) in enumerate(bars)
    ]
    footer = _chart.text(220, 28 + 24 * len(bars), "milliseconds a fax that is claimed")
    return _chart.svg(570, 36 + 24 * len(bars), *drawn, footer)


if __name__ == "__main__":
    main()
