"""The T.30 trace of a single call: a file that the switch writes, and what is made of it."""

from pathlib import Path

import pytest

from faxplan import t30_trace
from tests.switch.switch_under_test import Probe


def traced(probe: Probe, digits: str, tiff: Path, **variables: str) -> str:
    folder = probe.folder / "17.trace"
    call = probe.dial(probe.number(digits), probe.sender(tiff, **t30_trace.variables(folder), **variables))
    probe.hook(call)
    assert [path.name for path in folder.iterdir()] == [f"fax-{call}.log"]
    kept = t30_trace.read(folder)
    assert kept is not None
    return kept


def test_it_tells_the_frames_of_a_call(probe: Probe, five_pages: Path) -> None:
    kept = traced(probe, "002", five_pages, fax_end_page="1")
    Path(f"/tmp/kept-{probe.switch.name}").write_text(kept)
    said = [line for line in kept.splitlines() if " final frame tag" in line or "without final frame tag" in line]
