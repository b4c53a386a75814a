"""What is written in a mail: in many character sets, broken ones, and HTML."""

from base64 import b64encode

from tests.mail_corpus.building import (
    Case,
    Expected,
    case,
    html,
    mail,
    part,
)


def _in_charset(charset: str, words: str) -> Case:
    raw = (words + "\r\n").encode(charset)
    return case(
        f"a text in {charset}", mail(part(raw, f"text/plain; charset={charset}", encoding="8bit")), Expected(body=words)
    )


def _written(title: str, raw: bytes, content_type: str, body: str, encoding: str = "8bit") -> Case:
    return case(f"a text {title}", mail(part(raw, content_type, encoding=encoding)), Expected(body=body))


def _html(title: str, marked_up: str, body: str) -> Case:
    return case(f"HTML {title}", mail(html(marked_up)), Expected(body=body))


TEXTS = [
    *(
        _in_charset(charset, words)
        for charset, words in (
            ("utf-8", "Grüße, O'Brien; €"),
            ("iso-8859-1", "Grüße"),
            ("windows-1252", "Grüße \u2013 5 €"),
            ("iso-8859-15", "5 €"),
            ("utf-16", "Grüße"),
            ("utf-7", "Grüße"),
            ("koi8-r", "Договор"),
            ("windows-1251", "Договор"),
            ("gb2312", "合同"),
            ("big5", "合約"),
            ("shift_jis", "契約書"),
            ("iso-2022-jp", "契約書"),
            ("euc-kr", "계약서"),
            ("windows-1255", "חוזה"),
            ("windows-1256", "عقد"),
            ("tis-620", "สัญญา"),
        )
    ),
    _written("of an unknown character set", "Grüße".encode(), "text/plain; charset=x-unknown", "Grüße"),
    _written("with no character set, in UTF-8", "Grüße".encode(), "text/plain", "Grüße"),
    _written("with no character set, in Windows-1252", "Grüße".encode("cp1252"), "text/plain", "Grüße"),
    _written("that says ASCII and is not", "Grüße".encode(), "text/plain; charset=us-ascii", "Grüße"),
    _written("that says UTF-8 and is Windows-1252", "Grüße".encode("cp1252"), "text/plain; charset=utf-8", "Grüße"),
    _written("whose character set is a codec of Python", b"x\\x41", "text/plain; charset=unicode_escape", "x\\x41"),
    _written("whose character set is a compression", b"plain", "text/plain; charset=zlib", "plain"),
    _written(
        "whose character set is in quotes, with a comment", "Grüße".encode(), 'text/plain; charset="utf-8" (x)', "Grüße"
    ),
    _written(
        "in quoted-printable",
        b"Gr=C3=BC=C3=9Fe, so =\r\nlong",
        "text/plain; charset=utf-8",
        "Grüße, so long",
        "quoted-printable",
    ),
    _written(
        "in quoted-printable that is none",
        b"100=%, a = b, =XY",
        "text/plain; charset=utf-8",
        "100=%, a = b, =XY",
        "quoted-printable",
    ),
    _written("in base64", b64encode("Grüße".encode()), "text/plain; charset=utf-8", "Grüße", "Base64"),
    _written("in a transfer encoding that nobody knows", b"as it is", "text/plain", "as it is", "x-nobody"),
    _written("with NULs", b"a\0b\0c", "text/plain", "abc"),
    _written("with bare CR", b"a\rb\rc", "text/plain", "a\nb\nc"),
    _written("with bare LF", b"a\nb\nc", "text/plain", "a\nb\nc"),
    _written("with escape sequences", b"a\x1b[2Jb\x07", "text/plain", "a[2Jb"),
    _written(
        "of SQL and a shell",
        b"'; drop table faxes; -- $(id) `id` ${x}",
        "text/plain",
        "'; drop table faxes; -- $(id) `id` ${x}",
    ),
    _written("with a dot alone in a line", b"a\r\n.\r\nb", "text/plain", "a\n.\nb"),
    _written("of one line of a megabyte", b"x" * 400_000, "text/plain", "x" * 400_000),
    _html("with scripts and styles", "<style>p{}</style><script>alert('x')</script><p>Text</p><script>", "Text"),
    _html("with entities", "&lt;b&gt; &amp; &euro; &#228; &unknown;", "<b> & € ä &unknown;"),
    _html("as a table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a\tb\n\nc\td"),
    _html("as a list", "<ul><li>a</li><li>b</li></ul>", "- a\n\n- b"),
    _html("with tags that do not end", "a <b <i c", "a"),
    _html("with > in an attribute", '<a title="a > b" href="x">link</a>', "link"),
    _html("with comments", "a<!-- <p>hidden</p> -->b<!-- open", "ab<!-- open"),
    _html("with less-than signs", "1 < 2 and 3 <4", "1 < 2 and 3 <4"),
    _html(
        "that would fetch",
        '<img src="http://evil.example/x.png"><iframe src="file:///etc/passwd"></iframe>Text',
        "Text",
    ),
    _html("with a conditional of Outlook", "<!--[if mso]><p>x</p><![endif]-->Text<![if !mso]>!<![endif]>", "Text!"),
    _html("as it is written", "<pre>a\n  b</pre>", "a\nb"),
]
