"""What an ICTFax had, from `mysqldump --xml` of its database (ICTCore's schema, db/database.sql).

usr: people; account of type did: numbers, with the user who has them in created_by; contact, contact_group and
contact_link: contacts. Passwords are MD5 there and open no key here: everybody gets an invitation. ICTFax has no
tenants: all of it is one organisation.
"""

import xml.etree.ElementTree as Xml
from collections.abc import Iterator, Mapping
from pathlib import Path

from faxplan import import_inventory
from faxplan.contacts import Entry
from faxplan.import_inventory import Box, Inventory, Known, Left, Number, Organisation, People, UnreadableExport

SYSTEM = "ictfax"
NEEDED = ("usr", "account")
TABLES = ("usr", "user_role", "role", "account", "contact", "contact_group", "contact_link", "provider")
COMMAND = (
    f"install -m 0600 /dev/null ictfax.xml && mysqldump --xml --no-create-info ictfax {' '.join(TABLES)} > ictfax.xml"
)
"""For root's eyes alone: MD5 of people's passwords is in it, and those of trunks as they are."""
_ADMINISTRATORS = ("admin", "administrator")

_Row = Mapping[str, str]
_Tables = Mapping[str, list[_Row]]


def read(path: Path, *, slug: str, name: str) -> Inventory:
    """Of a file that COMMAND wrote. Raises UnreadableExport and OSError."""
    tables = _tables(path)
    left: list[Left] = []
    people = People()
    emails = _people(tables, people, left)
    boxes, numbers = _numbers(tables, people, emails, left)
    contacts = _contacts(tables, emails, left)
    left.extend(
        Left(
            f"trunk {row.get('name', '')} at {row.get('host', '')}",
            "Trunks are set up and tried here one by one: `faxplan trunk add`.",
        )
        for row in tables["provider"]
    )
    organisation = Organisation(
        name, slug, name, people=people.all(), boxes=boxes, numbers=numbers, contacts=tuple(contacts)
    )
    return Inventory(SYSTEM, (organisation,), tuple(left))


def _tables(path: Path) -> _Tables:
    found: dict[str, list[_Row]] = {name: [] for name in TABLES}
    seen = set()
    try:
        for table, rows in _read(path):
            seen.add(table)
            if table in found:
                found[table].extend(rows)
    except (Xml.ParseError, LookupError, ValueError) as error:
        # The last two: an encoding that is unknown, or that expat does not take.
        raise UnreadableExport(f"{path} is no XML of mysqldump ({error}). Make it with: {COMMAND}") from None
    missing = [name for name in NEEDED if name not in seen]
    if missing:
        raise UnreadableExport(f"{path} lacks {', '.join(missing)} of ICTFax's database. Make it with: {COMMAND}")
    return found


def _read(path: Path) -> Iterator[tuple[str, list[_Row]]]:
    """Each table_data: its name and its rows; a field that is null is left out."""
    for _event, element in Xml.iterparse(path):  # noqa: S314 - the administrator's own file; expat bounds expansion
        if element.tag == "table_data":
            rows: list[_Row] = [
                {field.get("name", ""): field.text for field in row.iter("field") if field.text is not None}
                for row in element.iter("row")
            ]
            yield element.get("name", ""), rows
            element.clear()


def _people(tables: _Tables, people: People, left: list[Left]) -> dict[str, str]:
    """The address of each user, by usr_id."""
    roles = {row.get("role_id"): row.get("name", "").lower() for row in tables["role"]}
    administrators = {
        row.get("usr_id") for row in tables["user_role"] if roles.get(row.get("role_id")) in _ADMINISTRATORS
    }
    emails: dict[str, str] = {}
    for row in tables["usr"]:
        who, email = row.get("usr_id", ""), import_inventory.address(row.get("email"))
        shown = f"user {row.get('username') or row.get('email') or who}"
        if row.get("active", "1") == "0":
            left.append(Left(shown, "Is switched off there."))
        elif email is None:
            left.append(Left(shown, "Has no e-mail address, by which people log in here."))
        else:
            emails[who] = people.add(email, _full_name(row), administrator=who in administrators)
    return emails


def _full_name(row: _Row) -> str:
    return " ".join(" ".join((row.get("first_name", ""), row.get("last_name", ""))).split())


def _numbers(
    tables: _Tables, people: People, emails: Mapping[str, str], left: list[Left]
) -> tuple[tuple[Box, ...], tuple[Number, ...]]:
    boxes, numbers = [], []
    for row in tables["account"]:
        if row.get("type") != "did":
            continue
        number = row.get("phone") or row.get("username") or ""
        if row.get("active", "1") == "0":
            left.append(Left(f"number {number}", "Is switched off there."))
            continue
        # Received faxes are mailed to the account's address; in the portal its user has them.
        readers = list(dict.fromkeys(filter(None, (emails.get(row.get("created_by", "")),
                                                   import_inventory.address(row.get("email"))))))  # fmt: skip
        if not readers:
            left.append(Left(f"number {number}", "Belongs to nobody who is taken over."))
            continue
        for reader in readers:
            people.add(reader)
        mailbox = readers[0] if len(readers) == 1 else number
        if len(readers) > 1:
            boxes.append(Box(mailbox, tuple(readers)))
        numbers.append(Number(number, mailbox, _full_name(row)))
    return tuple(boxes), tuple(numbers)


def _contacts(tables: _Tables, emails: Mapping[str, str], left: list[Left]) -> Iterator[Known]:
    names = {row.get("group_id"): row.get("name", "") for row in tables["contact_group"]}
    groups: dict[str, list[str]] = {}
    for row in tables["contact_link"]:
        if name := names.get(row.get("group_id")):
            groups.setdefault(row.get("contact_id", ""), []).append(name)
    for row in tables["contact"]:
        name = _full_name(row) or row.get("phone", "")
        if not row.get("phone"):
            left.append(Left(f"contact {name}", "Has no number."))
            continue
        notes = [row.get(key, "") for key in ("description", "address", "custom1", "custom2", "custom3")]
        entry = Entry(
            name,
            "",
            row["phone"],
            import_inventory.address(row.get("email")) or "",
            "\n".join(filter(None, (each.strip() for each in notes))),
        )
        owner = emails.get(row.get("created_by", ""))
        yield Known(entry, owner, tuple(groups.get(row.get("contact_id", ""), ())))
