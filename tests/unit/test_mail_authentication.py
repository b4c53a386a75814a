"""Proofs of a sender beyond the corpus (tests/mail_corpus/proofs.py): what settings change, what nobody can write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import mail_authentication
from faxplan.mail_authentication import Proof, Verdict
from faxplan.mail_headers import Headers

ADDRESS = "ann@acme.example"
IDS = {"mx.fax.example", "mx2.fax.example"}


def verdict(*fields: str, instances: int = 1, signing: tuple[str, ...] = ()) -> Verdict:
    headers = Headers([("authentication-results", each) for each in fields])
    return mail_authentication.sender_of(headers, IDS, ADDRESS, instances=instances, signing_domains=signing)


def test_any_of_our_mail_servers_is_believed() -> None:
    for each in IDS:
        assert verdict(f"{each}; dkim=pass header.d=acme.example") == Verdict(Proof.DKIM, "acme.example")


def test_without_a_mail_server_of_ours_nothing_is() -> None:
    headers = Headers([("authentication-results", "mx.fax.example; dkim=pass header.d=acme.example")])
    assert not mail_authentication.sender_of(headers, set(), ADDRESS).proven


def test_of_several_fields_as_many_are_read_as_our_mail_server_adds() -> None:
    spf, dkim = "mx.fax.example; spf=fail smtp.mailfrom=x.example", "mx.fax.example; dkim=pass header.d=acme.example"
    assert not verdict(spf, dkim).proven
    assert verdict(spf, dkim, instances=2).proof is Proof.DKIM
    assert not verdict(spf, spf, dkim, instances=2).proven
    assert verdict("mx.other.example; none", spf, dkim, instances=2).proven


def test_a_domain_signs_for_another_only_where_its_tenant_says_so() -> None:
    written = "mx.fax.example; dkim=pass header.d=acme.onmicrosoft.example"
    assert verdict(written).reason == "other-domain"
    assert verdict(written, signing=("Acme.OnMicrosoft.example",)) == Verdict(Proof.DKIM, "acme.onmicrosoft.example")
    assert not verdict("mx.fax.example; spf=pass smtp.mailfrom=acme.onmicrosoft.example",
                       signing=("acme.onmicrosoft.example",)).proven  # fmt: skip
    assert not verdict("mx.fax.example; dmarc=pass header.from=acme.onmicrosoft.example",
                       signing=("acme.onmicrosoft.example",)).proven  # fmt: skip


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (None, "no-results"),
        ("mx.fax.example; none", "no-pass"),
        ("mx.fax.example; dkim=pass (", "no-results"),
        ("mx.fax.example; dkim=pass header.d", "unreadable-results"),
        ("mx.fax.example; dkim=fail header.d=acme.example", "no-pass"),
        ("mx.fax.example; dkim=pass header.d=x.example", "other-domain"),
    ],
)
def test_why_not(field: str | None, reason: str) -> None:
    assert verdict(*([field] if field else [])) == Verdict(None, reason=reason)


_PIECES = [*'();=/" \\@', " ", "; ", "dkim", "spf", "dmarc", "pass", "header.d", "smtp.mailfrom", "header.from"]
_PIECES += ["mx.fax.example", "mx.evil.example", "evil.example", "reason", "none", "1"]


@given(st.lists(st.sampled_from(_PIECES), max_size=30))
def test_nothing_proves_what_does_not_name_the_domain(pieces: list[str]) -> None:
    assert not verdict("".join(pieces), "mx.fax.example; " + "".join(pieces), instances=9).proven


@given(st.text(max_size=200))
def test_nothing_raises(written: str) -> None:
    verdict(written, f"mx.fax.example; {written}", instances=9)
