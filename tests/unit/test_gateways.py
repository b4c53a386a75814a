import ipaddress
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from faxplan.channel_variables import TRUNK_ACCOUNT
from faxplan.gateways import Gateway, InvalidGateway, acl_xml, gateway_xml, write_gateways

PLAIN = Gateway("carrier", "sip.example.net", 5062)
REGISTERED = Gateway("office", "192.0.2.7", register=True, username="49301234", password="s3cret")


def params(gateway: Gateway) -> dict[str, str]:
    found = etree.fromstring(gateway_xml(gateway).encode()).find("gateway")
    assert found is not None
    assert found.get("name") == gateway.name
    return {param.get("name"): param.get("value") for param in found.findall("param")}


def test_a_trunk_by_address_does_not_register() -> None:
    assert params(PLAIN) == {
        "proxy": "sip.example.net:5062",
        "realm": "sip.example.net",
        "register": "false",
        "register-transport": "udp",
        "username": "fax",
        "caller-id-in-from": "true",
        "extension": "auto_to_user",
    }


def test_a_registered_trunk_has_its_account() -> None:
    found = params(REGISTERED)
    assert (found["register"], found["username"], found["password"]) == ("true", "49301234", "s3cret")
    assert found["register-proxy"] == "192.0.2.7"


def test_calls_to_a_registered_trunk_know_its_account() -> None:
    (variable,) = etree.fromstring(gateway_xml(REGISTERED).encode()).findall("gateway/variables/variable")
    assert dict(variable.attrib) == {"name": TRUNK_ACCOUNT, "value": "49301234", "direction": "inbound"}
    assert "variable" not in gateway_xml(PLAIN)


def test_a_trunk_behind_a_proxy_keeps_its_own_domain() -> None:
    found = params(replace(PLAIN, proxy="192.0.2.1:5060"))
    assert (found["proxy"], found["from-domain"]) == ("192.0.2.1:5060", "sip.example.net")


def test_ipv6_is_written_in_brackets() -> None:
    assert params(Gateway("six", "2001:db8::7", 5060))["proxy"] == "[2001:db8::7]:5060"
    assert params(Gateway("six", "[2001:db8::7]", proxy="[2001:db8::8]:5070"))["proxy"] == "[2001:db8::8]:5070"


@pytest.mark.parametrize("password", ["$${sound_prefix}", "<X&\"'>", "${system(id)}", "a-->b", "<include>"])
def test_a_password_passes_unchanged_and_unread(password: str) -> None:
    gateway = replace(REGISTERED, password=password)
    assert params(gateway)["password"] == password
    text = gateway_xml(gateway)
    # What FreeSWITCH's preprocessor looks for in a line, whatever the XML means.
    assert "$" not in text
    assert [line for line in text.splitlines() if "<include>" in line] == ["<include>"]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "../carrier"},
        {"name": ".hidden"},
        {"name": "two words"},
        {"name": "a" * 64},
        {"host": "sip.example.net:5060"},
        {"host": "sip.example.net;transport=tcp"},
        {"host": "-bad.example.net"},
        {"host": "exa mple.net"},
        {"host": "ä.example"},
        {"port": 0},
        {"port": 65536},
        {"transport": "sctp"},
        {"register": True},
        {"username": "a b"},
        {"username": "a@b"},
        {"username": 'a"/><param name="x'},
        {"password": "line\nbreak"},
        {"password": '<X-PRE-PROCESS cmd="exec"'},
        {"password": "<X-PRE-PROCESS"},
        {"realm": "an x-pre-process"},
        {"password": "ü"},
        {"password": "before:after"},
        {"realm": "a\rb"},
        {"from_user": "a;b=c"},
        {"from_domain": "a/b"},
        {"proxy": "192.0.2.1:sip"},
        {"proxy": "192.0.2.1:99999"},
        {"ping_seconds": 4},
        {"ping_seconds": 3601},
    ],
    ids=str,
)
def test_what_freeswitch_would_misread_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidGateway):
        gateway_xml(replace(PLAIN, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("password", ["s3cret word", "s3cret:word"])
def test_a_refused_password_is_not_told(password: str) -> None:
    with pytest.raises(InvalidGateway) as refused:
        gateway_xml(replace(REGISTERED, password=password))
    assert "s3cret" not in str(refused.value)


def test_the_folder_holds_one_private_file_a_gateway(tmp_path: Path) -> None:
    changes = write_gateways(tmp_path / "gateways", [REGISTERED, PLAIN])
    assert changes.added == ("carrier", "office")
    paths = sorted((tmp_path / "gateways").iterdir())
    assert [path.name for path in paths] == ["carrier.xml", "office.xml"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_only_what_differs_is_named(tmp_path: Path) -> None:
    write_gateways(tmp_path, [REGISTERED, PLAIN])
    assert not write_gateways(tmp_path, [PLAIN, REGISTERED])
    changes = write_gateways(tmp_path, [replace(PLAIN, port=5063), Gateway("new", "192.0.2.9")])
    assert (changes.added, changes.changed, changes.removed) == (("new",), ("carrier",), ("office",))
    assert not (tmp_path / "office.xml").exists()


def test_an_invalid_trunk_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    write_gateways(tmp_path, [PLAIN])
    before = (tmp_path / "carrier.xml").read_text()
    with pytest.raises(InvalidGateway):
        write_gateways(tmp_path, [replace(PLAIN, port=5063), Gateway("bad name", "192.0.2.9")])
    with pytest.raises(InvalidGateway, match="one namespace"):
        write_gateways(tmp_path, [PLAIN, replace(PLAIN, port=5063)])
    assert [path.name for path in tmp_path.iterdir()] == ["carrier.xml"]
    assert (tmp_path / "carrier.xml").read_text() == before


def test_a_file_that_became_readable_to_all_is_private_again(tmp_path: Path) -> None:
    write_gateways(tmp_path, [REGISTERED])
    (tmp_path / "office.xml").chmod(0o644)
    write_gateways(tmp_path, [replace(REGISTERED, password="other")])
    assert stat.S_IMODE((tmp_path / "office.xml").stat().st_mode) == 0o600


def test_the_access_list_denies_by_default() -> None:
    networks = [ipaddress.ip_network(text) for text in ("2001:db8::/32", "192.0.2.0/24", "192.0.2.0/24", "10.0.0.1/32")]
    found = etree.fromstring(acl_xml(networks).encode()).find("list")
    assert found is not None
    assert (found.get("name"), found.get("default")) == ("faxplan-trunks", "deny")
    assert [node.get("cidr") for node in found] == ["10.0.0.1/32", "192.0.2.0/24", "2001:db8::/32"]
    assert {node.get("type") for node in found} == {"allow"}
    empty = etree.fromstring(acl_xml([]).encode()).find("list")
    assert empty is not None
    assert len(empty) == 0


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0"])
def test_the_access_list_never_lets_everybody_in(everybody: str) -> None:
    with pytest.raises(InvalidGateway, match="whole Internet"):
        acl_xml([ipaddress.ip_network(everybody)])
