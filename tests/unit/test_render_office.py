"""Office documents by the LibreOffice that is installed, within the limits of the sandbox."""

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from faxplan import source
from faxplan.errors import RenderingFailed
from faxplan.rendering import Resolution, render

pytestmark = pytest.mark.skipif(
    source.soffice() is None, reason="LibreOffice is not installed: apt-get install libreoffice-writer-nogui"
)
ODT = "application/vnd.oasis.opendocument.text"
_NAMES = "urn:oasis:names:tc:opendocument:xmlns"
_MANIFEST = f"""<manifest:manifest xmlns:manifest="{_NAMES}:manifest:1.0" manifest:version="1.2">
<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODT}"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"""
_CONTENT = f"""<office:document-content xmlns:office="{_NAMES}:office:1.0" xmlns:text="{_NAMES}:text:1.0"
xmlns:style="{_NAMES}:style:1.0" xmlns:fo="{_NAMES}:xsl-fo-compatible:1.0" office:version="1.2">
<office:automatic-styles><style:style style:name="next" style:family="paragraph">
<style:paragraph-properties fo:break-before="page"/></style:style></office:automatic-styles>
<office:body><office:text><text:p>Dear Sir or Madam,</text:p><text:p text:style-name="next">the second page.</text:p>
</office:text></office:body></office:document-content>"""


def odt(path: Path, content: str) -> Path:
    """OpenDocument 1.2, part 3: the media type comes first, as it is."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", ODT)
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
    return path


def test_each_page_of_a_letter_is_drawn_and_nothing_else_is_left(tmp_path: Path) -> None:
    letter, folder = odt(tmp_path / "letter", _CONTENT), tmp_path / "out"
    folder.mkdir()
    assert source.inspect(letter) == source.Source(ODT, None)
    assert len(render(letter, folder / "a.tif", resolution=Resolution.FINE).pages) == 2
    with Image.open(folder / "a.tif") as image:
        for page in range(2):
            image.seek(page)
            assert image.convert("L").getextrema() == (0, 255), f"page {page + 1} is blank"
    assert [entry.name for entry in folder.iterdir()] == ["a.tif"]


def test_what_it_cannot_read_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(RenderingFailed, match="Save it as PDF"):
        render(odt(tmp_path / "a", _CONTENT[:300]), tmp_path / "a.tif", resolution=Resolution.FINE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
