"""Why a fax waits, as far as the database tells it, in a sentence for its user."""

from faxplan import sending_hours, tenants, trunk_health
from faxplan.db import Row, Transaction
from faxplan.failure_rules import SHIPPED, UNKNOWN
from faxplan.language import _
from faxplan.tenants import Tenant

SILENT_SECONDS = 300
"""A switch that has not reported for so long does not run."""
_WORDS = {rule.name: rule.words for rule in (*SHIPPED.values(), UNKNOWN)}


def why(tx: Transaction, fax: Row) -> str:
    """Of a fax that waits (its row): what keeps it, the widest cause first; and how its last call ended, if it had one.

    For role switch or worker, in the fax's tenant.
    """
    tenant = tenants.get(tx, fax["tenant_id"])
    if not tenant.enabled:
        return _("Your organisation was switched off.")
    if fax["state"] == "accepted":
        return _not_rendered(tx, fax)
    cause = _not_dialled(tx, fax, tenant)
    rule = tx.value(
        """select rule from attempts where tenant_id = %s and fax_id = %s and rule is not null
           order by number desc limit 1""",
        (fax["tenant_id"], fax["id"]),
    )
    last = "" if rule is None else _("Its last call: {words}.").format(words=_WORDS.get(rule, UNKNOWN.words))
    if cause is None:
        return last or _("Other faxes had all the calls that may be made at once.")
    return f"{cause} {last}" if last else cause


def _not_rendered(tx: Transaction, fax: Row) -> str:
    row = tx.one(
        """select exists (select from render_jobs j where j.tenant_id = r.tenant_id and j.rendering_id = r.id
                          and j.lease_until > now()) as in_hand,
                  (select string_agg(distinct k.node, ', ' order by k.node)
                   from transient_wraps w join transient_keys k on k.id = w.key_id
                   where w.tenant_id = r.tenant_id and w.document_id = r.original_id) as nodes
           from renderings r where r.tenant_id = %s and r.id = %s""",
        (fax["tenant_id"], fax["rendering_id"]),
    )
    if row["in_hand"]:
        return _("The worker was still preparing its pages.")
    if row["nodes"] is None:
        return _("No machine has the key to its document any more, so that its pages could not be prepared.")
    return _(
        "No worker has prepared its pages: none runs on a machine that has the document's key ({nodes}). The "
        "administrator has to look."
    ).format(nodes=row["nodes"])


def _not_dialled(tx: Transaction, fax: Row, tenant: Tenant) -> str | None:
    """Of a fax that is queued; None: nothing keeps it now but what its last call was, or other faxes."""
    running = tx.value(
        "select exists (select from nodes where heartbeat_at > now() - make_interval(secs => %s))", (SILENT_SECONDS,)
    )
    if not running:
        return _("No switch was running that could dial it; the administrator has to look.")
    trunks = tx.rows(
        """select coalesce(s.rests_until > now() or s.failures >= %s
                           or exists (select from jsonb_each(s.node_rests) n
                                      where (n.value ->> 1)::timestamptz > now()), false) as rests
           from trunks_for(%s, %s) f left join trunk_states s on s.trunk_id = f.trunk_id""",
        (trunk_health.FAILURES_BEFORE_REST, fax["tenant_id"], fax["called_number"]),
    )
    if not trunks and not tx.value("select is_did(%s) or is_sandbox(%s)", (fax["called_number"],) * 2):
        return _("The trunks that take its number are switched off, or there is none; the administrator has to look.")
    if trunks and all(row["rests"] for row in trunks):
        return _("The trunks that take its number do not work; the administrator has to look.")
    kept = tx.one(
        f"""select not {sending_hours.are_open("t.id", "%(priority)s", "(now() at time zone t.time_zone)")} as closed,
                   coalesce(s.hour = date_trunc('hour', now())
                            and (s.calls >= t.calls_per_hour or s.pages + %(pages)s > t.pages_per_hour), false) as full
            from tenants t left join tenant_turns s on s.tenant_id = t.id where t.id = %(tenant)s""",
        {"tenant": tenant.id, "priority": fax["priority"], "pages": (fax["pages"] or 1) - fax["pages_done"]},
    )
    if kept["closed"]:
        return _("It is outside your organisation's sending hours, and was not reached within them.")
    if kept["full"]:
        return _("Your organisation's calls or pages an hour were used up.")
    return None
