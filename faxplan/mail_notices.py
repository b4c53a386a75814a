"""What a mail says of a fax: its facts, and subject and text in the recipient's language, in the brand's name.

Role worker, within a tenant. No mail names the software that made it.
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import default as standard
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined

from faxplan import brands, language, mail_templates, numbers, retelling, tenants
from faxplan.brands import Brand
from faxplan.config import Settings
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, ngettext
from faxplan.mail_templates import MailTemplate
from faxplan.mailbox_mail import Format, Mode
from faxplan.outbox import Waiting
from faxplan.template_words import FilledTooLong, InvalidTemplate
from faxplan.tenants import Tenant

LOG = logging.getLogger(__name__)
_REGISTRY = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    # Else one that is longer than a line would be written as encoded words, which nobody reads there.
    _REGISTRY.map_to_type(_name, MessageIDHeader)  # type: ignore[arg-type]  # as others, a mixin
_POLICY = standard.clone(header_factory=_REGISTRY)
_PICTURE = "first-page"
"""Content-ID."""
_SHADE = "#1d5f86"
"""Where a brand has no colour: as the pages have it."""


class NoRecipient(FaxplanError):
    """Whom a mail waits for is to have none of it any more."""

    error_id = "no-recipient"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a mail: what it is about, and for whom.

    kind, text: of the notice. mode, file_format, password: of the mailbox; a notice to a user is Mode.NOTICE.
    chosen_since: who reads the mailbox has chosen these after the fax came.
    number: of the other side, E.164; None: withheld. at: when it came in, or ended. tiff_id, pdf_id: what may be
    attached; None: nothing. certificate, openpgp_key: the recipient's. zone: whose times it has.
    answers: the Message-ID of the mail that the fax came by, if this answers it; empty: it had none. seconds: of its
    calls, from answer to end; None: none was answered. thumbnail_id: of the first page, where the answer shows it.
    """

    tenant: Tenant
    brand: Brand
    kind: str
    text: str
    mode: Mode
    file_format: Format
    password: str | None
    fax_id: int
    inbound: bool
    number: str | None
    pages: int
    at: datetime
    mailbox: str | None
    tiff_id: int | None
    pdf_id: int | None
    certificate: bytes | None
    openpgp_key: bytes | None
    language: str
    zone: ZoneInfo
    answers: str | None = None
    seconds: int | None = None
    thumbnail_id: int | None = None
    chosen_since: bool = False
    template: MailTemplate | None = None
    """The tenant's own words for it, in that language."""


_FACTS = """
    select n.kind, n.text, b.name as mailbox,
           case when n.mailbox_id is null
                then exists (select from users w where w.tenant_id = n.tenant_id and w.id = n.user_id and w.enabled)
                when b.mail_mode = 'off' or not 'mail-out' = any(
                     (select t.permissions from tenants t where t.id = n.tenant_id)::text[]) then false
                else r.id is not null or exists (
                     select from users w where w.tenant_id = n.tenant_id and w.email = %(recipient)s and w.enabled
                       and array['receive', 'mail-out'] <@ w.permissions) end as is_wanted,
           coalesce(b.mail_set_at > n.created_at, false) as chosen_since,
           case when b.id is null or r.id is null or n.kind not in ('received', 'partial') then 'notice'
                else b.mail_mode end as mode,
           coalesce(b.mail_format, 'pdf') as file_format, b.mail_password as password,
           f.id as fax_id, f.direction = 'inbound' as inbound, f.pages_done as pages,
           case when f.direction = 'inbound' then f.calling_number else f.called_number end as number,
           coalesce(f.finished_at, n.created_at) as at,
           case when f.forwarded_by is null and n.kind in ('received', 'partial') then f.tiff_id end as tiff_id,
           case when f.forwarded_by is null and n.kind in ('received', 'partial') then f.pdf_id end as pdf_id,
           case when i.answer_to is not null and u.mail_thumbnail and f.finished_at is not null
                then coalesce(f.thumbnail_id, g.thumbnail_id) end as thumbnail_id,
           r.certificate, r.openpgp_key, u.language, u.time_zone,
           case when i.answer_to is not null then coalesce(i.message_id, '') end as answers,
           (select ceil(extract(epoch from sum(a.ended_at - a.answered_at)))::integer from attempts a
            where a.tenant_id = f.tenant_id and a.fax_id = f.id and f.direction = 'outbound') as seconds
    from notices n join faxes f on f.tenant_id = n.tenant_id and f.id = n.fax_id
    left join renderings g on g.tenant_id = f.tenant_id and g.id = f.rendering_id
    left join mailboxes b on b.tenant_id = n.tenant_id and b.id = n.mailbox_id
    left join mail_recipients r
      on r.tenant_id = n.tenant_id and r.mailbox_id = n.mailbox_id and r.address = %(recipient)s
      and (not b.mail or exists (
          select from users a join tenants t on t.id = a.tenant_id
          where a.tenant_id = r.tenant_id and a.id = r.added_by and a.enabled
            and array['receive', 'mail-out'] <@ a.permissions and 'mail-out' = any(t.permissions)))
    left join lateral (
        select m.user_id, m.answer_to, m.message_id from mails_in m
        where m.tenant_id = n.tenant_id and m.fax_id = n.fax_id and m.user_id = n.user_id
          and m.answer_to = %(recipient)s
        order by m.received_at limit 1) i on true
    left join users u on u.tenant_id = n.tenant_id and u.enabled
      and case when i.user_id is null then u.email = lower(%(recipient)s) else u.id = i.user_id end
    where n.tenant_id = %(tenant)s and n.id = %(notice)s and f.deleted_at is null"""


def facts(tx: Transaction, mail: Waiting) -> Facts:
    """What is true now of a mail that waits. Raises NotFound where its fax is deleted meanwhile, and
    NoRecipient.

    Pages are for recipients that somebody has named who may have them mailed now, as outbox_fill has it; who is told by
    their own address as its reader gets a notice.
    """
    row = tx.row(_FACTS, {"tenant": mail.tenant_id, "notice": mail.notice_id, "recipient": mail.recipient})
    if row is None:
        raise NotFound("There is no such notice any more.")
    if not row.pop("is_wanted"):
        raise NoRecipient(_("Nothing of this mailbox is mailed to this address any more."))
    tenant = tenants.get(tx, mail.tenant_id)
    known: dict[str, Any] = {
        name: value and bytes(value) if name in ("certificate", "openpgp_key") else value for name, value in row.items()
    }
    zone = known.pop("time_zone")
    known["language"] = language.first_of(known["language"], tenant.language)
    kind = None if known["inbound"] and known["kind"] == "failed" else mail_templates.OF_NOTICE.get(known["kind"])
    template = None if kind is None else mail_templates.find(tx, tenant.id, kind, known["language"])
    return Facts(
        template=template,
        tenant=tenant,
        brand=brands.of(tx, tenant.id, tenant.name),
        zone=ZoneInfo(zone) if zone else tenant.zone,
        **known | {"mode": Mode(known["mode"]), "file_format": Format(known["file_format"])},
    )


def message(
    known: Facts, mail: Waiting, settings: Settings, *, sender: str, note: str = "", thumbnail: bytes = b""
) -> EmailMessage:
    """The mail, without an attachment. note: what else it says, such as why the fax is not attached. thumbnail: a PNG
    that it shows; empty: none. To be called in the language of the facts (language.speaks)."""
    made = EmailMessage(policy=_POLICY)
    brand_name = " ".join(known.brand.name.split())
    made["From"] = Address(brand_name, addr_spec=sender)
    if known.brand.mail_reply_to:
        made["Reply-To"] = Address(addr_spec=known.brand.mail_reply_to)
    made["To"] = Address(addr_spec=mail.recipient)
    link = f"{settings.portal_of(known.tenant.slug)}/faxes/{known.fax_id}"
    words = _words(known, link)
    made["Subject"] = words.subject
    made["Date"] = format_datetime(mail.created_at)
    made["Message-ID"] = message_id(mail, sender)
    made["Auto-Submitted"] = "auto-generated" if known.answers is None else "auto-replied"
    made["X-Loop"] = loop_mark(settings)
    if known.answers:
        made["In-Reply-To"] = made["References"] = f"<{known.answers}>"
    foot = [_("Questions?") + f" {known.brand.support}"] if known.brand.support else []
    foot += known.brand.legal.splitlines()
    plain = [*words.text, *(["", note] if note else []), *(["", f"{_link(known)}: {link}"] if words.wants_link else [])]
    made.set_content("\n".join([*plain, *(["", *foot] if foot else []), ""]))
    made.add_alternative(
        _page().render(
            subject=words.subject, language=language.current(), brand=brand_name, lines=words.lines,
            paragraphs=words.paragraphs, note=note, link=link, link_text=_link(known), wants_link=words.wants_link,
            foot=foot, colour=known.brand.colour or _SHADE, picture=_PICTURE if thumbnail else "",
            picture_text=_("The first page"),
        ),
        subtype="html",
    )  # fmt: skip
    if thumbnail:
        _text, page = made.iter_parts()
        page.add_related(thumbnail, "image", "png", cid=f"<{_PICTURE}>", disposition="inline")
    return made


@dataclass(frozen=True, slots=True)
class _Words:
    """lines: what is known, by name, or paragraphs: of the tenant's own words, each in its lines; text: the same as
    plain lines. wants_link: the link is not in them."""

    subject: str
    text: list[str]
    lines: list[tuple[str, str]]
    paragraphs: list[list[str]]
    wants_link: bool


def _words(known: Facts, link: str) -> _Words:
    if known.template is not None:
        values = {
            "number": _who(known),
            "name": " ".join(known.brand.name.split()),
            "pages": str(known.pages),
            "date": language.moment(known.at.astimezone(known.zone)),
            "mailbox": known.mailbox or "",
            "reason": retelling.retold(known.text),
            "link": link,
        }
        try:
            title, text = mail_templates.filled(known.template, values)
        except (InvalidTemplate, FilledTooLong) as error:
            # It was looked at when it was entered.
            LOG.error("the words of tenant %s for mails cannot be used: %s", known.tenant.id, error)
        else:
            if title and text:
                paragraphs = [each.splitlines() for each in text.split("\n\n") if each.strip()]
                return _Words(title, text.splitlines(), [], paragraphs, link not in text)
    lines = _lines(known)
    return _Words(subject(known), [f"{name}: {value}" for name, value in lines], lines, [], wants_link=True)


def message_id(mail: Waiting, sender: str) -> str:
    """The same whenever it is tried."""
    return f"<{mail.token}@{sender.rpartition('@')[2]}>"


def loop_mark(settings: Settings) -> str:
    """By which a mail of ours is known that comes back to us; of no name."""
    return hashlib.sha256(f"{settings.mail_domain} {settings.smtp_from}".encode()).hexdigest()[:24]


def subject(known: Facts) -> str:
    """On one line, in the language that is spoken."""
    who = _who(known)
    pages = ngettext("{count} page", "{count} pages", known.pages).format(count=known.pages)
    words = {
        "received": _("Fax from {who}, {pages}"),
        "partial": _("Part of a fax from {who}, {pages}"),
        "sent": _("Fax to {who} has arrived, {pages}"),
        "accepted": _("Fax to {who} is taken, and waits to be sent"),
        "cancelled": _("Fax to {who} was stopped"),
        "alert": _("Faxes do not go out: look at the one to {who}"),
        "failed": _("A call from {who} brought no fax") if known.inbound else _("Fax to {who} has not arrived"),
    }
    return " ".join(words[known.kind].format(who=who, pages=pages).split())


def _who(known: Facts) -> str:
    return numbers.readable(known.number, known.tenant.country) if known.number else _("a number that is withheld")


def _lines(known: Facts) -> list[tuple[str, str]]:
    at = language.moment(known.at.astimezone(known.zone), exactly=True)
    found = [(_("From") if known.inbound else _("To"), _who(known)), (_("When"), at)]
    if known.mailbox is not None:
        found.append((_("Mailbox"), known.mailbox))
    if known.pages:
        found.append((_("Pages"), str(known.pages)))
    if known.seconds:
        minutes, seconds = divmod(known.seconds, 60)
        found.append((_("Duration"), f"{minutes}:{seconds:02}"))
    if known.text and known.kind != "received":
        found.append((_("What happened"), retelling.retold(known.text)))
    return found


def _link(known: Facts) -> str:
    return _("Open the fax") if known.pages and known.kind != "alert" else _("What is known of it")


@cache
def _page() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("faxplan").joinpath("data", "mail.html").read_text(encoding="utf-8")
    return environment.from_string(text)
