"""What dead calls left is brought home beside the runtime, and nothing else is done to it meanwhile."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from faxplan import pending as pending_module
from faxplan import received_copies
from faxplan.endings import Endings
from faxplan.errors import DatabaseUnavailable
from faxplan.live_calls import LiveCalls
from faxplan.spool import InboundSidecar
from tests.faxes import accepted, fax_tiff, noticed, pending_folder
from tests.runtime import SENT
from tests.world import World

WHOLE = replace(SENT, pages=2)


@pytest.fixture
def logged() -> list[str]:
    return []


@pytest.fixture
def endings(world: World, logged: list[str]) -> Iterator[Endings]:
    made = Endings(
        world.switch, world.store, world.spool, world.journal, pending_folder(world), LiveCalls(), actor="switch:node1",
        calls_to_one_number=2, log=lambda _, text: logged.append(text),
    )  # fmt: skip
    yield made
    made.close()


def left_over(world: World, uuid: str = "uuid-1") -> InboundSidecar:
    sidecar = accepted(world, world.acme, uuid)
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    world.spool.note_result(sidecar.attempt_id, WHOLE)
    return sidecar


def wait_until_done(endings: Endings, sidecar: InboundSidecar) -> None:
    while endings._salvage.has(sidecar.attempt_id):
        threading.Event().wait(0.005)


def test_the_runtime_goes_on_while_a_fax_is_drawn_and_touches_it_not(
    world: World, endings: Endings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar, real = left_over(world), received_copies.make
    drawing, go_on = threading.Event(), threading.Event()

    def slowly(*arguments: Any, **options: Any) -> Any:
        drawing.set()
        assert go_on.wait(60)
        return real(*arguments, **options)

    monkeypatch.setattr(received_copies, "make", slowly)
    endings.adopt(sidecar.attempt_id)
    assert drawing.wait(60)
    # All that the runtime does in a pass, and in the next.
    for _ in range(2):
        (waiting,) = pending_folder(world).waiting()
        endings.deliver(waiting)
        call = {"tenant_id": sidecar.tenant_id, "fax_id": sidecar.fax_id, "attempt_id": sidecar.attempt_id}
        endings.end_lost(call | {"direction": "inbound"})
        endings.adopt(sidecar.attempt_id)
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "receiving"
    go_on.set()
    wait_until_done(endings, sidecar)
    fax = world.fax(world.acme, sidecar.fax_id)
    assert fax["state"] == "received"
    assert fax["images_id"] is not None
    assert noticed(world, world.acme) == ["received"]


def test_one_that_waits_for_its_turn_is_not_given_up(
    world: World, endings: Endings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = left_over(world), left_over(world, "uuid-2")
    real, go_on = pending_module.adopt, threading.Event()

    def slowly(*arguments: Any) -> Any:
        assert go_on.wait(60)
        return real(*arguments)

    monkeypatch.setattr(pending_module, "adopt", slowly)
    for sidecar in (first, second):
        endings.adopt(sidecar.attempt_id)
    call = {"tenant_id": second.tenant_id, "fax_id": second.fax_id, "attempt_id": second.attempt_id}
    endings.end_lost(call | {"direction": "inbound"})
    assert world.fax(world.acme, second.fax_id)["state"] == "receiving"
    go_on.set()
    wait_until_done(endings, second)
    assert world.fax(world.acme, second.fax_id)["state"] == "received"


def test_what_fails_is_logged_and_can_be_taken_again(
    world: World, endings: Endings, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = left_over(world), left_over(world, "uuid-2")
    real = pending_module.adopt

    def adopt(*arguments: Any) -> Any:
        if arguments[2] == bad.attempt_id:
            raise OSError(5, "Input/output error")
        return real(*arguments)

    with monkeypatch.context() as disk:
        disk.setattr(pending_module, "adopt", adopt)
        for sidecar in (bad, good):
            endings.adopt(sidecar.attempt_id)
        wait_until_done(endings, good)
    assert world.fax(world.acme, good.fax_id)["state"] == "received"
    assert "Input/output error" in logged[0]
    endings.adopt(bad.attempt_id)
    wait_until_done(endings, bad)
    assert world.fax(world.acme, bad.fax_id)["state"] == "received"


def test_without_a_database_it_lies_in_pending(
    world: World, endings: Endings, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = left_over(world)
    with monkeypatch.context() as outage:

        def away(*_: object, **__: object) -> None:
            raise DatabaseUnavailable("PostgreSQL is out of reach.")

        outage.setattr("faxplan.inbound.deliver", away)
        endings.adopt(sidecar.attempt_id)
        wait_until_done(endings, sidecar)
    assert "out of reach" in logged[0]
    (waiting,) = pending_folder(world).waiting()
    endings.deliver(waiting)
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "received"


def ended_as_lost(endings: Endings, sidecar: InboundSidecar) -> None:
    call = {"tenant_id": sidecar.tenant_id, "fax_id": sidecar.fax_id, "attempt_id": sidecar.attempt_id}
    endings.end_lost(call | {"direction": "inbound"})


def test_what_a_full_disk_keeps_in_the_spool_is_not_given_up(
    world: World, endings: Endings, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = left_over(world)
    with monkeypatch.context() as disk:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        disk.setattr(world.spool, "note_result", full)
        endings.adopt(sidecar.attempt_id)
        wait_until_done(endings, sidecar)
    assert "No space left" in logged[0]
    ended_as_lost(endings, sidecar)
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "receiving"
    assert noticed(world, world.acme) == []
    endings.adopt(sidecar.attempt_id)
    wait_until_done(endings, sidecar)
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "received"
    assert noticed(world, world.acme) == ["received"]


def test_a_power_cut_between_the_seal_and_the_record_leaves_no_call_for_ever(world: World, endings: Endings) -> None:
    sidecar = left_over(world)
    half = pending_folder(world).root / str(sidecar.attempt_id)
    half.mkdir()
    (half / "received-tiff.sealed").write_bytes(b"sealed, and its wraps never written")
    # The spool was in memory.
    world.spool.discard_inbound(sidecar.attempt_id)
    endings.adopt(sidecar.attempt_id)
    wait_until_done(endings, sidecar)
    ended_as_lost(endings, sidecar)
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "failed"
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from calls") == 0
    assert list(pending_folder(world).root.iterdir()) == []
    assert noticed(world, world.acme) == ["failed"]


def test_a_sidecar_that_a_disk_has_spoilt_leaves_no_call_for_ever(world: World, endings: Endings) -> None:
    sidecar = left_over(world)
    (world.spool.inbound / f"{sidecar.attempt_id}.json").write_bytes(b"{")
    endings.adopt(sidecar.attempt_id)
    wait_until_done(endings, sidecar)
    ended_as_lost(endings, sidecar)
    assert world.fax(world.acme, sidecar.fax_id)["state"] == "failed"
