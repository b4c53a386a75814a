"""How urgent a fax is. Bulk goes after what is not bulk, of all tenants; urgent goes before its own tenant's others.

Any user may send with any priority: what is urgent to one must not keep others waiting.
"""

from enum import IntEnum


class Priority(IntEnum):
    """As faxes.priority: the lower, the sooner."""

    URGENT = 10
    NORMAL = 100
    BULK = 1000

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


def named(word: str) -> Priority:
    """The priority of that name, one of WORDS."""
    return Priority[word.upper()]


WORDS = tuple(each.word for each in Priority)
