"""Render any accepted document to a fax TIFF, safely: the whole file or nothing."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faxplan import fax_tiff, render_image, render_office, render_pdf, render_text, source, tiff_directory
from faxplan.confinement import Confinement
from faxplan.errors import RenderingFailed
from faxplan.fax_tiff import FaxTiff, NotFaxReady
from faxplan.language import _
from faxplan.paper import Resolution, Tone
from faxplan.refusals import STANDARD_LIMITS, Limits
from faxplan.tiff_directory import CodedPage

__all__ = ["Resolution", "Tone", "render"]

_DRAWN = "fax.tif"


@dataclass(frozen=True, slots=True)
class _Order:
    """What the child is asked to do, as JSON can carry it. document, target: by the child's names for them."""

    document: str
    target: str
    resolution: str
    tone: str
    limits: dict[str, Any]
    processes: int


def render(
    document: Path,
    target: Path,
    *,
    resolution: Resolution,
    within: Confinement,
    tone: Tone = Tone.AUTO,
    limits: Limits = STANDARD_LIMITS,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FaxTiff:
    """Write `document` as a fax TIFF to `target`, which appears whole and on disk, or not at all.

    `processes`: how many Ghostscripts draw side by side; by default one for each core. `progress` is called with
    pages done and pages in all. Raises DocumentRefused (or a subclass) if the document is at fault, RenderingFailed
    if a converter is. Needs no `inspect` before it: everything is checked again. `source.unlock` goes before it where
    a PDF needs a password. within: what confines the converters; raises SandboxUnavailable where it cannot.
    """
    source.check_size(document, limits=limits)
    cores = processes or len(os.sched_getaffinity(0))
    # Beside the target, because only within one file system does a finished file change its name at once.
    with within.workplace(target.parent) as place:
        order = _Order(place.given(document), place.at(_DRAWN), resolution, tone, asdict(limits), cores)
        place.call(_render, asdict(order), ceiling=limits.ceiling(), progress=progress)
        drawn = place.taken(_DRAWN)
        try:
            result = fax_tiff.read(drawn, coded_by_us=True)
        except NotFaxReady as error:
            raise RenderingFailed(_("The rendered document is no fax: {error}").format(error=error)) from error
        fax_tiff.move(drawn, target)
    return result


def _ignore(done: int, total: int) -> None:
    """Progress that nobody asked for: two processes need not wake for each page."""


def _render(order: dict[str, Any], *, progress: Callable[[int, int], None] = _ignore) -> int:
    """In the child. The number of pages."""
    pages = list(_pages(_Order(**order), progress))
    tiff_directory.write(Path(order["target"]), pages, len(pages))
    return len(pages)


def _pages(order: _Order, progress: Callable[[int, int], None]) -> Iterator[CodedPage]:
    document, job = Path(order.document), Path(order.target).parent
    resolution, tone, limits = Resolution(order.resolution), Tone(order.tone), Limits(**order.limits)
    media_type = source.media_type_of(document, limits=limits)
    if source.is_office(media_type):
        document, media_type = render_office.to_pdf(document, job), source.PDF
    if media_type == source.PDF:
        return render_pdf.render(document, job, resolution, tone, limits, processes=order.processes, progress=progress)
    if media_type == source.TEXT:
        return render_text.render(document, resolution, limits, progress)
    return render_image.render(document, media_type, resolution, tone, limits, progress)
