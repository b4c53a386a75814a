"""Saving a fax's pages as files that anybody can open: one PDF, and each page as a PNG."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from faxplan import documents, received
from faxplan.db import Database
from faxplan.documents import Store
from faxplan.errors import FaxplanError
from faxplan.history import Fax
from faxplan.users import User


class NoPages(FaxplanError):
    """The fax has no page (yet)."""

    error_id = "no-pages"


class FolderNotWritable(FaxplanError):
    """Files cannot be written where they were asked for."""

    error_id = "folder-not-writable"


def save(db: Database, store: Store, user: User, fax: Fax, folder: Path) -> Sequence[Path]:
    """Writes `fax-<id>.pdf` and `fax-<id>-<page>.png` into `folder`, which is made if need be; the files, PDF first.

    Raises NoPages, FolderNotWritable, DocumentLost, StoreUnavailable and DatabaseUnavailable.
    """
    if fax.tiff_id is None:
        raise NoPages(f"Fax {fax.id} has no page to save. `faxplan show {fax.id}` says why.")
    with db.tenant(user.tenant_id) as tx:
        tiff = documents.get(tx, user.tenant_id, fax.tiff_id)
        pdf = documents.get(tx, user.tenant_id, fax.pdf_id) if fax.pdf_id is not None else None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            pages = Path(scratch, "fax.tif")
            store.copy_to(tiff, pages)
            target = folder / f"fax-{fax.id}.pdf"
            if pdf is None:
                received.to_pdf(pages, target)
            else:
                store.copy_to(pdf, target)
            images = [folder / f"fax-{fax.id}-{number}.png" for number in range(1, received.complete_pages(pages) + 1)]
            for index, image in enumerate(images):
                received.page_png(pages, index, image)
    except OSError as error:
        raise FolderNotWritable(
            f"The pages cannot be saved in {folder} ({error.strerror}). Name another one."
        ) from error
    return [target, *images]
