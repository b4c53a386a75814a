"""Members of a group's mailbox see who reads it, and let somebody in by a key that their browser hands over."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import enrolment, letting_in, proofs, user_keys, users, vault
from faxplan.constraints import ConstraintViolated
from faxplan.db import Transaction
from faxplan.enrolment import Secret
from faxplan.errors import NotFound
from faxplan.sessions import Session
from faxplan.users import User
from faxplan.wraps import PublicKey
from portal.app import Portal
from tests.db.test_enrolment import OTHER, colleague, reads_all
from tests.portal.conftest import Visitor, visitor
from tests.portal.test_mailboxes import enrolled, readers, with_faxes
from tests.portal.test_people import audited
from tests.world import World


def asked(ann: Visitor, mailbox: int, email: str) -> Any:
    return ann.post(f"/mailboxes/{mailbox}/keys-to-make", {"email": email}, Accept="application/json").get_json()


def made(world: World, mailbox: int, grant: Any, **other: object) -> str:
    """What acme's user's browser writes into the form."""
    wrap = world.ring(world.acme).wrapped(mailbox, grant["epoch"], PublicKey(bytes.fromhex(grant["publicKey"])))
    assert wrap is not None
    return json.dumps(
        {"epoch": None, "grant": {"epoch": grant["epoch"], "key": grant["key"], "wrap": wrap.hex(), **other}}
    )


def proven(world: World, said: Any) -> str:
    """What that browser opens of what was asked."""
    return world.keyrings[world.acme.tenant.id].unwrap(bytes.fromhex(said["ask"]), proofs.DIGEST).hex()


def test_a_member_lets_somebody_in_who_reads_all_then(world: World, ann: Visitor) -> None:
    office, two = with_faxes(world), enrolled(world)
    assert f'href="/mailboxes/{office}"' in ann.get("/mailboxes").text
    assert "Let somebody in" in ann.get(f"/mailboxes/{office}").text
    said = asked(ann, office, two.email)
    grant = said["grant"]
    form = {"email": two.email, "proof": proven(world, said)}
    # Nothing goes without the key, or with one for somebody else.
    for wrong in ("", made(world, office, grant, key=grant["key"] - 1), made(world, office, grant, epoch=9), "x"):
        assert ann.post(f"/mailboxes/{office}/members", {**form, "made": wrong}).status_code in (400, 503)
    assert readers(world, office) == [world.acme.user.email]
    answer = ann.post(f"/mailboxes/{office}/members", {**form, "made": made(world, office, grant)})
    assert answer.headers["Location"] == f"/mailboxes/{office}?note=let-in"
    assert reads_all(world, enrolment.unlock(world.portal, two, Secret(OTHER)), office) == [True]
    (row,) = audited(world, "mailbox.add-member")
    assert (row.actor, row.address) == (f"user:{world.acme.user.id}", "127.0.0.1")
    assert asked(ann, office, two.email)["grant"] is None


def test_who_reads_it_not_finds_nothing_there(world: World, ann: Visitor) -> None:
    """SECURITY."""
    office = with_faxes(world, boss_reads=False)
    for path, form in (("", None), ("/members", {"email": "x"}), ("/keys-to-make", {"email": "x"})):
        address = f"/mailboxes/{office}{path}"
        answer = ann.get(address) if form is None else ann.post(address, form)
        assert answer.status_code == 404


@pytest.mark.parametrize("what", ["own", "no key", "off", "blind", "nobody", "not mine"])
def test_whom_a_member_lets_in_not(world: World, ann: Visitor, what: str) -> None:
    office, two = with_faxes(world, boss_reads=what != "not mine"), enrolled(world)
    email, mailbox, said = two.email, office, "locked"
    tenant_id = world.acme.tenant.id
    if what == "own":
        mailbox, said = world.acme.user.mailbox_id or 0, "not-a-group"
    elif what == "no key":
        email, said = colleague(world, "three").email, "cannot-read"
    elif what == "nobody":
        email, said = world.borea.user.email, "cannot-read"
    elif what == "not mine":
        # Let in by an administrator, and without its key yet.
        with world.admin.tenant(tenant_id) as tx:
            tx.execute("insert into mailbox_members values (%s, %s, %s)", (tenant_id, mailbox, world.acme.user.id))
    else:
        changed = {"enabled": False} if what == "off" else {"permissions": ["send"]}
        with world.admin.tenant(tenant_id) as tx:
            users.change(tx, tenant_id, two.id, changed)
        said = "cannot-read"
    before = readers(world, mailbox)
    assert asked(ann, mailbox, email)["error_id"] == said
    assert ann.post(f"/mailboxes/{mailbox}/members", {"email": email, "made": ""}).status_code == 400
    assert readers(world, mailbox) == before


def own_session(tx: Transaction, user: User) -> Session:
    """The first that this user has begun."""
    number = tx.value("select min(id) from sessions where user_id = %s", (user.id,))
    return Session(number, user, datetime.now(UTC), "password", "", b"")


def test_a_session_without_its_users_key_lets_nobody_in(world: World, ann: Visitor, portal: Portal) -> None:
    """SECURITY: it cannot wrap the mailbox's key, but what it hands over nobody sees into; with the next key of the
    mailbox who was let in so would be handed all that lies there."""
    office, two = with_faxes(world), enrolled(world)
    grant = asked(ann, office, two.email)["grant"]
    form = {"email": two.email, "made": made(world, office, grant, wrap="11" * 80)}
    # Neither what was shown in another session, nor what somebody else has shown in theirs, nor nonsense.
    elsewhere = visitor(portal, world.acme)
    assert elsewhere.log_in().status_code == 200
    for proof in ("", "x", "00", "00" * 32, proven(world, asked(elsewhere, office, two.email))):
        answer = ann.post(f"/mailboxes/{office}/members", {**form, "proof": proof})
        assert (answer.status_code, "has not shown that it has your key" in answer.text) == (400, True)
    with world.portal.tenant(two.tenant_id) as tx:
        key = user_keys.current(tx, two.tenant_id, two.id)
        assert key is not None
        # Of another key, in this very session.
        proof = proofs._proof(tx, own_session(tx, world.acme.user), key.id, proofs._now()).hex()
    assert ann.post(f"/mailboxes/{office}/members", {**form, "proof": proof}).status_code == 400
    assert readers(world, office) == [world.acme.user.email]


def test_the_database_lets_nobody_in_but_by_who_has_the_key(world: World, ann: Visitor) -> None:
    """SECURITY: whatever the portal says; and not without a wrap of the newest key, to the newcomer's own of now."""
    office, two = with_faxes(world), enrolled(world)
    three, tenant_id = enrolled(world, "three"), world.acme.tenant.id
    with world.portal.tenant(tenant_id) as tx:
        keys = {each: user_keys.ids(tx, tenant_id, each).pop() for each in (world.acme.user.id, two.id, three.id)}
    keys[world.borea.user.id] = 1

    def let_in(
        mailbox: int, member: int, newcomer: int, *, epoch: int = 1, key: int = 0, wrap: bytes = bytes(80)
    ) -> int:
        by = (mailbox, member, newcomer, epoch, key or keys[newcomer], wrap)
        with world.portal.tenant(tenant_id) as tx:
            return int(tx.value("select let_in(%s, %s, %s, %s, %s, %s)", by))

    assert let_in(office, three.id, two.id) == 0
    assert let_in(world.acme.user.mailbox_id or 0, world.acme.user.id, two.id) == 0
    assert let_in(office, world.acme.user.id, world.borea.user.id) == 0
    assert let_in(office, world.acme.user.id, two.id, key=keys[three.id]) == 0
    for wrong in (0, 2):
        assert let_in(office, world.acme.user.id, two.id, epoch=wrong) == 0
    for size in (0, 79, 81):
        with pytest.raises(ConstraintViolated):
            let_in(office, world.acme.user.id, two.id, wrap=bytes(size))
    assert readers(world, office) == [world.acme.user.email]
    with world.admin.tenant(tenant_id) as tx:
        tx.execute("insert into mailbox_members values (%s, %s, %s)", (tenant_id, office, three.id))
    assert let_in(office, three.id, two.id) == 0
    assert let_in(office, world.acme.user.id, two.id) == 1
    assert let_in(office, world.acme.user.id, two.id) == 0
    with world.portal.tenant(tenant_id) as tx:
        assert tx.value("select wrap from mailbox_keys where mailbox_id = %s and user_key_id = %s",
                        (office, keys[two.id])).tobytes() == bytes(80)  # fmt: skip
    with pytest.raises(InsufficientPrivilege), world.portal.tenant(tenant_id) as tx:
        tx.execute("insert into mailbox_members values (%s, %s, %s)", (tenant_id, office, two.id))
    with world.portal.tenant(tenant_id) as tx:
        assert vault.key_of_mailbox(tx, tenant_id, office) is not None


def test_a_member_who_may_read_nothing_that_comes_in_lets_nobody_in(world: World, ann: Visitor) -> None:
    """SECURITY: also where no page asks first."""
    office, two = with_faxes(world), enrolled(world)
    me = world.acme.user
    grant = letting_in.to_wrap(world.portal, me, office, two.email)
    assert grant is not None
    with world.admin.tenant(me.tenant_id) as tx:
        users.change(tx, me.tenant_id, me.id, {"permissions": ["send"]})
    with world.portal.tenant(me.tenant_id) as tx:
        assert letting_in.everything(tx, me) == []
        with pytest.raises(NotFound):
            letting_in.group(tx, me, office)
    with pytest.raises(NotFound):
        letting_in.to_wrap(world.portal, me, office, two.email)
    wrap = world.ring(world.acme).wrapped(office, grant.epoch, grant.public)
    assert wrap is not None
    with world.portal.tenant(me.tenant_id) as tx:
        mine = own_session(tx, me)
        key = user_keys.current(tx, me.tenant_id, me.id)
        assert key is not None
        proof = proofs._proof(tx, mine, key.id, proofs._now())
        proofs.check_own(tx, mine, proof)
    with pytest.raises(NotFound):
        letting_in.let_in(
            world.portal, mine, office, two.email, grant.epoch, grant.user_key_id, wrap, proof, actor=f"user:{me.id}"
        )
    assert readers(world, office) == [me.email]
    assert "You are not permitted" in ann.get(f"/mailboxes/{office}").text
