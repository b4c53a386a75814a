"""The worker: each document rendered once, refused for good, or tried again; never lost."""

import errno
import io
import os
import shutil
import socket
import threading
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from faxplan import (
    demo,
    documents,
    namespace,
    namespaces,
    outbound,
    page_images,
    render_jobs,
    rendering,
    renderings,
    sandbox,
)
from faxplan import worker as worker_module
from faxplan.confinement import Confinement, SandboxUnavailable
from faxplan.document_store import Store
from faxplan.documents import Sealed
from faxplan.errors import DatabaseUnavailable, DocumentRefused, FaxplanError, RenderingFailed
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.namespaces import KeptNamespace
from faxplan.outbound import SendRequest
from faxplan.worker import LONGEST_RETRY_SECONDS, MOST_TRIES, Worker
from tests.faxes import NUMBER, noticed
from tests.world import World


@pytest.fixture
def fax_id(world: World, tmp_path: Path) -> int:
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n\fAnd its second page.\n")
    request = SendRequest(NUMBER, letter, "letter.txt")
    return outbound.submit(world.portal, world.store, world.acme.user, request).fax_id


def worker(world: World, name: str = "test", confinement: Confinement | None = None) -> Worker:
    listener = Listener(world.installation.url("faxplan_worker"), (render_jobs.CHANNEL,))
    mailer_keys = KeyFolder(world.settings.mailer_keys)
    return Worker(
        world.worker,
        listener,
        world.store,
        name=name,
        node="node1",
        mailer_keys=mailer_keys,
        wait_hours=72,
        confinement=confinement,
    )


def due_now(world: World) -> None:
    with world.worker.across_tenants() as tx:
        tx.execute("update render_jobs set not_before = now()")


def failing(error: Exception) -> Any:
    def render(*_: object, **__: object) -> None:
        raise error

    return render


def jobs(world: World) -> int:
    with world.worker.across_tenants() as tx:
        return int(tx.value("select count(*) from render_jobs"))


def renderings_stored(world: World) -> int:
    """With their page images and thumbnails, which are stored beside them."""
    objects, rest = divmod(len(world.stored()) - 1, 3)
    assert not rest
    return objects


def test_a_document_is_rendered_once_and_its_fax_queued(world: World, fax_id: int) -> None:
    assert worker(world).work_one()
    assert not worker(world).work_one()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages"], fax["reserved_pages"]) == ("queued", 2, 2)
    assert jobs(world) == 0
    assert renderings_stored(world) == 1


def documents_of(world: World, fax_id: int) -> dict[str, bytes]:
    """Of its rendering, opened as its sender does, by kind; and those that a machine could open, too."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            """select d.id, d.kind from faxes f join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
               join documents d on d.tenant_id = r.tenant_id and d.id in (r.document_id, r.images_id, r.thumbnail_id)
               where f.id = %s""",
            (fax_id,),
        )
        stored = {row["kind"]: documents.get(tx, world.acme.tenant.id, row["id"]) for row in rows}
    return {kind: world.opened(each) for kind, each in stored.items()}


def test_its_pages_are_drawn_for_the_screen_of_who_sends_it(world: World, fax_id: int) -> None:
    assert worker(world).work_one()
    found = documents_of(world, fax_id)
    pages = dict(page_images.read(io.BytesIO(found[documents.PAGE_IMAGES])))
    assert list(pages) == [1, 2]
    with Image.open(io.BytesIO(pages[2])) as image, Image.open(io.BytesIO(found[documents.RENDERING])) as fax:
        fax.seek(1)
        assert image.size == (1728, round(fax.height * 204 / 196))
    assert found[documents.THUMBNAIL][:4] == b"\x89PNG"
    with world.worker.across_tenants() as tx:
        rows = tx.rows("select tenant_id, document_id from transient_wraps")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        kinds = {documents.get(tx, row["tenant_id"], row["document_id"]).kind for row in rows}
    assert kinds == {documents.ORIGINAL, documents.RENDERING}


@pytest.mark.parametrize("error", [RenderingFailed("it crashed"), OSError(errno.EIO, "Input/output error")])
def test_a_fax_whose_pages_cannot_be_drawn_goes_out(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(page_images, "make", failing(error))
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert documents_of(world, fax_id).keys() == {documents.RENDERING}
    assert "has no page images" in caplog.text


def test_a_worker_that_is_stopped_while_pages_are_drawn_gives_its_job_back(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = worker(world)

    def ended(*_: object, **__: object) -> None:
        running.stop()
        raise RenderingFailed("it was ended")

    monkeypatch.setattr(page_images, "make", ended)
    running.run()
    assert job_row(world) == (0, None)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    assert len(world.stored()) == 1


def test_where_not_all_can_be_stored_nothing_is_left_in_the_store(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Store.seal

    def full(store: Store, source: Path, tenant_id: int, kind: str) -> Sealed:
        if kind == documents.THUMBNAIL:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(store, source, tenant_id, kind)

    with monkeypatch.context() as disk:
        disk.setattr(Store, "seal", full)
        assert worker(world).work_one()
    assert len(world.stored()) == 1
    due_now(world)
    assert worker(world).work_one()
    assert documents_of(world, fax_id).keys() == {documents.RENDERING, documents.PAGE_IMAGES, documents.THUMBNAIL}


def test_a_refused_document_ends_its_fax_at_once(world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "render", failing(DocumentRefused("It has nothing in it. Send another.")))
    assert worker(world).work_one()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"], fax["explanation"]) == (
        "failed",
        "document-refused",
        "It has nothing in it. Send another.",
    )
    assert noticed(world, world.acme) == ["failed"]
    assert jobs(world) == 0


def test_a_lost_original_ends_its_fax_at_once(world: World, fax_id: int) -> None:
    for path in world.stored():
        path.unlink()
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["error_id"] == "document-lost"


def test_a_broken_converter_is_tried_again_and_then_given_up(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "render", failing(RenderingFailed("gs died")))
    for _ in range(MOST_TRIES):
        assert world.fax(world.acme, fax_id)["state"] == "accepted"
        assert worker(world).work_one()
        # Not before its time.
        assert not worker(world).work_one()
        due_now(world)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "rendering-failed")
    assert jobs(world) == 0


@pytest.mark.parametrize("where", ["ours", "the converter's"])
def test_a_full_disk_fails_no_document_however_long_it_lasts_and_is_tried_less_and_less(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    delays = []
    running = worker(world)
    with monkeypatch.context() as full:
        if where == "ours":
            full.setattr(rendering, "render", failing(OSError(errno.ENOSPC, "No space left on device")))
        else:
            full.setattr(rendering, "render", failing(RenderingFailed("gs: ioerror")))
            full.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
        for _ in range(3 * MOST_TRIES):
            assert running.work_one()
            with world.worker.across_tenants() as tx:
                delays.append(round(tx.value("select extract(epoch from not_before - now()) from render_jobs")))
            due_now(world)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    assert delays[0] < delays[1] < delays[2] <= max(delays) == delays[-1] <= LONGEST_RETRY_SECONDS
    assert running.work_one()
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_a_document_that_ends_its_worker_each_time_is_given_up_and_others_are_rendered(
    world: World, fax_id: int, tmp_path: Path
) -> None:
    other = outbound.submit(
        world.portal, world.store, world.acme.user, SendRequest(NUMBER, tmp_path / "letter.txt", "letter.txt")
    )
    for _ in range(MOST_TRIES):
        with world.worker.across_tenants() as tx:
            job = render_jobs.claim(tx, worker="killed", lease_seconds=600)
            assert job is not None
            render_jobs.release(tx, "killed")
    assert worker(world).work_one()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "rendering-failed")
    assert worker(world).work_one()
    assert world.fax(world.acme, other.fax_id)["state"] == "queued"


def test_a_converter_that_recovers_renders_after_all(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(rendering, "render", failing(OSError(28, "No space left on device")))
        worker(world).work_one()
    due_now(world)
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_a_result_that_comes_too_late_is_dropped(world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rendering.render

    def slowly(*arguments: Any, **options: Any) -> Any:
        made = real(*arguments, **options)
        with world.worker.across_tenants() as tx:
            tx.execute("update render_jobs set lease_until = now() - interval '1 second'")
            assert render_jobs.claim(tx, worker="another", lease_seconds=600)
        return made

    monkeypatch.setattr(rendering, "render", slowly)
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    assert renderings_stored(world) == 0
    assert jobs(world) == 1


AWAY = DatabaseUnavailable("PostgreSQL is out of reach.")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "AWAY_SECONDS", 0.0)


def away(times: int, real: Any, *, before_that: Any = None) -> Any:
    """`real`, but for the first so many times. before_that: what is done then all the same."""
    left = iter(range(times))

    def step(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            return real(*arguments, **options)
        if before_that is not None:
            before_that(*arguments, **options)
        raise AWAY

    return step


def job_row(world: World) -> tuple[int, str | None]:
    """Its tries, and who has it in hand."""
    with world.worker.across_tenants() as tx:
        row = tx.one("select tries, worker from render_jobs")
    return row["tries"], row["worker"]


@pytest.mark.parametrize("step", ["order", "finished"])
def test_a_database_that_is_away_in_mid_job_costs_no_rendering_and_no_try(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, impatient: None, step: str
) -> None:
    made, real = [], rendering.render
    monkeypatch.setattr(rendering, "render", lambda *a, **o: made.append(real(*a, **o)) or made[-1])
    monkeypatch.setattr(renderings, step, away(2 * MOST_TRIES, getattr(renderings, step)))
    assert worker(world).work_one()
    assert len(made) == 1
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert renderings_stored(world) == 1


def test_a_database_that_is_away_when_a_document_is_refused_keeps_the_reason(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    monkeypatch.setattr(rendering, "render", failing(DocumentRefused("It has nothing in it. Send another.")))
    monkeypatch.setattr(renderings, "failed", away(2 * MOST_TRIES, renderings.failed))
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["error_id"] == "document-refused"


def test_a_rendering_whose_commit_was_not_answered_is_kept(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    real = renderings.finished
    monkeypatch.setattr(renderings, "finished", away(1, real, before_that=real))
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert renderings_stored(world) == 1


def test_a_database_that_stays_away_is_waited_for_as_long_as_the_lease_lasts(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    monkeypatch.setattr(worker_module, "LEASE_SECONDS", 0)
    monkeypatch.setattr(renderings, "finished", failing(AWAY))
    with pytest.raises(DatabaseUnavailable):
        worker(world).work_one()


def test_a_worker_stopped_while_it_waits_for_the_database_gives_its_job_back(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    running = worker(world)
    monkeypatch.setattr(renderings, "finished", away(1, None, before_that=lambda *_: running.stop()))
    running.run()
    assert job_row(world) == (0, None)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"


@pytest.mark.parametrize("error", [RenderingFailed("gs died"), DocumentRefused("It could not be read.")])
def test_a_converter_that_is_ended_with_its_worker_was_no_try(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch, error: FaxplanError
) -> None:
    """As systemd does it: SIGTERM goes to the whole control group."""
    running = worker(world)

    def ended(*_: object, **__: object) -> None:
        running.stop()
        raise error

    monkeypatch.setattr(rendering, "render", ended)
    running.run()
    assert job_row(world) == (0, None)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"


def test_a_cancelled_fax_is_not_queued_by_its_rendering(world: World, fax_id: int) -> None:
    assert outbound.cancel(world.portal, world.acme.user, fax_id)
    assert worker(world).work_one()
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from fax_queue") == 0


def test_what_a_killed_worker_had_in_hand_is_free_at_the_next_start(world: World, fax_id: int) -> None:
    dead, living = f"{socket.gethostname()}:0", f"{socket.gethostname()}:{os.getpid()}"
    with world.worker.across_tenants() as tx:
        assert render_jobs.claim(tx, worker=living, lease_seconds=600)
    worker(world).free_jobs_of_dead()
    assert not worker(world).work_one()
    with world.worker.across_tenants() as tx:
        tx.execute("update render_jobs set worker = %s", (dead,))
    worker(world).free_jobs_of_dead()
    assert worker(world).work_one()


def test_a_worker_that_starts_makes_the_store_of_a_machine_that_is_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor says that the worker makes it."""
    assert not world.store.root.exists()
    running = worker(world)
    monkeypatch.setattr(running, "work_one", running.stop)
    running.run()
    assert world.store.marker.is_file()


def test_it_runs_until_it_is_stopped_and_is_woken_by_a_new_fax(
    world: World, fax_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing but the notification wakes it.
    monkeypatch.setattr("faxplan.worker.SWEEP_SECONDS", 3600.0)
    running, waits, done = worker(world), threading.Event(), threading.Event()
    real, heard, made = rendering.render, running._listener.heard, []

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(real(*arguments, **options))
        if len(made) == 2:
            running.stop()
            done.set()
        return made[-1]

    def waiting(timeout_seconds: float = 0) -> set[str]:
        # Not the first time: it then connects, and looks at the queue once more in any case.
        if running._listener.connected and made:
            waits.set()
        return heard(timeout_seconds)

    monkeypatch.setattr(rendering, "render", counted)
    monkeypatch.setattr(running._listener, "heard", waiting)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        assert waits.wait(60)
        second = outbound.submit(
            world.portal, world.store, world.acme.user, SendRequest(NUMBER, tmp_path / "letter.txt", "letter.txt")
        )
        assert done.wait(60)
    finally:
        running.stop()
        with world.worker.across_tenants() as tx:
            tx.notify(render_jobs.CHANNEL)
        thread.join(60)
    assert not thread.is_alive()
    assert {world.fax(world.acme, each)["state"] for each in (fax_id, second.fax_id)} == {"queued"}


def test_keys_that_cannot_be_renewed_keep_it_from_nothing_else(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = worker(world)

    def full(*_: object) -> bool:
        # Not again within this test.
        here.stop()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker_module.transient_readers, "renew", full)
    here.run()
    assert renderings_stored(world) == 1


def test_without_a_namespace_no_job_is_taken_and_no_fax_fails(
    world: World, fax_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = worker(world, confinement=KeptNamespace(world.store.scratch))
    with monkeypatch.context() as missing:
        missing.setattr(namespace, "ENVIRONMENT", MappingProxyType({"PATH": str(tmp_path)}))
        for _ in range(2 * MOST_TRIES):
            with pytest.raises(SandboxUnavailable, match="bubblewrap is not installed"):
                running.work_one()
    assert (job_row(world), world.fax(world.acme, fax_id)["state"]) == ((0, None), "accepted")
    assert list(world.settings.work.iterdir()) == []


def test_a_sandbox_that_goes_away_in_mid_job_costs_no_try(
    world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "render", failing(SandboxUnavailable("There is no namespace.")))
    for _ in range(2 * MOST_TRIES):
        assert worker(world).work_one()
        due_now(world)
    assert (job_row(world), world.fax(world.acme, fax_id)["state"]) == ((0, None), "accepted")


def test_documents_are_rendered_inside_a_namespace(world: World, fax_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if (found := namespace.trouble()) is not None:
        pytest.skip(f"{found.cause}. {found.remedy}")
    demonstration = outbound.submit(
        world.portal, world.store, world.acme.user, SendRequest(NUMBER, demo.DOCUMENT, demo.DOCUMENT.name)
    )
    kept = KeptNamespace(world.store.scratch, namespaces.hidden(world.settings))
    # What the limits alone would do does not happen here.
    monkeypatch.setattr(sandbox, "call", failing(AssertionError("outside")))
    running = worker(world, confinement=kept)
    assert running.work_one()
    assert running.work_one()
    assert kept.processor_seconds > 0
    running.stop()
    running.run()
    assert list(world.settings.work.iterdir()) == []
    assert [world.fax(world.acme, each)["pages"] for each in (fax_id, demonstration.fax_id)] == [2, 3]
    assert world.fax(world.acme, demonstration.fax_id)["state"] == "queued"
