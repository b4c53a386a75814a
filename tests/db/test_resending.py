"""A fax that has ended is sent again by who can open its document."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import enrolment, outbound, quotas, render_jobs, renderings, resending, users
from faxplan.call_result import CallResult
from faxplan.documents import Locked
from faxplan.enrolment import Secret
from faxplan.errors import InvalidNumber, NotFound, PagesPurged, QuotaExceeded, RenderingFailed
from faxplan.keyring import Keyring
from faxplan.outbound import SendRequest
from faxplan.resending import NotFinal, ResendRequest
from faxplan.transient_readers import KeyGone
from tests.db.test_failing_over import settle
from tests.db.test_what_machines_open import NOBODY, SENT, open_to_machines, submit
from tests.faxes import NUMBER, claim, fax_tiff
from tests.world import PHRASE, World

OTHER = "+493023125009"
UNSUPPORTED = CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=11)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.\n")
    return path


def ring(world: World) -> Keyring:
    return enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))


def again(world: World, fax_id: int, number: str | None = None) -> int:
    request = ResendRequest(fax_id, number)
    return resending.resend(world.portal, world.acme.user, ring(world), request).fax_id


def ended(world: World, letter: Path, result: CallResult = NOBODY, more: Sequence[CallResult] = ()) -> int:
    """A fax whose calls ended so."""
    fax_id = submit(world, letter)
    for each in (result, *more):
        world.render_all()
        (fax,) = claim(world)
        settle(world, fax, each)
    assert world.fax(world.acme, fax_id)["finished_at"]
    return fax_id


@pytest.mark.parametrize("result", [NOBODY, replace(SENT, pages=1)], ids=["failed", "sent"])
@pytest.mark.parametrize("number", [None, OTHER])
def test_the_machines_open_it_until_it_has_ended_again(
    world: World, letter: Path, result: CallResult, number: str | None
) -> None:
    before = ended(world, letter, result)
    assert open_to_machines(world) == []
    fax_id = again(world, before, number)
    assert open_to_machines(world) == ["original", "rendering"]
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["called_number"], fax["pages"], fax["pages_done"]) == ("queued", number or NUMBER, 1, 0)
    (claimed,) = claim(world)
    # Nothing is rendered anew: it is the same document, and a key of this machine opens it.
    assert claimed.fax_id == fax_id
    assert world.store.read_to_send(claimed.rendering)[:2] in (b"II", b"MM")
    settle(world, claimed, replace(SENT, pages=1))
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert open_to_machines(world) == []
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select details from audit where action = 'fax.submit' order by sequence")
        assert [row["details"].get("resent") for row in rows] == [None, f"fax:{before}"]


def test_one_that_was_cancelled_before_it_was_rendered_waits_for_its_pages(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    outbound.cancel(world.portal, world.acme.user, fax_id)
    second = again(world, fax_id)
    assert open_to_machines(world) == ["original"]
    world.render_all()
    fax = world.fax(world.acme, second)
    assert (fax["state"], fax["pages"]) == ("queued", 1)


def test_digits_after_the_answer_go_again_and_not_to_another_number(world: World, letter: Path) -> None:
    request = SendRequest(f"{NUMBER}ww42", letter, "letter.txt")
    before = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    outbound.cancel(world.portal, world.acme.user, before)
    found = [world.fax(world.acme, again(world, before, number))["post_dial"] for number in (None, OTHER)]
    assert found == ["ww42", ""]


def test_one_that_has_not_ended_is_not_sent_twice(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    with pytest.raises(NotFinal, match="has not ended"):
        again(world, fax_id)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 1


def test_nobody_elses_is_sent(world: World, letter: Path) -> None:
    theirs, before = submit(world, letter, world.borea), submit(world, letter)
    outbound.cancel(world.portal, world.borea.user, theirs)
    outbound.cancel(world.portal, world.acme.user, before)
    with pytest.raises(NotFound):
        again(world, theirs)
    # A colleague who reads the same mailbox pays for it and answers for it.
    with world.admin.tenant(world.acme.tenant.id) as tx:
        colleague = users.create(tx, world.acme.tenant.id, email="two@acme.example", name="Two")
    with pytest.raises(NotFound):
        resending.resend(world.portal, colleague, ring(world), ResendRequest(before))


def test_who_cannot_open_it_sends_nothing(world: World, letter: Path) -> None:
    before = ended(world, letter)
    with pytest.raises(Locked):
        resending.resend(world.portal, world.acme.user, Keyring({}, []), ResendRequest(before))
    assert open_to_machines(world) == []


def test_what_was_purged_is_not_sent_and_says_so(world: World, letter: Path) -> None:
    before = ended(world, letter)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set rendering_id = null where id = %s", (before,))
    with pytest.raises(PagesPurged, match="faxplan send"):
        again(world, before)


def test_a_document_that_could_not_be_rendered_is_not_tried_again(world: World, letter: Path) -> None:
    before = ended(world, letter)
    with world.worker.tenant(world.acme.tenant.id) as tx:
        tx.execute("update renderings set state = 'failed', document_id = null, error_id = 'x', error_text = 'Torn.'")
    with pytest.raises(RenderingFailed, match="Torn"):
        again(world, before)


def test_what_is_refused_leaves_nothing(world: World, letter: Path) -> None:
    before = ended(world, letter)
    with pytest.raises(InvalidNumber):
        again(world, before, "110")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=0)
    with pytest.raises(QuotaExceeded):
        again(world, before)
    assert open_to_machines(world) == []


def test_the_end_of_another_fax_of_the_document_takes_it_from_no_machine_that_is_to_send_it(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once: the one that ends waits for the other to be there."""
    before = ended(world, letter)
    second = again(world, before)
    (fax,) = claim(world)
    ends = threading.Thread(target=settle, args=(world, fax, NOBODY))
    accept = outbound.accept

    def meanwhile(*arguments: object, **named: object) -> int:
        ends.start()
        ends.join(1)
        return accept(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(outbound, "accept", meanwhile)
    third = again(world, before, OTHER)
    ends.join(60)
    assert world.fax(world.acme, second)["state"] == "failed"
    assert open_to_machines(world) == ["original", "rendering"]
    (fax,) = claim(world)
    assert fax.fax_id == third


def test_what_one_machine_did_not_take_another_may(world: World, letter: Path) -> None:
    """Its pages were made anew, smaller; both kinds can be sent again, each whole, and to another machine the first."""
    before = ended(world, letter, UNSUPPORTED, more=(NOBODY,))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        made = [row["resolution"] for row in tx.rows("select resolution from renderings order by id")]
        assert made == ["fine", "fine-a4"]
    assert world.fax(world.acme, again(world, before))["resolution"] == "fine-a4"
    elsewhere = again(world, before, OTHER)
    assert world.fax(world.acme, elsewhere)["resolution"] == "fine"
    assert open_to_machines(world) == ["original", "rendering", "rendering"]
    (fax,) = (each for each in claim(world) if each.fax_id == elsewhere)
    settle(world, fax, UNSUPPORTED)
    # It is there already, and the machines have its key.
    (smaller,) = (each for each in claim(world) if each.fax_id == elsewhere)
    assert smaller.rendering.stored.object_name != fax.rendering.stored.object_name
    assert world.store.read_to_send(smaller.rendering)[:2] in (b"II", b"MM")


def test_one_that_was_cancelled_and_could_not_be_rendered_after_that_is_rendered(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    outbound.cancel(world.portal, world.acme.user, fax_id)
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select error_id from renderings") == "key-gone"
    second = again(world, fax_id)
    world.render_all()
    assert world.fax(world.acme, second)["state"] == "queued"


def test_the_worker_that_found_no_key_ends_none_that_has_one_now(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    outbound.cancel(world.portal, world.acme.user, fax_id)
    second = again(world, fax_id)
    renderings.failed(world.worker, job, "test", KeyGone("It was cancelled."))
    assert world.fax(world.acme, second)["state"] == "accepted"
    world.render_all()
    assert world.fax(world.acme, second)["state"] == "queued"


def test_a_document_of_which_only_the_original_is_there_counts_with_all_its_pages(world: World, tmp_path: Path) -> None:
    """As when it is handed in: it is refused at once where the quota has no room, and not hours later."""
    file = tmp_path / "pages.tif"
    fax_tiff(file, 3)
    before = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, file, "pages.tif")).fax_id
    outbound.cancel(world.portal, world.acme.user, before)
    assert world.fax(world.acme, again(world, before))["reserved_pages"] == 3
