"""Who has sent a mail that comes in, and what proves it: our mail server's word, a secret address, or a PIN."""

import logging
from dataclasses import dataclass, field

from faxplan import brands, mail_access, mail_authentication, mail_sender, permissions, tenants
from faxplan.config import Settings
from faxplan.db import Database, Transaction
from faxplan.errors import DatabaseUnavailable, FaxplanError, NotFound
from faxplan.incoming_mail import IncomingMail
from faxplan.language import _
from faxplan.mail_address import Wanted
from faxplan.mail_authentication import Proof
from faxplan.mail_options import MailOptions
from faxplan.mail_outcomes import NotProven, UnknownHost
from faxplan.tenants import Tenant
from faxplan.users import User

LOG = logging.getLogger("faxplan.mail_in")
TOKEN, PIN = "token", "pin"
"""What proves a mail, beside what mail_authentication.Proof has."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A recipient of a mail. recipient: as the envelope has it. tenant: whose host it is."""

    recipient: str = field(repr=False)
    wanted: Wanted
    tenant: Tenant


def tenant_of_host(tx: Transaction, host: str, domain: str) -> Tenant:
    """Whose mail host it is (across tenants): `<slug>.<domain>`, or a confirmed host of a brand. domain: the setting
    mail_domain. Raises UnknownHost."""
    nobody = UnknownHost(_("Nobody has this fax host. See whether the part behind the @ is as you were given it."))
    slug, _dot, rest = host.partition(".")
    try:
        if domain and rest == domain.lower():
            return tenants.by_slug(tx, slug)
        tenant_id = brands.tenant_of_host(tx, host)
        if tenant_id is None:
            raise nobody
        return tenants.get(tx, tenant_id)
    except NotFound as error:
        raise nobody from error


class Sender:
    """Of one mail, whose PIN is tried once. db: role portal. sender: of the envelope."""

    def __init__(self, db: Database, settings: Settings, mail: IncomingMail, options: MailOptions, sender: str) -> None:
        self._db = db
        self._settings = settings
        self._mail = mail
        self._options = options
        # Our mail server's milters repeat it in what they have found, some without its quotes: what is no plain address
        # could bring results of its own.
        self._is_plain = mail_sender.address(sender.strip("<> ")) is not None
        self._trusted = {each.strip() for each in settings.mail_authserv_ids.split(",") if each.strip()}
        self._by_pin: dict[tuple[int, int | None], FaxplanError | None] = {}

    def of(self, one: Addressed) -> tuple[User, str]:
        """Who has sent it, as this recipient is to know, and by what that is known. Raises NotProven, Forbidden and
        TooManyTries."""
        mail, options = self._mail, self._options
        with self._db.tenant(one.tenant.id) as tx:
            if one.wanted.token is not None:
                user, proof = mail_access.user_of_token(tx, one.tenant.id, one.wanted.token), TOKEN
            else:
                user = mail_access.user_of_address(tx, one.tenant.id, mail.sender)
                proof = self._proof(one) or ""
            if user is not None and proof:
                permissions.check(tx, user.tenant_id, user.id, permissions.MAIL_IN)
                return user, proof
        if options.pin is None or not one.tenant.mail_pins or (user is None and one.wanted.token is not None):
            raise _not_proven(mail, one)
        key = (one.tenant.id, None if user is None else user.id)
        if key not in self._by_pin:
            self._by_pin[key] = self._tried(user, options.pin, one)
        wrong = self._by_pin[key]
        if user is None or wrong is not None:
            raise wrong or _not_proven(mail, one)
        return user, PIN

    def _tried(self, user: User | None, pin: str, one: Addressed) -> FaxplanError | None:
        """What is wrong with a PIN. user: None: nobody's, which is told as a user's wrong one is."""
        try:
            if user is None:
                mail_access.count_pin_of_nobody(self._db, one.tenant.id, self._mail.sender)
                return _not_proven(self._mail, one)
            if not mail_access.is_pin(self._db, user, pin):
                return _not_proven(self._mail, one)
            with self._db.tenant(user.tenant_id) as tx:
                permissions.check(tx, user.tenant_id, user.id, permissions.MAIL_IN)
        except DatabaseUnavailable:
            raise
        except FaxplanError as error:
            return error
        return None

    def _proof(self, one: Addressed) -> str | None:
        """By what our mail server's word proves From for this recipient: DKIM signs no envelope, so with it the address
        has to stand in the mail, where it is signed. DMARC does not say whose signature it found."""
        if not self._is_plain:
            LOG.info("a mail to tenant %s is not proven: odd-envelope-sender", one.tenant.id)
            return None

        def counts(proof: Proof, domain: str) -> bool:
            by = domain if proof is Proof.DKIM else None
            return proof is Proof.SPF or mail_sender.is_signed_to(self._mail.headers, one.recipient, by)

        verdict = mail_authentication.sender_of(
            self._mail.headers,
            self._trusted,
            self._mail.sender,
            signing_domains=one.tenant.mail_signing_domains,
            instances=self._settings.mail_authserv_fields,
            counts=counts,
        )
        if verdict.proof is None:
            LOG.info("a mail to tenant %s is not proven: %s", one.tenant.id, verdict.reason)
            return None
        return verdict.proof.value


def _not_proven(mail: IncomingMail, one: Addressed) -> NotProven:
    """The same for who is unknown, and for who is not proven: nobody is to find out who is known here."""
    if one.wanted.token is not None:
        return NotProven(_("The secret part of this address is none, or none any more. Ask for another address."))
    return NotProven(
        _(
            "Mails from {sender} are not faxed from here: either nobody may fax by this address, or this mail is not "
            "proven to come from it. Ask whoever runs the fax service of your organisation."
        ).format(sender=mail.sender)
    )
