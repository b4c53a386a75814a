"""The commands of whoever runs the installation: status, users, settings, doctor, guard, worker, store."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from faxplan import (
    audit,
    cli_faxes,
    cli_nodes,
    cli_output,
    doctor,
    guard,
    history,
    nodes,
    numbers,
    retention_provisioning,
    users,
    worker_process,
)
from faxplan.config import Settings
from faxplan.errors import InvalidSetting

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    status = commands.add_parser("status", parents=[common], help="calls, queue and nodes now; or where one fax stands")
    status.add_argument("fax", type=int, nargs="?", metavar="FAX")
    status.add_argument("--as", dest="user", metavar="USER", help="whose fax it is")
    status.set_defaults(command=_status)
    people = commands.add_parser("users", parents=[common], help="everybody whom you can act as")
    people.set_defaults(command=_users)
    settings = commands.add_parser("settings", parents=[common], help="the settings in force, passwords masked")
    settings.set_defaults(command=_settings)
    checks = commands.add_parser("doctor", parents=[common], help="what is missing or wrong here, and what to do")
    checks.add_argument("--adopt", action="store_true",
                        help="first say that a database that was restored and this store belong together: purge goes "
                             "on, and objects that no row names are removed after 7 days")  # fmt: skip
    checks.set_defaults(command=_doctor)
    guarding = commands.add_parser(
        "guard", parents=[common], help="start the switch's runtime again if it is silent (cron)"
    )
    guarding.set_defaults(command=_guard)
    rendering = commands.add_parser(
        "worker", parents=[common], help="render documents until SIGTERM (systemd); log on standard error"
    )
    rendering.set_defaults(command=_worker)
    store = commands.add_parser("store", help="the document store").add_subparsers(required=True, metavar="accept")
    accepting = store.add_parser(
        "accept",
        parents=[common],
        help="take the folder of the settings for the document store: it is new, or restored",
    )
    accepting.set_defaults(command=_accept_store)


def _status(context: "Context", options: argparse.Namespace) -> int:
    if options.fax is not None:
        return cli_faxes.status_of_fax(context, options)
    with context.admin.across_tenants() as tx:
        machines, calls, queue = nodes.everyone(tx), history.calls_now(tx), history.queue_now(tx)
    if options.json:
        cli_output.print_json({"nodes": machines, "calls": calls, "queue": queue})
        return 0
    print("Nodes")
    running = {node["name"]: sum(call["node"] == node["name"] for call in calls) for node in machines}
    rows = [
        (
            n["name"],
            cli_nodes.state(n),
            f"{running[n['name']]} of {n['max_channels']}",
        )
        for n in machines
    ]
    cli_output.print_table(("NODE", "RUNTIME", "CALLS"), rows, empty="No switch has reported yet.")
    print("\nCalls")
    calling = [
        (c["tenant"], c["fax_id"], "sending to" if c["direction"] == history.SENT else "receiving for",
         numbers.readable(c["destination"], None), c["pages"], f"{c['seconds']:.0f} s", c["node"])
        for c in calls
    ]  # fmt: skip
    headings = ("TENANT", "FAX", "WHAT", "NUMBER", "PAGES", "FOR", "NODE")
    cli_output.print_table(headings, calling, empty="No call runs.")
    print("\nQueue")
    waiting = [(q["tenant"], q["faxes"], q["due"], f"{q['oldest']:.0f} s" if q["due"] else "") for q in queue]
    cli_output.print_table(("TENANT", "FAXES", "DUE", "OLDEST WAITS"), waiting, empty="No fax waits for a call.")
    return 0


def _users(context: "Context", options: argparse.Namespace) -> int:
    everyone = users.everyone(context.portal)
    if options.json:
        cli_output.print_json([{"email": email, "tenant": slug} for email, slug in everyone])
    else:
        cli_output.print_table(
            ("USER", "TENANT"), everyone, empty="There is no user yet. `faxplan user add` enters one."
        )
    return 0


def _settings(context: "Context", options: argparse.Namespace) -> int:
    shown = context.settings.printable()
    if options.json:
        cli_output.print_json(shown)
    else:
        cli_output.print_table(("SETTING", "VALUE"), list(shown.items()), empty="")
    return 0


def _doctor(context: "Context", options: argparse.Namespace) -> int:
    try:
        settings: Settings | InvalidSetting = context.settings
    except InvalidSetting as error:
        settings = error
    if options.adopt:
        objects, size = retention_provisioning.adopt_store(context.admin, context.purger, context.store, context.actor)
        print(
            f"Database and store are adopted. {objects} objects ({size} bytes) are named by no row: purge removes each "
            "when it is 7 days old.",
            file=sys.stderr,
        )
    findings = doctor.examine(settings)
    if options.json:
        cli_output.print_json(findings)
    else:
        for finding in findings:
            # In it are words of other machines: a store's server, a node, a carrier.
            print(f"{finding.level.value:<8}{cli_output.printable(f'{finding.what}: {finding.found}')}")
            if finding.remedy:
                print(f"{'':<8}  {cli_output.printable(finding.remedy)}")
        print(f"\n{doctor.summary(findings)}")
    return 1 if doctor.has_errors(findings) else 0


def _guard(context: "Context", options: argparse.Namespace) -> int:
    done = guard.look(context.settings, context.switch)
    if options.json:
        cli_output.print_json({"node": context.settings.node, "did": done})
    elif done:
        print(done)
    return 0


def _worker(context: "Context", options: argparse.Namespace) -> int:  # noqa: ARG001 - as every command
    worker_process.serve(context.settings)
    return 0


def _accept_store(context: "Context", options: argparse.Namespace) -> int:
    place = context.store.place
    with context.admin.across_tenants() as tx:
        audit.record(tx, audit.INSTALLATION, actor=context.actor, action="store.accept", object="store", folder=place)
        context.store.accept()
    if options.json:
        cli_output.print_json({"store": place})
    else:
        print(f"{place} is the document store.")
    return 0
