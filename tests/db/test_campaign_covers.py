"""Covers of a campaign: each recipient's own, of one text with fields; sealed until it has ended, and gone after it."""

import re
from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    campaign_clones,
    campaign_covers,
    campaign_recipients,
    campaign_release,
    campaign_tests,
    campaign_words,
    campaigns,
    cover_provisioning,
    documents,
    quotas,
)
from faxplan.call_result import CallResult
from faxplan.campaign_clones import Whom
from faxplan.campaign_words import CampaignCover, InvalidCampaignCover, Kept
from faxplan.campaigns import Campaign, NotNow
from faxplan.cover_layout import Sheet
from faxplan.cover_templates import CoverTemplate
from faxplan.db import Transaction
from faxplan.document_store import KeyElsewhere, Store
from faxplan.errors import DatabaseUnavailable, NotFound
from faxplan.number_policy import NumberBarred
from faxplan.priorities import Priority
from faxplan.refusals import CoverTooLong
from tests.db.test_campaigns import a_campaign, bring, campaigner, counted, do, send_all, state
from tests.db.test_failing_over import settle
from tests.faxes import claim
from tests.retained import count, execute, purge
from tests.world import World

COVER = CampaignCover(
    to_company="{{ company }}", subject="For {{ first_name }}",
    message="Dear {{ first_name or 'customer' }},\nyour number is {{ customer_no }}.",
)  # fmt: skip
FILE = [
    "Fax;Name;First name;Company;Customer-No.",
    "030 23110001;Ann Arbor;Ann;Arbor Ltd;{{ 4711 }}",
    "030 23110002;Bob Burg;Bob;;",
    "030 23110003;Cy Coburg;;Coburg AG;33",
]
SENT = CallResult("NORMAL_CLEARING", fax_success=True, pages=2)


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    made = a_campaign(world, tmp_path)
    bring(world, made, FILE)
    return made


def put(world: World, campaign: Campaign, cover: CampaignCover = COVER) -> Campaign:
    return campaign_covers.put(world.portal, world.store, world.acme.user, campaign.id, cover, actor="test")


def ask(world: World, campaign: Campaign, number: str, recipient: int | None = None) -> campaign_tests.Test:
    def then(_tx: Transaction, test: campaign_tests.Test) -> campaign_tests.Test:
        return test

    return campaign_tests.ask(world.portal, world.acme.user, campaign.id, number, recipient, then=then, actor="test")


def objects(world: World) -> int:
    return len(list(world.store.objects()))


def covers_of_faxes(world: World) -> dict[str, dict[str, str]]:
    """What the covers of all faxes say, by the called number; as a machine opens them."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select called_number, cover_id from faxes where cover_id is not null")
        found = {row["called_number"]: documents.get_to_send(tx, world.acme.tenant.id, row["cover_id"]) for row in rows}
    return {number: dict(Sheet.of(world.store.read_to_send(each)).values) for number, each in found.items()}


def go(world: World, campaign: Campaign) -> None:
    """Its first faxes are let go."""
    do(world, campaigns.start, campaign)
    execute(world, "update campaigns set paced_from = now() - interval '1 second'")
    campaigner(world).work()


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("First name", "first_name"), ("  E-Mail. ", "e_mail"), ("Größe", "größe"), ("2nd", "column_2nd"),
        ("If", "if_"), ("self", "self_"), ("---", ""), ("__class__", "class"), ("\uff21B", "ab"),
    ],
)  # fmt: skip
def test_a_heading_is_a_field(heading: str, name: str) -> None:
    assert campaign_words.field_name(heading) == name


@pytest.mark.parametrize(
    ("cover", "said"),
    [
        (CampaignCover(message="Hello\n{{ name | eval }}"), r"Message: Line 2: there is no filter eval"),
        (CampaignCover(subject="{{ name"), "Subject: Line 1: "),
        (CampaignCover(subject="{{ Name }}"), "Write fields in small letters"),
        (CampaignCover(to_name="{{ self }}"), "Name: Line 1: there is no field self"),
        (CampaignCover(reference="{{ name.__class__ }}"), "Reference: Line 1: only fields, as in {{ name }}"),
        (CampaignCover(message="{% for a in name %}{% endfor %}"), "Message: Line 1: only fields"),
        (CampaignCover(message="x" * 6001), "more than 6000"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_as_it_is_set(
    world: World, campaign: Campaign, cover: CampaignCover, said: str
) -> None:
    before = objects(world)
    with pytest.raises(InvalidCampaignCover, match=re.escape(said) if "{" in said else said):
        put(world, campaign, cover)
    assert objects(world) == before
    assert count(world, "campaigns", "cover_id is not null") == 0


def test_each_gets_its_own(world: World, campaign: Campaign) -> None:
    cover_provisioning.put(world.admin, "x", world.acme.tenant.slug, "Letter", "{{ message }}\nYours", "Foot")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        template: int = tx.value("select id from cover_templates")
    assert put(world, campaign, CampaignCover(template, message="Hello")).cover_fields == ["name"]
    put(world, campaign)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fields = {
            each.name: (each.recipients, list(each.headings))
            for each in campaign_covers.fields(tx, world.acme.user, campaign.id)
        }
        lacking = campaign_covers.lacking(tx, world.acme.user, campaign.id)
    assert fields == {
        "number": (3, []), "name": (3, ["Name"]), "first_name": (2, ["First name"]), "company": (2, ["Company"]),
        "customer_no": (2, ["Customer-No."]),
    }  # fmt: skip
    assert lacking == {"first_name": 1, "company": 1, "customer_no": 1}
    world.render_all()
    go(world, campaign)
    said = covers_of_faxes(world)
    assert [(each["to_name"], each["to_company"], each["subject"], each["message"]) for each in said.values()] == [
        ("Ann Arbor", "Arbor Ltd", "For Ann", "Dear Ann,\nyour number is {{ 4711 }}."),
        ("Bob Burg", "", "For Bob", "Dear Bob,\nyour number is ."),
        ("Cy Coburg", "Coburg AG", "For", "Dear customer,\nyour number is 33."),
    ]
    assert count(world, "fax_queue") == 0
    world.render_all()
    for fax in claim(world, most=10):
        assert fax.cover is not None
        settle(world, fax, SENT)
    send_all(world, campaign)
    assert state(world, campaign) == ("finished", "")
    assert counted(world, campaign).sent == 3
    # No machine opens anything of it any more, and purge takes what the covers said: of both.
    assert (count(world, "transient_wraps"), count(world, "documents", "kind = 'campaign-cover'")) == (0, 2)
    before = objects(world)
    purge(world)
    assert count(world, "documents", "kind = 'campaign-cover'") == 0
    assert objects(world) == before - 2
    assert count(world, "documents", "kind = 'cover'") == 3


def test_it_lies_sealed_for_its_user_and_for_the_machines_until_it_has_ended(world: World, campaign: Campaign) -> None:
    put(world, campaign, CampaignCover(subject="A secret of {{ name }}"))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one("select * from campaigns where id = %s", (campaign.id,))
        document = documents.get_to_send(tx, world.acme.tenant.id, row["cover_id"])
        readers = tx.value("select count(*) from mailbox_wraps where document_id = %s", (row["cover_id"],))
    assert "secret" not in repr(row)
    assert b"secret" not in world.store.sealed_file(document.stored).read_bytes()
    assert (readers, document.stored.kind) == (1, "campaign-cover")
    assert b"secret" in world.store.read_to_send(document)
    do(world, campaigns.start, campaign)
    with pytest.raises(NotNow, match="Pause"):
        put(world, campaign)
    with world.portal.tenant(world.acme.tenant.id) as tx, pytest.raises(NotNow, match="Pause"):
        campaign_covers.remove(tx, world.acme.user, campaign.id, actor="test")
    do(world, campaigns.cancel, campaign)
    assert count(world, "transient_wraps") == 0
    # Nobody has got a fax: its pages go as well.
    assert purge(world).failures == []
    assert count(world, "documents") == 0
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert campaigns.get(tx, world.acme.user, campaign.id).rendering_id is None


def test_a_clone_has_it_until_both_have_ended(world: World, campaign: Campaign) -> None:
    put(world, campaign)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        later = campaign_clones.clone(tx, world.acme.user, campaign.id, "Again", Whom.ALL, actor="test")
    do(world, campaigns.start, campaign)
    do(world, campaigns.cancel, campaign)
    assert purge(world).failures == []
    world.render_all()
    go(world, later)
    assert covers_of_faxes(world)["+493023110001"]["subject"] == "For Ann"
    do(world, campaigns.cancel, later)
    campaigner(world).work()
    assert count(world, "transient_wraps") == 0
    purge(world)
    assert count(world, "documents", "kind = 'campaign-cover'") == 0


def test_one_that_is_removed_or_replaced_leaves_nothing(world: World, campaign: Campaign) -> None:
    before = objects(world)
    put(world, campaign)
    put(world, campaign)
    do(world, campaign_covers.remove, campaign)
    purge(world)
    assert (objects(world), count(world, "documents", "kind = 'campaign-cover'")) == (before, 0)
    put(world, campaign)
    do(world, campaigns.remove, campaign)
    purge(world)
    assert count(world, "documents") == 0


def test_whose_cover_cannot_be_made_is_left_out_and_the_others_go(world: World, campaign: Campaign) -> None:
    bring(world, campaign, ["Fax;First name", f"030 23110004;{'x' * 300}", "030 23110005;Ed"])
    put(world, campaign)
    world.render_all()
    go(world, campaign)
    found = counted(world, campaign)
    assert (found.released, found.left_out) == (4, {"cover-failed": 1})
    assert sorted(covers_of_faxes(world)) == [f"+4930231100{each:02d}" for each in (1, 2, 3, 5)]
    # Each object is named by a row.
    assert objects(world) == count(world, "documents")
    with pytest.raises(CoverTooLong):
        put(world, a_paused(world, campaign), CampaignCover(message="line\n" * 1000))


def a_paused(world: World, campaign: Campaign) -> Campaign:
    return do(world, campaigns.pause, campaign)


def test_a_crash_between_sealing_and_letting_go_loses_nobody(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, campaign)
    world.render_all()
    real = campaign_release._release_sealed
    seen: list[bool] = []

    def crash(*_: Any) -> int:
        # Nobody waits for the sealing: the tenant's campaigns can be changed meanwhile.
        with world.portal.tenant(world.acme.tenant.id) as tx:
            tx.execute("set local lock_timeout = '2s'")
            campaigns.take_turn(tx, world.acme.tenant.id)
        seen.append(True)
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(campaign_release, "_release_sealed", crash)
    do(world, campaigns.start, campaign)
    execute(world, "update campaigns set paced_from = now() - interval '1 second'")
    named = count(world, "documents")
    with pytest.raises(DatabaseUnavailable):
        campaigner(world).work()
    assert (seen, count(world, "faxes"), count(world, "documents")) == ([True], 0, named)
    assert objects(world) == named + 3
    monkeypatch.setattr(campaign_release, "_release_sealed", real)
    campaigner(world).work()
    assert len(covers_of_faxes(world)) == 3
    assert counted(world, campaign).released == 3


@pytest.mark.parametrize("what", ["paused", "faster"])
def test_what_is_sealed_in_vain_is_taken_back(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    put(world, campaign)
    world.render_all()
    real = campaign_release._release_sealed

    def meanwhile(*given: Any) -> int:
        monkeypatch.setattr(campaign_release, "_release_sealed", real)
        if what == "paused":
            do(world, campaigns.pause, campaign)
        else:
            campaigner(world).work()
        return real(*given)

    monkeypatch.setattr(campaign_release, "_release_sealed", meanwhile)
    go(world, campaign)
    released = 0 if what == "paused" else 3
    assert (counted(world, campaign).released, count(world, "faxes")) == (released, released)
    assert objects(world) == count(world, "documents")


def test_a_machine_without_the_key_waits_for_one_that_has_it(
    world: World, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, campaign)

    def elsewhere(*_: object) -> bytes:
        raise KeyElsewhere("another one has it")

    monkeypatch.setattr(Store, "read_to_send", elsewhere)
    go(world, campaign)
    assert (state(world, campaign)[0], counted(world, campaign).waiting) == ("running", 3)


def test_a_preview_is_what_this_recipient_gets(world: World, campaign: Campaign) -> None:
    user, store = world.acme.user, world.store
    before = objects(world)
    with world.portal.tenant(user.tenant_id) as tx:
        rows = campaign_recipients.some(tx, user, campaign.id)
    first, pages = campaign_covers.preview(world.portal, store, user, campaign.id, COVER)
    again, _pages = campaign_covers.preview(world.portal, store, user, campaign.id, COVER, rows[0]["id"])
    other, _pages = campaign_covers.preview(world.portal, store, user, campaign.id, COVER, rows[1]["id"])
    assert (first[:4], pages, first == again, first == other) == (b"\x89PNG", 1, True, False)
    with pytest.raises(NotFound):
        campaign_covers.preview(world.portal, store, user, campaign.id, COVER, 4711)
    assert objects(world) == before


def test_a_test_is_an_ordinary_fax_as_a_recipient_would_get_it(world: World, campaign: Campaign) -> None:
    user = world.acme.user
    put(world, campaign)
    with world.portal.tenant(user.tenant_id) as tx:
        second = campaign_recipients.some(tx, user, campaign.id)[1]["id"]
    asked = [ask(world, campaign, "030 23119999", each) for each in (None, second)]
    assert [(each.number, each.fax_id) for each in asked] == [("+493023119999", None)] * 2
    with pytest.raises(NumberBarred):
        ask(world, campaign, "0900 1234567")
    with pytest.raises(NotFound):
        ask(world, campaign, "030 23119999", 4711)
    before = counted(world, campaign)
    campaigner(world).work()
    assert counted(world, campaign) == before
    with world.portal.tenant(user.tenant_id) as tx:
        done = campaign_tests.of_campaign(tx, user, campaign.id)
        sheets = [
            Sheet.of(world.store.read_to_send(documents.get_to_send(tx, user.tenant_id, row["cover_id"])))
            for row in tx.rows("select cover_id from faxes order by id")
        ]
        priorities = {row["priority"] for row in tx.rows("select priority from faxes")}
        tests = tx.value("select count(*) from audit where action = 'campaign.test' and result = 'done'")
        refused = tx.value("select count(*) from audit where action = 'campaign.test' and result = 'refused'")
    assert [each.values["to_name"] for each in sheets] == ["Ann Arbor", "Bob Burg"]
    assert all(each.fax_id is not None and each.done_at is not None for each in done)
    assert (priorities, tests, refused) == ({Priority.NORMAL}, 2, 1)
    world.render_all()
    for fax in claim(world, most=10):
        settle(world, fax, SENT)
    # The campaign has all to send yet.
    assert count(world, "transient_wraps") > 0
    go(world, campaign)
    assert counted(world, campaign).released == 3
    # Recipients that are purged stand in the way of nothing.
    with world.purge.tenant(user.tenant_id) as tx:
        assert tx.execute("delete from campaign_recipients where tenant_id = %s", (user.tenant_id,)) == 3
    assert count(world, "campaign_tests", "recipient_id is null") == 2


def test_a_test_that_cannot_be_sent_says_why(world: World, campaign: Campaign) -> None:
    user = world.acme.user
    bring(world, campaign, ["Fax;First name", f"030 23110004;{'x' * 300}"])
    put(world, campaign)
    with world.portal.tenant(user.tenant_id) as tx:
        last = campaign_recipients.some(tx, user, campaign.id)[3]["id"]
    before = objects(world)
    ask(world, campaign, "030 23119999p22w1", last)
    campaigner(world).work()
    with world.portal.tenant(user.tenant_id) as tx:
        (found,) = campaign_tests.of_campaign(tx, user, campaign.id)
    assert (found.number, found.fax_id, "too long" in found.why) == ("+493023119999", None, True)
    assert objects(world) == before
    # One of a campaign that is over by then.
    ask(world, campaign, "030 23119999")
    go(world, campaign)
    do(world, campaigns.cancel, campaign)
    with pytest.raises(NotNow):
        ask(world, campaign, "030 23119999")


def test_what_a_cover_says_is_read_as_it_was_written() -> None:
    kept = Kept(COVER, CoverTemplate(0, "Letter", "{{ message }}", "Foot"))
    assert Kept.of(kept.packed()) == kept


def test_a_clone_has_it_as_well_until_both_have_ended(world: World, campaign: Campaign) -> None:
    put(world, campaign)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        made = campaign_clones.clone(tx, world.acme.user, campaign.id, "Again", Whom.ALL, actor="test")
    assert made.cover_fields == ["company", "customer_no", "first_name", "name"]
    world.render_all()
    do(world, campaigns.start, campaign)
    do(world, campaigns.cancel, campaign)
    purge(world)
    go(world, made)
    assert len(covers_of_faxes(world)) == 3
    do(world, campaigns.cancel, made)
    purge(world)
    assert count(world, "documents", "kind = 'campaign-cover'") == 0


@pytest.mark.parametrize("has_cover", [False, True])
def test_what_the_quota_has_room_for_goes(world: World, campaign: Campaign, *, has_cover: bool) -> None:
    """Those of a batch that fit, though not all of it does."""
    world.render_all()
    bring(world, campaign, [f"030 231{number}" for number in range(10_000, 10_010)])
    if has_cover:
        put(world, campaign)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=6 if has_cover else 3)
    do(world, campaigns.start, campaign)
    for _turn in range(8):
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        campaigner(world).work()
    assert (state(world, campaign)[0], count(world, "faxes")) == ("paused", 3)
    assert counted(world, campaign).waiting == 7
