"""`faxplan import`: takes over what another fax server had."""

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    cli_output,
    import_entering,
    import_fusionpbx,
    import_hylafax,
    import_ictfax,
    invitations,
    numbers,
    provisioning,
    spreadsheets,
)
from faxplan.files import write_durably
from faxplan.import_entering import KINDS, Outcome, Wishes
from faxplan.import_inventory import Inventory, Left, UnreadableExport

if TYPE_CHECKING:
    from faxplan.cli import Context

_PLURALS = {"tenant": "tenants", "user": "users", "mailbox": "group mailboxes", "reader": "readers of them",
            "number": "numbers", "contact": "contacts"}  # fmt: skip


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    about = "takes over what another fax server had"
    group = cli_output.group(commands, "import", "ictfax|fusionpbx|hylafax", about)
    wishes = argparse.ArgumentParser(add_help=False)
    wishes.add_argument("--dry-run", action="store_true", help="change nothing, and say what would come of it")
    wishes.add_argument("--country", metavar="CC", help="of a tenant that is new: ISO code, such as DE")
    wishes.add_argument("--time-zone", metavar="ZONE", help="of a tenant that is new, such as Europe/Berlin")
    wishes.add_argument("--numbers", choices=numbers.INBOUND_FORMATS, default="any",
                        help="how DIDs are written there (default: found out)")  # fmt: skip
    wishes.add_argument("--contacts-of", metavar="EMAIL",
                        help="who is to share contacts that are nobody's (default: an administrator)")  # fmt: skip
    wishes.add_argument("--left", type=Path, metavar="FILE", help="write what is not taken over here, as CSV")
    wishes.add_argument("--invitations", type=Path, metavar="FILE",
                        help="write a link for each user who is new here (CSV, mode 0600)")  # fmt: skip
    one = argparse.ArgumentParser(add_help=False)
    one.add_argument("--tenant", required=True, metavar="TENANT", help="the tenant's short name; a new one is made")
    one.add_argument("--name", metavar="TEXT", help="of a tenant that is new (default: the short name)")

    ictfax = group.add_parser("ictfax", parents=[common, wishes, one], help="of ICTFax, by mysqldump --xml")
    ictfax.add_argument("file", type=Path, metavar="FILE", help=import_ictfax.COMMAND)
    ictfax.set_defaults(command=_run, read=_ictfax)

    fusionpbx = group.add_parser("fusionpbx", parents=[common, wishes], help="of FusionPBX, by a query in JSON")
    fusionpbx.add_argument("file", nargs="?", type=Path, metavar="FILE", help="what the query has written")
    fusionpbx.add_argument("--show-query", action="store_true", help="print the command that makes FILE, and end")
    fusionpbx.add_argument("--tenant", action="append", default=[], type=_pair, metavar="DOMAIN=TENANT",
                           help="a domain's short name here; may be repeated")  # fmt: skip
    fusionpbx.add_argument("--all-users", action="store_true", help="also those who only telephone")
    fusionpbx.set_defaults(command=_run, read=_fusionpbx)

    hylafax = group.add_parser("hylafax", parents=[common, wishes, one], help="of HylaFAX, by its FaxDispatch")
    hylafax.add_argument("folder", type=Path, metavar="FOLDER", help="HylaFAX's etc, or a copy of it")
    hylafax.add_argument("--mail-domain", metavar="DOMAIN", help="of names that have none")
    hylafax.add_argument("--numbers-begin", metavar="DIGITS", help="what stands before patterns such as *001")
    hylafax.add_argument("--did-variable", action="append", default=[], metavar="NAME",
                         help=f"where the called number is, beside {', '.join(import_hylafax.CALLED)}")  # fmt: skip
    hylafax.set_defaults(command=_run, read=_hylafax)


def _pair(text: str) -> tuple[str, str]:
    domain, sign, slug = text.partition("=")
    if not (domain and sign and slug):
        raise argparse.ArgumentTypeError(f"{text!r} is not DOMAIN=TENANT, such as pbx.example.com=example")
    return domain, slug


def _ictfax(options: argparse.Namespace) -> Inventory:
    return import_ictfax.read(options.file, slug=options.tenant, name=options.name or options.tenant)


def _fusionpbx(options: argparse.Namespace) -> Inventory:
    return import_fusionpbx.read(options.file, slugs=dict(options.tenant), all_users=options.all_users)


def _hylafax(options: argparse.Namespace) -> Inventory:
    reading = import_hylafax.Reading(options.mail_domain, options.numbers_begin, tuple(options.did_variable))
    dispatch, hosts = import_hylafax.files_in(options.folder)
    return import_hylafax.read(
        dispatch, hosts, slug=options.tenant, name=options.name or options.tenant, reading=reading
    )


def _run(context: "Context", options: argparse.Namespace) -> int:
    if getattr(options, "show_query", False):
        print(import_fusionpbx.COMMAND)
        return 0
    if getattr(options, "file", options) is None:
        raise UnreadableExport("Name the file that the query has written; --show-query prints the query.")
    inventory = options.read(options)
    wishes = Wishes(options.country, options.time_zone, options.numbers, options.contacts_of)
    outcomes: list[Outcome] = []
    links: list[tuple[str, ...]] = [("tenant", "email", "link", "days")]
    for organisation in inventory.organisations:
        _say(options, f"{organisation.source}: {'trying' if options.dry_run else 'entering'} ...")
        if options.dry_run:
            outcomes.append(import_entering.tried(context.admin, organisation, wishes))
            continue
        made = import_entering.enter(
            context.admin, context.portal, context.actor, inventory.system, organisation, wishes
        )
        outcomes.append(made)
        if options.invitations is not None:
            links.extend(_links(context, made))
            # After each tenant, so that an interruption loses no link.
            write_durably(options.invitations, _csv(links))
    left = [*inventory.left, *(each for outcome in outcomes for each in outcome.left)]
    if options.left is not None:
        rows = [(spreadsheets.inert(each.what), spreadsheets.inert(each.why)) for each in left]
        write_durably(options.left, _csv([("what", "why"), *rows]))
    return _told(options, inventory, outcomes, left)


def _told(options: argparse.Namespace, inventory: Inventory, outcomes: list[Outcome], left: list[Left]) -> int:
    found = {
        "system": inventory.system,
        "dry_run": options.dry_run,
        "tenants": [
            {"tenant": each.slug, "new": each.new, "there": each.there, "without_password": each.without_password}
            for each in outcomes
        ],
        "left": [{"what": each.what, "why": each.why} for each in left],
    }
    if options.json:
        cli_output.print_json(found)
        return 0
    rows = [
        (outcome.slug, _PLURALS[kind], outcome.new[kind], outcome.there[kind])
        for outcome in outcomes
        for kind in KINDS
        if outcome.new[kind] or outcome.there[kind]
    ]
    new = "WOULD BE NEW" if options.dry_run else "NEW"
    cli_output.print_table(("TENANT", "WHAT", new, "THERE"), rows, empty="There is nothing in it to take over.")
    if left:
        print(f"\nNot taken over ({len(left)}):")
        for each in left:
            print(cli_output.printable(f"  {each.what}: {each.why}"))
    if options.dry_run:
        print("\nNothing is changed. Without --dry-run it is.")
    elif any(each.without_password for each in outcomes) and options.invitations is None:
        print(
            "\nPasswords are not taken over: each new user needs an invitation (`faxplan user invite`), and faxes to a "
            "number get 480 until one of its readers, or an administrator of the tenant, has followed it."
        )
    return 0


def _links(context: "Context", outcome: Outcome) -> Iterator[tuple[str, ...]]:
    for email in outcome.without_password:
        user, token = provisioning.invite(context.admin, context.actor, outcome.slug, email)
        link = invitations.link(context.settings.portal_of(outcome.slug), token)
        yield outcome.slug, user.email, link, str(invitations.DAYS)


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(cli_output.printable(text), file=sys.stderr)
