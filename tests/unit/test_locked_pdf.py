"""A PDF that a password opens: with ours, and with other programs that read PDF."""

import io
import subprocess
from pathlib import Path

import pikepdf
import pytest

from faxplan import locked_pdf
from faxplan.locked_pdf import CannotBeLocked, locked
from faxplan.passphrases import InvalidSecret
from tests import fax_mails
from tests.vendor_words import vendor_words

PASSWORD = "correct horse battery"  # noqa: S105


def opened(content: bytes, password: str) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(content), password=password)


def ghostscript(content: bytes, folder: Path, password: str | None) -> "subprocess.CompletedProcess[str]":
    (folder / "locked.pdf").write_bytes(content)
    command = ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pgmraw", "-r20", "-sOutputFile=page-%d.pgm"]
    given = [] if password is None else [f"-sPDFPassword={password}"]
    return subprocess.run([*command, *given, "locked.pdf"], cwd=folder, capture_output=True, text=True, check=False)


def test_the_password_opens_it_and_nothing_else_does(tmp_path: Path) -> None:
    content = locked(fax_mails.pdf(3), PASSWORD)
    with opened(content, PASSWORD) as document:
        assert len(document.pages) == 3
    for wrong in ("", "correct horse batterx", PASSWORD.upper()):
        with pytest.raises(pikepdf.PasswordError):
            opened(content, wrong)
    assert ghostscript(content, tmp_path, PASSWORD).returncode == 0
    assert len(list(tmp_path.glob("page-*.pgm"))) == 3
    for page in tmp_path.glob("page-*.pgm"):
        page.unlink()
    assert "requires a password" in ghostscript(content, tmp_path, None).stderr
    assert not list(tmp_path.glob("page-*.pgm"))


def test_it_is_aes_256_metadata_and_all_and_allows_everything() -> None:
    with opened(locked(io.BytesIO(fax_mails.pdf()), PASSWORD), PASSWORD) as document:
        found = document.encryption
        assert (found.R, found.V, found.bits) == (6, 5, 256)
        methods = (found.stream_method, found.string_method, found.file_method)
        assert set(methods) == {pikepdf.models.EncryptionMethod.aesv3}
        assert all(document.allow)
        assert document.trailer.Encrypt.get("/EncryptMetadata", True)


def test_it_names_no_program_and_does_not_say_how_many_pages_there_are() -> None:
    content = locked(fax_mails.pdf(3), PASSWORD)
    assert vendor_words(content) == []
    for word in (b"/Count", b"/Kids", b"/MediaBox", b"/Info"):
        assert word not in content
    with opened(content, PASSWORD) as document:
        assert "/Info" not in document.trailer
        assert "/Metadata" not in document.Root
        plain = io.BytesIO()
        document.save(plain, encryption=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert vendor_words(plain.getvalue()) == []


def test_letters_that_look_alike_open_it_as_pdf_readers_write_them(tmp_path: Path) -> None:
    typed = "Gru\u0308ne \u2168 Wo\u00adrte\u00a0im Wind"
    assert locked_pdf.prepared(typed) == "Grüne IX Worte im Wind"
    content = locked(fax_mails.pdf(), typed)
    with opened(content, "Grüne IX Worte im Wind"):
        pass
    assert ghostscript(content, tmp_path, "Grüne IX Worte im Wind").returncode == 0


def test_two_are_never_the_same() -> None:
    pdf = fax_mails.pdf()
    assert locked(pdf, PASSWORD) != locked(pdf, PASSWORD)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least"),
        ("short", "at least"),
        ("aaaaaaaaaaaaaaaa", "same few"),
        ("password12345", "Many people"),
        ("acme-clinic-2026", "guesses"),
        ("letters\nof two lines", "may not take"),
        ("letters \u05d0 both ways", "may not take"),
        ("letters \ud800 of none", "may not take"),
        ("\u00e4" * 60 + "bcdefghijk", "127 bytes"),
    ],
)
def test_a_bad_password_is_refused(password: str, why: str) -> None:
    with pytest.raises(InvalidSecret, match=why):
        locked_pdf.check_new_password(password, ["Acme Clinic"])


def test_one_that_was_chosen_under_other_rules_locks_nothing() -> None:
    with pytest.raises(InvalidSecret, match="fewer than 12"):
        locked(fax_mails.pdf(), "elevenchars")


def test_one_that_is_made_is_good() -> None:
    made = {locked_pdf.new_password() for _ in range(20)}
    assert len(made) == 20
    for each in made:
        locked_pdf.check_new_password(each)


def test_what_is_no_pdf_or_locked_already_is_refused() -> None:
    with pytest.raises(CannotBeLocked, match="no PDF"):
        locked(b"II*\0", PASSWORD)
    for password in (PASSWORD, ""):
        target = io.BytesIO()
        with opened(fax_mails.pdf(), "") as document:
            document.save(target, encryption=pikepdf.Encryption(owner="owner", user=password))
        with pytest.raises(CannotBeLocked, match="password already"):
            locked(target.getvalue(), PASSWORD)
