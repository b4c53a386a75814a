"""Who reads a mailbox: joining and leaving, with the keys that go with it (role admin, within a tenant).

Public keys suffice for both. Who joins a mailbox that has a key gets it from another member's client (enrolment); where
none has one yet, it begins then. Leaving and a new epoch are one act, and the epoch is made in the remover's client
(epochs): what arrives later, who left cannot open.
"""

from dataclasses import dataclass

from faxplan import epochs, holds, mailbox_mail, mailboxes, reader_keys, user_keys, vault
from faxplan.db import Transaction
from faxplan.epochs import Ahead, Begun
from faxplan.language import _
from faxplan.users import User
from faxplan.vault import EpochMoved, LastReader


@dataclass(frozen=True, slots=True)
class Joined:
    """begun: the mailbox's first epoch, where it had none."""

    begun: list[Begun]


def join(tx: Transaction, tenant_id: int, mailbox_id: int, user: User) -> Joined | None:
    """As `enter`, by a client whose process this is: it makes what is to be made."""
    epochs.take_turn(tx, tenant_id)
    wanted = arrival(tx, tenant_id, mailbox_id, user)
    return enter(tx, tenant_id, mailbox_id, user, None if wanted is None else epochs.make(wanted))


def arrival(tx: Transaction, tenant_id: int, mailbox_id: int, user: User) -> Ahead | None:
    """What epoch a client has to make for a user to join: the first one, where somebody could read it then."""
    if vault.key_of_mailbox(tx, tenant_id, mailbox_id) is not None:
        return None
    readers = dict(vault.readers(tx, tenant_id, mailbox_id))
    own = user_keys.current(tx, tenant_id, user.id)
    if own is not None:
        readers[own.id] = own.public
    # Not to the recovery key alone: somebody is to read what is sealed.
    if own is None and not vault.has_enrolled_member(tx, tenant_id, mailbox_id):
        return None
    return Ahead(mailbox_id, 1, readers)


def enter(tx: Transaction, tenant_id: int, mailbox_id: int, user: User, begun: Begun | None) -> Joined | None:
    """A user is a member from now on; None where they are already. begun: made of what `arrival` says.

    Raises EpochMoved; then nothing is to be committed.
    """
    epochs.take_turn(tx, tenant_id)
    wanted = arrival(tx, tenant_id, mailbox_id, user)
    if not mailboxes.add_member(tx, tenant_id, mailbox_id, user.id):
        return None
    if (begun is None) != (wanted is None):
        raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
    if begun is None:
        return Joined([])
    epochs.begin(tx, tenant_id, begun)
    return Joined([begun])


def departure(tx: Transaction, tenant_id: int, mailbox_id: int, user: User) -> Ahead | None:
    """What epoch a client has to make for a user to leave; None: none, since they could never open anything."""
    gone = _keys_that_go(tx, tenant_id, mailbox_id, user)
    return epochs.ahead(tx, tenant_id, mailbox_id, without=gone) if gone else None


def leave(tx: Transaction, tenant_id: int, mailbox_id: int, user: User, begun: Begun | None) -> bool:
    """A user is no member any more, nor are the API readers whom they let in; False where they were none.

    begun: made of what `departure` says. Raises LastReader, Held and EpochMoved; then nothing is to be committed.
    """
    holds.take_turn(tx, tenant_id)
    epochs.take_turn(tx, tenant_id)
    opened, ever_opened = (vault.readable_epochs(tx, tenant_id, mailbox_id, of_now=each) for each in (True, False))
    key = vault.key_of_mailbox(tx, tenant_id, mailbox_id)
    # Also who is enrolled and has no key yet: a member's client may be handing it over at this moment.
    needs_epoch = key is not None and bool(_keys_that_go(tx, tenant_id, mailbox_id, user))
    if not mailboxes.remove_member(tx, tenant_id, mailbox_id, user.id):
        return False
    reader_keys.leave_with(tx, tenant_id, mailbox_id, user.id)
    mailbox_mail.left(tx, tenant_id, mailbox_id, user.id)
    still, ever_still = (vault.readable_epochs(tx, tenant_id, mailbox_id, of_now=each) for each in (True, False))
    holds.check_readers(tx, tenant_id, mailbox_id, sorted(ever_opened - ever_still))
    if opened - still:
        nobody = (
            _("Nobody but {email} can open all that lies in this mailbox.")
            if still
            else _("Nobody but {email} can open what lies in this mailbox.")
        )
        advice = _(
            "Let somebody else join who is enrolled "
            "(`faxplan enrol`), and let {email} unlock once (`faxplan unlock`), which hands the keys on; so does "
            "the recovery key, where there is one. If both are lost, `faxplan enrol --anew` in their name gives "
            "that up, and begins another key for who stays."
        )
        raise LastReader(f"{nobody} {advice}".format(email=user.email))
    if key is None or not needs_epoch:
        return True
    if begun is None:
        raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
    epochs.begin(tx, tenant_id, begun)
    return True


def _keys_that_go(tx: Transaction, tenant_id: int, mailbox_id: int, user: User) -> set[int]:
    """Of a user, and of the API readers whom they let in, by their ids."""
    return user_keys.ids(tx, tenant_id, user.id) | set(reader_keys.let_in_by(tx, tenant_id, mailbox_id, user.id))
