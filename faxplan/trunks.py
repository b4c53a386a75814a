"""Trunks as calls need them: through which ones a number may be dialled, and from which one a call came.

Reads only: an administrator keeps them in trunk_directory, and the routes to them in routes.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from faxplan import called_number, numbers
from faxplan.db import Prepared, Transaction
from faxplan.errors import InvalidNumber, NoRoute
from faxplan.gateways import Gateway
from faxplan.language import _


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk as a call needs it. Its name is that of its FreeSWITCH gateway. Columns as in schema.sql."""

    id: int
    name: str
    called_format: str
    calling_format: str
    inbound_country: str
    t38: bool
    inbound_format: str = "any"
    caller_id_in: str = "pai"
    privacy: bool = False
    t38_request: str = "receiver"
    t38_redundancy: int = 3
    v17: bool = True
    ecm: bool = True
    codec: str = "any"
    encrypted_media: bool = False
    max_calls: int | None = None
    trusts_identity: bool = False
    called_from: Sequence[str] = (called_number.REQUEST,)
    from_user: str | None = None
    t30_trace: str = "off"
    called_prefix: str = ""
    inbound_prefix: str = ""
    inbound_calling_format: str | None = None

    def dialled(self, number: str, *, home: str) -> str:
        """An E.164 number as a call through it dials it. home: the tenant's country. Raises as numbers.dialled."""
        return numbers.dialled(number, self.called_format, self.inbound_country, home=home, prefix=self.called_prefix)


_ROUTE_COLUMNS = ("stage", "prefix", "position", "weight", "cost")
_CALL_COLUMNS = ", ".join(f"t.{column}" for column in Trunk.__slots__)


@dataclass(frozen=True, slots=True)
class WayOut:
    """A trunk that may take a number, and why.

    stage: 1 it is dedicated to the tenant, 2 a route of the tenant's own leads to it, 3 any other. prefix, position,
    weight, cost: of the route.
    """

    trunk: Trunk
    stage: int
    prefix: str
    position: int
    weight: int
    cost: Decimal | None


_WAYS_OUT = Prepared(
    "faxplan_ways_out",
    f"""select f.stage, f.prefix, f.position, f.weight, f.cost, {_CALL_COLUMNS}
        from trunks_for(%(tenant)s::bigint, %(number)s::text) f join trunks t on t.id = f.trunk_id
        order by f.stage, f.position, f.weight desc, t.id""",
)


def ways_out(tx: Transaction, tenant_id: int, number: str) -> list[WayOut]:
    """The trunks that may take an E.164 number, in the order in which they are tried; empty: nobody serves it.

    Raises NoRoute where its prefix is barred.
    """
    rows = tx.rows_of(_WAYS_OUT, {"tenant": tenant_id, "number": number})
    if not rows:
        check_not_barred(tx, tenant_id, number)
    ways = []
    for row in rows:
        stage, prefix, position, weight, cost = (row.pop(name) for name in _ROUTE_COLUMNS)
        ways.append(WayOut(Trunk(**row), stage, prefix, position, weight, cost))
    return ways


def check_may_be_dialled(tx: Transaction, tenant_id: int, number: str, *, home: str) -> None:
    """Says early what dialling would be refused for. Raises NoRoute (barred) and InvalidNumber (by no trunk of it).

    That no trunk serves the number is no refusal yet: there may be one when its turn comes.
    """
    refusal: InvalidNumber | None = None
    for way in ways_out(tx, tenant_id, number):
        try:
            way.trunk.dialled(number, home=home)
        except InvalidNumber as error:
            refusal = refusal or error
        else:
            return
    if refusal is not None:
        raise refusal


def some(tx: Transaction, trunk_ids: set[int]) -> list[Trunk]:
    """The trunks with these ids, in no order."""
    if not trunk_ids:
        return []
    rows = tx.rows(f"select {_CALL_COLUMNS} from trunks t where t.id = any(%s)", (list(trunk_ids),))
    return [Trunk(**row) for row in rows]


def is_barred(tx: Transaction, tenant_id: int, number: str) -> bool:
    """Whether the prefix of an E.164 number is barred for the tenant by a route."""
    return _barred_prefix(tx, tenant_id, number) is not None


def check_not_barred(tx: Transaction, tenant_id: int, number: str) -> None:
    """Raises NoRoute where the prefix of an E.164 number is barred for the tenant."""
    prefix = _barred_prefix(tx, tenant_id, number)
    if prefix is not None:
        raise NoRoute(
            _(
                "{number} is barred: numbers that begin with {prefix} are not dialled. The administrator can give "
                "them a trunk: `faxplan route list`."
            ).format(number=number, prefix=prefix)
        )


def _barred_prefix(tx: Transaction, tenant_id: int, number: str) -> str | None:
    found: str | None = tx.value("select barred_prefix(%s, %s)", (tenant_id, number))
    return found


def by_source(tx: Transaction, address: str, gateway: str | None) -> Trunk | None:
    """The trunk from which a call came: by the address it was sent from; among several with that, by gateway name.

    Of the networks that hold the address the smallest counts: who has given a trunk one host means that host, although
    another trunk takes calls of the whole network. `gateway` is only used to choose among trunks that share that one,
    since a peer can write it (R-URI gw=); for the same reason the one that is chosen is believed about callers only if
    all of them are, and demands encrypted media, without T.38, if any of them does.
    """
    try:
        source = ipaddress.ip_address(address)
    except ValueError:
        return None
    rows = tx.rows(
        f"""with fitting as (
                select t.*, (select max(masklen(n)) from unnest(t.source_networks) n where %s::inet <<= n) as bits
                from trunks t where t.enabled)
            select {_CALL_COLUMNS} from fitting t where bits = (select max(bits) from fitting) order by t.id""",
        (str(source),),
    )
    if not rows:
        return None
    named = [row for row in rows if row["name"] == gateway]
    trunk = Trunk(**(named or rows)[0])
    encrypted = any(row["encrypted_media"] for row in rows)
    return replace(
        trunk,
        trusts_identity=all(row["trusts_identity"] for row in rows),
        encrypted_media=encrypted,
        t38=trunk.t38 and not encrypted,
    )


def by_name(tx: Transaction, name: str) -> Trunk | None:
    """An enabled trunk; None where there is none of that name."""
    if not name.isascii():
        return None
    row = tx.row(f"select {_CALL_COLUMNS} from trunks t where t.enabled and t.name = %s", (name,))
    return None if row is None else Trunk(**row)


def gateways(tx: Transaction, node: str | None = None) -> list[Gateway]:
    """Every enabled trunk as the gateway that FreeSWITCH is to have. node: without those that another one registers
    (node_trunks); None: all.
    """
    rows = tx.rows(
        """select name, host, port, transport, register, username, password, realm, ping_seconds, from_user, from_domain
           from trunks t
           where enabled and not (register and exists (
               select from trunk_holders h where h.trunk_id = t.id and h.node <> %s))
           order by name""",
        (node,),
    )
    return [Gateway(**row) for row in rows]


def source_networks(tx: Transaction) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks that may send us calls: the ACL of the profile."""
    rows = tx.rows("select distinct unnest(source_networks)::text as network from trunks where enabled order by 1")
    return [ipaddress.ip_network(row["network"]) for row in rows]
