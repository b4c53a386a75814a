"""The pages of campaigns: made step by step, looked at before they start, and followed while they run."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faxplan import campaign_files, contact_groups, contacts, do_not_fax, drafts, permissions, quotas, users
from faxplan.call_result import CallResult
from faxplan.campaign_words import CampaignCover
from faxplan.contact_files import Reading
from faxplan.contacts import Entry
from faxplan.covers import Wanted
from faxplan.originals import HandedIn
from tests.db.test_campaigns import campaigner
from tests.db.test_failing_over import settle
from tests.faxes import claim
from tests.portal.conftest import Visitor
from tests.retained import count, execute
from tests.world import World

TABLE = "Kunde;Telefon;Telefax\nMüller;110;030 23110001\nWeiß;112;+49 30 23110002\nNochmal;113;030/23110001\n"


def a_draft(world: World, letter: Path) -> int:
    return drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt")).id


def made(world: World, ann: Visitor, letter: Path, numbers: str = "") -> str:
    """The address of one, whose numbers are read."""
    answer = ann.post(f"/drafts/{a_draft(world, letter)}/campaign", {"numbers": numbers})
    assert answer.status_code == 303, answer.text
    campaigner(world).work()
    world.render_all()
    return answer.headers["Location"].removesuffix("/document")


def bring(ann: Visitor, place: str, content: bytes) -> None:
    answer = ann.post(f"{place}/file", {"file": (io.BytesIO(content), "C:\\lists\\spring.csv")})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{place}/file"), answer.text


def chosen(page: str, name: str) -> str:
    """Of a page, what stands chosen in a select."""
    options = page.partition(f'<select id="{name}"')[2].partition("</select>")[0]
    assert " selected>" in options, name
    return options.partition(" selected>")[2].partition("<")[0]


def test_one_is_made_of_an_upload_step_by_step(world: World, ann: Visitor) -> None:
    assert "There is no campaign yet" in ann.get("/campaigns").text
    assert 'name="file"' in ann.get("/campaigns/new").text
    assert ann.post("/campaigns", {"name": "Spring"}).status_code == 400
    answer = ann.post("/campaigns", {"name": "Spring", "file": (io.BytesIO(b"News.\n"), "news.txt")})
    place = answer.headers["Location"].removesuffix("/document")
    assert "Its pages are being made" in ann.get(f"{place}/document").text
    assert ann.get(f"{place}/document/standing").get_json()["state"] == "waiting"
    world.render_all()
    assert 'data-keys="/drafts/' in ann.get(f"{place}/document").text
    assert ann.get(place).headers["Location"] == f"{place}/document"
    answer = ann.post(f"{place}/document", {"name": " Summer  sale "})
    assert answer.headers["Location"] == f"{place}/recipients"
    assert "Who is to get it?" in ann.get(f"{place}/recipients").text
    assert "It goes to nobody yet" in ann.get(f"{place}/review").text
    assert "Start: fax" not in ann.get(f"{place}/review").text
    assert ann.post(f"{place}/start").status_code == 400
    answer = ann.post(f"{place}/numbers", {"numbers": '030 23110001, 030 23110002\n"x;+49 30 23110001'})
    assert answer.headers["Location"] == f"{place}/recipients?note=brought"
    page = ann.get(f"{place}/recipients").text
    assert "0 of 4 lines" in page
    assert f'data-refresh="{place}/recipients/now"' in page
    assert "data-over" not in ann.get(f"{place}/recipients/now").text
    assert ann.post(f"{place}/numbers", {"numbers": "030 23110009"}).status_code == 400
    campaigner(world).work()
    assert "data-over" in ann.get(f"{place}/recipients/now").text
    assert ann.get(place).headers["Location"] == f"{place}/review"
    answer = ann.post(f"{place}/pace", {"per_minute": "600", "at_once": "5", "opens": "00:00", "closes": "24:00",
                                        "weekdays": ["1", "2", "3", "4", "5", "6", "7"]})  # fmt: skip
    assert answer.headers["Location"] == f"{place}/review"
    page = ann.get(f"{place}/review").text
    assert "Start: fax 2 recipients" in page
    assert "600 a minute at most, 5 calls at once" in page
    assert "if it is started now" in page
    assert "Summer sale" in ann.get("/campaigns").text
    answer = ann.post(f"{place}/start")
    assert (answer.status_code, answer.headers["Location"]) == (303, place)
    campaigner(world).work()
    assert count(world, "faxes") == 1


def test_a_file_is_looked_at_read_otherwise_and_added(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter)
    bring(ann, place, TABLE.encode("cp850"))
    page = ann.get(f"{place}/file").text
    # Found out: a heading, what stands between the columns, and where the numbers are.
    assert (chosen(page, "separator"), chosen(page, "column-number")) == ("Semicolon", "Telefax")
    assert chosen(page, "heading") == "has the names of the columns"
    assert chosen(page, "encoding") == "Western European (Windows-1252)"
    assert "030 23110001" in page
    assert "Müller" not in page
    said = "said=1&column-number=2&column-name=0&separator=semicolon&heading=yes"
    page = ann.get(f"{place}/file?{said}&encoding=ibm850").text
    assert chosen(page, "encoding") == "Western European (DOS)"
    assert "Müller" in page
    assert "Add 3 lines" in page
    # Nothing is there before it is said; and what was brought stays through all of this.
    assert "spring.csv" in ann.get(f"{place}/recipients").text
    assert count(world, "campaign_files") == 0
    form = {name: value for name, _eq, value in (each.partition("=") for each in f"{said}&encoding=ibm850".split("&"))}
    assert ann.post(f"{place}/file/add", {**form, "column-number": ""}).status_code == 400
    assert ann.post(f"{place}/file/add", form).headers["Location"] == f"{place}/recipients"
    assert ann.get(f"{place}/file").headers["Location"] == f"{place}/recipients"
    campaigner(world).work()
    page = ann.get(f"{place}/recipients").text
    assert "Müller" in page
    assert "Weiß" in page
    assert "Is in it already" in page
    only = ann.get(f"{place}/recipients?state=left-out&why=duplicate").text
    assert "Nochmal" in only
    assert "Weiß" not in only
    assert "There are none of these" in ann.get(f"{place}/recipients?state=sent").text


def test_a_file_that_is_none_is_refused_and_one_is_taken_back(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter)
    answer = ann.post(f"{place}/file", {"file": (io.BytesIO(b"\x00\x01\xff"), "x.xls")})
    assert (answer.status_code, "no CSV file" in answer.text) == (400, True)
    assert ann.post(f"{place}/file", {}).status_code == 400
    bring(ann, place, b"Name,Town\nAnn,Bonn\n")
    page = ann.get(f"{place}/file").text
    assert "Say in which column the fax numbers are" in page
    assert f"{place}/file/add" not in page
    # What a script of nobody's asks for is as if it were not said.
    assert ann.get(f"{place}/file?said=1&column-number=99&separator=x&encoding=rot13&heading=5").status_code == 200
    assert ann.post(f"{place}/file/drop").headers["Location"] == f"{place}/recipients"
    assert ann.get(f"{place}/file").headers["Location"] == f"{place}/recipients"


def test_a_draft_becomes_one_with_its_numbers_and_is_no_draft_any_more(
    world: World, ann: Visitor, letter: Path
) -> None:
    number = a_draft(world, letter)
    assert f'formaction="/drafts/{number}/campaign"' in ann.get(f"/drafts/{number}").text
    answer = ann.post(f"/drafts/{number}/campaign", {"numbers": "030 23110001", "from": "+49301"})
    assert (answer.status_code, "030 23110001" in answer.text) == (400, True)
    answer = ann.post(f"/drafts/{number}/campaign", {"numbers": "030 23110001"})
    assert answer.status_code == 303
    for act in ("send", "remove", "campaign"):
        assert ann.post(f"/drafts/{number}/{act}", {"numbers": "030 23110001"}).status_code in (400, 404), act
    assert ann.post(f"/drafts/{number}/resolution", {"resolution": "standard"}).status_code == 404
    campaigner(world).work()
    world.render_all()
    assert ">1</b> gets it" in ann.get(f"{answer.headers['Location'].removesuffix('/document')}/recipients").text


def test_a_drafts_form_comes_along_whole(world: World, ann: Visitor, letter: Path) -> None:
    form = {
        "numbers": "030 23110001", "cover": "0", "cover_to_name": "A {{ b }}", "cover_subject": "{% x %}",
        "cover_message": "Braces {{ as they are }} {# here #}", "at": "2026-01-01T08:00",
    }  # fmt: skip
    number = a_draft(world, letter)
    # What is wrong is said there, and nothing of it is lost.
    answer = ann.post(f"/drafts/{number}/campaign", form)
    assert (answer.status_code, "as they are" in answer.text, count(world, "campaigns")) == (400, True, 0)
    at = datetime.now(UTC) + timedelta(days=2)
    answer = ann.post(f"/drafts/{number}/campaign", {**form, "at": f"{at:%Y-%m-%dT%H:%M}"})
    assert answer.headers["Location"].endswith("/document")
    place = answer.headers["Location"].removesuffix("/document")
    campaigner(world).work()
    page = ann.get(f"{place}/review").text
    assert "One for each recipient" in page
    assert "Not before" in page
    assert CampaignCover.of(Wanted(0, message="{{ x }} {% y")).filled({}).message == "{{ x }} {% y"
    assert CampaignCover.of(Wanted(0, to_name="{{ x }}")).filled({"name": ""}).to_name == "{{ x }}"
    assert CampaignCover.of(Wanted(0, to_name="All")).filled({"name": "Ann"}).to_name == "Ann"
    # One that cannot be is written anew, and the campaign is there.
    answer = ann.post(f"/drafts/{a_draft(world, letter)}/campaign", {"cover": "0", "cover_message": "x\n" * 2900})
    assert answer.headers["Location"].endswith("/cover?note=no-cover")


def test_the_review_says_what_it_comes_to(world: World, ann: Visitor, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        do_not_fax.add(tx, world.acme.tenant.id, "+493023110003", "asked for it", "test")
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=3)
    place = made(world, ann, letter, "030 23110001\n030 23110002\n030 23110003\n12\n030 23110001")
    page = ann.get(f"{place}/review").text
    assert "<b>2</b> get it" in page
    assert "<b>3</b> lines left out" in page
    assert "<b>4</b> pages in all" in page
    for why in ("Is on the do-not-fax list", "Is no fax number", "Is in it already"):
        assert why in page
    assert "room for 1 recipient:" in page
    assert "030 23125001" in page
    ann.post(f"{place}/pace", {"per_minute": "1", "at_once": "1", "opens": "08:00", "closes": "18:00",
                               "weekdays": ["1"], "start_at": "2027-01-02T08:00"})  # fmt: skip
    execute(world, "update campaigns set start_at = now() + interval '30 days'")
    page = ann.get(f"{place}/review").text
    assert "08:00 - 18:00; Monday" in page
    assert "It begins at" in page


@pytest.mark.parametrize(
    ("field", "value"), [("per_minute", "0"), ("per_minute", "x"), ("opens", "7"), ("start_at", "yesterday")]
)
def test_a_pace_that_cannot_be_is_refused_and_shown_again(
    world: World, ann: Visitor, letter: Path, field: str, value: str
) -> None:
    place = made(world, ann, letter)
    good = {"per_minute": "7", "at_once": "3", "opens": "08:00", "closes": "18:00", "weekdays": ["1", "5"]}
    answer = ann.post(f"{place}/pace", {**good, field: value})
    assert (answer.status_code, 'role="alert"' in answer.text) == (400, True)
    assert 'value="3"' in answer.text
    for wrong in ({"weekdays": []}, {"closes": "08:00"}):
        assert ann.post(f"{place}/pace", {**good, **wrong}).status_code == 400
    assert ann.post(f"{place}/pace", good).status_code == 303
    page = ann.get(f"{place}/pace").text
    assert (chosen(page, "opens"), page.count(" checked")) == ("08:00", 2)


def test_it_is_paused_gone_on_with_and_cancelled(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter, "030 23110001\n030 23110002\n030 23110003")
    ann.post(f"{place}/start")
    campaigner(world).work()
    page = ann.get(place).text
    assert "Runs" in page
    assert 'class="bars"' in page
    assert "0 of 3 are done" in page
    now = ann.get(f"{place}/now").text
    assert "<html" not in now
    assert "<b>1</b>" in now
    fax = ann.get(f"{place}/recipients?state=released").text.partition('href="/faxes/')[2].partition('"')[0]
    assert ann.get(f"/faxes/{fax}").status_code == 200
    assert ann.post(f"{place}/pause").headers["Location"] == place
    page = ann.get(place).text
    assert "Go on" in page
    assert "Pause</button>" not in page
    assert "Add recipients" in page
    execute(world, "update campaigns set why = 'The quota is used up.'")
    assert "The quota is used up." in ann.get(f"{place}/now").text
    ann.post(f"{place}/start")
    assert "Runs" in ann.get(place).text
    # As of another state it is not to be done.
    assert ann.post(f"{place}/remove").status_code == 400
    assert "Delete the campaign" not in ann.get(f"{place}/remove").text
    assert "2 recipients who were not called yet get nothing" in ann.get(f"{place}/cancel").text
    ann.post(f"{place}/cancel")
    campaigner(world).work()
    page = ann.get(place).text
    assert "Cancelled" in page
    assert f"{place}/cancel" not in page
    assert "Gets nothing" in ann.get(f"{place}/recipients").text
    assert "data-over" in ann.get(f"{place}/now").text


def test_one_that_was_not_started_is_deleted(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter)
    assert "cannot be brought back" in ann.get(f"{place}/remove").text
    assert ann.post(f"{place}/remove").headers["Location"] == "/campaigns?note=removed"
    assert ann.get(place).status_code == 404


def test_the_list_goes_on(world: World, ann: Visitor, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.campaigns.AT_ONCE", 2)
    places = [made(world, ann, letter) for _each in range(3)]
    first = ann.get("/campaigns").text
    assert [each for each in places if f'"{each}"' in first] == places[1:]
    older = first.partition('rel="next" href="')[2].partition('"')[0]
    page = ann.get(older).text
    assert [each for each in places if f'"{each}"' in page] == places[:1]
    assert "Older" not in page
    assert ann.get("/campaigns?before=x").status_code == 200
    assert "no older ones" in ann.get("/campaigns?before=1").text


def test_who_may_have_none_is_shown_none(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter)
    assert '"/campaigns"' in ann.get("/sent").text
    number = a_draft(world, letter)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        few = [each.value for each in permissions.Permission if each is not permissions.Permission.CAMPAIGNS]
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": few})
    assert '"/campaigns"' not in ann.get("/sent").text
    assert "Make a campaign" not in ann.get(f"/drafts/{number}").text
    for answer in (ann.get("/campaigns"), ann.get(place), ann.post(f"{place}/start"), ann.post("/campaigns")):
        assert answer.status_code == 403


def test_an_administrator_sees_a_colleagues_and_not_its_pages(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter, "030 23110001")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = users.create(tx, world.acme.tenant.id, email="other@acme.example", name="Otto Other")
    execute(world, f"update campaigns set user_id = {other.id}")
    assert ann.get(place).status_code == 404
    assert "Otto" not in ann.get("/campaigns").text
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})
    assert "Otto Other" in ann.get("/campaigns").text
    page = ann.get(f"{place}/document").text
    assert "Only who has handed it in sees its pages" in page
    assert "data-keys" not in page
    assert "sends in their name" in ann.get(f"{place}/review").text
    # Whoever says where it goes is sent it.
    assert ann.post(f"{place}/numbers", {"numbers": "030 23110009"}).status_code == 403
    assert f"{place}/test" not in ann.get(f"{place}/review").text
    assert "Add these numbers" not in ann.get(f"{place}/recipients").text
    assert "<form class=" not in ann.get(f"{place}/test").text


def test_hostile_files_and_names_are_text(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter)
    hostile = "<script>alert(1)</script>"
    table = f"{hostile},Fax\n{hostile},{hostile}\n{{{{ 7*7 }}}},030 23110001\n".encode()
    answer = ann.post(f"{place}/file", {"file": (io.BytesIO(table), f"{hostile}.csv")})
    assert answer.status_code == 303
    ann.post(f"{place}/document", {"name": hostile})
    ann.post(f"{place}/file/add", {"said": "1", "column-number": "1", "column-name": "0"})
    campaigner(world).work()
    for page in ("document", "recipients", "pace", "review", "remove"):
        text = ann.get(f"{place}/{page}").text
        assert hostile not in text, page
        assert "49" not in text.partition("7*7")[2][:20]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert campaign_files.preview(tx, world.acme.user, table, Reading()).lines == 2


def a_contact(world: World, name: str, number: str) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return contacts.add(tx, world.acme.user, Entry(name, "", number), shared=False).id


def test_contacts_and_groups_are_recipients(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter)
    assert "There are no contacts yet" in ann.get(f"{place}/contacts").text
    one, other = a_contact(world, "Ann", "030 23110001"), a_contact(world, "Bob", "030 23110002")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        group = contact_groups.add(tx, world.acme.user, "Customers", shared=False)
        contact_groups.put(tx, world.acme.user, group.id, [other])
    assert "Customers" in ann.get(f"{place}/contacts").text
    # What is ticked stays so while others are searched for.
    page = ann.post(f"{place}/contacts", {"search": "1", "q": "bob", "contact": str(one)}).text
    assert f'name="contact" value="{one}" checked' in page
    assert f'name="contact" value="{other}"' in page
    assert count(world, "campaign_files") == 0
    assert ann.post(f"{place}/contacts", {}).status_code == 400
    assert ann.post(f"{place}/contacts", {"contact": "99999"}).status_code == 404
    answer = ann.post(f"{place}/contacts", {"contact": str(one), "group": str(group.id)})
    assert answer.headers["Location"] == f"{place}/recipients?note=brought"
    campaigner(world).work()
    page = ann.get(f"{place}/recipients").text
    assert "<b>2</b> get it" in page
    assert "Bob" in page
    # From a draft's form they come along, also beside numbers.
    for form, count_of in (
        ({"contact": str(one)}, "1</b> gets"),
        ({"contact": str(one), "numbers": "030 23110009"}, "2</b> get"),
    ):
        answer = ann.post(f"/drafts/{a_draft(world, letter)}/campaign", form)
        campaigner(world).work()
        assert count_of in ann.get(answer.headers["Location"].replace("document", "recipients")).text


def test_a_file_that_could_not_be_read_says_why_and_is_taken_away(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter, "030 23110001")
    bring(ann, place, b"Fax\n030 23110002\n")
    ann.post(f"{place}/file/add", {"said": "1", "column-number": "0"})
    assert ann.post(f"{place}/start").status_code == 400
    # As if it had been spoilt since.
    execute(world, "update campaign_files set content = ''")
    campaigner(world).work()
    page = ann.get(f"{place}/recipients").text
    assert "could not be read to its end" in page
    assert "data-refresh" not in page
    assert "Start: fax" not in ann.get(f"{place}/review").text
    assert ann.post(f"{place}/start").status_code == 400
    assert ann.post(f"{place}/file/stop").status_code == 303
    assert "could not be read" not in ann.get(f"{place}/recipients").text
    assert "Start: fax 1 recipient<" in ann.get(f"{place}/review").text
    assert ann.post(f"{place}/file/stop").status_code == 404


def test_tries_are_chosen_and_said(world: World, ann: Visitor, letter: Path) -> None:
    place = made(world, ann, letter, "030 23110001")
    form = {"per_minute": "7", "at_once": "3", "opens": "08:00", "closes": "18:00", "weekdays": ["1"]}
    assert ann.post(f"{place}/pace", {**form, "max_attempts": "2", "retry_delays": "5, 1.5"}).status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one("select max_attempts, retry_delays from campaigns")
    assert (row["max_attempts"], row["retry_delays"]) == (2, [300, 90])
    assert 'value="5, 1.5"' in ann.get(f"{place}/pace").text
    assert "2 of each fax at most" in ann.get(f"{place}/review").text
    for wrong in ({"max_attempts": "99"}, {"retry_delays": "soon"}, {"retry_delays": "0.1"}, {"retry_delays": "nan"}):
        assert ann.post(f"{place}/pace", {**form, **wrong}).status_code == 400, wrong


def test_one_that_has_ended_is_drawn_saved_and_sent_again_to_who_failed(
    world: World, ann: Visitor, letter: Path
) -> None:
    place = made(world, ann, letter, "030 23110001\n030 23110002\n12")
    ann.post(f"{place}/pace", {"per_minute": "6000", "at_once": "99", "opens": "00:00", "closes": "24:00",
                               "weekdays": ["1", "2", "3", "4", "5", "6", "7"]})  # fmt: skip
    ann.post(f"{place}/start")
    for _turn in range(3):
        execute(world, "update campaigns set paced_from = paced_from - interval '1 second'")
        campaigner(world).work()
    first, second = claim(world, most=5)
    settle(world, first, CallResult("NORMAL_CLEARING", fax_success=True, pages=2))
    settle(world, second, CallResult("UNALLOCATED_NUMBER", sip_code=404))
    campaigner(world).work()
    page = ann.get(place).text
    assert "Finished" in page
    assert '<polygon class="well"' in page
    assert '<polygon class="fault"' in page
    assert "refresh.js" not in page
    table = ann.get(f"{place}/results.csv")
    assert table.mimetype == "text/csv"
    assert "+493023110001" in table.text
    assert "Those whose fax failed" in ann.get(f"{place}/clone?whom=failed").text
    # Its document is sealed by now.
    answer = ann.post(f"{place}/clone", {"whom": "failed", "name": "Again"})
    assert (answer.status_code, "sealed for its readers" in answer.text) == (400, True)
    answer = ann.post(
        f"{place}/clone", {"whom": "failed", "name": "Again", "file": (io.BytesIO(b"News.\n"), "news.txt")}
    )
    again = answer.headers["Location"].removesuffix("/document")
    page = ann.get(f"{again}/recipients").text
    assert "<b>1</b> gets it" in page
    assert second.called_number[-4:] in page
    # And of one that has not ended it is the same one.
    world.render_all()
    answer = ann.post(f"{again}/clone", {"whom": "all", "name": "Thrice"})
    assert answer.status_code == 303
    assert "<b>1</b> gets it" in ann.get(answer.headers["Location"].replace("document", "recipients")).text


TO_MANY = "Fax;Name;First name\n030 23110001;Ann Arbor;Ann\n030 23110002;Bob Burg;\n"
SAYS = {"to_name": "{{ name }}", "message": "Dear {{ first_name or 'customer' }},", "phone": "", "subject": ""}


def with_a_table(world: World, ann: Visitor, letter: Path) -> str:
    place = made(world, ann, letter)
    bring(ann, place, TO_MANY.encode())
    ann.post(f"{place}/file/add", {"said": "1", "column-number": "0", "column-name": "1"})
    campaigner(world).work()
    return place


def test_each_recipient_has_a_cover_that_is_looked_at_before(world: World, ann: Visitor, letter: Path) -> None:
    place = with_a_table(world, ann, letter)
    page = ann.get(f"{place}/cover").text
    assert "{{ first_name }}" in page
    assert "Bob Burg" in page
    assert "data-said" not in page
    drawn = ann.post(f"{place}/cover/preview", SAYS)
    assert (drawn.status_code, drawn.mimetype, drawn.headers["X-Cover-Pages"]) == (200, "image/png", "1")
    second = page.rpartition('<option value="')[2].partition('"')[0]
    other = ann.post(f"{place}/cover/preview", {**SAYS, "recipient": second})
    assert other.status_code == 200
    assert other.data != drawn.data
    assert ann.post(f"{place}/cover/preview", {**SAYS, "recipient": "99999"}).status_code == 404
    for wrong in ({"message": "Dear {{ name"}, {"message": "{{ 1/0 }}"}, {"cover": "77"}):
        answer = ann.post(f"{place}/cover", {**SAYS, **wrong})
        assert answer.status_code in (400, 404), wrong
    assert "None" in ann.get(f"{place}/review").text
    assert ann.post(f"{place}/cover", SAYS).headers["Location"] == f"{place}/cover?note=saved"
    page = ann.get(f"{place}/cover").text
    assert "1 recipient has nothing for <b>first_name</b>" in page
    assert f'data-said="{place}/keys"' in page
    assert "customer" not in page
    (said,) = ann.post(f"{place}/keys", Accept="application/json").get_json()
    assert said["context"]["artefact"] == "campaign-cover"
    assert ann.get(said["address"]).status_code == 200
    page = ann.get(f"{place}/review").text
    assert "One for each recipient" in page
    assert "<b>6</b> pages in all" in page
    assert f"{place}/cover?recipient={second}" in ann.get(f"{place}/recipients").text
    assert f'value="{second}" selected' in ann.get(f"{place}/cover?recipient={second}").text
    assert ann.post(f"{place}/cover/remove").status_code == 303
    assert ann.post(f"{place}/keys", Accept="application/json").get_json() == []
    assert ann.get(f"{place}/cover-text").status_code == 404


def test_a_test_goes_to_a_number_of_ones_own(world: World, ann: Visitor, letter: Path) -> None:
    place = with_a_table(world, ann, letter)
    assert "Send a test" in ann.get(f"{place}/review").text
    for wrong in ("12", "", "+493"):
        assert ann.post(f"{place}/test", {"number": wrong}).status_code == 400, wrong
    assert ann.post(f"{place}/test", {"number": "030 99001234"}).headers["Location"] == f"{place}/test"
    page = ann.get(f"{place}/test").text
    assert "Waits for a worker" in page
    assert "refresh.js" in page
    assert "data-over" not in ann.get(f"{place}/test/now").text
    campaigner(world).work()
    page = ann.get(f"{place}/test/now").text
    assert "data-over" in page
    fax = page.partition('href="/faxes/')[2].partition('"')[0]
    assert world.fax(world.acme, int(fax))["called_number"] == "+493099001234"
    assert "<b>2</b> get it" in ann.get(f"{place}/recipients").text


def test_a_colleagues_cover_is_not_opened_for_an_administrator(world: World, ann: Visitor, letter: Path) -> None:
    place = with_a_table(world, ann, letter)
    assert ann.post(f"{place}/cover", SAYS).status_code == 303
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = users.create(tx, world.acme.tenant.id, email="other@acme.example", name="Otto Other")
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": "administrator"})
    execute(world, f"update campaigns set user_id = {other.id}")
    assert "One for each recipient" in ann.get(f"{place}/review").text
    assert ann.post(f"{place}/keys", Accept="application/json").get_json() == []
    assert ann.get(f"{place}/cover-text").status_code == 404
