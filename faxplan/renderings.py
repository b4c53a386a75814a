"""A rendering: an original at one resolution, made once, and the faxes and drafts that wait for it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faxplan import (
    documents,
    drafts,
    mail_readers,
    outbound,
    page_images,
    queue,
    quotas,
    render_jobs,
    tenants,
    transient_readers,
    vault,
)
from faxplan.confinement import Confinement
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed, ToSend
from faxplan.errors import FaxplanError, NotFound, QuotaExceeded
from faxplan.render_jobs import RenderJob
from faxplan.rendering import Resolution
from faxplan.tenants import Tenant
from faxplan.transient_readers import KeyGone, TransientKey
from faxplan.vault import MailboxKey

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """What the worker has to render. notice: at the foot of the first page. is_made: it is, and faxes wait for their
    covers."""

    original: ToSend
    resolution: Resolution
    notice: str = ""
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the worker has made. documents: the rendering, then page images and thumbnail, if they could be made."""

    documents: Sequence[Sealed]
    pages: int


def images(fax: Path, folder: Path, pages: int = page_images.MOST_PAGES, *, within: Confinement) -> dict[str, Path]:
    """The page images and the thumbnail of a fax TIFF, drawn into a private folder, by the kinds of documents that they
    become. pages: so many, from the first on. Raises as page_images.make does.
    """
    made = page_images.make(fax, folder, pages, within=within)
    thumbnail = {} if made.thumbnail is None else {documents.THUMBNAIL: made.thumbnail}
    return {documents.PAGE_IMAGES: made.archive, **thumbnail}


def images_if_possible(fax: Path, folder: Path, *, within: Confinement) -> dict[str, Path]:
    """The same; nothing where they cannot be made, and the log says why: no fax waits for them."""
    try:
        return images(fax, folder, within=within)
    except (FaxplanError, OSError):
        LOG.exception("no page images")
        return {}


def seal_all(store: Store, tenant_id: int, files: Mapping[str, Path]) -> list[Sealed]:
    """Files by their kinds, sealed into the store: all or none. Raises as Store.seal does."""
    made: list[Sealed] = []
    try:
        for kind, file in files.items():
            made.append(store.seal(file, tenant_id, kind))
    except BaseException:
        for each in made:
            store.delete(each.stored.object_name)
        raise
    return made


def order(tx: Transaction, job: RenderJob) -> RenderOrder:
    """What a claimed job asks for."""
    row = tx.row(
        "select original_id, resolution, notice, state from renderings where tenant_id = %s and id = %s",
        (job.tenant_id, job.rendering_id),
    )
    if row is None:
        raise NotFound(f"There is no rendering {job.rendering_id}.")
    original = documents.get_to_send(tx, job.tenant_id, row["original_id"])
    return RenderOrder(original, Resolution(row["resolution"]), row["notice"], row["state"] == "rendered")


def waiting_faxes(tx: Transaction, job: RenderJob) -> tuple[int, ...]:
    """Faxes for which a job is done, for the log: some of them, where they are many."""
    rows = tx.rows(
        "select id from faxes where tenant_id = %s and rendering_id = %s and state = 'accepted' order by id limit 20",
        (job.tenant_id, job.rendering_id),
    )
    return tuple(row["id"] for row in rows)


def finished(db: Database, job: RenderJob, worker: str, made: Rendered) -> bool:
    """Takes a finished rendering, and queues every fax that waits for it. False: another worker has the job now.

    May be repeated where an answer of the database was lost.
    """
    with db.tenant(job.tenant_id) as tx:
        pages = made.pages
        queue.hold_rendering(tx, job.tenant_id, job.rendering_id)
        if not render_jobs.finish(tx, job, worker):
            return documents.is_recorded(tx, made.documents[0].stored)
        waiting = _waiting(tx, job)
        users = _users(tx, job)
        drafted_in = drafts.mailboxes(tx, job.tenant_id, job.rendering_id)
        # Where all were cancelled meanwhile, nobody is to send it.
        machines = transient_readers.current(tx) if users.may_send or drafted_in else []
        mailboxes = vault.keys_of_mailboxes(tx, job.tenant_id, [*users.mailboxes, *drafted_in])
        # Of one with a cover that is shown.
        shown = [fax["id"] for fax in waiting if fax["cover_id"] is None]
        mailers = mail_readers.keys_for_thumbnail(tx, job.tenant_id, shown)
        ids = record_all(tx, made.documents, mailboxes, machines, pages=pages, mailers=mailers)
        tx.execute(
            """update renderings set state = 'rendered', document_id = %s, images_id = %s, thumbnail_id = %s
               where tenant_id = %s and id = %s""",
            (
                ids[documents.RENDERING],
                ids.get(documents.PAGE_IMAGES),
                ids.get(documents.THUMBNAIL),
                job.tenant_id,
                job.rendering_id,
            ),
        )
        tenant = tenants.get(tx, job.tenant_id)
        for fax in waiting:
            if not _waits_for_cover(fax):
                enqueue_whole(tx, tenant, fax, pages + _cover_pages(tx, fax))
        if any(map(_waits_for_cover, waiting)):
            render_jobs.order_covers(tx, job.tenant_id, job.rendering_id)
    return True


def _waits_for_cover(fax: Row) -> bool:
    return fax["cover_id"] is not None and fax["cover_pages_id"] is None


def _cover_pages(tx: Transaction, fax: Row) -> int:
    if fax["cover_pages_id"] is None:
        return 0
    pages: int = tx.value(
        "select pages from documents where tenant_id = %s and id = %s", (fax["tenant_id"], fax["cover_pages_id"])
    )
    return pages


def enqueue_whole(tx: Transaction, tenant: Tenant, fax: Row, pages: int) -> None:
    """Queues a fax (its row, locked) that has all its pages, so many; or ends it where there is no quota for them."""
    try:
        quotas.check_hour(tenant, pages)
        _fit_reservation(tx, fax, pages)
    except QuotaExceeded as error:
        outbound.finish(tx, fax, "failed", str(error), error_id=error.error_id, actor="worker")
        return
    _enqueue_rendered(tx, fax)


def record_all(
    tx: Transaction,
    made: Sequence[Sealed],
    mailboxes: Sequence[MailboxKey],
    machines: Sequence[TransientKey],
    *,
    pages: int,
    mailers: Sequence[TransientKey] = (),
) -> dict[str, int]:
    """The rows of a rendering and its images, by kind: that for machines, too, and these for readers alone. mailers: of
    the thumbnail."""
    besides = {documents.RENDERING: machines, documents.THUMBNAIL: mailers}
    found = {}
    for each in made:
        kind = each.stored.kind
        to = each.wrapped(mailboxes, besides.get(kind, ()))
        found[kind] = documents.record_made(tx, to, pages)
    return found


@dataclass(frozen=True, slots=True)
class _Users:
    """mailboxes: of all faxes that have a rendering, or may yet. may_send: whether one of them has not ended."""

    mailboxes: Sequence[int]
    may_send: bool


def _users(tx: Transaction, job: RenderJob) -> _Users:
    """A fax with another rendering of the same original may take this one too, where the far machine wants smaller
    pages (render_again): it finds it made by then."""
    rows = tx.rows(
        """select f.mailbox_id, bool_or(f.finished_at is null) as may_send from renderings mine
           join renderings r on r.tenant_id = mine.tenant_id and r.original_id = mine.original_id
           join faxes f on f.tenant_id = r.tenant_id and f.rendering_id = r.id
           where mine.tenant_id = %s and mine.id = %s and (r.id = mine.id or f.finished_at is null)
           group by f.mailbox_id""",
        (job.tenant_id, job.rendering_id),
    )
    return _Users([row["mailbox_id"] for row in rows], any(row["may_send"] for row in rows))


def render_again(tx: Transaction, fax: Row, pages_done: int, explanation: str) -> None:
    """Sends the rest of a fax (its row, locked) from pages that every machine takes, which are made first."""
    tenant_id = fax["tenant_id"]
    of = tx.one(
        "select original_id, notice from renderings where tenant_id = %s and id = %s", (tenant_id, fax["rendering_id"])
    )
    rendering_id = render_jobs.order(tx, tenant_id, of["original_id"], Resolution.FINE_A4.value, of["notice"])
    tx.execute(
        """update faxes set state = 'accepted', rendering_id = %s, resolution = %s, rendered_again = true,
                            pages_done = %s, explanation = %s, not_before = null where tenant_id = %s and id = %s""",
        (rendering_id, Resolution.FINE_A4.value, pages_done, explanation, tenant_id, fax["id"]),
    )
    queue.hold_rendering(tx, tenant_id, rendering_id)
    state = tx.value("select state from renderings where tenant_id = %s and id = %s", (tenant_id, rendering_id))
    if state == "failed":
        outbound.finish(
            tx, fax, "failed", explanation, pages_done=pages_done, error_id="rendering-failed", actor="switch"
        )
    elif state == "rendered":
        _enqueue_rendered(tx, {**fax, "pages_done": pages_done, "explanation": explanation})


def _enqueue_rendered(tx: Transaction, fax: Row) -> None:
    queue.enqueue(
        tx,
        fax["tenant_id"],
        fax["id"],
        pages_done=fax["pages_done"],
        delay_seconds=0,
        explanation=fax["explanation"],
    )


def _fit_reservation(tx: Transaction, fax: Row, pages: int) -> None:
    held = fax["reserved_pages"]
    if pages > held:
        quotas.reserve(tx, fax["tenant_id"], fax["user_id"], pages - held, held=held)
    tx.execute(
        "update faxes set pages = %s, reserved_pages = greatest(reserved_pages, %s) where tenant_id = %s and id = %s",
        (pages, pages, fax["tenant_id"], fax["id"]),
    )


def failed(db: Database, job: RenderJob, worker: str, error: FaxplanError) -> None:
    """Ends every fax that waits for a rendering which cannot be made, or whose covers cannot be drawn."""
    with db.tenant(job.tenant_id) as tx:
        queue.hold_rendering(tx, job.tenant_id, job.rendering_id)
        waiting = _waiting(tx, job)
        if isinstance(error, KeyGone) and waiting and _is_handed_over(tx, job):
            # All its faxes were cancelled, and one was sent again, since we looked.
            render_jobs.postpone(tx, job, worker, 0, counts=False)
            return
        if not render_jobs.finish(tx, job, worker):
            return
        tx.execute(
            """update renderings set state = 'failed', error_id = %s, error_text = %s
               where tenant_id = %s and id = %s and state <> 'rendered'""",
            (error.error_id, str(error), job.tenant_id, job.rendering_id),
        )
        for fax in waiting:
            outbound.finish(tx, fax, "failed", str(error), error_id=error.error_id, actor="worker")


def _is_handed_over(tx: Transaction, job: RenderJob) -> bool:
    """Whether machines that live have a key to the original."""
    return bool(order(tx, job).original.wraps)


def _waiting(tx: Transaction, job: RenderJob) -> list[Row]:
    return queue.lock_faxes_of_rendering(tx, job.tenant_id, job.rendering_id)
