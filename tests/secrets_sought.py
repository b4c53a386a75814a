"""Looks for secrets that a test knows, in whatever form they are usually written: in files, environment, memory."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_LARGEST_PIECE = 1 << 20
_NOTHING = bytes(_LARGEST_PIECE)


def forms(secret: bytes) -> list[bytes]:
    """The secret itself, in hexadecimal, and in base64 wherever in a longer text it begins."""
    found = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for before in range(3):
        # Of the letters those that no neighbouring byte has a part in.
        encoded = base64.b64encode(bytes(before) + secret)
        whole = encoded[(8 * before + 5) // 6 : (before + len(secret)) * 8 // 6]
        found += [whole, whole.translate(bytes.maketrans(b"+/", b"-_"))]
    return found


def in_pieces(pieces: Iterable[bytes], secrets: Mapping[str, bytes]) -> set[str]:
    """The names of those that are found."""
    wanted = {name: forms(secret) for name, secret in secrets.items()}
    found: set[str] = set()
    for piece in pieces:
        found |= {name for name, written in wanted.items() if any(form in piece for form in written)}
    return found


def files_below(*folders: Path) -> Iterator[Path]:
    """All that can be read there, whatever they are called."""
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def in_files(paths: Iterable[Path], secrets: Mapping[str, bytes], *, may_go: bool = False) -> set[str]:
    """As in_pieces, of files. may_go: somebody may remove one meanwhile."""
    return in_pieces((_content(path, may_go=may_go) for path in paths), secrets)


def _content(path: Path, *, may_go: bool) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if may_go:
            return b""
        raise


def in_environment(pid: int, secrets: Mapping[str, bytes]) -> set[str]:
    """As in_pieces, of what a process was started with: environment and command line."""
    return in_pieces([Path(f"/proc/{pid}/{each}").read_bytes() for each in ("environ", "cmdline")], secrets)


def in_memory(pid: int, secrets: Mapping[str, bytes]) -> set[str]:
    """As in_pieces, of all that a process can write to in its memory."""
    return in_pieces(_memory(pid), secrets)


def _memory(pid: int) -> Iterator[bytes]:
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
            yield from _pieces(memory, int(start, 16), int(end, 16))


def _pieces(memory: object, at: int, end: int) -> Iterator[bytes]:
    """A region, in pieces that overlap, so that nothing lies across their ends."""
    while at < end:
        try:
            memory.seek(at)  # type: ignore[attr-defined]
            piece: bytes = memory.read(min(_LARGEST_PIECE, end - at))  # type: ignore[attr-defined]
        except OSError:
            return  # it went meanwhile, or is a device
        if not piece:
            return
        if piece != _NOTHING[: len(piece)]:  # most of what is reserved was never written to
            yield piece
        at += len(piece) - (256 if at + len(piece) < end else 0)
