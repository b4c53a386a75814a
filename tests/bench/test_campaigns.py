"""A campaign over the bench: paused, resumed, and its worker killed again and again, everybody gets it once."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from faxplan import (
    campaign_covers,
    campaign_files,
    campaign_recipients,
    campaigns,
    cover_page,
    documents,
    drafts,
    tenants,
)
from faxplan.campaign_pace import Pace
from faxplan.campaign_words import CampaignCover
from faxplan.contact_files import Reading
from faxplan.cover_layout import Sheet
from faxplan.cover_page import Job
from faxplan.originals import HandedIn
from faxplan.paper import Resolution
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

    def counts() -> campaign_recipients.Counts:
        with world.portal.tenant(tenant) as tx:
            return campaign_recipients.counts(tx, user, campaign.id)

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


def pages(file: Path) -> list[bytes]:
    with Image.open(file) as image:
        return [frame.convert("1").tobytes() for frame in ImageSequence.Iterator(image)]


def test_each_recipient_gets_the_own_cover(world: World, tmp_path: Path) -> None:
    """As it is drawn of this recipient's fields, before the document that is the same for all."""
    tenant, user = world.acme.tenant.id, world.acme.user
    with world.admin.across_tenants() as tx:
        tenants.change(tx, tenant, {"header_line": False})
    letter = tmp_path / "letter.txt"
    letter.write_text("News for all of you.\n")
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
    lines = [f"{OUTSIDE}0001;Ann;Berlin", f"{OUTSIDE}0002;Bob;", f"{OUTSIDE}0003;Cy;Bonn"]
    with world.portal.tenant(tenant) as tx:
        campaign = campaigns.make(tx, user, "News", draft.id, Pace(per_minute=600, at_once=1), actor="test")
        campaign_files.bring(tx, user, campaign.id, "\n".join(["Fax;First name;City", *lines]).encode(), Reading())
    cover = CampaignCover(
        to_name="{{ first_name }}", subject="Dear {{ first_name }}",
        message="{% if city %}We are in {{ city }} soon.{% else %}We come to you.{% endif %}",
    )  # fmt: skip
    campaign_covers.put(world.portal, world.store, user, campaign.id, cover, actor="test")
    switch = SwitchProcess(world, tmp_path / "switch", speed=12, numbers=NUMBERS)
    process = worker(world)

    def state() -> str:
        with world.portal.tenant(tenant) as tx:
            if campaign_recipients.counts(tx, user, campaign.id).lines is None:
                found = campaigns.get(tx, user, campaign.id)
                return (found if found.state != "draft" else campaigns.start(tx, user, campaign.id, actor="test")).state
            return "read"

    try:
        wait_for(lambda: state() == "finished", "the campaign to end", 120)
    finally:
        process.terminate()
        process.wait(60)
        switch.stop()
    with world.portal.tenant(tenant) as tx:
        rows = tx.rows(
            """select f.called_number, f.cover_id from faxes f
               join attempts a on a.tenant_id = f.tenant_id and a.fax_id = f.id order by a.id"""
        )
        stored = [documents.get(tx, tenant, row["cover_id"]) for row in rows]
        renderings = tx.value("select count(*) from renderings")
    sheets = [Sheet.of(world.opened(each)) for each in stored]
    assert sorted(row["called_number"] for row in rows) == [f"{OUTSIDE}000{each}" for each in (1, 2, 3)]
    said = {row["called_number"][-1]: sheet.values for row, sheet in zip(rows, sheets, strict=True)}
    assert [(said[each]["subject"], said[each]["message"]) for each in "123"] == [
        ("Dear Ann", "We are in Berlin soon."), ("Dear Bob", "We come to you."), ("Dear Cy", "We are in Bonn soon."),
    ]  # fmt: skip
    # One call at a time: what arrived stands in the order of the calls.
    arrived = [pages(each) for each in sorted(switch.far.glob("*.tif"), key=lambda file: file.stat().st_mtime)]
    for number, sheet in enumerate(sheets):
        folder = tmp_path / f"drawn-{number}"
        folder.mkdir()
        drawn, _pages = cover_page.draw(Job(sheet, None, 1), [Resolution.FINE], folder, within=world.store.confinement)
        assert arrived[number][0] == pages(drawn)[0], number
    assert len({each[0] for each in arrived}) == 3
    assert len({each[1] for each in arrived}) == 1
    assert (renderings, [len(each) for each in arrived]) == (1, [2, 2, 2])
