"""Who got a campaign's fax says that there are to be no more: by fax, or with its code; and the first page says how."""

from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    campaign_clones,
    campaign_covers,
    campaign_release,
    campaigns,
    dids,
    do_not_fax,
    documents,
    drafts,
    opt_out,
    provisioning,
    renderings,
)
from faxplan.campaign_clones import Whom
from faxplan.campaign_words import CampaignCover
from faxplan.campaigns import Campaign
from faxplan.cover_layout import Sheet
from faxplan.opt_out import InvalidNotice
from faxplan.originals import HandedIn
from faxplan.tries import MOST_OF_ONE, TooManyTries
from tests.db.test_campaigns import FAST, a_campaign, bring, campaigner, counted, do
from tests.db.test_inbound import arrived, deliver
from tests.faxes import audited
from tests.retained import count, execute
from tests.world import World

NOTICE = "No more? {address}, code {code}, or fax to {number}."
STOP_AT = "acme.fax.example/stop"
NUMBER = "+493023110001"


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    made = a_campaign(world, tmp_path)
    bring(world, made, ["Fax;Name", "030 23110001;Ann", "030 23110002;Bob"])
    return made


def says(world: World, notice: str = NOTICE) -> None:
    """It is the tenant's notice, and its number is for that."""
    provisioning.change_tenant(
        world.admin, "test", world.acme.tenant.slug, {"opt_out_notice": notice}, by_operator=False
    )
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, {"opt_out": True})


def make(world: World, folder: Path, *, stop_at: str | None = STOP_AT) -> Campaign:
    letter = folder / "letter.txt"
    letter.write_text("News for all of you.\n")
    user = world.acme.user
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
    with world.portal.tenant(user.tenant_id) as tx:
        return campaigns.make(tx, user, "Spring", draft.id, FAST, stop_at=stop_at, actor="test")


def listed(world: World) -> dict[str, str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return {row["number"]: row["reason"] for row in do_not_fax.of_tenant(tx, world.acme.tenant.id)}


def ask(world: World, number: str, code: str, address: str = "192.0.2.1") -> None:
    opt_out.by_page(world.portal, world.acme.tenant.id, address, number, code)


# --------------------------------------------------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    "notice", ["{", "}", "{0}", "{name}", "{code.__class__}", "{code!r}", "{code:>99}", "{address}", "x" * 401, "a\nb"]
)
def test_what_cannot_be_filled_in_is_refused(world: World, notice: str) -> None:
    with pytest.raises(InvalidNotice):
        says(world, notice)


def test_without_a_notice_there_is_none(world: World, campaign: Campaign) -> None:
    assert campaign.notice == ""
    assert count(world, "renderings", "notice <> ''") == 0


def test_the_first_page_says_it_and_is_rendered_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(world)
    made = make(world, tmp_path)
    assert made.code is not None
    assert made.notice == f"No more? {STOP_AT}, code {opt_out.shown(made.code)}, or fax to +49 30 23125001."
    bring(world, made, ["Fax", "030 23110001"])
    rendered: list[str] = []
    order = renderings.order
    monkeypatch.setattr(renderings, "order", lambda *given: (rendered.append("x"), order(*given))[1])
    world.render_all()
    assert len(rendered) == 1
    do(world, campaigns.start, made)
    campaigner(world).work()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        said = tx.value("select r.notice from faxes f join renderings r on r.id = f.rendering_id")
        plain = tx.value("select count(*) from renderings where notice = '' and document_id is not null")
    assert (said, plain) == (made.notice, 0)


def test_what_a_machine_refuses_is_made_anew_with_it(world: World, tmp_path: Path) -> None:
    says(world)
    made = make(world, tmp_path)
    bring(world, made, ["Fax", "030 23110001"])
    world.render_all()
    do(world, campaigns.start, made)
    campaigner(world).work()
    with world.switch.tenant(world.acme.tenant.id) as tx:
        fax = tx.one("select * from faxes")
        renderings.render_again(tx, fax, 0, "smaller")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select notice from renderings where resolution = 'fine-a4'") == made.notice


def test_the_cover_says_it(world: World, tmp_path: Path) -> None:
    says(world)
    made = make(world, tmp_path)
    bring(world, made, ["Fax;Name", "030 23110001;Ann"])
    campaign_covers.put(
        world.portal, world.store, world.acme.user, made.id, CampaignCover(message="Hello"), actor="test"
    )
    do(world, campaigns.start, made)
    campaign_release.step(world.portal, world.acme.tenant.id, made.id, world.store)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        cover = documents.get_to_send(tx, world.acme.tenant.id, tx.value("select cover_id from faxes"))
    assert Sheet.of(world.store.read_to_send(cover)).notice == made.notice


@pytest.mark.parametrize("what", ["address", "number"])
def test_a_notice_that_names_what_is_not_there_makes_no_campaign(world: World, tmp_path: Path, what: str) -> None:
    says(world)
    if what == "number":
        execute(world, "update dids set opt_out = false")
    with pytest.raises(InvalidNotice):
        make(world, tmp_path, stop_at=None if what == "address" else STOP_AT)
    assert count(world, "campaigns") == 0


# ------------------------------------------------------------------------------------------------------ what comes back


@pytest.mark.parametrize(
    ("number", "code", "enters"),
    [
        (NUMBER, "{code}", True),
        ("030 / 231-10001", "{shown}", True),
        (NUMBER, "{lower}", True),
        ("+493023110009", "{code}", False),
        (NUMBER, "ABCDEFGH", False),
        (NUMBER, "{code}X", False),
        (NUMBER, "", False),
        ("nobody", "{code}", False),
    ],
)
def test_the_code_and_the_number_that_it_went_to_are_asked_for(
    world: World, campaign: Campaign, number: str, code: str, enters: bool
) -> None:
    assert campaign.code is not None
    written = code.format(code=campaign.code, shown=opt_out.shown(campaign.code), lower=campaign.code.lower())
    for _time in range(2):
        ask(world, number, written)
    assert listed(world) == ({NUMBER: "Asked for it at the address on a fax of campaign Spring."} if enters else {})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, object, details from audit where action = 'do-not-fax.add'")
    assert [(each["actor"], each["object"], each["details"].get("campaign")) for each in rows] == (
        [("recipient", f"number:{NUMBER}", f"campaign:{campaign.id}")] if enters else []
    )


def test_who_asked_for_it_gets_nothing_of_any_campaign(world: World, campaign: Campaign, tmp_path: Path) -> None:
    other = a_campaign(world, tmp_path)
    bring(world, other, ["Fax", "030 23110001", "030 23110003"])
    do(world, campaigns.start, other)
    ask(world, NUMBER, campaign.code or "")
    for each in (campaign, other):
        if each is campaign:
            do(world, campaigns.start, each)
        execute(world, "update campaigns set paced_from = now() - interval '1 second'")
        campaigner(world).work()
        assert counted(world, each).left_out == {"do-not-fax": 1}
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert NUMBER not in {row["called_number"] for row in tx.rows("select called_number from faxes")}


def test_another_tenants_code_is_none(world: World, campaign: Campaign) -> None:
    opt_out.by_page(world.portal, world.borea.tenant.id, "192.0.2.1", NUMBER, campaign.code or "")
    assert count(world, "do_not_fax") == 0


def test_nobody_tries_codes_one_after_the_other(world: World, campaign: Campaign) -> None:
    """SECURITY: right or wrong, all of them count, so that the limit tells nothing either."""
    for _try in range(MOST_OF_ONE):
        ask(world, NUMBER, campaign.code or "")
    with pytest.raises(TooManyTries):
        ask(world, NUMBER, campaign.code or "")
    ask(world, NUMBER, "ABCDEFGH", "192.0.2.2")


# --------------------------------------------------------------------------------------------------------------- by fax


@pytest.mark.parametrize(
    ("caller", "opts", "enters"),
    [
        ("+4940999888", True, True), ("+4940999888", False, False), (None, True, False), ("040999888", True, False),
        ("+49", True, False), ("anonymous", True, False),
    ],
)  # fmt: skip
def test_a_fax_to_the_number_that_is_for_it(world: World, caller: Any, opts: bool, enters: bool) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, {"opt_out": opts})
    for each in ("uuid-1", "uuid-2"):
        fax = arrived(world, uuid=each)
        execute(world, "update faxes set calling_number = %s", (caller,))
        assert deliver(world, fax) == "received"
    assert set(listed(world)) == ({"+4940999888"} if enters else set())
    assert audited(world, world.acme).count("do-not-fax.add") == int(enters)
    if enters:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            found = do_not_fax.find(tx, world.acme.tenant.id, "+4940999888")
        assert found is not None
        assert (found["added_by"], found["reason"].startswith("Asked for it by a fax to")) == ("who has it", True)


# --------------------------------------------------------------------------------------------------------------- clones


@pytest.mark.parametrize("rendered", [True, False])
def test_a_clone_says_how_to_get_no_more_of_itself(world: World, tmp_path: Path, rendered: bool) -> None:
    says(world)
    first = make(world, tmp_path)
    if rendered:
        world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        again = campaign_clones.clone(tx, world.acme.user, first.id, None, Whom.NOBODY, stop_at=STOP_AT, actor="test")
    says(world, "")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        silent = campaign_clones.clone(tx, world.acme.user, first.id, None, Whom.NOBODY, actor="test")
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        made = [campaigns.get(tx, world.acme.user, each.id) for each in (first, again, silent)]
        drawn = [tx.value("select notice from renderings where id = %s", (each.rendering_id,)) for each in made]
    assert [each.rendering for each in made] == ["rendered"] * 3
    assert drawn == [each.notice for each in made]
    assert opt_out.shown(made[0].code or "") in drawn[0]
    assert opt_out.shown(made[1].code or "") in drawn[1]
    assert drawn[2] == ""


def test_who_asks_when_recipients_were_destroyed_is_heard(world: World, campaign: Campaign) -> None:
    """Faxes lie on desks for longer than an organisation keeps whom they went to."""
    assert campaign.code is not None
    execute(world, "update campaigns set state = 'finished', started_at = now(), ended_at = now(), purged_at = now(), "
                   "kept_counts = '{}'")  # fmt: skip
    execute(world, "delete from campaign_recipients")
    ask(world, "030 23110001", "22222222")
    assert listed(world) == {}
    ask(world, "030 23110001", campaign.code)
    assert set(listed(world)) == {NUMBER}


@pytest.mark.parametrize("caller", ["+4985582630237346", "+8147585472953041"])
def test_a_caller_whose_number_no_list_takes_is_received_all_the_same(world: World, caller: str) -> None:
    """E.164 has 15 digits, and some plans are said to have more: a forged one keeps nobody's fax from arriving."""
    says(world)
    fax = arrived(world)
    execute(world, "update faxes set calling_number = %s", (caller,))
    assert deliver(world, fax) == "received"
    assert listed(world) == {}
