"""A trunk set up step by step in the portal: whose, its values, what is written, how it comes up, and what fails."""

from typing import Any
from urllib.parse import urlencode

import pytest

from faxplan import (
    node_trunks,
    nodes,
    providers,
    sip_dns,
    trunk_check,
    trunk_provisioning,
    trunk_registration,
    trunk_troubles,
)
from faxplan.sip_dns import Located
from faxplan.trunk_check import Checked, GatewayState
from faxplan.trunk_registration import Registration
from tests.portal.conftest import Visitor
from tests.portal.test_installation_trunks import acts, one
from tests.retained import execute
from tests.world import World

AT = "/installation/trunk-setup"
ANSWERS: dict[str, str] = {
    "name": "office", "host": "sip.example", "port": "", "transport": "udp", "inbound_country": "de",
    "source_networks": "192.0.2.0/24", "username": "", "called_format": "e164", "calling_format": "e164",
    "caller_id_in": "pai", "t38": "on", "t38_request": "receiver", "codec": "any", "max_calls": "",
}  # fmt: skip
SECRET = "s3cret-word"  # noqa: S105 - of this test's trunk


def review(olga: Visitor, **changed: str) -> Any:
    return olga.get(f"{AT}/another/review?{urlencode({**ANSWERS, **changed})}")


def write(olga: Visitor, **changed: str) -> Any:
    return olga.post(f"{AT}/another", {**ANSWERS, **changed})


def taken_up(world: World, *names: str) -> None:
    """Nodes that are at work, and have all trunks as they are now."""
    with world.switch.across_tenants() as tx:
        for name in names:
            nodes.report(tx, name, switch_uuid=name, max_channels=10)
            node_trunks.applied(tx, name, node_trunks.versions(tx))


def test_every_carrier_is_offered_with_what_is_known_of_it(olga: Visitor) -> None:
    page = olga.get(AT).text
    assert [each.key for each in providers.everyone() if f'href="{AT}/{each.key}"' not in page] == []
    telnyx = olga.get(f"{AT}/telnyx").text
    assert 'value="sip.telnyx.com"' in telnyx
    assert "t38_reinvite_source" in telnyx
    assert "such as &lt;trunk&gt;.pstn.twilio.com" in olga.get(f"{AT}/twilio").text
    assert olga.get(f"{AT}/nobody").status_code == 404


def test_what_is_written_is_seen_before(world: World, olga: Visitor) -> None:
    page = review(olga).text
    assert "&lt;param name=&#34;proxy&#34; value=&#34;sip.example&#34;/&gt;" in page
    assert "192.0.2.0/24. Calls from elsewhere are refused." in page
    assert [row["name"] for row in trunk_provisioning.all_trunks(world.admin)] == ["carrier"]
    # Back in the form is what was answered.
    back = page.partition('class="back" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert 'value="sip.example"' in olga.get(back).text


def test_without_networks_the_dns_is_asked(olga: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Located((("a.sip.example", 5070),), ("192.0.2.7", "2001:db8::7"))
    monkeypatch.setattr(sip_dns, "locate", lambda *_: found)
    page = review(olga, source_networks="").text
    assert "The DNS names a.sip.example, port 5070, for it." in page
    assert "192.0.2.7/32, 2001:db8::7/128. Calls from elsewhere are refused." in page
    monkeypatch.setattr(sip_dns, "locate", lambda *_: Located((), ()))
    assert "The DNS has no address for this host." in review(olga, source_networks="").text


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"name": "a b"}, "name"), ({"host": ""}, "Fill this in."), ({"inbound_country": "XX"}, "is no country"),
     ({"port": "0"}, "Write a whole number, 1 to 65535."), ({"register": "on"}, "user name"),
     ({"source_networks": "nonsense"}, "is not a network"), ({"host": "x;y"}, "host")],
)  # fmt: skip
def test_what_cannot_be_is_said_before_it_is_written(
    world: World, olga: Visitor, changed: dict[str, str], said: str
) -> None:
    for answer in (review(olga, **changed), write(olga, **changed, password=SECRET)):
        assert (answer.status_code, said.lower() in answer.text.lower()) == (400, True)
        assert "sip.example" in answer.text or "host" in changed
    assert [row["name"] for row in trunk_provisioning.all_trunks(world.admin)] == ["carrier"]


def test_it_is_written_with_a_password_that_never_comes_back(world: World, olga: Visitor) -> None:
    asked = {"register": "on", "username": "u-1"}
    page = review(olga, **asked).text
    assert 'type="password"' in page
    answer = write(olga, **asked)
    assert (answer.status_code, "Fill this in." in answer.text) == (400, True)
    answer = write(olga, **asked, password=f"{SECRET}:colon")
    assert (answer.status_code, "colon" in answer.text, SECRET in answer.text) == (400, True, False)
    answer = write(olga, **asked, password=SECRET)
    assert answer.headers["Location"] == "/installation/trunks/office/up?note=added"
    row = one(world, "office")
    assert (row["register"], row["username"], row["password_set"], row["inbound_country"]) == (True, "u-1", True, "DE")
    assert row["ping_seconds"] is None
    (act,) = acts(world, "trunk.add")
    assert act["details"]["password"] == "changed"  # noqa: S105 - what stands in its place
    assert SECRET not in olga.get("/installation/trunks/office/up").text


def test_what_takes_no_account_gets_pings_and_no_password(world: World, olga: Visitor) -> None:
    assert 'type="password"' not in review(olga, username="u").text
    assert write(olga, username="u", password=SECRET).status_code == 303
    row = one(world, "office")
    assert (row["username"], row["password_set"], row["ping_seconds"]) == (None, False, 30)


def test_each_switch_at_work_is_waited_for(world: World, olga: Visitor) -> None:
    write(olga)
    at = "/installation/trunks/office/up"
    assert "No switch is at work." in olga.get(at).text
    taken_up(world, "node1")
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node2", switch_uuid="node2", max_channels=10)
    page = olga.get(at).text
    assert "By node1." in page
    assert "Not yet by node2." in page
    taken_up(world, "node2")
    page = olga.get(f"{at}/now").text
    assert "By node1, node2." in page
    assert "<html" not in page
    assert f'data-refresh="{at}/now"' in olga.get(at).text


def test_what_is_wrong_is_explained_with_what_to_do(
    world: World, olga: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(olga)
    taken_up(world, "node1")
    silent = trunk_troubles.met("silent", where="sip.example port 5060 by UDP", seconds=4)
    monkeypatch.setattr(
        trunk_check,
        "check",
        lambda *_: Checked("office", "", GatewayState("NOREG", True, 30, 1.0, 0, 0, 0, 0), None, (str(silent),)),
    )
    page = olga.get("/installation/trunks/office/up").text
    assert "nothing came within 4 s." in page
    assert "access list" in page
    found = trunk_troubles.of_registration("office", 403, "<b>Forbidden</b>")
    monkeypatch.setattr(trunk_registration, "register", lambda *_: Registration("FAILED", 403, "Forbidden", found))
    page = olga.post("/installation/trunks/office/register").text
    assert "403 &lt;b&gt;Forbidden&lt;/b&gt;: mostly a wrong password" in page
    assert "Enter user name and password anew" in page
    assert "`faxplan" not in page


def test_a_route_is_one_press_away(world: World, olga: Visitor) -> None:
    write(olga)
    at = "/installation/trunks/office"
    assert 'value="+"' in olga.get(f"{at}/up").text
    answer = olga.post(f"{at}/route", {"prefix": "nonsense"})
    assert (answer.status_code, "nonsense" in answer.text) == (400, True)
    assert olga.post(f"{at}/route", {"prefix": "+49"}).status_code == 303
    assert ("+49", "office") in [(row["prefix"], row["trunk"]) for row in trunk_provisioning.all_routes(world.admin)]
    page = olga.get(f"{at}/up").text
    assert "Its routes: +49" in page
    assert "/route" not in page.partition("<main")[2]


def test_a_test_fax_that_a_carrier_does_not_know_leads_to_another_format(
    world: World, olga: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(olga)
    at = "/installation/trunks/office"
    answer = olga.post("/trunk-tests", {"trunk": "office", "number": "030 99001234", "setting_up": "on"})
    where = answer.headers["Location"]
    assert where.startswith(f"{at}/up?fax=")
    assert "It waits for a free line." in olga.get(where).text
    fax_id = int(where.rpartition("=")[2])
    fail(world, fax_id, sip_code=404, hangup_cause="UNALLOCATED_NUMBER", dialled="+493099001234")
    page = olga.get(where).text
    assert "The carrier knows no such number (SIP 404); it was dialled +493099001234." in page
    assert 'value="e164-no-plus"' in page
    assert olga.post(f"{at}/format", {"called_format": "e164-no-plus"}).status_code == 303
    assert one(world, "office")["called_format"] == "e164-no-plus"
    olga.post(f"{at}/format", {"called_format": "nonsense"})
    assert one(world, "office")["called_format"] == "e164-no-plus"
    # Of another's fax nothing is told.
    assert "Test fax" not in olga.get(f"{at}/up?fax={fax_id + 1000}").text.partition("<main")[2].partition("try")[0]


def fail(world: World, fax_id: int, **of_call: object) -> None:
    """As a call that a carrier has refused leaves it."""
    tenant = world.acme.tenant.id
    execute(world, "delete from trunk_tests")
    execute(
        world,
        """update faxes set state = 'failed', finished_at = now(), explanation = 'Failed.', attempts_made = 1,
                  not_before = null where tenant_id = %s and id = %s""",
        (tenant, fax_id),
    )
    execute(
        world,
        f"""insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, trunk, outcome, ended_at,
                                  {", ".join(of_call)})
            values (%s, %s, 1, 'node1', 'u-1', 0, 'office', 'not-sent', now(), {", ".join(["%s"] * len(of_call))})""",
        (tenant, fax_id, *of_call.values()),
    )


@pytest.mark.parametrize("path", ["up", "up/now", "register", "route", "format"])
def test_what_is_no_trunk_is_not_there(olga: Visitor, path: str) -> None:
    at = f"/installation/trunks/nothing/{path}"
    answer = olga.get(at) if path.startswith("up") else olga.post(at, {"prefix": "+", "called_format": "national"})
    assert answer.status_code == 404


def test_nobody_else_sets_one_up(world: World, ann: Visitor) -> None:
    for path in (AT, f"{AT}/telnyx", f"{AT}/telnyx/review", "/installation/trunks/carrier/up"):
        assert ann.get(path).status_code == 403
    assert write(ann).status_code == 403
    assert [row["name"] for row in trunk_provisioning.all_trunks(world.admin)] == ["carrier"]


def test_a_name_that_is_taken_is_said_before_the_password_is_asked_for(olga: Visitor) -> None:
    assert review(olga, name="office").status_code == 200
    answer = review(olga, name="carrier")
    assert (answer.status_code, "There is a trunk of this name already" in answer.text) == (400, True)
