"""`faxplan`: the command line. docs/command-line.md describes every command and the exit codes.

0: done. 1: refused or failed; the message says what to do. 2: wrong usage. 3: may work later (the database is away).
"""

import argparse
import json
import os
import pwd
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import faxplan
from faxplan import (
    cli_api_keys,
    cli_audit,
    cli_backup,
    cli_barring,
    cli_calling,
    cli_cdr,
    cli_contacts,
    cli_covers,
    cli_database,
    cli_dids,
    cli_do_not_fax,
    cli_drafts,
    cli_faxes,
    cli_hosts,
    cli_import,
    cli_install,
    cli_keys,
    cli_labels,
    cli_mail,
    cli_mail_in,
    cli_nodes,
    cli_numbers,
    cli_output,
    cli_purge,
    cli_reader_keys,
    cli_recovery_key,
    cli_retention,
    cli_routes,
    cli_system,
    cli_tenants,
    cli_top,
    cli_trunks,
    cli_upgrade,
    config,
    home,
    log_lines,
    users,
)
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import FaxplanError
from faxplan.users import User
from faxplan_client import cli as remote

DONE, FAILED, USAGE, RETRYABLE, INTERRUPTED = 0, 1, 2, 3, 130


class WhichUser(FaxplanError):
    """There are several users, and none was chosen."""

    error_id = "which-user"


@dataclass(frozen=True)
class Context:
    """What a command works with. `chosen`: the user given by --as. `quiet`: nothing but results and errors is said."""

    chosen: str | None
    environment: Mapping[str, str]
    quiet: bool

    @cached_property
    def settings(self) -> Settings:
        """Read when the first command asks. Raises InvalidSetting."""
        return config.load(_settings_file(self.environment, quiet=self.quiet), self.environment)

    @cached_property
    def portal(self) -> Database:
        """What a tenant's users do."""
        return Database(self.settings.database_url_for("portal"), max_connections=2)

    @cached_property
    def admin(self) -> Database:
        """What whoever owns the installation looks at."""
        return Database(self.settings.database_url_for("admin"), max_connections=2)

    @cached_property
    def switch(self) -> Database:
        """What the switch's own user may do: the guard runs as that one."""
        return Database(self.settings.database_url_for("switch"), max_connections=1)

    @cached_property
    def worker(self) -> Database:
        """What the worker may do, for what is done to all documents."""
        return Database(self.settings.database_url_for("worker"), max_connections=1)

    @cached_property
    def purger(self) -> Database:
        """What purge may do."""
        return Database(self.settings.database_url_for("purge"), max_connections=1)

    @property
    def store(self) -> Store:
        """The document store."""
        return Store.of(self.settings)

    @property
    def actor(self) -> str:
        """Who does it, for the audit log: the account of this machine, `administrator:root`."""
        return f"administrator:{_account(os.getuid())}"

    def user(self) -> User:
        """As whom the command acts. Raises WhichUser and NotFound."""
        name = self.chosen or self.environment.get("FAXPLAN_USER")
        if name:
            return users.find(self.portal, name)
        everyone = [f"{email}/{slug}" for email, slug in users.everyone(self.portal)]
        if len(everyone) == 1:
            return users.find(self.portal, everyone[0])
        if not everyone:
            raise WhichUser("There is no user yet. The administrator enters one: `faxplan user add`.")
        raise WhichUser(
            f"Say as whom, with --as or FAXPLAN_USER; the users are: {', '.join(everyone[:20])}"
            f"{', ... (`faxplan users` lists all)' if len(everyone) > 20 else '.'}"
        )

    def close(self) -> None:
        """Gives up the connections that were opened."""
        for name in ("portal", "admin", "switch", "worker", "purger"):
            if name in self.__dict__:
                self.__dict__[name].close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. No exception of ours leaves it."""
    given = sys.argv[1:] if arguments is None else arguments
    if remote.is_meant(given):
        return remote.main(given)
    parser = _parser()
    options, left = parser.parse_known_args(arguments)
    if left:
        parser.error(_too_many(options, left))
    if wrong := getattr(options, "check", _all_right)(options):
        parser.error(wrong)
    context = Context(options.user, os.environ, quiet=options.json)
    log_lines.set_up_briefly("faxplan")
    try:
        code: int = options.command(context, options)
        sys.stdout.flush()
        return code
    except FaxplanError as error:
        _say(options, error.error_id, str(error), retryable=error.retryable)
        return USAGE if isinstance(error, WhichUser) else RETRYABLE if error.retryable else FAILED
    except BrokenPipeError:
        # Whoever read our output has enough of it. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        advice = (
            " Run it as root, or as the user who owns Faxplan's files." if isinstance(error, PermissionError) else ""
        )
        _say(options, "system-error", f"{what}.{advice}", retryable=False)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        context.close()


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _settings_file(environment: Mapping[str, str], *, quiet: bool) -> Path | None:
    """None: config.load finds it. In a checkout without any other settings, those of its `make run`."""
    if "FAXPLAN_CONFIG" in environment or "FAXPLAN_DATABASE_URL" in environment or config.DEFAULT_FILE.exists():
        return None
    here = home.default(environment)
    if not here.settings_file.exists():
        return None
    if not quiet:
        away = "" if here.is_running() else ", which is not running: start it in another terminal"
        print(f"Using {here.shown(here.settings_file)}, the settings of `make run`{away}.", file=sys.stderr)
    return here.settings_file


def _say(options: argparse.Namespace, error_id: str, message: str, *, retryable: bool) -> None:
    if options.json:
        print(json.dumps({"error_id": error_id, "message": message, "retryable": retryable}), file=sys.stderr)
    else:
        lines = "\n".join(cli_output.printable(line) for line in message.split("\n"))
        print(f"faxplan: {lines}", file=sys.stderr)


def _all_right(_options: argparse.Namespace) -> str:
    """Of commands that take whatever their arguments are."""
    return ""


def _too_many(options: argparse.Namespace, left: list[str]) -> str:
    number = getattr(options, "number", None)
    if isinstance(number, str) and all(each[:1] in "+(0123456789" for each in left):
        return f'a number with spaces is one argument: "{" ".join([number, *left])}", in quotes'
    return f"unrecognized arguments: {' '.join(left)}"


@cache
def _parser() -> argparse.ArgumentParser:
    """Of all commands: some hundreds of options, and always the same."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON; errors too, on standard error")
    personal = argparse.ArgumentParser(add_help=False, parents=[common])
    personal.add_argument(
        "--as",
        dest="user",
        metavar="USER",
        help="act as this user: an e-mail address, or address/tenant (default: FAXPLAN_USER, or the only user)",
    )
    common.set_defaults(user=None)
    parser = argparse.ArgumentParser(prog="faxplan", description="Send and follow faxes, and look after Faxplan.")
    parser.add_argument("--version", action="version", version=f"faxplan {faxplan.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    cli_faxes.add_commands(commands, personal)
    cli_drafts.add_commands(commands, personal)
    cli_contacts.add_commands(commands, personal)
    cli_labels.add_commands(commands, personal)
    vault = cli_keys.add_commands(commands, common, personal)
    cli_recovery_key.add_commands(vault, personal)
    cli_reader_keys.add_commands(commands, personal)
    cli_api_keys.add_commands(commands, personal)
    cli_system.add_commands(commands, common)
    cli_install.add_commands(commands, common)
    cli_top.add_commands(commands, common)
    cli_database.add_commands(commands, common)
    cli_backup.add_commands(commands, common)
    cli_upgrade.add_commands(commands, common)
    cli_tenants.add_commands(commands, common, personal)
    cli_dids.add_commands(commands, common)
    cli_nodes.add_commands(commands, common)
    cli_numbers.add_commands(commands, common)
    cli_hosts.add_commands(commands, common)
    cli_import.add_commands(commands, common)
    cli_mail.add_commands(commands, common)
    cli_covers.add_commands(commands, common)
    cli_mail_in.add_commands(commands, common)
    cli_trunks.add_commands(commands, common)
    cli_routes.add_commands(commands, common)
    cli_calling.add_commands(commands, common, personal)
    cli_cdr.add_commands(commands, common)
    cli_barring.add_commands(commands, common)
    cli_do_not_fax.add_commands(commands, common)
    cli_audit.add_commands(commands, common)
    cli_retention.add_commands(commands, common)
    cli_purge.add_commands(commands, common, personal)
    # For `faxplan --help`; it is run by itself, as it needs nothing of this.
    remote.enter(commands.add_parser(remote.NAME, help=remote.ABOUT))
    return parser


if __name__ == "__main__":
    sys.exit(main())
