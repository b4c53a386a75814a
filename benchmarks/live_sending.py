"""What Faxplan adds to a sending FreeSWITCH: CPU-seconds per fax, beside a bare txfax.

    python benchmarks/live_sending.py [--runs 10] [--calls 60] [--rate 10] [--traced]
                                      [--write docs/benchmarks]

Three FreeSWITCH instances on 127.0.0.1: a bare sender, one that runs Faxplan's scripts, and the carrier that receives.
Runs are interleaved, bare, Faxplan, bare, ...; each has new processes, which have sent some faxes before they are
measured: how a process happens to lie in memory stays with it as long as it lives. Then each sends one burst. The
worker has rendered before, and the bare sender sends the page that it rendered, below a header line that spandsp
prints, as Faxplan's is below its own. With --traced each of Faxplan's calls writes a T.30 trace.
"""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import _chart
import _options
from _calls import Load
from _comparison import AIM, LIMIT, Comparison, met, milliseconds, one_run
from _live import Prepared
from _options import Options
from _page import where_and_when, write_section
from _sending import Letters, Senders, letters, senders

BURST_RATE = 500.0
WARMING = 10
"""Faxes that each process sends before it is measured."""


@dataclass(frozen=True)
class Result:
    """`switch`: FreeSWITCH's version. `spool`: where it is."""

    prepared: Prepared
    steady: Comparison
    burst: Comparison
    switch: str
    spool: str


def main() -> None:
    options = _options.read(
        "live_sending",
        __doc__ or "",
        traced="T.30 traces are written, and kept of calls that fail",
    )
    result = measured(options)
    text = markdown(options, result)
    print(text)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        title = "Sending: CPU per call, Faxplan's FreeSWITCH over a bare one"
        picture = _chart.runs(title, result.steady.ratios, {"aim": AIM, "limit": LIMIT})
        (options.write / "sending.svg").write_text(picture)
        shown = f"![{title}]({options.write.name}/sending.svg)"
        write_section(options.write.with_suffix(".md"), "Sending", f"{text}\n{shown}")


def measured(options: Options) -> Result:
    runs, load = options.runs, options.load
    with letters((runs + 1) * (load.calls + WARMING), traced="traced" in options) as those:
        print(f"{runs} interleaved runs of {load.calls} calls, {load.rate:g} a second; then one of all at once")
        made = []
        for number in range(1, runs + 1):
            with warm_senders(those, load.rate) as both:
                made.append(one_run(both.bare, both.faxplan, load, number))
        with warm_senders(those, load.rate) as both:
            burst = one_run(both.bare, both.faxplan, Load(load.calls, BURST_RATE), runs + 1)
            version = both.switches.version()
        return Result(those.prepared, Comparison(made), Comparison([burst]), version, those.place.spool_in_words)


@contextmanager
def warm_senders(those: Letters, rate: float) -> Iterator[Senders]:
    with senders(those) as both:
        both.warm_up(Load(WARMING, rate))
        yield both


def markdown(options: Options, result: Result) -> str:
    load, steady, burst = options.load, result.steady, result.burst
    return f"""\
`{options.command}`, {where_and_when()}, FreeSWITCH {result.switch}.

One page of a PDF letter over T.38 to a third FreeSWITCH, {load.calls} calls a run, {load.rate:g} a second; a bare
FreeSWITCH (`originate ... &txfax(file)`) and Faxplan's take turns. Both send the page that Faxplan's worker rendered
before, with a header line, stamped by Faxplan, for the bare one printed by spandsp. Each run has new processes, which
have sent {WARMING} faxes before. The spool is {result.spool}.
Milliseconds of processor time (user and system) per call, from the first dial until the last call is settled, with what
the switch does when idle.

{steady.table()}

{steady.summary()}
{verdict(steady.ratios)}

In a burst, {load.calls} calls at once: ratio {burst.ratios[0]:.3f}. {burst.failures()}

All processes of Faxplan together, milliseconds of processor time per fax. Sending: medians of the runs. Submitting and
rendering, and what PostgreSQL does for them: means over all faxes of this benchmark.

{together(result)}
"""


def verdict(ratios: Sequence[float]) -> str:
    middle = statistics.median(ratios)
    above = sum(ratio > LIMIT for ratio in ratios)
    return (
        f"The aim of {AIM:.2f} is {met(middle, AIM)} by the median, the limit of {LIMIT:.2f} is {met(middle, LIMIT)}; "
        f"{above or 'none'} of {len(ratios)} runs {'is' if above < 2 else 'are'} above the limit."
    )


def together(result: Result) -> str:
    bare = statistics.median(run.bare.cpu for run in result.steady.runs)
    parts = {
        "sending FreeSWITCH": statistics.median(run.faxplan.cpu for run in result.steady.runs),
        "PostgreSQL, for the call": statistics.median(run.faxplan.database for run in result.steady.runs),
        "rendering (the worker)": result.prepared.rendering,
        "submitting (the document is inspected and stored)": result.prepared.submitting,
        "PostgreSQL, for submitting and rendering": result.prepared.database,
    }
    whole = sum(parts.values())
    lines = ["| | bare | Faxplan |", "|---|---|---|"]
    lines += [
        f"| {name} | {milliseconds(bare) if number == 0 else '-'} | {milliseconds(part)} |"
        for number, (name, part) in enumerate(parts.items())
    ]
    lines.append(f"| **together** | **{milliseconds(bare)}** | **{milliseconds(whole)}** ({whole / bare:.2f}) |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
