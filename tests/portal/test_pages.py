"""The pages, as they are answered: lists, a fax, its sealed files, and a document that is handed in."""

import io
from pathlib import Path

import pytest

from faxplan import documents, drafts, enrolment, membership, source, users
from faxplan.document_store import Store
from faxplan.documents import StoredObject
from faxplan.enrolment import Secret
from faxplan.errors import DatabaseUnavailable
from faxplan.sealed import SealedReader
from portal.app import Portal
from portal.pages import account, faxes
from tests.faxes import claim
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor, visitor
from tests.retained import count, execute, received
from tests.world import PHRASE, World


def audited(world: World) -> list[tuple[str, str, str]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action, object, address from audit where action in "
                       "('fax.open', 'draft.open', 'fax.thumbnails') order by sequence")  # fmt: skip
    return [(row["action"], row["object"], row["address"]) for row in rows]


# ------------------------------------------------------------------------------------------------------------ lists


def test_the_list_goes_on_where_it_ended(world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faxes, "AT_ONCE", 2)
    ids = [received(world, world.acme, f"{number}", days_ago=number) for number in range(5)]
    # Two that came at one moment: none is left out, and none is there twice.
    execute(
        world,
        """update mailbox_entries set added_at = (select added_at from mailbox_entries where fax_id = %s)
           where fax_id = %s""",
        ids[1:3],
    )
    seen: list[int] = []
    path = "/inbox"
    while path:
        page = ann.get(path).text
        seen += [int(part.partition('"')[0]) for part in page.split('href="/faxes/')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0]
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5
    assert 'href="/inbox">Newest' in page


@pytest.mark.parametrize(
    "place", ["x", "1e17-1", "-", "1e400-1", "nan-1", "1-", "-1-2", "9" * 400, "1.5-99999999999999999999"]
)
def test_a_place_that_is_none_is_the_beginning_or_an_error_in_words(world: World, ann: Visitor, place: str) -> None:
    received(world, world.acme, "one")
    assert ann.get(f"/inbox?before={place}").status_code in (200, 400)


def test_an_empty_list_says_what_will_be_there(ann: Visitor) -> None:
    assert "No fax has come in" in ann.get("/inbox").text
    assert "You have sent no fax" in ann.get("/sent").text


def test_who_looks_has_read_it_for_all_who_read_the_mailbox(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    ann.get(f"/faxes/{fax}")
    # A page that another site has opened, say, where nothing is opened.
    assert 'class="unread"' in ann.get("/inbox").text
    # Nor is it read by what opens it, which need not open it here.
    ann.post(f"/faxes/{fax}/keys")
    assert 'class="unread"' in ann.get("/inbox").text
    ann.post(f"/faxes/{fax}/seen")
    assert 'class="unread"' not in ann.get("/inbox").text


def test_who_waits_for_a_mailboxs_key_has_not_read_what_lies_there(world: World, ann: Visitor, portal: Portal) -> None:
    fax = received(world, world.acme, "one")
    two = visitor(portal, world.acme)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        user = users.create(tx, world.acme.tenant.id, email="two@acme.example", name="Two")
        membership.join(tx, world.acme.tenant.id, world.acme.user.mailbox_id or 0, user)
    enrolment.enrol(world.portal, user, PHRASE)
    assert two.log_in(email=user.email).status_code == 200
    assert "its key has not reached you yet" in two.get(f"/faxes/{fax}").text
    assert "has not reached you" not in ann.get(f"/faxes/{fax}").text
    assert two.post(f"/faxes/{fax}/keys").status_code == two.post(f"/faxes/{fax}/seen").status_code == 200
    assert 'class="unread"' in ann.get("/inbox").text


@pytest.mark.parametrize("text", TEXTS)
def test_what_strangers_write_is_text(world: World, ann: Visitor, text: str) -> None:
    fax = received(world, world.acme, "one")
    written = text.replace("\0", "").encode("utf-8", "replace").decode()
    execute(world, "update faxes set explanation = %s", (written,))
    execute(world, "update attempts set remote_station_id = %s, explanation = %s", (written, written))
    for path in ("/inbox", f"/faxes/{fax}"):
        page = ann.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


# ------------------------------------------------------------------------------------------------------ sealed files


def test_a_fax_s_files_come_as_they_lie_and_are_opened_by_its_reader(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    found = ann.post(f"/faxes/{fax}/keys").get_json()
    assert sorted(each["name"] for each in found) == ["images", "pdf", "thumbnail", "tiff"]
    ring = enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))
    for each in found:
        sealed = ann.get(each["address"]).data
        wraps = {(one["mailbox"], one["epoch"]): bytes.fromhex(one["wrap"]) for one in each["wraps"]}
        key = documents.file_key(wraps, bytes.fromhex(each["digest"]), ring)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            stored = documents.get(tx, world.acme.tenant.id, _id(tx, each["context"]["document"]))
        opened = SealedReader(io.BytesIO(sealed), key, stored.context)
        assert len(opened.read(-1)) == stored.size
        # A part of it, as a browser asks for it.
        part = ann.get(each["address"], Range="bytes=10-19")
        assert part.headers["Cache-Control"] == "no-store"
        assert (part.status_code, part.data) == (206, sealed[10:20])
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(sealed)}"
    assert audited(world) == [("fax.open", f"fax:{fax}", "127.0.0.1")]


def _id(tx: object, name: str) -> int:
    found: int = tx.value("select id from documents where object_name = %s", (name,))  # type: ignore[attr-defined]
    return found


def test_thumbnails_are_given_for_a_list_and_that_is_one_row_of_the_audit(world: World, ann: Visitor) -> None:
    ids = [received(world, world.acme, f"{number}") for number in range(3)]
    asked = [str(each) for each in ids] + ["77", "x", "-1", "9" * 40, "9" * 5000, ""]
    found = ann.post("/thumbnails", {"fax": asked}).get_json()
    assert sorted(map(int, found)) == ids
    assert {each["name"] for each in found.values()} == {"thumbnail"}
    assert audited(world) == [("fax.thumbnails", f"user:{world.acme.user.id}", "127.0.0.1")]


@pytest.mark.parametrize("kind", ["original", "tiff", "pdf", "images", "thumbnail", "nonsense", "..%2f..", "keys"])
def test_what_a_fax_has_not_is_not_there(world: World, ann: Visitor, kind: str) -> None:
    fax = received(world, world.acme, "one")
    there = kind in ("tiff", "pdf", "images", "thumbnail")
    assert ann.get(f"/faxes/{fax}/{kind}").status_code in ((200,) if there else (404, 405))


def test_one_that_was_purged_says_so(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    execute(world, "update faxes set purged_at = now(), tiff_id = null, pdf_id = null, images_id = null, "
                   "thumbnail_id = null")  # fmt: skip
    assert "Its pages were destroyed" in ann.get(f"/faxes/{fax}").text
    answer = ann.post(f"/faxes/{fax}/keys", Accept="application/json")
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "pages-purged")


def test_the_keys_are_those_of_the_mailboxes_that_one_reads(world: World, ann: Visitor, ben: Visitor) -> None:
    said = ann.post("/keys").get_json()
    assert said["user"] == world.acme.user.id
    assert [each["mailbox"] for each in said["mailboxes"]] == [world.acme.user.mailbox_id]
    assert [len(each["own"]) for each in (said, ben.post("/keys").get_json())] == [1, 1]


# ------------------------------------------------------------------------------------------------------------- acts


def test_a_fax_is_deleted_and_brought_back(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    assert "is deleted" in ann.post(f"/faxes/{fax}/delete").text
    assert ann.get(f"/faxes/{fax}").status_code == 404
    assert ann.post(f"/faxes/{fax}/restore").status_code == 303
    assert ann.get(f"/faxes/{fax}").status_code == 200


def test_one_that_goes_out_is_stopped_and_its_standing_says_so(world: World, ann: Visitor, letter: Path) -> None:
    draft = hand_in(ann, letter)
    ann.post(f"/drafts/{draft}/send", {"numbers": "030 23125009"})
    now = ann.get("/faxes/1/standing", Accept="application/json").get_json()
    assert (now["state"], now["final"], now["standing"]) == ("accepted", False, "Its pages are being prepared.")
    assert "Stop it" in ann.get("/faxes/1").text
    ann.post("/faxes/1/cancel")
    now = ann.get("/faxes/1/standing", Accept="application/json").get_json()
    assert (now["state"], now["final"]) == ("cancelled", True)


def hand_in(ann: Visitor, file: Path, **form: object) -> int:
    with file.open("rb") as stream:
        answer = ann.post("/drafts", {"file": (stream, file.name), **form})
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def test_a_document_is_handed_in_looked_at_and_sent(world: World, ann: Visitor, letter: Path) -> None:
    draft = hand_in(ann, letter)
    assert "Its pages are being made" in ann.get(f"/drafts/{draft}").text
    assert ann.get(f"/drafts/{draft}/standing").get_json()["state"] == "waiting"
    world.render_all()
    assert ann.get(f"/drafts/{draft}/standing").get_json() == {"state": "rendered", "pages": 2, "explanation": None}
    found = ann.post(f"/drafts/{draft}/keys").get_json()
    assert sorted(each["name"] for each in found) == ["images", "original", "tiff"]
    assert all(ann.get(each["address"]).status_code == 200 for each in found)
    assert audited(world) == [("draft.open", f"draft:{draft}", "127.0.0.1")]
    assert f"Draft {draft}" in ann.get("/sent").text
    # At another resolution, and back.
    ann.post(f"/drafts/{draft}/resolution", {"resolution": "standard"})
    assert ann.get(f"/drafts/{draft}/standing").get_json()["state"] == "waiting"
    ann.post(f"/drafts/{draft}/resolution", {"resolution": "fine"})
    answer = ann.post(f"/drafts/{draft}/send", {"numbers": "030 23125009\n+49 30 23125008, 03023125009;"})
    assert answer.headers["Location"] == "/sent"
    assert sorted(world.fax(world.acme, each.fax_id)["called_number"] for each in claim(world)) == [
        "+493023125008",
        "+493023125009",
    ]
    # What was plain lies nowhere.
    assert [path for path in world.settings.work.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"numbers": "030 23125009, 112"}, "emergency"),
        ({"numbers": "nobody"}, "not a telephone number"),
        ({"numbers": " , ;"}, "Say where"),
        ({"numbers": ", ".join(f"+4930231250{each:03}" for each in range(101))}, "100 at most"),
        ({"numbers": "030 23125009", "at": "tomorrow"}, "tomorrow"),
        ({"numbers": "030 23125009", "at": "0001-01-01T00:00"}, "is no time"),
        ({"numbers": "<script>alert(1)</script>"}, "&lt;script&gt;"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_is_still_there(
    world: World, ann: Visitor, letter: Path, form: dict[str, object], words: str
) -> None:
    draft = hand_in(ann, letter)
    answer = ann.post(f"/drafts/{draft}/send", form)
    assert answer.status_code == 400
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert str(form["numbers"])[:20].replace("<", "&lt;").replace(">", "&gt;") in answer.text
    assert count(world, "faxes") == 0


def test_a_number_that_is_never_called_is_told_of_in_the_audit(world: World, ann: Visitor, letter: Path) -> None:
    """As from the command line: who tries one after the other is to be seen."""
    draft = hand_in(ann, letter)
    ann.post(f"/drafts/{draft}/send", {"numbers": "030 23125009, 112"})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (row,) = tx.rows("select actor, action, object from audit where result = 'refused'")
    assert row == {"actor": f"user:{world.acme.user.id}", "action": "fax.submit", "object": "number:112"}


def test_a_document_that_is_none_is_refused_on_the_page(world: World, ann: Visitor, tmp_path: Path) -> None:
    script = tmp_path / "page.ps"
    script.write_bytes(b"%!PS-Adobe-3.0\nshowpage\n")
    with script.open("rb") as stream:
        answer = ann.post("/drafts", {"file": (stream, "page.ps")})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "Choose what is to be faxed" in ann.post("/drafts").text
    assert (count(world, "drafts"), world.stored()) == (0, [])


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\Users\\ann\\letter.txt", "<b>.txt", "a" * 300 + ".txt", "\u202etxt.exe"]
)
def test_what_a_browser_calls_a_file_is_its_name_alone(world: World, ann: Visitor, letter: Path, name: str) -> None:
    with letter.open("rb") as stream:
        answer = ann.post("/drafts", {"file": (stream, name)})
    assert answer.status_code == 303
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (draft,) = drafts.of_user(tx, world.acme.user)
    assert draft.original_id


def test_what_is_too_large_is_refused_before_it_is_read(ann: Visitor) -> None:
    answer = ann.client.post(
        "/drafts",
        base_url=f"https://{ann.host}",
        input_stream=io.BytesIO(b"x"),
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(10**12)},
        headers={"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": ann.csrf},
    )
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_a_form_that_may_bring_no_file_takes_none(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    answer = ann.post(f"/faxes/{fax}/delete", {"file": (io.BytesIO(b"x"), "x.txt")})
    assert answer.status_code == 400
    assert ann.get(f"/faxes/{fax}").status_code == 200


def test_without_the_database_it_says_so_and_nothing_else(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise DatabaseUnavailable('connection to server at "10.1.2.3" failed')

    monkeypatch.setattr(type(world.portal), "tenant", away)
    answer = ann.get("/inbox")
    assert answer.status_code == 503
    assert "10.1.2.3" not in answer.text
    assert "Try again in a minute" in answer.text


def test_a_removed_draft_is_gone(ann: Visitor, letter: Path) -> None:
    draft = hand_in(ann, letter)
    assert ann.post(f"/drafts/{draft}/remove").headers["Location"] == "/sent"
    gone = ann.get(f"/drafts/{draft}")
    assert (gone.status_code, "This draft is not there any more" in gone.text) == (404, True)


def test_a_draft_that_was_sent_leads_to_its_fax_and_sends_nothing_twice(
    world: World, ann: Visitor, ben: Visitor, letter: Path
) -> None:
    first, second = hand_in(ann, letter), hand_in(ann, letter)
    world.render_all()
    fax = ann.post(f"/drafts/{first}/send", {"numbers": "030 23125009"}).headers["Location"]
    ann.post(f"/drafts/{second}/send", {"numbers": "030 23125009\n030 23125008"})
    for again in (ann.get(f"/drafts/{first}"), ann.post(f"/drafts/{first}/send", {"numbers": "030 23125009"})):
        assert (again.status_code, "This draft was sent" in again.text, f'href="{fax}"' in again.text) == (
            404,
            True,
            True,
        )
    assert "It is 2 faxes now." in ann.get(f"/drafts/{second}").text
    assert "was sent" not in ben.get(f"/drafts/{first}").text.replace("What was sent", "")
    assert count(world, "faxes", "direction = 'outbound'") == 3


AGENTS = """
Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 = Firefox on Linux
Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0 = Edge on Windows
Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Mobile/15E148 Safari/604.1 = Safari on an iPhone
Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0.0.0 Mobile Safari/537.36 = Chrome on Android
<script> = Another browser
"""


@pytest.mark.parametrize(("agent", "name"), [line.rsplit(" = ", 1) for line in AGENTS.strip().splitlines()])
def test_browsers_are_called_as_people_call_them(agent: str, name: str) -> None:
    assert account.browser(agent) == name


def test_a_file_that_goes_while_it_is_asked_for_is_missing_and_no_failure_of_ours(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax = received(world, world.acme, "one")
    found = Store.sealed_file

    def then_gone(store: Store, stored: StoredObject) -> Path:
        path = found(store, stored)
        path.unlink()
        return path

    monkeypatch.setattr(Store, "sealed_file", then_gone)
    answer = ann.get(f"/faxes/{fax}/tiff")
    assert (answer.status_code, "went wrong" in answer.text) == (503, False)


def test_drafts_are_told_apart_and_many_do_not_push_the_list_down(world: World, ann: Visitor, letter: Path) -> None:
    hand_in(ann, letter)
    page = ann.get("/sent").text
    assert ("handed in" in page, "4 drafts" in page) == (True, False)
    last = [hand_in(ann, letter) for _each in range(3)][-1]
    execute(world, "update renderings set state = 'failed', error_id = 'x', error_text = 'No.' where id = %s", (1,))
    page = ann.get("/sent").text
    assert "<summary>4 drafts</summary>" in page
    assert f'href="/drafts/{last}"' in page
    assert "cannot be faxed" in page


def test_office_documents_are_offered_where_they_are_taken(ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for program, offered in (("/usr/bin/soffice", True), (None, False)):
        monkeypatch.setattr(source, "soffice", lambda program=program: program)
        for path in ("/send", "/campaigns/new"):
            assert ("office documents" in ann.get(path).text) is offered
