"""A claim: takes due faxes out of the queue for a node to dial, each with its trunk, fairly and within every limit.

One claimer at a time, over all nodes (queue.take_turn): what it counts is what there is, so limits hold whoever claims.

lanes   what is due, without a look at all of the queue, of tenants that have room, in their sending hours
limits  how many more calls each trunk takes
ways    through which trunks a lane's faxes may go
turns   which of these faxes are next
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faxplan import lanes, limits, queue, turns
from faxplan.db import Prepared, Row, Transaction
from faxplan.documents import CoverToSend, ToSend
from faxplan.lanes import Lane, Look
from faxplan.tenants import Tenant
from faxplan.trunks import Trunk
from faxplan.turns import Choice
from faxplan.ways import Ways, has_room

MOST_CLAIMED = 16
_MOST_MENDED, _FAXES_MENDED = 16, 100
"""Of lanes that are out of date, so many are mended in a claim, and so many faxes of each."""

# A cancel holds the fax and then wants its place in the queue, which a claim holds: waiting for the fax here would be a
# deadlock, so one that is locked is passed over.
_OPEN = Prepared(
    "claims_open",
    f"""
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
                  u.rendering_id, u.t38_off, u.v17_off, u.ecm_off, u.post_dial, u.resolution, u.cover_pages_id,
                  q.tried),
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
        from a join t on t.id = a.fax_id),
    -- In this order, as settling locks them.
    noted as ({turns.noted("select tenant_id, pages - pages_done as pages from f")} returning 1),
    paced as ({limits.paced("select trunk_id from t where (select count(*) from noted) > 0")})
    select t.id as fax_id, a.id as attempt_id, a.number as attempt_number, a.channel_uuid,
           t.called_number, o.number as calling_number, t.pages, a.start_page, {ToSend.COLUMNS},
           t.trunk_id, coalesce(t.t38, true) as t38, t.v17, t.ecm, coalesce(o.station_ident, '') as did_ident,
           t.post_dial, {CoverToSend.COLUMN.replace("f.", "t.")}
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
    follow the answer (post_dial.split). cover: what goes before the rendering's pages, and counts among `pages`.
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
    rendering: ToSend
    trunk: Trunk | None
    did_ident: str = ""
    t38: bool = True
    v17: bool = True
    ecm: bool = True
    post_dial: str = ""
    cover: CoverToSend | None = None

    @property
    def pages_left(self) -> int:
        """How many this call has to send."""
        return self.pages - self.start_page


@dataclass(frozen=True, slots=True)
class Claim:
    """faxes: taken, in the order in which they are to be dialled. owners: their tenants. calls: those of the node now.

    wait: seconds until another claim may find a fax to dial; 0: now, None: none waits. tests: a test of a trunk waits.
    sandbox: a fax to a sandbox number is due.
    """

    faxes: Sequence[ClaimedFax]
    owners: Mapping[int, Tenant]
    calls: int
    wait: float | None
    tests: bool
    sandbox: bool = False


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
    tests_first: bool = False,
) -> Claim:
    """Takes up to `most` (at most MOST_CLAIMED) due faxes for this node.

    Bulk last; among tenants whoever has the fewest calls, then whose turn is the longest ago; of each tenant the most
    urgent, in the order in which they became due. Limits: `max_calls` of the node, those of tenant and trunk
    (schema.sql), and `calls_to_one_number` at once to a number that is not a DID of ours; sending hours; trunks that
    rest. Both directions count. ways: what earlier claims of this process have learned. internal: faxes to our own DIDs
    are delivered without a call (internal_delivery), and left for that. tests_first: while a test of a trunk waits,
    nothing is taken.

    Refused: a fax that its user is cancelling at this moment (SKIP LOCKED), or that is no longer queued. Waits while
    another node claims. Call in across_tenants() as role switch.
    """
    ways = ways or Ways()
    queue.take_turn(tx)
    most = min(most, MOST_CLAIMED)
    seen = lanes.look(tx, node=node, most=max(most, 1), internal=internal)
    most = min(most, max_calls - seen.on_node)
    if most < 1 or not seen.lanes or (tests_first and seen.tests):
        return Claim([], {}, seen.on_node, lanes.outlook(seen, [], {}), seen.tests, seen.sandbox)
    rooms = {trunk.id: trunk.room for trunk in seen.trunks.values()}
    served, mended = _lanes_to_serve(tx, seen, rooms, most, ways, node=node, internal=internal)
    lanes.look_into(tx, served, most)
    on_trial = [trunk.id for trunk in seen.trunks.values() if trunk.is_tried]
    chosen = turns.choose(served, rooms, most, calls_to_one_number, on_trial)
    others_come_up = lanes.put_off(tx, served) or mended
    claimed = _open_attempts(tx, chosen, node, switch_uuid, lease_seconds) if chosen else []
    faxes = _with_trunks(tx, claimed, seen, ways)
    owners = ways.tenants.some(tx, {lane.tenant_id: lane.row["tenant_version"] for lane in served if lane.taken})
    through = Counter(fax.trunk.id for fax in faxes if fax.trunk)
    wait = 0.0 if others_come_up or len(faxes) == most else lanes.outlook(seen, served, through)
    return Claim(faxes, owners, seen.on_node + len(faxes), wait, seen.tests, seen.sandbox)


def _lanes_to_serve(
    tx: Transaction, seen: Look, rooms: Mapping[int, int], most: int, ways: Ways, *, node: str, internal: bool
) -> tuple[list[Lane], bool]:
    """The first `most` lanes in the order in which they are served that have a way out now; and whether any was mended.

    Those of an earlier routing_version are mended, some faxes at a time, and served by the next claim.
    """
    served: list[Lane] = []
    # A look later than the first one may count lanes anew.
    met: set[tuple[int, int, str]] = set()
    mended = False
    page = seen
    while True:
        current = [row for row in page.lanes if row["lane"].startswith(f"{seen.version}:")]
        if len(current) < len(page.lanes):
            mended = True
            _mend(tx, [row for row in page.lanes if row not in current])
        ways.learn(tx, seen.version, current)
        for row in current:
            way, key = ways.of(row), (row["priority"], row["tenant_id"], row["lane"])
            if key in met:
                continue
            met.add(key)
            if has_room(way.routes, rooms) and (way.routes or not way.served):
                served.append(page.lane(row, way.routes))
        if mended or len(served) >= most or len(page.lanes) < lanes.LANES_AT_ONCE:
            return served[:most], mended
        page = lanes.look(tx, node=node, most=most, internal=internal, past=page.lanes[-1]["place"])


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
) -> list[Row]:
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
    order = {choice.fax_id: place for place, choice in enumerate(chosen)}
    return sorted(rows, key=lambda row: order[row["fax_id"]])


def _with_trunks(tx: Transaction, rows: Sequence[Row], seen: Look, ways: Ways) -> list[ClaimedFax]:
    used = {row["trunk_id"] for row in rows} - {None}
    known = ways.trunks.some(tx, {each: seen.trunks[each].version for each in used})
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
        ToSend.of(row),
        trunk,
        row["did_ident"],
        t38=row["t38"],
        v17=row["v17"],
        ecm=row["ecm"],
        post_dial=row["post_dial"],
        cover=CoverToSend.of(row["cover"]),
    )
