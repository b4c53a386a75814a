import io
import json
import socket
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from faxplan import cli, dids, trunk_health, trunks
from faxplan.config import to_toml
from tests.faxes import claim, queued
from tests.routing import carrier
from tests.world import World


@pytest.fixture
def shop(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    file = tmp_path / "faxplan.toml"
    names = ("database_url", "state_dir", "sandbox")
    file.write_text(to_toml({name: getattr(world.settings, name) for name in names}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    monkeypatch.setattr(socket, "getaddrinfo", only_one_name)
    return world


def only_one_name(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
    """No test asks a name server."""
    if host != "registrar.example":
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(2, 2, 17, "", (address, 0)) for address in ("192.0.2.20", "192.0.2.9")] + [
        (10, 2, 17, "", ("2001:db8::9", 0, 0, 0))
    ]


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return err if code else out


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(said(capsys, *arguments, "--json"))


def audited(world: World, tenant_id: int = 0) -> list[dict[str, Any]]:
    """Without what the world's machine has written."""
    with world.admin.tenant(tenant_id) as tx:
        return tx.rows(
            """select action, object, actor, details from audit
               where tenant_id = %s and action <> 'key.machine' order by 1""",
            (tenant_id,),
        )


def test_from_a_tenant_to_a_first_fax(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said(
        capsys, "tenant", "add", "nova", "--name", "Nova GmbH", "--country", "DE", "--time-zone", "Europe/Berlin",
        "--station-ident", "+49 30 23125003",
    )  # fmt: skip
    said(capsys, "user", "add", "nova", "Nina@Nova.example", "--name", "Nina", "--administrator")
    said(capsys, "did", "add", "nova", "030 23125003", "--mailbox", "nina@nova.example")
    letter = tmp_path / "letter.txt"
    letter.write_text("Hello.\n")
    monkeypatch.setenv("FAXPLAN_USER", "nina@nova.example")
    assert "faxplan enrol" in said(capsys, "send", str(letter), "030 23125 002", code=1)
    (tmp_path / "password").write_text("correct horse battery\n")
    said(capsys, "enrol", "--password-file", str(tmp_path / "password"))
    assert "accepted" in said(capsys, "send", str(letter), "030 23125 002")
    shop.render_all()
    assert listed(capsys, "status", "1")["state"] == "queued"


def test_tenants_are_entered_listed_and_changed(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "| " not in said(capsys, "tenant", "list")
    out = said(capsys, "tenant", "set", "acme", "--header-line", "off", "--max-attempts", "3", "--name", "Acme AG")
    assert out == "Tenant acme is changed.\n"
    acme = next(each for each in listed(capsys, "tenant", "list") if each["slug"] == "acme")
    assert (acme["header_line"], acme["max_attempts"], acme["name"]) == (False, 3, "Acme AG")
    said(capsys, "tenant", "set", "acme", "--enabled", "off", "--page-n-of-m", "off", "--redial-unknown", "off")
    said(capsys, "tenant", "set", "acme", "--time-zone", "Asia/Tokyo", "--header-name", "A", "--station-ident", "1")
    (acme,) = (each for each in listed(capsys, "tenant", "list") if each["slug"] == "acme")
    off = (acme["enabled"], acme["page_n_of_m"], acme["redial_unknown"])
    assert (off, acme["time_zone"], acme["header_name"]) == ((False, False, False), "Asia/Tokyo", "A")
    changes = [row for row in audited(shop) if row["action"] == "tenant.change"]
    assert {"name": "Acme AG", "header_line": False, "max_attempts": 3} in [row["details"] for row in changes]
    assert changes[0]["object"] == f"tenant:{shop.acme.tenant.id}"
    assert changes[0]["actor"].startswith("administrator:")


def test_users_mailboxes_and_members(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "user", "add", "acme", "second@acme.example", "--name", "Second")
    said(capsys, "mailbox", "add", "acme", "Office")
    said(capsys, "mailbox", "member", "acme", "Office", "second@acme.example")
    assert "already" in said(capsys, "mailbox", "member", "acme", "Office", "second@acme.example")
    office = next(each for each in listed(capsys, "mailbox", "list", "acme") if each["name"] == "Office")
    assert (office["tenant"], office["kind"], office["members"]) == ("acme", "group", ["second@acme.example"])
    said(capsys, "mailbox", "member", "acme", "Office", "second@acme.example", "--remove")
    assert "anyhow" in said(capsys, "mailbox", "member", "acme", "Office", "second@acme.example", "--remove")
    assert {each["email"] for each in listed(capsys, "user", "list")} == {
        "user@acme.example", "second@acme.example", "user@borea.example",
    }  # fmt: skip
    assert [row["action"] for row in audited(shop, shop.acme.tenant.id)] == [
        "mailbox.add", "mailbox.add-member", "mailbox.remove-member", "user.add",
    ]  # fmt: skip
    assert audited(shop, shop.borea.tenant.id) == []
    assert "second@acme.example" in said(capsys, "user", "list", "acme")
    assert "Office" in said(capsys, "mailbox", "list")


def test_dids_come_and_go(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "did", "add", "acme", "030 23125 009", "--mailbox", "user@acme.example")
    assert out == "Faxes to +49 30 23125009 go to mailbox user@acme.example of acme.\n"
    assert {each["number"] for each in listed(capsys, "did", "list")} == {
        "+493023125001", "+493023125002", "+493023125009",
    }  # fmt: skip
    assert "of some tenant already" in said(
        capsys, "did", "add", "borea", "+49 30 23125009", "--mailbox", "user@borea.example", code=1
    )
    assert "of this tenant already" in said(
        capsys, "did", "add", "acme", "+49 30 23125009", "--mailbox", "user@acme.example", code=1
    )
    assert "has no DID" in said(capsys, "did", "remove", "borea", "+493023125009", code=1)
    assert "404" in said(capsys, "did", "remove", "acme", "+493023125009")
    assert [each["number"] for each in listed(capsys, "did", "list", "acme")] == ["+493023125001"]
    assert [row["object"] for row in audited(shop, shop.acme.tenant.id)] == ["did:+493023125009"] * 2


def test_verified_numbers_come_and_go(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "There is no verified number" in said(capsys, "number", "list")
    out = said(capsys, "number", "add", "acme", "030 99990001", "--how", "an invoice of 2 May")
    assert out.startswith("acme may call as +49 30 99990001")
    assert "of another tenant" in said(capsys, "number", "add", "borea", shop.acme.did, "--how", "x", code=1)
    assert "already" in said(capsys, "number", "add", "acme", "030 99990001", "--how", "again", code=1)
    assert "Say how" in said(capsys, "number", "add", "acme", "030 99990002", "--how", " ", code=1)
    (number,) = listed(capsys, "number", "list", "acme")
    assert (number["number"], number["tenant"], number["how"]) == ("+493099990001", "acme", "an invoice of 2 May")
    assert "an invoice of 2 May" in said(capsys, "number", "list")
    letter = tmp_path / "letter.txt"
    letter.write_text("Hello.\n")
    monkeypatch.setenv("FAXPLAN_USER", "user@acme.example")
    assert listed(capsys, "send", str(letter), "+4940123456", "--from", "030 99990001")["calling_number"] == (
        "+493099990001"
    )
    assert "may not call as" in said(capsys, "send", str(letter), "+4940123456", "--from", shop.borea.did, code=1)
    assert "no more" in said(capsys, "number", "remove", "acme", "030 99990001")
    assert "not verified" in said(capsys, "number", "remove", "acme", "030 99990001", code=1)
    numbers = [row for row in audited(shop, shop.acme.tenant.id) if row["action"].startswith("number.")]
    assert [(row["action"], row["object"], row["details"]) for row in numbers] == [
        ("number.add", "number:+493099990001", {"how": "an invoice of 2 May"}),
        ("number.remove", "number:+493099990001", {}),
    ]


def test_a_did_has_settings(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    which = ("acme", "030 23125001")
    said(capsys, "mailbox", "add", "acme", "Orders")
    out = said(
        capsys, "did", "set", *which, "--mailbox", "Orders", "--name", "Orders", "--max-calls", "2", "--ecm", "off",
        "--t38", "off", "--refusal", "busy", "--station-ident", "+49 30 1", "--enabled", "off",
        "--opt-out", "on",
    )  # fmt: skip
    assert out == "DID +49 30 23125001 is changed.\n"
    (did,) = listed(capsys, "did", "list", "acme")
    assert did == {
        "tenant": "acme", "number": "+493023125001", "mailbox": "Orders", "station_ident": "+49 30 1",
        "enabled": False, "name": "Orders", "max_calls": 2, "ecm": False, "t38": False, "refusal": "busy", "refused": 0,
        "receives": True, "opt_out": True,
    }  # fmt: skip
    assert "audio only, no ECM" in said(capsys, "did", "list")
    said(capsys, "did", "set", *which, "--clear", "max_calls", "--station-ident", "", "--t38", "on", "--ecm", "on")
    shown = said(capsys, "did", "show", *which)
    for words in ("(no limit of its own)", "(the tenant's)", "486 busy", "(everybody)"):
        assert words in shown
    assert "1 call at once or more" in said(capsys, "did", "set", *which, "--max-calls", "0", code=1)
    assert "has no DID" in said(capsys, "did", "set", "borea", "030 23125001", "--name", "x", code=1)
    assert "Nothing was given" in said(capsys, "did", "set", *which, code=1)
    changes = [row["details"] for row in audited(shop, shop.acme.tenant.id) if row["action"] == "did.change"]
    assert {"max_calls": None, "station_ident": "", "t38": True, "ecm": True} in changes


def test_callers_are_let_in_and_refused(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    which = ("acme", "+49 30 23125001")
    assert said(capsys, "did", "caller", "list", *which) == "Everybody may call it.\n"
    assert "begin with +4930" in said(capsys, "did", "caller", "add", *which, "+49 30", "--block")
    assert "Anonymous callers are let in" in said(capsys, "did", "caller", "add", *which, "Anonymous", "--allow")
    assert "Callers with a number" in said(capsys, "did", "caller", "add", *which, "+", "--allow")
    assert listed(capsys, "did", "caller", "list", *which) == [
        {"caller": "+", "rule": "allow"}, {"caller": "anonymous", "rule": "allow"},
        {"caller": "+4930", "rule": "block"},
    ]  # fmt: skip
    assert "an entry for this caller already" in said(
        capsys, "did", "caller", "add", *which, "+4930", "--allow", code=1
    )
    for nonsense in ("030", "O'Brien", "+49%", "+" + "1" * 16, ""):
        assert "says no callers" in said(capsys, "did", "caller", "add", *which, nonsense, "--block", code=1)
    assert "leading digits" in said(capsys, "did", "caller", "add", *which, "+0", "--block", code=1)
    assert "has no DID" in said(capsys, "did", "caller", "add", "borea", "+493023125001", "+1", "--block", code=1)
    said(capsys, "did", "caller", "remove", *which, "+4930")
    assert "has no entry" in said(capsys, "did", "caller", "remove", *which, "+4930", code=1)
    with shop.switch.tenant(shop.acme.tenant.id) as tx:
        dids.count_refusal(tx, dids.find(tx, [shop.acme.did])[shop.acme.did], dids.BY_CALLER)
    shown = listed(capsys, "did", "show", *which)
    assert [(each["reason"], each["calls"]) for each in shown["refusals"]] == [("caller", 1)]
    assert "1: caller not let in" in said(capsys, "did", "show", *which)
    assert "allow +; allow anonymous" in said(capsys, "did", "show", *which)
    (did,) = listed(capsys, "did", "list", "acme")
    assert did["refused"] == 1
    assert [row["action"] for row in audited(shop, shop.acme.tenant.id)] == [
        "did.caller.add", "did.caller.add", "did.caller.add", "did.caller.remove",
    ]  # fmt: skip
    # Nothing of it is left with the DID.
    said(capsys, "did", "remove", *which)
    said(capsys, "did", "add", *which, "--mailbox", "user@acme.example")
    assert listed(capsys, "did", "show", *which)["callers"] == []


def test_a_trunk_says_where_its_calls_name_the_number(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "trunk", "set", "carrier", "--called-from", "diversion,to,request", "--trusts-identity", "on")
    (trunk,) = listed(capsys, "trunk", "list")
    assert (trunk["called_from"], trunk["trusts_identity"]) == (["diversion", "to", "request"], True)
    for nonsense in ("from", "request,", ""):
        assert "one or more of" in said(capsys, "trunk", "set", "carrier", "--called-from", nonsense, code=1)


def test_a_trunk_that_registers_takes_calls_from_where_it_registers(
    shop: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def add(name: str, host: str, *more: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("sesame\n"))
        registers = ("--register", "on", "--username", "me", "--password-file", "-")
        return said(capsys, "trunk", "add", name, "--host", host, "--country", "DE", *registers, *more)

    networks = ["192.0.2.20/32", "192.0.2.9/32", "2001:db8::9/128"]
    assert f"taken from {' '.join(networks)}, where registrar.example is" in add("found", "registrar.example")
    assert "For received calls: `faxplan trunk set lost --source" in add("lost", "no-such-name.example")
    add("given", "registrar.example", "--source", "198.51.100.7")
    sources = {each["name"]: each["source_networks"] for each in listed(capsys, "trunk", "list")}
    assert (sources["found"], sources["lost"], sources["given"]) == (networks, [], ["198.51.100.7/32"])


def test_quotas(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "quota", "list") == "There is no quota: nobody's pages are limited.\n"
    said(capsys, "quota", "set", "acme", "100", "--period", "day")
    said(capsys, "quota", "set", "acme", "10", "--period", "month", "--of", "user@acme.example")
    found = {(each["user"], each["period"]): each["limit_pages"] for each in listed(capsys, "quota", "list", "acme")}
    assert found == {(None, "day"): 100, ("user@acme.example", "month"): 10}
    said(capsys, "quota", "set", "acme", "none", "--period", "day")
    assert [each["period"] for each in listed(capsys, "quota", "list")] == ["month"]
    assert len(audited(shop, shop.acme.tenant.id)) == 3


def test_the_list_shows_what_is_used_in_the_period_that_runs(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "tenant", "set", "acme", "--time-zone", "Pacific/Kiritimati")
    said(capsys, "quota", "set", "acme", "100", "--period", "month")
    with shop.portal.tenant(shop.acme.tenant.id) as tx:
        tx.execute("update quotas set used_pages = 60, reserved_pages = 7, period_start = period_start - 31")
    (shown,) = listed(capsys, "quota", "list")
    assert (shown["used_pages"], shown["reserved_pages"], shown["time_zone"]) == (0, 7, "Pacific/Kiritimati")
    begins = datetime.fromisoformat(shown["next_period"]).astimezone(ZoneInfo("Pacific/Kiritimati"))
    assert (begins.day, begins.hour, begins.minute) == (1, 0, 0)
    headings, row = said(capsys, "quota", "list").splitlines()
    assert headings.split("  ")[-1] == "NEXT PERIOD"
    assert row.endswith(f"  100    0     7     80 %     {begins:%Y-%m-%d} 00:00 (Pacific/Kiritimati)")


def test_a_trunk_with_registration_and_its_route(
    shop: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("open sesame\n"))
    refused = ["trunk", "add", "second", "--host", "sip.example", "--country", "DE", "--register", "on"]
    assert "needs a username and a password" in said(capsys, *refused, code=1)
    assert "allowed: printable ASCII" in said(capsys, *refused, "--username", "u", "--password-file", "-", code=1)
    monkeypatch.setattr("sys.stdin", io.StringIO("sesame\n"))
    said(
        capsys, *refused, "--username", "me", "--password-file", "-", "--port", "5070", "--transport", "tcp",
        "--realm", "carrier", "--ping-seconds", "30", "--source", "192.0.2.10", "--source", "198.51.100.0/24",
        "--called-format", "e164-no-plus", "--calling-format", "national", "--t38", "off",
    )  # fmt: skip
    with shop.admin.across_tenants() as tx:
        gateway = next(each for each in trunks.gateways(tx) if each.name == "second")
    assert (gateway.host, gateway.port, gateway.transport, gateway.register) == ("sip.example", 5070, "tcp", True)
    assert (gateway.username, gateway.password, gateway.realm, gateway.ping_seconds) == ("me", "sesame", "carrier", 30)
    (shown,) = (each for each in listed(capsys, "trunk", "list") if each["name"] == "second")
    assert shown["source_networks"] == ["192.0.2.10/32", "198.51.100.0/24"]
    assert (shown["called_format"], shown["calling_format"], shown["t38"]) == ("e164-no-plus", "national", False)
    assert shown["password_set"] is True
    assert "sesame" not in said(capsys, "trunk", "list") + json.dumps([shown, audited(shop)], default=str)

    said(capsys, "trunk", "set", "second", "--inbound-format", "national")
    assert listed(capsys, "trunk", "list")[1]["inbound_format"] == "national"

    said(capsys, "route", "add", "+49", "second", "--only-for", "acme", "--position", "5")
    assert listed(capsys, "route", "list")[1] == {
        "prefix": "+49", "trunk": "second", "position": 5, "weight": 1, "cost": None, "only_for": "acme",
        "enabled": True, "in_clear": False,
    }  # fmt: skip
    assert "Remove them first" in said(capsys, "trunk", "remove", "second", code=1)
    assert "no such route" in said(capsys, "route", "remove", "+49", "second", code=1)
    said(capsys, "route", "remove", "+49", "second", "--only-for", "acme")
    said(capsys, "trunk", "remove", "second")
    assert [each["name"] for each in listed(capsys, "trunk", "list")] == ["carrier"]
    assert [row["action"] for row in audited(shop)] == [
        "route.add",
        "route.remove",
        "trunk.add",
        "trunk.change",
        "trunk.remove",
    ]


def test_a_trunk_has_limits_and_may_be_one_tenants(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(
        capsys, "trunk", "add", "own", "--host", "a.example", "--country", "DE", "--max-calls", "30",
        "--calls-per-second", "2.5", "--dedicated-to", "acme", "--overflow", "off",
    )  # fmt: skip
    own = listed(capsys, "trunk", "list")[1]
    limits = {"max_calls": 30, "calls_per_second": 2.5, "dedicated_to": "acme", "overflow": False}
    assert {name: own[name] for name in limits} == limits
    shown = said(capsys, "trunk", "list")
    assert "30 calls, 2.5 a second  acme, no overflow" in shown
    assert "  (all)" in shown
    said(capsys, "trunk", "set", "own", "--dedicated-to", "none", "--clear", "max_calls")
    own = listed(capsys, "trunk", "list")[1]
    assert (own["dedicated_to"], own["max_calls"], own["calls_per_second"]) == (None, None, 2.5)
    said(capsys, "trunk", "set", "own", "--dedicated-to", "borea")
    assert [row["details"] for row in audited(shop) if row["action"] == "trunk.change"] == [
        {"dedicated_to": None, "max_calls": None}, {"dedicated_to": "borea"},
    ]  # fmt: skip


def test_a_trunk_says_where_the_number_stands(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, "trunk", "list")[0]["caller_id_in"] == "pai"
    said(
        capsys, "trunk", "set", "carrier", "--caller-id-in", "rpid", "--privacy", "on", "--from-user", "49301234",
        "--from-domain", "carrier.example",
    )  # fmt: skip
    assert "rpid, anonymous" in said(capsys, "trunk", "list")
    with shop.admin.across_tenants() as tx:
        (gateway,) = trunks.gateways(tx)
    assert (gateway.from_user, gateway.from_domain) == ("49301234", "carrier.example")
    nowhere = "Nowhere would the trunk be told"
    assert nowhere in said(capsys, "trunk", "set", "carrier", "--caller-id-in", "from", code=1)
    assert nowhere in said(capsys, "trunk", "set", "carrier", "--caller-id-in", "from", "--privacy", "off", code=1)
    said(capsys, "trunk", "set", "carrier", "--caller-id-in", "from", "--privacy", "off", "--clear", "from_user")
    assert listed(capsys, "trunk", "list")[0]["from_user"] is None


def test_a_trunks_identities_are_trusted_where_somebody_said_so(
    shop: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def trusted() -> bool:
        with shop.switch.across_tenants() as tx:
            trunk = trunks.by_source(tx, "127.0.0.1", None)
        assert trunk is not None
        return trunk.trusts_identity

    assert not trusted()
    assert "From only" in said(capsys, "trunk", "list")
    said(capsys, "trunk", "set", "carrier", "--trusts-identity", "on")
    assert trusted()
    assert "trusted" in said(capsys, "trunk", "list")


def test_a_trunk_says_how_its_calls_carry_pages(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "receiver asks" in said(capsys, "trunk", "list")
    said(
        capsys, "trunk", "set", "carrier", "--t38-request", "sender", "--t38-redundancy", "1", "--v17", "off",
        "--ecm", "off", "--codec", "pcma",
    )  # fmt: skip
    assert "sender asks  pcma, no V.17, no ECM, redundancy 1" in said(capsys, "trunk", "list")
    assert "Add --transport tls" in said(
        capsys, "trunk", "set", "carrier", "--encrypted-media", "on", "--t38", "off", code=1
    )
    assert "Add --t38 off" in said(
        capsys, "trunk", "set", "carrier", "--encrypted-media", "on", "--transport", "tls", code=1
    )
    said(capsys, "trunk", "set", "carrier", "--encrypted-media", "on", "--transport", "tls", "--t38", "off")
    assert "SRTP, pcma" in said(capsys, "trunk", "list")
    assert "cannot be encrypted" in said(capsys, "trunk", "set", "carrier", "--t38", "on", code=1)
    assert "need TLS" in said(capsys, "trunk", "set", "carrier", "--transport", "udp", code=1)


def test_a_route_is_explained(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "route", "add", "+4990", "--barred")
    told = said(capsys, "route", "explain", "030 23125002", "--tenant", "acme")
    assert told.startswith("+49 30 23125002, called by acme as +49 30 23125001:\n  1. carrier: a route for all, +")
    assert "; free\n     uuid:" in told
    assert "are not dialled" in said(capsys, "route", "explain", "+49 90 123456", "--tenant", "acme")
    found = listed(capsys, "route", "explain", "030 23125002", "--tenant", "acme")
    assert [way["trunk"] for way in found["ways"]] == ["carrier"]
    said(capsys, "route", "remove", "+", "carrier")
    assert "No trunk takes it" in said(capsys, "route", "explain", "030 23125002", "--tenant", "acme")


def test_trunks_tell_how_they_do_and_are_woken(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    (state,) = listed(capsys, "trunk", "state")
    assert (state["name"], state["failures"], state["rests_seconds"], state["calls"]) == ("carrier", 0, 0, 0)
    assert "carrier  new" in said(capsys, "trunk", "state")
    said(capsys, "trunk", "set", "carrier", "--max-calls", "30")
    queued(shop, shop.acme)
    assert len(claim(shop)) == 1
    with shop.switch.across_tenants() as tx:
        trunk_health.worked(tx, carrier(shop), "node1")
    assert "works  1 of 30" in said(capsys, "trunk", "state")
    with shop.switch.across_tenants() as tx:
        trunk_health.down_on_node(tx, carrier(shop), "down", "node7")
    assert "down on node7" in said(capsys, "trunk", "state")
    with shop.switch.across_tenants() as tx:
        for number in range(trunk_health.FAILURES_BEFORE_REST):
            words = "The trunk could not take the call (SIP 503)."
            trunk_health.failed(tx, carrier(shop), words, f"+49301000{number}")
    told = said(capsys, "trunk", "state")
    assert "rests for" in told
    assert "could not take the call (SIP 503)." in told
    said(capsys, "trunk", "wake", "carrier")
    (state,) = listed(capsys, "trunk", "state")
    assert (state["failures"], state["rests_seconds"], state["last_failure"], state["calls"]) == (0, 0, None, 1)
    assert "no trunk 'other'" in said(capsys, "trunk", "wake", "other", code=1)
    assert [row["action"] for row in audited(shop)] == ["trunk.change", "trunk.wake"]


def test_a_trunk_is_tested_where_a_switch_is_at_work(
    shop: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAXPLAN_USER", "user@acme.example")
    assert "no trunk 'other'" in said(capsys, "trunk", "test", "other", code=1)
    capsys.readouterr()
    assert cli.main(["trunk", "test", "carrier"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Trunk carrier: 127.0.0.1 port 5080 by UDP\n  FreeSWITCH was not asked, and no OPTIONS sent")
    assert "No switch is at work" in said(capsys, "trunk", "test", "carrier", "--to", "+4940123456", code=3)
    with shop.portal.tenant(shop.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0


def test_routes_share_out_calls_and_have_a_cost(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "route", "add", "+49X0", "carrier", "--weight", "3", "--cost", "0.012")
    (_, route) = listed(capsys, "route", "list")
    assert (route["prefix"], route["weight"], route["cost"]) == ("+49X0", 3, 0.012)
    assert "0.012" in said(capsys, "route", "list")
    assert [row["details"] for row in audited(shop)] == [
        {
            "trunk": "carrier",
            "position": 100,
            "weight": 3,
            "only_for": None,
            "in_clear": False,
            "enabled": True,
            "cost": "0.012",
        }
    ]


def test_a_route_may_take_in_clear_what_is_encrypted_elsewhere(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "route", "add", "+49", "carrier", "--in-clear")
    assert [route["in_clear"] for route in listed(capsys, "route", "list")] == [False, True]
    (row,) = audited(shop)
    assert row["details"]["in_clear"] is True


def test_a_prefix_is_barred_and_allowed_again(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "are barred" in said(capsys, "route", "add", "+4990", "--barred")
    assert "(barred)" in said(capsys, "route", "list")
    assert [each["trunk"] for each in listed(capsys, "route", "list")] == ["carrier", None]
    assert "already" in said(capsys, "route", "add", "+4990", "--barred", code=1)
    assert "bar for +4990 is removed" in said(capsys, "route", "remove", "+4990", "--barred")
    assert [each["prefix"] for each in listed(capsys, "route", "list")] == ["+"]


def test_a_trunk_is_changed_and_emptied(shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    said(capsys, "trunk", "set", "carrier", "--password-file", str(password), "--username", "me", "--register", "on")
    said(capsys, "trunk", "set", "carrier", "--host", "192.0.2.7", "--clear", "port", "--enabled", "off")
    (shown,) = listed(capsys, "trunk", "list")
    assert (shown["host"], shown["port"], shown["enabled"], shown["register"]) == ("192.0.2.7", None, False, True)
    assert "needs a username and a password" in said(capsys, "trunk", "set", "carrier", "--clear", "password", code=1)
    assert listed(capsys, "trunk", "list")[0]["password_set"] is True


def test_a_password_file_that_is_no_utf_8_is_refused(
    shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_bytes("geheim-ä\n".encode("latin-1"))
    said_of_it = said(capsys, "trunk", "set", "carrier", "--password-file", str(password), code=1)
    assert f"{password} is not UTF-8" in said_of_it


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("tenant add Bad --name B --country DE --time-zone Europe/Berlin", "lower-case letters"),
        ("tenant add acme --name B --country DE --time-zone Europe/Berlin", "already a tenant"),
        ("tenant add b --name B --country XX --time-zone Europe/Berlin", "ISO code"),
        ("tenant add b --name B --country DE --time-zone Berlin", "Europe/Berlin"),
        ("tenant set acme", "Nothing was given to change"),
        ("tenant set nobody --enabled off", "There is no tenant 'nobody'"),
        ("tenant set acme --max-attempts 21", "1 to 20"),
        ("tenant set acme --station-ident Acme", "digits, + and spaces"),
        ("tenant set acme --time-zone ../etc", "not an IANA time zone"),
        ("tenant add b --name B --country DE --time-zone Europe/Nowhere", "not an IANA time zone"),
        ("user add acme user@acme.example", "already"),
        ("user add acme nobody", "e-mail address"),
        ("mailbox member acme Office user@acme.example", "no mailbox 'Office'"),
        ("mailbox member acme user@acme.example x@acme.example", "no user 'x@acme.example'"),
        ("did add acme 112 --mailbox user@acme.example", "emergency"),
        ("did add acme 03023125009 --mailbox user@borea.example", "no mailbox"),
        ("trunk add carrier --host a.example --country DE", "already a trunk"),
        ("trunk add second --host a.example:5060 --country DE", "without port"),
        ("trunk add second --host a.example --country DE --port 70000", "1 to 65535"),
        ("trunk add second --host a.example --country DE --ping-seconds 1", "every 5 to"),
        ("trunk add second --host a.example --country DE --source 192.0.2.1/24", "has host bits set"),
        ("trunk add second --host a.example --country DE --source 0.0.0.0/0", "whole Internet"),
        ("trunk add second --host a.example --country de", "ISO code"),
        ("trunk set other --t38 off", "no trunk 'other'"),
        ("trunk set carrier --password-file /dev/null", "no password"),
        ("route add 49 carrier", "leading digits"),
        ("route add + carrier", "already"),
        ("route add +49 other", "no trunk 'other'"),
        ("route add +49 carrier --weight 1001", "1 to 1000"),
        ("trunk set carrier --from-user a;b", "the characters of a SIP user"),
        ("trunk set carrier --t38-redundancy 4", "0 to 3"),
        ("trunk set carrier --max-calls 0", "1 call at once or more"),
        ("trunk set carrier --dedicated-to nobody", "no tenant 'nobody'"),
        ("quota set acme none --period day", "no such quota"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_nothing_is_done(
    shop: World, capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    assert message in said(capsys, *command.split(), code=1)
    assert audited(shop) == []
    assert audited(shop, shop.acme.tenant.id) == []


def test_the_header_line_stays_on_in_the_us(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "tenant", "add", "us", "--name", "U", "--country", "US", "--time-zone", "America/New_York")
    assert "68.318" in said(capsys, "tenant", "set", "us", "--header-line", "off", code=1)


@pytest.mark.parametrize("blank", ["", "  ", "\t\x01"])
def test_the_header_line_names_the_sender_in_the_us(
    shop: World, capsys: pytest.CaptureFixture[str], blank: str
) -> None:
    said(capsys, "tenant", "add", "us", "--name", "U", "--country", "US", "--time-zone", "America/New_York")
    refused = said(capsys, "tenant", "set", "us", "--header-name", blank, code=1)
    assert "68.318" in refused
    assert "name" in refused
    said(capsys, "tenant", "set", "acme", "--header-name", blank)
    (row,) = (line for line in said(capsys, "tenant", "list").splitlines() if line.startswith("acme"))
    assert row.count("Acme") == 2


@pytest.mark.parametrize(
    "command",
    [
        "tenant set acme --enabled maybe",
        "quota set acme many --period day",
        "trunk",
        "route add +49",
        "route add +49 carrier --barred",
        "route add +49 carrier --cost much",
        "trunk set carrier --calls-per-second 0",
    ],
)
def test_wrong_usage_is_exit_code_2(shop: World, command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(command.split())
    assert ended.value.code == 2


def test_a_store_is_accepted_and_audited(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "install -d" in said(capsys, "store", "accept", code=cli.RETRYABLE)
    assert "store.accept" not in [row["action"] for row in audited(shop)]
    shop.store.root.mkdir(parents=True)
    assert said(capsys, "store", "accept") == f"{shop.store.root} is the document store.\n"
    assert shop.store.marker.exists()
    (row,) = (row for row in audited(shop) if row["action"] == "store.accept")
    assert row["details"] == {"folder": str(shop.store.root)}


def test_a_tenant_has_its_own_hours_of_waiting_or_the_installations(
    shop: World, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "tenant", "set", "acme", "--wait-hours", "24")
    assert listed(capsys, "tenant", "list")[0]["wait_hours"] == 24
    assert audited(shop)[-1]["details"] == {"wait_hours": 24}
    said(capsys, "tenant", "set", "acme", "--wait-hours", "none")
    assert listed(capsys, "tenant", "list")[0]["wait_hours"] is None
    assert "1 to 8760 hours" in said(capsys, "tenant", "set", "acme", "--wait-hours", "8761", code=1)


def test_a_trunk_has_prefixes(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No prefix stands before a +" in said(capsys, "trunk", "set", "carrier", "--called-prefix", "0", code=1)
    said(
        capsys, "trunk", "set", "carrier", "--called-format", "national", "--called-prefix", "4711#",
        "--inbound-prefix", "0", "--inbound-calling-format", "national",
    )  # fmt: skip
    (shown,) = listed(capsys, "trunk", "list")
    assert (shown["called_prefix"], shown["inbound_prefix"]) == ("4711#", "0")
    assert shown["inbound_calling_format"] == "national"
    assert "4711# national" in said(capsys, "trunk", "list")
    assert "4711# before the number" in said(capsys, "route", "explain", "030 99001234", "--tenant", "acme")
    said(capsys, "trunk", "set", "carrier", "--called-prefix", "none", "--inbound-prefix", "none")
    said(capsys, "trunk", "set", "carrier", "--clear", "inbound_calling_format")
    (shown,) = listed(capsys, "trunk", "list")
    assert (shown["called_prefix"], shown["inbound_prefix"], shown["inbound_calling_format"]) == ("", "", None)
    assert "emergency number" in said(capsys, "trunk", "set", "carrier", "--called-prefix", "112#", code=1)


def test_a_route_is_changed_and_switched_off_and_on(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    explain = ("route", "explain", "030 99001234", "--tenant", "acme")
    said(capsys, "route", "add", "+49", "carrier", "--only-for", "acme")
    with shop.admin.across_tenants() as tx:
        before = tx.value("select version from routing_version")
    told = said(
        capsys, "route", "set", "+49", "carrier", "--only-for", "acme", "--position", "5", "--weight", "7", "--cost",
        "0.010", "--enabled", "off", "--in-clear", "on",
    )  # fmt: skip
    assert told == "The route for +49 through carrier is changed.\n"
    (route,) = (each for each in listed(capsys, "route", "list") if each["prefix"] == "+49")
    assert route == {
        "prefix": "+49", "trunk": "carrier", "position": 5, "weight": 7, "cost": 0.01, "only_for": "acme",
        "enabled": False, "in_clear": True,
    }  # fmt: skip
    assert audited(shop)[-1]["action"] == "route.change"
    assert audited(shop)[-1]["details"] == {
        "trunk": "carrier", "only_for": shop.acme.tenant.id, "position": 5, "weight": 7, "cost": "0.010",
        "enabled": False, "in_clear": True,
    }  # fmt: skip
    # What waits is looked at anew.
    with shop.admin.across_tenants() as tx:
        assert tx.value("select version from routing_version") > before
    assert "not tried: +49 through carrier: it is switched off" in said(capsys, *explain)
    assert "a route for all, +, position 100" in said(capsys, *explain)
    said(capsys, "route", "set", "+49", "carrier", "--only-for", "acme", "--enabled", "on", "--cost", "none")
    assert "acme's own route, +49, position 5, weight 7" in said(capsys, *explain)
    assert "switched off" not in said(capsys, *explain)
    assert [each["cost"] for each in listed(capsys, "route", "list")] == [None, None]


def test_a_route_or_a_bar_may_be_entered_switched_off(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    explain = ("route", "explain", "030 99001234", "--tenant", "acme")
    assert "route set --enabled on" in said(capsys, "route", "add", "+4930", "--barred", "--disabled")
    said(capsys, "route", "add", "+49X0", "carrier", "--disabled")
    told = said(capsys, *explain)
    assert "1. carrier: a route for all, +, position 100" in told
    assert "not tried: +4930 barred: it is switched off" in told
    assert "not tried: +49X0 through carrier: it is switched off" in told
    assert said(capsys, "route", "set", "+4930", "--barred", "--enabled", "on") == "The bar for +4930 is changed.\n"
    assert "are not dialled" in said(capsys, *explain)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("+49", "carrier", "--position", "1"), "no such route"),
        (("+", "carrier", "--position", "1", "--only-for", "acme"), "no such route"),
        (("+", "--barred", "--enabled", "off"), "no such route"),
        (("+", "nothing", "--position", "1"), "no trunk"),
        (("+", "carrier"), "Nothing was given to change"),
        (("+", "carrier", "--weight", "0"), "1 to 1000"),
    ],
)
def test_a_route_that_is_not_there_or_a_value_that_cannot_be_changes_nothing(
    shop: World, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    before = listed(capsys, "route", "list")
    assert words in said(capsys, "route", "set", *arguments, code=1)
    assert listed(capsys, "route", "list") == before
    assert audited(shop) == []
