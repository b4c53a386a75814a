"""`faxplan purge`: destroys faxes that were kept for long enough; and `faxplan delete`, by which a user wants that."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from faxplan import (
    campaign_purge,
    cli_output,
    cli_rows,
    deletion,
    due_faxes,
    fax_contents,
    holds,
    provisioning,
    reports,
)
from faxplan.db import Row
from faxplan.pending import Pending
from faxplan.progress import Display
from faxplan.purge import Purge, Purged
from faxplan.spool import Spool

if TYPE_CHECKING:
    from faxplan.cli import Context

_WORDS = {"outbound": "sent", "inbound": "received"}
_COLUMNS = ("tenant", "fax", "direction", "mailbox", "ended_at", "pages", "why")
_STEP = 1000
"""Faxes between two lines of progress where it is no terminal's."""


def add_commands(commands: Any, common: argparse.ArgumentParser, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    delete = commands.add_parser("delete", parents=[personal], help="delete a fax: the next purge destroys it")
    delete.add_argument("fax", type=int, metavar="FAX")
    delete.add_argument("--undo", action="store_true", help="bring it back, as long as purge has not come")
    delete.set_defaults(command=_delete)
    purging = commands.add_parser("purge", parents=[common],
                                  help="destroy faxes that were kept for long enough, or deleted (cron)")  # fmt: skip
    purging.add_argument("--dry-run", action="store_true",
                         help="only list them: CSV, or JSON with --json; nothing is destroyed")  # fmt: skip
    purging.add_argument("--tenant", metavar="TENANT", help="of this tenant only, by its short name")
    purging.add_argument("--max-seconds", type=cli_output.above_zero, metavar="N",
                         help="begin nothing new after so long; the next purge goes on")  # fmt: skip
    purging.add_argument("--quiet", action="store_true", help="say nothing but what could not be done")
    purging.set_defaults(command=_purge)


def _delete(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    if options.undo:
        deletion.undelete(context.portal, user, options.fax)
        return cli_output.done(options, {"fax": options.fax, "deleted": False}, f"Fax {options.fax} is there again.")
    done = deletion.delete(context.portal, user, options.fax)
    when = "The next purge destroys it"
    if done.kept_until is not None:
        when = f"Purge destroys it after {done.kept_until:%Y-%m-%d}, until when your organisation keeps all faxes"
    text = f"Fax {options.fax} is deleted. {when}; `faxplan delete {options.fax} --undo` brings it back before that."
    return cli_output.done(options, {"fax": options.fax, "deleted": True, "kept_until": done.kept_until}, text)


def _purge(context: "Context", options: argparse.Namespace) -> int:
    chosen = provisioning.some_tenants(context.admin, options.tenant)
    if options.dry_run:
        return _list(context, options, {each.id: each.slug for each in chosen})
    settings = context.settings
    with _progress(shown=sys.stderr.isatty() or not (options.quiet or options.json)) as told:
        purge = Purge(
            context.purger,
            context.store,
            Spool(settings.spool),
            Pending(settings.pending, context.store.confinement),
            options.max_seconds,
            told,
            lambda tenant: reports.refresh(context.portal, tenant, datetime.now(UTC)),
        )
        done = purge.run(chosen, everything=options.tenant is None)
    for each in done.failures:
        print(cli_output.printable(f"faxplan: {each}"), file=sys.stderr)
    if options.json:
        cli_output.print_json(done)
    elif not options.quiet:
        for line in _said(done):
            print(line)
    return 1 if done.failures else 0


def _said(done: Purged) -> Iterator[str]:
    drafts = f" and {_drafts(done.drafts)}" if done.drafts else ""
    yield f"{done.faxes} faxes{drafts} are purged: {done.objects} objects, {done.bytes} bytes."
    if done.recipients:
        yield f"{done.recipients} recipients of campaigns are destroyed."
    if done.records:
        yield f"The records of {done.records} faxes are removed."
    if done.orphans:
        yield f"{done.orphans} objects that no row named are removed."
    if done.leftovers:
        yield f"Files of {done.leftovers} calls in spool and pending/ are removed."
    if not done.finished:
        yield "The time was over before all was done; the next purge goes on."


def _list(context: "Context", options: argparse.Namespace, chosen: dict[int, str]) -> int:
    writer = cli_rows.writer(_COLUMNS, as_json=options.json)
    faxes = pages = drafts = ended = 0
    writer.begin()
    for tenant_id, slug in chosen.items():
        with context.purger.tenant(tenant_id) as tx:
            drafts += fax_contents.drafts_due(tx, tenant_id)
            ended += campaign_purge.due(tx, tenant_id)
            for each in due_faxes.everything(tx, tenant_id, holds.of_mailboxes(tx, tenant_id)):
                row: Row = dict(
                    zip(
                        _COLUMNS,
                        (slug, each.fax_id, _WORDS[each.direction], _cell(each.mailbox, options),
                         each.finished_at.isoformat(), each.pages, each.why),
                        strict=True,
                    )
                )  # fmt: skip
                writer.row(row)
                faxes, pages = faxes + 1, pages + each.pages
    writer.end()
    if not options.quiet:
        more = f", and {_drafts(drafts)}," if drafts else ""
        print(f"{faxes} faxes with {pages} pages{more} would be purged.", file=sys.stderr)
        if ended:
            print(f"So would be the recipients of {ended} campaign{'' if ended == 1 else 's'}.", file=sys.stderr)
    return 0


def _drafts(count: int) -> str:
    return f"{count} draft{'' if count == 1 else 's'}"


def _cell(name: str | None, options: argparse.Namespace) -> str | None:
    """A mailbox's name is a user's: in CSV nothing of it is an order to a terminal."""
    return name if name is None or options.json else cli_output.printable(name)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Any]:
    display, before = Display(sys.stderr), 0

    def told(done: Purged) -> None:
        nonlocal before
        if shown and (sys.stderr.isatty() or before // _STEP != done.faxes // _STEP):
            words = f"{done.faxes} faxes purged"
            display.update(words, words)
        before = done.faxes

    try:
        yield told
    finally:
        display.close()
