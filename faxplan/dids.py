"""DIDs: whose numbers they are, where their faxes go, what their calls may do, and how many were refused."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from faxplan import mailboxes
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _

CHANGEABLE = ("mailbox_id", "station_ident", "enabled", "name", "max_calls", "ecm", "t38", "refusal", "opt_out")
OPTIONAL = ("max_calls",)
"""Of CHANGEABLE, those that may be empty (None)."""
_OF_NO_READER = mailboxes.of_no_reader("d.tenant_id", "d.mailbox_id")
BY_CALLER, DID_FULL, TENANT_FULL = "caller", "did-full", "tenant-full"
"""Why a call was refused: did_refusals.reason."""


@dataclass(frozen=True, slots=True)
class Did:
    """A direct inward dialling number: whose it is, and where its faxes go. Columns as in schema.sql.

    station_ident: or empty. tenant_max_calls: of its tenant.
    """

    tenant_id: int
    number: str
    mailbox_id: int
    station_ident: str
    max_calls: int | None = None
    ecm: bool = True
    t38: bool = True
    refusal: str = "decline"
    enabled: bool = True
    tenant_max_calls: int | None = None


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's DIDs: number (E.164), mailbox, receives (mailboxes.may_receive), columns, refused (calls).

    The first is the caller ID of its calls.
    """
    return tx.rows(
        f"""select d.number, m.name as mailbox, not {_OF_NO_READER} as receives, d.station_ident, d.enabled, d.name,
                  d.max_calls, d.ecm, d.t38, d.refusal, d.opt_out,
                  coalesce((select sum(r.calls) from did_refusals r
                            where r.tenant_id = d.tenant_id and r.number = d.number), 0)::bigint as refused
           from dids d join mailboxes m on m.tenant_id = d.tenant_id and m.id = d.mailbox_id
           where d.tenant_id = %s order by d.created_at, d.number""",
        (tenant_id,),
    )


def directory(tx: Transaction, tenant_id: int, *, words: str = "", after: str = "", limit: int) -> list[Row]:
    """A tenant's DIDs by number, those behind `after` (role portal): number, mailbox, receives, name, enabled.

    words: its number, name or mailbox has them in it.
    """
    return tx.rows(
        f"""select d.number, m.name as mailbox, not {_OF_NO_READER} as receives, d.mailbox_id, d.name, d.enabled
           from dids d join mailboxes m on m.tenant_id = d.tenant_id and m.id = d.mailbox_id
           where d.tenant_id = %(tenant)s and d.number > %(after)s
             and (strpos(d.number, %(digits)s) > 0 or strpos(lower(d.name), lower(%(words)s)) > 0
                  or strpos(lower(m.name), lower(%(words)s)) > 0)
           order by d.number limit %(limit)s""",
        {
            "tenant": tenant_id,
            "after": after,
            "words": words,
            # Of what is written as people write numbers; words without any find no number by them.
            "digits": "".join(filter(str.isdigit, words)).lstrip("0") or words,
            "limit": limit,
        },
    )


def ident_of(tx: Transaction, tenant_id: int, number: str) -> str:
    """Its own station ident; empty where it has none, or is no DID of the tenant."""
    return tx.value("select station_ident from dids where tenant_id = %s and number = %s", (tenant_id, number)) or ""


def mailbox_of(tx: Transaction, tenant_id: int, number: str) -> int:
    """Where its faxes are to go. Raises NotFound."""
    found = tx.value("select mailbox_id from dids where tenant_id = %s and number = %s", (tenant_id, number))
    if found is None:
        raise _unknown(number)
    return int(found)


def remove(tx: Transaction, tenant_id: int, number: str) -> None:
    """Takes a number (E.164) from a tenant (role admin); calls to it get 404 from then on. Raises NotFound."""
    if not tx.execute("delete from dids where tenant_id = %s and number = %s", (tenant_id, number)):
        raise _unknown(number)


def assign(tx: Transaction, tenant_id: int, number: str, mailbox_id: int, station_ident: str = "") -> Did:
    """Gives a number (E.164) to a tenant's mailbox. Raises ConstraintViolated, also where another tenant has it."""
    tx.execute(
        "insert into dids (tenant_id, number, mailbox_id, station_ident) values (%s, %s, %s, %s)",
        (tenant_id, number, mailbox_id, station_ident),
    )
    return Did(tenant_id, number, mailbox_id, station_ident)


def change(tx: Transaction, tenant_id: int, number: str, values: Mapping[str, Any]) -> None:
    """Changes some of CHANGEABLE, at least one (role admin). Raises NotFound and ConstraintViolated."""
    if unknown := values.keys() - set(CHANGEABLE):
        raise ValueError(f"no such columns, or not to be changed: {unknown}")
    assignments = ", ".join(f"{column} = %s" for column in values)
    if not tx.execute(
        f"update dids set {assignments} where tenant_id = %s and number = %s", (*values.values(), tenant_id, number)
    ):
        raise _unknown(number)


def check_there(tx: Transaction, tenant_id: int, number: str) -> None:
    """Raises NotFound where the tenant has no such DID."""
    if tx.row("select 1 from dids where tenant_id = %s and number = %s", (tenant_id, number)) is None:
        raise _unknown(number)


def find(tx: Transaction, numbers: Collection[str]) -> dict[str, Did]:
    """Those of these E.164 numbers that are somebody's DID, over all tenants (role switch), by number.

    station_ident: the one to answer with, so its own, else the tenant's, else the number. enabled: it and its tenant,
    which may receive.
    """
    if not numbers:
        return {}
    rows = tx.rows(
        """select d.tenant_id, d.number, d.mailbox_id, d.max_calls, d.ecm, d.t38, d.refusal,
                  d.enabled and t.enabled and 'receive' = any(t.permissions) as enabled,
                  t.max_calls as tenant_max_calls,
                  coalesce(nullif(d.station_ident, ''), nullif(t.station_ident, ''), d.number) as station_ident
           from dids d join tenants t on t.id = d.tenant_id where d.number = any(%s)""",
        (list(numbers),),
    )
    return {row["number"]: Did(**row) for row in rows}


def count_refusal(tx: Transaction, did: Did, reason: str) -> None:
    """Notes that a call for a DID was refused (role switch)."""
    tx.later(
        """insert into did_refusals as r (tenant_id, number, reason, calls) values (%s, %s, %s, 1)
           on conflict on constraint did_refusals_pkey do update set calls = r.calls + 1, last_at = now()""",
        (did.tenant_id, did.number, reason),
    )


def refusals(tx: Transaction, tenant_id: int, number: str) -> list[Row]:
    """How many calls for a DID were refused: reason, calls, last_at."""
    return tx.rows(
        "select reason, calls, last_at from did_refusals where tenant_id = %s and number = %s order by reason",
        (tenant_id, number),
    )


def _unknown(number: str) -> NotFound:
    return NotFound(_("The tenant has no DID {number}. `faxplan did list` shows all.").format(number=number))
