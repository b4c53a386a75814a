"""Staging: everything that a call needs, written into the spool before it is dialled.

Between answer and txfax there is then only a file to read. The stored rendering never has a header line: it is stamped
here onto the staged copy, and spandsp prints none (docs/decisions/header-line.md).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from faxplan import dial_string, fax_tiff, header_line, numbers, page_strips, post_dial
from faxplan.claims import ClaimedFax
from faxplan.config import Settings
from faxplan.document_store import Store
from faxplan.documents import CoverToSend
from faxplan.errors import FaxplanError, NoCallerId, NoRoute
from faxplan.header_line import HeaderLine
from faxplan.page_strips import Pages
from faxplan.paper import Resolution
from faxplan.spool import OutboundSidecar, Spool
from faxplan.tenants import Tenant
from faxplan.tiff_directory import Data
from faxplan.trunks import Trunk

MAX_IDENT = 20
MOST_PAGES_AT_ONCE = 10
"""Pages that get their header line within the runtime's step; longer faxes in a thread beside it: 300 take seconds."""
IN_MEMORY_BYTES = 1 << 20
"""Renderings up to this size are read and stamped without a file in between."""
MOST_WAITING = 4
"""Faxes that hold a channel while they wait for that thread."""


class PagesPerHour(FaxplanError):
    """No hour has room for the pages of this call."""

    error_id = "pages-per-hour"


def check_may_be_sent(fax: ClaimedFax, tenant: Tenant) -> None:
    """Whether the tenant may still send this: it was asked when the fax was handed in, and rules change.

    Raises NumberBarred and PagesPerHour.
    """
    tenant.number_policy.check(fax.called_number)
    if not tenant.has_an_hour_for(fax.pages_left):
        raise PagesPerHour(f"{fax.pages_left} pages are more than the {tenant.pages_per_hour} that may go in an hour.")


def line_of(tenant: Tenant, ident: str, pages: int, *, at: datetime | None = None) -> HeaderLine:
    """The header line that goes above the pages of a fax. pages: of the whole fax. at: when; None: now.

    Always ours: where pages go as T.85, spandsp's costs each page its last rows (docs/decisions/header-line.md).
    """
    when = (at or datetime.now(UTC)).astimezone(tenant.zone)
    return HeaderLine(when, tenant.sender_name, ident, 1, pages if tenant.page_n_of_m else None)


def stage(store: Store, spool: Spool, fax: ClaimedFax, trunk: Trunk, tenant: Tenant) -> OutboundSidecar:
    """Writes pages and sidecar of a call; the sidecar.

    Raises DocumentLost, KeyElsewhere, KeyGone, StoreUnavailable, NoCallerId, InvalidNumber, NumberBarred and
    PagesPerHour.
    """
    check_may_be_sent(fax, tenant)
    # First: what must not be dialled leaves no pages in the spool.
    dialled = trunk.dialled(fax.called_number, home=tenant.country)
    if fax.calling_number is None:
        raise NoCallerId("The tenant has no number any more to call from.")
    ident = sender_ident(fax.did_ident, tenant, fax.calling_number)
    target = spool.outbound_tiff(fax.attempt_id)
    if tenant.header_line:
        with _pages(store, spool, fax) as pages:
            header_line.stamp(pages, target, line_of(tenant, ident, fax.pages), start_page=fax.start_page)
    elif fax.cover is not None:
        with _pages(store, spool, fax) as pages:
            page_strips.write(pages, target)
    else:
        store.copy_to_send(fax.rendering, target)
    sidecar = OutboundSidecar(
        tenant_id=fax.tenant_id,
        fax_id=fax.fax_id,
        attempt_id=fax.attempt_id,
        ident=ident,
        start_page=fax.start_page,
        dialled=dialled,
        caller_id=numbers.written(fax.calling_number, trunk.calling_format, trunk.inbound_country),
        use_ecm=fax.ecm,
        disable_v17=not fax.v17,
        encrypted_media=trunk.encrypted_media,
        from_user=trunk.from_user,
        t30_trace=trunk.t30_trace,
        tones=post_dial.tones(fax.post_dial) if fax.post_dial else "",
    )
    spool.stage(sidecar)
    return sidecar


def with_cover(store: Store, cover: CoverToSend | None, body: Data) -> Pages:
    """All pages of a fax: those of its cover, if it has one, before those of its document. Raises as store.open."""
    if cover is None:
        return page_strips.of(body)
    drawn = page_strips.of(store.read_to_send(cover.document))
    return drawn.at(Resolution(cover.resolution).y_dpi) + page_strips.of(body)


@contextmanager
def _pages(store: Store, spool: Spool, fax: ClaimedFax) -> Iterator[Pages]:
    """Those that are sent, without a header line."""
    with _rendering(store, spool, fax) as data:
        yield with_cover(store, fax.cover, data)


@contextmanager
def _rendering(store: Store, spool: Spool, fax: ClaimedFax) -> Iterator[Data]:
    """Of its document. A long fax lies in the spool meanwhile, which has a limit."""
    if fax.rendering.stored.size <= IN_MEMORY_BYTES:
        yield store.read_to_send(fax.rendering)
        return
    plain = spool.outbound_plain(fax.attempt_id)
    try:
        store.copy_to_send(fax.rendering, plain)
        with fax_tiff.mapped(plain) as data:
            yield data
    finally:
        plain.unlink(missing_ok=True)


def sender_ident(did_ident: str, tenant: Tenant, number: str) -> str:
    """The first that tells a number, as 47 CFR 68.318(d) asks for: a form of spaces and + alone tells none.

    Of the DID that sends, of its tenant, or that DID itself.
    """
    idents = (did_ident, tenant.station_ident, number)
    return next((ident for ident in idents if any(each.isdigit() for each in ident)), "")[:MAX_IDENT]


@dataclass(frozen=True, slots=True)
class Staged:
    """A call that is ready to be dialled. argument: gives that of its `bgapi`, or raises why it is not ready."""

    fax: ClaimedFax
    argument: Callable[[], str]


class Stager:
    """Makes a runtime's calls ready: at once, or in a thread where a long fax is stamped, or the document comes from
    another machine. For one thread to use.
    """

    def __init__(self, store: Store, spool: Spool, settings: Settings) -> None:
        self._store = store
        self._spool = spool
        self._settings = settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="faxplan-staging")
        self._waiting: dict[int, tuple[ClaimedFax, Future[str]]] = {}

    @property
    def attempts(self) -> frozenset[int]:
        """Those that are not ready."""
        return frozenset(self._waiting)

    @property
    def room(self) -> int:
        """How many more faxes should be claimed, whatever their length."""
        return MOST_WAITING - len(self._waiting) if self._waiting else 2**31

    def take(self, fax: ClaimedFax, tenant: Tenant) -> Staged | None:
        """The call, to be made ready as its argument is asked for; None: `ready` brings it later."""
        stage = partial(self._stage, fax, tenant)
        is_near = self._store.folder is not None
        if is_near and (fax.pages <= MOST_PAGES_AT_ONCE or not (tenant.header_line or fax.cover)):
            return Staged(fax, stage)
        self._waiting[fax.attempt_id] = (fax, self._pool.submit(stage))
        return None

    def ready(self) -> list[Staged]:
        """Those that have become ready, in the order in which they were taken; until `forget`."""
        return [Staged(fax, staged.result) for fax, staged in self._waiting.values() if staged.done()]

    def forget(self, staged: Staged) -> None:
        """It is dialled, or will not be."""
        self._waiting.pop(staged.fax.attempt_id, None)

    def close(self) -> list[ClaimedFax]:
        """Stops, without waiting for what is in hand; those that were taken and never dialled."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        left = [fax for fax, _ in self._waiting.values()]
        self._waiting.clear()
        return left

    def _stage(self, fax: ClaimedFax, tenant: Tenant) -> str:
        if fax.trunk is None:
            check_may_be_sent(fax, tenant)
            raise NoRoute(f"no trunk serves {fax.called_number}, or it is barred")
        sidecar = stage(self._store, self._spool, fax, fax.trunk, tenant)
        dial = dial_string.through(
            fax.trunk,
            attempt_id=fax.attempt_id,
            channel_uuid=fax.channel_uuid,
            called=sidecar.dialled,
            calling=sidecar.caller_id,
            t38=fax.t38,
            ring_seconds=self._settings.ring_seconds,
            call_cap_seconds=self._settings.call_cap_seconds,
        )
        return dial_string.originate(dial)
