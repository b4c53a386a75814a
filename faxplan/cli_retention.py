"""`faxplan retention` and `faxplan hold`: how long faxes are kept, and what is kept whatever that says."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, provisioning, retention, retention_provisioning, tenants
from faxplan.errors import FaxplanError
from faxplan.retention import Bounds

if TYPE_CHECKING:
    from faxplan.cli import Context

_CHOICES = {"sent": "outbound", "received": "inbound"}
_WORDS = {direction: word for word, direction in _CHOICES.items()}


class BoundsOrChoice(FaxplanError):
    """What the administrator decides and what a tenant decides were mixed."""

    error_id = "bounds-or-choice"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "retention", "show|set", "how long faxes are kept")
    show = group.add_parser("show", parents=[common], help="bounds and choices, and what follows for each mailbox")
    show.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    show.add_argument("--as", dest="user", metavar="USER", help="of this user's tenant, as its people see it")
    show.set_defaults(command=_show)
    change = group.add_parser(
        "set", parents=[common], help="bounds (--min, --max, --records), or a tenant's own choice (--days)"
    )
    change.add_argument("slug", nargs="?", metavar="TENANT", help="bounds of this tenant (default: of all)")
    change.add_argument(
        "--min",
        dest="min_days",
        type=_days,
        metavar="DAYS",
        help="faxes are kept so long at least, also deleted ones; `none`: as for all, or 0",
    )
    change.add_argument("--max", dest="max_days", type=_days, metavar="DAYS",
                        help="and so long at most; `none`: as for all, or no limit")  # fmt: skip
    change.add_argument(
        "--records",
        choices=["keep", "remove", "none"],
        help="whether the records of purged faxes and their calls stay; `none`: as for all, or keep",
    )
    change.add_argument("--as", dest="user", metavar="USER", help="the tenant's administrator who chooses")
    change.add_argument("--days", type=_days, metavar="DAYS", help="faxes are kept so long; `none`: no choice")
    change.add_argument("--mailbox", metavar="NAME", help="of this mailbox only (with --days)")
    change.add_argument("--direction", choices=list(_CHOICES), help="these only (with --days)")
    change.set_defaults(command=_set)

    group = cli_output.group(commands, "hold", "set|release|list", "legal holds")
    hold = group.add_parser("set", parents=[common], help="keep a fax, a mailbox's or all of a tenant's, come what may")
    hold.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    which = hold.add_mutually_exclusive_group()
    which.add_argument("--mailbox", metavar="NAME", help="all faxes of this mailbox (default: of the tenant)")
    which.add_argument("--fax", type=cli_output.whole_number, metavar="FAX", help="this fax")
    hold.add_argument("--reason", required=True, metavar="TEXT", help="why, at most 500 characters")
    hold.set_defaults(command=_hold)
    release = group.add_parser("release", parents=[common], help="end a hold")
    release.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    release.add_argument("hold", type=cli_output.whole_number, metavar="HOLD", help="as `faxplan hold list` numbers it")
    release.add_argument("--reason", required=True, metavar="TEXT", help="why")
    release.set_defaults(command=_release)
    listing = group.add_parser("list", parents=[common], help="all holds: what, since when, by whom, why")
    listing.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    listing.set_defaults(command=_list)


def _days(text: str) -> int:
    """0 is a number of days here, so `none` is another one."""
    return cli_output.NO_NUMBER if text == "none" else cli_output.whole_number(text)


def _set(context: "Context", options: argparse.Namespace) -> int:
    bounds = cli_output.given(options, ("min_days", "max_days", "records"))
    if options.days is not None:
        if bounds or options.slug is not None:
            raise BoundsOrChoice(
                "--days is what a tenant's administrator chooses (with --as), --min, --max and --records are the "
                "installation's administrator's. Give one or the other."
            )
        return _choose(context, options)
    if any(each is not None for each in (options.mailbox, options.direction, options.user)):
        raise BoundsOrChoice("--as, --mailbox and --direction go with --days.")
    values = cli_output.changes(options, ("min_days", "max_days"), _records(options.records))
    values = {name: None if value == cli_output.NO_NUMBER else value for name, value in values.items()}
    found = retention_provisioning.set_bounds(context.admin, context.actor, options.slug, values)
    whom = "Tenants without bounds of their own" if options.slug is None else options.slug
    return cli_output.done(options, {"tenant": options.slug, "bounds": found}, f"{whom}: {_bounds(found)}")


def _records(word: str | None) -> dict[str, Any]:
    if word is None:
        return {}
    return {"remove_records": {"keep": False, "remove": True, "none": None}[word]}


def _choose(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    days = None if options.days == cli_output.NO_NUMBER else options.days
    direction = _CHOICES.get(options.direction)
    retention_provisioning.choose(context.portal, user, days, options.mailbox, direction)
    which = f"{options.direction or 'All'} faxes of {options.mailbox or 'the tenant'}".capitalize()
    if options.mailbox is not None:
        which = f"{(options.direction or 'all').capitalize()} faxes of {options.mailbox}"
    said = f"{which}: no choice any more." if days is None else f"{which} are kept for {days} days."
    return cli_output.done(options, {"days": days, "mailbox": options.mailbox, "direction": options.direction}, said)


def _bounds(bounds: Bounds) -> str:
    most = "with no limit" if bounds.max_days is None else f"for {bounds.max_days} days at most"
    records = "removed as well, a month later" if bounds.remove_records else "kept"
    return f"faxes are kept for {bounds.min_days} days at least and {most}; their records are {records}."


def _show(context: "Context", options: argparse.Namespace) -> int:
    if options.user is not None:
        user = context.user()
        with context.portal.across_tenants() as tx:
            found = [tenants.get(tx, user.tenant_id)]
        db = context.portal
    else:
        found, db = provisioning.some_tenants(context.admin, options.slug), context.admin
    backups = context.settings.backup_days
    policies = {each.slug: retention_provisioning.shown(db, each.id) for each in found}
    if options.json:
        cli_output.print_json(
            {
                "backup_days": backups,
                "tenants": [
                    {"tenant": slug, "bounds": policy.bounds, "choices": choices, "mailboxes": mailboxes}
                    for slug, (policy, choices, mailboxes) in policies.items()
                ],
            }
        )
        return 0
    for slug, (policy, choices, mailboxes) in policies.items():
        print(cli_output.printable(f"{slug}: {_bounds(policy.bounds)}"))
        for each in choices:
            print(cli_output.printable(f"  It chose {each['days']} days for {_chosen(each)}."))
        rows = [(each["mailbox"], *(_kept(each[word]) for word in retention.DIRECTIONS)) for each in mailboxes]
        cli_output.print_table(("MAILBOX", "SENT", "RECEIVED"), rows, empty="It has no mailbox.")
        print()
    print(_backups(backups))
    return 0


def _chosen(choice: dict[str, Any]) -> str:
    which = _WORDS.get(choice["direction"], "all")
    return f"{which} faxes of {choice['mailbox'] or 'every mailbox without a choice of its own'}"


def _kept(days: int | None) -> str:
    return "until deleted" if days is None else f"{days} days"


def _backups(days: int | None) -> str:
    if days is None:
        return (
            "How long backups are kept nobody has said: set backup_days (docs/settings.md). Purge does not reach them, "
            "so a purged fax can come back from a backup as long as there is one."
        )
    return (
        f"Backups are kept for {days} days (backup_days). Purge does not reach them: for so long a purged fax can come "
        "back from one."
    )


def _hold(context: "Context", options: argparse.Namespace) -> int:
    hold_id = retention_provisioning.set_hold(
        context.admin, context.actor, options.slug, mailbox=options.mailbox, fax_id=options.fax, reason=options.reason
    )
    what = "the whole tenant" if options.mailbox is None else f"mailbox {options.mailbox}"
    what = what if options.fax is None else f"fax {options.fax}"
    text = f"Hold {hold_id} of {options.slug}: {what} is neither deleted nor purged until it is released."
    return cli_output.done(options, {"tenant": options.slug, "hold": hold_id}, text)


def _release(context: "Context", options: argparse.Namespace) -> int:
    hold = retention_provisioning.release_hold(
        context.admin, context.actor, options.slug, options.hold, reason=options.reason
    )
    text = f"Hold {hold.id} of {options.slug} ({hold.what}) is released. What else holds the same faxes goes on."
    return cli_output.done(options, hold, text)


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = retention_provisioning.all_holds(context.admin, options.slug)
    rows = [
        (slug, each.id, each.what, f"{each.set_at:%Y-%m-%d %H:%M %Z}", each.set_by, each.reason) for slug, each in found
    ]
    shown = [{"tenant": slug, "hold": each, "what": each.what} for slug, each in found]
    headings = ("TENANT", "HOLD", "WHAT", "SINCE", "SET BY", "WHY")
    return cli_output.listed(options, shown, headings, rows, "Nothing is under legal hold.")
