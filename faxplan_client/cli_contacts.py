"""The commands about contacts: list, add, remove."""

import argparse
from itertools import islice
from typing import TYPE_CHECKING, Any

from faxplan_client import cli_output

if TYPE_CHECKING:
    from faxplan_client.cli import Context

_VALUES = ("company", "email", "note")


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    verbs = "add|list|remove"
    group = commands.add_parser("contact", help=f"your contacts, and shared ones: {verbs}").add_subparsers(
        required=True, metavar=verbs
    )
    add = group.add_parser("add", parents=[common], help="enter one")
    add.add_argument("name", metavar="NAME", help="may be empty where there is a --company")
    add.add_argument("number", metavar="NUMBER", help="as +49 30 123456, or as it is dialled in your country")
    for name in _VALUES:
        add.add_argument(f"--{name}", default="", metavar="TEXT")
    add.add_argument("--shared", action="store_true", help="for the whole organisation (default: for yourself)")
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[common], help="those that you see, by name")
    listing.add_argument("text", nargs="?", default="", metavar="TEXT", help="beginnings of words, or of the number")
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--mine", dest="scope", action="store_const", const="mine", default="all", help="your own only")
    which.add_argument("--shared", dest="scope", action="store_const", const="shared", help="shared ones only")
    listing.add_argument("--limit", type=cli_output.whole_number, default=100, metavar="N",
                         help="at most so many (default: 100)")  # fmt: skip
    listing.set_defaults(command=_list)
    remove = group.add_parser("remove", parents=[common], help="delete one; faxes keep the number")
    remove.add_argument("contact", type=cli_output.whole_number, metavar="CONTACT")
    remove.set_defaults(command=_remove)


def _add(context: "Context", options: argparse.Namespace) -> int:
    made = context.client.contacts.add(
        options.number, name=options.name, company=options.company, email=options.email, note=options.note,
        shared=options.shared,
    )  # fmt: skip
    return cli_output.done(options, made, f"Contact {made.id}, {made.name or made.company}: {made.number}.")


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = list(islice(context.client.contacts.list(options.text, scope=options.scope), options.limit))
    rows = [
        (each.id, each.name, each.company, each.number, each.email, "shared" if each.shared else "mine")
        for each in found
    ]
    headings = ("CONTACT", "NAME", "COMPANY", "NUMBER", "E-MAIL", "WHOSE")
    empty = "There is none. `faxplan remote contact add NAME NUMBER` enters one."
    return cli_output.listed(options, found, headings, rows, empty)


def _remove(context: "Context", options: argparse.Namespace) -> int:
    context.client.contacts.delete(options.contact)
    said = {"contact": options.contact, "removed": True}
    return cli_output.done(options, said, f"Contact {options.contact} is deleted.")
