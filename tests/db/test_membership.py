"""Members of mailboxes come and go, with the keys that go with it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import (
    admission,
    enrolment,
    epochs,
    holds,
    keyring,
    membership,
    provisioning,
    reader_keys,
    recovery_key,
    user_keys,
    users,
    vault,
)
from faxplan.constraints import ConstraintViolated
from faxplan.db import Transaction
from faxplan.enrolment import Secret
from faxplan.epochs import Begun
from faxplan.holds import Held
from faxplan.users import User
from faxplan.vault import EpochMoved, LastReader
from faxplan.wraps import PrivateKey, PublicKey
from tests.db.test_enrolment import OTHER, colleague, group, newest, reads_all
from tests.installations import Installation
from tests.world import PHRASE, World, enrol, ready_made, world_on

P = 2**255 - 19
SMALL = 325606250916557431795983626356110631294008115727848805560023387167927233504


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys yet."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


def departure(world: World, mailbox_id: int, user: User) -> Begun | None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        wanted = membership.departure(tx, world.acme.tenant.id, mailbox_id, user)
    return None if wanted is None else epochs.make(wanted)


def leave(world: World, mailbox_id: int, user: User) -> bool:
    begun = departure(world, mailbox_id, user)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return membership.leave(tx, world.acme.tenant.id, mailbox_id, user, begun)


def world_key(world: World) -> PrivateKey:
    return ready_made(world.acme.tenant.id)[1]


def test_joining_and_leaving_twice_changes_nothing(world: World) -> None:
    enrol(world.portal, world.acme)
    office = group(world, world.acme.user)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert not membership.join(tx, world.acme.tenant.id, office, world.acme.user)
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 1
    she = colleague(world)
    assert not leave(world, office, she)
    assert newest(world, office) == key


def test_a_mailbox_of_people_without_keys_has_none(world: World) -> None:
    office = group(world, world.acme.user)
    assert newest(world, office) is None
    assert leave(world, office, world.acme.user)
    assert newest(world, office) is None


def test_the_last_who_can_open_a_mailbox_cannot_leave(world: World) -> None:
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    with pytest.raises(LastReader, match="faxplan unlock"):
        leave(world, office, world.acme.user)
    enrolment.enrol(world.portal, she, OTHER)
    # Enrolled is not enough: nobody has handed her the key.
    with pytest.raises(LastReader):
        leave(world, office, world.acme.user)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    assert leave(world, office, world.acme.user)
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 2
    ring = enrolment.unlock(world.portal, she, Secret(OTHER))
    assert ring.key_of(office, 1) is not None
    assert ring.key_of(office, 2) is not None


def test_who_had_no_key_leaves_without_a_new_epoch(world: World) -> None:
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    assert leave(world, office, she)
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 1


def test_who_is_enrolled_and_has_no_key_yet_leaves_with_a_new_epoch(world: World) -> None:
    """A member's client may be handing it over at this moment."""
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    assert leave(world, office, she)
    key = newest(world, office)
    assert key is not None
    assert key.epoch == 2


def test_an_epoch_is_for_exactly_those_who_stay(world: World) -> None:
    """What a remover's client made is refused where somebody else has come or gone meanwhile, and without one."""
    enrol(world.portal, world.acme)
    she, third = colleague(world), colleague(world, "three")
    office = group(world, world.acme.user, she, third)
    enrolment.enrol(world.portal, she, OTHER)
    before = departure(world, office, she)
    enrolment.enrol(world.portal, third, OTHER)
    for begun in (before, None):
        with pytest.raises(EpochMoved), world.admin.tenant(world.acme.tenant.id) as tx:
            membership.leave(tx, world.acme.tenant.id, office, she, begun)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert not membership.join(tx, world.acme.tenant.id, office, she)
    assert leave(world, office, she)


def test_the_remover_has_no_key_of_what_comes(world: World) -> None:
    """Whoever removes a member has made the epoch, and hands over nothing that opens it: only wraps to who stays."""
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    begun = departure(world, office, she)
    assert begun is not None
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (stays,) = (each.id for each in user_keys.of_user(tx, world.acme.tenant.id, world.acme.user.id))
    assert begun.new.wraps.keys() == {stays}
    assert world_key(world).unwrap_private(begun.new.wraps[stays], begun.new.public).public == begun.new.public


def test_two_clients_do_not_begin_the_same_epoch(world: World) -> None:
    enrol(world.portal, world.acme)
    office = group(world, world.acme.user)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        begun, _ = keyring.new_epoch(vault.readers(tx, world.acme.tenant.id, office))
        for number in (1, 3):
            with pytest.raises(EpochMoved):
                vault.begin_epoch(tx, world.acme.tenant.id, office, number, begun)
        vault.begin_epoch(tx, world.acme.tenant.id, office, 2, begun)


def test_a_user_has_one_current_key_whoever_brings_it(world: World) -> None:
    enrol(world.portal, world.acme)
    with (
        pytest.raises(ConstraintViolated, match="Another client"),
        world.portal.tenant(world.acme.tenant.id) as tx,
    ):
        tx.execute(
            "insert into user_keys (tenant_id, user_id, public_key) values (%s, %s, %s)",
            (world.acme.tenant.id, world.acme.user.id, ready_made(99)[0].public.raw),
        )


@pytest.mark.parametrize("top", [0, 128])
@pytest.mark.parametrize(
    "small",
    [0, 1, P - 1, P, P + 1, SMALL, 39382357235489614581723060781553021112529911719440698176882885853963445705823],
)
def test_nobody_brings_a_key_to_which_nothing_can_be_wrapped(world: World, small: int, top: int) -> None:
    """Each member's next unlock would fail on it, and each removal. The points of small order (RFC 7748, 6.1)."""
    enrol(world.portal, world.acme)
    office, raw = group(world, world.acme.user), bytearray(small.to_bytes(32, "little"))
    raw[31] |= top
    bad = PublicKey(bytes(raw))
    with pytest.raises(ValueError, match="shared key"):
        bad.wrap(bytes(32), b"")
    mine, _, _ = keyring.new_user_key(PHRASE)
    new, _ = keyring.new_epoch({})
    with pytest.raises(ConstraintViolated, match="sealable"), world.portal.tenant(world.acme.tenant.id) as tx:
        user_keys.add(tx, world.acme.tenant.id, world.acme.user.id, replace(mine, public=bad))
    with pytest.raises(ConstraintViolated, match="sealable"), world.portal.tenant(world.acme.tenant.id) as tx:
        vault.begin_epoch(tx, world.acme.tenant.id, office, 2, replace(new, public=bad))


@pytest.mark.parametrize("held", ["nothing", "mailbox", "fax"])
def test_who_alone_opens_the_past_cannot_leave_either(world: World, held: str) -> None:
    """She has the newest key, and nobody has linked it to the one before."""
    she, office = her_and_an_unlinked_past(world)
    tenant_id = world.acme.tenant.id
    with world.portal.tenant(tenant_id) as tx:
        fax_id = tx.value(
            """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, finished_at)
               values (%s, 'inbound', 'failed', %s, '+4930123', now()) returning id""",
            (tenant_id, office),
        )
    if held != "nothing":
        given = {"mailbox_id": office, "fax_id": None} if held == "mailbox" else {"mailbox_id": None, "fax_id": fax_id}
        with world.admin.tenant(tenant_id) as tx:
            holds.place(tx, tenant_id, reason="a lawsuit", set_by="test", **given)
    with pytest.raises(LastReader if held == "nothing" else Held, match="faxplan unlock"):
        leave(world, office, world.acme.user)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    assert leave(world, office, world.acme.user)
    assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True] * 4


def test_who_alone_opens_the_past_and_cannot_any_more_leaves_after_another_key(world: World) -> None:
    """As the message says; under a legal hold not even then: the old password may be found again."""
    she, office = her_and_an_unlinked_past(world)
    enrolment.enrol(world.portal, world.acme.user, OTHER, anew=True)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        hold = holds.place(tx, world.acme.tenant.id, reason="a", set_by="b", mailbox_id=office, fax_id=None)
    with pytest.raises(Held):
        leave(world, office, world.acme.user)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        holds.release(tx, world.acme.tenant.id, hold)
    assert leave(world, office, world.acme.user)
    ring = enrolment.unlock(world.portal, she, Secret(OTHER))
    assert reads_all(world, ring, office) == [False, True, True, True, True]


def her_and_an_unlinked_past(world: World) -> tuple[User, int]:
    """A colleague who has the newest key of the office and no other; the office, whose first key only we have."""
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        begun, _ = keyring.new_epoch(vault.readers(tx, world.acme.tenant.id, office))
        vault.begin_epoch(tx, world.acme.tenant.id, office, 2, begun)
    return she, office


def meanwhile(act: Callable[[], object], other: Callable[[Transaction], object], world: World) -> None:
    """Lets `act` run beside a transaction of role admin that has done its work and is not committed yet."""
    beside = threading.Thread(target=act)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other(tx)
        tx.value("select 1")
        beside.start()
        # It waits for us, or has long done what it should not.
        beside.join(2)
    beside.join()


def test_who_enrols_while_they_join_begins_the_mailbox(world: World) -> None:
    """Else it would have no key, though a person reads it: its faxes would go to another mailbox."""
    office = group(world)
    me = world.acme.user
    meanwhile(
        lambda: enrolment.enrol(world.portal, me, PHRASE),
        lambda tx: membership.join(tx, world.acme.tenant.id, office, me),
        world,
    )
    assert newest(world, office) is not None
    assert enrolment.unlock(world.portal, me, Secret(PHRASE)).key_of(office, 1) is not None


def test_who_enrols_anew_while_the_other_member_leaves_can_open_what_comes(world: World) -> None:
    """Else what comes would be sealed to a key whose password was lost, and to nobody else's."""
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    begun = departure(world, office, world.acme.user)
    meanwhile(
        lambda: enrolment.enrol(world.portal, she, PHRASE, anew=True),
        lambda tx: membership.leave(tx, world.acme.tenant.id, office, world.acme.user, begun),
        world,
    )
    key = newest(world, office)
    assert key is not None
    assert enrolment.unlock(world.portal, she, Secret(PHRASE)).key_of(office, key.epoch) is not None


def test_every_public_key_of_a_mailbox_is_in_the_audit(world: World) -> None:
    """Whoever puts another one there leaves none, or one that stays."""
    she, place = colleague(world), ("administrator:test", "acme", "office")
    office = group(world)
    enrolment.enrol(world.portal, world.acme.user, PHRASE)
    for user in (world.acme.user, she):
        admission.let_in(world.admin, world.portal, *place, user.email, by=None)
    enrolment.enrol(world.portal, she, OTHER)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    assert provisioning.remove_member(world.admin, *place, she.email)
    reader_keys.make(world.portal, world.acme.user, Secret(PHRASE), "Archive", ["office"])
    reader_keys.revoke(world.portal, world.acme.user, "Archive")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        boss = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="B", role="administrator")
    enrolment.enrol(world.portal, boss, PHRASE)
    recovery_key.make(world.portal, boss, Secret(PHRASE))
    recovery_key.turn_off(world.portal, boss)
    enrolment.enrol(world.portal, world.acme.user, OTHER, anew=True)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        kept = tx.rows("select mailbox_id, epoch, encode(public_key, 'hex') as key from mailbox_epochs")
        told = tx.rows("select details->'epochs_begun' as begun from audit where details ? 'epochs_begun'")
    assert max(row["epoch"] for row in kept if row["mailbox_id"] == office) == 7
    named = [tuple(each) for row in told for each in row["begun"]]
    assert sorted(named) == sorted((row["mailbox_id"], row["epoch"], row["key"]) for row in kept)
