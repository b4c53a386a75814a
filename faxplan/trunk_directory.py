"""The trunks' entries, as an administrator keeps them: checked here as gateways, so that a switch can take each up."""

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from faxplan import gateways, numbers, short_numbers
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.gateways import Gateway
from faxplan.language import _

_GATEWAY_COLUMNS = (
    "host", "port", "transport", "register", "username", "password", "realm", "ping_seconds", "from_user",
    "from_domain",
)  # fmt: skip
COLUMNS = (
    *_GATEWAY_COLUMNS, "source_networks", "called_format", "calling_format", "inbound_country",
    "inbound_format", "called_prefix", "inbound_prefix", "inbound_calling_format", "called_from", "caller_id_in",
    "privacy", "t38", "t38_request", "t38_redundancy", "v17", "ecm", "codec", "encrypted_media", "trusts_identity",
    "t30_trace", "max_calls", "calls_per_second", "dedicated_to", "overflow", "enabled",
)  # fmt: skip
OPTIONAL = (
    "port", "username", "password", "realm", "ping_seconds", "from_user", "from_domain", "max_calls",
    "calls_per_second", "dedicated_to", "inbound_calling_format",
)  # fmt: skip
"""Columns that may be empty (None)."""


class InvalidTrunk(FaxplanError):
    """A trunk's values cannot be used."""

    error_id = "invalid-trunk"


def add(tx: Transaction, name: str, values: Mapping[str, Any]) -> int:
    """A new trunk (role admin); its id. `values`: of COLUMNS, at least host and inbound_country.

    Raises InvalidTrunk, InvalidGateway, InvalidNumber (an unknown country, or a prefix that would call for help) and
    ConstraintViolated.
    """
    names = _known(values)
    row = tx.one(
        f"""insert into trunks (name, {", ".join(names)}) values (%s, {", ".join(map(_placeholder, names))})
            returning id""",
        (name, *(values[column] for column in names)),
    )
    _check(tx, name)
    return int(row["id"])


def change(tx: Transaction, name: str, values: Mapping[str, Any]) -> None:
    """Changes some columns of a trunk (role admin). Raises NotFound, and what `add` raises."""
    names = _known(values)
    assignments = ", ".join(f"{column} = {_placeholder(column)}" for column in names)
    if not tx.execute(
        f"update trunks set {assignments} where name = %s", (*(values[column] for column in names), name)
    ):
        raise _unknown(name)
    _check(tx, name)


def remove(tx: Transaction, name: str) -> None:
    """Takes a trunk away (role admin). Raises NotFound, and ConstraintViolated while a route leads to it."""
    if not tx.execute("delete from trunks where name = %s", (name,)):
        raise _unknown(name)


def id_of(tx: Transaction, name: str) -> int:
    """Raises NotFound."""
    found = tx.value("select id from trunks where name = %s", (name,))
    if found is None:
        raise _unknown(name)
    return int(found)


def everyone(tx: Transaction) -> list[Row]:
    """Every column of every trunk but the password, in whose place stands `password_set`; dedicated_to: short name."""
    shown = [column for column in COLUMNS if column not in ("password", "source_networks", "dedicated_to")]
    return tx.rows(
        f"""select t.name, {", ".join(f"t.{column}" for column in shown)}, o.slug as dedicated_to,
                   t.source_networks::text[] as source_networks, t.password is not null as password_set
            from trunks t left join tenants o on o.id = t.dedicated_to order by t.name"""
    )


def parse_networks(texts: Iterable[str]) -> list[str]:
    """Networks and single addresses, each as a CIDR. Raises InvalidTrunk."""
    parsed = []
    for text in texts:
        try:
            parsed.append(str(ipaddress.ip_network(text)))
        except ValueError as error:
            raise InvalidTrunk(
                _("{text} is not a network: {error}. Write an address, or a network as 192.0.2.0/24.").format(
                    text=repr(text[:60]), error=error
                )
            ) from error
    return parsed


def networks_of(host: str) -> list[str]:
    """The addresses that a host has now, each as a CIDR; none where its name cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, ValueError):  # what is no name at all cannot even be asked for
        return []
    return sorted({str(ipaddress.ip_network(str(address[0]))) for *_, address in found})


def with_sources(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values of a new trunk; where it registers and nothing is said, its calls come from where the carrier is."""
    if not values.get("register") or values.get("source_networks"):
        return values
    # The carrier's address is the only thing that a caller cannot write.
    return {**values, "source_networks": networks_of(values["host"])}


def _known(values: Mapping[str, Any]) -> list[str]:
    if unknown := values.keys() - set(COLUMNS):
        raise ValueError(f"no such columns: {unknown}")
    return list(values)


def _placeholder(column: str) -> str:
    return "%s::cidr[]" if column == "source_networks" else "%s"


def _check(tx: Transaction, name: str) -> None:
    """Looks at the row as it would be committed: what the switch could not take up is undone."""
    row = tx.one(
        f"""select {", ".join(_GATEWAY_COLUMNS)}, inbound_country, called_prefix,
                   source_networks::text[] as source_networks
            from trunks where name = %s""",
        (name,),
    )
    numbers.check_country(row["inbound_country"])
    short_numbers.check_prefix(row["called_prefix"], row["inbound_country"])
    gateways.acl_xml(ipaddress.ip_network(network) for network in row["source_networks"])
    gateways.gateway_xml(Gateway(name=name, **{column: row[column] for column in _GATEWAY_COLUMNS}))


def _unknown(name: str) -> NotFound:
    return NotFound(_("There is no trunk {name}. `faxplan trunk list` shows all.").format(name=repr(name[:64])))
