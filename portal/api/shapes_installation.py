"""What programs of those who run the installation send and get: organisations, their numbers, trunks, routes."""

from typing import Annotated, Literal

from pydantic import Field

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
