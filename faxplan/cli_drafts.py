"""The commands about drafts: documents that are handed in, looked at as they will be faxed, and then sent."""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    cli_covers,
    cli_faxes,
    cli_keys,
    cli_output,
    contact_groups,
    cover_templates,
    drafts,
    enrolment,
    priorities,
    saving,
    time_line,
)
from faxplan.covers import Wanted
from faxplan.drafts import Draft
from faxplan.errors import RenderingFailed
from faxplan.paper import CHOICES, Resolution
from faxplan.recipients import Recipients
from faxplan.users import User

if TYPE_CHECKING:
    from faxplan.cli import Context

_LOOK_SECONDS = 0.2


def add_commands(commands: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(
        commands, "draft", "add|list|open|set|send|remove", "look at a document as it will be faxed, before it is sent"
    )
    add = group.add_parser("add", parents=[personal], help="hand a document in, without sending it: for a day")
    cli_faxes.add_files(add)
    cli_faxes.add_document(add)
    add.add_argument("--wait", action="store_true", help="until its pages are made")
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[personal], help="your drafts")
    listing.set_defaults(command=_list)
    opening = group.add_parser("open", parents=[personal], help="its pages, as PDF and PNG, with your key")
    opening.add_argument("draft", type=int, metavar="DRAFT")
    cli_faxes.add_output(opening)
    cli_keys.add_secret(opening)
    opening.set_defaults(command=_open)
    change = group.add_parser("set", parents=[personal], help="make its pages at another resolution")
    change.add_argument("draft", type=int, metavar="DRAFT")
    change.add_argument("--resolution", choices=[each.value for each in CHOICES], required=True)
    change.add_argument("--wait", action="store_true", help="until they are made")
    change.set_defaults(command=_set)
    send = group.add_parser("send", parents=[personal], help="a fax of it to each of these numbers")
    send.add_argument("draft", type=int, metavar="DRAFT")
    send.add_argument("numbers", nargs="*", metavar="NUMBER", help="as for `send`")
    send.add_argument("--contact", type=int, action="append", default=[], metavar="CONTACT",
                      help="and to this contact, by its id; may be repeated")  # fmt: skip
    send.add_argument("--group", action="append", default=[], metavar="NAME",
                      help="and to all contacts of this group; may be repeated")  # fmt: skip
    cli_faxes.add_how(send)
    _add_cover(send)
    send.set_defaults(command=_send)
    remove = group.add_parser("remove", parents=[personal], help="nobody sees it any more; the next purge destroys it")
    remove.add_argument("draft", type=int, metavar="DRAFT")
    remove.set_defaults(command=_remove)


def _add_cover(send: argparse.ArgumentParser) -> None:
    cover = send.add_argument_group("cover page", "before the document; it names whom each fax goes to")
    cover.add_argument("--cover", metavar="NAME", help="which of your organisation's; `plain` is always there")
    cover.add_argument("--to-name", default="", metavar="NAME", help="of who is no contact")
    cover.add_argument("--to-company", default="", metavar="NAME")
    cover.add_argument("--subject", default="", metavar="TEXT")
    cover.add_argument("--message", type=Path, metavar="FILE", help="a text file; `-`: standard input")


def _cover(context: "Context", options: argparse.Namespace, user: User) -> Wanted | None:
    if options.cover is None:
        return None
    message = "" if options.message is None else cli_covers.text_of(options.message)
    template_id = cover_templates.PLAIN_ID
    if options.cover != "plain":
        with context.portal.tenant(user.tenant_id) as tx:
            template_id = cover_templates.named(tx, user.tenant_id, options.cover).id
    return Wanted(template_id, options.to_name, options.to_company, options.subject, message)


def _add(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    document = cli_faxes.handed_in(options)
    return _told(context, options, user, drafts.make(context.portal, context.store, user, document))


def _set(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    changed = drafts.change(context.portal, user, options.draft, Resolution(options.resolution))
    return _told(context, options, user, changed)


def _told(context: "Context", options: argparse.Namespace, user: User, draft: Draft) -> int:
    """What became of it; with --wait once its pages are made. Raises RenderingFailed where they cannot be."""
    while options.wait and draft.state == "waiting":
        time.sleep(_LOOK_SECONDS)
        with context.portal.tenant(user.tenant_id) as tx:
            draft = drafts.get(tx, user, draft.id)
    if options.json:
        cli_output.print_json(draft)
        return 1 if draft.state == "failed" else 0
    if draft.state == "failed":
        raise RenderingFailed(f"The pages of draft {draft.id} cannot be made: {draft.explanation}")
    pages = "" if draft.pages is None else f", {_count(draft.pages)}"
    doing = "its pages are made" if draft.state == "waiting" else "ready"
    print(f"Draft {draft.id}{pages}, {draft.resolution}: {doing}.")
    print(f"`faxplan draft open {draft.id}` shows it as a fax; `faxplan draft send {draft.id} NUMBER` sends it.")
    return 0


def _count(pages: int) -> str:
    return f"{pages} page{'' if pages == 1 else 's'}"


def _list(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        found = drafts.of_user(tx, user)
    now = datetime.now(UTC)
    rows = [
        (
            each.id,
            time_line.clock(each.created_at, tenant.zone, now),
            "?" if each.pages is None else each.pages,
            each.resolution,
            {"waiting": "pages are made", "rendered": "ready"}.get(each.state, each.explanation),
            time_line.clock(each.expires_at, tenant.zone, now),
        )
        for each in found
    ]
    headings = ("DRAFT", "SINCE", "PAGES", "RESOLUTION", "STATE", "UNTIL")
    return cli_output.listed(options, found, headings, rows, "You have no draft. `faxplan draft add FILE` makes one.")


def _open(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        draft = drafts.get(tx, user, options.draft)
    ring = enrolment.unlock(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
    saved = saving.save_draft(context.portal, context.store, user, draft, ring, options.output, tiff=options.tiff)
    name = saving.name_of_draft(context.portal, context.store, user, draft, ring)
    return cli_faxes.told_of_files(options, name, "Draft of", saved)


def _send(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = cli_faxes.actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        groups = [contact_groups.named(tx, user, each).id for each in options.group]
    to = Recipients(
        options.numbers,
        priority=priorities.named(options.priority),
        send_at=cli_faxes.send_at(options, tenant),
        calling=options.calling,
        billing_code=options.billing_code or "",
        contacts=options.contact,
        groups=groups,
        cover=_cover(context, options, user),
    )
    accepted = drafts.send(context.portal, context.store, user, options.draft, to)
    if options.json:
        cli_output.print_json([{"id": each.fax_id, "called_number": each.called_number} for each in accepted])
        return 0
    for each in accepted:
        print(cli_faxes.said_of(each, tenant))
    print("`faxplan list --sent` says how they fare.", file=sys.stderr)
    return 0


def _remove(context: "Context", options: argparse.Namespace) -> int:
    user, _ = cli_faxes.actor(context, options)
    drafts.remove(context.portal, user, options.draft)
    text = f"Draft {options.draft} is removed. The next purge destroys it."
    return cli_output.done(options, {"draft": options.draft, "removed": True}, text)
