"""Mailboxes that chose mail, and a mailer that hands it to a relay of the tests."""

import os
import socket

from faxplan import mailbox_mail, mailboxes, outbox
from faxplan.db import Database, Row
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.mailbox_mail import Mode
from faxplan.mailer import Mailer
from faxplan.transient_readers import MAILER
from faxplan.users import User
from tests.world import World


def choose_mail(world: World, user: User, *, mail: bool) -> bool:
    """Whether a user's own mailbox has its faxes mailed as they are; False where it had so already."""
    with world.portal.tenant(user.tenant_id) as tx:
        mailbox_id = mailboxes.by_name(tx, user.tenant_id, user.email)
        known = {each.address for each in mailbox_mail.of(tx, user, mailbox_id).recipients}
    if mail and not known:
        mailbox_mail.add(world.portal, user, mailbox_id, user.email, shown=True, actor="test")
    mode = Mode.PLAIN if mail else Mode.NOTICE
    return mailbox_mail.choose(world.portal, user, mailbox_id, mode, shown=mail, actor="test")


def mailer(world: World, keys: KeyFolder, *, name: str = f"{socket.gethostname()}:{os.getpid()}") -> Mailer:
    """One as a worker of this world has it, which no thread runs."""
    url = world.settings.database_url_for("worker")
    made = Mailer(world.worker, Listener(url, (outbox.CHANNEL,)), world.store, keys, world.settings, name=name)
    made.prepare()
    return made


def mails(world: World, user: User) -> list[Row]:
    """The outbox of a tenant, in order."""
    with world.worker.tenant(user.tenant_id) as tx:
        return tx.rows("select * from outbox where tenant_id = %s order by id", (user.tenant_id,))


def to_be_mailed(db: Database) -> list[tuple[int, int]]:
    """What workers can open, the oldest first (role worker): tenants and documents by their ids."""
    with db.across_tenants() as tx:
        rows = tx.rows(
            """select w.tenant_id, w.document_id from transient_wraps w join transient_keys k on k.id = w.key_id
               where k.purpose = %s group by w.tenant_id, w.document_id order by min(w.created_at), w.document_id""",
            (MAILER,),
        )
    return [(row["tenant_id"], row["document_id"]) for row in rows]
