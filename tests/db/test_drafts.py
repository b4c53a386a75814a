"""A draft: handed in, looked at, and then sent, or not; once, and by its user alone."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    documents,
    draft_closing,
    drafts,
    enrolment,
    outbound,
    queue,
    quotas,
    recipients,
    render_jobs,
    renderings,
    saving,
    transient_readers,
    users,
)
from faxplan.documents import Locked
from faxplan.drafts import Draft, TooManyDrafts
from faxplan.enrolment import NotEnrolled, Secret
from faxplan.errors import (
    DocumentRefused,
    FaxplanError,
    InvalidNumber,
    NoPages,
    NotFound,
    QuotaExceeded,
    RenderingFailed,
)
from faxplan.keyring import Keyring
from faxplan.originals import HandedIn
from faxplan.outbound import TenantDisabled
from faxplan.purge import Purged
from faxplan.recipients import NoNumber, Recipients, TooManyNumbers
from faxplan.rendering import Resolution
from faxplan.saving import NotRendered
from tests.db.test_failing_over import settle
from tests.db.test_resending import UNSUPPORTED
from tests.db.test_what_machines_open import NOBODY, SENT, open_to_machines
from tests.faxes import NUMBER, claim
from tests.retained import count, execute, purge
from tests.world import PHRASE, Office, World

OTHER = "+493023125009"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.\n\fIts second page.\n")
    return path


def make(world: World, letter: Path, office: Office | None = None) -> Draft:
    return drafts.make(world.portal, world.store, (office or world.acme).user, HandedIn(letter, letter.name))


def looked_at(world: World, draft_id: int) -> Draft:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return drafts.get(tx, world.acme.user, draft_id)


def send(world: World, draft_id: int, *numbers: str) -> list[int]:
    return [
        each.fax_id for each in drafts.send(world.portal, world.store, world.acme.user, draft_id, Recipients(numbers))
    ]


def ring(world: World) -> Keyring:
    return enrolment.unlock(world.portal, world.acme.user, Secret(PHRASE))


def save(world: World, draft_id: int, folder: Path) -> list[Path]:
    draft = looked_at(world, draft_id)
    return list(saving.save_draft(world.portal, world.store, world.acme.user, draft, ring(world), folder))


def actions(world: World) -> list[tuple[str, str]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action, object from audit where object like 'draft:%%' order by sequence")
    return [(row["action"], row["object"]) for row in rows]


def objects(world: World) -> list[Path]:
    return list(world.store.objects())


def age(world: World, hours: float = 24) -> None:
    """So much later, as far as drafts see."""
    execute(world, f"update drafts set expires_at = expires_at - interval '{hours} hours'")


def close_expired(world: World) -> list[str]:
    told: list[str] = []
    draft_closing.close_expired(world.worker, told.append)
    return told


# ------------------------------------------------------------------------------------------------------ looked at


def test_its_pages_are_those_that_are_faxed(world: World, letter: Path, tmp_path: Path) -> None:
    draft = make(world, letter)
    assert (draft.state, draft.pages, draft.resolution) == ("waiting", None, "fine")
    with pytest.raises(NotRendered, match="in a moment"):
        save(world, draft.id, tmp_path)
    world.render_all()
    made = looked_at(world, draft.id)
    assert (made.state, made.pages) == ("rendered", 2)
    names = [path.name for path in save(world, draft.id, tmp_path / "seen")]
    assert names == [f"draft-{draft.id}.pdf", f"draft-{draft.id}-1.png", f"draft-{draft.id}-2.png"]
    assert saving.name_of_draft(world.portal, world.store, world.acme.user, made, ring(world)) == "letter.txt"
    (fax_id,) = send(world, draft.id, NUMBER)
    (fax,) = claim(world)
    assert fax.fax_id == fax_id
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert fax.rendering.stored == documents.get(tx, world.acme.tenant.id, made.tiff_id or 0)
    assert actions(world) == [
        ("draft.add", f"draft:{draft.id}"),
        ("draft.open", f"draft:{draft.id}"),
    ]


def test_nobody_opens_it_without_its_key(world: World, letter: Path, tmp_path: Path) -> None:
    draft = make(world, letter)
    world.render_all()
    made = looked_at(world, draft.id)
    with pytest.raises(Locked):
        saving.save_draft(world.portal, world.store, world.acme.user, made, Keyring({}, []), tmp_path / "seen")
    assert not (tmp_path / "seen").exists()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select result from audit where action = 'draft.open'") == "refused"


def test_it_is_its_users_alone(world: World, letter: Path) -> None:
    draft = make(world, letter)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        colleague = users.create(tx, world.acme.tenant.id, email="two@acme.example", name="Two")
    other = replace(colleague, role="administrator")
    for user in (colleague, other, world.borea.user):
        acts: list[Callable[[], object]] = [
            lambda user=user: drafts.send(world.portal, world.store, user, draft.id, Recipients([NUMBER])),
            lambda user=user: drafts.change(world.portal, user, draft.id, Resolution.STANDARD),
            lambda user=user: drafts.remove(world.portal, user, draft.id),
        ]
        for act in acts:
            with pytest.raises(NotFound, match="no draft"):
                act()
        with world.portal.tenant(user.tenant_id) as tx:
            assert drafts.of_user(tx, user) == []
    assert looked_at(world, draft.id) == draft


def test_at_another_resolution_it_is_made_anew_and_at_the_first_it_is_there(world: World, letter: Path) -> None:
    draft = make(world, letter)
    world.render_all()
    fine = looked_at(world, draft.id)
    changed = drafts.change(world.portal, world.acme.user, draft.id, Resolution.STANDARD)
    assert (changed.state, changed.resolution, changed.tiff_id) == ("waiting", "standard", None)
    world.render_all()
    standard = looked_at(world, draft.id)
    assert standard.state == "rendered"
    assert standard.tiff_id != fine.tiff_id
    assert open_to_machines(world) == ["original", "rendering", "rendering"]
    assert drafts.change(world.portal, world.acme.user, draft.id, Resolution.FINE) == fine
    (fax_id,) = send(world, draft.id, NUMBER)
    assert world.fax(world.acme, fax_id)["resolution"] == "fine"
    (fax,) = claim(world)
    settle(world, fax, replace(SENT, pages=2))
    assert open_to_machines(world) == []


def test_one_that_cannot_be_rendered_says_why_and_is_not_sent(world: World, letter: Path, tmp_path: Path) -> None:
    draft = make(world, letter)
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    renderings.failed(world.worker, job, "test", RenderingFailed("It is torn."))
    made = looked_at(world, draft.id)
    assert (made.state, made.error_id, made.explanation) == ("failed", "rendering-failed", "It is torn.")
    with pytest.raises(RenderingFailed, match="torn"):
        send(world, draft.id, NUMBER)
    with pytest.raises(NoPages, match="torn"):
        save(world, draft.id, tmp_path)
    drafts.remove(world.portal, world.acme.user, draft.id)
    assert count(world, "faxes") == 0


def test_what_is_refused_when_it_is_handed_in_leaves_nothing(world: World, tmp_path: Path) -> None:
    script = tmp_path / "page.ps"
    script.write_bytes(b"%!PS-Adobe-3.0\nshowpage\n")
    with pytest.raises(DocumentRefused):
        make(world, script)
    assert objects(world) == []
    assert count(world, "drafts") == 0


def test_who_has_no_key_makes_none(world: World, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        colleague = users.create(tx, world.acme.tenant.id, email="two@acme.example", name="Two")
    with pytest.raises(NotEnrolled):
        drafts.make(world.portal, world.store, colleague, HandedIn(letter, "letter.txt"))
    assert objects(world) == []


def test_nobody_fills_the_store_with_drafts(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST", 2)
    first, _ = make(world, letter), make(world, letter)
    with pytest.raises(TooManyDrafts, match="2 drafts"):
        make(world, letter)
    assert len(objects(world)) == 2
    # What was removed lies in the store until purge has come.
    drafts.remove(world.portal, world.acme.user, first.id)
    with pytest.raises(TooManyDrafts, match="once purge has come"):
        make(world, letter)
    purge(world)
    make(world, letter)
    # Another user's are their own.
    make(world, letter, world.borea)


def test_nor_by_handing_many_in_at_once(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MOST", 2)

    def one(_: int) -> int:
        try:
            return make(world, letter).id
        except TooManyDrafts:
            return 0

    with ThreadPoolExecutor(6) as threads:
        assert sorted(map(bool, threads.map(one, range(6)))) == [False] * 4 + [True] * 2
    assert (count(world, "drafts"), len(objects(world))) == (2, 2)


def test_who_is_switched_off_hands_nothing_in(world: World, letter: Path) -> None:
    execute(world, "update tenants set enabled = false where id = %s", (world.acme.tenant.id,))
    with pytest.raises(TenantDisabled):
        make(world, letter)
    assert objects(world) == []


# ------------------------------------------------------------------------------------------------------------ sent


def test_each_number_gets_one_fax_of_the_same_pages(world: World, letter: Path) -> None:
    draft = make(world, letter)
    world.render_all()
    faxes = send(world, draft.id, NUMBER, OTHER, "030 99001234", f"{NUMBER}ww42")
    called = [
        (world.fax(world.acme, each)["called_number"], world.fax(world.acme, each)["post_dial"]) for each in faxes
    ]
    assert called == [(NUMBER, ""), (OTHER, ""), (NUMBER, "ww42")]
    assert {world.fax(world.acme, each)["state"] for each in faxes} == {"queued"}
    assert (count(world, "renderings"), count(world, "drafts")) == (1, 0)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select details from audit where action = 'fax.submit'")
    assert [row["details"]["draft"] for row in rows] == [f"draft:{draft.id}"] * 3
    for number, fax in enumerate(claim(world), 1):
        assert open_to_machines(world) == ["original", "rendering"], number
        settle(world, fax, replace(SENT, pages=2))
    assert open_to_machines(world) == []
    # Its sender reads it, as any fax that was sent.
    assert world.opened(fax.rendering.stored)[:2] in (b"II", b"MM")


def test_one_that_is_sent_before_its_pages_are_made_goes_when_they_are(world: World, letter: Path) -> None:
    draft = make(world, letter)
    (fax_id,) = send(world, draft.id, NUMBER)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    world.render_all()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages"]) == ("queued", 2)


def test_it_is_sent_once(world: World, letter: Path) -> None:
    draft = make(world, letter)
    world.render_all()

    def one(_: int) -> int:
        try:
            return len(send(world, draft.id, NUMBER))
        except NotFound:
            return 0

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(one, range(4))) == [0, 0, 0, 1]
    assert count(world, "faxes") == 1


def test_one_that_expires_while_it_is_sent_is_sent(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Purge, which comes at that moment, waits, and finds that it is none any more."""
    draft = make(world, letter)
    world.render_all()
    execute(world, "update drafts set expires_at = clock_timestamp() + interval '2 seconds'")
    accept = outbound.accept
    purging = ThreadPoolExecutor(1)
    purges: list[Future[Purged]] = []

    def meanwhile(*arguments: Any, **named: Any) -> int:
        time.sleep(2.1)
        purges.append(purging.submit(purge, world))
        with suppress(TimeoutError):
            purges[0].result(2)
        return accept(*arguments, **named)

    monkeypatch.setattr(outbound, "accept", meanwhile)
    (fax_id,) = send(world, draft.id, NUMBER)
    done = purges[0].result(60)
    assert (done.drafts, done.failures) == (0, [])
    (fax,) = claim(world)
    assert fax.fax_id == fax_id
    assert world.store.read_to_send(fax.rendering)[:2] in (b"II", b"MM")


def test_it_goes_to_so_many_numbers_at_once_and_no_more(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile no call of the tenant is settled."""
    monkeypatch.setattr(recipients, "MOST_NUMBERS", 2)
    draft = make(world, letter)
    with pytest.raises(TooManyNumbers, match="3 numbers: 2 at most"):
        send(world, draft.id, NUMBER, OTHER, NUMBER + "1")
    assert count(world, "faxes") == 0
    assert len(send(world, draft.id, NUMBER, OTHER)) == 2


def test_one_that_is_cancelled_takes_from_no_other_the_pages_that_are_made_anew(world: World, letter: Path) -> None:
    """Both far machines want smaller pages; the fax that asked for them first is gone when they are made."""
    draft = make(world, letter)
    world.render_all()
    first, second = send(world, draft.id, NUMBER, OTHER)
    calls = {each.fax_id: each for each in claim(world)}
    settle(world, calls[first], UNSUPPORTED)
    assert world.fax(world.acme, first)["resolution"] == "fine-a4"
    outbound.cancel(world.portal, world.acme.user, first)
    world.render_all()
    settle(world, calls[second], UNSUPPORTED)
    (again,) = claim(world)
    assert (again.fax_id, world.fax(world.acme, second)["resolution"]) == (second, "fine-a4")
    assert world.store.read_to_send(again.rendering)[:2] in (b"II", b"MM")
    assert world.opened(again.rendering.stored)[:2] in (b"II", b"MM")


def test_a_send_that_waited_until_it_had_expired_sends_nothing(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has made its pages meanwhile has taken it for over: no machine could open them."""
    draft = make(world, letter)
    execute(world, "update drafts set expires_at = clock_timestamp() + interval '1 second'")
    hold = queue.hold_originals

    def waits(*arguments: Any) -> None:
        hold(*arguments)
        time.sleep(1.1)

    monkeypatch.setattr(queue, "hold_originals", waits)
    with pytest.raises(NotFound):
        send(world, draft.id, NUMBER)
    assert count(world, "faxes") == 0


@pytest.mark.parametrize(
    ("numbers", "error"), [((NUMBER, "110"), InvalidNumber), ((NUMBER, "nobody"), InvalidNumber), ((), NoNumber)]
)
def test_where_one_number_is_refused_none_gets_a_fax_and_the_draft_stays(
    world: World, letter: Path, numbers: tuple[str, ...], error: type[FaxplanError]
) -> None:
    draft = make(world, letter)
    with pytest.raises(error):
        send(world, draft.id, *numbers)
    assert count(world, "faxes") == 0
    assert looked_at(world, draft.id) == draft


def test_the_quota_is_of_all_of_them_together(world: World, letter: Path) -> None:
    draft = make(world, letter)
    world.render_all()
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=3)
    with pytest.raises(QuotaExceeded):
        send(world, draft.id, NUMBER, OTHER)
    assert count(world, "faxes") == 0
    assert count(world, "fax_queue") == 0
    assert len(send(world, draft.id, NUMBER)) == 1


def test_a_worker_that_ends_its_rendering_meanwhile_leaves_no_fax_behind(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once: else the fax waits for pages that are made already."""
    draft = make(world, letter)
    ends = threading.Thread(target=world.render_all)
    held = drafts._held

    def meanwhile(*arguments: object) -> Draft:
        found = held(*arguments)  # type: ignore[arg-type]
        ends.start()
        ends.join(2)
        return found

    monkeypatch.setattr(drafts, "_held", meanwhile)
    (fax_id,) = send(world, draft.id, NUMBER)
    ends.join(60)
    assert world.fax(world.acme, fax_id)["state"] == "queued"


# ----------------------------------------------------------------------------------------------------- and not sent


def test_one_that_was_removed_no_machine_opens_and_purge_destroys(world: World, letter: Path) -> None:
    draft, stays = make(world, letter), make(world, letter)
    world.render_all()
    drafts.change(world.portal, world.acme.user, draft.id, Resolution.STANDARD)
    world.render_all()
    assert len(open_to_machines(world)) == 5
    drafts.remove(world.portal, world.acme.user, draft.id)
    with pytest.raises(NotFound):
        looked_at(world, draft.id)
    assert open_to_machines(world) == ["original", "rendering"]
    done = purge(world)
    assert (done.drafts, done.faxes, done.objects) == (1, 0, 7)
    assert len(objects(world)) == 4
    assert (count(world, "drafts"), count(world, "renderings"), count(world, "tombstones")) == (1, 1, 0)
    assert actions(world)[-2:] == [("draft.remove", f"draft:{draft.id}"), ("draft.purge", f"draft:{draft.id}")]
    # The other one is whole.
    assert world.fax(world.acme, send(world, stays.id, NUMBER)[0])["state"] == "queued"


@pytest.mark.parametrize("rendered", [True, False])
def test_one_that_was_forgotten_goes_after_a_day(world: World, letter: Path, *, rendered: bool) -> None:
    draft = make(world, letter)
    if rendered:
        world.render_all()
    age(world, 23.9)
    assert close_expired(world) == []
    assert looked_at(world, draft.id).id == draft.id
    assert purge(world).drafts == 0
    age(world, 0.2)
    with pytest.raises(NotFound):
        looked_at(world, draft.id)
    with pytest.raises(NotFound):
        send(world, draft.id, NUMBER)
    assert open_to_machines(world)
    assert close_expired(world) == []
    assert open_to_machines(world) == []
    assert close_expired(world) == []
    assert actions(world)[1:] == [("draft.expire", f"draft:{draft.id}")]
    assert purge(world).drafts == 1
    assert objects(world) == []
    assert count(world, "render_jobs") == 0


def test_purge_waits_for_no_worker_to_close_it(world: World, letter: Path) -> None:
    make(world, letter)
    world.render_all()
    age(world)
    assert purge(world).drafts == 1
    assert open_to_machines(world) == []
    assert objects(world) == []


def test_purge_waits_for_a_machine_that_takes_a_new_key(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that wraps anew what purge is taking away: one of the two fails."""
    make(world, letter)
    world.render_all()
    age(world)
    execute(world, "update transient_keys set created_at = created_at - interval '25 hours'")
    wrap, purging = transient_readers.wrap, ThreadPoolExecutor(1)
    purges: list[Future[Purged]] = []

    def meanwhile(*arguments: Any, **named: Any) -> None:
        wrap(*arguments, **named)
        if not purges:
            purges.append(purging.submit(purge, world))
            with suppress(TimeoutError):
                purges[0].result(2)

    monkeypatch.setattr(transient_readers, "wrap", meanwhile)
    transient_readers.renew(world.worker, world.store.keys, world.settings.node)
    assert purges[0].result(60).drafts == 1
    assert (count(world, "transient_wraps"), objects(world)) == (0, [])


def test_what_was_sent_is_kept_as_any_fax(world: World, letter: Path) -> None:
    draft = make(world, letter)
    world.render_all()
    (fax_id,) = send(world, draft.id, NUMBER)
    age(world)
    close_expired(world)
    assert purge(world).drafts == 0
    (fax,) = claim(world)
    assert fax.fax_id == fax_id
    assert world.store.read_to_send(fax.rendering)[:2] in (b"II", b"MM")


@pytest.mark.parametrize("gone", ["removed", "expired"])
def test_pages_that_are_made_when_it_is_gone_no_machine_opens(world: World, letter: Path, gone: str) -> None:
    draft = make(world, letter)
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    if gone == "removed":
        drafts.remove(world.portal, world.acme.user, draft.id)
    else:
        age(world)
        close_expired(world)
    kinds = (documents.RENDERING, documents.PAGE_IMAGES, documents.THUMBNAIL)
    made = renderings.Rendered([world.seal(letter, world.acme, kind) for kind in kinds], 1)
    assert renderings.finished(world.worker, job, "test", made)
    assert open_to_machines(world) == []
    assert purge(world).drafts == 1
    assert objects(world) == []


def test_pages_that_are_made_while_purge_takes_it_leave_nothing(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Purge waits for the worker that has just ended its rendering, and takes these documents too."""
    draft = make(world, letter)
    with world.worker.across_tenants() as tx:
        job = render_jobs.claim(tx, worker="test", lease_seconds=60)
    assert job is not None
    drafts.remove(world.portal, world.acme.user, draft.id)
    purges: list[threading.Thread] = []
    record_all = renderings.record_all

    def meanwhile(*arguments: object, **named: object) -> dict[str, int]:
        purges.append(threading.Thread(target=purge, args=(world,)))
        purges[0].start()
        purges[0].join(2)
        return record_all(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(renderings, "record_all", meanwhile)
    made = renderings.Rendered([world.seal(letter, world.acme, documents.RENDERING)], 1)
    renderings.finished(world.worker, job, "test", made)
    purges[0].join(60)
    purge(world)
    assert count(world, "documents") == 0
    assert objects(world) == []


def test_the_worker_closes_what_has_expired(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(world, letter)
    age(world)
    seen = threading.Event()
    close = draft_closing.close_expired

    def closing(*arguments: object) -> bool:
        found = close(*arguments)  # type: ignore[arg-type]
        seen.set()
        return found

    monkeypatch.setattr(draft_closing, "close_expired", closing)
    worker = world.a_worker()
    running = threading.Thread(target=worker.run)
    running.start()
    closed = seen.wait(60)
    worker.stop()
    running.join(60)
    assert closed
    assert open_to_machines(world) == []


def test_one_drafts_trouble_keeps_no_other(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for office in (world.acme, world.borea):
        make(world, letter, office)
    age(world)
    hold = queue.hold_originals

    def troubled(tx: Any, tenant_id: int, ids: list[int]) -> None:
        if tenant_id == world.acme.tenant.id:
            raise FaxplanError("It is in trouble.")
        hold(tx, tenant_id, ids)

    monkeypatch.setattr(queue, "hold_originals", troubled)
    assert ["trouble" in each for each in close_expired(world)] == [True]
    assert len(open_to_machines(world)) == 1


def test_a_machine_that_takes_a_new_key_can_still_send_it(world: World, letter: Path) -> None:
    draft = make(world, letter)
    world.render_all()
    execute(world, "update transient_keys set created_at = created_at - interval '25 hours'")
    while transient_readers.renew(world.worker, world.store.keys, world.settings.node):
        pass
    send(world, draft.id, NUMBER)
    (fax,) = claim(world)
    assert world.store.read_to_send(fax.rendering)[:2] in (b"II", b"MM")
    settle(world, fax, NOBODY)
    assert open_to_machines(world) == []
