"""`faxplan backup` and `faxplan restore` (docs/backup.md)."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import backup_manifest, backups, cli_output, config, migrations, releases, restoring
from faxplan.backup_manifest import Manifest, NotABackup, Told
from faxplan.backups import Taken
from faxplan.database_restore import RestoreRefused
from faxplan.errors import DatabaseUnavailable
from faxplan.progress import Display
from faxplan.restoring import Plan

if TYPE_CHECKING:
    from faxplan.cli import Context

_VERIFY = "verify"
_WAIT_SECONDS = 900.0
"""Cron takes backups: one does not fall out for an upgrade that is just running."""


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    taking = commands.add_parser(
        "backup", parents=[common], help="database and documents into a new folder; or: backup verify FOLDER"
    )
    taking.add_argument(
        "words",
        nargs="+",
        metavar="[verify] FOLDER",
        help="a folder that does not exist yet; after `verify`, one that is looked at",
    )
    taking.add_argument(
        "--link-dest",
        type=Path,
        metavar="PREVIOUS",
        help="an earlier backup on the same disk: documents that are in it become hard links",
    )
    taking.set_defaults(command=_backup, check=_checked)
    back = commands.add_parser("restore", parents=[common], help="bring a backup back, on this machine")
    back.add_argument("folder", type=Path, metavar="FOLDER", help="as `faxplan backup` made it")
    back.add_argument("--reason", metavar="TEXT", help="why, for the audit; asked for where it is not given")
    back.add_argument("--replace-as", metavar="NAME", help="put a database that has tenants aside, under this name")
    back.add_argument("--dry-run", action="store_true", help="look at all of it, and say what would be done")
    back.add_argument(
        "--superuser-url",
        metavar="URL",
        help="how to reach PostgreSQL as a superuser (default: the server of database_url, by the account postgres "
        "where it is on this machine)",
    )
    back.set_defaults(command=_restore)


def _checked(options: argparse.Namespace) -> str:
    # One of that name is a forgotten folder: it would lie who knows where.
    if (len(options.words) == 1) == (options.words[0] != _VERIFY) and len(options.words) <= 2:
        return ""
    return "give one folder: `faxplan backup FOLDER`, or `faxplan backup verify FOLDER`"


def _backup(context: "Context", options: argparse.Namespace) -> int:
    *verb, name = options.words
    folder = Path(name).absolute()
    if verb:
        return _verify(options, folder)
    with (
        _told(options) as told,
        releases.turn_here("faxplan backup", wait_seconds=_WAIT_SECONDS, told=told),
    ):
        taken = backups.take(
            context.settings, folder, settings_file=config.settings_file(context.environment),
            previous=options.link_dest, told=told,
        )  # fmt: skip
    _note(context, folder, taken.manifest)
    if options.json:
        cli_output.print_json(
            {
                "folder": str(folder),
                "manifest": taken.manifest,
                "linked": taken.linked,
                "lost": taken.lost,
                "keep_offline": backups.keep_offline(context.settings),
            }
        )
    else:
        _say_taken(context, folder, taken)
    return 1 if taken.lost else 0


def _note(context: "Context", folder: Path, manifest: Manifest) -> None:
    try:
        backups.note(context.admin, context.actor, folder, manifest)
    except DatabaseUnavailable as error:
        print(f"faxplan: the backup is whole, and the audit does not say so: {error}", file=sys.stderr)


def _say_taken(context: "Context", folder: Path, taken: Taken) -> None:
    made = taken.manifest
    linked = f", {taken.linked} of them as links into the previous one" if taken.linked else ""
    print(
        f"{folder} is whole: database at schema {made.level}; documents: {made.objects} ({made.bytes} bytes){linked}."
    )
    print("\nIn it are numbers, names and addresses in clear: keep it like the database itself.")
    print("What is not in it, and is to be kept elsewhere:")
    for what, file in backups.keep_offline(context.settings).items():
        print(f"  {file}: the {what}")
    print("  passwords, recovery codes and recovery keys of users: without one of these no fax is opened again")
    print("Never keep keys_dir, spool_dir, work_dir: what waits to be sent opens with them.")
    if taken.lost:
        shown = ", ".join(taken.lost[:5]) + (" ..." if len(taken.lost) > 5 else "")
        print(
            f"\nfaxplan: documents that the database names and that were not in the store: {len(taken.lost)} "
            f"({shown}). Bring them back from an earlier backup.",
            file=sys.stderr,
        )


def _verify(options: argparse.Namespace, folder: Path) -> int:
    with _told(options) as told:
        wrong = backup_manifest.faults(folder, told)
    manifest = backup_manifest.read(folder)
    if options.json:
        cli_output.print_json({"folder": str(folder), "whole": not wrong, "faults": wrong, "manifest": manifest})
        return 1 if wrong else 0
    if wrong:
        raise NotABackup(f"{folder} is not whole:\n" + "\n".join(wrong))
    print(f"{folder} is whole: {_shown(manifest)}.")
    return 0


def _shown(made: Manifest) -> str:
    lost = f", and {made.lost} that the store had lost" if made.lost else ""
    return (
        f"taken {made.taken_at} of release {made.release} (schema {made.level}); tenants: {made.tenants}; documents: "
        f"{made.objects}{lost}; nodes: {', '.join(made.nodes) or 'none'}"
    )


def _restore(context: "Context", options: argparse.Namespace) -> int:
    # Asked before it has the turn: a question that nobody answers would keep the night's backup waiting.
    reason = "" if options.dry_run else options.reason or _asked()
    with nullcontext() if options.dry_run else releases.turn_here("faxplan restore"):
        return _restored(context, options, reason)


def _restored(context: "Context", options: argparse.Namespace, reason: str) -> int:
    settings, folder = context.settings, options.folder.absolute()
    with _told(options) as told:
        wanted = restoring.plan(
            settings, folder, superuser_url=options.superuser_url, replace_as=options.replace_as, told=told
        )
    steps = _steps(wanted, settings.database_name, options.replace_as)
    if options.dry_run:
        heads = (f"The backup is whole: {_shown(wanted.manifest)}.", "This would be done:")
        return _say(options, {"manifest": wanted.manifest, "steps": steps}, "\n".join((*heads, *steps)))
    with _told(options) as told:
        restoring.carry_out(settings, folder, wanted, replace_as=options.replace_as, told=told)
    try:
        generation = restoring.note(settings, context.admin, context.actor, folder, reason)
    except DatabaseUnavailable as error:
        print(f"faxplan: database and documents are back, and the audit does not say so yet: {error} When that is "
              "mended, say this again: what is done stays done.", file=sys.stderr)  # fmt: skip
        return 3
    return _say(options, {"manifest": wanted.manifest, "steps": steps, "generation": generation}, _LEFT)


def _say(options: argparse.Namespace, result: Any, text: str) -> int:
    if options.json:
        cli_output.print_json(result)
    else:
        print(text)
    return 0


def _steps(wanted: Plan, database: str, replace_as: str | None) -> list[str]:
    put_aside = f"; the one that is there is put aside as {replace_as}" if replace_as else ""
    made = f"  database {database} is made of the dump, and brought to schema {len(migrations.available())}{put_aside}"
    if wanted.found is not None and wanted.found.made:
        made = f"  database {database} stays: a restore of this backup that was cut off has made it"
    return [
        f"  files of the store that are brought back: {len(wanted.missing)}",
        made,
        f"  keys of days that are destroyed on this machine: {wanted.keys}",
        "  the audit says that the database was restored",
    ]


def _asked() -> str:
    if not sys.stdin.isatty():
        raise RestoreRefused("Say why it is restored: --reason 'disk failed, backup of 2026-11-26', for the audit.")
    while not (said := input("Why is it restored, and from which backup? It stands in the audit: ").strip()):
        pass
    return said


_LEFT = """Database and documents are back, and the audit says so. Left to be done, in this order:

  1. On each other machine:  rm -f /var/lib/faxplan/keys/*.key /var/lib/faxplan/keys/mailer/*.key
  2. Do again what was done since the backup: legal holds (faxplan hold set), members and readers who went, passwords,
     mail that was switched off. Tell the officers of the audit.
  3. faxplan doctor --adopt   until then nothing is purged
  4. Start FreeSWITCH and Faxplan's services, and put /etc/cron.d/faxplan back."""


@contextmanager
def _told(options: argparse.Namespace) -> Iterator[Told]:
    """What goes on, on standard error."""
    display = Display(sys.stderr)
    try:
        yield (lambda _: None) if options.json else (lambda words: display.update(words, words.partition(":")[0]))
    finally:
        display.close()
