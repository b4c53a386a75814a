"""Whether a mail is from whom its From field says, by the word of our own mail server (RFC 8601).

Its Authentication-Results fields stand above all that a sender could have written, and are known by its name (the
authserv-id) alone, compared letter by letter. So a mail server in front of us must take out every such field with its
own name that comes in from outside, before it adds what it has found itself; and of those that are there only the
topmost is read, or as many as it adds (`instances`). docs/mail-to-fax.md says how that is set up.

What proves an address: DKIM by a key of exactly the address's domain, or of one that its tenant has named as signing
for it; SPF for exactly this domain, by MAIL FROM; or DMARC for exactly this domain. Neither a domain above it nor one
below it counts: which domains belong to one organisation cannot be told from their names (co.uk).
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from faxplan.mail_headers import Headers
from faxplan.mail_sender import domain_of, tags_of

_MOST = 10_000
_MOST_COMMENTS = 10
_KEYWORD = "[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_HEAD = re.compile(rf'\s*({_QUOTED}|[^\s;="()/]+)(?:\s+[0-9]{{1,3}})?\s*(?:;|$)', re.DOTALL)
_NO_RESULT = re.compile(r"\s*none\s*;?\s*", re.IGNORECASE)
_RESULT = re.compile(rf"\s*({_KEYWORD})(?:\s*/\s*[0-9]{{1,3}})?\s*=\s*({_KEYWORD})(?=\s|;|$)")
_PROPERTY = re.compile(
    rf'\s+(reason|{_KEYWORD}\.{_KEYWORD})\s*=\s*({_QUOTED}|[^\s;"()\\]+)(?=\s|;|$)', re.DOTALL | re.IGNORECASE
)
_QUOTATION = re.compile(_QUOTED, re.DOTALL)
_END = re.compile(r"\s*(?:;\s*|$)")
_SIGNATURES = ("dkim-signature", "arc-seal", "arc-message-signature")
_REPEATED = re.compile("[A-Za-z0-9@._+-]*")
_SIGNATURE = re.compile("[A-Za-z0-9+/=]*")
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*")


class Proof(StrEnum):
    """By what an address is proven."""

    DKIM = "dkim"
    SPF = "spf"
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True)
class Verdict:
    """proof None: not proven. domain: that was proven, which the address has or which signs for it; else empty.
    reason: why not, as a word for the log: no-results, unreadable-results, no-pass, other-domain,
    recipient-not-signed, odd-signature."""

    proof: Proof | None
    domain: str = ""
    reason: str = ""

    @property
    def proven(self) -> bool:
        """Whether the address is its sender's."""
        return self.proof is not None


@dataclass(frozen=True, slots=True)
class Result:
    """What one method found. properties: by type and name, in lower case, such as `header.d`."""

    method: str
    result: str
    properties: dict[str, str]


def sender_of(
    headers: Headers,
    trusted_ids: Collection[str],
    from_address: str,
    *,
    signing_domains: Collection[str] = (),
    instances: int = 1,
    counts: Callable[[Proof, str], bool] = lambda _proof, _domain: True,
) -> Verdict:
    """trusted_ids: our mail server's names. from_address: as mail_sender reads it. signing_domains: those whose DKIM
    keys the tenant has named as good for its addresses. instances: fields that our mail server adds to a mail. counts:
    whether what a domain is proven by does."""
    if any(_is_odd(value) for name, value in headers.fields if name in _SIGNATURES):
        return Verdict(None, reason="odd-signature")
    domain = domain_of(from_address)
    ours = [each for each in headers.all("authentication-results") if _identity(each) in trusted_ids][:instances]
    if not ours or not domain:
        return Verdict(None, reason="no-results")
    results: list[Result] = []
    for each in ours:
        read = results_of(each)
        if read is None:
            return Verdict(None, reason="unreadable-results")
        results += read[1]
    passed = [_proven(result) for result in results if result.result == "pass" and result.method in tuple(Proof)]
    signing = {one.lower() for one in signing_domains}
    fitting = [(how, by) for how, by in passed if by == domain or (how is Proof.DKIM and by in signing)]
    for proof, proven in fitting:
        if counts(proof, proven):
            return Verdict(proof, proven)
    return Verdict(None, reason="recipient-not-signed" if fitting else "other-domain" if passed else "no-pass")


def _is_odd(signature: str) -> bool:
    """Whether it says of itself what no server could repeat in a result without more being read there: opendkim and
    Exim write the signer's identity (`i=`), which its sender has chosen, with its escapes undone and without quotes. In
    `i=x=20=3B=20dkim=3Dpass=20header.d=3Dacme.example...` there would be a result of its own."""
    tags = tags_of(signature)
    return (
        not tags
        or any(_REPEATED.fullmatch(tags.get(each, "")) is None for each in "adis")
        or (_SIGNATURE.fullmatch(tags.get("b", "")) is None)
    )


def results_of(written: str) -> tuple[str, list[Result]] | None:
    """The name of who says so, and the results, of one field; None where it is not exactly as RFC 8601 has it."""
    text = _without_comments(written)
    head = _HEAD.match(text) if text is not None else None
    if text is None or head is None:
        return None
    found: list[Result] = []
    place = len(text) if _NO_RESULT.fullmatch(text, head.end()) else head.end()
    while place < len(text):
        method = _RESULT.match(text, place)
        if method is None:
            return None
        properties = _properties(text, method.end())
        if properties is None:
            return None
        found.append(Result(method[1].lower(), method[2].lower(), properties[0]))
        place = properties[1]
    return _unquoted(head[1]), found


def _properties(text: str, place: int) -> tuple[dict[str, str], int] | None:
    """Those of one result, and where the next begins. Each stands behind white space: a value may have = and / in it,
    and what a sender writes there is none of the properties."""
    properties: dict[str, str] = {}
    while found := _PROPERTY.match(text, place):
        name, place = found[1].lower(), found.end()
        # Said twice, one of them may be what a sender has slipped in.
        if name in properties:
            return None
        properties[name] = _unquoted(found[2])
    end = _END.match(text, place)
    return (properties, end.end()) if end is not None else None


def _identity(written: str) -> str | None:
    """The authserv-id, as it is written there; None where the field cannot be read that far."""
    text = _without_comments(written)
    head = _HEAD.match(text) if text is not None else None
    return _unquoted(head[1]) if head is not None else None


def _proven(result: Result) -> tuple[Proof, str]:
    """A domain; empty where there is none to be read."""
    proof = Proof(result.method)
    written = {
        Proof.DKIM: result.properties.get("header.d", ""),
        Proof.SPF: result.properties.get("smtp.mailfrom", "").rpartition("@")[2],
        Proof.DMARC: result.properties.get("header.from", ""),
    }[proof]
    domain = written.lower().removesuffix(".")
    return proof, domain if _DOMAIN.fullmatch(domain) else ""


def _without_comments(written: str) -> str | None:
    """With a space for each, and nothing behind one that lists what the sender has said; None where a quotation or a
    comment does not end."""
    if len(written) > _MOST or "\ufffd" in written:
        return None
    out: list[str] = []
    place = 0
    while place < len(written):
        if written[place] == "(":
            end = _behind_comment(written, place)
            if end is None:
                return None
            out.append(" ")
            # `(client-ip=...; helo=...)`: a name given at HELO may have brackets in it, and end the comment before its
            # time. What is behind it then could be results of the sender's own.
            if "=" in written[place:end] and ";" in written[place:end]:
                break
        elif written[place] == '"':
            quoted = _QUOTATION.match(written, place)
            if quoted is None:
                return None
            end = quoted.end()
            out.append(quoted[0])
        else:
            end = place + 1
            out.append(written[place])
        place = end
    return "".join(out)


def _behind_comment(written: str, place: int) -> int | None:
    """None also for one with a quotation mark or an escape in it: mail servers write there what a sender has said, and
    one that ends a comment before its time could add results."""
    depth = 0
    while place < len(written):
        if written[place] in '\\"':
            return None
        if written[place] == "(":
            depth += 1
            if depth > _MOST_COMMENTS:
                return None
        elif written[place] == ")":
            depth -= 1
            if not depth:
                return place + 1
        place += 1
    return None


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token
