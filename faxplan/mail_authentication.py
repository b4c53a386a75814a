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
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from faxplan.mail_headers import Headers
from faxplan.mail_sender import domain_of

_MOST = 10_000
_MOST_COMMENTS = 10
_KEYWORD = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[;=/]|[^\s;=/"()]+', re.DOTALL)
_WORD = re.compile(_KEYWORD)
_PROPERTY = re.compile(rf"({_KEYWORD})\.({_KEYWORD})")
_VERSION = re.compile("[0-9]{1,3}")
_DOMAIN = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*")


class Proof(StrEnum):
    """By what an address is proven."""

    DKIM = "dkim"
    SPF = "spf"
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True)
class Verdict:
    """proof None: not proven. domain: that was proven, which the address has or which signs for it; else empty.
    reason: why not, as a word for the log: no-results, unreadable-results, no-pass, other-domain."""

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
) -> Verdict:
    """trusted_ids: our mail server's names. from_address: as mail_sender reads it. signing_domains: those whose DKIM
    keys the tenant has named as good for its addresses. instances: fields that our mail server adds to a mail."""
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
    passed = [result for result in results if result.result == "pass" and result.method in tuple(Proof)]
    for result in passed:
        proof, proven = _proven(result)
        if proven == domain or (proof is Proof.DKIM and proven in {one.lower() for one in signing_domains}):
            return Verdict(proof, proven)
    return Verdict(None, reason="other-domain" if passed else "no-pass")


def results_of(written: str) -> tuple[str, list[Result]] | None:
    """The name of who says so, and the results, of one field; None where it is not exactly as RFC 8601 has it."""
    tokens = _tokens(written)
    if tokens is None:
        return None
    clauses = _split(tokens)
    head = clauses[0]
    if not head or len(head) > 2 or (len(head) == 2 and not _VERSION.fullmatch(head[1])):
        return None
    identity = _unquoted(head[0])
    rest = [each for each in clauses[1:] if each]
    if len(rest) == 1 and [each.lower() for each in rest[0]] == ["none"]:
        return identity, []
    found = [_result(each) for each in rest]
    return None if None in found else (identity, [each for each in found if each is not None])


def _identity(written: str) -> str | None:
    """The authserv-id, as it is written there; None where the field cannot be read that far."""
    tokens = _tokens(written)
    return _unquoted(tokens[0]) if tokens and tokens[0] not in (";", "=", "/") else None


def _proven(result: Result) -> tuple[Proof, str]:
    """A domain; empty where there is none to be read."""
    proof = Proof(result.method)
    written = {
        Proof.DKIM: result.properties.get("header.d", ""),
        Proof.SPF: result.properties.get("smtp.mailfrom", ""),
        Proof.DMARC: result.properties.get("header.from", ""),
    }[proof]
    domain = written.rpartition("@")[2].lower().removesuffix(".")
    return proof, domain if _DOMAIN.fullmatch(domain) else ""


def _tokens(written: str) -> list[str] | None:
    """Without comments; None where a quote or a comment does not end, or there is something that is no token."""
    if len(written) > _MOST or "\ufffd" in written:
        return None
    tokens: list[str] = []
    place = 0
    while place < len(written):
        if written[place].isspace():
            place += 1
        elif written[place] == "(":
            end = _behind_comment(written, place)
            if end is None:
                return None
            place = end
        else:
            found = _TOKEN.match(written, place)
            if found is None:
                return None
            tokens.append(found[0])
            place = found.end()
    return tokens


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


def _split(tokens: list[str]) -> list[list[str]]:
    clauses: list[list[str]] = [[]]
    for each in tokens:
        if each == ";":
            clauses.append([])
        else:
            clauses[-1].append(each)
    return clauses


def _result(tokens: list[str]) -> Result | None:
    """method [/ version] = result, then reason = text and type.name = value in any number."""
    method = tokens[0].lower()
    rest = tokens[1:]
    if len(rest) >= 2 and rest[0] == "/" and _VERSION.fullmatch(rest[1]):
        rest = rest[2:]
    if len(rest) < 2 or rest[0] != "=" or not _WORD.fullmatch(method) or not _WORD.fullmatch(rest[1]):
        return None
    properties: dict[str, str] = {}
    place = 2
    while place < len(rest):
        name = rest[place].lower()
        value = _value(rest, place)
        if value is None or (name != "reason" and not _PROPERTY.fullmatch(name)):
            return None
        text, place = value
        # Said twice, one of them may be what a sender has slipped in.
        if name in properties:
            return None
        properties[name] = text
    return Result(method, rest[1].lower(), properties)


def _value(tokens: list[str], place: int) -> tuple[str, int] | None:
    """What stands behind a name, and where the next name is."""
    if place + 2 >= len(tokens) or tokens[place + 1] != "=":
        return None
    pieces = [tokens[place + 2]]
    place += 3
    # A value without quotes may have / and = in it: an address, or a piece of base64 (header.b).
    while place < len(tokens) and tokens[place] in ("/", "=") and pieces[-1][:1] != '"':
        pieces.append(tokens[place])
        place += 1
        if place < len(tokens) and not _is_name(tokens, place):
            pieces.append(tokens[place])
            place += 1
    return "".join(map(_unquoted, pieces)), place


def _is_name(tokens: list[str], place: int) -> bool:
    return place + 1 < len(tokens) and tokens[place + 1] == "=" and _PROPERTY.fullmatch(tokens[place]) is not None


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token
