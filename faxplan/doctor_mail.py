"""The doctor on mail: what goes out (settings, mail server, what waits, and faxes that are to go as they are), and what
comes in (whether what proves its senders is set)."""

from faxplan import outbox, tenants
from faxplan.config import Settings
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, InvalidSetting
from faxplan.findings import Finding, error, ok, warning
from faxplan.mail import Relay, Security, check_address
from faxplan.smtp_answers import ServerAway

_LONG_SECONDS = 3600.0
"""Many hosts make a stranger's mail wait some minutes."""
_ANSWER_SECONDS = 5.0
_SHOWN = 3
_WAYS = {
    Security.NONE: "without encryption",
    Security.OPPORTUNISTIC: "encrypted where it can be, with any certificate",
    Security.STARTTLS: "by TLS",
    Security.TLS: "by TLS",
}


def server(settings: Settings) -> list[Finding]:
    """Whether mail can be handed over from here. It greets the mail server, and sends nothing."""
    what = "mail server"
    try:
        relay = Relay.of(settings)
        check_address(settings.smtp_from)
    except InvalidSetting as wrong:
        if isinstance(wrong.__cause__, PermissionError):
            # Of a user who is not to read the password: it cannot be looked at from here.
            return []
        return [error(what, str(wrong), "docs/settings.md describes every setting.")]
    try:
        with relay.session(_ANSWER_SECONDS):
            pass
    except ServerAway as away:
        return [
            warning(
                what,
                f"mail waits, for three days at most. {away}",
                "Let one run, or mend smtp_host, smtp_port, smtp_security and smtp_user (docs/settings.md).",
            )
        ]
    return [ok(what, f"{relay.where} takes mail, {_WAYS[relay.security]}")]


def outgoing(tx: Transaction, settings: Settings) -> list[Finding]:
    """In a transaction of role admin without a tenant; it enters tenants."""
    return [_waiting(tx), *_plain(tx, settings)]


def _waiting(tx: Transaction) -> Finding:
    what, found = "mail", outbox.waiting_now(tx)
    count, oldest = sum(row["mails"] for row in found), max((row["oldest"] for row in found), default=0.0)
    shown = "1 mail waits" if count == 1 else f"{count} mails wait"
    if oldest < _LONG_SECONDS:
        return ok(what, f"{shown} to be handed over" if count else "all of it is handed over")
    said = next((row["said"] for row in sorted(found, key=lambda each: -each["oldest"]) if row["said"]), "")
    if said:
        return warning(
            what,
            f"{shown} to be handed over, the oldest for {oldest / 3600:.0f} h. What the mail server said last of it: "
            f"{said}",
            "Mend what it says. Where it takes no mail for one address, correct that in its mailbox.",
        )
    return warning(
        what,
        f"{shown} to be handed over, the oldest for {oldest / 3600:.0f} h, and nobody has tried",
        "The worker does: systemctl enable --now faxplan-worker. If it runs, see why: journalctl -u faxplan-worker.",
    )


def _plain(tx: Transaction, settings: Settings) -> list[Finding]:
    """Mailboxes whose faxes are to go out as they are, where that is not done over an open line; an account of the
    tenant's own has a safe one. Leaves the tenant entered."""
    try:
        relay = Relay.of(settings)
    except FaxplanError:
        # A finding of its own.
        return []
    if relay.is_safe:
        return []
    names: list[str] = []
    for tenant in tenants.everyone(tx):
        tx.enter_tenant(tenant.id)
        rows = tx.rows(
            """select name from mailboxes where tenant_id = %s and mail_mode = 'plain'
                 and not exists (select from mail_accounts a where a.tenant_id = mailboxes.tenant_id) order by name""",
            (tenant.id,),
        )
        names += [f"{row['name']} of {tenant.slug}" for row in rows]
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [
        warning(
            "mail of faxes as they are",
            f"{', '.join(names[:_SHOWN])}{more}: they get notices, since nothing proves the mail server to us",
            'Set smtp_security = "starttls" or "tls": its certificate has to have its name (docs/settings.md).',
        )
    ]


def incoming(settings: Settings) -> list[Finding]:
    """Nothing where nobody has begun to set it up."""
    if not settings.mail_domain and not settings.mail_authserv_ids:
        return []
    what = "mails that come in"
    if not settings.mail_authserv_ids:
        return [
            warning(
                what,
                "mail_authserv_ids is not set: no mail is believed but by a secret address or a PIN",
                "Set it to the name by which your mail server writes Authentication-Results (docs/mail-to-fax.md).",
            )
        ]
    if not settings.mail_domain:
        return [
            warning(
                what,
                "mail_domain is not set: only tenants with a host name of their own get mail",
                "Set it to the domain below which each tenant's fax addresses are, such as fax.example.com.",
            )
        ]
    return [ok(what, f"to TENANT.{settings.mail_domain}, as {settings.mail_authserv_ids} says of senders")]
