"""API readers: let in by a member, they open what their mailboxes have, until they are revoked."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import enrolment, membership, printed_keys, reader_keys, users
from faxplan.constraints import ConstraintViolated
from faxplan.documents import Locked
from faxplan.enrolment import Secret
from faxplan.errors import Forbidden, NotFound
from faxplan.passphrases import InvalidSecret, WrongSecret
from faxplan.users import User
from tests.db.test_enrolment import OTHER, actions, colleague, group, leave, newest, reads_all
from tests.installations import Installation
from tests.past_the_gate import connected
from tests.world import PHRASE, World, enrol, world_on

NAME = "Archive"


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys yet."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


def made(world: World, user: User | None = None, phrase: str = PHRASE, *mailboxes: str) -> str:
    return reader_keys.make(world.portal, user or world.acme.user, Secret(phrase), NAME, mailboxes or ["office"])


def opens(world: World, text: str, mailbox_id: int) -> list[bool]:
    return reads_all(world, reader_keys.unlock(world.portal, world.acme.tenant.id, text), mailbox_id)


def test_it_opens_its_mailboxes_and_no_other(world: World) -> None:
    enrol(world.portal, world.acme)
    office = group(world, world.acme.user)
    text = made(world)
    ring = reader_keys.unlock(world.portal, world.acme.tenant.id, text)
    assert ring.mailboxes == [office]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select to_jsonb(k) as row from user_keys k where kind = 'reader'")
        (listed,) = reader_keys.everyone(tx, world.acme.tenant.id)
    assert text.removeprefix("fxr_") not in str(rows)
    assert (listed["name"], listed["mailboxes"], listed["added_by"]) == (NAME, ["office"], ["user@acme.example"])
    assert actions(world)[-1]["action"] == "key.reader-add"
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert reader_keys.everyone(tx, world.borea.tenant.id) == []
    with pytest.raises(NotFound):
        reader_keys.unlock(world.portal, world.borea.tenant.id, text)


@pytest.mark.parametrize("whose", ["revoked", "another tenant's", "nobody's"])
def test_a_key_that_opens_nothing_stands_in_the_audit(world: World, whose: str) -> None:
    enrol(world.portal, world.acme)
    text = made(world, None, PHRASE, world.acme.user.email)
    tenant_id, reader = world.acme.tenant.id, "reader"
    if whose == "revoked":
        with world.portal.tenant(tenant_id) as tx:
            key_id = tx.value("select id from user_keys where kind = 'reader'")
        reader = f"key:{key_id}"
        reader_keys.revoke(world.portal, world.acme.user, NAME)
    elif whose == "another tenant's":
        tenant_id = world.borea.tenant.id
    else:
        text, _ = printed_keys.new_reader_key()
    with pytest.raises(NotFound):
        reader_keys.unlock(world.portal, tenant_id, text)
    with world.portal.tenant(tenant_id) as tx:
        row = tx.one("select action, actor, object, result from audit order by sequence desc limit 1")
    assert row == {"action": "key.reader-unlock", "actor": "reader", "object": reader, "result": "refused"}


def test_it_goes_along_into_a_new_epoch(world: World) -> None:
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    text = made(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert leave(tx, office, she)
    assert opens(world, text, office) == [True, True]
    # Nothing leads from that one to the one before: a member who unlocks makes one that does, or hands it over.
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    assert opens(world, text, office) == [True, True, True]


def test_only_a_member_who_has_the_key_lets_one_in(world: World) -> None:
    enrol(world.portal, world.acme)
    she = colleague(world)
    enrolment.enrol(world.portal, she, OTHER)
    office = group(world, world.acme.user)
    with pytest.raises(Forbidden, match="do not read"):
        made(world, she, OTHER)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        membership.join(tx, world.acme.tenant.id, office, she)
    with pytest.raises(Locked, match="unlock once"):
        made(world, she, OTHER)
    with pytest.raises(WrongSecret):
        made(world, None, OTHER)
    with pytest.raises(NotFound):
        made(world, None, PHRASE, "no such mailbox")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert reader_keys.everyone(tx, world.acme.tenant.id) == []
    made(world)
    with pytest.raises(ConstraintViolated, match="API reader of this name"):
        made(world)


def test_revoked_it_opens_nothing_that_comes(world: World) -> None:
    enrol(world.portal, world.acme)
    office = group(world, world.acme.user)
    text = made(world, None, PHRASE, "office", world.acme.user.email)
    before = reader_keys.unlock(world.portal, world.acme.tenant.id, text)
    assert reader_keys.revoke(world.portal, world.acme.user, NAME) == 2
    with pytest.raises(NotFound, match="revoked"):
        reader_keys.unlock(world.portal, world.acme.tenant.id, text)
    assert reads_all(world, before, office) == [True, False]
    assert reads_all(world, enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE)), office) == [True] * 3
    assert [each["action"] for each in actions(world)[-3:]] == ["key.reader-revoke", "key.reader-unlock", "key.grant"]
    with pytest.raises(NotFound):
        reader_keys.revoke(world.portal, world.acme.user, NAME)
    # Its name is free again.
    made(world)


def test_administrators_and_members_revoke_it_and_nobody_else(world: World) -> None:
    enrol(world.portal, world.acme)
    she = colleague(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        boss = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="", role="administrator")
    office = group(world, world.acme.user)
    made(world)
    with pytest.raises(Forbidden):
        reader_keys.revoke(world.portal, she, NAME)
    assert reader_keys.revoke(world.portal, boss, NAME) == 1
    made(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        membership.join(tx, world.acme.tenant.id, office, she)
    assert reader_keys.revoke(world.portal, she, NAME) == 1


def test_it_leaves_with_the_member_who_let_it_in(world: World) -> None:
    """Who leaves may have kept its key."""
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    text = made(world, she, OTHER, "office", she.email)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert leave(tx, office, she)
    ring = reader_keys.unlock(world.portal, world.acme.tenant.id, text)
    assert ring.mailboxes == [she.mailbox_id]
    # And nobody hands it the key of now.
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        held = tx.value(
            """select max(h.epoch) from mailbox_keys h join user_keys k on k.id = h.user_key_id
               where k.kind = 'reader' and h.mailbox_id = %s""",
            (office,),
        )
    key = newest(world, office)
    assert key is not None
    assert (held, key.epoch) == (1, 3)


def test_who_leaves_at_this_moment_lets_nobody_in(world: World) -> None:
    enrol(world.portal, world.acme)
    she = colleague(world)
    office = group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    refused: list[Forbidden] = []

    def let_in() -> None:
        try:
            made(world, she, OTHER)
        except Forbidden as error:
            refused.append(error)

    adding = threading.Thread(target=let_in)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert leave(tx, office, she)
        tx.value("select 1")
        adding.start()
        # It waits for us, or has long done what it should not.
        adding.join(2)
    adding.join()
    assert len(refused) == 1


def test_the_portal_forgets_wraps_to_ended_readers_and_no_others(world: World) -> None:
    enrol(world.portal, world.acme)
    enrol(world.portal, world.borea)
    group(world, world.acme.user)
    made(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        ids = [row["id"] for row in tx.rows("select id from user_keys")]
        for key_id in ids:
            tx.execute("select forget_ended_reader(%s)", (key_id,))
        assert tx.value("select count(*) from mailbox_keys") == 3
    reader_keys.revoke(world.portal, world.acme.user, NAME)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        for key_id in ids:
            tx.execute("select forget_ended_reader(%s)", (key_id,))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        # The user's own: of two mailboxes, of which one has had two epochs.
        assert tx.value("select count(*) from mailbox_keys") == 3
        kinds = tx.rows("select distinct k.kind from mailbox_keys h join user_keys k on k.id = h.user_key_id")
    assert kinds == [{"kind": "user"}]
    with connected(world.installation, "faxplan_portal") as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute("delete from mailbox_keys")


def test_what_is_no_key_is_told(world: World) -> None:
    with pytest.raises(InvalidSecret, match="fxr_"):
        reader_keys.unlock(world.portal, world.acme.tenant.id, "fxp_secret")


def test_who_may_not_receive_lets_none_in(world: World) -> None:
    enrol(world.portal, world.acme)
    group(world, world.acme.user)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": ["send"]})
    with pytest.raises(Forbidden, match="do not read"):
        made(world)
