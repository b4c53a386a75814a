"""The doctor on keys: what nobody could open, and who is not enrolled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import accepting, dids, doctor_database, mailboxes, tenants, users
from faxplan.findings import Finding, Level
from faxplan.lookups import Caller
from tests.faxes import NODE, NUMBER, invite
from tests.installations import Installation
from tests.world import Office, World, enrol, world_on


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Nobody is enrolled."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


def found(world: World) -> list[Finding]:
    return [each for each in doctor_database.database(world.settings)[0] if each.what == "keys"]


def answer(world: World, office: Office) -> accepting.Accepted | accepting.Refused:
    call = accepting.IncomingCall("a-call", "127.0.0.1", invite(office.did, NUMBER))
    return accepting.accept(world.switch, world.spool, call, NODE, Caller())


def test_dids_of_a_tenant_without_a_key_answer_480_and_are_named(world: World) -> None:
    enrol(world.portal, world.borea)
    refused = answer(world, world.acme)
    assert isinstance(refused, accepting.Refused)
    assert refused.cause == accepting.NOBODY_READS
    calls, user = found(world)
    assert (calls.level, user.level) == (Level.ERROR, Level.WARNING)
    assert calls.found.startswith("calls to +49 30 23125001 of acme get 480")
    assert "`faxplan enrol --as user@acme.example/acme`" in calls.remedy
    assert user.found.startswith("user@acme.example of acme cannot send or open a fax")


def test_where_everybody_is_enrolled_all_is_well(world: World) -> None:
    for office in (world.acme, world.borea):
        enrol(world.portal, office)
    assert [each.level for each in found(world)] == [Level.OK]


def late(world: World) -> Office:
    """A DID of somebody who is not enrolled, in a tenant of which others are."""
    for office in (world.acme, world.borea):
        enrol(world.portal, office)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        second = users.create(tx, world.acme.tenant.id, email="second@acme.example", name="")
        assert second.mailbox_id is not None
        dids.assign(tx, world.acme.tenant.id, "+493023125009", second.mailbox_id)
    return Office(world.acme.tenant, second, "+493023125009")


def test_a_did_without_a_key_is_answered_for_an_administrator_who_is_enrolled(world: World) -> None:
    office = late(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set role = 'administrator' where id = %s", (world.acme.user.id,))
    (told,) = found(world)
    assert (told.level, told.found.startswith("second@acme.example of acme")) == (Level.WARNING, True)
    assert isinstance(answer(world, office), accepting.Accepted)


def test_a_did_without_a_key_is_not_answered_for_any_other_user(world: World) -> None:
    refused = answer(world, late(world))
    assert isinstance(refused, accepting.Refused)
    assert refused.cause == accepting.NOBODY_READS
    calls, user = found(world)
    assert (calls.level, user.level) == (Level.ERROR, Level.WARNING)
    assert calls.found.startswith("calls to +49 30 23125009 of acme get 480")
    assert "`faxplan enrol --as second@acme.example/acme`" in calls.remedy


def test_who_could_not_help_is_not_told_to_enrol(world: World) -> None:
    """Neither a member of the DID's mailbox nor an administrator."""
    late(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.create(tx, world.acme.tenant.id, email="a@acme.example", name="")
        boss = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="", role="administrator")
    assert "`faxplan enrol --as boss@acme.example/acme`" in found(world)[0].remedy
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set enabled = false where id = %s", (boss.id,))
        tx.execute("delete from mailbox_members m using users u where u.id = m.user_id and u.email like 'second@%%'")
    assert "`faxplan user add acme EMAIL --administrator`" in found(world)[0].remedy


def test_what_is_switched_off_needs_no_key(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.borea.tenant.id, {"enabled": False})
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, {"enabled": False})
        tx.execute("update users set enabled = false where tenant_id = %s", (world.acme.tenant.id,))
    assert [each.level for each in found(world)] == [Level.OK]


def test_a_long_list_is_cut_and_a_tenant_without_users_is_told_to_enter_one(world: World) -> None:
    for office in (world.acme, world.borea):
        enrol(world.portal, office)
    with world.admin.across_tenants() as tx:
        nova = tenants.create(tx, slug="nova", name="Nova", country="DE", time_zone="Europe/Berlin")
    with world.admin.tenant(nova.id) as tx:
        mailbox = mailboxes.create_group(tx, nova.id, "Office")
        for number in range(8):
            dids.assign(tx, nova.id, f"+49302312510{number}", mailbox)
    (calls,) = found(world)
    assert "+49 30 23125104 and 3 more of nova get 480" in calls.found
    assert "+49 30 23125105" not in calls.found
    assert "`faxplan user add nova EMAIL --administrator`" in calls.remedy
