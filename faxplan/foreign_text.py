"""Text that a stranger wrote, as it can be kept."""

MOST = 250
"""Characters of one header or ident that are kept."""


def kept(text: str | None, most: int = MOST) -> str | None:
    """At most so many characters, with what PostgreSQL and JSON cannot hold (NUL, lone surrogates) as escapes.

    None for nothing. Where it is shown it must still be made visible or escaped: it may hold anything else.
    """
    if not text:
        return None
    return text[:most].encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")[:most]
