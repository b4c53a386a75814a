"""What the domain says, as a browser shows it: without commands, and in the language that is spoken.

What was said in English, by a child or by the switch, is told in that too.
"""

from faxplan.plain_words import without_commands
from faxplan.retelling import retold

__all__ = ["for_browser", "without_commands"]


def for_browser(text: str) -> str:
    """In the language that is spoken, and without commands."""
    return without_commands(retold(text))
