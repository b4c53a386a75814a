"""A claim: takes due faxes out of the queue for a node to dial, each with its trunk, fairly and within every limit.

One claimer at a time, over all nodes (queue.take_turn): what it counts is what there is, so limits hold whoever claims.

limits  what is free: of the node, and of each trunk
lanes   what is due, without a look at all of the queue; of tenants that have room, in their sending hours
ways    through which trunks a lane's faxes may go
turns   which of these faxes are next
"""

from collections.abc import Sequence
from dataclasses import dataclass

from faxplan import lanes, limits, queue, trunks, turns
from faxplan.db import Prepared, Row, Transaction
from faxplan.documents import StoredObject
from faxplan.lanes import Lane
from faxplan.limits import Room
from faxplan.trunks import Trunk
from faxplan.turns import Choice
from faxplan.ways import Ways

MOST_CLAIMED = 16
_MOST_MENDED, _FAXES_MENDED = 16, 100
"""Of lanes that are out of date, so many are mended in a claim, and so many faxes of each."""

# A cancel holds the fax and then wants its place in the queue, which a claim holds: waiting for the fax here would be a
# deadlock, so one that is locked is passed over.
_OPEN = Prepared(
    "claims_open",
    """
    with chosen as (
        select * from unnest(%(tenants)s::bigint[], %(faxes)s::bigint[], %(trunks)s::bigint[], %(prefixes)s::text[])
            as c (tenant_id, fax_id, trunk_id, prefix)),
    free as (
        select f.tenant_id, f.id from chosen c join faxes f on f.tenant_id = c.tenant_id and f.id = c.fax_id
        for update of f skip locked),
    left_queue as (
        delete from fax_queue q using free where q.tenant_id = free.tenant_id and q.fax_id = free.id
        returning q.tenant_id, q.fax_id, q.tried),
    f as (
        update faxes u set state = 'dialing', attempts_made = attempts_made + 1, not_before = null, explanation = null
        from left_queue q
        where u.tenant_id = q.tenant_id and u.id = q.fax_id and u.state = 'queued' and not u.cancel_requested
        returning u.tenant_id, u.id, u.called_number, u.calling_number, u.pages, u.pages_done, u.attempts_made,
                  u.rendering_id, u.t38_off, u.v17_off, u.ecm_off, u.post_dial, q.tried),
    t as (
        select f.*, t.id as trunk_id, t.name, c.prefix,
               t.t38 and not f.t38_off and not coalesce(l.t38_off, false) as t38,
               coalesce(t.v17, true) and not f.v17_off and not coalesce(l.v17_off, false) as v17,
               coalesce(t.ecm, true) and not f.ecm_off and not coalesce(l.ecm_off, false) as ecm
        from f join chosen c on c.fax_id = f.id left join trunks t on t.id = c.trunk_id
        left join destinations l on l.tenant_id = f.tenant_id and l.number = f.called_number
                                and coalesce(l.expires_at > now(), true)),
    a as (
        insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, trunk, route_prefix,
                              t38_offered, v17_offered, ecm_offered)
        select tenant_id, id, attempts_made, %(node)s::text, gen_random_uuid()::text, pages_done, name, prefix, t38,
               v17, ecm
        from t
        returning tenant_id, id, fax_id, channel_uuid, number, start_page),
    c as (
        insert into calls (tenant_id, attempt_id, fax_id, direction, node, switch_uuid, channel_uuid, trunk_id,
                           destination, lease_until, tried)
        select a.tenant_id, a.id, a.fax_id, 'outbound', %(node)s::text, %(switch)s::text, a.channel_uuid, t.trunk_id,
               t.called_number, now() + make_interval(secs => %(lease)s::integer), t.tried
        from a join t on t.id = a.fax_id)
    select t.tenant_id, t.id as fax_id, a.id as attempt_id, a.number as attempt_number, a.channel_uuid,
           t.called_number, o.number as calling_number, t.pages, a.start_page, d.object_name, d.bytes, d.sha256,
           t.trunk_id, coalesce(t.t38, true) as t38, t.v17, t.ecm, coalesce(o.station_ident, '') as did_ident,
           t.post_dial
    from t join a on a.fax_id = t.id
    join renderings r on r.tenant_id = t.tenant_id and r.id = t.rendering_id
    join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
    left join lateral calling_number(t.tenant_id, t.calling_number) o on true""",
)


@dataclass(frozen=True, slots=True)
class ClaimedFax:
    """A fax that this node is to dial now. Numbers are E.164; pages: of the whole fax; start_page: 0-based.

    trunk None: no route serves the number. calling_number: its tenant's, at this moment, or None where it has none.
    did_ident: the station ident of that DID; empty: it has none, or is no DID.
    t38, v17, ecm: what this call may use, after what earlier calls to the number have shown. post_dial: digits that
    follow the answer (post_dial.split).
    """

    tenant_id: int
    fax_id: int
    attempt_id: int
    attempt_number: int
    channel_uuid: str
    called_number: str
    calling_number: str | None
    pages: int
    start_page: int
    rendering: StoredObject
    trunk: Trunk | None
    did_ident: str = ""
    t38: bool = True
    v17: bool = True
    ecm: bool = True
    post_dial: str = ""

    @property
    def pages_left(self) -> int:
        """How many this call has to send."""
        return self.pages - self.start_page


def claim_faxes(
    tx: Transaction,
    *,
    node: str,
    switch_uuid: str,
    most: int,
    max_calls: int,
    lease_seconds: int,
    calls_to_one_number: int = 1000,
    ways: Ways | None = None,
    internal: bool = False,
) -> list[ClaimedFax]:
    """Takes up to `most` (at most MOST_CLAIMED) due faxes for this node.

    The most urgent first; among tenants whoever has the fewest calls, then whose turn is the longest ago; each
    tenant's in the order in which they became due. Limits: `max_calls` of the node, those of tenant and trunk
    (schema.sql), and `calls_to_one_number` at once to a number that is not a DID of ours; sending hours; trunks that
    rest. Both directions count. ways: what earlier claims of this process have learned. internal: faxes to our own DIDs
    are delivered without a call (internal_delivery), and left for that.

    Refused: a fax that its user is cancelling at this moment (SKIP LOCKED), or that is no longer queued. Waits while
    another node claims. Call in across_tenants() as role switch.
    """
    queue.take_turn(tx)
    room = limits.room(tx, node, MOST_CLAIMED)
    most = min(most, MOST_CLAIMED, max_calls - room.on_node)
    if most < 1:
        return []
    served = _lanes_to_serve(tx, most, room, ways or Ways(), internal=internal)
    if not served:
        return []
    lanes.look_into(tx, served, most)
    chosen = turns.choose(served, room.trunks, most, calls_to_one_number)
    lanes.put_off(tx, served, {choice.fax_id for choice in chosen})
    if not chosen:
        return []
    claimed = _open_attempts(tx, chosen, node, switch_uuid, lease_seconds)
    turns.note(tx, [(fax.tenant_id, fax.pages_left) for fax in claimed])
    limits.pace(tx, [fax.trunk.id for fax in claimed if fax.trunk])
    order = {choice.fax_id: place for place, choice in enumerate(chosen)}
    return sorted(claimed, key=lambda fax: order[fax.fax_id])


def _lanes_to_serve(tx: Transaction, most: int, room: Room, ways: Ways, *, internal: bool) -> list[Lane]:
    """The first `most` lanes, in the order in which they are served, that have a way out now.

    Those of an earlier routing_version are mended, some faxes at a time, and served by the next claim.
    """
    served: list[Lane] = []
    past = 0
    while len(served) < most:
        rows = lanes.due(tx, past=past, internal=internal)
        past += len(rows)
        stale = [row for row in rows if not row["lane"].startswith(f"{room.version}:")]
        _mend(tx, stale)
        current = [row for row in rows if row not in stale] if stale else rows
        ways.learn(tx, room.version, current)
        for row in current:
            way = ways.of(row)
            if any(room.trunks.get(route.trunk_id, 0) > 0 for route in way.routes) or not way.served:
                served.append(Lane(row, way.routes))
        if len(rows) < lanes.LANES_AT_ONCE:
            break
    return served[:most]


def _mend(tx: Transaction, stale: Sequence[Row]) -> None:
    """Gives the first faxes of lanes that are out of date their right lane."""
    for row in stale[:_MOST_MENDED]:
        tx.later(
            """update fax_queue q set lane = lane_of(q.tenant_id, q.destination) where (q.tenant_id, q.fax_id) in (
                   select s.tenant_id, s.fax_id from fax_queue s
                   where s.priority = %s and s.tenant_id = %s and s.lane = %s
                   order by s.not_before limit %s for update skip locked)""",
            (row["priority"], row["tenant_id"], row["lane"], _FAXES_MENDED),
        )


def _open_attempts(
    tx: Transaction, chosen: Sequence[Choice], node: str, switch_uuid: str, lease_seconds: int
) -> list[ClaimedFax]:
    """Takes faxes out of the queue, but for those that somebody else has locked, and opens their calls."""
    tx.enter_tenants({choice.tenant_id for choice in chosen})
    rows = tx.rows_of(
        _OPEN,
        {
            "tenants": [choice.tenant_id for choice in chosen],
            "faxes": [choice.fax_id for choice in chosen],
            "trunks": [None if choice.route is None else choice.route.trunk_id for choice in chosen],
            "prefixes": [None if choice.route is None else choice.route.prefix for choice in chosen],
            "node": node,
            "switch": switch_uuid,
            "lease": lease_seconds,
        },
    )
    known = {trunk.id: trunk for trunk in trunks.some(tx, {row["trunk_id"] for row in rows} - {None})}
    return [_claimed(row, known.get(row["trunk_id"])) for row in rows]


def _claimed(row: Row, trunk: Trunk | None) -> ClaimedFax:
    return ClaimedFax(
        row["tenant_id"],
        row["fax_id"],
        row["attempt_id"],
        row["attempt_number"],
        row["channel_uuid"],
        row["called_number"],
        row["calling_number"],
        row["pages"],
        row["start_page"],
        StoredObject(row["object_name"], row["bytes"], row["sha256"]),
        trunk,
        row["did_ident"],
        t38=row["t38"],
        v17=row["v17"],
        ecm=row["ecm"],
        post_dial=row["post_dial"],
    )
