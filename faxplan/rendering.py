"""Render any accepted document to a fax TIFF, safely: the whole file or nothing."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faxplan import fax_tiff, render_image, render_office, render_pdf, render_text, sandbox, source, tiff_directory
from faxplan.errors import RenderingFailed
from faxplan.fax_tiff import FaxTiff, NotFaxReady
from faxplan.paper import Resolution, Tone
from faxplan.source import Limits
from faxplan.tiff_directory import CodedPage

__all__ = ["Resolution", "Tone", "render"]


def render(
    document: Path,
    target: Path,
    *,
    resolution: Resolution,
    tone: Tone = Tone.AUTO,
    password: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FaxTiff:
    """Write `document` as a fax TIFF to `target`, which appears whole and on disk, or not at all.

    `processes`: how many Ghostscripts draw side by side; by default one for each core. `progress` is called with
    pages done and pages in all. Raises DocumentRefused (or a subclass) if the document is at fault, RenderingFailed
    if a converter is. Needs no `inspect` before it: everything is checked again.
    """
    media_type = source.media_type_of(document, limits=limits)
    cores = processes or len(os.sched_getaffinity(0))
    # Beside the target, because only within one file system does a finished file change its name at once.
    with tempfile.TemporaryDirectory(prefix=".rendering-", dir=target.parent) as folder:
        job = Path(folder)
        drawn = job / "fax.tif"
        sandbox.call(
            _render,
            media_type,
            str(document.resolve()),
            str(drawn),
            str(resolution),
            str(tone),
            password,
            asdict(limits),
            cores,
            ceiling=limits.ceiling(),
            progress=progress or _ignore,
        )
        try:
            result = fax_tiff.read(drawn)
        except NotFaxReady as error:
            raise RenderingFailed(f"The rendered document is no fax: {error}") from error
        fax_tiff.move(drawn, target)
    return result


def _ignore(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def _render(
    media_type: str,
    document: str,
    target: str,
    resolution: str,
    tone: str,
    password: str | None,
    limits: dict[str, Any],
    processes: int,
    *,
    progress: Callable[[int, int], None],
) -> int:
    pages: list[CodedPage] = list(
        _pages(
            media_type,
            Path(document),
            Path(target).parent,
            Resolution(resolution),
            Tone(tone),
            password,
            Limits(**limits),
            processes,
            progress,
        )
    )
    tiff_directory.write(Path(target), pages, len(pages))
    return len(pages)


def _pages(
    media_type: str,
    document: Path,
    job: Path,
    resolution: Resolution,
    tone: Tone,
    password: str | None,
    limits: Limits,
    processes: int,
    progress: Callable[[int, int], None],
) -> Iterator[CodedPage]:
    if source.is_office(media_type):
        document, media_type = render_office.to_pdf(document, job), source.PDF
    if media_type == source.PDF:
        return render_pdf.render(document, job, resolution, tone, password, limits, processes, progress)
    if media_type == source.TEXT:
        return render_text.render(document, resolution, limits, progress)
    return render_image.render(document, media_type, resolution, tone, limits, progress)
