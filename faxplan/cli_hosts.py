"""The operator's commands about host names of tenants' own."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import brand_provisioning, cli_output

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "host", "add|confirm|list|remove", "host names of tenants' own, for the portal")
    for verb, words, command in (
        ("add", "enter a host name, and confirm it", _add),
        ("confirm", "it leads here, has a certificate, and is the tenant's", _confirm),
        ("remove", "the tenant's pages are there no more", _remove),
    ):
        parser = group.add_parser(verb, parents=[common], help=words)
        parser.add_argument("slug", metavar="TENANT", help="the tenant's short name")
        parser.add_argument("host", metavar="HOST", help="such as fax.example.com")
        parser.set_defaults(command=command)
    listing = group.add_parser("list", parents=[common], help="all host names, also those that are not confirmed")
    listing.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    listing.set_defaults(command=_list)


def _add(context: "Context", options: argparse.Namespace) -> int:
    domain = context.settings.portal_domain
    host = brand_provisioning.add_host(context.admin, context.actor, options.slug, options.host, domain)
    brand_provisioning.confirm_host(context.admin, context.actor, options.slug, host)
    text = f"The pages of {options.slug} are on https://{host} too, as soon as the proxy has a certificate for it."
    return cli_output.done(options, {"tenant": options.slug, "host": host}, text)


def _confirm(context: "Context", options: argparse.Namespace) -> int:
    brand_provisioning.confirm_host(context.admin, context.actor, options.slug, options.host)
    text = f"The pages of {options.slug} are on https://{options.host} too."
    return cli_output.done(options, {"tenant": options.slug, "host": options.host}, text)


def _remove(context: "Context", options: argparse.Namespace) -> int:
    brand_provisioning.remove_host(context.admin, context.actor, options.slug, options.host)
    text = f"{options.host} is no host of {options.slug} any more."
    return cli_output.done(options, {"tenant": options.slug, "host": options.host, "removed": True}, text)


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = brand_provisioning.hosts(context.admin, options.slug)
    rows = [
        (
            each["host"],
            each["tenant"],
            f"{each['confirmed_at'].astimezone():%Y-%m-%d}" if each["confirmed_at"] else "no",
        )
        for each in found
    ]
    empty = "No tenant has a host name of its own. `faxplan host add` enters one."
    return cli_output.listed(options, found, ("HOST", "TENANT", "CONFIRMED"), rows, empty)
