"""What a tenant's cover pages say: its own templates, and a plain one that every tenant has.

A template is text with fields (cover_words); how a page looks is the same for all (cover_page). Each function works
within a tenant.
"""

from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _

PLAIN_ID = 0
"""Of the one that every tenant has."""
MOST = 100
_COLUMNS = "id, name, body, footer, is_default"


class TooManyCoverTemplates(FaxplanError):
    """The tenant has as many as it may have."""

    error_id = "too-many-cover-templates"


@dataclass(frozen=True, slots=True)
class CoverTemplate:
    """Columns as in schema.sql."""

    id: int
    name: str
    body: str
    footer: str = ""
    is_default: bool = False


def plain() -> CoverTemplate:
    """The one that every tenant has: the message, and nothing beside it."""
    return CoverTemplate(PLAIN_ID, _("Plain"), "{{ message }}")


def of_tenant(tx: Transaction, tenant_id: int) -> list[CoverTemplate]:
    """A tenant's own, by name."""
    rows = tx.rows(f"select {_COLUMNS} from cover_templates where tenant_id = %s order by name, id", (tenant_id,))
    return [CoverTemplate(**row) for row in rows]


def get(tx: Transaction, tenant_id: int, template_id: int) -> CoverTemplate:
    """PLAIN_ID gives the plain one. Raises NotFound."""
    return plain() if template_id == PLAIN_ID else own(tx, tenant_id, template_id)


def own(tx: Transaction, tenant_id: int, template_id: int) -> CoverTemplate:
    """One of the tenant's. Raises NotFound."""
    row = tx.row(f"select {_COLUMNS} from cover_templates where tenant_id = %s and id = %s", (tenant_id, template_id))
    return _given(row, template_id)


def default(tx: Transaction, tenant_id: int) -> CoverTemplate:
    """The one that is meant where nobody says which: the tenant's default, else the plain one."""
    row = tx.row(f"select {_COLUMNS} from cover_templates where tenant_id = %s and is_default", (tenant_id,))
    return plain() if row is None else CoverTemplate(**row)


def named(tx: Transaction, tenant_id: int, name: str) -> CoverTemplate:
    """Raises NotFound."""
    row = tx.row(f"select {_COLUMNS} from cover_templates where tenant_id = %s and name = %s", (tenant_id, name))
    if row is None:
        raise NotFound(f"There is no cover page {name[:80]!r}. `faxplan cover list` shows those that there are.")
    return CoverTemplate(**row)


def check(body: str, footer: str) -> None:
    """Raises InvalidCoverText, which says where."""
    # Here, as in cover_page.
    from faxplan import cover_words  # noqa: PLC0415

    cover_words.check(body)
    try:
        cover_words.check(footer)
    except cover_words.InvalidCoverText as error:
        raise cover_words.InvalidCoverText(_("At the foot: {why}").format(why=str(error))) from error


def put(
    tx: Transaction, tenant_id: int, name: str, body: str, footer: str, *, template_id: int | None = None
) -> CoverTemplate:
    """A new template, or one that is changed (role admin). Faxes that were handed in keep what they had.

    Raises InvalidCoverText, TooManyCoverTemplates, ConstraintViolated and NotFound.
    """
    name, body, footer = (" ".join(name.split()), *("\n".join(each.splitlines()).rstrip() for each in (body, footer)))
    check(body, footer)
    if template_id is not None:
        row = tx.row(
            f"""update cover_templates set name = %s, body = %s, footer = %s, changed_at = now()
                where tenant_id = %s and id = %s returning {_COLUMNS}""",
            (name, body, footer, tenant_id, template_id),
        )
        return _given(row, template_id)
    if tx.value("select count(*) from cover_templates where tenant_id = %s", (tenant_id,)) >= MOST:
        raise TooManyCoverTemplates(
            _("There are {most} cover pages, and no room for more. Delete one first.").format(most=MOST)
        )
    return CoverTemplate(
        **tx.one(
            f"""insert into cover_templates (tenant_id, name, body, footer) values (%s, %s, %s, %s)
                returning {_COLUMNS}""",
            (tenant_id, name, body, footer),
        )
    )


def make_default(tx: Transaction, tenant_id: int, template_id: int | None) -> None:
    """Which is chosen unless its sender chooses another (role admin). None: none is. Raises NotFound."""
    if template_id is not None:
        own(tx, tenant_id, template_id)
    tx.execute("update cover_templates set is_default = false where tenant_id = %s and is_default", (tenant_id,))
    if template_id is not None:
        tx.execute(
            "update cover_templates set is_default = true where tenant_id = %s and id = %s", (tenant_id, template_id)
        )


def remove(tx: Transaction, tenant_id: int, template_id: int) -> CoverTemplate:
    """(Role admin.) Faxes that were handed in keep what they had. Raises NotFound."""
    row = tx.row(
        f"delete from cover_templates where tenant_id = %s and id = %s returning {_COLUMNS}", (tenant_id, template_id)
    )
    return _given(row, template_id)


def _given(row: Row | None, template_id: int) -> CoverTemplate:
    if row is None:
        raise NotFound(_("There is no cover page {number} any more. Choose another one.").format(number=template_id))
    return CoverTemplate(**row)
