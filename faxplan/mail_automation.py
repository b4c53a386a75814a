"""Whether a mail was written by a machine, or must not be answered (RFC 3834; and what Exchange and others do)."""

import re
from enum import StrEnum

from faxplan.mail_headers import Headers


class Automatic(StrEnum):
    """What it is. A fax may be wanted by a program all the same (GENERATED), but no answer is."""

    REPLY = "reply"
    REPORT = "report"
    LIST = "list"
    GENERATED = "generated"


_REPLY_HEADERS = (
    "x-autoreply", "x-autorespond", "x-auto-reply", "x-mail-autoreply", "x-autoreply-from", "x-autoresponder",
    "x-ms-exchange-inbox-rules-loop", "x-ms-exchange-organization-autoreply",
)  # fmt: skip
_REPLY_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)?(?:auto(?:matic|mated)?[ -]?(?:reply|response)\b|automatische (?:antwort|reactie)\b|"
    r"automatisch antwoord\b|out of (?:the )?office\b|abwesenheits(?:notiz|nachricht|assistent|meldung)\b|"
    r"abwesend:|r[ée]ponse automatique\b|absence du bureau\b|respuesta autom[áa]tica\b|fuera de la oficina\b|"
    r"risposta automatica\b|resposta autom[áa]tica\b|autosvar\b|automaattinen vastaus\b|automatyczna odpowied)",
    re.IGNORECASE,
)
_SUPPRESSED = frozenset({"all", "oof", "autoreply"})
_MACHINES = ("mailer-daemon", "mailerdaemon", "postmaster-bounce")


def of(headers: Headers, media_type: str, subject: str, sender: str) -> Automatic | None:
    """None: a person may have written it. That its envelope has no sender is not seen here. subject: decoded."""
    if media_type == "multipart/report" or headers.all("x-failed-recipients") or sender.partition("@")[0] in _MACHINES:
        return Automatic.REPORT
    submitted = {_word(each) for each in headers.all("auto-submitted")}
    precedence = {_word(each) for each in headers.all("precedence")}
    if "auto-replied" in submitted or "auto_reply" in precedence or _is_reply(headers, subject):
        return Automatic.REPLY
    if any(name.startswith("list-") for name, _value in headers.fields) or {"list", "bulk", "junk"} & precedence:
        return Automatic.LIST
    suppressed = {
        each.strip().lower() for value in headers.all("x-auto-response-suppress") for each in value.split(",")
    }
    return Automatic.GENERATED if submitted - {"no"} or suppressed & _SUPPRESSED else None


def _is_reply(headers: Headers, subject: str) -> bool:
    source = headers.first("x-ms-exchange-generated-message-source").lower()
    return (
        any(headers.all(each) for each in _REPLY_HEADERS)
        or "mailbox rules agent" in source
        or _REPLY_SUBJECT.match(subject) is not None
    )


def _word(value: str) -> str:
    return re.split(r"[;(\s]", value.strip().lower(), maxsplit=1)[0]
