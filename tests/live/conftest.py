"""Two FreeSWITCH instances on 127.0.0.1, for the whole session: ours, from conf/, and a carrier."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from faxplan.event_socket import EventSocket
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.live.calls import Live
from tests.live.carrier import DIALPLAN, DropAfterPage
from tests.live.running import faxplan_on_freeswitch
from tests.world import World

HERE = Path(__file__).parent
NOT_INSTALLED = "live: not run, FreeSWITCH with mod_python3 is not installed; see docs/install-on-freeswitch.md"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    base = tmp_path_factory.mktemp("live")
    folder = base / "written"
    folder.mkdir()
    our_port, carrier_port, nobody, faxplan_port = (free_sip_port() for _ in range(4))
    ours = Instance(
        found,
        InstanceOptions(
            base=base / "ours",
            script_dir=HERE / "scripts",
            python=Path(sys.executable),
            name="ours",
            sip_port=our_port,
            startup_scripts=(),
            max_sessions=200,
            environment={"FAXPLAN_LIVE_FOLDER": str(folder)},
            gateways=(
                Gateway("carrier", "127.0.0.1", carrier_port),
                Gateway("down", "127.0.0.1", nobody, ping_seconds=5),
            ),
        ),
    )
    carrier = Instance(
        found,
        InstanceOptions(
            base=base / "carrier",
            script_dir=HERE / "scripts",
            python=Path(sys.executable),
            name="carrier",
            sip_port=carrier_port,
            startup_scripts=(),
            max_sessions=200,
            dialplan=DIALPLAN,
            gateways=(
                Gateway("ours", "127.0.0.1", our_port),
                Gateway("faxplan", "127.0.0.1", faxplan_port),
                Gateway("faxplan-tcp", "127.0.0.1", faxplan_port, "tcp"),
            ),
        ),
    )
    dropper = DropAfterPage(carrier)
    try:
        carrier.start()
        ours.start()
        dropper.start()
        yield Live(ours, carrier, folder, faxplan_port)
    finally:
        dropper.stop()
        ours.stop()
        carrier.stop()


@pytest.fixture
def ours(live: Live) -> Instance:
    return live.ours


@pytest.fixture
def carrier(live: Live) -> Instance:
    return live.carrier


@pytest.fixture
def carriers_side(live: Live) -> Iterator[EventSocket]:
    """Hears of the carrier's calls as they end."""
    with live.carrier.connect() as opened:
        opened.subscribe("CHANNEL_HANGUP_COMPLETE")
        yield opened


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("\f".join(f"Page {number} of three.\n" for number in range(1, 4)))
    return path


@pytest.fixture
def faxplan(world: World, live: Live, tmp_path: Path) -> Iterator[Instance]:
    """Faxplan's own FreeSWITCH, with the scripts of fs_scripts."""
    with faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier") as instance:
        yield instance


@pytest.fixture(scope="session")
def three_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fax-ready TIFF, fine, A4 width."""
    pages = []
    for number in range(1, 4):
        page = Image.new("1", (1728, 1100), 1)
        draw = ImageDraw.Draw(page)
        draw.text((200, 100), f"page {number}", fill=0)
        for row in range(200, 1000, 40):
            draw.line((100, row, 1600, row + 5 * number), fill=0)
        pages.append(page)
    path = tmp_path_factory.mktemp("documents") / "three.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="group4", dpi=(204, 196))
    return path
