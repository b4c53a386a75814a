"""A draft: a document that its user has handed in and looks at, page by page as it will be faxed, before it is sent.

It is rendered at once, and lives for a day. Sending makes faxes of it, which have its document from then on, and ends
it: nothing is handed in or rendered a second time. One that was removed, or forgotten, no machine opens any more, and
the next purge destroys it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from faxplan import (
    audit,
    draft_closing,
    originals,
    outbound,
    permissions,
    queue,
    quotas,
    render_jobs,
    submission,
    tenants,
)
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.errors import FaxplanError, NotFound, RenderingFailed
from faxplan.language import _
from faxplan.originals import HandedIn
from faxplan.outbound import Submitted
from faxplan.recipients import Recipients
from faxplan.rendering import Resolution
from faxplan.submission import Ready
from faxplan.users import User

LIFETIME_SECONDS = 86400
_LOOKED_BACK = 5000
"""So many rows of the audit: who comes back to a draft that was sent comes soon."""
MOST = 100
"""Of one user's at once, with those that purge has not destroyed yet: each is a document in the store that nobody pays
for."""


class TooManyDrafts(FaxplanError):
    """The user has as many drafts as one may have."""

    error_id = "too-many-drafts"


@dataclass(frozen=True, slots=True)
class Draft:
    """state: of its pages, as renderings.state: waiting, rendered, or failed (error_id and explanation say why).

    pages None: known after rendering. tiff_id: its pages; images_id, thumbnail_id: what shows them (documents.kind);
    None where there is none. kept: a campaign has it.
    """

    id: int
    state: str
    pages: int | None
    resolution: str
    created_at: datetime
    expires_at: datetime
    original_id: int
    tiff_id: int | None
    images_id: int | None
    thumbnail_id: int | None
    error_id: str | None
    explanation: str | None
    kept: bool = False


def make(db: Database, store: Store, user: User, document: HandedIn, *, instead: int | None = None) -> Draft:
    """A draft of a document (role portal). instead: of this one, which is removed.

    Raises Forbidden for who may not send, TooManyDrafts, TenantDisabled, NotFound, and as originals.hand_in.
    """
    with db.tenant(user.tenant_id) as tx:
        permissions.check(tx, user.tenant_id, user.id, permissions.SEND)
        outbound.check_enabled(tenants.get(tx, user.tenant_id))
        _check_room(tx, user)
        originals.readers(tx, user)
        if instead is not None:
            get(tx, user, instead)

    def then(tx: Transaction, rendering: int, pages: int | None) -> Draft:
        if instead is not None:
            _remove(tx, user, instead)
        # Another one may have been handed in beside it: in turn, from here on.
        quotas.take_turn(tx, user.tenant_id)
        _check_room(tx, user)
        draft_id = tx.value(
            """insert into drafts (tenant_id, user_id, rendering_id, expires_at)
               values (%s, %s, %s, now() + make_interval(secs => %s)) returning id""",
            (user.tenant_id, user.id, rendering, LIFETIME_SECONDS),
        )
        made = get(tx, user, draft_id)
        _record(tx, user, "draft.add", draft_id, pages=pages)
        return made

    return originals.hand_in(db, store, user, document, then)


def _check_room(tx: Transaction, user: User) -> None:
    count = tx.value("select count(*) from drafts where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))
    if count >= MOST:
        raise TooManyDrafts(
            _(
                "You have {most} drafts, with those that you have removed within the hour, and no room for more. "
                "Send some; what you remove makes room once purge has come."
            ).format(most=MOST)
        )


# By the clock, and not since when the transaction is there: it may have waited for who made the pages meanwhile.
_LIVE = "not d.closed and d.expires_at > clock_timestamp()"
_DRAFTS = f"""
    select d.id, r.state, coalesce(p.pages, o.pages) as pages, r.resolution, d.created_at, d.expires_at, r.original_id,
           r.document_id as tiff_id, r.images_id, r.thumbnail_id, r.error_id, r.error_text as explanation,
           d.kept
    from drafts d join renderings r on r.tenant_id = d.tenant_id and r.id = d.rendering_id
    join documents o on o.tenant_id = r.tenant_id and o.id = r.original_id
    left join documents p on p.tenant_id = r.tenant_id and p.id = r.document_id
    where d.tenant_id = %(tenant)s and d.user_id = %(user)s and {_LIVE}"""


def of_user(tx: Transaction, user: User) -> list[Draft]:
    """A user's drafts, the newest first."""
    rows = tx.rows(f"{_DRAFTS} and not d.kept order by d.id desc", {"tenant": user.tenant_id, "user": user.id})
    return [Draft(**row) for row in rows]


def get(tx: Transaction, user: User, draft_id: int) -> Draft:
    """Raises NotFound, for another user's as well."""
    row = tx.row(f"{_DRAFTS} and d.id = %(draft)s", {"tenant": user.tenant_id, "user": user.id, "draft": draft_id})
    if row is None:
        raise NotFound(
            _(
                "You have no draft {draft_id}. A draft is there until it is sent (`faxplan list --sent`) or removed, "
                "and for a day at most: `faxplan draft list`."
            ).format(draft_id=draft_id)
        )
    return Draft(**row)


def sent_as(tx: Transaction, user: User, draft_id: int) -> list[int]:
    """The faxes that were made of a draft which is none any more, by what the audit has last; empty where it was not
    sent, or long ago."""
    rows = tx.rows(
        """select object from (
               select object, actor, action, details, sequence from audit
               where tenant_id = %s order by sequence desc limit %s) a
           where action = 'fax.submit' and actor = %s and details->>'draft' = %s order by sequence""",
        (user.tenant_id, _LOOKED_BACK, f"user:{user.id}", f"draft:{draft_id}"),
    )
    return [int(row["object"].partition(":")[2]) for row in rows]


def keep(tx: Transaction, user: User, draft_id: int) -> Draft:
    """For a campaign, which has it from now on: it does not expire. Raises NotFound, and RenderingFailed for one whose
    pages cannot be made."""
    draft = _held(tx, user, draft_id)
    if draft.state == "failed":
        raise _no_pages(draft)
    tx.execute(
        """update drafts set kept = true, expires_at = now() + interval '100 years'
           where tenant_id = %s and id = %s and not kept""",
        (user.tenant_id, draft_id),
    )
    return draft


def copy(tx: Transaction, user: User, draft_id: int) -> int:
    """Another draft of the document that a campaign has, for another one to keep. Its id. Raises NotFound, and
    RenderingFailed as `keep`."""
    draft = _held_by_any(tx, user, draft_id)
    if draft.state == "failed":
        raise _no_pages(draft)
    return int(
        tx.value(
            """insert into drafts (tenant_id, user_id, rendering_id, expires_at)
               select tenant_id, user_id, rendering_id, now() + make_interval(secs => %s) from drafts
               where tenant_id = %s and id = %s returning id""",
            (LIFETIME_SECONDS, user.tenant_id, draft_id),
        )
    )


def let_go(tx: Transaction, tenant_id: int, draft_id: int) -> None:
    """The campaign that kept it has ended: no machine opens its document any more, but for faxes that have not ended,
    or another campaign; and purge destroys one of which no fax was made."""
    row = tx.row(
        """select r.original_id from drafts d join renderings r on r.tenant_id = d.tenant_id and r.id = d.rendering_id
           where d.tenant_id = %s and d.id = %s""",
        (tenant_id, draft_id),
    )
    if row is None:
        return
    of = {"tenant": tenant_id, "original": row["original_id"], "draft": draft_id}
    queue.hold_originals(tx, tenant_id, [row["original_id"]])
    has_faxes, waits = tx.one(
        """select count(*) > 0 as has_faxes, count(*) filter (where f.finished_at is null) > 0 as waits
           from renderings r join faxes f on f.tenant_id = r.tenant_id and f.rendering_id = r.id
           where r.tenant_id = %(tenant)s and r.original_id = %(original)s""",
        of,
    ).values()
    others = tx.value(
        """select exists (
               select from renderings r join drafts d on d.tenant_id = r.tenant_id and d.rendering_id = r.id
               where r.tenant_id = %(tenant)s and r.original_id = %(original)s and d.id <> %(draft)s and d.kept)""",
        of,
    )
    if not waits and not others:
        draft_closing.close(tx, tenant_id, draft_id, row["original_id"])
    if has_faxes or others:
        # They have the document from now on.
        tx.execute("delete from drafts where tenant_id = %(tenant)s and id = %(draft)s", of)
    else:
        tx.execute(
            "update drafts set kept = false, expires_at = now() where tenant_id = %(tenant)s and id = %(draft)s", of
        )


def _no_pages(draft: Draft) -> RenderingFailed:
    return RenderingFailed(
        _("Draft {draft_id} has no pages to send: {explanation}").format(
            draft_id=draft.id, explanation=draft.explanation
        )
    )


def change(db: Database, user: User, draft_id: int, resolution: Resolution) -> Draft:
    """A draft's pages at another resolution, which are made now (role portal). Raises NotFound."""
    with db.tenant(user.tenant_id) as tx:
        draft = _held(tx, user, draft_id)
        notice = tx.value(
            """select r.notice from drafts d join renderings r on r.tenant_id = d.tenant_id and r.id = d.rendering_id
               where d.tenant_id = %s and d.id = %s""",
            (user.tenant_id, draft_id),
        )
        rendering = render_jobs.order(tx, user.tenant_id, draft.original_id, resolution.value, notice)
        tx.execute(
            "update drafts set rendering_id = %s where tenant_id = %s and id = %s",
            (rendering, user.tenant_id, draft_id),
        )
        changed = get(tx, user, draft_id)
        _record(tx, user, "draft.change", draft_id, resolution=resolution.value)
        return changed


def send(db: Database, store: Store, user: User, draft_id: int, to: Recipients) -> list[Submitted]:
    """A fax to each of these numbers, and the draft is none any more; or nothing at all (role portal).

    Raises NotFound, RenderingFailed for one whose pages cannot be made, QuotaExceeded, and as submission.ready.
    """
    with db.tenant(user.tenant_id) as tx:
        resolution = Resolution(get(tx, user, draft_id).resolution)
    with submission.ready(db, store, user, to, resolution) as faxes, db.tenant(user.tenant_id) as tx:
        draft = _held(tx, user, draft_id)
        if draft.state == "failed":
            raise _no_pages(draft)
        tx.execute("delete from drafts where tenant_id = %s and id = %s", (user.tenant_id, draft_id))
        # At the resolution that it has now.
        orders = [replace(each.order, resolution=Resolution(draft.resolution)) for each in faxes]
        return [_accept(tx, user, draft, Ready(order, each.cover)) for order, each in zip(orders, faxes, strict=True)]


def _accept(tx: Transaction, user: User, draft: Draft, fax: Ready) -> Submitted:
    rendering = tx.value(
        "select id from renderings where tenant_id = %s and original_id = %s and resolution = %s and notice = ''",
        (user.tenant_id, draft.original_id, draft.resolution),
    )
    sent = submission.accept(tx, user, fax, rendering, draft.pages, draft=f"draft:{draft.id}")
    if draft.state == "rendered" and fax.cover is not None:
        render_jobs.order_covers(tx, user.tenant_id, rendering)
    elif draft.state == "rendered":
        queue.enqueue(tx, user.tenant_id, sent.fax_id, pages_done=0, delay_seconds=0, explanation=None)
    return sent


def remove(db: Database, user: User, draft_id: int) -> None:
    """Nobody sees or sends it from now on, and no machine opens it (role portal). Raises NotFound."""
    with db.tenant(user.tenant_id) as tx:
        _remove(tx, user, draft_id)


def _remove(tx: Transaction, user: User, draft_id: int) -> None:
    draft = _held(tx, user, draft_id)
    draft_closing.close(tx, user.tenant_id, draft_id, draft.original_id)
    tx.execute(
        "update drafts set expires_at = least(expires_at, clock_timestamp()) where tenant_id = %s and id = %s",
        (user.tenant_id, draft_id),
    )
    _record(tx, user, "draft.remove", draft_id)


def _held(tx: Transaction, user: User, draft_id: int) -> Draft:
    """A draft, held until commit (queue.hold_originals): nobody else sends, changes, closes or purges it meanwhile, and
    its pages are made or not, whatever a worker is about to say. Raises NotFound, also for one that a campaign has.
    """
    draft = _held_by_any(tx, user, draft_id)
    if draft.kept:
        raise NotFound(_("Draft {draft_id} belongs to a campaign, which sends it.").format(draft_id=draft_id))
    return draft


def _held_by_any(tx: Transaction, user: User, draft_id: int) -> Draft:
    """As _held, also one that a campaign has."""
    queue.hold_originals(tx, user.tenant_id, [get(tx, user, draft_id).original_id])
    return get(tx, user, draft_id)


def mailboxes(tx: Transaction, tenant_id: int, rendering_id: int) -> list[int]:
    """Of users who have a draft with the original of this rendering."""
    rows = tx.rows(
        f"""select u.mailbox_id from renderings mine
            join renderings r on r.tenant_id = mine.tenant_id and r.original_id = mine.original_id
            join drafts d on d.tenant_id = r.tenant_id and d.rendering_id = r.id
            join users u on u.tenant_id = d.tenant_id and u.id = d.user_id
            where mine.tenant_id = %s and mine.id = %s and {_LIVE}""",
        (tenant_id, rendering_id),
    )
    return [row["mailbox_id"] for row in rows]


def _record(tx: Transaction, user: User, action: str, draft_id: int, **details: Any) -> None:
    audit.record(tx, user.tenant_id, actor=f"user:{user.id}", action=action, object=f"draft:{draft_id}", **details)
