"""The page about an organisation's recovery key."""

from faxplan import enrolment, recovery_key, users
from faxplan.enrolment import Secret
from tests.db.test_enrolment import OTHER, colleague, group
from tests.portal.conftest import Visitor
from tests.portal.test_people import boss
from tests.world import PHRASE, World

__all__ = ["boss"]
PAGE = "/organisation/recovery"


def test_it_says_how_far_the_key_has_come(world: World, boss: Visitor) -> None:
    assert "has no recovery key" in boss.get(PAGE).text
    two = colleague(world)
    enrolment.enrol(world.portal, two, OTHER)
    group(world, two)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        me = users.get(tx, world.acme.tenant.id, world.acme.user.id)
    recovery_key.make(world.portal, me, Secret(PHRASE))
    page = boss.get(PAGE).text
    assert "It opens 1 of 3 mailboxes." in page
    assert "<li>office</li>" in page
    assert "<li>two@acme.example</li>" in page
    enrolment.unlock(world.portal, two, Secret(OTHER))
    assert "It opens 3 of 3 mailboxes." in boss.get(PAGE).text
    assert "Not yet opened" not in boss.get(PAGE).text
