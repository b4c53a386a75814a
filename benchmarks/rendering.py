"""Rendering throughput beside plain Ghostscript, on the same PDFs, interleaved, in one run.

    python benchmarks/rendering.py [--rounds 10] [--write docs/benchmarks] [more.pdf ...]

A ratio above 1 means that Faxplan needs less than plain `gs -sDEVICE=tiffg4 -r204x196`. "Per core" compares processor
seconds, which do not depend on how many cores there are; the wall clock compares what a user waits for.
"""

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pikepdf
from PIL import Image, ImageFilter

from faxplan import rendering
from faxplan.rendering import Resolution

DEMO = Path(rendering.__file__).parent / "data" / "demo-fax.pdf"


@dataclass
class Times:
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write rendering.md and rendering.svg there")
    parser.add_argument("pdf", nargs="*", type=Path, help="documents of your own, beside the built-in ones")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = [DEMO, repeated(DEMO, 10, folder / "orders.pdf"), scans(folder / "scans.pdf", 12), *options.pdf]
        rows = [compare(document, folder, options.rounds) for document in documents]
    table = markdown(rows)
    print(table)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / "rendering.md").write_text(table)
        (options.write / "rendering.svg").write_text(chart(rows))


def compare(document: Path, folder: Path, rounds: int) -> tuple[str, int, Times, Times]:
    ours, plain = Times(), Times()
    target, plain_target = folder / "ours.tif", folder / "plain.tif"
    command = ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", "-r204x196"]
    command += [f"-sOutputFile={plain_target}", str(document)]
    pages = 0

    def render() -> None:
        nonlocal pages
        pages = len(rendering.render(document, target, resolution=Resolution.FINE).pages)

    for number in range(rounds + 1):
        for times, action in ((plain, lambda: subprocess.run(command, check=True)), (ours, render)):
            cpu, wall = measured(action)
            if number:  # the first round warms the file cache
                times.cpu.append(cpu)
                times.wall.append(wall)
    return document.name, pages, ours, plain


def measured(action: Callable[[], object]) -> tuple[float, float]:
    def used() -> float:
        both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    before, start = used(), time.perf_counter()
    action()
    return used() - before, time.perf_counter() - start


def repeated(source: Path, times: int, target: Path) -> Path:
    with pikepdf.open(source) as original, pikepdf.new() as joined:
        for _ in range(times):
            joined.pages.extend(original.pages)
        joined.save(target)
    return target


def scans(target: Path, pages: int) -> Path:
    """Grey 300 dpi JPEG scans of the demonstration document, slightly blurred and on grey paper."""
    with tempfile.TemporaryDirectory() as name:
        made = f"{name}/%d.png"
        device = ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pnggray", "-r300", "-dGraphicsAlphaBits=4"]
        subprocess.run([*device, "-dTextAlphaBits=4", f"-sOutputFile={made}", str(DEMO)], check=True)
        sheets = []
        for path in sorted(Path(name).glob("*.png")):
            scan = Image.open(path).convert("L").filter(ImageFilter.GaussianBlur(1.2))
            sheets.append(scan.point(lambda grey: 30 + grey * 205 // 255))
        sheets = [sheets[n % len(sheets)] for n in range(pages)]
        sheets[0].save(target, "PDF", save_all=True, append_images=sheets[1:], resolution=300, quality=80)
    return target


def markdown(rows: list[tuple[str, int, Times, Times]]) -> str:
    lines = [
        f"Fine (204x196), {os.cpu_count()} cores; median of {len(rows[0][2].cpu)} interleaved rounds, (least - most).",
        "",
        "| document | pages | Faxplan CPU s | plain gs CPU s | per core | Faxplan wall s | plain gs wall s | wall |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, pages, ours, plain in rows:
        lines.append(
            f"| {name} | {pages} | {spread(ours.cpu)} | {spread(plain.cpu)} | {ratio(plain.cpu, ours.cpu):.2f} "
            f"| {spread(ours.wall)} | {spread(plain.wall)} | {ratio(plain.wall, ours.wall):.2f} |"
        )
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} - {max(values):.3f})"


def ratio(plain: list[float], ours: list[float]) -> float:
    """Median over the rounds: within one, both ran on a machine that was as busy."""
    return statistics.median(one / other for one, other in zip(plain, ours, strict=True))


def chart(rows: list[tuple[str, int, Times, Times]]) -> str:
    """Pages per processor second, two bars a document."""
    rates = [
        (f"{name}, {who}", pages / statistics.median(times.cpu), fill)
        for name, pages, ours, plain in rows
        for who, times, fill in (("Faxplan", ours, "#1f5f8b"), ("plain gs", plain, "#9aa7b0"))
    ]
    most = max(rate for _, rate, _ in rates)
    bars = "".join(
        f'<text x="190" y="{20 + 24 * n}" text-anchor="end">{label}</text>'
        f'<rect x="200" y="{8 + 24 * n}" width="{300 * rate / most:.1f}" height="16" fill="{fill}"/>'
        f'<text x="{206 + 300 * rate / most:.1f}" y="{20 + 24 * n}">{rate:.1f}</text>'
        for n, (label, rate, fill) in enumerate(rates)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="570" height="{36 + 24 * len(rates)}" font-family="sans-serif" '
        f'font-size="12">{bars}<text x="200" y="{28 + 24 * len(rates)}">pages per processor second</text></svg>\n'
    )


if __name__ == "__main__":
    main()
