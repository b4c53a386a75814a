"""The words of a cover page: text with fields (template_words)."""

from collections.abc import Mapping
from typing import ClassVar

from faxplan.language import _
from faxplan.refusals import CoverTooLong
from faxplan.template_words import FILTERS, FilledTooLong, InvalidTemplate, Words

__all__ = ["FIELDS", "FILTERS", "LONGEST", "MOST_DRAWN", "InvalidCoverText", "check", "drawn"]

FIELDS = (
    "to_name", "to_company", "to_number", "from_name", "from_company", "from_number", "phone", "subject", "message",
    "date", "pages", "reference",
)  # fmt: skip
"""What a cover page says of its fax: each is text, and empty where there is none."""
LONGEST = 4000
"""Of a template, in characters."""
MOST_DRAWN = 20_000
"""Characters of what a template gives: far more than goes on the pages that a cover may have."""
_WORDS = Words(FIELDS, longest=LONGEST, most=MOST_DRAWN)


class InvalidCoverText(InvalidTemplate):
    """A template has what templates of cover pages cannot have; the message says where."""

    error_id: ClassVar[str] = "invalid-cover-text"


def check(text: str) -> None:
    """Raises InvalidCoverText, with the line that is wrong."""
    try:
        _WORDS.check(text)
    except InvalidTemplate as error:
        raise InvalidCoverText(str(error)) from error


def drawn(text: str, values: Mapping[str, str]) -> str:
    """What a template says with these values; a field without one is empty. Raises InvalidCoverText, CoverTooLong."""
    try:
        return _WORDS.filled(text, values)
    except FilledTooLong as error:
        raise CoverTooLong(_("The cover page has too much text. Make the message shorter.")) from error
    except InvalidTemplate as error:
        raise InvalidCoverText(str(error)) from error
