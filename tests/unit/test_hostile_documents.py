"""Documents that were made to harm, each with limits alone and inside a namespace: refused, or nothing comes of it."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from faxplan import rendering, source
from faxplan.confinement import Confinement, LimitsOnly
from faxplan.errors import DocumentRefused, FaxplanError, RenderingFailed
from faxplan.namespaces import KeptNamespace
from faxplan.refusals import (
    DamagedDocument,
    InflatesTooFar,
    Limits,
    PageTooLarge,
    TooManyPages,
    UnsupportedDocument,
)
from faxplan.rendering import Resolution
from faxplan.sandbox import DocumentTooExpensive
from faxplan.scratch import Scratch
from tests import hostile_documents as made

LIMITS = Limits(cpu_seconds=2, wall_seconds=60)


@pytest.fixture(scope="module")
def kept(namespaces_work: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptNamespace]:
    root = tmp_path_factory.mktemp("namespace")
    kept = KeptNamespace(Scratch(root / "scratch"))
    yield kept
    kept.close()


@pytest.fixture(params=["limits", "namespace"])
def within(request: pytest.FixtureRequest) -> Confinement:
    return request.getfixturevalue("kept") if request.param == "namespace" else LimitsOnly()


REFUSED_PDFS: list[tuple[Callable[[pikepdf.Pdf], None], type[FaxplanError]]] = [
    (made.inflating, InflatesTooFar),
    (made.inflating_twice, InflatesTooFar),
    (made.of_100000_pages, TooManyPages),
    (made.flooded_with_pixels, PageTooLarge),
    (made.of_a_huge_page, PageTooLarge),
]
REFUSED: dict[str, tuple[Callable[[], bytes], type[FaxplanError]]] = {
    "arrays in arrays": (made.nested_arrays, FaxplanError),
    "800 million pixels": (lambda: made.png(40_000, 20_000), PageTooLarge),
    "a jpeg of 4000 million pixels": (lambda: made.jpeg_of(65_000, 65_000), PageTooLarge),
    "a tiff of 16000 million pixels": (lambda: made.tiff_that_says(257, 250_000_000), FaxplanError),
    "tiff in a circle": (made.tiff_in_a_circle, DamagedDocument),
    "tiff, strips elsewhere": (lambda: made.tiff_that_says(273, 0xFFFFFFF0), FaxplanError),
    "tiff, strips without end": (lambda: made.tiff_that_says(279, 0xFFFFFFF0), FaxplanError),
    "tiff, cut": (lambda: bytes(made.tiff((2000, 2000))[:60]), DamagedDocument),
    "png, cut": (lambda: made.png(2000, 2000)[:60], DamagedDocument),
    "pdf, cut": (lambda: made.nested_arrays()[:120], DocumentRefused),
    "a program": (lambda: b"MZ\x90\0\x03" + bytes(500), UnsupportedDocument),
    "another": (lambda: b"\x7fELF" + bytes(500), UnsupportedDocument),
    "postscript": (lambda: b"%!PS\n(/tmp/pwned) (w) file closefile showpage\n", UnsupportedDocument),
    "postscript behind a pdf's first line": (
        lambda: b"junk\n%PDF-1.4\n%!PS\n(/tmp/pwned) (w) file closefile showpage\n",
        DocumentRefused,
    ),
    "an archive": (lambda: made.zip_of({"a.txt": b"x"}), UnsupportedDocument),
    "an archive that inflates": (lambda: made.zip_of({"mimetype": bytes(50_000_000)}), UnsupportedDocument),
    "an archive, cut": (lambda: made.zip_of({"a": bytes(5000)})[:40], DamagedDocument),
}


def rendered(document: Path, within: Confinement) -> Path:
    target = document.with_name("fax.tif")
    rendering.render(document, target, resolution=Resolution.FINE, limits=LIMITS, within=within)
    return target


@pytest.mark.parametrize(("change", "error"), REFUSED_PDFS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_hostile_pdf_is_refused(
    tmp_path: Path, within: Confinement, change: Callable[[pikepdf.Pdf], None], error: type[FaxplanError]
) -> None:
    document = made.pdf_file(tmp_path / "letter.pdf", change)
    with pytest.raises(error):
        source.inspect(document, within=within)
    with pytest.raises(error):
        rendered(document, within)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.pdf"]


@pytest.mark.parametrize("what", REFUSED)
def test_a_hostile_file_is_refused_whatever_its_name(tmp_path: Path, within: Confinement, what: str) -> None:
    make, error = REFUSED[what]
    document = tmp_path / "letter.pdf"
    document.write_bytes(make())
    with pytest.raises(error) as refusal:
        rendered(document, within)
    # The document is at fault, or its converter broke on it; never the machine.
    assert isinstance(refusal.value, DocumentRefused | RenderingFailed)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.pdf"]


def test_a_page_that_is_drawn_for_ever_is_stopped(tmp_path: Path, within: Confinement) -> None:
    document = made.pdf_file(tmp_path / "letter.pdf", made.drawing_for_ever)
    assert source.inspect(document, within=within).pages == 1
    with pytest.raises(DocumentTooExpensive):
        rendered(document, within)


def test_a_form_that_draws_itself_ends(tmp_path: Path, within: Confinement) -> None:
    document = made.pdf_file(tmp_path / "letter.pdf", made.drawing_itself)
    with Image.open(rendered(document, within)) as page:
        assert page.convert("L").getextrema() == (0, 255)


def test_nothing_acts_that_a_pdf_asks_for(tmp_path: Path, within: Confinement) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        touched, port = tmp_path / "touched", listening.getsockname()[1]
        document = made.pdf_file(tmp_path / "letter.pdf", lambda pdf: made.acting(pdf, touched, port))
        assert source.inspect(document, within=within).pages == 1
        target = rendered(document, within)
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert not touched.exists()
    with Image.open(target) as page:
        # What prints was printed, the square, and the frame of the link was not an act.
        assert page.convert("L").getextrema() == (0, 255)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fax.tif", "letter.pdf"]


def test_documents_of_others_are_converted_after_all_that(tmp_path: Path, within: Confinement) -> None:
    document = made.pdf_file(tmp_path / "letter.pdf", made.harmless)
    assert rendered(document, within).exists()
