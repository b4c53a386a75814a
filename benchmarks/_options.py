"""What the live benchmarks are told on the command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _calls import Load


@dataclass(frozen=True)
class Options:
    """`command`: as it is to be typed to measure the same again."""

    command: str
    runs: int
    load: Load
    write: Path | None
    switches: Sequence[str]

    def __contains__(self, switch: str) -> bool:
        return switch in self.switches


def read(name: str, about: str, *, runs: int = 10, **switches: str) -> Options:
    """about: the benchmark's docstring. switches: options without a value, and what each does."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--calls", type=int, default=60, help="in each run")
    parser.add_argument("--rate", type=float, default=10.0, help="calls a second")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="any drawing there, the section in FOLDER.md")
    for switch, what in switches.items():
        parser.add_argument(f"--{switch}", action="store_true", help=what)
    given = parser.parse_args()
    chosen = [switch for switch in switches if getattr(given, switch)]
    words = [f"python benchmarks/{name}.py --runs {given.runs} --calls {given.calls} --rate {given.rate:g}"]
    command = " ".join([*words, *(f"--{switch}" for switch in chosen)])
    return Options(command, given.runs, Load(given.calls, given.rate), given.write, chosen)
