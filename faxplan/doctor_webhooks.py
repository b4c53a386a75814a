"""The doctor on webhooks: those that fail, those that are turned off, and those to which more is due than is told."""

from collections.abc import Callable
from urllib.parse import urlsplit

from faxplan.db import Row, Transaction
from faxplan.findings import Finding, ok, warning
from faxplan.webhook_sender import OFF_AFTER_SECONDS

_LONG_SECONDS = 3600.0
"""An endpoint that is restarted, or its certificate renewed, fails for a while."""
_LATE_SECONDS = 900.0
"""No rest lasts longer: what has been due for longer is late."""
_SHOWN = 3
# Addresses may have a password of the endpoint's in them: of those it is the host that is told.
_FOUND = """
    select t.slug, e.address, e.enabled, e.off_because, e.failures,
           extract(epoch from now() - e.failing_since)::float as failing,
           e.rests_until is not null and e.rests_until > now() as rests,
           coalesce(e.served_at > now() - make_interval(secs => %(late)s), false) as is_served,
           w.waiting, w.due, coalesce(w.late, 0) as late,
           (select count(*) > 1 and max(s.created_at) > e.failing_since - interval '2 days' from webhook_secrets s
            where s.tenant_id = e.tenant_id and s.endpoint_id = e.id) is true as has_new_secret
    from webhook_endpoints e join tenants t on t.id = e.tenant_id
    cross join lateral (
        select count(*) as waiting, count(*) filter (where d.not_before <= now()) as due,
               extract(epoch from now() - min(d.not_before))::float as late
        from webhook_deliveries d
        where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.state = 'waiting') w
    order by t.slug, e.id"""


def webhooks(tx: Transaction) -> list[Finding]:
    """Nothing where there are none. In a transaction of role admin without a tenant."""
    found = tx.rows(_FOUND, {"late": _LATE_SECONDS})
    if not found:
        return []
    told = [*_failing(found), *_off(found), *_late(found)]
    waiting = sum(row["waiting"] for row in found if row["enabled"])
    all_well = "1 webhook" if len(found) == 1 else f"{len(found)} webhooks"
    return told or [ok("webhooks", f"{all_well}, {waiting} messages on their way")]


def _failing(found: list[Row]) -> list[Finding]:
    rows = sorted(
        (row for row in found if row["enabled"] and (row["failing"] or 0) > _LONG_SECONDS),
        key=lambda row: -row["failing"],
    )
    if not rows:
        return []
    days = OFF_AFTER_SECONDS // 86400
    new = [row for row in rows if row["has_new_secret"]]
    secret = f" Changed its secret not long before: {_listed(new)}; has its program the new one?" if new else ""
    return [
        warning(
            "webhooks that fail",
            f"{_listed(rows, _for_how_long)}. After {days} days of nothing else a webhook is turned off",
            "What was answered stands at Webhooks, in the portal of that organisation, which has to mend its program. "
            f"If all of them fail, it is this server's way to the internet.{secret}",
        )
    ]


def _off(found: list[Row]) -> list[Finding]:
    rows = [row for row in found if row["off_because"]]
    if not rows:
        return []
    return [
        warning(
            "webhooks that were turned off",
            _listed(rows, lambda row: "it said that it is gone (410)" if row["off_because"] == "gone" else "it failed"),
            "Nothing is told there. Its organisation turns it on at Webhooks once it can be reached again, or deletes "
            "it. What was missed is not told by itself: the API has it.",
        )
    ]


def _late(found: list[Row]) -> list[Finding]:
    """Those that do not fail."""
    rows = sorted(
        (row for row in found if row["enabled"] and not row["rests"] and row["late"] > _LATE_SECONDS),
        key=lambda row: -row["late"],
    )
    if not rows:
        return []
    told = _listed(rows, lambda row: f"{row['due']} due, the first for {_time(row['late'])}")
    if any(row["is_served"] for row in rows):
        return [
            warning(
                "webhooks that are behind",
                f"{told}: more happens than they take in that time",
                "They answer too slowly: a webhook should answer at once, and work afterwards (docs/webhooks.md). "
                "Fewer types of events help as well.",
            )
        ]
    return [
        warning(
            "webhooks that are behind",
            f"{told}, and nobody has tried",
            "The worker does: systemctl enable --now faxplan-worker. If it runs, see why: "
            "journalctl -u faxplan-worker.",
        )
    ]


def _listed(rows: list[Row], what: Callable[[Row], str] = lambda _row: "") -> str:
    shown = []
    for row in rows[:_SHOWN]:
        said = what(row)
        shown.append(f"{urlsplit(row['address']).hostname} of {row['slug']}" + (f" ({said})" if said else ""))
    return ", ".join(shown) + (f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else "")


def _for_how_long(row: Row) -> str:
    return f"for {_time(row['failing'])}, {row['failures']} times in a row, {row['waiting']} wait"


def _time(seconds: float) -> str:
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.0f} days"
    return f"{seconds / 3600:.0f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
