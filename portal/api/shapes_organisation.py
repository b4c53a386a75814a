"""What programs of an organisation's administrators send and get: mailboxes, numbers, cover pages, do-not-fax list."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from faxplan import cover_words, do_not_fax
from portal.api.call import LONGEST_NAMED_CURSOR
from portal.api.shapes import LIST_SIZE, MOST_LISTED, Id, Shape

NO_NUL = r"^[^\x00]*$"
Email = Annotated[str, Field(min_length=1, max_length=254, pattern=NO_NUL, examples=["ann@example.com"])]
Ident = Annotated[str, Field(max_length=20, pattern=r"^[+0-9 ]*$")]
AtOnce = Annotated[int, Field(ge=1, le=2**31 - 1)]
Refusal = Literal["decline", "busy"]


class Named(Shape):
    """Which of a list that has an order by name or number."""

    text: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = Field(
        "", description="That a name or a number has in it."
    )
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = LIST_SIZE
    cursor: Annotated[str, Field(max_length=LONGEST_NAMED_CURSOR)] | None = None


# ------------------------------------------------------------------------------------------------------------ mailboxes


class NewMailbox(Shape):
    """A mailbox for a group."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]


class OrganisationMailbox(Shape):
    """One of the organisation's."""

    id: int
    name: str
    kind: Literal["personal", "group"]
    mail: str = Field(description="How what comes in is mailed: `off`, `notice`, or with its pages.")
    numbers: list[str] = Field(description="That lead to it.")
    readers: int
    readers_with_key: int = Field(description="Of them, those who open what comes in now.")
    has_key: bool = Field(description="False: what comes for it is laid where one is.")


class OrganisationMailboxes(Shape):
    """Some of them, by name."""

    mailboxes: list[OrganisationMailbox]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class Reader(Shape):
    """Who reads a mailbox."""

    id: int
    email: str
    name: str
    enabled: bool
    has_key: bool = Field(description="Whether they open what comes in now.")


class MailboxWithReaders(OrganisationMailbox):
    """A mailbox, and who reads it."""

    members: list[Reader]


class NewReader(Shape):
    """Somebody of the organisation's."""

    email: Email


# -------------------------------------------------------------------------------------------------------------- numbers


class OrganisationNumber(Shape):
    """A number of the organisation's."""

    number: str = Field(description="E.164")
    name: str
    mailbox: str = Field(description="Where its faxes go, by its name.")
    mailbox_id: int
    receives: bool = Field(description="False: who reads that mailbox may receive nothing, and calls are refused.")
    enabled: bool


class OrganisationNumbers(Shape):
    """Some of them, by number."""

    numbers: list[OrganisationNumber]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class Caller(Shape):
    """What becomes of some callers."""

    caller: Annotated[str, Field(min_length=1, max_length=30, pattern=NO_NUL)] = Field(
        description="How their numbers begin, as `+4930`; or `anonymous`.", examples=["+4930"]
    )
    rule: Literal["allow", "block"] = Field(description="`allow`: they are let in, and who is not listed so is not.")


class NumberSettings(Shape):
    """All about a number."""

    number: str = Field(description="E.164")
    name: str
    mailbox: str
    laid_in: str | None = Field(
        description="Where its faxes are laid now, by the mailbox's name: where a key is. None: calls are refused."
    )
    receives: bool
    enabled: bool
    station_ident: str
    max_calls: int | None
    refusal: Refusal
    ecm: bool
    t38: bool
    opt_out: bool = Field(description="Who faxes to it goes on the do-not-fax list.")
    callers: list[Caller]
    refused_calls: int


class ChangeNumber(Shape):
    """What is not named stays."""

    name: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    mailbox: Id | None = Field(None, description="Where its faxes go, by its id.")
    station_ident: Ident | None = None
    max_calls: AtOnce | None = Field(None, description="At once. null: no limit of its own.")
    refusal: Refusal | None = Field(None, description="What callers hear who are not let in.")
    ecm: bool | None = None
    t38: bool | None = None
    enabled: bool | None = None
    opt_out: bool | None = Field(None, description="Who faxes to it goes on the do-not-fax list.")


# ---------------------------------------------------------------------------------------------------------- cover pages


class CoverText(Shape):
    """What a cover page says: text with fields, such as `{{ message }}` ([cover pages](covers.md))."""

    body: Annotated[str, Field(min_length=1, max_length=cover_words.LONGEST)]
    footer: Annotated[str, Field(max_length=600)] = ""


class NewCoverPage(CoverText):
    """All of a cover page."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    is_standard: bool | None = Field(None, description="Chosen unless somebody chooses another. null: as it is.")


class CoverPageText(Shape):
    """A cover page of the organisation, and what it says."""

    id: int
    name: str
    body: str
    footer: str
    is_standard: bool


class CoverPageTexts(Shape):
    """All of them, by name."""

    cover_pages: list[CoverPageText]


# ----------------------------------------------------------------------------------------------------------- do not fax


class NewEntry(Shape):
    """A number to which nobody of the organisation sends."""

    number: Annotated[str, Field(min_length=1, max_length=60, pattern=NO_NUL)] = Field(examples=["+4930123456"])
    reason: Annotated[str, Field(max_length=do_not_fax.LONGEST_REASON, pattern=NO_NUL)] = Field(
        "", description="Who tries to fax it reads this."
    )


class Entry(Shape):
    """One that stands on the do-not-fax list."""

    number: str = Field(description="E.164")
    reason: str
    added_by: str
    added_at: datetime


class Entries(Shape):
    """Some of them, by number."""

    entries: list[Entry]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")
