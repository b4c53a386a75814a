"""`faxplan remote`: the command line of a server elsewhere, by its API. docs/client.md and docs/command-line.md.

0: done. 1: refused or failed; the message says what to do. 2: wrong usage. 3: may work later.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from faxplan_client import cli_campaigns, cli_contacts, cli_faxes, cli_output, cli_remotes
from faxplan_client.client import Client
from faxplan_client.errors import ClientError, ConnectionFailed
from faxplan_client.remotes import NoRemote, Remote, Remotes

DONE, FAILED, USAGE, RETRYABLE, INTERRUPTED = 0, 1, 2, 3, 130
NAME, OPTION = "remote", "--remote"


@dataclass(frozen=True)
class Context:
    """What a command works with. name: of the server that --remote says; None: it says none."""

    name: str | None
    environment: Mapping[str, str]
    quiet: bool

    @property
    def remotes(self) -> Remotes:
        """All that are known here."""
        return Remotes(self.environment)

    @cached_property
    def remote(self) -> Remote:
        """The server that is meant. Raises NoRemote."""
        return self.remotes.chosen(self.name)

    @cached_property
    def client(self) -> Client:
        """Of it, which is said on standard error. Raises NoRemote and InvalidAddress."""
        made = self.remote.client()
        if not self.quiet:
            print(cli_output.visible(f"At {self.remote.shown}."), file=sys.stderr)
        return made


def is_meant(arguments: Sequence[str]) -> bool:
    """Whether `faxplan` was asked for a server elsewhere: `faxplan remote ...`, or `faxplan --remote NAME ...`."""
    return bool(arguments) and (arguments[0] == NAME or arguments[0].partition("=")[0] == OPTION)


def main(arguments: Sequence[str]) -> int:
    """The exit code. arguments: of `faxplan`, such that is_meant."""
    parser = _parser()
    name, left = _split(parser, arguments)
    options, behind = parser.parse_known_args(left)
    if behind:
        parser.error(_too_many(options, behind))
    if wrong := getattr(options, "check", lambda _options: "")(options):
        parser.error(wrong)
    context = Context(options.remote or name, os.environ, quiet=options.json)
    try:
        code: int = options.command(context, options)
        sys.stdout.flush()
        return code
    except ClientError as error:
        return _refused(options, error)
    except BrokenPipeError:
        # Whoever read our output has enough of it. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        what = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
        _say(options, "system-error", what, retryable=False)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _refused(options: argparse.Namespace, error: ClientError) -> int:
    retryable, more = error.retryable, ""
    unknown = isinstance(error, ConnectionFailed) and error.may_have_arrived
    if error.once is not None and (unknown or (retryable and error.status is not None and error.status >= 500)):
        # Whoever tries again by another key may send it twice: so a script is not told to.
        retryable = retryable and getattr(options, "idempotency_key", None) is not None
        more = (
            f" It may have been done all the same. Repeat the command with --idempotency-key {error.once}: then it is "
            "done once."
        )
    _say(options, error.error_id, f"{error.detail}{more}", retryable=retryable)
    return USAGE if isinstance(error, NoRemote) else RETRYABLE if retryable else FAILED


def _say(options: argparse.Namespace, error_id: str, message: str, *, retryable: bool) -> None:
    if options.json:
        print(json.dumps({"error_id": error_id, "message": message, "retryable": retryable}), file=sys.stderr)
    else:
        print(cli_output.visible(f"faxplan: {message}"), file=sys.stderr)


def _too_many(options: argparse.Namespace, behind: list[str]) -> str:
    number = getattr(options, "number", None)
    if isinstance(number, str) and all(each[:1] in "+(0123456789" for each in behind):
        return f'a number with spaces is one argument: "{" ".join([number, *behind])}", in quotes'
    return f"unrecognized arguments: {' '.join(behind)}"


def _split(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The server that stands before the command, if one does, and the rest."""
    first, *rest = arguments
    if first == NAME:
        return None, rest
    _option, is_joined, name = first.partition("=")
    if is_joined:
        return name, rest
    if not rest:
        parser.error(f"{OPTION} takes the name of a server")
    return rest[0], rest[1:]


ABOUT = "send and follow faxes at a server elsewhere, with your API key"


@cache
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="faxplan remote", description=f"{ABOUT[0].upper()}{ABOUT[1:]}.",
        epilog="Begin with: faxplan remote add office https://acme.fax.example.com",
    )  # fmt: skip
    enter(parser)
    return parser


def enter(parser: argparse.ArgumentParser) -> None:
    """Enters all commands into the parser of `faxplan remote`."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON; errors too, on standard error")
    common.add_argument(
        OPTION,
        metavar="NAME",
        help="which server, as `faxplan remote add` called it (default: FAXPLAN_REMOTE, or the only one)",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    cli_remotes.add_commands(commands, common)
    cli_faxes.add_commands(commands, common)
    cli_contacts.add_commands(commands, common)
    cli_campaigns.add_commands(commands, common)
