"""Render a PDF to fax pages: pikepdf makes it harmless and lays its pages on the fax line, Ghostscript draws them.

Only page boxes are rewritten, so that Ghostscript's own page size is exactly the raster: 1728 pixels by the rows.
Its faxg4 device draws what tiffg4 draws, bit for bit, at nine tenths of the processor time, one bare Group 4 file a
page; we put the pages into one TIFF anyway, because several processes draw. Runs in the sandbox; Ghostscript inherits
its limits.
"""

import os
import re
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Pdf

from faxplan import pdf_source, pdf_tone, sandbox
from faxplan.errors import RenderingFailed
from faxplan.language import _
from faxplan.paper import LINE_PIXELS, X_DPI, Placement, Resolution, Tone, place
from faxplan.pdf_source import Sheet
from faxplan.refusals import Limits
from faxplan.tiff_directory import CodedPage

# A Ghostscript needs 45 ms of processor time to start, so another one has to have several times that to draw. A page
# of text takes about 4 ms, and a scan about 150 ms for each megabyte.
_WORK_WORTH_A_PROCESS = 0.25
_SECONDS_A_PAGE, _SECONDS_A_BYTE = 0.004, 0.15e-6
# Ghostscript's heap grows by hundreds of small steps, each a call to the kernel, into pages of 4 kB, each a fault on
# its first use. Taken in one step, and in huge pages where the kernel lends them, a start costs a tenth less. The step
# is address space, which the sandbox's limit counts, and not memory until it is written to.
_HEAP = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "MALLOC_TOP_PAD_": str(16 * 1024**2)}
_PAGE_LINE = re.compile(rb"Page \d+")
_TOO_EXPENSIVE_SIGNALS = (-signal.SIGXCPU, -signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Part:
    """Pages `first` to `last`, counted from 1, drawn by one process into a file each; `target` names them with %d."""

    first: int
    last: int
    target: Path

    def files(self) -> Iterator[Path]:
        """In the pages' order: Ghostscript counts what it draws from 1."""
        for number in range(1, self.last - self.first + 2):
            yield self.target.with_name(self.target.name % number)


def render(
    source: Path,
    job: Path,
    resolution: Resolution,
    tone: Tone,
    limits: Limits,
    *,
    processes: int,
    progress: Callable[[int, int], None],
) -> Iterator[CodedPage]:
    """The pages in order, 1728 wide. `job` is an empty folder of this rendering's own. Raises DocumentRefused,
    RenderingFailed."""
    clean = job / "clean.pdf"
    rows = _prepare(source, clean, resolution, tone, limits)
    parts = _parts(len(rows), clean.stat().st_size, processes, job)
    _draw(clean, parts, resolution, job, lambda done: progress(done, len(rows)))
    files = [file for part in parts for file in part.files()]
    for number, (file, page_rows) in enumerate(zip(files, rows, strict=True), 1):
        if not file.exists() or file.stat().st_size == 0:
            raise RenderingFailed(
                _("Page {number} could not be drawn. Print the document to a new PDF and send that.").format(
                    number=number
                )
            )
        yield CodedPage(file.read_bytes(), LINE_PIXELS, page_rows, X_DPI, resolution.y_dpi)


def ghostscript(clean: Path, part: _Part, resolution: Resolution) -> list[str]:
    """The one place where Ghostscript's command line is built."""
    return [
        "gs",
        "-dSAFER",
        "-dBATCH",
        "-dNOPAUSE",
        "-dNOGC",  # the PostScript interpreter has nothing to collect; its first collection is a tenth of the start
        # Grey by the weights of ITU-R BT.601 and without ICC profiles, which cost a twenty-fifth of the start.
        "-dUseFastColor=true",
        "-sstdout=%stderr",
        "-sDEVICE=faxg4",
        f"-r{X_DPI}x{resolution.y_dpi}",
        "-dAdjustWidth=0",
        f"-dFirstPage={part.first}",
        f"-dLastPage={part.last}",
        f"-sOutputFile={part.target}",
        "-f",
        str(clean),
    ]


def _prepare(source: Path, clean: Path, resolution: Resolution, tone: Tone, limits: Limits) -> list[int]:
    """Write the harmless PDF with its pages on the line; the rows that each page will have."""
    rows: list[int] = []
    with pdf_source.opened(source, limits=limits) as pdf:
        pdf_source.disarm(pdf)
        frames: dict[tuple[bytes, tuple[float, ...]], tuple[pikepdf.Stream, pikepdf.Stream]] = {}
        for page in pdf.pages:
            sheet = pdf_source.sheet(page)
            placement = place(*sheet.inches, resolution)
            _lay(page, sheet, placement, resolution)
            state = pdf_tone.set_tone(pdf, page, tone)
            if (state, sheet.box) not in frames:
                frames[state, sheet.box] = _frame(pdf, state, sheet.box)
            before, after = frames[state, sheet.box]
            contents = page.obj.get("/Contents", Array())
            page.obj.Contents = Array([before, *(contents if isinstance(contents, Array) else [contents]), after])
            rows.append(placement.rows)
        pdf.save(
            clean,
            encryption=False,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    return rows


def _lay(page: pikepdf.Page, sheet: Sheet, placement: Placement, resolution: Resolution) -> None:
    """Give the page a media box that is the fax raster, with what was visible centred across it and at its top."""
    rotate = sheet.rotate
    if placement.turned:
        # Either way reads as well; what /Rotate had turned over is turned back, so that its text stands upright.
        rotate = 0 if rotate in (90, 270) else rotate + 90
    # /UserUnit scales everything that is on the page, annotations too, without touching the contents.
    unit = sheet.unit * placement.scale
    across, down = LINE_PIXELS / X_DPI * 72 / unit, placement.rows / resolution.y_dpi * 72 / unit
    left, bottom, right, top = sheet.box
    extra_x = across - ((top - bottom) if rotate % 180 else (right - left))
    extra_y = down - ((right - left) if rotate % 180 else (top - bottom))
    # Which of the box's sides lies at the bottom of the sheet depends on how it is turned.
    if rotate == 0:
        box = (left - extra_x / 2, bottom - extra_y, right + extra_x / 2, top)
    elif rotate == 90:
        box = (left, bottom - extra_x / 2, right + extra_y, top + extra_x / 2)
    elif rotate == 180:
        box = (left - extra_x / 2, bottom, right + extra_x / 2, top + extra_y)
    else:
        box = (left - extra_y, bottom - extra_x / 2, right, top + extra_x / 2)
    entries = page.obj
    for key in ("/CropBox", "/TrimBox", "/BleedBox", "/ArtBox", "/UserUnit"):
        if key in entries:
            del entries[key]
    entries.MediaBox = Array([round(number, 5) for number in box])
    # The crop box may also be inherited; it would win again.
    entries.CropBox = entries.MediaBox
    entries.Rotate = rotate
    if abs(unit - 1) > 1e-9:
        entries.UserUnit = round(unit, 9)


def _frame(pdf: Pdf, state: bytes, box: tuple[float, float, float, float]) -> tuple[pikepdf.Stream, pikepdf.Stream]:
    """What goes before and after a page's contents: what lay outside the visible box must not show in the margins."""
    left, bottom, right, top = box
    path = f"q {left:.4f} {bottom:.4f} {right - left:.4f} {top - bottom:.4f} re W n\n"
    return pdf.make_stream(path.encode() + state), pdf.make_stream(b"\nQ")


def _parts(pages: int, size: int, processes: int, job: Path) -> list[_Part]:
    work = pages * _SECONDS_A_PAGE + size * _SECONDS_A_BYTE
    count = max(1, min(processes, pages, int(work / _WORK_WORTH_A_PROCESS)))
    bounds = [pages * n // count for n in range(count + 1)]
    return [_Part(bounds[n] + 1, bounds[n + 1], job / f"part{n}-%d.g4") for n in range(count)]


def _draw(clean: Path, parts: list[_Part], resolution: Resolution, job: Path, done: Callable[[int], None]) -> None:
    """Run one Ghostscript for each part, side by side; `done` is told how many pages are finished."""
    running: list[subprocess.Popen[bytes]] = []
    # Of each process: what it said since the last end of line, and the last whole line.
    said: dict[int, tuple[bytes, bytes]] = {}
    pages = 0
    try:
        with selectors.DefaultSelector() as selector:
            for part in parts:
                process = sandbox.command(ghostscript(clean, part, resolution), job, settings=_HEAP)
                running.append(process)
                said[process.pid] = (b"", b"")
                selector.register(_output(process), selectors.EVENT_READ, process)
            while selector.get_map():
                for key, _ in selector.select():
                    piece = os.read(key.fd, 65536)
                    if not piece:
                        selector.unregister(key.fileobj)
                        continue
                    rest, last = said[key.data.pid]
                    *lines, rest = (rest + piece).split(b"\n")
                    said[key.data.pid] = (rest[-1000:], lines[-1] if lines else last)
                    pages += (found := sum(_PAGE_LINE.fullmatch(line) is not None for line in lines))
                    if found:
                        done(pages)
        for process in running:
            _judge(process.wait(), b"".join(said[process.pid][::-1]))
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
            _output(process).close()


def _output(process: "subprocess.Popen[bytes]") -> Any:
    if process.stdout is None:
        raise AssertionError("sandbox.command gives a pipe")
    return process.stdout


def _judge(status: int, said: bytes) -> None:
    if status == 0:
        return
    if status in _TOO_EXPENSIVE_SIGNALS or b"VMerror" in said:
        raise sandbox.DocumentTooExpensive(
            _("Drawing this document takes too much time or memory. Print it anew at 300 dpi, or send it in parts.")
        )
    why = said.decode("ascii", "replace").strip().splitlines()[-1:] or [f"status {status}"]
    raise RenderingFailed(
        _("Ghostscript could not draw this document ({why}). Print it to a new PDF and retry.").format(why=why[0][:120])
    )
