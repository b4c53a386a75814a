"""What a reader's client is given to open a fax or a draft: where its sealed files are, and the wraps of their keys.

Nothing here opens anything: the keys are in the client. What is given out is a row of the audit, as if it had been
read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faxplan import audit, campaigns, documents, drafts, history, mailboxes
from faxplan.db import Database, Transaction
from faxplan.documents import StoredObject
from faxplan.errors import NoPages, NotFound, PagesPurged
from faxplan.language import _
from faxplan.users import User

TIFF, PDF, IMAGES, THUMBNAIL, ORIGINAL = "tiff", "pdf", "images", "thumbnail", "original"
COVER, COVER_IMAGES, COVER_TEXT = "cover", "cover-images", "cover-text"
"""What there may be of a fax. original: of one that was sent, what was handed in. cover: its pages, which go before
those of tiff; cover-images: before those of images. cover-text: of a campaign, what its covers say."""
MOST_THUMBNAILS = 100


@dataclass(frozen=True, slots=True)
class Readable:
    """A sealed file. name: one of the above. wraps: to mailboxes that the user reads, by mailbox and epoch.

    sealed_name: what it was called, if it has a name.
    """

    name: str
    stored: StoredObject
    wraps: Mapping[tuple[int, int], bytes]
    sealed_name: bytes | None


def of_fax(db: Database, user: User, fax_id: int, *, address: str, by: str = "browser") -> list[Readable]:
    """All of one of the user's faxes (role portal). address: the client's. by: what is given it, for the audit: a
    browser, which says itself when it has opened a page (`seen`), or a program, whose user has read it from then on.

    Raises NotFound, PagesPurged and NoPages.
    """
    with db.tenant(user.tenant_id) as tx:
        found = _readable(tx, user, _ids(tx, user, fax_id))
        if by == "program":
            mailboxes.mark_read(tx, user.tenant_id, user.id, fax_id)
        audit.record(
            tx, user.tenant_id, actor=f"user:{user.id}", action="fax.open", object=f"fax:{fax_id}", address=address,
            by=by,
        )  # fmt: skip
    return found


def seen(db: Database, user: User, fax_id: int) -> None:
    """A page of it was opened: somebody has read it. Raises NotFound."""
    with db.tenant(user.tenant_id) as tx:
        history.fax(tx, user, fax_id)
        mailboxes.mark_read(tx, user.tenant_id, user.id, fax_id)


def of_draft(db: Database, user: User, draft_id: int, *, address: str) -> list[Readable]:
    """The same of a draft whose pages are made."""
    with db.tenant(user.tenant_id) as tx:
        draft = drafts.get(tx, user, draft_id)
        ids = {TIFF: draft.tiff_id, IMAGES: draft.images_id, ORIGINAL: draft.original_id}
        found = _readable(tx, user, ids)
        audit.record(
            tx, user.tenant_id, actor=f"user:{user.id}", action="draft.open", object=f"draft:{draft_id}",
            address=address, by="browser",
        )  # fmt: skip
    return found


def of_campaign(db: Database, user: User, campaign_id: int, *, address: str) -> list[Readable]:
    """What the covers of a campaign say, for its user."""
    with db.tenant(user.tenant_id) as tx:
        found = _readable(tx, user, _said_by_covers(tx, user, campaign_id))
        audit.record(
            tx, user.tenant_id, actor=f"user:{user.id}", action="campaign.open", object=f"campaign:{campaign_id}",
            address=address, by="browser",
        )  # fmt: skip
    return found


def stored_of_campaign(db: Database, user: User, campaign_id: int) -> StoredObject:
    """Where that is. Raises NotFound."""
    with db.tenant(user.tenant_id) as tx:
        return _stored(tx, user, _said_by_covers(tx, user, campaign_id), COVER_TEXT)


def _said_by_covers(tx: Transaction, user: User, campaign_id: int) -> dict[str, int | None]:
    campaign = campaigns.get(tx, user, campaign_id)
    return {COVER_TEXT: campaign.cover_id if campaign.user_id == user.id else None}


def thumbnails(db: Database, user: User, fax_ids: Sequence[int], *, address: str) -> dict[int, Readable]:
    """The first pages, small, of those of these faxes that are the user's; one row of the audit for all."""
    with db.tenant(user.tenant_id) as tx:
        asked = history.of_ids(tx, user, sorted(set(fax_ids))[:MOST_THUMBNAILS])
        of_fax = {each.id: each.thumbnail_id for each in asked if each.thumbnail_id is not None}
        # Copies of one fax show one document.
        by_document = _readables(tx, user, dict.fromkeys(of_fax.values(), THUMBNAIL))
        found = {fax_id: by_document[each] for fax_id, each in of_fax.items() if each in by_document}
        if found:
            audit.record(
                tx, user.tenant_id, actor=f"user:{user.id}", action="fax.thumbnails", object=f"user:{user.id}",
                address=address, faxes=sorted(found),
            )  # fmt: skip
    return found


def stored(db: Database, user: User, fax_id: int, name: str) -> StoredObject:
    """Where one of the sealed files of a user's fax is. Raises NotFound, PagesPurged and NoPages."""
    with db.tenant(user.tenant_id) as tx:
        return _stored(tx, user, _ids(tx, user, fax_id), name)


def stored_of_draft(db: Database, user: User, draft_id: int, name: str) -> StoredObject:
    """Where one of the sealed files of a user's draft is. Raises NotFound."""
    with db.tenant(user.tenant_id) as tx:
        draft = drafts.get(tx, user, draft_id)
        return _stored(tx, user, {TIFF: draft.tiff_id, IMAGES: draft.images_id, ORIGINAL: draft.original_id}, name)


def _stored(tx: Transaction, user: User, ids: Mapping[str, int | None], name: str) -> StoredObject:
    document_id = ids.get(name)
    if document_id is None:
        raise NotFound(_("There is no such document."))
    return documents.get(tx, user.tenant_id, document_id)


def _ids(tx: Transaction, user: User, fax_id: int) -> dict[str, int | None]:
    fax = history.fax(tx, user, fax_id)
    if fax.purged_at is not None:
        raise PagesPurged(
            _("The pages of fax {fax_id} were destroyed on {purged_at:%Y-%m-%d}.").format(
                fax_id=fax_id, purged_at=fax.purged_at
            )
        )
    if fax.tiff_id is None and not fax.final:
        raise NoPages(_("Its pages are being prepared."))
    ids = {TIFF: fax.tiff_id, PDF: fax.pdf_id, IMAGES: fax.images_id, THUMBNAIL: fax.thumbnail_id}
    return ids | {ORIGINAL: fax.original_id, COVER: fax.cover_pages_id, COVER_IMAGES: fax.cover_images_id}


def _readable(tx: Transaction, user: User, ids: Mapping[str, int | None]) -> list[Readable]:
    found = _readables(tx, user, {each: name for name, each in ids.items() if each is not None})
    return [found[each] for each in sorted(found)]


def _readables(tx: Transaction, user: User, names: Mapping[int, str]) -> dict[int, Readable]:
    """Of documents, by their ids; names: what each is."""
    wraps = documents.wraps_for(tx, user.tenant_id, user.id, list(names))
    sealed_names = documents.sealed_names(tx, user.tenant_id, list(names))
    # What is from before documents were sealed has no key, and no browser opens it.
    return {
        each: Readable(names[each], stored, wraps[each], sealed_names.get(each))
        for each, stored in documents.several(tx, user.tenant_id, list(names)).items()
        if stored.digest is not None
    }
