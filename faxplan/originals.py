"""The documents that users hand in: looked at, sealed, stored, and ordered to be rendered."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from faxplan import documents, render_jobs, source, transient_readers, vault
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed
from faxplan.enrolment import NotEnrolled
from faxplan.errors import DatabaseUnavailable
from faxplan.language import _
from faxplan.rendering import Resolution
from faxplan.transient_readers import TransientKey
from faxplan.users import User
from faxplan.vault import MailboxKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HandedIn:
    """file: on local disk. file_name: what it is called. resolution: of its pages. password: of the PDF."""

    file: Path
    file_name: str
    resolution: Resolution = Resolution.FINE
    password: str | None = None


def hand_in(
    db: Database,
    store: Store,
    user: User,
    document: HandedIn,
    then: Callable[[Transaction, int, int | None], T],
) -> T:
    """Stores a document and orders its rendering; and in the same transaction does `then`, with the rendering's id and
    the pages (None: known after rendering), and gives what that gives. Or nothing at all.

    Raises DocumentRefused, NotEnrolled, NoDispatch, StoreUnavailable, DatabaseUnavailable (then, as with any commit
    whose answer is lost, it may have been done), and what `then` raises.
    """
    found, made = _store(store, user.tenant_id, document)
    try:
        with db.tenant(user.tenant_id) as tx:
            original = documents.record(
                tx,
                made.wrapped(*readers(tx, user), file_name=document.file_name),
                media_type=found.media_type,
                pages=found.pages,
            )
            rendering = render_jobs.order(tx, user.tenant_id, original, document.resolution.value)
            return then(tx, rendering, found.pages)
    except DatabaseUnavailable:
        # It may have committed before it went away, and its rows then name this object: an orphan is cheaper.
        raise
    except BaseException:
        store.delete(made.stored.object_name)
        raise


def readers(tx: Transaction, user: User) -> tuple[list[MailboxKey], list[TransientKey]]:
    """Who can open what a user hands in: the own mailbox, and the machines that are to send it.

    Raises NotEnrolled and NoDispatch.
    """
    mailboxes = vault.keys_of_mailboxes(tx, user.tenant_id, [user.mailbox_id])
    if not mailboxes:
        raise NotEnrolled(
            _("{email} has no key yet, and could not read again what is sent: `faxplan enrol --as {email}`.").format(
                email=user.email
            )
        )
    return mailboxes, transient_readers.current(tx)


def _store(store: Store, tenant_id: int, document: HandedIn) -> tuple[source.Source, Sealed]:
    """What the document is, sealed: without an encryption of its own, as nobody keeps a password."""
    if document.password is None:
        found = source.inspect(document.file, within=store.confinement)
        return found, store.seal(document.file, tenant_id, documents.ORIGINAL)
    with store.scratch.folder() as folder:
        unlocked = folder / "document.pdf"
        is_pdf = source.unlock(document.file, unlocked, document.password, within=store.confinement)
        file = unlocked if is_pdf else document.file
        return source.inspect(file, within=store.confinement), store.seal(file, tenant_id, documents.ORIGINAL)
