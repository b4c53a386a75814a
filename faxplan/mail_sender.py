"""Who says that they have written a mail: the one address of its one From field, read strictly (RFC 5322).

Whoever proves a sender (`mail_authentication`) proves this address, so there must be one way to read it: what other
programs could read as another address is refused. Encoded words and letters beyond ASCII are read in the name beside
an address, and never in the address.
"""

import re

from faxplan.language import _
from faxplan.mail_headers import Headers, decoded
from faxplan.mail_refusals import UnclearSender

_MOST = 2000
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf'(?:({_ATOM}(?:\.{_ATOM})*)|"({_ATOM}(?:\.{_ATOM})*)")@((?i:{_LABEL}(?:\.{_LABEL})*))')
_ONCE = ("to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>"]*>|[,;:<>()\[\]"\\]|[^",;:<>()\[\]\\]+', re.DOTALL)


def address_of(headers: Headers) -> tuple[str, str]:
    """The address, in lower case, and the name that is written beside it. Raises UnclearSender."""
    written = headers.all("from")
    if len(written) != 1:
        raise _unclear()
    if len(written[0]) > _MOST or "\ufffd" in written[0]:
        raise _unclear()
    return _read(written[0])


def address(text: str) -> str | None:
    """One bare address, in lower case; None where it is none that is taken here."""
    found = _ADDRESS.fullmatch(text)
    if found is None or len(text) > 254 or "=?" in text:
        return None
    return f"{found[1] or found[2]}@{found[3]}".lower()


def domain_of(address: str) -> str:
    """Behind the @, in lower case."""
    return address.rpartition("@")[2].lower()


def is_signed_to(headers: Headers, recipient: str, domain: str | None) -> bool:
    """Whether an envelope's recipient stands in To or Cc, in one field of each at most, and the signatures of a domain
    (DKIM; None: of all that there are) vouch for that field: every one, and there is one.

    DKIM signs no envelope: whoever has got a signed mail of somebody could send it on to any number in their name. Nor
    does each signature cover these fields (Microsoft 365 signs neither), or one that was not there: so such a field
    could be written anew, or be added. Likewise the subject, which is printed and may have options in it; and of fields
    that are there twice a signature covers the last, and we read the first. A signature of a part of the text (`l=`)
    would let more be added to it.
    """
    if any(len(headers.all(each)) > 1 for each in _ONCE):
        return False
    fields = {name: headers.all(name) for name in ("to", "cc")}
    besides = {"subject"} if headers.all("subject") else set()
    wanted = _plain(recipient)
    named = {name for name, values in fields.items() if any(wanted in _addresses(each) for each in values)}
    signatures = [tags_of(each) for each in headers.all("dkim-signature")]
    ours = [each for each in signatures if domain is None or _plain(each.get("d", domain)) == domain]
    return bool(named and ours) and all(
        "l" not in each and named & _signed(each) and besides <= _signed(each) for each in ours
    )


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def tags_of(written: str) -> dict[str, str]:
    """Those of a DKIM-Signature field (RFC 6376, 3.2); nothing where one stands there twice, or is none."""
    found: dict[str, str] = {}
    for each in written.rstrip().removesuffix(";").split(";"):
        name, equals, value = each.partition("=")
        if not equals or name.strip() in found:
            return {}
        found[name.strip()] = "".join(value.split())
    return found


def _signed(tags: dict[str, str]) -> set[str]:
    return {each.lower() for each in tags.get("h", "").split(":")}


def _addresses(written: str) -> set[str]:
    """Those of a field of addresses, in lower case: none that stands in a name beside one, which is another's to choose
    where somebody has answered a mail of theirs."""
    try:
        tokens = _TOKEN.findall(_without_comments(written))
    except UnclearSender:
        return set()
    found: set[str] = set()
    words: list[str] = []
    is_in_angles = False
    for each in [*tokens, ","]:
        if each == ">":
            is_in_angles = False
        elif each == "<" or (each.startswith("<") and each.endswith(">")):
            is_in_angles = each == "<"
            words = [each[1:-1]]
        elif each in {",", ";", ":"} and not is_in_angles:
            found.add(_plain("".join(words).strip()))
            words = []
        else:
            words.append(each)
    return found


def _read(written: str) -> tuple[str, str]:
    words: list[str] = []
    in_angles: list[str] = []
    for token in _TOKEN.findall(_without_comments(written)):
        if token.startswith("<") and token.endswith(">") and len(token) > 1:
            in_angles.append(token[1:-1].strip())
        elif (in_angles and token.strip()) or token in {",", ";", ":", "<", ">", "[", "]", "\\", '"', "(", ")"}:
            raise _unclear()
        else:
            words.append(token)
    if len(in_angles) > 1:
        raise _unclear()
    # "ann"@x.example is a quoted string and what is behind it.
    found = address(in_angles[0]) if in_angles else address("".join(words).strip())
    if found is None:
        raise _unclear()
    if not in_angles:
        return found, ""
    bare = "".join(each for each in words if not each.startswith('"'))
    # Some programs would take an address in the name, without quotes, for the address.
    if "@" in bare and address(bare.strip()) != found:
        raise _unclear()
    name = "".join(re.sub(r"\\(.)", r"\1", each[1:-1]) if each.startswith('"') else each for each in words)
    return found, " ".join(decoded(name).split())


def _without_comments(written: str) -> str:
    """Comments nest, and stand outside of quotes. Raises UnclearSender for one that does not end."""
    out: list[str] = []
    depth, quoted, escaped = 0, False, False
    for each in written:
        if escaped:
            escaped = False
        elif each == "\\" and (quoted or depth):
            escaped = True
        elif each == '"' and not depth:
            quoted = not quoted
        elif each == "(" and not quoted:
            depth += 1
        elif each == ")" and depth:
            depth -= 1
            # In the middle of an address one is refused so, and not left out of it.
            out.append(" ")
            continue
        if not depth:
            out.append(each)
    if depth or quoted:
        raise _unclear()
    return "".join(out)


def _unclear() -> UnclearSender:
    return UnclearSender(
        _(
            "This mail does not clearly say who has sent it. Send it from one address, with only letters, digits and "
            "signs of ASCII in it."
        )
    )
