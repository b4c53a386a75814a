"""PNG, JPEG and TIFF of every sort: upright, on white, at their size, no page lost."""

from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageSequence

from faxplan.confinement import LimitsOnly
from faxplan.rendering import Resolution, Tone, render
from faxplan.source import DamagedDocument, Limits, PageTooLarge
from tests.forks import forks

__all__ = ["forks"]


def marked(mode: str = "RGB", size: tuple[int, int] = (1700, 2200)) -> Image.Image:
    """White, with a black square in the top left corner."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1] // 4), fill="black")
    return image.convert(mode)


def fine(document: Path, **options: object) -> list[Image.Image]:
    target = document.with_name("out.tif")
    render(document, target, resolution=Resolution.FINE, within=LimitsOnly(), **options)  # type: ignore[arg-type]
    with Image.open(target) as image:
        return [frame.copy() for frame in ImageSequence.Iterator(image)]


def quarters(page: Image.Image) -> list[bool]:
    """Whether top left, top right, bottom left, bottom right of what is a full-width page are black."""
    width, height = page.size
    points = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)]
    return [page.getpixel((int(x * width), int(y * height))) == 0 for x, y in points]


TOP_LEFT = [True, False, False, False]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_png_in_every_mode(tmp_path: Path, mode: str) -> None:
    image = marked("L").convert("I;16").point(lambda value: value * 257) if mode == "I;16" else marked(mode)
    image.save(tmp_path / "a.png", dpi=(200, 200))
    (page,) = fine(tmp_path / "a.png")
    assert page.width == 1728
    assert abs(page.height - 11 * 196) <= 8
    assert quarters(page) == TOP_LEFT


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_in_every_mode(tmp_path: Path, mode: str) -> None:
    marked(mode).save(tmp_path / "a.jpg", dpi=(200, 200))
    assert [quarters(page) for page in fine(tmp_path / "a.jpg")] == [TOP_LEFT]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LAB", "F", "I;16"])
def test_tiff_in_every_mode(tmp_path: Path, mode: str) -> None:
    grey = marked("L")
    image = {
        "F": lambda: grey.convert("F"),
        "I;16": lambda: grey.convert("I;16").point(lambda value: value * 257),
        "LAB": lambda: Image.merge("LAB", (grey, Image.new("L", grey.size, 128), Image.new("L", grey.size, 128))),
    }.get(mode, lambda: marked(mode))()
    image.save(tmp_path / "a.tif", dpi=(200, 200))
    assert [quarters(page) for page in fine(tmp_path / "a.tif")] == [TOP_LEFT]


def test_what_is_transparent_is_paper(tmp_path: Path) -> None:
    image = Image.new("RGBA", (1700, 2200), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 425, 550), fill=(0, 0, 0, 255))
    image.save(tmp_path / "a.png", dpi=(200, 200))
    assert [quarters(page) for page in fine(tmp_path / "a.png")] == [TOP_LEFT]


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, TOP_LEFT),
        (2, [False, True, False, False]),
        (3, [False, False, False, True]),
        (4, [False, False, True, False]),
        (5, TOP_LEFT),
        (6, [False, True, False, False]),
        (7, [False, False, False, True]),
        (8, [False, False, True, False]),
    ],
)
def test_the_camera_s_orientation_is_followed(tmp_path: Path, orientation: int, expected: list[bool]) -> None:
    size = (1700, 2200) if orientation < 5 else (2200, 1700)
    exif = Image.Exif()
    exif[0x0112] = orientation
    marked(size=size).save(tmp_path / "a.jpg", dpi=(200, 200), exif=exif)
    (page,) = fine(tmp_path / "a.jpg")
    assert abs(page.height - 11 * 196) <= 8
    assert quarters(page) == expected


def test_a_large_photograph_is_brought_to_the_line_and_landscape_is_turned(tmp_path: Path) -> None:
    marked(size=(4000, 3000)).save(tmp_path / "a.jpg")
    (page,) = fine(tmp_path / "a.jpg")
    assert page.size == (1728, round(1728 / 204 * 4 / 3 * 196))
    assert quarters(page) == [False, True, False, False]


def test_a_small_image_keeps_its_size_in_the_middle(tmp_path: Path) -> None:
    Image.new("L", (408, 392), 0).save(tmp_path / "a.png", dpi=(204, 196))
    (page,) = fine(tmp_path / "a.png")
    assert page.size == (1728, 392)
    assert page.convert("L").point(lambda value: 255 - value).getbbox() == (660, 0, 1068, 392)


def test_a_tall_screenshot_is_not_cut(tmp_path: Path) -> None:
    image = Image.new("L", (400, 8000), 255)
    ImageDraw.Draw(image).rectangle((0, 7900, 400, 8000), fill=0)
    image.save(tmp_path / "a.png")
    (page,) = fine(tmp_path / "a.png")
    assert page.height == 14 * 196
    box = page.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    assert box[3] == page.height


def test_all_frames_of_a_tiff_in_their_order(tmp_path: Path) -> None:
    frames = [marked(mode, size) for mode, size in (("L", (1700, 2200)), ("1", (850, 400)), ("RGB", (1700, 1100)))]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:], dpi=(200, 200))
    assert [round(page.height / 196) for page in fine(tmp_path / "a.tif")] == [11, 2, 5]


def test_tone(tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((1700, 2200)).save(tmp_path / "photo.png", dpi=(200, 200))
    text = Image.new("L", (1700, 2200), 220)
    draw = ImageDraw.Draw(text)
    for row in range(100, 2100, 50):
        draw.rectangle((200, row, 1200, row + 8), fill=60)
    text.save(tmp_path / "text.png", dpi=(200, 200))

    def runs(name: str, tone: Tone) -> int:
        """Changes of colour along one row through the middle, where the text has none."""
        (page,) = fine(tmp_path / name, tone=tone)
        row = [page.getpixel((x, 1085)) for x in range(1728)]
        return sum(a != b for a, b in pairwise(row))

    assert runs("photo.png", Tone.AUTO) > 300
    assert runs("photo.png", Tone.THRESHOLD) < 10
    assert runs("text.png", Tone.AUTO) < 10
    assert runs("text.png", Tone.DITHER) > 100


def test_a_truncated_jpeg_or_png_is_damaged(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        Image.effect_noise((800, 800), 60).save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedDocument):
            fine(tmp_path / name)
        assert not (tmp_path / "out.tif").exists()


def test_too_many_pixels_in_any_frame(tmp_path: Path) -> None:
    frames = [Image.new("1", (100, 100)), Image.new("1", (2000, 1000))]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:], compression="group4")
    with pytest.raises(PageTooLarge, match="Page 2"):
        fine(tmp_path / "a.tif", limits=Limits(max_pixels=1_000_000))
