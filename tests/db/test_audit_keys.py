"""A public key that no act of the audit made, in a reader's or a mailbox's place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import (
    admission,
    audit,
    audit_keys,
    enrolment,
    provisioning,
    reader_keys,
    recovery_key,
    transient_readers,
    users,
)
from faxplan.enrolment import Secret
from faxplan.key_folder import KeyFolder
from tests.audits import tamper, verified
from tests.installations import Installation, Installations
from tests.world import PHRASE, Founded, World, copied, found

PAST = " is in no row of the audit: it was put there past Faxplan"
THEIRS = "decode(repeat('07', 32), 'hex')"


@pytest.fixture(scope="module")
def lived_in(all_installations: Installations) -> Iterator[Founded]:
    """A tenant whose keys were all made as people make them, which takes seconds."""
    made = found(all_installations, all_installations.unused().database, enrolled=False, then=_people_make_keys)
    yield made
    Installation(all_installations.cluster, made.template).dispose()


def _people_make_keys(made: World) -> None:
    """Users, a group, its next key, recovery, an API reader."""
    actor = "test"
    boss, two = (
        provisioning.add_user(made.admin, actor, "acme", email=f"{name}@acme.example", name=name, role=role)
        for name, role in (("boss", "administrator"), ("two", "user"))
    )
    provisioning.add_mailbox(made.admin, actor, "acme", "office")
    for user in (boss, two):
        enrolment.enrol(made.portal, user, PHRASE)
        admission.let_in(made.admin, made.portal, actor, "acme", "office", user.email, by=None)
    enrolment.unlock(made.portal, boss, Secret(PHRASE))
    reader_keys.make(made.portal, boss, Secret(PHRASE), "archive", ["office"])
    recovery_key.make(made.portal, boss, Secret(PHRASE))
    reader_keys.revoke(made.portal, boss, "archive")
    provisioning.remove_member(made.admin, actor, "acme", "office", two.email)
    enrolment.enrol(made.portal, two, PHRASE, anew=True)
    recovery_key.turn_off(made.portal, boss)


@pytest.fixture
def world(all_installations: Installations, lived_in: Founded, tmp_path: Path) -> Iterator[World]:
    with copied(all_installations, lived_in, tmp_path) as made:
        yield made


def user_id(world: World, name: str) -> int:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return users.by_email(tx, world.acme.tenant.id, f"{name}@acme.example").id


def unknown(world: World, tenant_id: int | None = None) -> list[str]:
    tenant_id = world.acme.tenant.id if tenant_id is None else tenant_id
    with world.admin.tenant(tenant_id) as tx:
        return [fault.words.removesuffix(PAST) for fault in audit_keys.unknown(tx, tenant_id)]


def test_what_people_did_is_all_known(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        made = tx.one("select count(*) as keys from user_keys")["keys"], tx.one("select max(epoch) from mailbox_epochs")
    assert made == (5, {"max": 5})
    assert unknown(world) == []


def test_another_key_in_a_users_place_is_found(world: World) -> None:
    tamper(world, f"update user_keys set public_key = {THEIRS} where user_id = {user_id(world, 'boss')}")
    assert unknown(world) == ["the key of boss@acme.example"]
    assert unknown(world, world.borea.tenant.id) == []


def test_a_key_that_was_given_to_somebody_else_is_found(world: World) -> None:
    """The audit has it: as another's."""
    boss, two = user_id(world, "boss"), user_id(world, "two")
    tamper(
        world,
        f"delete from key_locks where user_key_id in (select id from user_keys where user_id = {two})",
        f"delete from user_keys where user_id = {two}",
        f"update user_keys set user_id = {two} where user_id = {boss}",
    )
    assert unknown(world) == ["the key of two@acme.example"]


@pytest.mark.parametrize("how", ["replaced", "added"])
def test_another_key_in_a_mailboxs_place_is_found(world: World, how: str) -> None:
    office = "(select id from mailboxes where name = 'office')"
    if how == "replaced":
        tamper(world, f"update mailbox_epochs set public_key = {THEIRS} where mailbox_id = {office} and epoch = 5")
    else:
        tamper(
            world,
            f"""insert into mailbox_epochs (tenant_id, mailbox_id, epoch, public_key)
                select {world.acme.tenant.id}, {office}, 6, {THEIRS}""",
        )
    assert unknown(world) == [f"the key {5 if how == 'replaced' else 6} of mailbox office"]


def test_an_act_that_was_refused_made_no_key(world: World) -> None:
    tamper(world, "update audit set result = 'refused' where action = 'key.reader-add'")
    assert unknown(world) == ["the key of API reader archive"]


def test_a_recovery_key_that_was_switched_off_and_is_on_again_is_found(world: World) -> None:
    """The next member who unlocks would hand the newest keys to that paper."""
    tamper(world, "update user_keys set replaced_at = null where kind = 'recovery'")
    assert unknown(world) == ["the key of recovery was ended, and is in use again past Faxplan"]


def test_a_users_former_key_that_is_in_use_again_is_found(world: World) -> None:
    two = user_id(world, "two")
    tamper(
        world,
        f"update user_keys set replaced_at = now() where user_id = {two}",
        f"update user_keys set replaced_at = null where id = (select min(id) from user_keys where user_id = {two})",
    )
    assert unknown(world) == ["the key of two@acme.example was ended, and is in use again past Faxplan"]


def test_an_api_readers_key_in_the_recovery_keys_place_is_found(world: World) -> None:
    tamper(world, "update user_keys set kind = 'recovery', name = null where kind = 'reader'")
    assert unknown(world) == ["the key of recovery"]


def test_a_mailboxs_newest_key_that_was_taken_away_is_found(world: World) -> None:
    """What comes would be sealed to the one before, which whoever was removed has."""
    tamper(world, "delete from mailbox_keys where epoch > 4", "delete from mailbox_epochs where epoch > 4")
    assert unknown(world)[-1] == "the key 5 of mailbox office is not there any more: it was taken away past Faxplan"


@pytest.mark.parametrize(
    "details",
    [
        '{"epochs_begun": null}',
        '{"epochs_begun": {}}',
        '{"epochs_begun": 7}',
        '{"epochs_begun": [["x", 1, "00"]]}',
        '{"epochs_begun": [[99999999999999999999, 1, "00"]]}',
        '{"epochs_begun": [3, 4]}',
        '["epochs_begun"]',
        '"public_key"',
        "null",
    ],
)
def test_odd_details_do_not_end_the_verification(world: World, details: str) -> None:
    """Every role may write a row, and nobody takes it away again."""
    with world.worker.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into audit (tenant_id, sequence, at, actor, action, object, result, details, previous_hash, hash)
               values (%s, 0, now(), 'worker', 'x.y', 'x', 'done', %s, '', '')""",
            (world.acme.tenant.id, details),
        )
    assert unknown(world) == []


def machines(world: World) -> list[str]:
    with world.admin.tenant(audit.INSTALLATION) as tx:
        return [fault.words.removesuffix(PAST) for fault in audit_keys.unknown_machines(tx)]


def plant(world: World, *, node: str = "node1", age: str = "0", retired: str = "null") -> None:
    """A machine's key of somebody who may change the database; another machine's where this one has one."""
    tamper(
        world,
        f"""insert into transient_keys (purpose, node, public_key, created_at, retired_at)
            values ('dispatch', '{node}', {THEIRS}, now() - interval '{age}', {retired})""",
    )


def test_what_machines_made_is_all_known(world: World, tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "mailer")
    keys.prepare()
    transient_readers.ensure(world.worker, keys, "node2", transient_readers.MAILER)
    tamper(world, "update transient_keys set created_at = created_at - interval '25 hours'")
    transient_readers.ensure(world.switch, world.store.keys, world.settings.node)
    with world.admin.across_tenants() as tx:
        assert tx.value("select count(*) from transient_keys") == 3
    assert machines(world) == []


@pytest.mark.parametrize("retired", ["null", "now()"])
def test_a_machines_key_that_no_machine_made_is_found(world: World, retired: str) -> None:
    """Whatever is handed in would be wrapped to it."""
    plant(world, node="node9", retired=retired)
    assert machines(world) == ["the dispatch key of machine node9"]
    found = verified(world)
    assert (found.faults, [each.tenant_id for each in found.keys]) == ([], [audit.INSTALLATION])


def test_another_key_in_a_machines_place_is_found(world: World) -> None:
    tamper(world, f"update transient_keys set public_key = {THEIRS}")
    assert machines(world) == ["the dispatch key of machine node1"]


def test_a_machines_key_that_is_used_as_anothers_is_found(world: World) -> None:
    tamper(world, "update transient_keys set node = 'node9'")
    assert machines(world) == ["the dispatch key of machine node9"]


def test_a_key_that_a_dead_machine_left_from_before_there_were_rows_is_no_fault(world: World) -> None:
    plant(world, node="node9", age="4 days")
    assert machines(world) == []


def test_a_planted_key_is_found_also_when_nothing_is_wrapped_to_it_any_more(world: World) -> None:
    tamper(world, "update audit set at = at - interval '9 days' where action = 'key.machine'")
    plant(world, node="node9", age="4 days")
    assert machines(world) == ["the dispatch key of machine node9"]


def test_a_row_that_somebody_was_refused_made_no_machines_key(world: World) -> None:
    tamper(world, "update audit set result = 'refused' where action = 'key.machine'")
    assert machines(world) == ["the dispatch key of machine node1"]
