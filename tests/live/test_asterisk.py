"""Faxes between Faxplan and an Asterisk: another SIP stack, another UDPTL, both ways, over T.38 and in audio."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from faxplan import documents, mailboxes
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live import asterisk_peer
from tests.live.asterisk_peer import Asterisk
from tests.live.calls import Live
from tests.live.running import faxplan_on_freeswitch, send, settled
from tests.received_pages import assert_same_below_the_header, pages_of, rendered
from tests.routing import change
from tests.world import World

NUMBER = "+4930555000"
IDENT = "+4930555000"


@pytest.fixture
def asterisk(live: Live, world: World, tmp_path: Path) -> Iterator[Callable[..., Asterisk]]:
    """Starts one, with the keywords of Asterisk; Faxplan's trunk leads to it."""
    found = asterisk_peer.find()
    if found is None:
        pytest.skip(asterisk_peer.NOT_INSTALLED)
    with ExitStack() as running:

        def start(**how: Any) -> Asterisk:
            made = running.enter_context(Asterisk(found, tmp_path / "asterisk", live.faxplan_port, **how))
            change(world, "trunks", port=made.port)
            return made

        yield start


@pytest.fixture
def on_freeswitch(world: World, live: Live, tmp_path: Path) -> Iterator[Callable[[Asterisk], Instance]]:
    """Starts Faxplan, whose only trunk leads to that Asterisk."""
    with ExitStack() as running:
        yield lambda asterisk: running.enter_context(
            faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier", port=asterisk.port)
        )


Start = Callable[..., Asterisk]
Run = Callable[[Asterisk], Instance]


@pytest.mark.parametrize(
    ("trunk", "peer", "status", "mode"),
    [
        pytest.param({}, {}, "negotiated", "T38", id="it asks for T.38"),
        pytest.param({}, {"t38": "fec"}, "negotiated", "T38", id="it offers FEC"),
        pytest.param({}, {"t38": "none"}, "negotiated", "T38", id="it offers no redundancy"),
        pytest.param({}, {"ecm": False}, "negotiated", "T38", id="it has no ECM"),
        pytest.param({"t38_redundancy": 0}, {}, "negotiated", "T38", id="we repeat nothing"),
        pytest.param({"t38_request": "sender"}, {}, "negotiated", "T38", id="both ask"),
        pytest.param({"t38": False}, {"receive_options": "f"}, "off", "audio", id="we refuse T.38"),
        pytest.param({"t38_request": "sender"}, {"t38": None}, "refused", "audio", id="it refuses T.38"),
    ],
)
def test_it_receives_what_we_send(
    world: World,
    asterisk: Start,
    on_freeswitch: Run,
    letter: Path,
    tmp_path: Path,
    trunk: dict[str, object],
    peer: dict[str, object],
    status: str,
    mode: str,
) -> None:
    if trunk:
        change(world, "trunks", **trunk)
    far = asterisk(**peer)
    on_freeswitch(far)
    fax_id = send(world, letter, NUMBER)
    wait_for(settled(world, fax_id), "the attempt to be settled", 180)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"], attempt["t38_status"]) == ("sent", 3, status), attempt
    assert attempt["remote_station_id"] == IDENT
    assert attempt["ecm_used"] is peer.get("ecm", True)
    said = far.faxed()
    assert (said.status, said.pages, said.mode, said.ident) == ("SUCCESS", 3, mode, world.acme.did), said
    ours = rendered(world, world.acme, fax_id, tmp_path / "rendered.tif")
    assert_same_below_the_header(ours, far.received)


@pytest.mark.parametrize(
    ("trunk", "peer", "status"),
    [
        pytest.param({}, {}, "negotiated", id="we ask for T.38"),
        pytest.param({}, {"send_options": "z"}, "negotiated", id="both ask"),
        pytest.param({"t38_request": "sender"}, {"send_options": "z"}, "negotiated", id="it asks"),
        pytest.param({}, {"t38": "fec"}, "negotiated", id="it offers FEC"),
        pytest.param({}, {"ecm": False}, "negotiated", id="it has no ECM"),
        pytest.param({"t38": False}, {"send_options": "f"}, "off", id="we refuse T.38"),
        pytest.param({}, {"t38": None}, "refused", id="it refuses T.38"),
    ],
)
def test_we_receive_what_it_sends(
    world: World,
    asterisk: Start,
    on_freeswitch: Run,
    three_pages: Path,
    tmp_path: Path,
    trunk: dict[str, object],
    peer: dict[str, object],
    status: str,
) -> None:
    if trunk:
        change(world, "trunks", **trunk)
    far = asterisk(**peer)
    on_freeswitch(far)
    far.send(three_pages, world.borea.did)
    said = far.faxed()
    assert (said.status, said.pages) == ("SUCCESS", 3), said
    wait_for(lambda: bool(_inbox(world)), "the fax to lie in the mailbox")
    (entry,) = _inbox(world)
    assert (entry.state, entry.pages) == ("received", 3)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        attempt = tx.one("select * from attempts")
        tiff = documents.get(tx, world.borea.tenant.id, tx.value("select tiff_id from faxes"))
    assert (attempt["outcome"], attempt["t38_status"], attempt["remote_station_id"]) == ("received", status, IDENT)
    assert attempt["ecm_used"] is peer.get("ecm", True)
    world.copy_out(tiff, tmp_path / "received.tif")
    # It stamps no header line, so that every row is one of the document's.
    assert pages_of(tmp_path / "received.tif") == pages_of(three_pages)


def _inbox(world: World) -> list[mailboxes.Entry]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return mailboxes.entries(tx, world.borea.tenant.id, world.borea.user.id)
