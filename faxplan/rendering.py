"""Render any accepted document to a fax TIFF, safely: the whole file or nothing."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faxplan import (
    bundle,
    fax_tiff,
    page_notice,
    render_image,
    render_office,
    render_pdf,
    render_text,
    source,
    tiff_directory,
)
from faxplan.confinement import Confinement
from faxplan.errors import DocumentRefused, RenderingFailed
from faxplan.fax_tiff import FaxTiff, NotFaxReady
from faxplan.language import _
from faxplan.paper import Resolution, Tone
from faxplan.refusals import STANDARD_LIMITS, Limits, TooManyPages
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
    notice: str


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
    notice: str = "",
) -> FaxTiff:
    """Write `document` as a fax TIFF to `target`, which appears whole and on disk, or not at all.

    `processes`: how many Ghostscripts draw side by side; by default one for each core. `progress` is called with
    pages done and pages in all. Raises DocumentRefused (or a subclass) if the document is at fault, RenderingFailed
    if a converter is. Needs no `inspect` before it: everything is checked again. `source.unlock` goes before it where
    a PDF needs a password. within: what confines the converters; raises SandboxUnavailable where it cannot.
    Of a bundle the files' pages follow each other, and the limits are those of all of them together. notice: a text for
    the foot of the first page (page_notice).
    """
    source.check_size(document, limits=limits)
    cores = processes or len(os.sched_getaffinity(0))
    # Beside the target, because only within one file system does a finished file change its name at once.
    with within.workplace(target.parent) as place:
        order = _Order(place.given(document), place.at(_DRAWN), resolution, tone, asdict(limits), cores, notice)
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
    if order["notice"]:
        pages[0] = page_notice.below(pages[0], order["notice"], Path(order["target"]).parent)
    tiff_directory.write(Path(order["target"]), pages, len(pages))
    return len(pages)


def _pages(order: _Order, progress: Callable[[int, int], None]) -> Iterator[CodedPage]:
    document, job = Path(order.document), Path(order.target).parent
    media_type = source.media_type_of(document, limits=Limits(**order.limits))
    if media_type == source.BUNDLE:
        return _of_bundle(document, job, order, progress)
    return _of_file(document, media_type, job, order, progress)


def _of_bundle(document: Path, job: Path, order: _Order, progress: Callable[[int, int], None]) -> Iterator[CodedPage]:
    """The pages of all files. Which one is at fault is said by its place: its name is sealed, and errors are not."""
    most, done = Limits(**order.limits).max_pages, 0
    parts = bundle.parts(document)
    for number, part in enumerate(parts, 1):
        try:
            for page in _of_part(document, part, job / f"file-{number}", order):
                done += 1
                if done > most:
                    break
                yield page
        except (DocumentRefused, RenderingFailed) as error:
            raise type(error)(
                _("File {number} of {count}: {error}").format(number=number, count=len(parts), error=error)
            ) from error
        if done > most:
            raise TooManyPages(
                _("The files have more than {most} pages together. Send them in several faxes.").format(most=most)
            )
        progress(number, len(parts))


def _of_part(document: Path, part: bundle.Part, folder: Path, order: _Order) -> Iterator[CodedPage]:
    """The pages of one file, which lies in a folder of its own meanwhile."""
    folder.mkdir(mode=0o700)
    file = folder / "document"
    bundle.take_out(document, part, file)
    media_type = source.media_type_of(file, limits=Limits(**order.limits))
    source.check_from_outside(media_type)
    yield from _of_file(file, media_type, folder, order, _ignore)
    shutil.rmtree(folder)


def _of_file(
    document: Path, media_type: str, job: Path, order: _Order, progress: Callable[[int, int], None]
) -> Iterator[CodedPage]:
    resolution, tone, limits = Resolution(order.resolution), Tone(order.tone), Limits(**order.limits)
    if source.is_office(media_type):
        document, media_type = render_office.to_pdf(document, job), source.PDF
    if media_type == source.PDF:
        return render_pdf.render(document, job, resolution, tone, limits, processes=order.processes, progress=progress)
    if media_type == source.TEXT:
        return render_text.render(document, resolution, limits, progress)
    return render_image.render(document, media_type, resolution, tone, limits, progress)
