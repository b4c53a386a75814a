"""Mails that machines have written, and those that go in circles."""

from tests.mail_corpus.building import (
    CONTRACT,
    DOMAIN,
    MARK,
    Case,
    Expected,
    case,
    mail,
    multipart,
    part,
    text,
    with_contract,
)

ONE = Expected([CONTRACT])


def _by(title: str, automatic: str | None, *headers: str, subject: str = "Contract") -> Case:
    made = with_contract(*headers, subject=f"Subject: {subject}")
    return case(f"machine: {title}", made, Expected([CONTRACT], automatic=automatic, subject=subject))


_REPORT = multipart(text("It could not be delivered."),
                    part(b"Action: failed", "message/delivery-status", encoding="7bit"),
                    part(b"Subject: x", "text/rfc822-headers", encoding="7bit"), kind="report", boundary="=_rep",
                    extra="; report-type=delivery-status")  # fmt: skip
AUTOMATIC = [
    _by("Auto-Submitted: auto-replied", "reply", "Auto-Submitted: auto-replied"),
    _by("Auto-Submitted: auto-generated", "generated", "Auto-Submitted: auto-generated (by a scanner)"),
    _by("Auto-Submitted: no", None, "Auto-Submitted: No"),
    _by("Auto-Submitted with a parameter", "reply", "auto-submitted:auto-replied; owner-email=x"),
    _by("Precedence: bulk", "list", "Precedence: bulk"),
    _by("Precedence: junk", "list", "Precedence: JUNK"),
    _by("Precedence: auto_reply", "reply", "Precedence: auto_reply"),
    _by("Precedence: first-class", None, "Precedence: first-class"),
    _by("a mailing list", "list", "List-Id: <a.lists.example>", "List-Post: <mailto:a@lists.example>"),
    _by("a newsletter", "list", "List-Unsubscribe: <https://x.example/>"),
    _by("X-Auto-Response-Suppress: All", "generated", "X-Auto-Response-Suppress: All"),
    _by("X-Auto-Response-Suppress: OOF", "generated", "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply"),
    _by("X-Auto-Response-Suppress: RN", None, "X-Auto-Response-Suppress: DR, RN, NRN"),
    _by("X-Autoreply", "reply", "X-Autoreply: yes"),
    _by("Exchange's inbox rules", "reply", "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent"),
    _by("out of office, in English", "reply", subject="Automatic reply: Contract"),
    _by("out of office, by Outlook of old", "reply", subject="Out of Office: Contract"),
    _by("out of office, in German", "reply", subject="Automatische Antwort: Contract"),
    _by("out of office, in German, by Outlook of old", "reply", subject="Abwesenheitsnotiz: Contract"),
    _by("out of office, in French", "reply", subject="Réponse automatique : Contract"),
    _by("out of office, in Spanish", "reply", subject="Respuesta automática: Contract"),
    _by("words that are in a subject by chance", None, subject="Our automatic reply device: contract"),
    _by("bounced by Exim", "report", "X-Failed-Recipients: a@x.example"),
    case(
        "machine: a report of delivery", mail(_REPORT), Expected(body="It could not be delivered.", automatic="report")
    ),
    case(
        "machine: a receipt",
        mail(
            multipart(
                text("It was read."),
                part(b"Disposition: displayed", "message/disposition-notification", encoding="7bit"),
                kind="report",
                boundary="=_rep",
            )
        ),
        Expected(body="It was read.", automatic="report"),
    ),
    case(
        "machine: MAILER-DAEMON",
        with_contract(sender=f"From: Mail Delivery <MAILER-DAEMON@{DOMAIN}>"),
        Expected([CONTRACT], automatic="report", sender=f"mailer-daemon@{DOMAIN}"),
    ),
    case("loop: our mark", with_contract(f"X-Loop: {MARK}"), Expected([CONTRACT], loops=True)),
    case(
        "loop: our mark, below another's",
        with_contract("X-Loop: x@lists.example", f"X-Loop: {MARK.upper()}"),
        Expected([CONTRACT], loops=True),
    ),
    case("loop: another's mark", with_contract("X-Loop: x@lists.example"), ONE),
    case(
        "loop: 60 hops",
        with_contract(*["Received: from a by b; Fri, 27 Nov 2026 10:00:00 +0000"] * 60),
        Expected([CONTRACT], loops=True),
    ),
    case("loop: 20 hops", with_contract(*["Received: from a by b; Fri, 27 Nov 2026 10:00:00 +0000"] * 20), ONE),
]
