"""Runs a mutant's test in a copy of the tree, without the protection, and says whether that was noticed."""

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests import run_directory
from tests.mutants import outcomes
from tests.mutants.protections import Mutant, Unusable

PROJECT = Path(__file__).parents[2]
_NOT_COPIED = (".git", ".venv", "var", "build", ".*_cache", "__pycache__", ".hypothesis", "node_modules", "*.egg-info")
_SECONDS = 180
"""For one test: without a protection it may wait for ever."""


class Verdict(Enum):
    """CAUGHT: the test failed. NOT_CAUGHT: it did not. BROKEN: the entry shows nothing."""

    CAUGHT = "caught"
    NOT_CAUGHT = "NOT CAUGHT"
    BROKEN = "ERROR"


@dataclass(frozen=True, slots=True)
class Judged:
    """words: of what is BROKEN, why."""

    mutant: Mutant
    verdict: Verdict
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """Of one run of pytest. outcomes: (when, outcome) of each test, by its name. said: the end of its output."""

    outcomes: dict[str, list[tuple[str, str]]]
    said: str

    def of(self, test: str) -> list[tuple[str, str]]:
        """Of a test with all its parameters, or of all tests of a class or a file."""
        return [
            outcome
            for name, ended in self.outcomes.items()
            if name == test or name.startswith((f"{test}[", f"{test}::"))
            for outcome in ended
        ]

    def passed(self, test: str) -> bool:
        """Whether it ran, and all of it went well."""
        ended = self.of(test)
        return ("call", "passed") in ended and all(outcome == "passed" for _, outcome in ended)

    def failed(self, test: str) -> bool:
        """Whether it began, and failed then."""
        ended = self.of(test)
        return ("call", "failed") in ended or ("teardown", "failed") in ended


class Tree:
    """A copy of the project, in the directory of a run. The project itself is not touched."""

    def __init__(self, directory: Path, name: str, *, project: Path = PROJECT) -> None:
        self._directory = directory
        self.root = directory / name
        shutil.copytree(project, self.root, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        for folder in ("faxplan", "bench", "fs_scripts"):
            compileall.compile_dir(self.root / folder, quiet=1)

    def run(self, tests: Collection[str], *options: str) -> Ran:
        """Runs these tests here, on the PostgreSQL of the run."""
        with tempfile.NamedTemporaryFile(dir=self._directory) as noted:
            ours = {
                run_directory.GIVEN: str(self._directory),
                outcomes.FILE: noted.name,
                outcomes.TREE: str(self.root),
                # What is started from a test finds this tree, too.
                "PYTHONPATH": str(self.root),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            others = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
            command = [sys.executable, "-m", "pytest", "-p", "tests.mutants.outcomes", "-p", "no:cacheprovider", "-q"]
            command += [f"--timeout={_SECONDS}", "--tb=short", *options, *tests]
            done = subprocess.run(
                command, cwd=self.root, env=others | ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, text=True, errors="replace", check=False,
            )  # fmt: skip
            found: dict[str, list[tuple[str, str]]] = {}
            for line in Path(noted.name).read_text(encoding="utf-8").splitlines():
                when, outcome, name = line.split(" ", 2)
                found.setdefault(name, []).append((when, outcome))
        return Ran(found, "\n".join(done.stdout.splitlines()[-25:]))

    def judge(self, mutant: Mutant) -> Judged:
        """Its test is known to pass with the protection."""
        try:
            with self._without(mutant):
                ran = self.run([mutant.test], "-x")
        except Unusable as error:
            return Judged(mutant, Verdict.BROKEN, str(error))
        if ran.failed(mutant.test):
            return Judged(mutant, Verdict.CAUGHT)
        if ran.passed(mutant.test):
            return Judged(mutant, Verdict.NOT_CAUGHT)
        return Judged(mutant, Verdict.BROKEN, f"without the protection its test does not even begin:\n{ran.said}")

    @contextmanager
    def _without(self, mutant: Mutant) -> Iterator[None]:
        file = self.root / mutant.file
        if not file.is_file():
            raise Unusable(f"there is no {mutant.file}: mend the table")
        source, times = file.read_text(encoding="utf-8"), file.stat()
        changed = mutant.applied(source)
        try:
            file.write_text(changed, encoding="utf-8")
            # What Python has compiled is known by the second and the size, and both may be the same.
            os.utime(file, (times.st_atime, times.st_mtime + 100))
            yield
        finally:
            file.write_text(source, encoding="utf-8")
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def without_a_good_test(tree: Tree, mutants: Collection[Mutant]) -> dict[str, str]:
    """The tests that do not pass as the tree is, with the reason; they show nothing of a mutant."""
    named = sorted({each.test for each in mutants})
    ran = tree.run(named)
    return {test: _why(ran, test) for test in named if not ran.passed(test)}


def _why(ran: Ran, test: str) -> str:
    ended = {outcome for _, outcome in ran.of(test)}
    if not ended:
        return f"there is no such test, or it was not run: mend the table\n{ran.said}"
    if "failed" in ended:
        return f"its test fails as the tree is, without any change\n{ran.said}"
    return f"its test, or a part of it, is not run here ({', '.join(sorted(ended))})"
