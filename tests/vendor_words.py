"""Who made the software, and of what: nobody outside reads that, on no page, on no line and in no file."""

VENDOR_WORDS = (
    b"freeswitch",
    b"sofia",
    b"spandsp",
    b"x-fs-",
    b"faxplan",
    b"ghostscript",
    b"pikepdf",
    b"qpdf",
    b"libtiff",
)


def vendor_words(content: bytes) -> list[bytes]:
    """Those of them that stand in it, however they are written."""
    lowered = content.lower()
    return [word for word in VENDOR_WORDS if word in lowered]
