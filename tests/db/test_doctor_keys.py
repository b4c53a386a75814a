"""The doctor on this machine's keys in the database: each has its private half here."""

from faxplan import doctor_database, transient_readers
from faxplan.findings import Finding, Level
from faxplan.key_folder import KeyFolder
from tests.audits import tamper
from tests.world import World

WHAT = "keys, of this machine"


def found(world: World) -> list[Finding]:
    return [each for each in doctor_database.database(world.settings)[0] if each.what == WHAT]


def test_where_the_folder_has_them_nothing_is_said(world: World) -> None:
    mailer = KeyFolder(world.settings.mailer_keys)
    mailer.prepare()
    transient_readers.ensure(world.worker, mailer, world.settings.node, transient_readers.MAILER)
    # Another machine's are not here.
    tamper(world, "insert into transient_keys (purpose, node, public_key) values ('dispatch', 'node9', sha256('x'))")
    assert found(world) == []


def test_a_key_under_this_machines_name_that_is_not_here_is_an_error(world: World) -> None:
    tamper(
        world,
        "update transient_keys set retired_at = now()",
        "insert into transient_keys (purpose, node, public_key) values ('dispatch', 'node1', sha256('x'))",
        "insert into transient_keys (purpose, node, public_key) values ('mailer', 'node1', sha256('y'))",
    )
    dispatch, mailer = found(world)
    assert (dispatch.level, mailer.level) == (Level.ERROR, Level.ERROR)
    assert f"dispatch key of node1, and {world.settings.keys} has no private half" in dispatch.found
    assert f"mailer key of node1, and {world.settings.mailer_keys} has no private half" in mailer.found
    assert "Somebody put it there" in dispatch.remedy
    assert "folder was lost" in dispatch.remedy


def test_after_the_machine_has_taken_another_key_all_is_well(world: World) -> None:
    for file in world.settings.keys.glob("*.key"):
        file.unlink()
    assert [each.level for each in found(world)] == [Level.ERROR]
    # As a worker that starts has none in memory.
    transient_readers.ensure(world.worker, KeyFolder(world.settings.keys), world.settings.node)
    assert found(world) == []
