"""A mailbox's next epoch, made in the client of whoever changes its readers: public keys suffice for it.

The server says who reads from then on (`ahead`); the client makes a key pair and wraps it to these (`make`), and the
private key is forgotten there; the server takes it, where it is for exactly those who read then (`begin`).

Whether a client forgets it no server sees. So such an epoch is *from outside*: nothing of before is ever tied to it,
and the next member who unlocks begins another one (`to_renew`, `renew`), which opens this one. To the one before that
no epoch leads then: readers who come later are handed its key beside the newest (vault.grants_due). So is one from
outside that begins with another key in a user's name (enrolment), or that is made by who has not got the one before.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from faxplan import keyring, mailboxes, user_keys, vault
from faxplan.db import Transaction
from faxplan.keyring import NewEpoch
from faxplan.language import _
from faxplan.users import User
from faxplan.vault import EpochMoved, LastReader
from faxplan.wraps import PublicKey

_TURN = 0x65706F


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a client has to know. number: of the epoch to be made. readers: by the ids of their keys."""

    mailbox_id: int
    number: int
    readers: Mapping[int, PublicKey]


@dataclass(frozen=True, slots=True)
class Begun:
    """What the client hands over: nothing of it opens anything."""

    mailbox_id: int
    number: int
    new: NewEpoch


def named(begun: Iterable[Begun]) -> list[tuple[int, int, str]]:
    """For the audit (`epochs_begun`): mailboxes, numbers, and public keys in hex. One that no row has was begun by
    nobody of Faxplan's."""
    return [(each.mailbox_id, each.number, each.new.public.raw.hex()) for each in begun]


def take_turn(tx: Transaction, tenant_id: int) -> None:
    """From here to the end of the transaction nobody else changes who reads a mailbox of this tenant."""
    tx.take_turn(_TURN, tenant_id)


def ahead(tx: Transaction, tenant_id: int, mailbox_id: int, *, without: Collection[int] = ()) -> Ahead | None:
    """The epoch that follows when the readers with these keys go; None: the mailbox has no key yet."""
    key = vault.key_of_mailbox(tx, tenant_id, mailbox_id)
    if key is None:
        return None
    readers = vault.readers(tx, tenant_id, mailbox_id)
    return Ahead(mailbox_id, key.epoch + 1, {each: readers[each] for each in readers.keys() - set(without)})


def make(wanted: Ahead) -> Begun:
    """The client's part."""
    new, _ = keyring.new_epoch(wanted.readers)
    return Begun(wanted.mailbox_id, wanted.number, new)


def begin(tx: Transaction, tenant_id: int, begun: Begun) -> None:
    """From now on the mailbox's faxes are sealed to this epoch; after whoever goes has gone, in the same transaction.

    Raises EpochMoved where its readers are others by now, and LastReader where no person would be among them.
    """
    if not vault.has_enrolled_member(tx, tenant_id, begun.mailbox_id):
        raise LastReader(
            _(
                "Nobody would be left who could open what arrives in mailbox {mailbox}. Let somebody join it who is "
                "enrolled (`faxplan enrol`)."
            ).format(mailbox=mailboxes.name_of(tx, tenant_id, begun.mailbox_id))
        )
    if begun.new.wraps.keys() != vault.readers(tx, tenant_id, begun.mailbox_id).keys():
        raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
    vault.begin_epoch(tx, tenant_id, begun.mailbox_id, begun.number, begun.new, from_outside=True)


def to_renew(tx: Transaction, user: User) -> list[Ahead]:
    """What this user's client is to make as soon as it has their key: of the mailboxes whose newest epoch is from
    outside the next one, for all who read it."""
    return [
        Ahead(mailbox_id, epoch + 1, vault.readers(tx, user.tenant_id, mailbox_id))
        for mailbox_id, epoch in vault.newest_from_outside(tx, user.tenant_id, user.id).items()
    ]


def renew(tx: Transaction, user: User, key_id: int, begun: Iterable[Begun]) -> list[Begun]:
    """Begins those that are to be made still, for exactly those who read now; which they are. Another member may have
    come before. key_id: the user's key that the client holds (proofs): what came before is tied to these. None where it
    is not theirs any more."""
    take_turn(tx, user.tenant_id)
    own = user_keys.current(tx, user.tenant_id, user.id)
    if own is None or own.id != key_id:
        return []
    wanted = {(each.mailbox_id, each.number): each.readers.keys() for each in to_renew(tx, user)}
    taken = []
    for each in begun:
        # Each once: a client may say one twice.
        if wanted.pop((each.mailbox_id, each.number), None) == each.new.wraps.keys():
            opens_it = vault.opens_newest(tx, user.tenant_id, user.id, each.mailbox_id)
            vault.begin_epoch(tx, user.tenant_id, each.mailbox_id, each.number, each.new, from_outside=not opens_it)
            taken.append(each)
    return taken
