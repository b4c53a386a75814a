"""Commands about a tenant's do-not-fax list (docs/portal.md has its page)."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, do_not_fax_provisioning

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(
        commands, "do-not-fax", "add|list|remove", "numbers to which a tenant's users send nothing"
    )
    tenant = {"metavar": "TENANT", "help": "the tenant's short name"}
    add = group.add_parser("add", parents=[common], help="enter a number")
    add.add_argument("slug", **tenant)
    add.add_argument("number", metavar="NUMBER")
    add.add_argument("--reason", default="", metavar="TEXT", help="why, for whoever tries it")
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[common], help="all numbers, with reasons")
    listing.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    listing.set_defaults(command=_list)
    remove = group.add_parser("remove", parents=[common], help="take a number off")
    remove.add_argument("slug", **tenant)
    remove.add_argument("number", metavar="NUMBER")
    remove.set_defaults(command=_remove)


def _add(context: "Context", options: argparse.Namespace) -> int:
    number = do_not_fax_provisioning.add(context.admin, context.actor, options.slug, options.number, options.reason)
    result = {"tenant": options.slug, "number": number, "reason": options.reason}
    return cli_output.done(options, result, f"No fax of {options.slug} to {number} is accepted from now on.")


def _remove(context: "Context", options: argparse.Namespace) -> int:
    number = do_not_fax_provisioning.remove(context.admin, context.actor, options.slug, options.number)
    return cli_output.done(options, {"tenant": options.slug, "number": number}, f"{number} is off the list.")


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = do_not_fax_provisioning.listed(context.admin, options.slug)
    rows = [(each["number"], each["tenant"], f"{each['added_at']:%Y-%m-%d}", each["added_by"], each["reason"])
            for each in found]  # fmt: skip
    headings = ("NUMBER", "TENANT", "SINCE", "ENTERED BY", "REASON")
    return cli_output.listed(options, found, headings, rows, "No number is entered.")
