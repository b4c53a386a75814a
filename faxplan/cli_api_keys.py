"""The commands about API keys: by what programs act for a user."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import api_keys, cli_output, own_api_keys, tenants
from faxplan.api_keys import ApiKey, Scope
from faxplan.errors import NotFound

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "api-key", "add|list|end", "API keys, by what programs act for a user")
    add = group.add_parser("add", parents=[personal], help="a new API key of yours; its secret is shown once")
    add.add_argument("name", metavar="NAME", help="what it is called, such as the program")
    add.add_argument(
        "--scope", action="append", required=True, choices=[each.value for each in Scope], metavar="SCOPE",
        help=f"what the program may do; may be repeated: {', '.join(each.value for each in Scope)}",
    )  # fmt: skip
    add.add_argument("--until", default="", metavar="DAY", help="the last day on which it counts, as 2027-01-31")
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[personal], help="your API keys")
    listing.set_defaults(command=_list)
    end = group.add_parser("end", parents=[personal], help="it does nothing any more")
    end.add_argument("name", metavar="NAME", help="as `list` has it")
    end.set_defaults(command=_end)


def _add(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    scopes = own_api_keys.named_scopes(options.scope)
    with context.portal.tenant(user.tenant_id) as tx:
        zone = user.zone or tenants.get(tx, user.tenant_id).zone
        expires_at = own_api_keys.end_of_day(options.until, zone)
        secret, key = api_keys.make(tx, user, options.name, scopes, expires_at, actor=context.actor)
    if options.json:
        cli_output.print_json({**_plain(key), "secret": secret})
        return 0
    print(f"API key {cli_output.printable(key.name)}, shown this once and kept nowhere:\n\n    {secret}\n")
    print("Programs send it along as `Authorization: Bearer fxp_...`; docs/api.md says how they use it.")
    return 0


def _list(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    with context.portal.tenant(user.tenant_id) as tx:
        found = api_keys.of_user(tx, user)
    rows = [
        (each.name, f"...{each.ending}", " ".join(_plain(each)["scopes"]), f"{each.created_at:%Y-%m-%d}",
         f"{each.used_at:%Y-%m-%d}" if each.used_at else "never",
         f"{each.expires_at:%Y-%m-%d}{' (expired)' if each.has_expired else ''}" if each.expires_at else "never")
        for each in found
    ]  # fmt: skip
    headings = ("API KEY", "ENDS IN", "MAY", "SINCE", "USED", "EXPIRES")
    empty = "You have no API key. `faxplan api-key add` makes one."
    return cli_output.listed(options, [_plain(each) for each in found], headings, rows, empty)


def _end(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    with context.portal.tenant(user.tenant_id) as tx:
        key = next((each for each in api_keys.of_user(tx, user) if each.name == options.name), None)
        if key is None:
            raise NotFound(f"You have no API key {options.name!r}. `faxplan api-key list` shows yours.")
        api_keys.end(tx, user, key.id, actor=context.actor)
    ended = {"id": key.id, "name": key.name}
    return cli_output.done(options, ended, f"{key.name} has ended, and does nothing any more.")


def _plain(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id, "name": key.name, "ending": key.ending,
        "scopes": [each.value for each in Scope if each in key.scopes], "created_at": key.created_at,
        "used_at": key.used_at, "expires_at": key.expires_at, "expired": key.has_expired,
    }  # fmt: skip
