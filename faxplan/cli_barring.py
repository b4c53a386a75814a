"""The operator's commands about which numbers a tenant may call (docs/toll-fraud.md)."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import barring_provisioning, cli_output, number_policy, provisioning

if TYPE_CHECKING:
    from faxplan.cli import Context

_HOURS = 24 * 7


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(
        commands, "barring", "list|permit|forbid|allow|block|remove|refused", "which numbers tenants may call"
    )
    tenant = {"metavar": "TENANT", "help": "the tenant's short name"}
    one_tenant = {"nargs": "?", "metavar": "TENANT", "help": "of this tenant only, by its short name"}
    listing = group.add_parser("list", parents=[common], help="what each tenant may call, and its caps an hour")
    listing.add_argument("slug", **one_tenant)
    listing.set_defaults(command=_list)
    for name, permitted, meaning in (
        ("permit", True, "let a tenant call a kind of numbers that cost more than a call"),
        ("forbid", False, "no more"),
    ):
        kind = group.add_parser(name, parents=[common], help=meaning)
        kind.add_argument("slug", **tenant)
        kind.add_argument("kind", metavar="KIND", choices=number_policy.KINDS, help=", ".join(number_policy.KINDS))
        kind.set_defaults(command=_permit, permitted=permitted)
    for name, act, meaning in (
        ("allow", barring_provisioning.allow, "let a tenant call these numbers, and none that are not entered so"),
        ("block", barring_provisioning.block, "let a tenant not call these numbers"),
        ("remove", barring_provisioning.remove, "take such an entry away"),
    ):
        entry = group.add_parser(name, parents=[common], help=meaning)
        entry.add_argument("slug", **tenant)
        entry.add_argument("entry", metavar="NUMBERS",
                           help="how they begin, such as +4930 (+ alone: all), or a country, such as DE")  # fmt: skip
        entry.set_defaults(command=_change_list, act=act, verb=name)
    refused = group.add_parser("refused", parents=[common], help="who tried numbers that may not be called")
    refused.add_argument("slug", **one_tenant)
    refused.add_argument("--hours", type=cli_output.whole_number, default=_HOURS, metavar="N",
                         help="in these last hours (default: a week)")  # fmt: skip
    refused.set_defaults(command=_refused)


def _permit(context: "Context", options: argparse.Namespace) -> int:
    tenant = barring_provisioning.permit(
        context.admin, context.actor, options.slug, options.kind, permitted=options.permitted
    )
    may = "may" if options.permitted else "may not"
    text = f"{tenant.slug} {may} call {options.kind} numbers from now on."
    return cli_output.done(options, {"tenant": tenant.slug, "permitted_kinds": tenant.permitted_kinds}, text)


def _change_list(context: "Context", options: argparse.Namespace) -> int:
    entry = options.act(context.admin, context.actor, options.slug, options.entry)
    text = {
        "allow": f"{options.slug} may call {entry}, and no numbers that are not allowed so.",
        "block": f"{options.slug} may not call {entry}.",
        "remove": f"The entry {entry} of {options.slug} is removed.",
    }[options.verb]
    return cli_output.done(options, {"tenant": options.slug, "entry": entry, "rule": options.verb}, text)


def _list(context: "Context", options: argparse.Namespace) -> int:
    of_tenants = provisioning.some_tenants(context.admin, options.slug)
    names = ("permitted_kinds", "allowed_numbers", "blocked_numbers", "calls_per_hour", "pages_per_hour")
    found = [{"tenant": each.slug, **{name: getattr(each, name) for name in names}} for each in of_tenants]
    rows = [
        (each.slug, " ".join(each.permitted_kinds), " ".join(each.allowed_numbers) or "(all)",
         " ".join(each.blocked_numbers), each.calls_per_hour or "", each.pages_per_hour or "")
        for each in of_tenants
    ]  # fmt: skip
    headings = ("TENANT", "PERMITTED KINDS", "ALLOWED", "BLOCKED", "CALLS AN HOUR", "PAGES AN HOUR")
    return cli_output.listed(options, found, headings, rows, "There is no tenant yet. `faxplan tenant add` enters one.")


def _refused(context: "Context", options: argparse.Namespace) -> int:
    found = barring_provisioning.refused(context.admin, options.slug, hours=options.hours)
    rows = [
        (r["tenant"], r["user"] or "", r["number"], r["reason"], r["times"], f"{r['last_at']:%Y-%m-%d %H:%M %Z}")
        for r in found
    ]
    headings = ("TENANT", "USER", "NUMBER", "WHY", "TIMES", "LAST")
    return cli_output.listed(options, found, headings, rows, "Nobody tried a number that may not be called.")
