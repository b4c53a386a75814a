"""Mails that become faxes: `faxplan lmtp` and `faxplan mail-in` take them, `user mail-in` says whose they are."""

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, lmtp, mail_in_provisioning, provisioning
from faxplan.lmtp_dialogue import MOST_BYTES
from faxplan.mail_in import MailIn
from faxplan.mail_in_provisioning import Wish
from faxplan.mail_outcomes import Outcome, State
from faxplan.scratch import Scratch

if TYPE_CHECKING:
    from faxplan.cli import Context

_NO_USER = ("5.1.2", "5.1.3")
_NO_PERMISSION = "5.7.1"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    taking = commands.add_parser(
        "lmtp", parents=[common], help="take mails that become faxes until SIGTERM (systemd); log on standard error"
    )
    taking.set_defaults(command=_lmtp)
    one = commands.add_parser(
        "mail-in", parents=[common], help="make faxes of one mail on standard input, for a mail server's pipe"
    )
    one.add_argument("recipients", nargs="+", metavar="RECIPIENT", help="of the envelope; best one alone")
    one.add_argument("-f", "--sender", metavar="ADDRESS",
                     help="of the envelope; empty for nobody's (default: SENDER of the environment)")  # fmt: skip
    one.set_defaults(command=_mail_in)


def add_to_users(group: Any, common: argparse.ArgumentParser) -> None:
    """Adds the command to those of users."""
    own = group.add_parser("mail-in", parents=[common], help="by what mails are known as a user's, to become faxes")
    own.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    own.add_argument("email", metavar="EMAIL")
    own.add_argument("--add-sender", metavar="ADDRESS", help="mails from this address are theirs as well, once proven")
    own.add_argument("--remove-sender", metavar="ADDRESS", help="no more")
    for name, words in (
        ("token", "a new secret for addresses, for a scanner: shown once, and the one before ends"),
        ("pin", "new digits, which count where the tenant allows PINs: shown once, and those before end"),
    ):
        either = own.add_mutually_exclusive_group()
        either.add_argument(f"--{name}", dest=name, action="store_true", default=None, help=words)
        either.add_argument(f"--no-{name}", dest=name, action="store_false", default=None, help="none any more")
    cli_output.add_switch(
        own, "--answer-at-once", "whether a mail says that theirs was taken, before the fax has ended"
    )
    cli_output.add_switch(own, "--thumbnail", "whether the mail that says how a fax ended shows its first page")
    own.set_defaults(command=_user)


def _lmtp(context: "Context", _options: argparse.Namespace) -> int:
    lmtp.serve(context.settings)
    return 0


def _mail_in(context: "Context", options: argparse.Namespace) -> int:
    """The exit code is one of sysexits.h, as mail servers have them from a pipe."""
    sender = options.sender if options.sender is not None else os.environ.get("SENDER")
    if sender is None:
        print("faxplan: say from whom the mail is, with -f, or in SENDER.", file=sys.stderr)
        return os.EX_USAGE
    try:
        with Scratch(context.settings.work).folder() as folder:
            file = folder / "mail"
            with file.open("xb") as writer:
                shutil.copyfileobj(sys.stdin.buffer, writer, 1 << 20)
                if writer.tell() > MOST_BYTES:
                    print("faxplan: this mail is too large.", file=sys.stderr)
                    return os.EX_UNAVAILABLE
            found = MailIn(context.portal, context.store, context.settings).take(file, sender, options.recipients)
    except Exception as error:  # noqa: BLE001 - a wrong setting as well (not EX_CONFIG): the mail waits until it is mended
        print(f"faxplan: {cli_output.printable(str(error))}", file=sys.stderr)
        return os.EX_TEMPFAIL
    for each in found:
        if each.state is not State.ACCEPTED:
            # A mail server puts it into what it writes to the sender.
            print(cli_output.printable(each.words), file=sys.stderr)
    if options.json:
        cli_output.print_json(
            [{"recipient": each.recipient, "state": each.state.value, "fax": each.fax_id} for each in found]
        )
    return exit_code(found)


def exit_code(outcomes: list[Outcome]) -> int:
    """Of sysexits.h. Of several recipients the worst: those for whom a mail was taken are not faxed to again."""
    states = {each.state for each in outcomes}
    if states & {State.LATER, State.FULL}:
        return os.EX_TEMPFAIL
    refused = {each.code for each in outcomes if each.state is State.REFUSED}
    if not refused:
        return os.EX_OK
    if refused <= set(_NO_USER):
        return os.EX_NOUSER
    return os.EX_NOPERM if refused == {_NO_PERMISSION} else os.EX_UNAVAILABLE


def _user(context: "Context", options: argparse.Namespace) -> int:
    switches = {"mail_accepted": options.answer_at_once, "mail_thumbnail": options.thumbnail}
    values = {name: value for name, value in switches.items() if value is not None}
    if values:
        user_id = provisioning.user_id(context.admin, options.slug, options.email)
        provisioning.change_user(context.admin, context.actor, options.slug, user_id, values)
    wish = Wish(options.add_sender, options.remove_sender, options.token, options.pin)
    now, given = mail_in_provisioning.change(context.admin, context.actor, options.slug, options.email, wish)
    domain = context.settings.mail_domain
    host = f"{options.slug}.{domain}" if domain else "FAX.HOST"
    result = {
        "email": options.email,
        "senders": list(now.addresses),
        "token": given.token,
        "pin": given.pin,
        "token_since": now.token_since,
        "pin_since": now.pin_since,
    }
    lines = [f"Mails from {', '.join([options.email, *now.addresses])} become faxes, once they are proven."]
    if given.token:
        lines.append(f"The secret address, shown this once: NUMBER+{given.token}@{host}.")
    elif now.token_since:
        lines.append(f"There is a secret address since {now.token_since:%Y-%m-%d}.")
    if given.pin:
        lines.append(f"The PIN, shown this once: {given.pin}; in a subject as [[pin={given.pin}]].")
    elif now.pin_since:
        lines.append(f"There is a PIN since {now.pin_since:%Y-%m-%d}.")
    later = [] if domain else ["No mail becomes a fax here yet: `mail_domain` is not set (docs/mail-to-fax.md)."]
    return cli_output.done(options, result, " ".join(lines), *later)
