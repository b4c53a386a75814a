"""Numbers that are nobody's, so that programs are tried without a trunk: a fax to one ends as its last digit says.

Area code 555 of the North American Numbering Plan is in no service, and 555-0100 to 555-0199 are what films show in any
area code: nobody has ever had these numbers, or gets them. They are possible numbers to whoever checks their form, here
and in others' programs, and begin like no emergency number. No trunk is ever given one: docs/sandbox.md.
"""

from enum import Enum

from faxplan.errors import InvalidNumber
from faxplan.language import _

BEGINNING = "+1555555010"
"""Of all ten; is_sandbox() of schema.sql has it as well."""
STATION_IDENT = "+1 555 555 0100"
"""Of the machine that is not there."""
SLOW_SECONDS = 30


class End(Enum):
    """How a fax ends, by its number's last digit."""

    SENT = "1"
    BUSY = "2"
    NO_ANSWER = "3"
    BAD_NUMBER = "4"
    IN_AUDIO = "5"
    DROPPED = "6"
    SLOW = "7"
    INCOMPATIBLE = "8"
    RECEIVED = "9"
    """It is sent, and arrives in its sender's own mailbox (internal_delivery)."""

    @property
    def number(self) -> str:
        """E.164."""
        return BEGINNING + self.value


def is_one(number: str) -> bool:
    """Whether an E.164 number is of the sandbox, also one that has no end of its own."""
    return number.startswith(BEGINNING)


def end_of(number: str) -> End:
    """How a fax to such a number ends; those without an end of their own do not exist."""
    last = number.removeprefix(BEGINNING)
    return End(last) if last in {each.value for each in End} else End.BAD_NUMBER


def check_is_none(number: str) -> None:
    """Raises InvalidNumber for one of the sandbox."""
    if is_one(number):
        raise InvalidNumber(
            _(
                "{number} is a sandbox number, which is nobody's, and your organisation takes no faxes to those. The "
                "operator can change that: `faxplan tenant set` with --sandbox-numbers on."
            ).format(number=number)
        )
