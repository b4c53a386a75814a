"""Pages of fax TIFFs as they are coded, several files' one after the other: nothing that we coded is decoded."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from faxplan import fax_tiff, tiff_directory
from faxplan.tiff_directory import CodedPage, Data, Directory


@dataclass(frozen=True, slots=True)
class _Page:
    source: Data
    directory: Directory
    index: int

    def coded(self) -> CodedPage:
        """As one strip of Group 4: as it is coded already, which is every page that we rendered, or coded anew."""
        strips = self.directory.strips()
        x_dpi, y_dpi = self.directory.dpi()
        if (
            len(strips) == 1
            and self.directory.number(tiff_directory.COMPRESSION, 0) == tiff_directory.G4
            and self.directory.number(tiff_directory.PHOTOMETRIC, 0) == 0
        ):
            offset, count, rows = strips[0]
            coded = tiff_directory.strip_bytes(self.source, self.directory, offset, count)
            return CodedPage(coded, self.directory.number(tiff_directory.WIDTH, 0), rows, x_dpi, y_dpi)
        with Image.open(io.BytesIO(self.source), formats=["TIFF"]) as image:
            image.seek(self.index)
            image.load()
            return fax_tiff.coded(image, x_dpi, y_dpi)


@dataclass(frozen=True, slots=True)
class Pages:
    """Some pages, in their order. They are read when they are asked for: what they are of must be open still."""

    _all: Sequence[_Page]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[CodedPage]:
        return (each.coded() for each in self._all)

    def __add__(self, other: "Pages") -> "Pages":
        return Pages([*self._all, *other._all])

    def since(self, start: int) -> "Pages":
        """Without the first ones. start: 0-based."""
        return Pages(self._all[start:])

    def at(self, y_dpi: int) -> "Pages":
        """Those of this resolution down the page; where there are none, those of the first page's."""
        by_dpi: dict[int, list[_Page]] = {}
        for each in self._all:
            by_dpi.setdefault(round(each.directory.dpi()[1]), []).append(each)
        return Pages(by_dpi.get(y_dpi) or next(iter(by_dpi.values()), []))


def of(source: Data) -> Pages:
    """All pages of a fax TIFF. Raises NotFaxReady."""
    return Pages([_Page(source, each, index) for index, each in enumerate(fax_tiff.sendable(source))])


def write(pages: Pages, target: Path) -> None:
    """A fax TIFF of these, as they are. Not synced."""
    tiff_directory.write(target, pages, len(pages))
