"""Files as Exchange writes them for Outlook (MS-OXTNEF), with what MS-OXCDATA says of their properties."""

from collections.abc import Collection
from struct import pack


def tnef(*files: tuple[str, bytes], body: str = "", hidden: Collection[str] = (), inside: bytes | None = None) -> bytes:
    """files: name and content. inside: a TNEF of its own, as a mail that is attached."""
    out = b"\x78\x9f\x3e\x22" + pack("<H", 1) + _attribute(1, 0x00069007, pack("<II", 1252, 0))
    if body:
        out += _attribute(1, 0x00069003, _properties([(0x1F, 0x1000, (body + "\0").encode("utf-16-le"))]))
    for name, content in files:
        short = name.encode("cp1252", "replace")[:8] + b".pdf\0"
        said = [(0x1F, 0x3707, (name + "\0").encode("utf-16-le")), (0x03, 0x3705, pack("<I", 1))]
        if name in hidden:
            said.append((0x0B, 0x7FFE, pack("<HH", 1, 0)))
        out += _attribute(2, 0x00069002, bytes(14)) + _attribute(2, 0x00018010, short)
        out += _attribute(2, 0x0006800F, content) + _attribute(2, 0x00069005, _properties(said))
    if inside is not None:
        said = [(0x03, 0x3705, pack("<I", 5)), (0x0D, 0x3701, bytes(16) + inside)]
        out += _attribute(2, 0x00069002, bytes(14)) + _attribute(2, 0x00069005, _properties(said))
    return out


def _attribute(level: int, number: int, value: bytes) -> bytes:
    return pack("<BII", level, number, len(value)) + value + pack("<H", sum(value) & 0xFFFF)


def _properties(each: list[tuple[int, int, bytes]]) -> bytes:
    out = pack("<I", len(each))
    for kind, number, value in each:
        out += pack("<HH", kind, number)
        if kind in (0x1E, 0x1F, 0x0D, 0x102):
            out += pack("<II", 1, len(value))
        out += value + bytes(-len(value) % 4)
    return out
