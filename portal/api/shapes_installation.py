"""What programs of those who run the installation send and get: organisations, their numbers, trunks, routes."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from faxplan import did_batches
from faxplan.billing_codes import BillingCodes
from faxplan.permissions import Permission
from portal.api.shapes import Shape
from portal.api.shapes_organisation import NO_NUL, AtOnce, Email, Ident, Named, Refusal

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", max_length=40, examples=["acme"])]
PersonRole = Literal["user", "administrator"]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
OrganisationName = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
HeaderName = Annotated[str, Field(max_length=50, pattern=NO_NUL)]
Zone = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL, examples=["Europe/Berlin"])]
Said = Annotated[str, Field(max_length=255, pattern=NO_NUL)]
Number = Annotated[str, Field(min_length=1, max_length=60, pattern=NO_NUL, examples=["+4930123456"])]
MailboxName = Annotated[str, Field(min_length=1, max_length=254, pattern=NO_NUL)]


# -------------------------------------------------------------------------------------------------------- organisations


class NewTenant(Shape):
    """An organisation to be made. Short name and country stay as they are."""

    slug: Slug = Field(description="The short name, which is in its address.")
    name: OrganisationName
    country: Country = Field(description="National numbers are read in it.")
    time_zone: Zone
    station_ident: Ident = ""
    header_name: HeaderName = Field("", description="Empty: its name.")


class ChangeTenant(Shape):
    """What is not named stays."""

    name: OrganisationName | None = None
    time_zone: Zone | None = None
    station_ident: Ident | None = None
    header_name: HeaderName | None = None
    header_line: bool | None = None
    page_n_of_m: bool | None = None
    max_attempts: Annotated[int, Field(ge=1, le=20)] | None = None
    max_calls: AtOnce | None = Field(None, description="At once. null: no limit of its own.")
    calls_per_hour: AtOnce | None = Field(None, description="That go out. null: no limit.")
    pages_per_hour: AtOnce | None = Field(None, description="That go out. null: no limit.")
    wait_hours: Annotated[int, Field(ge=1, le=8760)] | None = Field(
        None, description="That a fax may wait. null: as the installation has it."
    )
    redial_limits: Literal["none", "us"] | None = None
    redial_unknown: bool | None = None
    sandbox_numbers: bool | None = None
    permissions: Annotated[list[Permission], Field(max_length=len(Permission))] | None = Field(
        None, description="What its people may at most."
    )
    billing_codes: BillingCodes | None = None
    enabled: bool | None = Field(None, description="false: nothing is dialled, and calls to its numbers get 404.")


class Tenant(Shape):
    """An organisation."""

    slug: str
    name: str
    country: str
    time_zone: str
    station_ident: str
    header_name: str
    header_line: bool
    page_n_of_m: bool
    max_attempts: int
    max_calls: int | None
    calls_per_hour: int | None
    pages_per_hour: int | None
    wait_hours: int | None
    redial_limits: Literal["none", "us"]
    redial_unknown: bool
    sandbox_numbers: bool
    permissions: list[Permission]
    billing_codes: BillingCodes
    enabled: bool


class ListedTenant(Shape):
    """An organisation of a list."""

    slug: str
    name: str
    country: str
    enabled: bool
    people: int
    numbers: int


class Tenants(Shape):
    """Some of them, by short name."""

    tenants: list[ListedTenant]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class NewPerson(Shape):
    """Somebody of an organisation; its first administrator adds everybody else."""

    email: Email
    name: Annotated[str, Field(max_length=100, pattern=NO_NUL)] = ""
    role: PersonRole = "administrator"


class ChangePerson(Shape):
    """What is not named stays."""

    name: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    role: PersonRole | None = None
    enabled: bool | None = Field(None, description="false: they are logged out, and do not come in any more.")


class Person(Shape):
    """Somebody of an organisation."""

    id: int
    email: str
    name: str
    role: PersonRole
    operator: bool = Field(description="Whether they run the installation as well.")
    enabled: bool


class People(Shape):
    """All of an organisation, by address."""

    people: list[Person]


class Invitation(Shape):
    """A link by which somebody chooses a password. Who has it acts as they do: it is for them alone, and works once."""

    link: str
    days: int = Field(description="So long it works.")


# -------------------------------------------------------------------------------------------------------------- numbers


class NumberFilters(Named):
    """Which numbers. text: how they begin."""

    tenant: Annotated[str, Field(max_length=40, pattern=NO_NUL)] = Field("", description="Of one, by its short name.")


class NewNumber(Shape):
    """A number for an organisation's mailbox."""

    number: Number = Field(description="`+4930123456`, or as it is dialled in the organisation's country.")
    tenant: Slug
    mailbox: MailboxName = Field(description="Where its faxes go, by its name; a person's own has their address.")
    name: Annotated[str, Field(max_length=100, pattern=NO_NUL)] = Field("", description="What people call it.")


class NumberRange(Shape):
    """Numbers one behind the other."""

    first: Number
    last: Number
    tenant: Slug
    mailbox: MailboxName


class NumberBatch(Shape):
    """Several numbers, as a list or a range: all of them are entered, or none."""

    numbers: Annotated[list[NewNumber], Field(max_length=did_batches.MOST)] = Field(default_factory=list)
    range: NumberRange | None = None
    only_try: bool = Field(default=False, description="Say what would become of each, and enter none.")


class TriedNumber(Shape):
    """What became of an entry, or would."""

    written: str
    number: str = Field(description="E.164; empty: it is none.")
    tenant: str
    mailbox: str
    name: str
    wrong: str = Field(description="Why it cannot be entered; empty: it can.")


class TriedNumbers(Shape):
    """All of them, in their order."""

    entered: int
    numbers: list[TriedNumber]


class InstallationNumber(Shape):
    """Whose a number is."""

    number: str = Field(description="E.164")
    tenant: str
    mailbox: str
    name: str
    enabled: bool = Field(description="It and its organisation.")


class InstallationNumbers(Shape):
    """Some of them, by number."""

    numbers: list[InstallationNumber]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class InstallationNumberSettings(Shape):
    """All about a number."""

    number: str = Field(description="E.164")
    tenant: str
    mailbox: str
    name: str
    station_ident: str
    max_calls: int | None
    refusal: Refusal
    ecm: bool
    t38: bool
    enabled: bool
    receives: bool


class ChangeInstallationNumber(Shape):
    """What is not named stays."""

    mailbox: MailboxName | None = Field(None, description="Where its faxes go, by its name.")
    name: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    station_ident: Ident | None = None
    max_calls: AtOnce | None = Field(None, description="At once. null: no limit of its own.")
    refusal: Refusal | None = None
    ecm: bool | None = None
    t38: bool | None = None
    enabled: bool | None = None


# --------------------------------------------------------------------------------------------------------------- trunks

Written = Literal["e164", "e164-no-plus", "national"]
AnyWritten = Literal["any", "e164", "e164-no-plus", "national"]
Prefix = Annotated[str, Field(pattern=r"^[0-9*#]{0,10}$", max_length=10)]
Port = Annotated[int, Field(ge=1, le=65535)]
Ping = Annotated[int, Field(ge=5, le=3600)]
Rate = Annotated[float, Field(ge=0.001, le=1000)]
Networks = Annotated[list[Annotated[str, Field(max_length=60, pattern=NO_NUL)]], Field(max_length=200)]
CalledFrom = Annotated[list[Literal["request", "to", "diversion", "history-info"]], Field(min_length=1, max_length=4)]
Secret = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Host = Annotated[str, Field(min_length=1, max_length=255, pattern=NO_NUL)]


class ChangeTrunk(Shape):
    """What is not named stays. null takes away what may be missing."""

    host: Host | None = Field(None, description="The carrier's name or address.")
    port: Port | None = Field(None, description="null: 5060, or what the DNS says.")
    transport: Literal["udp", "tcp", "tls"] | None = None
    registers: bool | None = Field(None, alias="register", description="Needs username and password.")
    username: Said | None = None
    password: Secret | None = Field(None, description="It never comes back out. null: there is none any more.")
    realm: Said | None = None
    ping_seconds: Ping | None = Field(None, description="Between OPTIONS. null: none are sent.")
    from_user: Said | None = None
    from_domain: Said | None = None
    source_networks: Networks | None = Field(None, description="Whence its calls come.", examples=[["192.0.2.0/24"]])
    called_format: Written | None = None
    calling_format: Written | None = None
    called_prefix: Prefix | None = None
    caller_id_in: Literal["pai", "rpid", "from"] | None = None
    privacy: bool | None = None
    inbound_country: Country | None = Field(None, description="Whose national numbers the carrier writes.")
    inbound_format: AnyWritten | None = None
    inbound_calling_format: AnyWritten | None = Field(None, description="null: as called ones.")
    inbound_prefix: Prefix | None = None
    called_from: CalledFrom | None = None
    trusts_identity: bool | None = None
    t38: bool | None = None
    t38_request: Literal["receiver", "sender", "nobody"] | None = None
    t38_redundancy: Annotated[int, Field(ge=0, le=3)] | None = None
    v17: bool | None = None
    ecm: bool | None = None
    codec: Literal["any", "pcmu", "pcma"] | None = None
    encrypted_media: bool | None = Field(None, description="SRTP, or no call. Needs tls, and no T.38.")
    t30_trace: Literal["off", "failed", "all"] | None = None
    max_calls: AtOnce | None = Field(None, description="At once, in both directions. null: no limit.")
    calls_per_second: Rate | None = Field(None, description="null: no limit.")
    dedicated_to: Slug | None = Field(None, description="For one organisation alone, by its short name. null: for all.")
    overflow: bool | None = None
    enabled: bool | None = None


class NewTrunk(ChangeTrunk):
    """A trunk to be made: what is not named is as shipped."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", max_length=63)] = Field(
        description="It becomes a gateway of this name, and stays as it is."
    )
    host: Host = Field(description="The carrier's name or address.")
    inbound_country: Country = Field(description="Whose national numbers the carrier writes.")


class Trunk(Shape):
    """A trunk, and how it does."""

    name: str
    host: str
    port: int | None
    transport: Literal["udp", "tcp", "tls"]
    registers: bool = Field(alias="register")
    username: str | None
    password_set: bool
    realm: str | None
    ping_seconds: int | None
    from_user: str | None
    from_domain: str | None
    source_networks: list[str]
    called_format: Written
    calling_format: Written
    called_prefix: str
    caller_id_in: Literal["pai", "rpid", "from"]
    privacy: bool
    inbound_country: str
    inbound_format: AnyWritten
    inbound_calling_format: AnyWritten | None
    inbound_prefix: str
    called_from: list[str]
    trusts_identity: bool
    t38: bool
    t38_request: Literal["receiver", "sender", "nobody"]
    t38_redundancy: int
    v17: bool
    ecm: bool
    codec: Literal["any", "pcmu", "pcma"]
    encrypted_media: bool
    t30_trace: Literal["off", "failed", "all"]
    max_calls: int | None
    calls_per_second: float | None
    dedicated_to: str | None
    overflow: bool
    enabled: bool
    state: Literal["off", "rests", "unreachable", "on-trial", "failing", "works", "unused"]
    rests_seconds: int = Field(description="Until it is tried again; 0: it does not rest.")
    failures: int = Field(description="In a row.")
    calls: int = Field(description="That run now, in both directions.")
    last_success_at: datetime | None


class Trunks(Shape):
    """All of them, by name."""

    trunks: list[Trunk]


# --------------------------------------------------------------------------------------------------------------- routes

RoutePrefix = Annotated[str, Field(pattern=r"^\+[0-9XZN]{0,15}$", max_length=16, examples=["+49"])]
TrunkName = Annotated[str, Field(min_length=1, max_length=63, pattern=NO_NUL)]
Cost = Annotated[
    Decimal, Field(ge=0, max_digits=10, decimal_places=6),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9]{1,6})?$", "examples": ["0.012"]}),
]  # fmt: skip


class WhichRoute(Shape):
    """A route, by what it was entered with."""

    prefix: RoutePrefix = Field(description="In an address, + is written %2B.")
    trunk: TrunkName | None = Field(None, description="None: such numbers are barred.")
    only_for: Slug | None = Field(None, description="Of one organisation alone, by its short name. None: of all.")


class ChangeRoute(Shape):
    """What is not named stays."""

    position: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    weight: Annotated[int, Field(ge=1, le=1000)] | None = None
    cost: Cost | None = Field(None, description="Of a minute, for records. null: none is known.")
    in_clear: bool | None = None
    enabled: bool | None = None


class NewRoute(WhichRoute):
    """Numbers that begin so go through a trunk, or are barred."""

    prefix: RoutePrefix = Field(
        description="+ alone: all. X, Z and N stand for 0 to 9, 1 to 9, 2 to 9. The longest that fits wins."
    )
    position: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(100, description="The lowest comes first.")
    weight: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Its share among trunks of one position.")
    cost: Cost | None = Field(None, description="Of a minute, for records.")
    in_clear: bool = Field(
        default=False, description="May take in clear what a trunk with encrypted media takes as well."
    )
    enabled: bool = True


class Route(Shape):
    """A route."""

    prefix: str
    trunk: str | None = Field(description="None: such numbers are barred.")
    only_for: str | None
    position: int
    weight: int
    cost: Decimal | None
    in_clear: bool
    enabled: bool


class Routes(Shape):
    """All of them, as they are tried for a beginning."""

    routes: list[Route]
