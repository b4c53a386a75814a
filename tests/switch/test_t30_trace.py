"""The T.30 trace of a single call: a file that the switch writes, and what is made of it."""

from pathlib import Path

from faxplan import t30_steps, t30_trace
from faxplan.t30_steps import RECEIVED, SENT, Step
from tests.switch.switch_under_test import Probe


def traced(probe: Probe, digits: str, tiff: Path, **variables: str) -> tuple[str, dict[str, str]]:
    """What is kept, and the hook's variables."""
    folder = probe.folder / "17.trace"
    call = probe.dial(probe.number(digits), probe.sender(tiff, **t30_trace.variables(folder), **variables))
    environment = probe.hook(call)
    assert [path.name for path in folder.iterdir()] == [f"fax-{call}.log"]
    pages = int(environment["variable_fax_document_transferred_pages"])
    kept = t30_trace.read(folder, *t30_trace.times(lambda name: environment.get(f"variable_{name}"), pages))
    assert kept is not None
    return kept, environment


def named(steps: list[Step], *left_out: str) -> list[tuple[str, str]]:
    return [(step.side, step.name) for step in steps if step.name and step.name not in left_out]


def test_two_pages_with_error_correction_step_by_step(probe: Probe, five_pages: Path) -> None:
    kept, environment = traced(probe, "000", five_pages, fax_end_page="1")
    steps = t30_steps.read(kept)
    assert named(steps, "CED") == [
        (RECEIVED, "CSI"),
        (RECEIVED, "DIS"),
        (SENT, "DCS"),
        (SENT, "TCF"),
        (RECEIVED, "CFR"),
        (SENT, "FCD"),
        (SENT, "RCP"),
        (SENT, "PPS-MPS"),
        (RECEIVED, "MCF"),
        (SENT, "FCD"),
        (SENT, "RCP"),
        (SENT, "PPS-EOP"),
        (RECEIVED, "MCF"),
        (SENT, "DCN"),
    ]
    by_name = {step.name: step for step in steps}
    assert by_name["DCS"].details == "V.17 14400bps, ECM"
    assert by_name["CSI"].details == f"'{environment['variable_fax_remote_station_id'].strip()}'"
    assert t30_steps.broke_at(steps, success=True) is None
    # The switch's own clock, at the end of the negotiation and of each page.
    timed = [(step.name, step.at) for step in steps if step.at is not None]
    assert [name for name, _ in timed] == ["DIS", "MCF", "MCF"]
    moments = [at for _, at in timed]
    assert moments == sorted(moments)
    # To the second.
    assert int(int(environment["variable_answer_uepoch"]) / 1e6) <= moments[0]


def test_without_error_correction(probe: Probe, five_pages: Path) -> None:
    steps = t30_steps.read(traced(probe, "002", five_pages, fax_end_page="1")[0])
    assert named(steps, "CED", "CSI")[-7:] == [
        (SENT, "PAGE"),
        (SENT, "MPS"),
        (RECEIVED, "MCF"),
        (SENT, "PAGE"),
        (SENT, "EOP"),
        (RECEIVED, "MCF"),
        (SENT, "DCN"),
    ]


def test_a_call_that_is_dropped_ends_where_it_broke(probe: Probe, five_pages: Path) -> None:
    kept, environment = traced(probe, "021", five_pages)
    assert environment["variable_fax_success"] == "0"
    steps = t30_steps.read(kept)
    assert (RECEIVED, "MCF") in named(steps)
    assert (SENT, "DCN") not in named(steps)
    broke = t30_steps.broke_at(steps, success=False)
    assert broke is not None
    assert broke > [step.name for step in steps].index("MCF")


def test_nothing_of_a_page_is_kept(probe: Probe, five_pages: Path) -> None:
    kept, _ = traced(probe, "000", five_pages, fax_end_page="0")
    written = next((probe.folder / "17.trace").iterdir()).read_text("latin-1")
    assert "ff 03 06" in written
    assert "ff 03 06" not in kept
    assert str(five_pages) not in kept
    assert "FAXPLAN page data: Tx" in kept
