"""A tenant's recovery key: made, complete once every mailbox was unlocked, used in an emergency, switched off."""

import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import enrolment, membership, recovery_key, users, vault
from faxplan.constraints import ConstraintViolated
from faxplan.db import Transaction
from faxplan.enrolment import Secret
from faxplan.errors import Forbidden, NotFound
from faxplan.passphrases import InvalidSecret, WrongSecret
from faxplan.recovery_key import NoReason, NothingChosen, Status, TurnedOff
from faxplan.users import User
from faxplan.vault import LastReader
from tests.db.test_enrolment import OTHER, colleague, group, leave, newest, reads_all
from tests.installations import Installation
from tests.world import PHRASE, World, enrol, world_on

WHY = "The clinic's only reader is ill."


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys yet."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


@pytest.fixture
def boss(world: World) -> User:
    """An administrator of the tenant, who reads nobody else's mailbox."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        user = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="Boss", role="administrator")
    enrolment.enrol(world.portal, user, PHRASE)
    return user


def make(world: World, user: User, phrase: str = PHRASE) -> str:
    return recovery_key.make(world.portal, user, Secret(phrase))


def status(world: World) -> Status:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        found = recovery_key.status(tx, world.acme.tenant.id)
    assert found is not None
    return found


def acts(world: World) -> list[Mapping[str, object]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows(
            """select actor, action, result, details from audit
               where action like 'key.recovery%%' or action = 'key.emergency' order by sequence"""
        )


def test_it_is_complete_when_every_mailbox_was_unlocked_once(world: World, boss: User) -> None:
    me, she = world.acme.user, colleague(world)
    enrol(world.portal, world.acme)
    enrolment.enrol(world.portal, she, OTHER)
    office = group(world, me)
    code = make(world, boss)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        kept = tx.value("select string_agg(t::text, '') from user_keys t where kind = 'recovery'")
    assert code not in kept
    assert (status(world).opened, status(world).mailboxes) == (1, 4)  # the maker's own at once
    enrolment.unlock(world.portal, me, Secret(PHRASE))
    assert (status(world).opened, status(world).unopened) == (3, [she.email])
    enrolment.unlock(world.portal, she, Secret(OTHER))
    assert (status(world).opened, status(world).unopened, status(world).older) == (4, [], [])
    # A mailbox that gets its key later, and a new epoch, are wrapped to it at once.
    third = colleague(world, "three")
    enrolment.enrol(world.portal, third, OTHER)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        membership.join(tx, world.acme.tenant.id, office, third)
        assert leave(tx, office, third)
    assert (status(world).opened, status(world).mailboxes) == (5, 5)


def test_only_an_administrator_has_to_do_with_it_and_there_is_one(world: World, boss: User) -> None:
    with pytest.raises(Forbidden):
        make(world, world.acme.user)
    with pytest.raises(NotFound):
        recovery_key.turn_off(world.portal, boss)
    code = make(world, boss)
    with pytest.raises(ConstraintViolated, match="Switch that one off first"):
        make(world, boss)
    for forbidden in (
        lambda: recovery_key.use(world.portal, world.acme.user, code, why=WHY, email=boss.email),
        lambda: recovery_key.turn_off(world.portal, world.acme.user),
    ):
        with pytest.raises(Forbidden):
            forbidden()
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert recovery_key.status(tx, world.borea.tenant.id) is None


def test_nobody_makes_it_in_an_administrators_name(world: World, boss: User) -> None:
    """Whoever may run commands as anybody, as root may, has not the administrator's secret."""
    with pytest.raises(WrongSecret):
        make(world, boss, OTHER)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert recovery_key.status(tx, world.acme.tenant.id) is None


def test_it_opens_a_mailbox_for_a_new_member_when_nobody_else_can(world: World, boss: User) -> None:
    me, she = world.acme.user, colleague(world)
    enrol(world.portal, world.acme)
    office = group(world, me, she)
    code = make(world, boss)
    enrolment.unlock(world.portal, me, Secret(PHRASE))
    # Now I am away; she is enrolled, and waits for somebody who hands her the key.
    enrolment.enrol(world.portal, she, OTHER)
    assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [False]
    used = recovery_key.use(world.portal, boss, code.lower(), why=WHY, mailbox_names=["office"])
    assert (used.opened, used.unopened, len(used.handed.granted)) == (["office"], [], 1)
    assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True]
    told = acts(world)[-1]
    assert (told["actor"], told["action"], told["result"]) == (f"user:{boss.id}", "key.emergency", "done")
    assert isinstance(told["details"], dict)
    assert (told["details"]["why"], told["details"]["mailboxes"]) == (WHY, [office])


def test_it_gives_the_history_back_to_who_has_lost_password_and_code(world: World, boss: User) -> None:
    me = world.acme.user
    assert me.mailbox_id is not None
    enrol(world.portal, world.acme)
    code = make(world, boss)
    enrolment.unlock(world.portal, me, Secret(PHRASE))
    assert enrolment.enrol(world.portal, me, OTHER, anew=True).locked_out == 1
    assert reads_all(world, enrolment.unlock(world.portal, me, Secret(OTHER)), me.mailbox_id) == [False, True, True]
    used = recovery_key.use(world.portal, boss, code, why=WHY, email=me.email)
    # To no key that began with theirs: that is theirs to open, and whose it is nobody knows.
    assert (used.handed.linked, len(used.handed.granted)) == ([], 1)
    assert reads_all(world, enrolment.unlock(world.portal, me, Secret(OTHER)), me.mailbox_id) == [True, True, True]


def test_what_was_lost_before_it_was_made_it_does_not_open_and_says_so(world: World, boss: User) -> None:
    me = world.acme.user
    assert me.mailbox_id is not None
    enrol(world.portal, world.acme)
    enrolment.enrol(world.portal, me, OTHER, anew=True)
    code = make(world, boss)
    used = recovery_key.use(world.portal, boss, code, why=WHY, email=me.email)
    assert (used.opened, used.unopened) == ([], [me.email])
    assert acts(world)[-1]["result"] == "failed"
    enrolment.unlock(world.portal, me, Secret(OTHER))
    assert (status(world).unopened, status(world).older) == ([], [me.email])
    # Its way back is the user's own.
    enrolment.recover(world.portal, me, Secret(OTHER), Secret(PHRASE))
    assert status(world).older == []


def test_a_wrong_one_opens_nothing_and_is_told_in_the_audit(world: World, boss: User) -> None:
    enrol(world.portal, world.acme)
    code = make(world, boss)
    recovery_key.turn_off(world.portal, boss)
    make(world, boss)
    with pytest.raises(WrongSecret, match="made anew"):
        recovery_key.use(world.portal, boss, code, why=WHY, email=world.acme.user.email)
    assert (acts(world)[-1]["action"], acts(world)[-1]["result"]) == ("key.emergency", "refused")
    before = len(acts(world))
    with pytest.raises(InvalidSecret):
        recovery_key.use(world.portal, boss, "ABCD", why=WHY, email=world.acme.user.email)
    with pytest.raises(NoReason):
        recovery_key.use(world.portal, boss, code, why=" ", email=world.acme.user.email)
    with pytest.raises(NothingChosen):
        recovery_key.use(world.portal, boss, code, why=WHY)
    assert len(acts(world)) == before


def test_switched_off_it_opens_nothing_that_comes(world: World, boss: User) -> None:
    me = world.acme.user
    enrol(world.portal, world.acme)
    office = group(world, me)
    make(world, boss)
    ring = enrolment.unlock(world.portal, me, Secret(PHRASE))
    assert reads_all(world, ring, office) == [True]
    assert recovery_key.turn_off(world.portal, boss) == TurnedOff(3, [])
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert recovery_key.status(tx, world.acme.tenant.id) is None
    assert wraps_to_recovery_keys(world) == 0
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 2
    # Its members read on, all of it.
    assert reads_all(world, enrolment.unlock(world.portal, me, Secret(PHRASE)), office) == [True] * 3
    assert [each["action"] for each in acts(world)] == ["key.recovery-make", "key.recovery-off"]


@pytest.mark.parametrize("again", ["null", "now() + interval '1 day'"])
def test_switched_off_no_role_switches_it_on_again(world: World, boss: User, again: str) -> None:
    enrol(world.portal, world.acme)
    make(world, boss)
    recovery_key.turn_off(world.portal, boss)
    with world.portal.tenant(world.acme.tenant.id) as tx, pytest.raises(InsufficientPrivilege, match="stays ended"):
        tx.execute(f"update user_keys set replaced_at = {again} where kind = 'recovery'")


def test_switched_off_while_a_member_unlocks_it_is_handed_nothing(
    world: World, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(world.portal, world.acme)
    make(world, boss)
    due, off = vault.grants_due, threading.Thread(target=lambda: recovery_key.turn_off(world.portal, boss))

    def and_meanwhile(tx: Transaction, tenant_id: int, mailbox_ids: Collection[int]) -> list[vault.Grant]:
        found = due(tx, tenant_id, mailbox_ids)
        off.start()
        # It waits for us, or has long done what it should not.
        off.join(2)
        return found

    monkeypatch.setattr(vault, "grants_due", and_meanwhile)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    off.join()
    assert wraps_to_recovery_keys(world) == 0


def test_switched_off_it_still_gives_back_what_it_alone_opens(world: World, boss: User) -> None:
    me = world.acme.user
    assert me.mailbox_id is not None
    enrol(world.portal, world.acme)
    code = make(world, boss)
    enrolment.unlock(world.portal, me, Secret(PHRASE))
    # The password is lost, and the code; then the paper is thought to be in other hands.
    enrolment.enrol(world.portal, me, OTHER, anew=True)
    assert recovery_key.turn_off(world.portal, boss) == TurnedOff(2, [me.email])
    assert wraps_to_recovery_keys(world) == 1
    make(world, boss)
    used = recovery_key.use(world.portal, boss, code, why=WHY, email=me.email)
    assert (used.opened, used.handed.linked, len(used.handed.granted)) == ([me.email], [], 2)
    assert reads_all(world, enrolment.unlock(world.portal, me, Secret(OTHER)), me.mailbox_id) == [True] * 4
    # And now nothing is left for it.
    assert wraps_to_recovery_keys(world) == wraps_to_recovery_keys(world, of_now=True)
    with pytest.raises(WrongSecret, match="made anew"):
        recovery_key.use(world.portal, boss, code, why=WHY, email=me.email)


def wraps_to_recovery_keys(world: World, *, of_now: bool = False) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(
            tx.value(
                """select count(*) from mailbox_keys h join user_keys k on k.id = h.user_key_id
                   where k.kind = 'recovery' and (k.replaced_at is null or not %s)""",
                (of_now,),
            )
        )


def test_it_is_not_switched_off_where_a_mailbox_would_be_left_to_nobody(world: World, boss: User) -> None:
    enrol(world.portal, world.acme)
    office = group(world, world.acme.user)
    make(world, boss)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        # Past membership, which refuses that.
        tx.execute("delete from mailbox_members where mailbox_id = %s", (office,))
    with pytest.raises(LastReader, match="mailbox office"):
        recovery_key.turn_off(world.portal, boss)
    assert status(world).mailboxes == 3


def test_the_recovery_key_alone_begins_no_mailbox(world: World, boss: User) -> None:
    make(world, boss)
    office = group(world, world.acme.user)
    assert newest(world, office) is None
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert len(vault.readers(tx, world.acme.tenant.id, office)) == 1
    enrol(world.portal, world.acme)
    assert (status(world).opened, status(world).mailboxes) == (3, 3)
