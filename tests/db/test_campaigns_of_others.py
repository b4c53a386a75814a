"""An administrator steers a colleague's campaign, and is sent nothing of what it says."""

from pathlib import Path

import pytest

from faxplan import campaign_contacts, campaign_files, campaign_tests, campaign_uploads, campaigns, users
from faxplan.contact_files import Reading
from faxplan.db import Transaction
from faxplan.errors import Forbidden
from tests.db.test_campaigns import a_campaign, bring, do
from tests.retained import count, execute, purge
from tests.world import World


def test_an_administrator_is_sent_nothing_of_a_colleagues_campaign(world: World, tmp_path: Path) -> None:
    """Its document is sealed for its maker: who could add a number of their own, or ask for a test, would read it."""
    tenant = world.acme.tenant.id
    campaign = a_campaign(world, tmp_path)
    bring(world, campaign, ["030 23110001"])
    with world.admin.tenant(tenant) as tx:
        boss = users.create(tx, tenant, email="boss@acme.example", name="B", role="administrator")

    def then(_tx: Transaction, test: campaign_tests.Test) -> campaign_tests.Test:
        return test

    with pytest.raises(Forbidden, match="somebody else's"):
        campaign_tests.ask(world.portal, boss, campaign.id, "030 23110009", then=then, actor="test")
    with pytest.raises(Forbidden, match="somebody else's"), world.portal.tenant(tenant) as tx:
        campaign_files.bring(tx, boss, campaign.id, b"030 23110009", Reading("comma", False, {"number": 0}))
    with pytest.raises(Forbidden, match="somebody else's"), world.portal.tenant(tenant) as tx:
        campaign_uploads.begin(tx, boss, campaign.id, "list.csv", b"030 23110009")
    with pytest.raises(Forbidden, match="somebody else's"), world.portal.tenant(tenant) as tx:
        campaign_contacts.bring(tx, boss, campaign.id, everyone=True)
    assert [count(world, each) for each in ("campaign_tests", "campaign_files", "campaign_uploads")] == [0, 0, 0]


def test_a_file_that_was_never_added_goes_with_the_campaign(world: World, tmp_path: Path) -> None:
    """It has numbers and names of people in it, and nobody looks for it any more."""
    campaign = a_campaign(world, tmp_path)
    bring(world, campaign, ["030 23110001"])
    do(world, campaigns.start, campaign)
    do(world, campaigns.pause, campaign)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaign_uploads.begin(tx, world.acme.user, campaign.id, "list.csv", b"030 23110009")
    do(world, campaigns.cancel, campaign)
    assert count(world, "campaign_uploads") == 0


def test_a_file_that_nobody_added_is_gone_with_the_purge_after_a_day(world: World, tmp_path: Path) -> None:
    campaign, other = a_campaign(world, tmp_path), a_campaign(world, tmp_path)
    for each in (campaign, other):
        with world.portal.tenant(world.acme.tenant.id) as tx:
            campaign_uploads.begin(tx, world.acme.user, each.id, "list.csv", b"030 23110009")
    execute(world, "update campaign_uploads set brought_at = now() - interval '25 hours' where campaign_id = %s",
            (campaign.id,))  # fmt: skip
    purge(world)
    assert count(world, "campaign_uploads", f"campaign_id = {other.id}") == count(world, "campaign_uploads") == 1
