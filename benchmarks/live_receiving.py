"""What Faxplan adds to a receiving FreeSWITCH: CPU-seconds per fax, beside a bare rxfax into a file.

    python benchmarks/live_receiving.py [--runs 10] [--calls 60] [--rate 10] [--write docs/benchmarks]

Three FreeSWITCH instances on 127.0.0.1: a sender with a bare txfax, a bare receiver (tests/live's carrier dialplan:
answer, rxfax, hangup), and one that runs Faxplan with conf/dialplan and fax_in. Runs are interleaved, bare, Faxplan,
bare, ... Faxplan makes a PDF and images of each fax in a child of FreeSWITCH's process, seals all, and puts it into a
mailbox: that is counted.
"""

import os
import statistics
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import _chart
import _options
from _calls import Letter, Meter, bare_txfax
from _comparison import AIM, LIMIT, Comparison, Side, compare, milliseconds
from _live import RECEIVER_NUMBER, Place, a_place, letter_pdf, three_switches
from _options import Options
from _page import where_and_when, write_section

from faxplan import documents, namespaces, received_copies, rendering
from faxplan.confinement import Confinement, LimitsOnly
from faxplan.places import Places
from faxplan.rendering import Resolution

FAXES = 20


@dataclass(frozen=True)
class Result:
    """`delivered`: entries in the mailbox. `copies`: CPU-seconds. `switch`: FreeSWITCH's version."""

    comparison: Comparison
    delivered: int
    copies: float
    switch: str


def main() -> None:
    options = _options.read("live_receiving", __doc__ or "")
    result = measured(options)
    text = markdown(options, result)
    print(text)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        title = "Receiving: CPU per call, Faxplan's FreeSWITCH over a bare one"
        picture = _chart.runs(title, result.comparison.ratios, {"sending: aim": AIM, "sending: limit": LIMIT})
        (options.write / "receiving.svg").write_text(picture)
        shown = f"![{title}]({options.write.name}/receiving.svg)"
        write_section(options.write.with_suffix(".md"), "Receiving", f"{text}\n{shown}")


def measured(options: Options) -> Result:
    runs, load = options.runs, options.load
    with a_place() as place:
        tiff = place.base / "letter.tif"
        rendering.render(letter_pdf(place.base), tiff, resolution=Resolution.FINE, within=LimitsOnly())
        letter = Letter(tiff, RECEIVER_NUMBER, "A sender")
        did = place.world.acme.did
        with three_switches(place) as switches, switches.carrier.connect() as connection:
            bare = Side(
                Meter(switches.bare, switches.carrier, place.cluster),
                bare_txfax(connection, f"bare/{RECEIVER_NUMBER}", letter),
            )
            faxplan = Side(
                Meter(switches.faxplan, switches.carrier, place.cluster, place.settled),
                bare_txfax(connection, f"faxplan/{did}", letter),
            )
            print(f"{runs} interleaved runs of {load.calls} calls, {load.rate:g} a second")
            comparison = compare(bare, faxplan, load, runs)
            return Result(comparison, delivered(place), copies_seconds(place), switches.version())


def delivered(place: Place) -> int:
    """Faxes in the mailbox, received whole, and stored as TIFF, PDF and images."""
    tenant = place.world.acme.tenant.id
    with place.world.portal.tenant(tenant) as tx:
        return int(
            tx.value(
                """select count(*) from mailbox_entries e join faxes f on f.tenant_id = e.tenant_id and f.id = e.fax_id
                   where f.state = 'received' and f.pages = 1 and f.tiff_id is not null and f.pdf_id is not null
                     and f.images_id is not null and f.thumbnail_id is not null"""
            )
        )


def copies_seconds(place: Place) -> float:
    """CPU-seconds for making PDF, page images and thumbnail of one received fax, by a process that has threads."""
    world, tiff = place.world, place.base / "received.tif"
    tenant = world.acme.tenant.id
    with world.portal.tenant(tenant) as tx:
        fax = tx.row("select tiff_id from faxes where tiff_id is not null order by id desc limit 1")
        if fax is None:
            return float("nan")
        stored = documents.get(tx, tenant, int(fax["tiff_id"]))
    world.copy_out(stored, tiff)
    within = namespaces.shared(world.settings, world.store.scratch)
    stop = threading.Event()
    threading.Thread(target=stop.wait).start()
    try:
        # The first starts what the others find.
        _make_copies(tiff, within)
        began = _spent(within)
        for _ in range(FAXES):
            _make_copies(tiff, within)
        return (_spent(within) - began) / FAXES
    finally:
        stop.set()
        within.close()


def _make_copies(tiff: Path, within: Confinement) -> None:
    with tempfile.TemporaryDirectory() as work:
        received_copies.make(tiff, Path(work), 1, Places(1), within=within)


def _spent(within: Confinement) -> float:
    """CPU-seconds of this process, of the ended ones that it started, and of those that it keeps."""
    return sum(os.times()[:4]) + getattr(within, "processor_seconds", 0.0)


def markdown(options: Options, result: Result) -> str:
    load, comparison = options.load, result.comparison
    sent = sum(run.faxplan.sent for run in comparison.runs)
    more = statistics.median(run.faxplan.cpu - run.bare.cpu for run in comparison.runs)
    return f"""\
`{options.command}`, {where_and_when()}, FreeSWITCH {result.switch}.

One page over T.38 from a third FreeSWITCH, {load.calls} calls a run, {load.rate:g} a second, in turn to a bare
FreeSWITCH (`answer`, `rxfax` into a file) and to Faxplan's. Milliseconds of processor time (user and system) per call
of the FreeSWITCH that receives and its children, from the first dial until the last fax is delivered, with what it does
when idle. Before the answer Faxplan looks up trunk and number and writes the fax down; after the call it seals the TIFF
durably, has a PDF, page images and a thumbnail made by a child, seals these, and puts all into a mailbox.

{comparison.table()}

{comparison.summary()}
{in_the_mailbox(result.delivered, sent)}

Faxplan's FreeSWITCH takes {milliseconds(more)} ms a call more (median); making PDF and images, measured by itself, is
{milliseconds(result.copies)} ms of it, in a namespace that is kept; `benchmarks/page_images.py` has long faxes.
No aim is set for receiving; the drawing shows sending's for comparison.
"""


def in_the_mailbox(count: int, sent: int) -> str:
    if count == sent:
        return f"All {count} faxes that were sent to Faxplan lie in the mailbox, as TIFF, PDF and images."
    return f"**{sent} faxes were sent to Faxplan, and {count} lie in the mailbox** as TIFF, PDF and images."


if __name__ == "__main__":
    main()
