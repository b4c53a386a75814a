"""A received fax is handed to another mailbox of its tenant: as a copy (forward), or itself (move).

No server can do that alone: what opens a document is made in the client of somebody who reads it, to the public key of
the mailbox that gets it, which they need not read. The server says what is to be wrapped (`offer`), the client makes
the wraps (`wrap`), and the server takes them (`forward`, `move`) where all is still as it was.

A copy is a fax of its own, without a call, and shares the documents. It has the times of the one that came in: to
forward a fax does not make it be kept for longer.

Where a fax is moved away, a copy stays behind that is deleted (deletion): whoever reads that mailbox brings it back
until purge has come. No server sees whether what was wrapped opens, and so a move takes no more than to delete would.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from faxplan import audit, documents, epochs, holds, mail_readers, mailboxes, notices, queue, vault
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.documents import Locked, ToWrap
from faxplan.errors import FaxplanError, NoPages, NotFound, PagesPurged
from faxplan.holds import Held, Hold
from faxplan.keyring import Keyring
from faxplan.language import _
from faxplan.users import User
from faxplan.vault import EpochMoved, MailboxKey
from faxplan.wraps import WRAP_BYTES

_DOCUMENTS = ("tiff_id", "pdf_id", "images_id", "thumbnail_id")
_TRIES = 3


class NotReceived(FaxplanError):
    """The fax was sent: it lies in no mailbox."""

    error_id = "not-received"


class StillArriving(FaxplanError):
    """The fax has not ended."""

    error_id = "still-arriving"
    retryable = True


class LiesThere(FaxplanError):
    """The mailbox has this fax, or a copy of it."""

    error_id = "lies-there"


class NobodyReads(FaxplanError):
    """Nobody could open what is laid into this mailbox."""

    error_id = "nobody-reads"


class NotSealed(FaxplanError):
    """The fax is from before documents were sealed: there is no key of it to wrap."""

    error_id = "not-sealed"


class WrongWraps(FaxplanError):
    """What a client handed over is not for exactly the documents of the fax, or no wraps."""

    error_id = "wrong-wraps"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client has to know to hand a fax on. target: the mailbox, with its newest epoch."""

    fax_id: int
    target: MailboxKey
    documents: Sequence[ToWrap]


@dataclass(frozen=True, slots=True)
class Handed:
    """What a client hands over: nothing of it opens anything. wraps: by document, to this epoch of the mailbox."""

    fax_id: int
    mailbox_id: int
    epoch: int
    wraps: Mapping[int, bytes]


def offer(db: Database, user: User, fax_id: int, mailbox: str) -> Offer:
    """What is to be wrapped so that a fax can be handed to the mailbox of this name (role portal).

    Raises NotFound, NotReceived, StillArriving, PagesPurged, NoPages, LiesThere, NobodyReads, MayNotReceive and
    NotSealed.
    """
    with db.tenant(user.tenant_id) as tx:
        return _offered(tx, user, fax_id, mailboxes.by_name(tx, user.tenant_id, mailbox))


def offer_to(db: Database, user: User, fax_id: int, mailbox_id: int, *, actor: Who | None = None) -> Offer:
    """The same for a client that is another program, to a mailbox by its id. What opens the fax is handed out by it,
    and so that is a row of the audit as if it had been read. actor: as in `forward`."""
    with db.tenant(user.tenant_id) as tx:
        offered = _offered(tx, user, fax_id, mailbox_id)
        audit.record(
            tx, user.tenant_id, actor=actor or f"user:{user.id}", action="fax.open", object=f"fax:{fax_id}",
            by="browser", to_mailbox=f"mailbox:{mailbox_id}",
        )  # fmt: skip
    return offered


def _offered(tx: Transaction, user: User, fax_id: int, mailbox_id: int) -> Offer:
    fax = _fax(tx, user, fax_id)
    return Offer(fax_id, _target(tx, fax, mailbox_id), _to_wrap(tx, user, fax))


def wrap(offered: Offer, ring: Keyring) -> Handed:
    """The client's part. Raises Locked where it opens a document not (yet), and SealBroken."""
    target = offered.target
    wraps = {
        each.document_id: target.public.wrap(documents.file_key(each.wraps, each.digest, ring), each.digest)
        for each in offered.documents
    }
    return Handed(offered.fax_id, target.mailbox_id, target.epoch, wraps)


def forward(db: Database, user: User, handed: Handed, *, actor: Who | None = None) -> int:
    """Lays a copy of a fax into the mailbox (role portal); the copy's id. Also of one that is under legal hold.

    actor: as audit.record takes it; None: the user, at a shell.

    Raises as `offer`; Locked for who has no key of the mailbox where it lies; EpochMoved where its readers are others
    by now, and WrongWraps. Nothing is changed then.
    """
    with db.tenant(user.tenant_id) as tx:
        fax = _taken(tx, user, handed)
        _keep_wraps(tx, fax, handed)
        copy_id = _copy(tx, user, fax, handed.mailbox_id)
        mailboxes.deliver(tx, user.tenant_id, handed.mailbox_id, copy_id)
        _tell(tx, user, fax, handed.mailbox_id, copy_id, "forwarded")
        audit.record(
            tx, user.tenant_id, actor=actor or f"user:{user.id}", action="fax.forward", object=f"fax:{fax['id']}",
            from_mailbox=f"mailbox:{fax['mailbox_id']}", to_mailbox=f"mailbox:{handed.mailbox_id}",
            copy=f"fax:{copy_id}",
        )  # fmt: skip
    return copy_id


def move(db: Database, user: User, handed: Handed, *, actor: Who | None = None) -> int:
    """Lays a fax itself into the mailbox, where its readers find it unread (role portal); its id.

    The readers of the one that it leaves have a deleted copy (`left_behind`), and no worker mails it who was to. Raises
    as `forward`, and Held, of which the audit tells.
    """
    with db.tenant(user.tenant_id) as tx:
        fax = _taken(tx, user, handed)
        hold = holds.of_fax(tx, user.tenant_id, fax["id"], fax["mailbox_id"])
        left: str | None = None
        if hold is None:
            _keep_wraps(tx, fax, handed)
            left = f"fax:{_leave_copy(tx, user, fax)}"
            _move(tx, fax, handed.mailbox_id)
            _tell(tx, user, fax, handed.mailbox_id, fax["id"], "moved")
        audit.record(
            tx, user.tenant_id, actor=actor or f"user:{user.id}", action="fax.move", object=f"fax:{fax['id']}",
            result="done" if hold is None else "refused",
            from_mailbox=f"mailbox:{fax['mailbox_id']}", to_mailbox=f"mailbox:{handed.mailbox_id}", left=left,
        )  # fmt: skip
    if hold is not None:
        raise _held(fax, hold)
    return handed.fax_id


def left_behind(tx: Transaction, user: User, fax_id: int) -> int | None:
    """The deleted copy that a fax left when it was last moved, where this user may bring it back; None: there is none
    any more."""
    row = tx.row(
        """select id, mailbox_id from faxes
           where tenant_id = %s and left_by = %s and deleted_at is not null and purged_at is null
           order by id desc limit 1""",
        (user.tenant_id, fax_id),
    )
    if row is None or not mailboxes.reads(tx, user.tenant_id, row["mailbox_id"], user.id):
        return None
    return int(row["id"])


def hand_on(
    db: Database, user: User, ring: Keyring, fax_id: int, mailbox: str, act: Callable[[Database, User, Handed], int]
) -> int:
    """All three steps in one process, as the command line has them. act: `forward` or `move`, whose result it is.

    Again where the mailbox's readers have changed meanwhile. Raises as these, and as `wrap`.
    """
    for _try in range(_TRIES - 1):
        try:
            return act(db, user, wrap(offer(db, user, fax_id, mailbox), ring))
        except EpochMoved:
            continue
    return act(db, user, wrap(offer(db, user, fax_id, mailbox), ring))


def _taken(tx: Transaction, user: User, handed: Handed) -> Row:
    """The fax, where it may be handed on as this says. Nobody sets a hold, or changes who reads what, until it is."""
    holds.take_turn(tx, user.tenant_id)
    epochs.take_turn(tx, user.tenant_id)
    fax = _fax(tx, user, handed.fax_id)
    target = _target(tx, fax, handed.mailbox_id)
    if not vault.has_a_key(tx, user.tenant_id, user.id, fax["mailbox_id"]):
        raise Locked(_("You have no key of this mailbox, and open nothing of it: another member has to unlock once."))
    if target.epoch != handed.epoch:
        raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
    wanted = {each.document_id for each in _to_wrap(tx, user, fax)}
    if handed.wraps.keys() != wanted or any(len(each) != WRAP_BYTES for each in handed.wraps.values()):
        raise WrongWraps(
            _("These are not the wraps of the documents of fax {number}. Ask for them anew.").format(number=fax["id"])
        )
    return fax


def _fax(tx: Transaction, user: User, fax_id: int) -> Row:
    """One that lies in a mailbox that the user reads, locked."""
    fax = queue.lock_fax(tx, user.tenant_id, fax_id)
    if fax is None or fax["deleted_at"] is not None or not _is_seen(tx, user, fax):
        raise NotFound(_("You have no fax {number}. `faxplan list` shows yours.").format(number=fax_id))
    if fax["direction"] != "inbound":
        raise NotReceived(
            _(
                "Fax {number} was sent, not received: it lies in no mailbox. `faxplan resend {number} --to NUMBER` "
                "sends it to somebody else, `faxplan open {number}` saves its pages."
            ).format(number=fax_id)
        )
    if fax["finished_at"] is None:
        raise StillArriving(
            _("Fax {number} is being received. `faxplan show {number}` says when that is over.").format(number=fax_id)
        )
    if fax["purged_at"] is not None:
        raise PagesPurged(
            _("The pages of fax {number} were destroyed on {day}.").format(
                number=fax_id, day=f"{fax['purged_at']:%Y-%m-%d}"
            )
        )
    if fax["tiff_id"] is None:
        raise NoPages(_("Fax {number} has no page to hand on. `faxplan show {number}` says why.").format(number=fax_id))
    return fax


def _is_seen(tx: Transaction, user: User, fax: Row) -> bool:
    """As history shows them."""
    if fax["direction"] != "inbound":
        return bool(fax["user_id"] == user.id)
    return mailboxes.reads(tx, user.tenant_id, fax["mailbox_id"], user.id)


def _target(tx: Transaction, fax: Row, mailbox_id: int) -> MailboxKey:
    """Where it is to go: a mailbox that has none of it, and in which somebody opens it."""
    tenant_id = fax["tenant_id"]
    name = tx.value("select name from mailboxes where tenant_id = %s and id = %s", (tenant_id, mailbox_id))
    if name is None:
        raise NotFound(_("There is no such mailbox."))
    if fax["mailbox_id"] == mailbox_id:
        raise LiesThere(_("Fax {number} lies in mailbox {name}.").format(number=fax["id"], name=name))
    # What this very fax left there opens it as before: it may come back.
    there = tx.row(
        """select id, deleted_at from faxes where tenant_id = %s and mailbox_id = %s and tiff_id = %s
           and (deleted_at is null or left_by is distinct from %s) order by deleted_at nulls first, id limit 1""",
        (tenant_id, mailbox_id, fax["tiff_id"], fax["id"]),
    )
    if there is not None and there["deleted_at"] is None:
        raise LiesThere(_("Mailbox {name} has it: fax {number} is the same one.").format(name=name, number=there["id"]))
    if there is not None:
        # What opens that one would not be replaced: whoever made it may have made it so that it opens nothing.
        raise LiesThere(
            _(
                "Mailbox {name} has had it, and it was deleted there. `faxplan delete {number} --undo`, by who reads "
                "it, brings it back. Once it is purged, it can be handed on to it again."
            ).format(name=name, number=there["id"])
        )
    mailboxes.check_may_receive(tx, tenant_id, mailbox_id)
    key = vault.key_of_mailbox(tx, tenant_id, mailbox_id)
    if key is None or key.epoch not in vault.readable_epochs(tx, tenant_id, mailbox_id, of_now=True):
        raise NobodyReads(
            _(
                "Nobody could open it in mailbox {name}: none of its members has its key. They get one with "
                "`faxplan enrol`, or where another member unlocks (`faxplan unlock`)."
            ).format(name=name)
        )
    return key


def _to_wrap(tx: Transaction, user: User, fax: Row) -> list[ToWrap]:
    """Its documents, with their wraps to mailboxes that the user reads."""
    found = documents.to_wrap(tx, user.tenant_id, user.id, _ids(fax))
    if len(found) < len(_ids(fax)):
        raise NotSealed(
            _(
                "Fax {number} is from before documents were sealed. Ask the administrator for `faxplan vault adopt`."
            ).format(number=fax["id"])
        )
    return found


def _ids(fax: Row) -> list[int]:
    return sorted({fax[column] for column in _DOCUMENTS} - {None})


def _keep_wraps(tx: Transaction, fax: Row, handed: Handed) -> None:
    for document_id, each in handed.wraps.items():
        documents.wrap_to(tx, fax["tenant_id"], document_id, handed.mailbox_id, handed.epoch, each)


def _copy(tx: Transaction, user: User, fax: Row, mailbox_id: int) -> int:
    """A row of its own for the same documents, as old as the one that came in."""
    return int(
        tx.value(
            """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, calling_number, resolution,
                                  pages, pages_done, error_id, explanation, created_at, finished_at, tiff_id, pdf_id,
                                  images_id, thumbnail_id, copy_of, forwarded_by)
               select tenant_id, direction, state, %s, called_number, calling_number, resolution, pages, pages_done,
                      error_id, explanation, created_at, finished_at, tiff_id, pdf_id, images_id, thumbnail_id,
                      coalesce(copy_of, id), %s
               from faxes where tenant_id = %s and id = %s returning id""",
            (mailbox_id, user.id, fax["tenant_id"], fax["id"]),
        )
    )


def _leave_copy(tx: Transaction, user: User, fax: Row) -> int:
    """What opens the fax where it lies stays there until purge takes this copy."""
    copy_id = _copy(tx, user, fax, fax["mailbox_id"])
    tx.execute(
        """insert into mailbox_entries (tenant_id, mailbox_id, fax_id, added_at, read_at)
           select tenant_id, mailbox_id, %s, added_at, read_at from mailbox_entries
           where tenant_id = %s and fax_id = %s""",
        (copy_id, fax["tenant_id"], fax["id"]),
    )
    tx.execute(
        "update faxes set deleted_at = now(), left_by = %s where tenant_id = %s and id = %s",
        (fax["id"], fax["tenant_id"], copy_id),
    )
    return copy_id


def _move(tx: Transaction, fax: Row, mailbox_id: int) -> None:
    """It lies there from now on."""
    place = (mailbox_id, fax["tenant_id"], fax["id"])
    # What it left somewhere before, if it is such a copy itself, it is no more.
    tx.execute("update faxes set mailbox_id = %s, left_by = null where tenant_id = %s and id = %s", place)
    tx.execute(
        """update mailbox_entries set mailbox_id = %s, added_at = now(), read_at = null
           where tenant_id = %s and fax_id = %s""",
        place,
    )
    if fax["forwarded_by"] is None:
        # Else what waits for mail is the fax that came in, of which this is a copy.
        mail_readers.let_go(tx, fax["tenant_id"], _ids(fax))


def _tell(tx: Transaction, user: User, fax: Row, mailbox_id: int, fax_id: int, done: str) -> None:
    who = f"{user.name} ({user.email})" if user.name else user.email
    caller = fax["calling_number"] or "a withheld number"
    words = f"{who} has {done} a fax from {caller} to this mailbox. {fax['explanation'] or ''}".strip()
    notices.tell_mailbox(tx, fax["tenant_id"], mailbox_id, fax_id, "received", words)


def _held(fax: Row, hold: Hold) -> Held:
    return Held(
        _(
            "Fax {number} is under legal hold since {day} and stays where it lies. `faxplan forward {number} MAILBOX` "
            "gives others a copy."
        ).format(number=fax["id"], day=f"{hold.set_at:%Y-%m-%d}")
    )
