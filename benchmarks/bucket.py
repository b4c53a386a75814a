"""What an object of the document store costs in a bucket: put, read, deleted by itself, and deleted by a thousand.

    python benchmarks/bucket.py [--objects 1000] [--write docs/benchmarks]

SeaweedFS on the same machine, one request after the other. docs/scaling.md reckons with these.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import _chart
from _page import where_and_when, write_section

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from faxplan.object_bucket import DELETED_AT_ONCE, ObjectBucket
from faxplan.scratch import Scratch
from tests.s3_server import running

NAME = "bucket"
BYTES = 50_000
ROUNDS = 5
WHAT = ("put", "read", "deleted by itself", f"deleted by {DELETED_AT_ONCE}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=1000, help="in each of the rounds")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the chart there, the section in FOLDER.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "s3").mkdir()
        with running(Path(folder) / "s3") as server:
            bucket = ObjectBucket(server.place("documents"), Scratch(Path(folder) / "work"))
            bucket.accept()
            found = measured(bucket, Path(folder) / "object", given.objects)
    print(text := section(found, given.objects))
    if given.write:
        (given.write / f"{NAME}.svg").write_text(chart(found))
        write_section(given.write.with_suffix(".md"), "Objects in a bucket", text)


def measured(bucket: ObjectBucket, file: Path, objects: int) -> dict[str, list[float]]:
    """Milliseconds an object, of each round, by what is done."""
    file.write_bytes(os.urandom(BYTES))
    # The digits that differ first: the objects lie in all folders, as ours do.
    rounds = [[f"{number:08x}{each:024x}"[::-1] for each in range(objects)] for number in range(ROUNDS)]
    taken = [a_round(bucket, file, names) for names in rounds]
    return dict(zip(WHAT, map(list, zip(*taken, strict=True)), strict=True))


def a_round(bucket: ObjectBucket, file: Path, names: Sequence[str]) -> tuple[float, ...]:
    one, many = names[: len(names) // 2], names[len(names) // 2 :]
    return (
        a_piece(names, lambda: [bucket.put(file, name) for name in names]),
        a_piece(names, lambda: [bucket.open(name).read() for name in names]),
        a_piece(one, lambda: [bucket.delete(name) for name in one]),
        a_piece(many, lambda: bucket.delete_all(many)),
    )


def a_piece(pieces: Sequence[str], does: Callable[[], object]) -> float:
    """Raises SystemExit for what was left."""
    began = time.perf_counter()
    left = does()
    took = (time.perf_counter() - began) * 1000 / len(pieces)
    if isinstance(left, dict) and left:
        raise SystemExit(f"{len(left)} objects could not be deleted: {next(iter(left.values()))}")
    return took


def section(found: dict[str, list[float]], objects: int) -> str:
    rows = [
        f"| {what} | {statistics.median(times):.2f} | {min(times):.2f} - {max(times):.2f} |"
        for what, times in found.items()
    ]
    begins = f"""`python benchmarks/{NAME}.py --objects {objects}`, {where_and_when()}.

Objects of {BYTES // 1000} kB in a bucket of SeaweedFS on the same machine, one request after the other. Milliseconds an
object: median of {ROUNDS} rounds (least - most).

| | ms an object | |
|---|---|---|
"""
    return begins + "\n".join(rows) + f"\n\n![Milliseconds an object, in a bucket](benchmarks/{NAME}.svg)"


def chart(found: dict[str, list[float]]) -> str:
    medians = {what: statistics.median(times) for what, times in found.items()}
    return _chart.bars(
        "Milliseconds an object, in a bucket", medians, {what: f"{ms:.2f}" for what, ms in medians.items()}
    )


if __name__ == "__main__":
    main()
