"""Who gets in, what trunks see, and how gateways are taken up."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway, acl_xml, write_gateways
from tests.live.calls import Live, dial, wait_for
from tests.vendor_words import vendor_words


def sdp(address: str) -> str:
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0", "m=audio 40000 RTP/AVP 0"]
    return "\r\n".join([*lines, ""])


def answer_to_invite(ours: Instance, source: str, branch: str, method: str = "INVITE") -> str:
    """The first final answer's status line."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.bind((source, 0))
        sip.settimeout(10)
        here = f"{source}:{sip.getsockname()[1]}"
        body = sdp(source)
        request = [
            f"{method} sip:15550001@127.0.0.1:{ours.sip_port} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{branch};rport",
            f"From: <sip:15557000@{here}>;tag={branch}",
            f"To: <sip:15550001@127.0.0.1:{ours.sip_port}>",
            f"Call-ID: {branch}@{here}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:15557000@{here}>",
            "Max-Forwards: 70",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        sip.sendto("\r\n".join([*request, "", body]).encode(), ("127.0.0.1", ours.sip_port))
        while True:
            status = sip.recv(65536).decode().split("\r\n")[0]
            if not status.startswith("SIP/2.0 1"):
                return status


def test_an_unknown_address_is_refused(ours: Instance) -> None:
    assert answer_to_invite(ours, "127.0.0.9", "stranger").startswith("SIP/2.0 403")


def test_nobody_registers(ours: Instance) -> None:
    assert not answer_to_invite(ours, "127.0.0.1", "registers", "REGISTER").startswith("SIP/2.0 2")


def test_the_access_list_is_taken_up_while_running(ours: Instance) -> None:
    known = ipaddress.IPv4Network("127.0.0.1/32")
    assert ours.api("acl 127.0.0.9 faxplan-trunks") == "false"
    ours.acl_path.write_text(acl_xml([known, ipaddress.IPv4Network("127.0.0.9/32")]))
    ours.api("reloadacl")
    assert ours.api("acl 127.0.0.9 faxplan-trunks") == "true"
    ours.acl_path.write_text(acl_xml([known]))
    ours.api("reloadacl")
    assert ours.api("acl 127.0.0.9 faxplan-trunks") == "false"


def test_gateways_are_added_changed_and_removed_while_running(live: Live, ours: Instance) -> None:
    kept = list(ours.options.gateways)
    new = Gateway("new", "127.0.0.1", 5999, username="u&<>\"'$", password="$${faxplan_sip_port}&<>\"'")
    with pytest.raises(Exception, match="user name"):
        write_gateways(ours.gateways_folder, [*kept, new])
    new = Gateway("new", "127.0.0.1", 5999, username="u&=", password="$${faxplan_sip_port}&<>\"'")
    assert write_gateways(ours.gateways_folder, [*kept, new]).added == ("new",)
    ours.api("sofia profile faxplan rescan")
    shown = wait_for(lambda: _gateway(ours, "new"), 10, "new gateway")
    assert shown["Username"] == "u&="
    assert shown["Password"] == "yes"  # noqa: S105 - says only that there is one
    assert "127.0.0.1:5999" in shown["Proxy"]

    changed = Gateway("new", "127.0.0.1", 5998)
    assert write_gateways(ours.gateways_folder, [*kept, changed]).changed == ("new",)
    ours.api("sofia profile faxplan killgw new")
    ours.api("sofia profile faxplan rescan")
    shown = wait_for(lambda: _gateway(ours, "new"), 10, "changed gateway")
    assert "127.0.0.1:5998" in shown["Proxy"]

    assert write_gateways(ours.gateways_folder, kept).removed == ("new",)
    ours.api("sofia profile faxplan killgw new")
    wait_for(lambda: _gateway(ours, "new") is None, 10, "end of the removed gateway")


@pytest.fixture
def trunk_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind(("127.0.0.1", 0))
        trunk.settimeout(10)
        yield trunk


def test_a_trunk_sees_no_vendor(live: Live, ours: Instance, trunk_socket: socket.socket, three_pages: Path) -> None:
    kept = list(ours.options.gateways)
    write_gateways(ours.gateways_folder, [*kept, Gateway("looking", "127.0.0.1", trunk_socket.getsockname()[1])])
    ours.api("sofia profile faxplan rescan")
    try:
        wait_for(lambda: _gateway(ours, "looking"), 10, "gateway")
        with ours.connect() as connection:
            dialled = dial(connection, "15559900000", three_pages, gateway="looking")
            invite = trunk_socket.recv(65536)
            ours.api(f"uuid_kill {dialled.attempt}")
    finally:
        write_gateways(ours.gateways_folder, kept)
        ours.api("sofia profile faxplan killgw looking")
    assert invite.startswith(b"INVITE sip:15559900000@127.0.0.1")
    assert b"sip:15557000@" in invite
    assert not vendor_words(invite)
    audio = next(line for line in invite.split(b"\r\n") if line.startswith(b"m=audio"))
    assert audio.split()[3:5] == [b"0", b"8"]
    assert b"session-expires" not in invite.lower()


def _gateway(ours: Instance, name: str) -> dict[str, str] | None:
    text = ours.api(f"sofia status gateway {name}")
    if "Invalid Gateway" in text:
        return None
    return {line.split("\t")[0].strip(): line.split("\t")[-1].strip() for line in text.splitlines() if "\t" in line}
