"""A bare FreeSWITCH and one with Faxplan, taking turns with the same calls; and how that reads in a page."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from _calls import Load, Measured, Meter

AIM, LIMIT = 1.05, 1.10


@dataclass(frozen=True)
class Side:
    meter: Meter
    dial: Callable[[int], None]

    def run(self, load: Load) -> Measured:
        return self.meter.run(self.dial, load)


@dataclass(frozen=True)
class Run:
    """One after the other, so that both met a machine that was as busy."""

    bare: Measured
    faxplan: Measured

    @property
    def ratio(self) -> float:
        return self.faxplan.cpu / self.bare.cpu


@dataclass(frozen=True)
class Comparison:
    runs: list[Run]

    @property
    def ratios(self) -> list[float]:
        return [run.ratio for run in self.runs]

    def table(self) -> str:
        """Milliseconds of processor time per call, run by run."""
        lines = ["| run | bare FreeSWITCH | Faxplan's FreeSWITCH | ratio | PostgreSQL | sent, bare | sent, Faxplan |"]
        lines.append("|---" * 7 + "|")
        for number, run in enumerate(self.runs, 1):
            sent = [f"{each.sent} of {each.calls}" for each in (run.bare, run.faxplan)]
            cells = [str(number), milliseconds(run.bare.cpu), milliseconds(run.faxplan.cpu), f"{run.ratio:.3f}"]
            lines.append(f"| {' | '.join([*cells, milliseconds(run.faxplan.database), *sent])} |")
        return "\n".join(lines)

    def summary(self) -> str:
        ratios, database = self.ratios, [run.faxplan.database * 1000 for run in self.runs]
        return (
            f"Ratio of processor time per call: **median {statistics.median(ratios):.3f}** "
            f"({min(ratios):.3f} - {max(ratios):.3f}). PostgreSQL: median {statistics.median(database):.1f} ms a fax "
            f"({min(database):.1f} - {max(database):.1f}). {self.failures()}"
        )

    def failures(self) -> str:
        missing = {"the bare FreeSWITCH": [run.bare for run in self.runs]}
        missing |= {"Faxplan": [run.faxplan for run in self.runs]}
        lost = {who: sum(each.calls - each.sent for each in measured) for who, measured in missing.items()}
        if not any(lost.values()):
            return "Every fax was sent."
        return (
            "**Not every fax was sent:** "
            + ", ".join(f"{count} failed with {who}" for who, count in lost.items())
            + "."
        )


def compare(bare: Side, faxplan: Side, load: Load, runs: int) -> Comparison:
    return Comparison([one_run(bare, faxplan, load, number) for number in range(1, runs + 1)])


def one_run(bare: Side, faxplan: Side, load: Load, number: int) -> Run:
    run = Run(bare.run(load), faxplan.run(load))
    print(
        f"  run {number}: bare {run.bare.cpu:.4f} s ({run.bare.sent} sent), Faxplan {run.faxplan.cpu:.4f} s "
        f"({run.faxplan.sent} sent), ratio {run.ratio:.3f}, PostgreSQL {run.faxplan.database:.4f} s",
        flush=True,
    )
    return run


def median(values: Sequence[float]) -> str:
    """Of seconds, in milliseconds."""
    return milliseconds(statistics.median(values))


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def met(value: float, most: float) -> str:
    return "met" if value <= most else "**missed**"
