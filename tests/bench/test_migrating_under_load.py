"""The schema is brought up while the portal answers and faxes come and go: no request fails, and no fax is lost.

What is brought up are migrations like those that a next release has. While they run, somebody takes a dump for a while,
which keeps a lock on every table: each migration gives way, and is tried again.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg2
import pytest

from faxplan import migrations
from faxplan.migration_files import Migration
from faxplan.migrations import Patience
from portal.app import Portal
from tests import migration_lint
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import LETTER
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.portal.conftest import DOMAIN, visitor
from tests.world import World

LATER = {
    "column": "alter table faxes add column later integer not null default 0;",
    "index": """-- each statement by itself
        create index concurrently faxes_later on faxes (tenant_id, created_at, later);""",
    "check": "alter table faxes add constraint faxes_later_check check (later >= 0) not valid;",
    "checked": """-- each statement by itself
        alter table faxes validate constraint faxes_later_check;""",
    "several": """
        alter table attempts add column later text;
        alter table renderings add column later text;
        alter table documents add column later text;
        alter table tenants add column later text;""",
    "table": """
        create table laters (tenant_id bigint not null, fax_id bigint not null,
            foreign key (tenant_id, fax_id) references faxes (tenant_id, id) on delete cascade);
        alter table laters enable row level security, force row level security;
        grant select on laters to faxplan_portal;""",
    "trigger": """
        create function later_fill() returns trigger language plpgsql as $$ begin new.later := 1; return new; end $$;
        create trigger faxes_later before update of state on faxes for each row execute function later_fill();""",
}
"""By name. None is of a kind that tests/migration_lint.py forbids."""
READING_SECONDS = 1.5


@dataclass
class Load:
    """What was asked, and what came of it. said: how often each answer came; wrong: those that ought not to be."""

    said: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, what: str, once: Callable[[], int], expected: int, pause: float) -> None:
        while not self.stop.wait(pause):
            began = time.monotonic()
            try:
                status = once()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and fails the test
                self.wrong.append(f"{what}: {error!r}")
                continue
            self.longest = max(self.longest, time.monotonic() - began)
            self.said[what] += 1
            if status != expected:
                self.wrong.append(f"{what}: {status}")


@contextmanager
def under_load(world: World, most: int) -> Iterator[Load]:
    """Pages, lists and faxes of both offices, so many faxes at most, and a worker that renders them."""
    settings = replace(world.settings, api_requests_per_minute=10**6)
    portal = Portal(world.portal, world.store, DOMAIN, admin=world.admin, settings=settings)
    load = Load()
    offices = ((world.acme, world.borea), (world.borea, world.acme))
    jobs: list[tuple[str, Callable[[], int], int, float]] = []
    for own, other in offices:
        program, browser = a_program(world, portal, own), visitor(portal, own)
        assert browser.log_in().status_code == 200
        jobs += [
            ("a fax", sender(program, other.did, most // 2), 201, 0.02),
            ("a list", lambda program=program: program.get("/faxes", direction="outbound").status_code, 200, 0.02),  # type: ignore[misc]
            ("a page", lambda browser=browser: browser.get("/sent").status_code, 200, 0.02),  # type: ignore[misc]
        ]
    worker = world.a_worker()
    threads = [threading.Thread(target=load.ask, args=job) for job in jobs] + [threading.Thread(target=worker.run)]
    for each in threads:
        each.start()
    try:
        yield load
    finally:
        load.stop.set()
        for each in threads[:-1]:
            each.join()
        wait_for(lambda: not rendering(world), "what was handed in to be rendered", 600)
        worker.stop()
        threads[-1].join()


def sender(program: Program, number: str, most: int) -> Callable[[], int]:
    """Sends a fax, and once there are enough looks at its quotas: a bench's line takes a processor's time."""
    sent = 0

    def send() -> int:
        nonlocal sent
        if sent >= most:
            return 201 if program.get("/account").status_code == 200 else 0
        sent += 1
        return program.hand("/faxes", {"to": [number], "documents": [LETTER], "resolution": "standard"}).status_code

    return send


def rendering(world: World) -> bool:
    with world.worker.across_tenants() as tx:
        return bool(tx.value("select exists (select from render_jobs)"))


def counted(world: World, direction: str, state: str | None = None) -> int:
    found = 0
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            found += tx.value(
                "select count(*) from faxes where called_number <> '+493011' and direction = %s "
                "and (%s::text is null or state = %s)",
                (direction, state, state),
            )
    return found


def fill(world: World, rows: int) -> None:
    """Faxes of before, so that an index and a check take their time."""
    with psycopg2.connect(world.installation.url("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(
            """insert into faxes (tenant_id, direction, state, called_number, pages, pages_done, created_at,
                                  finished_at)
               select %s, 'outbound', 'cancelled', '+493011', 1, 0, now() - n * interval '1 s', now()
               from generate_series(1, %s) n""",
            (world.acme.tenant.id, rows),
        )
    connection.close()


def take_a_dump(world: World, seconds: float) -> None:
    """As pg_dump does: a lock on every table, until it is through."""
    connection = psycopg2.connect(world.installation.url("faxplan_backup"), application_name="pg_dump")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from faxes, attempts, renderings, documents, tenants where false")
        time.sleep(seconds)
    connection.close()


@pytest.mark.parametrize(
    ("faxes", "rows", "times"),
    [(4, 2_000, 1), pytest.param(300, 500_000, 6, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])],
)
def test_no_request_fails_and_no_fax_is_lost(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faxes: int, rows: int, times: int
) -> None:
    fill(world, rows)
    folder = tmp_path / "migrations"
    folder.mkdir()
    chain = migrations.available()
    for each in chain:
        (folder / each.path.name).symlink_to(each.path)
    for turn in range(times):
        for name, text in LATER.items():
            number = len(list(folder.iterdir())) + 1
            path = folder / f"{number:04}_later_{name}.sql"
            path.write_text(text.replace("later", f"later{turn}"))
            assert migration_lint.faults(Migration(number, f"later_{name}", path)) == []
    said: list[str] = []
    with ExitStack() as stack:
        switch = stack.enter_context(faxplan_on_bench(world, monkeypatch))
        with under_load(world, faxes) as load:
            wait_for(lambda: counted(world, "inbound") > 0, "the first fax to come in")
            dump = threading.Thread(target=take_a_dump, args=(world, READING_SECONDS * times))
            dump.start()
            applied = migrations.apply(
                world.installation.url("postgres"), folder, told=said.append, patience=Patience(longest_seconds=1)
            )
            dump.join()
            wait_for(lambda: counted(world, "outbound") >= faxes, "all faxes to be handed in", 600)
        wait_for(lambda: counted(world, "outbound", "sent") == faxes, "every fax to be sent", 1200)
        wait_for(lambda: counted(world, "inbound", "received") == faxes, "every fax to be received", 60)
        assert not switch.complaints
    print(
        f"{dict(load.said)}, the longest took {load.longest:.2f} s; {len([s for s in said if 'again in' in s])} waits"
    )
    assert load.wrong == []
    assert len(applied) == len(LATER) * times
    assert any("pg_dump" in line and "again in" in line for line in said), "nothing was in the way of any migration"
    assert counted(world, "outbound") == counted(world, "inbound") == faxes
