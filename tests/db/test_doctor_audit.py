"""The doctor on the audit: rows that no checkpoint has, and checkpoints that stay here."""

from dataclasses import replace
from pathlib import Path

from faxplan import checkpointing, doctor_audit, doctor_database
from faxplan.config import Settings
from faxplan.findings import Finding, Level
from tests.audits import tamper, write
from tests.world import World


def found(world: World, settings: Settings | None = None) -> Finding:
    with world.admin.across_tenants() as tx:
        return doctor_audit.checkpoints(tx, settings or world.settings)


def test_rows_of_this_hour_may_wait(world: World) -> None:
    assert found(world).level is Level.OK
    write(world, world.acme.tenant.id, 2)
    assert found(world).level is Level.OK


def test_rows_that_wait_for_long_show_that_no_checkpoint_is_made(world: World) -> None:
    write(world, world.borea.tenant.id, 1)
    checkpointing.make(world.settings, world.admin)
    write(world, world.acme.tenant.id, 2)
    tamper(world, "update audit set at = at - interval '61 minutes'")
    told = found(world)
    assert (told.level, "in no checkpoint" in told.found) == (Level.WARNING, True)
    assert told in doctor_database.database(world.settings)[0]


def test_checkpoints_that_stay_here_prove_little(world: World, tmp_path: Path) -> None:
    write(world, world.acme.tenant.id, 2)
    checkpointing.make(world.settings, world.admin)
    told = found(world)
    assert (told.level, told.found.startswith("3 rows are in checkpoints, and those stay")) == (Level.WARNING, True)
    assert found(world, replace(world.settings, checkpoint_dir=tmp_path)).level is Level.OK
    assert found(world, replace(world.settings, checkpoint_mail_to="officer@harrow.example")).level is Level.OK
