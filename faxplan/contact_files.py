"""Files of contacts: CSV as spreadsheets and address books write it, read and written.

Read: UTF-8, UTF-16 with its mark, or else Windows-1252, unless another encoding is said; comma, semicolon, tab or
vertical bar between the cells; what a column means is found out by its heading, in English or German, and may be said
otherwise. A line that cannot be read is told of, and the ones after it are read all the same.

Written: UTF-8 with its mark. A spreadsheet takes a cell that begins with = + - @ (or a tab or a line end) for a
formula, and a number with + for one to be added up: such a cell gets an apostrophe before it, and so does one that
would look as if it had one. `_plain` takes that one apostrophe off again: what was written comes back unchanged.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from faxplan import contact_words, language, spreadsheets
from faxplan.contacts import Entry
from faxplan.errors import FaxplanError
from faxplan.language import _, marked

MOST_BYTES = 5 * 1024**2
MOST_LINES = 10_000
MOST_COLUMNS = 100
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
UTF_8, UTF_16, WINDOWS = "utf-8", "utf-16", "windows-1252"
ENCODINGS = {
    UTF_8: "utf-8-sig", UTF_16: "utf-16", WINDOWS: "cp1252", "windows-1250": "cp1250", "windows-1251": "cp1251",
    "windows-1253": "cp1253", "windows-1254": "cp1254", "windows-1255": "cp1255", "windows-1256": "cp1256",
    "iso-8859-1": "latin-1", "iso-8859-2": "iso8859-2", "iso-8859-15": "iso8859-15", "macintosh": "mac-roman",
    "ibm850": "cp850", "shift_jis": "cp932", "euc-kr": "cp949", "gb18030": "gb18030", "big5": "big5",
}  # fmt: skip
"""As IANA calls them. The first three are found out."""
FIELDS = ("name", "first", "last", "company", "number", "email", "note")
HEADINGS = {
    "name": marked("Name"),
    "company": marked("Company"),
    "number": marked("Fax number"),
    "email": marked("E-mail address"),
    "note": marked("Note"),
}
"""Of what is written."""
_KNOWN = {
    "name": "name, full name, display name, contact, contact name, kontakt, ansprechpartner, anzeigename, "
    "vollstandiger name, formatted name",
    "first": "first name, given name, vorname",
    "last": "last name, surname, family name, nachname, familienname",
    "company": "company, company name, organisation, organization, organization name, organization 1 - name, firma, "
    "firmenname, unternehmen",
    "number": "fax number, fax, business fax, fax business, work fax, faxnummer, fax-nummer, telefax, telefaxnummer, "
    "fax geschaftlich, fax (geschaftlich), fax dienstlich, number, nummer, phone, phone number, telephone, telefon, "
    "telefonnummer, rufnummer",
    "email": "e-mail address, e-mail, email, email address, mail, e-mail-adresse, emailadresse, mailadresse",
    "note": "note, notes, notiz, notizen, comment, comments, kommentar, bemerkung, bemerkungen, anmerkung",
}
_HEADING_OF = {name: field for field, names in _KNOWN.items() for name in names.split(", ")}
_FIRST_CHOICE = {name: place for names in _KNOWN.values() for place, name in enumerate(names.split(", "))}
# Also behind apostrophes: taking one off must bring back what was there.
_FORMULA = re.compile(f"'*[{re.escape(''.join(spreadsheets.SIGNS))}\n]")
_LONGEST_RECORD = 200
"""Lines that one record may have, for a note: a quotation mark that nobody closed takes no more with it."""


class UnreadableFile(FaxplanError):
    """It is no file of contacts, or too large."""

    error_id = "unreadable-file"


@dataclass(frozen=True, slots=True)
class Record:
    """A line of a file, or several, if a cell has several. line: its first, from 1. cells None: they cannot be told
    apart, and `raw` is all that is known."""

    line: int
    cells: list[str] | None
    raw: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is in a file. heading: the first record's cells, where it is a heading. columns: what each column means, by
    field: its place, from 0. encoding: of ENCODINGS."""

    separator: str
    heading: list[str] | None
    records: list[Record]
    columns: Mapping[str, int]
    encoding: str = UTF_8

    @property
    def width(self) -> int:
        """How many columns there are."""
        return max((len(each.cells or ()) for each in self.records), default=0)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; None: as it is found out."""

    separator: str | None = None
    has_heading: bool | None = None
    columns: Mapping[str, int] | None = None
    encoding: str | None = None


def text_of(content: bytes, most_bytes: int = MOST_BYTES) -> str:
    """Raises UnreadableFile."""
    return _decoded(content, most_bytes, None)[0]


def _decoded(content: bytes, most_bytes: int, encoding: str | None) -> tuple[str, str]:
    """The text, and its encoding, of ENCODINGS. Raises UnreadableFile."""
    if len(content) > most_bytes:
        raise UnreadableFile(
            _("This file is too large: {most} MB at most. Divide it.").format(most=most_bytes // 1024**2)
        )
    if encoding is not None:
        try:
            # As it is found out, it is read: whatever is in it.
            return content.decode(ENCODINGS[encoding], "replace" if encoding == WINDOWS else "strict"), encoding
        except UnicodeDecodeError as error:
            raise UnreadableFile(
                _("This file is not written as {encoding}. Choose how it is written, or let it be found out.").format(
                    encoding=encoding
                )
            ) from error
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16"), UTF_16
        return content.decode("utf-8-sig"), UTF_8
    except UnicodeDecodeError:
        if b"\0" in content:
            raise UnreadableFile(
                _("This is no CSV file. Save the table as CSV (UTF-8) in the program that it is from.")
            ) from None
        return content.decode("cp1252", "replace"), WINDOWS


def read(
    content: bytes,
    is_number: Callable[[str], bool],
    reading: Reading | None = None,
    *,
    most_bytes: int = MOST_BYTES,
    most_lines: int = MOST_LINES,
) -> Sheet:
    """is_number: whether a cell is a telephone number. Raises UnreadableFile."""
    reading = reading or Reading()
    text, encoding = _decoded(content, most_bytes, reading.encoding)
    lines = list(io.StringIO(text, newline=""))
    if not any(each.strip() for each in lines):
        raise UnreadableFile(_("This file is empty."))
    separator = SEPARATORS[reading.separator] if reading.separator else _separator(lines)
    records = list(islice(_records(lines, separator), most_lines + 2))
    if len(records) > most_lines + 1:
        raise UnreadableFile(
            _("This file has more than {most} lines. Divide it.").format(most=language.number(most_lines))
        )
    first = records[0].cells or []
    recognised = _recognised(first)
    has_heading = reading.has_heading
    if has_heading is None:
        has_heading = bool(recognised) and not any(map(is_number, first))
    rest = records[1:] if has_heading else records
    columns = reading.columns
    if columns is None:
        columns = recognised if has_heading else _guessed(rest, is_number)
    name = next(each for each, value in SEPARATORS.items() if value == separator)
    return Sheet(name, first if has_heading else None, rest, columns, encoding)


def entry_of(record: Record, columns: Mapping[str, int]) -> Entry:
    """What a line says; not checked. record: with cells."""
    cells = record.cells or []

    def cell(field: str) -> str:
        place = columns.get(field, -1)
        return cells[place].strip() if 0 <= place < len(cells) else ""

    name = cell("name") or " ".join(each for each in (cell("first"), cell("last")) if each)
    return Entry(name, cell("company"), cell("number"), cell("email"), cell("note"))


def write(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """The text of a CSV file, with its mark at the beginning."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    for row in rows:
        writer.writerow([f"'{each}" if _FORMULA.match(each) else each for each in row])
    return out.getvalue()


def write_entries(entries: Iterable[Entry], separator: str = ",") -> str:
    """A file of contacts, with its heading."""
    rows = ([each.name, each.company, each.number, each.email, each.note] for each in entries)
    return write([[_(each) for each in HEADINGS.values()], *rows], separator)


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _records(lines: list[str], separator: str) -> Iterator[Record]:
    at = 0
    while at < len(lines):
        if not lines[at].strip("\r\n\t ;,|"):
            at += 1
            continue
        # A line at a time, so that one that is broken takes no other with it. strict: else an open quotation mark
        # would swallow what follows in silence.
        reader = csv.reader(lines[at : at + _LONGEST_RECORD], delimiter=separator, strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            yield Record(at + 1, None, lines[at].rstrip("\r\n"))
            at += 1
            continue
        raw = "".join(lines[at : at + reader.line_num]).rstrip("\r\n")
        yield Record(at + 1, [_plain(each) for each in cells] if len(cells) <= MOST_COLUMNS else None, raw)
        at += reader.line_num


def _separator(lines: list[str]) -> str:
    """With which most lines have as many cells as the first, and more than one."""

    def fits(separator: str) -> tuple[int, int]:
        widths = [len(each.cells) for each in islice(_records(lines[:60], separator), 20) if each.cells is not None]
        width = widths[0] if widths else 1
        return (sum(each == width for each in widths) if width > 1 else 0, width)

    return max(SEPARATORS.values(), key=fits)


def _recognised(heading: Sequence[str]) -> dict[str, int]:
    found: dict[str, tuple[int, int]] = {}
    for place, each in enumerate(heading):
        name = " ".join(contact_words.folded(each).split())
        field = _HEADING_OF.get(name)
        # Of several, such as telephone and fax, the one that stands first in our list.
        if field is not None and (field not in found or (_FIRST_CHOICE[name], place) < found[field]):
            found[field] = (_FIRST_CHOICE[name], place)
    return {field: place for field, (_choice, place) in found.items()}


def _guessed(records: Sequence[Record], is_number: Callable[[str], bool]) -> dict[str, int]:
    """Of a file without a heading: where the numbers are, and the addresses; what is left are name, company, note."""
    some = [each.cells for each in records[:50] if each.cells]
    width = max(map(len, some), default=0)

    def share(place: int, test: Callable[[str], bool]) -> int:
        return sum(place < len(cells) and test(cells[place].strip()) for cells in some)

    columns: dict[str, int] = {}
    for field, test in (("number", is_number), ("email", lambda each: "@" in each)):
        best = max((place for place in range(width) if place not in columns.values()),
                   key=lambda place: share(place, test), default=None)  # fmt: skip
        if best is not None and share(best, test):
            columns[field] = best
    left = [place for place in range(width) if place not in columns.values()]
    return columns | dict(zip(("name", "company", "note"), left, strict=False))
