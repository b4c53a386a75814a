"""The commands of a tenant's user: send, resend, list, show, open, forward, move, cancel, and status of one fax."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    cli_keys,
    cli_output,
    cli_passwords,
    enrolment,
    forwarding,
    history,
    numbers,
    outbound,
    priorities,
    progress,
    reader_keys,
    resending,
    saving,
    send_time,
    t30_list,
    t30_steps,
    tenants,
    time_line,
)
from faxplan.errors import DatabaseUnavailable, NotFound
from faxplan.history import INBOX, SENT, Fax
from faxplan.originals import HandedIn, NamedFile
from faxplan.outbound import SendRequest, Submitted
from faxplan.paper import CHOICES, Resolution
from faxplan.priorities import Priority
from faxplan.progress import Display
from faxplan.resending import ResendRequest
from faxplan.tenants import Tenant
from faxplan.users import User

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    send = commands.add_parser("send", parents=[personal], help="send a document")
    add_files(send)
    send.add_argument("--to", dest="number", metavar="NUMBER",
                      help="as +49 30 123456, or as it is dialled in the tenant's country; behind w (half a second) or "
                      "p (two) digits that are dialled after the answer. Behind one FILE, --to may go")  # fmt: skip
    add_document(send)
    add_how(send)
    _add_wait(send)
    send.set_defaults(command=_send, check=_whom)

    listing = commands.add_parser("list", parents=[personal], help="the newest faxes")
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--inbox", dest="direction", action="store_const", const=INBOX, help="received ones only")
    which.add_argument("--sent", dest="direction", action="store_const", const=SENT, help="sent ones only")
    listing.add_argument(
        "--limit", type=cli_output.whole_number, default=50, metavar="N", help="at most so many (default: 50)"
    )
    listing.set_defaults(command=_list)

    show = commands.add_parser("show", parents=[personal], help="everything about a fax: each call, and what was said")
    show.add_argument("fax", type=int, metavar="FAX")
    show.add_argument("--trace", action="store_true", help="and what the machines said, step by step (T.30)")
    show.set_defaults(command=_show)

    opening = commands.add_parser("open", parents=[personal], help="open a fax with your key: its pages as PDF and PNG")
    opening.add_argument("fax", type=int, metavar="FAX")
    add_output(opening)
    cli_keys.add_secret(opening)
    opening.add_argument("--reader-key-file", type=Path, metavar="FILE",
                         help="open it with the key of an API reader, from the first line of this file")  # fmt: skip
    opening.set_defaults(command=_open)

    resend = commands.add_parser("resend", parents=[personal], help="send a fax of yours again that has ended")
    resend.add_argument("fax", type=int, metavar="FAX")
    resend.add_argument("--to", dest="number", metavar="NUMBER", help="to another number, as `send` takes it")
    add_how(resend)
    _add_wait(resend)
    cli_keys.add_secret(resend)
    resend.set_defaults(command=_resend)

    forward = commands.add_parser("forward", parents=[personal], help="lay a copy of a received fax into a mailbox")
    _add_handed(forward)
    forward.set_defaults(command=_forward)

    move = commands.add_parser("move", parents=[personal], help="lay a received fax itself into another mailbox")
    _add_handed(move)
    move.set_defaults(command=_move)

    cancel = commands.add_parser("cancel", parents=[personal], help="stop a fax")
    cancel.add_argument("fax", type=int, metavar="FAX")
    cancel.set_defaults(command=_cancel)


def add_how(parser: argparse.ArgumentParser) -> None:
    """How something is sent: its priority, when, and as whom it calls."""
    parser.add_argument("--priority", choices=priorities.WORDS, default=Priority.NORMAL.word,
                        help="urgent ones are dialled first, bulk ones when nothing else waits")  # fmt: skip
    parser.add_argument("--at", metavar="TIME",
                        help="not before this: 2026-11-30 08:00, or 08:00, by the tenant's clock")  # fmt: skip
    parser.add_argument("--from", dest="calling", metavar="NUMBER",
                        help="call as this number of the tenant's (default: your own, else its first)")  # fmt: skip
    parser.add_argument("--billing-code", metavar="TEXT", help="whom it is charged to, where your organisation asks")


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="show the pages until it has arrived or failed")


def _add_handed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fax", type=int, metavar="FAX")
    parser.add_argument("mailbox", metavar="MAILBOX", help="one of your organisation; you need not read it")
    cli_keys.add_secret(parser)


def _whom(options: argparse.Namespace) -> str:
    """Takes the number from behind a single file; what is wrong, or nothing."""
    if options.number is not None:
        return ""
    _file, *behind = (str(each) for each in options.files)
    if not behind:
        return "say to which number, behind the file or with --to"
    if len(behind) > 1:
        if all(each[:1] in "+(0123456789" for each in behind):
            return f'a number with spaces is one argument: "{" ".join(behind)}", in quotes'
        return "say with --to to which number several files go"
    options.files, options.number = options.files[:1], behind[0]
    return ""


def _send(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = actor(context, options)
    document = handed_in(options)
    request = SendRequest(
        options.number,
        document.file,
        document.file_name,
        document.resolution,
        password=document.password,
        calling=options.calling,
        priority=priorities.named(options.priority),
        send_at=send_at(options, tenant),
        billing_code=options.billing_code or "",
        more=document.more,
    )
    return _accepted(context, options, user, tenant, outbound.submit(context.portal, context.store, user, request))


def add_files(parser: argparse.ArgumentParser) -> None:
    """The files that `handed_in` reads."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE",
                        help="PDF, TIFF, PNG, JPEG, plain text; office documents. Several become one fax, in this "
                        "order")  # fmt: skip


def add_document(parser: argparse.ArgumentParser) -> None:
    """What `handed_in` reads beside the files."""
    parser.add_argument("--resolution", choices=[each.value for each in CHOICES], default=Resolution.FINE.value)
    parser.add_argument(
        "--password", action="store_true", help="ask for the password of the PDFs (or read it from a pipe)"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where pages are saved, and as what."""
    parser.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="where to (default: here)")
    parser.add_argument("--tiff", action="store_true", help="and as the TIFF of the fax machines, in one file")


def handed_in(options: argparse.Namespace) -> HandedIn:
    """The document that a command was given. Raises NotFound."""
    for each in options.files:
        if not each.is_file():
            raise NotFound(f"There is no file {each}. Give the path of a document, in quotes if it has spaces.")
    password = cli_passwords.asked("Password of the PDF: ") if options.password else None
    # A name that is not UTF-8 is a label all the same, and no reason to send nothing.
    first, *more = (NamedFile(each, os.fsencode(each.name).decode(errors="replace")) for each in options.files)
    return HandedIn(first.file, first.name, Resolution(options.resolution), password, more)


def _resend(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = actor(context, options)
    request = ResendRequest(
        options.fax,
        options.number,
        priority=priorities.named(options.priority),
        send_at=send_at(options, tenant),
        calling=options.calling,
        billing_code=options.billing_code,
    )
    ring = enrolment.unlock(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
    return _accepted(context, options, user, tenant, resending.resend(context.portal, user, ring, request))


def send_at(options: argparse.Namespace, tenant: Tenant) -> datetime | None:
    """What --at says. Raises as send_time.parse does."""
    return None if options.at is None else send_time.parse(options.at, tenant.zone, datetime.now(UTC))


def _accepted(context: "Context", options: argparse.Namespace, user: User, tenant: Tenant, accepted: Submitted) -> int:
    # From here on nothing may tell a script to try again: the fax would arrive twice.
    if not options.json:
        print(said_of(accepted, tenant), flush=True)
    if options.wait:
        return _wait(context, options, user, tenant, accepted.fax_id)
    if options.json:
        cli_output.print_json(_as_accepted(context, user, accepted))
    else:
        print(f"`faxplan show {accepted.fax_id}` says how it fares.")
    return 0


def said_of(accepted: Submitted, tenant: Tenant) -> str:
    """That a fax was accepted, in a line."""
    pages = "" if accepted.pages is None else f", {accepted.pages} page{'' if accepted.pages == 1 else 's'}"
    return f"Fax {accepted.fax_id} to {numbers.readable(accepted.called_number, tenant.country)}{pages}: accepted."


def _wait(context: "Context", options: argparse.Namespace, user: User, tenant: Tenant, fax_id: int) -> int:
    if not options.json:
        fax = progress.follow(context.portal, user, fax_id, tenant, Display(sys.stdout))
    else:
        # News, and not the result, which alone goes to standard output.
        print(json.dumps({"fax": fax_id, "state": "accepted"}), file=sys.stderr, flush=True)
        fax = progress.follow(context.portal, user, fax_id, tenant, Display(sys.stderr))
        cli_output.print_json(fax)
    return 0 if fax.state == "sent" else 1


def _as_accepted(context: "Context", user: User, accepted: Submitted) -> Fax | dict[str, Any]:
    """The fax; what is known of it anyhow, should the database go away in just this moment."""
    try:
        return _fax(context, user, accepted.fax_id)
    except DatabaseUnavailable:
        known = {"called_number": accepted.called_number, "pages": accepted.pages}
        return {"id": accepted.fax_id, "state": "accepted", **known}


def _list(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        faxes = history.faxes(tx, user, direction=options.direction, limit=options.limit)
    if options.json:
        cli_output.print_json(faxes)
        return 0
    now = datetime.now(UTC)
    rows = [
        (
            fax.id,
            time_line.clock(fax.created_at, tenant.zone, now),
            time_line.party(fax, tenant.country),
            _count(fax),
            fax.state,
            _what(fax),
        )
        for fax in faxes
    ]
    cli_output.print_table(("FAX", "TIME", "NUMBER", "PAGES", "STATE", "WHAT"), rows, empty="There is no fax yet.")
    return 0


def _show(context: "Context", options: argparse.Namespace) -> int:
    user, tenant = actor(context, options)
    with context.portal.tenant(user.tenant_id) as tx:
        fax = history.fax(tx, user, options.fax)
        calls = history.attempts(tx, user, options.fax)
        traces = history.traces(tx, user, options.fax) if options.trace else {}
    if options.json:
        steps = {"traces": {number: t30_steps.read(trace) for number, trace in traces.items()}} if options.trace else {}
        cli_output.print_json({"fax": fax, "attempts": calls, **steps})
        return 0
    for line in time_line.of_fax(fax, calls, tenant, datetime.now(UTC)):
        print(line)
    for call in calls if options.trace else ():
        for line in t30_list.of_call(call, traces.get(call.number), tenant.zone):
            print(cli_output.printable(line))
    return 0


def _open(context: "Context", options: argparse.Namespace) -> int:
    user, _ = actor(context, options)
    fax = _fax(context, user, options.fax)
    if options.reader_key_file is None:
        ring = enrolment.unlock(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
    else:
        ring = reader_keys.unlock(context.portal, user.tenant_id, cli_passwords.first_line(options.reader_key_file))
    saved = saving.save(context.portal, context.store, user, fax, ring, options.output, tiff=options.tiff)
    name = saving.name_of_original(context.portal, context.store, user, fax, ring)
    return told_of_files(options, name, "Sent as", saved)


def told_of_files(options: argparse.Namespace, name: str | None, what: str, saved: Sequence[Path]) -> int:
    """Which files were written, of a document with this name."""
    if options.json:
        cli_output.print_json({"document": name, "files": list(saved)})
        return 0
    if name is not None:
        print(cli_output.printable(f"{what} {name}:"))
    for path in saved:
        print(cli_output.printable(path))
    return 0


def _forward(context: "Context", options: argparse.Namespace) -> int:
    user, _ = actor(context, options)
    ring = enrolment.unlock(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
    copy_id = forwarding.hand_on(context.portal, user, ring, options.fax, options.mailbox, forwarding.forward)
    if options.json:
        cli_output.print_json({"fax": options.fax, "mailbox": options.mailbox, "copy": copy_id})
    else:
        said = f"A copy of fax {options.fax} lies in mailbox {options.mailbox}: fax {copy_id}."
        print(cli_output.printable(said))
    return 0


def _move(context: "Context", options: argparse.Namespace) -> int:
    user, _ = actor(context, options)
    ring = enrolment.unlock(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
    forwarding.hand_on(context.portal, user, ring, options.fax, options.mailbox, forwarding.move)
    with context.portal.tenant(user.tenant_id) as tx:
        left = forwarding.left_behind(tx, user, options.fax)
    if options.json:
        cli_output.print_json({"fax": options.fax, "mailbox": options.mailbox, "left": left})
    else:
        said = f"Fax {options.fax} lies in mailbox {options.mailbox} now."
        if left is not None:
            said += f" Until the next purge, `faxplan delete {left} --undo` brings a copy back to where it lay."
        print(cli_output.printable(said))
    return 0


def _cancel(context: "Context", options: argparse.Namespace) -> int:
    user, _ = actor(context, options)
    done = outbound.cancel(context.portal, user, options.fax)
    if options.json:
        cli_output.print_json({"fax": options.fax, "cancelled": done})
    elif done:
        print(f"Fax {options.fax} is cancelled.")
    else:
        print(f"Fax {options.fax} is in a call, which ends within moments. `faxplan show {options.fax}` says how.")
    return 0


def status_of_fax(context: "Context", options: argparse.Namespace) -> int:
    """Where one fax stands, in a line."""
    user, tenant = actor(context, options)
    fax = _fax(context, user, options.fax)
    if options.json:
        cli_output.print_json(fax)
    else:
        standing = time_line.standing(fax, tenant.zone, datetime.now(UTC))
        print(f"{time_line.headline(fax, tenant.country)}: {fax.state}. {standing}")
    return 0


def actor(context: "Context", options: argparse.Namespace) -> tuple[User, Tenant]:
    """As whom the command acts; said on standard error, so that output stays what it is."""
    user = context.user()
    with context.portal.across_tenants() as tx:
        tenant = tenants.get(tx, user.tenant_id)
    if not options.json:
        print(cli_output.printable(f"As {user.email} of {tenant.name.rstrip('.')}."), file=sys.stderr)
    return user, tenant


def _fax(context: "Context", user: User, fax_id: int) -> Fax:
    with context.portal.tenant(user.tenant_id) as tx:
        return history.fax(tx, user, fax_id)


def _what(fax: Fax) -> str | None:
    if fax.forwarded_by is not None:
        return f"{time_line.forwarded(fax)} {fax.explanation or ''}".rstrip()
    return fax.file_name or fax.explanation


def _count(fax: Fax) -> str:
    if fax.direction == SENT and not fax.final:
        return f"{fax.pages_done + (fax.call_pages or 0)}/{'?' if fax.pages is None else fax.pages}"
    return str(fax.pages_done) if fax.pages in (None, fax.pages_done) else f"{fax.pages_done}/{fax.pages}"
