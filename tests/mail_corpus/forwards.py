"""Mails in mails."""

from tests.mail_corpus.building import (
    CONTRACT,
    SENDER,
    Expected,
    File,
    attached,
    case,
    html,
    lines,
    mail,
    message,
    multipart,
    part,
    pdf,
    text,
)
from tests.mail_corpus.programs import SHOWN


def _forward(inside: bytes, **kinds: str) -> bytes:
    return mail(multipart(text(), inside, boundary="=_outer"), **kinds)


def _nested(depth: int) -> bytes:
    inside = mail(multipart(text("Innermost"), attached(pdf(), "Contract.pdf"), boundary="=_0"), proof="")
    for each in range(1, depth + 1):
        inside = mail(multipart(text(f"Forward {each}"), message(inside), boundary=f"=_{each}"), proof="")
    return mail(multipart(text(), message(inside), boundary="=_top"))


INNER = mail(multipart(text("Inner words."), attached(pdf("inner"), "inner.pdf"), boundary="=_in"),
             proof="", subject="Subject: Inner", sender="From: eve@evil.example")  # fmt: skip
INNER_FILE = File("inner.pdf", "application/pdf", pdf("inner"))
FORWARDS = [
    case(
        "forwarded in the text",
        mail(
            multipart(
                text("Please fax this.\r\n\r\n-------- Forwarded message --------\r\nFrom: Eve"),
                attached(pdf(), "Contract.pdf"),
            ),
            subject="Subject: Fwd: Contract",
        ),
        Expected([CONTRACT], body=None, subject="Fwd: Contract"),
    ),
    case("forwarded as attachment", _forward(message(INNER, "Inner.eml")), Expected([INNER_FILE])),
    case(
        "forwarded as attachment, between documents",
        mail(
            multipart(
                text(), attached(pdf("a"), "a.pdf"), message(INNER), attached(pdf("c"), "c.pdf"), boundary="=_outer"
            )
        ),
        Expected([File("a.pdf", "application/pdf", pdf("a")), INNER_FILE, File("c.pdf", "application/pdf", pdf("c"))]),
    ),
    case(
        "forwarded as attachment of type octet-stream",
        _forward(attached(INNER, "Inner.eml", "application/octet-stream")),
        Expected([INNER_FILE]),
    ),
    case("forwarded as attachment in base64", _forward(part(INNER, "message/rfc822")), Expected([INNER_FILE])),
    case("forwarded with nothing but words", _forward(message(mail(text("Inner words."), proof=""))), Expected()),
    case(
        "two forwarded mails",
        mail(multipart(text(), message(INNER), message(INNER), boundary="=_outer")),
        Expected([INNER_FILE, INNER_FILE]),
    ),
    case(
        "a digest of two mails",
        mail(multipart(lines("") + INNER, lines("") + INNER, kind="digest", boundary="=_dig")),
        Expected([INNER_FILE, INNER_FILE], body=""),
    ),
    *(case(f"forwarded {each} times", _nested(each - 1), Expected([CONTRACT])) for each in (2, 3, 5, 8)),
    case("forwarded too often", _nested(20), Expected(refused="mail-too-complex")),
    case(
        "a forwarded mail with a logo",
        _forward(
            message(
                mail(
                    multipart(
                        html('<p>x</p><img src="cid:image001.png@01DA">'), SHOWN, kind="related", boundary="=_rel"
                    ),
                    proof="",
                )
            )
        ),
        Expected(),
    ),
    case(
        "a forwarded mail that is encrypted",
        _forward(message(mail(part(b"0", "application/pkcs7-mime; name=smime.p7m"), proof=""))),
        Expected(refused="encrypted-mail"),
    ),
    case(
        "an Outlook message as attachment",
        _forward(attached(b"\xd0\xcf\x11\xe0", "mail.msg", "application/vnd.ms-outlook")),
        Expected(refused="attached-mail"),
    ),
    case(
        "a part of a mail",
        mail(part(b"x", "message/partial; id=a; number=1; total=2", encoding="7bit")),
        Expected(refused="attached-mail"),
    ),
    case(
        "a mail whose content is elsewhere",
        mail(
            multipart(
                text(),
                part(b"\r\n", 'message/external-body; access-type=URL; URL="http://x.example/"', encoding=""),
                attached(pdf(), "Contract.pdf"),
            )
        ),
        Expected([CONTRACT]),
    ),
    case(
        "a forwarded mail has the same boundary as the one around it",
        mail(multipart(text(), message(mail(multipart(text("x"), attached(pdf("inner"), "inner.pdf")), proof="")))),
        Expected([INNER_FILE]),
    ),
    case(
        "from: in the forwarded mail is not the sender", _forward(message(INNER)), Expected([INNER_FILE], sender=SENDER)
    ),
]
