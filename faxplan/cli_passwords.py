"""Passwords that commands take: asked for, or read. Never an argument, which every process of the machine can read."""

import getpass
import sys
from pathlib import Path

from faxplan.errors import FaxplanError


class NoPassword(FaxplanError):
    """Where a password was to be read, there is none, or no text."""

    error_id = "no-password"


def asked(prompt: str) -> str:
    """The answer at a terminal, or the first line of a pipe; empty where there is none. Raises NoPassword."""
    try:
        line = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
        # Python lets through what is not UTF-8, in some languages' settings, as half characters.
        line.encode()
    except EOFError:
        return ""
    except UnicodeError as error:
        raise NoPassword("What stands on standard input is not UTF-8. Write the password in UTF-8.") from error
    return line.rstrip("\r\n")


def first_line(file: Path) -> str:
    """The first line of a file; empty where there is none. Raises NoPassword, and OSError where it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise NoPassword(f"{file} is not UTF-8. Write the password in it anew, in UTF-8.") from error
    return lines[0] if lines else ""
