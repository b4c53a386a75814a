"""`faxplan user mail-in` and `faxplan tenant set`: by what mails are known as a user's."""

import pytest

from faxplan import mail_access
from tests.db.test_cli_administration import listed, said, shop
from tests.world import World

__all__ = ["shop"]


def test_what_a_user_is_given_is_shown_once(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    who = ("user", "mail-in", "acme", shop.acme.user.email)
    made = listed(
        capsys,
        *who,
        "--token",
        "--pin",
        "--add-sender",
        "Ann@Home.example",
        "--answer-at-once",
        "on",
        "--thumbnail",
        "on",
    )
    assert made["senders"] == ["ann@home.example"]
    assert (len(made["token"]), len(made["pin"])) == (25, 8)
    with shop.portal.tenant(shop.acme.tenant.id) as tx:
        found = mail_access.user_of_token(tx, shop.acme.tenant.id, made["token"])
        assert found is not None
        assert found.id == shop.acme.user.id
        assert tx.value("select mail_accepted and mail_thumbnail from users where id = %s", (shop.acme.user.id,))
        assert tx.value("select count(*) from audit where action like 'user.mail-%%'") == 3
    assert mail_access.is_pin(shop.portal, shop.acme.user, made["pin"])
    again = listed(capsys, *who)
    assert (again["token"], again["pin"]) == (None, None)
    assert again["token_since"]
    assert again["pin_since"]
    gone = listed(capsys, *who, "--no-token", "--no-pin", "--remove-sender", "ann@home.example")
    assert (gone["senders"], gone["token_since"], gone["pin_since"]) == ([], None, None)
    assert not mail_access.is_pin(shop.portal, shop.acme.user, made["pin"])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nobody", "no e-mail address"),
        ("a@b", "no e-mail address"),
        ("\u00e9@x.example", "no e-mail address"),
        ("user@acme.example", "theirs alone"),
        ("taken@x.example", "from this address already"),
    ],
)
def test_an_address_is_one_person_s(shop: World, capsys: pytest.CaptureFixture[str], address: str, words: str) -> None:
    said(capsys, "user", "add", "acme", "other@acme.example")
    said(capsys, "user", "mail-in", "acme", "other@acme.example", "--add-sender", "taken@x.example")
    assert words in said(capsys, "user", "mail-in", "acme", shop.acme.user.email, "--add-sender", address, code=1)


def test_what_a_tenant_may_have_is_set(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    domains = ("--mail-signing-domains", "Acme.onmicrosoft.com,b.example")
    tenant = listed(capsys, "tenant", "set", "acme", "--mail-body", "page", "--mail-pins", "on", *domains)
    assert (tenant["mail_body"], tenant["mail_pins"]) == ("page", True)
    assert tenant["mail_signing_domains"] == ["acme.onmicrosoft.com", "b.example"]
    for wrong in ("com", "a b.example", "x" * 300 + ";.example"):
        assert "acme.onmicrosoft.com" in said(capsys, "tenant", "set", "acme", "--mail-signing-domains", wrong, code=1)
    assert listed(capsys, "tenant", "set", "acme", "--mail-signing-domains", "none")["mail_signing_domains"] == []


@pytest.mark.parametrize("domain", ["", "fax.example"])
def test_who_sets_it_up_is_told_where_no_mail_comes_in(
    shop: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, domain: str
) -> None:
    monkeypatch.setenv("FAXPLAN_MAIL_DOMAIN", domain)
    told = said(capsys, "user", "mail-in", "acme", shop.acme.user.email, "--token")
    assert ("`mail_domain` is not set" in told) is (not domain)


def test_an_invitation_s_link_can_be_copied(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    link, empty, words = said(capsys, "user", "invite", "acme", shop.acme.user.email).splitlines()
    assert (link[:4], empty, words[:14]) == ("http", "", "Give this link")


def test_a_record_for_the_dns_can_be_copied(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    _words, empty, name, record = said(
        capsys, "mail", "sign", "acme", "acme.example", "--selector", "fax1"
    ).splitlines()
    assert (empty, name, record[:11]) == ("", "fax1._domainkey.acme.example", "v=DKIM1; k=")
