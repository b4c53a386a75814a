"""What a HylaFAX had, with modems or gofaxIP: `etc/FaxDispatch` and `etc/hosts.hfaxd` of its spooling area.

FaxDispatch is a shell script which faxrcvd(8) reads; it is not run here. What such scripts are made of is understood: a
case, or an if, over the called number, and SENDTO of it. Every other line that sets SENDTO is told of, with its number.
hosts.hfaxd(5) has a line for each client: what user@host has to fit, uid, password, administrator's password.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faxplan import import_inventory
from faxplan.import_inventory import Box, Inventory, Left, Number, Organisation, People, UnreadableExport

SYSTEM = "hylafax"
CALLED = ("CALLID3", "CALLID4", "CALLID5", "DIDNUM", "DID")
"""Variables in which the called number is: the first by gofaxIP and usual in HylaFAX+; DIDConfig decides."""
_CASE = re.compile(r"""case\s+["']?\$\{?(\w+)\}?["']?\s+in\b""")
_BRANCH = re.compile(r"""\(?([^()]+)\)(.*)""", re.DOTALL)
"""Of what has no space at its ends. No two parts of it take the same: a line may be of any length."""
_IF = re.compile(r"""(?:el)?if\s+(?:test\s+|\[{1,2}\s+)["']?\$\{?(\w+)\}?["']?\s+={1,2}\s+["']?([^"'\s\];]+)["']?""")
_SENDTO = re.compile(r"""\bSENDTO=(?:"([^"]*)"|'([^']*)'|([^\s;]*))""")
_USER = re.compile(r"\^?([A-Za-z0-9._-]+)@(.*)")
_PLAIN = re.compile(r"\+?[0-9]{2,20}")
_ENDING = re.compile(r"\*([0-9]{2,15})")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the files do not say themselves.

    mail_domain: of names without one, such as SENDTO=sam; None: those are left. numbers_begin: what stands before a
    pattern that has an ending only, such as *001: digits, perhaps with a +. called: further variables of CALLED.
    """

    mail_domain: str | None = None
    numbers_begin: str | None = None
    called: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Set:
    """SENDTO is set, in a line. variable: over which the case or if goes, None: over none; patterns: which fit."""

    line: int
    to: str
    variable: str | None
    patterns: tuple[str, ...]


def read(dispatch: Path | None, hosts: Path | None, *, slug: str, name: str, reading: Reading) -> Inventory:
    """One organisation. Raises UnreadableExport where nothing is given or nothing can be taken, and OSError."""
    if dispatch is None and hosts is None:
        raise UnreadableExport("Say where FaxDispatch is, or hosts.hfaxd, or both.")
    left: list[Left] = []
    people = People()
    boxes: list[Box] = []
    numbers: list[Number] = []
    if hosts is not None:
        _read_hosts(_text(hosts), people, reading, left)
    if dispatch is not None:
        for each in _settings_of(_text(dispatch)):
            _take(each, people, boxes, numbers, reading, left)
    if not people.all():
        raise UnreadableExport(
            "There is nobody in it with an address. Names without a domain get one by --mail-domain. Left: "
            f"{'; '.join(f'{each.what}: {each.why}' for each in left[:5]) or 'nothing'}."
        )
    organisation = Organisation(name, slug, name, people=people.all(), boxes=tuple(boxes), numbers=tuple(numbers))
    return Inventory(SYSTEM, (organisation,), tuple(left))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _read_hosts(text: str, people: People, reading: Reading, left: list[Left]) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        entry = re.sub(r"(^|\s)#.*", "", line).strip()
        if not entry:
            continue
        client, *more = entry.split(":")
        what = f"line {number} of hosts.hfaxd"
        user = _USER.match(client.replace("\\", ""))
        if client.startswith("!") or user is None:
            left.append(Left(what, f"Is of a host, or of whoever may not log in: {client[:80]}"))
            continue
        email = _address(user[1], reading)
        if email is None:
            left.append(Left(what, f"{user[1]} has no domain: --mail-domain gives one."))
        else:
            people.add(email, user[1], administrator=len(more) > 2 and bool(more[2]))


def _settings_of(text: str) -> Iterator[_Set]:
    """Each place where SENDTO is set. Lines that end in a backslash go on."""
    variable: str | None = None
    patterns: tuple[str, ...] = ()
    in_if = False
    for number, line in _lines(text):
        rest = line
        if (case := _CASE.search(rest)) is not None:
            variable, patterns, in_if = case[1], (), False
            rest = rest[case.end() :]
        for part in re.split(r";;&?|;&", rest) if variable is not None and not in_if else [rest]:
            if variable is not None and not in_if and (branch := _BRANCH.fullmatch(part.strip())) is not None:
                patterns = tuple(each.strip().strip("\"'") for each in branch[1].split("|"))
                part = branch[2]  # noqa: PLW2901 - what follows the pattern
            if (tested := _IF.search(part)) is not None:
                variable, patterns, in_if = tested[1], (tested[2],), True
            for sent in _SENDTO.finditer(part):
                yield _Set(number, next(filter(None, sent.groups()), ""), variable, patterns)
        if re.search(r"\besac\b", rest) or (in_if and re.search(r"\b(fi|else)\b", rest)):
            variable, patterns, in_if = None, (), False


def _lines(text: str) -> Iterator[tuple[int, str]]:
    waiting, began = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*", "", raw)
        began = began if waiting else number
        if line.endswith("\\"):
            waiting += line[:-1] + " "
            continue
        yield began, waiting + line
        waiting = ""
    if waiting:
        yield began, waiting


def _take(
    each: _Set, people: People, boxes: list[Box], numbers: list[Number], reading: Reading, left: list[Left]
) -> None:
    what = f"line {each.line} of FaxDispatch"
    readers, others = _readers(each.to, reading)
    for name in others:
        why = f"SENDTO={name[:80]!r} is no address: --mail-domain gives names a domain."
        left.append(Left(what, why))
    if not readers:
        return
    for reader in readers:
        people.add(reader)
    if each.variable is None or not each.patterns:
        why = f"Is for all faxes: they go to {', '.join(readers)}. Enter numbers with `faxplan did add`."
        left.append(Left(what, why))
        return
    if each.variable not in (*CALLED, *reading.called):
        name = each.variable
        left.append(
            Left(what, f"Goes by ${name}, which is not the called number; if it is, say --did-variable {name}.")
        )
        return
    for pattern in each.patterns:
        number = _whole(pattern, reading)
        if number is None:
            why = f"{pattern[:60]!r} is no whole number; --numbers-begin says what stands before an ending."
            left.append(Left(what, why))
            continue
        mailbox = readers[0]
        if len(readers) > 1:
            mailbox = number
            boxes.append(Box(mailbox, tuple(readers)))
        numbers.append(Number(number, mailbox))


def _readers(text: str, reading: Reading) -> tuple[list[str], list[str]]:
    found, others = import_inventory.addresses(text)
    left: list[str] = []
    for name in others:
        email = _address(name, reading)
        if email is None:
            left.append(name)
        else:
            found.append(email)
    return list(dict.fromkeys(found)), left


def _address(name: str, reading: Reading) -> str | None:
    """Of a name that has perhaps no domain."""
    if "@" not in name and reading.mail_domain:
        return import_inventory.address(f"{name}@{reading.mail_domain}")
    return import_inventory.address(name)


def _whole(pattern: str, reading: Reading) -> str | None:
    if _PLAIN.fullmatch(pattern):
        return pattern
    ending = _ENDING.fullmatch(pattern)
    return None if ending is None or not reading.numbers_begin else f"{reading.numbers_begin}{ending[1]}"


def files_in(folder: Path) -> Sequence[Path | None]:
    """FaxDispatch and hosts.hfaxd of a spooling area, its `etc`, or a copy of it; None for one that is not there."""
    for place in (folder, folder / "etc"):
        found = [place / name if (place / name).is_file() else None for name in ("FaxDispatch", "hosts.hfaxd")]
        if any(found):
            return found
    raise UnreadableExport(f"{folder} has neither FaxDispatch nor hosts.hfaxd: name HylaFAX's folder etc.")
