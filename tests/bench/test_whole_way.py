from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import mailboxes, nodes, outbound
from faxplan.outbound import SendRequest
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.covered import send_with_cover
from tests.received_pages import assert_same_pages_below_the_header
from tests.world import Office, World


def send(world: World, document: Path, number: str) -> int:
    fax = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, document, document.name))
    world.render_all()
    return fax.fax_id


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam,\n\nplease find three pages.\n\f\nThe second.\n\f\nAnd the third.\n")
    return path


def inbox(world: World, office: Office) -> list[mailboxes.Entry]:
    with world.portal.tenant(office.tenant.id) as tx:
        return mailboxes.entries(tx, office.tenant.id, office.user.id)


@pytest.mark.parametrize("stamped", [True, False], ids=["page-n-of-m", "page-n"])
@pytest.mark.parametrize(("audio_only", "t38"), [(False, "negotiated"), (True, "off")])
def test_a_document_lands_in_the_other_tenants_mailbox(
    world: World,
    letter: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    audio_only: bool,
    t38: str,
    stamped: bool,
) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set page_n_of_m = %s", (stamped,))
    with faxplan_on_bench(world, monkeypatch, own={"refuses_t38": audio_only}) as switch:
        fax_id = send(world, letter, world.borea.did)
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final")
        wait_for(lambda: bool(inbox(world, world.borea)), "the fax to lie in the mailbox")
        assert not switch.complaints
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["explanation"]) == ("sent", 3, "All 3 pages arrived.")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["t38_status"], attempt["pages"]) == ("sent", t38, 3)
    (entry,) = inbox(world, world.borea)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, world.acme.did)
    assert not inbox(world, world.acme)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)
    received = world.fax(world.borea, entry.fax_id)
    assert None not in [received[column] for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id")]


def test_a_cover_arrives_before_the_document(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fax_id = send_with_cover(world, letter, world.borea.did)
    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final")
        wait_for(lambda: bool(inbox(world, world.borea)), "the fax to lie in the mailbox")
        assert not switch.complaints
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["explanation"]) == ("sent", 4, "All 4 pages arrived.")
    (entry,) = inbox(world, world.borea)
    assert entry.pages == 4
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)


def test_a_document_reaches_the_other_tenant_without_a_call_where_that_is_switched_on(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.settings = replace(world.settings, internal_delivery=True)
    with faxplan_on_bench(world, monkeypatch) as switch:
        fax_id = send(world, letter, world.borea.did)
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final")
        assert switch.gateways.find("carrier").calls_out == 0  # type: ignore[union-attr]
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["internal"], attempt["trunk"], attempt["pages"]) == ("sent", True, None, 3)
    (entry,) = inbox(world, world.borea)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, world.acme.did)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)


@pytest.mark.parametrize(("number", "t38"), [("070", "negotiated"), ("071", "off")])
def test_a_menu_hears_the_digits_before_the_fax_and_the_pages_arrive(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, number: str, t38: str
) -> None:
    called = f"+493099009900{number}"
    with faxplan_on_bench(world, monkeypatch) as switch:
        fax_id = send(world, letter, f"{called} p12w#A")
        wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final")
        assert not switch.complaints
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["t38_status"], attempt["dialled"], attempt["pages"]) == (t38, called, 3)


def test_without_the_digits_that_it_wants_a_menu_hangs_up_and_it_is_tried_again(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faxplan_on_bench(world, monkeypatch) as switch:
        fax_id = send(world, letter, "+493099009900070w12")
        wait_for(lambda: any(each["outcome"] for each in world.attempts(world.acme, fax_id)), "the call to be over")
        assert not switch.complaints
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"]) == ("not-sent", 0)
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_a_runtime_that_was_stopped_stays_so_until_it_is_started(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def at_work() -> bool:
        # Looked for, not tried: a runtime that starts while somebody else has its lock does not start.
        # In this database: those of other tests have nodes of that name too.
        held = """select exists (select from pg_locks l join pg_database d on d.oid = l.database
                                 where d.datname = current_database() and l.locktype = 'advisory' and l.granted
                                   and l.objsubid = 1 and (l.classid::bigint << 32 | l.objid::bigint) = %s)"""
        with world.admin.across_tenants() as tx:
            return bool(tx.value(held, (nodes.lock_key(world.settings.node),)))

    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(at_work, "the runtime to be at work")
        assert switch.api.execute("python", "fax_queue::stop").startswith("+OK")
        wait_for(lambda: not at_work(), "its end")
        # As a restart of FreeSWITCH, or a guard that knows nothing, would.
        switch.api.execute("pyrun", "fax_queue")
        assert switch.wait_idle()
        assert not at_work()
        assert switch.api.execute("python", "fax_queue::start").startswith("+OK")
        wait_for(at_work, "the runtime to be at work again")


def test_an_operator_asks_the_switch_by_either_form_and_is_told_of_what_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(lambda: "at work" in switch.api.execute("python", "fax_queue::status"), "the runtime to be at work")
        assert "at work" in switch.api.execute("python", "fax_queue status")
        assert "carrier" in switch.api.execute("python", "fax_queue::trunks")
        assert switch.api.execute("python", "fax_queue::fax 17") == "-ERR There is no fax 17.\n"
        assert switch.api.execute("python", "fax_queue fax 17") == "-ERR There is no fax 17.\n"
        assert "There is no command 'stauts'" in switch.api.execute("python", "fax_queue::stauts")
        assert "python fax_queue::pause" in switch.api.execute("python", "fax_queue")
        assert switch.api.execute("python", "fax_queue alive") == "+OK\n"
