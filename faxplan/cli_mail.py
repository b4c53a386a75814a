"""`faxplan mail`: by which account a tenant's mail goes out, and what signs it; `faxplan mailbox mail`: how a mailbox's
received faxes go out, and to whom."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    brand_provisioning,
    cli_keys,
    cli_output,
    enrolment,
    mail_accounts,
    mail_provisioning,
    mailbox_mail,
    mailboxes,
)
from faxplan.cli_passwords import first_line
from faxplan.errors import NotFound
from faxplan.mail_accounts import Account
from faxplan.mailbox_mail import Choice, Format, Mode
from faxplan.web_client import WebClient

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


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters `faxplan mail` into the parser."""
    group = cli_output.group(
        commands, "mail", "account|no-account|sender|sign|no-sign|show", "how a tenant's mail goes out"
    )
    account = group.add_parser("account", parents=[common], help="by an account of its own at a mail provider")
    account.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    account.add_argument("--sender", required=True, metavar="ADDRESS", help="the address that its mail comes from")
    account.add_argument("--user", metavar="NAME", help="to log in (default: the sender)")
    account.add_argument("--host", metavar="HOST", help="the provider's mail server")
    account.add_argument("--port", type=int, metavar="PORT", help="its port (default: 587, with tls 465)")
    account.add_argument("--security", choices=["starttls", "tls"], default="starttls")
    account.add_argument("--password-file", type=Path, metavar="FILE", help="the password, in its first line")
    account.add_argument("--provider", choices=sorted(mail_accounts.PROVIDERS), help="log in by OAuth 2.0 there")
    account.add_argument("--token-url", metavar="URL", help="where another provider gives out tokens")
    account.add_argument("--client-id", default="", metavar="ID", help="of the application that was registered there")
    account.add_argument("--client-secret-file", type=Path, metavar="FILE", help="its secret, in the first line")
    account.add_argument("--refresh-token-file", type=Path, metavar="FILE", help="the token, in the first line")
    account.set_defaults(command=_put_account)
    sender = group.add_parser("sender", parents=[common], help="from which address, whose domain is the tenant's")
    sender.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    sender.add_argument("address", metavar="ADDRESS", help="empty: from the installation's")
    sender.set_defaults(command=_sender)
    for verb, words, command in (
        ("no-account", "by the installation's mail server again", _remove_account),
        ("show", "its account, and the keys that sign its mail", _show),
    ):
        parser = group.add_parser(verb, parents=[common], help=words)
        parser.add_argument("slug", metavar="TENANT", help="the tenant's short name")
        parser.set_defaults(command=command)
    for verb, words, command in (
        ("sign", "sign mail from a domain (DKIM): says what the DNS has to say", _sign),
        ("no-sign", "sign it no more", _sign_no_more),
    ):
        parser = group.add_parser(verb, parents=[common], help=words)
        parser.add_argument("slug", metavar="TENANT", help="the tenant's short name")
        parser.add_argument("domain", metavar="DOMAIN", help="what stands behind the @ of its sender")
        parser.set_defaults(command=command)
        if verb == "sign":
            parser.add_argument("--selector", metavar="NAME", help="by which the DNS knows the key (default: of today)")


def _sender(context: "Context", options: argparse.Namespace) -> int:
    brand_provisioning.set_sender(context.admin, context.actor, options.slug, options.address)
    said = f"Mails of {options.slug} come from {options.address or 'the address of the installation'}."
    return cli_output.done(options, {"tenant": options.slug, "mail_sender": options.address}, said)


def _put_account(context: "Context", options: argparse.Namespace) -> int:
    host, token_url, scope = mail_accounts.PROVIDERS.get(options.provider, ("", "", ""))
    files = ("password_file", "client_secret_file", "refresh_token_file")
    secrets = {each: first_line(getattr(options, each)) if getattr(options, each) else "" for each in files}
    account = Account(
        host=options.host or host,
        port=options.port or (465 if options.security == "tls" else 587),
        security=options.security,
        sender=options.sender,
        user_name=options.user or options.sender,
        password=secrets["password_file"],
        token_url=options.token_url or token_url,
        client_id=options.client_id,
        client_secret=secrets["client_secret_file"],
        refresh_token=secrets["refresh_token_file"],
        scope=scope,
    )
    mail_provisioning.put_account(
        context.admin, context.actor, options.slug, account, WebClient.of(context.settings)
    )  # fmt: skip
    result = {"tenant": options.slug, "host": account.host, "sender": account.sender}
    return cli_output.done(
        options,
        result,
        f"Mail of {options.slug} goes out by {account.host} from {account.sender}; it let us in.",
    )


def _remove_account(context: "Context", options: argparse.Namespace) -> int:
    mail_provisioning.remove_account(context.admin, context.actor, options.slug)
    result = {"tenant": options.slug, "removed": True}
    return cli_output.done(options, result, f"Mail of {options.slug} goes out by the installation's mail server.")


def _sign(context: "Context", options: argparse.Namespace) -> int:
    name, record = mail_provisioning.sign(context.admin, context.actor, options.slug, options.domain, options.selector)
    result = {"tenant": options.slug, "name": name, "record": record}
    cli_output.done(options, result, f"Mail from {options.domain} is signed from now on. Enter into the DNS, as TXT:")
    if not options.json:
        # On lines of their own, to be copied.
        print(f"\n{cli_output.printable(name)}\n{cli_output.printable(record)}")
    return 0


def _sign_no_more(context: "Context", options: argparse.Namespace) -> int:
    mail_provisioning.sign_no_more(context.admin, context.actor, options.slug, options.domain)
    result = {"tenant": options.slug, "domain": options.domain, "removed": True}
    return cli_output.done(options, result, f"Mail from {options.domain} is signed no more.")


def _show(context: "Context", options: argparse.Namespace) -> int:
    account, keys = mail_provisioning.known(context.admin, options.slug)
    if options.json:
        cli_output.print_json({"account": account, "keys": keys})
        return 0
    if account is None:
        print("Mail goes out by the installation's mail server.")
    else:
        way = "a token" if account["token_url"] else "a password"
        said = f"Mail goes out by {account['host']}:{account['port']} ({account['security']}), from {account['sender']}"
        print(cli_output.printable(f"{said}, logged in as {account['user_name']} by {way}."))
    for each in keys:
        print(cli_output.printable(f"{each['domain']}: {each['selector']}._domainkey.{each['domain']}"))
        print(cli_output.printable(f"  {each['record']}"))
    return 0


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
