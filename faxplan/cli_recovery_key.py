"""The commands about a tenant's recovery key, for the tenant's administrators: vault recovery-key."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import cli_keys, cli_output, cli_passwords, recovery_key

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(vault: Any, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the group `vault`."""
    verbs = "make|status|use|off"
    group = cli_output.group(vault, "recovery-key", verbs, "the key on paper that opens all of a tenant's mailboxes")
    make = group.add_parser("make", parents=[personal], help="make one; it is shown this once")
    cli_keys.add_secret(make)
    make.set_defaults(command=_make)
    status = group.add_parser("status", parents=[personal], help="how many mailboxes it opens, and which not yet")
    status.set_defaults(command=_status)
    use = group.add_parser("use", parents=[personal], help="open mailboxes for their members with it; it is audited")
    use.add_argument("--mailbox", action="append", default=[], metavar="NAME", help="this one; may be repeated")
    use.add_argument("--of", dest="email", metavar="EMAIL", help="all that this user reads")
    use.add_argument("--why", required=True, metavar="TEXT", help="stands in the audit")
    use.add_argument("--key-file", type=Path, metavar="FILE",
                     help="read the key from the first line of this file (default: it is asked for)")  # fmt: skip
    use.set_defaults(command=_use)
    off = group.add_parser("off", parents=[personal], help="give every mailbox a new key that it does not open")
    off.set_defaults(command=_off)


def code(options: argparse.Namespace) -> str:
    """The key on paper: read from the option --key-file, or asked for. Raises NoPassword."""
    if options.key_file is None:
        return cli_passwords.asked("Recovery key of your organisation: ")
    return cli_passwords.first_line(options.key_file)


def _make(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    made = recovery_key.make(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
    if options.json:
        cli_output.print_json({"recovery_key": made})
        return 0
    print(f"The recovery key of your organisation, shown this once and kept nowhere:\n\n    {made}\n")
    print(
        "Print it, and lock it away. It opens a mailbox once one of its members has unlocked: `faxplan unlock`. "
        "`faxplan vault recovery-key status` shows which it does not open yet."
    )
    return 0


def _status(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    with context.portal.tenant(user.tenant_id) as tx:
        found = recovery_key.status(tx, user.tenant_id)
    if options.json:
        cli_output.print_json(found and {"opened": found.opened, "status": found})
        return 0
    if found is None:
        print("Your organisation has no recovery key. `faxplan vault recovery-key make` makes one.")
        return 0
    print(f"It opens {found.opened} of {found.mailboxes} mailboxes.")
    if found.unopened:
        names = cli_output.printable(", ".join(found.unopened))
        print(f"Not yet, until one of their members unlocks (`faxplan unlock`): {names}.")
    if found.older:
        names = cli_output.printable(", ".join(found.older))
        print(f"Not all that is older, until whoever could read that unlocks, or recovers: {names}.")
    return 0


def _use(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    used = recovery_key.use(
        context.portal,
        user,
        code(options),
        why=options.why,
        mailbox_names=options.mailbox,
        email=options.email,
        told=cli_keys.telling(options),
    )
    if options.json:
        cli_output.print_json(used)
        return 1 if used.unopened else 0
    handed = used.handed
    print(
        cli_output.printable(
            f"It opens {', '.join(used.opened) or 'none of them'}. Keys given to readers who had none: "
            f"{len(handed.granted)}; older ones tied to those of now: {len(handed.linked)}."
        )
    )
    if used.unopened:
        print(cli_output.printable(f"It does not open: {', '.join(used.unopened)}. No member has unlocked since."))
    return 1 if used.unopened else 0


def _off(context: "Context", options: argparse.Namespace) -> int:
    off = recovery_key.turn_off(context.portal, context.user())
    text = f"The recovery key is off: {off.mailboxes} mailbox{' has' if off.mailboxes == 1 else 'es have'} a new key. "
    if off.alone:
        text += (
            f"Keep the paper: it alone opens what came before in {', '.join(off.alone)}. `faxplan vault recovery-key "
            "use` still gives that to their members; then destroy it."
        )
    else:
        text += "Destroy the paper."
    return cli_output.done(options, off, text)
