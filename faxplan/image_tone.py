"""Turn grey into black and white: photographs dithered, text thresholded."""

from PIL import Image

from faxplan.paper import Tone

# Of a page of text all but the letters' edges is paper or ink; of a photograph a third and more is in between.
_MAX_BETWEEN = 0.15
_MARGIN = 0.25


def is_text(grey: Image.Image) -> bool:
    """Whether a mode "L" image is mostly of two tones."""
    histogram = grey.histogram()
    total = sum(histogram)
    dark, light = _percentile(histogram, 0.005), _percentile(histogram, 0.90)
    if light - dark < 32:
        return True  # one tone: dithering would only speckle it
    low, high = round(dark + _MARGIN * (light - dark)), round(light - _MARGIN * (light - dark))
    return sum(histogram[low : high + 1]) / total < _MAX_BETWEEN


def to_bilevel(grey: Image.Image, tone: Tone) -> Image.Image:
    """A mode "L" image as mode "1", by `tone`."""
    if tone is Tone.DITHER or (tone is Tone.AUTO and not is_text(grey)):
        return grey.convert("1")  # Floyd-Steinberg
    threshold = _threshold(grey.histogram())
    return grey.point([0 if value < threshold else 255 for value in range(256)], "1")


def _threshold(histogram: list[int]) -> int:
    """Nearer to the paper than to the ink, so that thin and faint strokes survive; within bounds."""
    dark, light = _percentile(histogram, 0.005), _percentile(histogram, 0.90)
    if light - dark < 32:
        return 128
    return max(64, min(230, round(dark + 0.62 * (light - dark))))


def _percentile(histogram: list[int], share: float) -> int:
    wanted = share * sum(histogram)
    below = 0
    for value, count in enumerate(histogram):
        below += count
        if below >= wanted:
            return value
    return 255
