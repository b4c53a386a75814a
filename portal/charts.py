"""Charts as SVG, drawn on the server: bars and areas over a scale of time, and bars side by side.

Colours: portal.css (`.chart`).

A chart shows what a table beside it lists, so it is one image to who does not see it, with `label` as its text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from faxplan import language

_WIDTH, _HEIGHT, _BOTTOM, _LEFT, _TOP, _RIGHT = 720, 220, 26, 64, 12, 24
_ROW, _ROW_GAP, _LABEL, _VALUE = 24, 8, 220, 110
MOST_ROWS = 12
_LABELS = 8
"""Under an axis at most."""


@dataclass(frozen=True, slots=True)
class Series:
    """name: for who points at a bar. values: one a place, none below 0."""

    name: str
    values: Sequence[float]


def columns(label: str, places: Sequence[str], series: Sequence[Series]) -> Markup:
    """Upright bars, stacked in the order of the series; places: what stands below each."""
    totals = [sum(each.values[at] for each in series) for at in range(len(places))]
    top = _round_up(max(totals, default=0))
    plot = _HEIGHT - _BOTTOM - _TOP
    step = (_WIDTH - _LEFT) / max(len(places), 1)
    wide = max(step * 0.7, 1)
    drawn = [_grid(top, plot)]
    for at, place in enumerate(places):
        x, y = _LEFT + at * step + (step - wide) / 2, float(_HEIGHT - _BOTTOM)
        for number, each in enumerate(series):
            high = each.values[at] / top * plot
            if high > 0:
                y -= high
                drawn.append(
                    _element(
                        '<rect class="s{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
                        number,
                        _n(x),
                        _n(y),
                        _n(wide),
                        _n(high),
                        f"{place}: {_value(each.values[at])} {each.name}",
                    )
                )
    every = max(math.ceil(len(places) / _LABELS), 1)
    drawn += [
        _element(
            '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>',
            _n(_LEFT + at * step + step / 2),
            _HEIGHT - 6,
            place,
        )
        for at, place in enumerate(places)
        if at % every == 0
    ]
    return _svg(label, _WIDTH, _HEIGHT, drawn)


def rows(label: str, bars: Sequence[tuple[str, float, str]], *, most: float | None = None) -> Markup:
    """Lying bars: (what, how much, what is written behind it); the first MOST_ROWS. most: of a whole bar."""
    shown = bars[:MOST_ROWS]
    whole = most if most is not None else max((value for _what, value, _said in shown), default=0)
    high = len(shown) * (_ROW + _ROW_GAP)
    room = _WIDTH - _LABEL - _VALUE
    drawn = []
    for at, (what, value, said) in enumerate(shown):
        y = at * (_ROW + _ROW_GAP)
        wide = value / whole * room if whole else 0
        drawn.append(
            _element(
                '<text class="name" x="{}" y="{}" text-anchor="end">{}</text>'
                '<rect class="ground" x="{}" y="{}" width="{}" height="{}"/>'
                '<rect class="s0" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
                '<text class="value" x="{}" y="{}">{}</text>',
                _LABEL - 10,
                y + 17,
                _cut(what),
                _LABEL,
                y,
                room,
                _ROW,
                _LABEL,
                y,
                _n(max(wide, 1 if value else 0)),
                _ROW,
                f"{what}: {said}",
                _LABEL + room + 8,
                y + 17,
                said,
            )
        )
    return _svg(label, _WIDTH, max(high, 1), drawn)


def areas(label: str, places: Sequence[str], series: Sequence[tuple[str, Series]]) -> Markup:
    """What lies upon each other, from left to right: (its class in portal.css, its values at each place). places: what
    stands below each; the first stands for where nothing had happened yet."""
    plot, wide = _HEIGHT - _BOTTOM - _TOP, _WIDTH - _LEFT - _RIGHT
    top = _round_up(max((sum(each.values[at] for _kind, each in series) for at in range(len(places))), default=0))
    across = [_n(_LEFT + at * wide / max(len(places) - 1, 1)) for at in range(len(places))]
    below, drawn = [0.0] * len(places), [_grid(top, plot)]
    for kind, each in series:
        above = [low + value for low, value in zip(below, each.values, strict=True)]
        if any(each.values):
            edge = [
                *((x, high) for x, high in zip(across, above, strict=True)),
                *((x, low) for x, low in zip(reversed(across), reversed(below), strict=True)),
            ]
            points = " ".join(f"{x},{_n(_TOP + plot * (1 - y / top))}" for x, y in edge)
            drawn.append(
                _element('<polygon class="{}" points="{}"><title>{}</title></polygon>', kind, points, each.name)
            )
        below = above
    every = max(math.ceil(len(places) / _LABELS), 1)
    drawn += [
        _element('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>', x, _HEIGHT - 6, place)
        for at, (x, place) in enumerate(zip(across, places, strict=True))
        if at % every == 0
    ]
    return _svg(label, _WIDTH, _HEIGHT, drawn)


def share(parts: Sequence[tuple[str, int, str]], label: str = "") -> Markup:
    """One bar of parts beside each other: (their class in portal.css, how many, what they are). label: empty where the
    same stands beside it in words."""
    drawn, x = [], 0
    for kind, count, what in parts:
        if count:
            drawn.append(
                _element(
                    '<rect class="{}" x="{}" width="{}" height="1"><title>{} {}</title></rect>',
                    kind, x, count, language.number(count), what,
                )
            )  # fmt: skip
        x += count
    about = _element('role="img" aria-label="{}"', label) if label else Markup('aria-hidden="true"')
    head = _element('<svg class="bars" viewBox="0 0 {} 1" preserveAspectRatio="none" {}>', max(x, 1), about)
    return head + Markup("").join(drawn) + Markup("</svg>")


def _grid(top: float, plot: float) -> Markup:
    lines = []
    for part in (0, 0.5, 1):
        y = _TOP + plot * (1 - part)
        lines.append(
            _element(
                '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>',
                _LEFT,
                _WIDTH,
                _n(y),
                _n(y),
                _LEFT - 6,
                _n(y + 4),
                _value(top * part),
            )
        )
    return Markup("").join(lines)


def _svg(label: str, width: int, height: float, drawn: Sequence[Markup]) -> Markup:
    head = _element(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">',
        width,
        _n(height),
        label,
    )
    return head + Markup("").join(drawn) + Markup("</svg>")


def _element(template: str, *values: object) -> Markup:
    """Escaped, whatever the values are."""
    return Markup(template).format(*values)  # noqa: S704 - the template is ours, format escapes the rest


def _round_up(value: float) -> float:
    """To 1, 2, 4 or 5 times a power of ten, which halves well."""
    if value <= 2:
        return 2
    power = 10.0 ** math.floor(math.log10(value))
    return next(each * power for each in (1, 2, 4, 5, 10) if each * power >= value)


def _value(value: float) -> str:
    return language.number(value, 0 if value == int(value) else 1)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _cut(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}\u2026"
