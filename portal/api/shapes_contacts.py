"""What programs send and get of contacts and their groups."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from portal.api.shapes import LIST_SIZE, MOST_LISTED, Shape

MOST_AT_ONCE = 200
"""Contacts that are put into a group at a time."""
LONGEST_CURSOR = 1500
"""It holds the beginning of a name."""
Id = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Whose(StrEnum):
    """Contacts that a user sees: all of them, their own, those that the organisation shares."""

    ALL = "all"
    MINE = "mine"
    SHARED = "shared"


class ContactFilters(Shape):
    """Which contacts."""

    text: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = Field(
        "", description="Beginnings of words of name and company, or of the number."
    )
    scope: Whose = Whose.ALL
    group: Id | None = Field(None, description="Those in it.")
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = LIST_SIZE
    cursor: Annotated[str, Field(max_length=LONGEST_CURSOR)] | None = None


class NewContact(Shape):
    """What is written of a contact. A name or a company is needed."""

    number: Annotated[str, Field(min_length=1, max_length=60)] = Field(
        description="The fax number: `+4930123456`, or as it is dialled in the organisation's country.",
        examples=["+4930123456"],
    )
    name: Annotated[str, Field(max_length=200)] = ""
    company: Annotated[str, Field(max_length=200)] = ""
    email: Annotated[str, Field(max_length=254)] = ""
    note: Annotated[str, Field(max_length=2000)] = ""
    shared: bool = Field(
        default=False, description="The whole organisation sees it; whoever made it and administrators change it."
    )


class Contact(Shape):
    """One that the user sees."""

    id: int
    number: str = Field(description="E.164")
    name: str
    company: str
    email: str
    note: str
    shared: bool
    may_change: bool = Field(description="Whether the user may change and delete it.")
    created_at: datetime
    changed_at: datetime


class ContactList(Shape):
    """Some of them, by name."""

    contacts: list[Contact]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class GroupName(Shape):
    """What a group is called."""

    name: Annotated[str, Field(min_length=1, max_length=100)]


class NewGroup(GroupName):
    """A group to be made."""

    shared: bool = Field(default=False, description="The whole organisation sees it. It takes shared contacts only.")


class Group(Shape):
    """A group of contacts. Who is in it: `GET /contacts?group=`."""

    id: int
    name: str
    shared: bool
    contacts: int = Field(description="How many are in it.")
    may_change: bool = Field(description="Whether the user may change and delete it.")


class Groups(Shape):
    """All that the user sees, by name."""

    groups: list[Group]


class Members(Shape):
    """Contacts, by their ids."""

    contacts: Annotated[list[Id], Field(min_length=1, max_length=MOST_AT_ONCE)]


class PutIn(Shape):
    """What became of it."""

    added: int = Field(description="How many were not in the group before. Those that the user does not see are not.")
