"""`make mutants`: takes each protection out in turn, and sees the named test fail."""

import argparse
import itertools
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from tests import run_directory
from tests.mutants import protections, trial
from tests.mutants.protections import Mutant
from tests.mutants.trial import Judged, Tree, Verdict

T = TypeVar("T")
R = TypeVar("R")


def main(arguments: list[str] | None = None) -> int:
    """0: each was caught."""
    # In the background a shell lets us ignore it, and so would whatever we start: some tests are about signals.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition("`: ")[2])
    parser.add_argument("-k", metavar="TEXT", default="", help="those only with it in table, name, file or test")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once; by default one a core")
    parser.add_argument("--list", action="store_true", help="show them and run nothing")
    options = parser.parse_args(arguments)
    chosen = [each for each in protections.load() if each.matches(options.k)]
    if options.list or not chosen:
        print("\n".join(_line(each, "") for each in chosen) or f"No mutant has {options.k!r} in it.")
        return 0 if chosen else 1
    began = time.monotonic()
    with _trees(min(options.jobs, len(chosen))) as trees:
        judged = sorted(run(trees, chosen), key=lambda each: chosen.index(each.mutant))
    print(f"\n{table(judged)}\n{summary(judged)} {time.monotonic() - began:.0f} s.")
    return 0 if all(each.verdict is Verdict.CAUGHT for each in judged) else 1


@contextmanager
def _trees(count: int) -> Iterator[list[Tree]]:
    """Copies, with one PostgreSQL for all; both go with their directory, or with the next run of tests."""
    directory, lock = run_directory.make()
    try:
        yield [Tree(directory, f"tree{number}") for number in range(count)]
    finally:
        run_directory.remove(directory, lock)


def run(trees: list[Tree], mutants: list[Mutant]) -> Iterator[Judged]:
    """As they come, each told at once: first whether the tests pass as the tree is, then the mutants."""
    bad = _without_a_good_test(trees, mutants)
    broken = [Judged(each, Verdict.BROKEN, bad[each.test]) for each in mutants if each.test in bad]
    good = [each for each in mutants if each.test not in bad]
    judging = _spread(trees, good, lambda tree, mutant: tree.judge(mutant))
    for number, judged in enumerate(itertools.chain(broken, judging), 1):
        _say(f"[{number}/{len(mutants)}] {_line(judged.mutant, judged.verdict.value)}")
        if judged.words:
            _say("    " + judged.words.replace("\n", "\n    "))
        yield judged


def _without_a_good_test(trees: list[Tree], mutants: list[Mutant]) -> dict[str, str]:
    """File by file."""
    files: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        files.setdefault(mutant.test.partition("::")[0], []).append(mutant)
    bad: dict[str, str] = {}
    looking = _spread(trees, list(files), lambda tree, file: (file, trial.without_a_good_test(tree, files[file])))
    for number, (file, found) in enumerate(looking, 1):
        _say(f"[{number}/{len(files)}] {file} as the tree is: {'good' if not found else 'NOT GOOD'}")
        bad |= found
    return bad


def _spread(trees: list[Tree], tasks: list[T], work: Callable[[Tree, T], R]) -> Iterator[R]:
    """Each task in a tree that is free; results as they come."""
    free: queue.SimpleQueue[Tree] = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def in_a_tree(task: T) -> R:
        tree = free.get()
        try:
            return work(tree, task)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as pool:
        try:
            for done in as_completed([pool.submit(in_a_tree, task) for task in tasks]):
                yield done.result()
        except BaseException:
            # Ctrl-C: what has not begun need not.
            pool.shutdown(cancel_futures=True)
            raise


def table(judged: list[Judged]) -> str:
    """All, in the order of the tables."""
    return "\n".join(_line(each.mutant, each.verdict.value) for each in judged)


def summary(judged: list[Judged]) -> str:
    """How many of each verdict."""
    counts = {verdict: sum(each.verdict is verdict for each in judged) for verdict in Verdict}
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items()) + "."


def _line(mutant: Mutant, verdict: str) -> str:
    return f"{verdict:<10}  {mutant.of:>2} {mutant.table:<11} {mutant.name}  ({mutant.file}; {mutant.test})"


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
