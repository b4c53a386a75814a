"""The fax numbers of an organisation: where their faxes go, and who may call them."""

from urllib.parse import quote

import pytest

from faxplan import did_callers, did_provisioning, dids, provisioning
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor
from tests.portal.test_people import audited, boss
from tests.world import World

__all__ = ["boss"]

FORM: dict[str, object] = {
    "mailbox": "user@acme.example",
    "refusal": "decline",
    "ecm": "on",
    "t38": "on",
    "enabled": "on",
}


def address(did: str, more: str = "") -> str:
    return f"/organisation/numbers/{quote(did)}{more}"


def test_a_number_leads_to_another_mailbox(world: World, boss: Visitor) -> None:
    provisioning.add_mailbox(world.admin, "test", "acme", "Claims")
    did = world.acme.did
    answer = boss.post(address(did), {**FORM, "mailbox": "Claims", "name": "Front desk", "max_calls": "2", "ecm": ""})
    assert answer.status_code == 303
    (row,) = audited(world, "did.change")
    claims = mailbox(world, "Claims")
    assert row.details == {"name": "Front desk", "max_calls": 2, "ecm": False, "mailbox_id": claims}
    assert (row.actor, row.authenticated) == (f"user:{world.acme.user.id}", "password")
    page = boss.get(address(did)).text
    # Nobody reads that one yet.
    assert "for now" in page
    assert "user@acme.example" in page
    assert did_provisioning.reached(world.admin, "acme", did) == "user@acme.example"
    listed = boss.get("/organisation/numbers?q=front").text
    assert "030 23125001" in listed
    assert f'href="/organisation/mailboxes/{claims}"' in listed
    # What is as it was is no change.
    assert (
        boss.post(
            address(did), {**FORM, "mailbox": "Claims", "name": "Front desk", "max_calls": "2", "ecm": ""}
        ).status_code
        == 303
    )
    assert len(audited(world, "did.change")) == 1


def mailbox(world: World, name: str) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select id from mailboxes where name = %s", (name,)))


def test_callers_are_let_in_and_refused(world: World, boss: Visitor) -> None:
    did = world.acme.did
    assert "Everybody." in boss.get(address(did)).text
    assert boss.post(address(did, "/callers"), {"caller": "+49 30-1", "rule": "block"}).status_code == 303
    assert "Everybody, but for these" in boss.get(address(did)).text
    assert boss.post(address(did, "/callers"), {"caller": "+44", "rule": "allow"}).status_code == 303
    assert "Only callers on this list" in boss.get(address(did)).text
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert not did_callers.may_call(tx, world.acme.tenant.id, did, "+493012345")
    assert boss.post(address(did, "/callers"), {"remove": "+49301"}).status_code == 303
    assert boss.post(address(did, "/callers"), {"remove": "+44"}).status_code == 303
    assert "Everybody." in boss.get(address(did)).text
    assert len(audited(world, "did.caller.add")) == len(audited(world, "did.caller.remove")) == 2


@pytest.mark.parametrize("form", [{"caller": "x", "rule": "block"}, {"caller": "", "rule": "block"}, {"remove": "+1"}])
def test_what_says_no_callers_is_refused(boss: Visitor, world: World, form: dict[str, object]) -> None:
    answer = boss.post(address(world.acme.did, "/callers"), form)
    assert (answer.status_code, "faxplan" in answer.text.lower()) == (400, False)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"mailbox": "user@borea.example"}, "Choose one of these."),
        ({"max_calls": "0"}, "whole number"),
        ({"station_ident": "abc"}, "station ident"),
        ({"refusal": "silence"}, "Choose one of these."),
    ],
)
def test_what_is_wrong_is_said(boss: Visitor, world: World, form: dict[str, object], said: str) -> None:
    answer = boss.post(address(world.acme.did), {**FORM, **form})
    assert answer.status_code == 400
    assert said in answer.text


def test_refused_calls_are_counted(world: World, boss: Visitor) -> None:
    assert "None." in boss.get(address(world.acme.did)).text
    with world.switch.across_tenants() as tx:
        did = dids.find(tx, [world.acme.did])[world.acme.did]
    with world.switch.tenant(world.acme.tenant.id) as tx:
        for _ in range(2):
            dids.count_refusal(tx, did, dids.DID_FULL)
    assert "2 calls since this number had as many calls" in boss.get(address(world.acme.did)).text


@pytest.mark.parametrize("did", ["+493023125002", "+4930", "x", "112", "%00", "0" * 300])
def test_of_another_tenant_or_nobody_there_is_no_number(world: World, boss: Visitor, did: str) -> None:
    """SECURITY: +493023125002 is borea's."""
    for path in (f"/organisation/numbers/{did}", f"/organisation/numbers/{did}/callers"):
        assert boss.post(path, {**FORM, "caller": "+1", "rule": "block"}).status_code == 404
    answer = boss.get(f"/organisation/numbers/{did}")
    assert answer.status_code == 404
    assert "borea" not in answer.text.lower()
    assert "borea" not in boss.get("/organisation/numbers").text.lower()
    with world.admin.tenant(world.borea.tenant.id) as tx:
        assert did_callers.of_did(tx, world.borea.tenant.id, world.borea.did) == []


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_is_text(boss: Visitor, world: World, text: str) -> None:
    answer = boss.post(address(world.acme.did), {**FORM, "name": text.encode("utf-8", "surrogatepass")})
    assert answer.status_code in (303, 400)
    page = boss.get("/organisation/numbers")
    assert (page.status_code, "<script>alert" in page.text) == (200, False)


def test_the_list_goes_on(world: World, boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.numbers.AT_ONCE", 2)
    for last in range(3, 6):
        did_provisioning.add(
            world.admin, "test", "acme", f"+49302312500{last}", mailbox="user@acme.example", station_ident=""
        )
    seen: list[str] = []
    path = "/organisation/numbers?q=030+23"
    while path:
        page = boss.get(path).text
        seen += [part.partition('"')[0] for part in page.split('title="')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == [f"+49302312500{last}" for last in (1, 3, 4, 5)]
    assert "No number is found" in boss.get("/organisation/numbers?q=zzz").text
