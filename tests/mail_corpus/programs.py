"""What mail programs and devices of offices write: Outlook, Exchange, Apple Mail, Gmail, Thunderbird, scanners."""

from tests.mail_corpus.building import (
    CONTRACT,
    Case,
    Expected,
    File,
    attached,
    case,
    html,
    mail,
    multipart,
    part,
    pdf,
    picture,
    text,
    with_contract,
    word_document,
)
from tests.mail_corpus.tnef_files import tnef

LOGO = picture("logo", width=120, height=40)
SHOWN = part(LOGO, 'image/png; name="image001.png"', "Content-ID: <image001.png@01DA>",
             'Content-Disposition: inline; filename="image001.png"')  # fmt: skip
OUTLOOK_HTML = (
    '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style><!-- p.MsoNormal {margin:0cm} --></style>'
    "</head><body lang=DE><p class=MsoNormal>Please fax this.<o:p></o:p></p>"
    '<p class=MsoNormal><img width=120 src="cid:image001.png@01DA"></p></body></html>'
)
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ONE = Expected([CONTRACT])


def _alternative(
    plain: str = "Please fax this.", marked_up: str = "<p>Please fax this.</p>", kind: str = "alt"
) -> bytes:
    return multipart(text(plain), html(marked_up), kind="alternative", boundary=f"=_{kind}")


def _device(
    name: str, *headers: str, words: str = "", content: bytes = b"", file: str = "", media_type: str = ""
) -> Case:
    inside = multipart(*([text(words)] if words else []), attached(content, file, media_type))
    return case(name, mail(inside, *headers), Expected([File(file, media_type, content)], body=words))


FOREIGN_NAME = "=?utf-8?B?w4TDtsO8LnBkZg==?="
PROGRAMS = [
    case("plain text and a PDF", with_contract(), ONE),
    case("a text alone", mail(text("Just this text.")), Expected(body="Just this text.")),
    case(
        "HTML alone",
        mail(html("<p>Just&nbsp;this <b>text</b>.</p><p>And &lt;this&gt;.</p>")),
        Expected(body="Just this text.\n\nAnd <this>."),
    ),
    case(
        "nothing but a PDF",
        mail(part(pdf(), "application/pdf", 'Content-Disposition: attachment; filename="Contract.pdf"')),
        Expected([CONTRACT], body=""),
    ),
    case(
        "a PDF with no name",
        mail(multipart(text(), part(pdf(), "application/pdf", "Content-Disposition: attachment"))),
        Expected([File("attachment-1", "application/pdf", pdf())]),
    ),
    case("a mail with nothing", mail(b"\r\n"), Expected(body="")),
    case("a body of white space", mail(text("  \r\n \t \r\n")), Expected(body="")),
    case(
        "Thunderbird: alternative and a PDF",
        mail(multipart(_alternative(), attached(pdf(), "Contract.pdf")), "User-Agent: Mozilla Thunderbird"),
        ONE,
    ),
    case(
        "Thunderbird: flowed text",
        mail(multipart(text("Please fax \r\nthis.", extra="; format=flowed"), attached(pdf(), "Contract.pdf"))),
        ONE,
    ),
    case(
        "Thunderbird: flowed text with DelSp and quotes",
        mail(text("> Please  \r\n> fax \r\n>> this\r\n stuffed\r\n-- \r\nAnn", extra="; format=flowed; delsp=yes")),
        Expected(body="> Please fax\n>> this\nstuffed\n--\nAnn"),
    ),
    case(
        "Thunderbird: the HTML shows a picture",
        mail(
            multipart(
                multipart(
                    html('<p>Please fax this.</p><img src="cid:logo">'),
                    part(
                        LOGO,
                        'image/png; name="logo.png"',
                        "Content-ID: <logo>",
                        'Content-Disposition: inline; filename="logo.png"',
                    ),
                    kind="related",
                    boundary="=_rel",
                ),
                attached(pdf(), "Contract.pdf"),
            )
        ),
        ONE,
    ),
    case(
        "Outlook: related in alternative in mixed",
        mail(
            multipart(
                multipart(
                    multipart(text(), html(OUTLOOK_HTML), kind="alternative", boundary="=_alt"),
                    SHOWN,
                    kind="related",
                    boundary="=_rel",
                ),
                attached(pdf(), "Contract.pdf"),
            ),
            "X-Mailer: Microsoft Outlook 16.0",
            "Thread-Topic: Contract",
        ),
        ONE,
    ),
    case(
        "Outlook: a logo and no attachment",
        mail(
            multipart(
                multipart(text(), html(OUTLOOK_HTML), kind="alternative", boundary="=_alt"),
                SHOWN,
                kind="related",
                boundary="=_rel",
            )
        ),
        Expected(),
    ),
    case(
        "Outlook: nothing but a pasted picture",
        mail(multipart(html('<img src="cid:image001.png@01DA">'), SHOWN, kind="related", boundary="=_rel")),
        Expected([File("image001.png", "image/png", LOGO)], body=""),
    ),
    case(
        "Outlook: the name is an encoded word in quotes",
        mail(multipart(text(), attached(pdf(), FOREIGN_NAME))),
        Expected([File("Äöü.pdf", "application/pdf", pdf())]),
    ),
    case(
        "Outlook: an attachment with a Content-ID that nothing shows",
        mail(
            multipart(
                text(),
                part(
                    pdf(),
                    'application/pdf; name="Contract.pdf"',
                    "Content-ID: <1>",
                    'Content-Disposition: attachment; filename="Contract.pdf"; size=600',
                ),
            )
        ),
        ONE,
    ),
    case(
        "Outlook: a picture attached that nothing shows",
        mail(
            multipart(
                _alternative(),
                part(
                    picture(),
                    'image/png; name="scan.png"',
                    "Content-ID: <9>",
                    'Content-Disposition: attachment; filename="scan.png"',
                ),
            )
        ),
        Expected([File("scan.png", "image/png", picture())]),
    ),
    case(
        "Outlook: a Word document",
        mail(multipart(text(), attached(word_document(), "Vertrag.docx", WORD))),
        Expected([File("Vertrag.docx", WORD, word_document())]),
    ),
    case(
        "Exchange: a PDF of type octet-stream",
        mail(multipart(text(), attached(pdf(), "Contract.pdf", "application/octet-stream"))),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    case(
        "Exchange: an appointment beside the document",
        mail(
            multipart(
                text(),
                attached(pdf(), "Contract.pdf"),
                part(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar; method=REQUEST; name=meeting.ics"),
            )
        ),
        ONE,
    ),
    case(
        "Exchange: a disclaimer behind the document",
        mail(multipart(text(), attached(pdf(), "Contract.pdf"), text("Confidential."))),
        Expected([CONTRACT], body="Please fax this.\n\nConfidential."),
    ),
    case(
        "Exchange: winmail.dat with two documents",
        lambda: mail(
            multipart(
                text(),
                part(
                    tnef(("Contract.pdf", pdf()), ("Anlage Ä.pdf", pdf("second"))),
                    'application/ms-tnef; name="winmail.dat"',
                    'Content-Disposition: attachment; filename="winmail.dat"',
                ),
            )
        ),
        Expected(
            [
                File("Contract.pdf", "application/octet-stream", pdf()),
                File("Anlage Ä.pdf", "application/octet-stream", pdf("second")),
            ]
        ),
    ),
    case(
        "Exchange: winmail.dat without a text beside it",
        lambda: mail(
            part(
                tnef(("Contract.pdf", pdf()), body="Please fax this."),
                "application/ms-tnef",
            )
        ),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    case(
        "Exchange: winmail.dat of type octet-stream",
        lambda: mail(
            multipart(text(), attached(tnef(("Contract.pdf", pdf())), "winmail.dat", "application/octet-stream"))
        ),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    case(
        "Exchange: winmail.dat between other documents",
        lambda: mail(
            multipart(
                text(),
                attached(pdf("a"), "a.pdf"),
                attached(tnef(("b.pdf", pdf("b"))), "winmail.dat", "application/ms-tnef"),
                attached(pdf("c"), "c.pdf"),
            )
        ),
        Expected(
            [
                File("a.pdf", "application/pdf", pdf("a")),
                File("b.pdf", "application/octet-stream", pdf("b")),
                File("c.pdf", "application/pdf", pdf("c")),
            ]
        ),
    ),
    case(
        "Exchange: a hidden picture in winmail.dat",
        lambda: mail(
            multipart(
                text(),
                attached(
                    tnef(("Contract.pdf", pdf()), ("image001.png", LOGO), hidden={"image001.png"}),
                    "winmail.dat",
                    "application/ms-tnef",
                ),
            )
        ),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    case(
        "Exchange: a mail in winmail.dat, with its document",
        lambda: mail(
            multipart(
                text(), attached(tnef(inside=tnef(("Contract.pdf", pdf()))), "winmail.dat", "application/ms-tnef")
            )
        ),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    case(
        "Exchange: winmail.dat with nothing in it",
        lambda: mail(multipart(text(), attached(tnef(), "winmail.dat", "application/ms-tnef"))),
        Expected(),
    ),
    case(
        "Exchange: winmail.dat, cut short",
        lambda: mail(
            multipart(text(), attached(tnef(("Contract.pdf", pdf()))[:-200], "winmail.dat", "application/ms-tnef"))
        ),
        Expected(refused="damaged-mail"),
    ),
    case(
        "Exchange: what is called winmail.dat and is a PDF",
        mail(multipart(text(), attached(pdf(), "winmail.dat", "application/ms-tnef"))),
        Expected([File("winmail.dat", "application/ms-tnef", pdf())]),
    ),
    case(
        "Exchange: winmail.dat with paths for names",
        lambda: mail(
            multipart(
                text(), attached(tnef(("..\\..\\etc\\Contract.pdf", pdf())), "winmail.dat", "application/ms-tnef")
            )
        ),
        Expected([File("Contract.pdf", "application/octet-stream", pdf())]),
    ),
    case(
        "Apple Mail: text, document, text",
        mail(
            multipart(
                text("Please fax this."),
                part(
                    pdf(),
                    "application/pdf; x-unix-mode=0644; name=Contract.pdf",
                    "Content-Disposition: inline; filename=Contract.pdf",
                ),
                text("Thanks, Ann"),
            ),
            "X-Mailer: Apple Mail (2.3774)",
        ),
        Expected([CONTRACT], body="Please fax this.\n\nThanks, Ann"),
    ),
    case(
        "Apple Mail: the document inside the alternative",
        mail(
            multipart(
                text(),
                multipart(
                    html("<p>Please fax this.</p>"), attached(pdf(), "Contract.pdf"), html("<br>"), boundary="=_in"
                ),
                kind="alternative",
                boundary="=_alt",
            )
        ),
        ONE,
    ),
    case(
        "Apple Mail: a name in RFC 2231, decomposed",
        mail(
            multipart(
                text(),
                part(pdf(), "application/pdf", "Content-Disposition: attachment; filename*=utf-8''Vertra%CC%88ge.pdf"),
            )
        ),
        Expected([File("Verträge.pdf", "application/pdf", pdf())]),
    ),
    case(
        "Apple Mail: a name in pieces of RFC 2231",
        mail(
            multipart(
                text(),
                part(
                    pdf(),
                    "application/pdf",
                    "Content-Disposition: attachment;\r\n filename*0*=utf-8''Vertr%C3%A4;\r\n"
                    ' filename*1*=ge%20und;\r\n filename*2=" more.pdf"',
                ),
            )
        ),
        Expected([File("Verträge und more.pdf", "application/pdf", pdf())]),
    ),
    case(
        "Apple Mail: a resource fork beside the document",
        mail(
            multipart(
                text(),
                multipart(
                    part(b"\0\5\x16\7" + bytes(40), "application/applefile; name=Contract.pdf"),
                    attached(pdf(), "Contract.pdf"),
                    kind="appledouble",
                    boundary="=_ad",
                ),
            )
        ),
        ONE,
    ),
    case(
        "iPhone: a photograph in the text",
        mail(
            multipart(
                text(),
                part(
                    picture(kind="JPEG"),
                    "image/jpeg; name=IMG_0001.jpeg",
                    "Content-Disposition: inline; filename=IMG_0001.jpeg",
                ),
                text("Sent from my iPhone"),
            ),
            "X-Mailer: iPhone Mail",
        ),
        Expected(
            [File("IMG_0001.jpeg", "image/jpeg", picture(kind="JPEG"))], body="Please fax this.\n\nSent from my iPhone"
        ),
    ),
    case(
        "Gmail: alternative and a document with X-Attachment-Id",
        mail(
            multipart(
                _alternative(marked_up='<div dir="ltr">Please fax this.</div>'),
                part(
                    pdf(),
                    'application/pdf; name="Contract.pdf"',
                    'Content-Disposition: attachment; filename="Contract.pdf"',
                    "Content-ID: <f_abc>",
                    "X-Attachment-Id: f_abc",
                ),
            )
        ),
        ONE,
    ),
    case(
        "Gmail: a picture in the text that is also marked as attachment",
        mail(
            multipart(
                multipart(
                    _alternative(marked_up='Please fax this.<img src="cid:ii_1">'),
                    part(
                        LOGO,
                        'image/png; name="logo.png"',
                        'Content-Disposition: attachment; filename="logo.png"',
                        "Content-ID: <ii_1>",
                    ),
                    kind="related",
                    boundary="=_rel",
                ),
                attached(pdf(), "Contract.pdf"),
            )
        ),
        ONE,
    ),
    case(
        "Gmail: AMP beside the HTML",
        mail(
            multipart(
                multipart(
                    text(),
                    part(b"<html amp4email>", "text/x-amp-html"),
                    html("<p>Please fax this.</p>"),
                    kind="alternative",
                    boundary="=_alt",
                ),
                attached(pdf(), "Contract.pdf"),
            )
        ),
        ONE,
    ),
    case(
        "web mail: HTML and a document",
        mail(multipart(html("<div>Please fax this.</div>"), attached(pdf(), "Contract.pdf"))),
        ONE,
    ),
    case(
        "web mail: an empty text beside the HTML",
        mail(multipart(_alternative(plain=" \r\n"), attached(pdf(), "Contract.pdf"))),
        ONE,
    ),
    case(
        "a business card and a signature beside the document",
        mail(
            multipart(
                multipart(text(), attached(pdf(), "Contract.pdf"), attached(b"BEGIN:VCARD", "ann.vcf", "text/x-vcard")),
                attached(b"0\x80", "smime.p7s", "application/pkcs7-signature"),
                kind="signed",
                boundary="=_sig",
                extra='; protocol="application/pkcs7-signature"',
            )
        ),
        ONE,
    ),
    case(
        "a PGP signature, detached",
        mail(
            multipart(
                multipart(text(), attached(pdf(), "Contract.pdf")),
                part(
                    b"-----BEGIN PGP SIGNATURE-----", "application/pgp-signature; name=signature.asc", encoding="7bit"
                ),
                kind="signed",
                boundary="=_sig",
            )
        ),
        ONE,
    ),
    case(
        "a text that is signed by PGP",
        mail(
            text(
                "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nPlease fax this.\r\n- -- \r\n"
                "-----BEGIN PGP SIGNATURE-----\r\n\r\nabc\r\n-----END PGP SIGNATURE-----"
            )
        ),
        Expected(body="Please fax this.\n--"),
    ),
    case(
        "S/MIME: encrypted",
        mail(part(b"0\x80", "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m")),
        Expected(refused="encrypted-mail"),
    ),
    case(
        "S/MIME: encrypted, of type octet-stream",
        mail(attached(b"0\x80", "smime.p7m", "application/octet-stream")),
        Expected(refused="encrypted-mail"),
    ),
    case(
        "S/MIME: opaque signature",
        mail(part(b"0\x80", "application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m")),
        Expected(refused="encrypted-mail"),
    ),
    case(
        "OpenPGP: encrypted",
        mail(
            multipart(
                part(b"Version: 1", "application/pgp-encrypted", encoding="7bit"),
                attached(b"-----BEGIN PGP MESSAGE-----", "encrypted.asc", "application/octet-stream"),
                kind="encrypted",
                boundary="=_enc",
            )
        ),
        Expected(refused="encrypted-mail"),
    ),
    case(
        "OpenPGP: encrypted in the text",
        mail(text("-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----")),
        Expected(refused="encrypted-mail"),
    ),
    case(
        "Microsoft: rights management",
        mail(multipart(text(), attached(b"v", "message.rpmsg", "application/x-microsoft-rpmsg-message"))),
        Expected(refused="encrypted-mail"),
    ),
    _device(
        "scanner: TIFF with no text",
        "X-Mailer: Canon MFP",
        content=picture(kind="TIFF"),
        file="0001.TIF",
        media_type="image/tiff",
    ),
    _device(
        "scanner: PDF and a line of text",
        words="This E-mail was sent from RNP5838 (MP C3004).",
        content=pdf("scan"),
        file="20261127101500.pdf",
        media_type="application/pdf",
    ),
    _device(
        "scanner: JPEG of type octet-stream",
        content=picture(kind="JPEG"),
        file="Scan_0001.jpg",
        media_type="application/octet-stream",
    ),
    _device("scanner: image/tif is no type", content=picture(kind="TIFF"), file="scan.tif", media_type="image/tif"),
    _device("scanner: application/x-pdf", content=pdf(), file="doc.pdf", media_type="application/x-pdf"),
    case(
        "scanner: no MIME-Version, and the name only in Content-Type",
        mail(multipart(text("Scan"), part(pdf("scan"), 'application/pdf; name="scan.pdf"'))).replace(
            b"MIME-Version: 1.0\r\n", b""
        ),
        Expected([File("scan.pdf", "application/pdf", pdf("scan"))], body="Scan"),
    ),
    case(
        "scanner: no Message-ID and no Subject", with_contract(number="", subject=""), Expected([CONTRACT], subject="")
    ),
    case("scanner: an empty Subject", with_contract(subject="Subject:"), Expected([CONTRACT], subject="")),
    case(
        "scanner: a name with no quotes and spaces",
        mail(
            multipart(
                text(),
                part(
                    pdf(),
                    "application/pdf; name=Scan from office.pdf",
                    "Content-Disposition: attachment; filename=Scan from office.pdf",
                ),
            )
        ),
        Expected([File("Scan from office.pdf", "application/pdf", pdf())]),
    ),
    case(
        "a document in the HTML's own relatives",
        mail(
            multipart(
                html("<p>Please fax this.</p>"), attached(pdf(), "Contract.pdf"), kind="related", boundary="=_rel"
            )
        ),
        ONE,
    ),
    case(
        "text as attachment",
        mail(multipart(text(), attached(b"An attached text.\r\n", "note.txt", "text/plain"))),
        Expected([File("note.txt", "text/plain", b"An attached text.\r\n")]),
    ),
    case(
        "HTML as attachment",
        mail(multipart(text(), attached(b"<p>page</p>", "page.html", "text/html"))),
        Expected([File("page.html", "text/html", b"<p>page</p>")]),
    ),
    case(
        "a document in quoted-printable",
        mail(
            multipart(text(), part(b"Caf=C3=A9 =\r\nlatte=20\r\n", "text/csv; name=a.csv", encoding="quoted-printable"))
        ),
        Expected([File("a.csv", "text/csv", "Café latte \r\n".encode())]),
    ),
    case(
        "a document in 8 bits, line by line",
        mail(multipart(text(), part(b"\xe4\r\n--not a boundary\r\n\r\n", "text/csv; name=a.csv", encoding="8bit"))),
        Expected([File("a.csv", "text/csv", b"\xe4\r\n--not a boundary\r\n\r\n")]),
    ),
    case(
        "a document in binary, with bare line ends",
        mail(multipart(text(), part(pdf(), "application/pdf; name=Contract.pdf", encoding="binary"))),
        ONE,
    ),
    case(
        "a document in uuencode",
        mail(
            multipart(
                text(),
                part(
                    b"begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n", "application/x-uue; name=a.txt", encoding="x-uuencode"
                ),
            )
        ),
        Expected([File("a.txt", "application/x-uue", b"Cat")]),
    ),
    case(
        "fifty documents",
        lambda: mail(multipart(text(), *(attached(pdf(f"number {each}"), f"{each}.pdf") for each in range(50)))),
        Expected([File(f"{each}.pdf", "application/pdf", pdf(f"number {each}")) for each in range(50)]),
    ),
    case(
        "a document twice",
        mail(multipart(text(), attached(pdf(), "Contract.pdf"), attached(pdf(), "Contract.pdf"))),
        Expected([CONTRACT, CONTRACT]),
    ),
    case(
        "an empty document",
        mail(multipart(text(), attached(b"", "empty.pdf"))),
        Expected([File("empty.pdf", "application/pdf", b"")]),
    ),
]
