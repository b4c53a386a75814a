"""What a mail's recipient asks for: the local part and the host of an address from the envelope (docs/mail-to-fax.md).

    4930123456@fax.example          +4930123456@, 004930123456@, 030-12.34.56@, 030123456p22@
    Ann.Smith=4930123456@           for whose attention it is
    4930123456+k3jw...@             with a user's secret token
    FAX=+4930123456/ATTN=Ann@       options (RFC 3191, 3192, 2304), and fax=, as HylaFAX's and others' users write
    IMCEAFAX-+2B4930123456@         as Exchange encapsulates an address of type FAX

Everything that is not listed is refused. Whether a number can be called is for `numbers` to say.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import NoReturn

from faxplan import post_dial
from faxplan.errors import InvalidNumber
from faxplan.language import _
from faxplan.mail_refusals import WrongAddress

_MOST_LOCAL, _MOST_HOST, _MOST_NAME = 300, 253, 64
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(\+?)([0-9][0-9 .()-]{1,38})(?:[pPwWxX][0-9*#A-DpPwW]{1,40})?", re.ASCII)
_DIGITS = range(3, 21)
_TOKEN = re.compile("[a-z][a-z2-7]{23,63}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_NAME = re.compile(r"[\w '&,-]+")
_ENCAPSULATED = "imceafax-"
_ESCAPE = re.compile(r"\+([0-9A-Fa-f]{2})")
_KINDS = ("fax", "fn", "num", "number", "facsimile")
_FOR = ("attn", "name", "to", "n")
_AFTER = ("ext", "postd", "x")


@dataclass(frozen=True, slots=True)
class Wanted:
    """number: `+` and digits, or digits as they are dialled. after_answer: what is dialled then, as post_dial.split has
    it. name: of who is to get the fax, or empty. token: in lower case; None: there is none. host: in lower case.

    Its repr has neither token nor what is dialled after the answer, which may be a secret too.
    """

    number: str
    after_answer: str = field(repr=False)
    name: str
    token: str | None = field(repr=False)
    host: str


def new_token() -> str:
    """A secret of 124 bits: letters and digits that no mail server changes, in whatever case it writes them."""
    return secrets.choice(_LETTERS[:16]) + "".join(secrets.choice(_LETTERS) for _each in range(24))


def wanted(address: str) -> Wanted:
    """address: an envelope's recipient. Raises WrongAddress, in words that never have a token in them."""
    local, at, host = address.strip().rpartition("@")
    host = host.lower().removesuffix(".")
    if not at or len(host) > _MOST_HOST or not _HOST.fullmatch(host):
        raise WrongAddress(_("The address has no fax host behind its @. Write it as +4930123456@fax.example.com."))
    if not local or len(local) > _MOST_LOCAL or not local.isprintable():
        _refuse()
    local = _unquoted(local)
    if local.lower().startswith(_ENCAPSULATED):
        # Exchange writes +XX for what is no letter or digit, and _ for a slash.
        local = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), local[len(_ENCAPSULATED) :].replace("_", "/"))
        local = local.replace("@", "=")
    local, token = _without_token(local)
    first, *options = local.strip("/").split("/")
    name, number = _named(first)
    after = ""
    for option in options:
        key, _equals, value = option.partition("=")
        key = key.strip().lower()
        if key in _FOR and not name:
            name = _name(value)
        elif key in _KINDS and not number:
            number = value
        elif key in _AFTER and not after:
            after = value if value[:1].lower() in ("p", "w") and value else f"p{value}"
        elif key == "t33s":
            raise WrongAddress(_("A T.33 sub-address (T33S) cannot be sent. Leave it out of the address."))
        else:
            raise WrongAddress(
                _("The address has an option that there is none of. There are /attn= and /ext=, each once at most.")
            )
    return _checked(number, after, name, token, host)


def _checked(number: str, after: str, name: str, token: str | None, host: str) -> Wanted:
    written = re.sub("[xX]", "p", number.strip()) + after
    found = _NUMBER.fullmatch(written)
    if found is None:
        _refuse()
    digits = re.sub("[^0-9]", "", found[2])
    if len(digits) not in _DIGITS:
        _refuse()
    try:
        behind = post_dial.split(found[1] + digits + written[found.end(2) :])[1]
    except InvalidNumber as error:
        raise WrongAddress(
            _("What is dialled after the number of the address cannot be. Write it as 030123456p22.")
        ) from error
    return Wanted(found[1] + digits, behind, name, token, host)


def _refuse() -> NoReturn:
    raise WrongAddress(
        _(
            "The address says no fax number. Write it as +4930123456@fax.example.com, or with a name, as "
            "Ann.Smith=+4930123456@fax.example.com."
        )
    )


def _unquoted(local: str) -> str:
    if not local.startswith('"'):
        return local
    if len(local) < 3 or not local.endswith('"'):
        _refuse()
    return re.sub(r"\\(.)", r"\1", local[1:-1])


def _without_token(local: str) -> tuple[str, str | None]:
    before, plus, behind = local.rpartition("+")
    token = behind.lower()
    if plus and before.strip() and _TOKEN.fullmatch(token):
        return before, token
    return local, None


def _named(first: str) -> tuple[str, str]:
    """For whom, and the number; empty where an option has it."""
    key, equals, number = first.rpartition("=")
    if not equals:
        return "", first
    key = key.strip()
    if key.lower() in _KINDS:
        return "", number
    if key.lower() in _FOR:
        return _name(number), ""
    return _name(key), number


def _name(written: str) -> str:
    name = " ".join(re.sub("[._]", " ", written).split())
    if len(name) > _MOST_NAME or (name and not _NAME.fullmatch(name)):
        raise WrongAddress(
            _("The name in the address has signs that it cannot have, or is too long. Write it as Ann.Smith=.")
        )
    return name
