"""The administrator's commands about tenants, and what they have: users, mailboxes, quotas."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    admission,
    cli_keys,
    cli_mail,
    cli_mail_in,
    cli_output,
    cli_recovery_key,
    invitations,
    language,
    permissions,
    provisioning,
    quota_warnings,
    quotas,
    tenants,
    users,
)
from faxplan.admission import By, Paper
from faxplan.billing_codes import BillingCodes
from faxplan.mail_options import BODIES
from faxplan.permissions import Permission

if TYPE_CHECKING:
    from faxplan.cli import Context

_TENANT = {"metavar": "TENANT", "help": "the tenant's short name"}
_ONE_TENANT = {"nargs": "?", "metavar": "TENANT", "help": "of this tenant only, by its short name"}


def add_commands(commands: Any, common: argparse.ArgumentParser, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    _add_tenant_commands(cli_output.group(commands, "tenant", "add|list|set", "tenants"), common)
    _add_user_commands(cli_output.group(commands, "user", "add|invite|list|mail-in|set", "users of tenants"), common)
    mailbox = cli_output.group(commands, "mailbox", "add|list|member|mail", "mailboxes of tenants")
    _add_mailbox_commands(mailbox, common, personal)
    _add_quota_commands(cli_output.group(commands, "quota", "set|list|warn", "page quotas"), common)


def _add_tenant_commands(group: Any, common: argparse.ArgumentParser) -> None:
    identity = argparse.ArgumentParser(add_help=False)
    identity.add_argument("--header-name", metavar="TEXT", help="in the header line of its pages (default: its name)")
    identity.add_argument("--station-ident", metavar="TEXT", help="T.30 ident: digits, + and spaces, at most 20")
    add = group.add_parser("add", parents=[common, identity], help="a new tenant")
    add.add_argument("slug", metavar="TENANT", help="short name: lower-case letters, digits, hyphens")
    add.add_argument("--name", required=True)
    add.add_argument("--country", required=True, metavar="CC", help="ISO code; national numbers are read in it")
    add.add_argument("--time-zone", required=True, metavar="ZONE", help="such as Europe/Berlin")
    add.set_defaults(command=_add_tenant)
    listing = group.add_parser("list", parents=[common], help="all tenants")
    listing.set_defaults(command=_list_tenants)
    change = group.add_parser("set", parents=[common, identity], help="change some of a tenant's values")
    change.add_argument("slug", **_TENANT)
    change.add_argument("--name")
    change.add_argument("--time-zone", metavar="ZONE")
    for option, meaning in (
        ("--header-line", "a line with date, sender and page above each page; cannot be off in the US"),
        ("--page-n-of-m", "that line says `page n of m`; off: the page number only"),
        ("--redial-unknown", "dial again where a crash hides how a call ended"),
        ("--sandbox-numbers", "faxes to them are taken, for who tries the API; they reach nobody else"),
        ("--enabled", "off: the tenant's DIDs get 404"),
    ):
        cli_output.add_switch(change, option, meaning)
    change.add_argument("--max-attempts", type=cli_output.whole_number, metavar="N", help="calls for one fax, 1 to 20")
    for option, meaning in (
        ("--max-calls", "calls at once, sent and received; `none`: no limit of its own"),
        ("--calls-per-hour", "calls that go out in an hour by the clock; `none`: no limit"),
        ("--pages-per-hour", "pages that go out in an hour by the clock; `none`: no limit"),
        ("--wait-hours", "faxes that wait longer to be sent are given up; `none`: as the setting wait_hours says"),
    ):
        change.add_argument(option, type=cli_output.number_or_none, metavar="N", help=meaning)
    change.add_argument("--redial-limits", choices=["none", "us"],
                        help="us: an hour of rest after two calls in vain (47 CFR 68.318(b))")  # fmt: skip
    change.add_argument("--billing-codes", choices=list(BillingCodes), help="whether a fax says whom it is charged to")
    change.add_argument("--language", type=_language, metavar="TAG",
                        help="of its pages, where somebody has chosen none; `none`: as each browser asks")  # fmt: skip
    change.add_argument("--mail-body", choices=list(BODIES), help="what becomes of the text of mails that are faxed")
    cli_output.add_switch(change, "--mail-pins", "a PIN proves who has sent a mail: whoever sees one has it")
    change.add_argument("--mail-signing-domains", type=_domains, metavar="LIST",
                        help="whose DKIM keys sign for its people's mails too, with commas; or `none`")  # fmt: skip
    change.add_argument(
        "--opt-out-notice",
        metavar="TEXT",
        help="on the first page of campaigns' faxes, with {address}, {number} and {code}; empty: none",
    )
    _add_permissions(change, "what its people may be permitted at most")
    change.set_defaults(command=_set_tenant)


def _add_user_commands(group: Any, common: argparse.ArgumentParser) -> None:
    add = group.add_parser("add", parents=[common], help="a new user, with a mailbox named as the address")
    add.add_argument("slug", **_TENANT)
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--name", default="")
    add.add_argument("--administrator", action="store_true", help="may administer the tenant")
    add.add_argument("--operator", action="store_true", help="runs the installation as well, in the portal")
    add.set_defaults(command=_add_user)
    change = group.add_parser("set", parents=[common], help="change what a user may do")
    change.add_argument("slug", **_TENANT)
    change.add_argument("email", metavar="EMAIL")
    change.add_argument("--name")
    change.add_argument("--role", choices=[users.USER, users.ADMINISTRATOR])
    cli_output.add_switch(change, "--enabled", "off: may do nothing, and is logged out")
    cli_output.add_switch(change, "--operator", "runs the installation as well, in the portal")
    _add_permissions(change, "what they may do, of what the tenant may")
    change.set_defaults(command=_set_user)
    invite = group.add_parser("invite", parents=[common], help="a link by which a user chooses a password")
    invite.add_argument("slug", **_TENANT)
    invite.add_argument("email", metavar="EMAIL")
    invite.set_defaults(command=_invite)
    cli_mail_in.add_to_users(group, common)
    listing = group.add_parser("list", parents=[common], help="all users")
    listing.add_argument("slug", **_ONE_TENANT)
    listing.set_defaults(command=_list_users)


def _add_permissions(parser: argparse.ArgumentParser, meaning: str) -> None:
    parser.add_argument("--permissions", type=_permissions, metavar="LIST",
                        help=f"{meaning}: with commas, of {', '.join(Permission)}; `all` or `none`")  # fmt: skip


def _language(text: str) -> object:
    if text == "none":
        return cli_output.NO_NUMBER
    if text not in language.available():
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(language.available())}")
    return text


def _domains(text: str) -> list[str]:
    return [] if text == "none" else [each.strip().lower().removesuffix(".") for each in text.split(",")]


def _permissions(text: str) -> list[str]:
    words = [each.strip() for each in text.split(",")]
    if words in (["all"], ["none"]):
        return [] if words == ["none"] else list(map(str, Permission))
    if unknown := set(words) - {*Permission}:
        raise argparse.ArgumentTypeError(f"{unknown.pop()!r} is none of {', '.join(Permission)}")
    return permissions.stored(words)


def _add_mailbox_commands(group: Any, common: argparse.ArgumentParser, personal: argparse.ArgumentParser) -> None:
    add = group.add_parser("add", parents=[common], help="a new group mailbox")
    add.add_argument("slug", **_TENANT)
    add.add_argument("mailbox", metavar="NAME")
    add.set_defaults(command=_add_mailbox)
    listing = group.add_parser("list", parents=[common], help="all mailboxes")
    listing.add_argument("slug", **_ONE_TENANT)
    listing.set_defaults(command=_list_mailboxes)
    member = group.add_parser("member", parents=[common], help="let a user read a mailbox")
    member.add_argument("slug", **_TENANT)
    member.add_argument("mailbox", metavar="NAME")
    member.add_argument("email", metavar="EMAIL")
    member.add_argument("--by", metavar="EMAIL",
                        help="who lets them in, of those who read it: needed as soon as faxes lie in it")  # fmt: skip
    cli_keys.add_secret(member)
    member.add_argument("--why", metavar="TEXT",
                        help="with the recovery key: --by names an administrator; it stands in the audit")  # fmt: skip
    member.add_argument("--key-file", type=Path, metavar="FILE",
                        help="read the recovery key from the first line of this file, instead of asking")  # fmt: skip
    member.add_argument("--remove", action="store_true", help="no more")
    member.set_defaults(command=_set_member)
    cli_mail.add_to(group, personal)


def _add_quota_commands(group: Any, common: argparse.ArgumentParser) -> None:
    change = group.add_parser("set", parents=[common], help="limit the pages that a tenant or user sends")
    change.add_argument("slug", **_TENANT)
    change.add_argument("pages", metavar="PAGES", type=cli_output.pages_or_none, help="a number, or `none`: no limit")
    change.add_argument("--period", required=True, choices=["day", "month"])
    change.add_argument("--of", dest="email", metavar="EMAIL", help="of this user (default: of the whole tenant)")
    change.add_argument(
        "--warn",
        dest="warn_percent",
        metavar="PERCENT",
        type=cli_output.percent_or_none,
        default=quotas.WARN_PERCENT,
        help="mail who it concerns once so much is gone, and at the limit (default: 80; `none`: never)",
    )
    change.set_defaults(command=_set_quota)
    listing = group.add_parser("list", parents=[common], help="all quotas, and what is used and held of them now")
    listing.add_argument("slug", **_ONE_TENANT)
    listing.set_defaults(command=_list_quotas)
    warning = group.add_parser("warn", parents=[common], help="mail those whose pages are nearly or wholly gone (cron)")
    warning.add_argument("--quiet", action="store_true", help="say nothing but what was not taken")
    warning.set_defaults(command=_warn_of_quotas)


def _add_tenant(context: "Context", options: argparse.Namespace) -> int:
    keys = ("slug", "name", "country", "time_zone", "station_ident", "header_name")
    tenant = provisioning.add_tenant(context.admin, context.actor, cli_output.given(options, keys))
    next_step = f"Next: `faxplan user add {tenant.slug} EMAIL`, `faxplan did add {tenant.slug} NUMBER --mailbox EMAIL`."
    return cli_output.done(options, tenant, f"Tenant {tenant.slug} is entered. {next_step}")


def _set_tenant(context: "Context", options: argparse.Namespace) -> int:
    values = cli_output.changes(options, tenants.CHANGEABLE)
    values = {name: None if value == cli_output.NO_NUMBER else value for name, value in values.items()}
    tenant = provisioning.change_tenant(context.admin, context.actor, options.slug, values)
    return cli_output.done(options, tenant, f"Tenant {tenant.slug} is changed.")


def _list_tenants(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_tenants(context.admin)
    rows = [
        (t.slug, t.country, t.time_zone, t.station_ident, t.sender_name if t.header_line else "off", t.max_attempts,
         t.max_calls or "", t.calls_per_hour or "", t.pages_per_hour or "", "yes" if t.enabled else "no", t.name)
        for t in found
    ]  # fmt: skip
    headings = ("TENANT", "COUNTRY", "TIME ZONE", "STATION IDENT", "HEADER LINE", "ATTEMPTS", "CALLS", "AN HOUR",
                "PAGES AN HOUR", "ENABLED", "NAME")  # fmt: skip
    return cli_output.listed(options, found, headings, rows, "There is no tenant yet. `faxplan tenant add` enters one.")


def _add_user(context: "Context", options: argparse.Namespace) -> int:
    role = "administrator" if options.administrator else "user"
    user = provisioning.add_user(
        context.admin,
        context.actor,
        options.slug,
        email=options.email,
        name=options.name,
        role=role,
        operator=options.operator,
    )
    text = (
        f"User {user.email} is entered, with a mailbox of that name, and sends and opens faxes once enrolled: "
        f"`faxplan user invite {options.slug} {user.email}` gives a link for that, or "
        f"`faxplan enrol --as {user.email}/{options.slug}` asks for a password here and shows a recovery code."
    )
    return cli_output.done(options, user, text)


def _set_user(context: "Context", options: argparse.Namespace) -> int:
    values = cli_output.changes(options, users.CHANGEABLE)
    user_id = provisioning.user_id(context.admin, options.slug, options.email)
    user = provisioning.change_user(context.admin, context.actor, options.slug, user_id, values)
    return cli_output.done(options, user, f"User {user.email} is changed.")


def _invite(context: "Context", options: argparse.Namespace) -> int:
    user, token = provisioning.invite(context.admin, context.actor, options.slug, options.email)
    link = invitations.link(context.settings.portal_of(options.slug), token)
    told = (
        f"Give this link to {user.email}, and to nobody else: who opens it chooses the password. It works once, for "
        f"{invitations.DAYS} days, until there is a newer one. Nothing is mailed."
    )
    return cli_output.done(options, {"email": user.email, "link": link}, link, told)


def _list_users(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_users(context.admin, options.slug)
    switches = ("operator", "enabled")
    rows = [
        (u["email"], u["tenant"], u["role"], *("yes" if u[each] else "no" for each in switches), u["name"])
        for u in found
    ]
    headings = ("USER", "TENANT", "ROLE", "OPERATOR", "ENABLED", "NAME")
    return cli_output.listed(options, found, headings, rows, "There is no user yet. `faxplan user add` enters one.")


def _add_mailbox(context: "Context", options: argparse.Namespace) -> int:
    mailbox_id = provisioning.add_mailbox(context.admin, context.actor, options.slug, options.mailbox)
    text = f"Mailbox {options.mailbox} is entered. `faxplan mailbox member` says who reads it."
    return cli_output.done(options, {"id": mailbox_id, "tenant": options.slug, "name": options.mailbox}, text)


def _set_member(context: "Context", options: argparse.Namespace) -> int:
    reads = not options.remove
    where = (context.actor, options.slug, options.mailbox, options.email)
    if reads:
        told = cli_keys.telling(options)
        changed = admission.let_in(context.admin, context.portal, *where, by=_by(options), told=told)
    else:
        changed = provisioning.remove_member(context.admin, *where)
    result = {"mailbox": options.mailbox, "email": options.email, "reads": reads, "changed": changed}
    verb = "reads" if reads else "does not read"
    when = "from now on" if changed else "already" if reads else "anyhow"
    return cli_output.done(options, result, f"{options.email} {verb} mailbox {options.mailbox} {when}.")


def _by(options: argparse.Namespace) -> By | Paper | None:
    if options.by is None:
        return None
    if options.why is None:
        return By(options.by, cli_keys.secret(options))
    return Paper(options.by, cli_recovery_key.code(options), options.why)


def _list_mailboxes(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_mailboxes(context.admin, options.slug)
    rows = [
        (m["name"], m["tenant"], m["kind"], m["mail_mode"], ", ".join(m["dids"]), ", ".join(m["members"]))
        for m in found
    ]
    headings = ("MAILBOX", "TENANT", "KIND", "MAIL", "DIDS", "READ BY")
    return cli_output.listed(options, found, headings, rows, "There is no mailbox yet. `faxplan user add` enters one.")


def _set_quota(context: "Context", options: argparse.Namespace) -> int:
    provisioning.set_quota(
        context.admin,
        context.actor,
        options.slug,
        period=options.period,
        pages=options.pages,
        email=options.email,
        warn_percent=options.warn_percent,
    )
    whose = options.email or options.slug
    result = {"of": whose, "period": options.period, "pages": options.pages}
    many = "any number of" if options.pages is None else f"at most {options.pages}"
    return cli_output.done(options, result, f"{whose} may send {many} pages a {options.period}.")


def _warn_of_quotas(context: "Context", options: argparse.Namespace) -> int:
    warned = quota_warnings.run(context.admin, context.settings, lambda text: print(text, file=sys.stderr))
    if not options.quiet:
        result = {"mails": warned.mails, "failed": warned.failed}
        cli_output.done(options, result, f"Mails sent: {warned.mails}. To be tried again: {warned.failed}.")
    return 1 if warned.failed else 0


def _list_quotas(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_quotas(context.admin, options.slug)
    rows = [
        (q["tenant"], q["user"] or "(all)", q["period"], q["limit_pages"], q["used_pages"], q["reserved_pages"],
         "-" if q["warn_percent"] is None else f"{q['warn_percent']} %", quotas.next_period(q))
        for q in found
    ]  # fmt: skip
    headings = ("TENANT", "USER", "PERIOD", "PAGES", "USED", "HELD", "WARN AT", "NEXT PERIOD")
    return cli_output.listed(options, found, headings, rows, "There is no quota: nobody's pages are limited.")
