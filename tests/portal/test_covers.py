"""Cover pages: chosen, filled in and looked at where a draft is sent; and what they say, which administrators set."""

import io
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from faxplan import brand_provisioning, contacts, cover_provisioning, users
from faxplan.contacts import Entry
from portal.pages import covers
from tests.db.test_covers import said
from tests.portal.conftest import Visitor
from tests.portal.test_pages import hand_in
from tests.portal.test_people import audited, boss
from tests.retained import count
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/covers"
FORM: dict[str, object] = {
    "numbers": "030 23125009", "cover": "0", "cover_to_name": "Erika", "cover_subject": "Figures",
    "cover_message": "Look at page two.",
}  # fmt: skip


def drawn(answer: object) -> Image.Image:
    assert answer.status_code == 200, answer.text  # type: ignore[attr-defined]
    assert answer.content_type == "image/png"  # type: ignore[attr-defined]
    assert answer.headers["Cache-Control"] == "no-store"  # type: ignore[attr-defined]
    return Image.open(io.BytesIO(answer.data))  # type: ignore[attr-defined]


def test_a_draft_is_sent_with_a_cover(world: World, ann: Visitor, letter: Path) -> None:
    draft = hand_in(ann, letter)
    page = ann.get(f"/drafts/{draft}").text
    assert '<option value="0">Plain</option>' in page
    assert f'formaction="/drafts/{draft}/cover" formtarget="_blank"' in page
    world.render_all()
    before = len(world.stored())
    shown = drawn(ann.post(f"/drafts/{draft}/cover", FORM))
    assert (shown.mode, shown.size) == ("1", (1728, 2386))
    assert len(world.stored()) == before
    ann.post(f"/drafts/{draft}/send", FORM)
    world.render_all()
    values = said(world, 1).values
    assert {name: values[name] for name in ("to_name", "subject", "message", "from_name", "from_company")} == {
        "to_name": "Erika", "subject": "Figures", "message": "Look at page two.", "from_name": "A User",
        "from_company": "Acme",
    }  # fmt: skip
    assert (values["to_number"], values["from_number"]) == ("+49 30 23125009", "+49 30 23125001")
    assert world.fax(world.acme, 1)["pages"] == 3
    names = {each["name"] for each in ann.post("/faxes/1/keys").get_json()}
    assert names == {"cover", "cover-images", "images", "original", "thumbnail", "tiff"}
    for name in names:
        assert ann.get(f"/faxes/1/{name}").status_code == 200
    # What was plain lies nowhere.
    assert [path for path in world.settings.work.rglob("*") if path.is_file()] == []


def test_who_may_have_no_contacts_sends_with_a_cover(world: World, ann: Visitor, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": ["send"]})
    draft = hand_in(ann, letter)
    drawn(ann.post(f"/drafts/{draft}/cover", FORM))
    assert ann.post(f"/drafts/{draft}/send", FORM).status_code == 303
    assert said(world, 1).values["to_name"] == "Erika"


def test_what_is_seen_is_of_the_first_recipient(world: World, ann: Visitor, letter: Path) -> None:
    draft = hand_in(ann, letter)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        contact = contacts.add(tx, world.acme.user, Entry("Bea Example", "Borea", "+4930990012"), shared=False)
    assert 'placeholder="Bea Example"' in ann.get(f"/drafts/{draft}?contact={contact.id}").text
    form = {**FORM, "numbers": "", "cover_to_name": "", "contact": str(contact.id)}
    by_contact = ann.post(f"/drafts/{draft}/cover", form).data
    written = {
        **form,
        "contact": [],
        "numbers": "030 990012",
        "cover_to_name": "Bea Example",
        "cover_to_company": "Borea",
    }
    assert by_contact == ann.post(f"/drafts/{draft}/cover", written).data
    assert by_contact != ann.post(f"/drafts/{draft}/cover", {**written, "cover_to_name": "Another"}).data
    # While a number is being written.
    for half in ("", "0", "+4930;x", "112", "030 99001234w12#"):
        drawn(ann.post(f"/drafts/{draft}/cover", {**FORM, "numbers": half}))


def test_what_was_written_is_still_there_when_something_is_wrong(world: World, ann: Visitor, letter: Path) -> None:
    draft = hand_in(ann, letter)
    answer = ann.post(f"/drafts/{draft}/send", {**FORM, "numbers": "112", "cover_subject": '"<b>'})
    assert answer.status_code == 400
    assert 'value="&#34;&lt;b&gt;"' in answer.text
    assert ">Look at page two.</textarea>" in answer.text
    assert '<option value="0" selected>' in answer.text
    too_long = ann.post(f"/drafts/{draft}/send", {**FORM, "cover_message": "line\n" * 110})
    assert (too_long.status_code, "takes more than 2 cover pages" in too_long.text) == (400, True)
    answer = ann.post(
        f"/drafts/{draft}/cover", {**FORM, "cover_message": "line\n" * 110}, Accept="application/json, image/png"
    )
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "cover-too-long")
    assert count(world, "faxes") == 0
    # Also by way of the page on which contacts are ticked.
    assert 'name="cover_message" value="Look at page two."' in ann.post(f"/drafts/{draft}/choose", FORM).text


@pytest.mark.parametrize("cover", ["x", "-1", "9" * 30, "4711", "1" * 18])
def test_a_cover_page_that_there_is_not_is_refused(world: World, ann: Visitor, letter: Path, cover: str) -> None:
    draft = hand_in(ann, letter)
    assert ann.post(f"/drafts/{draft}/send", {**FORM, "cover": cover}).status_code == 400
    assert ann.post(f"/drafts/{draft}/cover", {**FORM, "cover": cover}).status_code == 404
    assert count(world, "faxes") == 0


def test_the_default_is_chosen_and_may_be_left_out(world: World, boss: Visitor, letter: Path) -> None:
    boss.post(PAGE, {"name": "Letter", "body": "Dear {{ to_name }},\n{{ message }}"})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        number = tx.value("select id from cover_templates")
    draft = hand_in(boss, letter)
    assert " selected>Letter" not in boss.get(f"/drafts/{draft}").text
    boss.post(f"{PAGE}/{number}/default", {"default": "on"})
    page = boss.get(f"/drafts/{draft}").text
    assert f'<option value="{number}" selected>Letter' in page
    assert 'data-cover data-preview="' in page
    assert "selected>Letter" not in boss.post(f"/drafts/{draft}/fill", {"cover": ""}).text
    boss.post(f"/drafts/{draft}/send", {"numbers": "030 23125009", "cover": ""})
    assert world.fax(world.acme, 1)["cover_id"] is None
    boss.post(f"{PAGE}/{number}/default", {"default": "off"})
    assert " selected>Letter" not in boss.get(f"/drafts/{hand_in(boss, letter)}").text


def test_an_administrator_makes_changes_and_deletes_them(world: World, boss: Visitor) -> None:
    assert "There is the plain cover page" in boss.get(PAGE).text
    assert "{{ message }}</textarea>" in boss.get(f"{PAGE}/new").text
    assert boss.post(PAGE, {"name": "Letter", "body": "Dear {{ to_name }},"}).status_code == 303
    assert "Letter" in boss.get(PAGE).text
    assert "There is a cover page of this name" in boss.post(PAGE, {"name": "Letter", "body": "x"}).text
    with world.portal.tenant(world.acme.tenant.id) as tx:
        number = tx.value("select id from cover_templates")
    page = boss.get(f"{PAGE}/{number}").text
    assert "Dear {{ to_name }},</textarea>" in page
    assert boss.post(f"{PAGE}/{number}", {"name": "<b>", "body": "New", "footer": "Foot"}).status_code == 303
    assert "&lt;b&gt;" in boss.get(PAGE).text
    assert "Faxes that were handed in with it keep it" in boss.get(f"{PAGE}/{number}/delete").text
    boss.post(f"{PAGE}/{number}/delete")
    assert count(world, "cover_templates") == 0
    assert [row.actor for row in audited(world, "cover.add")] == [f"user:{world.acme.user.id}"]
    assert boss.get("/organisation/audit").text.count("cover page") >= 3
    # The plain one is nobody's.
    assert boss.get(f"{PAGE}/0").status_code == 404


@pytest.mark.parametrize(
    "body", ["{{ ''.__class__ }}", "{% for x in range(10**9) %}{% endfor %}", "{{ nmae }}", "{{ message"]
)
def test_a_text_that_could_do_more_is_refused_on_the_page_with_its_line(world: World, boss: Visitor, body: str) -> None:
    answer = boss.post(PAGE, {"name": "Letter", "body": f"Dear\n{body}"})
    assert answer.status_code == 400
    assert "Line 2: " in answer.text
    assert boss.post("/cover-preview", {"body": f"Dear\n{body}"}, Accept="application/json").get_json()["error_id"] == (
        "invalid-cover-text"
    )
    assert count(world, "cover_templates") == 0


def test_an_administrator_sees_it_before_it_is_saved_with_the_logo(world: World, boss: Visitor) -> None:
    plain = boss.post("/cover-preview", {"body": "{{ message }}", "footer": "Foot"})
    # Who writes asks again and again: that is not to take all that answers others.
    with ExitStack() as stack:
        for _each in range(covers.MOST_DRAWN):
            assert covers._drawing.acquire(blocking=False)
            stack.callback(covers._drawing.release)
        busy = boss.post("/cover-preview", {"body": "{{ message }}", "footer": "Foot"}, Accept="application/json")
        assert (busy.status_code, busy.get_json()["error_id"]) == (503, "busy")
    assert drawn(plain).size == (1728, 2386)
    logo = io.BytesIO()
    Image.new("RGB", (300, 80), "navy").save(logo, "PNG")
    brand_provisioning.change(world.admin, "x", "acme", {"logo": logo.getvalue()})
    assert boss.post("/cover-preview", {"body": "{{ message }}", "footer": "Foot"}).data != plain.data
    assert count(world, "cover_templates") == 0


def test_who_is_no_administrator_sets_none(world: World, ann: Visitor) -> None:
    number = cover_provisioning.put(world.admin, "x", "acme", "Letter", "x", "").id
    for path in (PAGE, f"{PAGE}/new", f"{PAGE}/{number}"):
        assert ann.get(path).status_code == 403
    for path in (PAGE, f"{PAGE}/{number}", f"{PAGE}/{number}/delete", f"{PAGE}/{number}/default", "/cover-preview"):
        assert ann.post(path, {"name": "a", "body": "b", "default": "on"}).status_code == 403
    assert count(world, "cover_templates") == 1
