"""Two nodes on one PostgreSQL and one S3 server; one is killed in the midst, and its disk stays away: each fax goes out
once. What was under way there goes out again, since nobody knows how far it came, and is counted and named.

In the storm the S3 server and the database are killed as well, and the node has the trunk that registers.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from faxplan import documents, nodes, outbound, postgres, registrations, tenants, trunk_health
from faxplan.document_store import Store
from faxplan.journal import Journal
from faxplan.outbound import SendRequest
from tests.bench.random_kills import NUMBERS, OUTSIDE, sheets
from tests.bench.switch_process import SwitchProcess, node_settings
from tests.bench.whole import ROOT, wait_for, write_settings
from tests.routing import add_route, add_trunk, change
from tests.s3_server import BUCKET, S3Server, client, running
from tests.world import World

PAGES = 2
CAP_SECONDS, MARGIN_SECONDS = 40, 5
"""Short, so that what a dead node had is given up soon. At this speed no call lasts so long."""
SPEED, CALLS, CALLS_OF_FEW = 12, 8, 2
"""At once on each node; of few faxes not all at once, or all would end together."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    (tmp_path / "s3").mkdir()
    with running(tmp_path / "s3") as server:
        yield server


@contextmanager
def worker(world: World) -> Iterator[None]:
    environment = {**os.environ, "FAXPLAN_CONFIG": str(write_settings(world))}
    process = subprocess.Popen([sys.executable, "-m", "faxplan.cli", "worker"], cwd=ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def submit(world: World, folder: Path, count: int) -> dict[int, str]:
    """Each fax's number, by its id."""
    letter, numbers = folder / "letter.txt", {}
    for number in range(count):
        letter.write_text("\f".join(f"Fax {number}, page {page}.\n" for page in range(PAGES)))
        called = f"{OUTSIDE}{number:04d}"
        request = SendRequest(called, letter, letter.name)
        numbers[outbound.submit(world.portal, world.store, world.acme.user, request).fax_id] = called
    return numbers


def rendered_before(world: World, folder: Path, count: int) -> dict[int, str]:
    """Submits them, and lets them go once all are rendered: they would come one by one, and few were in a call as the
    node dies. Each fax's number, by its id."""
    change(world, "trunks", enabled=False)
    numbers = submit(world, folder, count)
    wait_for(lambda: rendered(world) == count, "every fax to be rendered", 300 + 6 * count)
    change(world, "trunks", enabled=True)
    return numbers


def ended(world: World) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select count(*) from faxes where finished_at is not null"))


def rendered(world: World) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select count(*) from faxes where state <> 'accepted'"))


def in_flight(world: World, node: str) -> set[int]:
    with world.switch.across_tenants() as tx:
        return {row["fax_id"] for row in tx.rows("select fax_id from calls where node = %s", (node,))}


def sending(world: World, node: str) -> int:
    """How many of its calls are in the midst of their pages."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        sql = """select count(*) from faxes f join attempts a on a.tenant_id = f.tenant_id and a.fax_id = f.id
                 where f.state = 'sending' and a.outcome is null and a.node = %s"""
        return int(tx.value(sql, (node,)))


def frozen(world: World, switch: SwitchProcess, node: str) -> set[int]:
    """Stops a node, and says which faxes it has in a call once the database has ended what it had asked for before."""
    switch.freeze()
    time.sleep(1)
    return in_flight(world, node)


def hurry(world: World) -> int:
    """Retries do not wait for their time. How many faxes have ended."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() where not_before > now()")
        tx.notify("faxplan_queue")
    return ended(world)


def minutes_go_by(world: World, node: str) -> None:
    """As it looks when a node has been silent for long, and the leases of its calls are over."""
    with world.switch.across_tenants() as tx:
        tx.execute("update nodes set heartbeat_at = now() - interval '6 minutes' where name = %s", (node,))
        tx.execute("update calls set lease_until = now() - interval '1 second' where node = %s", (node,))


def at_receivers(
    world: World, numbers: dict[int, str], folder: Path, *switches: SwitchProcess
) -> Counter[tuple[int, int]]:
    """How often each page of each fax lies at a machine outside. Each page is read from the bucket, to know it by."""
    known: dict[bytes, tuple[int, int]] = {}
    for fax_id in numbers:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            rendering = tx.value(
                "select r.document_id from faxes f join renderings r on r.id = f.rendering_id where f.id = %s",
                (fax_id,),
            )
            stored = documents.get(tx, world.acme.tenant.id, rendering)
        world.copy_out(stored, folder / "rendered.tif")
        known |= {digest: (fax_id, page) for page, digest in enumerate(sheets(folder / "rendered.tif"))}
    assert len(known) == len(numbers) * PAGES, "two pages look the same, so that nobody could tell them apart"
    arrived: Counter[tuple[int, int]] = Counter()
    for switch in switches:
        for file in switch.far.glob("*.tif"):
            arrived.update(known[digest] for digest in sheets(file) if digest in known)
    return arrived


@pytest.mark.parametrize(
    "count",
    [
        12,
        pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(5400)]),
    ],
)
def test_each_fax_goes_out_once(
    world: World, server: S3Server, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(
        server.settings(world.settings, "faxes"),
        max_channels=CALLS if count > 100 else CALLS_OF_FEW,
        call_cap_seconds=CAP_SECONDS,
        lease_margin_seconds=MARGIN_SECONDS,
    )
    world = replace(world, settings=settings, store=Store.of(settings))
    world.store.accept()
    began = time.monotonic()
    one = SwitchProcess(world, tmp_path / "one", speed=SPEED, numbers=NUMBERS)
    two = SwitchProcess(world, tmp_path / "two", settings=node_settings(world, "node2"), speed=SPEED, numbers=NUMBERS)
    try:
        wait_for(lambda: names(world) == {"node1", "node2"}, "both nodes to report")
        with worker(world):
            numbers = rendered_before(world, tmp_path, count)
            wait_for(
                lambda: ended(world) >= count // 3 and sending(world, "node2") > 1,
                "a third to be sent, and calls to be in the midst",
                60 + count,
            )
            lost = frozen(world, two, "node2")
            two.kill9()
            killed_at = ended(world)
            if count < 100:
                minutes_go_by(world, "node2")
            wait_for(lambda: names(world) == {"node1"}, "the other node to be silent", 90)
            wait_for(lambda: hurry(world) == count, "every fax to be final", 900 + 3 * count)
        took = time.monotonic() - began
        # It comes back, with the journal of before: nothing of that counts any more.
        two.start()
        wait_for(lambda: names(world) == {"node1", "node2"}, "it to report again", 60)
        journal = Journal(node_settings(world, "node2").journal)
        wait_for(lambda: not list(journal.waiting()), "its journal to be settled", 60)
        assert ended(world) == count
        arrived = at_receivers(world, numbers, tmp_path, one, two)
    finally:
        for each in (one, two):
            if each.process.poll() is None:
                each.stop()
    unknown = assert_each_once(world, numbers, arrived, lost)
    assert_whole_in_the_bucket(world, server)
    again = {fax_id for (fax_id, _), times in arrived.items() if times > 1}
    with capsys.disabled():
        print(
            f"\n{count} faxes of {PAGES} pages in {took:.0f} s; node2 killed at {killed_at}, with {len(lost)} calls; "
            f"outcome unknown: {len(unknown)} ({', '.join(sorted(numbers[each] for each in unknown))}); "
            f"pages of these twice: {sum(times - 1 for times in arrived.values())}, of {len(again)} faxes; "
            f"calls by node: {dict(calls_by_node(world))}"
        )


def names(world: World) -> set[str]:
    with world.admin.across_tenants() as tx:
        return {node["name"] for node in nodes.everyone(tx) if node["silent"] < 30}


def calls_by_node(world: World) -> Counter[str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return Counter(row["node"] for row in tx.rows("select node from attempts"))


def assert_each_once(
    world: World, numbers: dict[int, str], arrived: Counter[tuple[int, int]], lost: set[int]
) -> set[int]:
    """The faxes of which a call's outcome is unknown: only those that were under way on the node that died."""
    unknown = set()
    for fax_id, number in numbers.items():
        fax, attempts = world.fax(world.acme, fax_id), world.attempts(world.acme, fax_id)
        assert (fax["state"], fax["pages_done"]) == ("sent", PAGES), (number, fax)
        outcomes = [(each["node"], each["outcome"]) for each in attempts]
        assert outcomes[-1][1] == "sent", outcomes
        assert set(outcomes[:-1]) <= {("node2", "unknown")}, outcomes
        here = [arrived[fax_id, page] for page in range(PAGES)]
        if len(attempts) == 1:
            assert here == [1] * PAGES, (number, here)
            continue
        unknown.add(fax_id)
        assert sum(each["pages"] for each in attempts) == PAGES
        assert all(1 <= times <= 2 for times in here), (number, here)
    assert unknown <= lost
    return unknown


def assert_whole_in_the_bucket(world: World, server: S3Server) -> None:
    """Every row has its object, and no call or document went by anything but the bucket."""
    found: set[str] = set()
    for page in client(server).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="faxes/"):
        found |= {each["Key"].rpartition("/")[2] for each in page.get("Contents", ())}
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows: list[dict[str, Any]] = tx.rows("select object_name from documents")
    assert {row["object_name"] for row in rows} <= found
    assert not world.settings.store.exists()


@dataclass
class Storm:
    """What is killed and started again, while faxes go out. lost: faxes in a call of the node that is killed."""

    world: World
    cluster: postgres.Cluster
    server: S3Server
    count: int
    told: list[str] = field(default_factory=list)

    def wait_for_part(self, part: float) -> None:
        wait_for(lambda: self.ended() >= part * self.count, f"{part:.0%} to be sent", 300 + 3 * self.count)
        self.told.append(f"{self.ended()}")

    def ended(self) -> int:
        """Neither retries nor trunks wait for their time: a call that the outage met counts against its trunk."""
        with self.world.admin.across_tenants() as tx:
            for trunk in ("carrier", "account"):
                trunk_health.wake(tx, trunk)
        return hurry(self.world)

    def without_store(self, seconds: float) -> None:
        self.server.kill()
        time.sleep(seconds)
        self.server.start()

    def without_database(self, seconds: float) -> None:
        self.cluster.kill9()
        time.sleep(seconds)
        self.start_database()

    def without_both(self, seconds: float) -> None:
        """The database is there again first, and finds no store."""
        self.server.kill()
        self.cluster.kill9()
        time.sleep(seconds)
        self.start_database()
        time.sleep(seconds)
        self.server.start()

    def start_database(self) -> None:
        postgres.start(self.cluster.data_dir)
        for each in (self.world.admin, self.world.portal, self.world.switch, self.world.worker):
            each.close()

    def holder(self) -> str | None:
        with self.world.admin.across_tenants() as tx:
            (row,) = registrations.holders(tx)
        return str(row["node"]) if row["node"] else None


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("count", [60, 1000])
def test_in_a_storm_each_fax_arrives_and_only_what_was_under_way_twice(
    own_world: tuple[World, postgres.Cluster],
    server: S3Server,
    tmp_path: Path,
    count: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, cluster = own_world
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"max_attempts": 20})
    account = add_trunk(world, "account", register=True, username="fax", password="secret")
    add_route(world, "+", account)
    settings = replace(
        server.settings(world.settings, "faxes"), max_channels=CALLS, call_cap_seconds=CAP_SECONDS,
        lease_margin_seconds=MARGIN_SECONDS, gateway_dir=tmp_path / "gateways-node1",
    )  # fmt: skip
    world = replace(world, settings=settings, store=Store.of(settings))
    world.store.accept()
    storm, began = Storm(world, cluster, server, count), time.monotonic()
    others = replace(node_settings(world, "node2"), gateway_dir=tmp_path / "gateways-node2")
    switches = {
        "node1": SwitchProcess(world, tmp_path / "one", speed=SPEED, numbers=NUMBERS),
        "node2": SwitchProcess(world, tmp_path / "two", settings=others, speed=SPEED, numbers=NUMBERS),
    }
    try:
        wait_for(lambda: names(world) == set(switches), "both nodes to report")
        with worker(world):
            numbers = rendered_before(world, tmp_path, count)
            wait_for(lambda: storm.holder() is not None, "a node to register the trunk")
            storm.wait_for_part(0.15)
            storm.without_store(15)
            storm.wait_for_part(0.3)
            storm.without_database(8)
            storm.wait_for_part(0.45)
            died = storm.holder()
            assert died is not None
            (left,) = set(switches) - {died}
            wait_for(lambda: sending(world, died) > 1, "calls to be in its midst", 120)
            lost = frozen(world, switches[died], died)
            switches[died].kill9()
            minutes_go_by(world, died)
            wait_for(lambda: storm.holder() == left, "the trunk to be taken over", 60)
            storm.wait_for_part(0.7)
            storm.without_both(8)
            storm.wait_for_part(1)
        took = time.monotonic() - began
        switches[died].start()
        wait_for(lambda: names(world) == set(switches), "it to report again", 60)
        journal = Journal((settings if died == "node1" else others).journal)
        wait_for(lambda: not list(journal.waiting()), "its journal to be settled", 60)
        assert storm.holder() == left
        arrived = at_receivers(world, numbers, tmp_path, *switches.values())
    finally:
        for each in switches.values():
            if each.process.poll() is None:
                each.stop()
    unknown = assert_each_arrived(world, numbers, arrived, died, lost)
    assert_whole_in_the_bucket(world, server)
    with capsys.disabled():
        print(
            f"\n{count} faxes of {PAGES} pages in {took:.0f} s; S3 server, database, {died} with {len(lost)} calls and "
            f"the registration, then S3 server and database killed at {', '.join(storm.told)}; outcome unknown: "
            f"{len(unknown)}; pages twice: {sum(times - 1 for times in arrived.values())}; calls: {by_way(world)}"
        )


def by_way(world: World) -> str:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select node, trunk, outcome, count(*) from attempts group by 1, 2, 3 order by 1, 2, 3")
    return ", ".join(f"{row['node']} by {row['trunk']} {row['outcome']} {row['count']}" for row in rows)


def assert_each_arrived(
    world: World, numbers: dict[int, str], arrived: Counter[tuple[int, int]], died: str, lost: set[int]
) -> set[int]:
    """The faxes of which a call's outcome is unknown: only those that were under way on the node that died."""
    unknown = set()
    for fax_id, number in numbers.items():
        fax, attempts = world.fax(world.acme, fax_id), world.attempts(world.acme, fax_id)
        assert (fax["state"], fax["pages_done"]) == ("sent", PAGES), (number, fax)
        here = [arrived[fax_id, page] for page in range(PAGES)]
        if any(each["outcome"] == "unknown" for each in attempts):
            assert {each["node"] for each in attempts if each["outcome"] == "unknown"} == {died}, attempts
            assert all(1 <= times <= 2 for times in here), (number, here)
            unknown.add(fax_id)
        else:
            assert here == [1] * PAGES, (number, here, attempts)
        assert sum(int(str(each["pages"])) for each in attempts) == PAGES
    assert unknown <= lost
    return unknown
