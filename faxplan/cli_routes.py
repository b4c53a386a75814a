"""The administrator's commands about routes: which trunks take which numbers."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, numbers, route_explanation, routes, trunk_provisioning

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "route", "add|list|set|remove|explain", "which trunk takes which numbers")
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("prefix", metavar="PREFIX",
                       help="such as +49; + alone: all; X, Z, N: 0 to 9, 1 to 9, 2 to 9. The longest wins")  # fmt: skip
    through = which.add_mutually_exclusive_group(required=True)
    through.add_argument("trunk", nargs="?", metavar="TRUNK")
    through.add_argument("--barred", action="store_true", help="in place of a trunk: these numbers are not dialled")
    which.add_argument("--only-for", metavar="TENANT", help="a route of this tenant alone")
    add = group.add_parser(
        "add", parents=[common, which], help="let a trunk take the numbers with a prefix, or bar them"
    )
    add.add_argument("--position", type=cli_output.whole_number, default=100, metavar="N",
                     help="among routes of one prefix the lowest comes first (default: 100)")  # fmt: skip
    add.add_argument("--weight", type=cli_output.whole_number, default=1, metavar="N",
                     help="share of the calls among trunks of one position, 1 to 1000 (default: 1)")  # fmt: skip
    add.add_argument("--cost", type=cli_output.amount, metavar="AMOUNT",
                     help="what a minute costs, in your currency: for records only")  # fmt: skip
    add.add_argument("--in-clear", action="store_true",
                     help="faxes that a trunk with encrypted media takes as well may go here in clear")  # fmt: skip
    add.add_argument("--disabled", action="store_true", help="it counts for nothing until `route set --enabled on`")
    add.set_defaults(command=_add_route)
    change = group.add_parser("set", parents=[common, which], help="change a route, or a bar")
    change.add_argument("--position", type=cli_output.whole_number, metavar="N",
                        help="among routes of one prefix the lowest comes first")  # fmt: skip
    change.add_argument("--weight", type=cli_output.whole_number, metavar="N",
                        help="share of the calls among trunks of one position, 1 to 1000")  # fmt: skip
    change.add_argument("--cost", type=cli_output.amount_or_none, metavar="AMOUNT",
                        help="what a minute costs, in your currency; `none`: it is not known")  # fmt: skip
    cli_output.add_switch(change, "--in-clear", "take in clear what a trunk with encrypted media takes as well")
    cli_output.add_switch(change, "--enabled", "off: it counts for nothing, as if it were not there")
    change.set_defaults(command=_set_route)
    listing = group.add_parser("list", parents=[common], help="all routes")
    listing.set_defaults(command=_list_routes)
    remove = group.add_parser("remove", parents=[common, which], help="take a route, or a bar, away")
    remove.set_defaults(command=_remove_route)
    explaining = group.add_parser("explain", parents=[common], help="which trunks a call would take, and why")
    explaining.add_argument("number", metavar="NUMBER", help="as a user of the tenant writes it")
    explaining.add_argument("--tenant", dest="slug", required=True, metavar="TENANT", help="whose call it is")
    explaining.set_defaults(command=_explain_route)


def _add_route(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.add_route(
        context.admin, context.actor, options.prefix, options.trunk,
        position=options.position, weight=options.weight, cost=options.cost, only_for=options.only_for,
        in_clear=options.in_clear, enabled=not options.disabled,
    )  # fmt: skip
    what = "are barred" if options.trunk is None else f"go through {options.trunk}"
    when = ", once that is switched on: `faxplan route set --enabled on`" if options.disabled else ""
    return cli_output.done(options, _route(options), f"Numbers with {options.prefix} {what}{when}.")


def _set_route(context: "Context", options: argparse.Namespace) -> int:
    values = cli_output.changes(options, routes.CHANGEABLE)
    values = {
        name: None if name == "cost" and value == cli_output.NO_NUMBER else value for name, value in values.items()
    }
    trunk_provisioning.change_route(
        context.admin, context.actor, options.prefix, options.trunk, values, only_for=options.only_for
    )
    what, through = ("bar", "") if options.trunk is None else ("route", f" through {options.trunk}")
    return cli_output.done(options, _route(options), f"The {what} for {options.prefix}{through} is changed.")


def _remove_route(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.remove_route(
        context.admin, context.actor, options.prefix, options.trunk, only_for=options.only_for
    )
    what = "bar" if options.trunk is None else "route"
    through = "" if options.trunk is None else f" through {options.trunk}"
    text = f"The {what} for {options.prefix}{through} is removed."
    return cli_output.done(options, {**_route(options), "removed": True}, text)


def _list_routes(context: "Context", options: argparse.Namespace) -> int:
    found = trunk_provisioning.all_routes(context.admin)
    rows = [
        (r["prefix"], r["trunk"] or "(barred)", r["position"], r["weight"], r["cost"], r["only_for"] or "(all)",
         "yes" if r["in_clear"] else "no", "yes" if r["enabled"] else "no")
        for r in found
    ]  # fmt: skip
    headings = ("PREFIX", "TRUNK", "POSITION", "WEIGHT", "COST", "TENANT", "IN CLEAR", "ENABLED")
    return cli_output.listed(options, found, headings, rows, "There is no route yet. `faxplan route add` enters one.")


def _explain_route(context: "Context", options: argparse.Namespace) -> int:
    found = route_explanation.explain(context.admin, context.settings, options.slug, options.number)
    if options.json:
        cli_output.print_json(found)
        return 0
    calling = numbers.readable(found.calling, None) if found.calling else "no number of its own"
    print(f"{numbers.readable(found.number, None)}, called by {found.tenant} as {calling}:")
    if reason := found.barred or found.waits:
        print(f"  {reason}")
    if not found.ways and not found.barred:
        print("  No trunk takes it: no route fits, or their trunks are switched off. `faxplan route add` enters one.")
    for place, way in enumerate(found.ways, 1):
        print(f"  {place}. {way.trunk}: {way.why}; {f'not now: {way.busy}' if way.busy else 'free'}")
        print(f"     {cli_output.printable(way.dial_string or way.refusal)}")
    for passed in found.passed_over:
        print(f"  not tried: {passed}")
    return 0


def _route(options: argparse.Namespace) -> dict[str, str | None]:
    return {"prefix": options.prefix, "trunk": options.trunk, "only_for": options.only_for}
