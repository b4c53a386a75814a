"""Who lets a user read a mailbox in which faxes lie: somebody who reads it, and not the administrator's word alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faxplan import admission, dids, documents, enrolment, passphrases, recovery_key, users
from faxplan.admission import By, NeedsMember, Paper
from faxplan.documents import Locked
from faxplan.enrolment import Secret
from faxplan.errors import Forbidden, NotFound
from faxplan.passphrases import WrongSecret
from faxplan.recovery_key import NoReason
from faxplan.users import User
from tests.db.test_enrolment import OTHER, colleague, group, newest, reads_all
from tests.installations import Installation
from tests.past_the_gate import connected
from tests.retained import bound, count, purge, received
from tests.world import PHRASE, World, enrol, world_on


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """Whose users have no keys yet."""
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


@pytest.fixture
def she(world: World) -> User:
    """Enrolled, and of no group mailbox."""
    enrol(world.portal, world.acme)
    made = colleague(world)
    enrolment.enrol(world.portal, made, OTHER)
    return made


def let_in(world: World, email: str, by: By | Paper | None = None) -> bool:
    return admission.let_in(world.admin, world.portal, "administrator:test", "acme", "office", email, by=by)


def receive(world: World, mailbox_id: int, tmp_path: Path, *, and_then: Callable[[], object] = lambda: None) -> None:
    """Something that is sealed to the mailbox. and_then: before that is committed."""
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4")
    key = newest(world, mailbox_id)
    assert key is not None
    made = world.seal(file, world.acme, documents.ORIGINAL)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        documents.record(tx, made.wrapped([key]), media_type="application/pdf", pages=1)
        # Now, and not with the commit.
        tx.value("select 1")
        and_then()


def test_the_administrator_alone_lets_nobody_into_what_lies_there(world: World, she: User, tmp_path: Path) -> None:
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    with pytest.raises(NeedsMember, match=f"{world.acme.user.email}.*--by"):
        let_in(world, she.email)
    # And no member's next unlock hands it on.
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    assert enrolment.unlock(world.portal, she, Secret(OTHER)).mailboxes == [she.mailbox_id]


def test_what_was_purged_is_opened_to_nobody_by_the_administrator_alone(
    world: World, she: User, tmp_path: Path
) -> None:
    """The mailbox's keys open it in every backup."""
    office = group(world, world.acme.user)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, {"mailbox_id": office})
    received(world, world.acme, "a", days_ago=2)
    bound(world, None, max_days=1)
    assert (purge(world).faxes, count(world, "mailbox_wraps")) == (1, 0)
    with pytest.raises(NeedsMember):
        let_in(world, she.email)
    assert let_in(world, she.email, By(world.acme.user.email, Secret(PHRASE)))


def test_that_something_was_sealed_to_it_is_noted_of_one_mailbox_and_with_the_wrap(
    world: World, she: User, tmp_path: Path
) -> None:
    office, other = group(world, world.acme.user), she.mailbox_id
    assert other is not None
    with pytest.raises(ZeroDivisionError):
        receive(world, office, tmp_path, and_then=lambda: 1 / 0)
    assert noted(world) == []
    for _ in range(2):
        receive(world, office, tmp_path)
        assert noted(world) == [office]
    receive(world, other, tmp_path)
    assert noted(world) == sorted([office, other])


def test_who_seals_to_a_mailbox_waits_for_nobody_who_does_or_changes_it(
    world: World, she: User, tmp_path: Path
) -> None:
    """They may wait for each other elsewhere."""
    office, tenant_id = group(world, world.acme.user), world.acme.tenant.id
    with world.worker.tenant(tenant_id) as tx:
        other = tx.value(
            """insert into documents (tenant_id, kind, media_type, bytes, object_name, header_digest)
               values (%s, 'original', 'application/pdf', 1, 'other', sha256('')) returning id""",
            (tenant_id,),
        )

    def at_once() -> None:
        with world.worker.tenant(tenant_id) as tx:
            tx.execute("set local lock_timeout = '2s'")
            tx.execute(
                """insert into mailbox_wraps (tenant_id, document_id, mailbox_id, epoch, wrap)
                   values (%s, %s, %s, 1, convert_to(repeat('w', 80), 'UTF8'))""",
                (tenant_id, other, office),
            )
        with world.portal.tenant(tenant_id) as tx:
            tx.execute("set local lock_timeout = '2s'")
            tx.execute("update mailboxes set mail_mode = 'plain' where tenant_id = %s and id = %s", (tenant_id, office))

    receive(world, office, tmp_path, and_then=at_once)
    assert noted(world) == [office, office]


def noted(world: World) -> list[int]:
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("select mailbox_id from sealed_mailboxes order by 1")
        return [row[0] for row in cursor.fetchall()]


def test_a_member_lets_somebody_in_and_hands_the_key_on_at_once(world: World, she: User, tmp_path: Path) -> None:
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    assert let_in(world, she.email, By(world.acme.user.email, Secret(PHRASE)))
    assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True]
    # Who reads it already needs nobody.
    assert not let_in(world, she.email)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        told = tx.one("select actor, details from audit where action = 'mailbox.add-member'")
    assert (told["actor"], told["details"]["by"]) == ("administrator:test", f"user:{world.acme.user.id}")
    assert told["details"]["granted"]


def test_who_is_let_in_before_they_enrol_gets_it_later(world: World, she: User, tmp_path: Path) -> None:
    office, third = group(world, she), colleague(world, "three")
    receive(world, office, tmp_path)
    assert let_in(world, third.email, By(she.email, Secret(OTHER)))
    enrolment.enrol(world.portal, third, PHRASE)
    enrolment.unlock(world.portal, she, Secret(OTHER))
    assert reads_all(world, enrolment.unlock(world.portal, third, Secret(PHRASE)), office) == [True]


def test_as_long_as_nothing_lies_there_the_administrator_says_who_reads(world: World, she: User) -> None:
    office = group(world, world.acme.user)
    assert let_in(world, she.email)
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True]


def test_only_who_reads_it_lets_in(world: World, she: User, tmp_path: Path) -> None:
    office, third = group(world, world.acme.user), colleague(world, "three")
    receive(world, office, tmp_path)
    for by, refusal in (
        (By(she.email, Secret(OTHER)), Forbidden),
        (By(world.acme.user.email, Secret(OTHER)), WrongSecret),
        (By("x@acme.example", Secret(OTHER)), NotFound),
        (By(world.borea.user.email, Secret(PHRASE)), NotFound),
    ):
        with pytest.raises(refusal):
            let_in(world, third.email, by)
    enrolment.enrol(world.portal, third, PHRASE)
    assert let_in(world, third.email, By(world.acme.user.email, Secret(PHRASE)))


def test_who_may_not_act_lets_nobody_in(world: World, she: User, tmp_path: Path) -> None:
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set enabled = false where id = %s", (world.acme.user.id,))
    with pytest.raises(NotFound):
        let_in(world, she.email, By(world.acme.user.email, Secret(PHRASE)))


def test_who_may_not_receive_lets_nobody_in(world: World, she: User, tmp_path: Path) -> None:
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": ["send"]})
    with pytest.raises(Forbidden, match="does not read"):
        let_in(world, she.email, By(world.acme.user.email, Secret(PHRASE)))


def test_who_waits_for_the_key_lets_nobody_in(world: World, she: User, tmp_path: Path) -> None:
    office, third = group(world, world.acme.user), colleague(world, "three")
    assert let_in(world, she.email)
    receive(world, office, tmp_path)
    with pytest.raises(Locked):
        let_in(world, third.email, By(she.email, Secret(OTHER)))


WHY = "The only reader is ill."


def paper(world: World) -> tuple[User, str]:
    """An administrator of the tenant, and the recovery key, which opens the office."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        boss = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="Boss", role="administrator")
    enrolment.enrol(world.portal, boss, PHRASE)
    code = recovery_key.make(world.portal, boss, Secret(PHRASE))
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    return boss, code


def test_who_holds_the_recovery_key_lets_in_as_well(world: World, she: User, tmp_path: Path) -> None:
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    boss, code = paper(world)
    assert let_in(world, she.email, Paper(boss.email, code, WHY))
    assert reads_all(world, enrolment.unlock(world.portal, she, Secret(OTHER)), office) == [True]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        used = tx.one("select actor, result, details from audit where action = 'key.emergency'")
        told = tx.one("select details from audit where action = 'mailbox.add-member'")
    assert (used["actor"], used["result"], used["details"]["why"]) == (f"user:{boss.id}", "done", WHY)
    assert told["details"]["by"] == f"user:{boss.id}"


def test_the_wrong_paper_lets_nobody_in(world: World, she: User, tmp_path: Path) -> None:
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    boss, code = paper(world)
    for by, refusal in (
        (Paper(boss.email, passphrases.new_recovery_code(), WHY), WrongSecret),
        (Paper(she.email, code, WHY), Forbidden),
        (Paper(boss.email, code, ""), NoReason),
    ):
        with pytest.raises(refusal):
            let_in(world, she.email, by)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        used = tx.rows("select result from audit where action = 'key.emergency'")
    assert used == [{"result": "refused"}]


def test_the_recovery_key_lets_nobody_into_what_it_does_not_open(world: World, she: User, tmp_path: Path) -> None:
    boss, code = paper(world)
    office = group(world, world.acme.user)
    receive(world, office, tmp_path)
    with connected(world.installation, "postgres") as cursor:
        # As of a mailbox of which no member has unlocked since it was made.
        cursor.execute(
            "delete from mailbox_keys h using user_keys k where k.id = h.user_key_id and k.kind = 'recovery'"
        )
        cursor.connection.commit()
    with pytest.raises(Locked):
        let_in(world, she.email, Paper(boss.email, code, WHY))
