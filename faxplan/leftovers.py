"""What lies on this machine of faxes that were purged: in the spool and in pending/.

A runtime that works leaves nothing there of a fax that has ended. This is for one that has not run since: what it would
throw away, late, goes with the fax.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faxplan import pending
from faxplan.db import Database
from faxplan.owner_rights import as_owner_of
from faxplan.pending import Pending
from faxplan.spool import SidecarDamaged, Spool

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Left:
    """Files of one call. channel_uuid None: it is not known; then the ids decide. discard: removes them, in folder."""

    tenant_id: int
    attempt_id: int
    channel_uuid: str | None
    folder: Path
    discard: Callable[[], object]


def sweep(db: Database, spool: Spool, waiting: Pending) -> int:
    """Removes it (role purge); of how many calls."""
    by_tenant: dict[int, list[_Left]] = {}
    for each in [*_waiting(waiting), *_received(spool), *_staged(spool)]:
        by_tenant.setdefault(each.tenant_id, []).append(each)
    removed = 0
    for tenant_id, left in by_tenant.items():
        purged = _purged(db, tenant_id, [each.attempt_id for each in left])
        for each in left:
            if each.attempt_id in purged and each.channel_uuid in (None, purged[each.attempt_id]):
                # Root's purge is not to follow a link that FreeSWITCH's account has put there meanwhile.
                with as_owner_of(each.folder):
                    each.discard()
                removed += 1
    return removed


def _waiting(waiting: Pending) -> Iterator[_Left]:
    for fax in waiting.waiting() if waiting.root.is_dir() else ():
        side = fax.sidecar
        yield _Left(side.tenant_id, side.attempt_id, side.channel_uuid, waiting.root, partial(pending.discard, fax))


def _received(spool: Spool) -> Iterator[_Left]:
    for attempt_id in spool.inbound_attempts() if spool.inbound.is_dir() else ():
        try:
            side = spool.expected(attempt_id)
        except SidecarDamaged as error:
            # Recovery's, which knows what runs.
            LOG.warning("%s", error)
            continue
        if side is not None:
            discard = partial(spool.discard_inbound, attempt_id)
            yield _Left(side.tenant_id, attempt_id, side.channel_uuid, spool.inbound, discard)


def _staged(spool: Spool) -> Iterator[_Left]:
    for attempt_id in spool.outbound_attempts() if spool.outbound.is_dir() else ():
        if (side := spool.staged(attempt_id)) is not None:
            discard = partial(spool.discard_outbound, attempt_id)
            yield _Left(side.tenant_id, attempt_id, None, spool.outbound, discard)


def _purged(db: Database, tenant_id: int, attempt_ids: list[int]) -> dict[int, str]:
    """Those of these calls whose fax was purged, with their channels; not what inbound delivers late all the same."""
    with db.tenant(tenant_id) as tx:
        rows = tx.rows(
            """select a.id, a.channel_uuid from attempts a
               join faxes f on f.tenant_id = a.tenant_id and f.id = a.fax_id
               where a.tenant_id = %s and a.id = any(%s) and f.purged_at is not null
                 and not (f.state = 'failed' and f.deleted_at is not null)""",
            (tenant_id, attempt_ids),
        )
    return {row["id"]: row["channel_uuid"] for row in rows}
