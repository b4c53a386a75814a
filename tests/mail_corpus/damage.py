"""Mails that are broken, by age or by accident: what can be read is read, and the rest is answered."""

from base64 import b64encode, encodebytes
from random import Random

from tests.mail_corpus.building import (
    CONTRACT,
    Case,
    Expected,
    File,
    attached,
    case,
    lines,
    mail,
    multipart,
    part,
    pdf,
    text,
    with_contract,
)

ONE = Expected([CONTRACT])


def _noise(size: int) -> bytes:
    return Random(1).randbytes(size)  # noqa: S311


def _damaged(title: str, raw: bytes, expected: Expected) -> Case:
    return case(f"damage: {title}", raw, expected)


_BASE64 = encodebytes(pdf()).replace(b"\n", b"\r\n")
_JUNK = _BASE64[:40] + b"!*\x80 \r\n\r\n" + _BASE64[40:]
_AS_PDF = ('application/pdf; name="Contract.pdf"', "Content-Transfer-Encoding: base64")
_LIST = b"_______________\r\nlist mailing list\r\n"
BROKEN = [
    _damaged("an empty mail", b"", Expected(refused="unclear-sender")),
    _damaged("no header at all", b"hello\r\n", Expected(refused="unclear-sender")),
    _damaged("nothing but bytes", _noise(3000), Expected(refused="unclear-sender")),
    _damaged("no empty line behind the header", mail(b"")[:-2], Expected(body="")),
    _damaged(
        "the header is nothing but a From line of a mailbox",
        b"From ann@acme.example Fri Nov 27 10:00:00 2026\r\n" + with_contract(),
        ONE,
    ),
    _damaged(
        "no boundary is said",
        mail(lines("Content-Type: multipart/mixed", "", "--x", "", "text", "--x--")),
        Expected(refused="damaged-mail"),
    ),
    _damaged(
        "the boundary is empty",
        mail(lines('Content-Type: multipart/mixed; boundary=""', "", "--", "", "text")),
        Expected(refused="damaged-mail"),
    ),
    _damaged("no part behind the boundary", mail(multipart()), Expected(body="")),
    _damaged("no closing boundary", mail(multipart(text(), attached(pdf(), "Contract.pdf"), end=False)), ONE),
    _damaged(
        "cut within a document",
        mail(multipart(text(), attached(pdf(), "Contract.pdf"), end=False))[:-101],
        Expected(refused="damaged-mail"),
    ),
    _damaged(
        "the inner boundary is never closed",
        mail(
            multipart(
                multipart(text(), kind="alternative", boundary="=_alt", end=False), attached(pdf(), "Contract.pdf")
            )
        ),
        ONE,
    ),
    _damaged(
        "the boundary of one part begins as that of another does",
        mail(multipart(multipart(text(), kind="alternative", boundary="=_partial"), attached(pdf(), "Contract.pdf"))),
        ONE,
    ),
    _damaged("white space behind a boundary", with_contract().replace(b"--=_part\r\n", b"--=_part  \t\r\n"), ONE),
    _damaged("bare LF everywhere", with_contract().replace(b"\r\n", b"\n"), ONE),
    _damaged("bare LF in the header only", with_contract().replace(b"\r\n", b"\n", 8), ONE),
    _damaged("bare CR everywhere", with_contract().replace(b"\r\n", b"\r"), Expected(refused="unclear-sender")),
    _damaged("a text behind the last boundary", with_contract() + b"epilogue\r\n--=_part\r\n\r\nmore\r\n", ONE),
    _damaged("a part with no header", mail(multipart(b"\r\nPlease fax this.", attached(pdf(), "Contract.pdf"))), ONE),
    _damaged(
        "a part with neither header nor empty line",
        mail(multipart(b"Please fax this.", attached(pdf(), "Contract.pdf"))),
        ONE,
    ),
    _damaged("base64 with junk in it", mail(multipart(text(), part(_JUNK, *_AS_PDF, encoding=""))), ONE),
    _damaged("base64 in one line", mail(multipart(text(), part(b64encode(pdf()), *_AS_PDF, encoding=""))), ONE),
    _damaged(
        "base64 in lines of 61",
        mail(
            multipart(
                text(),
                part(b"\r\n".join(b64encode(pdf())[at : at + 61] for at in range(0, 4000, 61)), *_AS_PDF, encoding=""),
            )
        ),
        ONE,
    ),
    _damaged(
        "base64 with no padding",
        mail(multipart(text(), part(b64encode(pdf("12")).rstrip(b"="), *_AS_PDF, encoding=""))),
        Expected([File("Contract.pdf", "application/pdf", pdf("12"))]),
    ),
    _damaged(
        "base64 with a list's footer",
        mail(multipart(text(), part(b64encode(pdf("1")) + b"\r\n" + _LIST, *_AS_PDF, encoding=""))),
        Expected([File("Contract.pdf", "application/pdf", pdf("1"))]),
    ),
    _damaged(
        "base64 in capitals",
        mail(
            multipart(
                text(),
                part(_BASE64, "application/pdf; name=Contract.pdf", "Content-transfer-encoding:BASE64", encoding=""),
            )
        ),
        ONE,
    ),
    _damaged(
        "a multipart that says base64",
        with_contract().replace(b'boundary="=_part"', b'boundary="=_part"\r\nContent-Transfer-Encoding: base64', 1),
        ONE,
    ),
    _damaged(
        "a type that is none",
        mail(multipart(text(), part(pdf(), "pdf; name=Contract.pdf"))),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    _damaged(
        "no type, but a name",
        mail(multipart(text(), part(pdf(), "", "Content-Disposition: attachment; filename=Contract.pdf"))),
        Expected([File("Contract.pdf", "text/plain", pdf())]),
    ),
    _damaged(
        "two types",
        mail(multipart(text(), part(pdf(), "application/pdf; name=Contract.pdf", "Content-Type: text/plain"))),
        ONE,
    ),
    _damaged(
        "a subject in 8 bits", with_contract(subject="Subject: Verträge"), Expected([CONTRACT], subject="Verträge")
    ),
    _damaged(
        "a subject in Windows-1252",
        with_contract(subject="Subject: Vertr\udce4ge"),
        Expected([CONTRACT], subject="Verträge"),
    ),
    _damaged(
        "a subject in RFC 2047 with a letter in two words",
        with_contract(subject="Subject: =?utf-8?B?VmVydHLD?=\r\n =?utf-8?B?pGdl?="),
        Expected([CONTRACT], subject="Verträge"),
    ),
    _damaged(
        "a subject in RFC 2047 that is too long",
        with_contract(subject="Subject: =?utf-8?Q?" + "a" * 900 + "?="),
        Expected([CONTRACT], subject="a" * 900),
    ),
    _damaged(
        "a subject in RFC 2047 with a bad base64",
        with_contract(subject="Subject: =?utf-8?B?VmVydA?= x"),
        Expected([CONTRACT], subject="Vert x"),
    ),
    _damaged(
        "a subject with a line end in it",
        with_contract(subject="Subject: =?utf-8?Q?a=0D=0ABcc:_x?="),
        Expected([CONTRACT], subject="a\ufffd\ufffdBcc: x"),
    ),
    _damaged("a subject with a NUL", with_contract(subject="Subject: a\0b"), Expected([CONTRACT], subject="a\ufffdb")),
    _damaged("two subjects", with_contract("Subject: Other"), ONE),
    _damaged("two Message-IDs", with_contract("Message-ID: <2@acme.example>"), ONE),
    _damaged("a Message-ID that is none", with_contract(number="Message-ID: a b c"), ONE),
    _damaged(
        "a header line with no colon",
        mail(multipart(text(), attached(pdf(), "Contract.pdf")), "this is no header").replace(
            b"MIME-Version", b"\r\nMIME-Version"
        ),
        Expected(body=None),
    ),
    _damaged("fields with no value", with_contract("X-Empty:", "Date:"), ONE),
    _damaged("lines of 100,000 bytes", with_contract("X-Long: " + "x" * 100_000), ONE),
    _damaged("a name of a field of 10,000 letters", with_contract(f"X-{'x' * 10_000}: y"), ONE),
]
