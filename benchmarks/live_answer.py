"""The time from answer to txfax, beside a bare FreeSWITCH; timed within each switch, outside Python.

    python benchmarks/live_answer.py [--runs 3] [--calls 60] [--rate 10] [--write docs/benchmarks]

Runs as in live_sending.py, interleaved, at so many calls a second; then each sends one burst. answer_times.c is loaded
into both switches.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

import _options
from _calls import Load
from _comparison import compare, met
from _live import Place, Switches
from _page import where_and_when, write_section
from _sending import letters, senders

BURST_RATE = 500.0
AIM = 20.0
"""Milliseconds: for the 99th percentile, at 10 answers a second."""


@dataclass(frozen=True)
class Answered:
    """One call, milliseconds: `to_application` from answer to the first application, `to_txfax` from there to txfax."""

    to_application: float
    to_txfax: float

    @property
    def whole(self) -> float:
        return self.to_application + self.to_txfax


@dataclass(frozen=True)
class Both:
    bare: list[Answered]
    faxplan: list[Answered]


def main() -> None:
    options = _options.read("live_answer", __doc__ or "", runs=3)
    steady, burst, version = measured(options.load, options.runs)
    text = f"`{options.command}`, {where_and_when()}, FreeSWITCH {version}.\n\n{markdown(options.load, steady, burst)}"
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Answer to txfax", text)


def measured(load: Load, runs: int) -> tuple[Both, Both, str]:
    with letters((runs + 1) * load.calls) as those, senders(those, times=True) as both:
        compare(both.bare, both.faxplan, load, runs)
        steady = answers(those.place, both.switches)
        compare(both.bare, both.faxplan, Load(load.calls, BURST_RATE), 1)
        whole, version = answers(those.place, both.switches), both.switches.version()
    burst = Both(whole.bare[len(steady.bare) :], whole.faxplan[len(steady.faxplan) :])
    return steady, burst, version


def answers(place: Place, switches: Switches) -> Both:
    return Both(*(parsed(place.times(each)) for each in (switches.bare, switches.faxplan)))


def parsed(file: Path) -> list[Answered]:
    """Every call that came as far as txfax, in that order."""
    answered: dict[str, float] = {}
    started: dict[str, float] = {}
    took = []
    for line in file.read_text(encoding="ascii").splitlines():
        at, channel, what = line.split()
        if what == "answer":
            answered.setdefault(channel, float(at))
        elif channel in answered and what in {"python", "txfax"}:
            first = started.setdefault(channel, float(at))
            if what == "txfax":
                took.append(Answered((first - answered.pop(channel)) * 1000, (float(at) - first) * 1000))
    return took


def markdown(load: Load, steady: Both, burst: Both) -> str:
    plain, whole = (percentile([each.whole for each in side], 0.99) for side in (steady.bare, steady.faxplan))
    return f"""\
Milliseconds, timed within each FreeSWITCH, at {load.rate:g} calls a second, and in a burst of {load.calls} at once.

{table(steady, burst)}

FreeSWITCH's `originate` looks every 20 ms whether its call was answered (`switch_ivr_originate.c`), and then starts
the application: up to one such step passes first, with a bare txfax as well. The aim, a 99th percentile of less than
{AIM:.0f} ms from answer to txfax at 10 answers a second, is {met(whole, AIM)}: {whole:.1f} ms, which is
{whole - plain:+.1f} ms beside a bare txfax."""


def table(steady: Both, burst: Both) -> str:
    lines = ["| | calls | median | 99th percentile | longest |", "|---|---|---|---|---|"]
    for name, both in (("", steady), ("burst, ", burst)):
        lines += [
            row(f"{name}bare: answer to txfax", [each.whole for each in both.bare]),
            row(f"{name}Faxplan: answer to the application python", [each.to_application for each in both.faxplan]),
            row(f"{name}Faxplan: from there to txfax, all of it Python", [each.to_txfax for each in both.faxplan]),
            row(f"{name}Faxplan: answer to txfax", [each.whole for each in both.faxplan]),
        ]
    return "\n".join(lines)


def row(name: str, took: list[float]) -> str:
    figures = (statistics.median(took), percentile(took, 0.99), max(took))
    return f"| {name} | {len(took)} | {' | '.join(f'{figure:.1f}' for figure in figures)} |"


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


if __name__ == "__main__":
    main()
