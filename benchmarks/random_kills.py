"""kill -9 of switch, worker and database at random while faxes go out: what was sent twice, and what was lost.

    python benchmarks/random_kills.py [--faxes 500] [--kills 40] [--seed 2] [--write docs/benchmarks]

On the bench, as processes (tests/bench/random_kills.py; tests/bench/test_random_kills.py asserts what this counts).
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from _live import a_world
from _page import where_and_when, write_section

from tests.bench.random_kills import CALLS, PAGES, SPEED, Aftermath, Killing, Plan

NAME = "random_kills"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faxes", type=int, default=500)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section into FOLDER.md")
    given = parser.parse_args()
    plan = Plan(given.faxes, given.kills, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o711)  # PostgreSQL runs as a user of its own
        with a_world(base) as (world, cluster):
            after = Killing(world, cluster, base, plan).run()
    text = markdown(plan, after)
    print(text)
    if given.write:
        write_section(given.write.with_suffix(".md"), "Random kills", text)


def markdown(plan: Plan, after: Aftermath) -> str:
    states = Counter(str(fate.row["state"]) for fate in after.fates.values())
    attempts = [each for fate in after.fates.values() for each in fate.attempts]
    wrong = [fate for fate in after.fates.values() if fate.row["state"] != ("sent" if fate.should_arrive else "failed")]
    lost = sum(
        after.arrived[fax_id, page] == 0
        for fax_id, fate in after.fates.items()
        if fate.row["state"] == "sent"
        for page in range(PAGES)
    )
    twice = after.twice()
    lines = ["| | |", "|---|---|"]
    rows = {
        "faxes, final": f"{states['sent']} sent, {states['failed']} failed, {sum(states.values())} of {plan.faxes}",
        "of these, other than their number wants": len(wrong),
        "calls": len(attempts),
        "kills": ", ".join(f"{count} of {what}" for what, count in sorted(after.kills.items())),
        "calls out in flight at a kill of the switch, together": after.in_flight,
        "calls marked *outcome unknown*": len(after.unknown()),
        "pages of sent faxes that no receiver has": lost,
        "pages that a receiver has twice": f"{sum(twice.values())}, of {len({fax_id for fax_id, _ in twice})} faxes",
        "of these, pages that were recorded before": after.recorded_again(),
        "of these, pages of a fax without a call marked *outcome unknown*": after.unmarked(),
        "seconds": f"{after.seconds:.0f}",
    }
    lines += [f"| {what} | {figure} |" for what, figure in rows.items()]
    table = "\n".join(lines)
    return f"""\
`python benchmarks/{NAME}.py --faxes {plan.faxes} --kills {plan.kills} --seed {plan.seed}`, {where_and_when()}.

{plan.faxes} faxes of {PAGES} pages on the bench, {SPEED} times as fast as on a line, {CALLS} calls at once: seven of
ten to machines outside, two to our own mailboxes, one to a number that is busy, unallocated, or drops the call after or
within a page. Every {plan.seconds[0]:g} to {plan.seconds[1]:g} s switch, worker or database is ended by `kill -9` and
started again, or the database and then, just as it is back, the switch; neither retries nor a resting trunk wait.
A page is told by its picture in what the receivers have in hand.

{table}
"""


if __name__ == "__main__":
    main()
