"""What programs of those who run the installation send and get of trunks and routes."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from portal.api.shapes import Shape
from portal.api.shapes_installation import Country, Said, Slug
from portal.api.shapes_organisation import NO_NUL, AtOnce

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
