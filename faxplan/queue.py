"""Faxes that wait and calls in flight: the queue, leases and their ends.

A fax that waits stands in fax_queue; a claim (claims.py) moves it to calls, in one transaction with its attempt.
`take_call` ends that: it deletes the row of calls, and whoever deletes it settles the attempt; a second settler changes
nothing.
Locking SQL stands here, in claims.py and in render_jobs.py only; the order of locks: docs/architecture.md, Locks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from faxplan import sending_hours
from faxplan.db import Row, Transaction
from faxplan.priorities import Priority

QUEUE_CHANNEL = "faxplan_queue"
CANCEL_CHANNEL = "faxplan_cancel"

_TURN, _INTERNAL_TURN = 0x666178636C, 0x666178696E
"""Any numbers that nobody else uses ("faxcl" and "faxin" in ASCII)."""


@dataclass(frozen=True, slots=True)
class Load:
    """Calls in flight, both directions, but for did: received ones for that number. drains: the node takes no calls."""

    drains: bool
    on_node: int
    on_trunk: int
    of_tenant: int
    for_did: int


def take_turn(tx: Transaction, wait_seconds: float | None = None) -> None:
    """Makes this the only transaction, over all nodes, that counts calls and adds to them; until it ends.

    So limits hold, whoever claims faxes or lets calls in. With wait_seconds the next statements raise
    DatabaseUnavailable where a lock is not to be had in that time; None: waits. Take it before any row is locked.
    """
    if wait_seconds is not None:
        tx.later("select set_config('lock_timeout', %s, true)", (f"{max(int(wait_seconds * 1000), 1)}ms",))
    tx.later("select pg_advisory_xact_lock(%s)", (_TURN,))


def load(tx: Transaction, *, node: str, trunk_id: int, tenant_id: int, did: str) -> Load:
    """What goes on now, of what a limit may be about. Take the turn first."""
    row = tx.one(
        """select coalesce((select draining_since is not null from nodes where name = %s), false) as drains,
                  count(*) filter (where node = %s) as on_node, count(*) filter (where trunk_id = %s) as on_trunk,
                  count(*) filter (where tenant_id = %s) as of_tenant,
                  count(*) filter (where direction = 'inbound' and destination = %s) as for_did
           from calls""",
        (node, node, trunk_id, tenant_id, did),
    )
    return Load(**row)


def enqueue(
    tx: Transaction,
    tenant_id: int,
    fax_id: int,
    *,
    pages_done: int,
    delay_seconds: float,
    explanation: str | None,
    tried: Sequence[int] = (),
) -> None:
    """Puts a rendered fax into the queue, to be dialled after the delay, and not before its user wants it to be.

    tried: trunks that could not take the call just before. Its row must be locked by this transaction.
    """
    tx.later(
        """with f as (
               update faxes set state = 'queued', pages_done = %(done)s, explanation = %(explanation)s,
                                not_before = greatest(now() + make_interval(secs => %(delay)s), send_at)
               where tenant_id = %(tenant)s and id = %(fax)s
               returning id, not_before, priority, called_number, pages)
           insert into fax_queue (tenant_id, fax_id, not_before, priority, destination, lane, tried, pages)
           select %(tenant)s, id, not_before, priority, called_number, lane_of(%(tenant)s, called_number),
                  %(tried)s::bigint[], greatest(pages - %(done)s, 1) from f""",
        {
            "tenant": tenant_id,
            "fax": fax_id,
            "done": pages_done,
            "delay": delay_seconds,
            "explanation": explanation,
            "tried": list(tried),
        },
    )
    tx.notify(QUEUE_CHANNEL)


def enqueue_new(tx: Transaction, tenant_id: int, fax_ids: Sequence[int]) -> None:
    """As `enqueue`, of faxes that this transaction has just made, in one statement."""
    tx.later(
        """with f as (
               update faxes set state = 'queued', not_before = greatest(now(), send_at)
               where tenant_id = %(tenant)s and id = any (%(faxes)s::bigint[])
               returning id, not_before, priority, called_number, pages)
           insert into fax_queue (tenant_id, fax_id, not_before, priority, destination, lane, pages)
           select %(tenant)s, id, not_before, priority, called_number, lane_of(%(tenant)s, called_number),
                  greatest(pages, 1) from f""",
        {"tenant": tenant_id, "faxes": list(fax_ids)},
    )
    tx.notify(QUEUE_CHANNEL)


INTERNAL, SANDBOX = "internal", "sandbox"
"""Lanes (lane_of) of what takes no call: to DIDs of this installation, and to numbers that are nobody's."""


@dataclass(frozen=True, slots=True)
class InternalFax:
    """A due fax to a number of this installation, or to one of the sandbox."""

    tenant_id: int
    fax_id: int


# As lanes.py finds them: by stepping through the index from one tenant to the next, however many faxes each has.
_TENANTS_OF_LANE = f"""
    with recursive waiting as (
        (select priority, tenant_id from fax_queue where strpos(lane, ':{{lane}}') > 0
         order by priority, tenant_id limit 1)
        union all
        select n.priority, n.tenant_id from waiting w cross join lateral (
            select q.priority, q.tenant_id from fax_queue q
            where strpos(q.lane, ':{{lane}}') > 0 and (q.priority, q.tenant_id) > (w.priority, w.tenant_id)
            order by q.priority, q.tenant_id limit 1) n)
    select w.priority, w.tenant_id from waiting w join tenants t on t.id = w.tenant_id and t.enabled
    where {sending_hours.are_open("w.tenant_id", "w.priority", "(now() at time zone t.time_zone)")}
    order by w.priority > {Priority.NORMAL:d}, w.tenant_id <= %s, w.tenant_id, w.priority"""
# The planner takes an index of a part of the table only where the text says which.
_INTERNAL_TENANTS = {lane: _TENANTS_OF_LANE.format(lane=lane) for lane in (INTERNAL, SANDBOX)}


def pick_internal(tx: Transaction, *, after: int, seconds: float = 120, lane: str = INTERNAL) -> InternalFax | None:
    """A due fax of that lane (INTERNAL, SANDBOX), bulk last, the most urgent of the tenant that comes after `after`.

    None: there is none. It stays queued, and is due again after `seconds`: so others leave it alone meanwhile, and
    nothing is lost should this process die. Call in across_tenants() as role switch.
    """
    for row in tx.rows(_INTERNAL_TENANTS[lane], (after,)):
        picked = tx.row(
            f"""with picked as (
                   select tenant_id, fax_id from fax_queue
                   where strpos(lane, ':{lane}') > 0 and priority = %s and tenant_id = %s and not_before <= now()
                   order by not_before limit 1 for update skip locked)
               update fax_queue q set not_before = now() + make_interval(secs => %s)
               from picked where q.tenant_id = picked.tenant_id and q.fax_id = picked.fax_id
               returning q.tenant_id, q.fax_id""",
            (row["priority"], row["tenant_id"], seconds),
        )
        if picked is not None:
            return InternalFax(**picked)
    return None


def return_to_lane(tx: Transaction, fax: InternalFax) -> None:
    """Lets a fax that was picked be due again, in the lane that it belongs into now."""
    tx.later(
        """update fax_queue set lane = lane_of(tenant_id, destination), not_before = now()
           where tenant_id = %s and fax_id = %s""",
        (fax.tenant_id, fax.fax_id),
    )
    tx.notify(QUEUE_CHANNEL)


def put_off(tx: Transaction, fax: InternalFax, seconds: float) -> None:
    """Lets a fax that was picked be due after so many seconds."""
    tx.later(
        """update fax_queue set not_before = now() + make_interval(secs => %s) where tenant_id = %s and fax_id = %s""",
        (seconds, fax.tenant_id, fax.fax_id),
    )
    tx.notify(QUEUE_CHANNEL)


def take_internal_turn(tx: Transaction) -> None:
    """Makes this the only transaction that delivers within the installation; until it ends.

    It takes the audit heads of two tenants, in no set order: two of its kind could wait for each other.
    """
    tx.later("select pg_advisory_xact_lock(%s)", (_INTERNAL_TURN,))


def withdraw(tx: Transaction, tenant_id: int, fax_id: int) -> bool:
    """Takes a fax out of the queue, or a test fax out of those that wait; False where it is in neither.

    It is in a call then, not rendered yet, or final. Its row must be locked by this transaction.
    """
    return bool(
        tx.value(
            """with q as (delete from fax_queue where tenant_id = %(tenant)s and fax_id = %(fax)s returning 1),
                    t as (delete from trunk_tests where tenant_id = %(tenant)s and fax_id = %(fax)s returning 1)
               select exists (select from q) or exists (select from t)""",
            {"tenant": tenant_id, "fax": fax_id},
        )
    )


def lock_fax_if_free(tx: Transaction, tenant_id: int, fax_id: int) -> bool:
    """Locks a fax's row, without waiting for whoever holds it; whether it did."""
    found = tx.row("select 1 from faxes where tenant_id = %s and id = %s for update skip locked", (tenant_id, fax_id))
    return found is not None


def lock_fax(tx: Transaction, tenant_id: int, fax_id: int) -> Row | None:
    """The fax's row, locked until commit; None where the tenant has no such fax."""
    return tx.row("select * from faxes where tenant_id = %s and id = %s for update", (tenant_id, fax_id))


def lock_ended(tx: Transaction, tenant_id: int, fax_ids: Sequence[int]) -> list[int]:
    """Locks those of these faxes that are final, not purged, and locked by nobody else, until commit; their ids."""
    rows = tx.rows(
        """select id from faxes where tenant_id = %s and id = any(%s) and finished_at is not null and purged_at is null
           order by id for update skip locked""",
        (tenant_id, list(fax_ids)),
    )
    return [row["id"] for row in rows]


def _of_original(column: str) -> str:
    return f"hashtextextended(format('original %%s %%s', tenant_id, {column}), 0)"


def hold_rendering(tx: Transaction, tenant_id: int, rendering_id: int) -> None:
    """Makes this the only transaction that ends a rendering of this one's original, or lets a fax or a draft begin or
    cease to wait for it; until it ends.

    Else a fax that begins to wait at the moment of its end would wait for ever: neither sees what the other writes.
    """
    tx.execute(
        f"select pg_advisory_xact_lock({_of_original('original_id')}) from renderings where tenant_id = %s and id = %s",
        (tenant_id, rendering_id),
    )


def hold_originals(tx: Transaction, tenant_id: int, original_ids: Sequence[int]) -> None:
    """The same, of originals."""
    tx.execute(
        f"""select pg_advisory_xact_lock({_of_original("id")}) from (
                select %s::bigint as tenant_id, unnest(%s::bigint[]) as id order by id) o""",
        (tenant_id, list(original_ids)),
    )


def lock_faxes_of_rendering(tx: Transaction, tenant_id: int, rendering_id: int) -> list[Row]:
    """The faxes that wait for a rendering, locked until commit, in the order of their ids."""
    return tx.rows(
        "select * from faxes where tenant_id = %s and rendering_id = %s and state = 'accepted' order by id for update",
        (tenant_id, rendering_id),
    )


def open_call(
    tx: Transaction,
    tenant_id: int,
    *,
    fax_id: int,
    attempt_id: int,
    node: str,
    switch_uuid: str,
    channel_uuid: str,
    trunk_id: int,
    destination: str,
    lease_seconds: int,
) -> None:
    """Records a call that comes in as being in flight."""
    tx.execute(
        """insert into calls (tenant_id, attempt_id, fax_id, direction, node, switch_uuid, channel_uuid, trunk_id,
                              destination, lease_until)
           values (%s, %s, %s, 'inbound', %s, %s, %s, %s, %s, now() + make_interval(secs => %s))""",
        (tenant_id, attempt_id, fax_id, node, switch_uuid, channel_uuid, trunk_id, destination, lease_seconds),
    )


def open_calls(tx: Transaction, attempt_ids: Sequence[int]) -> dict[int, bool]:
    """Those of these attempts whose calls are not settled, and whether somebody wants to stop them."""
    rows = tx.rows("select attempt_id, cancel_requested from calls where attempt_id = any(%s)", (list(attempt_ids),))
    return {row["attempt_id"]: row["cancel_requested"] for row in rows}


def take_call(tx: Transaction, tenant_id: int, attempt_id: int, channel_uuid: str | None = None) -> Row | None:
    """Ends the flight of a call: its row of `calls`, which only one caller ever gets; None where it is settled.

    channel_uuid: if given, None as well where the attempt is another call's by now. With what the call could use:
    t38_offered, v17_offered, ecm_offered.
    """
    return tx.row(
        """delete from calls c using attempts a
           where c.tenant_id = %s and c.attempt_id = %s and c.channel_uuid = coalesce(%s, c.channel_uuid)
             and a.tenant_id = c.tenant_id and a.id = c.attempt_id
           returning c.fax_id, c.pages, c.node, c.channel_uuid, c.trunk_id, c.tried, c.destination,
                     a.t38_offered, a.v17_offered, a.ecm_offered""",
        (tenant_id, attempt_id, channel_uuid),
    )


def record_pages(tx: Transaction, channel_uuid: str, pages: int) -> None:
    """Notes that `pages` pages of a call are acknowledged (or have arrived). Never goes back."""
    tx.later("update calls set pages = greatest(pages, %s) where channel_uuid = %s", (pages, channel_uuid))


def calls_of_node(tx: Transaction, node: str) -> list[Row]:
    """Every call that the database believes to be in flight on a node."""
    return tx.rows(
        """select tenant_id, fax_id, attempt_id, direction, switch_uuid, channel_uuid, lease_until < now() as expired,
                  extract(epoch from now() - started_at)::float as age
           from calls where node = %s order by attempt_id""",
        (node,),
    )


def expired_calls(tx: Transaction) -> list[Row]:
    """Calls of any node whose lease has run out on the database's clock: their node is dead, or has lost them.

    Of a node that still reports they are left alone. A received fax may lie on its dead node's disk, and only that node
    can deliver it: it gets another day (and is delivered late, should the node come back after that).
    """
    return tx.rows(
        """select c.tenant_id, c.fax_id, c.attempt_id, c.direction, c.node from calls c
           left join nodes n on n.name = c.node and n.heartbeat_at > now() - interval '5 minutes'
           where n.name is null and c.lease_until < now()
             and (c.direction = 'outbound' or c.lease_until < now() - interval '1 day')
           order by c.lease_until limit 100"""
    )


def calls_by_node(tx: Transaction) -> list[Row]:
    """node, sent, received: how many calls the database believes to be in flight there (role admin)."""
    return tx.rows(
        """select node, count(*) filter (where direction = 'outbound') as sent,
                  count(*) filter (where direction = 'inbound') as received
           from calls group by node order by node"""
    )


def count_calls(tx: Transaction, node: str) -> int:
    """How many calls the database believes to be in flight on a node (role admin)."""
    return int(tx.value("select count(*) from calls where node = %s", (node,)))


def give_up_calls(tx: Transaction, node: str) -> int:
    """Has the other nodes end them, as `expired_calls` gives them; how many (role admin). The node must be gone."""
    return tx.execute("update calls set lease_until = now() - interval '2 days' where node = %s", (node,))


def request_cancel(tx: Transaction, tenant_id: int, fax_id: int) -> None:
    """Asks the node whose call this fax is in to hang up; its settlement then ends the fax. The fax must be locked."""
    tx.execute("update faxes set cancel_requested = true where tenant_id = %s and id = %s", (tenant_id, fax_id))
    tx.execute("update calls set cancel_requested = true where tenant_id = %s and fax_id = %s", (tenant_id, fax_id))
    tx.notify(CANCEL_CHANNEL)


def cancelled_calls(tx: Transaction, node: str) -> list[str]:
    """Channel UUIDs of this node's calls that somebody wants to stop."""
    return [
        row["channel_uuid"]
        for row in tx.rows("select channel_uuid from calls where node = %s and cancel_requested", (node,))
    ]


def mark_sending(tx: Transaction, tenant_id: int, fax_id: int) -> None:
    """The far end is a fax machine, and pages are on their way."""
    tx.later(
        "update faxes set state = 'sending' where tenant_id = %s and id = %s and state = 'dialing'",
        (tenant_id, fax_id),
    )
