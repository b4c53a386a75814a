"""`bench_switch`: a running bench switch on scripts of one's own; what FreeSWITCH would not forgive fails the test."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from bench import BenchConfig, NumberingPlan, Switch
from faxplan import postgres
from faxplan.installation import create_installation
from tests.installations import Installation
from tests.world import World, world_on

OWN_PREFIX = "+493020"


@pytest.fixture
def script_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "scripts"
    folder.mkdir()
    return folder


@pytest.fixture
def start_bench(script_dir: Path) -> Iterator[Callable[..., Switch]]:
    """Start a switch with settings of BenchConfig; its gateway is `carrier`, our numbers begin with OWN_PREFIX."""
    with ExitStack() as running:

        def start(**settings: Any) -> Switch:
            plan = NumberingPlan({"own": [{"prefix": OWN_PREFIX, "from_address": "127.0.0.9"}]})
            config = BenchConfig(**{"script_dir": script_dir, "gateways": ["carrier"], "plan": plan} | settings)
            return running.enter_context(Switch(config))

        yield start


@pytest.fixture
def bench_switch(start_bench: Callable[..., Switch]) -> Iterator[Switch]:
    switch = start_bench()
    yield switch
    assert switch.wait_idle()
    assert switch.complaints == []


@pytest.fixture(scope="session")
def make_tiff(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Fax-ready pages: G4, the width, length and resolution asked for, no two pages alike."""
    folder = tmp_path_factory.mktemp("documents")

    def make(pages: int = 3, width: int = 1728, length: int = 900, dpi: tuple[int, int] = (204, 196)) -> Path:
        images = []
        for number in range(1, pages + 1):
            image = Image.new("1", (width, length), 1)
            draw = ImageDraw.Draw(image)
            for row in range(40, length - 40, 30):
                draw.text((100, row), f"page {number} row {row} " + "fax " * (row % 40), fill=0)
            draw.line((0, number * 20, width - 1, length - number * 20), fill=0, width=3)
            images.append(image)
        path = folder / f"{pages}-{width}-{length}-{dpi[0]}x{dpi[1]}.tif"
        images[0].save(path, save_all=True, append_images=images[1:], compression="group4", dpi=dpi)
        return path

    return make


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[tuple[World, postgres.Cluster]]:
    """A world on a PostgreSQL of its own, which may be killed."""
    with tempfile.TemporaryDirectory(prefix="faxplan-own-") as folder:
        Path(folder).chmod(0o711)
        cluster = postgres.start(Path(folder, "data"), durable=True)
        try:
            create_installation(cluster.superuser_url(), "faxplan")
            with world_on(Installation(cluster, "faxplan"), tmp_path) as world:
                yield world, cluster
        finally:
            cluster.stop()
