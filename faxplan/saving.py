"""Saving the pages of a fax or a draft as files that anybody can open: one PDF, a PNG a page, and the TIFF if asked."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faxplan import audit, documents, fax_tiff, page_images, page_strips, received
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.documents import Locked
from faxplan.drafts import Draft
from faxplan.errors import FaxplanError, NoPages, PagesPurged
from faxplan.files import write_whole
from faxplan.history import Fax
from faxplan.keyring import Keyring
from faxplan.paper import Resolution
from faxplan.sealed import SealBroken
from faxplan.users import User


class NotRendered(FaxplanError):
    """A draft's pages are about to be made."""

    error_id = "not-rendered"
    retryable = True


class FolderNotWritable(FaxplanError):
    """Files cannot be written where they were asked for."""

    error_id = "folder-not-writable"


@dataclass(frozen=True, slots=True)
class _Pages:
    """What is saved. name: of the files. object: for the audit, of action. tiff_id, pdf_id, images_id: documents.
    cover_id: of the pages before them, which are taken at this resolution; None: there are none.
    """

    name: str
    object: str
    action: str
    tiff_id: int
    pdf_id: int | None
    images_id: int | None
    cover_id: int | None = None
    resolution: Resolution = Resolution.FINE


def name_of_original(db: Database, store: Store, user: User, fax: Fax, ring: Keyring) -> str | None:
    """What the file was called that a user sent; None where it had no name, or was received. Raises as `save` does."""
    with db.tenant(user.tenant_id) as tx:
        original_id = tx.value(
            """select r.original_id from faxes f
               join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
               where f.tenant_id = %s and f.id = %s""",
            (user.tenant_id, fax.id),
        )
    return None if original_id is None else _name(db, store, user, original_id, ring)


def name_of_draft(db: Database, store: Store, user: User, draft: Draft, ring: Keyring) -> str | None:
    """What the file was called; None where it had no name. Raises as `save` does."""
    return _name(db, store, user, draft.original_id, ring)


def _name(db: Database, store: Store, user: User, original_id: int, ring: Keyring) -> str | None:
    with db.tenant(user.tenant_id) as tx:
        row = tx.row(
            "select file_name, sealed_name from documents where tenant_id = %s and id = %s",
            (user.tenant_id, original_id),
        )
        if row is None or row["sealed_name"] is None:
            return row["file_name"] or None if row else None
        stored, key = documents.opened(tx, user.tenant_id, original_id, ring)
    return None if key is None else store.name_of(stored, key, bytes(row["sealed_name"]))


def save(
    db: Database, store: Store, user: User, fax: Fax, ring: Keyring, folder: Path, *, tiff: bool = False
) -> Sequence[Path]:
    """Writes `fax-<id>.pdf` and `fax-<id>-<page>.png` into `folder`, which is made if need be; the files, PDF first.

    The images are those that were sealed with the fax; of one without, they are drawn now. tiff: and last
    `fax-<id>.tif`, as it was received, or as it is sent below its header line. ring: the user's, unlocked
    (enrolment.unlock), or an API reader's. It is a row of the audit, also where nothing comes of it. Raises Locked,
    SealBroken, NoPages, FolderNotWritable, DocumentLost, StoreUnavailable and DatabaseUnavailable.
    """
    if fax.purged_at is not None:
        raise PagesPurged(
            f"The pages of fax {fax.id} were destroyed on {fax.purged_at:%Y-%m-%d}, as faxes are that were kept for "
            f"long enough. `faxplan show {fax.id}` shows what is left: its record."
        )
    if fax.tiff_id is None:
        raise NoPages(f"Fax {fax.id} has no page to save. `faxplan show {fax.id}` says why.")
    pages = _Pages(f"fax-{fax.id}", f"fax:{fax.id}", "fax.open", fax.tiff_id, fax.pdf_id, fax.images_id)
    if fax.cover_pages_id is not None and fax.resolution is not None:
        # All images are drawn of the pages together: those of the cover are a document of their own.
        pages = replace(pages, images_id=None, cover_id=fax.cover_pages_id, resolution=Resolution(fax.resolution))
    return _save(db, store, user, pages, ring, folder, tiff=tiff)


def save_draft(
    db: Database, store: Store, user: User, draft: Draft, ring: Keyring, folder: Path, *, tiff: bool = False
) -> Sequence[Path]:
    """The same of a draft, as `draft-<id>...`: its pages as they will be faxed, below the header line.

    Raises NotRendered, and as `save` does.
    """
    if draft.state == "failed":
        raise NoPages(f"Draft {draft.id} has no pages: {draft.explanation}")
    if draft.tiff_id is None:
        raise NotRendered(f"The pages of draft {draft.id} are not made yet. Try again in a moment.")
    pages = _Pages(f"draft-{draft.id}", f"draft:{draft.id}", "draft.open", draft.tiff_id, None, draft.images_id)
    return _save(db, store, user, pages, ring, folder, tiff=tiff)


def _save(
    db: Database, store: Store, user: User, what: _Pages, ring: Keyring, folder: Path, *, tiff: bool
) -> Sequence[Path]:
    try:
        with db.tenant(user.tenant_id) as tx:
            original = documents.opened(tx, user.tenant_id, what.tiff_id, ring)
            pdf, images, cover = (
                None if each is None else documents.opened(tx, user.tenant_id, each, ring)
                for each in (what.pdf_id, what.images_id, what.cover_id)
            )
            _record(tx, user, what, ring, "done")
    except (Locked, SealBroken):
        with db.tenant(user.tenant_id) as tx:
            _record(tx, user, what, ring, "refused")
        raise
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            pages, archive = Path(scratch, "fax.tif"), Path(scratch, "pages.zip")
            target = folder / f"{what.name}.pdf"
            if tiff or pdf is None or images is None:
                store.copy_to(original[0], pages, original[1])
            if cover is not None:
                store.copy_to(cover[0], Path(scratch, "cover.tif"), cover[1])
                _put_before(Path(scratch, "cover.tif"), pages, what.resolution)
            if pdf is None:
                received.to_pdf(pages, target)
            else:
                store.copy_to(pdf[0], target, pdf[1])
            if images is None:
                # Of before there were images, or they could not be made.
                page_images.make(pages, Path(scratch), received.complete_pages(pages), within=store.confinement)
            else:
                store.copy_to(images[0], archive, images[1])
            saved = [target, *_written(archive, folder, what.name)]
            if tiff:
                saved.append(pages.rename(folder / f"{what.name}.tif"))
            return saved
    except OSError as error:
        raise FolderNotWritable(
            f"The pages cannot be saved in {folder} ({error.strerror}). Name another one."
        ) from error


def _put_before(cover: Path, pages: Path, resolution: Resolution) -> None:
    """Those pages of a cover that go with these, before them."""
    joined = pages.with_suffix(".joined")
    with fax_tiff.mapped(cover) as first, fax_tiff.mapped(pages) as then:
        page_strips.write(page_strips.of(first).at(resolution.y_dpi) + page_strips.of(then), joined)
    joined.replace(pages)


def _record(tx: Transaction, user: User, what: _Pages, ring: Keyring, result: str) -> None:
    """keys: whose were unlocked, the user's or an API reader's."""
    audit.record(
        tx,
        user.tenant_id,
        actor=f"user:{user.id}",
        action=what.action,
        object=what.object,
        result=result,
        keys=ring.own,
    )


def _written(archive: Path, folder: Path, name: str) -> Iterator[Path]:
    with archive.open("rb") as source:
        for number, png in page_images.read(source):
            image = folder / f"{name}-{number}.png"
            write_whole(image, png)
            yield image
