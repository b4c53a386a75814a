"""How the mails of the corpus are written: as bytes that one can read, since many of them no library would write."""

import hashlib
import io
import zipfile
from base64 import encodebytes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw

SENDER = "ann@acme.example"
DOMAIN = "acme.example"
MTA = "mx.fax.example"
RECIPIENT = "+493023125009@fax.acme.example"
"""What stands in To, since a proof by DKIM wants it (mail_sender.is_signed_to)."""
SIGNED = "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=From : To:\r\n Cc:Subject; bh=eA==; b=eA=="
"""As PROVEN is what our mail server says of it; nobody here asks whether that is so."""
PROVEN = f"Authentication-Results: {MTA}; dkim=pass header.d={DOMAIN} header.s=s1"
MARK = "fax-answers.example"
"""What our own mails would have in X-Loop."""
END = "\r\n"


@dataclass(frozen=True)
class File:
    """One that is to be faxed."""

    name: str
    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Expected:
    """What has to come of a mail. refused: an error_id, and then nothing else counts. body None: whatever. proof: one
    of mail_authentication.Proof, or empty where it is not proven. files may be empty: then there is only the body, or
    nothing to fax."""

    files: Sequence[File] = ()
    body: str | None = "Please fax this."
    refused: str = ""
    automatic: str | None = None
    loops: bool = False
    proof: str = "dkim"
    sender: str = SENDER
    subject: str = "Contract"


@dataclass(frozen=True)
class Case:
    """make: the mail, when it is wanted: one of them has 40 MB."""

    name: str
    make: Callable[[], bytes]
    expected: Expected


@cache
def pdf(text: str = "contract", pages: int = 1) -> bytes:
    """A PDF of one or more A4 pages with a line of text, which says what file it is."""
    kids = " ".join(f"{4 + 2 * each} 0 R" for each in range(pages))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for each in range(pages):
        drawn = f"BT /F1 24 Tf 72 700 Td ({text} {each + 1}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * each} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{each:010} 00000 n \n" for each in places)
    return out + f"{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()


@cache
def picture(text: str = "scan", kind: str = "PNG", width: int = 800, height: int = 1100) -> bytes:
    image = Image.new("1" if kind == "TIFF" else "L", (width, height), 1 if kind == "TIFF" else 255)
    ImageDraw.Draw(image).text((40, 40), text, fill=0)
    out = io.BytesIO()
    image.save(out, kind, **({"compression": "group4"} if kind == "TIFF" else {}))
    return out.getvalue()


@cache
def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name.replace("_", ".")), content)
    return out.getvalue()


@cache
def word_document(text: str = "Contract") -> bytes:
    out = io.BytesIO()
    kinds = "application/vnd.openxmlformats-"
    with zipfile.ZipFile(out, "w") as made:
        for name, content in {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            f'<Default Extension="rels" ContentType="{kinds}package.relationships+xml"/><Override '
            f'PartName="/word/document.xml" ContentType="{kinds}officedocument.wordprocessingml.document.main+xml"/>'
            "</Types>",
            "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
            'officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>",
        }.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def lines(*each: str) -> bytes:
    """Of a header or a text, in UTF-8, each with its end."""
    return "".join(line + END for line in each).encode("utf-8", "surrogateescape")


def part(content: bytes, content_type: str, *headers: str, encoding: str = "base64") -> bytes:
    """One part of a mail. content_type, headers: as they stand there. encoding: base64, or one that changes nothing."""
    encoded = encodebytes(content).replace(b"\n", b"\r\n") if encoding == "base64" else content
    first = [f"Content-Type: {content_type}"] if content_type else []
    return lines(*first, *headers, *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []), "") + encoded


def attached(content: bytes, name: str, media_type: str = "application/pdf") -> bytes:
    """As most programs write an attachment."""
    return part(content, f'{media_type}; name="{name}"', f'Content-Disposition: attachment; filename="{name}"')


def text(words: str = "Please fax this.", charset: str = "utf-8", extra: str = "") -> bytes:
    return part((words + END).encode(charset), f"text/plain; charset={charset}{extra}", encoding="8bit")


def html(words: str, charset: str = "utf-8") -> bytes:
    return part((words + END).encode(charset), f"text/html; charset={charset}", encoding="8bit")


def multipart(*parts: bytes, kind: str = "mixed", boundary: str = "=_part", extra: str = "", end: bool = True) -> bytes:
    """end: its last boundary is there."""
    out = [lines(f'Content-Type: multipart/{kind}; boundary="{boundary}"{extra}', "", "A mail of several parts.")]
    for each in parts:
        out += [lines("", f"--{boundary}"), each]
    return b"".join(out) + (lines("", f"--{boundary}--") if end else b"")


def message(content: bytes, name: str = "") -> bytes:
    """A mail, as an attachment of another."""
    named = f'; name="{name}"' if name else ""
    return lines(f"Content-Type: message/rfc822{named}", "Content-Disposition: attachment", "") + content


def mail(
    content: bytes,
    *headers: str,
    sender: str = f"From: Ann Example <{SENDER}>",
    subject: str = "Subject: Contract",
    proof: str = PROVEN,
    number: str = "Message-ID: <1@acme.example>",
    signature: str = SIGNED,
) -> bytes:
    """content: its part, or parts; their header is the mail's as well. Of what is empty there is no line."""
    known = (
        proof,
        signature,
        "Received: from a.example by mx.fax.example; Fri, 27 Nov 2026 10:00:00 +0000",
        sender,
        subject,
    )
    return (
        lines(*filter(None, known), f"To: {RECIPIENT}", *filter(None, (number,)), *headers, "MIME-Version: 1.0")
        + content
    )


def case(name: str, content: Callable[[], bytes] | bytes, expected: Expected | None = None) -> Case:
    """content: the whole mail, or what makes it."""
    make = content if callable(content) else lambda: content
    return Case(name, make, expected or Expected())


CONTRACT = File("Contract.pdf", "application/pdf", pdf())
"""What most of them bring."""


def with_contract(*headers: str, **fields: str) -> bytes:
    """The plainest mail that there is, with other headers."""
    return mail(multipart(text(), attached(pdf(), "Contract.pdf")), *headers, **fields)
