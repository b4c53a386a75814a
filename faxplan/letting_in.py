"""A member of a group's mailbox, who need be no administrator, lets somebody in, and hands over its key (role portal).

Two steps, as in mailbox_provisioning, which is the administrators': what the member's browser has to wrap, and taking
that, after it has shown the member's own key (proofs). The database lets nobody in but by one who has the newest key,
and with a wrap of that (let_in).
"""

from dataclasses import dataclass

from faxplan import audit, epochs, mailboxes, permissions, proofs, user_keys, users, vault
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.documents import Locked
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.sessions import Session
from faxplan.users import User
from faxplan.vault import EpochMoved, Grant
from faxplan.wraps import WRAP_BYTES


class NotAGroup(FaxplanError):
    """The mailbox is a person's own: an administrator lets others into that."""

    error_id = "not-a-group"


class CannotRead(FaxplanError):
    """Who is to be let in has no key yet, may not act, or may read nothing that comes in."""

    error_id = "cannot-read"


@dataclass(frozen=True, slots=True)
class Group:
    """A mailbox as its readers see it. mailbox: of mailboxes.directory; readers: mailboxes.members. is_open: whether
    this one has its newest key."""

    mailbox: Row
    readers: list[Row]
    is_open: bool


def everything(tx: Transaction, user: User) -> list[Row]:
    """The mailboxes that a user reads, as mailboxes.directory has them."""
    rows = tx.rows(
        f"""select b.id from mailbox_members m join mailboxes b on b.tenant_id = m.tenant_id and b.id = m.mailbox_id
            where m.tenant_id = %(tenant)s and m.user_id = %(user)s and {permissions.MAY_RECEIVE}
            order by b.kind, b.name""",
        {"tenant": user.tenant_id, "user": user.id},
    )
    return [mailboxes.entry(tx, user.tenant_id, row["id"]) for row in rows]


def group(tx: Transaction, user: User, mailbox_id: int) -> Group:
    """One of them. Raises NotFound for what they do not read."""
    if not mailboxes.reads(tx, user.tenant_id, mailbox_id, user.id):
        raise NotFound(_("There is no such mailbox."))
    found = mailboxes.entry(tx, user.tenant_id, mailbox_id)
    readers = mailboxes.members(tx, user.tenant_id, mailbox_id)
    return Group(found, readers, any(each["id"] == user.id and each["holds_key"] for each in readers))


def waits_for(tx: Transaction, user: User, fax_id: int) -> list[str]:
    """The mailboxes in which a fax lies that the user reads, and whose key nobody has handed to them yet: their names.
    Empty where another of their mailboxes has it, and they have the key of that."""
    rows = tx.rows(
        """select b.id, b.name from mailbox_entries e
           join mailbox_members m on m.tenant_id = e.tenant_id and m.mailbox_id = e.mailbox_id
           join mailboxes b on b.tenant_id = e.tenant_id and b.id = e.mailbox_id
           where e.tenant_id = %s and m.user_id = %s and e.fax_id = %s order by b.name""",
        (user.tenant_id, user.id, fax_id),
    )
    waiting = [row["name"] for row in rows if not vault.has_a_key(tx, user.tenant_id, user.id, row["id"])]
    return waiting if len(waiting) == len(rows) else []


def to_wrap(db: Database, user: User, mailbox_id: int, email: str) -> Grant | None:
    """What the browser has to wrap for somebody; None: they read it already.

    Raises NotFound, NotAGroup, Locked for a member who has no key of it yet, and CannotRead.
    """
    with db.tenant(user.tenant_id) as tx:
        return _wanted(tx, user, mailbox_id, _known(tx, user, email))


def let_in(
    db: Database,
    session: Session,
    mailbox_id: int,
    email: str,
    epoch: int,
    key_id: int,
    wrap: bytes,
    proof: bytes,
    *,
    actor: Who,
) -> bool:
    """Somebody reads the mailbox from now on, with its key; False where they do already. Raises as `to_wrap`, NoProof
    for who has not shown their own key, and EpochMoved where that is not what is to be wrapped now."""
    user = session.user
    with db.tenant(user.tenant_id) as tx:
        epochs.take_turn(tx, user.tenant_id)
        newcomer = _known(tx, user, email)
        wanted = _wanted(tx, user, mailbox_id, newcomer)
        if wanted is None:
            return False
        # Who is let in is handed all that lies there, by others too, whatever this wrap holds: no session does that.
        proofs.check_own(tx, session, proof)
        is_wanted = (wanted.epoch, wanted.user_key_id) == (epoch, key_id) and len(wrap) == WRAP_BYTES
        by = (mailbox_id, user.id, newcomer.id, epoch, key_id, wrap)
        if not is_wanted or not tx.value("select let_in(%s, %s, %s, %s, %s, %s)", by):
            raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
        audit.record(
            tx, user.tenant_id, actor=actor, action="mailbox.add-member", object=f"mailbox:{mailbox_id}",
            user=f"user:{newcomer.id}", by=f"user:{user.id}", granted=[(epoch, key_id)], epochs_begun=[],
        )  # fmt: skip
    return True


def _known(tx: Transaction, user: User, email: str) -> User:
    try:
        return users.by_email(tx, user.tenant_id, email)
    except NotFound as error:
        raise CannotRead(_("Nobody of your organisation has this address.")) from error


def _wanted(tx: Transaction, user: User, mailbox_id: int, newcomer: User) -> Grant | None:
    found = group(tx, user, mailbox_id)
    if found.mailbox["kind"] != "group":
        raise NotAGroup(_("This is the mailbox of one person. An administrator lets others into it."))
    if not found.is_open:
        raise Locked(_("You have no key of this mailbox yet: another of its readers has to log in once."))
    if mailboxes.is_member(tx, user.tenant_id, mailbox_id, newcomer.id):
        return None
    _check_may_read(tx, newcomer)
    key, own = vault.key_of_mailbox(tx, user.tenant_id, mailbox_id), user_keys.current(tx, user.tenant_id, newcomer.id)
    if own is None or key is None:
        raise CannotRead(
            _(
                "{who} has no key yet, to which this mailbox could be opened. They get one when they first log in."
            ).format(who=newcomer.email)
        )
    return Grant(mailbox_id, key.epoch, own.id, own.public)


def _check_may_read(tx: Transaction, newcomer: User) -> None:
    try:
        users.get(tx, newcomer.tenant_id, newcomer.id)
    except NotFound as error:
        raise CannotRead(_("{who} may not log in at present.").format(who=newcomer.email)) from error
    if not permissions.has(tx, newcomer.tenant_id, newcomer.id, permissions.RECEIVE):
        raise CannotRead(_("{who} may read no faxes that come in.").format(who=newcomer.email))
