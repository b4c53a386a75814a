"""What programs get of whose key it is: numbers, mailboxes, cover pages and quotas."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from portal.api.shapes import Shape


class Account(Shape):
    """Whose API key this is."""

    organisation: str
    user: str
    email: str
    key: str = Field(description="What the API key is called.")
    scopes: list[str]
    expires_at: datetime | None


class OwnNumber(Shape):
    """A number of the organisation's that the user may call as."""

    number: str
    is_standard: bool


class Numbers(Shape):
    """All of them."""

    numbers: list[OwnNumber]


class Mailbox(Shape):
    """One that the user reads."""

    id: int
    name: str
    unread: int


class Mailboxes(Shape):
    """All of them."""

    mailboxes: list[Mailbox]


class CoverPage(Shape):
    """A cover page of the organisation."""

    id: int
    name: str
    is_standard: bool


class CoverPages(Shape):
    """All of them."""

    cover_pages: list[CoverPage]


class Quota(Shape):
    """Pages that may be sent in a period."""

    of: Literal["organisation", "user"]
    period: Literal["day", "month"]
    pages: int
    used: int
    reserved: int = Field(description="For faxes that have not ended.")
    room: int
    begins_anew_at: datetime


class Quotas(Shape):
    """All that count for the user; none: nothing is limited."""

    quotas: list[Quota]
