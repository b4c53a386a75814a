"""A campaign over the bench: paused, resumed, and its worker killed again and again, everybody gets it once."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faxplan import campaign_files, campaigns, drafts, tenants
from faxplan.campaigns import Pace
from faxplan.contact_files import Reading
from faxplan.originals import HandedIn
from tests.bench.switch_process import SwitchProcess
from tests.bench.whole import ROOT, wait_for, write_settings
from tests.world import World

OUTSIDE = "+49309876"
NUMBERS = f'[[number]]\nprefix = "{OUTSIDE}"\n'


def worker(world: World) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "FAXPLAN_CONFIG": str(write_settings(world))}
    return subprocess.Popen([sys.executable, "-m", "faxplan.cli", "worker"], cwd=ROOT, env=environment)


@pytest.mark.parametrize(
    ("recipients", "kills"),
    [(12, 3), pytest.param(500, 60, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
)
def test_everybody_gets_it_once_whatever_is_killed(world: World, tmp_path: Path, recipients: int, kills: int) -> None:
    moments = random.Random(7)  # noqa: S311 - moments, not secrets
    tenant, user = world.acme.tenant.id, world.acme.user
    with world.admin.across_tenants() as tx:
        tenants.change(tx, tenant, {"max_attempts": 20, "max_calls": 12})
    letter = tmp_path / "letter.txt"
    letter.write_text("News for all of you.\n")
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
    numbers = [f"{OUTSIDE}{each:04d}" for each in range(recipients)]
    with world.portal.tenant(tenant) as tx:
        campaign = campaigns.make(tx, user, "News", draft.id, Pace(per_minute=600, at_once=6), actor="test")
        campaign_files.bring(tx, user, campaign.id, "\n".join(["Fax", *numbers]).encode(), Reading())
    switch = SwitchProcess(world, tmp_path / "switch", speed=12, numbers=NUMBERS)
    process = worker(world)

    def counts() -> campaigns.Counts:
        with world.portal.tenant(tenant) as tx:
            return campaigns.counts(tx, user, campaign.id)

    def state() -> str:
        with world.portal.tenant(tenant) as tx:
            return campaigns.get(tx, user, campaign.id).state

    try:
        wait_for(lambda: counts().waiting == recipients and counts().lines is None, "the file to be read")
        with world.portal.tenant(tenant) as tx:
            campaigns.start(tx, user, campaign.id, actor="test")
        for each in range(kills):
            time.sleep(moments.uniform(0.3, 1.5))
            process.kill()
            process.wait()
            if state() == "running" and each % 2:
                with world.portal.tenant(tenant) as tx:
                    campaigns.pause(tx, user, campaign.id, actor="test")
                    campaigns.start(tx, user, campaign.id, actor="test")
            process = worker(world)
        wait_for(lambda: state() == "finished", "the campaign to end", 60 + 3 * recipients)
    finally:
        process.terminate()
        process.wait(60)
        switch.stop()
    assert (counts().sent, counts().total, counts().left_out) == (recipients, recipients, {})
    with world.portal.tenant(tenant) as tx:
        called = [row["called_number"] for row in tx.rows("select called_number from faxes")]
        attempts = tx.value("select count(*) from attempts")
        wraps = tx.value("select count(*) from transient_wraps")
    assert sorted(called) == numbers
    assert (attempts, wraps) == (recipients, 0)
    assert len(list(switch.far.glob("*.tif"))) == recipients
