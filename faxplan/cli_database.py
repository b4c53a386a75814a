"""The commands that make Faxplan's database and bring it up to date."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, database_restore, database_setup
from faxplan.installation import LOGINS, Installed
from faxplan.migrations import Patience, Told
from faxplan.progress import Display

if TYPE_CHECKING:
    from faxplan.cli import Context

_LOCAL_SERVER = "postgresql:///postgres"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = commands.add_parser("database", help="make the database, or bring it up to date").add_subparsers(
        required=True, metavar="create|migrate|restore"
    )
    for name, command, meaning in (
        ("create", _create, "make roles, database and tables; whatever is there stays"),
        ("migrate", _migrate, "bring the database up to date after an update of Faxplan"),
    ):
        parser = group.add_parser(name, parents=[common], help=meaning)
        _add_where(parser)
        parser.set_defaults(command=command)
    restoring = group.add_parser("restore", parents=[common],
                                 help="make it of a dump on standard input, as `faxplan restore` does")  # fmt: skip
    _add_where(restoring)
    restoring.add_argument(
        "--replace-as", metavar="NAME", help="put a database that has tenants aside, under this name"
    )
    restoring.add_argument("--dry-run", action="store_true", help="only look whether it may be done")
    restoring.add_argument(
        "--of", metavar="SHA256", help="which backup it is; one that was cut off after it made the database goes on"
    )
    restoring.set_defaults(command=_restore)


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--superuser-url",
        metavar="URL",
        help="how to reach PostgreSQL as a superuser, such as postgresql://postgres@db.example/postgres; "
        "a password better stands in PGPASSWORD or ~/.pgpass (default: the server of database_url, as postgres)",
    )
    parser.add_argument(
        "--database",
        metavar="NAME",
        help="the database's name, where the settings cannot be read, as by the account postgres "
        "(default: as in database_url)",
    )
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument(
        "--wait",
        type=cli_output.whole_number,
        metavar="SECONDS",
        help="how long to wait for another one who makes, migrates or restores (default: as long as that takes)",
    )
    waiting.add_argument("--no-wait", action="store_true", help="end at once where another one is at work")


def _create(context: "Context", options: argparse.Namespace) -> int:
    url, name = _server(context, options)
    with _told(options) as told:
        installed = database_setup.create(url, name, context.actor, told=told, patience=_patience(options))
    _say(options, name, installed)
    if installed.created and not options.json:
        print(_ADVICE.format(database=name, logins=",".join(LOGINS)))
    return 0


def _migrate(context: "Context", options: argparse.Namespace) -> int:
    url, name = _server(context, options)
    with _told(options) as told:
        installed = database_setup.migrate(url, name, context.actor, told=told, patience=_patience(options))
    _say(options, name, installed)
    return 0


def _restore(context: "Context", options: argparse.Namespace) -> int:
    url, name = _server(context, options)
    if options.dry_run:
        found = database_restore.examine(url, name, options.replace_as, options.of)
        there = (
            f"Database {name} is there. Tenants in it: {found.tenants}." if found else f"There is no database {name}."
        )
        return cli_output.done(options, {"database": name, "found": found}, there)
    with _told(options) as told:
        database_restore.restore(
            url, name, sys.stdin.buffer, replace_as=options.replace_as, of=options.of, told=told,
            patience=_patience(options),
        )  # fmt: skip
    return cli_output.done(options, {"database": name}, f"Database {name} is made of the dump.")


@contextmanager
def _told(options: argparse.Namespace) -> Iterator[Told]:
    """What goes on, on standard error."""
    display = Display(sys.stderr)
    try:
        yield (lambda _: None) if options.json else (lambda words: display.update(words, words))
    finally:
        display.close()


def _patience(options: argparse.Namespace) -> Patience:
    return Patience(turn_seconds=0 if options.no_wait else options.wait)


def _server(context: "Context", options: argparse.Namespace) -> tuple[str, str]:
    """The superuser's URL and the database's name; the settings are read only for what was not given."""
    name = options.database or context.settings.database_name
    if options.superuser_url:
        return options.superuser_url, name
    return _LOCAL_SERVER if options.database else context.settings.superuser_url, name


def _say(options: argparse.Namespace, name: str, installed: Installed) -> None:
    if options.json:
        applied = [migration.path.name for migration in installed.applied]
        cli_output.print_json({"database": name, "created": installed.created, "applied": applied})
    elif installed.created:
        print(f"Database {name} is made, with Faxplan's roles and tables.")
    elif installed.applied:
        print(f"Database {name} has had: {', '.join(migration.path.name for migration in installed.applied)}.")
    else:
        print(f"Database {name} is up to date.")


_ADVICE = """
Its roles have no passwords. Say in pg_hba.conf who may log in as which; on the machine of PostgreSQL itself, above
the lines that are there:

    local   {database}  {logins}  peer map=faxplan

and in pg_ident.conf, for root's commands and the processes of FreeSWITCH's user, which never is the
administrator:

    faxplan  root                 faxplan_admin
    faxplan  root                 faxplan_purge
    faxplan  root                 faxplan_backup
    faxplan  faxplan-admin        faxplan_admin
    faxplan  faxplan-admin        faxplan_portal
    faxplan  /^(root|freeswitch)$  faxplan_portal
    faxplan  /^(root|freeswitch)$  faxplan_switch
    faxplan  /^(root|freeswitch)$  faxplan_worker
    faxplan  /^(root|freeswitch)$  faxplan_metrics

From another machine: hostssl and scram-sha-256, with passwords (\\password faxplan_admin in psql, and so on) in a
passfile that database_url names: postgresql://db.example/{database}?sslmode=verify-full&passfile=/etc/faxplan/pgpass

Then: systemctl reload postgresql, and `faxplan doctor`."""
