"""What spandsp logs of a call's T.30, as FreeSWITCH writes it for a single call, and what of it is kept.

mod_spandsp_fax.c: with fax_verbose, T.30 and T.38 log what they do; with fax_trace_dir that goes to a file of the call,
<folder>/fax-<channel UUID>.log, too. It is written in C; no thread of ours has a part in it. The file has no times, and
it has the pages: each FCD frame (T.30 Annex A) as hexadecimal. It lies in the spool beside the pages until the call is
settled, and what is read here for the database has no page data any more.

The far end has written parts of it: idents, and what it says of its make. Lines may hold anything.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from faxplan import channel_variables as cv
from faxplan import foreign_text

OFF, FAILED, ALL = "off", "failed", "all"
"""Of which calls a trace is kept (trunks.t30_trace)."""
MOST = 190_000
"""Characters of a trace that are kept; with its times no more than the table takes."""
CLOCK = "%Y-%m-%d %H:%M:%S %z"
"""How FreeSWITCH writes down a time: to the second, as what it shows by itself is."""
MOST_TIMES = 400
"""Of either phase: as many pages a call may have that nobody ends by hand."""
MOST_BYTES_AT_START, MOST_BYTES_AT_END = 96 * 1024, 256 * 1024
"""Of a longer file no more is read: how a call began, and how it ended. With ECM it is thrice as long as the pages."""
LEFT_OUT = "FAXPLAN left out:"
PAGE_DATA = "FAXPLAN page data:"
TIMES = "FAXPLAN times:"
"""How the lines begin that stand for others, and those that are ours."""
_LONGEST_FRAME = 40
"""Octets of a frame that are kept. DIS has 20 at most; longer ones may be anything."""
# spandsp writes it as it came; 20 characters are the most. The longest that fits: a quotation mark may stand in it.
_IDENT = re.compile(r'(Remote gave [A-Z]{3} as: ")(.{0,20})(?="\n)', re.DOTALL)
_FRAME = re.compile(r"[\w. ]{0,20}[TR]x: +(ff [0-9a-f ]*)$")
_FCD_NAME = re.compile(r"([TR]x): +FCD with")
_FCD = re.compile(r"ff [01]3 0[67]?")
"""How such a frame begins: address, control, and FCF as T4_FCD in t30_fcf.h has it. A crash may have cut it off."""
_NOISE = re.compile(r"(?:Send complete in phase \w*C_ECM_TX|Set [rt]x type|Trying to (?:send|receive) file|"
                    r"Cannot open (?:source|target) TIFF file|Storing ECM frame)")  # fmt: skip


def variables(folder: Path) -> dict[str, str]:
    """The channel variables that make FreeSWITCH write a trace into a folder, which it makes."""
    return {
        cv.FAX_VERBOSE: "true",
        # FreeSWITCH's own log gets none of it: level 110 is above all that is logged (switch_log.c, debug_level).
        cv.FAX_VERBOSE_LOG_LEVEL: "debug10",
        cv.FAX_TRACE_DIR: str(folder),
        # Run in C by whichever thread drives the call's fax. Only a number of spandsp's is expanded, and no API: a
        # FreeSWITCH that keeps our advice has those switched off (api-expansion).
        cv.EXECUTE_ON_FAX_PHASE_B: f"strftime {cv.PHASE_B_TIME}={CLOCK}",
        cv.EXECUTE_ON_FAX_PHASE_D: f"strftime {cv.PHASE_D_TIME}${{{cv.FAX_PAGES}}}={CLOCK}",
    }


def times(get: Callable[[str], str | None], pages: int) -> tuple[str | None, str | None]:
    """When the machines had agreed (phase B), and when each page was done (phase D), by a channel's variables.

    Seconds since 1970, with spaces between; None for none, as where the call is not traced. pages: of the call.
    """
    agreed = _seconds(get(cv.PHASE_B_TIME))
    if agreed is None:
        return None, None
    done = (_seconds(get(f"{cv.PHASE_D_TIME}{page}")) for page in range(1, min(pages, MOST_TIMES) + 1))
    return agreed, " ".join(each for each in done if each is not None) or None


def _seconds(clock: str | None) -> str | None:
    try:
        return f"{datetime.strptime(clock, CLOCK).timestamp():.0f}" if clock else None  # noqa: DTZ007 - CLOCK has %z
    except ValueError:
        return None


def is_wanted(setting: str, *, success: bool) -> bool:
    """Whether the trace of a call that ended so is kept."""
    return setting == ALL or (setting == FAILED and not success)


def read(folder: Path, phase_b: str | None = None, phase_d: str | None = None) -> str | None:
    """What is kept of the trace that FreeSWITCH wrote into that folder; None where there is none, or nothing in it.

    phase_b, phase_d: as `times` gave them.
    """
    try:
        files = sorted(folder.glob("fax-*.log"))
        raw = _raw(files[0]) if files else b""
    except OSError:
        return None
    text = _IDENT.sub(_in_one_line, raw.decode("utf-8", "backslashreplace"))
    lines = list(without_pages(line for line in text.split("\n") if line))
    if not lines:
        return None
    times = [f"{TIMES} {phase} {noted}" for phase, noted in (("B", phase_b), ("D", phase_d)) if noted]
    return "\n".join([_shortened(lines), *times])


def _in_one_line(found: re.Match[str]) -> str:
    """An ident that a far machine has given: it writes no line of its own."""
    return found[1] + "?".join(found[2].splitlines())


def without_pages(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a trace but for those with page data, of which one line says how many frames there were."""
    frames, side = 0, ""
    for line in lines:
        if (named := _FCD_NAME.search(line)) is not None:
            if frames and named[1] != side:
                yield _counted(side, frames)
                frames = 0
            frames, side = frames + 1, named[1]
            continue
        if _NOISE.search(line):
            continue
        found = _FRAME.match(line)
        if found is not None and _FCD.match(found[1]):
            continue
        if frames:
            yield _counted(side, frames)
            frames = 0
        yield _frame(line, found) if found is not None else foreign_text.kept(line.rstrip()) or ""
    if frames:
        yield _counted(side, frames)


def _counted(side: str, frames: int) -> str:
    return f"{PAGE_DATA} {side} {frames} frames"


def _frame(line: str, found: re.Match[str]) -> str:
    octets = found[1].split()
    cut = " ..." if len(octets) > _LONGEST_FRAME else ""
    return f"{line[: found.start(1)]}{' '.join(octets[:_LONGEST_FRAME])}{cut}"


def _raw(path: Path) -> bytes:
    """Its first and its last part, at the ends of lines."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= MOST_BYTES_AT_START + MOST_BYTES_AT_END:
            return file.read(MOST_BYTES_AT_START + MOST_BYTES_AT_END)
        start = file.read(MOST_BYTES_AT_START).rpartition(b"\n")[0]
        file.seek(size - MOST_BYTES_AT_END)
        end = file.read(MOST_BYTES_AT_END).partition(b"\n")[2]
    between = f"\n{LEFT_OUT} {size - len(start) - len(end)} bytes\n"
    return start + between.encode() + end


def _shortened(lines: list[str]) -> str:
    text = "\n".join(lines)
    if len(text) <= MOST:
        return text
    between = f"\n{LEFT_OUT} {len(text) - MOST} characters\n"
    half = (MOST - len(between)) // 2
    return text[:half].rpartition("\n")[0] + between + text[-half:].partition("\n")[2]
