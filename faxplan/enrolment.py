"""A user gets a key, unlocks it, changes its password, and finds back what an older key opens.

What a secret opens is opened here, in the process of whoever knows the secret (the command line; the portal's pages do
the same in the browser). The database is handed public keys, locks and wraps only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from faxplan import (
    audit,
    browsers,
    epochs,
    gains,
    invitations,
    keyring,
    passphrases,
    second_factor,
    sessions,
    tenants,
    user_keys,
    vault,
)
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.epochs import Ahead, Begun
from faxplan.errors import FaxplanError
from faxplan.gains import Told
from faxplan.keyring import Enrolment, Epoch, Keyring, NewEpoch, PasswordLock
from faxplan.language import _
from faxplan.passphrases import WrongSecret
from faxplan.user_keys import UserKey
from faxplan.users import User
from faxplan.vault import EpochMoved
from faxplan.wraps import PrivateKey, PublicKey


class NotEnrolled(FaxplanError):
    """The user has no key yet."""

    error_id = "not-enrolled"


class AlreadyEnrolled(FaxplanError):
    """The user has a key, which opens faxes that a new one would not."""

    error_id = "already-enrolled"


@dataclass(frozen=True, slots=True)
class Secret:
    """What a user knows: a password or a recovery code."""

    text: str = field(repr=False)
    is_code: bool = False

    def opens(self, key: UserKey) -> PrivateKey:
        """Raises WrongSecret, InvalidSecret for what cannot be a recovery code, and WeakParameters."""
        if self.is_code:
            return passphrases.unlock(key.recovery.locked, passphrases.recovery_wrap(self.text), key.public.raw)
        lock = key.password
        return passphrases.unlock(lock.locked, passphrases.derive(self.text, lock.salt, lock.cost).wrap, key.public.raw)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """recovery_code: to be shown once, and kept nowhere. locked_out: mailboxes whose earlier faxes the new key does not
    open (yet)."""

    recovery_code: str = field(repr=False)
    locked_out: int


NEW_KEY = 0
"""Stands for a key that is being handed over, and has no id yet."""


def enrol(db: Database, user: User, password: str, *, anew: bool = False) -> Enrolled:
    """Gives a user a key, and each of their mailboxes that nobody could open one.

    anew: where they have one, whose password and recovery code are lost. Each of their mailboxes gets a new one then;
    what came before stays locked until `recover`, or until another member unlocks. Second factors and passkeys go.
    Raises AlreadyEnrolled, InvalidSecret, ConstraintViolated and EpochMoved.
    """
    with db.tenant(user.tenant_id) as tx:
        _refuse_twice(tx, user, anew)
        known = words(tx, user)
    # Outside a transaction: it takes a tenth of a second for each lock.
    enrolment, _, code = keyring.new_user_key(password, known)
    with db.tenant(user.tenant_id) as tx:
        locked_out = accept(tx, user, enrolment, lambda due: _made(due, enrolment.public), anew=anew)
    return Enrolled(code, locked_out)


def _made(due: Iterable[Ahead], public: PublicKey) -> list[Begun]:
    """The client's part of the epochs that are due."""
    return [epochs.make(Ahead(each.mailbox_id, each.number, {**each.readers, NEW_KEY: public})) for each in due]


def epochs_due(tx: Transaction, user: User) -> list[Ahead]:
    """What has to begin with another key of this user: of mailboxes that nobody opens, and, where they have a key that
    may be in other hands, of all of theirs. readers: without the user, whose next key joins them."""
    due = vault.mailboxes_out_of_reach(tx, user.tenant_id, user.id)
    own = user_keys.ids(tx, user.tenant_id, user.id)
    if own:
        # The key before opens nothing that comes, also where others read.
        due |= vault.newest_epochs(tx, user.tenant_id, user.id)
    readers = {each: vault.readers(tx, user.tenant_id, each) for each in due}
    return [
        Ahead(each, epoch + 1, {key: public for key, public in readers[each].items() if key not in own})
        for each, epoch in sorted(due.items())
    ]


def accept(
    tx: Transaction,
    user: User,
    enrolment: Enrolment,
    begin: Callable[[list[Ahead]], Sequence[Begun]],
    *,
    anew: bool,
    actor: Who | None = None,
) -> int:
    """Takes a user's key from their client; of how many mailboxes it does not open what came before.

    begin: what begins with it, of what is due then (`epochs_due`), each to its readers and to NEW_KEY. Whoever is
    logged in as them is so no more, and their invitation is spent. Raises as `enrol`; EpochMoved where somebody has
    joined or left meanwhile, and the client asks again.
    """
    # Who joins or leaves at this moment would not see this key, nor we that they do.
    epochs.take_turn(tx, user.tenant_id)
    had = _refuse_twice(tx, user, anew)
    due = epochs_due(tx, user)
    begun = begin(due)
    wanted = {(each.mailbox_id, each.number): {*each.readers, NEW_KEY} for each in due}
    if {(each.mailbox_id, each.number): set(each.new.wraps) for each in begun} != wanted:
        raise EpochMoved(_("Somebody else has just changed who reads your mailboxes. Try again."))
    key_id = user_keys.add(tx, user.tenant_id, user.id, enrolment)
    closed = vault.mailboxes_out_of_reach(tx, user.tenant_id, user.id)
    for each in begun:
        named = {key or key_id: wrap for key, wrap in each.new.wraps.items()}
        new = NewEpoch(each.new.public, named)
        # Whoever comes by an invitation, or at a shell, is not yet who read what came before.
        vault.begin_epoch(tx, user.tenant_id, each.mailbox_id, each.number, new, from_outside=each.number > 1)
    if had:
        # What they open or check by is the key before's, or goes with its password.
        second_factor.turn_off(tx, user, actor=actor or f"user:{user.id}")
        user_keys.end_passkeys(tx, user.tenant_id, user.id)
        browsers.forget(tx, user)
    invitations.end(tx, user)
    sessions.end_all(tx, user)
    audit.record(
        tx,
        user.tenant_id,
        actor=actor or f"user:{user.id}",
        action="key.replace" if had else "key.enrol",
        object=f"user:{user.id}",
        key=key_id,
        public_key=enrolment.public.raw.hex(),
        epochs_begun=epochs.named(begun),
    )
    return sum(1 for epoch in closed.values() if epoch)


def _refuse_twice(tx: Transaction, user: User, anew: bool) -> bool:
    has = bool(user_keys.of_user(tx, user.tenant_id, user.id))
    if has and not anew:
        raise AlreadyEnrolled(
            _(
                "{email} has a key. Change its password with `faxplan password`; `--anew` gives another key, which "
                "does not open what came before."
            ).format(email=user.email)
        )
    return has


def words(tx: Transaction, user: User) -> list[str]:
    """What others know of a user, and what makes no password therefore."""
    tenant = tenants.get(tx, user.tenant_id)
    return [user.email, user.name, tenant.name, tenant.slug]


def unlock(db: Database, user: User, secret: Secret, *, told: Told | None = None) -> Keyring:
    """What a user can open with the current key; and does for other members what waits for that, and who gains by it
    is told.

    A wrong secret is a row of the audit. Raises NotEnrolled, WrongSecret, InvalidSecret and WeakParameters.
    """
    return _unlocked(db, user, "unlock", lambda keys: {keys[0].id: secret.opens(keys[0])}, told)


def recover(db: Database, user: User, secret: Secret, older: Secret, *, told: Told | None = None) -> Keyring:
    """Brings back what the keys opened that a user had before. older: of one of those keys.

    From then on the current key opens it. Raises as `unlock`, and WrongSecret where `older` opens none of them.
    """

    def opened(keys: list[UserKey]) -> dict[int, PrivateKey]:
        current, *before = keys
        found = {current.id: secret.opens(current)}
        for key in before:
            try:
                found[key.id] = older.opens(key)
            except WrongSecret:
                continue
        if len(found) == 1:
            raise WrongSecret(
                _("It opens none of the {before} keys that {email} had before.").format(
                    before=len(before), email=user.email
                )
                if before
                else _("{email} has had one key only: there is nothing to bring back.").format(email=user.email)
            )
        return found

    return _unlocked(db, user, "recover", opened, told)


def _unlocked(
    db: Database, user: User, act: str, opened: Callable[[list[UserKey]], dict[int, PrivateKey]], told: Told | None
) -> Keyring:
    with db.tenant(user.tenant_id) as tx:
        keys = user_keys.of_user(tx, user.tenant_id, user.id)
    if not keys:
        raise NotEnrolled(_("{email} has no key yet. `faxplan enrol --as {email}` makes one.").format(email=user.email))
    with _refused_noted(db, user, act):
        private = opened(keys)
    with db.tenant(user.tenant_id) as tx:
        begun = epochs.renew(tx, user, keys[0].id, [epochs.make(each) for each in epochs.to_renew(tx, user)])
        found = vault.epochs_of_user(tx, user.tenant_id, user.id)
        ring = Keyring(private, found)
        handed = hand_on(tx, user.tenant_id, ring, found)
        if handed.anything or begun:
            audit.record(
                tx,
                user.tenant_id,
                actor=f"user:{user.id}",
                action="key.grant",
                object=f"user:{user.id}",
                granted=handed.granted,
                linked=handed.linked,
                epochs_begun=epochs.named(begun),
            )
            ring = Keyring(private, vault.epochs_of_user(tx, user.tenant_id, user.id))
        news = gains.unannounced(tx, user.tenant_id, [(each.mailbox_id, each.number) for each in begun])
        gained = gains.of(tx, user.tenant_id, [*handed.granted, *news], handed.linked, own=ring.own)
    gains.tell(told, gained)
    return ring


@contextmanager
def _refused_noted(db: Database, user: User, act: str) -> Iterator[None]:
    """A secret that does not open the key is somebody's guess, or an honest mistake: the audit has it either way."""
    try:
        yield
    except WrongSecret:
        with db.tenant(user.tenant_id) as tx:
            audit.record(
                tx,
                user.tenant_id,
                actor=f"user:{user.id}",
                action="key.unlock",
                object=f"user:{user.id}",
                result="refused",
                act=act,
            )
        raise


@dataclass(frozen=True, slots=True)
class HandedOn:
    """granted: mailbox, epoch, and the id of the key that has its key now. linked: mailbox and epoch that opens the one
    before it now."""

    granted: list[tuple[int, int, int]]
    linked: list[tuple[int, int]]

    @property
    def anything(self) -> bool:
        return bool(self.granted or self.linked)


def hand_on(tx: Transaction, tenant_id: int, ring: Keyring, known: Iterable[Epoch]) -> HandedOn:
    """Hands the keys of mailboxes to readers who wait for them, and ties epochs together that are not.

    known: all epochs that those mailboxes have, as the ring was made of them.
    """
    # A reader who goes at this moment would keep a wrap that nobody takes away.
    epochs.take_turn(tx, tenant_id)
    linked, granted = [], []
    for place in keyring.to_link(known):
        earlier = ring.link(*place)
        if earlier is not None and vault.link(tx, tenant_id, *place, earlier):
            linked.append(place)
    for due in vault.grants_due(tx, tenant_id, ring.mailboxes):
        wrap = ring.wrapped(due.mailbox_id, due.epoch, due.public)
        if wrap is not None and vault.grant(tx, tenant_id, due.mailbox_id, due.epoch, due.user_key_id, wrap):
            granted.append((due.mailbox_id, due.epoch, due.user_key_id))
    return HandedOn(granted, linked)


def change_password(db: Database, user: User, secret: Secret, password: str) -> None:
    """Locks the current key by another password. With a recovery code the second factor is off from then on.

    Raises as `unlock`, after a row of the audit as there, and InvalidSecret for a weak one.
    """
    with db.tenant(user.tenant_id) as tx:
        known = words(tx, user)
        keys = user_keys.of_user(tx, user.tenant_id, user.id)
    passphrases.check_new(password, known)
    if not keys:
        raise NotEnrolled(_("{email} has no key yet. `faxplan enrol --as {email}` makes one.").format(email=user.email))
    with _refused_noted(db, user, "password"):
        private = secret.opens(keys[0])
    lock = keyring.password_lock(private, password, known)
    old, new = _auth(secret, keys[0].password), passphrases.derive(password, lock.salt, lock.cost).auth
    with db.tenant(user.tenant_id) as tx:
        user_keys.change_password(tx, user.tenant_id, keys[0].id, lock)
        if old is None:
            second_factor.turn_off(tx, user, actor=f"user:{user.id}")
        else:
            second_factor.seal_anew(tx, user, old, new)
        browsers.forget(tx, user)
        sessions.end_all(tx, user)
        audit.record(
            tx,
            user.tenant_id,
            actor=f"user:{user.id}",
            action="key.password",
            object=f"user:{user.id}",
            key=keys[0].id,
            by="recovery code" if secret.is_code else "password",
        )


def _auth(secret: Secret, lock: PasswordLock) -> bytes | None:
    """What the secret logs in with; None: it is a recovery code, which opens no second factor."""
    return None if secret.is_code else passphrases.derive(secret.text, lock.salt, lock.cost).auth
