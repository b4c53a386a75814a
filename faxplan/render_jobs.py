"""Renderings that wait for a worker, and whose they are: a lease each.

`finish` ends a job: whoever deletes its row has made the rendering; a worker that lost its lease drops what it made.
"""

from dataclasses import dataclass

from faxplan.db import Row, Transaction

CHANNEL = "faxplan_render"


@dataclass(frozen=True, slots=True)
class RenderJob:
    """A rendering that this worker is to make."""

    tenant_id: int
    rendering_id: int
    tries: int


def order(tx: Transaction, tenant_id: int, original_id: int, resolution: str, notice: str = "") -> int:
    """The rendering of an original at a resolution (role portal or switch): its id. If it is new, or was withdrawn, a
    worker makes it. notice: at the foot of its first page."""
    rendering_id: int = tx.value(
        """with made as (
               insert into renderings (tenant_id, original_id, resolution, notice)
               values (%(tenant)s, %(original)s, %(resolution)s, %(notice)s)
               on conflict on constraint renderings_original_key do nothing returning id, state),
           found as (
               select id, state from made union all
               select id, state from renderings
               where tenant_id = %(tenant)s and original_id = %(original)s and resolution = %(resolution)s
                 and notice = %(notice)s),
           ordered as (
               insert into render_jobs (tenant_id, rendering_id)
               select %(tenant)s, id from found where state = 'waiting'
               on conflict on constraint render_jobs_pkey do nothing)
           select id from found""",
        {"tenant": tenant_id, "original": original_id, "resolution": resolution, "notice": notice},
    )
    tx.notify(CHANNEL)
    return rendering_id


def withdraw(tx: Transaction, tenant_id: int, rendering_id: int) -> None:
    """Takes back a rendering that no draft and no fax has any more, if no worker has it yet (role portal)."""
    tx.execute(
        """delete from render_jobs where tenant_id = %(tenant)s and rendering_id = %(rendering)s and worker is null
           and not exists (select from drafts where tenant_id = %(tenant)s and rendering_id = %(rendering)s)
           and not exists (select from faxes where tenant_id = %(tenant)s and rendering_id = %(rendering)s)""",
        {"tenant": tenant_id, "rendering": rendering_id},
    )


def order_covers(tx: Transaction, tenant_id: int, rendering_id: int) -> None:
    """Has a worker draw the covers of faxes that wait for theirs, and have a rendering that is made or being made (role
    portal or worker). Nobody else may be ending a job of it (queue.hold_rendering)."""
    tx.execute(
        """insert into render_jobs (tenant_id, rendering_id) values (%s, %s)
           on conflict on constraint render_jobs_pkey do nothing""",
        (tenant_id, rendering_id),
    )
    tx.notify(CHANNEL)


def claim(tx: Transaction, *, worker: str, lease_seconds: int) -> RenderJob | None:
    """The oldest due rendering, for `lease_seconds`; None where nothing waits.

    Refused: one under another worker's living lease. One whose lease has run out is free: its worker died. So is one
    under this worker's own lease: a worker has one job at a time, and lost track of this one with the database.
    """
    row = tx.row(
        """with due as (
               select tenant_id, rendering_id from render_jobs
               where not_before <= now() and (lease_until is null or lease_until < now() or worker = %s)
               order by not_before limit 1 for update skip locked)
           update render_jobs j set worker = %s, lease_until = now() + make_interval(secs => %s), tries = j.tries + 1
           from due where j.tenant_id = due.tenant_id and j.rendering_id = due.rendering_id
           returning j.tenant_id, j.rendering_id, j.tries""",
        (worker, worker, lease_seconds),
    )
    return None if row is None else RenderJob(**row)


def finish(tx: Transaction, job: RenderJob, worker: str) -> bool:
    """Removes the job; False where this worker's lease was lost meanwhile, and its result must be dropped."""
    removed = tx.execute(
        "delete from render_jobs where tenant_id = %s and rendering_id = %s and worker = %s and tries = %s",
        (job.tenant_id, job.rendering_id, worker, job.tries),
    )
    return removed == 1


def postpone(tx: Transaction, job: RenderJob, worker: str, delay_seconds: float, *, counts: bool = True) -> None:
    """Gives the job back, to be tried again after the delay. counts: as one of its tries."""
    tx.execute(
        """update render_jobs set worker = null, lease_until = null, not_before = now() + make_interval(secs => %s),
                                  tries = tries - %s
           where tenant_id = %s and rendering_id = %s and worker = %s""",
        (delay_seconds, 0 if counts else 1, job.tenant_id, job.rendering_id, worker),
    )


def waiting(tx: Transaction) -> Row:
    """What waits for a worker (role worker): `jobs` that are due and in nobody's hands; `longest`: the seconds that one
    of them waits; `workers`: those that have another in hand, by their leases."""
    return tx.one(
        """select count(*) filter (where free and due <= now()) as jobs,
                  greatest(extract(epoch from max(now() - due) filter (where free)), 0)::float as longest,
                  coalesce(array_agg(distinct worker) filter (where not free), '{}') as workers
           from (select greatest(not_before, lease_until) as due, worker, coalesce(lease_until < now(), true) as free
                 from render_jobs) as job"""
    )


def busy_workers(tx: Transaction) -> list[str]:
    """The workers that have a job in hand, dead or alive."""
    return [row["worker"] for row in tx.rows("select distinct worker from render_jobs where worker is not null")]


def again(tx: Transaction, tenant_id: int, rendering_id: int) -> None:
    """Has a rendering made that had failed (role portal); its fax is there already. Nobody else may be ending it."""
    tx.execute(
        """update renderings set state = 'waiting', error_id = null, error_text = null
           where tenant_id = %s and id = %s""",
        (tenant_id, rendering_id),
    )
    tx.execute("insert into render_jobs (tenant_id, rendering_id) values (%s, %s)", (tenant_id, rendering_id))
    tx.notify(CHANNEL)


def release(tx: Transaction, worker: str) -> int:
    """Frees what a dead worker had in hand, to be rendered at once; how many."""
    released = tx.execute("update render_jobs set worker = null, lease_until = null where worker = %s", (worker,))
    tx.notify(CHANNEL)
    return released
