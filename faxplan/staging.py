"""Staging: everything that a call needs, written into the spool before it is dialled.

Between answer and txfax there is then only a file to read. The stored rendering never has a header line: it is either
printed by spandsp (date, time, name, ident, page number) or, with "page n of m" or when a call resumes, stamped here
onto the staged copy. Never both.
"""

from datetime import UTC, datetime

from faxplan import header_line, numbers
from faxplan.documents import Store
from faxplan.header_line import HeaderLine
from faxplan.queue import ClaimedFax
from faxplan.spool import OutboundSidecar, Spool
from faxplan.tenants import Tenant
from faxplan.trunks import Trunk

MAX_IDENT = 20
MAX_HEADER_BYTES = 50
"""T30_MAX_PAGE_HEADER_INFO. spandsp takes none that is longer in UTF-8, and the page's line stays blank."""


def is_stamped(fax: ClaimedFax, tenant: Tenant) -> bool:
    """Whether the header line is ours to stamp: spandsp counts pages from 1 in each call, and knows no "of m"."""
    return tenant.header_line and (tenant.page_n_of_m or fax.start_page > 0)


def stage(store: Store, spool: Spool, fax: ClaimedFax, trunk: Trunk, tenant: Tenant) -> OutboundSidecar:
    """Writes pages and sidecar of a call; the sidecar. Raises DocumentLost."""
    ident = (fax.did_ident or tenant.station_ident or fax.calling_number or "")[:MAX_IDENT]
    target = spool.outbound_tiff(fax.attempt_id)
    stamped = is_stamped(fax, tenant)
    if stamped:
        plain = target.with_suffix(".plain")
        try:
            store.copy_to(fax.rendering, plain)
            line = HeaderLine(datetime.now(UTC).astimezone(tenant.zone), tenant.header_name, ident, 1, fax.pages)
            header_line.stamp(plain, target, line, start_page=fax.start_page)
        finally:
            plain.unlink(missing_ok=True)
    else:
        store.copy_to(fax.rendering, target)
    sidecar = OutboundSidecar(
        tenant_id=fax.tenant_id,
        fax_id=fax.fax_id,
        attempt_id=fax.attempt_id,
        ident=ident,
        header=_as_variable(tenant.header_name) if tenant.header_line and not stamped else "",
        time_zone=tenant.time_zone,
        start_page=fax.start_page,
        dialled=numbers.dialled(fax.called_number, trunk.called_format, trunk.inbound_country),
        caller_id=(
            numbers.written(fax.calling_number, trunk.calling_format, trunk.inbound_country)
            if fax.calling_number
            else ""
        ),
    )
    spool.stage(sidecar)
    return sidecar


def _as_variable(name: str) -> str:
    """A name as variable fax_header takes it: cut to what spandsp prints, and % escaped, as mod_spandsp decodes %41."""
    return name.encode()[:MAX_HEADER_BYTES].decode(errors="ignore").replace("%", "%25")
