"""Cover pages of a campaign: one text with fields, of which each recipient's fax gets a cover of its own.

What they say is sealed, as the campaign's document is: its user reads it, and the machines that send open it until the
campaign has ended. The portal cannot: it previews what is handed to it. What is drawn for a recipient is sealed outside
any transaction, and recorded in the one that lets the fax go; what comes of no commit lies in the store, named by no
row, until `orphans` takes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faxplan import (
    audit,
    caller_ids,
    campaign_words,
    campaigns,
    cover_templates,
    covers,
    documents,
    language,
    originals,
    tenants,
)
from faxplan.audit import Who
from faxplan.campaign_words import CampaignCover, InvalidCampaignCover, Kept
from faxplan.campaigns import Campaign, NotNow
from faxplan.cover_layout import Sheet
from faxplan.cover_words import InvalidCoverText
from faxplan.covers import InvalidCover, Made, To, Wanted
from faxplan.db import Database, Row, Transaction
from faxplan.document_store import Store
from faxplan.documents import ToSend
from faxplan.errors import NotFound
from faxplan.files import write_whole
from faxplan.language import _
from faxplan.paper import Resolution
from faxplan.refusals import CoverTooLong
from faxplan.users import User

UNFIT = (CoverTooLong, InvalidCover, InvalidCoverText, InvalidCampaignCover)
"""What is wrong with one recipient's cover alone."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a cover may have. headings: of the columns that it comes from; none for those that all have.
    recipients: who have it, of those that get a fax."""

    name: str
    headings: Sequence[str]
    recipients: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whose cover it is. id None: nobody's, and all fields are empty."""

    id: int | None
    number: str | None
    name: str
    fields: Mapping[str, str]

    COLUMNS = "id, number, name, fields"

    @property
    def values(self) -> dict[str, str]:
        """By the names of fields."""
        return campaign_words.values_of(self.number, self.name, self.fields)


NOBODY = Recipient(None, None, "", {})


@dataclass(frozen=True, slots=True)
class Order:
    """Covers that are to be sealed, once the transaction that says so is over (`seal`)."""

    user: User
    language: str
    calling: str
    document: ToSend
    notice: str


# ------------------------------------------------------------------------------------------------ what its user makes


def put(db: Database, store: Store, user: User, campaign_id: int, cover: CampaignCover, *, actor: Who) -> Campaign:
    """What the covers of a campaign say from now on, of those that are still to come (role portal).

    Raises InvalidCampaignCover and InvalidCover, CoverTooLong where even the first recipient's is too long, NotFound,
    NotNow for one that runs or has ended, and as Store.seal does.
    """
    used = sorted(cover.used())
    with db.tenant(user.tenant_id) as tx:
        _check_state(campaigns.get(tx, user, campaign_id))
        kept = Kept(cover, cover_templates.get(tx, user.tenant_id, cover.template_id))
        originals.readers(tx, user)
    _check_fits(db, store, user, campaign_id, kept)
    with store.scratch.folder() as folder:
        write_whole(folder / "cover.json", kept.packed())
        made = store.seal(folder / "cover.json", user.tenant_id, documents.CAMPAIGN_COVER)
    with store.kept_if_named([made]), db.tenant(user.tenant_id) as tx:
        _check_state(campaigns.hold(tx, user, campaign_id))
        campaigns.close_cover(tx, user.tenant_id, campaign_id)
        document_id = documents.record_made(tx, made.wrapped(*originals.readers(tx, user)), None)
        tx.execute(
            "update campaigns set cover_id = %s, cover_fields = %s where tenant_id = %s and id = %s",
            (document_id, used, user.tenant_id, campaign_id),
        )
        audit.record(
            tx, user.tenant_id, actor=actor, action="campaign.cover", object=f"campaign:{campaign_id}", fields=used
        )
        return campaigns.get(tx, user, campaign_id)


def _check_fits(db: Database, store: Store, user: User, campaign_id: int, kept: Kept) -> None:
    with db.tenant(user.tenant_id) as tx:
        whose = one(tx, user, campaign_id, None)
        notice = campaigns.get(tx, user, campaign_id).notice
        (sheet,) = covers.own_sheets(tx, user, kept.template, [_said(kept, whose, None)], notice)
        picture = covers.logo(tx, user.tenant_id)
    covers.check_length(store, [sheet], picture)


def remove(tx: Transaction, user: User, campaign_id: int, *, actor: Who) -> Campaign:
    """Its faxes have no cover from now on. Raises NotFound and NotNow."""
    campaign = campaigns.hold(tx, user, campaign_id)
    _check_state(campaign)
    if campaign.cover_id is not None:
        campaigns.close_cover(tx, user.tenant_id, campaign_id)
        audit.record(tx, user.tenant_id, actor=actor, action="campaign.no-cover", object=f"campaign:{campaign_id}")
    return campaigns.get(tx, user, campaign_id)


def _check_state(campaign: Campaign) -> None:
    if campaign.state not in ("draft", "paused"):
        raise NotNow(_("Pause the campaign before you change its cover page."))


def fields(tx: Transaction, user: User, campaign_id: int) -> list[Field]:
    """What a cover may have, as the recipients have it: those of columns by name, after those that all have; and those
    that the cover has and nobody. Raises NotFound."""
    campaign = campaigns.get(tx, user, campaign_id)
    of = {"tenant": user.tenant_id, "campaign": campaign_id}
    everybody = tx.value(f"select count(*) from campaign_recipients r where {_GET_IT}", of)
    rows = tx.rows(
        f"""select k.heading, min(r.id) as first from campaign_recipients r, jsonb_object_keys(r.fields) k (heading)
            where {_GET_IT} group by 1 order by 2, 1""",
        of,
    )
    known = campaign_words.headings_of(row["heading"] for row in rows)
    names = [*known, *(each for each in campaign.cover_fields if each not in known)]
    found = [Field("number", (), everybody)]
    for name in sorted({*names, "name"} - {"number"}):
        headings = known.get(name, [])
        has = tx.value(
            f"""select count(*) from campaign_recipients r where {_GET_IT}
                and (r.fields ?| %(headings)s::text[] or %(is_name)s and r.name <> '')""",
            {**of, "headings": headings, "is_name": name == "name"},
        )
        found.append(Field(name, headings, has))
    return found


def lacking(tx: Transaction, user: User, campaign_id: int, every: Sequence[Field] | None = None) -> dict[str, int]:
    """Fields that the campaign's cover has, and how many of its recipients have nothing there; of those that somebody
    lacks. every: what `fields` has found, where it was asked. Raises NotFound."""
    used = set(campaigns.get(tx, user, campaign_id).cover_fields)
    if not used:
        return {}
    every = fields(tx, user, campaign_id) if every is None else every
    everybody = next(each.recipients for each in every if each.name == "number")
    return {each.name: everybody - each.recipients for each in every
            if each.name in used and each.recipients < everybody}  # fmt: skip


def preview(
    db: Database, store: Store, user: User, campaign_id: int, cover: CampaignCover,
    recipient_id: int | None = None, resolution: Resolution = Resolution.FINE,
) -> tuple[bytes, int]:  # fmt: skip
    """A PNG of the cover as this recipient would get it, and how many pages that is; None: as the first one. Nothing of
    it is kept (role portal).

    Raises InvalidCampaignCover, NotFound, and what is wrong with this one's (UNFIT).
    """
    cover.used()
    with db.tenant(user.tenant_id) as tx:
        campaign = campaigns.get(tx, user, campaign_id)
        kept = Kept(cover, cover_templates.get(tx, user.tenant_id, cover.template_id))
        whose = one(tx, user, campaign_id, recipient_id)
        calling = caller_ids.choose(tx, tenants.get(tx, user.tenant_id), campaign.calling, campaign.user_id)
        (sheet,) = covers.own_sheets(tx, user, kept.template, [_said(kept, whose, calling)], campaign.notice)
        picture = covers.logo(tx, user.tenant_id)
    return covers.preview(store, sheet, picture, campaign.pages, resolution)


def one(tx: Transaction, user: User, campaign_id: int, recipient_id: int | None) -> Recipient:
    """A recipient; None: the first that gets a fax, or NOBODY. Raises NotFound."""
    campaigns.get(tx, user, campaign_id)
    row = tx.row(
        f"""select {Recipient.COLUMNS} from campaign_recipients r where {_OF} and (
                r.id = %(id)s or %(id)s::bigint is null and r.state <> 'left-out') order by r.id limit 1""",
        {"tenant": user.tenant_id, "campaign": campaign_id, "id": recipient_id},
    )
    if row is None and recipient_id is not None:
        raise NotFound(_("The campaign has no such recipient."))
    return NOBODY if row is None else Recipient(**row)


_OF = "r.tenant_id = %(tenant)s and r.campaign_id = %(campaign)s"
_GET_IT = f"{_OF} and r.state <> 'left-out'"


def _said(kept: Kept, whose: Recipient, calling: str | None, called: str | None = None) -> tuple[Wanted, To]:
    """Raises UNFIT."""
    return kept.cover.filled(whose.values), To(called or whose.number, calling)


# ------------------------------------------------------------------------------------------- as its faxes are let go


def ordered(tx: Transaction, user: User, row: Row) -> Order:
    """What is needed to seal covers of a campaign (its row), which has one. Raises NoCallerId and ForeignCallerId."""
    tenant = tenants.get(tx, user.tenant_id)
    return Order(
        user,
        language.first_of(user.language, tenant.language),
        caller_ids.choose(tx, tenant, row["calling"], user.id),
        documents.get_to_send(tx, user.tenant_id, row["cover_id"]),
        row["notice"],
    )


def seal(
    db: Database, store: Store, order: Order, recipients: Sequence[Recipient], *, called: str | None = None
) -> list[Made | None]:
    """A cover for each, in the store: Store.discard takes back those that come to nothing. None: this one's cannot
    be made. called: a number that they go to instead.

    Outside of any transaction: it takes a while. Raises KeyElsewhere, KeyGone, and as Store.seal does.
    """
    kept = Kept.of(store.read_to_send(order.document))
    with language.speaks(order.language):
        filled = [_filled(kept, each, order.calling, called) for each in recipients]
        with db.tenant(order.user.tenant_id) as tx:
            said = [each for each in filled if each is not None]
            sheets = covers.own_sheets(tx, order.user, kept.template, said, order.notice)
            picture = covers.logo(tx, order.user.tenant_id)
        pages = _lengths(store, sheets, picture)
    fitting = [(sheet, count) for sheet, count in zip(sheets, pages, strict=True) if count is not None]
    sealed = iter(
        covers.seal_sheets(
            store, order.user.tenant_id, [sheet for sheet, _count in fitting], [count for _sheet, count in fitting]
        )
    )
    counted = iter(pages)
    return [None if each is None or next(counted) is None else next(sealed) for each in filled]


def _lengths(store: Store, sheets: Sequence[Sheet], picture: bytes | None) -> list[int | None]:
    """How many pages each has; None: it is too long. Looked at together, as nearly always all of them fit."""
    if not sheets:
        return []
    try:
        return list(covers.check_length(store, sheets, picture))
    except UNFIT:
        if len(sheets) == 1:
            return [None]
    half = len(sheets) // 2
    return _lengths(store, sheets[:half], picture) + _lengths(store, sheets[half:], picture)


def _filled(kept: Kept, whose: Recipient, calling: str, called: str | None) -> tuple[Wanted, To] | None:
    try:
        return _said(kept, whose, calling, called)
    except UNFIT:
        return None
