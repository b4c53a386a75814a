#!/usr/bin/env python3
"""Opens a sealed file of Faxplan, with nothing of Faxplan: Python 3.11 and `cryptography` (47 or later) are enough.

    python3 open_sealed_file.py SEALED --key HEX > PLAIN
    python3 open_sealed_file.py SEALED --wrap HEX --private-key HEX > PLAIN

It is written from README.md beside it alone, so that the format is what is written there.
"""

import argparse
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def main() -> None:
    """The command line; on failure its exit code is 1."""
    parser = argparse.ArgumentParser(description="Opens a sealed file of Faxplan.")
    parser.add_argument("sealed", help="the file")
    parser.add_argument("--key", help="the file key, in hex")
    parser.add_argument("--wrap", help="a wrap of the file key, in hex, with --private-key")
    parser.add_argument("--private-key", help="the reader's private key, in hex")
    given = parser.parse_args()
    if not given.key and not (given.wrap and given.private_key):
        parser.error("Give --key, or --wrap and --private-key.")
    try:
        with Path(given.sealed).open("rb") as sealed:
            header = read_header(sealed)
            key = bytes.fromhex(given.key) if given.key else unwrap(given.wrap, given.private_key, header)
            for chunk in chunks(sealed, header, key):
                sys.stdout.buffer.write(chunk)
    except (InvalidTag, ValueError, RecursionError, OSError) as error:
        sys.exit(f"It cannot be opened: {error or 'a wrong key, or a file that was changed or cut off'}.")


def read_header(sealed: BinaryIO) -> bytes:
    """Magic, length and text. Raises ValueError for a file of another kind."""
    start = sealed.read(12)
    length = int.from_bytes(start[8:], "big")
    if start[:8] != b"FAXPLAN\x01" or length > 4096:
        raise ValueError("no sealed file of version 1")
    text = sealed.read(length)
    if not is_header(json.loads(text), text):
        raise ValueError("a header that is written in another way than README.md says")
    return start + text


def is_header(said: object, text: bytes) -> bool:
    """Whether the text is the one way to write what it says."""
    return (
        isinstance(said, dict)
        and said.keys() == {"artefact", "chunk", "document", "salt", "suite", "tenant"}
        and said["suite"] == "AES-256-GCM-STREAM+HKDF-SHA256+HMAC-SHA256"
        and isinstance(said["artefact"], str)
        and isinstance(said["document"], str)
        and isinstance(said["salt"], str)
        and re.fullmatch("[0-9a-f]{32}", said["salt"]) is not None
        # Of true and 65536.0 Python thinks that they are whole numbers.
        and (type(said["chunk"]), type(said["tenant"])) == (int, int)
        and said["chunk"] == 65536
        and abs(said["tenant"]) < 2**53
        and json.dumps(said, sort_keys=True, separators=(",", ":")).encode() == text
    )


def unwrap(wrap: str, private_key: str, header: bytes) -> bytes:
    """The file key. Raises InvalidTag: the wrap is another reader's, or another file's."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    info = b"faxplan wrap of a file key" + hashlib.sha256(header).digest()
    reader = X25519PrivateKey.from_private_bytes(bytes.fromhex(private_key))
    return suite.decrypt(bytes.fromhex(wrap), reader, info=info)


def chunks(sealed: BinaryIO, header: bytes, key: bytes) -> Iterator[bytes]:
    """The plain bytes, of what stands after the header. Raises InvalidTag and ValueError."""
    salt = bytes.fromhex(json.loads(header[12:])["salt"])
    sealing = HKDF(SHA256(), 32, salt, b"faxplan sealed file, header").derive(key)
    if not hmac.compare_digest(hmac.digest(sealing, header, "sha256"), sealed.read(32)):
        raise ValueError("the header was changed, or the key is another file's")
    body = AESGCM(HKDF(SHA256(), 32, salt, b"faxplan sealed file, body").derive(key))
    number, block = 0, sealed.read(65536 + 16)
    while True:
        following = sealed.read(65536 + 16)
        plain = body.decrypt(number.to_bytes(11, "big") + bytes([not following]), block, None)
        if number and not plain:
            raise ValueError("an empty chunk, and not that of an empty document")
        yield plain
        if not following:
            return
        number, block = number + 1, following


if __name__ == "__main__":
    main()
