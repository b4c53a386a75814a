"""Members of a group's mailbox see who reads it, and let somebody in by a key that their browser hands over."""

import json
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import enrolment, letting_in, users, vault
from faxplan.enrolment import Secret
from faxplan.errors import NotFound
from faxplan.wraps import PublicKey
from tests.db.test_enrolment import OTHER, colleague, reads_all
from tests.portal.conftest import Visitor
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


def test_a_member_lets_somebody_in_who_reads_all_then(world: World, ann: Visitor) -> None:
    office, two = with_faxes(world), enrolled(world)
    assert f'href="/mailboxes/{office}"' in ann.get("/mailboxes").text
    assert "Let somebody in" in ann.get(f"/mailboxes/{office}").text
    grant = asked(ann, office, two.email)["grant"]
    form = {"email": two.email}
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


def test_the_database_lets_nobody_in_but_by_who_has_the_key(world: World, ann: Visitor) -> None:
    """SECURITY: whatever the portal says."""
    office, two = with_faxes(world), enrolled(world)
    three, tenant_id = enrolled(world, "three"), world.acme.tenant.id

    def let_in(mailbox: int, member: int, newcomer: int) -> int:
        with world.portal.tenant(tenant_id) as tx:
            return int(tx.value("select let_in(%s, %s, %s)", (mailbox, member, newcomer)))

    assert let_in(office, three.id, two.id) == 0
    assert let_in(world.acme.user.mailbox_id or 0, world.acme.user.id, two.id) == 0
    assert let_in(office, world.acme.user.id, world.borea.user.id) == 0
    with world.admin.tenant(tenant_id) as tx:
        tx.execute("insert into mailbox_members values (%s, %s, %s)", (tenant_id, office, three.id))
    assert let_in(office, three.id, two.id) == 0
    assert let_in(office, world.acme.user.id, two.id) == 1
    assert let_in(office, world.acme.user.id, two.id) == 0
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
    with pytest.raises(NotFound):
        letting_in.let_in(
            world.portal, me, office, two.email, grant.epoch, grant.user_key_id, wrap, actor=f"user:{me.id}"
        )
    assert readers(world, office) == [me.email]
    assert "You are not permitted" in ann.get(f"/mailboxes/{office}").text
