"""What a stranger may write wherever SIP or T.30 lets them write something."""

import hashlib
import tempfile
from pathlib import Path
from urllib.parse import quote

_TREE = hashlib.sha256(__file__.encode()).hexdigest()[:8]
TOUCHED = Path(tempfile.gettempdir()) / f"faxplan-ran-a-strangers-text-{_TREE}"
"""What the texts would make if anything ran them: named after this tree, so that no other run's is met."""

TEXTS = [
    "O'Brien\"; drop table faxes; --",
    "a\r\nVia: b\r\n\r\nINVITE",
    "a\0b",
    "\udcff\ud800",
    f"${{system(touch {TOUCHED})}}",
    "%24%7Bsystem(id)%7D",
    "<script>alert(1)</script>",
    "../" * 100,
    "\x1b[2J\x9b2J\u202e",
    "A" * 10_000,
    ";tag=1;tag=2,<sip:x@y>",
]


def can_be_stored(text: str) -> bool:
    """Whether PostgreSQL holds it: no NUL, and nothing but UTF-8. What is sealed may have the NUL."""
    return "\0" not in text and can_be_sealed(text)


def can_be_sealed(text: str) -> bool:
    """Whether it has no lone surrogates."""
    return text.encode("utf-8", "replace").decode() == text


def assert_nothing_ran() -> None:
    if TOUCHED.exists():
        TOUCHED.unlink()
        raise AssertionError(f"{TOUCHED} had been made: a text of this module was run as a command")


def headers(text: str) -> list[tuple[str, str]]:
    """Every header of an INVITE that we look at, each with the text in all of its parts. Without line ends and NUL,
    which end a header or a message.
    """
    within = text.replace("\r", " ").replace("\n", " ").replace("\0", " ")
    display = '"' + within.replace("\\", "\\\\").replace('"', '\\"') + '"'
    user = quote(text.encode("utf-8", "surrogatepass"), safe="")
    address = f"{display} <sip:{user}@strange.example;x={user}>;y={user}"
    return [
        ("From", f"{address};tag=1"),
        ("To", f"{display} <sip:+493023125001@127.0.0.1>;user={user}"),
        ("P-Asserted-Identity", address),
        ("Remote-Party-ID", f"{address};party=calling;privacy={user}"),
        ("P-Preferred-Identity", address),
        ("Privacy", within),
        ("Diversion", f"{address};reason={user}"),
        ("Diversion", within),
        ("History-Info", f"{address};index=1"),
        ("History-Info", within),
        ("Identity", within),
        ("X-Faxplan-Trunk", within),
    ]


NUMBERS = [
    *TEXTS,
    "112", "911", "110", "0112", "9911", "112112", "+49112", "+49 (0) 112", "tel:112", "tel:112;phone-context=+49",
    "tel:2;phone-context=+4911", "\uff11\uff11\uff12", "11880", "+4911880", "0 115",
    "+499001123456", "+49900112345678", "0900 1123456", "+1 900 555 1234", "+881612345678", "+979123456789",
    "+493099009900000}sofia/gateway/carrier/+493099009900000",
    f"+493099009900000 '&system(touch {TOUCHED})'",
    "+493099009900000'&python(fax_out 1)'",
    "{absolute_codec_string=G729}+493099009900000",
    "[leg_timeout=1]+493099009900000",
    "+493099009900000,sofia/gateway/carrier/+49112",
    "+493099009900000|+49112",
    "+493099009900000:_:+49112",
    "+493099009900000^^+49112",
    "+493099009900000@evil.example;fs_path=sip:evil.example",
    "+493099009900000?Replaces=x",
    "${number}+493099009900000",
    "+493099009900000w1${system(id)}",
    "+493099009900000w1,sofia/gateway/carrier/112",
    "+493099009900000w1' '&system(id)",
    "+493099009900000w112;1",
    "+493099009900000p" + "1" * 21,
    "+493099009900000w1\r\n112",
    "+493099009900000 ext. 112",
    "+493099009900000x112",
    "+493099009900000;112",
    "+493099009900000,,112",
]  # fmt: skip
"""What a user may write as a number to be faxed to: none of these is called. Between them stand numbers that are."""
