"""What a backup of many documents takes, beside `pg_dump` and `cp -a`: the first one, and the next one with links.

    python benchmarks/backup.py [--documents 20000] [--kilobytes 50] [--rounds 3] [--write docs/benchmarks]

Each document is an object of the store with its row. The plain way is docs/backup.md's by hand: `pg_dump`, then
`cp -a`, and `sync`, since `faxplan backup` ends when all of it is on disk. It lists no digests; `sha256sum` of all
files is measured by itself. The two take turns, into folders of one disk; all objects are in the file cache.
"""

import argparse
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _live import a_world
from _page import where_and_when, write_section

from faxplan import backup_manifest, backups
from faxplan.config import to_toml
from faxplan.db import Database
from faxplan.postgres import Cluster
from tests.world import World

NAMES = (
    "pg_dump, cp -a and sync",
    "sha256sum of that",
    "faxplan backup",
    "faxplan backup --link-dest",
    "faxplan backup verify",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--kilobytes", type=int, default=50, help="of each document")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, a_world(Path(name)) as (world, cluster):
        fill(world, options.documents, options.kilobytes)
        seconds = measure(world, cluster, Path(name), options.rounds)
    text = markdown(seconds, options)
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Backups", text)


def fill(world: World, documents: int, kilobytes: int) -> None:
    """Objects of random bytes, which a sealed document is to whoever copies it."""
    source = Path(world.settings.state_dir) / "page"
    source.write_bytes(os.urandom(1024))
    # The store, with its marker.
    world.store.delete(world.seal(source, world.acme).stored.object_name)
    names = [secrets.token_hex(16) for _ in range(documents)]
    for name in names:
        folder = world.store.root / name[:2]
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / name).write_bytes(os.urandom(kilobytes * 1024))
    tenant = world.acme.tenant.id
    db = Database(world.installation.url("faxplan_portal"), max_connections=1)
    try:
        with db.tenant(tenant) as tx:
            tx.execute(
                """insert into documents (tenant_id, kind, media_type, bytes, object_name, header_digest)
                   select %s, 'original', 'application/pdf', 1, n, sha256(n::bytea) from unnest(%s::text[]) n""",
                (tenant, names),
            )
    finally:
        db.close()


def measure(world: World, cluster: Cluster, base: Path, rounds: int) -> dict[str, list[float]]:
    os.environ["PATH"] = f"{cluster.programs}:{os.environ['PATH']}"
    file = base / "faxplan.toml"
    file.write_text(to_toml({"database_url": world.settings.database_url}))
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    for turn in range(rounds + 1):
        folder = base / f"round{turn}"
        folder.mkdir()
        steps: tuple[Callable[[], object], ...] = (
            lambda to=folder: plain(world, to / "plain"),  # type: ignore[misc]
            lambda to=folder: run(f"cd {to / 'plain'} && find . -type f -print0 | xargs -0 sha256sum > {to / 'sums'}"),  # type: ignore[misc]
            lambda to=folder: backups.take(world.settings, to / "one", settings_file=file),  # type: ignore[misc]
            lambda to=folder: backups.take(world.settings, to / "two", settings_file=file, previous=to / "one"),  # type: ignore[misc]
            lambda to=folder: whole(to / "one"),  # type: ignore[misc]
        )
        for name, step in zip(NAMES, steps, strict=True):
            os.sync()
            began = time.perf_counter()
            step()
            if turn:  # the first round warms the file cache
                seconds[name].append(time.perf_counter() - began)
        shutil.rmtree(folder)
        print(f"round {turn} of {rounds}", file=sys.stderr)
    return seconds


def plain(world: World, to: Path) -> None:
    to.mkdir()
    run(f"pg_dump --format custom --file {to / 'faxplan.dump'} '{world.installation.url('faxplan_backup')}'")
    run(f"cp -a {world.store.root} {to} && sync")


def run(line: str) -> None:
    subprocess.run(["bash", "-c", line], check=True)


def whole(folder: Path) -> None:
    if wrong := backup_manifest.faults(folder):
        raise SystemExit(f"{len(wrong)} files are wrong: {wrong[0]}")


def markdown(seconds: dict[str, list[float]], options: argparse.Namespace) -> str:
    command = f"--documents {options.documents} --kilobytes {options.kilobytes} --rounds {options.rounds}"
    size = options.documents * options.kilobytes * 1024 / 1e6
    plain_seconds = statistics.median(seconds[NAMES[0]])
    rows = [
        f"| {name} | {statistics.median(each):.2f} ({min(each):.2f} - {max(each):.2f}) | "
        f"{size / statistics.median(each):.0f} | {statistics.median(each) / plain_seconds:.2f} |"
        for name, each in seconds.items()
    ]
    return "\n".join(
        [
            f"`python benchmarks/backup.py {command}`, {where_and_when()}.",
            "",
            (
                f"{options.documents} documents of {options.kilobytes} KiB, {size:.0f} MB. Seconds, median of "
                f"{options.rounds} rounds (least - most). `faxplan backup` writes the digest of each file as it "
                "copies it."
            ),
            "",
            "| | seconds | MB/s | of the plain way |",
            "|---|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    main()
