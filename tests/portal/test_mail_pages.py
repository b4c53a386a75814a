"""How an organisation's mail goes out, and what it says, as its administrators say."""

import html
import re

import pytest
from werkzeug.wrappers import Response

from faxplan import language, mail_templates, users
from faxplan.key_folder import KeyFolder
from faxplan.mail_templates import MailTemplate
from tests.db.test_mail_accounts import LOG_IN, provider
from tests.db.test_mailer import keys, received, relay, text
from tests.faxes import audited
from tests.hostile import TEXTS
from tests.mail_relay import MailRelay
from tests.mailing import mailer
from tests.portal.conftest import Visitor
from tests.portal.test_brand import boss
from tests.world import World

__all__ = ["boss", "keys", "provider", "relay"]


def words(boss: Visitor, **given: str) -> Response:
    return boss.post("/organisation/mail/words", {"kind": "received", "language": "en", **given})


def test_mails_say_what_an_administrator_has_written(
    world: World, boss: Visitor, keys: KeyFolder, relay: MailRelay
) -> None:
    body = "Dear colleagues,\n\n{% if pages %}{{ pages }} pages{% endif %} of <b>{{ number }}</b> for {{ mailbox }}"
    assert words(boss, subject="{{ name }}: mail!", body=body).status_code == 303
    assert "Your own" in boss.get("/organisation/mail").text
    received(world)
    mailer(world, keys).work()
    mail = relay.mails[-1].message
    assert mail["Subject"] == "Nordwind: Fax: mail!"
    plain, rich = text(mail), text(mail, "html")
    assert re.match(r"Dear colleagues,\s+\d+ pages of <b>\(?[0-9+]", plain)
    assert "&lt;b&gt;" in rich
    link = f"https://{world.acme.tenant.slug}.fax.example/faxes/"
    assert all(link in each and "Ask Nora" in each for each in (plain, rich))
    assert words(boss, act="away").status_code == 303
    received(world)
    mailer(world, keys).work()
    assert str(relay.mails[-1].message["Subject"]).startswith("Fax from ")
    told = [each for each in audited(world, world.acme) if each.startswith("mail.")]
    assert told == ["mail.words", "mail.own-words-no-more"]


def test_an_example_is_shown_before_anything_is_changed(world: World, boss: Visitor) -> None:
    answer = words(boss, act="show", subject="S", body="Hello {{ number }} <script>alert(1)</script>")
    assert answer.status_code == 200
    assert "&lt;script&gt;" in answer.text
    assert "Your own" not in boss.get("/organisation/mail").text


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"subject": "S", "body": "{{ password }}"}, "there is no field password"),
        ({"subject": "{{ ''.__class__ }}", "body": "B"}, "In the subject"),
        ({"subject": "S", "body": "{% for a in number %}{% endfor %}"}, "only fields"),
        ({"subject": "", "body": "B"}, "Subject"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_with_its_place(boss: Visitor, given: dict[str, str], wrong: str) -> None:
    answer = words(boss, **given)
    assert answer.status_code == 400
    assert wrong in html.unescape(answer.text)
    assert boss.get("/organisation/mail/words?kind=nothing&language=en").status_code == 404
    assert boss.get("/organisation/mail/words?kind=sent&language=xx").status_code == 404


@pytest.mark.parametrize("kind", mail_templates.KINDS)
@pytest.mark.parametrize("name", language.available())
def test_what_is_shipped_can_be_saved_as_it_is(boss: Visitor, kind: str, name: str) -> None:
    page = boss.get(f"/organisation/mail/words?kind={kind}&language={name}")
    with language.speaks(name):
        known = mail_templates.shipped(kind)
    assert html.escape(known.subject, quote=False) in html.unescape(page.text)
    assert words(boss, kind=kind, language=name, subject=known.subject, body=known.body).status_code == 303


@pytest.mark.parametrize("hostile", [each for each in TEXTS if each.isprintable() or each.isascii()])
def test_whatever_is_written_breaks_no_page(boss: Visitor, hostile: str) -> None:
    assert words(boss, subject=hostile[:200] or "S", body=hostile or "B").status_code in (303, 400)
    assert boss.get("/organisation/mail/words?kind=received&language=en").status_code == 200


def test_an_account_is_tried_before_it_counts(world: World, provider: MailRelay, boss: Visitor) -> None:
    given = {"host": "localhost", "port": str(provider.port), "security": "starttls", "sender": "fax@acme.example",
             "user_name": "", "password": "open sesame"}  # fmt: skip
    provider.log_ins.clear()
    refused = boss.post("/organisation/mail/account", given)
    assert refused.status_code == 400
    assert "The account cannot be used" in refused.text
    assert "open sesame" not in refused.text
    provider.log_ins.add(LOG_IN)
    assert boss.post("/organisation/mail/account", given).status_code == 303
    page = boss.get("/organisation/mail").text
    assert "fax@acme.example" in page
    assert "open sesame" not in page
    assert boss.post("/organisation/mail/account/remove", {}).status_code == 303
    assert "By this server" in boss.get("/organisation/mail").text


def test_a_key_shows_its_record_and_not_itself(world: World, boss: Visitor) -> None:
    assert boss.post("/organisation/mail/sign", {"domain": "no domain"}).status_code == 400
    assert boss.post("/organisation/mail/sign", {"domain": "acme.example"}).status_code == 303
    page = boss.get("/organisation/mail").text
    assert "v=DKIM1" in page
    assert "_domainkey.acme.example" in page
    assert "PRIVATE" not in page
    assert boss.post("/organisation/mail/sign/remove", {"domain": "acme.example"}).status_code == 303
    assert boss.post("/organisation/mail/sign/remove", {"domain": "acme.example"}).status_code == 404


def test_words_in_another_language_are_for_who_reads_that(
    world: World, boss: Visitor, keys: KeyFolder, relay: MailRelay
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        mail_templates.put(tx, world.acme.tenant.id, MailTemplate("received", "de", "Ein Fax", "Von {{ number }}"))
    received(world)
    mailer(world, keys).work()
    assert str(relay.mails[-1].message["Subject"]).startswith("Fax from")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        users.choose_language(tx, world.acme.user, "de")
    received(world)
    mailer(world, keys).work()
    assert relay.mails[-1].message["Subject"] == "Ein Fax"
