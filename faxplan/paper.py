"""How a page of some physical size is laid on the fax line. Sizes in inches, rasters in pixels.

T.4 (07/2003) table 1: 1728 pixels over 215 mm, 3.85, 7.7 or 15.4 lines a millimetre.
"""

from dataclasses import dataclass
from enum import StrEnum

LINE_PIXELS = 1728
X_DPI = 204
LINE_INCHES = LINE_PIXELS / X_DPI
# Legal, the longest sheet that offices put into a fax machine; longer pages are scaled down to it.
MAX_INCHES = 14.0
A4_INCHES = 297 / 25.4


class Resolution(StrEnum):
    """T.4 resolution, all 204 pixels an inch along the line."""

    STANDARD = "standard"
    FINE = "fine"
    SUPERFINE = "superfine"
    FINE_A4 = "fine-a4"
    """Fine, and no page larger than A4 (T.30's least): for a far machine that refused the fax's own pages. Not to be
    chosen by users."""

    @property
    def y_dpi(self) -> int:
        """Lines an inch, down the page."""
        return {"standard": 98, "fine": 196, "superfine": 391, "fine-a4": 196}[self.value]

    @property
    def longest_inches(self) -> float:
        """Longer pages are scaled down to this."""
        return A4_INCHES if self is Resolution.FINE_A4 else MAX_INCHES

    @property
    def keeps_fax_pages(self) -> bool:
        """Whether a page that is a fax page already goes out as it is."""
        return self is not Resolution.FINE_A4


CHOICES = (Resolution.STANDARD, Resolution.FINE, Resolution.SUPERFINE)
"""What users choose from."""


class Tone(StrEnum):
    """How grey and colour become black and white."""

    AUTO = "auto"  # photographs dithered, scanned text thresholded, decided page by page
    DITHER = "dither"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True)
class Placement:
    """`turned`: by 90 degrees, before `scale` (at most 1). `rows`: the raster's height at the resolution."""

    turned: bool
    scale: float
    rows: int


def place(width: float, height: float, resolution: Resolution) -> Placement:
    """Lay a page of `width` by `height` inches, as its reader sees it, centred on the line.

    A page that fits keeps its size. A landscape page that is wider than the line is turned, so that it loses less.
    """
    turned = width > height and width > LINE_INCHES * 1.01  # letter upright is 8.50 on 8.47
    if turned:
        width, height = height, width
    scale = min(1.0, LINE_INCHES / width, resolution.longest_inches / height)
    return Placement(turned, scale, max(1, round(height * scale * resolution.y_dpi)))
