"""T.38 over a line that loses datagrams: how many faxes arrive, with redundancy and ECM and without.

    python benchmarks/packet_loss.py [--faxes 100] [--write docs/benchmarks]

The whole of Faxplan on the bench. Each fax once: three pages to a machine outside that has the same ECM and redundancy
as the trunk, over a line of its own that loses other datagrams. Then again with Faxplan's retries, which do not wait.
"""

import argparse
import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import _chart
import pytest
from _live import a_world
from _page import where_and_when, write_section

from faxplan import outbound, tenants
from faxplan.outbound import SendRequest
from tests.bench.random_kills import sheets
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.received_pages import rendered
from tests.routing import change
from tests.world import World

LOSSES = (0, 1, 3, 5)
"""Percent of the datagrams, in each direction, each by itself."""
REDUNDANCIES = (3, 0)
RETRIES = 5
"""Calls a fax may have: what a tenant has unless it chose otherwise."""


@dataclass(frozen=True)
class Line:
    ecm: bool
    redundancy: int
    loss: int

    def name(self) -> str:
        return f"ECM {'on' if self.ecm else 'off'}, redundancy {self.redundancy}"


@dataclass(frozen=True)
class Measured:
    """Of `faxes`: sent by the one call they had. Pages: acknowledged, and lying unchanged at the receiver. failures:
    what the other calls ended with. finally_sent, calls: of as many faxes that were dialled again.
    """

    line: Line
    faxes: int
    sent: int
    pages: int
    acknowledged: int
    unchanged: int
    failures: Counter[str]
    finally_sent: int
    calls: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faxes", type=int, default=100, help="on each kind of line")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the drawing there, the section in FOLDER.md")
    given = parser.parse_args()
    rows = measured(given.faxes)
    text = markdown(given.faxes, rows)
    print(text)
    if given.write:
        given.write.mkdir(parents=True, exist_ok=True)
        title = "Faxes sent by their first call, percent, over lost datagrams, percent"
        (given.write / "packet-loss.svg").write_text(_chart.curves(title, LOSSES, series(rows)))
        shown = f"![{title}]({given.write.name}/packet-loss.svg)"
        write_section(given.write.with_suffix(".md"), "Packet loss", f"{text}\n{shown}")


def measured(faxes: int) -> list[Measured]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o711)  # PostgreSQL runs as a user of its own
        with a_world(base) as (world, _cluster):
            for number, each in enumerate(itertools.product((True, False), REDUNDANCIES, LOSSES)):
                row = on_line(world, base / f"line-{number}", Line(*each), number, faxes)
                rows.append(row)
                print(f"{row.line.name()}, {row.line.loss} % lost: {row.sent} of {faxes} sent", flush=True)
    return rows


def on_line(world: World, folder: Path, line: Line, number: int, faxes: int) -> Measured:
    change(world, "trunks", ecm=line.ecm, t38_redundancy=line.redundancy)
    folder.mkdir()
    once = send(world, folder / "once", line, f"+493{number:03d}1", faxes, calls=1)
    ours = sheets(rendered(world, world.acme, once[0], folder / "rendered.tif"))
    arrived = Counter(page for file in (folder / "once").glob("*.tif") for page in sheets(file))
    firsts = [attempt for fax_id in once for attempt in world.attempts(world.acme, fax_id)]
    again = send(world, folder / "again", line, f"+493{number:03d}2", faxes, calls=RETRIES)
    return Measured(
        line,
        faxes,
        sent=sum(attempt["outcome"] == "sent" for attempt in firsts),
        pages=len(ours) * faxes,
        acknowledged=sum(int(str(attempt["pages"])) for attempt in firsts),
        unchanged=sum(arrived[page] for page in ours),
        failures=Counter(f"{a['fax_result_code']}" for a in firsts if a["outcome"] != "sent"),
        finally_sent=sum(world.fax(world.acme, fax_id)["state"] == "sent" for fax_id in again),
        calls=sum(len(world.attempts(world.acme, fax_id)) for fax_id in again),
    )


def send(world: World, far: Path, line: Line, prefix: str, faxes: int, *, calls: int) -> list[int]:
    """The ids of so many faxes, all final. far: where the machines outside keep what they receive."""
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"max_attempts": calls})
    numbers = [f"{prefix}{each:05d}" for each in range(faxes)]
    plan = [
        {"exact": each, "loss_percent": line.loss, "seed": seed, "ecm": line.ecm, "redundancy": line.redundancy}
        for seed, each in enumerate(numbers, 1)
    ]
    document = world.settings.state_dir.parent / "three-pages.txt"
    document.write_text("\f".join(f"Page {page}.\n" + "Lorem ipsum dolor sit amet. " * 60 for page in range(1, 4)))
    ids = [
        outbound.submit(world.portal, world.store, world.acme.user, SendRequest(each, document, document.name)).fax_id
        for each in numbers
    ]
    world.render_all()
    with pytest.MonkeyPatch.context() as patch, faxplan_on_bench(world, patch, plan={"number": plan}, far_end_dir=far):
        wait_for(lambda: all_final(world), "every fax to be final", 60 + 10 * faxes)
    return ids


def all_final(world: World) -> bool:
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() where not_before > now()")
        tx.notify("faxplan_queue")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select count(*) from faxes where finished_at is null")) == 0


def series(rows: Sequence[Measured]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.line.name(), []).append(100 * row.sent / row.faxes)
    return found


def markdown(faxes: int, rows: Sequence[Measured]) -> str:
    titles = ["ECM", "redundancy", "lost", "sent by the first call", "pages acknowledged", "pages that came unchanged"]
    titles += ["fax results of the rest", "sent in the end", "calls a fax"]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in rows:
        failures = ", ".join(f"{count} x {code}" for code, count in row.failures.most_common()) or "-"
        cells = ["on" if row.line.ecm else "off", str(row.line.redundancy), f"{row.line.loss} %"]
        cells += [share(row.sent, row.faxes), share(row.acknowledged, row.pages), share(row.unchanged, row.pages)]
        cells += [failures, share(row.finally_sent, row.faxes), f"{row.calls / row.faxes:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(lines)
    return f"""\
`python benchmarks/packet_loss.py --faxes {faxes}`, {where_and_when()}, libspandsp of the bench.

{faxes} faxes of three pages of text for each row, over T.38 on the bench, by V.17. Both ends have the same ECM, and
repeat as many packets in each datagram (`trunk set --t38-redundancy`, `--ecm`). Each datagram is lost by itself, in
both directions; real losses come in bursts, of which redundancy makes good no more than it repeats. The first columns
are of faxes that had one call; without ECM a page counts as acknowledged, though rows of it are damaged. The last two
are of as many faxes that were dialled up to {RETRIES} times, as the failure table says (docs/failures.md): from the
failed page on, with less, in the end in audio, where nothing is lost.

{table}
"""


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


if __name__ == "__main__":
    main()
