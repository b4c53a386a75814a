"""A file of a campaign's recipients before it is added: brought once, looked at as often as somebody likes.

It lies in the database meanwhile, for a day, or until its campaign gets another one (role portal, within a tenant).
"""

from dataclasses import dataclass, field
from datetime import datetime

from faxplan import campaign_files, campaigns, contact_files
from faxplan.campaign_files import Progress
from faxplan.contact_files import Reading
from faxplan.db import Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.users import User

LIFETIME_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that lies there."""

    file_name: str
    content: bytes = field(repr=False)
    brought_at: datetime


def begin(tx: Transaction, user: User, campaign_id: int, file_name: str, content: bytes) -> None:
    """Lays a file there, in place of the one before. Raises UnreadableFile, Forbidden, NotFound, NotNow and
    FileInHand."""
    campaigns.check_permitted(tx, user)
    campaign_files.check_room(tx, user, campaign_id)
    contact_files.text_of(content, campaign_files.MOST_BYTES)
    tx.execute(
        """delete from campaign_uploads where tenant_id = %s
           and (campaign_id = %s or brought_at < now() - make_interval(secs => %s))""",
        (user.tenant_id, campaign_id, LIFETIME_SECONDS),
    )
    tx.execute(
        "insert into campaign_uploads (tenant_id, campaign_id, file_name, content) values (%s, %s, %s, %s)",
        (user.tenant_id, campaign_id, file_name[:200], content),
    )


def get(tx: Transaction, user: User, campaign_id: int) -> Upload:
    """Raises NotFound."""
    campaigns.get(tx, user, campaign_id)
    row = tx.row(
        f"select file_name, content, brought_at from campaign_uploads {_OF}",
        (user.tenant_id, campaign_id, LIFETIME_SECONDS),
    )
    if row is None:
        raise NotFound(_("This file is not here any more. Choose it once more."))
    return Upload(**row | {"content": bytes(row["content"])})


def waiting(tx: Transaction, user: User, campaign_id: int) -> str | None:
    """What the file is called that lies there; None: none does. Raises NotFound of a campaign that is not there."""
    campaigns.get(tx, user, campaign_id)
    name: str | None = tx.value(
        f"select file_name from campaign_uploads {_OF}", (user.tenant_id, campaign_id, LIFETIME_SECONDS)
    )
    return name


def add(tx: Transaction, user: User, campaign_id: int, reading: Reading) -> Progress:
    """Has it read, and all in it added. Raises NotFound, and as campaign_files.bring does."""
    campaigns.hold(tx, user, campaign_id)
    progress = campaign_files.bring(tx, user, campaign_id, get(tx, user, campaign_id).content, reading)
    drop(tx, user, campaign_id)
    return progress


def drop(tx: Transaction, user: User, campaign_id: int) -> None:
    """It is not to be added. Raises NotFound of a campaign that is not there."""
    campaigns.get(tx, user, campaign_id)
    tx.execute("delete from campaign_uploads where tenant_id = %s and campaign_id = %s", (user.tenant_id, campaign_id))


_OF = "where tenant_id = %s and campaign_id = %s and brought_at > now() - make_interval(secs => %s)"
