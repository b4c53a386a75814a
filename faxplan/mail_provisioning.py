"""What administrators decide about how a tenant's mail goes out: its own account, keys that sign for its domains, and
what its mails say.

Each function is one transaction (role admin) with its audit row in the tenant's chain. `slug` and `actor` as in
provisioning.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime

from faxplan import audit, mail_accounts, mail_templates, signing_keys, tenants
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.mail import Relay, Security, is_address
from faxplan.mail_accounts import Account, LogInRefused, Tokens
from faxplan.mail_templates import MailTemplate
from faxplan.smtp_answers import ServerAway
from faxplan.web_client import WebClient

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class InvalidAccount(FaxplanError):
    """The account cannot be one."""

    error_id = "invalid-mail-account"


def put_account(admin: Database, actor: Who, slug: str, account: Account, client: WebClient) -> None:
    """A tenant's mail goes out by its own account from now on, once that lets us in: it is asked now.

    Raises InvalidAccount, AddressRefused, ConstraintViolated and NotFound.
    """
    account = replace(account, host=account.host.strip().rstrip(".").lower(), sender=account.sender.strip())
    if not _HOST.fullmatch(account.host):
        raise InvalidAccount(
            _("{host} is no host name. Write it as smtp.example.com.").format(host=repr(account.host[:80]))
        )
    if not is_address(account.sender):
        raise InvalidAccount(_("{address} is no e-mail address.").format(address=repr(account.sender[:80])))
    if bool(account.password) == bool(account.refresh_token) or not account.user_name:
        raise InvalidAccount(_("An account has a user name, and a password or a refresh token."))
    try:
        account = _tried(account, client)
    except (LogInRefused, ServerAway) as error:
        # It is for whoever names it to see to.
        raise InvalidAccount(_("The account cannot be used: {why}").format(why=str(error))) from error
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        mail_accounts.put(tx, tenant.id, account)
        audit.record(
            tx, tenant.id, actor=actor, action="mail.account", object=f"tenant:{tenant.id}", host=account.host,
            port=account.port, sender=account.sender, user=account.user_name,
        )  # fmt: skip


def _tried(account: Account, client: WebClient) -> Account:
    """As it is after we were let in. Raises AddressRefused, LogInRefused and ServerAway."""
    token = ""
    if account.refresh_token:
        client.check(account.token_url)
        given = Tokens(client).of(account)
        token, account = given.value, replace(account, refresh_token=given.refresh_token or account.refresh_token)
    relay = Relay(
        account.host, account.port, account.sender, Security(account.security), account.user_name, account.password,
        token, client=client,
    )  # fmt: skip
    with relay.session():
        return account


def remove_account(admin: Database, actor: Who, slug: str) -> None:
    """Its mail goes out by the installation's mail server again. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        if not mail_accounts.remove(tx, tenant.id):
            raise NotFound(_("There is no mail account to take away."))
        audit.record(tx, tenant.id, actor=actor, action="mail.no-account", object=f"tenant:{tenant.id}")


def sign(admin: Database, actor: Who, slug: str, domain: str, selector: str | None = None) -> tuple[str, str]:
    """Mail from a domain is signed by another key from now on: where its record stands in the DNS, and what it says.

    selector: None: of today. Raises ConstraintViolated.
    """
    domain, name = signing_keys.plain(domain), (selector or f"fax{datetime.now(UTC):%Y%m%d}").lower()
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        record = signing_keys.make(tx, tenant.id, domain, name)
        audit.record(tx, tenant.id, actor=actor, action="mail.sign", object=f"domain:{domain}", selector=name)
    return f"{name}._domainkey.{domain}", record


def sign_no_more(admin: Database, actor: Who, slug: str, domain: str) -> None:
    """Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        signing_keys.remove(tx, tenant.id, domain)
        audit.record(tx, tenant.id, actor=actor, action="mail.sign-no-more", object=f"domain:{domain}")


def known(admin: Database, slug: str) -> tuple[Row | None, list[Row]]:
    """A tenant's account and keys, as mail_accounts.known and signing_keys.known."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        return mail_accounts.known(tx, tenant.id), signing_keys.known(tx, tenant.id)


def templates(admin: Database, slug: str) -> list[MailTemplate]:
    """A tenant's own words for mails."""
    with admin.across_tenants() as tx:
        return mail_templates.of_tenant(tx, tenants.entered(tx, slug).id)


def put_template(admin: Database, actor: Who, slug: str, template: MailTemplate) -> None:
    """What mails of a kind say in a language. Raises InvalidTemplate and NotFound."""
    template = replace(template, subject=" ".join(template.subject.split()), body=template.body.replace("\r\n", "\n"))
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        mail_templates.put(tx, tenant.id, template)
        _record_template(tx, tenant.id, actor, "mail.words", template.kind, template.language)


def remove_template(admin: Database, actor: Who, slug: str, kind: str, language: str) -> None:
    """They are as shipped again. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.entered(tx, slug)
        if not mail_templates.remove(tx, tenant.id, kind, language):
            raise NotFound(_("There are no words of your own for this mail."))
        _record_template(tx, tenant.id, actor, "mail.own-words-no-more", kind, language)


def _record_template(tx: Transaction, tenant_id: int, actor: Who, action: str, kind: str, language: str) -> None:
    audit.record(tx, tenant_id, actor=actor, action=action, object=f"mail:{kind}", language=language)
