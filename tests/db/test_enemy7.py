"""What an enemy found who had the source, and is not mended: to be decided first what a hold of a copy is to hold."""

from dataclasses import replace

import pytest

from faxplan import deletion
from faxplan.forwarding import forward
from tests.db.test_forwarding import Person, ann, ben, fax, hold, wraps_of
from tests.retained import bound, purge
from tests.world import World

__all__ = ["ann", "ben", "fax"]


@pytest.mark.xfail(strict=True, reason="a hold of a copy does not hold the fax of which it is one")
def test_a_hold_of_a_copy_keeps_what_opens_it(world: World, ann: Person, ben: Person, fax: int) -> None:
    """As by a move: copied by what opens nothing, and deleted; not purged yet as the copy is held."""
    bound(world, world.acme, min_days=5)
    good = ann.wrapped(fax, ben.user.email)
    copy = forward(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
    deletion.delete(world.portal, ann.user, fax)
    hold(world, fax_id=copy)
    bound(world, world.acme, min_days=0)
    purge(world)
    assert wraps_of(world, ann.mailbox_id) == 4
