"""Trunks, as an operator keeps them: all values, how they do, and whether they work."""

from dataclasses import replace
from typing import Any

import pytest

from faxplan import audit, audit_list, trunk_check, trunk_health, trunk_provisioning
from faxplan.sip_options import Answer
from faxplan.trunk_check import Checked, GatewayState
from tests.portal.conftest import Visitor
from tests.world import World

AT = "/installation/trunks"
FORM: dict[str, object] = {
    "host": "sip.example", "port": "", "transport": "udp", "inbound_country": "de", "source_networks": "192.0.2.0/24",
    "username": "", "password": "", "realm": "", "ping_seconds": "", "called_format": "e164", "calling_format": "e164",
    "called_prefix": "", "caller_id_in": "pai", "from_user": "", "from_domain": "", "inbound_format": "any",
    "inbound_calling_format": "", "inbound_prefix": "", "called_from": "request", "t38": "on",
    "t38_request": "receiver", "t38_redundancy": "3", "v17": "on", "ecm": "on", "codec": "any",
    "t30_trace": "off", "max_calls": "", "calls_per_second": "", "dedicated_to": "", "overflow": "on", "enabled": "on",
}  # fmt: skip


def one(world: World, name: str) -> dict[str, Any]:
    return next(row for row in trunk_provisioning.all_trunks(world.admin) if row["name"] == name)


def acts(world: World, action: str) -> list[dict[str, Any]]:
    with world.admin.across_tenants() as tx:
        return audit_list.some(tx, audit.INSTALLATION, before=None, limit=20, action=action)


def add(olga: Visitor, name: str = "second", **changed: object) -> None:
    answer = olga.post(AT, {**FORM, "name": name, **changed})
    assert answer.headers["Location"] == f"{AT}/{name}?note=added"


def test_one_is_added_with_all_values(world: World, olga: Visitor) -> None:
    add(olga, called_from="to, request", calls_per_second="0,5", dedicated_to="borea", password="s3cret-word",
        username="u", register="on", max_calls="4")  # fmt: skip
    row = one(world, "second")
    wanted = {"called_from": ["to", "request"], "calls_per_second": 0.5, "dedicated_to": "borea", "password_set": True,
              "register": True, "inbound_country": "DE", "source_networks": ["192.0.2.0/24"], "max_calls": 4,
              "privacy": False}  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    page = olga.get(f"{AT}/second").text
    assert "s3cret-word" not in page
    assert "A password is set." in page
    (act,) = acts(world, "trunk.add")
    assert act["details"]["password"] == "changed"  # noqa: S105 - what stands in its place


def test_only_what_was_changed_is_and_the_password_stays(world: World, olga: Visitor) -> None:
    add(olga, password="s3cret-word", username="u")
    assert olga.post(f"{AT}/second", {**FORM, "username": "u"}).status_code == 303
    assert acts(world, "trunk.change") == []
    answer = olga.post(f"{AT}/second", {**FORM, "username": "u", "t38": "", "port": "5070"})
    assert answer.status_code == 303
    assert acts(world, "trunk.change")[0]["details"] == {"t38": False, "port": 5070}
    assert one(world, "second")["password_set"]
    olga.post(f"{AT}/second", {**FORM, "username": "u", "no_password": "on"})
    assert not one(world, "second")["password_set"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "carrier"}, "already"),
        ({"host": ""}, "Fill this in."),
        ({"port": "70000"}, "Write a whole number, 1 to 65535."),
        ({"source_networks": "nonsense"}, "is not a network"),
        ({"calls_per_second": "many"}, "is no number of calls a second"),
        ({"inbound_country": "XX"}, "country"),
        ({"encrypted_media": "on"}, "TLS"),
        ({"register": "on"}, "user name"),
        ({"called_from": "nowhere"}, "where"),
        ({"dedicated_to": "nobody"}, "There is no tenant"),
        ({"host": "x;y"}, "host"),
    ],
)
def test_what_cannot_be_is_said(world: World, olga: Visitor, changed: dict[str, object], said: str) -> None:
    answer = olga.post(AT, {**FORM, "name": "second", **changed})
    assert (answer.status_code, said.lower() in answer.text.lower(), "`faxplan" in answer.text) == (400, True, False)
    assert [row["name"] for row in trunk_provisioning.all_trunks(world.admin)] == ["carrier"]


def test_a_password_never_comes_back(olga: Visitor) -> None:
    answer = olga.post(AT, {**FORM, "name": "a b", "password": "s3cret-word"})
    assert (answer.status_code, "s3cret-word" in answer.text) == (400, False)


def test_it_is_seen_to_rest_and_woken(world: World, olga: Visitor) -> None:
    with world.switch.across_tenants() as tx:
        trunk_id = tx.value("select id from trunks")
        for number in ("+493023125001", "+493023125002", "+493023125003"):
            trunk_health.failed(tx, trunk_id, "503 gone", number)
    assert "after 3 failures in a row" in olga.get(AT).text
    assert "503 gone" in olga.get(f"{AT}/carrier").text
    assert olga.post(f"{AT}/carrier/wake").status_code == 303
    assert "No call yet" in olga.get(AT).text
    assert len(acts(world, "trunk.wake")) == 1


def test_it_stays_while_a_route_leads_to_it(world: World, olga: Visitor) -> None:
    answer = olga.post(f"{AT}/carrier/remove")
    assert (answer.status_code, "route" in answer.text) == (400, True)
    add(olga)
    assert olga.post(f"{AT}/second/remove").status_code == 303
    assert olga.get(f"{AT}/second").status_code == 404


@pytest.mark.parametrize("act", ["", "/check", "/wake", "/remove"])
def test_what_is_no_trunk_is_not_there(olga: Visitor, act: str) -> None:
    assert olga.post(f"{AT}/nothing{act}", FORM).status_code == 404


def test_without_an_event_socket_the_check_says_why(olga: Visitor) -> None:
    answer = olga.post(f"{AT}/carrier/check")
    assert (answer.status_code, "FreeSWITCH was not asked" in answer.text) == (200, True)
    assert "Nothing is wrong." not in answer.text


def test_what_a_check_finds_is_told(olga: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier's own words are text. (That a check asks truly: tests/live.)"""
    gateway = GatewayState("REGED", True, 30, 12.0, 5, 1, 2, 0)
    answer = Answer("192.0.2.1:5060", 200, "<b>OK</b>", 12.3, 1, {"server": "<i>Carrier</i>"})
    problems = ("Mend it. `faxplan trunk set carrier` does.",)
    found = Checked("carrier", "", gateway, answer, problems)
    monkeypatch.setattr(trunk_check, "check", lambda *_: found)
    page = olga.post(f"{AT}/carrier/check").text
    assert "200 &lt;b&gt;OK&lt;/b&gt;, from 192.0.2.1:5060 in 12 ms." in page
    assert "5 out (1 failed), 2 in (0 failed)" in page
    assert "FreeSWITCH has the gateway up." in page
    # Where nobody answers, that one is up says only that FreeSWITCH has not found it down yet.
    monkeypatch.setattr(trunk_check, "check", lambda *_: replace(found, options=None))
    assert "takes the gateway for up until" in olga.post(f"{AT}/carrier/check").text
    assert "Mend it." in page
    assert "<i>Carrier" not in page
    assert "faxplan" not in page.partition("<main")[2].lower().replace("faxplan-", "")


def test_a_test_page_is_a_fax_of_the_operators(world: World, olga: Visitor) -> None:
    answer = olga.post("/trunk-tests", {"trunk": "carrier", "number": "030 99001234"})
    assert (answer.status_code, answer.headers["Location"].startswith("/faxes/")) == (303, True)
    assert "99001234" in olga.get(answer.headers["Location"]).text.replace(" ", "")
    fax = world.fax(world.acme, int(answer.headers["Location"].rpartition("/")[2]))
    assert (fax["is_test"], fax["user_id"]) == (True, world.acme.user.id)
    wrong = olga.post("/trunk-tests", {"trunk": "nothing", "number": "030 99001234"})
    assert (wrong.status_code, "There is no trunk" in wrong.text) == (404, True)


def test_nobody_else_tests_a_trunk(world: World, ann: Visitor) -> None:
    """It passes by the routes, and whatever they bar."""
    answer = ann.post("/trunk-tests", {"trunk": "carrier", "number": "030 99001234"})
    assert (answer.status_code, "Only" in answer.text) == (403, True)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0
