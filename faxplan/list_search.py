"""What somebody means who writes words into the search of a list: a number, its beginning, contacts, or a label."""

import re

from faxplan import contacts, labels, listings, numbers
from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.listings import Search
from faxplan.users import User

LONGEST = 60
MOST_CONTACTS = 200
"""Whose numbers are searched for at once."""
_NUMBER = re.compile(r"[\s+0-9()/.\-]+")


class NothingMeant(FaxplanError):
    """There is nothing that these words could find."""

    error_id = "nothing-meant"


def meant(tx: Transaction, user: User, words: str, country: str) -> Search:
    """Of `words`, which are not blank: what they find. Numbers are read as they are dialled in `country`.

    Raises NothingMeant, with what can be searched for.
    """
    bare = words.strip()
    label = labels.named(tx, user, bare[:LONGEST])
    called = contacts.numbers_of(tx, user, bare[:LONGEST])
    beginnings = []
    if _NUMBER.fullmatch(bare) and any(each.isdigit() for each in bare):
        begins = numbers.beginning(bare, country)
        if len(begins) >= listings.SHORTEST:
            # Contacts are found by their numbers too, all of which begin with this.
            beginnings, called = [begins], []
        elif label is None:
            raise NothingMeant(_("Too many numbers begin with this. Write at least its first three digits."))
    if len(called) > MOST_CONTACTS:
        raise NothingMeant(_("Too many contacts are called like this. Write more of the name."))
    if label is None and not beginnings and not called:
        raise NothingMeant(
            _("Nothing is called {words!r}. Write a number, its beginning, a contact, or a label.").format(
                words=bare[:LONGEST]
            )
        )
    return Search(beginnings, called, None if label is None else label.id)
