"""The worker's side of cover pages (covers.py): drawn once the pages of their faxes' document are known.

A render job whose rendering is made already is one for the covers of the faxes that wait for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faxplan import (
    cover_page,
    covers,
    documents,
    mail_readers,
    outbound,
    queue,
    render_jobs,
    renderings,
    tenants,
    transient_readers,
    vault,
)
from faxplan.confinement import Confinement
from faxplan.cover_layout import Sheet
from faxplan.cover_page import Job
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed, ToSend
from faxplan.errors import FaxplanError
from faxplan.paper import Resolution
from faxplan.render_jobs import RenderJob

AT_ONCE = 20
"""Covers that are drawn before a worker looks for other work."""


@dataclass(frozen=True, slots=True)
class Due:
    """A cover that is to be drawn. resolutions: of the fax, and the one that every machine takes."""

    fax_id: int
    document: ToSend
    logo: bytes | None
    body_pages: int
    resolutions: Sequence[Resolution]


def due(tx: Transaction, job: RenderJob) -> list[Due]:
    """Some of those that wait for this rendering, which is made (role worker)."""
    rows = tx.rows(
        f"""select f.id, f.resolution, p.pages, {ToSend.COLUMNS} from faxes f
            join documents d on d.tenant_id = f.tenant_id and d.id = f.cover_id
            join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
            join documents p on p.tenant_id = r.tenant_id and p.id = r.document_id
            where f.tenant_id = %s and f.rendering_id = %s and f.state = 'accepted' and f.cover_pages_id is null
            order by f.id limit %s""",
        (job.tenant_id, job.rendering_id, AT_ONCE),
    )
    picture = covers.logo(tx, job.tenant_id) if rows else None
    return [
        Due(row["id"], ToSend.of(row), picture, row["pages"], _resolutions(Resolution(row["resolution"])))
        for row in rows
    ]


def _resolutions(of_fax: Resolution) -> list[Resolution]:
    """That of the fax first: it is what is shown. Should a machine refuse its pages, they go as fine ones."""
    return [of_fax] if of_fax.y_dpi == Resolution.FINE.y_dpi else [of_fax, Resolution.FINE]


def draw(
    store: Store,
    tenant_id: int,
    cover: Due,
    images: Callable[[Path, Path, int], Mapping[str, Path]],
    *,
    within: Confinement,
) -> tuple[list[Sealed], int]:
    """What is made of one, sealed into the store: its pages, then what shows them; and how many pages.

    images: makes that, of a TIFF's first pages, in a folder. Raises DocumentLost, KeyElsewhere, KeyGone,
    DocumentRefused, RenderingFailed, StoreUnavailable, OSError.
    """
    with store.scratch.folder() as folder:
        sheet = Sheet.of(store.read_to_send(cover.document))
        tiff, pages = cover_page.draw(
            Job(sheet, cover.logo, cover.body_pages), cover.resolutions, folder, within=within
        )
        files = {documents.COVER_PAGES: tiff, **images(tiff, folder, pages)}
        return renderings.seal_all(store, tenant_id, files), pages


def drawn(db: Database, job: RenderJob, cover: Due, made: Sequence[Sealed], pages: int) -> bool:
    """Takes a drawn cover, and queues its fax, which has all its pages now. False: it does not wait for it any more."""
    with db.tenant(job.tenant_id) as tx:
        fax = _waiting(tx, job, cover)
        if fax is None:
            return documents.is_recorded(tx, made[0].stored)
        machines = transient_readers.current(tx)
        mailboxes = vault.keys_of_mailboxes(tx, job.tenant_id, [fax["mailbox_id"]])
        besides = {
            documents.COVER_PAGES: machines,
            documents.THUMBNAIL: mail_readers.keys_for_thumbnail(tx, job.tenant_id, [cover.fax_id]),
        }
        ids = {
            each.stored.kind: documents.record_made(
                tx, each.wrapped(mailboxes, besides.get(each.stored.kind, ())), pages
            )
            for each in made
        }
        tx.execute(
            """update faxes set cover_pages_id = %s, cover_images_id = %s, thumbnail_id = %s
               where tenant_id = %s and id = %s""",
            (
                ids[documents.COVER_PAGES],
                ids.get(documents.PAGE_IMAGES),
                ids.get(documents.THUMBNAIL),
                job.tenant_id,
                cover.fax_id,
            ),
        )
        renderings.enqueue_whole(tx, tenants.get(tx, job.tenant_id), fax, cover.body_pages + pages)
    return True


def failed(db: Database, job: RenderJob, cover: Due, error: FaxplanError) -> None:
    """Ends a fax whose cover cannot be drawn."""
    with db.tenant(job.tenant_id) as tx:
        fax = _waiting(tx, job, cover)
        if fax is not None:
            outbound.finish(tx, fax, "failed", str(error), error_id=error.error_id, actor="worker")


def _waiting(tx: Transaction, job: RenderJob, cover: Due) -> Row | None:
    """Its fax, locked, if it still waits for its cover."""
    queue.hold_rendering(tx, job.tenant_id, job.rendering_id)
    fax = queue.lock_fax(tx, job.tenant_id, cover.fax_id)
    waits = fax is not None and fax["state"] == "accepted" and fax["cover_pages_id"] is None
    return fax if waits else None


def end(db: Database, job: RenderJob, worker: str) -> None:
    """Ends a job of which all covers are drawn that were due; or gives it back, where more have come."""
    with db.tenant(job.tenant_id) as tx:
        queue.hold_rendering(tx, job.tenant_id, job.rendering_id)
        if due(tx, job):
            render_jobs.postpone(tx, job, worker, 0, counts=False)
        else:
            render_jobs.finish(tx, job, worker)
