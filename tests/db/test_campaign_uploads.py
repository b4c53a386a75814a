"""Files of recipients that are looked at before they are added: one of a campaign, for a day, for who sees it."""

from pathlib import Path

import pytest

from faxplan import campaign_uploads, campaigns, users
from faxplan.campaigns import Campaign, FileInHand, NotNow
from faxplan.contact_files import Reading, UnreadableFile
from faxplan.errors import NotFound
from faxplan.users import User
from tests.db.test_campaigns import a_campaign, bring, campaigner, counted, do, numbers
from tests.retained import count, execute
from tests.world import World

TABLE = b"Fax\n030 23110001\n"


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    return a_campaign(world, tmp_path)


def begin(world: World, campaign: Campaign, name: str = "a.csv", content: bytes = TABLE) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        campaign_uploads.begin(tx, world.acme.user, campaign.id, name, content)


def waiting(world: World, campaign: Campaign) -> str | None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return campaign_uploads.waiting(tx, world.acme.user, campaign.id)


def test_one_takes_the_place_of_the_one_before_and_is_gone_when_it_is_added(world: World, campaign: Campaign) -> None:
    begin(world, campaign, "a.csv")
    begin(world, campaign, "b.csv")
    assert (waiting(world, campaign), count(world, "campaign_uploads")) == ("b.csv", 1)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert campaign_uploads.add(tx, world.acme.user, campaign.id, Reading()).lines == 1
        with pytest.raises(NotFound):
            campaign_uploads.add(tx, world.acme.user, campaign.id, Reading())
    assert (waiting(world, campaign), count(world, "campaign_uploads")) == (None, 0)
    with pytest.raises(FileInHand):
        begin(world, campaign)
    campaigner(world).work()
    assert counted(world, campaign).waiting == 1


def test_after_a_day_it_is_not_there_and_the_next_ones_take_it_away(
    world: World, campaign: Campaign, tmp_path: Path
) -> None:
    begin(world, campaign)
    execute(world, "update campaign_uploads set brought_at = now() - interval '25 hours'")
    assert waiting(world, campaign) is None
    with world.portal.tenant(world.acme.tenant.id) as tx, pytest.raises(NotFound):
        campaign_uploads.get(tx, world.acme.user, campaign.id)
    begin(world, a_campaign(world, tmp_path))
    assert count(world, "campaign_uploads") == 1


def test_what_is_no_file_or_comes_to_one_that_runs_is_refused(world: World, campaign: Campaign) -> None:
    with pytest.raises(UnreadableFile):
        begin(world, campaign, content=b"\0\xff")
    bring(world, campaign, numbers(2))
    do(world, campaigns.start, campaign)
    with pytest.raises(NotNow, match="Pause"):
        begin(world, campaign)
    assert count(world, "campaign_uploads") == 0


def test_nobody_elses_is_looked_at_added_or_dropped(world: World, campaign: Campaign) -> None:
    begin(world, campaign)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = users.create(tx, world.acme.tenant.id, email="other@acme.example", name="Other")
    for office_id, who in ((world.acme.tenant.id, other), (world.borea.tenant.id, world.borea.user)):
        _finds_none(world, office_id, who, campaign.id)
    assert waiting(world, campaign) == "a.csv"


def _finds_none(world: World, tenant_id: int, who: User, campaign_id: int) -> None:
    for what in (
        lambda tx: campaign_uploads.get(tx, who, campaign_id),
        lambda tx: campaign_uploads.waiting(tx, who, campaign_id),
        lambda tx: campaign_uploads.add(tx, who, campaign_id, Reading()),
        lambda tx: campaign_uploads.drop(tx, who, campaign_id),
        lambda tx: campaign_uploads.begin(tx, who, campaign_id, "x", TABLE),
    ):
        with world.portal.tenant(tenant_id) as tx, pytest.raises(NotFound):
            what(tx)
