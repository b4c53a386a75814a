"""Many calls at once through the whole stack on FreeSWITCH, out and in again, beside a bare txfax and rxfax.

    python benchmarks/live_at_once.py [--calls 100 300] [--rate 20] [--write docs/benchmarks]

Faxplan's FreeSWITCH sends one page of each fax to a DID of its own through a carrier that only routes; a bare
FreeSWITCH does the same with `originate ... &txfax(file)` and a dialplan of answer and rxfax. So each holds both ends.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _calls import Letter, Load, Measured, Meter, bare_txfax
from _comparison import milliseconds
from _live import Place, a_place, release
from _page import where_and_when, write_section

from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.live import many_calls
from tests.received_pages import rendered

BARE_DIALPLAN = Path(many_calls.__file__).parent / "bare_dialplan.xml"
BARE_NUMBER = "15550001"
"""Of the carrier's dialplan: to the gateway `ours`."""


@dataclass(frozen=True)
class Row:
    """at_once: the most calls that went on at a time. received: as files that hold a page; for Faxplan, the pages of
    its faxes that lie in the mailbox exactly once. failures: what calls that did not end well ended with.
    """

    who: str
    measured: Measured
    at_once: int
    received: int
    failures: Counter[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, nargs="+", default=[100, 300], help="at once; ascending")
    parser.add_argument("--rate", type=float, default=20.0, help="calls begun a second")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section into FOLDER.md")
    given = parser.parse_args()
    rows, switch = measured(given.calls, given.rate)
    text = markdown(given.calls, given.rate, rows, switch)
    print(text)
    if given.write:
        write_section(given.write.with_suffix(".md"), "Calls at once", text)


def measured(counts: Sequence[int], rate: float) -> tuple[list[Row], str]:
    most, rows = max(counts), []
    with a_place() as place:
        bare_port = free_sip_port()
        ours = Gateway("ours", "127.0.0.1", bare_port)
        faxes = {count: many_calls.prepare(place.world, place.base, count) for count in counts}
        tiff = rendered(place.world, place.world.acme, faxes[counts[0]][0], place.base / "letter.tif")
        with many_calls.with_room_for(most, 2 * rate, place.world, place.found, place.base, ours) as (faxplan, carrier):
            bare = bare_switch(place, bare_port, carrier, most, 2 * rate)
            bare.start()
            try:
                for count in counts:
                    load = Load(count, rate)
                    rows += [bare_run(place, bare, tiff, load), faxplan_run(place, faxplan, faxes[count], load)]
                    for row in rows[-2:]:
                        print(f"{row.who}: {row.measured.sent} of {count} sent, {row.at_once} at once", flush=True)
                said = re.search(r"Version ([^\s+~]+)", bare.api("version"))
                return rows, said[1] if said else "of unknown version"
            finally:
                bare.stop()


def bare_switch(place: Place, port: int, carrier: Instance, calls: int, rate: float) -> Instance:
    options = InstanceOptions(
        place.base / "bare",
        script_dir=place.base,
        python=Path(sys.executable),
        name="bare",
        sip_port=port,
        startup_scripts=(),
        dialplan=BARE_DIALPLAN,
        gateways=(Gateway("carrier", "127.0.0.1", carrier.sip_port),),
        **many_calls.room_for(calls, rate),
    )
    return Instance(place.found, options)


def bare_run(place: Place, bare: Instance, tiff: Path, load: Load) -> Row:
    files = bare.base / "tmp"
    before = len(pages_in(files))
    with bare.connect() as connection:
        letter = Letter(tiff, BARE_NUMBER, "A sender")
        measured = Meter(bare, bare, place.cluster).run(bare_txfax(connection, f"carrier/{BARE_NUMBER}", letter), load)
    return Row("bare", measured, calls_at_once(bare), len(pages_in(files)) - before, Counter())


def faxplan_run(place: Place, faxplan: Instance, ids: list[int], load: Load) -> Row:
    world = place.world
    meter = Meter(faxplan, faxplan, place.cluster, place.settled)
    measured = meter.run(lambda number: release(world, ids[number]), load)
    received = Counter(many_calls.received_pages(world, place.base))
    sent = many_calls.sent_pages(world, ids, place.base)
    attempts = [attempt for fax_id in ids for attempt in world.attempts(world.acme, fax_id)]
    failures = Counter(str(a["explanation"]) for a in attempts if a["outcome"] != "sent")
    return Row("Faxplan", measured, calls_at_once(faxplan), sum(received[page] == 1 for page in sent), failures)


def pages_in(folder: Path) -> list[Path]:
    """Files with a page: rxfax deletes what got none."""
    return [path for path in folder.glob("*.tif") if path.stat().st_size > 8]


def calls_at_once(switch: Instance) -> int:
    """Each is two sessions, one out and one in. FreeSWITCH keeps the highest number since its start."""
    said = re.search(r"session\(s\) - peak (\d+)", switch.api("status"))
    return int(said[1]) // 2 if said else 0


def markdown(counts: Sequence[int], rate: float, rows: Sequence[Row], switch: str) -> str:
    titles = ["calls", "", "at once", "sent", "received, once", "seconds", "CPU per call, ms", "PostgreSQL, ms"]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        got = row.measured
        cells = [str(got.calls), row.who, str(row.at_once), str(got.sent), str(row.received), f"{got.wall_seconds:.0f}"]
        cells += [milliseconds(got.cpu), milliseconds(got.database) if row.who == "Faxplan" else "-"]
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(lines)
    failed = [f"{count} x {why}" for row in rows for why, count in row.failures.items()]
    command = f"python benchmarks/live_at_once.py --calls {' '.join(map(str, counts))} --rate {rate:g}"
    return f"""\
`{command}`, {where_and_when()}, FreeSWITCH {switch}.

One page over T.38, {rate:g} calls begun a second, each out of a FreeSWITCH through another that only routes (no media)
and into the first one again: *bare* with `originate ... &txfax(file)` and a dialplan of answer and rxfax into a file;
Faxplan from its queue into a mailbox, every fax another page. The two take turns on the same processors, which have the
carrier and PostgreSQL to do as well. Processor time (user and system) of the FreeSWITCH with both ends, per call.

{table}

{"Calls of Faxplan that did not end well: " + "; ".join(failed) if failed else "No call of Faxplan failed."}
"""


if __name__ == "__main__":
    main()
