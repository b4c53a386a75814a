"""Who unlocks is told to whom that has handed keys."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from faxplan import admission, enrolment, reader_keys, recovery_key, users
from faxplan.admission import By, Paper
from faxplan.enrolment import Secret
from faxplan.gains import Gain
from faxplan.users import User
from tests.audits import tamper
from tests.db.test_enrolment import OTHER, colleague, group
from tests.installations import Installation
from tests.world import PHRASE, World, enrol, world_on

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


class Told:
    """What was said, as (to whom, mailboxes)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, list[str]]] = []

    def __call__(self, gained: Sequence[Gain]) -> None:
        self.said += [(each.to, each.mailboxes) for each in gained]


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    with world_on(installation, tmp_path, enrolled=False) as made:
        enrol(made.portal, made.acme)
        yield made


@pytest.fixture
def she(world: World) -> User:
    return colleague(world)


@pytest.fixture
def boss(world: World) -> User:
    """An administrator of the tenant, enrolled."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        made = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="Boss", role="administrator")
    enrolment.enrol(world.portal, made, PHRASE)
    return made


def unlock(world: World) -> list[tuple[str, list[str]]]:
    told = Told()
    enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE), told=told)
    return told.said


def of(user: User) -> str:
    return f"{user.name} ({user.email}), with a key of {TODAY}"


def test_who_enrols_in_a_members_name_is_told_of_to_the_next_who_unlocks_and_once(world: World, she: User) -> None:
    group(world, world.acme.user, she)
    assert unlock(world) == []
    enrolment.enrol(world.portal, she, OTHER)
    assert unlock(world) == [(of(she), ["office"])]
    assert unlock(world) == []


def test_another_key_in_a_members_name_gets_the_history_and_that_is_told(world: World, she: User) -> None:
    """It has the newest key already; the older ones come by the tie between them."""
    group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, PHRASE)
    unlock(world)
    enrolment.enrol(world.portal, she, OTHER, anew=True)
    assert unlock(world) == [(of(she), ["office"])]
    assert unlock(world) == []


def test_a_recovery_key_is_told_of_with_who_made_it(world: World, boss: User) -> None:
    group(world, world.acme.user)
    told = Told()
    recovery_key.make(world.portal, boss, Secret(PHRASE), told=told)
    paper = f"your organisation's recovery key, made on {TODAY} by {boss.email}"
    assert told.said == [(paper, [boss.email])]
    assert unlock(world) == [(paper, ["office", world.acme.user.email])]


def test_one_that_was_put_there_past_faxplan_nobody_has_made(world: World, boss: User) -> None:
    recovery_key.make(world.portal, boss, Secret(PHRASE))
    tamper(world, "update audit set result = 'refused' where action = 'key.recovery-make'")
    ((to, _),) = unlock(world)
    assert to.endswith("by nobody of whom the audit knows")


def test_an_api_reader_that_waits_is_told_of(world: World, she: User) -> None:
    group(world, world.acme.user, she)
    reader_keys.make(world.portal, world.acme.user, Secret(PHRASE), "Archive", ["office"])
    tamper(
        world,
        "delete from mailbox_keys h using user_keys k where k.id = h.user_key_id and k.kind = 'reader'",
    )
    assert unlock(world) == [(f"API reader Archive, made on {TODAY}", ["office"])]


def test_who_brings_an_older_key_back_is_not_told_of_themselves(world: World) -> None:
    enrolment.enrol(world.portal, world.acme.user, OTHER, anew=True)
    told = Told()
    enrolment.recover(world.portal, world.acme.user, Secret(OTHER), Secret(PHRASE), told=told)
    assert told.said == []


@pytest.mark.parametrize("how", ["member", "paper"])
def test_who_lets_somebody_in_is_told_of_all_who_get_the_key(world: World, she: User, boss: User, how: str) -> None:
    group(world, world.acme.user, she)
    third = colleague(world, "third")
    enrolment.enrol(world.portal, third, OTHER)
    by: By | Paper = By(world.acme.user.email, Secret(PHRASE))
    if how == "paper":
        code = recovery_key.make(world.portal, boss, Secret(PHRASE))
        unlock(world)
        by = Paper(boss.email, code, "Nobody is there.")
    enrolment.enrol(world.portal, she, OTHER)
    told = Told()
    admission.let_in(world.admin, world.portal, "test", "acme", "office", third.email, by=by, told=told)
    assert sorted(told.said) == [(of(third), ["office"]), (of(she), ["office"])]


def test_an_emergency_access_says_who_got_what(world: World, she: User, boss: User) -> None:
    group(world, world.acme.user, she)
    code = recovery_key.make(world.portal, boss, Secret(PHRASE))
    unlock(world)
    enrolment.enrol(world.portal, she, OTHER)
    told = Told()
    recovery_key.use(world.portal, boss, code, why="Ill.", mailbox_names=["office"], told=told)
    assert told.said == [(of(she), ["office"])]


def test_nobody_is_told_of_what_did_not_last(world: World, she: User, monkeypatch: pytest.MonkeyPatch) -> None:
    group(world, world.acme.user, she)
    enrolment.enrol(world.portal, she, OTHER)
    told = Told()
    with monkeypatch.context() as patched:
        patched.setattr("faxplan.gains.of", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE), told=told)
    assert told.said == []
    assert unlock(world) == [(of(she), ["office"])]
