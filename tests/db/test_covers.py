"""A cover page: each fax's own, before the pages of a document that is rendered once; sealed, and gone with its fax."""

import io
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from faxplan import (
    contacts,
    cover_page,
    cover_provisioning,
    covers,
    documents,
    drafts,
    enrolment,
    header_line,
    history,
    outbound,
    page_images,
    quotas,
    resending,
    saving,
    staging,
    tenants,
    users,
    viewing,
)
from faxplan.call_result import CallResult
from faxplan.claims import ClaimedFax
from faxplan.contacts import Entry
from faxplan.cover_layout import Sheet
from faxplan.cover_words import InvalidCoverText
from faxplan.covers import InvalidCover, To, Wanted
from faxplan.enrolment import Secret
from faxplan.errors import NotFound, QuotaExceeded
from faxplan.header_line import HeaderLine
from faxplan.keyring import Keyring
from faxplan.originals import HandedIn
from faxplan.recipients import Recipients
from faxplan.refusals import CoverTooLong
from faxplan.rendering import Resolution
from faxplan.resending import ResendRequest
from faxplan.worker import MOST_TRIES
from tests.db.test_failing_over import settle
from tests.db.test_internal_delivery import deliver, inbox
from tests.faxes import NUMBER, claim, due_now
from tests.retained import count, execute, purge
from tests.world import PHRASE, World

OTHER = "+493023125009"
SUBJECT, MESSAGE = "Quarterly figures", "Please look at the second page first."
SAID = Wanted(to_name="Erika", subject=SUBJECT, message=MESSAGE)
NOBODY = CallResult("NO_ANSWER")
UNSUPPORTED = CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=11)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.\n\fIts second page.\n")
    return path


def ring(world: World) -> Keyring:
    return enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))


def draft(world: World, letter: Path, resolution: Resolution = Resolution.FINE) -> int:
    return drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, letter.name, resolution)).id


def send(
    world: World, draft_id: int, *numbers: str, cover: Wanted | None = SAID, contact: Sequence[int] = ()
) -> list[int]:
    to = Recipients(numbers, cover=cover, contacts=contact)
    sent = drafts.send(world.portal, world.store, world.acme.user, draft_id, to)
    return [each.fax_id for each in sent]


def covered(world: World, letter: Path, *numbers: str, resolution: Resolution = Resolution.FINE) -> int:
    """A fax that waits for its call, with a cover before the letter's two pages."""
    made = draft(world, letter, resolution)
    world.render_all()
    (fax_id,) = send(world, made, *(numbers or (NUMBER,)))
    world.render_all()
    return fax_id


def said(world: World, fax_id: int) -> Sheet:
    """What the cover of a fax says, as its sender opens it."""
    fax = world.fax(world.acme, fax_id)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        stored = documents.get(tx, world.acme.tenant.id, fax["cover_id"])  # type: ignore[arg-type]
    return Sheet.of(world.opened(stored))


def staged(world: World, fax: ClaimedFax, **of_tenant: object) -> list[Image.Image]:
    assert fax.trunk is not None
    with world.admin.across_tenants() as tx:
        tenant = tenants.change(tx, fax.tenant_id, {"header_line": True, **of_tenant})
    staging.stage(world.store, world.spool, fax, fax.trunk, tenant)
    return pages(world.spool.outbound_tiff(fax.attempt_id))


def pages(file: Path) -> list[Image.Image]:
    with Image.open(file) as image:
        return [frame.copy() for frame in ImageSequence.Iterator(image)]


# --------------------------------------------------------------------------------------------------------- handed in


def test_a_fax_has_its_cover_before_the_documents_pages(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax_id = covered(world, letter)
    numbered: list[tuple[int, int | None]] = []
    real = header_line.texts

    def noted(header: HeaderLine, number: int) -> tuple[str, str, str, str]:
        numbered.append((number, header.total_pages))
        return real(header, number)

    monkeypatch.setattr(header_line, "texts", noted)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages"], fax["reserved_pages"]) == ("queued", 3, 3)
    (claimed,) = claim(world)
    assert (claimed.pages, claimed.pages_left) == (3, 3)
    found = staged(world, claimed)
    assert numbered == [(1, 3), (2, 3), (3, 3)]
    # The cover on A4, and plain text on the shorter letter, all below a band.
    assert [each.height for each in found] == [2292 + 35, 2156 + 35, 2156 + 35]
    assert [each.info["dpi"][1] for each in found] == [196, 196, 196]


def test_without_a_header_line_the_pages_are_as_they_were_made(world: World, letter: Path) -> None:
    covered(world, letter)
    (claimed,) = claim(world)
    found = staged(world, claimed, header_line=False)
    assert [each.height for each in found] == [2292, 2156, 2156]
    assert claimed.cover is not None
    alone = Image.open(io.BytesIO(world.store.read_to_send(claimed.cover.document)))
    assert alone.tobytes() == found[0].tobytes()


def test_the_document_is_rendered_once_and_each_cover_names_its_own(world: World, letter: Path) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        ann = contacts.add(tx, world.acme.user, Entry("Ann", "Carrier", OTHER), shared=False)
        contacts.add(tx, world.acme.user, Entry("Bob", "", "+493023125010"), shared=False)
    made = draft(world, letter)
    ids = send(world, made, NUMBER, "+493023125010", contact=[ann.id])
    world.render_all()
    assert count(world, "renderings") == 1
    values = [said(world, each).values for each in ids]
    assert [(each["to_name"], each["to_company"], each["to_number"]) for each in values] == [
        ("Erika", "", "+49 30 99001234"), ("Bob", "", "+49 30 23125010"), ("Ann", "Carrier", "+49 30 23125009"),
    ]  # fmt: skip
    assert {each["subject"] for each in values} == {SUBJECT}
    assert len({world.fax(world.acme, each)["cover_pages_id"] for each in ids}) == 3
    assert {world.fax(world.acme, each)["pages"] for each in ids} == {3}


def test_a_contact_alone_may_be_called_otherwise(world: World, letter: Path) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        ann = contacts.add(tx, world.acme.user, Entry("Ann", "Carrier", OTHER), shared=False)
    (first,) = send(world, draft(world, letter), contact=[ann.id])
    (second,) = send(world, draft(world, letter), contact=[ann.id], cover=Wanted())
    assert [said(world, each).values["to_name"] for each in (first, second)] == ["Erika", "Ann"]


def test_who_may_have_no_contacts_learns_no_name_from_a_cover(world: World, letter: Path) -> None:
    """SECURITY."""
    me = world.acme.user
    with world.portal.tenant(me.tenant_id) as tx:
        contacts.add(tx, me, Entry("Dr Secret", "Clinic", NUMBER), shared=True)

    def to_name() -> tuple[str, str]:
        with world.portal.tenant(me.tenant_id) as tx:
            values = covers.sheets(tx, me, Wanted(), [To(NUMBER)])[0].values
        return values["to_name"], values["to_company"]

    assert to_name() == ("Dr Secret", "Clinic")
    with world.admin.tenant(me.tenant_id) as tx:
        users.change(tx, me.tenant_id, me.id, {"permissions": ["send"]})
    assert to_name() == ("", "")


def test_it_may_be_sent_before_its_pages_are_made(world: World, letter: Path) -> None:
    """Their number stands on the cover, so that the cover waits for them."""
    (fax_id,) = send(world, draft(world, letter), NUMBER)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages"], fax["reserved_pages"]) == ("accepted", None, 2)
    world.render_all()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages"], fax["reserved_pages"]) == ("queued", 3, 3)
    assert count(world, "render_jobs") == 0


def test_what_is_said_is_sealed(world: World, letter: Path) -> None:
    fax_id = covered(world, letter)
    program = world.installation.cluster.programs / "pg_dump"
    dump = subprocess.run(
        [program, world.installation.url("faxplan_backup")], check=True, capture_output=True, text=True
    ).stdout
    assert NUMBER in dump
    for each in (SUBJECT, MESSAGE, "Erika"):
        assert each not in dump
        assert all(each.encode() not in file.read_bytes() for file in world.stored())
        assert each.encode() not in b"".join(
            file.read_bytes() for file in world.settings.state_dir.rglob("*") if file.is_file()
        )
    assert said(world, fax_id).values["message"] == MESSAGE


def test_the_machines_open_it_until_the_fax_has_ended(world: World, letter: Path) -> None:
    fax_id = covered(world, letter)
    fax = world.fax(world.acme, fax_id)
    own = {fax["cover_id"], fax["cover_pages_id"]}
    assert own <= wrapped(world)
    assert outbound.cancel(world.portal, world.acme.user, fax_id)
    assert wrapped(world) == set()


def wrapped(world: World) -> set[object]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return {row["document_id"] for row in tx.rows("select document_id from transient_wraps")}


def test_nothing_is_left_of_a_cover_that_was_not_sent(world: World, letter: Path) -> None:
    made = draft(world, letter)
    before = len(world.stored())
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=1)
    world.render_all()
    rendered = len(world.stored())
    with pytest.raises(QuotaExceeded):
        send(world, made, NUMBER)
    assert (before, len(world.stored())) == (1, rendered)


def test_its_pages_count_in_quotas(world: World, letter: Path) -> None:
    made = draft(world, letter)
    world.render_all()
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=2)
    with pytest.raises(QuotaExceeded):
        send(world, made, NUMBER)
    (fax_id,) = send(world, made, NUMBER, cover=None)
    assert world.fax(world.acme, fax_id)["pages"] == 2


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (replace(SAID, message="line\n" * 110), CoverTooLong),
        (replace(SAID, message="x" * (covers.LONGEST_MESSAGE + 1)), InvalidCover),
        (replace(SAID, subject="x" * 201), InvalidCover),
        (replace(SAID, template_id=4711), NotFound),
    ],
    ids=["pages", "message", "line", "template"],
)
def test_what_does_not_fit_is_refused_and_the_draft_stays(
    world: World, letter: Path, wanted: Wanted, error: type[Exception]
) -> None:
    made = draft(world, letter)
    before = len(world.stored())
    with pytest.raises(error):
        send(world, made, NUMBER, cover=wanted)
    assert (count(world, "faxes"), count(world, "drafts"), len(world.stored())) == (0, 1, before)


def test_a_long_message_goes_on_a_second_page(world: World, letter: Path) -> None:
    made = draft(world, letter)
    (fax_id,) = send(world, made, NUMBER, cover=replace(SAID, message="line\n" * 60))
    world.render_all()
    assert world.fax(world.acme, fax_id)["pages"] == 4
    (claimed,) = claim(world)
    assert [each.height for each in staged(world, claimed)] == [2327, 2327, 2191, 2191]


def test_text_from_right_to_left_and_what_no_font_has_is_drawn(world: World, letter: Path) -> None:
    strange = replace(
        SAID,
        to_name="\u05e9\u05dc\u05d5\u05dd",
        message="\u0645\u0631\u062d\u0628\u0627 \U0001f389 \ud83d \x00\x07 {{ x }}",
    )
    (fax_id,) = send(world, draft(world, letter), NUMBER, cover=strange)
    world.render_all()
    assert world.fax(world.acme, fax_id)["state"] == "queued"


# --------------------------------------------------------------------------------------------------------------- calls


def test_it_goes_on_after_the_last_page_that_was_acknowledged(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax_id = covered(world, letter)
    (claimed,) = claim(world)
    settle(world, claimed, CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=49, pages=1))
    assert world.fax(world.acme, fax_id)["pages_done"] == 1
    due_now(world)
    (claimed,) = claim(world)
    numbered: list[int] = []
    real = header_line.texts
    monkeypatch.setattr(header_line, "texts", lambda header, number: numbered.append(number) or real(header, number))
    assert (claimed.start_page, claimed.pages_left) == (1, 2)
    found = staged(world, claimed)
    # The cover has come: it stays in the file, without a band.
    assert [each.height for each in found] == [2292, 2191, 2191]
    assert numbered == [2, 3]
    settle(world, claimed, CallResult("NORMAL_CLEARING", fax_success=True, pages=2))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"]) == ("sent", 3)
    assert [each["pages"] for each in world.attempts(world.acme, fax_id)] == [1, 2]


@pytest.mark.parametrize("resolution", [Resolution.STANDARD, Resolution.SUPERFINE])
def test_pages_that_are_made_anew_have_a_cover_as_they_are(world: World, letter: Path, resolution: Resolution) -> None:
    fax_id = covered(world, letter, resolution=resolution)
    (claimed,) = claim(world)
    dpi = resolution.y_dpi
    assert [each.info["dpi"][1] for each in staged(world, claimed)] == [dpi, dpi, dpi]
    settle(world, claimed, UNSUPPORTED)
    world.render_all()
    due_now(world)
    (claimed,) = claim(world)
    assert world.fax(world.acme, fax_id)["rendered_again"]
    assert (claimed.pages, [each.info["dpi"][1] for each in staged(world, claimed)]) == (3, [196, 196, 196])


def test_within_the_installation_it_arrives_before_the_document(world: World, letter: Path) -> None:
    fax_id = covered(world, letter, world.borea.did)
    assert deliver(world) == "sent"
    (entry,) = inbox(world, world.borea)
    assert entry.pages == 3
    received = world.fax(world.borea, entry.fax_id)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        tiff = documents.get(tx, world.borea.tenant.id, received["tiff_id"])  # type: ignore[arg-type]
    image = Image.open(io.BytesIO(world.opened(tiff)))
    assert [each.height for each in ImageSequence.Iterator(image)] == [2327, 2191, 2191]
    assert world.fax(world.acme, fax_id)["pages_done"] == 3
    assert wrapped(world) == set()


def test_it_is_sent_again_as_it_was(world: World, letter: Path) -> None:
    first = covered(world, letter)
    assert outbound.cancel(world.portal, world.acme.user, first)
    again = resending.resend(world.portal, world.acme.user, ring(world), ResendRequest(first))
    assert (again.pages, world.fax(world.acme, again.fax_id)["reserved_pages"]) == (3, 3)
    (claimed,) = claim(world)
    assert [each.height for each in staged(world, claimed)] == [2327, 2191, 2191]
    # One document of two faxes: it stays for the other, and ends with the last one.
    execute(world, f"update faxes set deleted_at = now() where id = {first}")
    purge(world)
    assert world.fax(world.acme, first)["purged_at"]
    assert said(world, again.fax_id).values["message"] == MESSAGE
    settle(world, claimed, CallResult("NORMAL_CLEARING", fax_success=True, pages=3))
    assert wrapped(world) == set()


def test_a_fax_that_shares_its_cover_is_sent_when_the_other_has_ended(world: World, letter: Path) -> None:
    first = covered(world, letter)
    assert outbound.cancel(world.portal, world.acme.user, first)
    second, third = (
        resending.resend(world.portal, world.acme.user, ring(world), ResendRequest(first)).fax_id for _ in range(2)
    )
    assert outbound.cancel(world.portal, world.acme.user, second)
    (claimed,) = claim(world)
    assert claimed.fax_id == third
    assert len(staged(world, claimed)) == 3


def test_one_that_was_cancelled_before_its_cover_was_drawn_is_sent_again(world: World, letter: Path) -> None:
    made = draft(world, letter)
    world.render_all()
    (first,) = send(world, made, NUMBER)
    assert outbound.cancel(world.portal, world.acme.user, first)
    world.render_all()
    assert count(world, "render_jobs") == 0
    again = resending.resend(world.portal, world.acme.user, ring(world), ResendRequest(first))
    assert world.fax(world.acme, again.fax_id)["state"] == "accepted"
    world.render_all()
    assert world.fax(world.acme, again.fax_id)["state"] == "queued"


def test_faxes_that_share_what_their_cover_says_and_draw_it_each_leave_no_key_with_the_machines(
    world: World, letter: Path
) -> None:
    made = draft(world, letter)
    world.render_all()
    (first,) = send(world, made, NUMBER)
    assert outbound.cancel(world.portal, world.acme.user, first)
    again = [
        resending.resend(world.portal, world.acme.user, ring(world), ResendRequest(first)).fax_id for _ in range(2)
    ]
    world.render_all()
    assert len({world.fax(world.acme, each)["cover_pages_id"] for each in again}) == 2
    for each in again:
        assert outbound.cancel(world.portal, world.acme.user, each)
    assert wrapped(world) == set()


# -------------------------------------------------------------------------------------------------------- its worker


def test_what_is_wrong_with_one_cover_is_of_its_fax_alone(world: World, letter: Path) -> None:
    made = draft(world, letter)
    world.render_all()
    first, second = send(world, made, NUMBER, OTHER)
    cover = world.fax(world.acme, first)["cover_id"]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        name = tx.value("select object_name from documents where id = %s", (cover,))
    world.store.delete(name)
    world.render_all()
    assert [world.fax(world.acme, each)["state"] for each in (first, second)] == ["failed", "queued"]
    assert world.fax(world.acme, first)["error_id"] == "document-lost"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select state from renderings") == "rendered"


def test_a_cover_that_ends_its_worker_ends_no_rendering(world: World, letter: Path) -> None:
    made = draft(world, letter)
    world.render_all()
    (fax_id,) = send(world, made, NUMBER)
    execute(world, f"update render_jobs set tries = {MOST_TRIES}")
    world.render_all()
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select state from renderings") == "rendered"


def test_many_are_drawn_some_at_a_time(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faxplan.cover_drawing.AT_ONCE", 2)
    made = draft(world, letter)
    ids = send(world, made, *(f"+4930990012{each:02}" for each in range(5)))
    world.render_all()
    assert {world.fax(world.acme, each)["state"] for each in ids} == {"queued"}
    assert count(world, "render_jobs") == 0


def test_one_that_comes_while_others_are_drawn_does_not_wait_for_ever(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = draft(world, letter), draft(world, letter)
    world.render_all()
    send(world, first, NUMBER)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        # As two users' drafts of one document would be.
        tx.execute("update drafts set rendering_id = (select min(id) from renderings) where id = %s", (second,))
    real = cover_page.draw

    def drawn(*given: object, **named: object) -> object:
        monkeypatch.setattr(cover_page, "draw", real)
        send(world, second, OTHER)
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(cover_page, "draw", drawn)
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert [row["state"] for row in tx.rows("select state from faxes")] == ["queued", "queued"]


# ----------------------------------------------------------------------------------------------------- looked at, gone


def test_its_sender_sees_all_pages(world: World, letter: Path, tmp_path: Path) -> None:
    fax_id = covered(world, letter, resolution=Resolution.STANDARD)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fax = history.fax(tx, world.acme.user, fax_id)
    found = {each.name: each for each in viewing.of_fax(world.portal, world.acme.user, fax_id, address="")}
    assert {"cover", "cover-images", "images", "tiff"} <= found.keys()
    images = list(page_images.read(io.BytesIO(world.opened(found["cover-images"].stored))))
    # Once, however many resolutions it is drawn at.
    assert [number for number, _png in images] == [1]
    saved = saving.save(world.portal, world.store, world.acme.user, fax, ring(world), tmp_path / "saved", tiff=True)
    assert [each.name for each in saved] == [
        f"fax-{fax_id}.pdf", *(f"fax-{fax_id}-{number}.png" for number in (1, 2, 3)), f"fax-{fax_id}.tif",
    ]  # fmt: skip
    assert [each.height for each in pages(saved[-1])] == [1146, 1078, 1078]
    thumbnails = viewing.thumbnails(world.portal, world.acme.user, [fax_id], address="")
    assert world.opened(thumbnails[fax_id].stored)[:4] == b"\x89PNG"


def test_it_ends_with_its_fax_and_the_document_with_the_last_one(world: World, letter: Path) -> None:
    made = draft(world, letter)
    first, second = send(world, made, NUMBER, OTHER)
    world.render_all()
    for each in (first, second):
        assert outbound.cancel(world.portal, world.acme.user, each)
    own = [world.fax(world.acme, second)[name] for name in ("cover_id", "cover_pages_id", "cover_images_id")]
    before = len(list(world.store.objects()))
    execute(world, f"update faxes set deleted_at = now() where id = {first}")
    purge(world)
    fax = world.fax(world.acme, first)
    assert {fax[name] for name in ("cover_id", "cover_pages_id", "cover_images_id", "thumbnail_id")} == {None}
    # What it says, its pages, and what shows them; original, rendering and its images stay.
    assert len(list(world.store.objects())) == before - 4
    assert [world.fax(world.acme, second)[n] for n in ("cover_id", "cover_pages_id", "cover_images_id")] == own
    execute(world, f"update faxes set deleted_at = now() where id = {second}")
    purge(world)
    assert list(world.store.objects()) == []
    assert (count(world, "documents"), count(world, "mailbox_wraps")) == (0, 0)


# ----------------------------------------------------------------------------------------------------------- templates


def put(world: World, body: str, name: str = "Letter", footer: str = "") -> int:
    return cover_provisioning.put(world.admin, "administrator:root", "acme", name, body, footer).id


def test_a_fax_keeps_the_template_that_it_was_handed_in_with(world: World, letter: Path) -> None:
    template = put(world, "Dear {{ to_name }},\n{{ message }}", footer="{{ from_company }}, {{ pages }} pages")
    (fax_id,) = send(world, draft(world, letter), NUMBER, cover=replace(SAID, template_id=template))
    cover_provisioning.put(world.admin, "x", "acme", "Letter", "Other", "", template_id=template)
    cover_provisioning.remove(world.admin, "x", "acme", template)
    world.render_all()
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert said(world, fax_id).body == "Dear {{ to_name }},\n{{ message }}"
    with pytest.raises(NotFound):
        send(world, draft(world, letter), NUMBER, cover=replace(SAID, template_id=template))


def test_another_tenants_template_is_none(world: World, letter: Path) -> None:
    theirs = cover_provisioning.put(world.admin, "x", "borea", "Theirs", "{{ message }}", "").id
    with pytest.raises(NotFound):
        send(world, draft(world, letter), NUMBER, cover=replace(SAID, template_id=theirs))
    for change in (
        lambda: cover_provisioning.remove(world.admin, "x", "acme", theirs),
        lambda: cover_provisioning.make_default(world.admin, "x", "acme", theirs),
        lambda: cover_provisioning.put(world.admin, "x", "acme", "A", "B", "", template_id=theirs),
    ):
        with pytest.raises(NotFound):
            change()


def test_one_is_the_default_and_what_is_done_is_audited(world: World) -> None:
    first, second = put(world, "1", "One"), put(world, "2", "Two")
    for each in (first, second):
        cover_provisioning.make_default(world.admin, "administrator:root", "acme", each)
    assert [(row["name"], row["default"]) for row in cover_provisioning.listed(world.admin, "acme")] == [
        ("One", False), ("Two", True),
    ]  # fmt: skip
    cover_provisioning.make_default(world.admin, "administrator:root", "acme", None)
    assert not any(row["default"] for row in cover_provisioning.listed(world.admin, "acme"))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action from audit where action like 'cover.%%' order by sequence")
    assert [row["action"] for row in rows] == ["cover.add"] * 2 + ["cover.default"] * 3


def test_a_template_that_could_do_more_than_say_something_is_refused_where_it_stands(world: World) -> None:
    with pytest.raises(InvalidCoverText, match="Line 2"):
        put(world, "Dear\n{{ ''.__class__ }}")
    with pytest.raises(InvalidCoverText, match="At the foot: Line 1"):
        put(world, "{{ message }}", footer="{% for x in message %}{% endfor %}")
    assert cover_provisioning.listed(world.admin, None) == []
