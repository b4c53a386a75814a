"""What Faxplan adds to FreeSWITCH: CPU-seconds per sent fax, beside a bare txfax, and the time from answer to txfax.

    python benchmarks/live_faxplan.py [runs] [calls] [calls a second] [--stamped]

Three FreeSWITCH instances on 127.0.0.1: a bare sender, one that runs Faxplan's scripts, and the carrier that receives.
Runs are interleaved, bare, Faxplan, bare, ... The bare sender prints the same header line, so that both send the same
rows; with --stamped Faxplan stamps "page n of m" itself. The worker has rendered before.
"""

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.live_cpu import RECEIVER_NUMBER, measure, one_page
from faxplan import outbound, postgres
from faxplan.event_socket import EventSocket
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from faxplan.installation import create_installation
from faxplan.outbound import SendRequest
from tests.bench.whole import SCRIPTS, write_settings
from tests.installations import Installation
from tests.live.carrier import DIALPLAN
from tests.world import World, world_on


@contextmanager
def a_world(base: Path) -> Iterator[tuple[World, postgres.Cluster]]:
    cluster = postgres.start(base / "postgres")
    try:
        create_installation(cluster.superuser_url(), "faxplan")
        with world_on(Installation(cluster, "faxplan"), base) as world:
            yield world, cluster
    finally:
        cluster.stop()


def prepare_faxes(world: World, tiff: Path, count: int) -> list[int]:
    """Faxes that are rendered and queued, due in a year: `release` makes one due."""
    ids = []
    for _ in range(count):
        request = SendRequest(f"+{RECEIVER_NUMBER}", tiff, tiff.name)
        ids.append(outbound.submit(world.portal, world.store, world.acme.user, request).fax_id)
    world.render_all()
    return ids


def hold(world: World) -> None:
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() + interval '1 year'")


def release(world: World, fax_id: int) -> None:
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() where fax_id = %s", (fax_id,))
        tx.notify("faxplan_queue")


def family_cpu(cluster: postgres.Cluster) -> float:
    """CPU-seconds of PostgreSQL: the server, with its ended children, and those that live."""
    pid = cluster.pid()
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat.parent.name == str(pid):
            total += sum(int(field) for field in fields[11:15]) / ticks
        elif fields[1] == str(pid):
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


class AnswerToTxfax:
    """Listens to a switch's events, and keeps the milliseconds between answer and txfax of each call.

    Events are timed as they arrive here: the switch's own clock, by which it stamps them, moves in steps of 20 ms.
    """

    def __init__(self, sender: Instance) -> None:
        self._connection = sender.connect()
        self._connection.subscribe("CHANNEL_ANSWER", "CHANNEL_EXECUTE")
        self._answered: dict[str, float] = {}
        self._took: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            event = self._connection.next_event(0.2)
            if event is None:
                continue
            now, channel = time.monotonic(), event.headers["Unique-ID"]
            if event.headers["Event-Name"] == "CHANNEL_ANSWER":
                self._answered[channel] = now
            elif event.headers.get("Application") == "txfax" and channel in self._answered:
                self._took.append((now - self._answered.pop(channel)) * 1000)

    def collect(self) -> list[float]:
        self._over.set()
        self._thread.join()
        self._connection.close()
        return self._took


def bare(connection: EventSocket, tiff: Path, ident: str, header: str) -> Callable[[int], None]:
    variables = (
        "{ignore_early_media=true,fax_enable_t38=true,fax_enable_t38_request=false,"
        f"fax_ident={ident},fax_header={header},execute_on_fax_result=sched_hangup\\s+3\\snormal_clearing}}"
    )

    def dial(_number: int) -> None:
        connection.bgapi(f"originate {variables}sofia/gateway/carrier/{RECEIVER_NUMBER} &txfax({tiff})")

    return dial


def options(base: Path, name: str, port: int, gateway: Gateway, **more: object) -> InstanceOptions:
    return InstanceOptions(
        base / name,
        more.pop("script_dir", base),  # type: ignore[arg-type]
        Path(sys.executable),
        name=name,
        sip_port=port,
        gateways=(gateway,),
        sessions_per_second=500,
        max_sessions=400,
        log_level="warning",
        **more,  # type: ignore[arg-type]
    )


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def main() -> None:
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    runs, calls, rate = (int(arguments[0]), int(arguments[1]), float(arguments[2])) if arguments else (10, 60, 10.0)
    found = find()
    if found is None or found.missing:
        sys.exit(
            "live_faxplan: not run, FreeSWITCH with mod_python3 is not installed; see docs/install-on-freeswitch.md"
        )
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o711)
        tiff = one_page(base / "page.tif")
        with a_world(base) as (world, cluster):
            with world.admin.across_tenants() as tx:
                tx.execute("update tenants set page_n_of_m = %s", ("--stamped" in sys.argv,))
            ports = [free_sip_port() for _ in range(3)]
            to_carrier = Gateway("carrier", "127.0.0.1", ports[2])
            plain = Instance(found, options(base, "bare", ports[0], to_carrier, startup_scripts=()))
            environment = {"FAXPLAN_CONFIG": str(write_settings(world)), "PYTHONPATH": str(SCRIPTS.parent)}
            ours = Instance(
                found, options(base, "faxplan", ports[1], to_carrier, script_dir=SCRIPTS, environment=environment)
            )
            carrier = Instance(
                found,
                options(
                    base,
                    "carrier",
                    ports[2],
                    Gateway("ours", "127.0.0.1", ports[1]),
                    startup_scripts=(),
                    dialplan=DIALPLAN,
                ),
            )
            prepared = prepare_faxes(world, tiff, runs * calls)
            hold(world)
            try:
                for instance in (carrier, plain, ours):
                    instance.start()
                report(world, cluster, plain, ours, tiff, prepared, runs, calls, rate)
            finally:
                for instance in (ours, plain, carrier):
                    instance.stop()


def report(  # noqa: PLR0917 - all that main has set up
    world: World,
    cluster: postgres.Cluster,
    plain: Instance,
    ours: Instance,
    tiff: Path,
    prepared: list[int],
    runs: int,
    calls: int,
    rate: float,
) -> None:
    header = world.acme.tenant.header_name
    ratios, database = [], []
    timings: dict[str, list[float]] = {"bare": [], "Faxplan": []}
    print(f"{runs} interleaved runs of {calls} one-page T.38 calls, {rate:g} a second")
    with plain.connect() as connection:
        dial_bare = bare(connection, tiff, world.acme.did, header)
        for run in range(runs):
            listening = AnswerToTxfax(plain)
            one = measure(plain, dial_bare, calls, rate)
            timings["bare"] += listening.collect()
            faxes = prepared[run * calls : (run + 1) * calls]
            listening = AnswerToTxfax(ours)
            before = family_cpu(cluster)
            two = measure(ours, lambda number, faxes=faxes: release(world, faxes[number]), calls, rate)  # type: ignore[misc]
            database.append((family_cpu(cluster) - before) / calls)
            timings["Faxplan"] += listening.collect()
            ratios.append(two.cpu_seconds_per_call / one.cpu_seconds_per_call)
            print(
                f"  run {run + 1}: bare {one.cpu_seconds_per_call:.4f} s ({one.sent} sent), "
                f"Faxplan {two.cpu_seconds_per_call:.4f} s ({two.sent} sent), ratio {ratios[-1]:.3f}, "
                f"PostgreSQL {database[-1]:.4f} s",
                flush=True,
            )
    print(f"ratio of CPU per call: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"PostgreSQL per fax: median {statistics.median(database) * 1000:.1f} ms")
    for name, took in timings.items():
        print(
            f"answer to txfax, {name}, {len(took)} calls: median {statistics.median(took):.1f} ms, "
            f"99th percentile {percentile(took, 0.99):.1f} ms, longest {max(took):.1f} ms"
        )


if __name__ == "__main__":
    main()
