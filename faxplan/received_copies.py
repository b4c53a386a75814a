"""What is made of a received fax for its readers: a PDF, images of the pages, and a thumbnail; in sandboxed children.

The pages are a stranger's, and who asks is FreeSWITCH's own process: no image is decoded there, and no PDF written. A
long fax is drawn some pages at a time, and between these whoever waits has a turn: one of 300 pages holds up none of
one page. Whatever cannot be made is missing, and the fax is delivered without it.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faxplan import page_images, received_drawing, sandbox
from faxplan.documents import PAGE_IMAGES, RECEIVED_PDF, THUMBNAIL
from faxplan.places import Places

LOG = logging.getLogger(__name__)
PAGES_A_TURN = 32
"""A second's work. Each turn starts an interpreter, which costs as much as seven pages."""
LONGEST_SECONDS = 120.0
"""For all of it, with the waiting: less than lease_margin_seconds, past which others take the call for dead."""
_CEILING = sandbox.Ceiling(cpu_seconds=60, wall_seconds=60, memory_bytes=1024**3, file_bytes=1024**3)
_KINDS = {received_drawing.PDF: RECEIVED_PDF, received_drawing.THUMBNAIL: THUMBNAIL}


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
            for name in said["made"]:
                found[_KINDS[name]] = page_images.plain_file(folder / name)
            for problem in said["problems"]:
                LOG.error("%s: %s", tiff.name, problem)
        if drawn:
            found[PAGE_IMAGES] = page_images.plain_file(folder / received_drawing.PAGES)
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
        return {RECEIVED_PDF: page_images.plain_file(folder / received_drawing.PDF)}
    except Exception:
        LOG.exception("%s: no PDF", tiff.name)
        return {}


def _turn(tiff: Path, folder: Path, first: int, most: int, places: Places, deadline: float) -> dict[str, Any]:
    """What received_drawing.draw gives. Raises TimeoutError, where there was no place until the deadline, and as
    sandbox.call does.
    """
    with places.one(deadline - time.monotonic()):
        left = int(deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError(f"{tiff.name} took longer than {LONGEST_SECONDS:.0f} s")
        ceiling = replace(_CEILING, wall_seconds=min(left, _CEILING.wall_seconds))
        said: dict[str, Any] = sandbox.call(received_drawing.draw, str(tiff), str(folder), first, most, ceiling=ceiling)
        return said
