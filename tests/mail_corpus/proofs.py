"""What our own mail server says of a sender, and what others want to be taken for that."""

from tests.mail_corpus.building import (
    CONTRACT,
    DOMAIN,
    MTA,
    SENDER,
    Case,
    Expected,
    case,
    mail,
    message,
    multipart,
    text,
    with_contract,
)


def _proof(title: str, *fields: str, proof: str = "", sender: str = "") -> Case:
    """fields: those of Authentication-Results, from above, after their name."""
    headers = [f"Authentication-Results: {each}" for each in fields]
    made = with_contract(*headers[1:], proof=headers[0] if headers else "", sender=sender or f"From: {SENDER}")
    return case(f"proof: {title}", made, Expected([CONTRACT], proof=proof))


_OTHERS = "mx.elsewhere.example"
PROOFS = [
    _proof("DKIM of the same domain", f"{MTA}; dkim=pass header.d={DOMAIN} header.s=s1 header.b=ab/c+d=", proof="dkim"),
    _proof(
        "DKIM, with comments and versions",
        f"(c) {MTA} 1; dkim/1 = pass (2048-bit key; (unprotected)) header.d = {DOMAIN}",
        proof="dkim",
    ),
    _proof(
        "DKIM, by opendkim",
        f"{MTA};\r\n\tdkim=pass (2048-bit key; unprotected) header.d={DOMAIN} header.i=@{DOMAIN} header.a=rsa-sha256"
        ' header.s=s1 header.b="aB/c+"',
        proof="dkim",
    ),
    _proof("DKIM, in capitals", f"{MTA}; DKIM=PASS HEADER.D={DOMAIN.upper()}", proof="dkim"),
    _proof(
        "DKIM, two signatures, one good",
        f"{MTA}; dkim=fail header.d={DOMAIN}; dkim=pass header.d=list.example; dkim=pass header.d={DOMAIN}",
        proof="dkim",
    ),
    _proof("SPF of the same domain", f"{MTA}; spf=pass smtp.mailfrom=bounce@{DOMAIN}", proof="spf"),
    _proof("SPF, the domain alone", f"{MTA}; spf=pass (sender is authorised) smtp.mailfrom={DOMAIN}", proof="spf"),
    _proof("DMARC of the same domain", f"{MTA}; dmarc=pass (p=reject dis=none) header.from={DOMAIN}", proof="dmarc"),
    _proof(
        "Exim's, with iprev and auth",
        f"{MTA}; iprev=pass (mail.acme.example) smtp.remote-ip=2001:db8::1; spf=pass smtp.mailfrom={DOMAIN};"
        f" dkim=pass header.d={DOMAIN} header.s=s header.a=rsa-sha256",
        proof="spf",
    ),
    _proof("none at all"),
    _proof("results of none", f"{MTA}; none"),
    _proof("DKIM of another domain", f"{MTA}; dkim=pass header.d=evil.example"),
    _proof("DKIM of the domain above", f"{MTA}; dkim=pass header.d=example"),
    _proof("DKIM of a domain below", f"{MTA}; dkim=pass header.d=mail.{DOMAIN}"),
    _proof("DKIM of a domain that ends so", f"{MTA}; dkim=pass header.d=evil{DOMAIN}"),
    _proof("DKIM that failed", f"{MTA}; dkim=fail (body hash did not verify) header.d={DOMAIN}"),
    _proof(
        "DKIM by policy, neutral, temperror",
        f"{MTA}; dkim=policy header.d={DOMAIN}; dkim=neutral header.d={DOMAIN}; dkim=temperror header.d={DOMAIN}",
    ),
    _proof("DKIM with no domain", f"{MTA}; dkim=pass"),
    _proof("DKIM by its user only", f"{MTA}; dkim=pass header.i=@{DOMAIN}"),
    _proof("SPF of another domain", f"{MTA}; spf=pass smtp.mailfrom=eve@evil.example"),
    _proof("SPF by HELO", f"{MTA}; spf=pass smtp.helo={DOMAIN}"),
    _proof("SPF that failed", f"{MTA}; spf=softfail smtp.mailfrom={SENDER}"),
    _proof("SPF of an address with two @", f'{MTA}; spf=pass smtp.mailfrom="a@{DOMAIN}"@evil.example'),
    _proof("DMARC of another domain", f"{MTA}; dmarc=pass header.from=evil.example"),
    _proof("ARC alone", f"{MTA}; arc=pass header.d={DOMAIN}"),
    _proof("of another's", f"{_OTHERS}; dkim=pass header.d={DOMAIN}"),
    _proof("of a name that begins as ours", f"{MTA}.evil.example; dkim=pass header.d={DOMAIN}"),
    _proof("of a name that ends as ours", f"evil.{MTA}; dkim=pass header.d={DOMAIN}"),
    _proof("of a name that looks like ours", f"mx.f\u0430x.example; dkim=pass header.d={DOMAIN}"),
    _proof("ours in a comment", f"({MTA}) {_OTHERS}; dkim=pass header.d={DOMAIN}"),
    _proof("ours behind a slash", f"{_OTHERS}/{MTA}; dkim=pass header.d={DOMAIN}"),
    _proof("no name", f"; dkim=pass header.d={DOMAIN}"),
    _proof("forged below ours", f"{MTA}; dkim=fail header.d={DOMAIN}", f"{MTA}; dkim=pass header.d={DOMAIN}"),
    _proof("forged below ours, which says none", f"{MTA}; none", f"{MTA}; dkim=pass header.d={DOMAIN}"),
    _proof(
        "another's above ours",
        f"{_OTHERS}; dkim=fail header.d={DOMAIN}",
        f"{MTA}; dkim=pass header.d={DOMAIN}",
        proof="dkim",
    ),
    _proof(
        "slipped in by a comment",
        f'{MTA}; spf=pass (domain of "x) ; dkim=pass header.d={DOMAIN} (" is) smtp.mailfrom=a@evil.example',
    ),
    _proof(
        "SPF by policyd-spf",
        f"{MTA}; spf=pass (sender SPF authorized)\n   smtp.mailfrom={DOMAIN} (client-ip=192.0.2.9; helo=mx.x.example;\n"
        f"   envelope-from=ann@{DOMAIN}; receiver=+4930@fax.example)",
        proof="spf",
    ),
    _proof(
        "slipped in by the name at HELO",
        f"{MTA}; spf=none (no SPF record) smtp.mailfrom=evil.example (client-ip=192.0.2.9; helo=x);"
        f"dkim=pass(a)header.d={DOMAIN}(; envelope-from=a@evil.example; receiver=+4930@fax.example)",
    ),
    _proof("slipped in by a second value", f"{MTA}; dkim=pass header.d=evil.example header.d={DOMAIN}"),
    _proof("slipped in by a value without quotes", f"{MTA}; dkim=pass header.i=@evil.example/header.d={DOMAIN}"),
    _proof("slipped in by another value without quotes", f"{MTA}; dkim=pass header.i=x=header.d={DOMAIN}"),
    _proof("DKIM of an address", f"{MTA}; dkim=pass header.d=evil.example@{DOMAIN}"),
    _proof("slipped in by a reason", f'{MTA}; dkim=fail reason="; dkim=pass header.d={DOMAIN}" header.d=evil.example'),
    _proof("a quote that does not end", f'{MTA}; dkim=pass header.d="{DOMAIN}'),
    _proof("a comment that does not end", f"{MTA}; dkim=pass (x header.d={DOMAIN}"),
    _proof("garbage behind it", f"{MTA}; dkim=pass header.d={DOMAIN} and so on"),
    _proof(
        "in a folded header of the sender's",
        f"{_OTHERS};\r\n Authentication-Results: {MTA}; dkim=pass header.d={DOMAIN}",
    ),
    *[
        case(
            f"proof: slipped in by a signature's {which}",
            with_contract(
                proof=f"Authentication-Results: {MTA};\r\n\tdkim=pass (2048-bit key; unprotected) {found}"
                " header.a=rsa-sha256 header.s=s1 header.b=AbCdEfGh",
                signature="\r\n".join(
                    f"DKIM-Signature: v=1; a=rsa-sha256; d={each}; s=s1; h=From:To; bh=eA==; b=eA=="
                    for each in (DOMAIN, f"evil.example; {tag}")
                ),
            ),
            Expected([CONTRACT], proof=""),
        )
        for which, tag, found in (
            (
                "identity",
                f"i=x=20=3B=20dkim=3Dpass=20header.d=3D{DOMAIN}=20\r\n header.z=3D@evil.example",
                f"header.d=evil.example header.i=x ; dkim=pass header.d={DOMAIN} header.z=@evil.example",
            ),
            (
                "identity, as it was said last",
                f"i=@evil.example; i=x=20=3B=20spf=3Dpass=20smtp.mailfrom=3D{DOMAIN}=20header.z=3D@evil.example",
                f"header.d=evil.example header.i=x ; spf=pass smtp.mailfrom={DOMAIN} header.z=@evil.example",
            ),
            (
                "domain",
                f"d={DOMAIN}(.evil.example; i=@{DOMAIN}(.evil.example; s=a))",
                f"header.d={DOMAIN}(.evil.example header.i=@{DOMAIN}(.evil.example header.s=a))",
            ),
        )
    ],
    case(
        "proof: spoofed sender, with a signature of the spoofer",
        with_contract(
            proof=f"Authentication-Results: {MTA}; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=evil.example"
        ),
        Expected([CONTRACT], proof=""),
    ),
    case(
        "proof: forged in the mail that is forwarded",
        mail(multipart(text(), message(with_contract().replace(b"=_part", b"=_in"))), proof=""),
        Expected([CONTRACT], proof=""),
    ),
    case(
        "proof: an older field of the same kind",
        with_contract("DKIM-Signature: v=1; d=acme.example", "Received-SPF: pass", proof=""),
        Expected([CONTRACT], proof=""),
    ),
]
