"""Names of attachments, as they are written, and what becomes of them."""

from base64 import b64encode

from tests.hostile import TOUCHED
from tests.mail_corpus.building import (
    Case,
    Expected,
    File,
    case,
    mail,
    multipart,
    part,
    pdf,
    text,
)


def _named(title: str, written: str, name: str) -> Case:
    """written: of the Content-Disposition field, behind `attachment; `."""
    inside = multipart(text(), part(pdf(), "application/pdf", f"Content-Disposition: attachment; {written}"))
    return case(f"a name {title}", mail(inside), Expected([File(name, "application/pdf", pdf())]))


def _quoted(title: str, written: str, name: str | None = None) -> Case:
    return _named(title, f'filename="{written}"', name or written)


NAMES = [
    _quoted("with commas", "Contract, draft, 2026.pdf"),
    _quoted("with an apostrophe", "O'Brien's contract.pdf"),
    _quoted("with quotes", 'the \\"final\\" one.pdf', 'the "final" one.pdf'),
    _quoted("with quotes that nobody escaped", 'the "final" one.pdf'),
    _quoted("with a semicolon", "a; b.pdf"),
    _quoted("with an ampersand and a hash", "R&D #1 100%.pdf"),
    _quoted("in UTF-8, as it is", "Verträge für Zoë.pdf"),
    _quoted("in Chinese", "合同.pdf"),
    _quoted("in Arabic", "عقد.pdf"),
    _quoted("with an emoji", "✅ 📠.pdf"),
    _quoted("in Windows-1252, as it is", "Vertr\udce4ge.pdf", "Verträge.pdf"),
    _quoted("in RFC 2047, quoted-printable", "=?iso-8859-1?Q?Vertr=E4ge_2026.pdf?=", "Verträge 2026.pdf"),
    _quoted("in RFC 2047, base64, in two words", "=?utf-8?B?VmVydHLD?= =?utf-8?B?pGdlLnBkZg==?=", "Verträge.pdf"),
    _quoted(
        "in RFC 2047, encoded twice",
        "=?utf-8?B?" + b64encode(b"=?utf-8?Q?Vertr=C3=A4ge.pdf?=").decode() + "?=",
        "Verträge.pdf",
    ),
    _quoted("in RFC 2047, with an unknown character set", "=?x-nobody?Q?Contract.pdf?=", "Contract.pdf"),
    _quoted("in RFC 2047, in Japanese", "=?ISO-2022-JP?B?GyRCN0BMcz1xGyhC?=.pdf", "契約書.pdf"),
    _quoted("in RFC 2047, without an end", "=?utf-8?Q?Contract.pdf", "=?utf-8?Q?Contract.pdf"),
    _named("in RFC 2047 without quotes", "filename==?utf-8?Q?Vertr=C3=A4ge.pdf?=", "Verträge.pdf"),
    _named("in RFC 2231", "filename*=UTF-8'de'Vertr%C3%A4ge%2C%20neu.pdf", "Verträge, neu.pdf"),
    _named("in RFC 2231 in Latin-1", "filename*=iso-8859-1''Vertr%E4ge.pdf", "Verträge.pdf"),
    _named("in RFC 2231 and plain", "filename=\"Vertraege.pdf\"; filename*=utf-8''Vertr%C3%A4ge.pdf", "Verträge.pdf"),
    _named("in RFC 2231, pieces in disorder", 'filename*1="b.pdf"; filename*0="a"', "ab.pdf"),
    _named("in RFC 2231 with no character set", "filename*=Contract%20A.pdf", "Contract A.pdf"),
    _named("with no quotes", "filename=Contract.pdf", "Contract.pdf"),
    _named("with a quote that does not end", 'filename="Contract.pdf', "Contract.pdf"),
    _named("said twice", 'filename="Contract.pdf"; filename="other.pdf"', "Contract.pdf"),
    _named("in capitals", 'FILENAME="Contract.pdf"', "Contract.pdf"),
    _named("folded", 'filename=\r\n\t"Contract.pdf"', "Contract.pdf"),
    _quoted("that climbs out of its folder", "../../../../etc/passwd", "passwd"),
    _quoted("with a path of Windows", "C:\\Users\\ann\\Contract.pdf", "Contract.pdf"),
    _quoted("that is an absolute path", "/etc/cron.d/fax", "fax"),
    _quoted("that is nothing but dots", "..", "attachment-1"),
    _quoted("that is empty", "", "attachment-1"),
    _quoted("that is white space", "   ", "attachment-1"),
    _quoted("that is hidden", ".htaccess", "htaccess"),
    _quoted("of a shell", f"$(touch {TOUCHED.name}); `id` | cat.pdf"),
    _quoted("of a shell's variable", "${IFS}rm -rf *;.pdf"),
    _quoted("of SQL", "'; drop table faxes; --.pdf"),
    _quoted("of a script", "<script>alert(1)</script>.pdf", "script>.pdf"),
    _quoted("that looks like an option", "-dSAFER=false.pdf"),
    _quoted("with a NUL", "Contract.pdf\0.exe", "Contract.pdf_.exe"),
    _quoted("with controls", "a\x1b[2Jb\x07.pdf", "a_[2Jb_.pdf"),
    _quoted("that turns the direction of writing", "invoice\u202efdp.exe", "invoicefdp.exe"),
    _quoted("with white space that is unseen", "a\u200b\u00a0b.pdf", "a b.pdf"),
    _quoted("of 5000 letters", "a" * 5000 + ".pdf", "a" * 146 + ".pdf"),
    _quoted("of 5000 letters in pieces of four bytes", "📠" * 500 + ".pdf", "📠" * 146 + ".pdf"),
    _quoted("without an ending", "Contract"),
    _quoted("with CR and LF encoded", "=?utf-8?Q?a=0D=0ABcc:_x=40evil.example.pdf?=", "a__Bcc: x@evil.example.pdf"),
    _quoted("for a template", "{{ 7*7 }}${7*7}%s%n.pdf"),
]
