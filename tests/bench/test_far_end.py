"""T.30 between two of the bench's fax machines, without a switch: what arrives is what was sent."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from bench import Behaviour, FarFaxResult
from bench.far_end import FarEnd
from bench.line import Line

MakeTiff = Callable[..., Path]
AN_HOUR_OF_TICKS = 3600 * 50


def send(tiff: Path, folder: Path, sender: Behaviour, receiver: Behaviour) -> tuple[FarFaxResult, FarFaxResult]:
    line = Line(lambda: None, loss_percent=receiver.loss_percent)
    calling, called = FarEnd(line, sender, sends=tiff), FarEnd(line, receiver, keep_in=folder)
    line.join(calling, called)
    with line.lock:
        called.ring()
    line.advance(AN_HOUR_OF_TICKS, held_clock=True)
    assert line.ended
    return calling.result, called.result


def assert_same_pages(sent: Path, received: Path, *, pages: int | None = None) -> None:
    """Equal below the header line, which is inserted above the image (t4_tx.c)."""
    with Image.open(sent) as before, Image.open(received) as after:
        assert after.n_frames == (before.n_frames if pages is None else pages)
        for page in range(after.n_frames):
            before.seek(page)
            after.seek(page)
            assert after.width == before.width
            header = after.height - before.height
            assert header >= 0
            below = after.convert("L").crop((0, header, after.width, after.height))
            assert ImageChops.difference(before.convert("L"), below).getbbox() is None


@pytest.mark.parametrize(
    "receiver",
    [
        Behaviour(),
        Behaviour(ecm=False),
        Behaviour(v17=False),
        Behaviour(t38="refuse"),
        Behaviour(t38="refuse", ecm=False),
        Behaviour(loss_percent=20),
    ],
    ids=["t38", "t38-no-ecm", "t38-v29", "audio", "audio-no-ecm", "t38-lossy"],
)
def test_five_pages_arrive_as_they_were(make_tiff: MakeTiff, tmp_path: Path, receiver: Behaviour) -> None:
    tiff = make_tiff(5)
    sent, received = send(tiff, tmp_path, Behaviour(t38="accept", ident="SENDER", header="Header line"), receiver)
    assert (sent.code, sent.pages) == (0, 5)
    assert (received.code, received.pages, received.remote_ident) == (0, 5, "SENDER")
    assert_same_pages(tiff, Path(received.path))


@pytest.mark.parametrize(
    ("width", "length", "dpi"),
    [
        (1728, 1100, (204, 98)),
        (1728, 2200, (204, 196)),
        (1728, 4400, (204, 391)),
        (1728, 300, (204, 196)),
        (1728, 3600, (204, 196)),
        (2048, 1000, (204, 196)),
        (2432, 1000, (204, 196)),
    ],
)
def test_widths_lengths_and_resolutions(
    make_tiff: MakeTiff, tmp_path: Path, width: int, length: int, dpi: tuple[int, int]
) -> None:
    tiff = make_tiff(1, width, length, dpi)
    sent, received = send(tiff, tmp_path, Behaviour(t38="accept"), Behaviour())
    assert sent.code == 0
    assert_same_pages(tiff, Path(received.path))


@pytest.mark.parametrize("t38", ["request", "refuse"])
def test_a_call_dropped_after_page_two(make_tiff: MakeTiff, tmp_path: Path, t38: str) -> None:
    tiff = make_tiff(5)
    sent, received = send(tiff, tmp_path, Behaviour(t38="accept"), Behaviour(t38=t38, drop_after_pages=2))
    assert (sent.code, sent.pages) == (49, 2)
    assert received.pages == 2
    assert received.code not in (0, None)
    assert_same_pages(tiff, Path(received.path), pages=2)


def test_a_sender_that_stops_in_the_middle_of_page_three(make_tiff: MakeTiff, tmp_path: Path) -> None:
    tiff = make_tiff(5, length=2200)
    sender = Behaviour(t38="accept", drop_after_pages=2, drop_delay_ms=4000)
    sent, received = send(tiff, tmp_path, sender, Behaviour())
    assert sent.pages == received.pages == 2
    assert received.code not in (0, None)


def test_most_packets_lost_is_a_failure_and_no_hang(make_tiff: MakeTiff, tmp_path: Path) -> None:
    sent, received = send(make_tiff(2), tmp_path, Behaviour(t38="accept"), Behaviour(loss_percent=95))
    assert sent.code not in (0, None)
    assert received.code not in (0, None)
