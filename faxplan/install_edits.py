"""Lines that a file of somebody else's must gain: put in so that taking them out gives back the same bytes.

Pure. Texts are decoded with surrogateescape, so that what is no UTF-8 comes back as it was.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from faxplan.install_tree import InstallRefused

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Edit:
    """`line`: without indentation and line end. `is_there`: whether a text has it already, in whatever way.

    `place`: where it goes, as a position in the text; None where this file is not what we take it for. `why`: for
    whoever is asked.
    """

    line: str
    is_there: Callable[[str], bool]
    place: Callable[[str], int | None]
    indent: str
    why: str


def added(text: str, edit: Edit) -> tuple[str, str]:
    """The text with the line, and exactly what it has gained. Raises InstallRefused where it has no place for it."""
    place = edit.place(text)
    if place is None:
        raise InstallRefused("it has no place for this line")
    end = "\r\n" if "\r\n" in text else "\n"
    before = text[text.rfind("\n", 0, place) + 1 : place]
    if not before.strip():
        # Alone on its line, or at the beginning of one: our line goes before it.
        place -= len(before)
        gained = "".join(f"{edit.indent}{line}{end}" for line in edit.line.split("\n"))
    else:
        gained = end + "".join(f"{edit.indent}{line}{end}" for line in edit.line.split("\n"))
    return text[:place] + gained + text[place:], gained


def removed(text: str, gained: str) -> str | None:
    """The text without what it had gained, whatever else was changed since; None where it is not there any more."""
    if text.count(gained) == 1 or (gained in text and not gained.startswith(("\n", "\r"))):
        at = text.rindex(gained)
        return text[:at] + text[at + len(gained) :]
    # Somebody has indented it anew, or changed the file's line ends.
    wanted = [line.strip() for line in gained.strip().splitlines()]
    lines = text.splitlines(keepends=True)
    for start in range(len(lines) - len(wanted), -1, -1):
        if [line.strip() for line in lines[start : start + len(wanted)]] == wanted:
            return "".join(lines[:start] + lines[start + len(wanted) :])
    return None


def diff(before: str, after: str, name: str) -> str:
    """Unified, as `diff -u` and `patch` have it."""
    made = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (with Faxplan)", lineterm="")
    return "\n".join(made)


def load_module(module: str) -> Edit:
    """For modules.conf.xml: last, since mod_python3's startup scripts run while it is loaded."""
    pattern = re.compile(rf"<load\s[^>]*\bmodule\s*=\s*[\"']{re.escape(module)}[\"']")
    return Edit(
        f'<load module="{module}"/>',
        lambda text: pattern.search(_without_comments(text)) is not None,
        lambda text: _before(text, "</modules>"),
        "    ",
        f"FreeSWITCH loads {module} as it starts",
    )


def startup_script(script: str) -> Edit:
    """For python.conf.xml."""
    pattern = re.compile(rf"<param\s[^>]*startup-script[^>]*[\"']{re.escape(script)}[\"']")
    return Edit(
        f'<param name="startup-script" value="{script}"/>',
        lambda text: pattern.search(_without_comments(text)) is not None,
        lambda text: _before(text, "</settings>"),
        "    ",
        "the runtime starts with FreeSWITCH",
    )


def included(path: str) -> Edit:
    """For acl.conf.xml. Alone on its line: FreeSWITCH's preprocessor drops what shares it."""
    pattern = re.compile(rf"<X-PRE-PROCESS\s[^>]*[\"']{re.escape(path)}[\"']", re.IGNORECASE)
    return Edit(
        f'<X-PRE-PROCESS cmd="include" data="{path}"/>',
        lambda text: pattern.search(_without_comments(text)) is not None,
        lambda text: _before(text, "</network-lists>"),
        "    ",
        "calls are taken from the trunks' networks",
    )


def at_the_top(lines: str, why: str) -> Edit:
    """For pg_hba.conf, where the first line that fits decides: above all that are in force."""

    def place(text: str) -> int:
        found = re.search(r"^[ \t]*[^#\s]", text, re.MULTILINE)
        return found.start() if found else len(text)

    return Edit(lines, lambda text: _has_lines(text, lines), place, "", why)


def at_the_end(lines: str, why: str) -> Edit:
    """For pg_ident.conf."""
    return Edit(lines, lambda text: _has_lines(text, lines), len, "", why)


def _has_lines(text: str, lines: str) -> bool:
    """Whole ones, one after the other: one that stands in a comment is none."""
    wanted, found = lines.splitlines(), [line.strip() for line in text.splitlines()]
    return any(found[start : start + len(wanted)] == wanted for start in range(len(found)))


def _without_comments(text: str) -> str:
    """With as many characters as before."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _before(text: str, closing: str) -> int | None:
    place = _without_comments(text).rfind(closing)
    return None if place < 0 else place
