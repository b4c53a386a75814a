"""What is made of a received fax for its readers: a PDF, images of the pages, and a thumbnail; in sandboxed children.

The pages are a stranger's, and who asks is FreeSWITCH's own process: no image is decoded there, and no PDF written. A
long fax is drawn some pages at a time, and between these whoever waits has a turn: one of 300 pages holds up none of
one page. Whatever cannot be made is missing, and the fax is delivered without it.
"""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faxplan import documents, page_images, received_drawing, sandbox
from faxplan.confinement import Confinement
from faxplan.documents import PAGE_IMAGES, RECEIVED_PDF
from faxplan.errors import RenderingFailed
from faxplan.places import Places
from faxplan.received_drawing import PAGES, PDF, THUMBNAIL

LOG = logging.getLogger(__name__)
PAGES_A_TURN = 32
"""A second's work. With limits alone each turn starts an interpreter, which costs as much as seven pages."""
LONGEST_SECONDS = 120.0
"""For all of it, with the waiting: less than lease_margin_seconds, past which others take the call for dead."""
_CEILING = sandbox.Ceiling(cpu_seconds=60, wall_seconds=60, memory_bytes=1024**3, file_bytes=256 * 1024**2)
_KINDS = {PDF: RECEIVED_PDF, THUMBNAIL: documents.THUMBNAIL}


def default_places() -> Places:
    """For one process: the calls that go on need the other half of the processors."""
    return Places(max(1, len(os.sched_getaffinity(0)) // 2))


def make(tiff: Path, folder: Path, pages: int, places: Places, *, within: Confinement) -> Mapping[str, Path]:
    """The files, by the kinds of their documents. tiff: with so many whole pages. folder: private.

    Raises nothing: what is missing could not be made, and the log says why.
    """
    job = _Job(tiff, folder, places, within, time.monotonic() + LONGEST_SECONDS)
    found: dict[str, Path] = {}
    parts: list[Path] = []
    drawn = 0
    try:
        for first in range(0, pages, PAGES_A_TURN):
            said = job.turn(first, min(PAGES_A_TURN, pages - first))
            drawn += said.pages
            parts.extend(file for name, file in said.files.items() if name == PAGES)
            found |= {_KINDS[name]: file for name, file in said.files.items() if name != PAGES}
        if parts:
            found[PAGE_IMAGES] = _joined(parts, folder / PAGES)
        if drawn < pages:
            LOG.error("%s: %s of %s pages could be drawn", tiff.name, drawn, pages)
    except Exception:
        LOG.exception("%s: not all of PDF, page images and thumbnail", tiff.name)
        if RECEIVED_PDF not in found:
            found |= _pdf_alone(job)
    return found


def _pdf_alone(job: "_Job") -> dict[str, Path]:
    """No page is decoded for it: it may do where the images have ended the child."""
    try:
        return {_KINDS[name]: file for name, file in job.turn(0, 0).files.items()}
    except Exception:
        LOG.exception("%s: no PDF", job.tiff.name)
        return {}


def _joined(parts: Sequence[Path], archive: Path) -> Path:
    if len(parts) == 1:
        return parts[0]
    page_images.join(parts, archive)
    return archive


@dataclass(frozen=True, slots=True)
class _Turn:
    """pages: how many were drawn. files: by received_drawing's names, in the folder of the job."""

    pages: int
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class _Job:
    tiff: Path
    folder: Path
    places: Places
    within: Confinement
    deadline: float

    def turn(self, first: int, most: int) -> _Turn:
        """As received_drawing.draw. Raises TimeoutError, where there was no place until the deadline, and as
        Workplace.call does.
        """
        with self.places.one(self.deadline - time.monotonic()):
            left = int(self.deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError(f"{self.tiff.name} took longer than {LONGEST_SECONDS:.0f} s")
            ceiling = replace(_CEILING, wall_seconds=min(left, _CEILING.wall_seconds))
            with self.within.workplace(self.folder) as place:
                names = {name: place.at(name) for name in (PDF, PAGES, THUMBNAIL)}
                said = place.call(received_drawing.draw, place.given(self.tiff), names, first, most, ceiling=ceiling)
                drawn, made, problem = _believed(said, most)
                files = {name: place.moved(name, self.folder / f"{first}-{name}") for name in made}
        if problem:
            LOG.error("%s: %s", self.tiff.name, sandbox.printable(problem))
        return _Turn(drawn, files)


def _believed(said: Any, most: int) -> tuple[int, list[str], str | None]:
    """Pages drawn, which of our files were made, and what was not, if that can be so: a page may have taken the child
    over. Raises RenderingFailed.
    """
    drawn, made, problem = said if isinstance(said, list) and len(said) == 3 else (None, None, None)
    if not (type(drawn) is int and 0 <= drawn <= most and isinstance(made, list) and isinstance(problem, str | None)):
        raise RenderingFailed("The answer of the child that draws made no sense.")
    # No name of its own is taken over.
    return drawn, [name for name in (PDF, PAGES, THUMBNAIL) if name in made], problem
