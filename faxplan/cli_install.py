"""`faxplan install` and `faxplan uninstall`: onto a machine with FreeSWITCH, and off it again."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, config, installer, uninstaller
from faxplan.install_apply import Step
from faxplan.install_tree import InstallRefused

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    install = commands.add_parser("install", parents=[common], help="install Faxplan on this machine's FreeSWITCH")
    _add_common(install)
    install.add_argument(
        "--freeswitch", type=Path, metavar="PATH", help="its program, or the folder it was installed in"
    )
    install.add_argument("--conf-dir", type=Path, metavar="DIR", help="FreeSWITCH's configuration")
    install.add_argument("--user", metavar="NAME[:GROUP]", help="the account that FreeSWITCH runs as (default: found)")
    install.add_argument(
        "--sip-ip", metavar="ADDRESS", help="where the fax profile listens (default: FreeSWITCH's own)"
    )
    install.add_argument(
        "--sip-port", type=cli_output.whole_number, metavar="PORT", help="default: the first free from 5090"
    )
    install.add_argument("--external-ip", metavar="ADDRESS", help="what trunks see, behind NAT the public address")
    install.add_argument(
        "--database-url", metavar="URL", help="a PostgreSQL elsewhere: postgresql://db.example/faxplan"
    )
    install.add_argument(
        "--shared", action="store_true", help="numbers for voice and fax: adds the context faxplan_shared"
    )
    install.add_argument(
        "--own-switch",
        action="store_true",
        help="a FreeSWITCH for faxes alone, beside the PBX's (default: where needed)",
    )
    install.add_argument(
        "--no-edits", action="store_true", help="change no file that is not Faxplan's; say what to add"
    )
    install.add_argument("--no-start", action="store_true", help="lay files only: tell neither FreeSWITCH nor systemd")
    install.set_defaults(command=_install)
    uninstall = commands.add_parser("uninstall", parents=[common], help="take Faxplan off this machine; faxes stay")
    _add_common(uninstall)
    uninstall.add_argument(
        "--force", action="store_true", help="even while faxes are in calls, which end; or where FreeSWITCH is gone"
    )
    uninstall.add_argument("--purge-data", action="store_true", help="destroy faxes, keys and database as well")
    uninstall.set_defaults(command=_uninstall)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="change nothing; print what would be done")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="a tree that will be a machine: an image"
    )
    parser.add_argument("--prefix", type=Path, default=installer.PREFIX, metavar="DIR", help=argparse.SUPPRESS)


def _install(_context: "Context", options: argparse.Namespace) -> int:
    if options.database_url is not None:
        config.check_database_url(options.database_url)
    if options.external_ip is None and _asks(options):
        print("Trunks must reach this machine. Behind NAT that is the public address; without, Enter takes its own.")
        options.external_ip = input("Address that trunks reach: ").strip() or None
    job = installer.Installer(
        installer.Wanted(
            root=options.root,
            prefix=options.prefix,
            freeswitch=options.freeswitch,
            conf_dir=options.conf_dir,
            user=options.user,
            sip_ip=options.sip_ip,
            sip_port=options.sip_port,
            external_ip=options.external_ip,
            database_url=options.database_url,
            shared=options.shared,
            own_switch=options.own_switch,
        )
    )
    quiet = options.json
    if not quiet:
        print(job.found())
    if job.nothing_to_do():
        return _nothing(job, options)
    if options.dry_run:
        return _shown(options, job.steps(), job.edits(), job.notes())
    with_edits = _agreed(options, job.edits())
    done = job.install(with_edits=with_edits, start=not options.no_start, say=_silent if quiet else _say)
    if quiet:
        cli_output.print_json({"done": list(done.done), "notes": list(done.notes), "wrong": list(done.wrong)})
    else:
        _report(done)
    return 1 if done.wrong else 0


def _asks(options: argparse.Namespace) -> bool:
    """Whether somebody is there to be asked, and nothing was said at an installation before."""
    asked = options.yes or options.json or options.dry_run
    return not asked and sys.stdin.isatty() and not installer.is_installed(options.root, options.prefix)


def _nothing(job: installer.Installer, options: argparse.Namespace) -> int:
    notes = job.notes()
    if options.json:
        cli_output.print_json({"done": [], "notes": notes, "wrong": []})
        return 0
    for note in notes:
        print(f"  {note}")
    print("All is in place: nothing was changed. `faxplan doctor` looks at how it runs.")
    return 0


def _agreed(options: argparse.Namespace, edits: list[Step]) -> bool:
    """Whether files that are not ours may be changed. Raises InstallRefused where nobody can be asked."""
    if not edits or options.no_edits:
        return False
    if not options.json:
        print("\nThese files are not Faxplan's, and need lines:\n")
        for step in edits:
            print(step.diff or f"{step.what}\n")
            print()
    if options.yes:
        return True
    if options.json or not sys.stdin.isatty():
        raise InstallRefused(
            "Say --yes to have these lines added, or --no-edits to add them by hand. Nothing was changed."
        )
    answer = input("Add these lines? Nothing else in these files is changed, and uninstall takes them out. [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise InstallRefused(
            "Nothing was changed. With --no-edits all else is installed, and says what to add by hand."
        )
    return True


def _shown(options: argparse.Namespace, steps: list[Step], edits: list[Step], notes: list[str]) -> int:
    if options.json:
        shown = [{"what": each.what, "diff": each.diff} for each in (*steps, *edits)]
        cli_output.print_json({"would": shown, "notes": notes})
        return 0
    print("This would be done; nothing is changed now:")
    for step in (*steps, *edits):
        print(f"  {step.what}")
        for line in step.diff.splitlines():
            print(f"      {line}")
    for note in notes:
        print(f"  ({note})")
    return 0


def _report(done: installer.Done) -> None:
    for note in done.notes:
        print(f"  note: {note}")
    for wrong in done.wrong:
        print(f"  WRONG: {wrong}", file=sys.stderr)
    if not done.wrong:
        print("\nInstalled. Next: `faxplan trunk add`, `faxplan tenant add`, then `faxplan doctor`.")


def _uninstall(_context: "Context", options: argparse.Namespace) -> int:
    job = uninstaller.Uninstaller(options.root, options.prefix)
    steps = job.steps(purge_data=options.purge_data)
    if options.dry_run:
        return _shown(options, steps, [], [])
    if not options.yes:
        if options.json or not sys.stdin.isatty():
            raise InstallRefused("Say --yes to take Faxplan off this machine. Nothing was changed.")
        what = " AND DESTROY ALL FAXES, KEYS AND THE DATABASE" if options.purge_data else "; faxes and database stay"
        wanted = "destroy" if options.purge_data else "y"
        if input(f"Take Faxplan off this machine{what}? Type {wanted} to go on: ").strip().lower() != wanted:
            raise InstallRefused("Nothing was changed.")
    quiet = options.json
    notes = job.uninstall(purge_data=options.purge_data, force=options.force, say=_silent if quiet else _say)
    if quiet:
        cli_output.print_json({"done": [step.what for step in steps], "notes": notes})
    else:
        for note in notes:
            print(f"  note: {note}")
        print("Faxplan is taken off this machine.")
    return 0


def _say(text: str) -> None:
    print(f"  {text}")


def _silent(_text: str) -> None:
    pass
