"""How urgent a fax is: no fax is dialled while a more urgent one of any tenant could be."""

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
