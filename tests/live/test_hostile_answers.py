"""What those whom we call may write, and what our own users may: in answers, refusals, idents, headers, file names.

None of it becomes a variable, a channel or a process; test_strangers.py has calls that come in.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faxplan import outbound, tenants
from faxplan.db import ValueRefused
from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from faxplan.outbound import SendRequest
from tests.bench.whole import wait_for
from tests.hostile import TEXTS, assert_nothing_ran, can_be_sealed, can_be_stored, headers
from tests.live.calls import Live
from tests.live.hostile_callee import HERE, HostileCallee
from tests.live.running import faxplan_on_freeswitch, send, settled
from tests.live.test_strangers import children
from tests.world import World

HARMLESS = "harmless; text"
SAID = [HARMLESS, *TEXTS]
IDENTS = 6
"""Numbers of carrier_dialplan.xml whose machines have hostile idents; before them one that has a harmless one."""


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("One page.\n")
    return path


@contextmanager
def nothing_happens(faxplan: Instance) -> Iterator[EventSocket]:
    """No process, no channel that stays, and Python answers. Gives what hears of the calls that end."""
    started = children(faxplan.pid)
    with faxplan.connect() as connection:
        connection.subscribe("CHANNEL_HANGUP_COMPLETE")
        yield connection
    wait_for(lambda: "0 total" in faxplan.api("show channels count"), "the last channel to be gone")
    assert children(faxplan.pid) == started
    assert_nothing_ran()
    wait_for(lambda: "+OK" in faxplan.api("python fax_queue::alive"), "Python in the switch to answer")


def ended(connection: EventSocket, channel_uuid: object) -> set[str]:
    """The names of all variables of a call that went out, when it is over."""
    while True:
        event = connection.next_event(60)
        assert event is not None, f"channel {channel_uuid} did not end"
        if event.headers.get("Unique-ID") == channel_uuid:
            return {name for name in event.headers if name.startswith("variable_")}


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "refused"])
def test_what_an_answer_says_does_nothing(
    world: World, live: Live, letter: Path, tmp_path: Path, answered: bool
) -> None:
    with (
        HostileCallee(lambda called: SAID[int(called[-3:-1])], headers) as callee,
        faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier", port=callee.port) as faxplan,
        nothing_happens(faxplan) as connection,
    ):
        known: set[str] = set()
        for number, text in enumerate(SAID):
            fax_id = send(world, letter, f"+493098761{number:02d}{1 if answered else 0}")
            wait_for(settled(world, fax_id), f"the call to end that heard {ascii(text)[:40]}", 120)
            (attempt,) = world.attempts(world.acme, fax_id)
            names = ended(connection, attempt["channel_uuid"])
            known = known or names
            # Some are missing, since FreeSWITCH refuses what could be expanded; none is new.
            assert names - known == set(), ascii(text)[:40]
            assert attempt["outcome"] == "not-sent", attempt
            assert attempt["sip_code"] == (200 if answered else 486), attempt
            # FreeSWITCH keeps no SDP that could be expanded, so that such a call is never answered.
            assert (attempt["answered_at"] is not None) == (answered and "${" not in text), attempt
            assert world.fax(world.acme, fax_id)["state"] == "queued"


@pytest.mark.parametrize("code", [300, 301, 302, 305])
def test_nobody_is_called_to_whom_a_redirection_leads(
    world: World, live: Live, letter: Path, tmp_path: Path, code: int
) -> None:
    """Else past routes, barred numbers and encrypted media: to an emergency number, or a host that is no trunk."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind((HERE, 0))
        elsewhere.setblocking(False)
        contact = f"<sip:112@{HERE}:{elsewhere.getsockname()[1]}>"
        with (
            HostileCallee(lambda _: HARMLESS, headers, refusal=code, contact=contact) as callee,
            faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier", port=callee.port) as faxplan,
            nothing_happens(faxplan),
        ):
            fax_id = send(world, letter, "+493098761000")
            wait_for(settled(world, fax_id), "the call to end", 120)
        (attempt,) = world.attempts(world.acme, fax_id)
        assert (attempt["sip_code"], attempt["rule"], attempt["hung_up_by"]) == (code, "redirected", "far-end")
        assert world.fax(world.acme, fax_id)["state"] == "failed"
        with pytest.raises(BlockingIOError):
            elsewhere.recv(65536)


def test_an_ident_of_the_far_machine_does_nothing(world: World, faxplan: Instance, letter: Path) -> None:
    with nothing_happens(faxplan) as connection:
        ids = [send(world, letter, f"+49309877{number}") for number in range(IDENTS + 1)]
        for fax_id in ids:
            wait_for(settled(world, fax_id), "the fax to be sent", 120)
        attempts = [attempt for fax_id in ids for attempt in world.attempts(world.acme, fax_id)]
        assert [(a["outcome"], a["pages"]) for a in attempts] == [("sent", 1)] * len(ids)
        names: dict[object, set[str]] = {}
        while len(names) < len(ids):
            event = connection.next_event(30)
            assert event is not None, names
            names[event.headers["Unique-ID"]] = {name for name in event.headers if name.startswith("variable_")}
    harmless, *hostile = [names[attempt["channel_uuid"]] for attempt in attempts]
    assert "variable_fax_remote_station_id" in harmless
    for each in hostile:
        assert each - harmless == set()
    idents = [attempt["remote_station_id"] for attempt in attempts]
    assert idents[0] == "15559877000"
    # FreeSWITCH keeps no value that could be expanded; of the others we keep what they are.
    assert idents[1] is None
    assert idents[2] == "';\"<script>&|`"


@pytest.mark.parametrize("is_of", ["the header line", "the file"])
def test_what_our_own_users_write_does_nothing(world: World, faxplan: Instance, letter: Path, is_of: str) -> None:
    """The name in the header line, and the names of files."""
    write, can_be = (_headed, can_be_stored) if is_of == "the header line" else (_called, can_be_sealed)
    ids = []
    with nothing_happens(faxplan) as connection:
        for text in SAID:
            if can_be(text):
                ids.append(write(world, letter, text))
            else:
                with pytest.raises(ValueRefused):
                    write(world, letter, text)
        for fax_id in ids:
            wait_for(settled(world, fax_id), "the fax to be sent", 180)
        states = [world.fax(world.acme, fax_id)["state"] for fax_id in ids]
        assert states == ["sent"] * len(ids)
        uuids = {world.attempts(world.acme, fax_id)[0]["channel_uuid"] for fax_id in ids}
        seen: list[set[str]] = []
        while len(seen) < len(uuids):
            event = connection.next_event(30)
            assert event is not None, len(seen)
            if event.headers["Unique-ID"] in uuids:
                seen.append({name for name in event.headers if name.startswith("variable_")})
    assert all(each == seen[0] for each in seen), [each ^ seen[0] for each in seen]


def _headed(world: World, letter: Path, text: str) -> int:
    """A fax whose sender's name in the header line is that text, in its call."""
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"header_name": text[:50]})
    fax_id = send(world, letter, world.borea.did)
    # The header is read when the pages are staged.
    wait_for(lambda: bool(world.attempts(world.acme, fax_id)), "the call to begin")
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] != "dialing", "the call to be answered")
    return fax_id


def _called(world: World, letter: Path, text: str) -> int:
    """A fax whose file has that text for a name, on its way."""
    request = SendRequest(world.borea.did, letter, f"{text}.txt")
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    world.render_all()
    return fax_id
