"""Brands: how a tenant's pages and mails look and what they are called, and host names of its own.

Pictures are PNG files, which nothing here decodes: of what was uploaded only what a PNG needs is kept (`picture`).
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _

CHANGEABLE = ("name", "colour", "support", "legal", "mail_sender", "mail_reply_to")
LOGO, ICON = "logo", "icon"
PICTURES = (LOGO, ICON)
MOST_PICTURE_BYTES = 65536
LARGEST = {LOGO: (1024, 256), ICON: (512, 512)}
"""Width and height in pixels."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class InvalidSender(FaxplanError):
    """Mails cannot come from this address."""

    error_id = "invalid-mail-sender"


class InvalidPicture(FaxplanError):
    """It is no PNG, or too large."""

    error_id = "invalid-picture"


class InvalidHost(FaxplanError):
    """It is no host name that a tenant could have."""

    error_id = "invalid-host"


@dataclass(frozen=True, slots=True)
class Brand:
    """Columns as in schema.sql, but name, which is the tenant's where it has none of its own. version: of all of it."""

    name: str
    colour: str = ""
    support: str = ""
    legal: str = ""
    mail_sender: str = ""
    mail_reply_to: str = ""
    has_logo: bool = False
    has_icon: bool = False
    version: str = "0"


def of(tx: Transaction, tenant_id: int, tenant_name: str) -> Brand:
    """A tenant's."""
    row = tx.row(
        """select name, colour, support, legal, mail_sender, mail_reply_to, logo is not null as has_logo,
                  icon is not null as has_icon, changed_at from brands where tenant_id = %s""",
        (tenant_id,),
    )
    if row is None:
        return Brand(tenant_name)
    changed = row.pop("changed_at")
    version = hashlib.sha256(f"{tenant_id} {changed.isoformat()}".encode()).hexdigest()[:16]
    return Brand(**{**row, "name": row["name"] or tenant_name}, version=version)


def check_sender(tx: Transaction, tenant_id: int, address: str) -> None:
    """Whether a tenant's administrators may have mails come from this address: within a host name that an operator has
    confirmed. Else anybody's domain would be named as the sender, and our mail server would prove it. Raises
    InvalidSender."""
    domain = address.rpartition("@")[2].lower()
    confirmed = [row["host"] for row in hosts(tx, tenant_id) if row["confirmed_at"] is not None]
    if "@" in address and not any(domain == each or domain.endswith(f".{each}") for each in confirmed):
        raise InvalidSender(
            _(
                "Mails come from addresses at your organisation's own host names alone, once these are confirmed. "
                "Whoever runs this service can set another address."
            )
        )


def own(tx: Transaction, tenant_id: int) -> Mapping[str, Any]:
    """What a tenant has entered, by column of CHANGEABLE; empty where it has nothing."""
    return tx.row(f"select {', '.join(CHANGEABLE)} from brands where tenant_id = %s", (tenant_id,)) or {}


def change(tx: Transaction, tenant_id: int, values: Mapping[str, Any]) -> None:
    """Changes some of CHANGEABLE and PICTURES (None: away), at least one (role admin). Raises ConstraintViolated."""
    if unknown := values.keys() - {*CHANGEABLE, *PICTURES}:
        raise ValueError(f"no such columns, or not to be changed: {unknown}")
    columns = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    updates = ", ".join(f"{column} = excluded.{column}" for column in values)
    tx.execute(
        f"""insert into brands (tenant_id, {columns}, changed_at) values (%s, {places}, clock_timestamp())
            on conflict on constraint brands_pkey do update set {updates}, changed_at = excluded.changed_at""",
        (tenant_id, *values.values()),
    )


def stored_picture(tx: Transaction, tenant_id: int, which: str) -> bytes:
    """which: of PICTURES. Raises NotFound."""
    if which not in PICTURES:
        raise NotFound(_("There is no such picture."))
    found = tx.value(f"select {which} from brands where tenant_id = %s", (tenant_id,))
    if found is None:
        raise NotFound(_("There is no such picture."))
    return bytes(found)


def picture(content: bytes, which: str) -> bytes:
    """A PNG that was uploaded, with nothing but what shows it: no texts, no profiles, nothing behind its end.

    which: of PICTURES. Raises InvalidPicture.
    """
    if len(content) > MOST_PICTURE_BYTES:
        raise InvalidPicture(
            _("The picture has more than {size} kB. Save it with fewer colours.").format(
                size=MOST_PICTURE_BYTES // 1024
            )
        )
    kept = [_SIGNATURE]
    for number, (kind, data, whole) in enumerate(_chunks(content)):
        if (kind == b"IHDR") != (number == 0):
            raise _no_png()
        if kind == b"IHDR":
            _check_size(data, which)
        if kind in _KEPT:
            kept.append(whole)
        elif not kind[0] & 0x20:
            # What is not known and yet needed to show it.
            raise _no_png()
        if kind == b"IEND":
            return b"".join(kept)
    raise _no_png()


def _chunks(content: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Kind, data, and all of each (PNG 3rd ed., 5.3). Raises InvalidPicture."""
    if not content.startswith(_SIGNATURE):
        raise _no_png()
    found, at = [], len(_SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 12 + length
        whole = content[at:end]
        kind, data = whole[4:8], whole[8:-4]
        if end > len(content) or zlib.crc32(whole[4:-4]) != struct.unpack(">I", whole[-4:])[0]:
            raise _no_png()
        found.append((kind, data, whole))
        if kind == b"IEND":
            break
        at = end
    return found


def _check_size(header: bytes, which: str) -> None:
    if len(header) != 13:
        raise _no_png()
    width, height = struct.unpack_from(">II", header)
    most_wide, most_high = LARGEST[which]
    if not (0 < width <= most_wide and 0 < height <= most_high):
        raise InvalidPicture(
            _(
                "The picture has {width} x {height} pixels. Make it at most {most_wide} wide and {most_high} high."
            ).format(width=width, height=height, most_wide=most_wide, most_high=most_high)
        )


def _no_png() -> InvalidPicture:
    return InvalidPicture(_("This is no whole PNG file. Save the picture as PNG."))


# --------------------------------------------------------------------------------------------------------------- hosts


def tenant_of_host(tx: Transaction, host: str) -> int | None:
    """Whose host name this is, if it is confirmed (across tenants)."""
    found: int | None = tx.value(
        "select tenant_id from brand_hosts where host = %s and confirmed_at is not null", (host,)
    )
    return found


def hosts(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's: host, confirmed_at (None: not yet), created_at; by name."""
    return tx.rows(
        "select host, confirmed_at, created_at from brand_hosts where tenant_id = %s order by host", (tenant_id,)
    )


def add_host(tx: Transaction, tenant_id: int, host: str, portal_domain: str) -> str:
    """Asks for a host name (role admin), which is one once an operator has confirmed it; as it was entered.

    Raises InvalidHost, also for one within the portal's own domain, and ConstraintViolated.
    """
    name = host.strip().rstrip(".").lower()
    if not _HOST.fullmatch(name) or len(name) > 253:
        raise InvalidHost(_("{host} is no host name. Write it as fax.example.com.").format(host=repr(host[:80])))
    if name == portal_domain or name.endswith(f".{portal_domain}"):
        raise InvalidHost(
            _("Names below {portal_domain} are not yours to choose. Name a host of your own domain.").format(
                portal_domain=portal_domain
            )
        )
    tx.execute("insert into brand_hosts (tenant_id, host) values (%s, %s)", (tenant_id, name))
    return name


def confirm_host(tx: Transaction, tenant_id: int, host: str) -> None:
    """From now on it is the tenant's (role admin). Raises NotFound, and ConstraintViolated where it is another's."""
    if not tx.execute(
        "update brand_hosts set confirmed_at = coalesce(confirmed_at, now()) where tenant_id = %s and host = %s",
        (tenant_id, host),
    ):
        raise _no_host(host)


def remove_host(tx: Transaction, tenant_id: int, host: str) -> None:
    """(Role admin.) Raises NotFound."""
    if not tx.execute("delete from brand_hosts where tenant_id = %s and host = %s", (tenant_id, host)):
        raise _no_host(host)


def _no_host(host: str) -> NotFound:
    return NotFound(_("The tenant has no host name {host}.").format(host=repr(host[:253])))
