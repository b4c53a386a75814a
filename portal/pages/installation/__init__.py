"""The operator's pages, below /installation/."""

from portal.pages.installation import (
    audit,
    barring,
    dial_routes,
    failures,
    numbers,
    overview,
    queue,
    settings,
    tenant_limits,
    tenant_people,
    tenants,
    trunk_setup,
    trunks,
)

__all__ = [
    "audit",
    "barring",
    "dial_routes",
    "failures",
    "numbers",
    "overview",
    "queue",
    "settings",
    "tenant_limits",
    "tenant_people",
    "tenants",
    "trunk_setup",
    "trunks",
]
