"""The commands about API readers: programs that open the faxes of chosen mailboxes with a key of their own."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_keys, cli_output, reader_keys

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "reader", "add|list|revoke", "programs that open faxes with a key of theirs")
    add = group.add_parser("add", parents=[personal], help="a new API reader of your mailboxes; its key is shown once")
    add.add_argument("name", metavar="NAME", help="what it is for")
    add.add_argument("--mailbox", action="append", required=True, metavar="NAME", help="it reads this; may be repeated")
    cli_keys.add_secret(add)
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[personal], help="all API readers of your organisation")
    listing.set_defaults(command=_list)
    revoke = group.add_parser("revoke", parents=[personal], help="it opens nothing that comes from now on")
    revoke.add_argument("name", metavar="NAME")
    revoke.set_defaults(command=_revoke)


def _add(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    known, told = cli_keys.secret(options), cli_keys.telling(options)
    key = reader_keys.make(context.portal, user, known, options.name, options.mailbox, told=told)
    if options.json:
        cli_output.print_json({"name": options.name, "reader_key": key})
        return 0
    print(
        f"The key of API reader {cli_output.printable(options.name)}, shown this once and kept nowhere:\n\n    {key}\n"
    )
    print("Put it into a file that only its program can read (mode 0600): `faxplan open FAX --reader-key-file FILE`.")
    return 0


def _list(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    with context.portal.tenant(user.tenant_id) as tx:
        found = reader_keys.everyone(tx, user.tenant_id)
    rows = [
        (each["name"], f"{each['created_at']:%Y-%m-%d}", ", ".join(each["mailboxes"] or ()),
         ", ".join(each["added_by"] or ()))
        for each in found
    ]  # fmt: skip
    headings = ("API READER", "SINCE", "MAILBOXES", "LET IN BY")
    return cli_output.listed(options, found, headings, rows, "There is no API reader. `faxplan reader add` makes one.")


def _revoke(context: "Context", options: argparse.Namespace) -> int:
    count = reader_keys.revoke(context.portal, context.user(), options.name)
    text = f"{options.name} is revoked: {count} mailbox{' has' if count == 1 else 'es have'} a new key."
    return cli_output.done(options, {"name": options.name, "mailboxes": count}, text)
