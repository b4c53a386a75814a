"""Seals what was stored before documents were sealed, and removes the plain objects: `faxplan vault adopt`.

It begins when every mailbox has a key, since nobody could read again what is sealed to none. A document at a time: its
sealed object is in the store before the row names it, and the plain one goes after that. So it can be stopped and
started again at any point; what a crash leaves plain and without a row goes at the next run. Pages for the screen are
made on the way, since their plain pages are at hand this once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faxplan import audit, document_store, documents, objects, renderings, tenants, transient_readers, vault
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.documents import Wrapped
from faxplan.errors import FaxplanError
from faxplan.tenants import Tenant

STAGING_SECONDS = 30.0
"""So long a call that was claimed just before may still read the plain pages."""


class NotAllEnrolled(FaxplanError):
    """Some mailbox has no key."""

    error_id = "not-all-enrolled"


@dataclass(frozen=True, slots=True)
class Adopted:
    """sealed: documents. removed: plain objects that no row named. lost: documents that cannot be read, and why."""

    sealed: int
    removed: int
    lost: Mapping[int, str]


def adopt(worker: Database, store: Store, *, actor: str, told: Callable[[int, int], None] | None = None) -> Adopted:
    """Seals everything (role worker). told: how many are done, of how many. actor: as audit.record takes it.

    The audit of the installation has when it began and when it came to its end; where it was stopped it has no end.

    Raises NotAllEnrolled, naming the mailboxes, StoreUnavailable and DatabaseUnavailable.
    """
    store.check()
    with worker.across_tenants() as tx:
        everyone = tenants.everyone(tx)
    _refuse_without_keys(worker, everyone)
    plain = [(tenant.id, document_id) for tenant in everyone for document_id in _plain(worker, tenant.id)]
    _record(worker, actor, "vault.adopt-begin", documents=len(plain))
    old: list[str] = []
    lost: dict[int, str] = {}
    waits = False
    for count, (tenant_id, document_id) in enumerate(plain, 1):
        try:
            with store.scratch.folder() as folder:
                name, is_waited_for = _seal(worker, store, tenant_id, document_id, folder / "plain")
            old.append(name)
            waits = waits or is_waited_for
        except document_store.DocumentLost as error:
            lost[document_id] = str(error)
        if told is not None:
            told(count, len(plain))
    if waits:
        time.sleep(STAGING_SECONDS)
    for name in old:
        store.delete(name)
    removed = _remove_plain_orphans(worker, store, everyone)
    _record(worker, actor, "vault.adopt", sealed=len(old), removed=removed, lost=len(lost))
    return Adopted(len(old), removed, lost)


def _record(db: Database, actor: str, action: str, **details: Any) -> None:
    with db.across_tenants() as tx:
        audit.record(tx, audit.INSTALLATION, actor=actor, action=action, object="store", **details)


def _refuse_without_keys(db: Database, everyone: list[Tenant]) -> None:
    missing = []
    for tenant in everyone:
        with db.tenant(tenant.id) as tx:
            missing += [f"{name} of {tenant.slug}" for name in vault.mailboxes_without_key(tx, tenant.id)]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise NotAllEnrolled(
            f"Nobody could open what is sealed for: {shown}. Let a member of each enrol first (`faxplan enrol`); "
            "`faxplan vault status` shows all."
        )


def _plain(db: Database, tenant_id: int) -> list[int]:
    with db.tenant(tenant_id) as tx:
        rows = tx.rows(
            "select id from documents where tenant_id = %s and header_digest is null order by id", (tenant_id,)
        )
    return [row["id"] for row in rows]


def _seal(db: Database, store: Store, tenant_id: int, document_id: int, plain: Path) -> tuple[str, bool]:
    """The plain object's name, which may go now; and whether a fax waits for the document."""
    with db.tenant(tenant_id) as tx:
        stored = documents.get(tx, tenant_id, document_id)
    store.copy_to(stored, plain, None)
    has_pages = stored.kind in (documents.RENDERING, documents.RECEIVED_TIFF)
    images = renderings.images_if_possible(plain, plain.parent, within=store.confinement) if has_pages else {}
    made, *drawn = renderings.seal_all(store, tenant_id, {stored.kind: plain} | images)
    plain.unlink()
    with store.kept_if_named([made, *drawn]), db.tenant(tenant_id) as tx:
        mailbox_ids, waits = _readers(tx, tenant_id, document_id)
        machines = transient_readers.current(tx) if waits else []
        mailboxes = vault.keys_of_mailboxes(tx, tenant_id, mailbox_ids)
        name = documents.plain_name(tx, tenant_id, document_id)
        done = documents.replace_plain(tx, document_id, made.wrapped(mailboxes, machines, file_name=name))
        if done and drawn:
            _add_images(tx, tenant_id, document_id, [each.wrapped(mailboxes) for each in drawn])
    if not done:
        store.discard([made, *drawn])
    return stored.object_name, waits


def _add_images(tx: Transaction, tenant_id: int, document_id: int, drawn: Sequence[Wrapped]) -> None:
    """Page images and thumbnail of a document, for its rendering or for the fax that it came as."""
    pages = tx.value("select pages from documents where tenant_id = %s and id = %s", (tenant_id, document_id))
    ids = {each.stored.kind: documents.record_made(tx, each, pages) for each in drawn}
    values = (ids.get(documents.PAGE_IMAGES), ids.get(documents.THUMBNAIL), tenant_id, document_id)
    tx.execute(
        "update renderings set images_id = %s, thumbnail_id = %s where tenant_id = %s and document_id = %s", values
    )
    tx.execute("update faxes set images_id = %s, thumbnail_id = %s where tenant_id = %s and tiff_id = %s", values)


def _readers(tx: Transaction, tenant_id: int, document_id: int) -> tuple[list[int], bool]:
    """The mailboxes of every fax that has to do with a document, and whether one of these faxes is not final.

    Of a document that no fax has: an administrator's mailbox, or else the tenant's first one with a key.
    """
    rows = tx.rows(
        """select f.mailbox_id, f.finished_at is null as waits from faxes f
           left join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
           where f.tenant_id = %(tenant)s and f.mailbox_id is not null
             and (f.tiff_id = %(document)s or f.pdf_id = %(document)s or r.document_id = %(document)s
                  or r.original_id = %(document)s or r.original_id in (
                      select o.original_id from renderings o
                      where o.tenant_id = f.tenant_id and o.document_id = %(document)s))""",
        {"tenant": tenant_id, "document": document_id},
    )
    if not rows:
        whose = vault.administrators_mailbox(tx, tenant_id) or vault.first_mailbox_with_key(tx, tenant_id)
        return [] if whose is None else [whose], False
    return sorted({row["mailbox_id"] for row in rows}), any(row["waits"] for row in rows)


def _remove_plain_orphans(db: Database, store: Store, everyone: list[Tenant]) -> int:
    """Objects that are not sealed and that no row names, as an earlier run leaves them that was killed."""
    plain = {
        each.name
        for number in range(objects.FOLDERS)
        for each in store.listed(number)
        if objects.is_name(each.name) and not store.is_sealed(each.name)
    }
    for tenant in everyone if plain else ():
        with db.tenant(tenant.id) as tx:
            for name in documents.names(tx, tenant.id):
                plain.discard(name)
    for name in plain:
        store.delete(name)
    return len(plain)
