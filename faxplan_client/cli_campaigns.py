"""The commands about campaigns: made, given recipients, started and stopped, watched, and what became of each."""

import argparse
import shutil
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from faxplan_client import cli_faxes, cli_output, cli_progress
from faxplan_client.answers import Campaign
from faxplan_client.cli_output import clock, count
from faxplan_client.cli_progress import Display
from faxplan_client.requests import NewPace, NewRetries

if TYPE_CHECKING:
    from faxplan_client.cli import Context

_LOOK_SECONDS = 0.5
_IN_MEMORY = 8 * 1024**2
_STATES = ("waiting", "under-way", "sent", "failed", "cancelled", "left-out")
_WHY = {
    "invalid-number": "no number", "duplicate": "already there", "do-not-fax": "on the do-not-fax list",
    "number-barred": "a number that may not be called",
}  # fmt: skip


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    verbs = "make|add|start|pause|resume|cancel|clone|cover|test|remove|list|show|watch|recipients|results"
    group = commands.add_parser("campaign", help=f"one document to many numbers: {verbs}").add_subparsers(
        required=True, metavar=verbs
    )
    _add_making(group, common)
    _add_running(group, common)
    _add_looking(group, common)


def _add_making(group: Any, common: argparse.ArgumentParser) -> None:
    make = group.add_parser("make", parents=[common], help="of a document; recipients are added after")
    make.add_argument("name", metavar="NAME")
    make.add_argument("files", nargs="+", metavar="FILE", help="as of `faxplan remote send`")
    cli_faxes.add_document(make)
    standard = NewPace()
    make.add_argument("--per-minute", type=cli_output.whole_number, default=standard.per_minute, metavar="N",
                      help=f"faxes that are begun in a minute (default: {standard.per_minute})")  # fmt: skip
    make.add_argument("--at-once", type=cli_output.whole_number, default=standard.at_once, metavar="N",
                      help=f"that are in a call at once (default: {standard.at_once})")  # fmt: skip
    make.add_argument("--between", nargs=2, default=(standard.opens, standard.closes), metavar=("FROM", "TO"),
                      help="only then, by your organisation's clock: 08:00 18:00")  # fmt: skip
    make.add_argument("--at", type=cli_output.moment, metavar="TIME", help="not before this: '2026-11-30 08:00'")
    make.add_argument("--max-attempts", type=cli_output.whole_number, metavar="N", help="tries of each fax")
    cli_faxes.add_once(make)
    make.set_defaults(command=_make)
    add = group.add_parser("add", parents=[common], help="recipients: numbers, or a CSV file")
    _of(add, _add).set_defaults(check=_either)
    add.add_argument("numbers", nargs="*", metavar="NUMBER")
    add.add_argument("--csv", metavar="FILE", help="a number a line, with any separator, and a heading or none")
    add.add_argument("--group", type=cli_output.whole_number, action="append", default=[], metavar="GROUP",
                     help="contacts in this group, by its id; may be repeated")  # fmt: skip
    add.add_argument("--all-contacts", action="store_true", help="all contacts that you see")


def _add_running(group: Any, common: argparse.ArgumentParser) -> None:
    for name, about in (
        ("start", "it goes"), ("resume", "it goes on"), ("pause", "nothing more is begun"),
        ("cancel", "it is over; what is in no call is cancelled"),
    ):  # fmt: skip
        _of(group.add_parser(name, parents=[common], help=about), _act).set_defaults(act=name)
    _of(group.add_parser("remove", parents=[common], help="forget one that was never started"), _remove)
    clone = _of(group.add_parser("clone", parents=[common], help="a new one as this is, or was"), _clone)
    clone.add_argument("files", nargs="*", metavar="FILE", help="in the place of its own, which one that ended has not")
    clone.add_argument("--name", metavar="NAME", help="what the new one is called (default: as this)")
    clone.add_argument("--recipients", choices=("all", "failed", "none"), default="none",
                       help="whom of this one it goes to (default: none)")  # fmt: skip
    cover = _of(group.add_parser("cover", parents=[common], help="a cover page for each fax, with fields"), _cover)
    cli_faxes.add_cover(
        cover, "fields of each recipient as {{ name }}; without any of these it says whether there is one"
    )
    cover.add_argument("--none", action="store_true", help="no cover page any more")
    test = _of(
        group.add_parser("test", parents=[common], help="the fax as a recipient would get it, to yourself"), _test
    )
    test.add_argument("number", metavar="NUMBER", help="of your own; it does not count among the recipients")
    test.add_argument("--recipient", type=cli_output.whole_number, metavar="RECIPIENT",
                      help="whose fields it has (default: the first)")  # fmt: skip


def _add_looking(group: Any, common: argparse.ArgumentParser) -> None:
    listing = group.add_parser("list", parents=[common], help="the newest ones")
    listing.add_argument("--limit", type=cli_output.whole_number, default=20, metavar="N", help="at most (default: 20)")
    listing.set_defaults(command=_list)
    _of(group.add_parser("show", parents=[common], help="how it stands with one"), _show)
    _of(group.add_parser("watch", parents=[common], help="show how far it is until it has ended"), _watch)
    recipients = group.add_parser("recipients", parents=[common], help="whom it goes to, and what became of each")
    _of(recipients, _recipients)
    recipients.add_argument("--state", choices=_STATES, help="those in it alone")
    results = group.add_parser("results", parents=[common], help="what became of each recipient, as a table (CSV)")
    _of(results, _results)
    results.add_argument("-o", "--output", type=Path, metavar="FILE",
                         help="one that is not there yet (default: standard output)")  # fmt: skip


def _of(parser: argparse.ArgumentParser, command: Any) -> argparse.ArgumentParser:
    parser.add_argument("campaign", type=cli_output.whole_number, metavar="CAMPAIGN")
    parser.set_defaults(command=command)
    return parser


def _make(context: "Context", options: argparse.Namespace) -> int:
    documents = cli_faxes.readable(options.files)
    client = context.client
    password = cli_output.asked("Password of the PDF: ") if options.password else None
    opens, closes = options.between
    pace = NewPace(options.per_minute, options.at_once, opens, closes, start_at=options.at)
    made = client.campaigns.make(
        options.name, documents, pace=pace, resolution=options.resolution, caller_id=options.calling,
        retries=None if options.max_attempts is None else NewRetries(options.max_attempts),
        billing_code=options.billing_code, password=password, once=options.idempotency_key,
    )  # fmt: skip
    said = (
        f"Campaign {made.id}, {made.name}, is made. `faxplan remote campaign add {made.id} --csv FILE` adds recipients."
    )
    return cli_output.done(options, made, said)


def _either(options: argparse.Namespace) -> str:
    given = [bool(options.numbers), options.csv is not None, bool(options.group) or options.all_contacts]
    return "" if sum(given) == 1 else "give either numbers, or --csv FILE, or contacts (--group, --all-contacts)"


def _add(context: "Context", options: argparse.Namespace) -> int:
    client = context.client
    if options.csv is not None:
        (file,) = cli_faxes.readable([options.csv])
        lines = client.campaigns.add_csv(options.campaign, file)
    elif options.numbers:
        lines = client.campaigns.add_numbers(options.campaign, options.numbers)
    else:
        lines = client.campaigns.add_contacts(options.campaign, groups=options.group, everybody=options.all_contacts)
    cli_output.news(options, f"{count(lines, 'line')} handed in.")
    found = cli_progress.until_read(client, options.campaign, Display(sys.stderr))
    if found.recipients.wrong:
        cli_output.news(options, f"It cannot be read to its end: {found.recipients.wrong}")
    cli_output.done(options, found, _counts(found))
    return 1 if found.recipients.wrong else 0


def _counts(campaign: Campaign) -> str:
    counts = campaign.recipients
    said = f"{campaign.name} goes to {count(counts.total, 'recipient')}."
    out = [f"{each.recipients} {_WHY.get(each.why, each.why)}" for each in counts.left_out]
    return f"{said} Left out: {', '.join(out)}." if out else said


def _act(context: "Context", options: argparse.Namespace) -> int:
    act = getattr(context.client.campaigns, "start" if options.act == "resume" else options.act)
    found: Campaign = act(options.campaign)
    return cli_output.done(options, found, _line(found))


def _clone(context: "Context", options: argparse.Namespace) -> int:
    documents = cli_faxes.readable(options.files)
    made = context.client.campaigns.clone(
        options.campaign, name=options.name, recipients=options.recipients, documents=documents
    )
    said = f"Campaign {made.id}, {made.name}, is made. `faxplan remote campaign show {made.id}` shows it."
    return cli_output.done(options, made, said)


def _cover(context: "Context", options: argparse.Namespace) -> int:
    campaigns, wanted = context.client.campaigns, cli_faxes.cover(options)
    if options.none:
        campaigns.remove_cover(options.campaign)
    found = campaigns.cover(options.campaign) if wanted is None else campaigns.set_cover(options.campaign, wanted)
    said = "Each fax has a cover page." if found.has_cover else "There is no cover page."
    if found.fields:
        said += f" Its texts may have: {', '.join(each.name for each in found.fields)}."
    said += "".join(f" {each.name} is empty for {each.recipients}." for each in found.lacking)
    return cli_output.done(options, found, said)


def _test(context: "Context", options: argparse.Namespace) -> int:
    client = context.client
    asked = client.campaigns.test(options.campaign, options.number, options.recipient)
    while not asked.is_done:
        time.sleep(_LOOK_SECONDS)
        asked = next(each for each in client.campaigns.tests(options.campaign) if each.id == asked.id)
    if asked.fax is None:
        cli_output.done(options, asked, f"There is no test fax: {asked.why}")
        return 1
    said = f"Fax {asked.fax} to {asked.to} is on its way. `faxplan remote watch {asked.fax}` shows it."
    return cli_output.done(options, asked, said)


def _results(context: "Context", options: argparse.Namespace) -> int:
    with SpooledTemporaryFile(_IN_MEMORY) as taken:
        context.client.campaigns.results(options.campaign, cast("BinaryIO", taken))
        taken.seek(0)
        if options.output is None and sys.stdout.isatty():
            # Whoever wrote the file of recipients would write to the terminal.
            for line in taken:
                print(cli_output.visible(line.decode("utf-8-sig", "replace").rstrip("\r\n")))
            return 0
        if options.output is None:
            shutil.copyfileobj(taken, sys.stdout.buffer)
            return 0
        cli_output.write_new(options.output, taken)
    return cli_output.done(options, {"campaign": options.campaign, "file": options.output}, str(options.output))


def _remove(context: "Context", options: argparse.Namespace) -> int:
    context.client.campaigns.remove(options.campaign)
    said = {"campaign": options.campaign, "removed": True}
    return cli_output.done(options, said, f"Campaign {options.campaign} is removed.")


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = list(islice(context.client.campaigns.list(), options.limit))
    rows = [
        (each.id, clock(each.created_at), each.name, each.state, each.recipients.total, each.recipients.sent,
         each.recipients.failed)
        for each in found
    ]  # fmt: skip
    headings = ("CAMPAIGN", "MADE", "NAME", "STATE", "RECIPIENTS", "SENT", "FAILED")
    empty = "There is none. `faxplan remote campaign make NAME FILE` makes one."
    return cli_output.listed(options, found, headings, rows, empty)


def _line(campaign: Campaign) -> str:
    return f"Campaign {campaign.id}, {campaign.name}. {cli_progress.campaign_standing(campaign)}"


def _show(context: "Context", options: argparse.Namespace) -> int:
    found = context.client.campaigns.get(options.campaign)
    pace = found.pace
    when = "" if (pace.opens, pace.closes) == ("00:00", "24:00") else f", from {pace.opens} to {pace.closes}"
    lines = [
        _line(found),
        f"{count(pace.per_minute, 'fax').replace('faxs', 'faxes')} a minute, {pace.at_once} at once{when}.",
        _counts(found),
    ]
    return cli_output.done(options, found, "\n".join(lines))


def _watch(context: "Context", options: argparse.Namespace) -> int:
    # How it ended is the result, and how it gets there is not.
    found = cli_progress.follow_campaign(context.client, options.campaign, Display(sys.stderr))
    cli_output.done(options, found, _line(found))
    if found.state in ("paused", "draft"):
        again = "start" if found.state == "draft" else "resume"
        cli_output.news(options, f"`faxplan remote campaign {again} {found.id}` lets it go.")
    return 0 if found.state == "finished" and not found.recipients.failed else 1


def _recipients(context: "Context", options: argparse.Namespace) -> int:
    found = list(context.client.campaigns.recipients(options.campaign, state=options.state))
    rows = [
        (each.id, each.number or each.written, each.name, each.state, _WHY.get(each.why or "", each.why), each.fax)
        for each in found
    ]
    headings = ("RECIPIENT", "NUMBER", "NAME", "STATE", "WHY", "FAX")
    return cli_output.listed(options, found, headings, rows, "There is none.")
