"""Why a call takes the trunk that it takes: what the routes say about a number, and whether each trunk is free now."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from faxplan import caller_ids, dial_string, numbers, post_dial, routes, tenants, trunk_health, trunks
from faxplan.config import Settings
from faxplan.db import Database, Row, Transaction
from faxplan.errors import InvalidNumber, NoCallerId, NoRoute
from faxplan.language import _
from faxplan.number_policy import NumberBarred
from faxplan.tenants import Tenant
from faxplan.trunks import WayOut

_NO_CHANNEL = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Way:
    """A trunk that may take the call. why: stage and route in words; busy: what keeps it from taking one now; empty:
    nothing.

    dial_string: the argument of `bgapi`, with ids of no call; empty where the number cannot be dialled that way, as
    refusal says.
    """

    trunk: str
    why: str
    prefix: str
    position: int
    weight: int
    cost: Decimal | None
    busy: str
    dialled: str
    dial_string: str
    refusal: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """number, calling: E.164; calling empty: the tenant has none. barred, waits (for an hour): in words, or empty.

    ways: in the order in which they are tried. passed_over: routes that fit and lead nowhere, each with its reason.
    """

    tenant: str
    number: str
    calling: str
    barred: str
    ways: Sequence[Way]
    passed_over: Sequence[str]
    waits: str = ""


def explain(admin: Database, settings: Settings, slug: str, number: str) -> Explanation:
    """What would become of a tenant's call to a number, as people write it. Raises NotFound and InvalidNumber.

    T.38, V.17 and ECM are as the trunk has them, whatever earlier calls to the number have taught.
    """
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        # What is dialled after the answer has no say in this.
        called = numbers.normalise(post_dial.split(number)[0], tenant.country)
        try:
            calling = caller_ids.choose(tx, tenant, None)
        except NoCallerId:
            calling = ""
        barred, found = "", []
        try:
            found = trunks.ways_out(tx, tenant.id, called)
            tenant.number_policy.check(called)
        except (NoRoute, NumberBarred) as error:
            barred, found = str(error), []
        states = {row["name"]: row for row in trunk_health.everyone(tx)}
        ways = [_way(way, tenant, called, calling, states[way.trunk.name], settings) for way in found]
        passed_over = _passed_over(tx, tenant, called, found, barred)
        return Explanation(tenant.slug, called, calling, barred, ways, passed_over, _waits(tx, tenant))


def _way(way: WayOut, tenant: Tenant, called: str, calling: str, state: Row, settings: Settings) -> Way:
    trunk, dialled, argument, refusal = way.trunk, "", "", ""
    try:
        dialled = trunk.dialled(called, home=tenant.country)
        if calling:
            dial = dial_string.through(
                trunk,
                attempt_id=0,
                channel_uuid=_NO_CHANNEL,
                called=dialled,
                calling=numbers.written(calling, trunk.calling_format, trunk.inbound_country),
                t38=trunk.t38,
                ring_seconds=settings.ring_seconds,
                call_cap_seconds=settings.call_cap_seconds,
            )
            argument = dial_string.originate(dial)
        else:
            refusal = _("{name} has no number to call from.").format(name=tenant.name)
    except InvalidNumber as error:
        refusal = str(error)
    return Way(
        trunk.name, _why(way, tenant), way.prefix, way.position, way.weight, way.cost, _busy(state), dialled, argument,
        refusal,
    )  # fmt: skip


def _why(way: WayOut, tenant: Tenant) -> str:
    first = {
        1: _("dedicated to {slug}").format(slug=tenant.slug),
        2: _("{slug}'s own route").format(slug=tenant.slug),
        3: _("a route for all"),
    }[way.stage]
    before = (
        _(", {called_prefix} before the number").format(called_prefix=way.trunk.called_prefix)
        if way.trunk.called_prefix
        else ""
    )
    return _("{first}, {prefix}, position {position}, weight {weight}{before}").format(
        first=first, prefix=way.prefix, position=way.position, weight=way.weight, before=before
    )


def _waits(tx: Transaction, tenant: Tenant) -> str:
    """Which of the tenant's caps an hour is used up."""
    row = tx.row(
        """select calls, pages, date_trunc('hour', now()) + interval '1 hour' as until from tenant_turns
           where tenant_id = %s and hour = date_trunc('hour', now())""",
        (tenant.id,),
    )
    if row is None:
        return ""
    caps = (
        (_("{used} of its {cap} calls an hour are used"), row["calls"], tenant.calls_per_hour),
        (_("{used} of its {cap} pages an hour are used"), row["pages"], tenant.pages_per_hour),
    )
    full = [words.format(used=used, cap=cap) for words, used, cap in caps if cap is not None and used >= cap]
    until = row["until"].astimezone(tenant.zone)
    return (
        _("{slug}'s faxes wait until {until:%H:%M} ({time_zone}): {full}.").format(
            slug=tenant.slug, until=until, time_zone=tenant.time_zone, full=", ".join(full)
        )
        if full
        else ""
    )


def _busy(state: Row) -> str:
    reasons = []
    if state["rests_seconds"]:
        reasons.append(
            _("it rests for {rests_seconds} s after {failures} failures in a row").format(
                rests_seconds=state["rests_seconds"], failures=state["failures"]
            )
        )
    if state["is_tried"] and state["has_trial"]:
        reasons.append(
            _("after {failures} failures in a row it takes one call at a time until one goes through").format(
                failures=state["failures"]
            )
        )
    if state["unregistered_on"]:
        reasons.append(_("node {node} cannot register it").format(node=state["unregistered_on"]))
    if state["down_on"]:
        reasons.append(_("the switch of {down_on} cannot reach it").format(down_on=", ".join(state["down_on"])))
    if state["max_calls"] is not None and state["calls"] >= state["max_calls"]:
        reasons.append(_("all of its {max_calls} calls are in use").format(max_calls=state["max_calls"]))
    if state["paced_seconds"]:
        reasons.append(
            _("its calls a second allow the next one in {paced_seconds:.1f} s").format(
                paced_seconds=state["paced_seconds"]
            )
        )
    return ", ".join(reasons)


def _passed_over(tx: Transaction, tenant: Tenant, called: str, ways: Sequence[WayOut], barred: str) -> list[str]:
    """Routes that fit the number and are not tried, and why."""
    rows = tx.rows(
        """select m.prefix, m.trunk_id, m.dedicated, m.usable, m.own, m.specific, m.encrypted, t.name, t.overflow
           from matching_routes(%s, %s) m left join trunks t on t.id = m.trunk_id
           order by m.specific desc, m.own desc, m.position, t.name""",
        (tenant.id, called),
    )
    tried = {(way.trunk.id, way.prefix) for way in ways}
    best = {row["dedicated"]: row["prefix"] for row in reversed(rows) if row["trunk_id"] is not None}
    dedicated = [row for row in rows if row["dedicated"]]
    kept = any(not row["overflow"] and row["specific"] == dedicated[0]["specific"] for row in dedicated)
    bar = next((row for row in rows if row["trunk_id"] is None), None)
    passed_over = [
        _("{prefix} through {name}: {why}").format(
            prefix=row["prefix"], name=row["name"], why=_reason(row, best, barred, bar, kept=kept)
        )
        for row in rows
        if row["trunk_id"] is not None and (row["trunk_id"], row["prefix"]) not in tried
    ]
    off = [
        (
            _("{prefix} barred: it is switched off")
            if row["trunk"] is None
            else _("{prefix} through {trunk}: it is switched off")
        ).format(prefix=row["prefix"], trunk=row["trunk"])
        for row in routes.switched_off(tx, tenant.id, called)
    ]
    return passed_over + off


def _reason(row: Row, best: dict[bool, str], barred: str, bar: Row | None, *, kept: bool) -> str:
    if barred:
        return _("the number is barred")
    if bar is not None and (bar["specific"], bar["own"]) > (row["specific"], row["own"]):
        return _("{prefix} is barred, but for trunks with a route of their own for it").format(prefix=bar["prefix"])
    if not row["usable"]:
        return _("the trunk is switched off")
    if kept and not row["dedicated"]:
        return _("a dedicated trunk keeps its tenant's calls (--overflow off)")
    if row["prefix"] == best[row["dedicated"]]:
        return _("a trunk with encrypted media takes the number, and this route does not have --in-clear")
    return _("{best} fits better").format(best=best[row["dedicated"]])
