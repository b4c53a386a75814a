"""What `txfax` would refuse is refused before the call; what we write it takes."""

import struct
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageSequence

from faxplan import fax_tiff, tiff_directory
from faxplan.confinement import LimitsOnly
from faxplan.fax_tiff import FaxPage, NotFaxReady
from faxplan.rendering import Resolution, render
from faxplan.tiff_directory import BrokenTiff


def drawing(width: int = 1728, rows: int = 300) -> Image.Image:
    image = Image.new("1", (width, rows), 255)
    ImageDraw.Draw(image).ellipse((50, 20, width - 300, rows - 30), outline=0, width=9)
    return image


def saved(path: Path, image: Image.Image, dpi: tuple[float, float] = (204, 196), compression: str = "group4") -> Path:
    image.save(path, "TIFF", compression=compression, dpi=dpi)
    return path


def test_what_is_coded_is_what_was_drawn(tmp_path: Path) -> None:
    first, second = drawing(), drawing(2048, 411)
    pages = [fax_tiff.coded(first, 204, 196), fax_tiff.coded(second, 204, 391)]
    tiff_directory.write(tmp_path / "a.tif", pages, 2)
    assert fax_tiff.read(tmp_path / "a.tif").pages == (
        FaxPage(1728, 300, 204, 196, "G4"),
        FaxPage(2048, 411, 204, 391, "G4"),
    )
    with Image.open(tmp_path / "a.tif") as image:
        assert len(list(ImageSequence.Iterator(image))) == 2
        image.seek(0)
        assert image.tobytes() == first.tobytes()
        image.seek(1)
        assert image.tobytes() == second.tobytes()


@pytest.mark.parametrize("dpi", [(204, 98), (204, 196), (204, 391), (200, 100), (200, 200), (200, 400), (203, 97)])
@pytest.mark.parametrize("compression", ["group3", "group4"])
@pytest.mark.parametrize("width", [1728, 2048, 2432])
def test_t4_sizes_are_taken(tmp_path: Path, width: int, compression: str, dpi: tuple[float, float]) -> None:
    (page,) = fax_tiff.read(saved(tmp_path / "a.tif", drawing(width), dpi, compression)).pages
    assert (page.width, page.rows, page.compression) == (width, 300, {"group3": "G3", "group4": "G4"}[compression])


@pytest.mark.parametrize(
    ("image", "dpi", "compression", "why"),
    [
        (drawing(1700), (204, 196), "group4", "1700 pixels wide"),
        (drawing(), (300, 300), "group4", "300 by 300 dpi"),
        (drawing(), (204, 300), "group4", "204 by 300 dpi"),
        (drawing(), (204, 196), "tiff_lzw", "not compressed as Group 3"),
        (drawing().convert("L"), (204, 196), "raw", "not black and white"),
        (drawing().convert("RGB"), (204, 196), "raw", "not black and white"),
    ],
)
def test_what_txfax_refuses_is_refused(
    tmp_path: Path, image: Image.Image, dpi: tuple[float, float], compression: str, why: str
) -> None:
    with pytest.raises(NotFaxReady, match=why):
        fax_tiff.read(saved(tmp_path / "a.tif", image, dpi, compression))


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_page_that_the_switch_would_have_to_decode_is_not_coded_as_by_us(tmp_path: Path, compression: str) -> None:
    # Pillow cuts a page into strips, which we never do.
    other = saved(tmp_path / "other.tif", drawing(), (204, 196), compression)
    assert len(fax_tiff.read(other).pages) == 1
    with pytest.raises(NotFaxReady, match="Page 1 is not coded as we code"):
        fax_tiff.read(other, coded_by_us=True)
    ours = tmp_path / "ours.tif"
    tiff_directory.write(ours, [fax_tiff.coded(drawing(), 204, 196)], 1)
    assert len(fax_tiff.read(ours, coded_by_us=True).pages) == 1


def test_the_bad_page_is_named(tmp_path: Path) -> None:
    pages = [fax_tiff.coded(drawing(), 204, 196), fax_tiff.coded(drawing(), 300, 300)]
    tiff_directory.write(tmp_path / "a.tif", pages, 2)
    with pytest.raises(NotFaxReady, match="Page 2 has 300"):
        fax_tiff.read(tmp_path / "a.tif")


def test_a_missing_resolution_is_refused(tmp_path: Path) -> None:
    drawing().save(tmp_path / "a.tif", "TIFF", compression="group4")
    with pytest.raises(NotFaxReady, match="dpi"):
        fax_tiff.read(tmp_path / "a.tif")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    tiff_directory.write(tmp_path / "a.tif", [fax_tiff.coded(drawing(), 204, 196)] * 2, 2)
    whole = (tmp_path / "a.tif").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "b.tif").write_bytes(whole[:length])
        with pytest.raises(NotFaxReady):
            fax_tiff.read(tmp_path / "b.tif")


def test_a_circle_of_pages_ends(tmp_path: Path) -> None:
    data = bytearray(saved(tmp_path / "a.tif", drawing()).read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(NotFaxReady, match="circle"):
        fax_tiff.read(tmp_path / "a.tif")


@pytest.mark.parametrize("width", [1728, 2048, 2432])
@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_fax_ready_tiff_passes_with_its_pixels(tmp_path: Path, compression: str, width: int) -> None:
    image = drawing(width, 777)
    document = saved(tmp_path / "in.tif", image, (204, 98), compression)
    (page,) = render(document, tmp_path / "out.tif", resolution=Resolution.SUPERFINE, within=LimitsOnly()).pages
    assert page == FaxPage(width, 777, 204, 98, "G4")
    with Image.open(tmp_path / "out.tif") as result:
        assert result.tobytes() == image.tobytes()


def test_replacing_leaves_the_old_file_and_no_other_on_failure(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")

    def fail() -> None:
        with fax_tiff.replacing(target) as draft:
            draft.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert target.read_text() == "old"
    with fax_tiff.replacing(target) as draft:
        draft.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.parametrize(
    ("tag", "kind", "value"),
    [
        (tiff_directory.WIDTH, 11, struct.pack("<f", float("nan"))),
        (tiff_directory.WIDTH, 12, struct.pack("<f", float("inf"))),
        (tiff_directory.LENGTH, 9, struct.pack("<i", -400)),
        (tiff_directory.STRIP_OFFSETS, 9, struct.pack("<i", -8)),
        (tiff_directory.PHOTOMETRIC, 2, b"0"),
    ],
)
def test_what_is_no_number_or_may_be_below_zero_is_refused(tmp_path: Path, tag: int, kind: int, value: bytes) -> None:
    tiff_directory.write(tmp_path / "a.tif", [fax_tiff.coded(drawing(), 204, 196)], 1)
    assert len(fax_tiff.read(tmp_path / "a.tif").pages) == 1
    data = bytearray((tmp_path / "a.tif").read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    (at,) = (
        at for at in range(first + 2, first + 2 + 12 * entries, 12) if struct.unpack_from("<H", data, at) == (tag,)
    )
    struct.pack_into("<HI4s", data, at + 2, kind, 1, value)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(NotFaxReady):
        fax_tiff.read(tmp_path / "a.tif")


def with_tags(pages: int, *tags: tuple[int, int, int]) -> bytes:
    """A TIFF whose pages say the same: tag, kind, and how many values, which they share."""
    entries = b"".join(struct.pack("<HHII", tag, kind, count, 8) for tag, kind, count in tags)
    shared = bytes(8 * max(count for _, _, count in tags))
    size = 2 + len(entries) + 4
    content = struct.pack("<2sHI", b"II", 42, 8 + len(shared)) + shared
    for number in range(1, pages + 1):
        following = 8 + len(shared) + number * size if number < pages else 0
        content += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return content


def test_tags_that_say_the_same_bytes_over_and_over_are_not_read() -> None:
    """As a converter may leave them that was taken over: the worker reads them, and FreeSWITCH."""
    many = tiff_directory._MAX_VALUES // 2
    assert len(list(tiff_directory.directories(with_tags(1, (273, 1, many))))) == 1
    with pytest.raises(BrokenTiff):
        list(tiff_directory.directories(with_tags(1, (273, 1, many), (279, 1, many), (256, 3, many))))
    # Of what nobody asks for any amount: pictures have their history there.
    assert len(list(tiff_directory.directories(with_tags(1, *((700 + tag, 1, many) for tag in range(4)))))) == 1


def test_pages_that_share_their_tags_come_to_an_end() -> None:
    found = tiff_directory.directories(with_tags(60, (273, 1, tiff_directory._MAX_VALUES // 2)))
    assert len(list(islice(found, 30))) == 30
    with pytest.raises(BrokenTiff):
        list(found)


@pytest.mark.parametrize("big", [False, True])
def test_who_wrote_a_file_where_and_when_is_forgotten_and_nothing_else_of_it(tmp_path: Path, big: bool) -> None:
    file = tmp_path / "a.tif"
    first, *more = [drawing(), drawing(2048, 411), drawing(rows=77)]
    about = {305: "Spandsp 20110122 075024", 270: "+4930 23125001", 306: "2026:11:27 04:07:46", 316: "fax7.internal"}
    first.save(file, "TIFF", compression="group4", dpi=(204, 196), save_all=True, append_images=more, tiffinfo=about,
               big_tiff=big)  # fmt: skip
    before = file.read_bytes()
    assert before.count(b"Spandsp") == 3
    tiff_directory.blank_file(file)
    expected = before
    for text in about.values():
        expected = expected.replace(text.encode(), bytes(len(text)))
    assert file.read_bytes() == expected
    with Image.open(file) as image:
        assert [page.tobytes() for page in ImageSequence.Iterator(image)] == [page.tobytes() for page in (first, *more)]


def test_of_a_damaged_file_the_pages_before_are_blanked_and_it_neither_grows_nor_hangs(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    drawing().save(file, "TIFF", compression="group4", save_all=True, append_images=[drawing()],
                   tiffinfo={305: "Spandsp 20110122 075024"})  # fmt: skip
    whole = file.read_bytes()
    first = struct.unpack_from("<I", whole, 4)[0]
    (count,) = struct.unpack_from("<H", whole, first)
    link = first + 2 + count * 12
    for following, why in ((first, "circle"), (len(whole) - 1, "cut short"), (2**31, "cut short")):
        file.write_bytes(whole[:link] + struct.pack("<I", following) + whole[link + 4 :])
        with pytest.raises(BrokenTiff, match=why):
            tiff_directory.blank_file(file)
        assert len(file.read_bytes()) == len(whole)
        assert file.read_bytes().count(b"Spandsp") == 1
    # A text that would end behind the file ends with it.
    entry = next(at for at in range(first + 2, link, 12) if struct.unpack_from("<H", whole, at)[0] == 305)
    file.write_bytes(whole[: entry + 4] + struct.pack("<II", 2**31, len(whole) - 5) + whole[entry + 12 :])
    tiff_directory.blank_file(file)
    assert len(file.read_bytes()) == len(whole)
    for empty in (b"", b"II*\0", b"no TIFF at all"):
        file.write_bytes(empty)
        with pytest.raises(BrokenTiff):
            tiff_directory.blank_file(file)
