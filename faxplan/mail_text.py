"""What people have written in a mail, as plain text: HTML with its tags taken off, lines put together again (RFC 3676).

Nothing is fetched and nothing runs: of HTML only text remains, and the ids of pictures that it shows. All of it is
linear in the length of what is read.
"""

import html
import re

from faxplan.language import _
from faxplan.mail_headers import said
from faxplan.mail_refusals import MailTooLarge

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u200b\u2060]")
_LINE_END = re.compile(r"\r\n|\r|\x85|\u2028|\u2029|\f")
_SIGNED = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Z][\w-]*: .*\n)*\n?")
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_SPACE = re.compile(r"[ \t\n\r\f\xa0]+")
_TAG = re.compile(r"/?([A-Za-z][A-Za-z0-9:]{0,20})")
_OF_A_TAG = re.compile(r"[\"'>]")
_NO_CHARACTER = re.compile("&#[0-9]{20,};?", re.ASCII)
"""`html` raises on one of many digits."""
_CID = re.compile(r"cid:([^\"'\s<>)]{1,500})", re.IGNORECASE)
_UNSEEN = frozenset({"head", "script", "style", "title", "template", "noscript", "svg", "object", "select"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
_MOST_TAGS = 200_000
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"})


def plain(content: bytes, charset: str, *, flowed: bool = False, without_space: bool = False) -> str:
    """Of a text/plain part. flowed: format=flowed, and without_space: delsp=yes (RFC 3676)."""
    text = _cleaned(said(content, charset))
    return _unarmoured(_unflowed(text, without_space) if flowed else text).strip("\n")


def of_html(content: bytes, charset: str) -> str:
    """Of a text/html part. Raises MailTooLarge for one with very many tags."""
    return _tidy(_without_tags(_cleaned(said(content, charset))))


def shown_pictures(content: bytes) -> set[str]:
    """The Content-IDs that an HTML part names."""
    return {html.unescape(each) for each in _CID.findall(content.decode("latin-1"))}


def _cleaned(text: str) -> str:
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def _unarmoured(text: str) -> str:
    """Without what a PGP signature puts around it (RFC 9580, 7)."""
    begin = _SIGNED.search(text)
    if begin is None:
        return text
    end = text.find(_SIGNATURE, begin.end())
    signed = text[begin.end() : end if end >= 0 else len(text)]
    return text[: begin.start()] + re.sub("^- ", "", signed, flags=re.MULTILINE)


def _unflowed(text: str, without_space: bool) -> str:
    lines: list[str] = []
    open_depth: int | None = None
    for each in text.split("\n"):
        rest = each.lstrip(">")
        depth = len(each) - len(rest)
        rest = rest.removeprefix(" ")
        flows = rest.endswith(" ") and rest != "-- "
        piece = rest[:-1] if flows and without_space else rest
        if open_depth == depth and rest != "-- ":
            lines.append(piece)
        else:
            lines.append(("\n" if lines else "") + ">" * depth + (" " if depth else "") + piece)
        open_depth = depth if flows else None
    return "".join(lines)


def _without_tags(text: str) -> str:
    """Line ends where blocks and `br` are; white space is one space."""
    pieces: list[str] = []
    place, last = 0, len(text)
    low = text.lower() if len(text.lower()) == last else text  # some letters have longer small forms
    preformatted = 0
    missing: set[str] = set()
    tags = 0
    while place < last:
        tags += 1
        if tags > _MOST_TAGS:
            raise MailTooLarge(_("The text of this mail is too long. Attach it as a document."))
        start = text.find("<", place)
        start = last if start < 0 else start
        words = html.unescape(_NO_CHARACTER.sub("\ufffd", text[place:start]))
        pieces.append(words if preformatted else _SPACE.sub(" ", words))
        tag = _TAG.match(text, start + 1) if start < last else None
        if tag is None:
            place = _behind_no_tag(text, start, missing)
            if place == start + 1:
                pieces.append("<")
            continue
        name, ends = tag[1].lower(), text.startswith("/", start + 1)
        place = _behind_tag(text, tag.end(), missing)
        if name in _UNSEEN and not ends:
            place = _behind_unseen(low, name, place, missing)
        elif name == "pre":
            preformatted = max(0, preformatted + (-1 if ends else 1))
        pieces.append(_instead(name, ends))
    return "".join(pieces)


def _behind_unseen(low: str, name: str, place: int, missing: set[str]) -> int:
    """Where the tag begins that ends what nobody sees. Without one, a script is all there is; a head is not."""
    end = f"</{name}"
    found = -1 if end in missing else low.find(end, place)
    if found >= 0:
        return found
    missing.add(end)
    return len(low) if name in ("script", "style", "title") else place


def _instead(name: str, ends: bool) -> str:
    """What stands in a text where a tag was."""
    if name == "hr":
        return "\n--------\n"
    if name in ("td", "th"):
        return "\t" if ends else ""
    if name == "li" and not ends:
        return "\n- "
    return ("\n\n" if name in _PARAGRAPHS else "\n") if name in _BLOCKS else ""


def _behind_no_tag(text: str, start: int, missing: set[str]) -> int:
    """Behind a comment or a declaration; where it is neither, behind the `<` alone."""
    if start >= len(text):
        return start
    for begin, end in (("<!--", "-->"), ("<!", ">"), ("<?", ">"), ("</", ">")):
        if text.startswith(begin, start) and end not in missing:
            found = text.find(end, start + len(begin))
            if found >= 0:
                return found + len(end)
            missing.add(end)
    return start + 1


def _behind_tag(text: str, place: int, missing: set[str]) -> int:
    """Behind the `>` that ends a tag; one in quotes does not. missing: what is known not to come any more."""
    while found := _OF_A_TAG.search(text, place):
        place = found.end()
        if found[0] == ">":
            return place
        if found[0] not in missing:
            closing = text.find(found[0], place)
            if closing < 0:
                missing.add(found[0])
            else:
                place = closing + 1
    return len(text)


def _tidy(text: str) -> str:
    lines = [re.sub(r" {2,}", " ", each.rstrip()).removeprefix(" ") for each in text.split("\n")]
    out: list[str] = []
    for each in lines:
        if each or (out and out[-1]):
            out.append(each)
    return "\n".join(out).strip("\n")
