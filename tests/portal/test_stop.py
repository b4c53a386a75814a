"""Who got a fax of a campaign asks for no more, on a page that tells nobody anything."""

from pathlib import Path

from werkzeug.test import Client

from faxplan import do_not_fax, tries
from portal.app import Portal
from tests.db.test_campaigns import a_campaign, bring
from tests.portal.conftest import Visitor, visitor
from tests.retained import count
from tests.world import World

NUMBER = "+493023110001"


def test_the_same_answer_whatever_it_was(world: World, portal: Portal, tmp_path: Path) -> None:
    campaign = a_campaign(world, tmp_path)
    bring(world, campaign, ["Fax", NUMBER])
    stranger = visitor(portal, world.acme)
    page = stranger.get("/stop")
    assert (page.status_code, "Send me no more" in page.text) == (200, True)
    wrong = stranger.post("/stop", {"number": NUMBER, "code": "ABCD-EFGH"})
    assert count(world, "do_not_fax") == 0
    right = stranger.post("/stop", {"number": NUMBER, "code": campaign.code or ""})
    assert (wrong.status_code, right.status_code) == (303, 303)
    assert dict(wrong.headers) == dict(right.headers)
    assert "Your request has been taken" in stranger.get(right.headers["Location"]).text
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert do_not_fax.find(tx, world.acme.tenant.id, NUMBER) is not None
    assert stranger.post("/stop", {"number": "", "code": ""}).status_code == 400
    for _try in range(tries.MOST_OF_ONE):
        last = stranger.post("/stop", {"number": NUMBER, "code": "x"})
    assert last.status_code == 429


def test_another_sites_form_asks_for_nothing(world: World, portal: Portal, tmp_path: Path) -> None:
    """SECURITY: nobody enters numbers through others' browsers."""
    campaign = a_campaign(world, tmp_path)
    bring(world, campaign, ["Fax", NUMBER])
    host = visitor(portal, world.acme).host
    said = Client(portal).post(
        "/stop", base_url=f"https://{host}", data={"number": NUMBER, "code": campaign.code or ""},
        headers={"Sec-Fetch-Site": "cross-site"},
    )  # fmt: skip
    assert said.status_code == 400
    assert count(world, "do_not_fax") == 0


def test_who_is_logged_in_asks_as_well(ann: Visitor, world: World, tmp_path: Path) -> None:
    campaign = a_campaign(world, tmp_path)
    bring(world, campaign, ["Fax", NUMBER])
    assert 'name="csrf"' in ann.get("/stop").text
    assert ann.post("/stop", {"number": NUMBER, "code": campaign.code or ""}).status_code == 303
    assert count(world, "do_not_fax") == 1
