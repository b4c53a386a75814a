"""Shades of one colour, whatever it is, that are legible on light and on dark pages (WCAG 2.2, 1.4.3 and 1.4.11).

The hue is the brand's. Where its lightness would not do, it is moved until it does.
"""

import colorsys
from dataclasses import dataclass

SHIPPED = "#1d5f86"
CONTRAST = 4.5
"""At least, of text and what it stands on."""
_STEP = 0.005
_DARK_TEXT = "#12181f"
# As in portal.css: what a brand's colour stands on, and what stands on it.
LIGHT_GROUNDS = ("#ffffff", "#f9fafb")
DARK_GROUNDS = ("#1b2127", "#12171c")


@dataclass(frozen=True, slots=True)
class Shades:
    """brand: of links and buttons. on_brand: of text on it. faint: behind what is chosen."""

    brand: str
    on_brand: str
    faint: str


def light(colour: str) -> Shades:
    """For light pages. colour: #rrggbb."""
    hue, lightness, saturation = _hls(colour)
    faint = _hex(hue, 0.95, min(saturation, 0.6))
    while any(contrast(_hex(hue, lightness, saturation), each) < CONTRAST for each in (*LIGHT_GROUNDS, faint)):
        lightness -= _STEP
    return Shades(_hex(hue, lightness, saturation), "#ffffff", faint)


def dark(colour: str) -> Shades:
    """For dark pages."""
    hue, lightness, saturation = _hls(colour)
    faint = _hex(hue, 0.18, min(saturation, 0.34))
    under = (*DARK_GROUNDS, faint)
    lightness = max(lightness, 0.6)
    while (
        any(contrast(_hex(hue, lightness, saturation), each) < CONTRAST for each in under)
        or contrast(_hex(hue, lightness, saturation), _DARK_TEXT) < CONTRAST
    ):
        lightness += _STEP
    return Shades(_hex(hue, lightness, saturation), _DARK_TEXT, faint)


def stylesheet(colour: str, scope: str = ":root") -> str:
    """The custom properties of portal.css for a brand. colour: empty for the shipped one. scope: a selector."""
    of_light, of_dark = light(colour or SHIPPED), dark(colour or SHIPPED)
    return f"{scope}{_tokens(of_light)}\n@media (prefers-color-scheme: dark){{{scope}{_tokens(of_dark)}}}\n"


def contrast(one: str, other: str) -> float:
    """Of two colours, 1 to 21 (WCAG's contrast ratio)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _tokens(shades: Shades) -> str:
    return f"{{--brand:{shades.brand};--on-brand:{shades.on_brand};--brand-faint:{shades.faint}}}"


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _hls(colour: str) -> tuple[float, float, float]:
    return colorsys.rgb_to_hls(*_channels(colour))


def _hex(hue: float, lightness: float, saturation: float) -> str:
    channels = colorsys.hls_to_rgb(hue, min(max(lightness, 0.0), 1.0), saturation)
    return "#" + "".join(f"{round(each * 255):02x}" for each in channels)


def _luminance(colour: str) -> float:
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
