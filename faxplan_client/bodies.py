"""Bodies of requests: JSON, and multipart/form-data (RFC 7578) of files, which are read as they are sent."""

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "file"
_PIECE = 65536


@dataclass(frozen=True, slots=True)
class File:
    """name: what people read. content: bytes, or where they are."""

    name: str
    content: bytes | Path

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def pieces(self) -> Iterator[bytes]:
        """What is in it."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as reader:
            while piece := reader.read(_PIECE):
                yield piece


@dataclass(frozen=True)
class Body:
    """What a request has in it; it can be read again and again, the same each time."""

    kind: str
    parts: Sequence[bytes | File]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(len(each) if isinstance(each, bytes) else each.size for each in self.parts)

    def __iter__(self) -> Iterator[bytes]:
        for each in self.parts:
            if isinstance(each, bytes):
                yield each
            else:
                yield from each.pieces()


def of_json(value: Any) -> Body:
    """As application/json."""
    return Body("application/json", [json.dumps(value).encode()])


def in_base64(content: bytes) -> str:
    """As JSON takes bytes."""
    return base64.b64encode(content).decode()


def of_files(files: Iterable[File], values: Mapping[str, Any]) -> Body:
    """As multipart/form-data: of a list each, of an object its JSON, and of what is None nothing."""
    boundary = f"--------{secrets.token_hex(16)}"
    parts: list[bytes | File] = []
    for name, value in values.items():
        several = value if isinstance(value, list) else [value]
        head = _head(boundary, f'name="{name}"')
        parts += [head + _field(each) + b"\r\n" for each in several if each is not None]
    for file in files:
        said = f'name="{FILE}"; filename="{_escaped(file.name)}"\r\nContent-Type: application/octet-stream'
        parts += [_head(boundary, said), file, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return Body(f"multipart/form-data; boundary={boundary}", parts)


def _head(boundary: str, said: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {said}\r\n\r\n".encode("utf-8", "replace")


def _field(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _escaped(name: str) -> str:
    """As browsers write it (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
