"""The doctor on the database: reachable for each role, up to date, roles without power, clock, trunks, keys, runtime,
worker."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from faxplan import (
    configuration_faults,
    doctor_audit,
    doctor_enrolment,
    doctor_keys,
    doctor_mail,
    doctor_nodes,
    doctor_queue,
    doctor_retention,
    doctor_webhooks,
    migrations,
    nodes,
    refused_numbers,
    render_jobs,
    routes,
    tenants,
    trunks,
)
from faxplan.config import ROLES, Settings
from faxplan.db import Database, Transaction
from faxplan.document_store import StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.findings import Finding, Level, error, ok, warning

_LEAST_VERSION = 150000
_MOST_CLOCK_SECONDS = 5.0
SILENT_SECONDS = 30.0
_MOST_WAITING_SECONDS = 60.0
_REFUSED_HOURS, _REFUSED_OFTEN = 24, 5


@dataclass(frozen=True, slots=True)
class Seen:
    """What other checks want to know of the enabled trunks. trunk_addresses: their hosts and networks. transports: by
    the trunk's name, which is its gateway's. switch_uuid: of the FreeSWITCH that reports as this node, or None."""

    runtime_works: bool = False
    trunk_addresses: tuple[str, ...] = ()
    transports: Mapping[str, str] = field(default_factory=dict)
    switch_uuid: str | None = None


def database(settings: Settings) -> tuple[list[Finding], Seen]:
    """Its findings, and what it says about switch and trunks."""
    findings: list[Finding] = []
    for role in ROLES:
        if role == "metrics" and not settings.metrics_listen:
            continue
        db = _open(settings, role)
        try:
            with db.across_tenants() as tx:
                tx.value("select 1")
        except DatabaseUnavailable as away:
            findings.append(
                error(
                    f"database as {role}",
                    str(away),
                    "Start PostgreSQL, or mend database_url (`faxplan settings` shows it) and pg_hba.conf "
                    "(docs/install-on-freeswitch.md). "
                    "If there is no database yet: `faxplan database create`.",
                )
            )
        else:
            findings.append(ok(f"database as {role}", "answers"))
        finally:
            db.close()
    db = _open(settings, "admin")
    try:
        with db.across_tenants() as tx:
            more, seen = _inside(tx, settings)
            if all(each.level is Level.OK for each in more if each.what == "schema"):
                more.append(doctor_audit.checkpoints(tx, settings))
                more += doctor_keys.of_machine(tx, settings)
                more += doctor_enrolment.enrolment(tx)
                more += doctor_nodes.others(tx, settings.node)
                more += doctor_webhooks.webhooks(tx)
                more += doctor_mail.outgoing(tx, settings)
                more.append(doctor_queue.age(tx))
                more += _retention(tx, settings)
    except DatabaseUnavailable:
        return findings, Seen()
    finally:
        db.close()
    return [*findings, *more, *_worker(settings)], seen


def _open(settings: Settings, role: str) -> Database:
    return Database(settings.database_url_for(role), max_connections=1, connect_seconds=3, wait_seconds=3)


def _inside(tx: Transaction, settings: Settings) -> tuple[list[Finding], Seen]:
    findings = [_version(tx), _level(tx), _roles(tx), _clock(tx)]
    gateways = trunks.gateways(tx)
    addresses = [gateway.host for gateway in gateways] + [str(network) for network in trunks.source_networks(tx)]
    if gateways:
        findings.append(ok("trunks", ", ".join(gateway.name for gateway in gateways)))
    else:
        findings.append(
            warning(
                "trunks",
                "none: nothing can be sent or received",
                "Enter one: `faxplan trunk add`, then `faxplan route add`.",
            )
        )
    if not routes.everyone(tx):
        findings.append(warning("routes", "none: nothing can be sent", "Enter one: `faxplan route add + TRUNK`."))
    if not tx.value("select exists (select from dids)"):
        findings.append(
            warning(
                "DIDs",
                "none: nothing can be received, and calls have no caller ID",
                "Enter `faxplan tenant add`, then `faxplan user add`, then `faxplan did add`.",
            )
        )
    findings += _zones(tx)
    findings += _faults(tx)
    findings += _refused(tx)
    runtime, works = _runtime(tx, settings.node)
    # What FreeSWITCH on this machine is to have: not the trunks that another node registers.
    transports = {gateway.name: gateway.transport for gateway in trunks.gateways(tx, settings.node)}
    return [*findings, runtime], Seen(works, tuple(addresses), transports, nodes.serving(tx, settings.node))


def _retention(tx: Transaction, settings: Settings) -> list[Finding]:
    try:
        return doctor_retention.purges(tx, settings)
    except (OSError, StoreUnavailable):
        # Of a user who has no business in the store, or of a server that is away; that is a finding of its own.
        return []


def _zones(tx: Transaction) -> list[Finding]:
    """Tenants whose time zone PostgreSQL knows no more: a claim that asks for their hours fails, for everybody."""
    return [
        error(
            "time zone",
            f"{row['slug']}'s, {row['time_zone']}, is unknown to this PostgreSQL; maybe nothing is dialled for anybody",
            f"Give it another: `faxplan tenant set {row['slug']} --time-zone Europe/Berlin`.",
        )
        for row in tx.rows(
            """select slug, time_zone from tenants
               where time_zone not in (select name from pg_timezone_names) order by slug"""
        )
    ]


def _faults(tx: Transaction) -> list[Finding]:
    """Calls that our own configuration ended."""
    found = [
        error(
            "our configuration",
            f"it ended {row['calls']} {'call' if row['calls'] == 1 else 'calls'} in {configuration_faults.HOURS} hours"
            f"{' through ' + row['trunk'] if row['trunk'] else ''}{' on ' + row['node'] if row['node'] else ''}: "
            f"{row['condition']}",
            configuration_faults.what_to_look_at(row["condition"]),
        )
        for row in configuration_faults.lately(tx)
    ]
    return found or [ok("our configuration", f"ended no call in the last {configuration_faults.HOURS} hours")]


def _refused(tx: Transaction) -> list[Finding]:
    """Users who try numbers that may not be called: somebody else may have their access. Leaves the tenant entered."""
    found = []
    for tenant in tenants.everyone(tx):
        tx.enter_tenant(tenant.id)
        found += [
            warning(
                "refused numbers",
                f"{row['user']} of {tenant.slug} tried {row['times']} times in {_REFUSED_HOURS} hours to call numbers "
                "that it may not call",
                f"See which: `faxplan barring refused {tenant.slug}`. If it was not they themselves: "
                f"`faxplan tenant set {tenant.slug} --enabled off` until you know.",
            )
            for row in refused_numbers.insistent(tx, tenant.id, hours=_REFUSED_HOURS, least=_REFUSED_OFTEN)
        ]
    return found or [ok("refused numbers", f"nobody insisted in the last {_REFUSED_HOURS} hours")]


def _version(tx: Transaction) -> Finding:
    number = int(tx.value("show server_version_num"))
    shown = str(tx.value("show server_version"))
    if number < _LEAST_VERSION:
        return error("PostgreSQL", f"version {shown}", "Faxplan needs PostgreSQL 15 or later.")
    return ok("PostgreSQL", f"version {shown}")


def _level(tx: Transaction) -> Finding:
    try:
        known = len(migrations.available())
        row = tx.one(migrations.HAD, migrations.known())
        level = migrations.standing(**row)
    except FaxplanError as broken:
        return error("schema", str(broken), "Install Faxplan anew.")
    had = row["had"]
    if level.behind:
        return error(
            "schema",
            f"at migration {had} of {known}",
            "Bring it up to date before anything else runs: `faxplan database migrate`.",
        )
    if level.contracted:
        return error("schema", f"at migration {had}, this Faxplan knows {known}", "Install the newer Faxplan.")
    if level.ahead:
        return ok("schema", f"at migration {had}, newer than this Faxplan ({known}), which works with it all the same")
    return ok("schema", f"at migration {had}, the newest")


def _roles(tx: Transaction) -> Finding:
    strong = tx.rows(
        """select rolname from pg_roles
           where rolname = any(%s) and (rolsuper or rolbypassrls or rolcreaterole)""",
        ([f"faxplan_{role}" for role in ROLES],),
    )
    if strong:
        return error(
            "database roles",
            f"{', '.join(row['rolname'] for row in strong)} may see every tenant's faxes",
            "Take superuser, bypassrls and createrole from them: alter role ... nosuperuser nobypassrls nocreaterole.",
        )
    if tx.value("select has_database_privilege('public', current_database(), 'connect, temporary')"):
        return error(
            "database roles",
            "every role of the server may connect to this database, or make tables in it",
            "It was made by hand, as for a restore: `faxplan database migrate` takes that away.",
        )
    return ok("database roles", "without power over other tenants' rows; no others come in")


def _clock(tx: Transaction) -> Finding:
    off = abs(float(tx.value("select extract(epoch from clock_timestamp())")) - time.time())
    if off > _MOST_CLOCK_SECONDS:
        return warning(
            "clock",
            f"{off:.0f} s away from the database's: times in header lines and records will not agree",
            "Let both machines keep their time by NTP: apt-get install systemd-timesyncd.",
        )
    return ok("clock", "agrees with the database's")


def _runtime(tx: Transaction, node: str) -> tuple[Finding, bool]:
    silent = next((row["silent"] for row in nodes.everyone(tx) if row["name"] == node), None)
    what = "runtime"
    if silent is None:
        return (
            error(
                what,
                f"node {node} has never reported: nothing is dialled here",
                "Let FreeSWITCH run fax_queue as a startup script (python.conf.xml), and see its log.",
            ),
            False,
        )
    if silent > SILENT_SECONDS:
        return (
            error(
                what,
                f"node {node} is silent for {silent:.0f} s: nothing is dialled here",
                "`faxplan guard` starts it again, or says why it cannot.",
            ),
            False,
        )
    return ok(what, f"node {node} reported {silent:.0f} s ago"), True


def _worker(settings: Settings) -> list[Finding]:
    """Whether documents are rendered. An idle worker leaves no trace: where nothing waits, nothing is known of it."""
    db = _open(settings, "worker")
    try:
        with db.across_tenants() as tx:
            waiting = render_jobs.waiting(tx)
    except DatabaseUnavailable:
        # Which is a finding of its own, above.
        return []
    finally:
        db.close()
    what, jobs, seconds = "worker", waiting["jobs"], waiting["longest"]
    shown = f"{jobs} document waits" if jobs == 1 else f"{jobs} documents wait"
    if seconds < _MOST_WAITING_SECONDS:
        return [ok(what, f"{shown} to be rendered")]
    if waiting["workers"]:
        return [
            warning(
                what,
                f"{shown} for {seconds:.0f} s to be rendered, behind what {', '.join(waiting['workers'])} has in hand",
                "If that process (host:pid) is gone: systemctl restart faxplan-worker. Else let another one run.",
            )
        ]
    return [
        error(
            what,
            f"no worker runs: {shown} for {seconds:.0f} s to be rendered, and nobody has taken one",
            "Start it: systemctl enable --now faxplan-worker. If it runs, see why: journalctl -u faxplan-worker.",
        )
    ]
