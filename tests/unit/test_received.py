"""What rxfax writes, as PDF: every page, its true shape, and no more than is whole."""

import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image, ImageDraw

from faxplan import fax_tiff, tiff_directory
from faxplan.received import complete_pages, to_pdf


def page(width: int = 1728, rows: int = 500) -> Image.Image:
    image = Image.new("1", (width, rows), 255)
    draw = ImageDraw.Draw(image)
    draw.rectangle((100, 50, 600, 200), fill=0)
    draw.line((0, 0, width, rows), fill=0, width=3)
    return image


def saved(path: Path, *pages: Image.Image, dpi: tuple[float, float] = (204, 196), **options: Any) -> Path:
    settings = {"compression": "group4", **options}
    pages[0].save(path, "TIFF", dpi=dpi, save_all=True, append_images=list(pages[1:]), **settings)
    return path


def drawn(pdf: Path, folder: Path, dpi: str = "204x196") -> list[Image.Image]:
    target = folder / "drawn-%d.pgm"
    command = ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pgmraw", f"-r{dpi}", f"-sOutputFile={target}"]
    said = subprocess.run([*command, str(pdf)], check=True, capture_output=True, text=True)
    assert said.stdout + said.stderr == ""
    return [Image.open(path) for path in sorted(folder.glob("drawn-*.pgm"))]


CODINGS: dict[str, dict[str, Any]] = {
    "g4": {"compression": "group4"},
    "g3": {"compression": "group3"},
    "g3-2d": {"compression": "group3", "tiffinfo": {292: 1}},
    "g3-2d-aligned": {"compression": "group3", "tiffinfo": {292: 5}},
    "g4-strips": {"compression": "group4", "strip_size": 216 * 100},
    "lsb-first": {"compression": "group4", "tiffinfo": {266: 2}},
    "lsb-first-g3-2d": {"compression": "group3", "tiffinfo": {266: 2, 292: 1}},
    "rle": {"compression": "tiff_ccitt"},
    "lzw": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("coding", CODINGS)
def test_every_coding_shows_the_same_pixels(tmp_path: Path, coding: str) -> None:
    tiff = saved(tmp_path / "a.tif", page(), page(1728, 333), **CODINGS[coding])
    with Image.open(tiff) as written:
        assert written.tobytes() == page().tobytes()
    assert to_pdf(tiff, tmp_path / "a.pdf") == 2
    first, second = drawn(tmp_path / "a.pdf", tmp_path)
    assert (first.size, second.size) == ((1728, 500), (1728, 333))
    assert first.convert("1").tobytes() == page().tobytes()
    assert second.convert("1").tobytes() == page(1728, 333).tobytes()


def test_strips_are_embedded_and_not_coded_anew(tmp_path: Path) -> None:
    tiff_directory.write(tmp_path / "a.tif", [coded := fax_tiff.coded(page(), 204, 196)], 1)
    to_pdf(tmp_path / "a.tif", tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        assert pdf.pages[0].obj.Resources.XObject["/S0"].read_raw_bytes() == coded.data


@pytest.mark.parametrize(
    ("width", "dpi", "inches"),
    [
        (1728, (204, 98), 8.47),
        (1728, (204, 196), 8.47),
        (1728, (204, 391), 8.47),
        (2048, (204, 196), 10.04),
        (2432, (204, 98), 11.92),
        (3456, (408, 391), 8.47),
        (1728, (200, 100), 8.64),
    ],
)
def test_the_paper_has_the_right_shape(tmp_path: Path, width: int, dpi: tuple[int, int], inches: float) -> None:
    saved(tmp_path / "a.tif", page(width, 5 * dpi[1]), dpi=dpi)
    to_pdf(tmp_path / "a.tif", tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        box = [float(number) for number in pdf.pages[0].mediabox]
    assert box[2] / 72 == pytest.approx(inches, abs=0.01)
    assert box[3] / 72 == pytest.approx(5, abs=0.01)


def test_pages_may_differ(tmp_path: Path) -> None:
    pages = [fax_tiff.coded(page(1728, 196), 204, 196), fax_tiff.coded(page(2048, 98), 204, 98)]
    tiff_directory.write(tmp_path / "a.tif", pages, 2)
    assert to_pdf(tmp_path / "a.tif", tmp_path / "a.pdf") == 2
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        sizes = [[float(number) for number in found.mediabox][2:] for found in pdf.pages]
    assert sizes == [pytest.approx([609.88, 72], abs=0.1), pytest.approx([722.82, 72], abs=0.1)]


def test_metadata_names_nobody(tmp_path: Path) -> None:
    to_pdf(saved(tmp_path / "a.tif", page()), tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes().lower()
    for word in (b"producer", b"creator", b"pikepdf", b"qpdf", b"faxplan"):
        assert word not in content


def test_a_file_cut_anywhere_gives_its_whole_pages(tmp_path: Path) -> None:
    tiff_directory.write(tmp_path / "a.tif", [fax_tiff.coded(page(), 204, 196)] * 3, 3)
    whole = (tmp_path / "a.tif").read_bytes()
    counts = []
    for length in range(0, len(whole) + 1, 11):
        cut = tmp_path / "cut.tif"
        cut.write_bytes(whole[:length])
        counts.append(complete_pages(cut))
        (tmp_path / "cut.pdf").unlink(missing_ok=True)
        assert to_pdf(cut, tmp_path / "cut.pdf") == counts[-1]
        assert (tmp_path / "cut.pdf").exists() == (counts[-1] > 0)
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2}
    assert complete_pages(tmp_path / "a.tif") == 3


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\x00\0\0\0", b"no tiff at all"])
def test_no_page_is_no_pdf(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    assert complete_pages(tmp_path / "a.tif") == 0
    assert to_pdf(tmp_path / "a.tif", tmp_path / "a.pdf") == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


def test_the_module_never_decodes_to_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("decoded"))
    assert to_pdf(saved(tmp_path / "a.tif", page()), tmp_path / "a.pdf") == 1
