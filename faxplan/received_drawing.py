"""A received fax's PDF and images, drawn: what runs in the child (received_copies.py is its parent).

It imports little: with limits alone the child of a process with threads is a fresh interpreter, whose start costs more
than a page.
"""

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path

from faxplan import page_images, received

PDF, PAGES, THUMBNAIL = "fax.pdf", "pages.zip", "thumbnail.png"
"""What is drawn, by the names of the files."""
NICE = 10
_PR_SET_PDEATHSIG = 1  # prctl(2)


def draw(tiff: str, names: dict[str, str], first: int, most: int) -> tuple[int, list[str], str | None]:
    """The images of so many pages from `first` on (0-based); before the first one, PDF and thumbnail.

    names: where PDF, PAGES and THUMBNAIL go. How many pages could be drawn, which of the three there are, and why there
    is no PDF.
    """
    step_back()
    made: list[str] = []
    problem = None
    if first == 0:
        try:
            if received.to_pdf(Path(tiff), Path(names[PDF])):
                made.append(PDF)
        except Exception as error:  # noqa: BLE001 - told to the parent, which logs it
            problem = f"no PDF ({type(error).__name__}: {str(error)[:200]})"
        if most and page_images.draw_thumbnail(tiff, names[THUMBNAIL]):
            made.append(THUMBNAIL)
    pages = page_images.draw(tiff, names[PAGES], first, most) if most else 0
    return pages, [*made, PAGES] if pages else made, problem


def step_back() -> None:
    """Behind the calls: FreeSWITCH may run with real-time priority, which a child has, too. And gone with its parent,
    whose death would leave it writing pages that nobody clears away."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), NICE))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
