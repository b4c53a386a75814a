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
    tenants,
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
    "tenants",
    "trunks",
]
