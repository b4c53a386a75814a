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


def is_written_to(headers: Headers, recipient: str) -> bool:
    """Whether an envelope's recipient stands in To or Cc, in one field of each at most.

    DKIM signs these (RFC 6376, 5.4.1), and not the envelope: whoever has got a signed mail of somebody could send it on
    to any number in their name. So where DKIM or DMARC proves a sender, this has to be so as well.
    """
    fields = [headers.all("to"), headers.all("cc")]
    if any(len(each) > 1 for each in fields):
        return False
    local, _at, host = recipient.lower().rpartition("@")
    exactly = re.escape(f"{local}@{host.removesuffix('.')}")
    found = re.compile(rf'(?:^|[\s<,:;"]){exactly}\.?(?:$|[\s>,;("])')
    return any(found.search(value.lower()) is not None for each in fields for value in each)


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
