"""The doctor on mails that come in: whether what proves their senders is set."""

from faxplan.config import Settings
from faxplan.findings import Finding, ok, warning


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
