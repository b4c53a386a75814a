"""The commands about labels: what users call faxes."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_faxes, cli_output, history, labels

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "label", "add|remove|list", "what users call faxes")
    add = group.add_parser("add", parents=[personal], help="put a label on a fax: who sees the fax sees it")
    _add_named(add)
    add.set_defaults(command=_add)
    remove = group.add_parser("remove", parents=[personal], help="take a label off a fax")
    _add_named(remove)
    remove.set_defaults(command=_remove)
    listing = group.add_parser("list", parents=[personal], help="the labels of a fax, or of all that you see")
    listing.add_argument("fax", type=int, metavar="FAX", nargs="?")
    listing.set_defaults(command=_list)


def _add_named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fax", type=int, metavar="FAX")
    parser.add_argument("label", metavar="LABEL", help="capitals and small letters are the same")


def _add(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    labels.put_on(context.portal, user, f"user:{user.id}", [options.fax], options.label)
    return _list(context, options)


def _remove(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    labels.take_off(context.portal, user, f"user:{user.id}", [options.fax], options.label)
    return _list(context, options)


def _list(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        if options.fax is None:
            found = labels.seen_by(tx, user)
        else:
            fax = history.fax(tx, user, options.fax)
            found = labels.of_faxes(tx, user.tenant_id, [fax.id])[fax.id]
    if options.json:
        cli_output.print_json(found)
        return 0
    if not found:
        print("No label. `faxplan label add FAX LABEL` puts one on.")
    for each in found:
        print(each.name)
    return 0
