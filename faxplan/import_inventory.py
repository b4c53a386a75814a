"""What another fax server had, as far as Faxplan takes it over: people, mailboxes, numbers and contacts.

Each reader (import_ictfax, import_fusionpbx, import_hylafax) makes one Inventory of what it was given; import_entering
enters it. Nothing is dropped in silence: what a reader or the entering cannot take stands in `left`, with the reason.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from faxplan.contacts import Entry
from faxplan.errors import FaxplanError

_ADDRESS = re.compile(r"[^\s@,;<>\"'()\[\]]{1,64}@[^\s@,;<>\"'()\[\]]{1,189}")
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 40


class UnreadableExport(FaxplanError):
    """What was given is no export of the server that it is said to be of."""

    error_id = "unreadable-export"


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is not taken over: what it is, and why, or what to do instead."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Person:
    """Becomes a user with a mailbox of their own, named as the address (lower case)."""

    email: str
    name: str = ""
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """Becomes a group mailbox; readers: addresses of people."""

    name: str
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """Becomes a DID. number: as it was written there; mailbox: a Box's name, or a person's address."""

    number: str
    mailbox: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """Becomes a contact. entry.number: as it was written there. owner: a person's address, or None: shared."""

    entry: Entry
    owner: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Organisation:
    """Becomes a tenant, or part of one that is there. source: what it is called in the export. is_guess: nobody has
    said the slug; it was made of that name, and may be the one of somebody else's tenant.

    country: ISO 3166-1 alpha-2; time_zone: an IANA name; both None where the export does not say.
    """

    source: str
    slug: str
    name: str
    country: str | None = None
    time_zone: str | None = None
    people: tuple[Person, ...] = ()
    boxes: tuple[Box, ...] = ()
    numbers: tuple[Number, ...] = ()
    contacts: tuple[Known, ...] = ()
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that an export holds. system: what wrote it, for the audit, such as `ictfax`."""

    system: str
    organisations: tuple[Organisation, ...]
    left: tuple[Left, ...] = field(default=())


class People:
    """The people of an organisation, each once, by their address."""

    def __init__(self) -> None:
        self._found: dict[str, Person] = {}

    def add(self, email: str, name: str = "", *, administrator: bool = False) -> str:
        """Somebody, perhaps once more; the address by which they are known."""
        known = self._found.get(email, Person(email))
        self._found[email] = replace(known, name=known.name or name, administrator=known.administrator or administrator)
        return email

    def all(self) -> tuple[Person, ...]:
        """In the order in which they came."""
        return tuple(self._found.values())


def address(text: str | None) -> str | None:
    """An e-mail address, in lower case; None for what is none."""
    found = (text or "").strip().lower()
    return found if _ADDRESS.fullmatch(found) else None


def addresses(text: str | None) -> tuple[list[str], list[str]]:
    """Those in a list with commas, semicolons or spaces, each once, and what stands there and is none."""
    parts = [each for each in re.split(r"[,;\s]+", text or "") if each]
    return list(dict.fromkeys(filter(None, map(address, parts)))), [each for each in parts if address(each) is None]


def slug_of(name: str) -> str:
    """A tenant's short name for what was called `name`: of a host name its first label. Raises UnreadableExport."""
    first = name.partition(".")[0] if "." in name and " " not in name else name
    slug = _NO_SLUG.sub("-", first.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    if not slug:
        raise UnreadableExport(f"{name!r} makes no short name of a tenant. Say one: --tenant {name}=SHORT-NAME.")
    return slug


def once(names: Iterable[str]) -> list[str]:
    """The same names, those that were there before with a number behind them."""
    taken: set[str] = set()
    found = []
    for name in names:
        tried, count = name, 1
        while tried.casefold() in taken:
            count += 1
            tried = f"{name} ({count})"
        taken.add(tried.casefold())
        found.append(tried)
    return found
