"""The demonstration: two organisations that do not exist, a trunk that leads back to us, and a document to fax.

The names are those of the shipped document. Its numbers are reserved for fiction (NANPA: 555-0100 to 555-0199).
"""

import io
import secrets
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from faxplan import brands, dids, enrolment, routes, tenants, trunk_directory, trunks, user_keys, users
from faxplan.db import Database
from faxplan.enrolment import Secret
from faxplan.files import write_durably
from faxplan.tenants import Tenant
from faxplan.users import User

DOCUMENT = Path(__file__).parent / "data" / "demo-fax.pdf"
TRUNK = "carrier"
NODE = "demo"


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two organisations, its person, and the DID of that person's mailbox."""

    tenant: Tenant
    user: User
    did: str


@dataclass(frozen=True, slots=True)
class Demo:
    """Who faxes whom."""

    sender: Party
    receiver: Party
    made_now: bool


@dataclass(frozen=True, slots=True)
class _Company:
    slug: str
    name: str
    email: str
    person: str
    did: str
    colour: str
    support: str
    legal: str
    initials: str
    operator: bool = False


_SENDER = _Company(
    "harrow-pike", "Harrow & Pike Boatworks", "edmund@harrow-pike.example", "Edmund Pike", "+12075550143",
    "#0b5d4b", "The office on the quay, ext. 12", "Harrow & Pike Boatworks, 4 Chandler Quay, Camden, Maine.", "HP",
)  # fmt: skip
_RECEIVER = _Company(
    "calder-marine", "Calder Marine Supply Inc.", "ruth@calder-marine.example", "Ruth Okafor", "+19785550126",
    "#9a3412", "help@calder-marine.example", "Calder Marine Supply Inc., 77 Bower Street, Gloucester, Mass.", "CM",
    operator=True,
)  # fmt: skip
DIDS = (_SENDER.did, _RECEIVER.did)


def ensure(admin: Database, *, carrier_port: int) -> Demo:
    """Makes tenants, users, mailboxes, DIDs, trunk and route, or finds them; lets the trunk lead to that port."""
    with admin.across_tenants() as tx:
        known = {each.slug for each in tenants.everyone(tx)}
        if TRUNK not in {gateway.name for gateway in trunks.gateways(tx)}:
            values = {"host": "127.0.0.1", "inbound_country": "US", "source_networks": ["127.0.0.1/32"]}
            routes.add(tx, "+", trunk_directory.add(tx, TRUNK, values))
        trunk_directory.change(tx, TRUNK, {"host": "127.0.0.1", "port": carrier_port})
    sender, receiver = (_party(admin, company, made=company.slug not in known) for company in (_SENDER, _RECEIVER))
    return Demo(sender, receiver, made_now=_RECEIVER.slug not in known)


def _party(admin: Database, company: _Company, *, made: bool) -> Party:
    if made:
        with admin.across_tenants() as tx:
            tenant = tenants.create(
                tx,
                slug=company.slug,
                name=company.name,
                country="US",
                time_zone=local_time_zone(),
                station_ident=company.did,
            )
            # In one transaction with its people: a start that was killed in between would leave a tenant without any.
            tx.enter_tenant(tenant.id)
            user = users.create(tx, tenant.id, email=company.email, name=company.person, role="administrator")
            if company.operator:
                users.change(tx, tenant.id, user.id, {"operator": True})
                user = users.known(tx, tenant.id, user.id)
            if user.mailbox_id is not None:
                dids.assign(tx, tenant.id, company.did, user.mailbox_id)
            brands.change(
                tx, tenant.id,
                {"colour": company.colour, "support": company.support, "legal": company.legal, "icon": _icon(company)},
            )  # fmt: skip
            return Party(tenant, user, company.did)
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, company.slug)
    return Party(tenant, users.find(admin, f"{company.email}/{company.slug}"), company.did)


def _icon(company: _Company) -> bytes:
    """The initials, on the brand's colour."""
    image = Image.new("RGB", (64, 64), company.colour)
    draw = ImageDraw.Draw(image)
    draw.text((32, 32), company.initials, fill="white", anchor="mm", font=ImageFont.load_default(32))
    file = io.BytesIO()
    image.save(file, "PNG")
    return brands.picture(file.getvalue(), brands.ICON)


def enrol(db: Database, party: Party, passwords: Path) -> None:
    """Gives a party's user a key, and a password, which is put into a file of that folder (0600); once.

    Role portal. The file comes first: a start that is killed in between must not leave a key without its password.
    """
    with db.tenant(party.tenant.id) as tx:
        if user_keys.of_user(tx, party.tenant.id, party.user.id):
            return
    password = secrets.token_urlsafe(15)
    write_durably(passwords / party.user.email, f"{password}\n".encode())
    enrolment.enrol(db, party.user, password)


def secret(party: Party, passwords: Path) -> Secret:
    """What opens the key of a party's user. Raises OSError where somebody has removed its file."""
    return Secret((passwords / party.user.email).read_text(encoding="utf-8").strip())


def local_time_zone() -> str:
    """This machine's time zone, so that the demonstration's times are those on the wall; UTC where it has none."""
    zone = Path("/etc/localtime").resolve()
    _, found, name = str(zone).partition("/zoneinfo/")
    return name if found and "/" in name else "Etc/UTC"
