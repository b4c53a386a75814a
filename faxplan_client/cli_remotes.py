"""The commands about servers: add, servers, remove, account."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan_client import cli_output, remotes, transport
from faxplan_client.cli_output import count
from faxplan_client.errors import Forbidden
from faxplan_client.remotes import Remote

if TYPE_CHECKING:
    from faxplan_client.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    add = commands.add_parser("add", parents=[common], help="enter a server; your API key is asked for")
    add.add_argument("name", metavar="NAME", help="what you call it, such as office")
    add.add_argument("address", metavar="ADDRESS", help="of your organisation, such as https://acme.fax.example.com")
    add.add_argument("--key-file", type=Path, metavar="FILE", help="read the API key from its first line")
    add.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates of an authority of your own (PEM)")
    add.add_argument("--replace", action="store_true", help="in the place of one of this name")
    add.set_defaults(command=_add)
    servers = commands.add_parser("servers", parents=[common], help="the servers that are known here")
    servers.set_defaults(command=_servers)
    remove = commands.add_parser("remove", parents=[common], help="forget a server, and your API key of it")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(command=_remove)
    account = commands.add_parser("account", parents=[common], help="whose API key it is, and what it may do")
    account.set_defaults(command=_account)


def _add(context: "Context", options: argparse.Namespace) -> int:
    remotes.check_name(options.name)
    transport.check_address(options.address)
    if options.key_file is not None:
        key = cli_output.first_line(options.key_file)
    else:
        key = cli_output.asked("API key (fxp_..., it is not shown): ")
    ca_file = None if options.ca_file is None else options.ca_file.resolve()
    remote = Remote(options.name, options.address, key.strip(), ca_file)
    client = remote.client()
    # What is kept is known to work.
    found = client.account()
    context.remotes.keep(Remote(options.name, client.address, remote.key, ca_file), replace=options.replace)
    said = {"name": options.name, "address": client.address, "account": found, "file": context.remotes.file}
    text = (
        f"{options.name} is {found.organisation} at {client.address}, where you are {found.email}. "
        f"The key may: {' '.join(found.scopes)}.\nIt is kept in {context.remotes.file}, which only you can read."
    )
    return cli_output.done(options, said, text)


def _servers(context: "Context", options: argparse.Namespace) -> int:
    found = context.remotes.all()
    said = [{"name": each.name, "address": each.address} for each in found]
    rows = [(each.name, each.address) for each in found]
    empty = "There is none yet. `faxplan remote add NAME ADDRESS` enters one."
    return cli_output.listed(options, said, ("NAME", "ADDRESS"), rows, empty)


def _remove(context: "Context", options: argparse.Namespace) -> int:
    context.remotes.forget(options.name)
    text = (
        f"{options.name} is forgotten here. The API key goes on to count until it is ended: in the portal at Account, "
        "API keys, or with `faxplan api-key end` at the server."
    )
    return cli_output.done(options, {"name": options.name, "removed": True}, text)


def _account(context: "Context", options: argparse.Namespace) -> int:
    client = context.client
    found = client.account()
    try:
        numbers, quotas = client.numbers(), client.quota()
    except Forbidden:
        # The key need not be for that.
        numbers, quotas = [], []
    if options.json:
        cli_output.print_json({"account": found, "numbers": numbers, "quotas": quotas})
        return 0
    until = f" until {cli_output.clock(found.expires_at)}" if found.expires_at else ""
    lines = [
        f"{found.user} ({found.email}) of {found.organisation}.",
        f"Key {found.key}{until}: {' '.join(found.scopes)}.",
    ]
    if numbers:
        lines.append(f"Calls as {', '.join(each.number for each in numbers)}.")
    for each in quotas:
        whose = "You" if each.of == "user" else "Your organisation"
        lines.append(f"{whose} may send {count(each.room, 'more page')} this {each.period}, of {each.pages}.")
    print(cli_output.visible("\n".join(lines)))
    return 0
