"""What the live benchmarks run on: PostgreSQL, a small Faxplan, FreeSWITCH instances on 127.0.0.1, and a letter."""

import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The world and the carrier are those of the tests, which are not installed.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pikepdf
from _calls import database_seconds

from faxplan import documents, outbound, postgres, queue, rendering
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import INSTALL_PAGE, FreeSwitchFound, find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from faxplan.installation import create_installation
from faxplan.outbound import SendRequest
from tests.bench.whole import write_settings
from tests.installations import Installation
from tests.live.carrier import DIALPLAN
from tests.releases import of_checkout, prefix_with_scripts, put_in_force
from tests.world import World, world_on

RECEIVER_NUMBER = "15559900000"
"""Of tests/live's carrier: receives, and asks for T.38."""
MOST_CALLS = 400
NOT_RUN = 77
"""The exit code of a benchmark that cannot run here: `make bench` goes on to the next, as automake's tests do."""
ANSWER_TIMES = Path(__file__).parent / "answer_times.c"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
DEMO = Path(rendering.__file__).parent / "data" / "demo-fax.pdf"


@dataclass(frozen=True)
class Place:
    """`base`: a folder that goes when the benchmark ends."""

    base: Path
    found: FreeSwitchFound
    world: World
    cluster: postgres.Cluster

    def instance(self, name: str, port: int, *gateways: Gateway, **more: Any) -> Instance:
        """A FreeSWITCH without Faxplan and without a limit that a measurement would meet. `more`: InstanceOptions."""
        given: dict[str, Any] = {"script_dir": self.base, "startup_scripts": (), **more}
        options = InstanceOptions(
            self.base / name,
            python=Path(sys.executable),
            name=name,
            sip_port=port,
            gateways=gateways,
            sessions_per_second=500,
            max_sessions=MOST_CALLS,
            log_level="warning",
            **given,
        )
        return Instance(self.found, options)

    def faxplan(self, port: int, *gateways: Gateway, times: bool = False) -> Instance:
        """A FreeSWITCH that runs Faxplan, as a release that is installed. times: and notes when calls are answered, in
        `self.times`."""
        if not (self.base / "prefix").exists():
            put_in_force(of_checkout(prefix_with_scripts(self.base)[0], "0.1.0"))
        environment = {
            "FAXPLAN_CONFIG": str(write_settings(self.world)),
            "FAXPLAN_MAX_CHANNELS": str(MOST_CALLS),
            "FAXPLAN_CALLS_TO_ONE_NUMBER": str(MOST_CALLS),
        }
        environment |= self._timing("faxplan") if times else {}
        return self.instance(
            "faxplan",
            port,
            *gateways,
            script_dir=self.base / "scripts",
            startup_scripts=("fax_queue",),
            environment=environment,
        )

    def bare(self, port: int, *gateways: Gateway, times: bool = False) -> Instance:
        """A FreeSWITCH with tests/live's dialplan. times: as with `faxplan`."""
        environment = self._timing("bare") if times else {}
        return self.instance("bare", port, *gateways, dialplan=DIALPLAN, environment=environment)

    def times(self, instance: Instance) -> Path:
        """What answer_times.c has written."""
        return self._times(instance.options.name)

    def _times(self, name: str) -> Path:
        return self.base / f"{name}.times"

    def _timing(self, name: str) -> dict[str, str]:
        """The environment of a FreeSWITCH that notes when its calls are answered."""
        library = self.base / "answer_times.so"
        if not library.exists():
            subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(ANSWER_TIMES)], check=True)
        return {"LD_PRELOAD": str(library), "ANSWER_TIMES": str(self._times(name))}

    @property
    def spool_in_words(self) -> str:
        """Where pages of calls are, for a page of figures."""
        in_memory = self.world.settings.spool_dir is not None
        return "on a tmpfs, as conf/systemd mounts it" if in_memory else "on a disk: this machine has no tmpfs for it"

    def settled(self) -> bool:
        """Whether Faxplan has no call in hand any more."""
        with self.world.switch.across_tenants() as tx:
            return not queue.calls_of_node(tx, self.world.settings.node)


@dataclass(frozen=True)
class Switches:
    """`bare` and `faxplan` know the carrier as gateway `carrier`; it knows them by these names."""

    bare: Instance
    faxplan: Instance
    carrier: Instance

    def version(self) -> str:
        """As FreeSWITCH says it, up to what was added when it was built."""
        said = re.search(r"Version ([^\s+~]+)", self.bare.api("version"))
        return said[1] if said else "of unknown version"


@dataclass(frozen=True)
class Prepared:
    """Faxes that are rendered, and due in a year; CPU-seconds that each took so far, by what took them."""

    faxes: list[int]
    submitting: float
    rendering: float
    database: float


@contextmanager
def a_place() -> Iterator[Place]:
    """Ends the program with NOT_RUN, saying why, where there is no FreeSWITCH."""
    found = find()
    if found is None or found.missing:
        name, why = Path(sys.argv[0]).stem, "it is not installed" if found is None else "; ".join(found.missing)
        print(f"{name}: not run, it needs a FreeSWITCH: {why}. See {INSTALL_PAGE}.", file=sys.stderr)
        sys.exit(NOT_RUN)
    with tempfile.TemporaryDirectory() as folder, a_spool() as spool:
        base = Path(folder)
        base.chmod(0o711)  # PostgreSQL runs as a user of its own
        with a_world(base, spool) as (world, cluster):
            yield Place(base, found, world, cluster)


@contextmanager
def a_spool() -> Iterator[Path | None]:
    """A folder on a tmpfs, as conf/systemd mounts the spool; None where this machine has none to give."""
    if not MEMORY.is_dir():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="faxplan-", dir=MEMORY) as folder:
        yield Path(folder)


@contextmanager
def a_world(base: Path, spool: Path | None = None, **settings: str) -> Iterator[tuple[World, postgres.Cluster]]:
    """settings: PostgreSQL's. spool: where not below `base`."""
    cluster = postgres.start(base / "postgres", settings=settings)
    try:
        create_installation(cluster.superuser_url(), "faxplan")
        # As on a machine that is set up: not the fallback of one that forbids namespaces.
        with world_on(Installation(cluster, "faxplan"), base, spool_dir=spool, sandbox="namespace") as world:
            yield world, cluster
    finally:
        cluster.stop()


@contextmanager
def three_switches(place: Place, *, times: bool = False) -> Iterator[Switches]:
    """A bare FreeSWITCH, one that runs Faxplan, and the carrier between which and these two calls go.

    times: the first two note when calls are answered.
    """
    ports = {name: free_sip_port() for name in ("bare", "faxplan", "carrier")}
    to = {name: Gateway(name, "127.0.0.1", port) for name, port in ports.items()}
    bare = place.bare(ports["bare"], to["carrier"], times=times)
    faxplan = place.faxplan(ports["faxplan"], to["carrier"], times=times)
    carrier = place.instance("carrier", ports["carrier"], to["bare"], to["faxplan"], dialplan=DIALPLAN)
    try:
        for instance in (carrier, bare, faxplan):
            instance.start()
        yield Switches(bare, faxplan, carrier)
    finally:
        for instance in (faxplan, bare, carrier):
            instance.stop()


def letter_pdf(base: Path) -> Path:
    """One page of text and lines: the first of the demonstration document."""
    target = base / "letter.pdf"
    with pikepdf.open(DEMO) as original, pikepdf.new() as one:
        one.pages.extend(original.pages[:1])
        one.save(target)
    return target


def prepare_faxes(place: Place, document: Path, count: int, *, number: str = RECEIVER_NUMBER) -> Prepared:
    """Submits and renders, before any switch dials: `release` makes one fax due. number: E.164 without +."""
    world = place.world
    database, began = database_seconds(place.cluster), _spent_here()
    request = SendRequest(f"+{number}", document, document.name)
    faxes = [outbound.submit(world.portal, world.store, world.acme.user, request).fax_id for _ in range(count)]
    submitted = _spent_here()
    world.render_all()
    rendered = _spent_here()
    database = database_seconds(place.cluster) - database
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() + interval '1 year'")
    return Prepared(faxes, (submitted - began) / count, (rendered - submitted) / count, database / count)


def _spent_here() -> float:
    """CPU-seconds of this process, and of the ended ones that it started."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def release(world: World, fax_id: int) -> None:
    """Makes it due."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() where fax_id = %s", (fax_id,))
        tx.notify("faxplan_queue")


def rendered(place: Place, fax_id: int) -> Path:
    """A copy of a fax's pages as the worker stored them."""
    world, target = place.world, place.base / "letter.tif"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        document = tx.value(
            "select r.document_id from faxes f join renderings r on r.id = f.rendering_id where f.id = %s", (fax_id,)
        )
        stored = documents.get(tx, world.acme.tenant.id, int(document))
    world.copy_out(stored, target)
    return target
