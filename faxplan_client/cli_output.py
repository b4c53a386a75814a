"""What the commands print: columns for people, one JSON value for programs; and what they ask for."""

import argparse
import getpass
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from faxplan_client.errors import ClientError
from faxplan_client.reading import packed


class NoSecret(ClientError):
    """Where a key or a password was to be read, there is none, or no text."""

    error_id = "no-secret"


class WrongFile(ClientError):
    """A file cannot be read, or is not to be written."""

    error_id = "wrong-file"


def write_new(target: Path, content: IO[bytes]) -> None:
    """A file that is for its user alone. Raises WrongFile where there is one, and OSError."""
    try:
        written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise exists(target) from error
    with os.fdopen(written, "wb") as file:
        shutil.copyfileobj(content, file)


def exists(target: Path) -> WrongFile:
    """What is said where something is there."""
    return WrongFile(f"{target} is there already, and is not overwritten. Name another file with -o.")


def done(options: argparse.Namespace, result: Any, text: str) -> int:
    """Prints an act's result as JSON, or the sentence; the exit code."""
    if options.json:
        print_json(result)
    else:
        print(visible(text))
    return 0


def listed(
    options: argparse.Namespace, found: Any, headings: Sequence[str], rows: Sequence[Sequence[object]], empty: str
) -> int:
    """Prints `found` as JSON, or `rows` as a table; the exit code."""
    if options.json:
        print_json(found)
    elif not rows:
        print(empty)
    else:
        # On one line each: whoever wrote a name with a line in it would write others' rows.
        texts = [list(headings), *[["" if cell is None else on_one_line(str(cell)) for cell in row] for row in rows]]
        widths = [max(len(row[column]) for row in texts) for column in range(len(headings))]
        for row in texts:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def print_json(value: Any) -> None:
    """One JSON value, with times in ISO 8601; in ASCII, so that no terminal obeys what stands in it."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=True))


def news(options: argparse.Namespace, text: str, value: Any = None) -> None:
    """What is no result, on standard error: the sentence, or with --json the value, if there is one."""
    if not options.json:
        print(visible(text), file=sys.stderr, flush=True)
    elif value is not None:
        print(json.dumps(value), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    r"""With all that a terminal would obey as escapes, `\x1b`: names come from strangers, and from servers."""
    return "".join(
        each
        if each == "\n" or each.isprintable() or unicodedata.category(each) == "Zs"
        else each.encode("unicode_escape").decode()
        for each in text
    )


def on_one_line(text: str) -> str:
    """The same, and no new line."""
    return visible(text).replace("\n", "\\n")


def clock(moment: datetime) -> str:
    """A time by this machine's clock: without the day, where it is today's."""
    here, now = moment.astimezone(), datetime.now().astimezone()
    return f"{here:%H:%M:%S}" if here.date() == now.date() else f"{here:%Y-%m-%d %H:%M}"


def count(number: int, what: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def asked(prompt: str) -> str:
    """The answer at a terminal, which is not shown, or the first line of a pipe. Raises NoSecret."""
    try:
        line = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
        line.encode()
    except EOFError:
        line = ""
    except UnicodeError as error:
        raise NoSecret("What stands on standard input is not UTF-8.") from error
    if not line.strip():
        raise NoSecret("Nothing was typed, and nothing stands on standard input.")
    return line.rstrip("\r\n")


def first_line(file: Path) -> str:
    """The first line of a file. Raises NoSecret, and OSError where it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise NoSecret(f"{file} is not UTF-8.") from error
    if not lines or not lines[0].strip():
        raise NoSecret(f"There is nothing on the first line of {file}.")
    return lines[0]


def whole_number(text: str) -> int:
    """An option's type: 0 or more."""
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def moment(text: str) -> datetime:
    """An option's type: `2026-11-30 08:00`, by this machine's clock unless it names a zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as '2026-11-30 08:00'") from error


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return packed(value)
    return str(value)
