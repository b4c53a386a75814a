"""Several files as one document: their pages in order, one set of limits, and none that comes from outside."""

import json
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from faxplan import bundle, source
from faxplan.confinement import LimitsOnly
from faxplan.errors import DocumentRefused
from faxplan.fax_tiff import FaxTiff
from faxplan.namespaces import Namespace
from faxplan.refusals import DamagedDocument, Limits, TooManyPages, UnsupportedDocument
from faxplan.rendering import Resolution, render
from tests.forks import forks

__all__ = ["forks"]


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, Path]]:
    """One of each kind, of 2, 1, 1 and 2 pages, which the heights of their pages tell apart."""
    pdf, text, picture, tiff = (tmp_path / name for name in ("a.pdf", "b.txt", "c.png", "d.tif"))
    with pikepdf.new() as made:
        for height in (300, 360):
            made.add_blank_page(page_size=(612, height))
        made.save(pdf)
    text.write_text("A letter.")
    Image.new("L", (816, 480), 128).save(picture, dpi=(96, 96))
    sheets = [Image.new("1", (1728, rows), 255) for rows in (1100, 1200)]
    sheets[0].save(tiff, save_all=True, append_images=sheets[1:], compression="group4", dpi=(204, 196))
    return [(path.name, path) for path in (pdf, text, picture, tiff)]


def bundled(tmp_path: Path, files: Sequence[tuple[str, Path]]) -> Path:
    made = tmp_path / "bundle"
    made.unlink(missing_ok=True)
    bundle.write(made, files)
    return made


def rows(fax: FaxTiff) -> list[int]:
    return [page.rows for page in fax.pages]


def fine(document: Path, target: Path, limits: Limits | None = None) -> FaxTiff:
    return render(document, target, resolution=Resolution.FINE, within=LimitsOnly(), limits=limits or Limits())


def test_the_pages_of_all_files_follow_each_other(tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    alone = {name: rows(fine(path, tmp_path / "alone.tif")) for name, path in files}
    assert [len(each) for each in alone.values()] == [2, 1, 1, 2]
    for order in (files, files[::-1], [files[2], files[0], files[2]]):
        fax = fine(bundled(tmp_path, order), tmp_path / "all.tif")
        assert rows(fax) == [each for name, _path in order for each in alone[name]]


def test_so_they_do_inside_a_namespace(namespaces_work: None, tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    whole = bundled(tmp_path, files)
    fax = render(whole, tmp_path / "all.tif", resolution=Resolution.FINE, within=Namespace())
    assert rows(fax) == rows(fine(whole, tmp_path / "other.tif"))


def test_the_limits_are_those_of_all_together(tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    whole = bundled(tmp_path, files)
    assert len(fine(whole, tmp_path / "all.tif", Limits(max_pages=6)).pages) == 6
    with pytest.raises(TooManyPages, match="more than 5 pages together"):
        fine(whole, tmp_path / "more.tif", Limits(max_pages=5))
    with pytest.raises(DocumentRefused, match="at most"):
        fine(whole, tmp_path / "more.tif", Limits(max_bytes=whole.stat().st_size - 1))
    assert not (tmp_path / "more.tif").exists()


def test_which_one_is_at_fault_is_said_and_its_name_is_not(tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    broken = tmp_path / "secret.pdf"
    broken.write_bytes(b"%PDF-1.4\nnonsense")
    with pytest.raises(DamagedDocument, match=r"^File 2 of 3: ") as refused:
        fine(bundled(tmp_path, [files[1], ("secret.pdf", broken), files[2]]), tmp_path / "all.tif")
    assert "secret" not in str(refused.value)


def test_one_from_outside_is_refused_and_one_within_another(tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    inner = bundled(tmp_path, files[:2]).rename(tmp_path / "inner")
    with pytest.raises(UnsupportedDocument):
        source.inspect(inner, within=LimitsOnly())
    with pytest.raises(UnsupportedDocument, match="File 2 of 2"):
        fine(bundled(tmp_path, [files[1], ("inner", inner)]), tmp_path / "all.tif")


@pytest.mark.parametrize(
    "listed",
    [
        b"", b"[]", b"{}", b"nonsense", b"[1]", b'[{"name": "a"}]', b'[{"name": "a", "bytes": 5}]',
        b'[{"name": "a", "bytes": 3}]', b'[{"name": "a", "bytes": -1}, {"name": "b", "bytes": 5}]', b"[" * 100_000,
        b'[{"name": "a", "bytes": Infinity}]', b'[{"name": "a", "bytes": 1e999}]', b'[{"name": "a", "bytes": NaN}]',
        json.dumps([{"name": "a", "bytes": 0}] * 60 + [{"name": "b", "bytes": 4}]).encode(),
    ],
)  # fmt: skip
def test_one_that_is_damaged_is_refused(tmp_path: Path, listed: bytes) -> None:
    """Though only we write them: what is stored for long may be damaged."""
    path = tmp_path / "bundle"
    path.write_bytes(bundle.MAGIC + len(listed).to_bytes(4) + listed + b"four")
    with pytest.raises(DamagedDocument):
        bundle.parts(path)


def test_its_files_are_taken_out_as_they_were(tmp_path: Path, files: list[tuple[str, Path]]) -> None:
    whole = bundled(tmp_path, [*files, ("n" * 300, files[0][1])])
    expected = [*files, ("n" * 200, files[0][1])]
    for number, (part, (name, original)) in enumerate(zip(bundle.parts(whole), expected, strict=True)):
        target = tmp_path / f"out-{number}"
        bundle.take_out(whole, part, target)
        assert (part.name, target.read_bytes()) == (name, original.read_bytes())
