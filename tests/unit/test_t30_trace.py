"""What is kept of spandsp's log of a call: no page, no endless file, nothing that a stranger could break out with."""

from pathlib import Path

import pytest

from faxplan import channel_variables as cv
from faxplan import t30_steps, t30_trace

PAGE = "FLOW T.30 Tx:  ff 03 06 00 aa bb cc dd"


def written(folder: Path, *lines: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    raw = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines)
    (folder / "fax-1.log").write_bytes(raw)
    return folder


def test_the_pages_are_counted_and_left_out(tmp_path: Path) -> None:
    fcd = "FLOW T.30 Tx:  FCD without final frame tag"
    kept = t30_trace.read(
        written(
            tmp_path,
            "FLOW T.30 Rx:  CFR with final frame tag",
            "FLOW T.30 Rx:  ff 13 84",
            fcd,
            PAGE,
            "FLOW T.30 Send complete in phase T30_PHASE_C_ECM_TX, state 23",
            fcd,
            "FLOW T.30 Tx:  ff 03 06 01 ee",
            "FLOW T.30 Tx:  RCP without final frame tag",
        )
    )
    assert kept == (
        "FLOW T.30 Rx:  CFR with final frame tag\n"
        "FLOW T.30 Rx:  ff 13 84\n"
        "FAXPLAN page data: Tx 2 frames\n"
        "FLOW T.30 Tx:  RCP without final frame tag"
    )


@pytest.mark.parametrize("cut", range(len("FLOW T.30 Tx:  ff 03 06"), len(PAGE) + 1))
def test_a_line_that_a_crash_has_cut_gives_no_page_away(tmp_path: Path, cut: int) -> None:
    written(tmp_path, "FLOW T.30 Rx:  ff 13 84")
    with (tmp_path / "fax-1.log").open("a") as file:
        file.write(PAGE[:cut])
    assert t30_trace.read(tmp_path) == "FLOW T.30 Rx:  ff 13 84"


def test_a_frame_that_is_none_known_is_cut_to_the_length_of_one(tmp_path: Path) -> None:
    kept = t30_trace.read(written(tmp_path, "FLOW T.30 Rx:  ff 13 55 " + "ab " * 200))
    assert kept is not None
    assert kept.endswith(" ...")
    assert kept.count("ab") == 37


def test_the_spools_paths_are_left_out(tmp_path: Path) -> None:
    assert t30_trace.read(written(tmp_path, "FLOW T.30 Trying to send file '/var/spool/17.tif'", "FLOW T.30 x")) == (
        "FLOW T.30 x"
    )


def test_of_a_long_trace_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    lines = [f"FLOW T.30 line {number} {'x' * 60}" for number in range(20_000)]
    kept = t30_trace.read(written(tmp_path, *lines))
    assert kept is not None
    assert len(kept) <= t30_trace.MOST
    found = kept.splitlines()
    assert (found[0], found[-1]) == (lines[0], lines[-1])
    assert any(line.startswith(t30_trace.LEFT_OUT) for line in found)
    assert set(found) - set(lines) == {line for line in found if line.startswith(t30_trace.LEFT_OUT)}


def test_what_postgresql_cannot_hold_is_escaped(tmp_path: Path) -> None:
    kept = t30_trace.read(written(tmp_path, b'FLOW T.30 Remote gave CSI as: "\xff\x00\x1b[2J"'))
    assert kept == 'FLOW T.30 Remote gave CSI as: "\\xff\\x00\x1b[2J"'


def test_nothing_written_is_no_trace(tmp_path: Path) -> None:
    assert t30_trace.read(tmp_path / "missing") is None
    assert t30_trace.read(tmp_path) is None
    assert t30_trace.read(written(tmp_path)) is None


@pytest.mark.parametrize(
    ("setting", "success", "wanted"),
    [("off", False, False), ("failed", False, True), ("failed", True, False), ("all", True, True)],
)
def test_which_are_kept(setting: str, success: bool, wanted: bool) -> None:
    assert t30_trace.is_wanted(setting, success=success) is wanted


def test_freeswitchs_own_log_gets_none_of_it(tmp_path: Path) -> None:
    found = t30_trace.variables(tmp_path)
    assert (found[cv.FAX_VERBOSE], found[cv.FAX_VERBOSE_LOG_LEVEL], found[cv.FAX_TRACE_DIR]) == (
        "true", "debug10", str(tmp_path),
    )  # fmt: skip


def test_the_times_that_the_switch_noted_stand_at_the_end(tmp_path: Path) -> None:
    variables = {
        cv.PHASE_B_TIME: "2025-06-15 17:06:40 +0200",
        f"{cv.PHASE_D_TIME}1": "2025-06-15 15:06:41 +0000",
        f"{cv.PHASE_D_TIME}2": "nonsense",
        f"{cv.PHASE_D_TIME}3": "2025-06-15 15:06:43 +0000",
        f"{cv.PHASE_D_TIME}4": "2025-06-15 15:06:44 +0000",
    }
    times = t30_trace.times(variables.get, 3)
    assert t30_trace.read(written(tmp_path, "FLOW T.30 x"), *times) == (
        "FLOW T.30 x\nFAXPLAN times: B 1750000000\nFAXPLAN times: D 1750000001 1750000003"
    )
    assert t30_trace.times({}.get, 3) == (None, None)


def test_no_api_is_called_by_what_notes_the_times(tmp_path: Path) -> None:
    """A switch may have the expansion of APIs switched off, as ours has."""
    assert [value for value in t30_trace.variables(tmp_path).values() if "(" in value] == []


@pytest.mark.parametrize(
    "ident", ["\nF FAX T4 expired", '"\nF FAX T4 expired', "\x0bF FAX T4 expired", "\nFAXPLAN times: B 7"]
)
def test_an_ident_of_a_far_machine_makes_no_line_of_its_own(tmp_path: Path, ident: str) -> None:
    trace = f'FLOW T.30 Remote gave CSI as: "{ident}"\nFLOW T.30 Changing from phase A to B\n'
    kept = t30_trace.read(written(tmp_path, trace.encode()))
    assert kept is not None
    assert len(kept.split("\n")) == 2
    assert not [step for step in t30_steps.read(kept) if step.trouble]
