"""A campaign as another one was: its pace, tries and the like, its document, and whom it went to (role portal).

To send again to those who failed is a clone to them. The document of one that has not ended is taken over: the
machines that send hold it for both. That of one that has ended is sealed for its readers (drafts.let_go), and no
machine opens it any more: then the document is handed in once more, as for a new campaign. What its covers say goes the
same way.
"""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

from faxplan import audit, campaigns, drafts, tenants
from faxplan.audit import Who
from faxplan.campaigns import Campaign, FileInHand, NoRecipients, NotNow
from faxplan.db import Transaction
from faxplan.errors import Forbidden
from faxplan.language import _
from faxplan.users import User


class Whom(StrEnum):
    """To whom of the first one a clone goes."""

    ALL = "all"
    FAILED = "failed"
    NOBODY = "none"


class DocumentSealed(NotNow):
    """The document of a campaign that has ended: no machine opens it any more."""

    error_id = "campaign-document-sealed"


class RecipientsPurged(NotNow):
    """Its recipients were destroyed."""

    error_id = "recipients-purged"


def clone(
    tx: Transaction, user: User, campaign_id: int, name: str | None, whom: Whom, *, draft_id: int | None = None,
    stop_at: str | None = None, actor: Who,
) -> Campaign:  # fmt: skip
    """A draft. name: None: as the first one is called. draft_id: of another document, which a clone of one that has
    ended needs, or of somebody else's. stop_at: as campaigns.make. What the covers of one that has not ended say, its
    own user's clone has as well.

    Raises as campaigns.make, DocumentSealed, RecipientsPurged, FileInHand, and NoRecipients where nobody has failed.
    """
    first = campaigns.hold(tx, user, campaign_id)
    campaigns.check_permitted(tx, user)
    _check_recipients(tx, first, user.tenant_id, whom)
    pace, retries = first.pace, first.retries
    if pace.start_at is not None and pace.start_at <= datetime.now(UTC):
        pace = replace(pace, start_at=None)
    if retries.max_attempts is not None:
        most = tenants.get(tx, user.tenant_id).max_attempts
        retries = replace(retries, max_attempts=min(retries.max_attempts, most))
    made = campaigns.make(
        tx, user, first.name if name is None else name,
        _document(tx, user, first) if draft_id is None else draft_id, pace, calling=first.calling,
        billing_code=first.billing_code, retries=retries, stop_at=stop_at, actor=actor,
    )  # fmt: skip
    if first.cover_id is not None and first.user_id == user.id:
        tx.execute(
            "update campaigns set cover_id = %s, cover_fields = %s where tenant_id = %s and id = %s",
            (first.cover_id, list(first.cover_fields), user.tenant_id, made.id),
        )
    if whom is not Whom.NOBODY:
        _take_over(tx, user.tenant_id, first.id, made.id, whom)
    audit.record(
        tx, user.tenant_id, actor=actor, action="campaign.clone", object=f"campaign:{made.id}", first=first.id,
        recipients=whom.value,
    )  # fmt: skip
    return campaigns.get(tx, user, made.id)


def _check_recipients(tx: Transaction, first: Campaign, tenant_id: int, whom: Whom) -> None:
    if whom is Whom.NOBODY:
        return
    if first.purged_at is not None:
        raise RecipientsPurged(_("Its recipients were destroyed, as your organisation keeps faxes for so long only."))
    of = (tenant_id, first.id)
    if tx.value(
        "select exists (select from campaign_files where tenant_id = %s and campaign_id = %s and wrong = '')", of
    ):
        raise FileInHand(_("Its file of recipients is being read. Clone it when that is done."))
    if whom is Whom.FAILED and not tx.value(
        """select exists (select from campaign_recipients where tenant_id = %s and campaign_id = %s
                          and state = 'failed')""", of):  # fmt: skip
        raise NoRecipients(_("No fax of it has failed."))


def _document(tx: Transaction, user: User, first: Campaign) -> int:
    """A draft of its document."""
    if first.user_id != user.id:
        raise Forbidden(
            _("This campaign is somebody else's, and its document is sealed for them. Hand in a document of your own.")
        )
    if first.ended_at is not None or first.draft_id is None:
        raise DocumentSealed(
            _("The document of a campaign that has ended is sealed for its readers, and no machine can open it any "
              "more. Hand it in once more for the new campaign.")
        )  # fmt: skip
    return drafts.copy(tx, user, first.draft_id)


def _take_over(tx: Transaction, tenant_id: int, first_id: int, campaign_id: int, whom: Whom) -> None:
    """Those who had a place; who is on the do-not-fax list by now is left out."""
    tx.give_time(120)
    tx.execute(
        """insert into campaign_recipients (tenant_id, campaign_id, line, written, number, name, fields, state, why)
           select r.tenant_id, %(campaign)s, r.line, r.written, r.number, r.name, r.fields,
                  case when d.number is null then 'waiting' else 'left-out' end,
                  case when d.number is null then null else 'do-not-fax' end
           from campaign_recipients r
           left join do_not_fax d on d.tenant_id = r.tenant_id and d.number = r.number
           where r.tenant_id = %(tenant)s and r.campaign_id = %(first)s
             and (r.state = 'failed' or r.state <> 'left-out' and %(all)s)
           order by r.id""",
        {"tenant": tenant_id, "first": first_id, "campaign": campaign_id, "all": whom is Whom.ALL},
    )
