"""What is made of a received fax for its readers: a PDF, images of the pages, and a thumbnail; in sandboxed children.

The pages are a stranger's, and who asks is FreeSWITCH's own process: no image is decoded there, and no PDF written. A
long fax is drawn some pages at a time, and between these whoever waits has a turn: one of 300 pages holds up none of
one page. Whatever cannot be made is missing, and the fax is delivered without it.
"""

import ctypes
import logging
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from faxplan import page_images, received, sandbox
from faxplan.documents import PAGE_IMAGES, RECEIVED_PDF, THUMBNAIL
from faxplan.places import Places

LOG = logging.getLogger(__name__)
PAGES_A_TURN = 16
LONGEST_SECONDS = 120.0
"""For all of it, with the waiting: less than lease_margin_seconds, past which others take the call for dead."""
_CEILING = sandbox.Ceiling(cpu_seconds=60, wall_seconds=60, memory_bytes=1024**3, file_bytes=1024**3)
_NAMES = {RECEIVED_PDF: "fax.pdf", PAGE_IMAGES: "pages.zip", THUMBNAIL: "thumbnail.png"}
_NICE = 10
_PR_SET_PDEATHSIG = 1  # prctl(2)


def default_places() -> Places:
    """For one process: the calls that go on need the other half of the processors."""
    return Places(max(1, len(os.sched_getaffinity(0)) // 2))


def make(tiff: Path, folder: Path, pages: int, places: Places) -> Mapping[str, Path]:
    """The files, by the kinds of their documents. tiff: with so many whole pages. folder: private; our names are free.

    Raises nothing: what is missing could not be made, and the log says why.
    """
    found: dict[str, Path] = {}
    deadline = time.monotonic() + LONGEST_SECONDS
    drawn = 0
    try:
        for first in range(0, pages, PAGES_A_TURN):
            said = _turn(tiff, folder, first, min(PAGES_A_TURN, pages - first), places, deadline)
            drawn += said["pages"]
            for kind in said["made"]:
                found[kind] = page_images.plain_file(folder / _NAMES[kind])
            for problem in said["problems"]:
                LOG.error("%s: %s", tiff.name, problem)
        if drawn:
            found[PAGE_IMAGES] = page_images.plain_file(folder / _NAMES[PAGE_IMAGES])
        if drawn < pages:
            LOG.error("%s: %s of %s pages could be drawn", tiff.name, drawn, pages)
    except Exception:
        LOG.exception("%s: not all of PDF, page images and thumbnail", tiff.name)
        if RECEIVED_PDF not in found:
            found |= _pdf_alone(tiff, folder, places, deadline)
    return found


def _pdf_alone(tiff: Path, folder: Path, places: Places, deadline: float) -> dict[str, Path]:
    """No page is decoded for it: it may do where the images have ended the child."""
    try:
        _turn(tiff, folder, 0, 0, places, deadline)
        return {RECEIVED_PDF: page_images.plain_file(folder / _NAMES[RECEIVED_PDF])}
    except Exception:
        LOG.exception("%s: no PDF", tiff.name)
        return {}


def _turn(tiff: Path, folder: Path, first: int, most: int, places: Places, deadline: float) -> dict[str, Any]:
    """What _make gives. Raises TimeoutError where there was no place until the deadline, and as sandbox.call does."""
    with places.one(deadline - time.monotonic()):
        left = int(deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError(f"{tiff.name} took longer than {LONGEST_SECONDS:.0f} s")
        ceiling = replace(_CEILING, wall_seconds=min(left, _CEILING.wall_seconds))
        said: dict[str, Any] = sandbox.call(_make, str(tiff), str(folder), first, most, ceiling=ceiling)
        return said


def _make(tiff: str, folder: str, first: int, most: int) -> dict[str, Any]:
    """In the child: the images of so many pages from `first` on (0-based); before the first one, all else."""
    _step_back()
    made: list[str] = []
    problems: list[str] = []
    if first == 0:
        pdf = Path(folder, _NAMES[RECEIVED_PDF])
        pdf.unlink(missing_ok=True)
        try:
            if received.to_pdf(Path(tiff), pdf):
                made.append(RECEIVED_PDF)
        except Exception as error:  # noqa: BLE001 - told to the parent, which logs it
            problems.append(f"no PDF ({type(error).__name__}: {str(error)[:200]})")
        if most and page_images.draw_thumbnail(tiff, str(Path(folder, _NAMES[THUMBNAIL]))):
            made.append(THUMBNAIL)
    pages = page_images.draw(tiff, str(Path(folder, _NAMES[PAGE_IMAGES])), first, most) if most else 0
    return {"pages": pages, "made": made, "problems": problems}


def _step_back() -> None:
    """Behind the calls: FreeSWITCH may run with real-time priority, which a child has, too. And gone with its parent,
    whose death would leave it writing pages that nobody clears away."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), _NICE))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
