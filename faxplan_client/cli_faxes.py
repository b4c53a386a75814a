"""The commands about faxes: send, watch, status, list, inbox, show, open, cancel, delete."""

import argparse
import io
import sys
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan_client import cli_output, cli_progress
from faxplan_client.answers import Attempt, Fax, SentFax
from faxplan_client.cli_output import WrongFile, clock, count
from faxplan_client.cli_progress import Display
from faxplan_client.client import NEEDS_DOCUMENT
from faxplan_client.errors import Conflict
from faxplan_client.keys import Password, ReaderKey, RecoveryCode, Secret
from faxplan_client.requests import Cover

if TYPE_CHECKING:
    from faxplan_client.cli import Context

_COVER = ("to_name", "to_company", "subject", "message", "phone", "reference")
_ENDINGS = {"pdf": ".pdf", "tiff": ".tif", "cover": "-cover.tif", "original": "-original"}
_MOST_LISTED = 200


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    send = commands.add_parser("send", parents=[common], help="send a document, and watch until it has ended")
    send.add_argument("files", nargs="+", metavar="FILE",
                      help="PDF, TIFF, PNG, JPEG, plain text; office documents. Several become one fax")  # fmt: skip
    send.add_argument("--to", action="append", metavar="NUMBER",
                      help="as +49 30 123456, or as it is dialled in your country; may be repeated. Behind one FILE, "
                      "--to may go")  # fmt: skip
    add_document(send)
    send.add_argument("--priority", choices=("urgent", "normal", "bulk"), default="normal")
    send.add_argument("--at", type=cli_output.moment, metavar="TIME",
                      help="not before this: '2026-11-30 08:00', by this machine's clock")  # fmt: skip
    add_cover(send, "with any of these there is one; it is drawn for each number")
    send.add_argument("--no-wait", action="store_true", help="end as soon as it is accepted")
    send.add_argument("--label", action="append", default=[], metavar="LABEL", help="that it has; may be repeated")
    add_once(send)
    send.set_defaults(command=_send, check=_whom)
    resend = commands.add_parser("resend", parents=[common], help="send a fax of yours again that has ended")
    resend.add_argument("fax", type=cli_output.whole_number, metavar="FAX")
    resend.add_argument("--to", action="append", metavar="NUMBER", help="to another number; may be repeated")
    resend.add_argument("--at", type=cli_output.moment, metavar="TIME", help="as of `send`")
    resend.add_argument("--no-wait", action="store_true", help="end as soon as it is accepted")
    _add_secret(resend)
    add_once(resend)
    resend.set_defaults(command=_resend)
    for name, about, command in (
        ("watch", "show the pages of faxes until they have ended", _watch),
        ("status", "where a fax stands", _status),
        ("show", "everything about a fax: each call, and how it ended", _show),
        ("cancel", "stop a fax", _cancel),
        ("delete", "delete a fax that has ended", _delete),
    ):
        parser = commands.add_parser(name, parents=[common], help=about)
        many = {"nargs": "+"} if name == "watch" else {}
        parser.add_argument("fax", type=cli_output.whole_number, metavar="FAX", **many)
        parser.set_defaults(command=command)
    listing = commands.add_parser(
        "list", parents=[common], help="the newest faxes that you sent, or received (--inbox)"
    )
    listing.add_argument("--inbox", dest="direction", action="store_const", const="inbound", default="outbound",
                         help="received ones")  # fmt: skip
    _add_limit(listing)
    inbox = commands.add_parser("inbox", parents=[common], help="the newest faxes that you received")
    inbox.set_defaults(direction="inbound")
    _add_limit(inbox)
    opening = commands.add_parser("open", parents=[common], help="open a fax on this machine, and save its pages")
    opening.add_argument("fax", type=cli_output.whole_number, metavar="FAX")
    opening.add_argument("-o", "--output", type=Path, default=Path(), metavar="FILE",
                         help="a file that is not there yet, or a folder (default: fax-FAX.pdf, here)")  # fmt: skip
    opening.add_argument("--as", dest="kind", choices=("pdf", "tiff", "cover", "original"),
                         help="default: PDF, or TIFF of one that was sent; cover: its cover page; original: what "
                         "was handed in")  # fmt: skip
    _add_secret(opening)
    opening.set_defaults(command=_open)


def add_document(parser: argparse.ArgumentParser) -> None:
    """What is said of a document that is sent, and as whom."""
    parser.add_argument("--resolution", choices=("standard", "fine", "superfine"), default="fine")
    parser.add_argument("--from", dest="calling", metavar="NUMBER", help="call as this number of your organisation's")
    parser.add_argument("--billing-code", default="", metavar="TEXT", help="whom it is charged to")
    parser.add_argument("--password", action="store_true",
                        help="ask for the password of the PDFs (or read it from a pipe)")  # fmt: skip


def add_cover(parser: argparse.ArgumentParser, about: str) -> None:
    """What `cover` reads."""
    group = parser.add_argument_group("cover page", about)
    for name in _COVER:
        group.add_argument(f"--cover-{name.replace('_', '-')}", dest=f"cover_{name}", metavar="TEXT")
    group.add_argument("--cover", type=cli_output.whole_number, metavar="COVER", help="which cover page, by its number")


def _add_secret(parser: argparse.ArgumentParser) -> None:
    by = parser.add_mutually_exclusive_group()
    by.add_argument("--password-file", type=Path, metavar="FILE", help="your password, from its first line")
    by.add_argument("--code", action="store_true", help="ask for your recovery code instead of your password")
    by.add_argument("--code-file", type=Path, metavar="FILE", help="your recovery code, from its first line")
    by.add_argument("--reader-key-file", type=Path, metavar="FILE", help="an API reader's key (fxr_...), likewise")


def add_once(parser: argparse.ArgumentParser) -> None:
    """By which a command that is repeated does it once."""
    parser.add_argument("--idempotency-key", metavar="KEY",
                        help="such as an order's number: with the same one it is done once, however often the command "
                        "is given within a day")  # fmt: skip


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", metavar="LABEL", help="with this label only")
    parser.add_argument("--limit", type=cli_output.whole_number, default=50, metavar="N", help="at most (default: 50)")
    parser.set_defaults(command=_list)


def readable(files: Sequence[str]) -> list[Path]:
    """Raises WrongFile for what is no file."""
    for each in files:
        if not Path(each).is_file():
            raise WrongFile(f"There is no file {each}. Give the path of a document, in quotes if it has spaces.")
    return [Path(each) for each in files]


# -------------------------------------------------------------------------------------------------------------- sending


def _send(context: "Context", options: argparse.Namespace) -> int:
    documents = readable(options.files)
    client = context.client
    password = cli_output.asked("Password of the PDF: ") if options.password else None
    accepted = client.send(
        options.to, documents, cover=cover(options), resolution=options.resolution, priority=options.priority,
        send_at=options.at, caller_id=options.calling, billing_code=options.billing_code, password=password,
        labels=options.label, once=options.idempotency_key,
    ).faxes  # fmt: skip
    return _accepted(context, options, accepted)


def _resend(context: "Context", options: argparse.Namespace) -> int:
    client = context.client
    ask = partial(client.resend, options.fax, options.to or (), send_at=options.at, once=options.idempotency_key)
    try:
        accepted = ask().faxes
    except Conflict as error:
        if error.error_id != NEEDS_DOCUMENT:
            raise
        cli_output.news(options, "Nothing there opens its document any more. It is opened here, by your key.")
        accepted = ask(by=_secret(context, options)).faxes
    return _accepted(context, options, accepted)


def _accepted(context: "Context", options: argparse.Namespace, accepted: Sequence[SentFax]) -> int:
    # From here on nothing may tell a script to try again: the fax would arrive twice.
    for each in accepted:
        _say_accepted(options, each)
    if options.no_wait:
        if options.json:
            cli_output.print_json(accepted)
        elif len(accepted) == 1:
            print(f"`faxplan remote watch {accepted[0].id}` says how it fares.")
        return 0
    return _watched(context, options, [each.id for each in accepted])


def _whom(options: argparse.Namespace) -> str:
    """Takes the number from behind a single file; what is wrong, or nothing."""
    if options.to:
        return ""
    _file, *behind = options.files
    if not behind:
        return "say to which number, behind the file or with --to"
    if len(behind) > 1:
        if all(each[:1] in "+(0123456789" for each in behind):
            return f'a number with spaces is one argument: "{" ".join(behind)}", in quotes'
        return "say with --to to which number several files go"
    options.files, options.to = options.files[:1], behind
    return ""


def cover(options: argparse.Namespace) -> Cover | None:
    """As it was given; None: there is to be none."""
    values = {name: getattr(options, f"cover_{name}") for name in _COVER}
    given = {name: value for name, value in values.items() if value is not None}
    return Cover(template=options.cover, **given) if given or options.cover is not None else None


def _say_accepted(options: argparse.Namespace, fax: SentFax) -> None:
    pages = "" if fax.pages is None else f", {count(fax.pages, 'page')}"
    if options.json:
        cli_output.news(options, "", {"fax": fax.id, "to": fax.to, "state": "accepted"})
    else:
        print(cli_output.visible(f"Fax {fax.id} to {fax.to}{pages}: accepted."), flush=True)


def _watch(context: "Context", options: argparse.Namespace) -> int:
    return _watched(context, options, options.fax)


def _watched(context: "Context", options: argparse.Namespace, numbers: Sequence[int]) -> int:
    try:
        faxes = cli_progress.follow(context.client, numbers, Display(sys.stderr if options.json else sys.stdout))
    except KeyboardInterrupt:
        shown = " ".join(map(str, numbers))
        cli_output.news(options, f"Nothing is stopped. `faxplan remote watch {shown}` goes on to show it.")
        raise
    if options.json:
        cli_output.print_json(faxes)
    elif len(faxes) > 1:
        for each in faxes:
            print(cli_output.visible(f"{_headline(each)}: {each.state}. {cli_progress.standing(each)}"))
    elif sys.stdout.isatty() and faxes[0].state not in ("sent", "received"):
        # The line that is drawn may be too short for why.
        print(cli_output.visible(cli_progress.standing(faxes[0])))
    return 0 if all(each.state in ("sent", "received") for each in faxes) else 1


# ----------------------------------------------------------------------------------------------------------- looking on


def _headline(fax: Fax) -> str:
    if fax.direction == "outbound":
        return f"Fax {fax.id} to {fax.to}"
    return f"Fax {fax.id} from {fax.caller_id or 'a withheld number'}"


def _status(context: "Context", options: argparse.Namespace) -> int:
    fax = context.client.fax(options.fax)
    return cli_output.done(options, fax, f"{_headline(fax)}: {fax.state}. {cli_progress.standing(fax)}")


def _show(context: "Context", options: argparse.Namespace) -> int:
    client = context.client
    fax, calls = client.fax(options.fax), client.attempts(options.fax)
    if options.json:
        cli_output.print_json({"fax": fax, "attempts": calls})
        return 0
    what = [fax.resolution, fax.mailbox and f"in {fax.mailbox}", *(f"label {each}" for each in fax.labels)]
    lines = [f"{_headline(fax)}: {fax.state}. {cli_progress.standing(fax)}"]
    lines.append(f"{clock(fax.created_at)}  {'Handed in' if fax.direction == 'outbound' else 'Came in'}"
                 f"{''.join(f', {each}' for each in what if each)}")  # fmt: skip
    for call in calls:
        lines += _of_call(call)
    print(cli_output.visible("\n".join(lines)))
    return 0


def _of_call(call: Attempt) -> list[str]:
    through = f" through {call.trunk}" if call.trunk else ""
    how = f" ({call.seconds:.0f} s on the line)" if call.seconds is not None else ""
    codes = {
        "SIP": f"{call.sip_code} {call.sip_phrase or ''}".rstrip() if call.sip_code else None, "Q.850": call.q850_cause,
        "T.30": f"{call.t30_code} {call.t30_text or ''}".rstrip() if call.t30_code is not None else None,
        "T.38": call.t38, "codec": call.codec, "bit/s": call.transfer_rate, "far machine": call.remote_station_id,
    }  # fmt: skip
    said = ", ".join(f"{name} {value}" for name, value in codes.items() if value is not None)
    detail = call.detail or ("It runs." if call.outcome is None else f"It ended: {call.outcome}.")
    lines = [f"{clock(call.started_at)}  Call {call.number}{through}: {count(call.pages, 'page')}. {detail}{how}"]
    return [*lines, f"          {said}"] if said else lines


def _list(context: "Context", options: argparse.Namespace) -> int:
    part = max(1, min(options.limit, _MOST_LISTED))
    found = list(islice(context.client.faxes(options.direction, label=options.label, part=part), options.limit))
    is_inbox = options.direction == "inbound"
    rows = [
        (
            each.id, clock(each.created_at), (each.caller_id or "withheld") if is_inbox else each.to, _pages(each),
            each.state, each.mailbox if is_inbox else cli_progress.standing(each),
        )
        for each in found
    ]  # fmt: skip
    headings = ("FAX", "TIME", "FROM" if is_inbox else "TO", "PAGES", "STATE", "MAILBOX" if is_inbox else "WHAT")
    return cli_output.listed(options, found, headings, rows, "There is no fax yet.")


def _pages(fax: Fax) -> str:
    return (
        str(fax.pages_done)
        if fax.pages in (None, fax.pages_done) and fax.final
        else f"{fax.pages_done}/{fax.pages or '?'}"
    )


def _cancel(context: "Context", options: argparse.Namespace) -> int:
    done = context.client.cancel(options.fax)
    said = f"Fax {options.fax} is cancelled." if done else (
        f"Fax {options.fax} is in a call, which ends within moments. `faxplan remote show {options.fax}` says how."
    )  # fmt: skip
    return cli_output.done(options, {"fax": options.fax, "cancelled": done}, said)


def _delete(context: "Context", options: argparse.Namespace) -> int:
    context.client.delete(options.fax)
    said = f"Fax {options.fax} is deleted, for all who read its mailbox."
    return cli_output.done(options, {"fax": options.fax, "deleted": True}, said)


# -------------------------------------------------------------------------------------------------------------- opening


def _open(context: "Context", options: argparse.Namespace) -> int:
    client = context.client
    # Of one that was sent there is no PDF. It is read, and in the audit, only once it is opened.
    kind = options.kind or ("pdf" if client.fax(options.fax).direction == "inbound" else "tiff")
    target = options.output
    if target.is_dir():
        target /= f"fax-{options.fax}{_ENDINGS[kind]}"
    if target.exists():
        # Before anything is asked.
        raise cli_output.exists(target)
    opened = client.open(options.fax, _secret(context, options), kind)
    cli_output.write_new(target, io.BytesIO(opened.content))
    said = {"fax": options.fax, "file": target, "document": opened.called, "kind": kind}
    called = f" (sent as {opened.called})" if opened.called else ""
    return cli_output.done(options, said, f"{target}{called}")


def _secret(context: "Context", options: argparse.Namespace) -> Secret:
    if options.reader_key_file is not None:
        return ReaderKey(cli_output.first_line(options.reader_key_file))
    if options.code_file is not None:
        return RecoveryCode(cli_output.first_line(options.code_file))
    if options.password_file is not None:
        return Password(cli_output.first_line(options.password_file))
    email = context.client.account().email
    if options.code:
        return RecoveryCode(cli_output.asked(f"Recovery code of {email}: "))
    return Password(cli_output.asked(f"Password of {email}: "))
