"""Users get keys, unlock them, change their passwords, lose them, and find back what they opened."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from faxplan import enrolment, epochs, mailboxes, membership, passphrases, users, vault
from faxplan.db import Transaction
from faxplan.enrolment import AlreadyEnrolled, NotEnrolled, Secret
from faxplan.keyring import Keyring
from faxplan.passphrases import InvalidSecret, WrongSecret
from faxplan.users import User
from tests.installations import Installation
from tests.retained import execute
from tests.world import PHRASE, World, world_on

OTHER = "staple, battery & horse"


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys yet."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


def colleague(world: World, name: str = "two") -> User:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return users.create(tx, world.acme.tenant.id, email=f"{name}@acme.example", name=name)


def group(world: World, *members: User) -> int:
    """Whose first key counts as one that a reader has made."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        mailbox_id = mailboxes.create_group(tx, world.acme.tenant.id, "office")
        for user in members:
            membership.join(tx, world.acme.tenant.id, mailbox_id, user)
    execute(world, "update mailbox_epochs set from_outside = false where mailbox_id = %s", (mailbox_id,))
    return mailbox_id


def leave(tx: Transaction, mailbox_id: int, user: User) -> bool:
    wanted = membership.departure(tx, user.tenant_id, mailbox_id, user)
    return membership.leave(tx, user.tenant_id, mailbox_id, user, None if wanted is None else epochs.make(wanted))


def newest(world: World, mailbox_id: int) -> vault.MailboxKey | None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return vault.key_of_mailbox(tx, world.acme.tenant.id, mailbox_id)


def reads_all(world: World, ring: Keyring, mailbox_id: int) -> list[bool]:
    """Of each epoch of a mailbox, from the first."""
    key = newest(world, mailbox_id)
    assert key is not None
    return [ring.key_of(mailbox_id, number) is not None for number in range(1, key.epoch + 1)]


def actions(world: World) -> list[Mapping[str, object]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows(
            "select actor, action, object, result, details from audit where action like 'key.%%' order by sequence"
        )


def test_who_enrols_can_open_the_own_mailbox(world: World) -> None:
    me = world.acme.user
    assert me.mailbox_id is not None
    assert newest(world, me.mailbox_id) is None
    made = enrolment.enrol(world.portal, me, PHRASE)
    for secret in (Secret(PHRASE), Secret(made.recovery_code, is_code=True)):
        ring = enrolment.unlock(world.portal, me, secret)
        assert ring.mailboxes == [me.mailbox_id]
        key, mine = newest(world, me.mailbox_id), ring.key_of(me.mailbox_id, 1)
        assert key is not None
        assert mine is not None
        assert (key.epoch, key.public) == (1, mine.public)
    assert made.locked_out == 0
    (told,) = actions(world)
    assert told["action"] == "key.enrol"


def test_nothing_opens_with_a_wrong_secret(world: World) -> None:
    me = world.acme.user
    with pytest.raises(NotEnrolled, match="faxplan enrol"):
        enrolment.unlock(world.portal, me, Secret(PHRASE))
    enrolment.enrol(world.portal, me, PHRASE)
    with pytest.raises(WrongSecret):
        enrolment.unlock(world.portal, me, Secret(PHRASE + "!"))
    with pytest.raises(InvalidSecret, match="eight groups"):
        enrolment.unlock(world.portal, me, Secret("ABCD-EFGH", is_code=True))


@pytest.mark.parametrize("act", ["unlock", "recover", "password"])
@pytest.mark.parametrize("secret", [Secret(OTHER), Secret(passphrases.new_recovery_code(), is_code=True)])
def test_a_wrong_secret_stands_in_the_audit(world: World, act: str, secret: Secret) -> None:
    me = world.acme.user
    enrolment.enrol(world.portal, me, PHRASE)
    before = len(actions(world))
    tries = {
        "unlock": lambda: enrolment.unlock(world.portal, me, secret),
        "recover": lambda: enrolment.recover(world.portal, me, secret, Secret(PHRASE)),
        "password": lambda: enrolment.change_password(world.portal, me, secret, "another good one"),
    }
    with pytest.raises(WrongSecret):
        tries[act]()
    (row,) = actions(world)[before:]
    assert (row["action"], row["object"], row["result"]) == ("key.unlock", f"user:{me.id}", "refused")
    assert (row["actor"], row["details"]) == (f"user:{me.id}", {"act": act})


def test_a_key_is_not_replaced_by_mistake(world: World) -> None:
    enrolment.enrol(world.portal, world.acme.user, PHRASE)
    with pytest.raises(AlreadyEnrolled, match="faxplan password"):
        enrolment.enrol(world.portal, world.acme.user, OTHER)
    assert enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE)).mailboxes


def test_a_weak_password_changes_nothing(world: World) -> None:
    with pytest.raises(InvalidSecret):
        enrolment.enrol(world.portal, world.acme.user, "secret")
    with pytest.raises(NotEnrolled):
        enrolment.unlock(world.portal, world.acme.user, Secret("secret"))


def test_the_own_address_makes_no_password(world: World) -> None:
    with pytest.raises(InvalidSecret, match="name or address"):
        enrolment.enrol(world.portal, world.acme.user, world.acme.user.email)
    enrolment.enrol(world.portal, world.acme.user, PHRASE)
    with pytest.raises(InvalidSecret):
        enrolment.change_password(world.portal, world.acme.user, Secret(PHRASE), world.acme.user.email.upper())


def test_nor_does_the_tenants_name(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set name = 'Sanatorium Harrow' where id = %s", (world.acme.tenant.id,))
    for guessed in ("Sanatorium2026!", "harrow-harrow-12"):
        with pytest.raises(InvalidSecret, match="name or address"):
            enrolment.enrol(world.portal, world.acme.user, guessed)
    enrolment.enrol(world.portal, world.acme.user, PHRASE)
    with pytest.raises(InvalidSecret, match="name or address"):
        enrolment.change_password(world.portal, world.acme.user, Secret(PHRASE), "Sanatorium2026!")


def test_a_changed_password_opens_and_the_old_one_does_not(world: World) -> None:
    me = world.acme.user
    made = enrolment.enrol(world.portal, me, PHRASE)
    enrolment.change_password(world.portal, me, Secret(PHRASE), OTHER)
    assert enrolment.unlock(world.portal, me, Secret(OTHER)).mailboxes
    with pytest.raises(WrongSecret):
        enrolment.unlock(world.portal, me, Secret(PHRASE))
    enrolment.change_password(world.portal, me, Secret(made.recovery_code, is_code=True), PHRASE)
    assert enrolment.unlock(world.portal, me, Secret(PHRASE)).mailboxes
    acts = ["key.enrol", "key.password", "key.unlock", "key.password"]
    assert [each["action"] for each in actions(world)] == acts


def test_a_wrong_password_changes_none(world: World) -> None:
    me = world.acme.user
    enrolment.enrol(world.portal, me, PHRASE)
    with pytest.raises(WrongSecret):
        enrolment.change_password(world.portal, me, Secret(OTHER), OTHER)
    assert enrolment.unlock(world.portal, me, Secret(PHRASE)).mailboxes


class TestAGroup:
    def test_who_joins_first_begins_its_key(self, world: World) -> None:
        enrolment.enrol(world.portal, world.acme.user, PHRASE)
        office = group(world, world.acme.user)
        assert reads_all(world, enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE)), office) == [True]

    def test_who_joins_later_gets_the_key_when_a_member_unlocks(self, world: World) -> None:
        me, she = world.acme.user, colleague(world)
        office = group(world, me, she)
        enrolment.enrol(world.portal, me, PHRASE)
        enrolment.enrol(world.portal, she, OTHER)
        assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [False]
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True]
        assert actions(world)[-1]["action"] == "key.grant"

    def test_who_has_left_cannot_open_what_comes_later(self, world: World) -> None:
        me, she = world.acme.user, colleague(world)
        office = group(world, me, she)
        enrolment.enrol(world.portal, me, PHRASE)
        enrolment.enrol(world.portal, she, OTHER)
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        before = enrolment.unlock(world.portal, she, Secret(OTHER))
        with world.admin.tenant(world.acme.tenant.id) as tx:
            assert leave(tx, office, she)
        # With everything that she kept, and everything that the server gives her now.
        assert enrolment.unlock(world.portal, she, Secret(OTHER)).mailboxes == [she.mailbox_id]
        assert reads_all(world, before, office) == [True, False]
        # Who stayed reads on, also what came before, once the epochs are tied together.
        assert reads_all(world, enrolment.unlock(world.portal, me, Secret(PHRASE)), office) == [True, True, True]

    def test_a_new_member_reads_what_came_before_too(self, world: World) -> None:
        me, she = world.acme.user, colleague(world)
        office = group(world, me, she)
        enrolment.enrol(world.portal, me, PHRASE)
        enrolment.enrol(world.portal, she, OTHER)
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        with world.admin.tenant(world.acme.tenant.id) as tx:
            leave(tx, office, she)
            membership.join(tx, world.acme.tenant.id, office, she)
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True, True, True]


class TestALostPassword:
    def test_locks_what_came_before_and_nothing_that_comes(self, world: World) -> None:
        me = world.acme.user
        assert me.mailbox_id is not None
        enrolment.enrol(world.portal, me, PHRASE)
        made = enrolment.enrol(world.portal, me, OTHER, anew=True)
        assert made.locked_out == 1
        # The key that begins with it is from outside: unlocked, they make another one.
        assert reads_all(world, enrolment.unlock(world.portal, me, Secret(OTHER)), me.mailbox_id) == [False, True, True]
        with pytest.raises(WrongSecret):
            enrolment.unlock(world.portal, me, Secret(PHRASE))
        assert [each["action"] for each in actions(world)] == ["key.enrol", "key.replace", "key.grant", "key.unlock"]

    @pytest.mark.parametrize("is_code", [False, True])
    def test_found_again_brings_all_back(self, world: World, *, is_code: bool) -> None:
        me = world.acme.user
        assert me.mailbox_id is not None
        first = enrolment.enrol(world.portal, me, PHRASE)
        enrolment.enrol(world.portal, me, OTHER, anew=True)
        older = Secret(first.recovery_code, is_code=True) if is_code else Secret(PHRASE)
        assert reads_all(world, enrolment.recover(world.portal, me, Secret(OTHER), older), me.mailbox_id) == [True] * 3
        # For good: the new key alone opens it from now on.
        assert reads_all(world, enrolment.unlock(world.portal, me, Secret(OTHER)), me.mailbox_id) == [True] * 3

    def test_of_one_who_shares_a_mailbox_locks_nothing_there(self, world: World) -> None:
        me, she = world.acme.user, colleague(world)
        office = group(world, me, she)
        enrolment.enrol(world.portal, me, PHRASE)
        enrolment.enrol(world.portal, she, PHRASE)
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        assert enrolment.enrol(world.portal, she, OTHER, anew=True).locked_out == 1  # her own
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True, True, True]

    def test_the_key_before_opens_nothing_that_comes(self, world: World) -> None:
        """Somebody may have it: also of a mailbox that others read, whose key they have not lost."""
        me, she = world.acme.user, colleague(world)
        office = group(world, me, she)
        enrolment.enrol(world.portal, me, PHRASE)
        enrolment.enrol(world.portal, she, PHRASE)
        enrolment.unlock(world.portal, me, Secret(PHRASE))
        before = enrolment.unlock(world.portal, she, Secret(PHRASE))
        enrolment.enrol(world.portal, she, OTHER, anew=True)
        assert reads_all(world, before, office) == [True, False]
        # The new one does, at once; and what came before when a member has unlocked.
        assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [False, True, True]
        assert reads_all(world, enrolment.unlock(world.portal, me, Secret(PHRASE)), office) == [True, True, True]
        assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True, True, True]

    def test_what_opens_no_older_key_is_told_so(self, world: World) -> None:
        me = world.acme.user
        enrolment.enrol(world.portal, me, PHRASE)
        with pytest.raises(WrongSecret, match="one key only"):
            enrolment.recover(world.portal, me, Secret(PHRASE), Secret(OTHER))
        enrolment.enrol(world.portal, me, OTHER, anew=True)
        with pytest.raises(WrongSecret, match="none of the 1 keys"):
            enrolment.recover(world.portal, me, Secret(OTHER), Secret(OTHER + "?"))
