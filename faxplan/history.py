"""What a user may look at: faxes, their attempts, and the calls that run now. Reads only.

A user sees what they sent, and what lies in the mailboxes that they read, but for what was deleted (deletion.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from faxplan import listings, permissions, sending_hours
from faxplan.attempts import ANONYMOUS
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.users import User

SENT, INBOX = "outbound", "inbound"


@dataclass(frozen=True, slots=True)
class Fax:
    """One fax. state: as in schema.sql. Numbers are E.164.

    calling_number None: withheld. pages None: known after rendering, or not received yet.
    pages_done: acknowledged, or received whole. call_pages: acknowledged (or arrived) so far in the call that runs
    now; None where none runs. uncounted: of attempts_made, those that used up none of max_attempts.
    tiff_id: the received pages, or those that are sent; images_id, thumbnail_id: what shows them (documents.kind);
    original_id: of a sent one, what was handed in; None where there is none. cover_pages_id, cover_images_id: of its
    cover, which goes before these pages and counts among them; None where there is none, or not yet. post_dial: what
    is dialled after the answer (post_dial.split).
    held_by: why a due one is not dialled, beside that all lines may be busy: tenant or trunks-off (switched off),
    hours, hour-full (caps of calls and pages), barred, no-route, trunks-rest; None: nothing but that.
    purged_at: since then it has no pages (purge).
    forwarded_by: the address of the user who laid it there, a copy of fax copy_of, which has the call (forwarding.py);
    None: it is no copy. copy_of None: that one's record is gone.
    batch: of a sent one, in which it was handed in (batches.py).
    mailbox: in which it lies, by name. unread: nobody who reads it has looked at it in the portal.
    listed_at: by when it stands in lists: when it was laid into the mailbox, or handed in.
    """

    id: int
    direction: str
    state: str
    called_number: str
    calling_number: str | None
    pages: int | None
    pages_done: int
    call_pages: int | None
    attempts_made: int
    uncounted: int
    max_attempts: int
    not_before: datetime | None
    explanation: str | None
    error_id: str | None
    file_name: str
    resolution: str | None
    created_at: datetime
    finished_at: datetime | None
    listed_at: datetime
    tiff_id: int | None
    pdf_id: int | None
    post_dial: str = ""
    held_by: str | None = None
    purged_at: datetime | None = None
    images_id: int | None = None
    thumbnail_id: int | None = None
    copy_of: int | None = None
    forwarded_by: str | None = None
    original_id: int | None = None
    mailbox: str | None = None
    unread: bool = False
    cover_pages_id: int | None = None
    cover_images_id: int | None = None
    is_test: bool = False
    batch: int | None = None

    @property
    def other_number(self) -> str | None:
        """Of who it goes to, or came from; None: withheld."""
        return self.called_number if self.direction == SENT else self.calling_number

    @property
    def final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.finished_at is not None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call. outcome None: it runs. Columns as in schema.sql.

    invite_from, invite_asserted: None also where the caller wants to be anonymous.
    """

    number: int
    node: str
    trunk: str | None
    channel_uuid: str
    start_page: int
    pages: int
    outcome: str | None
    explanation: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    sip_code: int | None
    q850_cause: int | None
    hangup_cause: str | None
    fax_result_code: int | None
    fax_result_text: str | None
    t38_status: str | None
    ecm_used: bool | None
    v17_disabled: bool | None
    transfer_rate: int | None
    bad_rows: int | None
    encoding: str | None
    image_resolution: str | None
    local_station_id: str | None
    remote_station_id: str | None
    remote_country: str | None
    remote_vendor: str | None
    remote_model: str | None
    sip_call_id: str | None
    peer_address: str | None
    dialled: str | None
    caller_id: str | None
    internal: bool = False
    called_from: str | None = None
    invite_uri: str | None = None
    invite_to: str | None = None
    invite_from: str | None = None
    invite_asserted: str | None = None
    invite_diversion: str | None = None
    verstat: str | None = None
    attest: str | None = None
    channel: bool | None = None
    invited_at: datetime | None = None
    progress_at: datetime | None = None
    hung_up_by: str | None = None
    sip_phrase: str | None = None
    peer_port: int | None = None
    media_address: str | None = None
    codec: str | None = None

    @property
    def post_dial_delay(self) -> float | None:
        """Seconds from the INVITE to the first response but 100: ringing, answer or refusal (RFC 6076, 4.3).

        None where the far end gave none.
        """
        if self.invited_at is None or self.called_from is not None:
            return None
        refused_at = self.ended_at if self.hung_up_by == "far-end" else None
        first = next((at for at in (self.progress_at, self.answered_at, refused_at) if at is not None), None)
        return None if first is None else max((first - self.invited_at).total_seconds(), 0.0)

    @property
    def seconds(self) -> float | None:
        """From answer to end; None where it was not answered, or still runs."""
        if self.answered_at is None or self.ended_at is None:
            return None
        return max((self.ended_at - self.answered_at).total_seconds(), 0.0)


# In the order in which lanes.py and ways.py ask; a test of a trunk asks nothing of it.
_HELD_BY = f"""
    case when f.direction = 'inbound' or f.state <> 'queued' or f.not_before > now() or f.is_test then null
         when not t.enabled then 'tenant'
         when not {sending_hours.are_open("t.id", "f.priority", "(now() at time zone t.time_zone)")} then 'hours'
         when exists (
             select from tenant_turns u
             where u.tenant_id = t.id and u.hour = date_trunc('hour', now())
               and (u.calls >= t.calls_per_hour
                    or f.pages - f.pages_done <= t.pages_per_hour
                       and u.pages + greatest(f.pages - f.pages_done, 1) > t.pages_per_hour)) then 'hour-full'
         when barred_prefix(t.id, f.called_number) is not null then 'barred'
         when not exists (select from trunks_for(t.id, f.called_number)) then
             case when exists (select from matching_routes(t.id, f.called_number)) then 'trunks-off' else 'no-route' end
         when not exists (
             select from trunks_for(t.id, f.called_number) k left join trunk_states s on s.trunk_id = k.trunk_id
             where coalesce(s.rests_until <= now(), true) and coalesce(
                 (select bool_or(coalesce((s.node_rests -> n.name ->> 1)::timestamptz, '-infinity') <= now())
                  from nodes n where n.heartbeat_at > now() - interval '1 minute'),
                 not exists (select from jsonb_each(s.node_rests) r where (r.value ->> 1)::timestamptz > now()))
         ) then 'trunks-rest'
    end"""

_FAX = f"""
    select f.id, f.direction, f.state, f.called_number, f.calling_number, f.pages, f.pages_done, c.pages as call_pages,
           f.attempts_made, f.uncounted,
           least(f.max_attempts, t.max_attempts) as max_attempts, f.not_before, f.explanation, f.error_id,
           coalesce(d.file_name, '') as file_name, f.resolution, f.created_at, f.finished_at,
           coalesce(f.tiff_id, r.document_id) as tiff_id, f.pdf_id, f.post_dial, {_HELD_BY} as held_by, f.purged_at,
           coalesce(f.images_id, r.images_id) as images_id, coalesce(f.thumbnail_id, r.thumbnail_id) as thumbnail_id,
           f.copy_of, w.email as forwarded_by, b.name as mailbox, r.original_id,
           coalesce(g.unread, false) as unread, coalesce(g.at, f.created_at) as listed_at, f.cover_pages_id,
           f.cover_images_id, f.is_test, f.batch
    from faxes f
    join tenants t on t.id = f.tenant_id
    left join mailboxes b on b.tenant_id = f.tenant_id and b.id = f.mailbox_id
    left join listings g on g.tenant_id = f.tenant_id and g.fax_id = f.id
    left join users w on w.tenant_id = f.tenant_id and w.id = f.forwarded_by
    left join calls c on c.tenant_id = f.tenant_id and c.fax_id = f.id
    left join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
    left join documents d on d.tenant_id = r.tenant_id and d.id = r.original_id
    where f.tenant_id = %(tenant)s and f.deleted_at is null
      and (f.user_id = %(user)s or f.direction = 'inbound' and f.mailbox_id in (
        select m.mailbox_id from mailbox_members m where m.tenant_id = %(tenant)s and m.user_id = %(user)s)
      and {permissions.MAY_RECEIVE})"""

_ATTEMPT_COLUMNS = ", ".join(Attempt.__dataclass_fields__)


def faxes(tx: Transaction, user: User, *, direction: str | None = None, limit: int = 50) -> list[Fax]:
    """The user's newest faxes, by when they were laid there or handed in. direction: SENT, INBOX, or None for both.

    What is being received is the newest.
    """
    lists = [of for way, of in ((INBOX, listings.INBOX), (SENT, listings.SENT)) if direction in (None, way)]
    places = [place for of in lists for place in listings.part(tx, user, of, limit=limit).places]
    ids = [fax_id for _at, fax_id in sorted(places, reverse=True)]
    arriving = arriving_now(tx, user) if direction != SENT else []
    return [*arriving, *of_ids(tx, user, ids)][:limit]


def of_ids(tx: Transaction, user: User, fax_ids: Sequence[int]) -> list[Fax]:
    """Those of these faxes that are the user's, in this order."""
    if not fax_ids:
        return []
    rows = tx.rows(
        f"{_FAX} and f.id = any(%(faxes)s)", {"tenant": user.tenant_id, "user": user.id, "faxes": list(fax_ids)}
    )
    found = {row["id"]: Fax(**row) for row in rows}
    return [found[each] for each in fax_ids if each in found]


def arriving_now(tx: Transaction, user: User, mailbox_id: int | None = None) -> list[Fax]:
    """What is being received, the newest first: it stands in no list yet. mailbox_id: of this one only."""
    calls = tx.rows("select fax_id from calls where tenant_id = %s and direction = 'inbound'", (user.tenant_id,))
    rows = tx.rows(
        f"""{_FAX} and f.id = any(%(faxes)s) and f.finished_at is null and g.fax_id is null
            and (%(mailbox)s::bigint is null or f.mailbox_id = %(mailbox)s)
            order by f.created_at desc, f.id desc""",
        {
            "tenant": user.tenant_id,
            "user": user.id,
            "faxes": [row["fax_id"] for row in calls],
            "mailbox": mailbox_id,
        },
    )
    return [Fax(**row) for row in rows]


def fax(tx: Transaction, user: User, fax_id: int) -> Fax:
    """Raises NotFound."""
    row = tx.row(f"{_FAX} and f.id = %(fax)s", {"tenant": user.tenant_id, "user": user.id, "fax": fax_id})
    if row is None:
        raise NotFound(_("You have no fax {fax_id}. `faxplan list` shows yours.").format(fax_id=fax_id))
    return Fax(**row)


def attempts(tx: Transaction, user: User, fax_id: int) -> list[Attempt]:
    """The calls of one of the user's faxes, oldest first. Raises NotFound."""
    fax(tx, user, fax_id)
    rows = tx.rows(
        f"select {_ATTEMPT_COLUMNS} from attempts where tenant_id = %s and fax_id = %s order by number",
        (user.tenant_id, fax_id),
    )
    return [_as_may_be_seen(Attempt(**row)) for row in rows]


def traces(tx: Transaction, user: User, fax_id: int) -> dict[int, str]:
    """The T.30 traces that are kept of the calls of one of the user's faxes, by attempts.number. Raises NotFound."""
    fax(tx, user, fax_id)
    rows = tx.rows(
        """select a.number, t.trace from attempts a
           join t30_traces t on t.tenant_id = a.tenant_id and t.attempt_id = a.id
           where a.tenant_id = %s and a.fax_id = %s order by a.number""",
        (user.tenant_id, fax_id),
    )
    return {row["number"]: row["trace"] for row in rows}


def _as_may_be_seen(call: Attempt) -> Attempt:
    """Without what would tell who an anonymous caller is (RFC 3325, 7); the row keeps it for a dispute."""
    return replace(call, invite_from=None, invite_asserted=None) if call.caller_id == ANONYMOUS else call


def received_since(tx: Transaction, user: User, *, called: str, calling: str | None, since: datetime) -> int | None:
    """The first fax that came in for `called` from `calling` since then; None where there is none yet."""
    fax_id: int | None = tx.value(
        """select id from faxes where tenant_id = %s and direction = 'inbound' and called_number = %s
           and calling_number is not distinct from %s and created_at >= %s order by id limit 1""",
        (user.tenant_id, called, calling, since),
    )
    return fax_id


def calls_now(tx: Transaction) -> list[Row]:
    """Every call in flight (role admin): tenant, fax_id, direction, node, trunk (None: it has none), destination, pages
    (of this call), seconds; done and of_pages: of the fax, of_pages None: not known, as of one that comes in.
    """
    return tx.rows(
        """select t.slug as tenant, c.fax_id, c.direction, c.node, k.name as trunk, c.destination, c.pages,
                  extract(epoch from now() - c.started_at)::float as seconds,
                  f.pages_done + c.pages as done, case when c.direction = 'outbound' then f.pages end as of_pages
           from calls c join tenants t on t.id = c.tenant_id left join trunks k on k.id = c.trunk_id
           left join faxes f on f.tenant_id = c.tenant_id and f.id = c.fax_id order by c.started_at, c.attempt_id"""
    )


def queue_now(tx: Transaction) -> list[Row]:
    """What waits for a call, by tenant (role admin): tenant, faxes, due, oldest (seconds that a due one waits)."""
    return tx.rows(
        """select t.slug as tenant, count(*) as faxes, count(*) filter (where q.not_before <= now()) as due,
                  greatest(extract(epoch from max(now() - q.not_before)), 0)::float as oldest
           from fax_queue q join tenants t on t.id = q.tenant_id group by t.slug order by t.slug"""
    )


def waiting(tx: Transaction, tenant_id: int, *, after: tuple[datetime, int] | None, limit: int) -> list[Row]:
    """A tenant's faxes that wait for a call (role admin, inside the tenant), as they are due: fax_id, destination,
    not_before, priority, pages (that the next call has to send), held_by (as Fax has it). after: the time and the id of
    the one after which to go on.
    """
    return tx.rows(
        f"""select f.id as fax_id, f.called_number as destination, f.not_before, f.priority, f.pages,
                   {_HELD_BY} as held_by
            from (select fax_id as id, tenant_id, destination as called_number, not_before, priority, pages,
                         0 as pages_done, 'outbound' as direction, 'queued' as state, false as is_test
                  from fax_queue where tenant_id = %(tenant)s
                    and (%(at)s::timestamptz is null or (not_before, fax_id) > (%(at)s::timestamptz, %(id)s))
                  order by not_before, fax_id limit %(limit)s) f
            join tenants t on t.id = f.tenant_id order by f.not_before, f.id""",
        {"tenant": tenant_id, "at": after and after[0], "id": after and after[1], "limit": limit},
    )
