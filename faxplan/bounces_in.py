"""A mail to the address that a mail of ours had in its envelope: where it is a bounce, it is noted in the outbox.

Nothing that comes there becomes a fax or is answered: what is no bounce, such as the answer of somebody who is out of
office, is thrown away. Role portal.
"""

import logging
from pathlib import Path

from faxplan import mail_bounces, mail_outcomes, mail_who, outbox
from faxplan.db import Database
from faxplan.language import _
from faxplan.mail_outcomes import Outcome, UnknownHost
from faxplan.mail_refusals import MailRefused, WrongAddress

LOG = logging.getLogger("faxplan.mail_in")


class BouncesIn:
    """Of an installation. domain: the setting mail_domain. For several threads."""

    def __init__(self, db: Database, domain: str) -> None:
        self._db = db
        self._domain = domain

    def look_at(self, recipient: str) -> None:
        """recipient: one that mail_bounces reads. Raises WrongAddress where no mail of ours went out with it."""
        self._of(recipient)

    def take(self, file: Path, recipient: str) -> Outcome:
        """Raises WrongAddress, as above, DatabaseUnavailable, and OSError."""
        tenant_id, token, state = self._of(recipient)
        try:
            with file.open("rb") as source:
                bounce = mail_bounces.read(source)
        except MailRefused as error:
            LOG.info("what came back to tenant %s cannot be read: %s", tenant_id, error)
            bounce = None
        if bounce is None:
            return mail_outcomes.accepted(recipient, None)
        if state == "waiting":
            # A server has it, and we do not know that yet: it is in the journal, or its answer was lost.
            return mail_outcomes.away(recipient)
        with self._db.tenant(tenant_id) as tx:
            noted = outbox.bounced(tx, token, bounce.said)
        if noted:
            LOG.info("a mail of tenant %s came back: %s", tenant_id, bounce.said)
        return mail_outcomes.accepted(recipient, None)

    def _of(self, recipient: str) -> tuple[int, str, str]:
        """The tenant, the mail's token, and its state."""
        parsed = mail_bounces.parsed(recipient)
        if parsed is not None:
            token, host = parsed
            try:
                with self._db.across_tenants() as tx:
                    tenant = mail_who.tenant_of_host(tx, host, self._domain)
                with self._db.tenant(tenant.id) as tx:
                    state = outbox.state_of(tx, tenant.id, token)
            except UnknownHost:
                state = None
            if state is not None:
                return tenant.id, token, state
        raise WrongAddress(_("No mail went out from here to which this could be an answer."))
