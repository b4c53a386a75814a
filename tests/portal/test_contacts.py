"""Contacts and groups in the portal: the list, the forms, and what is others' own."""

import io
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from faxplan import contact_groups, contacts, keyring, user_keys, users, vault
from faxplan.contacts import Contact, Entry
from portal.app import Portal
from portal.pages import contacts as pages
from tests.faxes import claim
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor, visitor
from tests.retained import received
from tests.world import PHRASE, Office, World, ready_made

FORM = {"name": "Ann", "company": "Co", "number": "030 23125009", "email": "a@b.example", "note": "n"}


def add(world: World, name: str = "Ann", number: str = "030 23125009", *, shared: bool = False) -> Contact:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return contacts.add(tx, world.acme.user, Entry(name, "", number), shared=shared)


def group(world: World, name: str, *ids: int, shared: bool = False) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        made = contact_groups.add(tx, world.acme.user, name, shared=shared).id
        contact_groups.put(tx, world.acme.user, made, ids)
        return made


def names(visitor: Visitor, path: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/contacts/\d+"><bdi>(.*?)</bdi>', visitor.get(path).text)


@pytest.fixture
def boss(world: World, portal: Portal) -> Visitor:
    """An administrator of acme, logged in."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        user = users.create(tx, world.acme.tenant.id, email="boss@acme.example", name="Boss", role="administrator")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        user_keys.add(tx, world.acme.tenant.id, user.id, ready_made(77)[0])
        for mailbox_id, epoch in vault.mailboxes_out_of_reach(tx, world.acme.tenant.id, user.id).items():
            begun, _ = keyring.new_epoch(vault.readers(tx, world.acme.tenant.id, mailbox_id))
            vault.begin_epoch(tx, world.acme.tenant.id, mailbox_id, epoch + 1, begun)
    found = visitor(portal, Office(world.acme.tenant, user, world.acme.did))
    assert found.log_in(PHRASE).status_code == 200
    return found


def test_one_is_entered_changed_and_deleted(world: World, ann: Visitor) -> None:
    assert "There are no contacts yet." in ann.get("/contacts").text
    answer = ann.post("/contacts", FORM)
    place = answer.headers["Location"].partition("?")[0]
    page = ann.get(place).text
    assert 'value="030 23125009"' in page
    assert 'name="shared"' in page
    assert 'value="on" id="shared" name="shared" aria-describedby="hint-shared" checked' not in page
    assert ann.post(place, {**FORM, "name": "Ann B", "shared": "on"}).status_code == 303
    assert names(ann, "/contacts?in=shared") == ["Ann B"]
    assert "Ann B</bdi>?" in ann.get(f"{place}/delete").text
    assert ann.post(f"{place}/delete").headers["Location"] == "/contacts?note=removed"
    assert ann.get(place).status_code == 404
    assert names(ann, "/contacts") == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "", "company": ""}, "A contact needs a name or a company."),
        ({"number": "112"}, "emergency"),
        ({"number": "nobody"}, "not a telephone number"),
        ({"number": ""}, "Fill this in."),
        ({"email": "nobody"}, "name@example.org"),
        ({"note": "n" * 2001}, "At most 2000"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_is_still_there(
    world: World, ann: Visitor, wrong: dict[str, str], words: str
) -> None:
    place = f"/contacts/{add(world).id}"
    for path in ("/contacts", place):
        answer = ann.post(path, {**FORM, "company": "Written", **wrong})
        assert answer.status_code == 400
        assert words in answer.text
        assert ("Written" in answer.text) is ("company" not in wrong)
    assert names(ann, "/contacts") == ["Ann"]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_are_inert_on_every_page(world: World, ann: Visitor, text: str) -> None:
    # No browser sends halves of characters.
    said = text.encode("utf-8", "replace").decode()
    given = {"name": said[:200], "company": said[:200], "number": "030 23125009", "note": said[:2000], "shared": "on"}
    answer, answer_group = ann.post("/contacts", given), ann.post("/groups", {"name": said[:100]})
    assert (answer.status_code, answer_group.status_code) in ((303, 303), (400, 400))
    if answer.status_code == 303:
        for path in ("/contacts", answer.headers["Location"], "/contacts/1/delete", "/groups/1", "/groups/1/delete"):
            page = ann.get(path)
            assert page.status_code == 200
            assert "<script>alert" not in page.text
    for name in ("q", "in", "group", "after"):
        found = ann.client.get("/contacts", query_string={name: said}, base_url=f"https://{ann.host}")
        assert found.status_code == 200
        assert "<script>alert" not in found.text


def test_a_list_goes_on_where_it_ended_with_its_filters(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    for number, name in enumerate(["Ann", "Bob", "Carl", "Dora", "Ülf & Söhne"]):
        add(world, name, shared=number % 2 == 0)
    assert names(ann, "/contacts") == ["Ann", "Bob"]
    assert names(ann, "/contacts?in=shared") == ["Ann", "Carl"]
    onward = re.findall(r'rel="next" href="(.*?)"', ann.get("/contacts?in=shared").text)[0].replace("&amp;", "&")
    assert names(ann, onward) == ["Ülf &amp; Söhne"]
    assert names(ann, "/contacts?q=soehne") == ["Ülf &amp; Söhne"]
    assert names(ann, "/contacts?q=ulf&in=mine") == []
    assert "Nobody is found." in ann.get("/contacts?q=zzz").text


def test_several_are_put_into_a_group_and_out_of_it(world: World, ann: Visitor) -> None:
    one, two = add(world), add(world, "Bob")
    made = ann.post("/groups", {"name": "Customers"}).headers["Location"]
    assert re.fullmatch(r"/contacts\?group=\d+&note=added", made)
    number = made.partition("=")[2].partition("&")[0]
    assert "Nobody is in this group yet." in ann.get(f"/contacts?group={number}").text
    ann.post("/contacts/members", {"group": number, "act": "put", "contact": [one.id, two.id, 999999]})
    assert names(ann, f"/contacts?group={number}") == ["Ann", "Bob"]
    assert "Customers" in ann.get(f"/contacts/{one.id}").text
    ann.post("/contacts/members", {"group": number, "act": "take", "contact": [one.id]})
    assert names(ann, f"/contacts?group={number}") == ["Bob"]
    ann.post(f"/groups/{number}", {"name": "Clients"})
    assert "Clients" in ann.get("/contacts").text
    assert "of this name already" in ann.post("/groups", {"name": "CLIENTS"}).text
    ann.post(f"/groups/{number}/delete")
    assert ann.get(f"/groups/{number}").status_code == 404
    assert names(ann, "/contacts") == ["Ann", "Bob"]


def test_what_is_a_users_own_is_nobodys_else(world: World, ann: Visitor, boss: Visitor) -> None:
    """SECURITY: administrators are told the same as of what never was."""
    one = add(world)
    made = group(world, "Secret club", one.id)
    assert names(boss, "/contacts") == []
    assert "Secret club" not in boss.get("/contacts").text
    assert boss.get("/contacts/suggest?q=ann").get_json() == []
    assert boss.get("/contacts/suggest?q=secret").get_json() == []
    assert "Ann" not in boss.get("/contacts/export.csv").text
    for path in (f"/contacts/{one.id}", f"/contacts/{one.id}/delete", f"/groups/{made}", f"/groups/{made}/delete"):
        assert boss.get(path).status_code == 404
        assert boss.post(path, FORM).status_code == 404
    assert boss.get(f"/contacts?group={made}").status_code == 404
    assert boss.post("/contacts/members", {"group": made, "contact": one.id}).status_code == 404
    # Nor does theirs come into a group of somebody else's.
    theirs = boss.post("/groups", {"name": "Theirs", "shared": "on"}).headers["Location"].partition("=")[2]
    boss.post("/contacts/members", {"group": theirs.partition("&")[0], "contact": one.id})
    assert names(boss, f"/contacts?group={theirs}") == []
    assert names(ann, "/contacts") == ["Ann"]


def test_what_is_shared_is_changed_by_administrators_and_its_maker_alone(
    world: World, ann: Visitor, boss: Visitor
) -> None:
    place = boss.post("/contacts", {**FORM, "name": "Boss's", "shared": "on"}).headers["Location"].partition("?")[0]
    page = ann.get(place).text
    assert "one of its administrators" in page
    assert 'name="number"' not in page
    for path in (place, f"{place}/delete"):
        assert ann.post(path, FORM).status_code in (400, 403)
    assert ann.get(f"{place}/delete").status_code == 403
    assert names(ann, "/contacts") == ["Boss&#39;s"]
    mine = add(world, "Ours", shared=True)
    assert boss.post(f"/contacts/{mine.id}", {**FORM, "name": "Changed", "shared": "on"}).status_code == 303
    assert names(ann, "/contacts?in=shared") == ["Boss&#39;s", "Changed"]


def test_suggestions_are_groups_and_contacts_that_begin_so(world: World, ann: Visitor) -> None:
    one = add(world, "Anna Müller")
    made = group(world, "Annual report", one.id)
    assert ann.get("/contacts/suggest?q=ann").get_json() == [
        {"kind": "group", "id": made, "name": "Annual report", "about": "1 contact"},
        {"kind": "contact", "id": one.id, "name": "Anna Müller", "about": "030 23125009"},
    ]
    assert [each["name"] for each in ann.get("/contacts/suggest?q=mu").get_json()] == ["Anna Müller"]
    assert ann.get("/contacts/suggest?q=%20").get_json() == []


def test_what_is_seen_is_exported(world: World, ann: Visitor) -> None:
    add(world, "=1+1", shared=True)
    add(world, "Bob")
    answer = ann.get("/contacts/export.csv?in=shared")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    assert answer.text == ("\ufeffName,Company,Fax number,E-mail address,Note\r\n'=1+1,,'+493023125009,,\r\n")


def test_a_number_that_is_no_contacts_is_filled_in(ann: Visitor) -> None:
    assert 'value="030 23125009"' in ann.get("/contacts/new?number=%2B493023125009").text
    assert 'id="number" name="number"' in ann.get("/contacts/new?number=%3Cscript%3E").text


TABLE = """Vorname;Nachname;Firma;Telefax
Ann;Müller;Co;030 23125009
Bob;;;112
=1;<script>alert(1)</script>;;030 23125008
"""


def bring(visitor: Visitor, content: bytes, name: str = "list.csv") -> str:
    answer = visitor.post("/contacts/import", {"file": (io.BytesIO(content), name)})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def submitted(page: str, action: str) -> dict[str, object]:
    """The hidden fields of a page's form."""
    form = page.partition(f'action="{action}"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))


def outcome(page: str) -> list[str]:
    return re.findall(r"<li><b>(\d+)</b> (.*?)</li>", page)


def test_a_table_is_looked_at_and_taken(world: World, ann: Visitor) -> None:
    place = bring(ann, TABLE.encode("cp1252"))
    page = ann.get(place).text
    assert outcome(page)[0] == ("2", "new contacts")
    assert outcome(page)[-1] == ("1", "line that cannot be taken")
    assert "Ann Müller" in page
    assert "emergency" in page
    assert "<script>alert" not in page
    assert names(ann, "/contacts") == []
    given = submitted(page, f"{place}/take")
    assert ann.post(f"{place}/take", given).headers["Location"] == place
    assert outcome(ann.get(place).text)[0] == ("2", "new contacts")
    assert names(ann, "/contacts?q=mull") == ["Ann Müller"]
    left = ann.get(f"{place}/left.csv")
    assert left.text.splitlines()[0] == "\ufeffVorname,Nachname,Firma,Telefax,Line,Why"
    assert left.text.splitlines()[1].startswith("Bob,,,112,3,")
    # What came of it is still said after a second click, and nothing is there twice.
    assert ann.post(f"{place}/take", given).headers["Location"] == place
    assert len(names(ann, "/contacts")) == 2
    # And back.
    again = bring(ann, ann.get("/contacts/export.csv").data)
    assert outcome(ann.get(again).text)[2] == ("2", "lines that change nothing")


def test_what_columns_mean_is_chosen(world: World, ann: Visitor) -> None:
    place = bring(ann, b"a,b\nAnn,030 23125009\n")
    page = ann.get(f"{place}?said=1&separator=comma&heading=yes&column-company=0&column-number=1&shared=on").text
    assert outcome(page)[0] == ("1", "new contact")
    ann.post(f"{place}/take", submitted(page, f"{place}/take"))
    (made,) = re.findall(r'href="(/contacts/\d+)"><bdi>Ann', ann.get("/contacts?in=shared").text)
    assert 'id="company" name="company" aria-describedby="hint-company" type="text" value="Ann"' in ann.get(made).text
    place = bring(ann, b"a,b\nAnn,030 23125009\n")
    page = ann.get(f"{place}?said=1&separator=tab&heading=no&column-number=99999999999999999999&group=7").text
    assert "Say in which column the fax numbers are." in page
    answer = ann.post(f"{place}/take", {"said": "1"})
    assert (answer.status_code, "in which column" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04\x00\xff", "no CSV file"),
        (b"Name,Fax\n" + b"a,b\n" * 10_001, "10,000"),
    ],
    ids=["empty", "zip", "long"],
)
def test_what_is_no_table_is_said_in_words(ann: Visitor, content: bytes, words: str) -> None:
    answer = ann.post("/contacts/import", {"file": (io.BytesIO(content), "x.csv")})
    if answer.status_code == 303:
        answer = ann.get(answer.headers["Location"])
    assert words in answer.text
    assert "Choose the file." in ann.post("/contacts/import").text


def test_a_file_is_its_users_alone(world: World, ann: Visitor, boss: Visitor) -> None:
    """SECURITY."""
    place = bring(ann, TABLE.encode())
    for path in (place, f"{place}/left.csv"):
        assert boss.get(path).status_code == 404
    assert boss.post(f"{place}/take", {"said": "1", "column-number": "3"}).status_code == 404


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_in_files_are_inert(ann: Visitor, text: str) -> None:
    cell = '"' + text.encode("utf-8", "replace").decode().replace('"', '""') + '"'
    place = bring(ann, f"Name,Fax,{cell}\n{cell},030 23125009,\n{cell},{cell},\n{cell}x,\n".encode(), f"{text!a}.csv")
    page = ann.get(place).text
    assert "<script>alert" not in page
    assert ann.get(f"{place}/left.csv").status_code == 200
    assert ann.post(f"{place}/take", submitted(page, f"{place}/take")).status_code in (303, 400)
    assert ann.get(place).status_code == 200


# Sending to them.


def hand_in(ann: Visitor, letter: Path, to: str = "") -> int:
    with letter.open("rb") as stream:
        answer = ann.post(f"/drafts{to}", {"file": (stream, "letter.txt")})
    assert answer.headers["Location"].endswith(to)
    return int(answer.headers["Location"].partition("?")[0].rpartition("/")[2])


def test_a_draft_goes_to_numbers_contacts_and_groups_each_number_once(world: World, ann: Visitor, letter: Path) -> None:
    one, two, three = add(world), add(world, "Bob", "030 23125008"), add(world, "Carl", "030 23125007")
    made = group(world, "Two", one.id, two.id)
    draft = hand_in(ann, letter)
    to = {"numbers": "(030) 231 25 009\n030 23125006, +493023125006", "contact": [two.id, three.id], "group": [made]}
    assert ann.post(f"/drafts/{draft}/count", to).get_json()["count"] == 4
    assert ann.post(f"/drafts/{draft}/send", to).headers["Location"] == "/sent"
    world.render_all()
    called = sorted(str(world.fax(world.acme, each.fax_id)["called_number"]) for each in claim(world))
    assert called == [f"+49302312500{each}" for each in (6, 7, 8, 9)]
    page = ann.get("/sent").text
    assert "<bdi>Bob</bdi>" in page
    assert 'class="hint">030 23125008' in page


def test_a_hundred_numbers_are_the_most_and_what_to_do_is_said(world: World, ann: Visitor, letter: Path) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        entries = [Entry(f"N{each}", "", f"+4930231250{each:02}") for each in range(100)]
        made = contact_groups.add(tx, world.acme.user, "Many", shared=False)
        ids = contacts.insert(tx, world.acme.user, entries, shared=False)
        contact_groups.put(tx, world.acme.user, made.id, ids)
    draft = hand_in(ann, letter)
    answer = ann.post(f"/drafts/{draft}/send", {"numbers": "030 231250 00, 030 23125 100", "group": made.id})
    assert answer.status_code == 400
    assert "These are 101 numbers: 100 at most at a time. Take some out, or a group" in answer.text
    # What was chosen is still there.
    assert f'name="group" value="{made.id}" checked' in answer.text
    assert ann.post(f"/drafts/{draft}/send", {"numbers": "030 231250 00", "group": made.id}).status_code == 303


def test_without_scripts_contacts_are_ticked_on_a_page_of_their_own(world: World, ann: Visitor, letter: Path) -> None:
    one, two = add(world), add(world, "Bob & <b>", "030 23125008")
    made = group(world, "Both", one.id, two.id)
    draft = hand_in(ann, letter)
    page = ann.get(f"/drafts/{draft}").text
    assert f'formaction="/drafts/{draft}/choose"' in page
    said = {"numbers": "030 23125006", "at": "2099-01-01T08:00", "priority": "bulk", "contact": one.id, "later": "<x>"}
    page = ann.post(f"/drafts/{draft}/choose", {**said, "q": "bob"}).text
    assert f'name="contact" value="{one.id}" checked' in page
    assert f'name="contact" value="{two.id}">' in page
    assert 'name="numbers" value="030 23125006"' in page
    assert 'name="later" value="&lt;x&gt;"' in page
    assert "Bob &amp; &lt;b&gt;" in page
    page = ann.post(f"/drafts/{draft}/fill", {**said, "contact": [one.id, two.id], "group": made}).text
    assert ">030 23125006</textarea>" in page
    assert 'value="2099-01-01T08:00"' in page
    assert f'name="contact" value="{two.id}" checked' in page
    assert f'name="group" value="{made}" checked' in page


def test_from_a_contacts_page_a_fax_goes_to_it(world: World, ann: Visitor, letter: Path) -> None:
    one = add(world)
    to = f"?contact={one.id}"
    assert f'href="/send{to}"' in ann.get(f"/contacts/{one.id}").text
    assert f'action="/drafts{to}"' in ann.get(f"/send{to}").text
    draft = hand_in(ann, letter, to)
    assert f'name="contact" value="{one.id}" checked' in ann.get(f"/drafts/{draft}{to}").text
    assert "checked" not in ann.get(f"/send?contact=x&group={2**70}&contact=-1").text


def test_nobody_sends_to_anothers_contacts(world: World, ann: Visitor, boss: Visitor, letter: Path) -> None:
    """SECURITY: nor learns of them by trying."""
    one = add(world)
    made = group(world, "Secret club", one.id)
    draft = hand_in(boss, letter)
    for to in ({"contact": one.id}, {"group": made}):
        for path in ("choose", "fill", "send"):
            answer = boss.post(f"/drafts/{draft}/{path}", to)
            assert answer.status_code == (400 if path == "send" else 200)
            assert "Ann</bdi>" not in answer.text
            assert "Secret club" not in answer.text
        assert boss.post(f"/drafts/{draft}/count", to).status_code == 404


def test_a_fax_shows_whose_its_number_is(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    number = str(world.fax(world.acme, fax)["calling_number"])
    assert f'href="/contacts/new?number={quote(number)}"' in ann.get(f"/faxes/{fax}").text
    assert "<bdi>Ann</bdi>" not in ann.get("/inbox").text
    add(world, "Ann", number)
    assert "<bdi>Ann</bdi>" in ann.get("/inbox").text
    page = ann.get(f"/faxes/{fax}").text
    assert "<bdi>Ann</bdi>" in page
    assert "/contacts/new" not in page
