"""The reader's side of the vault: what a person's secrets make, and what they open. Knows no database.

A user has a key pair. Its private key lies in the database, locked by the password and by the recovery code. A mailbox
has a key pair for each *epoch*; its private key lies there wrapped to each member, and to the next epoch's public key,
so that whoever opens the newest opens the whole history. docs/sealed-files/ has the formats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from faxplan import passphrases, wraps
from faxplan.passphrases import Cost
from faxplan.sealed import SealBroken
from faxplan.wraps import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class PasswordLock:
    """A private key, locked by a password. auth_hash: what a server keeps to check a log-in by; locked: 60 bytes."""

    salt: bytes
    cost: Cost
    auth_hash: bytes
    locked: bytes


@dataclass(frozen=True, slots=True)
class RecoveryLock:
    """A private key, locked by a recovery code. auth_hash: what a server keeps to check by who has forgotten the
    password; None: the code is from before there was one, and opens the key only. locked: 60 bytes."""

    locked: bytes
    auth_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class PasskeyLock:
    """A private key, locked by a passkey. credential_id: WebAuthn's. salt: 32 bytes that its prf is asked for. locked:
    60 bytes.
    """

    credential_id: bytes
    salt: bytes
    locked: bytes


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a user's client hands over: nothing of it opens anything."""

    public: PublicKey
    password: PasswordLock
    recovery: RecoveryLock


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """A mailbox's new key pair, as it is handed over. wraps: the private key, for each user key by its id; earlier: the
    private key of the epoch before, wrapped to this one; None: there was none, or it is not at hand."""

    public: PublicKey
    wraps: Mapping[int, bytes]
    earlier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a mailbox's member is given of an epoch. wraps: its private key, by the ids of the member's own user keys;
    earlier: as in NewEpoch. from_outside: nothing of before is wrapped to it (epochs)."""

    mailbox_id: int
    number: int
    public: PublicKey
    wraps: Mapping[int, bytes]
    earlier: bytes | None
    from_outside: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Mailbox and number."""
        return self.mailbox_id, self.number


def to_link(known: Iterable[Epoch]) -> list[tuple[int, int]]:
    """The places of those that are to open the one before, and do not yet: of each mailbox the newest at most.

    Of an older one somebody may have the key who reads the mailbox no more, and of whom nobody would be told (gains).
    known: all epochs of their mailboxes.
    """
    newest = {each.mailbox_id: each for each in sorted(known, key=lambda each: each.place)}
    return [
        each.place for each in newest.values() if each.number > 1 and each.earlier is None and not each.from_outside
    ]


def new_user_key(password: str, words: Sequence[str] = ()) -> tuple[Enrolment, PrivateKey, str]:
    """What to hand over, the private key, and the recovery code, which is shown once. words: of the user, which make no
    password (passphrases.check_new). Raises InvalidSecret."""
    passphrases.check_new(password, words)
    private, code = wraps.new_key_pair(), passphrases.new_recovery_code()
    return (
        Enrolment(private.public, password_lock(private, password, words), recovery_lock(private, code)),
        private,
        code,
    )


def recovery_lock(private: PrivateKey, code: str) -> RecoveryLock:
    """A lock of a key. Raises InvalidSecret for what is no recovery code."""
    locked = passphrases.lock(private, passphrases.recovery_wrap(code))
    return RecoveryLock(locked, passphrases.stored(passphrases.recovery_auth(code)))


def password_lock(private: PrivateKey, password: str, words: Sequence[str] = ()) -> PasswordLock:
    """A new lock of a key, with a salt of its own. words: as above. Raises InvalidSecret."""
    passphrases.check_new(password, words)
    salt = passphrases.new_salt()
    derived = passphrases.derive(password, salt)
    locked = passphrases.lock(private, derived.wrap)
    return PasswordLock(salt, passphrases.FLOOR, passphrases.stored(derived.auth), locked)


def passkey_lock(private: PrivateKey, credential_id: bytes, salt: bytes, output: bytes) -> PasskeyLock:
    """A lock of a key. output: what the passkey's prf gave for the salt. Raises InvalidSecret."""
    return PasskeyLock(credential_id, salt, passphrases.lock(private, passphrases.passkey_wrap(output)))


def new_epoch(members: Mapping[int, PublicKey], earlier: PrivateKey | None = None) -> tuple[NewEpoch, PrivateKey]:
    """A key pair for a mailbox with these members, by the ids of their user keys. earlier: of the epoch before."""
    private = wraps.new_key_pair()
    link = None if earlier is None else private.public.wrap_private(earlier)
    wrapped = {key_id: public.wrap_private(private) for key_id, public in members.items()}
    return NewEpoch(private.public, wrapped, link), private


class Keyring:
    """What a user can open: the own private keys, by their ids, and with them those of the mailboxes' epochs.

    damaged: (mailbox, epoch) whose wraps should open and do not; what only they would open stays closed.
    """

    def __init__(self, own: Mapping[int, PrivateKey], epochs: Iterable[Epoch]) -> None:
        self._own = dict(own)
        self._opened: dict[tuple[int, int], PrivateKey] = {}
        self.damaged: list[tuple[int, int]] = []
        self._epochs = {(each.mailbox_id, each.number): each for each in epochs}
        # From the newest down: each brings the one before it.
        for place in sorted(self._epochs, reverse=True):
            try:
                self._open(*place)
            except SealBroken:
                self.damaged.append(place)

    def __repr__(self) -> str:
        """Without a key: what is printed is kept."""
        return f"Keyring(of {len(self._opened)} epochs)"

    @property
    def own(self) -> list[int]:
        """The ids of the keys that were unlocked for it."""
        return sorted(self._own)

    @property
    def mailboxes(self) -> list[int]:
        """Those of which it opens an epoch."""
        return sorted({mailbox_id for mailbox_id, _ in self._opened})

    def key_of(self, mailbox_id: int, epoch: int) -> PrivateKey | None:
        """A mailbox's private key; None: this user cannot open it (yet)."""
        return self._opened.get((mailbox_id, epoch))

    def wrapped(self, mailbox_id: int, epoch: int, member: PublicKey) -> bytes | None:
        """That private key, for another member; None as above."""
        key = self.key_of(mailbox_id, epoch)
        return None if key is None else member.wrap_private(key)

    def link(self, mailbox_id: int, epoch: int) -> bytes | None:
        """The private key of the epoch before this one, for whoever opens this one; None where it is not to be had."""
        following = self._epochs.get((mailbox_id, epoch))
        return None if following is None else self.wrapped(mailbox_id, epoch - 1, following.public)

    def _open(self, mailbox_id: int, number: int) -> None:
        place, epoch = (mailbox_id, number), self._epochs[mailbox_id, number]
        broken: SealBroken | None = None
        for key_id in epoch.wraps.keys() & self._own.keys():
            if place not in self._opened:
                try:
                    self._opened[place] = self._own[key_id].unwrap_private(epoch.wraps[key_id], epoch.public)
                except SealBroken as error:
                    # Another key of the same user may have a wrap that is whole.
                    broken = error
        if place not in self._opened and broken is not None:
            raise broken
        before = self._epochs.get((mailbox_id, number - 1))
        if place in self._opened and epoch.earlier is not None and before is not None:
            self._opened[mailbox_id, number - 1] = self._opened[place].unwrap_private(epoch.earlier, before.public)
