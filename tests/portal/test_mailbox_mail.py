"""How a mailbox's faxes are mailed: who reads it chooses, its readers see it, and its administrators take it back."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pysequoia
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from faxplan import mailbox_mail, users
from faxplan.mailbox_mail import Choice, Format, Mode
from portal.app import Portal
from tests.db.test_enrolment import group
from tests.portal.conftest import Visitor
from tests.portal.test_in_a_browser import Tab, tab
from tests.portal.test_mailboxes import enrolled, proven
from tests.portal.test_people import audited, boss
from tests.retained import execute, received
from tests.unit.test_mail_certificates import ADDRESSES, KEYS, MAIL, NOW, made
from tests.world import PHRASE, World

__all__ = ["boss", "tab"]

ANN = "ann@acme.example"
GOOD = "seven herons by the quay"
Files = dict[str, object]


def chosen(world: World, mailbox: int) -> Choice:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return mailbox_mail._chosen(tx, world.acme.tenant.id, mailbox)


def addresses(world: World, mailbox: int) -> list[str]:
    return [each.address for each in chosen(world, mailbox).recipients]


def certificate(days: int) -> tuple[BytesIO, str]:
    made_so = made(end=NOW + timedelta(days=days))
    return BytesIO(made_so.public_bytes(Encoding.PEM)), "ann.pem"


def asked(visitor: Visitor, mailbox: int, **told: object) -> Any:
    return visitor.post(f"/mailboxes/{mailbox}/mail/ask", told, Accept="application/json").get_json()


def proof(world: World, visitor: Visitor, mailbox: int) -> str:
    return proven(world, asked(visitor, mailbox, mode="plain"))


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_a_reader_has_faxes_mailed_with_their_key_at_hand_and_all_readers_see_it(world: World, ann: Visitor) -> None:
    """SECURITY: by no session alone. Choosing less takes nothing."""
    office = group(world, world.acme.user, enrolled(world))
    place = f"/mailboxes/{office}/mail"
    assert "A notice with a link" in words(ann.get(f"/mailboxes/{office}").text)
    shown = proof(world, ann, office)
    # A file for somebody is one that pages will go by.
    for form in ({"address": ANN, "certificate": certificate(400)}, {"address": ANN, "openpgp_key": certificate(400)}):
        answer = ann.post(f"{place}/add", {**form})
        assert (answer.status_code, "has not shown" in answer.text) == (400, "openpgp_key" not in form)
    assert addresses(world, office) == []
    answer = ann.post(f"{place}/add", {"address": ANN, "certificate": certificate(400), "proof": shown})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{place}?note=added")
    for wrong in ("", "x", "00" * 32):
        answer = ann.post(place, {"mode": "smime", "format": "tiff", "proof": wrong})
        assert (answer.status_code, "has not shown" in answer.text) == (400, True)
    assert chosen(world, office).mode is Mode.NOTICE
    assert ann.post(place, {"mode": "openpgp", "format": "pdf", "proof": shown}).status_code == 400
    assert ann.post(place, {"mode": "smime", "format": "tiff", "proof": shown}).status_code == 303
    now = chosen(world, office)
    assert (now.mode, now.format, now.set_by) == (Mode.SMIME, Format.TIFF, world.acme.user.email)
    for page in (ann.get(f"/mailboxes/{office}").text, ann.get(place).text):
        said = words(page)
        assert "The fax, encrypted by S/MIME (TIFF). What comes in leaves this mailbox by mail." in said
        assert f"Chosen by {world.acme.user.email}" in said
        assert f"Added by {world.acme.user.email}" in said
        assert ANN in said
    # Where pages go out, who is added takes it as well.
    assert ann.post(f"{place}/add", {"address": "x@y.example"}).status_code == 400
    # Without a script: less.
    assert asked(ann, office, mode="off") == asked(ann, office, mode="notice") == {"ask": None}
    assert ann.post(place, {"mode": "off", "format": "pdf"}).status_code == 303
    assert asked(ann, office, mode="off", certificate="ann.pem")["ask"]
    assert chosen(world, office).mode is Mode.OFF
    assert [each.details["mode"] for each in audited(world, "mailbox.mail")] == ["smime", "off"]


def test_the_password_of_pdfs_is_shown_nowhere_again(world: World, ann: Visitor) -> None:
    mailbox = world.acme.user.mailbox_id or 0
    place, shown = f"/mailboxes/{mailbox}/mail", proof(world, ann, mailbox)
    assert ann.post(f"{place}/add", {"address": ANN}).status_code == 303
    page = ann.get(place).text
    (suggested,) = re.findall(r"<code[^>]*>([A-Z2-7-]{24})</code>", page)
    assert suggested not in ann.get(place).text
    form = {"mode": "locked-pdf", "format": "tiff", "proof": shown}
    for password, said in (("", "Choose a password"), ("short", "at least 12"), ("password1234", "Many people")):
        answer = ann.post(place, {**form, "password": password})
        assert (answer.status_code, said in answer.text) == (400, True)
        assert not password or f'value="{password}"' not in answer.text
    assert ann.post(place, {**form, "password": GOOD}).status_code == 303
    with world.worker.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select mail_password from mailboxes where id = %s", (mailbox,)) == GOOD
    # Saved without one it stays.
    assert ann.post(place, {**form, "password": ""}).status_code == 303
    with world.worker.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select mail_password from mailboxes where id = %s", (mailbox,)) == GOOD
    for address in (place, f"/mailboxes/{mailbox}", "/mailboxes"):
        assert GOOD not in ann.get(address).text
    assert GOOD not in str(audited(world, "mailbox.mail"))


def test_what_no_mail_can_be_sealed_to_much_longer_is_said(world: World, ann: Visitor) -> None:
    mailbox = world.acme.user.mailbox_id or 0
    place, shown = f"/mailboxes/{mailbox}/mail", proof(world, ann, mailbox)
    key = bytes(pysequoia.Tsk.generate(f"Ann <{ANN}>").extract_certificate())
    for days, said in ((400, "Good until"), (20, "It ends soon")):
        form: Files = {"address": ANN, "certificate": certificate(days), "proof": shown}
        assert ann.post(f"{place}/add", {**form, "openpgp_key": (BytesIO(key), "ann.asc")}).status_code == 303
        assert said in words(ann.get(place).text)
    (recipient,) = chosen(world, mailbox).recipients
    assert recipient.openpgp_key is not None
    fingerprint = pysequoia.Cert.from_bytes(recipient.openpgp_key).fingerprint.upper()
    page = words(ann.get(place).text)
    assert f"OpenPGP key, {ANN}" in page
    assert " ".join(re.findall("....", fingerprint)) in page
    expired = made(KEYS[2048], MAIL, ADDRESSES, begin=NOW - timedelta(days=9), end=NOW - timedelta(days=1))
    execute(world, "update mail_recipients set certificate = %s", (expired.public_bytes(Encoding.DER),))
    assert "It has expired. Until another is added they get notices" in words(ann.get(place).text)


def test_an_administrator_takes_it_back_and_never_brings_it_about(world: World, boss: Visitor, portal: Portal) -> None:
    """SECURITY: not by any form, with their own key shown or not, where they do not read the mailbox."""
    reader = enrolled(world)
    office = group(world, reader)
    place = f"/organisation/mailboxes/{office}"
    boss.post(f"{place}/mail/add", {"address": ANN})
    assert addresses(world, office) == [ANN]
    own = world.acme.user.mailbox_id or 0
    shown = proof(world, boss, own)
    for mode in Mode:
        form = {"mode": mode.value, "format": "pdf", "password": GOOD, "proof": shown}
        boss.post(f"{place}/mail", form)
        assert not chosen(world, office).mode.carries_pages, mode
        assert boss.post(f"/mailboxes/{office}/mail", form).status_code == 404
    assert boss.get(f"/mailboxes/{office}/mail").status_code == 404
    # Whom they have named gets notices; who reads it names whom pages go to.
    with pytest.raises(mailbox_mail.InvalidMailChoice, match="administrator"):
        mailbox_mail.choose(world.portal, reader, office, Mode.PLAIN, shown=True, actor="test")
    mailbox_mail.add(world.portal, reader, office, "x@y.example", shown=True, actor="test")
    mailbox_mail.choose(world.portal, reader, office, Mode.PLAIN, shown=True, actor="test")
    page = words(boss.get(place).text)
    assert f"{ANN} gets nothing Added by {world.acme.user.email}" in page
    assert f"The fax as it is (PDF). What comes in leaves this mailbox by mail. Chosen by {reader.email}" in page
    for form in ({"address": "boss@acme.example", "proof": shown}, {"address": ""}):
        assert boss.post(f"{place}/mail/add", form).status_code == 400
    assert addresses(world, office) == [ANN, "x@y.example"]
    assert boss.post(f"{place}/mail", {"mode": "notice"}).status_code == 303
    assert (chosen(world, office).mode, chosen(world, office).set_by) == (Mode.NOTICE, world.acme.user.email)
    recipient = next(each.id for each in chosen(world, office).recipients if each.address == "x@y.example")
    assert boss.post(f"{place}/mail/remove", {"recipient": recipient}).status_code == 303
    assert addresses(world, office) == [ANN]


def test_of_another_mailbox_nobody_is_removed(world: World, boss: Visitor) -> None:
    """SECURITY: one's right to a mailbox is none to others."""
    own = world.acme.user.mailbox_id or 0
    office = group(world, enrolled(world))
    boss.post(f"/organisation/mailboxes/{office}/mail/add", {"address": ANN})
    (other,) = chosen(world, office).recipients
    for recipient in (other.id, "x", "-1", "9" * 30):
        assert boss.post(f"/mailboxes/{own}/mail/remove", {"recipient": recipient}).status_code == 404
        assert boss.post(f"/organisation/mailboxes/{own}/mail/remove", {"recipient": recipient}).status_code == 404
    assert addresses(world, office) == [ANN]
    boss.post(f"/mailboxes/{own}/mail/add", {"address": ANN})
    (mine,) = chosen(world, own).recipients
    assert boss.post(f"/mailboxes/{own}/mail/remove", {"recipient": mine.id}).status_code == 303
    assert addresses(world, own) == []
    # The audit says to whom, beside from where that was done.
    for action in ("mailbox.add-recipient", "mailbox.remove-recipient"):
        row = audited(world, action)[-1]
        assert (row.details["email"], row.address) == (ANN, "127.0.0.1")


def test_what_became_of_its_mail_stands_on_the_page_of_a_fax(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    for state, rest, said in (
        ("waiting", "tries = 0", "Waits to be handed over to the mail server."),
        ("waiting", "tries = 0, said = 'x (smtp_host)'", "takes no mail at present; it is asked again."),
        ("waiting", "tries = 2, said = '450 later'", "Not taken yet, after 2 tries."),
        ("accepted", "sent_as = 'notice', said = '250 ok'", "A notice with a link was handed over"),
        ("accepted", "sent_as = 'smime'", "over to the mail server. The fax, encrypted by S/MIME."),
        ("refused", "said = '550 no such mailbox'", "refuses mail for this address"),
        ("given-up", "said = 'The fax is purged.'", "It was given up"),
        ("bounced", "said = ''", "It came back"),
    ):
        ended_at = "null" if state == "waiting" else "now()"
        execute(world, f"update outbox set state = '{state}', ended_at = {ended_at}, {rest}")
        page = words(ann.get(f"/faxes/{fax}").text)
        assert said in page
        assert f"Mail {world.acme.user.email}" in page
        assert "smtp_host" not in page
        if "said = '5" in rest:
            assert "Why 550 no such mailbox" in page


def test_to_whom_mail_fails_stands_at_the_mailbox(world: World, ann: Visitor) -> None:
    own = world.acme.user.mailbox_id or 0
    for address in (ANN, "gone@partner.example"):
        ann.post(f"/mailboxes/{own}/mail/add", {"address": address})
    received(world, world.acme, "one")
    page = f"/mailboxes/{own}/mail"
    assert "Mail to this address failed" not in ann.get(page).text
    execute(
        world,
        """update outbox set state = 'bounced', said = '550 <gone>', ended_at = now() - interval '2 days'
           where recipient = 'gone@partner.example'""",
    )
    found = words(ann.get(page).text)
    assert found.count("Mail to this address failed") == 1
    assert "Why 550 &lt;gone&gt;" in found
    execute(world, "update outbox set ended_at = now() - interval '31 days' where state = 'bounced'")
    assert "Mail to this address failed" not in ann.get(page).text


def test_of_which_results_one_has_mail_one_chooses(world: World, ann: Visitor) -> None:
    assert '<option value="failed" selected>' in ann.get("/account").text
    assert ann.post("/account/mail-results", {"mail_results": "all"}).status_code == 303
    assert '<option value="all" selected>' in ann.get("/account").text
    for wrong in ("", "everything"):
        assert ann.post("/account/mail-results", {"mail_results": wrong}).status_code == 404
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert users.mail_results(tx, world.acme.user) is users.Results.ALL
    (row,) = audited(world, "user.mail-results")
    assert row.details == {"mail_results": "all"}


@pytest.mark.xdist_group("chromium")
@pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
def test_a_browser_shows_its_users_key_for_it(world: World, tab: Tab) -> None:
    mailbox = world.acme.user.mailbox_id or 0
    tab.log_in(world.acme.user.email, PHRASE)
    tab.until("location.pathname === '/inbox'")
    tab.go(f"/mailboxes/{mailbox}/mail")
    tab.fill("#address", ANN)
    tab.see("document.querySelector('#address').form.requestSubmit()")
    tab.until("location.search === '?note=added' && document.readyState === 'complete'")
    assert tab.see("getComputedStyle(document.querySelector('.for-pages')).display") == "none"
    tab.click("[value=plain]")
    assert tab.see("getComputedStyle(document.querySelector('.for-pages')).display") == "block"
    tab.click(".mailing > .button")
    tab.until("location.search === '?note=saved'")
    assert chosen(world, mailbox).mode is Mode.PLAIN
    # Where the key is not, it has to be opened first; for less it need not.
    tab.see("new Promise((done) => { indexedDB.databases().then((all) => Promise.all(all.map(({name}) => "
            "indexedDB.deleteDatabase(name)))).then(() => done(true)) })")  # fmt: skip
    tab.go(f"/mailboxes/{mailbox}/mail")
    tab.click(".mailing > .button")
    tab.until("location.pathname === '/unlock'")
    tab.go(f"/mailboxes/{mailbox}/mail")
    tab.click("[value=off]")
    tab.click(".mailing > .button")
    tab.until("location.search === '?note=saved'")
    assert chosen(world, mailbox).mode is Mode.OFF
