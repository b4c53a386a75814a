"""What images of a fax's pages take: bytes, and processor time, beside what a received fax took before there were any.

    python benchmarks/page_images.py [--rounds 5] [--write docs/benchmarks]

For each page: its TIFF, its PNG and its thumbnail in bytes, and milliseconds to decode and draw it, in a process that
does nothing else. Then a received fax of so many letters: the PDF alone, as it was made within FreeSWITCH's process
before; and PDF, page images and thumbnail as they are made now, in children of a process with threads, which
FreeSWITCH's is: processor time, children and all.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from _page import where_and_when, write_section
from rendering import DEMO, photographs, repeated

from faxplan import page_images, received, received_copies, rendering
from faxplan.confinement import LimitsOnly
from faxplan.places import Places
from faxplan.rendering import Resolution

LENGTHS = (1, 10, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        text = f"""\
`python benchmarks/page_images.py --rounds {options.rounds}`, {where_and_when()}. Medians of {options.rounds} rounds.

{pages(Path(name), options.rounds)}

A received fax of letters, fine. Processor time in ms, of FreeSWITCH's process (with the PDF within it, as before; with
nothing but a child to wait for now) and of children, with limits alone; then seconds on the wall. Nobody is told what
processes inside a namespace have used: one comes on top, for every {received_copies.PAGES_A_TURN} pages
(docs/decisions/document-sandbox.md).

{faxes(Path(name), options.rounds)}
"""
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Page images", text)


def pages(folder: Path, rounds: int) -> str:
    letter = repeated(DEMO, 1, folder / "letter.pdf", pages=1)
    photograph = photographs(folder / "photograph.pdf", 1)
    lines = ["| page | TIFF | PNG | thumbnail | drawing it, ms | thumbnail, ms |", "|---|---|---|---|---|---|"]
    for document in (letter, photograph):
        for resolution in (Resolution.STANDARD, Resolution.FINE, Resolution.SUPERFINE):
            tiff, archive = folder / "fax.tif", folder / "pages.zip"
            thumbnail = folder / "thumbnail.png"
            rendering.render(document, tiff, resolution=resolution, within=LimitsOnly())
            drawing = milliseconds(rounds, lambda: page_images.draw(str(tiff), str(archive), 0, 1))  # noqa: B023
            small = milliseconds(rounds, lambda: page_images.draw_thumbnail(str(tiff), str(thumbnail)))  # noqa: B023
            with archive.open("rb") as source:
                ((_, png),) = page_images.read(source)
            sizes = (tiff.stat().st_size, len(png), thumbnail.stat().st_size)
            cells = [f"{document.stem}, {resolution.value}", *(f"{size:,}" for size in sizes)]
            lines.append(f"| {' | '.join(cells)} | {drawing:.1f} | {small:.1f} |")
    return "\n".join(lines)


def faxes(folder: Path, rounds: int) -> str:
    lines = ["| pages | before | now | now, a page | now, wall |", "|---|---|---|---|---|"]
    stop = threading.Event()
    # Else a child is forked, which no process with threads may do.
    threading.Thread(target=stop.wait).start()
    try:
        for length in LENGTHS:
            document, tiff = folder / "fax.pdf", folder / "fax.tif"
            repeated(DEMO, length, document, pages=1)
            rendering.render(document, tiff, resolution=Resolution.FINE, within=LimitsOnly())
            times = [now(tiff, length) for _ in range(rounds)]
            before = milliseconds(rounds, lambda: received.to_pdf(tiff, folder / "before.pdf"))  # noqa: B023
            cpu, wall = (statistics.median(each) for each in zip(*times, strict=True))
            lines.append(f"| {length} | {before:.1f} | {cpu * 1000:.0f} | {cpu * 1000 / length:.1f} | {wall:.2f} s |")
    finally:
        stop.set()
    return "\n".join(lines)


def now(tiff: Path, length: int) -> tuple[float, float]:
    """Processor time, of children that have ended too, and time on the wall."""
    with tempfile.TemporaryDirectory() as work:
        cpu, wall = sum(os.times()[:4]), time.perf_counter()
        received_copies.make(tiff, Path(work), length, Places(1), within=LimitsOnly())
        return sum(os.times()[:4]) - cpu, time.perf_counter() - wall


def milliseconds(rounds: int, action: Callable[[], object]) -> float:
    def once() -> float:
        began = time.process_time()
        action()
        return (time.process_time() - began) * 1000

    return statistics.median(once() for _ in range(rounds))


if __name__ == "__main__":
    main()
