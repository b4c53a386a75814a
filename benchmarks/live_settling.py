"""How soon a failed attempt is settled on a live FreeSWITCH, and how soon its fax is dialled through the next trunk.

    python benchmarks/live_settling.py [--faxes 5] [--write docs/benchmarks]

First the attempts for which the switch makes no channel, all faxes of a case at once: gateway down, switch paused,
unknown gateway, sessions-per-second exceeded. A failed attempt's fax is due again a minute later at the earliest, so
that each is counted once. Then, one fax at a time, what trunk one does not take and trunk two does (_failing_over.py).
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import _failing_over
from _failing_over import Gap
from _live import Place, a_place, letter_pdf, prepare_faxes, release
from _page import where_and_when, write_section

from faxplan.db import Row
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway
from tests.live.carrier import DIALPLAN
from tests.world import World

AIM_SECONDS = 2.0
NO_LIMIT = 500
"""Sessions per second, where the switch is to refuse nothing."""


@dataclass(frozen=True)
class Settled:
    """Attempts of one case: seconds from the claim to the record, and the causes that were recorded."""

    case: str
    seconds: list[float]
    causes: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faxes", type=int, default=5, help="of each case")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section goes into FOLDER.md")
    given = parser.parse_args()
    settled, gaps = measured(given.faxes)
    text = markdown(given.faxes, settled, gaps)
    print(text)
    if given.write:
        write_section(given.write.with_suffix(".md"), "Settling", text)


def measured(count: int) -> tuple[list[Settled], list[Gap]]:
    """Each case with so many faxes."""
    with a_place() as place:
        letter = letter_pdf(place.base)
        faxes = iter(prepare_faxes(place, letter, 4 * count).faxes)
        to_second = iter(prepare_faxes(place, letter, 3 * count, number=_failing_over.NUMBER).faxes)
        carrier_port, nobody = free_sip_port(), free_sip_port()
        carrier = place.instance("carrier", carrier_port, dialplan=DIALPLAN)
        ours = place.faxplan(
            free_sip_port(),
            Gateway("dead", "127.0.0.1", nobody, ping_seconds=5),
            Gateway("carrier", "127.0.0.1", carrier_port),
            Gateway("second", "127.0.0.1", carrier_port),
        )
        try:
            carrier.start()
            ours.start()
            while "DOWN" not in ours.api("sofia status gateway dead"):
                time.sleep(0.5)
            settled = [
                settle(place.world, case, begin, [next(faxes) for _ in range(count)])
                for case, begin in cases(place.world, ours)
            ]
            ours.api(f"fsctl sps {NO_LIMIT}")
            return settled, next_trunk(place, ours, [[next(to_second) for _ in range(count)] for _ in range(3)])
        finally:
            ours.stop()
            carrier.stop()


def cases(world: World, ours: Instance) -> list[tuple[str, Callable[[], None]]]:
    """Those of attempts without a channel, each with what brings it about and ends the one before."""

    def exceed() -> None:
        rename(world, "nowhere", "carrier")
        ours.api("fsctl sps 1")
        time.sleep(1.1)  # it counts from the switch's next second

    def unknown() -> None:
        ours.api("fsctl resume outbound")
        rename(world, "dead", "nowhere")

    def pause() -> None:
        ours.api("fsctl pause outbound")

    return [
        ("gateway down", lambda: rename(world, "carrier", "dead")),
        ("switch paused", pause),
        ("unknown gateway", unknown),
        ("sessions-per-second exceeded", exceed),
    ]


def next_trunk(place: Place, ours: Instance, faxes: Sequence[list[int]]) -> list[Gap]:
    """The cases of trunk one, which is named `carrier` before them."""
    world = place.world
    put_off(world)
    _failing_over.add_second_trunk(world)
    refused, down, throttled = faxes
    gaps = [_failing_over.gap(world, ours, "503 from the carrier", refused)]
    rename(world, "carrier", "dead")
    gaps.append(_failing_over.gap(world, ours, "gateway down", down))
    rename(world, "dead", "carrier")
    limits = ("fsctl sps 1", f"fsctl sps {NO_LIMIT}")
    return [*gaps, _failing_over.gap(world, ours, "sessions-per-second exceeded", throttled, limits)]


def rename(world: World, old: str, new: str) -> None:
    """The trunk, so that it is another gateway; and it does not rest any more."""
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set name = %s where name = %s", (new, old))
        tx.execute("delete from trunk_states")


def put_off(world: World) -> None:
    """What was settled would be dialled again meanwhile."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() + interval '1 year'")


def settle(world: World, case: str, begin: Callable[[], None], faxes: list[int]) -> Settled:
    """Lets them go together, and waits until each has its record."""
    begin()
    for fax in faxes:
        release(world, fax)
    took: dict[int, float] = {}
    # From the beginning: the runtime may claim them one after the other.
    while len(took) < len(faxes):
        for row in attempts(world, faxes):
            if row["outcome"] and row["fax_id"] not in took:
                took[int(row["fax_id"])] = time.time() - row["started_at"].timestamp()
        time.sleep(0.02)
    causes = sorted({str(row["hangup_cause"]) for row in attempts(world, faxes)})
    return Settled(case, list(took.values()), causes)


def attempts(world: World, faxes: list[int]) -> list[Row]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows(
            "select fax_id, outcome, started_at, hangup_cause from attempts where fax_id = any(%s)", (faxes,)
        )


def markdown(count: int, settled: Sequence[Settled], gaps: Sequence[Gap]) -> str:
    lines = [f"| {each.case} | {_spread(each.seconds)} | `{'`, `'.join(each.causes)}` |" for each in settled]
    next_lines = [f"| {each.case} | {_spread(each.seconds)} | {each.sent} of {count} |" for each in gaps]
    longest = max([*(max(each.seconds) for each in settled), *(max(each.seconds, default=0.0) for each in gaps)])
    missed = sum(count - len(each.seconds) for each in gaps)
    verdict = f"Longest of all: {longest:.2f} s; the aim of {AIM_SECONDS:g} s is "
    verdict += "met." if longest <= AIM_SECONDS and not missed else "**missed**."
    verdict += f" **{missed} faxes did not come to the second trunk.**" if missed else ""
    return f"""\
`python benchmarks/live_settling.py --faxes {count}`, {where_and_when()}.

Seconds, median (least - most), of {count} faxes each; the aim is {AIM_SECONDS:g} s. First, attempts for which
FreeSWITCH makes no channel, released together: from the claim until the record has an outcome. (The runtime
waits for half a second, lest a hook should know more, and for a whole one where the switch may have too many calls.)

| case | seconds | recorded as |
|---|---|---|
{chr(10).join(lines)}

Then faxes one by one that the first of two trunks does not take: from its failure, as FreeSWITCH tells it, to the
INVITE of the second trunk. Where the limit of sessions per second refused the first call, it is lifted as soon as
that is told, and FreeSWITCH takes that up in its next second.

| the first trunk | seconds | sent through the second |
|---|---|---|
{chr(10).join(next_lines)}

{verdict}
"""


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "never"
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} - {max(seconds):.2f})"


if __name__ == "__main__":
    main()
