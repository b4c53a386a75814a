"""Mails that are large, or made to harm; and archives."""

from random import Random

from tests.mail_corpus.building import (
    CONTRACT,
    Expected,
    File,
    archive,
    attached,
    case,
    html,
    lines,
    mail,
    message,
    multipart,
    pdf,
    text,
    with_contract,
)
from tests.mail_corpus.tnef_files import tnef

ONE = Expected([CONTRACT])


def _noise(size: int) -> bytes:
    return Random(1).randbytes(size)  # noqa: S311


_MEGABYTE = 1024 * 1024


def _of_40_mb() -> bytes:
    return mail(multipart(text(), attached(pdf() + _noise(28 * _MEGABYTE), "large.pdf")))


class _Large(File):
    """Its digest is of what is made when it is asked for."""

    @property
    def digest(self) -> str:
        return File("", "", pdf() + _noise(28 * _MEGABYTE)).digest


def _headers_only(count: int) -> bytes:
    return mail(b"\r\n", *[f"X-{each}: y" for each in range(count)])


HOSTILE = [
    case("size: 40 MB", _of_40_mb, Expected([_Large("large.pdf", "application/pdf", b"")])),
    case("size: 70 MB", lambda: mail(attached(bytes(50 * _MEGABYTE), "large.pdf")), Expected(refused="mail-too-large")),
    case(
        "size: 100 documents",
        lambda: mail(multipart(text(), *[attached(b"x", f"{each}.pdf") for each in range(100)])),
        Expected([File(f"{each}.pdf", "application/pdf", b"x") for each in range(100)]),
    ),
    case(
        "size: 101 documents",
        lambda: mail(multipart(*[attached(b"x", f"{each}.pdf") for each in range(101)])),
        Expected(refused="too-many-attachments"),
    ),
    case(
        "size: 101 documents in winmail.dat",
        lambda: mail(
            attached(tnef(*[(f"{each}.pdf", b"x") for each in range(101)]), "winmail.dat", "application/ms-tnef")
        ),
        Expected(refused="too-many-attachments"),
    ),
    case(
        "size: 2000 parts of text", lambda: mail(multipart(*[text("a")] * 2000)), Expected(refused="mail-too-complex")
    ),
    case("size: 100,000 parts", lambda: mail(multipart(*[b"\r\n"] * 100_000)), Expected(refused="mail-too-complex")),
    case(
        "size: 100,000 multiparts, each in another",
        lambda: mail(
            b"".join(
                lines(f"Content-Type: multipart/mixed; boundary=b{each}", "", f"--b{each}") for each in range(100_000)
            )
        ),
        Expected(refused="mail-too-complex"),
    ),
    case(
        "size: 1000 mails, each in another",
        lambda: mail(lines("Content-Type: message/rfc822", "") * 1000),
        Expected(refused="mail-too-complex"),
    ),
    case(
        "size: a field of 1 MB",
        lambda: mail(b"\r\n", "X-Long: " + "x" * _MEGABYTE),
        Expected(refused="mail-too-complex"),
    ),
    case("size: 2000 fields", lambda: _headers_only(2000), Expected(refused="mail-too-complex")),
    case(
        "size: a million lines that could be boundaries",
        lambda: mail(multipart(text("--x\r\n" * 1_000_000))),
        Expected(refused="mail-too-complex"),
    ),
    case("size: a text of a megabyte", lambda: mail(text("many words " * 100_000)), Expected(refused="mail-too-large")),
    case("size: HTML of tags alone", lambda: mail(html("<b>" * 1_000_000)), Expected(refused="mail-too-large")),
    case(
        "a ZIP archive",
        mail(multipart(text(), attached(archive(a_pdf=pdf()), "contracts.zip", "application/zip"))),
        Expected(refused="archive-refused"),
    ),
    case(
        "a ZIP archive of type octet-stream",
        mail(multipart(text(), attached(archive(a_pdf=pdf()), "contracts.zip", "application/octet-stream"))),
        Expected(refused="archive-refused"),
    ),
    case(
        "a ZIP archive in a forwarded mail",
        mail(
            multipart(
                text(),
                message(
                    mail(
                        multipart(attached(archive(a_pdf=pdf()), "a.zip", "application/zip"), boundary="=_in"), proof=""
                    )
                ),
            )
        ),
        Expected(refused="archive-refused"),
    ),
    case(
        "a ZIP archive in winmail.dat",
        lambda: mail(attached(tnef(("contracts.zip", archive(a_pdf=pdf()))), "winmail.dat", "application/ms-tnef")),
        Expected(refused="archive-refused"),
    ),
    case(
        "a 7z archive that is called a PDF",
        mail(attached(b"7z\xbc\xaf\x27\x1c\0\4", "Contract.pdf")),
        Expected(refused="archive-refused"),
    ),
    case(
        "a RAR archive",
        mail(attached(b"Rar!\x1a\x07\x00x", "c.rar", "application/vnd.rar")),
        Expected(refused="archive-refused"),
    ),
    case(
        "a tar archive, compressed",
        mail(attached(b"\x1f\x8b\x08\0x", "c.tar.gz", "application/gzip")),
        Expected(refused="archive-refused"),
    ),
    case("headers slipped in by a recipient's name", with_contract('To: "a\r\n X-Fax-PIN: 1" <4930@fax.example>'), ONE),
]
