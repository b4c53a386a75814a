"""A tenant's recovery key: it opens every mailbox, when all who read one have lost their keys, or are gone.

Optional. It is made in the client of one of the tenant's administrators, printed once and kept on paper only; the
server has its public key. Nobody can wrap to it what nobody has open: so it opens a mailbox once a member has unlocked
since (enrolment hands the key on), and is complete when that was so for each. Using it is an emergency access
(45 CFR 164.312(a)(2)(ii)), and a row of the audit, also where it is the wrong one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from faxplan import audit, enrolment, epochs, gains, mailboxes, printed_keys, user_keys, users, vault
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.enrolment import HandedOn, Secret
from faxplan.epochs import Ahead, Begun
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.gains import Told
from faxplan.keyring import Epoch, Keyring
from faxplan.language import _
from faxplan.passphrases import WrongSecret
from faxplan.users import User
from faxplan.wraps import PrivateKey, PublicKey

LONGEST_REASON = 500


class NoReason(FaxplanError):
    """An emergency access has no reason that would stand in the audit."""

    error_id = "no-reason"


class ThereIsOne(FaxplanError):
    """Another recovery key is in the place of the one that is to be made."""

    error_id = "there-is-one"


class NothingChosen(FaxplanError):
    """It was not said which mailboxes are to be opened."""

    error_id = "nothing-chosen"


@dataclass(frozen=True, slots=True)
class Status:
    """mailboxes: by name, those that have a key. unopened: the names of those which it does not open yet. older: which
    it opens, but not all that came before; whoever could open that has not unlocked since.
    """

    made_at: datetime
    mailboxes: int
    unopened: list[str]
    older: list[str]

    @property
    def opened(self) -> int:
        """How many of them it opens."""
        return self.mailboxes - len(self.unopened)


@dataclass(frozen=True, slots=True)
class Used:
    """What an emergency access has changed. opened: names of mailboxes. unopened: of those that it does not open."""

    opened: list[str]
    unopened: list[str]
    handed: HandedOn


@dataclass(frozen=True, slots=True)
class TurnedOff:
    """mailboxes: how many have a new key. alone: the names of those of which it alone opens something that came before:
    `use` gives that to their members, now as then.
    """

    mailboxes: int
    alone: list[str]


def make(db: Database, user: User, secret: Secret, *, told: Told | None = None) -> str:
    """A recovery key for this user's tenant (role portal): as it is printed, this once.

    secret: the user's own: nobody else is to make it in their name. What they read it opens at once. Raises Forbidden,
    ConstraintViolated where there is one, and as enrolment.unlock.
    """
    _refuse_others(user)
    ring = enrolment.unlock(db, user, secret, told=told)
    code, private = printed_keys.new_recovery_key()
    with db.tenant(user.tenant_id) as tx:
        epochs.take_turn(tx, user.tenant_id)
        key_id = _add(tx, user.tenant_id, private.public)
        handed = enrolment.hand_on(tx, user.tenant_id, ring, vault.epochs_of_user(tx, user.tenant_id, user.id))
        _record_made(tx, user, f"user:{user.id}", key_id, private.public, handed)
        gained = gains.of(tx, user.tenant_id, handed.granted, handed.linked, own=ring.own)
    gains.tell(told, gained)
    return code


def take(db: Database, user: User, public: PublicKey, *, actor: Who) -> None:
    """The same of one that was made, and is shown, in the client of this user (role portal), who has given the password
    for it: what they read it opens once their client hands that on, which it does next (handing_on)."""
    _refuse_others(user)
    with db.tenant(user.tenant_id) as tx:
        epochs.take_turn(tx, user.tenant_id)
        if _current(tx, user.tenant_id) is not None:
            raise ThereIsOne(_("Your organisation has a recovery key. Turn it off before you make another one."))
        _record_made(tx, user, actor, _add(tx, user.tenant_id, public), public, HandedOn([], []))


def _add(tx: Transaction, tenant_id: int, public: PublicKey) -> int:
    return int(
        tx.value(
            "insert into user_keys (tenant_id, kind, public_key) values (%s, 'recovery', %s) returning id",
            (tenant_id, public.raw),
        )
    )


def _record_made(tx: Transaction, user: User, actor: Who, key_id: int, public: PublicKey, handed: HandedOn) -> None:
    audit.record(
        tx,
        user.tenant_id,
        actor=actor,
        action="key.recovery-make",
        object=f"key:{key_id}",
        public_key=public.raw.hex(),
        granted=handed.granted,
        linked=handed.linked,
    )


def status(tx: Transaction, tenant_id: int) -> Status | None:
    """How far it has come; None: the tenant has none."""
    current = _current(tx, tenant_id)
    if current is None:
        return None
    names = _mailboxes_with_key(tx, tenant_id)
    unopened, older = [], []
    for mailbox_id, name in names.items():
        found = vault.epochs_of_key(tx, tenant_id, current["id"], [mailbox_id])
        if not found[-1].wraps:
            unopened.append(name)
        elif not _opens_all(found):
            older.append(name)
    return Status(current["created_at"], len(names), unopened, older)


def _opens_all(found: list[Epoch]) -> bool:
    """Whether each epoch of a mailbox, the oldest first, has a wrap, or a link from one that opens."""
    opens = False
    tied = True
    for epoch in reversed(found):
        opens = bool(epoch.wraps) or (opens and tied)
        if not opens:
            return False
        tied = epoch.earlier is not None
    return True


def use(
    db: Database,
    user: User,
    code: str,
    *,
    why: str,
    mailbox_names: Collection[str] = (),
    email: str | None = None,
    told: Told | None = None,
) -> Used:
    """Opens mailboxes for those of their members who have no key of them, or none of what came before (role portal).

    email: all mailboxes of this user, such as one who has lost the own key and enrolled anew. why: for the audit. One
    that was turned off does so for what it alone opens.
    Raises Forbidden, NoReason, NothingChosen, NotFound, InvalidSecret and WrongSecret.
    """
    check_reason(user, why)
    if not mailbox_names and email is None:
        raise NothingChosen(_("Say which mailboxes are to be opened: --mailbox NAME, or --of EMAIL."))
    key_id, private = _read(db, user, code, why)
    with db.tenant(user.tenant_id) as tx:
        names = _chosen(tx, user.tenant_id, mailbox_names, email)
        found = vault.epochs_of_key(tx, user.tenant_id, key_id, names)
        ring = Keyring({key_id: private}, found)
        handed = enrolment.hand_on(tx, user.tenant_id, ring, found)
        user_keys.forget_ended(tx, key_id)
        opened = [name for mailbox_id, name in names.items() if mailbox_id in ring.mailboxes]
        record_use(
            tx,
            user,
            key_id,
            "done" if opened else "failed",
            why,
            mailboxes=sorted(names),
            opened=ring.mailboxes,
            granted=handed.granted,
            linked=handed.linked,
        )
        gained = gains.of(tx, user.tenant_id, handed.granted, handed.linked, own=ring.own)
    gains.tell(told, gained)
    return Used(opened, sorted(set(names.values()) - set(opened)), handed)


def opens(db: Database, user: User, code: str, *, why: str, mailbox_name: str) -> Keyring:
    """What it opens of a mailbox, for who lets somebody in with it (admission): audited, and raises, as `use`."""
    check_reason(user, why)
    key_id, private = _read(db, user, code, why)
    with db.tenant(user.tenant_id) as tx:
        mailbox_id = mailboxes.by_name(tx, user.tenant_id, mailbox_name)
        ring = Keyring({key_id: private}, vault.epochs_of_key(tx, user.tenant_id, key_id, [mailbox_id]))
        result = "done" if ring.mailboxes else "failed"
        record_use(tx, user, key_id, result, why, mailboxes=[mailbox_id], opened=ring.mailboxes)
    return ring


def check_reason(user: User, why: str) -> None:
    """Raises Forbidden for who is no administrator, and NoReason."""
    _refuse_others(user)
    if not why.strip() or len(why) > LONGEST_REASON:
        raise NoReason(
            _("Say why, in at most {longest_reason} characters: it stands in the audit.").format(
                longest_reason=LONGEST_REASON
            )
        )


def _read(db: Database, user: User, code: str, why: str) -> tuple[int, PrivateKey]:
    """The key on paper, and its id; a wrong one is a row of the audit."""
    private = printed_keys.recovery_key(code)
    return known(db, user, private.public, why, actor=f"user:{user.id}"), private


def known(db: Database, user: User, public: PublicKey, why: str, *, actor: Who) -> int:
    """The id of the recovery key that has this public key; a wrong one is a row of the audit. Raises NotFound and
    WrongSecret."""
    with db.tenant(user.tenant_id) as tx:
        current, key_id = _current(tx, user.tenant_id), _usable(tx, user.tenant_id, public)
        if current is None and key_id is None:
            raise NotFound(_("Your organisation has no recovery key: `faxplan vault recovery-key make`."))
        if current is not None and key_id is None:
            record_use(tx, user, current["id"], "refused", why, actor=actor)
    if key_id is None:
        raise WrongSecret(_("That is not your organisation's recovery key of now. See whether it was made anew."))
    return key_id


def record_use(
    tx: Transaction, user: User, key_id: int, result: str, why: str, *, actor: Who | None = None, **details: Any
) -> None:
    """An emergency access, in the audit. actor: None: the user, at a shell."""
    audit.record(
        tx,
        user.tenant_id,
        actor=actor or f"user:{user.id}",
        action="key.emergency",
        object=f"key:{key_id}",
        result=result,
        why=why.strip(),
        **details,
    )


def turn_off(db: Database, user: User) -> TurnedOff:
    """The recovery key opens nothing any more that comes from now on (role portal).

    What it has opened, or what somebody has copied of the database, it still opens with the paper. Raises Forbidden,
    NotFound, LastReader and EpochMoved; then it is as it was.
    """
    key_id, wanted = to_turn_off(db, user)
    return end(db, user, key_id, [epochs.make(each) for each in wanted])


def to_turn_off(db: Database, user: User) -> tuple[int, list[Ahead]]:
    """The key's id, and what a client has to make for it to be off. Raises Forbidden and NotFound."""
    _refuse_others(user)
    with db.tenant(user.tenant_id) as tx:
        key_id = _to_end(tx, user.tenant_id)
        wanted = [
            epochs.ahead(tx, user.tenant_id, each, without=[key_id]) for each in _mailboxes_with_key(tx, user.tenant_id)
        ]
    return key_id, [each for each in wanted if each is not None]


def end(db: Database, user: User, key_id: int, begun: Sequence[Begun], *, actor: Who | None = None) -> TurnedOff:
    """As turn_off, with what a client has made. actor: None: the user, at a shell."""
    _refuse_others(user)
    made = {each.mailbox_id for each in begun}
    with db.tenant(user.tenant_id) as tx:
        epochs.take_turn(tx, user.tenant_id)
        if _to_end(tx, user.tenant_id) != key_id or _mailboxes_with_key(tx, user.tenant_id).keys() != made:
            raise vault.EpochMoved(_("Somebody else has just changed who reads a mailbox. Try again."))
        user_keys.end(tx, user.tenant_id, key_id)
        for each in begun:
            epochs.begin(tx, user.tenant_id, each)
        alone = tx.rows(
            """select distinct b.name from mailbox_keys h
               join mailboxes b on b.tenant_id = h.tenant_id and b.id = h.mailbox_id
               where h.tenant_id = %s and h.user_key_id = %s order by b.name""",
            (user.tenant_id, key_id),
        )
        audit.record(
            tx,
            user.tenant_id,
            actor=actor or f"user:{user.id}",
            action="key.recovery-off",
            object=f"key:{key_id}",
            epochs_begun=epochs.named(begun),
        )
    return TurnedOff(len(begun), [row["name"] for row in alone])


def _refuse_others(user: User) -> None:
    if user.role != "administrator":
        raise Forbidden(_("Only an administrator of your organisation has to do with its recovery key."))


def _current(tx: Transaction, tenant_id: int) -> Row | None:
    return tx.row(
        """select id, public_key, created_at from user_keys
           where tenant_id = %s and kind = 'recovery' and replaced_at is null""",
        (tenant_id,),
    )


def _usable(tx: Transaction, tenant_id: int, public: PublicKey) -> int | None:
    """The recovery key, by its id: the current one, or one before it that alone opens something still."""
    found: int | None = tx.value(
        """select k.id from user_keys k where k.tenant_id = %s and k.kind = 'recovery' and k.public_key = %s
           and (k.replaced_at is null or exists (
               select from mailbox_keys h where h.tenant_id = k.tenant_id and h.user_key_id = k.id))""",
        (tenant_id, public.raw),
    )
    return found


def _to_end(tx: Transaction, tenant_id: int) -> int:
    current = _current(tx, tenant_id)
    if current is None:
        raise NotFound(_("Your organisation has no recovery key."))
    return int(current["id"])


def _mailboxes_with_key(tx: Transaction, tenant_id: int) -> dict[int, str]:
    """Their names, by their ids."""
    rows = tx.rows(
        """select b.id, b.name from mailboxes b where b.tenant_id = %s and exists (
               select from mailbox_epochs e where e.tenant_id = b.tenant_id and e.mailbox_id = b.id) order by b.name""",
        (tenant_id,),
    )
    return {row["id"]: row["name"] for row in rows}


def _chosen(tx: Transaction, tenant_id: int, names: Collection[str], email: str | None) -> Mapping[int, str]:
    found = {mailboxes.by_name(tx, tenant_id, name): name for name in names}
    if email is not None:
        whose = users.by_email(tx, tenant_id, email)
        rows = tx.rows(
            """select b.id, b.name from mailbox_members m
               join mailboxes b on b.tenant_id = m.tenant_id and b.id = m.mailbox_id
               where m.tenant_id = %s and m.user_id = %s""",
            (tenant_id, whose.id),
        )
        found |= {row["id"]: row["name"] for row in rows}
    return found
