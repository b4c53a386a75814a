"""docs/benchmarks.md: one section for each benchmark, which writes its own and leaves the others."""

import datetime
import os
import re
from pathlib import Path

_START = """# Benchmarks

Each section is written by the benchmark that it names, with the day and the machine.
"""


def write_section(page: Path, title: str, text: str) -> None:
    """Put `text` (Markdown without headings of the first two levels) under `## title`, in place of what was there."""
    start, *sections = re.split(r"(?m)^(?=## )", page.read_text() if page.exists() else _START)
    heading = f"## {title}\n"
    ours = f"{heading}\n{text.strip()}\n"
    if not any(section.startswith(heading) for section in sections):
        sections.append("")
    written = [ours if section.startswith(heading) or not section else section for section in sections]
    page.write_text("\n".join(part.strip() + "\n" for part in (start, *written)))


def where_and_when() -> str:
    """The day and the machine, as every figure needs them."""
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    models = re.findall(r"(?m)^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text())
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{today.isoformat()}, {cores} cores ({models[0] if models else 'unnamed'}), {memory:.0f} GB"
