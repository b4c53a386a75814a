"""`switch`: each switch in turn. `probe`: one test's hand inside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.switch.bench_under_test import bench_under_test
from tests.switch.freeswitch_under_test import freeswitch_under_test
from tests.switch.switch_under_test import Probe, SwitchUnderTest

SWITCHES = {"bench": bench_under_test, "freeswitch": freeswitch_under_test}


@pytest.fixture(scope="module", params=["bench", pytest.param("freeswitch", marks=pytest.mark.live)])
def switch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwitchUnderTest]:
    with SWITCHES[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def probe(switch: SwitchUnderTest, tmp_path: Path) -> Iterator[Probe]:
    made = Probe(switch, tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="session")
def five_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fax-ready: G4, 1728 wide, fine."""
    pages = []
    for number in range(1, 6):
        page = Image.new("1", (1728, 700), 1)
        draw = ImageDraw.Draw(page)
        for row in range(80, 640, 40):
            draw.text((100, row), f"page {number}, row {row} " + "x" * (row // 10), fill=0)
        pages.append(page)
    path = tmp_path_factory.mktemp("documents") / "five.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression="group4", dpi=(204, 196))
    return path
