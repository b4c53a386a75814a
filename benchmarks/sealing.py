"""What sealing costs, beside plain AES-256-GCM of the same library; and how long a received page takes to be sealed.

    python benchmarks/sealing.py [--rounds 15] [--megabytes 100] [--pages 200] [--sandbox namespace]
                                 [--write docs/benchmarks]

Both read one file and write another of the same size, in the same folder, in turns, chunk by chunk: plain AES-256-GCM
in chunks of the same 64 KiB, each with its tag, and with nothing else that a sealed file has. A ratio above 1 means
that ours is faster. One page: what follows on its node when the line has cleared, without fsync and without the
database. First the TIFF is sealed and its key wrapped to a mailbox: from then on nothing is lost. Then PDF, page image
and thumbnail are made by a child, in a namespace that is kept as FreeSWITCH's process keeps it (or, to compare, with
limits alone), and sealed alike. Everything is both together; each time all four documents must have come of it.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from unittest import mock

import _chart
from _page import where_and_when, write_section
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import Image, ImageDraw

from faxplan import documents, received_documents, sealed, wraps
from faxplan.call_result import CallResult
from faxplan.config import SANDBOXES
from faxplan.confinement import LIMITS, Confinement, LimitsOnly
from faxplan.namespaces import NamespacePool
from faxplan.places import Places
from faxplan.received_documents import Readers
from faxplan.scratch import Scratch
from faxplan.sealed import CHUNK_BYTES, Context, SealedReader
from faxplan.vault import MailboxKey

AIM, MOST_MILLISECONDS = 0.8, 10.0
_TAG_BYTES = 16
CONTEXT = Context(7, "0" * 32, documents.RENDERING)
KINDS = (documents.RECEIVED_TIFF, documents.RECEIVED_PDF, documents.PAGE_IMAGES, documents.THUMBNAIL)
RESULT = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1)


@dataclass
class Pair:
    """Seconds, round by round."""

    what: str
    plain: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Within a round both met a machine that was as busy."""
        return [plain / ours for plain, ours in zip(self.plain, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)


@dataclass
class Page:
    """Of one received page: milliseconds of each time. bytes: of its TIFF. tiff: until that is sealed and wrapped;
    everything: until all is that is made of it, too.
    """

    bytes: int
    tiff: list[float]
    everything: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--megabytes", type=int, default=100, help="of the large document")
    parser.add_argument("--pages", type=int, default=200, help="how often a page is sealed")
    parser.add_argument("--sandbox", choices=SANDBOXES, default=SANDBOXES[0], help="of what draws a received page")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the chart there, the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = large(folder, options.megabytes, options.rounds)
        with drawing(folder, options.sandbox) as within:
            page = one_page(folder, options.pages, within)
    text = markdown(pairs, page, options)
    print(text)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / "sealing.svg").write_text(chart(pairs))
        picture = f"![Sealing and opening, plain over ours]({options.write.name}/sealing.svg)"
        write_section(options.write.with_suffix(".md"), "Sealing", f"{text}\n\n{picture}")


def large(folder: Path, megabytes: int, rounds: int) -> tuple[Pair, Pair]:
    """Sealing and opening a large document."""
    document = folder / "document"
    with document.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    key, header, plain_key = sealed.new_key(), sealed.new_header(CONTEXT), AESGCM(os.urandom(32))
    by_plain, by_us, back = folder / "plain", folder / "sealed", folder / "back"
    sealing, opening = Pair("sealing"), Pair("opening")
    for number in range(rounds + 1):
        for pair, plain, ours in (
            (
                sealing,
                lambda: between(document, by_plain, lambda a, b: plain_encrypt(a, b, plain_key)),
                lambda: between(document, by_us, lambda a, b: sealed.seal(a, b, key, header)),
            ),
            (
                opening,
                lambda: between(by_plain, back, lambda a, b: plain_decrypt(a, b, plain_key)),
                lambda: between(by_us, back, lambda a, b: open_sealed(a, b, key)),
            ),
        ):
            turns = [(pair.plain, plain), (pair.ours, ours)]
            for times, action in turns if number % 2 else turns[::-1]:
                took = measured(action)
                if number:  # the first round warms the file cache
                    times.append(took)
        assert back.stat().st_size == document.stat().st_size
    return sealing, opening


def between(source: Path, target: Path, work: Callable[[BinaryIO, BinaryIO], object]) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        work(reader, writer)


def plain_encrypt(source: BinaryIO, target: BinaryIO, key: AESGCM) -> None:
    number = 0
    while block := source.read(CHUNK_BYTES):
        target.write(key.encrypt(number.to_bytes(12, "big"), block, None))
        number += 1


def plain_decrypt(source: BinaryIO, target: BinaryIO, key: AESGCM) -> None:
    number = 0
    while block := source.read(CHUNK_BYTES + _TAG_BYTES):
        target.write(key.decrypt(number.to_bytes(12, "big"), block, None))
        number += 1


def open_sealed(source: BinaryIO, target: BinaryIO, key: bytes) -> None:
    with closing(SealedReader(source, key, CONTEXT)) as reader:
        target.writelines(reader.chunks())


@contextmanager
def drawing(folder: Path, sandbox: str) -> Iterator[Confinement]:
    """What confines the drawing of received pages, in a process with threads, which FreeSWITCH's is."""
    stop = threading.Event()
    # Else, with limits alone, a child is forked, which no process with threads may do.
    threading.Thread(target=stop.wait).start()
    kept = NamespacePool(Scratch(folder / "drawing"))
    try:
        yield LimitsOnly() if sandbox == LIMITS else kept
    finally:
        kept.close()
        stop.set()


def one_page(folder: Path, times: int, within: Confinement) -> Page:
    """A page of text as rxfax writes it, sealed again and again, as Pending.secure does. Raises SandboxUnavailable."""
    within.check()
    tiff = folder / "page.tif"
    image = Image.new("1", (1728, 2292), 1)
    draw = ImageDraw.Draw(image)
    for row in range(100, 2200, 36):
        draw.text((150, row), f"row {row}: " + "the quick brown fox jumps over the lazy dog " * 4, fill=0)
    image.save(tiff, compression="group4", dpi=(204, 196))
    readers = Readers(MailboxKey(1, 1, wraps.new_key_pair().public))
    target = folder / "pending"
    target.mkdir(mode=0o700)
    page = Page(tiff.stat().st_size, [], [])
    with without_fsync():
        for number in range(times + 1):
            began = time.perf_counter()
            brought = received_documents.seal(tiff, target, 7, RESULT, readers)
            sealed_at = time.perf_counter()
            brought = received_documents.with_copies(brought, tiff, folder / "work", target, readers, Places(1), within)
            ended = time.perf_counter()
            if len(brought.documents) != len(KINDS):
                raise SystemExit(f"Only {[each.stored.kind for each in brought.documents]} came of a page: see above.")
            if number:  # the first round starts what draws
                page.tiff.append((sealed_at - began) * 1000)
                page.everything.append((ended - began) * 1000)
    return page


@contextmanager
def without_fsync() -> Iterator[None]:
    """What a disk takes is no part of sealing."""
    with mock.patch.object(os, "fsync", return_value=None):
        yield


def measured(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def markdown(pairs: tuple[Pair, Pair], page: Page, options: argparse.Namespace) -> str:
    size = options.megabytes
    command = f"--rounds {options.rounds} --megabytes {size} --pages {options.pages} --sandbox {options.sandbox}"
    lines = [
        f"`python benchmarks/sealing.py {command}`, {where_and_when()}.",
        "",
        f"A document of {size} MB, from file to file, in turns; median of {options.rounds} rounds (least - most).",
        "Plain: AES-256-GCM of the same library in chunks of 64 KiB, writing as much. The ratio is plain over ours.",
        "",
        "| | plain, MB/s | Faxplan, MB/s | **ratio** |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {pair.what} | {_rates(size, pair.plain)} | {_rates(size, pair.ours)} | **{pair.ratio:.2f}** "
        f"({min(pair.ratios):.2f} - {max(pair.ratios):.2f}) |"
        for pair in pairs
    ]
    missed = [pair.what for pair in pairs if pair.ratio < AIM]
    tiff, everything = statistics.median(page.tiff), statistics.median(page.everything)
    aim = "met" if tiff < MOST_MILLISECONDS else "**missed**"
    where = "in a namespace that is kept" if options.sandbox != LIMITS else "with limits alone"
    lines += [
        "",
        f"Below the aim of {AIM}: {', '.join(missed) or 'none'}.",
        "",
        f"One received page (a TIFF of {page.bytes:,} bytes), {len(page.tiff)} times, on its node from the end of",
        "the call on, without fsync and database; median (least - most):",
        "",
        "- the TIFF, whole pages counted, sealed, and its key wrapped to a mailbox, from when on nothing is lost:",
        f"  **{tiff:.2f} ms** {_spread(page.tiff)}. The aim, under {MOST_MILLISECONDS:.0f} ms, is {aim};",
        "- everything: that, then PDF, page image and thumbnail, each sealed and wrapped alike, which are made",
        f"  by a child {where}: **{everything:.0f} ms** {_spread(page.everything, 0)}.",
    ]
    return "\n".join(lines)


def _spread(milliseconds: list[float], digits: int = 2) -> str:
    return f"({min(milliseconds):.{digits}f} - {max(milliseconds):.{digits}f})"


def _rates(megabytes: int, seconds: list[float]) -> str:
    middle, least, most = statistics.median(seconds), max(seconds), min(seconds)
    return f"{megabytes / middle:.0f} ({megabytes / least:.0f} - {megabytes / most:.0f})"


def chart(pairs: tuple[Pair, Pair]) -> str:
    """One dot a round: sealing, then opening."""
    sealing, opening = pairs
    return _chart.runs(
        "plain AES-256-GCM over Faxplan: sealing, then opening", [*sealing.ratios, *opening.ratios], {"aim": AIM}
    )


if __name__ == "__main__":
    main()
