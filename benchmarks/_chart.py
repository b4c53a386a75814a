"""The drawings of docs/benchmarks.md: plain SVG, readable on any background."""

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence

DARK, GREY, RED = "#1f5f8b", "#9aa7b0", "#b03a2e"


def svg(width: int, height: int, *parts: str) -> str:
    """A picture of these elements, in pixels, on white."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", fill: str = "#000") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{words}</text>'


def runs(title: str, ratios: Sequence[float], limits: Mapping[str, float]) -> str:
    """One dot a run, the median and the limits as lines. `limits`: their names and values."""
    left, right, top, bottom = 50, 440, 34, 234
    low, high, step = _scale([*ratios, *limits.values()])

    def y_of(ratio: float) -> float:
        return bottom - (bottom - top) * (ratio - low) / (high - low)

    def line(ratio: float, colour: str, dashes: str) -> str:
        y = y_of(ratio)
        return f'<path d="M{left} {y:.1f}H{right}" stroke="{colour}" stroke-dasharray="{dashes}"/>'

    middle = statistics.median(ratios)
    ticks = [low + step * n for n in range(round((high - low) / step) + 1)]
    lines = {f"median {middle:.3f}": (middle, DARK, "none")}
    lines |= {f"{name} {value:.2f}": (value, RED, "5 4") for name, value in limits.items()}
    across = [left + (right - left) * (n + 0.5) / len(ratios) for n in range(len(ratios))]
    parts = [text(left, 18, title)]
    parts += [
        line(tick, "#e3e7ea", "none") + text(left - 8, y_of(tick) + 4, f"{tick:.2f}", anchor="end") for tick in ticks
    ]
    parts += [line(*each) for each in lines.values()]
    names = sorted(lines, key=lambda name: y_of(lines[name][0]))
    heights = _apart((y_of(lines[name][0]) for name in names), 15)
    parts += [text(right + 8, y + 4, name, fill=lines[name][1]) for name, y in zip(names, heights, strict=True)]
    parts += [
        f'<circle cx="{x:.1f}" cy="{y_of(ratio):.1f}" r="4" fill="{DARK}"/>'
        for x, ratio in zip(across, ratios, strict=True)
    ]
    parts += [text(x, bottom + 18, str(n), anchor="middle") for n, x in enumerate(across, 1)]
    parts.append(text(left, bottom + 36, "run"))
    return svg(570, bottom + 46, *parts)


def curves(title: str, across: Sequence[float], series: Mapping[str, Sequence[float]]) -> str:
    """A line for each of `series`, percent over `across`."""
    left, right, top, bottom = 50, 400, 34, 234
    most = max(across)

    def x_of(value: float) -> float:
        return left + (right - left) * value / most

    def y_of(percent: float) -> float:
        return bottom - (bottom - top) * percent / 100

    parts = [text(left, 18, title)]
    for tick in range(0, 101, 20):
        parts.append(f'<path d="M{left} {y_of(tick):.1f}H{right}" stroke="#e3e7ea"/>')
        parts.append(text(left - 8, y_of(tick) + 4, str(tick), anchor="end"))
    parts += [text(x_of(value), bottom + 18, f"{value:g}", anchor="middle") for value in across]
    styles = list(itertools.product((DARK, RED), ("none", "5 4")))
    last = {name: y_of(values[-1]) for name, values in series.items()}
    names = sorted(series, key=lambda name: last[name])
    heights = dict(zip(names, _apart((last[name] for name in names), 15), strict=True))
    for (name, values), (colour, dashes) in zip(series.items(), styles, strict=False):
        points = [f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in zip(across, values, strict=True)]
        drawn = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
        parts.append(f'<path d="M{" L".join(points)}" {drawn}/>')
        parts.append(text(right + 8, heights[name] + 4, name, fill=colour))
    return svg(570, bottom + 32, *parts)


def bars(title: str, values: Mapping[str, float], said: Mapping[str, str], *, most: float | None = None) -> str:
    """A bar for each of `values`, from the left, with what is `said` of it. most: where the scale ends, a line."""
    left, right, top, step = 210, 430, 34, 26
    longest = most or max(values.values())

    def long(value: float) -> float:
        return (right - left) * value / longest

    bottom = top + step * len(values)
    parts = [text(10, 18, title)]
    if most is not None:
        parts.append(f'<path d="M{right} {top}V{bottom}" stroke="{RED}" stroke-dasharray="5 4"/>')
    for number, (name, value) in enumerate(values.items()):
        y = top + step * number
        parts.append(text(left - 8, y + 15, name, anchor="end"))
        parts.append(f'<rect x="{left}" y="{y + 3}" width="{long(value):.1f}" height="16" fill="{DARK}"/>')
        at = max(left + long(value), right if most is not None else 0) + 8
        parts.append(text(at, y + 15, said[name]))
    return svg(520, bottom + 12, *parts)


def _scale(values: Iterable[float]) -> tuple[float, float, float]:
    """Lowest and highest line, and the step between lines, so that 1 and all the values are within."""
    least, most = min(1.0, *values), max(1.0, *values)
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 50.0) if (most - least) / step <= 8)
    return step * (least // step), step * (most // step + 1), step


def _apart(heights: Iterable[float], least: float) -> list[float]:
    """The heights, from the top down, none closer than `least` pixels to the one above."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else height)
    return placed
