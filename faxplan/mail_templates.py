"""What mails about faxes say in a tenant's own words: subject and text with fields (template_words), by language.

Where a tenant has no words of its own, or none in the recipient's language, they are as shipped (mail_notices). The
text is plain; of it the HTML is made, in the brand's frame. Each function works within a tenant.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from faxplan import language
from faxplan.db import Transaction
from faxplan.errors import NotFound
from faxplan.language import _, marked
from faxplan.template_words import InvalidTemplate, Words

KINDS = {
    "received": marked("A fax has come in"),
    "sent": marked("A fax has arrived"),
    "failed": marked("A fax has not arrived"),
}
"""By the name in the table."""
OF_NOTICE = {"received": "received", "partial": "received", "sent": "sent", "failed": "failed"}
"""By the kind of the notice; of a call that brought nothing, and of what was stopped, mails are as shipped."""
FIELDS = ("number", "name", "pages", "date", "mailbox", "reason", "link")
"""number: of the other side. name: of the organisation. reason: what happened. link: to the fax, which stands below the
text where it is not in it."""
WORDS = Words(FIELDS, longest=4000, most=20_000)
SUBJECT = Words(FIELDS, longest=200, most=1000)


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """Columns as in schema.sql."""

    kind: str
    language: str
    subject: str
    body: str


def shipped(kind: str) -> MailTemplate:
    """To begin with: much as mails are without any, in the language that is spoken."""
    subject, body = {
        "received": (
            _("Fax from {{ number }}"),
            _("A fax from {{ number }} has come in, on {{ date }}. Pages: {{ pages }}"),
        ),
        "sent": (
            _("Fax to {{ number }} has arrived"),
            _("Your fax to {{ number }} has arrived, on {{ date }}. Pages: {{ pages }}"),
        ),
        "failed": (
            _("Fax to {{ number }} has not arrived"),
            _("Your fax to {{ number }} has not arrived. {{ reason }}"),
        ),
    }[kind]
    return MailTemplate(kind, language.current(), subject, f"{body}\n\n{{{{ link }}}}")


def of_tenant(tx: Transaction, tenant_id: int) -> list[MailTemplate]:
    """All of a tenant's (role admin)."""
    rows = tx.rows(
        "select kind, language, subject, body from mail_templates where tenant_id = %s order by kind, language",
        (tenant_id,),
    )
    return [MailTemplate(**row) for row in rows]


def filled(template: MailTemplate, values: Mapping[str, str]) -> tuple[str, str]:
    """Subject, on one line, and text with these values, by FIELDS. Raises InvalidTemplate and FilledTooLong."""
    return " ".join(SUBJECT.filled(template.subject, values).split()), WORDS.filled(template.body, values).strip()


def find(tx: Transaction, tenant_id: int, kind: str, name: str) -> MailTemplate | None:
    """That of a kind in a language (role admin or worker); None: as shipped."""
    row = tx.row(
        "select kind, language, subject, body from mail_templates where tenant_id = %s and kind = %s and language = %s",
        (tenant_id, kind, name),
    )
    return None if row is None else MailTemplate(**row)


def check(template: MailTemplate) -> None:
    """Raises InvalidTemplate, which says where, and NotFound for another kind or language."""
    if template.kind not in KINDS or template.language not in language.available():
        raise NotFound(_("There is no such mail."))
    try:
        SUBJECT.check(template.subject)
    except InvalidTemplate as error:
        raise InvalidTemplate(_("In the subject: {why}").format(why=str(error))) from error
    WORDS.check(template.body)


def put(tx: Transaction, tenant_id: int, template: MailTemplate) -> None:
    """A tenant's words from now on (role admin). Raises as `check`."""
    check(template)
    tx.execute(
        """insert into mail_templates (tenant_id, kind, language, subject, body) values (%s, %s, %s, %s, %s)
           on conflict on constraint mail_templates_pkey
           do update set subject = excluded.subject, body = excluded.body, changed_at = now()""",
        (tenant_id, template.kind, template.language, template.subject, template.body),
    )


def remove(tx: Transaction, tenant_id: int, kind: str, name: str) -> bool:
    """They are as shipped again (role admin); False where they were."""
    return bool(
        tx.execute(
            "delete from mail_templates where tenant_id = %s and kind = %s and language = %s", (tenant_id, kind, name)
        )
    )
