"""The arithmetic to a million faxes a day, of what was measured and what is assumed. Measures nothing.

    python benchmarks/million.py [--a-day 1000000] [--seconds 75] [--write docs/scaling.md]

--write: the table between its marks in that page, and the drawing. Put in your own day: each line follows from it.
"""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import _chart

# Measured, of one page over T.38 (docs/benchmarks.md: Sending, Footprint, Claiming, Rendering; Objects in a bucket).
SWITCH_MS, POSTGRES_CALL_MS, POSTGRES_HAND_IN_MS, RENDER_MS = 59.0, 6.0, 7.5, 105.0
CLAIM_ONE_MS, CLAIM_16_MS = 1.4, 4.8
TRANSACTIONS, WAL_KB, OBJECTS, READS, STORED_KB = 19, 15, 4, 2, 36
PUT_MS, DELETE_ONE_MS, DELETE_MANY_MS = 5.1, 2.7, 0.5
# As docs/settings.md and the table of connections have them.
NODE_CONNECTIONS, WORKER_CONNECTIONS, PORTAL_CONNECTIONS = 17, 20, 9
G711_KBIT = 87.0
START, END = "<!-- written by benchmarks/million.py -->", "<!-- until here -->"


@dataclass(frozen=True)
class Day:
    """What is assumed. busiest: the part of the day's in its busiest hour; provided: what one would set up."""

    faxes: int = 1_000_000
    seconds: float = 75
    busiest: float = 0.1
    nodes: int = 4
    channels: int = 800
    node_cores: int = 4
    render_cores: int = 8
    postgres_cores: int = 4
    connections: int = 300
    network_mbit: int = 1000
    kept_days: int = 90

    @property
    def rate(self) -> float:
        """Faxes a second in the busiest hour."""
        return self.faxes * self.busiest / 3600

    @property
    def calls(self) -> float:
        """At once: Little's law."""
        return self.rate * self.seconds


@dataclass(frozen=True)
class Line:
    """what is reckoned, how and so; part: of what is provided, that is used; None: not to be drawn."""

    what: str
    reckoned: str
    so: str
    part: float | None = None


def lines(day: Day) -> list[Line]:
    rate, calls, room = day.rate, day.calls, day.nodes * day.channels
    left = room - day.channels
    cores = rate * SWITCH_MS * 2 / 1000
    render, postgres = rate * RENDER_MS / 1000, rate * (POSTGRES_CALL_MS + POSTGRES_HAND_IN_MS) / 1000
    claims, puts = rate * CLAIM_ONE_MS / 1000, rate * OBJECTS
    connections = day.nodes * (NODE_CONNECTIONS + WORKER_CONNECTIONS + PORTAL_CONNECTIONS)
    network, stored_gb = calls * G711_KBIT / 1000, day.faxes * STORED_KB / 1e6
    one_h, many_h = (day.faxes * OBJECTS * ms / 1000 / 3600 for ms in (DELETE_ONE_MS, DELETE_MANY_MS))
    return [
        Line(
            "calls at once", f"{rate:.1f}/s x {day.seconds:g} s = {calls:,.0f}",
            f"{day.nodes} nodes with `max_channels = {day.channels}`: {day.nodes - 1} carry {left:,} while one is "
            f"away. FreeSWITCH's `max-sessions` {day.channels * 5 // 4:,}, `sessions-per-second` 30 or more; "
            "`calls_per_second` 20 each", calls / left,
        ),
        Line(
            "processor of the nodes",
            f"{rate:.1f}/s x {SWITCH_MS:g} ms = {cores / 2:.1f} cores for one page, about {cores:.1f} for two",
            f"{day.node_cores} cores a node", cores / (day.nodes * day.node_cores),
        ),
        Line(
            "processor of rendering", f"{rate:.1f}/s x {RENDER_MS:g} ms = {render:.1f} cores, if each fax is a "
            "document of its own; a campaign's is rendered once",
            f"a worker on each node, or machines of {day.render_cores} cores together", render / day.render_cores,
        ),
        Line(
            "claims", f"{rate:.1f}/s x {CLAIM_ONE_MS:g} ms = {claims:.0%} of the one claimer's time; "
            f"{rate * CLAIM_16_MS / 16 / 1000:.1%} where the queue is long",
            f"it ends at some {1000 / CLAIM_ONE_MS:.0f} a second taken one by one, "
            f"{16000 / CLAIM_16_MS:,.0f} taken by 16",
            claims,
        ),
        Line(
            "PostgreSQL's processor",
            f"{rate:.1f}/s x {POSTGRES_CALL_MS + POSTGRES_HAND_IN_MS:g} ms = {postgres:.2f} core",
            f"{day.postgres_cores} cores", postgres / day.postgres_cores,
        ),
        Line(
            "PostgreSQL's WAL", f"{rate:.1f}/s x {WAL_KB} kB = {rate * WAL_KB / 1000:.2f} MB/s; "
            f"{day.faxes * WAL_KB / 1e6:.0f} GB a day",
            "fast disks with a cache that survives a power cut; an archive of that size",
        ),
        Line(
            "PostgreSQL's transactions", f"{rate:.1f}/s x {TRANSACTIONS} = {rate * TRANSACTIONS:.0f} a second at most",
            "below what one server with such a disk commits",
        ),
        Line(
            "objects put", f"{OBJECTS} put, {READS} read, {OBJECTS} deleted later, for each fax sent: {puts:.0f} puts "
            f"and {rate * READS:.0f} reads a second; {day.faxes * OBJECTS / 1e6:g} million objects a day",
            f"by the measured {PUT_MS:g} ms a put {puts * PUT_MS / 1000:.0%} of one server's time; several for room "
            "and mirrors", puts * PUT_MS / 1000,
        ),
        Line(
            "room", f"{STORED_KB} kB a fax of one page of text: {stored_gb:.0f} GB a day, "
            f"{stored_gb * day.kept_days / 1000:.1f} TB for {day.kept_days} days",
            "dense pages and photographs are ten times as large",
        ),
        Line(
            "purge, of a day", f"{day.faxes * OBJECTS / 1e6:g} million objects x {DELETE_MANY_MS:g} ms, by a thousand: "
            f"{many_h:.1f} hours ({one_h:.1f} by one, beside the server: each is a way there and back)",
            "it runs each hour", many_h / 24,
        ),
        Line(
            "network to the carriers",
            f"at most {calls:,.0f} x {G711_KBIT:g} kbit/s (G.711) = {network:.0f} Mbit/s each way; T.38 less than half",
            f"{day.network_mbit / 1000:g} Gbit/s", network / day.network_mbit,
        ),
        Line(
            "connections to PostgreSQL", f"{day.nodes} nodes x {NODE_CONNECTIONS}, workers x {WORKER_CONNECTIONS}, "
            f"portals x {PORTAL_CONNECTIONS}: {connections}", f"`max_connections = {day.connections}`",
            connections / day.connections,
        ),
    ]  # fmt: skip


def table(day: Day) -> str:
    """Markdown."""
    begins = (
        f"Assumed: {day.faxes:,} faxes sent a day, of two pages, {day.seconds:g} seconds a call; {day.busiest:.0%} of "
        f"the day's in the busiest hour. That is {day.faxes / 86400:.1f} a second over the day and **{day.rate:.1f} a "
        f"second in the busiest hour**; by Little's law **{day.calls:,.0f} calls at once**.\n\n"
        "| | reckoned | so |\n|---|---|---|\n"
    )
    return begins + "\n".join(f"| {each.what} | {each.reckoned} | {each.so} |" for each in lines(day))


def drawing(day: Day) -> str:
    """What is used of what is provided, in the busiest hour; an SVG."""
    drawn = {each.what: each.part for each in lines(day) if each.part is not None}
    said = {what: f"{part:.0%}" for what, part in drawn.items()}
    title = f"{day.faxes:,} faxes a day: used of what is set up, in the busiest hour (line: all of it)"
    return _chart.bars(title, drawn, said, most=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--a-day", type=int, default=Day.faxes)
    parser.add_argument("--seconds", type=float, default=Day.seconds, help="of a call")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    given = parser.parse_args()
    day = Day(faxes=given.a_day, seconds=given.seconds)
    print(table(day))
    if given.write:
        page = given.write.read_text()
        between = f"{START}\n{table(day)}\n{END}"
        given.write.write_text(re.sub(f"{START}.*{END}", lambda _: between, page, flags=re.DOTALL))
        (given.write.parent / "benchmarks" / "million.svg").write_text(drawing(day))


if __name__ == "__main__":
    main()
