"""Tenants: organisations, and how their faxes identify themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from faxplan import numbers, time_zones
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.number_policy import NumberPolicy

NO_LIMITS = "none"
REDIAL_LIMITS_OF = {"US": "us"}
"""What a new tenant of a country has; everywhere else there are none. us: 47 CFR 68.318(b)."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organisation. Columns as in schema.sql."""

    id: int
    slug: str
    name: str
    country: str
    time_zone: str
    station_ident: str
    header_name: str
    header_line: bool
    page_n_of_m: bool
    max_attempts: int
    redial_unknown: bool
    enabled: bool
    max_calls: int | None = None
    calls_per_hour: int | None = None
    redial_limits: str = NO_LIMITS
    pages_per_hour: int | None = None
    permitted_kinds: Sequence[str] = ()
    allowed_numbers: Sequence[str] = ()
    blocked_numbers: Sequence[str] = ()
    wait_hours: int | None = None
    permissions: Sequence[str] = ()
    billing_codes: str = "none"
    language: str | None = None
    mail_body: str = "cover"
    mail_pins: bool = False
    mail_signing_domains: Sequence[str] = ()
    sandbox_numbers: bool = True
    opt_out_notice: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def number_policy(self) -> NumberPolicy:
        """Which numbers it may call."""
        return NumberPolicy(self.slug, self.permitted_kinds, self.allowed_numbers, self.blocked_numbers)

    def has_an_hour_for(self, pages: int) -> bool:
        """Whether so many pages may go in one hour at all."""
        return self.pages_per_hour is None or pages <= self.pages_per_hour

    @property
    def sender_name(self) -> str:
        """Whom the header line names: never nobody, which 47 CFR 68.318(d) asks for."""
        shows = any(each.isprintable() and not each.isspace() for each in self.header_name)
        return self.header_name if shows else self.name


COLUMNS = (
    "id, slug, name, country, time_zone, station_ident, header_name, header_line, page_n_of_m, max_attempts, "
    "redial_unknown, enabled, max_calls, calls_per_hour, redial_limits, pages_per_hour, "
    "permitted_kinds, allowed_numbers, blocked_numbers, wait_hours, permissions, billing_codes, language, "
    "mail_body, mail_pins, mail_signing_domains, sandbox_numbers, opt_out_notice"
)


def create(
    tx: Transaction,
    *,
    slug: str,
    name: str,
    country: str,
    time_zone: str,
    station_ident: str = "",
    header_name: str = "",
) -> Tenant:
    """A new tenant (role admin).

    Raises UnknownTimeZone, InvalidNumber for an unknown country, else ConstraintViolated.
    """
    time_zones.check(tx, time_zone)
    numbers.check_country(country)
    row = tx.one(
        f"""insert into tenants (slug, name, country, time_zone, station_ident, header_name, redial_limits)
            values (%s, %s, %s, %s, %s, %s, %s) returning {COLUMNS}""",
        (
            slug,
            name,
            country,
            time_zone,
            station_ident,
            header_name or name[:50],
            REDIAL_LIMITS_OF.get(country, NO_LIMITS),
        ),
    )
    return Tenant(**row)


CHANGEABLE = (
    "name", "time_zone", "station_ident", "header_name", "header_line", "page_n_of_m", "max_attempts",
    "redial_unknown", "enabled", "max_calls", "calls_per_hour", "redial_limits", "pages_per_hour",
    "wait_hours", "permissions", "billing_codes", "language", "mail_body", "mail_pins", "mail_signing_domains",
    "sandbox_numbers", "opt_out_notice",
)  # fmt: skip


OWN = (
    "time_zone",
    "station_ident",
    "header_name",
    "header_line",
    "page_n_of_m",
    "max_attempts",
    "wait_hours",
    "language",
    "mail_body",
    "mail_pins",
    "mail_signing_domains",
    "opt_out_notice",
)
"""Of CHANGEABLE, what a tenant's own administrator decides."""


def change(tx: Transaction, tenant_id: int, values: Mapping[str, Any]) -> Tenant:
    """Changes some of CHANGEABLE, at least one (role admin); the tenant as it is then.

    Raises NotFound, UnknownTimeZone, ConstraintViolated for the rest.
    """
    if unknown := values.keys() - set(CHANGEABLE):
        raise ValueError(f"no such columns, or not to be changed: {unknown}")
    if "time_zone" in values:
        time_zones.check(tx, values["time_zone"])
    assignments = ", ".join(f"{column} = %s" for column in values)
    row = tx.row(f"update tenants set {assignments} where id = %s returning {COLUMNS}", (*values.values(), tenant_id))
    return _found(row, f"number {tenant_id}")


def permit(tx: Transaction, tenant_id: int, kind: str, *, permitted: bool) -> Tenant:
    """Whether it may call a kind of numbers (of number_policy.KINDS) from now on (role admin); as it is then."""
    row = tx.row(
        f"""update tenants set permitted_kinds = array_remove(permitted_kinds, %(kind)s)
                               || case when %(permitted)s then array[%(kind)s::text] else '{{}}' end
            where id = %(tenant)s returning {COLUMNS}""",
        {"kind": kind, "permitted": permitted, "tenant": tenant_id},
    )
    return _found(row, f"number {tenant_id}")


def list_number(tx: Transaction, tenant_id: int, entry: str, *, allowed: bool, blocked: bool) -> Tenant:
    """Puts an entry (number_policy.entry) into one of its lists, and out of the other; or out of both (role admin).

    Raises ConstraintViolated where there are too many.
    """
    row = tx.row(
        f"""update tenants set
                allowed_numbers = array_remove(allowed_numbers, %(entry)s)
                                  || case when %(allowed)s then array[%(entry)s::text] else '{{}}' end,
                blocked_numbers = array_remove(blocked_numbers, %(entry)s)
                                  || case when %(blocked)s then array[%(entry)s::text] else '{{}}' end
            where id = %(tenant)s returning {COLUMNS}""",
        {"entry": entry, "allowed": allowed, "blocked": blocked, "tenant": tenant_id},
    )
    return _found(row, f"number {tenant_id}")


def get(tx: Transaction, tenant_id: int) -> Tenant:
    """Raises NotFound."""
    return _found(tx.row(f"select {COLUMNS} from tenants where id = %s", (tenant_id,)), f"number {tenant_id}")


def by_slug(tx: Transaction, slug: str) -> Tenant:
    """Raises NotFound."""
    return _found(tx.row(f"select {COLUMNS} from tenants where slug = %s", (slug,)), repr(slug))


def entered(tx: Transaction, slug: str) -> Tenant:
    """As by_slug; the transaction sees its rows from then on (role admin)."""
    tenant = by_slug(tx, slug)
    tx.enter_tenant(tenant.id)
    return tenant


def each_entered(tx: Transaction, slug: str | None) -> Iterator[Tenant]:
    """One tenant, or all, oldest first, each entered while it is its turn (role admin). Raises NotFound."""
    for tenant in everyone(tx) if slug is None else [by_slug(tx, slug)]:
        tx.enter_tenant(tenant.id)
        yield tenant


def some(tx: Transaction, tenant_ids: set[int]) -> list[Tenant]:
    """The tenants with these ids, in no order."""
    if not tenant_ids:
        return []
    return [Tenant(**row) for row in tx.rows(f"select {COLUMNS} from tenants where id = any(%s)", (list(tenant_ids),))]


def everyone(tx: Transaction) -> list[Tenant]:
    """All tenants, oldest first."""
    return [Tenant(**row) for row in tx.rows(f"select {COLUMNS} from tenants order by id")]


def _found(row: Row | None, what: str) -> Tenant:
    if row is None:
        raise NotFound(_("There is no tenant {what}. `faxplan tenant list` shows all.").format(what=what))
    return Tenant(**row)
