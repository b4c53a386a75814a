"""How one faxes from one's mail program: addresses that work, what mails are known by, and who gives it."""

import html
import re
from dataclasses import replace

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import brand_provisioning, mail_access, mail_in_provisioning, mail_options, provisioning, tenants, users
from faxplan.errors import Forbidden
from faxplan.mail_access import Access
from faxplan.mail_headers import Headers
from faxplan.mail_in import MailIn
from faxplan.mail_in_provisioning import Wish
from faxplan.users import User
from portal.app import Portal
from tests.faxes import in_threads
from tests.portal.conftest import DOMAIN, Visitor
from tests.portal.test_brand import boss
from tests.portal.test_second_factor import auth_of
from tests.world import World

__all__ = ["boss"]

PAGE = "/account/fax-by-mail"
HOST = "acme.mail.example"
EVERYTHING = ["send", "receive", "mail-in"]


@pytest.fixture
def portal(world: World) -> Portal:
    world.settings = replace(world.settings, mail_domain="Mail.example", mail_authserv_ids="mx.example")
    return Portal(world.portal, world.store, DOMAIN, admin=world.admin, settings=world.settings)


@pytest.fixture
def cara(world: World) -> User:
    """Another of acme."""
    return provisioning.add_user(world.admin, "test", "acme", email="cara@acme.example", name="Cara", role="user")


def given(world: World, user: User) -> Access:
    with world.portal.tenant(user.tenant_id) as tx:
        return mail_access.of(tx, user)


def change(world: World, **values: object) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, values)


def acts(world: World) -> list[tuple[str, str, str, dict[str, object]]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            """select actor, action, object, details from audit
               where action like 'user.mail-%%' or action = 'tenant.change' order by sequence"""
        )
    return [(row["actor"], row["action"], row["object"], row["details"]) for row in rows]


def text(visitor: Visitor, path: str = PAGE) -> str:
    return html.unescape(visitor.get(path).text)


# ------------------------------------------------------------------------------------------------------- how it is done


def test_the_addresses_and_options_that_are_shown_are_taken(world: World, ann: Visitor) -> None:
    for host in ("fax.acme.example", "later.acme.example"):
        brand_provisioning.add_host(world.admin, "x", "acme", host, DOMAIN)
    brand_provisioning.confirm_host(world.admin, "x", "acme", "fax.acme.example")
    change(world, billing_codes="optional", mail_pins=True)
    page = text(ann)
    assert "fax.acme.example" in page
    assert "later.acme.example" not in page
    (address,) = set(re.findall(r"\+[0-9]+@[a-z.]+", page))
    assert address.endswith(f"@{HOST}")
    taking = MailIn(world.portal, world.store, world.settings)
    for each in (
        address,
        f"Ann.Smith={address}",
        address.replace("@", "p22@"),
        address.replace(HOST, "fax.acme.example"),
    ):
        assert taking.look_at(each) is None
    options = re.findall(r"\[\[[^\]]+\]\]", page)
    assert {"[[fine]]", "[[at=18:00]]", "[[billing=4711]]", "[[pin=12345678]]"} <= {*options}
    for each in options:
        assert mail_options.read(each, Headers([])).subject == ""
    change(world, billing_codes="none", mail_pins=False)
    page = text(ann)
    assert ("[[billing" in page, "[[pin" in page) == (False, False)


@pytest.mark.parametrize(
    ("tenant", "own", "domain", "words"),
    [
        (EVERYTHING, ["send", "receive"], "mail.example", "You are not permitted to fax by e-mail"),
        (EVERYTHING, ["mail-in"], "mail.example", "You are not permitted to fax by e-mail"),
        (["send", "receive"], EVERYTHING, "mail.example", "Your organisation is not permitted to fax by e-mail"),
        (EVERYTHING, EVERYTHING, "", "Faxing by e-mail is not set up here yet"),
    ],
)
def test_where_no_mail_becomes_a_fax_the_page_says_why_and_nothing_is_made(
    world: World, ann: Visitor, portal: Portal, tenant: list[str], own: list[str], domain: str, words: str
) -> None:
    change(world, permissions=tenant, mail_pins=True)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": own})
    portal._settings = replace(world.settings, mail_domain=domain)
    for path in ("", "/token", "/pin"):
        page = text(ann, PAGE + path)
        assert words in page
        assert ("@acme." in page.replace(world.acme.user.email, ""), 'id="old"' in page) == (False, False)
    for path in ("/token", "/pin"):
        assert ann.hand(PAGE + path, {"auth": auth_of(world).hex()}).status_code == 403
    assert given(world, world.acme.user) == Access([], None, None)


def test_a_server_that_proves_nothing_promises_nothing(ann: Visitor, portal: Portal, world: World) -> None:
    portal._settings = replace(world.settings, mail_authserv_ids="")
    page = text(ann)
    assert "only mails to a secret address become faxes" in page
    assert re.findall(r"\+[0-9]+@", page) == []


# ---------------------------------------------------------------------------------------------- what mails are known by


def test_a_secret_address_takes_the_password_and_is_shown_once(world: World, ann: Visitor) -> None:
    user = world.acme.user
    refused = ann.hand(f"{PAGE}/token", {"auth": "00" * 32})
    assert (refused.status_code, refused.get_json()["error_id"]) == (401, "wrong-login")
    assert given(world, user).token_since is None
    auth = auth_of(world).hex()
    made = [ann.hand(f"{PAGE}/token", {"auth": auth}).get_json()["secret"] for _each in range(2)]
    tokens = [re.fullmatch(rf"NUMBER\+([a-z2-7]{{25}})@{HOST}", each)[1] for each in made]  # type: ignore[index]
    page = text(ann)
    assert "There is one, made" in page
    assert not any(each in page for each in tokens)
    with world.portal.tenant(user.tenant_id) as tx:
        found = [mail_access.user_of_token(tx, user.tenant_id, each) for each in tokens]
    assert found == [None, user]
    assert MailIn(world.portal, world.store, world.settings).look_at(made[1].replace("NUMBER", "030123456")) is None
    assert ann.post(f"{PAGE}/token/end").status_code == 303
    assert given(world, user).token_since is None
    who = f"user:{user.id}"
    assert acts(world) == [(who, "user.mail-token", who, each) for each in ({}, {}, {"ended": True})]


def test_of_secrets_that_are_made_at_once_the_last_one_counts(world: World) -> None:
    user = world.acme.user

    def made() -> str:
        with world.portal.tenant(user.tenant_id) as tx:
            return mail_access.new_token(tx, user, actor="test")

    tokens = in_threads(*[made] * 6)
    with world.portal.tenant(user.tenant_id) as tx:
        found = [mail_access.user_of_token(tx, user.tenant_id, str(each)) for each in tokens]
    assert sorted(each is not None for each in found) == [False] * 5 + [True]


def test_a_pin_is_made_where_the_organisation_takes_them(world: World, ann: Visitor) -> None:
    user, auth = world.acme.user, auth_of(world).hex()
    assert "takes no PINs" in text(ann, f"{PAGE}/pin")
    assert "PIN" not in text(ann)
    refused = ann.hand(f"{PAGE}/pin", {"auth": auth})
    assert (refused.status_code, "takes no PINs" in refused.text) == (403, True)
    change(world, mail_pins=True)
    assert ann.hand(f"{PAGE}/pin", {"auth": "00" * 32}).get_json()["error_id"] == "wrong-login"
    assert given(world, user).pin_since is None
    made = ann.hand(f"{PAGE}/pin", {"auth": auth}).get_json()["secret"]
    pin = mail_options.read(made, Headers([])).pin
    assert pin is not None
    assert mail_access.is_pin(world.portal, user, pin)
    assert pin not in text(ann)
    assert pin not in str(acts(world))
    assert ann.post(f"{PAGE}/pin/end").status_code == 303
    assert given(world, user).pin_since is None


def test_one_chooses_how_ones_mails_are_answered(world: World, ann: Visitor) -> None:
    for at_once, thumbnail in ((True, False), (False, True), (False, False)):
        form: dict[str, object] = {"at_once": "on"} if at_once else {"thumbnail": "on"} if thumbnail else {}
        assert ann.post(f"{PAGE}/answers", form).status_code == 303
        page = text(ann)
        for name, wanted in (("at_once", at_once), ("thumbnail", thumbnail)):
            assert (re.search(rf'name="{name}"[^>]* checked', page) is not None) is wanted
        chosen = {"mail_accepted": at_once, "mail_thumbnail": thumbnail}
        assert acts(world)[-1][1::2] == ("user.mail-answers", chosen)


# ------------------------------------------------------------------------------------------------------- who gives what


def test_nobody_names_an_address_for_themselves(world: World, ann: Visitor, cara: User) -> None:
    """SECURITY: whoever named somebody else's would read what that one faxes. The database refuses it, too."""
    user = world.acme.user
    to = f"/organisation/people/{user.id}/mail-senders"
    assert ann.post(to, {"address": "cara@home.example"}).status_code == 403
    with pytest.raises(InsufficientPrivilege), world.portal.tenant(user.tenant_id) as tx:
        mail_access.add_address(tx, user, "cara@home.example", actor="test")
    for who, address in ((user, "ann@home.example"), (cara, "cara@home.example")):
        mail_in_provisioning.change(world.admin, "test", "acme", who.email, Wish(add=address))
    assert "ann@home.example" in text(ann)
    # One's own is given up, and nobody else's.
    assert ann.post(f"{PAGE}/senders/remove", {"address": "cara@home.example"}).status_code == 404
    assert ann.post(f"{PAGE}/senders/remove", {"address": "ann@home.example"}).status_code == 303
    assert (given(world, user).addresses, given(world, cara).addresses) == ([], ["cara@home.example"])


def test_an_administrator_gives_addresses_and_takes_all_back(world: World, boss: Visitor, cara: User) -> None:
    page = f"/organisation/people/{cara.id}"
    mail_in_provisioning.change(world.admin, "test", "acme", cara.email, Wish(token=True, pin=True))
    for wrong, words in (("home.example", "no e-mail address"), (world.acme.user.email, "theirs alone")):
        refused = boss.post(f"{page}/mail-senders", {"address": wrong})
        assert (refused.status_code, words in html.unescape(refused.text)) == (400, True)
    assert boss.post(f"{page}/mail-senders", {"address": " Cara@Home.example"}).status_code == 303
    shown = text(boss, page)
    assert ("cara@home.example" in shown, "Take it back: the secret address" in shown, "PIN" in shown) == (
        True,
        True,
        True,
    )
    for path, form in (
        ("mail-senders/remove", {"address": "cara@home.example"}),
        ("mail-secrets/take-back", {"which": "token"}),
        ("mail-secrets/take-back", {"which": "pin"}),
    ):
        assert boss.post(f"{page}/{path}", form).status_code == 303
    assert boss.post(f"{page}/mail-secrets/take-back", {"which": "all"}).status_code == 404
    assert given(world, cara) == Access([], None, None)
    who, whom, address = f"user:{world.acme.user.id}", f"user:{cara.id}", {"email": "cara@home.example"}
    assert acts(world)[2:] == [
        (who, "user.mail-sender-add", whom, address),
        (who, "user.mail-sender-remove", whom, address),
        (who, "user.mail-token", whom, {"ended": True}),
        (who, "user.mail-pin", whom, {"ended": True}),
    ]


def test_an_administrator_makes_no_secret_and_changes_no_operator(world: World, boss: Visitor, cara: User) -> None:
    """SECURITY: they could fax in that one's name."""
    for wish in (Wish(token=True), Wish(pin=True)):
        with pytest.raises(Forbidden):
            mail_in_provisioning.change(world.admin, "test", "acme", cara.email, wish, by_operator=False)
    mail_in_provisioning.change(world.admin, "test", "acme", cara.email, Wish(token=True))
    with world.admin.tenant(cara.tenant_id) as tx:
        users.change(tx, cara.tenant_id, cara.id, {"operator": True})
    page = f"/organisation/people/{cara.id}"
    assert "Add the address" not in text(boss, page)
    assert boss.post(f"{page}/mail-senders", {"address": "x@home.example"}).status_code == 400
    assert boss.post(f"{page}/mail-secrets/take-back", {"which": "token"}).status_code == 403
    now = given(world, cara)
    assert (now.addresses, now.token_since is None) == ([], False)


def test_the_organisation_says_how_mails_become_faxes(world: World, boss: Visitor) -> None:
    page = "/organisation/mail/faxing"
    assert f"@{HOST}" in text(boss, "/organisation/mail")
    wrong = boss.post(page, {"mail_body": "page", "mail_signing_domains": "com"})
    assert (wrong.status_code, "acme.onmicrosoft.com" in wrong.text) == (400, True)
    domains = ["acme.onmicrosoft.com", "b.example"]
    written = "Acme.onmicrosoft.com.\r\n\r\n b.example, b.example"
    form: dict[str, object] = {"mail_body": "page", "mail_pins": "on", "mail_signing_domains": written}
    for _each in range(2):
        assert boss.post(page, form).status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        now = tenants.get(tx, world.acme.tenant.id)
    assert (now.mail_body, now.mail_pins, list(now.mail_signing_domains)) == ("page", True, domains)
    assert "acme.onmicrosoft.com\nb.example</textarea>" in text(boss, "/organisation/mail")
    who, whom = f"user:{world.acme.user.id}", f"tenant:{world.acme.tenant.id}"
    changed = {"mail_body": "page", "mail_pins": True, "mail_signing_domains": domains}
    assert acts(world) == [(who, "tenant.change", whom, changed)]
