"""`faxplan upgrade`: another release of Faxplan, beside running calls (docs/upgrade.md)."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, releases
from faxplan.releases import Releases
from faxplan.upgrade import Upgrade, Upgraded

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    parser = commands.add_parser("upgrade", parents=[common], help="put another release in force; calls go on")
    parser.add_argument("what", nargs="?", metavar="WHEEL_OR_VERSION",
                        help="a wheel's file, a version that pip finds, or one that is still here")  # fmt: skip
    parser.add_argument("--back", action="store_true", help="to the release before")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--switch-later", action="store_true",
                        help="where FreeSWITCH needs a restart for it: do all else now")  # fmt: skip
    parser.add_argument("--superuser-url", metavar="URL", help="as in `faxplan database migrate`")
    parser.add_argument("--prefix", type=Path, metavar="DIR", help="where releases lie (default: where this one lies)")
    parser.set_defaults(command=_upgrade, check=_check)


def _check(options: argparse.Namespace) -> str:
    """What is wrong with the arguments; empty where nothing is."""
    if options.back == bool(options.what):
        return "name a wheel or a version, or say --back"
    if options.back and options.dry_run:
        return "--back does not go with --dry-run"
    return ""


def _upgrade(context: "Context", options: argparse.Namespace) -> int:
    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    here = releases.of_this_process() if options.prefix is None else Releases(options.prefix)
    upgrade = Upgrade(context.settings, context.admin, here, say)
    if options.dry_run:
        steps = upgrade.plan(options.what)
        if options.json:
            cli_output.print_json({"steps": steps})
        else:
            print("\n".join(steps))
        return 0
    done = (
        upgrade.back(switch_later=options.switch_later)
        if options.back
        else upgrade.to(options.what, superuser_url=options.superuser_url, switch_later=options.switch_later)
    )
    _say_done(options, done)
    return 0


def _say_done(options: argparse.Namespace, done: Upgraded) -> None:
    if options.json:
        cli_output.print_json(
            {"version": done.version, "before": done.before, "removed": done.removed, "to_do": done.to_do}
        )
        return
    for each in done.to_do:
        print(f"to do: {each}")
    if done.version != done.before:
        print(f"Release {done.version} is in force. `faxplan upgrade --back` leads back to {done.before}.")
