"""A file with an OpenPGP key, unwrapped and looked over before a library reads it (RFC 9580, 4 and 6.2).

The library unpacks what is compressed, however much that becomes, and tries each signature on each part of a key, with
Python standing still meanwhile: 350 kB take it 20 seconds. So it gets what is as small as keys are, and keys alone.
"""

import binascii
import re
from collections.abc import Iterator

MOST_PACKETS = 300
MOST_KEYS = 20
MOST_KEY_BYTES = 3000
"""Of a packet with a key: RSA of 8192 bits has 1,030, and ML-DSA-87 2,600."""
SECRET = frozenset({5, 7})
_KEYS = frozenset({6, 14})
_OF_KEYS = SECRET | _KEYS | {2, 10, 12, 13, 17, 21}
"""Signatures, markers, trust, user IDs, attributes, padding."""
_ARMOR = re.compile(
    rb"^-----BEGIN PGP [A-Z ,/0-9]{1,50}-----[ \t]*\r?\n(?:[!-9;-~]+: [^\r\n]*\r?\n)*[ \t]*\r?\n"
    rb"([A-Za-z0-9+/\s]*=*)\s*(?:=[A-Za-z0-9+/]{4}\s*)?^-----END PGP ",
    re.MULTILINE,
)


class NoKeyFile(Exception):
    """It is no file with keys."""


class TooMuch(Exception):
    """It has more in it than keys have that people use."""


def binary(content: bytes) -> bytes:
    """The packets of a file, armored or not. Raises NoKeyFile."""
    if content[:1] and content[0] & 0x80:
        return content
    try:
        found = b"".join(binascii.a2b_base64(each) for each in _ARMOR.findall(content))
    except binascii.Error as error:
        raise NoKeyFile from error
    if not found:
        raise NoKeyFile
    return found


def check(packets: bytes) -> frozenset[int]:
    """The kinds of packets that are there. Raises NoKeyFile and TooMuch."""
    kinds: set[int] = set()
    keys = 0
    for count, (kind, size) in enumerate(_heads(packets), 1):
        if kind not in _OF_KEYS:
            raise NoKeyFile
        keys += kind in _KEYS
        if count > MOST_PACKETS or keys > MOST_KEYS or (kind in _KEYS and size > MOST_KEY_BYTES):
            raise TooMuch
        kinds.add(kind)
    return frozenset(kinds)


def _heads(packets: bytes) -> Iterator[tuple[int, int]]:
    """Kind and size of each. Raises NoKeyFile."""
    place = 0
    while place < len(packets):
        first = packets[place]
        if not first & 0x80:
            raise NoKeyFile
        kind = first & 0x3F if first & 0x40 else (first & 0x3C) >> 2
        wide = _length(first, packets[place + 1 : place + 2])
        if not wide:
            # Of no length, or in parts, as data are, and keys are not.
            raise NoKeyFile
        length = packets[place + 1 : place + 1 + wide]
        size = int.from_bytes(length, "big")
        if first & 0x40 and wide == 2:
            size -= (192 << 8) - 192
        elif first & 0x40 and wide == 5:
            size = int.from_bytes(length[1:], "big")
        place += 1 + wide + size
        if len(length) < wide or place > len(packets):
            raise NoKeyFile
        yield kind, size


def _length(first: int, next_one: bytes) -> int:
    """In how many bytes a packet says how long it is; 0: otherwise."""
    if not first & 0x40:
        return (1, 2, 4, 0)[first & 3]
    if not next_one or 224 <= next_one[0] < 255:
        return 0
    return 5 if next_one[0] == 255 else 2 if next_one[0] >= 192 else 1
