"""What is sent from a browser: files in their order, as whom, charged to whom, with what is left; and who may not."""

import errno
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pikepdf
import pytest
from PIL import Image

from faxplan import bundle, caller_ids, dids, documents, drafts, originals, quotas, sending_hours, users
from faxplan.documents import ORIGINAL
from faxplan.drafts import Draft
from faxplan.priorities import Priority
from faxplan.refusals import Limits
from portal.app import Portal
from portal.routes import ROUTES
from portal.visit import PortalRequest
from tests.faxes import claim
from tests.portal.conftest import Visitor, visitor
from tests.portal.test_routes import named
from tests.retained import count
from tests.world import World

NUMBER, SECOND = "030 23125009", "+493023125077"


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("L", (400, 300), 90).save(made, "PNG")
    return made.getvalue()


def locked_pdf(password: str) -> bytes:
    made = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(made, encryption=pikepdf.Encryption(owner="o", user=password))
    return made.getvalue()


def blank_pdf(pages: int) -> bytes:
    made = io.BytesIO()
    with pikepdf.new() as pdf:
        for _page in range(pages):
            pdf.add_blank_page()
        pdf.save(made)
    return made.getvalue()


def line_ends() -> bytes:
    """A picture of which nearly every byte is one."""
    made = io.BytesIO()
    Image.new("L", (800, 500), ord("\n")).save(made, "TIFF")
    return made.getvalue()


TEXT, PICTURE = ("A.txt", b"A letter.\n\fIts second page.\n"), ("B <b>.png", picture())


def hand_in(ann: Visitor, *files: tuple[str, bytes], **form: object) -> int:
    given = [(io.BytesIO(content), name) for name, content in files]
    answer = ann.post("/drafts", {"file": given, **form})
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def draft_of(world: World, number: int) -> Draft:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return drafts.get(tx, world.acme.user, number)


def said(ann: Visitor, draft: int, **form: object) -> dict[str, object]:
    found = ann.post(f"/drafts/{draft}/count", form, Accept="application/json").get_json()
    assert isinstance(found, dict)
    return found


def change(world: World, **values: object) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, values)


def of_tenant(world: World, column: str, value: object) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute(f"update tenants set {column} = %s where slug = 'acme'", (value,))


# ------------------------------------------------------------------------------------------------------------ files


def test_a_document_of_a_usual_size_is_taken(world: World, ann: Visitor) -> None:
    """Larger than the pieces in which a server reads a form, with line ends where these end."""
    picture = line_ends()
    assert len(picture) > 5 * 64 * 1024
    number = hand_in(ann, ("dark.tiff", picture))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert drafts.get(tx, world.acme.user, number).state == "waiting"


def test_several_files_are_one_fax_in_their_order(world: World, ann: Visitor, tmp_path: Path) -> None:
    number = hand_in(ann, PICTURE, TEXT, PICTURE)
    assert count(world, "documents") == 1
    world.render_all()
    assert draft_of(world, number).pages == 4
    original_id = draft_of(world, number).original_id
    with world.portal.tenant(world.acme.tenant.id) as tx:
        original = documents.get(tx, world.acme.tenant.id, original_id)
    assert original.kind == ORIGINAL
    whole = tmp_path / "whole"
    world.copy_out(original, whole)
    assert [each.name for each in bundle.parts(whole)] == ["B <b>.png", "A.txt", "B <b>.png"]
    # Nobody without a key sees what they are called.
    for path in world.stored():
        assert b"A.txt" not in path.read_bytes()
    ann.post(f"/drafts/{number}/send", {"numbers": NUMBER})
    (fax,) = claim(world)
    assert (fax.pages, count(world, "faxes")) == (4, 1)
    assert [path for path in world.settings.work.rglob("*") if path.is_file()] == []


def test_which_file_is_refused_is_said_by_its_name_and_nothing_is_kept(world: World, ann: Visitor) -> None:
    secret = ("Angebot <i>.pdf", locked_pdf("sesame"))
    answer = ann.post("/drafts", {"file": [(io.BytesIO(each), name) for name, each in (TEXT, secret)]})
    assert answer.status_code == 400
    assert "Angebot &lt;i&gt;.pdf: This PDF is protected by a password" in answer.text
    assert (count(world, "drafts"), world.stored()) == (0, [])
    # Its name is sealed, and stands nowhere in the database.
    with world.admin.across_tenants() as tx:
        assert "Angebot" not in json.dumps(tx.rows("select to_jsonb(a) as row from audit a"), default=str)
    number = hand_in(ann, TEXT, secret, password="sesame")
    world.render_all()
    assert draft_of(world, number).pages == 3


def test_a_disk_that_is_full_is_said_and_nothing_is_kept(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[IO[bytes]] = []

    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "No space left on device")

    def on_it(request: PortalRequest, *_given: object, **_named: object) -> IO[bytes]:
        full.append(Full())
        request.taken.append(full[-1])
        return full[-1]

    monkeypatch.setattr(PortalRequest, "_get_file_stream", on_it)
    answer = ann.post("/drafts", {"file": [(io.BytesIO(b"A letter." * 9999), "letter.txt")]})
    assert answer.status_code == 507
    assert "no room for this at present" in answer.text
    assert (count(world, "drafts"), world.stored(), len(full)) == (0, [], 1)
    assert full[0].closed
    monkeypatch.undo()
    assert hand_in(ann, TEXT)


def test_the_limits_are_those_of_all_files_together(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [(f"{each}.txt", b"x") for each in range(bundle.MOST_FILES)]
    assert hand_in(ann, *many)
    for many_more in (bundle.MOST_FILES + 1, 10 * bundle.MOST_FILES):
        more = [(io.BytesIO(b"x"), f"{each}.txt") for each in range(many_more)]
        answer = ann.post("/drafts", {"file": more})
        assert (answer.status_code, "At most 50 files" in answer.text) == (400, True)
    monkeypatch.setattr(bundle, "MOST_LIST_BYTES", 100 * 1024**2 - 20)
    answer = ann.post("/drafts", {"file": [(io.BytesIO(b"x" * 15), "1.txt"), (io.BytesIO(b"x" * 6), "2.txt")]})
    assert (answer.status_code, "together" in answer.text) == (400, True)
    assert [path for path in world.settings.work.rglob("*") if path.is_file()] == []


def test_what_goes_beyond_the_limits_of_all_files_together_is_not_even_examined(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged, two_pages = ("bad.pdf", b"%PDF-1.7 and no more"), ("two.pdf", blank_pdf(2))

    def refusal(limits: Limits, *files: tuple[str, bytes]) -> str:
        monkeypatch.setattr(originals, "STANDARD_LIMITS", limits)
        answer = ann.post("/drafts", {"file": [(io.BytesIO(content), name) for name, content in files]})
        assert answer.status_code == 400
        return answer.text.partition('role="alert"')[2].partition("</p>")[0]

    assert "bad.pdf: The PDF is damaged" in refusal(Limits(), two_pages, two_pages, damaged)
    assert "more than 3 pages together" in refusal(Limits(max_pages=3), two_pages, two_pages, damaged)
    assert "at most 0 MB" in refusal(Limits(max_bytes=1000), damaged, two_pages)
    assert "too much time to read these files together" in refusal(Limits(wall_seconds=0), damaged, two_pages)


def test_other_files_stand_in_the_place_of_those_that_were_there(world: World, ann: Visitor, ben: Visitor) -> None:
    first = hand_in(ann, TEXT)
    ann.post(f"/drafts/{first}/resolution", {"resolution": "standard"})
    given = {"file": [(io.BytesIO(PICTURE[1]), "b.png")], "instead": str(first)}
    answer = ann.post("/drafts", given, Accept="application/json")
    assert answer.status_code == 200
    second = int(answer.get_json()["address"].rpartition("/")[2])
    assert draft_of(world, second).resolution == "standard"
    assert ann.get(f"/drafts/{first}").status_code == 404
    world.render_all()
    # What is refused takes nothing away; nor does another tenant.
    for who, status in ((ann, 400), (ben, 404)):
        bad = {"file": [(io.BytesIO(b"%!PS" if who is ann else b"x"), "b.ps")], "instead": str(second)}
        answer = who.post("/drafts", bad, Accept="application/json")
        assert (answer.status_code, "detail" in answer.get_json()) == (status, True)
    assert ann.get(f"/drafts/{second}").status_code == 200
    assert count(world, "drafts") == 2


# ---------------------------------------------------------------------------------------------------------- choices


def test_who_may_call_as_several_chooses_and_others_do_not(world: World, ann: Visitor) -> None:
    number = hand_in(ann, TEXT)
    assert 'name="from"' not in ann.get(f"/drafts/{number}").text
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.assign(tx, world.acme.tenant.id, SECOND, world.acme.user.mailbox_id or 0)
        caller_ids.verify(tx, world.acme.tenant.id, "+4989123456", "an invoice")
    change(world, caller_id=SECOND, caller_ids=[SECOND, "+493023125001"])
    page = ann.get(f"/drafts/{number}").text
    shown = page.partition('name="from"')[2].partition("</select>")[0]
    # One's own first, and what is not permitted not at all.
    assert shown.index(SECOND) < shown.index("+493023125001")
    assert "+4989123456" not in page
    # Without an ident of the organisation's, the header line has the number.
    world.render_all()
    of_tenant(world, "station_ident", "")
    lines = [said(ann, number, **{"from": each})["line"] for each in ("", "+493023125001")]
    assert [line[2] for line in lines] == [SECOND, "+493023125001"]  # type: ignore[index]
    answer = ann.post(f"/drafts/{number}/send", {"numbers": NUMBER, "from": "+4989123456"})
    assert (answer.status_code, "You may not call as" in answer.text) == (400, True)
    assert ann.post(f"/drafts/{number}/send", {"numbers": NUMBER, "from": "+493023125001"}).status_code == 303
    (fax,) = claim(world)
    assert fax.calling_number == "+493023125001"


def test_a_billing_code_is_asked_for_where_the_tenant_wants_one(world: World, ann: Visitor) -> None:
    number = hand_in(ann, TEXT)
    assert "billing_code" not in ann.get(f"/drafts/{number}").text
    of_tenant(world, "billing_codes", "required")
    assert 'aria-required="true"' in ann.get(f"/drafts/{number}").text
    assert "charged" in str(said(ann, number, numbers=NUMBER)["wrong"])
    answer = ann.post(f"/drafts/{number}/send", {"numbers": NUMBER})
    assert (answer.status_code, "Say whom this fax is charged to" in answer.text) == (400, True)
    assert ann.post(f"/drafts/{number}/send", {"numbers": NUMBER, "billing_code": "A <17>"}).status_code == 303
    again = ann.get(f"/drafts/{hand_in(ann, TEXT)}").text
    assert '<option value="A &lt;17&gt;">' in again


def test_the_header_line_is_shown_as_it_will_be(world: World, ann: Visitor) -> None:
    number = hand_in(ann, TEXT)
    world.render_all()
    page = ann.get(f"/drafts/{number}").text
    assert "<span>Acme</span>" in page
    assert "<span>page 1 of 2</span>" in page
    at = said(ann, number, at="2099-01-01T08:00")
    assert "a year ahead" in str(at["wrong"])
    of_tenant(world, "header_line", False)
    assert said(ann, number)["line"] == []
    assert "data-line hidden" in ann.get(f"/drafts/{number}").text


def test_when_it_goes_is_said_where_that_is_later(world: World, ann: Visitor) -> None:
    number = hand_in(ann, TEXT)
    assert not any("hours" in each for each in said(ann, number)["said"])  # type: ignore[attr-defined]
    # Open for a minute, which is over or far away.
    here = datetime.now(UTC).astimezone(world.acme.tenant.zone)
    clock = "12:00-12:01" if here.hour != 12 else "20:00-20:01"
    with world.admin.tenant(world.acme.tenant.id) as tx:
        sending_hours.add(tx, world.acme.tenant.id, sending_hours.parse("daily", clock), Priority.NORMAL)
    assert any(clock[:5] in each for each in said(ann, number)["said"])  # type: ignore[attr-defined]
    assert clock[:5] in ann.get(f"/drafts/{number}").text.partition("data-foreseen")[2]
    assert not any(clock[:5] in each for each in said(ann, number, priority="urgent")["said"])  # type: ignore[attr-defined]


def test_what_is_left_of_a_quota_is_said_and_what_has_no_room_is_refused_before_it_is_sent(
    world: World, ann: Visitor
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=5, user_id=world.acme.user.id)
    number = hand_in(ann, TEXT)
    world.render_all()
    assert "Left today: 5 of your 5 pages." in ann.get(f"/drafts/{number}").text
    two = said(ann, number, numbers=f"{NUMBER}, 030 23125008, +49 30 23125009")
    assert (two["count"], two["wrong"]) == (2, "")
    assert two["said"][0] == "4 pages in all: 2 pages to each of 2 numbers."  # type: ignore[index]
    three = said(ann, number, numbers=f"{NUMBER}, 030 23125008, 030 23125007")
    assert "has room for 5 more; these faxes have 6 together." in str(three["wrong"])
    # So it is, and not by its page alone.
    answer = ann.post(f"/drafts/{number}/send", {"numbers": f"{NUMBER}, 030 23125008, 030 23125007"})
    assert (answer.status_code, "Your quota of 5 pages" in answer.text) == (400, True)
    assert count(world, "faxes") == 0
    many = ", ".join(f"+4930231250{each:03}" for each in range(101))
    assert "101 numbers" in str(said(ann, number, numbers=many)["wrong"])


def test_a_form_is_as_it_was_filled_in_after_another_resolution(world: World, ann: Visitor) -> None:
    number = hand_in(ann, TEXT)
    form = {"resolution": "standard", "numbers": "030 1 <x>", "priority": "bulk", "at": "2030-01-01T08:00"}
    page = ann.post(f"/drafts/{number}/resolution", form).text
    assert draft_of(world, number).resolution == "standard"
    for shown in ("030 1 &lt;x&gt;", '<option value="bulk" selected>', 'value="2030-01-01T08:00"'):
        assert shown in page


# ------------------------------------------------------------------------------------------------------ permissions

NEEDING = [each for each in ROUTES if each.needs is not None]


@pytest.mark.parametrize("permission", ["send", "contacts", "receive"])
def test_who_is_not_permitted_sees_no_way_and_finds_none(world: World, ann: Visitor, permission: str) -> None:
    number = hand_in(ann, TEXT)
    place = {
        "send": '<a class="button primary near" href="/send">', "contacts": 'href="/contacts"',
        "receive": "<span>Inbox</span>",
    }[permission]  # fmt: skip
    assert place in ann.get("/sent").text
    change(world, permissions=sorted({"receive", "send", "contacts"} - {permission}))
    for page in ("/sent", "/menu", "/inbox"):
        assert place not in ann.get(page).text
    asked = 0
    for route in NEEDING:
        if route.needs == permission:
            asked += 1
            address = route.path.replace("<int:number>", str(number))
            answer = ann.get(address) if route.method == "GET" else ann.post(address)
            assert (answer.status_code, "You are not permitted" in answer.text) == (403, True), named(route)
    assert asked > 8
    if permission == "contacts":
        assert "data-chooser" not in ann.get(f"/drafts/{number}").text
        answer = ann.post(f"/drafts/{number}/send", {"numbers": NUMBER, "contact": "1"})
        assert (answer.status_code, "You are not permitted" in answer.text) == (400, True)
        # What else was filled in is not lost by it.
        assert f">{NUMBER}</textarea>" in answer.text
        assert ann.get(f"/drafts/{number}?contact=1").status_code == 200
        assert count(world, "faxes") == 0


def test_every_route_to_contacts_mailboxes_and_sending_needs_the_permission() -> None:
    for route in ROUTES:
        of = route.path.split("/")[1]
        if of in ("mailboxes", "forward", "move") or route.path.endswith(("/offer", "/forward", "/move")):
            assert route.needs == "receive", named(route)
        if of in ("contacts", "groups", "imports"):
            assert route.needs == "contacts", named(route)
        if of == "campaigns" or route.path.endswith("/campaign"):
            assert route.needs == "campaigns", named(route)
        elif of in ("send", "drafts") and not route.path.endswith(("/remove", "/keys", "/<kind>")):
            assert route.needs == "send", named(route)


def test_the_pages_of_others_are_theirs(portal: Portal, world: World, ann: Visitor) -> None:
    """What one may not, a colleague of the same tenant may."""
    change(world, permissions=[])
    assert ann.get("/send").status_code == 403
    other = visitor(portal, world.borea)
    assert other.log_in().status_code == 200
    assert other.get("/send").status_code == 200
