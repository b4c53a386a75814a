"""What a spreadsheet makes of a cell of a CSV file: one that begins like a formula is one (OWASP, CSV injection)."""

SIGNS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With which of these it begins; the full-width forms too, which spreadsheets in East Asia take for the same."""


def inert(text: str) -> str:
    """With an apostrophe before it where it would be a formula."""
    return f"'{text}" if text.startswith(SIGNS) else text
