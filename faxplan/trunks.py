"""Trunks as calls need them: through which one a number is dialled, and from which one a call came.

Reads only: an administrator keeps them in trunk_directory, and the routes to them in routes.
"""

import ipaddress
from dataclasses import dataclass

from faxplan import numbers
from faxplan.db import Transaction
from faxplan.errors import NoRoute
from faxplan.gateways import Gateway


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


_CALL_COLUMNS = "t.id, t.name, t.called_format, t.calling_format, t.inbound_country, t.t38, t.inbound_format"


def route(tx: Transaction, tenant_id: int, number: str) -> Trunk:
    """The trunk for an E.164 number: longest prefix, then the tenant's own route, then position.

    Raises NoRoute, also where that prefix is barred.
    """
    trunk = _route(tx, tenant_id, number)
    if trunk is None:
        raise NoRoute(f"No trunk serves {number}. The administrator adds a route for its prefix: `faxplan route add`.")
    return trunk


def check_may_be_dialled(tx: Transaction, tenant_id: int, number: str) -> None:
    """Says early what dialling would be refused for. Raises NoRoute (barred) and InvalidNumber (not by this trunk).

    That no trunk serves the number is no refusal yet: there may be one when its turn comes.
    """
    trunk = _route(tx, tenant_id, number)
    if trunk is not None:
        numbers.dialled(number, trunk.called_format, trunk.inbound_country)


def _route(tx: Transaction, tenant_id: int, number: str) -> Trunk | None:
    row = tx.row(f"select {_CALL_COLUMNS}, t.prefix from route_for(%s, %s) t", (tenant_id, number))
    if row is None:
        return None
    prefix = row.pop("prefix")
    if row["id"] is None:
        raise NoRoute(
            f"{number} is barred: numbers that begin with {prefix} are not dialled. The administrator can give them a "
            "trunk: `faxplan route list`."
        )
    return Trunk(**row)


def by_source(tx: Transaction, address: str, gateway: str | None) -> Trunk | None:
    """The trunk from which a call came: by the address it was sent from; among several with that, by gateway name.

    `gateway` is only used to choose among trunks that share the address, since a peer can write it (R-URI gw=).
    """
    try:
        source = ipaddress.ip_address(address)
    except ValueError:
        return None
    rows = tx.rows(
        f"""select {_CALL_COLUMNS} from trunks t
            where t.enabled and exists (select 1 from unnest(t.source_networks) n where %s::inet <<= n)
            order by t.id""",
        (str(source),),
    )
    if not rows:
        return None
    named = [row for row in rows if row["name"] == gateway]
    return Trunk(**(named or rows)[0])


def gateways(tx: Transaction) -> list[Gateway]:
    """Every enabled trunk as the gateway that FreeSWITCH is to have."""
    rows = tx.rows(
        """select name, host, port, transport, register, username, password, realm, ping_seconds from trunks
           where enabled order by name"""
    )
    return [Gateway(**row) for row in rows]


def source_networks(tx: Transaction) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks that may send us calls: the ACL of the profile."""
    rows = tx.rows("select distinct unnest(source_networks)::text as network from trunks where enabled order by 1")
    return [ipaddress.ip_network(row["network"]) for row in rows]
