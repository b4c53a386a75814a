"""How who gets faxes of a campaign says that there are to be no more: what its first page says of that, and what comes
back, by fax to a number that is for it or on a page of the portal. Their number goes on the do-not-fax list.

47 CFR 64.1200(a)(4)(iii) says what an advertisement's first page has to say in the US: docs/campaigns.md.
"""

import secrets
import string

from faxplan import audit, do_not_fax, numbers, tenants, tries
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.tenants import Tenant

LONGEST = 400
FIELDS = ("address", "number", "code")
RECIPIENT = "recipient"
"""Who acts, in the audit and on the list."""
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 8
_LEAST_DIGITS, _MOST_DIGITS = 7, 15
"""Of what the list takes. E.164 has no more, and some plans are said to."""


class InvalidNotice(FaxplanError):
    """A notice has a field that there is not, or is too long; or what it names is not there."""

    error_id = "invalid-opt-out-notice"


def check(text: str) -> None:
    """Raises InvalidNotice."""
    if len(text) > LONGEST or not all(each.isprintable() for each in text):
        raise InvalidNotice(_("The notice has {most} characters at most, on one line.").format(most=LONGEST))
    names = _fields(text)
    if "address" in names and "code" not in names:
        raise InvalidNotice(_("The page asks for the code: name {code} in the notice as well."))


def _fields(text: str) -> set[str]:
    """Raises InvalidNotice."""
    try:
        parsed = [(name, form, conversion) for _text, name, form, conversion in string.Formatter().parse(text)]
    except ValueError as error:
        raise InvalidNotice(_("A bracket { or } of the notice has no other.")) from error
    found = {name for name, _form, _conversion in parsed if name is not None}
    unknown = [
        name for name, form, conversion in parsed if name is not None and (name not in FIELDS or form or conversion)
    ]
    if unknown:
        raise InvalidNotice(
            _("The notice has no field {name}. Those that there are: {all}.").format(
                name=unknown[0][:40], all=", ".join(f"{{{each}}}" for each in FIELDS)
            )
        )
    return found


def new_code() -> str:
    """Of a campaign."""
    return "".join(secrets.choice(_ALPHABET) for _place in range(_CODE_LENGTH))


def shown(code: str) -> str:
    """As people read it."""
    return f"{code[:4]}-{code[4:]}"


def notice(tx: Transaction, tenant: Tenant, code: str, address: str | None) -> str:
    """What the first page of a campaign with this code says; empty: nothing. address: of the page (`/stop`) on the
    tenant's host. Raises InvalidNotice where what it names is not there."""
    if not tenant.opt_out_notice:
        return ""
    named = _fields(tenant.opt_out_notice)
    if "address" in named and address is None:
        raise InvalidNotice(_("The notice names the address of a page, which is not known here. Take it out."))
    number = tx.value(
        "select number from dids where tenant_id = %s and opt_out and enabled order by created_at, number limit 1",
        (tenant.id,),
    )
    if "number" in named and number is None:
        raise InvalidNotice(
            _("The notice names a fax number, and none of your numbers is for that. An administrator marks one.")
        )
    return tenant.opt_out_notice.format(
        address=address, number=numbers.readable(number, None) if number else "", code=shown(code)
    )


def by_page(db: Database, tenant_id: int, address: str, number: str, code: str) -> None:
    """Somebody asks for no more (role portal): a number that the campaign with this code has goes on the list; any
    number, where its recipients were destroyed by now: who still has the fax asks in vain otherwise. Nobody is told
    whether there is one. address: the network address. Raises TooManyTries."""
    with db.tenant(tenant_id) as tx:
        counted = tries.of_opt_out(tx, address)
        tries.check(tx, tenant_id, counted)
        tries.note(tx, tenant_id, counted)
        tenant = tenants.get(tx, tenant_id)
        e164 = numbers.normalise_or_none(number, tenant.country)
        found = tx.row(
            """select c.id, c.name from campaigns c
               where c.tenant_id = %s and c.code = %s and (c.purged_at is not null or exists (
                   select from campaign_recipients r
                   where r.tenant_id = c.tenant_id and r.campaign_id = c.id and r.number = %s))""",
            (tenant_id, _read(code), e164),
        )
        if found is not None and e164 is not None:
            reason = _("Asked for it at the address on a fax of campaign {name}.").format(name=found["name"])
            _enter(tx, tenant_id, e164, reason, campaign=f"campaign:{found['id']}")


def _read(code: str) -> str:
    return "".join(each for each in code.upper() if each in _ALPHABET)[: _CODE_LENGTH + 1]


def by_fax(tx: Transaction, tenant_id: int, fax_id: int) -> None:
    """A fax has come in (role switch): if it came to a number that is for it, its caller gets no more. One who shows no
    whole number, with its country, is nobody."""
    row = tx.row(
        """select f.calling_number, f.called_number from faxes f
           join dids d on d.tenant_id = f.tenant_id and d.number = f.called_number and d.opt_out
           where f.tenant_id = %s and f.id = %s""",
        (tenant_id, fax_id),
    )
    if row is None or not (row["calling_number"] or "").startswith("+"):
        return
    tenant = tenants.get(tx, tenant_id)
    e164 = numbers.normalise_or_none(row["calling_number"], tenant.country)
    if e164 is not None:
        reason = _("Asked for it by a fax to {number}.").format(
            number=numbers.readable(row["called_number"], tenant.country)
        )
        _enter(tx, tenant_id, e164, reason, fax=f"fax:{fax_id}")


def _enter(tx: Transaction, tenant_id: int, e164: str, reason: str, **details: str) -> None:
    if not _LEAST_DIGITS <= sum(each.isdigit() for each in e164) <= _MOST_DIGITS:
        return
    if do_not_fax.add(tx, tenant_id, e164, reason[: do_not_fax.LONGEST_REASON], RECIPIENT):
        audit.record(
            tx, tenant_id, actor=RECIPIENT, action="do-not-fax.add", object=f"number:{e164}", reason=reason, **details
        )
