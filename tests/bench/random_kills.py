"""Faxes go out while switch, worker and database are killed at random moments; what became of each, and of each page.

A page is known by its picture, so that what the receivers have in hand says what was sent, whatever our records say.
"""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg2
from PIL import Image

from faxplan import documents, outbound, postgres, tenants, trunk_health
from faxplan.outbound import SendRequest
from tests.bench.switch_process import SwitchProcess
from tests.bench.whole import ROOT, wait_for, write_settings
from tests.world import World

OUTSIDE = "+49309876"
NUMBERS = f'[[number]]\nprefix = "{OUTSIDE}"\n'
FAILING = ("486", "404", "021", "031", "041")
"""Test numbers (docs/bench.md): busy; unallocated; dropped after a page, in the midst of the next, and in audio."""
DROPPED = ("021", "031", "041")
PAGES = 3
SPEED = 12
CALLS = 12
SHEET_ROWS = 11 * 196
Page = tuple[int, int]
"""A fax's id, and which of its pages, from 0."""


@dataclass(frozen=True)
class Plan:
    """kills: so many at most; while faxes are under way. seconds: least and most between two."""

    faxes: int
    kills: int
    seed: int
    seconds: tuple[float, float] = (1.0, 4.0)


@dataclass
class Fate:
    """What one fax came to. attempts: its calls, in order."""

    number: str
    row: dict[str, Any]
    attempts: list[dict[str, Any]]

    @property
    def should_arrive(self) -> bool:
        return self.number[-3:] not in ("486", "404") or "9900" not in self.number


@dataclass
class Aftermath:
    """in_flight: calls out that went on at a kill of the switch, summed. arrived: how often each page lies at a
    receiver. strange: received pages that are no page of any fax.
    """

    fates: dict[int, Fate]
    arrived: Counter[Page]
    strange: int
    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    seconds: float = 0.0

    def twice(self) -> dict[Page, int]:
        """Pages that arrived more than once, and how often too often."""
        return {page: times - 1 for page, times in self.arrived.items() if times > 1}

    def unknown(self) -> list[dict[str, Any]]:
        """The calls whose outcome is marked so."""
        return [each for fate in self.fates.values() for each in fate.attempts if each["outcome"] == "unknown"]

    def unmarked(self) -> int:
        """Of the pages that arrived too often, those of faxes of which no call's outcome is unknown."""
        marked = {each["fax_id"] for each in self.unknown()}
        return sum(times for (fax_id, _), times in self.twice().items() if fax_id not in marked)

    def recorded_again(self) -> int:
        """Pages that arrived oftener than once and once more for each call whose end nobody knows, and that had not
        recorded them.
        """
        again = 0
        for (fax_id, page), times in self.twice().items():
            calls = [each for each in self.fates[fax_id].attempts if each["outcome"] == "unknown"]
            again += max(0, times - sum(each["start_page"] + each["pages"] <= page for each in calls))
        return again


class Killing:
    """The processes, and their ends."""

    def __init__(self, world: World, cluster: postgres.Cluster, folder: Path, plan: Plan) -> None:
        self._world = world
        self._cluster = cluster
        self._folder = folder
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 - moments, not secrets
        self._environment = {**os.environ, "FAXPLAN_CONFIG": str(write_settings(world))}
        self.kills: Counter[str] = Counter()
        self.in_flight = 0
        self.numbers: dict[int, str] = {}

    def run(self) -> Aftermath:
        world, began = self._world, time.monotonic()
        with world.admin.across_tenants() as tx:
            # Every kill uses up a try of each fax that it meets.
            tenants.change(tx, world.acme.tenant.id, {"max_attempts": 20, "max_calls": CALLS})
        self._submit()
        self._switch = SwitchProcess(world, self._folder / "switch", speed=SPEED, numbers=NUMBERS)
        self._worker = self._start_worker()
        try:
            self._let_it_rain()
            wait_for(self._all_final, "every fax to be final", 60 + 3 * self._plan.faxes)
            wait_for(self._nothing_left, "what came in to be delivered", 60)
        finally:
            self._worker.terminate()
            self._worker.wait(60)
            self._switch.stop()
        arrived, strange = self._arrived()
        return Aftermath(self._fates(), arrived, strange, self.kills, self.in_flight, time.monotonic() - began)

    # ------------------------------------------------------------------------------------------------------- killing

    def _let_it_rain(self) -> None:
        blows = {"switch": self._kill_switch, "worker": self._kill_worker, "database": self._kill_database}
        blows["database, then switch"] = self._kill_both
        # Each once in an order of its own, then at random.
        order = self._random.sample(list(blows), len(blows))
        while self.kills.total() < self._plan.kills:
            self._wait(self._random.uniform(*self._plan.seconds))
            if self._all_final():
                return
            what = order.pop() if order else self._random.choice(list(blows))
            blows[what]()
            self.kills[what] += 1

    def _kill_switch(self) -> None:
        self._switch.freeze()
        self._count_calls()
        self._switch.kill9()
        self._switch.start()

    def _kill_worker(self) -> None:
        self._worker.kill()
        self._worker.wait()
        self._worker = self._start_worker()

    def _kill_database(self) -> None:
        self._cluster.kill9()
        # Calls end meanwhile, and their outcomes wait.
        time.sleep(self._random.uniform(0.2, 2.0))
        self._start_database()

    def _kill_both(self) -> None:
        self._cluster.kill9()
        time.sleep(self._random.uniform(0.2, 2.0))
        self._switch.freeze()
        self._start_database()
        self._count_calls()
        self._switch.kill9()
        self._switch.start()

    def _start_database(self) -> None:
        postgres.start(self._cluster.data_dir)
        for each in (self._world.admin, self._world.portal, self._world.switch, self._world.worker):
            each.close()

    def _count_calls(self) -> None:
        """Of the frozen switch: also what it has asked for, and the database is still about to commit."""
        wait_for(self._database_rests, "the database to end what the switch has asked of it", 30)
        with self._world.switch.across_tenants() as tx:
            self.in_flight += int(tx.value("select count(*) from calls where direction = 'outbound'"))

    def _database_rests(self) -> bool:
        """Whether it does nothing for the switch's own connections, or those of this test, which are idle now."""
        with psycopg2.connect(self._cluster.superuser_url()) as connection, connection.cursor() as cursor:
            cursor.execute(
                """select count(*) from pg_stat_activity
                   where usename = 'faxplan_switch' and state not in ('idle', 'idle in transaction')"""
            )
            ((busy,),) = cursor.fetchall()
        connection.close()
        return bool(busy == 0)

    def _wait(self, seconds: float) -> None:
        """Neither retries nor the trunk wait for their time meanwhile."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._hurry()
            time.sleep(0.5)

    def _hurry(self) -> None:
        with self._world.switch.across_tenants() as tx:
            tx.execute("update fax_queue set not_before = now() where not_before > now()")
            tx.notify("faxplan_queue")
        # A call to ourselves that comes in while the database is away gets 503, and that is the trunk's fault.
        with self._world.admin.across_tenants() as tx:
            trunk_health.wake(tx, "carrier")

    def _start_worker(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "faxplan.cli", "worker"], cwd=ROOT, env=self._environment)

    # ------------------------------------------------------------------------------------------------------ the faxes

    def _submit(self) -> None:
        world, letter = self._world, self._folder / "letter.txt"
        for number in range(self._plan.faxes):
            letter.write_text("\f".join(f"Fax {number}, page {page}.\n" for page in range(1, PAGES + 1)))
            called = self._number(number)
            request = SendRequest(called, letter, letter.name)
            fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
            self.numbers[fax_id] = called

    def _number(self, number: int) -> str:
        """One in ten fails, two in ten come back to us, the rest go to machines outside."""
        if number % 10 == 3:
            return f"+4930{number:04d}9900{FAILING[number // 10 % len(FAILING)]}"
        return self._world.borea.did if number % 5 == 0 else f"{OUTSIDE}{number:04d}"

    def _all_final(self) -> bool:
        self._hurry()
        time.sleep(0.2)
        with self._world.portal.tenant(self._world.acme.tenant.id) as tx:
            sql = "select count(*) from faxes where direction = 'outbound' and finished_at is null"
            return int(tx.value(sql)) == 0

    def _nothing_left(self) -> bool:
        world = self._world
        with world.switch.across_tenants() as tx:
            rows = sum(int(tx.value(f"select count(*) from {table}")) for table in ("calls", "fax_queue"))
        left = [path for folder in (world.settings.journal, world.settings.pending) for path in folder.iterdir()]
        return rows == 0 and not left and not list(world.settings.spool.rglob("*.tif"))

    def _fates(self) -> dict[int, Fate]:
        world, acme = self._world, self._world.acme
        return {
            fax_id: Fate(number, world.fax(acme, fax_id), world.attempts(acme, fax_id))
            for fax_id, number in self.numbers.items()
        }

    # ------------------------------------------------------------------------------------------------------ the pages

    def _arrived(self) -> tuple[Counter[Page], int]:
        known: dict[bytes, Page] = {}
        for fax_id in self.numbers:
            for page, digest in enumerate(self._rendered(fax_id)):
                assert digest not in known, "two pages look the same, so that nobody could tell them apart"
                known[digest] = (fax_id, page)
        arrived: Counter[Page] = Counter()
        strange = 0
        for file in chain(self._switch.far.glob("*.tif"), self._delivered()):
            for digest in sheets(file):
                if digest in known:
                    arrived[known[digest]] += 1
                else:
                    strange += 1
        return arrived, strange

    def _rendered(self, fax_id: int) -> list[bytes]:
        world, target = self._world, self._folder / "rendered.tif"
        sql = "select r.document_id from faxes f join renderings r on r.id = f.rendering_id where f.id = %s"
        with world.portal.tenant(world.acme.tenant.id) as tx:
            row = tx.row(sql, (fax_id,))
            if row is None or row["document_id"] is None:
                return []
            stored = documents.get(tx, world.acme.tenant.id, row["document_id"])
        world.copy_out(stored, target)
        return sheets(target)

    def _delivered(self) -> Iterator[Path]:
        """What lies in mailboxes, whole or in part."""
        world, borea = self._world, self._world.borea.tenant.id
        with world.portal.tenant(borea) as tx:
            ids = tx.rows("select tiff_id from faxes where direction = 'inbound' and tiff_id is not null")
            stored = [documents.get(tx, borea, row["tiff_id"]) for row in ids]
        for each in stored:
            world.copy_out(each, self._folder / "delivered.tif")
            yield self._folder / "delivered.tif"


def sheets(file: Path) -> list[bytes]:
    """A digest of each page, without what a header line adds above it; of a file that was killed before the end of its
    first page, none: it has no directory (TIFF 6.0, section 2: bytes 4 to 7).
    """
    with file.open("rb") as tiff:
        if not any(tiff.read(8)[4:]):
            return []
    found = []
    with Image.open(file) as pages:
        for number in range(pages.n_frames):  # type: ignore[attr-defined]
            pages.seek(number)
            sheet = pages.crop((0, pages.height - SHEET_ROWS, pages.width, pages.height))
            found.append(hashlib.sha256(sheet.convert("L").tobytes()).digest())
    return found
