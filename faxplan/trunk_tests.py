"""Test faxes: one page in one call through one trunk, whatever the routes say. They have their own way into a call:

submit   everything that the call needs, made at once, so that no worker is needed; it waits in trunk_tests
claim    a node takes it, within its own limit and the trunk's
settling ends it whatever came of the call (faxes.is_test); no second one follows
"""

from collections.abc import Sequence
from datetime import datetime

from faxplan import (
    audit,
    caller_ids,
    deadlines,
    documents,
    limits,
    numbers,
    outbound,
    paper,
    queue,
    quotas,
    refused_numbers,
    rendering,
    renderings,
    source,
    tenants,
    transient_readers,
    trunk_directory,
    trunks,
    turns,
    vault,
)
from faxplan.claims import ClaimedFax
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed, ToSend
from faxplan.errors import DatabaseUnavailable, FaxplanError, NoRoute
from faxplan.language import _
from faxplan.tenants import Tenant
from faxplan.users import User

PATIENCE_SECONDS = 120
"""So long a test waits for a node: one that is dialled hours later tests nothing."""
_URGENT = 10
_WORDS = """Test fax

This page was sent through {trunk} on {time} to see whether faxes arrive.
Nothing needs to be done with it.
"""


class CannotBeTested(FaxplanError):
    """No test fax can go through the trunk."""

    error_id = "cannot-be-tested"


def submit(db: Database, store: Store, user: User, trunk: str, number: str, *, calling: str | None = None) -> int:
    """A user's test fax through a trunk, which a node dials at once; its id. number, calling: as the user writes them.

    Raises NotFound, CannotBeTested, InvalidNumber, NumberBarred, NoRoute for one barred by a route, NoCallerId,
    ForeignCallerId, QuotaExceeded, TenantDisabled, DatabaseUnavailable (then it may have been accepted, as with any
    commit whose answer is lost).
    """
    with refused_numbers.audited(db, user, "trunk.test", number), db.tenant(user.tenant_id) as tx:
        tenant = tenants.get(tx, user.tenant_id)
        outbound.check_enabled(tenant)
        trunk_id = _usable(tx, tenant, trunk)
        called = numbers.normalise(number, tenant.country)
        tenant.number_policy.check(called)
        trunks.check_not_barred(tx, tenant.id, called)
        (found,) = trunks.some(tx, {trunk_id})
        found.dialled(called, home=tenant.country)
        as_whom = caller_ids.choose(tx, tenant, calling)
    words = _WORDS.format(trunk=trunk, time=f"{datetime.now(tenant.zone):%Y-%m-%d %H:%M %Z}")
    original, *page = _page(store, user.tenant_id, words)
    try:
        with db.tenant(user.tenant_id) as tx:
            return _enter(tx, user, trunk_id, trunk, called, as_whom, original, page)
    except DatabaseUnavailable:
        # It may have committed before it went away, and its rows then name these objects: orphans are cheaper.
        raise
    except BaseException:
        for made in (original, *page):
            store.delete(made.stored.object_name)
        raise


def _usable(tx: Transaction, tenant: Tenant, name: str) -> int:
    """The trunk's id. Raises NotFound and CannotBeTested."""
    row = tx.one("select id, enabled, dedicated_to from trunks where id = %s", (trunk_directory.id_of(tx, name),))
    if not row["enabled"]:
        raise CannotBeTested(
            _("Trunk {name} is switched off. `faxplan trunk set {name} --enabled on` switches it on.").format(name=name)
        )
    if row["dedicated_to"] not in (None, tenant.id):
        raise CannotBeTested(
            _("Trunk {name} is another tenant's alone. Test it as one of that tenant's users: --as USER.").format(
                name=name
            )
        )
    return int(row["id"])


def _page(store: Store, tenant_id: int, text: str) -> list[Sealed]:
    """A document with this text, its page, and that page for the screen; sealed."""
    with store.scratch.folder() as folder:
        written, drawn = folder / "test.txt", folder / "test.tif"
        written.write_text(text, encoding="utf-8")
        rendering.render(written, drawn, resolution=paper.Resolution.FINE, within=store.confinement)
        page = {documents.RENDERING: drawn} | renderings.images_if_possible(drawn, folder, within=store.confinement)
        return renderings.seal_all(store, tenant_id, {documents.ORIGINAL: written} | page)


def _enter(
    tx: Transaction,
    user: User,
    trunk_id: int,
    trunk: str,
    called: str,
    calling: str,
    original: Sealed,
    page: Sequence[Sealed],
) -> int:
    tenant_id = user.tenant_id
    # What a test says is no secret: it may be sent by a user who could not read it again.
    mailboxes = vault.keys_of_mailboxes(tx, tenant_id, [user.mailbox_id])
    to_read = original.wrapped(mailboxes, file_name="trunk-test.txt")
    original_id = documents.record(tx, to_read, media_type=source.TEXT, pages=1)
    ids = renderings.record_all(tx, page, mailboxes, transient_readers.current(tx), pages=1)
    fax_id = int(
        tx.value(
            """with r as (
                   insert into renderings (tenant_id, original_id, resolution, state, document_id, images_id,
                                           thumbnail_id)
                   values (%(tenant)s, %(original)s, 'fine', 'rendered', %(page)s, %(images)s, %(thumbnail)s)
                   returning id),
               f as (
                   insert into faxes (tenant_id, direction, state, user_id, mailbox_id, called_number, calling_number,
                                      rendering_id, resolution, pages, priority, reserved_pages, is_test)
                   select %(tenant)s, 'outbound', 'queued', %(user)s, %(mailbox)s, %(called)s, %(calling)s, id, 'fine',
                          1, %(priority)s, 1, true from r returning id)
               insert into trunk_tests (tenant_id, fax_id, trunk_id) select %(tenant)s, id, %(trunk)s from f
               returning fax_id""",
            {
                "tenant": tenant_id,
                "original": original_id,
                "page": ids[documents.RENDERING],
                "images": ids.get(documents.PAGE_IMAGES),
                "thumbnail": ids.get(documents.THUMBNAIL),
                "user": user.id,
                "mailbox": user.mailbox_id,
                "called": called,
                "calling": calling,
                "priority": _URGENT,
                "trunk": trunk_id,
            },
        )
    )
    # For where no node runs, which would end it sooner.
    deadlines.begin(tx, tenant_id, fax_id)
    quotas.reserve(tx, tenant_id, user.id, 1)
    tx.notify(queue.QUEUE_CHANNEL)
    audit.record(
        tx, tenant_id, actor=f"user:{user.id}", action="trunk.test", object=f"fax:{fax_id}", trunk=trunk, called=called
    )
    return fax_id


def claim(
    tx: Transaction, *, node: str, switch_uuid: str, lease_seconds: int, max_calls: int, actor: str
) -> list[ClaimedFax]:
    """The test that waits longest and has room, taken for this node; none or one.

    Limits: `max_calls` of the node, the trunk's max_calls, and the tenant's calls and pages an hour; that it rests is
    no reason, since a test is to tell whether it works again. One that has waited for too long, or whose number is
    barred by now, ends here. Call in across_tenants() as role switch, in a transaction of its own: it takes the turn to
    count calls.
    """
    waiting = _longest(tx, node, max_calls)
    if waiting is None:
        return []
    if waiting["too_late"]:
        tx.enter_tenant(waiting["tenant_id"])
        _end(
            tx,
            waiting,
            _("No switch could take the test within {seconds} seconds.").format(seconds=PATIENCE_SECONDS),
            "not-tested",
            actor,
        )
        return []
    # Whoever had the turn may have taken what was counted as free.
    queue.take_turn(tx)
    waiting = _longest(tx, node, max_calls)
    if waiting is None or waiting["too_late"]:
        return []
    tx.enter_tenant(waiting["tenant_id"])
    # Not waited for: nobody else counts calls meanwhile.
    if not queue.lock_fax_if_free(tx, waiting["tenant_id"], waiting["fax_id"]):
        return []
    row = None
    if not _ended_as_barred(tx, waiting, actor):
        row = _open_attempt(tx, waiting, node, switch_uuid, lease_seconds)
    if row is None:
        return []
    (trunk,) = trunks.some(tx, {waiting["trunk_id"]})
    page = ToSend.of(row)
    fields = {name: value for name, value in row.items() if name not in ToSend.NAMES}
    claimed = ClaimedFax(waiting["tenant_id"], rendering=page, trunk=trunk, **fields)
    turns.note(tx, claimed.tenant_id, claimed.pages_left)
    limits.pace(tx, trunk.id)
    return [claimed]


def _longest(tx: Transaction, node: str, max_calls: int) -> Row | None:
    return tx.row(
        """select t.tenant_id, t.fax_id, t.trunk_id,
                  t.requested_at < now() - make_interval(secs => %(patience)s) as too_late
           from trunk_tests t join trunks k on k.id = t.trunk_id
           where t.requested_at < now() - make_interval(secs => %(patience)s)
              or k.enabled and (select count(*) from calls where node = %(node)s) < %(most)s
                 and coalesce((select count(*) from calls where trunk_id = k.id) < k.max_calls, true)
                 and not (k.register and exists (
                     select from trunk_holders h where h.trunk_id = k.id and h.node <> %(node)s))
                 and coalesce(k.dedicated_to = t.tenant_id, true)
                 and not exists (
                     select from tenants o join tenant_turns s on s.tenant_id = o.id
                     where o.id = t.tenant_id and s.hour = date_trunc('hour', now())
                       and (s.calls >= o.calls_per_hour or s.pages >= o.pages_per_hour))
           order by t.requested_at limit 1""",
        {"patience": PATIENCE_SECONDS, "node": node, "most": max_calls},
    )


def _ended_as_barred(tx: Transaction, waiting: Row, actor: str) -> bool:
    called = tx.value("select called_number from faxes where tenant_id = %s and id = %s", _key(waiting))
    try:
        trunks.check_not_barred(tx, waiting["tenant_id"], called)
    except NoRoute as error:
        _end(tx, waiting, str(error), error.error_id, actor)
        return True
    return False


def _end(tx: Transaction, waiting: Row, words: str, error_id: str, actor: str) -> None:
    """A test that is not dialled."""
    fax = queue.lock_fax(tx, *_key(waiting))
    if fax is not None and queue.withdraw(tx, fax["tenant_id"], fax["id"]):
        outbound.finish(tx, fax, "failed", words, error_id=error_id, actor=actor)


def _key(waiting: Row) -> tuple[int, int]:
    return waiting["tenant_id"], waiting["fax_id"]


def _open_attempt(tx: Transaction, waiting: Row, node: str, switch_uuid: str, lease_seconds: int) -> Row | None:
    """The fields of a ClaimedFax; None: somebody else has it, or it was cancelled.

    The fax comes first, as for everybody else: whoever cancels holds it, and then wants its row of trunk_tests.
    """
    return tx.row(
        f"""with f as (
               update faxes set state = 'dialing', attempts_made = attempts_made + 1
               where tenant_id = %(tenant)s and id = %(fax)s and state = 'queued' and not cancel_requested
               returning id, called_number, calling_number, pages, pages_done, attempts_made, rendering_id),
           gone as (
               delete from trunk_tests t using f where t.tenant_id = %(tenant)s and t.fax_id = f.id returning t.fax_id),
           a as (
               insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, trunk, t38_offered,
                                     v17_offered, ecm_offered)
               select %(tenant)s, f.id, f.attempts_made, %(node)s, gen_random_uuid()::text, f.pages_done, k.name, k.t38,
                      k.v17, k.ecm
               from f join gone g on g.fax_id = f.id join trunks k on k.id = %(trunk)s
               returning id, fax_id, channel_uuid, number, start_page, t38_offered, v17_offered, ecm_offered),
           c as (
               insert into calls (tenant_id, attempt_id, fax_id, direction, node, switch_uuid, channel_uuid, trunk_id,
                                  destination, lease_until)
               select %(tenant)s, a.id, a.fax_id, 'outbound', %(node)s, %(switch)s, a.channel_uuid, %(trunk)s,
                      f.called_number, now() + make_interval(secs => %(lease)s)
               from a join f on f.id = a.fax_id)
           select f.id as fax_id, a.id as attempt_id, a.number as attempt_number, a.channel_uuid, f.called_number,
                  o.number as calling_number, f.pages, a.start_page, {ToSend.COLUMNS},
                  coalesce(o.station_ident, '') as did_ident, a.t38_offered as t38, a.v17_offered as v17,
                  a.ecm_offered as ecm
           from f join a on a.fax_id = f.id
           join renderings r on r.tenant_id = %(tenant)s and r.id = f.rendering_id
           join documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
           left join lateral calling_number(%(tenant)s, f.calling_number) o on true""",
        {
            "tenant": waiting["tenant_id"],
            "fax": waiting["fax_id"],
            "trunk": waiting["trunk_id"],
            "node": node,
            "switch": switch_uuid,
            "lease": lease_seconds,
        },
    )
