"""Contacts and their groups, as parts of a client."""

from collections.abc import Iterable, Iterator
from typing import Any

from faxplan_client import answers
from faxplan_client.answers import Contact, Group
from faxplan_client.connection import Connection, new_once

_MOST_AT_ONCE = 200


class Contacts:
    """`client.contacts`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, text: str = "", *, scope: str = "all", group: int | None = None, part: int = 50
    ) -> Iterator[Contact]:
        """Those that the user sees, by name. text: beginnings of words, or of the number. scope: all, mine, shared."""
        for page in self._connection.pages(
            answers.ContactList, "/contacts", lambda each: each.next, text=text or None, scope=scope, group=group,
            limit=part,
        ):  # fmt: skip
            yield from page.contacts

    def get(self, number: int) -> Contact:
        """One, by its id."""
        return self._connection.get(Contact, f"/contacts/{number}")

    def add(
        self, number: str, *, name: str = "", company: str = "", email: str = "", note: str = "", shared: bool = False,
        once: str | None = None,
    ) -> Contact:  # fmt: skip
        """Enters one. A name or a company is needed."""
        values = _values(number, name, company, email, note, shared=shared)
        return self._connection.do(Contact, "POST", "/contacts", values, once=once or new_once())

    def change(
        self, contact: int, number: str, *, name: str = "", company: str = "", email: str = "", note: str = "",
        shared: bool = False,
    ) -> Contact:  # fmt: skip
        """Gives one other values: all of them."""
        values = _values(number, name, company, email, note, shared=shared)
        return self._connection.do(Contact, "PUT", f"/contacts/{contact}", values)

    def delete(self, contact: int) -> None:
        """It is gone."""
        self._connection.act("DELETE", f"/contacts/{contact}")


def _values(number: str, name: str, company: str, email: str, note: str, *, shared: bool) -> dict[str, Any]:
    return {"number": number, "name": name, "company": company, "email": email, "note": note, "shared": shared}


class Groups:
    """`client.groups`: who is in one says `client.contacts.list(group=...)`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> list[Group]:
        """Those that the user sees, by name."""
        return self._connection.get(answers.Groups, "/groups").groups

    def add(self, name: str, *, shared: bool = False, once: str | None = None) -> Group:
        """Makes one."""
        return self._connection.do(Group, "POST", "/groups", {"name": name, "shared": shared}, once=once or new_once())

    def rename(self, group: int, name: str) -> Group:
        """Gives one another name."""
        return self._connection.do(Group, "PUT", f"/groups/{group}", {"name": name})

    def delete(self, group: int) -> None:
        """It is gone; its contacts stay."""
        self._connection.act("DELETE", f"/groups/{group}")

    def put_in(self, group: int, contacts: Iterable[int]) -> int:
        """Puts contacts in; how many were not there before."""
        ids, added = [*contacts], 0
        for at in range(0, len(ids), _MOST_AT_ONCE):
            part = {"contacts": ids[at : at + _MOST_AT_ONCE]}
            added += self._connection.do(answers.PutIn, "POST", f"/groups/{group}/members", part).added
        return added

    def take_out(self, group: int, contact: int) -> None:
        """Takes one out."""
        self._connection.act("DELETE", f"/groups/{group}/members/{contact}")
