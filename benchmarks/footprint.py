"""What a fax leaves: rows, transactions and WAL of PostgreSQL, objects and bytes of the document store.

    python benchmarks/footprint.py [--faxes 100] [--write docs/benchmarks]

On the bench, with a document store in a bucket (SeaweedFS): faxes to machines outside, then as many to our own numbers,
which come in again. What a received fax costs is the difference. docs/scaling.md reckons with these.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path

import psycopg2
from _live import a_world
from _page import where_and_when, write_section

from faxplan import outbound, postgres
from faxplan.document_store import Store
from faxplan.outbound import SendRequest
from tests.bench.random_kills import NUMBERS, OUTSIDE
from tests.bench.switch_process import SwitchProcess
from tests.bench.whole import ROOT, wait_for, write_settings
from tests.s3_server import BUCKET, S3Server, client, running
from tests.world import World

NAME = "footprint"
_PREFIX = "faxes"


@dataclass(frozen=True)
class Footprint:
    """Sums since the beginning. wal, bytes: of PostgreSQL and of the store."""

    transactions: float
    rows: float
    wal: float
    objects: float
    bytes: float

    def less(self, before: "Footprint", faxes: int) -> "Footprint":
        """What came since, for each of so many faxes."""
        return Footprint(*((getattr(self, f.name) - getattr(before, f.name)) / faxes for f in fields(self)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faxes", type=int, default=100)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section into FOLDER.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o711)  # PostgreSQL runs as a user of its own
        (base / "s3").mkdir()
        with running(base / "s3") as server, a_world(base) as (world, cluster):
            out, both = measured(world, cluster, server, base, given.faxes)
    text = markdown(given.faxes, out, both)
    print(text)
    if given.write:
        write_section(given.write.with_suffix(".md"), "What a fax leaves", text)


def measured(
    world: World, cluster: postgres.Cluster, server: S3Server, base: Path, faxes: int
) -> tuple[Footprint, Footprint]:
    """Of a fax that goes out, and of one that comes in again as well."""
    settings = server.settings(world.settings, _PREFIX)
    world = replace(world, settings=settings, store=Store.of(settings))
    world.store.accept()
    environment = {**os.environ, "FAXPLAN_CONFIG": str(write_settings(world))}
    worker = subprocess.Popen([sys.executable, "-m", "faxplan.cli", "worker"], cwd=ROOT, env=environment)
    switch = SwitchProcess(world, base / "switch", speed=12, numbers=NUMBERS)
    try:
        send(world, base, [f"{OUTSIDE}9{number:03d}" for number in range(5)])
        begin = seen(world, cluster, server)
        send(world, base, [f"{OUTSIDE}{number:04d}" for number in range(faxes)])
        middle = seen(world, cluster, server)
        send(world, base, [world.borea.did] * faxes)
        end = seen(world, cluster, server)
    finally:
        switch.stop()
        worker.terminate()
        worker.wait(60)
    return middle.less(begin, faxes), end.less(middle, faxes)


def send(world: World, base: Path, numbers: list[str]) -> None:
    """Until all have arrived."""
    letter = base / "letter.txt"
    for number, called in enumerate(numbers):
        letter.write_text(f"Letter {number} to {called}\n" + "The quick brown fox jumps over the lazy dog.\n" * 40)
        outbound.submit(world.portal, world.store, world.acme.user, SendRequest(called, letter, letter.name))

    def is_over() -> bool:
        with world.switch.across_tenants() as tx:
            return not tx.value("select exists (select from fax_queue) or exists (select from calls)")

    def all_ended() -> bool:
        for office in (world.acme, world.borea):
            with world.portal.tenant(office.tenant.id) as tx:
                if tx.value("select exists (select from faxes where finished_at is null)"):
                    return False
        return is_over()

    wait_for(all_ended, "every fax to arrive", 120 + 3 * len(numbers))


def seen(world: World, cluster: postgres.Cluster, server: S3Server) -> Footprint:
    # Backends report what they did a second later at most.
    time.sleep(2)
    with (
        psycopg2.connect(cluster.superuser_url(world.installation.database)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """select xact_commit, tup_inserted + tup_updated + tup_deleted,
                      pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')
               from pg_stat_database where datname = current_database()"""
        )
        ((transactions, rows, wal),) = cursor.fetchall()
    connection.close()
    objects = size = 0
    for page in client(server).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{_PREFIX}/"):
        for each in page.get("Contents", ()):
            objects += 1
            size += each["Size"]
    return Footprint(transactions, rows, float(wal), objects, size)


def markdown(faxes: int, out: Footprint, both: Footprint) -> str:
    """The section."""
    came = Footprint(*(getattr(both, f.name) - getattr(out, f.name) for f in fields(out)))
    lines = [
        "| a fax of one page | transactions | rows written | WAL, kB | objects | stored, kB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {what} | {each.transactions:.0f} | {each.rows:.0f} | {each.wal / 1000:.0f} | {each.objects:.1f} | "
        f"{each.bytes / 1000:.0f} |"
        for what, each in (("sent", out), ("received", came))
    ]
    table = "\n".join(lines)
    return f"""\
`python benchmarks/{NAME}.py --faxes {faxes}`, {where_and_when()}.

{faxes} faxes of one page of text, handed in one by one, to machines outside; then as many to our own number, which come
in again: what a received one costs is the difference. Document store in a bucket. With what worker and switch ask and
write while they wait for one another, so a busy system has fewer transactions a fax.

{table}
"""


if __name__ == "__main__":
    main()
