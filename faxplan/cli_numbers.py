"""The administrator's commands about verified numbers: what a tenant may call as, besides its DIDs."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, numbers, provisioning

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "number", "add|list|remove", "numbers elsewhere that tenants may call as")
    add = group.add_parser("add", parents=[common], help="note that a number is a tenant's, though not a DID here")
    add.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    add.add_argument("number", metavar="NUMBER", help="as +49 30 123456, or as it is dialled in the tenant's country")
    add.add_argument("--how", required=True, metavar="TEXT", help="how you found out that it is theirs")
    add.set_defaults(command=_add_number)
    listing = group.add_parser("list", parents=[common], help="all verified numbers")
    listing.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    listing.set_defaults(command=_list_numbers)
    remove = group.add_parser("remove", parents=[common], help="the tenant may call as this number no more")
    remove.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    remove.add_argument("number", metavar="NUMBER")
    remove.set_defaults(command=_remove_number)


def _add_number(context: "Context", options: argparse.Namespace) -> int:
    number = provisioning.add_number(context.admin, context.actor, options.slug, options.number, how=options.how)
    shown = numbers.readable(number, None)
    text = f"{options.slug} may call as {shown}: `faxplan send --from`. Without that it calls as its first DID."
    return cli_output.done(options, {"tenant": options.slug, "number": number}, text)


def _remove_number(context: "Context", options: argparse.Namespace) -> int:
    number = provisioning.remove_number(context.admin, context.actor, options.slug, options.number)
    text = (
        f"{options.slug} may call as {numbers.readable(number, None)} no more; faxes that wait call as its first DID."
    )
    return cli_output.done(options, {"tenant": options.slug, "number": number, "removed": True}, text)


def _list_numbers(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_numbers(context.admin, options.slug)
    rows = [
        (numbers.readable(n["number"], None), n["tenant"], f"{n['verified_at'].astimezone():%Y-%m-%d}", n["how"])
        for n in found
    ]
    headings = ("NUMBER", "TENANT", "VERIFIED", "HOW")
    empty = "There is no verified number: tenants call as their DIDs. `faxplan number add` enters one."
    return cli_output.listed(options, found, headings, rows, empty)
