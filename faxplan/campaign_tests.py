"""A campaign's fax to a number of one's own, to see what a recipient would get: an ordinary fax of the campaign's user.

It is asked for here, and a worker sends it within moments: only machines open what the campaign's covers say. It does
not count among the recipients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from faxplan import (
    audit,
    campaign_covers,
    campaign_files,
    campaign_release,
    campaign_words,
    campaigns,
    outbound,
    post_dial,
    refused_numbers,
    users,
)
from faxplan.audit import Who
from faxplan.campaign_covers import Recipient
from faxplan.campaigns import NotNow
from faxplan.covers import Made
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.users import User

T = TypeVar("T")
MOST_WAITING = 20
"""Of one campaign."""
SHOWN = 20
_GONE = marked("The campaign was ended or removed before it was sent.")
_UNFIT = marked("The cover page with the fields of this recipient is too long, or cannot be filled in.")


@dataclass(frozen=True, slots=True)
class Test:
    """number: E.164, without what is dialled after the answer. recipient_id: whose fields it has; None: the first's.
    done_at: since when there is a fax, or `why` says why there is none; a fax that was purged has none either."""

    id: int
    number: str
    recipient_id: int | None
    asked_at: datetime
    done_at: datetime | None
    fax_id: int | None
    why: str


_COLUMNS = "id, substring(number from '^[+0-9]+') as number, recipient_id, asked_at, done_at, fax_id, why"


def ask(
    db: Database, user: User, campaign_id: int, number: str, recipient_id: int | None = None, *,
    then: Callable[[Transaction, Test], T], actor: Who,
) -> T:  # fmt: skip
    """A fax to this number, as its user wrote it, with the fields of this recipient (role portal); and in the same
    transaction does `then`, and gives what that gives.

    Raises as outbound.ordered does, Forbidden, NotFound, and NotNow for a campaign that has ended.
    """
    called, _after = post_dial.split(number)
    with refused_numbers.audited(db, user, "campaign.test", called), db.tenant(user.tenant_id) as tx:
        return then(tx, _ask(tx, user, campaign_id, number, recipient_id, actor))


def _ask(tx: Transaction, user: User, campaign_id: int, number: str, recipient_id: int | None, actor: Who) -> Test:
    campaigns.check_permitted(tx, user)
    campaign = campaigns.hold(tx, user, campaign_id)
    campaigns.check_own(user, campaign)
    if campaign.state not in ("draft", "paused", "running"):
        raise NotNow(_("The campaign has ended, and its document is not there for it any more. Make another one."))
    owner = _owner(tx, user.tenant_id, campaign.user_id)
    order = outbound.ordered(
        tx, owner, number, calling=campaign.calling, resolution=Resolution.FINE, priority=Priority.NORMAL, send_at=None,
        billing_code=campaign.billing_code,
    )  # fmt: skip
    if recipient_id is not None:
        campaign_covers.one(tx, user, campaign_id, recipient_id)
    of = (user.tenant_id, campaign_id)
    if tx.value("select count(*) from campaign_tests where tenant_id = %s and campaign_id = %s and done_at is null",
                of) >= MOST_WAITING:  # fmt: skip
        raise NotNow(_("So many tests wait that there is no room for more. See that a worker runs, and try again."))
    row = tx.one(
        f"""insert into campaign_tests (tenant_id, campaign_id, user_id, number, recipient_id)
            values (%s, %s, %s, %s, %s) returning {_COLUMNS}""",
        (*of, user.id, order.called + order.after_answer, recipient_id),
    )
    tx.notify(campaign_files.CHANNEL)
    audit.record(
        tx, user.tenant_id, actor=actor, action="campaign.test", object=f"campaign:{campaign_id}", called=order.called
    )
    return Test(**row)


def of_campaign(tx: Transaction, user: User, campaign_id: int) -> list[Test]:
    """The last ones, newest first. Raises NotFound."""
    campaigns.get(tx, user, campaign_id)
    rows = tx.rows(
        f"select {_COLUMNS} from campaign_tests where tenant_id = %s and campaign_id = %s order by id desc limit %s",
        (user.tenant_id, campaign_id, SHOWN),
    )
    return [Test(**row) for row in rows]


def _owner(tx: Transaction, tenant_id: int, user_id: int) -> User:
    """Raises NotNow."""
    try:
        return users.get(tx, tenant_id, user_id)
    except NotFound as error:
        raise NotNow(_(_GONE)) from error


def send(db: Database, store: Store, tenant_id: int, test_id: int) -> None:
    """Sends one that was asked for (role portal); what is wrong with it is said by its row. Raises what is retryable:
    then it waits."""
    try:
        case = _case(db, tenant_id, test_id)
        if case is not None:
            _send(db, store, case)
    except FaxplanError as error:
        if error.retryable:
            raise
        with db.tenant(tenant_id) as tx:
            tx.execute(
                """update campaign_tests set done_at = now(), why = %s
                   where tenant_id = %s and id = %s and done_at is null""",
                (str(error), tenant_id, test_id),
            )


@dataclass(frozen=True, slots=True)
class _Case:
    """row: the campaign's. order: of its cover; None: it has none."""

    id: int
    number: str
    user: User
    row: Row
    recipient: Recipient
    order: campaign_covers.Order | None


def _case(db: Database, tenant_id: int, test_id: int) -> _Case | None:
    """None: it is done. Raises NotNow."""
    with db.tenant(tenant_id) as tx:
        test = tx.row("select * from campaign_tests where tenant_id = %s and id = %s", (tenant_id, test_id))
        if test is None or test["done_at"] is not None:
            return None
        row = _campaign(tx, tenant_id, test["campaign_id"])
        user = _owner(tx, tenant_id, row["user_id"])
        order = None if row["cover_id"] is None else campaign_covers.ordered(tx, user, row)
        recipient = campaign_covers.one(tx, user, row["id"], test["recipient_id"])
        return _Case(test_id, test["number"], user, row, recipient, order)


def _campaign(tx: Transaction, tenant_id: int, campaign_id: int) -> Row:
    row = tx.row("select * from campaigns where tenant_id = %s and id = %s", (tenant_id, campaign_id))
    if row is None or row["ended_at"] is not None:
        raise NotNow(_(_GONE))
    return row


def _send(db: Database, store: Store, case: _Case) -> None:
    made: Made | None = None
    if case.order is not None:
        number = None if case.recipient.number is not None else case.number
        (made,) = campaign_covers.seal(db, store, case.order, [case.recipient], called=number)
        if made is None:
            raise campaign_words.InvalidCampaignCover(_(_UNFIT))
    sealed = [] if made is None else [made.sealed]
    with store.kept_if_named(sealed):
        is_accepted = _accepted(db, case, made)
    if not is_accepted:
        store.discard(sealed)


def _accepted(db: Database, case: _Case, made: Made | None) -> bool:
    """False: another worker has sent it, or its cover has changed: it is looked at anew."""
    tenant_id = case.user.tenant_id
    with db.tenant(tenant_id) as tx:
        campaigns.take_turn(tx, tenant_id)
        row = _campaign(tx, tenant_id, case.row["id"])
        is_due = tx.value(
            "select exists (select from campaign_tests where tenant_id = %s and id = %s and done_at is null)",
            (tenant_id, case.id),
        )
        if not is_due or row["cover_id"] != case.row["cover_id"]:
            return False
        rendering = campaign_release.held_rendering(tx, row)
        order = outbound.ordered(
            tx, case.user, case.number, calling=row["calling"], resolution=rendering.resolution,
            priority=Priority.NORMAL, send_at=None, billing_code=row["billing_code"],
        )  # fmt: skip
        fax_id = campaign_release.accepted(tx, case.user, order, rendering, made, campaign_test=f"campaign:{row['id']}")
        tx.execute(
            "update campaign_tests set done_at = now(), fax_id = %s where tenant_id = %s and id = %s",
            (fax_id, tenant_id, case.id),
        )
    return True
