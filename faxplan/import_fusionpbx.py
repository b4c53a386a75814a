"""What a FusionPBX had, as the JSON that one query of its database gives (COMMAND).

v_domains: organisations; v_fax: fax servers, each a mailbox, read by those of v_fax_users and of fax_email;
v_destinations: their numbers; v_users: people; v_contacts with v_contact_phones and v_contact_emails: contacts with
a fax number. A FusionPBX has hundreds of users who only telephone: those that have to do with faxes are taken, and the
domains' administrators, unless all are asked for.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faxplan import import_inventory
from faxplan.contacts import Entry
from faxplan.import_inventory import Box, Inventory, Known, Left, Number, Organisation, People, UnreadableExport

SYSTEM = "fusionpbx"
NEEDED = ("v_domains", "v_fax")
TABLES = (
    "v_domains", "v_domain_settings", "v_fax", "v_fax_users", "v_destinations", "v_users", "v_user_groups",
    "v_contacts", "v_contact_phones", "v_contact_emails",
)  # fmt: skip
_SECRET = (
    "password", "salt", "api_key", "user_totp_secret", "fax_pin_number", "fax_email_connection_username",
    "fax_email_connection_password",
)  # fmt: skip
"""Columns that stay there, of whichever table has them."""
COMMAND = (
    # Of people all the same: for nobody else's eyes.
    'install -m 0600 /dev/null fusionpbx.json && psql -At -d fusionpbx -c "select json_build_object('
    + ", ".join(
        f"'{name}', (select json_agg(to_jsonb(t) - '{{{','.join(_SECRET)}}}'::text[]) from {name} t)" for name in TABLES
    )
    + ')" > fusionpbx.json'
)
_ADMINISTRATORS = ("admin", "superadmin")
_TRANSFER = re.compile(r"(\S+)\s+XML\s+(\S+)", re.IGNORECASE)

_Row = Mapping[str, Any]


def read(path: Path, *, slugs: Mapping[str, str], all_users: bool = False) -> Inventory:
    """slugs: tenants' short names by the name of a domain; of others it is made of that name. all_users: also of those
    who only telephone. Raises UnreadableExport and OSError."""
    tables = _tables(path)
    left: list[Left] = []
    domains = [row for row in tables["v_domains"] if _is_on(row.get("domain_enabled"))]
    left.extend(
        Left(f"domain {row.get('domain_name')}", "Is switched off there.")
        for row in tables["v_domains"]
        if not _is_on(row.get("domain_enabled"))
    )
    if unknown := slugs.keys() - {str(row["domain_name"]) for row in domains}:
        raise UnreadableExport(
            f"There is no domain {', '.join(sorted(unknown))} in {path}. It has: "
            f"{', '.join(sorted(str(row['domain_name']) for row in domains))}."
        )
    read = [_Domain(tables, row, left, all_users=all_users).read(slugs) for row in domains]
    organisations = tuple(each for each in read if each is not None)
    _check_apart(organisations)
    return Inventory(SYSTEM, organisations, tuple(left))


def _check_apart(organisations: Sequence[Organisation]) -> None:
    """Raises UnreadableExport where two would become one tenant that nobody has named: the first label of pbx.a.example
    and pbx.b.example is the same, and each would get the other's people and administrators."""
    for each in organisations:
        same = [other.source for other in organisations if other.slug == each.slug]
        if each.is_guess and len(same) > 1:
            raise UnreadableExport(
                f"{' and '.join(same)} would both become tenant {each.slug}. Say which tenant each of them is: "
                f"{' '.join(f'--tenant {source}=SHORT-NAME' for source in same)}."
            )


def _tables(path: Path) -> dict[str, list[_Row]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnreadableExport(f"{path} is no JSON ({error}). Make it with: {COMMAND}") from None
    missing = [name for name in NEEDED if not isinstance(found, dict) or name not in found]
    if missing:
        raise UnreadableExport(f"{path} lacks {', '.join(missing)} of FusionPBX's database. Make it with: {COMMAND}")
    tables: dict[str, list[_Row]] = {}
    for name in TABLES:
        # json_agg of a table without rows is null.
        rows = found.get(name) or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnreadableExport(f"{name} in {path} is no list of rows.")
        tables[name] = [{column: _plain(column, value) for column, value in row.items()} for row in rows]
    for table, column in (("v_domains", "domain_name"), ("v_fax", "fax_uuid")):
        if not all(row.get(column) for row in tables[table]):
            raise UnreadableExport(f"{path} has rows of {table} without {column}. Make it with: {COMMAND}")
    return tables


def _plain(column: str, value: object) -> object:
    """Text or nothing, whatever a release or a hand has made of a column; but for the one that is JSON."""
    return value if value is None or column == "destination_actions" else str(value)


def _is_on(value: object) -> bool:
    """FusionPBX keeps `true` as a text, newer releases as a boolean; what does not say counts."""
    return str(value).lower() not in ("false", "0", "no")


class _Domain:
    """One domain, while it is read."""

    def __init__(
        self, tables: Mapping[str, Sequence[_Row]], domain: _Row, left: list[Left], *, all_users: bool
    ) -> None:
        self._name = str(domain["domain_name"])
        self._rows = {
            name: [row for row in rows if row.get("domain_uuid") == domain.get("domain_uuid")]
            for name, rows in tables.items()
        }
        self._left = left
        self._all_users = all_users
        self._people = People()

    def read(self, slugs: Mapping[str, str]) -> Organisation | None:
        """None for one that never faxed."""
        faxes = self._rows["v_fax"]
        if not faxes:
            self._leave(f"domain {self._name}", "Has no fax server.")
            return None
        emails = self._emails()
        boxes = self._boxes(emails)
        numbers = self._numbers({str(row["fax_uuid"]): box.name for row, box in zip(faxes, boxes, strict=True)})
        self._callers(emails)
        return Organisation(
            self._name,
            slugs.get(self._name) or import_inventory.slug_of(self._name),
            self._name,
            self._setting("country", "iso_code"),
            self._setting("time_zone", "name"),
            self._people.all(),
            tuple(boxes),
            tuple(numbers),
            tuple(self._contacts()),
            is_guess=self._name not in slugs,
        )

    def _leave(self, what: str, why: str) -> None:
        self._left.append(Left(what, why))

    def _setting(self, subcategory: str, name: str) -> str | None:
        for row in self._rows["v_domain_settings"]:
            wanted = ("domain", subcategory, name)
            parts = (row.get("domain_setting_category"), row.get("domain_setting_subcategory"))
            if (*parts, row.get("domain_setting_name")) == wanted and _is_on(row.get("domain_setting_enabled")):
                return str(row.get("domain_setting_value") or "") or None
        return None

    def _emails(self) -> dict[str, str]:
        """The address of each user who may log in, by user_uuid; older releases have it at the user's contact."""
        primary_last = sorted(self._rows["v_contact_emails"], key=lambda row: _is_on(row.get("email_primary") or "0"))
        of_contact = {row.get("contact_uuid"): row.get("email_address") for row in primary_last}
        found = {}
        for row in self._rows["v_users"]:
            email = import_inventory.address(row.get("user_email") or of_contact.get(row.get("contact_uuid")))
            email = email or import_inventory.address(row.get("username"))
            if email is not None and _is_on(row.get("user_enabled")):
                found[str(row.get("user_uuid"))] = email
        return found

    def _boxes(self, emails: Mapping[str, str]) -> list[Box]:
        names = import_inventory.once(
            str(row.get("fax_name") or row.get("fax_extension") or "fax").strip() for row in self._rows["v_fax"]
        )
        boxes = []
        for row, name in zip(self._rows["v_fax"], names, strict=True):
            users = [str(each.get("user_uuid")) for each in self._rows["v_fax_users"]
                     if each.get("fax_uuid") == row.get("fax_uuid")]  # fmt: skip
            receivers, others = import_inventory.addresses(row.get("fax_email"))
            readers = list(dict.fromkeys([*(emails[each] for each in users if each in emails), *receivers]))
            for each in readers:
                self._people.add(each)
            server = f"fax server {name} of {self._name}"
            for each in others:
                self._leave(server, f"{each[:80]!r} in its addresses is none.")
            if not readers:
                self._leave(server, "Nobody reads it: let somebody in with `faxplan mailbox member`.")
            if row.get("fax_forward_number"):
                to = row["fax_forward_number"]
                self._leave(server, f"Passes what it receives on to {to}: a mailbox here keeps it, and mails it.")
            if row.get("fax_email_outbound_authorized_senders"):
                senders = row["fax_email_outbound_authorized_senders"]
                self._leave(server, f"Takes mails of {senders}: docs/mail-to-fax.md says how people send by mail here.")
            boxes.append(Box(name, tuple(readers)))
        return boxes

    def _numbers(self, boxes: Mapping[str, str]) -> list[Number]:
        extensions = {str(row.get("fax_extension")): str(row["fax_uuid"]) for row in self._rows["v_fax"]}
        found, reached = [], set()
        for row in self._rows["v_destinations"]:
            fax = self._fax_of(row, extensions)
            if (
                fax not in boxes
                or row.get("destination_type") == "outbound"
                or not _is_on(row.get("destination_enabled"))
            ):
                continue
            reached.add(fax)
            found.append(Number(_written(row), boxes[fax], str(row.get("destination_description") or "")[:100]))
        for row in self._rows["v_fax"]:
            if str(row["fax_uuid"]) not in reached:
                server = f"fax server {boxes[str(row['fax_uuid'])]} of {self._name}"
                self._leave(server, "No number leads to it: `faxplan did add` enters one.")
        return found

    def _fax_of(self, row: _Row, extensions: Mapping[str, str]) -> str:
        """The fax server to which a destination leads: told so, or by a transfer to its extension; or nothing."""
        if row.get("fax_uuid"):
            return str(row["fax_uuid"])
        actions = row.get("destination_actions")
        try:
            listed = json.loads(actions) if isinstance(actions, str) and actions else actions
        except (ValueError, RecursionError):
            listed = None
        pairs = [(each.get("destination_app"), each.get("destination_data"))
                 for each in (listed if isinstance(listed, list) else []) if isinstance(each, dict)]  # fmt: skip
        for app, data in [(row.get("destination_app"), row.get("destination_data")), *pairs]:
            to = _TRANSFER.match(str(data or ""))
            if app == "transfer" and to is not None and to[1] in extensions:
                return extensions[to[1]]
        return ""

    def _callers(self, emails: Mapping[str, str]) -> None:
        """Names of those who are taken over, administrators, and all others where they are asked for."""
        groups = self._rows["v_user_groups"]
        administrators = {str(row.get("user_uuid")) for row in groups if row.get("group_name") in _ADMINISTRATORS}
        known = {each.email for each in self._people.all()}
        passed = 0
        for row in self._rows["v_users"]:
            who = str(row.get("user_uuid"))
            if who not in emails:
                self._leave(
                    f"user {row.get('username')}@{self._name}",
                    "Is switched off there, or has no e-mail address, by which people log in here.",
                )
            elif self._all_users or who in administrators or emails[who] in known:
                name = str(row.get("username") or "")
                self._people.add(emails[who], "" if "@" in name else name, administrator=who in administrators)
            else:
                passed += 1
        if passed:
            self._leave(
                f"{passed} users of {self._name}",
                "Have to do with no fax server; --all-users takes them, too.",
            )

    def _contacts(self) -> list[Known]:
        mails: dict[str, str] = {}
        for row in self._rows["v_contact_emails"]:
            mails.setdefault(str(row.get("contact_uuid")), import_inventory.address(row.get("email_address")) or "")
        contacts = {str(row.get("contact_uuid")): row for row in self._rows["v_contacts"]}
        found, faxed = [], set()
        for row in self._rows["v_contact_phones"]:
            contact = contacts.get(str(row.get("contact_uuid")))
            if contact is None or not _is_fax(row):
                continue
            faxed.add(str(row["contact_uuid"]))
            parts = [contact.get(f"contact_name_{each}") for each in ("given", "middle", "family")]
            name = " ".join(str(each) for each in parts if each) or str(contact.get("contact_nickname") or "")
            company = str(contact.get("contact_organization") or "")
            number = str(row.get("phone_number") or "")
            code = str(row.get("phone_country_code") or "").strip("+ ")
            entry = Entry(
                name or ("" if company else number),
                company,
                f"+{code}{number}" if code and not number.startswith("+") else number,
                mails.get(str(row["contact_uuid"]), ""),
                str(contact.get("contact_note") or ""),
            )
            found.append(Known(entry))
        if without := len(contacts) - len(faxed):
            self._leave(f"{without} contacts of {self._name}", "Have no fax number.")
        return found


def _written(row: _Row) -> str:
    """A destination's number; with a prefix (the country's code) it is one with a +."""
    prefix, area = (str(row.get(f"destination_{each}") or "").strip("+ ") for each in ("prefix", "area_code"))
    number = str(row.get("destination_number") or "")
    return number if number.startswith("+") or not prefix else f"+{prefix}{area}{number}"


def _is_fax(phone: _Row) -> bool:
    return (
        str(phone.get("phone_type_fax") or "0").lower() in ("1", "true")
        or "fax" in str(phone.get("phone_label") or phone.get("phone_type") or "").lower()
    )
