"""Rendering throughput beside plain Ghostscript, on the same PDFs, interleaved, in one run.

    python benchmarks/rendering.py [--rounds 15] [--sandbox namespace] [--write docs/benchmarks] [more.pdf ...]

A ratio above 1 means that Faxplan needs less than plain `gs -sDEVICE=tiffg4`. Plain Ghostscript runs in two ways, with
the document's page size and fitted to A4, and the faster one counts for each document. "Per core" compares processor
seconds (user and system, all processes) with everything held on one core. "All cores" lets both use what there is:
processor seconds again, with what a second Ghostscript costs to start, and the wall clock, which is what a user waits
for, and which includes for Faxplan alone that the file is on disk (fsync). Faxplan converts as its worker does, in a
namespace that is kept (or, to compare, with limits alone), and what that takes of the processor is counted.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import _chart
import pikepdf
from _page import where_and_when, write_section
from PIL import Image, ImageFilter

from faxplan import rendering
from faxplan.config import SANDBOXES
from faxplan.confinement import LIMITS, Confinement, LimitsOnly
from faxplan.namespaces import KeptNamespace
from faxplan.rendering import Resolution
from faxplan.scratch import Scratch

DEMO = Path(rendering.__file__).parent / "data" / "demo-fax.pdf"
AIM = 0.95
PLAIN = {"as it is": [], "on A4": ["-sPAPERSIZE=a4", "-dFIXEDMEDIA", "-dPDFFitPage"]}


@dataclass
class Times:
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@dataclass
class Row:
    """One document's times, round by round: on one core, and on all."""

    name: str
    pages: int
    one: tuple[Times, Times]
    all: tuple[Times, Times]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sandbox", choices=SANDBOXES, default=SANDBOXES[0])
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the chart there, the section in FOLDER.md")
    parser.add_argument("pdf", nargs="*", type=Path, help="documents of your own, beside the built-in ones")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: what making them leaves in memory would make our forks dearer than a worker's.
        making = multiprocessing.get_context("spawn").Process(target=make_documents, args=(folder,))
        making.start()
        making.join()
        documents = [DEMO, *sorted(folder.glob("*.pdf")), *options.pdf]
        rows = [compare(document, folder, options.rounds, options.sandbox) for document in documents]
    text = markdown(rows, options.rounds, options.sandbox)
    print(text)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / "rendering.svg").write_text(chart(rows))
        picture = f"![Pages per processor second]({options.write.name}/rendering.svg)"
        write_section(options.write.with_suffix(".md"), "Rendering", f"{text}\n{picture}")


def make_documents(folder: Path) -> None:
    repeated(DEMO, 1, folder / "letter.pdf", pages=1)
    repeated(DEMO, 10, folder / "orders.pdf")
    scans(folder / "scans-grey.pdf", 12, "L")
    scans(folder / "scans-black.pdf", 12, "1")
    photographs(folder / "photographs.pdf", 4)


def compare(document: Path, folder: Path, rounds: int, sandbox: str) -> Row:
    with pikepdf.open(document) as pdf:
        pages = len(pdf.pages)
    with held_on_one_core():
        one = interleaved(document, folder, rounds, sandbox)
    return Row(document.name, pages, one, interleaved(document, folder, rounds, sandbox))


def interleaved(document: Path, folder: Path, rounds: int, sandbox: str) -> tuple[Times, Times]:
    """Faxplan's times, and those of the faster plain Ghostscript."""
    command = ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", "-r204x196"]
    command += [f"-sOutputFile={folder / 'plain.tif'}"]
    actions: dict[str, Callable[[], object]] = {
        name: partial(subprocess.run, [*command, *options, str(document)], check=True)
        for name, options in PLAIN.items()
    }
    # Made here, because what runs in it keeps to the cores that we have now.
    kept = KeptNamespace(Scratch(folder / "scratch"))
    within: Confinement = LimitsOnly() if sandbox == LIMITS else kept
    within.check()
    actions["Faxplan"] = lambda: rendering.render(
        document, folder / "ours.tif", resolution=Resolution.FINE, within=within
    )
    times = {name: Times() for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            cpu, wall = measured(action, kept)
            if number:  # the first round warms the file cache
                times[name].cpu.append(cpu)
                times[name].wall.append(wall)
    within.close()
    return times["Faxplan"], min((times[name] for name in PLAIN), key=lambda plain: statistics.median(plain.cpu))


@contextmanager
def held_on_one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def measured(action: Callable[[], object], kept: KeptNamespace) -> tuple[float, float]:
    def used() -> float:
        both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        return kept.processor_seconds + sum(usage.ru_utime + usage.ru_stime for usage in both)

    before, start = used(), time.perf_counter()
    action()
    return used() - before, time.perf_counter() - start


def repeated(source: Path, times: int, target: Path, *, pages: int | None = None) -> Path:
    with pikepdf.open(source) as original, pikepdf.new() as joined:
        for _ in range(times):
            joined.pages.extend(original.pages[:pages])
        joined.save(target)
    return target


def scans(target: Path, pages: int, mode: str) -> Path:
    """300 dpi scans of the demonstration document, slightly blurred, on grey paper: JPEG ("L") or Group 4 ("1")."""
    with tempfile.TemporaryDirectory() as name:
        made = f"{name}/%d.png"
        device = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pnggray", "-r300", "-dGraphicsAlphaBits=4"]
        subprocess.run([*device, "-dTextAlphaBits=4", f"-sOutputFile={made}", str(DEMO)], check=True)
        sheets = []
        for path in sorted(Path(name).glob("*.png")):
            scan = Image.open(path).convert("L").filter(ImageFilter.GaussianBlur(1.2))
            paper = scan.point(lambda grey: 30 + grey * 205 // 255)
            sheets.append(paper if mode == "L" else paper.point(lambda grey: 255 * (grey > 150)).convert("1"))
        sheets = [sheets[n % len(sheets)] for n in range(pages)]
        sheets[0].save(target, "PDF", save_all=True, append_images=sheets[1:], resolution=300)
    return target


def photographs(target: Path, pages: int) -> Path:
    """Colour pictures that fill an A4 page at 150 dpi, to be dithered."""
    gradient = Image.radial_gradient("L").resize((1240, 1754))
    noise = Image.effect_noise((1240, 1754), 40)
    sheets = [Image.merge("RGB", (gradient.rotate(90 * n), noise, gradient)) for n in range(pages)]
    sheets[0].save(target, "PDF", save_all=True, append_images=sheets[1:], resolution=150, quality=80)
    return target


def markdown(rows: list[Row], rounds: int, sandbox: str) -> str:
    gs = subprocess.run(["gs", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    machine = (
        f"`python benchmarks/rendering.py --rounds {rounds} --sandbox {sandbox}`, {where_and_when()}, Ghostscript {gs}."
    )
    meaning = (
        f"Fine (204x196). Seconds, median of {rounds} interleaved rounds (least - most). The ratios are the faster of "
        "two plain `gs -sDEVICE=tiffg4` over Faxplan, median of the rounds: more than 1 is faster than plain."
    )
    titles = ["document", "pages", "Faxplan CPU", "plain CPU", "**per core**", "all cores: CPU"]
    titles += ["Faxplan wall", "plain wall", "wall"]
    lines = [machine, "", meaning, "", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        (ours, plain), (ours_all, plain_all) = row.one, row.all
        cells = [row.name, str(row.pages), spread(ours.cpu), spread(plain.cpu), f"**{ratio(plain.cpu, ours.cpu):.2f}**"]
        cells += [f"{ratio(plain_all.cpu, ours_all.cpu):.2f}", spread(ours_all.wall), spread(plain_all.wall)]
        cells += [f"{ratio(plain_all.wall, ours_all.wall):.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *below(rows)]) + "\n"


def below(rows: list[Row]) -> Iterator[str]:
    """What misses the aim, in words, so that nobody has to look for it."""
    for where, pairs in (("per core", [row.one for row in rows]), ("all cores, CPU", [row.all for row in rows])):
        ratios = [ratio(plain.cpu, ours.cpu) for ours, plain in pairs]
        missed = [row.name for row, each in zip(rows, ratios, strict=True) if round(each, 2) < AIM]
        yield f"Below the aim of {AIM}, {where}: {', '.join(missed) or 'none'}."


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} - {max(values):.3f})"


def ratio(plain: list[float], ours: list[float]) -> float:
    """Median over the rounds: within one, both ran on a machine that was as busy."""
    return statistics.median(one / other for one, other in zip(plain, ours, strict=True))


def chart(rows: list[Row]) -> str:
    """Pages per processor second on one core, two bars a document."""
    rates = [
        (f"{row.name}, {who}", row.pages / statistics.median(times.cpu), fill)
        for row in rows
        for who, times, fill in (("Faxplan", row.one[0], _chart.DARK), ("plain gs", row.one[1], _chart.GREY))
    ]
    most = max(rate for _, rate, _ in rates)
    bars = [
        _chart.text(190, 20 + 24 * n, label, anchor="end")
        + f'<rect x="200" y="{8 + 24 * n}" width="{300 * rate / most:.1f}" height="16" fill="{fill}"/>'
        + _chart.text(206 + 300 * rate / most, 20 + 24 * n, f"{rate:.1f}")
        for n, (label, rate, fill) in enumerate(rates)
    ]
    return _chart.svg(
        570, 36 + 24 * len(rates), *bars, _chart.text(200, 28 + 24 * len(rates), "pages per processor second")
    )


if __name__ == "__main__":
    main()
