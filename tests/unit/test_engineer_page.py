"""docs/engineer.md names every context, extension, variable and parameter that is shipped, and none that is not."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from faxplan import channel_variables, dial_string, encrypted_media, gateways, switch_answers
from faxplan.dial_string import Dial, originate
from faxplan.gateways import Gateway, gateway_xml

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "engineer.md").read_text()
CONF = PROJECT / "conf"
NAMED = set(re.findall(r"`([^`]+)`", PAGE)) | set(re.findall(r"[\w.:-]+", " ".join(re.findall(r"`([^`]+)`", PAGE))))


def parts(file: Path) -> Iterator[ElementTree.Element]:
    yield from ElementTree.fromstring(file.read_text()).iter()  # noqa: S314 - our own file


def chapter(title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_every_context_and_extension_is_there() -> None:
    found = set()
    for file in sorted((CONF / "dialplan").glob("*.xml")):
        for context in (each for each in parts(file) if each.tag == "context"):
            for extension in context.iter("extension"):
                found.add((context.get("name"), extension.get("name"), f"dialplan/{file.name}"))
    assert len(found) == 2
    rows = set(re.findall(r"^\| `(\w+)`, `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert rows == found


def test_every_variable_that_the_dialplan_sets_is_there() -> None:
    file = CONF / "dialplan" / "faxplan.xml"
    set_there = [(each.get("data") or "") for each in parts(file) if each.get("application") == "set"]
    assert len(set_there) == 4
    for assignment in set_there:
        assert assignment.partition("=")[0] in NAMED, assignment
    applications = {each.get("application") for each in parts(file) if each.tag == "action"}
    assert applications - NAMED == {"set", "hangup"}


def test_every_site_variable_is_there_and_no_other() -> None:
    shipped = set(re.findall(r'cmd="set" data="(\w+)=', (CONF / "faxplan" / "vars.xml").read_text()))
    assert set(re.findall(r"^\| `(faxplan_\w+)` \|", chapter("Site variables"), re.MULTILINE)) == shipped


def test_every_parameter_of_the_profile_and_of_gateways_is_there_and_no_other() -> None:
    profile = {each.get("name") for each in parts(CONF / "sip_profiles" / "faxplan.xml") if each.tag == "param"}
    rows = re.findall(r"^\| (`[^|]+`) \|", chapter("The SIP profile"), re.MULTILINE)
    assert set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows))) == profile
    whole = Gateway("carrier", "sip.example", register=True, username="u", password="p", from_user="f",
                    from_domain="d.example", proxy="p.example", ping_seconds=30)  # fmt: skip
    written = set(re.findall(r'<param name="([^"]+)"', gateway_xml(whole)))
    assert set(re.findall(r"`([a-z-]+)`", chapter("Gateways"))) - {"killgw", "startgw", "rescan"} == written
    assert gateways.ACL_LIST in NAMED


def test_every_channel_variable_is_there_and_no_other() -> None:
    constants = {
        value
        for name, value in vars(channel_variables).items()
        if name.isupper() and isinstance(value, str) and name not in ("NO_HEADER", "RFC2833")
    }
    dialled = originate(
        Dial(1, "12345678-1234-1234-1234-123456789abc", "carrier", "+4930", "+4930", t38=True, ring_seconds=60,
             call_cap_seconds=60, caller_id_in="rpid", privacy=True, codec="pcmu")
    )  # fmt: skip
    constants |= set(re.findall(r"[{,](\w+)=", dialled)) - {"origination_uuid"}
    constants |= encrypted_media.SENT_CALL.keys() | encrypted_media.RECEIVED_CALL.keys()
    text = chapter("Channel variables")
    assert {each for each in constants if f"`{each}`" not in text} == set()
    named = {each for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for each in re.findall(r"`([^`]+)`", row)}
    assert named - constants == set()
    assert dial_string.MOST_REDUNDANCY == 3


def test_events_are_named_as_the_scripts_fire_them() -> None:
    fired = set(re.findall(r'"(faxplan::\w+)"', (PROJECT / "fs_scripts" / "faxplan_switch.py").read_text()))
    assert fired == set(re.findall(r"`(faxplan::\w+)`", PAGE))


def test_every_command_of_fs_cli_is_there() -> None:
    shown = set(re.findall(r"`python fax_queue::(\w+)", PAGE))
    assert shown == {*switch_answers.COMMANDS, "alive", "start", "stop"}
