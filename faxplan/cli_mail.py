"""`faxplan mailbox mail`: how a mailbox's received faxes go out by mail, and to whom."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import cli_keys, cli_output, enrolment, mailbox_mail, mailboxes
from faxplan.cli_passwords import first_line
from faxplan.errors import NotFound
from faxplan.mailbox_mail import Choice, Format, Mode

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_to(group: Any, personal: argparse.ArgumentParser) -> None:
    """Adds the command to those of mailboxes."""
    mail = group.add_parser("mail", parents=[personal], help="how a mailbox's faxes go out by mail, and to whom")
    mail.add_argument("mailbox", metavar="NAME")
    mail.add_argument("--mode", choices=[each.value for each in Mode],
                      help="a notice, or the faxes themselves: these the worker opens until they are handed over, and "
                      "only who reads the mailbox chooses that")  # fmt: skip
    mail.add_argument("--format", choices=[each.value for each in Format], help="what is attached (default: pdf)")
    mail.add_argument("--pdf-password-file", type=Path, metavar="FILE",
                      help="the password of the PDFs of mode locked-pdf, in the first line of this file")  # fmt: skip
    mail.add_argument("--add", metavar="ADDRESS", help="mails go to this address; without any, notices go to readers")
    mail.add_argument("--certificate", type=Path, metavar="FILE", help="with --add: for smime, PEM or DER")
    mail.add_argument("--openpgp-key", type=Path, metavar="FILE", help="with --add: for openpgp, the public key")
    mail.add_argument("--remove", metavar="ADDRESS", help="no mails go to this address any more")
    cli_keys.add_secret(mail)
    mail.set_defaults(command=_mail)


def _mail(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    actor = f"user:{user.id}"
    with context.portal.tenant(user.tenant_id) as tx:
        mailbox_id = mailboxes.by_name(tx, user.tenant_id, options.mailbox)
        before = mailbox_mail.of(tx, user, mailbox_id)
    mode = before.mode if options.mode is None else Mode(options.mode)
    carries = mode.carries_pages or options.certificate is not None or options.openpgp_key is not None
    shown = False
    if carries and (options.mode or options.add or options.format or options.pdf_password_file):
        enrolment.unlock(context.portal, user, cli_keys.secret(options), told=cli_keys.telling(options))
        shown = True
    if options.add is not None:
        files = {name: getattr(options, name) for name in ("certificate", "openpgp_key")}
        contents = {name: _content(file) for name, file in files.items() if file is not None}
        mailbox_mail.add(
            context.portal, user, mailbox_id, options.add, shown=shown, actor=actor, **contents
        )  # fmt: skip
    if options.remove is not None:
        wanted = [each.id for each in before.recipients if each.address == options.remove]
        if not wanted:
            raise NotFound(f"No mail of {options.mailbox} goes to {options.remove!r}.")
        mailbox_mail.remove(context.portal, user, mailbox_id, wanted[0], actor=actor)
    if options.mode is not None or options.format is not None or options.pdf_password_file is not None:
        file_format = before.format if options.format is None else Format(options.format)
        password = None if options.pdf_password_file is None else first_line(options.pdf_password_file)
        mailbox_mail.choose(
            context.portal, user, mailbox_id, mode, file_format=file_format, password=password, shown=shown, actor=actor
        )
    with context.portal.tenant(user.tenant_id) as tx:
        now = mailbox_mail.of(tx, user, mailbox_id)
    return cli_output.done(options, _shown(options.mailbox, now), _said(options.mailbox, now))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{file} cannot be read ({error.strerror}). Name the file with the certificate or key."
        ) from error


def _shown(name: str, now: Choice) -> dict[str, Any]:
    recipients = [
        {
            "address": each.address,
            "certificate": each.certificate is not None,
            "openpgp_key": each.openpgp_key is not None,
            "added_by": each.added_by,
        }
        for each in now.recipients
    ]
    return {"mailbox": name, "mode": now.mode.value, "format": now.format.value, "recipients": recipients}


def _said(name: str, now: Choice) -> str:
    to = ", ".join(each.address for each in now.recipients) or "who reads it"
    if now.mode is Mode.OFF:
        return f"What comes into {name} is told of by no mail."
    if now.mode is Mode.NOTICE:
        return f"What comes into {name} is told of by mail to {to}: a link, and no page."
    sealed = " as they are" if now.mode is Mode.PLAIN else f" ({now.mode.value})"
    return (
        f"Faxes that come into {name} are mailed{sealed} to {to}. The worker can open each until its mail is handed "
        "over; it costs the promise that nobody but readers can."
    )
