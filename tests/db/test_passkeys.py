"""Passkeys as locks of a user's key: any number, each found again and removed by its name."""

import pytest

from faxplan import enrolment, keyring, passkeys, passphrases, user_keys
from faxplan.constraints import ConstraintViolated
from faxplan.enrolment import NotEnrolled, Secret
from faxplan.errors import NotFound
from faxplan.keyring import PasskeyLock
from faxplan.wraps import PrivateKey
from tests.db.test_enrolment import OTHER, actions
from tests.past_the_gate import connected
from tests.world import PHRASE, World, office

OUTPUT = {"laptop": bytes(range(32)), "telephone": bytes(range(32, 64))}


def key_of(world: World) -> PrivateKey:
    return world.keyrings[world.acme.tenant.id]


def lock_for(world: World, name: str) -> PasskeyLock:
    return keyring.passkey_lock(key_of(world), name.encode(), passphrases.new_salt() * 2, OUTPUT[name])


def kept(world: World) -> list[PasskeyLock]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        key = user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id)[0]
        return passkeys.locks(tx, world.acme.tenant.id, key.id)


def test_each_opens_the_key_by_itself_and_removed_no_more(world: World) -> None:
    made = [lock_for(world, name) for name in OUTPUT]
    for name, lock in zip(OUTPUT, made, strict=True):
        passkeys.add(world.portal, world.acme.user, name, lock)
    assert kept(world) == made
    for lock, output in zip(kept(world), OUTPUT.values(), strict=True):
        wrap = passphrases.passkey_wrap(output)
        assert passphrases.unlock(lock.locked, wrap, key_of(world).public.raw) == key_of(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert [each["name"] for each in passkeys.everyone(tx, world.acme.user)] == ["laptop", "telephone"]
    passkeys.remove(world.portal, world.acme.user, "laptop")
    assert kept(world) == made[1:]
    with pytest.raises(NotFound, match="passkey list"):
        passkeys.remove(world.portal, world.acme.user, "laptop")
    # Password and recovery code are as they were.
    assert enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE)).mailboxes
    assert [each["action"] for each in actions(world)] == ["key.passkey-add"] * 2 + ["key.passkey-remove"]


def test_a_passkey_is_there_once_and_its_name_too(world: World) -> None:
    lock = lock_for(world, "laptop")
    passkeys.add(world.portal, world.acme.user, "laptop", lock)
    with pytest.raises(ConstraintViolated, match="opens your key already"):
        passkeys.add(world.portal, world.acme.user, "another", lock)
    with pytest.raises(ConstraintViolated, match="of this name"):
        passkeys.add(world.portal, world.acme.user, "laptop", lock_for(world, "telephone"))
    with pytest.raises(ConstraintViolated, match="one line"):
        passkeys.add(world.portal, world.acme.user, "two\nlines", lock_for(world, "telephone"))
    assert kept(world) == [lock]


@pytest.mark.parametrize(
    "broken",
    [PasskeyLock(b"", bytes(32), bytes(60)), PasskeyLock(b"i" * 1024, bytes(32), bytes(60)),
     PasskeyLock(b"i", bytes(31), bytes(60)), PasskeyLock(b"i", bytes(32), bytes(59))],
    ids=["no id", "a long id", "a short salt", "a lock cut off"],
)  # fmt: skip
def test_what_cannot_be_one_is_refused(world: World, broken: PasskeyLock) -> None:
    with pytest.raises(ConstraintViolated):
        passkeys.add(world.portal, world.acme.user, "laptop", broken)
    assert kept(world) == []


@pytest.mark.parametrize(
    "columns",
    [
        "kind = 'passkey'",
        "salt = null",
        "credential_id = null",
        "name = null",
        "memory_kib = 65536",
        "auth_hash = salt",
    ],
)
def test_a_row_is_one_kind_of_lock_whole(world: World, columns: str) -> None:
    passkeys.add(world.portal, world.acme.user, "laptop", lock_for(world, "laptop"))
    which = "recovery" if columns.startswith("kind") else "passkey"
    with connected(world.installation, "postgres") as cursor, pytest.raises(Exception, match="key_locks_passkey"):
        cursor.execute(f"update key_locks set {columns} where kind = '{which}'")


def test_a_replaced_keys_passkeys_do_not_open_the_new_one(world: World) -> None:
    passkeys.add(world.portal, world.acme.user, "laptop", lock_for(world, "laptop"))
    enrolment.enrol(world.portal, world.acme.user, OTHER, anew=True)
    assert kept(world) == []
    with pytest.raises(NotFound):
        passkeys.remove(world.portal, world.acme.user, "laptop")


def test_who_has_no_key_has_nothing_to_lock(world: World) -> None:
    nova = office(world.admin, "nova", "+493023125003")
    with pytest.raises(NotEnrolled):
        passkeys.add(world.portal, nova.user, "laptop", lock_for(world, "laptop"))
