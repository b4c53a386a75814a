"""Campaigns: from a file to the queue, beside COPY of the same rows into one table; and whether they keep their pace.

    python benchmarks/campaigns.py rate [--seconds 60] [--write docs/benchmarks]
    python benchmarks/campaigns.py [--rows 100000] [--rounds 3] [--write docs/benchmarks]

Ours reads the CSV, brings each number into E.164, looks whether it may be called, leaves out duplicates and who is on
the do-not-fax list, and notes who is left out and why; some lines at a time, each batch a transaction. The other one is
COPY of the same cells, as they stand, into a table with a primary key.
"""

import argparse
import io
import resource
import statistics
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg2
from _live import a_world
from _page import where_and_when, write_section

from faxplan import campaign_files, campaign_recipients, campaigns, do_not_fax, drafts
from faxplan.campaign_pace import Pace
from faxplan.campaigner import Campaigner
from faxplan.contact_files import Reading
from faxplan.listener import Listener
from faxplan.originals import HandedIn
from tests.world import World

LISTED, REPEATED = 500, 1000
"""Numbers of the file that are on the do-not-fax list, and that stand in it twice."""


RATES = (60, 600, 3000)
"""Faxes a minute."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("read", "rate"), default="read")
    parser.add_argument("--seconds", type=int, default=60, help="of each rate")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section in FOLDER.md")
    options = parser.parse_args()
    if options.what == "rate":
        with tempfile.TemporaryDirectory() as folder:
            text = report_rates(options, [paced(Path(folder), each, options.seconds) for each in RATES])
        print(text)
        if options.write:
            write_section(options.write.with_suffix(".md"), "The pace of campaigns", text)
        return
    with tempfile.TemporaryDirectory() as folder:
        ours, copies, grown = measure(Path(folder), options)
    text = report(options, ours, copies, grown)
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Campaigns", text)


def cells(rows: int) -> list[tuple[str, str, str]]:
    unique = [(f"Name {each}", f"030 {23_000_000 + each}", "Berlin") for each in range(rows - REPEATED)]
    return unique + unique[:REPEATED]


def measure(base: Path, options: argparse.Namespace) -> tuple[list[float], list[float], int]:
    rows = cells(options.rows)
    content = "\n".join(["Name;Fax;Ort", *(";".join(each) for each in rows)]).encode()
    ours, copies = [], []
    with a_world(base) as (world, _cluster):
        tenant = world.acme.tenant.id
        with world.admin.tenant(tenant) as tx:
            for each in range(LISTED):
                do_not_fax.add(tx, tenant, f"+4930{23_000_000 + each * 7}", "", "benchmark")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(options.rounds):
            copies.append(copied(world, rows))
            ours.append(read(world, base, content, number, options.rows))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return ours, copies, grown


def copied(world: World, rows: list[tuple[str, str, str]]) -> float:
    text = io.StringIO("".join(f"{at}\t{name}\t{number}\t{town}\n" for at, (name, number, town) in enumerate(rows)))
    with closing(psycopg2.connect(world.installation.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute("create table copied (id bigint primary key, name text, number text, town text)")
        connection.commit()
        began = time.perf_counter()
        cursor.copy_expert("copy copied from stdin", text)
        connection.commit()
        took = time.perf_counter() - began
        cursor.execute("drop table copied")
        connection.commit()
    return took


def read(world: World, base: Path, content: bytes, number: int, rows: int) -> float:
    letter = base / f"letter-{number}.txt"
    letter.write_text("News.\n")
    user = world.acme.user
    draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
    with world.portal.tenant(user.tenant_id) as tx:
        campaign = campaigns.make(tx, user, f"Campaign {number}", draft.id, Pace(), actor="benchmark")
    began = time.perf_counter()
    with world.portal.tenant(user.tenant_id) as tx:
        campaign_files.bring(tx, user, campaign.id, content, Reading())
    for _progress in campaign_files.read(world.portal, user.tenant_id, campaign.id):
        pass
    took = time.perf_counter() - began
    with world.portal.tenant(user.tenant_id) as tx:
        found = campaign_recipients.counts(tx, user, campaign.id)
    assert found.left_out == {"duplicate": found.left_out["duplicate"], "do-not-fax": found.left_out["do-not-fax"]}
    assert found.waiting + sum(found.left_out.values()) == rows
    return took


def paced(base: Path, per_minute: int, seconds: int) -> tuple[int, int, float]:
    """Faxes that it was to let go in so many seconds, that it did, and the longest time in seconds between two of its
    steps. Whatever it lets go has ended within a second, as if by calls."""
    place = base / str(per_minute)
    place.mkdir()
    with a_world(place) as (world, _cluster), closing(psycopg2.connect(world.installation.url("postgres"))) as other:
        other.autocommit = True
        letter = place / "letter.txt"
        letter.write_text("News.\n")
        user = world.acme.user
        draft = drafts.make(world.portal, world.store, user, HandedIn(letter, "letter.txt"))
        world.render_all()
        rows = "\n".join(["Fax", *(f"+4930{23_000_000 + each}" for each in range(per_minute * seconds // 60 * 2 + 10))])
        with world.portal.tenant(user.tenant_id) as tx:
            campaign = campaigns.make(tx, user, "News", draft.id, Pace(per_minute, 1000), actor="benchmark")
            campaign_files.bring(tx, user, campaign.id, rows.encode(), Reading())
        listener = Listener(world.installation.url("faxplan_worker"), ())
        campaigner = Campaigner(world.worker, world.portal, listener, world.store)
        campaigner.work()
        with world.portal.tenant(user.tenant_id) as tx:
            campaigns.start(tx, user, campaign.id, actor="benchmark")
        thread = threading.Thread(target=campaigner.run)
        thread.start()
        until = time.monotonic() + seconds + 3
        with other.cursor() as cursor:
            while time.monotonic() < until:
                time.sleep(0.5)
                cursor.execute(_END)
            campaigner.stop()
            thread.join()
            cursor.execute(_LET_GO, {"seconds": seconds})
            let_go, longest = cursor.fetchone()
    return per_minute * seconds // 60, let_go, float(longest)


_END = """
    with gone as (delete from fax_queue returning tenant_id, fax_id)
    update faxes f set state = 'sent', pages_done = pages, finished_at = now(), reserved_pages = 0
    from gone where f.tenant_id = gone.tenant_id and f.id = gone.fax_id"""
# From the first one on, and without the one that marks the end.
_LET_GO = """
    with gone as (select released_at as at, min(released_at) over () as first from campaign_recipients
                  where released_at is not null),
         counted as (select at, at - lag(at) over (order by at) as between from gone
                     where at < first + make_interval(secs => %(seconds)s))
    select count(*), extract(epoch from max(between)) from counted"""


def report_rates(options: argparse.Namespace, found: list[tuple[int, int, float]]) -> str:
    lines = "\n".join(
        f"| {per_minute:,} | {wanted:,} | {let_go:,} | **{100 * (let_go / wanted - 1):+.1f} %** | {longest:.1f} |"
        for per_minute, (wanted, let_go, longest) in zip(RATES, found, strict=True)
    )
    return f"""`python benchmarks/campaigns.py rate --seconds {options.seconds}`, {where_and_when()}.

A campaign for each rate, one after the other, with PostgreSQL and the real clock, and no switch: whatever it lets go
has ended within a second, so that no limit but its pace is met. Counted from the first fax on.

| Faxes a minute | to be let go in {options.seconds} seconds | were | off by | longest rest (s) |
|---|---|---|---|---|
{lines}
"""


def report(options: argparse.Namespace, ours: list[float], copies: list[float], grown: int) -> str:
    ratio = statistics.median(mine / other for mine, other in zip(ours, copies, strict=True))
    return f"""`python benchmarks/campaigns.py --rows {options.rows} --rounds {options.rounds}`, {where_and_when()}.

{(__doc__ or "").split("[--write docs/benchmarks]")[1].strip()}

| {options.rows:,} rows | Seconds (least - most) |
|---|---|
| COPY into one table | {shown(copies)} |
| from the file to who waits for a fax | {shown(ours)} |
| times as long | **{ratio:.1f}** |

Memory that the process grew by over all rounds: {grown // 1024} MB.
"""


def shown(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} - {max(seconds):.2f})"


if __name__ == "__main__":
    main()
