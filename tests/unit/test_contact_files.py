"""Files of contacts: what spreadsheets write is read, and what is written comes back unchanged and runs nowhere."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import contact_files, numbers
from faxplan.contact_files import Reading, UnreadableFile
from faxplan.contacts import Entry
from tests.hostile import TEXTS, can_be_stored

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d")


def is_number(cell: str) -> bool:
    return numbers.normalise_or_none(cell, "DE") is not None


def read(content: bytes | str, reading: Reading | None = None) -> contact_files.Sheet:
    raw = content if isinstance(content, bytes) else content.encode()
    return contact_files.read(raw, is_number, reading)


def entries(content: bytes | str, reading: Reading | None = None) -> list[Entry]:
    sheet = read(content, reading)
    return [contact_files.entry_of(each, sheet.columns) for each in sheet.records if each.cells is not None]


ANN = Entry("Ann Müller", "Müller & Co", "030 23125009", "ann@x.example", "Ring first")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "heading",
    ["Name,Company,Fax number,E-mail address,Note", "Ansprechpartner,Firma,Telefax,E-Mail-Adresse,Bemerkung", None],
)
def test_a_table_is_read_as_spreadsheets_save_it(separator: str, encoding: str, end: str, heading: str | None) -> None:
    if heading is None:
        lines = ["030 23125009,ann@x.example,Ann Müller,Müller & Co,Ring first"]
    else:
        lines = [heading, "Ann Müller,Müller & Co,030 23125009,ann@x.example,Ring first"]
    content = end.join(lines).replace(",", separator).encode(encoding)
    assert entries(content) == [ANN]


@pytest.mark.parametrize("encoding", contact_files.ENCODINGS)
def test_an_encoding_may_be_said(encoding: str) -> None:
    name = {"windows-1251": "Анна", "iso-8859-2": "Łucja", "shift_jis": "田中", "gb18030": "张伟"}.get(encoding, "Ann")
    content = f"Name|Fax\n{name}|030 23125009\n".encode(contact_files.ENCODINGS[encoding])
    assert entries(content, Reading(encoding=encoding)) == [Entry(name, "", "030 23125009")]
    assert read(content, Reading(encoding=encoding)).encoding == encoding


def test_what_is_not_of_the_encoding_that_is_said_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="utf-8"):
        read(b"Name,Fax\n\xff,1\n", Reading(encoding="utf-8"))
    # As it is found out, so it is read when it comes again.
    for content in (b"Name,Fax\n\x81\xe4,1\n", "Name,Fax\nÄ,1\n".encode("utf-16"), "Name,Fax\nÄ,1\n".encode()):
        found = read(content)
        assert read(content, Reading(encoding=found.encoding)) == found


def test_first_and_last_names_make_one_and_the_fax_number_is_taken_before_the_telephone() -> None:
    text = "Vorname;Nachname;Firma;Telefon;Fax geschäftlich\nAnn;Müller;Co;030 1234567;030 23125009\n"
    assert entries(text) == [Entry("Ann Müller", "Co", "030 23125009")]


def test_what_a_column_means_may_be_said() -> None:
    text = "x,y\n030 23125009,Ann\n"
    assert read(text).columns == {"number": 0, "name": 1}
    said = Reading("comma", has_heading=True, columns={"number": 0, "company": 1})
    assert entries(text, said) == [Entry("", "Ann", "030 23125009")]
    assert len(entries(text, Reading(has_heading=False, columns={"number": 0}))) == 2
    # Of a column that is not there, nothing.
    assert entries(text, Reading(has_heading=True, columns={"number": 70}))[0] == Entry("", "", "")


def test_a_broken_line_takes_no_other_with_it() -> None:
    text = 'Name,Fax\n"Ann,030 23125009\nBob,030 23125008\n"C" D,030 23125007\n"E\nF",030 23125006\n\n ,\nG,1\n'
    sheet = read(text)
    assert [(each.line, each.cells, each.raw) for each in sheet.records] == [
        (2, None, '"Ann,030 23125009'),
        (3, ["Bob", "030 23125008"], "Bob,030 23125008"),
        (4, None, '"C" D,030 23125007'),
        (5, ["E\nF", "030 23125006"], '"E\nF",030 23125006'),
        (9, ["G", "1"], "G,1"),
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PK\x03\x04\x14\x00\xff\x00", b"a" * (5 * 1024**2 + 1)])
def test_what_is_no_table_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read(content)


def test_there_is_an_end_to_lines_and_columns() -> None:
    assert len(read("Name,Fax\n" + "a,b\n" * 10_000).records) == 10_000
    with pytest.raises(UnreadableFile, match="10,000"):
        read("Name,Fax\n" + "a,b\n" * 10_001)
    assert [each.cells for each in read("Name,Fax\n" + "a," * 101 + "\na,b\n").records] == [None, ["a", "b"]]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
DANGEROUS = st.builds(lambda a, b, c: a + b + c, st.text("'", max_size=3), st.sampled_from(FORMULAS), TEXT)


@given(st.lists(st.lists(TEXT | DANGEROUS, min_size=3, max_size=3), max_size=5), st.sampled_from([",", ";", "\t"]))
def test_what_is_written_comes_back_unchanged_and_no_cell_is_a_formula(rows: list[list[str]], separator: str) -> None:
    text = contact_files.write([["Name", "Company", "Fax"], *rows], separator)
    name = next(each for each, value in contact_files.SEPARATORS.items() if value == separator)
    sheet = contact_files.read(text.encode(), is_number, Reading(name, has_heading=True))
    # A line of nothing but blanks and separators is none; a blank that would be a formula is written with more.
    assert [each.cells for each in sheet.records] == [
        row for row in rows if any(each.strip("\r\n\t ;,") or each.startswith(FORMULAS) for each in row)
    ]
    for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator):
        assert not [cell for cell in row if cell.startswith(FORMULAS)]


@pytest.mark.parametrize("text", [each for each in TEXTS if can_be_stored(each)])
def test_a_contact_comes_back_whatever_it_is_called(text: str) -> None:
    given_ = Entry(text.strip(), f"={text}", "+493023125009", "", f"@{text}")
    assert "'+493023125009" in contact_files.write_entries([given_])
    sheet = read(contact_files.write_entries([given_], ";"))
    (record,) = sheet.records
    assert record.cells is not None
    assert record.cells[:3] == [text.strip(), f"={text}", "+493023125009"]
