"""How soon an attempt is settled for which a live FreeSWITCH makes no channel: from the claim to the record.

    python benchmarks/live_settling.py [faxes of each kind]

Gateway down, unknown gateway, switch paused, sessions-per-second exceeded. A failed attempt's fax is due again a minute
later at the earliest, so that each is counted once.
"""

import statistics
import sys
import time

from _live import a_place, letter_pdf, prepare_faxes, release

from faxplan.db import Row
from faxplan.free_ports import free_sip_port
from faxplan.gateways import Gateway
from tests.world import World


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with a_place() as place:
        world = place.world
        faxes = iter(prepare_faxes(place, letter_pdf(place.base), 4 * count).faxes)
        dead = Gateway("carrier", "127.0.0.1", free_sip_port(), ping_seconds=5)
        ours = place.faxplan(free_sip_port(), dead)
        ours.start()
        try:
            while "DOWN" not in ours.api("sofia status gateway carrier"):
                time.sleep(0.5)
            each = [next(faxes) for _ in range(count)]
            print(f"seconds from claim to record, {count} faxes each: median, longest, cause")
            show(world, "gateway down", each)
            ours.api("fsctl pause outbound")
            show(world, "switch paused", [next(faxes) for _ in range(count)])
            ours.api("fsctl resume outbound")
            rename(world, "nowhere")
            show(world, "unknown gateway", [next(faxes) for _ in range(count)])
            rename(world, "carrier")
            ours.api("fsctl sps 1")
            time.sleep(1.1)  # it counts from the switch's next second
            show(world, "sessions-per-second exceeded", [next(faxes) for _ in range(count)])
        finally:
            ours.stop()


def rename(world: World, name: str) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set name = %s", (name,))


def show(world: World, kind: str, faxes: list[int]) -> None:
    for fax in faxes:
        release(world, fax)
    took: dict[int, float] = {}
    # From the beginning: the runtime may claim them one after the other.
    while len(took) < len(faxes):
        for row in attempts(world, faxes):
            if row["outcome"] and row["fax_id"] not in took:
                took[int(row["fax_id"])] = time.time() - row["started_at"].timestamp()
        time.sleep(0.02)
    causes = {row["hangup_cause"] for row in attempts(world, faxes)}
    print(
        f"{kind:30} {statistics.median(took.values()):5.2f} {max(took.values()):5.2f}  {', '.join(sorted(causes))}",
        flush=True,
    )


def attempts(world: World, faxes: list[int]) -> list[Row]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows(
            "select fax_id, outcome, started_at, hangup_cause from attempts where fax_id = any(%s)", (faxes,)
        )


if __name__ == "__main__":
    main()
