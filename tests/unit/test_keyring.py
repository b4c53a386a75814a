"""What a user's secrets make, and what they open."""

from dataclasses import replace

import pytest

from faxplan import keyring, passphrases, wraps
from faxplan.admission import By
from faxplan.enrolment import Enrolled, Secret
from faxplan.keyring import Epoch, Keyring, NewEpoch
from faxplan.passphrases import InvalidSecret, WrongSecret
from faxplan.wraps import PrivateKey

MAILBOX, ME, SHE = 7, 1, 2
PHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def mine() -> PrivateKey:
    return wraps.new_key_pair()


@pytest.fixture(scope="module")
def hers() -> PrivateKey:
    return wraps.new_key_pair()


def given(number: int, new: NewEpoch, *ids: int) -> Epoch:
    return Epoch(MAILBOX, number, new.public, {key: new.wraps[key] for key in ids}, new.earlier)


def history(members: dict[int, PrivateKey], epochs: int) -> tuple[list[NewEpoch], list[PrivateKey]]:
    """Epochs that are tied together, each wrapped to these members."""
    made: list[NewEpoch] = []
    keys: list[PrivateKey] = []
    for _ in range(epochs):
        publics = {key_id: key.public for key_id, key in members.items()}
        new, private = keyring.new_epoch(publics, keys[-1] if keys else None)
        made.append(new)
        keys.append(private)
    return made, keys


def test_a_new_key_opens_by_its_password_and_by_its_code() -> None:
    enrolment, private, code = keyring.new_user_key(PHRASE)
    lock = enrolment.password
    derived = passphrases.derive(PHRASE, lock.salt, lock.cost)
    assert passphrases.unlock(lock.locked, derived.wrap, enrolment.public.raw) == private
    recovery = enrolment.recovery
    assert passphrases.unlock(recovery.locked, passphrases.recovery_wrap(code), enrolment.public.raw) == private
    assert passphrases.is_right(passphrases.recovery_auth(code), recovery.auth_hash or b"")
    assert passphrases.is_right(derived.auth, lock.auth_hash)


def test_the_log_in_opens_no_key() -> None:
    """Whoever listens at log-in, or runs the server, has `auth` and all that is kept."""
    enrolment, _, _ = keyring.new_user_key(PHRASE)
    derived = passphrases.derive(PHRASE, enrolment.password.salt)
    for known in (derived.auth, enrolment.password.auth_hash):
        with pytest.raises(WrongSecret):
            passphrases.unlock(enrolment.password.locked, known, enrolment.public.raw)


def test_a_weak_password_makes_no_key() -> None:
    with pytest.raises(InvalidSecret, match="at least 12"):
        keyring.new_user_key("short")


def test_the_newest_epochs_key_opens_the_whole_history(mine: PrivateKey) -> None:
    made, keys = history({ME: mine}, 4)
    epochs = [given(number, new, *([ME] if number == 4 else [])) for number, new in enumerate(made, 1)]
    ring = Keyring({ME: mine}, epochs)
    assert [ring.key_of(MAILBOX, number) for number in range(1, 5)] == keys
    assert ring.mailboxes == [MAILBOX]
    assert ring.key_of(MAILBOX, 5) is None
    assert ring.key_of(8, 1) is None


def test_an_older_epochs_key_opens_nothing_newer(mine: PrivateKey, hers: PrivateKey) -> None:
    """She left after the second epoch."""
    made, keys = history({ME: mine, SHE: hers}, 2)
    third, _ = keyring.new_epoch({ME: mine.public}, keys[-1])
    epochs = [given(1, made[0], SHE), given(2, made[1], SHE), Epoch(MAILBOX, 3, third.public, {}, third.earlier)]
    ring = Keyring({SHE: hers}, epochs)
    assert (ring.key_of(MAILBOX, 1), ring.key_of(MAILBOX, 2), ring.key_of(MAILBOX, 3)) == (*keys, None)


def test_what_a_member_has_can_be_wrapped_to_another(mine: PrivateKey, hers: PrivateKey) -> None:
    (new,), (key,) = history({ME: mine}, 1)
    wrap = Keyring({ME: mine}, [given(1, new, ME)]).wrapped(MAILBOX, 1, hers.public)
    assert wrap is not None
    assert Keyring({SHE: hers}, [Epoch(MAILBOX, 1, new.public, {SHE: wrap}, None)]).key_of(MAILBOX, 1) == key
    assert Keyring({SHE: hers}, [given(1, new, ME)]).wrapped(MAILBOX, 1, mine.public) is None


def test_epochs_that_are_not_tied_together_can_be_by_whoever_has_the_older(mine: PrivateKey) -> None:
    made, keys = history({ME: mine}, 1)
    loose, newest = keyring.new_epoch({ME: mine.public})
    epochs = [given(1, made[0], ME), given(2, loose, ME)]
    link = Keyring({ME: mine}, epochs).link(MAILBOX, 2)
    tied = [given(1, made[0]), replace(epochs[1], earlier=link)]
    ring = Keyring({ME: mine}, tied)
    assert (ring.key_of(MAILBOX, 1), ring.key_of(MAILBOX, 2)) == (keys[0], newest)
    assert Keyring({ME: mine}, [given(1, made[0]), epochs[1]]).link(MAILBOX, 2) is None


def test_a_damaged_wrap_closes_no_other_mailbox(mine: PrivateKey) -> None:
    (new,), (key,) = history({ME: mine}, 1)
    broken = Epoch(3, 1, new.public, {ME: bytes(80)}, None)
    ring = Keyring({ME: mine}, [broken, given(1, new, ME)])
    assert ring.damaged == [(3, 1)]
    assert ring.key_of(MAILBOX, 1) == key


def test_a_damaged_wrap_to_one_of_a_users_keys_does_not_stand_before_a_whole_one(
    mine: PrivateKey, hers: PrivateKey
) -> None:
    (new,), (key,) = history({ME: mine, SHE: hers}, 1)
    for broken in (ME, SHE):
        ring = Keyring({ME: mine, SHE: hers}, [Epoch(MAILBOX, 1, new.public, {**new.wraps, broken: bytes(80)}, None)])
        assert ring.key_of(MAILBOX, 1) == key
        assert ring.damaged == []


def test_a_wrap_of_another_key_than_it_says_is_refused(mine: PrivateKey) -> None:
    """Somebody who may write the table puts a public key of their own beside a mailbox's wrap."""
    (new,), _ = history({ME: mine}, 1)
    ring = Keyring({ME: mine}, [Epoch(MAILBOX, 1, wraps.new_key_pair().public, new.wraps, None)])
    assert ring.key_of(MAILBOX, 1) is None
    assert ring.damaged == [(MAILBOX, 1)]


def test_nothing_secret_is_printed(mine: PrivateKey) -> None:
    made, keys = history({ME: mine}, 2)
    text = repr(Keyring({ME: mine}, [given(1, made[0], ME), given(2, made[1], ME)]))
    assert not any(key.raw.hex() in text for key in [mine, *keys])
    assert text == "Keyring(of 2 epochs)"


def test_no_secret_is_in_what_is_printed_of_its_holder() -> None:
    derived = passphrases.derive(PHRASE, bytes(16))
    printed = repr((Secret(PHRASE), By("a@b.example", Secret(PHRASE)), Enrolled(PHRASE, 0), derived))
    assert PHRASE not in printed
    assert not any(repr(key) in printed for key in (derived.auth, derived.wrap))
