"""The commands about keys: a user's own (enrol, unlock, password, recover), and the administrator's look at all."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import adoption, cli_output, cli_passwords, enrolment, passkeys, provisioning, reader_keys
from faxplan.enrolment import Secret
from faxplan.gains import Gain, Told
from faxplan.keyring import Keyring

if TYPE_CHECKING:
    from faxplan.cli import Context


class _NotTheSame(cli_passwords.NoPassword):
    """A new password was written in two ways."""


def add_commands(commands: Any, common: argparse.ArgumentParser, personal: argparse.ArgumentParser) -> Any:
    """Enters these commands into the parser; the group `vault`, for more."""
    enrol = commands.add_parser("enrol", parents=[personal], help="give a user a password, and a key that it opens")
    _add_file(enrol, "--password-file", "the new password")
    enrol.add_argument("--anew", action="store_true",
                       help="where there is a key whose password and recovery code are lost")  # fmt: skip
    enrol.set_defaults(command=_enrol)

    unlock = commands.add_parser(
        "unlock", parents=[personal], help="open a user's key, and hand on what others wait for"
    )
    add_secret(unlock)
    unlock.set_defaults(command=_unlock)

    change = commands.add_parser("password", parents=[personal], help="change a user's password")
    add_secret(change)
    _add_file(change, "--new-password-file", "the new password")
    change.set_defaults(command=_change)

    recover = commands.add_parser("recover", parents=[personal], help="bring back what a key opened that was replaced")
    add_secret(recover)
    _add_file(recover, "--old-password-file", "the password of the old key")
    _add_file(recover, "--old-code-file", "the recovery code of the old key (default: it is asked for)")
    recover.set_defaults(command=_recover)

    passkey = cli_output.group(commands, "passkey", "list|remove", "passkeys that open a user's key")
    listing = passkey.add_parser("list", parents=[personal], help="all that open yours; a browser adds them")
    listing.set_defaults(command=_list_passkeys)
    remove = passkey.add_parser("remove", parents=[personal], help="one opens your key no more")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(command=_remove_passkey)

    group = cli_output.group(commands, "vault", "status|adopt|recovery-key", "who can open which mailbox")
    adopt = group.add_parser("adopt", parents=[common], help="seal what was stored before documents were sealed")
    adopt.set_defaults(command=_adopt)
    status = group.add_parser(
        "status", parents=[common], help="every mailbox, and how many of its members have its key"
    )
    status.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    status.set_defaults(command=_status)
    return group


def add_secret(parser: argparse.ArgumentParser) -> None:
    """The options for `secret`."""
    _add_file(parser, "--password-file", "the password (default: it is asked for)")
    _add_file(parser, "--code-file", "the recovery code, instead of the password")
    parser.add_argument("--code", action="store_true", help="ask for the recovery code, instead of the password")


def _add_file(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    parser.add_argument(option, type=Path, metavar="FILE", help=f"read {what} from the first line of this file")


def secret(options: argparse.Namespace) -> Secret:
    """What opens a user's key: read or asked for, as the options of `add_secret` say. Raises NoPassword."""
    if options.code_file is not None:
        return Secret(_given(cli_passwords.first_line(options.code_file)), is_code=True)
    if options.code:
        return Secret(_given(cli_passwords.asked("Recovery code: ")), is_code=True)
    if options.password_file is not None:
        return Secret(_given(cli_passwords.first_line(options.password_file)))
    return Secret(_given(cli_passwords.asked("Password: ")))


def telling(options: argparse.Namespace) -> Told:
    """Says on standard error whom a command has handed keys to, as soon as it has, whatever comes of it after that."""

    def told(gained: Sequence[Gain]) -> None:
        if options.json:
            handed = [{"to": each.to, "mailboxes": each.mailboxes} for each in gained]
            print(json.dumps({"keys_handed_on": handed}), file=sys.stderr, flush=True)
            return
        for each in gained:
            where = f"mailbox{'' if len(each.mailboxes) == 1 else 'es'} {', '.join(each.mailboxes)}"
            said = f"Keys handed on: {each.to}, opens now what lies in {where}."
            print(cli_output.printable(said), file=sys.stderr, flush=True)

    return told


def _new_password(file: Path | None) -> str:
    if file is not None:
        return _given(cli_passwords.first_line(file))
    first = _given(cli_passwords.asked("New password: "))
    if sys.stdin.isatty() and cli_passwords.asked("Once more: ") != first:
        raise _NotTheSame("The two are not the same. Nothing was changed.")
    return first


def _given(text: str) -> str:
    if not text:
        raise cli_passwords.NoPassword("Nothing was given. Nothing was changed.")
    return text


def _enrol(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    made = enrolment.enrol(context.portal, user, _new_password(options.password_file), anew=options.anew)
    if options.json:
        cli_output.print_json(made)
        return 0
    print(f"{user.email} is enrolled. The recovery code, shown this once:\n\n    {made.recovery_code}\n")
    print(
        "Print it or write it down. Without it, a forgotten password means that the faxes stay closed: nobody here can "
        "open them."
    )
    if made.locked_out:
        count = f"{made.locked_out} mailbox{'' if made.locked_out == 1 else 'es'}"
        print(
            f"What came before stays locked, in {count} of which nobody else has the key: `faxplan recover` brings it "
            "back, with the old password or recovery code."
        )
    return 0


def _unlock(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    ring = enrolment.unlock(context.portal, user, secret(options), told=telling(options))
    with context.portal.tenant(user.tenant_id) as tx:
        besides = reader_keys.besides(tx, user.tenant_id, ring.mailboxes)
    said = _opened(user.email, ring)
    if besides:
        said += f" Who opens them besides their members: {', '.join(besides)}."
    result = {"mailboxes": ring.mailboxes, "damaged": ring.damaged, "besides": besides}
    return cli_output.done(options, result, said)


def _opened(email: str, ring: Keyring) -> str:
    count = len(ring.mailboxes)
    said = f"It opens {count} mailbox{'' if count == 1 else 'es'} of {email}."
    if ring.damaged:
        places = ", ".join(f"mailbox {mailbox}, epoch {epoch}" for mailbox, epoch in ring.damaged)
        said += f" Damaged in the database, restore it from a backup: {places}."
    return said


def _change(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    known = secret(options)
    enrolment.change_password(context.portal, user, known, _new_password(options.new_password_file))
    return cli_output.done(options, user.email, f"The password of {user.email} is changed. The recovery code is not.")


def _recover(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    known = secret(options)
    if options.old_password_file is not None:
        older = Secret(_given(cli_passwords.first_line(options.old_password_file)))
    elif options.old_code_file is not None:
        older = Secret(_given(cli_passwords.first_line(options.old_code_file)), is_code=True)
    else:
        older = Secret(_given(cli_passwords.asked("Recovery code of the old key: ")), is_code=True)
    ring = enrolment.recover(context.portal, user, known, older, told=telling(options))
    return cli_output.done(options, {"mailboxes": ring.mailboxes, "damaged": ring.damaged}, _opened(user.email, ring))


def _list_passkeys(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    with context.portal.tenant(user.tenant_id) as tx:
        found = passkeys.everyone(tx, user)
    rows = [(each["name"], f"{each['created_at']:%Y-%m-%d}") for each in found]
    return cli_output.listed(options, found, ("PASSKEY", "SINCE"), rows, empty="No passkey opens your key.")


def _remove_passkey(context: "Context", options: argparse.Namespace) -> int:
    passkeys.remove(context.portal, context.user(), options.name)
    return cli_output.done(options, options.name, f"Passkey {options.name} opens your key no more.")


def _adopt(context: "Context", options: argparse.Namespace) -> int:
    def told(done: int, of: int) -> None:
        if not context.quiet and (done % 100 == 0 or done == of):
            print(f"{done} of {of} documents", file=sys.stderr)

    found = adoption.adopt(context.worker, context.store, actor=context.actor, told=told)
    if options.json:
        cli_output.print_json(found)
    else:
        print(f"{found.sealed} documents are sealed now. {found.removed} plain files that nothing named are removed.")
        for document_id, why in found.lost.items():
            print(cli_output.printable(f"Not sealed: document {document_id}: {why}"), file=sys.stderr)
    return 1 if found.lost else 0


def _status(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_mailbox_keys(context.admin, options.slug)
    rows = [
        (each["tenant"], each["name"], each["epoch"] or "none", each["members"], each["enrolled"], each["readers"])
        for each in found
    ]
    headings = ("TENANT", "MAILBOX", "EPOCH", "MEMBERS", "ENROLLED", "WITH ITS KEY")
    return cli_output.listed(options, found, headings, rows, empty="There is no mailbox yet.")
