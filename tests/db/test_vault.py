"""Where a fax is laid: its own mailbox, or else an administrator's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import enrolment, mailboxes, membership, users, vault
from faxplan.users import User
from tests.installations import Installation
from tests.world import PHRASE, World, enrol, world_on


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """A user is enrolled, who is no administrator; and there is a mailbox that nobody reads."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        enrol(made.portal, made.acme)
        with made.admin.tenant(made.acme.tenant.id) as tx:
            mailboxes.create_group(tx, made.acme.tenant.id, "empty")
        yield made


def administrator(world: World, name: str) -> User:
    """Who is enrolled."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        email = f"{name}@acme.example"
        made = users.create(tx, world.acme.tenant.id, email=email, name=name, role="administrator")
    enrolment.enrol(world.portal, made, PHRASE)
    return made


def laid(world: World, name: str = "empty") -> tuple[str, int] | None:
    """Where a fax for a mailbox goes: the mailbox's name, and the epoch."""
    with world.switch.tenant(world.acme.tenant.id) as tx:
        key = vault.mailbox_for(tx, world.acme.tenant.id, mailboxes.by_name(tx, world.acme.tenant.id, name))
        return None if key is None else (mailboxes.name_of(tx, world.acme.tenant.id, key.mailbox_id), key.epoch)


def test_what_is_for_a_mailbox_without_a_key_is_laid_into_no_users(world: World) -> None:
    assert laid(world, world.acme.user.email) == (world.acme.user.email, 1)
    assert laid(world) is None


def test_it_goes_to_the_administrator_who_has_had_a_key_for_the_longest(world: World) -> None:
    first, second = administrator(world, "first"), administrator(world, "second")
    assert laid(world) == (first.email, 1)
    # With another key, too.
    enrolment.enrol(world.portal, first, PHRASE, anew=True)
    assert laid(world) == (first.email, 2)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set enabled = false where id = %s", (first.id,))
    assert laid(world) == (second.email, 1)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set role = 'user' where id = %s", (second.id,))
    assert laid(world) is None


def test_it_goes_to_no_group_that_an_administrator_reads(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        group = mailboxes.create_group(tx, world.acme.tenant.id, "office")
        membership.join(tx, world.acme.tenant.id, group, world.acme.user)
    boss = administrator(world, "boss")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        membership.join(tx, world.acme.tenant.id, group, boss)
        assert vault.administrators_mailbox(tx, world.acme.tenant.id) == boss.mailbox_id
    assert laid(world) == (boss.email, 1)


def test_what_would_be_lost_goes_to_any_mailbox_with_a_key(world: World) -> None:
    with world.worker.tenant(world.acme.tenant.id) as tx:
        assert vault.first_mailbox_with_key(tx, world.acme.tenant.id) == world.acme.user.mailbox_id
    with world.worker.tenant(world.borea.tenant.id) as tx:
        assert vault.first_mailbox_with_key(tx, world.borea.tenant.id) is None
