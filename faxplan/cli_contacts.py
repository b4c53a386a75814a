"""The commands about contacts: by name, whom faxes go to and come from."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import cli_faxes, cli_output, contact_files, contact_groups, contact_imports, contacts, numbers
from faxplan.contact_files import Reading, UnreadableFile
from faxplan.contacts import ALL, OWN, SHARED, Entry, Wanted
from faxplan.db import Transaction
from faxplan.users import User

if TYPE_CHECKING:
    from faxplan.cli import Context

_VALUES = ("company", "email", "note")


def add_commands(commands: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "contact", "add|list|remove|import|export", "your contacts, and shared ones")
    add = group.add_parser("add", parents=[personal], help="enter one")
    add.add_argument("name", metavar="NAME", help="may be empty where there is a --company")
    add.add_argument("number", metavar="NUMBER", help="as +49 30 123456, or as it is dialled in the tenant's country")
    for name in _VALUES:
        add.add_argument(f"--{name}", default="", metavar="TEXT")
    _add_shared(add)
    add.add_argument("--group", metavar="NAME", help="put it into this group")
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[personal], help="those that you see, by name")
    _add_wanted(listing)
    listing.add_argument("--limit", type=cli_output.whole_number, default=100, metavar="N",
                         help="at most so many (default: 100)")  # fmt: skip
    listing.set_defaults(command=_list)
    remove = group.add_parser("remove", parents=[personal], help="delete one; faxes keep the number")
    remove.add_argument("contact", type=int, metavar="CONTACT")
    remove.set_defaults(command=_remove)
    bring = group.add_parser("import", parents=[personal], help="take in a table (CSV), or say what would come of it")
    bring.add_argument("file", type=Path, metavar="FILE", help="a contact a line: up to 10,000 lines and 5 MB")
    _add_shared(bring)
    bring.add_argument("--group", metavar="NAME", help="put all of them into this group")
    bring.add_argument("--dry-run", action="store_true", help="change nothing, and say what would come of it")
    bring.add_argument("--left", type=Path, metavar="FILE", help="write the lines that cannot be taken here, as CSV")
    bring.set_defaults(command=_import)
    export = group.add_parser("export", parents=[personal], help="write them as a table (CSV)")
    _add_wanted(export)
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    export.set_defaults(command=_export)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shared", action="store_true", help="for the whole tenant (default: for yourself)")


def _add_wanted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", metavar="TEXT", help="beginnings of words, or of the number")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--mine", dest="scope", action="store_const", const=OWN, default=ALL, help="your own only")
    which.add_argument("--shared", dest="scope", action="store_const", const=SHARED, help="shared ones only")
    parser.add_argument("--group", metavar="NAME", help="those in this group")


def _wanted(tx: Transaction, user: User, options: argparse.Namespace) -> Wanted:
    return Wanted(options.text, options.scope, _group(tx, user, options))


def _group(tx: Transaction, user: User, options: argparse.Namespace) -> int | None:
    return None if options.group is None else contact_groups.named(tx, user, options.group).id


def _add(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = cli_faxes.actor(context, options)
    entry = Entry(options.name, options.company, options.number, options.email, options.note)
    with context.portal.tenant(user.tenant_id) as tx:
        made = contacts.add(tx, user, entry, shared=options.shared)
        group = _group(tx, user, options)
        if group is not None:
            contact_groups.put(tx, user, group, [made.id])
    text = f"Contact {made.id}, {made.shown}: {numbers.readable(made.number, tenant.country)}."
    return cli_output.done(options, made, text)


def _list(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        found = contacts.find(tx, user, _wanted(tx, user, options), limit=options.limit)
    rows = [
        (
            each.id, each.name, each.company, numbers.readable(each.number, tenant.country), each.email,
            "shared" if each.shared else "mine",
        )
        for each in found
    ]  # fmt: skip
    headings = ("CONTACT", "NAME", "COMPANY", "NUMBER", "E-MAIL", "WHOSE")
    empty = "There is none. `faxplan contact add NAME NUMBER` enters one, `faxplan contact import FILE` many."
    return cli_output.listed(options, found, headings, rows, empty)


def _remove(context: "Context", options: argparse.Namespace) -> int:
    user, _tenant = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        gone = contacts.remove(tx, user, options.contact)
    text = f"Contact {gone.id}, {gone.shown}, is deleted."
    return cli_output.done(options, {"contact": gone.id, "removed": True}, text)


def _import(context: "Context", options: argparse.Namespace) -> int:
    user, _tenant = cli_faxes.actor(context, options)
    with options.file.open("rb") as file:
        content = file.read(contact_files.MOST_BYTES + 1)
    with context.portal.tenant(user.tenant_id) as tx:
        group = _group(tx, user, options)
        if options.dry_run:
            found = contact_imports.preview(tx, user, content, Reading(), shared=options.shared)
            if "number" not in found.sheet.columns:
                raise UnreadableFile("No column is one of fax numbers. Give it the heading Fax number.")
        else:
            found = contact_imports.take_at_once(tx, user, content, Reading(), shared=options.shared, group_id=group)
    if options.left is not None:
        # The text has its line ends already.
        options.left.write_text(contact_imports.left(found), encoding="utf-8", newline="")
    counted = contact_imports.counts(found)
    if options.json:
        lines = [{"line": each.record.line, "why": each.why} for each in found.unreadable]
        cli_output.print_json({**counted, "lines": lines})
        return 0
    for each in found.unreadable:
        print(cli_output.printable(f"Line {each.record.line}: {each.why}"), file=sys.stderr)
    would = " (nothing is changed)" if options.dry_run else ""
    print(
        f"{counted['new']} new, {counted['changed']} changed, {counted['same']} that change nothing, "
        f"{counted['unreadable']} that cannot be taken{would}."
    )
    return 0


def _export(context: "Context", options: argparse.Namespace) -> int:
    user, _tenant = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        found = list(contacts.all_of(tx, user, _wanted(tx, user, options)))
    if options.json:
        cli_output.print_json(found)
        return 0
    text = contact_files.write_entries(each.entry for each in found)
    if options.output is None:
        sys.stdout.buffer.write(text.encode())
        return 0
    options.output.write_text(text, encoding="utf-8", newline="")
    print(f"{len(found)} contact{'' if len(found) == 1 else 's'} in {options.output}.", file=sys.stderr)
    return 0
