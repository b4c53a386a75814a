"""The documents that users hand in: looked at, sealed, stored, and ordered to be rendered."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from faxplan import bundle, documents, render_jobs, source, transient_readers, vault
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed
from faxplan.enrolment import NotEnrolled
from faxplan.errors import DocumentRefused, RenderingFailed
from faxplan.language import _
from faxplan.refusals import STANDARD_LIMITS, Budget, DocumentTooLarge
from faxplan.rendering import Resolution
from faxplan.transient_readers import TransientKey
from faxplan.users import User
from faxplan.vault import MailboxKey

T = TypeVar("T")


LONGEST_NAME = 200
"""Of what the files of one document are called together."""


class TooManyFiles(DocumentRefused):
    """More files than go into one fax."""

    error_id = "too-many-files"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """file: on local disk. name: what it is called."""

    file: Path
    name: str


@dataclass(frozen=True, slots=True)
class HandedIn:
    """file: on local disk. file_name: what it is called. resolution: of its pages. password: of those PDFs that need
    one. more: files whose pages follow, in their order.
    """

    file: Path
    file_name: str
    resolution: Resolution = Resolution.FINE
    password: str | None = None
    more: Sequence[NamedFile] = ()

    @property
    def files(self) -> list[NamedFile]:
        """All of them."""
        return [NamedFile(self.file, self.file_name), *self.more]

    @property
    def name(self) -> str:
        """What they are called together."""
        names = ", ".join(each.name for each in self.files)
        return names if len(names) <= LONGEST_NAME or not self.more else names[: LONGEST_NAME - 3] + "..."


def hand_in(
    db: Database,
    store: Store,
    user: User,
    document: HandedIn,
    then: Callable[[Transaction, int, int | None], T],
) -> T:
    """Stores a document, of one file or several, and orders its rendering; and in the same transaction does `then`,
    with the rendering's id and the pages (None: known after rendering), and gives what that gives. Or nothing at all.

    Raises DocumentRefused, which names the file where there are several, NotEnrolled, NoDispatch, StoreUnavailable,
    DatabaseUnavailable (then, as with any commit whose answer is lost, it may have been done), and what `then` raises.
    """
    found, made = _store(store, user.tenant_id, document)
    with store.kept_if_named([made]), db.tenant(user.tenant_id) as tx:
        original = documents.record(
            tx,
            made.wrapped(*readers(tx, user), file_name=document.name),
            media_type=found.media_type,
            pages=found.pages,
        )
        rendering = render_jobs.order(tx, user.tenant_id, original, document.resolution.value)
        return then(tx, rendering, found.pages)


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
    if document.password is None and not document.more:
        found = source.inspect(document.file, within=store.confinement)
        return found, store.seal(document.file, tenant_id, documents.ORIGINAL)
    if len(document.files) > bundle.MOST_FILES:
        raise TooManyFiles(
            _("These are {count} files, and one fax has {most} at most. Send them in several faxes.").format(
                count=len(document.files), most=bundle.MOST_FILES
            )
        )
    if document.more:
        _check_size([each.file for each in document.files])
    budget = Budget(STANDARD_LIMITS)
    with store.scratch.folder() as folder:
        examined = []
        for number, each in enumerate(document.files):
            with _told_by_name(each.name if document.more else None):
                examined.append(_examined(store, each.file, folder / f"unlocked-{number}", document.password, budget))
            # Here, so that what follows is not even looked at.
            budget.take_pages(examined[-1][1].pages)
        if not document.more:
            ((file, found),) = examined
            return found, store.seal(file, tenant_id, documents.ORIGINAL)
        _check_size([file for file, _found in examined])
        whole = folder / "bundle"
        bundle.write(whole, [(each.name, file) for each, (file, _found) in zip(document.files, examined, strict=True)])
        pages = [found.pages for _file, found in examined]
        found = source.Source(source.BUNDLE, None if None in pages else sum(each or 0 for each in pages))
        return found, store.seal(whole, tenant_id, documents.ORIGINAL)


def _examined(
    store: Store, file: Path, unlocked: Path, password: str | None, budget: Budget
) -> tuple[Path, source.Source]:
    """A file as it is to be sealed, and what it is. unlocked: where one without its encryption is written."""
    if password is not None and source.unlock(file, unlocked, password, within=store.confinement, limits=budget.left()):
        file = unlocked
    return file, source.inspect(file, within=store.confinement, limits=budget.left())


def _check_size(files: Sequence[Path]) -> None:
    """Whether several files go into one document. Raises DocumentTooLarge."""
    size, most = sum(file.stat().st_size for file in files), STANDARD_LIMITS.max_bytes
    if size > most - bundle.MOST_LIST_BYTES:
        words = _("The files have {size} MB together, and at most {most} MB are accepted. Send them in several faxes.")
        raise DocumentTooLarge(words.format(size=round(size / 1024**2), most=most // 1024**2))


@contextmanager
def _told_by_name(name: str | None) -> Iterator[None]:
    """What is wrong with a file is said with its name, where it is one of several. It goes to its user, and is kept
    nowhere."""
    try:
        yield
    except (DocumentRefused, RenderingFailed) as error:
        if name is None:
            raise
        shown = "".join(each if each.isprintable() else " " for each in name[:LONGEST_NAME])
        raise type(error)(_("{name}: {error}").format(name=shown, error=error)) from error
