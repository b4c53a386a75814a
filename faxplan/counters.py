"""Counts of what has happened, for monitoring: over all tenants, and never less because something was purged.

Triggers of attempts and faxes write what ends into the table uncounted (schema.sql), in the transaction of that end;
`fold`, by a worker now and then, adds it to counters. `read` takes both in one statement, so that it counts each once.
What tests a trunk, or goes to the sandbox, is not counted, as in reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from faxplan.db import Transaction

FOLD_SECONDS = 60
"""So often a worker folds."""
_AT_ONCE = 50_000
TALK_BOUNDS = (10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600)
"""Seconds: a page takes half a minute, and a call an hour at most."""
WAIT_BOUNDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds until a fax is dialled first."""
SUBMITTED, FAXES, CALLS, PAGES = "submitted", "faxes", "calls", "pages"
TALKED, TALKED_SECONDS = "talked", "talked_seconds"
WAITED, WAITED_SECONDS = "waited", "waited_seconds"


@dataclass(frozen=True, slots=True)
class Count:
    """One of them. labels: of SUBMITTED none; of FAXES direction, state, error id; of CALLS direction, trunk, outcome,
    rule; of PAGES direction, "t38" or "audio"; of TALKED direction and bound (calls that lasted so long at most, but
    longer than the bound before; "Infinity": longer than all), TALKED_SECONDS direction; of WAITED the bound,
    WAITED_SECONDS none.
    """

    name: str
    labels: tuple[str, ...]
    value: float


def _bound(column: str, bounds: Sequence[int]) -> str:
    among = ", ".join(map(str, bounds))
    return f"(select coalesce(min(b)::text, 'Infinity') from unnest(array[{among}]) b where b >= {column})"


def _counted(source: str) -> str:
    """What rows like those of uncounted add to counters."""
    return f"""
        select '{SUBMITTED}' as name, '{{}}'::text[] as labels, sum(number)::double precision as value
        from {source} where what = 'submitted' having count(*) > 0
        union all
        select '{FAXES}', array[direction, result, reason], sum(number) from {source} where what = 'fax' group by 2
        union all
        select '{CALLS}', array[direction, trunk, result, reason], sum(number) from {source}
        where what = 'call' group by 2
        union all
        select '{PAGES}', array[direction, case when by_t38 then 't38' else 'audio' end], sum(pages) from {source}
        where what = 'call' and pages > 0 group by 2
        union all
        select '{TALKED}', array[direction, {_bound("talked", TALK_BOUNDS)}], count(*) from {source}
        where talked is not null group by 2
        union all
        select '{TALKED_SECONDS}', array[direction], sum(talked) from {source} where talked is not null group by 2
        union all
        select '{WAITED}', array[{_bound("waited", WAIT_BOUNDS)}], count(*) from {source}
        where waited is not null group by 2
        union all
        select '{WAITED_SECONDS}', '{{}}', sum(waited) from {source} where waited is not null having count(*) > 0"""


def fold(tx: Transaction) -> bool:
    """Adds what has ended to the counters (role worker). Of several at once one waits, and finds nothing left.

    True: there may be more.
    """
    folded = tx.value(
        f"""with gone as (
               delete from uncounted where id in (select id from uncounted order by id limit {_AT_ONCE})
               returning *),
           added as (
               insert into counters (name, labels, value)
               select name, labels, value from ({_counted("gone")}) c order by name, labels
               on conflict on constraint counters_pkey do update set value = counters.value + excluded.value
               returning 1)
           select count(*) from gone"""
    )
    return int(folded) == _AT_ONCE


def read(tx: Transaction) -> list[Count]:
    """All of them now (role metrics)."""
    rows = tx.rows(
        f"""select name, labels, sum(value) as value
            from (select name, labels, value from counters union all {_counted("uncounted")}) c
            group by name, labels order by name, labels"""
    )
    return [Count(row["name"], tuple(row["labels"]), row["value"]) for row in rows]
