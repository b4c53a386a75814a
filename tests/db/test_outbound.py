import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from faxplan import (
    demo,
    history,
    namespace,
    originals,
    outbound,
    quotas,
    routes,
    sandbox,
    saving,
    trunks,
    user_keys,
    users,
    vault,
)
from faxplan.confinement import SandboxUnavailable
from faxplan.db import Transaction, ValueRefused
from faxplan.errors import DatabaseUnavailable, InvalidNumber, NoRoute, NotFound, QuotaExceeded
from faxplan.keyring import Keyring
from faxplan.namespaces import Namespace
from faxplan.outbound import AlreadyFinal, SendRequest, TenantDisabled
from faxplan.source import UnsupportedDocument
from tests.hostile import TEXTS, assert_nothing_ran, can_be_sealed
from tests.world import World


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam,\n\nplease find two pages.\n\f\nThe second.\n")
    return path


def submit(world: World, letter: Path, number: str = "030 23125 002") -> int:
    return outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, "letter.txt")).fax_id


def test_a_submitted_fax_is_rendered_and_queued(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    world.render_all()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages"], fax["called_number"]) == ("queued", 2, "+493023125002")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from fax_queue") == 1
        assert [row["action"] for row in tx.rows("select action from audit order by sequence")] == ["fax.submit"]


@pytest.mark.parametrize("text", [text for text in TEXTS if can_be_sealed(text)], ids=lambda text: ascii(text)[:30])
def test_a_file_may_be_called_anything_and_only_its_reader_sees_it(world: World, letter: Path, text: str) -> None:
    tenant = world.acme.tenant.id
    fax_id = outbound.submit(
        world.portal, world.store, world.acme.user, SendRequest("030 23125 002", letter, text)
    ).fax_id
    world.render_all()
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    # No file is called so, and no row has it.
    assert all(re.fullmatch("[0-9a-f]{32}", path.name) for path in world.stored())
    with world.portal.tenant(tenant) as tx:
        assert {row["file_name"] for row in tx.rows("select file_name from documents")} == {""}
        (key_id,) = (each.id for each in user_keys.of_user(tx, tenant, world.acme.user.id))
        ring = Keyring({key_id: world.keyrings[tenant]}, vault.epochs_of_user(tx, tenant, world.acme.user.id))
        fax = history.fax(tx, world.acme.user, fax_id)
    assert saving.name_of_original(world.portal, world.store, world.acme.user, fax, ring) == text
    assert_nothing_ran()


@pytest.mark.parametrize("text", [text for text in TEXTS if not can_be_sealed(text)], ids=ascii)
def test_a_file_name_that_is_no_text_is_refused_in_words_and_nothing_is_kept(
    world: World, letter: Path, text: str
) -> None:
    with pytest.raises(ValueRefused, match="is not UTF-8"):
        outbound.submit(world.portal, world.store, world.acme.user, SendRequest("030 23125 002", letter, text))
    assert world.stored() == []
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select (select count(*) from faxes) + (select count(*) from documents)") == 0


def test_nothing_is_kept_of_a_refused_document(world: World, tmp_path: Path) -> None:
    program = tmp_path / "holiday.pdf"
    program.write_bytes(b"MZ\x90\x00" + bytes(range(256)) * 20)
    with pytest.raises(UnsupportedDocument):
        outbound.submit(world.portal, world.store, world.acme.user, SendRequest("03023125002", program, "holiday.pdf"))
    assert not world.store.root.exists()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0


def test_without_a_namespace_a_document_is_refused_with_the_cause_and_nothing_is_kept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespace, "ENVIRONMENT", MappingProxyType({"PATH": str(tmp_path)}))
    monkeypatch.setattr(world.store, "confinement", Namespace())
    request = SendRequest("030 23125 002", demo.DOCUMENT, "letter.pdf")
    with pytest.raises(SandboxUnavailable, match="bubblewrap is not installed"):
        outbound.submit(world.portal, world.store, world.acme.user, request)
    assert world.stored() == []


def test_documents_are_looked_at_inside_a_namespace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if (found := namespace.trouble()) is not None:
        pytest.skip(f"{found.cause}. {found.remedy}")
    monkeypatch.setattr(world.store, "confinement", Namespace())
    monkeypatch.delattr(sandbox, "call")
    request = SendRequest("030 23125 002", demo.DOCUMENT, "letter.pdf")
    assert outbound.submit(world.portal, world.store, world.acme.user, request).pages == 3


@pytest.mark.parametrize("number", ["112", "not a number", "+49 1", "0180 ext. 5"])
def test_a_number_that_cannot_be_dialled_is_refused(world: World, letter: Path, number: str) -> None:
    with pytest.raises(InvalidNumber):
        submit(world, letter, number)


@pytest.mark.parametrize("only_for_us", [False, True])
def test_a_barred_number_is_refused_at_once(world: World, letter: Path, *, only_for_us: bool) -> None:
    with world.admin.across_tenants() as tx:
        routes.add(tx, "+4930", None, only_for=world.acme.tenant.id if only_for_us else None)
    with pytest.raises(NoRoute, match=r"barred: numbers that begin with \+4930"):
        submit(world, letter)
    assert submit(world, letter, "+49 40 123456")


def test_a_tenants_own_route_overrides_a_bar(world: World, letter: Path) -> None:
    with world.admin.across_tenants() as tx:
        routes.add(tx, "+4930", None)
        (way,) = trunks.ways_out(tx, world.borea.tenant.id, "+4940123456")
        routes.add(tx, "+4930", way.trunk.id, only_for=world.acme.tenant.id)
    assert submit(world, letter)


def test_a_number_that_its_trunk_cannot_dial_is_refused_at_once(world: World, letter: Path) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set inbound_country = 'US', called_format = 'national'")
    with pytest.raises(InvalidNumber, match="begins like one"):
        submit(world, letter, "+1 911 234 5678")


def test_a_quota_without_room_refuses_and_stores_nothing(world: World, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="month", pages=0)
    with pytest.raises(QuotaExceeded, match="room for 0 more"):
        submit(world, letter)
    assert not world.stored()


def test_a_commit_whose_answer_was_lost_loses_no_document(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL committed and went away before it said so: the rows are there, and name the original."""
    commit, store = Transaction.commit, originals._store

    def answer_lost(tx: Transaction) -> None:
        commit(tx)
        raise DatabaseUnavailable("server closed the connection unexpectedly")

    def stored_and_then(*arguments: Any) -> Any:
        outage.setattr(Transaction, "commit", answer_lost)
        return store(*arguments)

    with monkeypatch.context() as outage:
        outage.setattr(originals, "_store", stored_and_then)
        with pytest.raises(DatabaseUnavailable):
            submit(world, letter)
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select state from faxes") == "queued"


def test_pages_beyond_the_quota_end_the_fax_after_rendering(world: World, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="month", pages=1)
    fax_id = submit(world, letter)
    world.render_all()
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "quota-exceeded")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.one("select reserved_pages, used_pages from quotas") == {"reserved_pages": 0, "used_pages": 0}


def test_cancel_takes_a_fax_out_of_the_queue(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    world.render_all()
    assert outbound.cancel(world.portal, world.acme.user, fax_id)
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"
    with pytest.raises(AlreadyFinal):
        outbound.cancel(world.portal, world.acme.user, fax_id)


def test_a_colleagues_fax_is_cancelled_by_administrators_only(world: World, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        colleague = users.create(tx, world.acme.tenant.id, email="b@acme.example", name="B")
        chief = users.create(tx, world.acme.tenant.id, email="c@acme.example", name="C", role="administrator")
    fax_id = submit(world, letter)
    with pytest.raises(NotFound):
        outbound.cancel(world.portal, colleague, fax_id)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    assert outbound.cancel(world.portal, chief, fax_id)


def test_a_tenant_that_is_switched_off_sends_nothing(world: World, letter: Path) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set enabled = false where id = %s", (world.acme.tenant.id,))
    with pytest.raises(TenantDisabled):
        submit(world, letter)
    assert not world.store.root.exists()


def test_another_tenants_fax_cannot_be_cancelled(world: World, letter: Path) -> None:
    fax_id = submit(world, letter)
    with pytest.raises(NotFound):
        outbound.cancel(world.portal, world.borea.user, fax_id)
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
