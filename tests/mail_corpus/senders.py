"""Who says to have written a mail."""

from functools import partial

from tests.mail_corpus.building import (
    CONTRACT,
    DOMAIN,
    SENDER,
    Case,
    Expected,
    case,
    with_contract,
)


def _from(title: str, *senders: str, refused: str = "unclear-sender", **expected: str) -> Case:
    """refused empty: it is taken, as `expected` says."""
    what = Expected([CONTRACT], **expected) if not refused else Expected(refused=refused)
    return case(f"from: {title}", with_contract(*senders[1:], sender=senders[0]), what)


_taken = partial(_from, refused="")
SENDERS = [
    _taken("an address alone", f"From: {SENDER}"),
    _taken("in angles alone", f"From: <{SENDER}>"),
    _taken("a name in quotes, with a comma", f'From: "Example, Ann" <{SENDER}>'),
    _taken("a name with an apostrophe", f"From: Ann O'Brien <{SENDER}>"),
    _taken("an address with an apostrophe", f"From: o'brien@{DOMAIN}", sender=f"o'brien@{DOMAIN}"),
    _taken("an address with a plus", f"From: ann+fax@{DOMAIN}", sender=f"ann+fax@{DOMAIN}"),
    _taken("in capitals", f"FROM: Ann <{SENDER.upper()}>"),
    _taken("folded", f"From: Ann Example\r\n <{SENDER}>"),
    _taken("a name in RFC 2047", f"From: =?utf-8?Q?Z=C3=B6e?= <{SENDER}>"),
    _taken("a name in RFC 2047 that is an address", f"From: =?utf-8?Q?ceo=40bank.example?= <{SENDER}>"),
    _taken("a name in quotes that is another address", f'From: "ceo@bank.example" <{SENDER}>'),
    _taken("a name that is the same address", f"From: {SENDER} <{SENDER}>"),
    _taken("comments", f"From: (a (nested) comment) Ann <{SENDER}> (work)"),
    _taken("an address in punycode", "From: ann@xn--strae-oqa.example", sender="ann@xn--strae-oqa.example", proof=""),
    _taken("a Sender of another domain", f"From: {SENDER}", "Sender: eve@evil.example"),
    _taken("a name in 8 bits", f"From: Zöe <{SENDER}>"),
    _taken("a name of SQL", f'From: "\'; drop table users; --" <{SENDER}>'),
    _taken("an address of SQL", f"From: '--@{DOMAIN}", sender=f"'--@{DOMAIN}"),
    _taken("an address of a shell", f"From: `id`|$x@{DOMAIN}", sender=f"`id`|$x@{DOMAIN}"),
    _from("none", ""),
    _from("empty", "From:"),
    _from("two addresses", f"From: {SENDER}, bob@acme.example"),
    _from("two fields", f"From: {SENDER}", "From: eve@evil.example"),
    _from("two fields, one with a space before its colon", f"From: {SENDER}", "From : eve@evil.example"),
    _from("a group", f"From: Team: {SENDER};"),
    _from("an empty group", "From: undisclosed-recipients:;"),
    _from("an address in the name, without quotes", f"From: ceo@bank.example <{SENDER}>"),
    _from("two pairs of angles", f"From: <ceo@bank.example> <{SENDER}>"),
    _from("an address behind the angles", f"From: <{SENDER}> ceo@bank.example"),
    _from("a route", f"From: <@evil.example:{SENDER}>"),
    _from("an encoded address", "From: =?utf-8?Q?ann=40acme.example?="),
    _from("an encoded part of an address", "From: =?utf-8?Q?ann?=@acme.example"),
    _from("a NUL in it", "From: ann@acme.example\0@evil.example"),
    _from("a bare CR in it", "From: ann@acme.example\rFrom: eve@evil.example"),
    _from("a comment in it that does not end", f"From: {SENDER} (a"),
    _from("letters that look alike", "From: ann@\u0430cme.example"),
    _from("a domain that is an address", "From: ann@[192.0.2.1]"),
    _from("no domain", "From: ann"),
    _from("two @", "From: ann@acme.example@evil.example"),
    _from("dots in disorder", "From: .ann..x@acme.example"),
    _from("a quoted local part with spaces", 'From: "ann example"@acme.example'),
    _from("a shell in it", "From: $(id)@acme.example"),
    _from("a local part of 300 letters", f"From: {'a' * 300}@acme.example"),
]
