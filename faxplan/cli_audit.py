"""`faxplan audit`: whether the audit log is what was written, checkpoints that prove it, and exports."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from faxplan import (
    audit,
    audit_export,
    audit_key,
    audit_restores,
    audit_verification,
    cdr,
    checkpointing,
    checkpoints,
    cli_output,
    cli_rows,
    tenants,
)
from faxplan.audit_chain import Progress
from faxplan.audit_verification import Verified
from faxplan.checkpoints import Checkpoint
from faxplan.errors import FaxplanError
from faxplan.progress import Display
from faxplan.signed_notes import NoteRefused, Verifier

if TYPE_CHECKING:
    from faxplan.cli import Context

_STEP = 50_000
"""Rows between two lines of progress where it is no terminal's."""


class NoVerifier(FaxplanError):
    """A checkpoint was given, and nothing to verify its signature with."""

    error_id = "no-verifier-key"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "audit", "verify|checkpoint|key|export|restored", "the audit log")
    key = group.add_parser("key", parents=[common], help="the verifier key of checkpoints; made where there is none")
    key.add_argument("--name", metavar="NAME", help="of a new one, like fax.example.com/audit (default: the host's)")
    key.set_defaults(command=_key)
    making = group.add_parser("checkpoint", parents=[common], help="sign what the audit is now (cron)")
    making.add_argument("--quiet", action="store_true", help="say nothing but errors")
    making.set_defaults(command=_checkpoint)
    verifying = group.add_parser("verify", parents=[common], help="is it what was written? beside checkpoints too")
    chain = verifying.add_mutually_exclusive_group()
    chain.add_argument("--tenant", metavar="TENANT", help="this tenant's chain only (default: all, and the tree)")
    chain.add_argument("--installation", action="store_true", help="the installation's own chain only")
    verifying.add_argument("--checkpoint", metavar="FILE", action="append", type=Path, default=[],
                           help="compare with this one; several times for several, or - for standard input (default: "
                                "the newest that is here)")  # fmt: skip
    verifying.add_argument("--vkey", metavar="KEY", action="append", default=[],
                           help="who signs checkpoints, as `faxplan audit key` printed it once; several times where "
                                "the key was changed (default: the key that is here)")  # fmt: skip
    verifying.set_defaults(command=_verify)
    exporting = group.add_parser("export", parents=[common],
                                 help="rows with their hashes: CSV, or JSON with --json")  # fmt: skip
    whose = exporting.add_mutually_exclusive_group(required=True)
    whose.add_argument("--tenant", metavar="TENANT", help="of this tenant")
    whose.add_argument("--installation", action="store_true", help="of the installation itself")
    exporting.add_argument("--since", "--from", dest="since", metavar="DAY", help="since 2026-11-01, or "
                                                                                "2026-11-01 08:00")  # fmt: skip
    exporting.add_argument("--until", "--to", dest="until", metavar="DAY", help="and before this day, or time")
    exporting.add_argument("--csv", action="store_true", help="CSV, as without it")
    exporting.set_defaults(command=_export)
    restored = group.add_parser("restored", parents=[common], help="note that the database was restored from a backup")
    restored.add_argument("--reason", metavar="TEXT", required=True, help="why, and from which backup")
    restored.set_defaults(command=_restored)


def _key(context: "Context", options: argparse.Namespace) -> int:
    signer = audit_key.load_or_make(context.settings.audit_key, options.name)
    result = {"name": signer.name, "vkey": signer.verifier.vkey, "file": context.settings.audit_key}
    return cli_output.done(options, result, signer.verifier.vkey)


def _checkpoint(context: "Context", options: argparse.Namespace) -> int:
    with _progress(0, shown=sys.stderr.isatty() and not options.quiet) as progress:
        made = checkpointing.make(context.settings, context.admin, progress)
    if options.quiet:
        return 0
    result = {"origin": made.checkpoint.origin, "size": made.checkpoint.size, "root": made.checkpoint.root.hex(),
              "file": made.file, "new": made.new, "mailed": made.mailed}  # fmt: skip
    said = f"{made.file}: {made.checkpoint.size} rows." if made.new else f"Nothing was written since {made.file}."
    mailed = f" Mailed to {', '.join(made.mailed)}." if made.mailed else ""
    return cli_output.done(options, result, said + mailed)


def _verify(context: "Context", options: argparse.Namespace) -> int:
    verifiers = [Verifier.of(vkey) for vkey in options.vkey]
    if not verifiers and (signer := audit_key.load(context.settings.audit_key)):
        verifiers = [signer.verifier]
    given = _given(context, options.checkpoint, verifiers)
    whose = _whose(context, options)
    with _progress(audit_verification.total(context.admin, whose), shown=not options.json) as progress:
        found = audit_verification.verify(context.admin, whose, given, progress)
    with context.admin.across_tenants() as tx:
        names = {tenant.id: tenant.slug for tenant in tenants.everyone(tx)}
    if options.json:
        cli_output.print_json(_shown(found, names, given))
    else:
        for line in _said(found, names, given):
            print(cli_output.printable(line))
    return 1 if found.faults or found.keys else 0


def _given(context: "Context", files: Sequence[Path], verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    """The checkpoints to compare with. Raises NoteRefused and NoVerifier."""
    if not files:
        newest = checkpointing.folder_of(context.settings).newest()
        files = [] if newest is None else [newest]
    if files and not verifiers:
        raise NoVerifier(
            "Say who signed the checkpoint: --vkey, as `faxplan audit key` printed it on the machine then."
        )
    return [_read(file, verifiers) for file in files]


def _read(file: Path, verifiers: Sequence[Verifier]) -> Checkpoint:
    shown = "standard input" if str(file) == "-" else file
    try:
        note = (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode()
    except UnicodeDecodeError:
        raise NoteRefused(f"{shown} is no checkpoint: it is not UTF-8. Give the file as it was mailed.") from None
    for number, verifier in enumerate(verifiers, 1):
        try:
            return checkpoints.read(note, verifier)
        except NoteRefused as error:
            if number == len(verifiers):
                raise NoteRefused(f"{shown}: {error}") from error
    raise NoVerifier("Say who signed the checkpoint: --vkey.")


def _shown(found: Verified, names: dict[int, str], given: Sequence[Checkpoint]) -> dict[str, Any]:
    return {
        "whole": not found.faults and not found.keys,
        "rows": found.rows,
        "chains": [{"tenant": names.get(each.tenant_id), "chain": each.tenant_id, "rows": each.rows,
                    "hash": each.last_hash} for each in found.chains.values()],
        "faults": [{"tenant": names.get(each.tenant_id), "chain": each.tenant_id, "sequence": each.sequence,
                    "kind": each.kind, "words": each.words} for each in [*found.faults, *found.keys]],
        "lost": found.lost,
        "restores": found.restores,
        "checkpoints": [{"origin": each.origin, "at": each.at, "size": each.size} for each in given],
    }  # fmt: skip


def _said(found: Verified, names: dict[int, str], given: Sequence[Checkpoint]) -> Iterator[str]:
    for fault in found.faults:
        whose = "the installation" if fault.tenant_id == audit.INSTALLATION else names.get(fault.tenant_id, "no tenant")
        yield f"Chain {fault.tenant_id} ({whose}): {fault.words}."
    for key in found.keys:
        of = (
            "Installation"
            if key.tenant_id == audit.INSTALLATION
            else f"Tenant {names.get(key.tenant_id, key.tenant_id)}"
        )
        yield f"{of}: {key.words}."
    for restore in found.restores:
        yield f"There was {restore.shown}. Do you know of it?"
    yield from (f"Lost: {each}." for each in found.lost)
    for each in given:
        yield f"Compared with {each.shown} of {each.origin}."
    if not given:
        yield "Compared with no checkpoint: rows that were cut off at the end, or all written anew, would not show."
    if found.faults:
        yield f"The audit is NOT what was written. Rows that are whole up to there: {found.rows}."
    else:
        chains = "one chain" if len(found.chains) == 1 else f"{len(found.chains)} chains"
        yield f"Rows: {found.rows}, in {chains}. All are as they were written."
    if found.keys:
        yield "The keys are NOT those of the audit: somebody may read what comes who ought not to."


def _export(context: "Context", options: argparse.Namespace) -> int:
    whose = _whose(context, options) or audit.INSTALLATION
    wanted = cdr.period(options.since, options.until, ZoneInfo("UTC"))
    slug = options.tenant if whose else "installation"
    # Before the first row is shown: whoever breaks the export off has seen what is shown so far.
    with context.admin.tenant(whose) as tx:
        audit_export.note(
            tx, context.actor, whose, f"tenant:{slug}" if whose else slug,
            since=cdr.plain(wanted.since), until=cdr.plain(wanted.until),
        )  # fmt: skip
    writer = cli_rows.writer(audit_export.COLUMNS, as_json=options.json)
    writer.begin()
    with context.admin.tenant(whose) as tx:
        for row in audit_export.rows(tx, whose, since=wanted.since, until=wanted.until):
            writer.row(row)
    writer.end()
    return 0


def _restored(context: "Context", options: argparse.Namespace) -> int:
    signer = audit_key.load(context.settings.audit_key)
    newest = checkpointing.newest(context.settings, signer.verifier) if signer else None
    generation = audit_restores.record(
        context.admin, actor=context.actor, reason=options.reason, newest=newest[0] if newest else None
    )
    result = {"generation": generation, "checkpoint": newest[1] if newest else None}
    return cli_output.done(
        options, result, "The audit says so now. Tell the officers; the next checkpoint says it too."
    )


def _whose(context: "Context", options: argparse.Namespace) -> int | None:
    if options.installation:
        return audit.INSTALLATION
    if options.tenant is None:
        return None
    with context.admin.across_tenants() as tx:
        return tenants.by_slug(tx, options.tenant).id


@contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Progress]:
    """On standard error, as long as it takes. total: of rows, where that is known."""
    display, done = Display(sys.stderr), 0

    def more(rows: int) -> None:
        nonlocal done
        before, done = done, done + rows
        if shown and (sys.stderr.isatty() or before // _STEP != done // _STEP):
            words = f"{done} of {max(total, done)} rows" if total else f"{done} rows"
            display.update(words, words)

    try:
        yield more
    finally:
        display.close()
