"""Sends faxes of a world through its FreeSWITCH (fixture `faxplan`)."""

from collections.abc import Callable
from pathlib import Path

from faxplan import outbound
from faxplan.outbound import SendRequest
from tests.world import World

TEST_NUMBER = "+493099009900"


def send(world: World, letter: Path, number: str) -> int:
    fax = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, letter.name))
    world.render_all()
    return fax.fax_id


def settled(world: World, fax_id: int) -> Callable[[], bool]:
    return lambda: (
        bool(world.attempts(world.acme, fax_id)) and all(a["outcome"] for a in world.attempts(world.acme, fax_id))
    )
