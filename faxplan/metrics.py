"""What monitoring is told, as metrics of Prometheus: what waits, runs and rests now, and counts that only grow.

Counts and times alone, of all tenants together; docs/metrics.md has all metrics, and what to be alarmed by.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import faxplan
from faxplan import counters, failure_rules, migrations, nodes, trunk_health
from faxplan.counters import Count
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable

_DIRECTIONS = ("inbound", "outbound")
_CAUSES = frozenset(
    condition.removeprefix("cause:") for condition in failure_rules.SHIPPED if condition.startswith("cause:")
)
_OURS = re.compile("[a-z0-9-]{0,60}")
"""Error ids of our own, which nobody else writes; empty: of what ended well."""
OTHER = "other"
"""In place of an error id that is neither ours nor a hang-up cause that we know: what a label may be is bounded."""


class Metrics(Collector):
    """Collects at each scrape. db: as role metrics. by_tenant: what waits in the queue, by tenants' short names."""

    def __init__(self, db: Database, store: Store, *, by_tenant: bool) -> None:
        self._db = db
        self._store = store
        self._by_tenant = by_tenant

    def describe(self) -> Iterable[Metric]:
        """None, so that registering this asks nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Where the database or the store is away, one metric says so, and what it would have told is missing."""
        yield InfoMetricFamily("faxplan_build", "The running version.", {"version": faxplan.__version__})
        yield from _of_store(self._store)
        try:
            with self._db.across_tenants() as tx:
                found = list(self._of_database(tx))
        except DatabaseUnavailable:
            found = [_gauge("faxplan_database_up", "Whether the database answers.", 0)]
        yield from found

    def _of_database(self, tx: Transaction) -> Iterator[Metric]:
        yield _gauge("faxplan_database_up", "Whether the database answers.", 1)
        level = migrations.standing(**tx.one(migrations.HAD, migrations.known()))
        words = "Migrations that the database has not had; below 0: this many took away what this version uses."
        yield _gauge("faxplan_database_migrations_missing", words, level.behind - len(level.contracted))
        if not level.suits:
            return
        yield from _queue(tx, by_tenant=self._by_tenant)
        machines = nodes.everyone(tx)
        yield from _nodes(machines)
        yield _calls(tx, machines)
        yield from _trunks(tx)
        yield from _waiting(tx)
        yield from _counts(counters.read(tx))


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _by(name: str, words: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]) -> Metric:
    made = GaugeMetricFamily(name, words, labels=labels)
    for of, value in rows:
        made.add_metric(of, value)
    return made


def _of_store(store: Store) -> Iterator[Metric]:
    words = "Whether the document store is there."
    try:
        store.check()
        room = store.room()
    except (StoreUnavailable, OSError):
        yield _gauge("faxplan_store_up", words, 0)
        return
    yield _gauge("faxplan_store_up", words, 1)
    if room is not None:
        free, size = room
        yield _gauge("faxplan_store_free_bytes", "Room that is left on the document store's disk.", free)
        yield _gauge("faxplan_store_size_bytes", "Size of that disk.", size)


def _queue(tx: Transaction, *, by_tenant: bool) -> Iterator[Metric]:
    counted = """count(q.not_before) as faxes, count(q.not_before) filter (where q.not_before <= now()) as due,
                 coalesce(greatest(extract(epoch from max(now() - q.not_before)), 0), 0)::float as oldest"""
    labels: Sequence[str] = ()
    if by_tenant:
        labels = ("tenant",)
        rows = tx.rows(
            f"""select t.slug as tenant, {counted}
                from tenants t left join fax_queue q on q.tenant_id = t.id group by t.slug order by t.slug"""
        )
    else:
        rows = tx.rows(f"select {counted} from fax_queue q")
    for name, words, column in (
        ("faxplan_queue_faxes", "Faxes that wait for a call, also those for later.", "faxes"),
        ("faxplan_queue_due_faxes", "Of these, those that could be dialled now.", "due"),
        ("faxplan_queue_oldest_due_seconds", "How long the oldest due one waits; 0: none does.", "oldest"),
    ):
        yield _by(name, words, labels, [([row[each] for each in labels], row[column]) for row in rows])


def _nodes(machines: Sequence[Row]) -> Iterator[Metric]:
    yield _by(
        "faxplan_node_heartbeat_age_seconds", "Since the switch of a node has reported.", ["node"],
        [([each["name"]], each["silent"]) for each in machines],
    )  # fmt: skip
    yield _by(
        "faxplan_node_max_calls", "Calls that a node takes at once.", ["node"],
        [([each["name"]], each["max_channels"]) for each in machines],
    )  # fmt: skip
    yield _by(
        "faxplan_node_paused", "Whether a node was paused by its operator, and dials nothing new.", ["node"],
        [([each["name"]], float(each["paused"])) for each in machines],
    )  # fmt: skip


def _calls(tx: Transaction, machines: Sequence[Row]) -> Metric:
    running = {(each["name"], direction): 0 for each in machines for direction in _DIRECTIONS}
    for row in tx.rows("select node, direction, count(*) as calls from calls group by node, direction"):
        running[row["node"], row["direction"]] = row["calls"]
    return _by("faxplan_calls_running", "Calls that go on now.", ["node", "direction"], running.items())


_OF_A_TRUNK: tuple[tuple[str, str, Callable[[Row], float]], ...] = (
    ("faxplan_trunk_enabled", "Whether a trunk is switched on.", lambda row: row["enabled"]),
    (
        "faxplan_trunk_resting",
        "Whether a trunk rests, after calls in a row that it could not take.",
        lambda row: row["rests"],
    ),
    (
        "faxplan_trunk_down_nodes",
        "Nodes whose switch cannot reach the trunk.",
        lambda row: row["down_on"],
    ),
    ("faxplan_trunk_failures_in_a_row", "Calls in a row that a trunk could not take.", lambda row: row["failures"]),
    ("faxplan_trunk_calls_running", "Calls through a trunk now, both directions.", lambda row: row["calls"]),
)


def _trunks(tx: Transaction) -> Iterator[Metric]:
    rows = trunk_health.briefly(tx)
    for name, words, value in _OF_A_TRUNK:
        yield _by(name, words, ["trunk"], [([row["name"]], float(value(row))) for row in rows])
    yield _by(
        "faxplan_trunk_max_calls", "Calls that a trunk takes at once, where that is limited.", ["trunk"],
        [([row["name"]], row["max_calls"]) for row in rows if row["max_calls"] is not None],
    )  # fmt: skip
    yield _by(
        "faxplan_trunk_last_success_timestamp_seconds", "When a trunk took a call last, to a minute.", ["trunk"],
        [([row["name"]], row["worked_at"]) for row in rows if row["worked_at"] is not None],
    )  # fmt: skip


def _waiting(tx: Transaction) -> Iterator[Metric]:
    mails = tx.one(
        """select count(*) as mails, coalesce(extract(epoch from max(now() - created_at)), 0)::float as oldest
           from outbox where state = 'waiting'"""
    )
    yield _gauge("faxplan_outbox_mails", "Mails that wait for a mail server.", mails["mails"])
    yield _gauge("faxplan_outbox_oldest_seconds", "How long the oldest of them waits; 0: none does.", mails["oldest"])
    jobs = tx.one(
        """select count(*) filter (where free) as waiting, count(*) filter (where not free) as running,
                  greatest(coalesce(extract(epoch from max(now() - due) filter (where free)), 0), 0)::float as oldest
           from (select greatest(not_before, lease_until) as due, coalesce(lease_until < now(), true) as free
                 from render_jobs) as job"""
    )
    yield _gauge("faxplan_render_jobs_waiting", "Documents that wait to be rendered.", jobs["waiting"])
    yield _gauge("faxplan_render_jobs_running", "Documents that a worker has in hand.", jobs["running"])
    yield _gauge(
        "faxplan_render_jobs_oldest_seconds", "How long the oldest due one waits; 0: none does.", jobs["oldest"]
    )


def _counts(counts: Sequence[Count]) -> Iterator[Metric]:
    by_name: defaultdict[str, list[Count]] = defaultdict(list)
    for each in counts:
        by_name[each.name].append(each)
    submitted = sum(each.value for each in by_name[counters.SUBMITTED])
    yield CounterMetricFamily("faxplan_faxes_submitted", "Faxes that were accepted for sending.", value=submitted)
    faxes = CounterMetricFamily(
        "faxplan_faxes_ended", "Faxes that came to their end.", labels=["direction", "result", "error_id"]
    )
    for labels, value in _bounded(by_name[counters.FAXES]).items():
        faxes.add_metric(labels, value)
    yield faxes
    calls = CounterMetricFamily(
        "faxplan_calls_ended", "Calls that ended; trunk empty or (within): without one.",
        labels=["direction", "trunk", "result", "rule"],
    )  # fmt: skip
    for each in by_name[counters.CALLS]:
        calls.add_metric(each.labels, each.value)
    yield calls
    pages = CounterMetricFamily(
        "faxplan_pages", "Pages that were acknowledged, or arrived whole.", labels=["direction", "transport"]
    )
    for each in by_name[counters.PAGES]:
        pages.add_metric(each.labels, each.value)
    yield pages
    yield _durations(by_name[counters.TALKED], by_name[counters.TALKED_SECONDS])
    waited = HistogramMetricFamily(
        "faxplan_first_call_wait_seconds",
        "From the submission of a fax, or the time asked for, to its first call; told when that has ended.",
    )
    waited.add_metric(
        [],
        _buckets({each.labels[0]: each.value for each in by_name[counters.WAITED]}, counters.WAIT_BOUNDS),
        sum_value=sum(each.value for each in by_name[counters.WAITED_SECONDS]),
    )
    yield waited


def _bounded(faxes: Sequence[Count]) -> dict[tuple[str, ...], float]:
    found: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for each in faxes:
        direction, result, error_id = each.labels
        known = _OURS.fullmatch(error_id) or error_id in _CAUSES
        found[direction, result, error_id if known else OTHER] += each.value
    return found


def _durations(calls: Sequence[Count], seconds: Sequence[Count]) -> Metric:
    made = HistogramMetricFamily(
        "faxplan_call_duration_seconds", "From answer to end of calls that were answered.", labels=["direction"]
    )
    for direction in _DIRECTIONS:
        found = {each.labels[1]: each.value for each in calls if each.labels[0] == direction}
        total = sum(each.value for each in seconds if each.labels[0] == direction)
        made.add_metric([direction], _buckets(found, counters.TALK_BOUNDS), sum_value=total)
    return made


def _buckets(found: dict[str, float], bounds: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus has them: each with all those before it."""
    made, so_far = [], 0.0
    for bound in bounds:
        so_far += found.get(str(bound), 0)
        made.append((f"{float(bound)}", so_far))
    return [*made, ("+Inf", so_far + found.get("Infinity", 0))]
