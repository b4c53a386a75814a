import json
import tracemalloc
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest

from faxplan import documents, fax_tiff, header_line, provisioning, staging, tenants
from faxplan.claims import ClaimedFax
from faxplan.db import ValueRefused
from faxplan.document_store import DocumentLost
from faxplan.documents import ToSend
from faxplan.header_line import HeaderLine
from faxplan.spool import OutboundSidecar
from faxplan.trunks import Trunk
from tests import faxes
from tests.hostile import TEXTS, assert_nothing_ran, can_be_stored
from tests.world import World

TRUNK = Trunk(1, "carrier", "e164", "national", "DE", True)


def stage(world: World, rendering: ToSend, did_ident: str = "", **of_tenant: object) -> OutboundSidecar:
    with world.admin.across_tenants() as tx:
        tenant = tenants.change(tx, world.acme.tenant.id, {"page_n_of_m": False, **of_tenant})
    fax = ClaimedFax(
        tenant.id, 1, 1, 1, "uuid", "+33123456789", world.acme.did, 1, 0, rendering, TRUNK, did_ident=did_ident
    )
    return staging.stage(world.store, world.spool, fax, TRUNK, tenant)


@pytest.fixture
def rendering(world: World) -> ToSend:
    path = world.settings.state_dir / "page.tif"
    faxes.fax_tiff(path, 1)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        document = documents.record(
            tx, world.to_send(tx, world.seal(path, world.acme)), media_type="image/tiff", pages=1
        )
        return documents.get_to_send(tx, world.acme.tenant.id, document)


@pytest.mark.parametrize("blank", ["", "   ", "\x01", "\N{NO-BREAK SPACE}"])
def test_a_header_without_a_name_names_the_tenant(
    world: World, rendering: ToSend, blank: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [line.name for line in lines(world, rendering, monkeypatch, header_name=blank)] == ["Acme"]


@pytest.mark.parametrize("text", [text for text in TEXTS if can_be_stored(text)], ids=lambda text: ascii(text)[:30])
def test_a_name_in_the_header_line_is_drawn_and_nothing_else(world: World, rendering: ToSend, text: str) -> None:
    header_name = text[:50]
    changed = provisioning.change_tenant(world.admin, "administrator:root", "acme", {"header_name": header_name})
    assert changed.header_name == header_name
    sidecar = stage(world, rendering)
    assert json.dumps(header_name)[1:-1] not in json.dumps(asdict(sidecar), default=str)
    assert len(fax_tiff.read(world.spool.outbound_tiff(1)).pages) == 1
    assert_nothing_ran()


@pytest.mark.parametrize("text", [text for text in TEXTS if not can_be_stored(text)], ids=ascii)
def test_a_name_for_the_header_line_that_is_no_text_is_refused_in_words(world: World, text: str) -> None:
    with pytest.raises(ValueRefused, match="Write it anew"):
        provisioning.change_tenant(world.admin, "administrator:root", "acme", {"header_name": text})
    values = {
        "slug": "nova", "name": "Nova", "country": "DE", "time_zone": "Europe/Berlin", "station_ident": "",
        "header_name": text,
    }  # fmt: skip
    with pytest.raises(ValueRefused, match="Write it anew"):
        provisioning.add_tenant(world.admin, "administrator:root", values)
    with world.admin.across_tenants() as tx:
        names = {each.slug: each.header_name for each in tenants.everyone(tx)}
        assert tx.value("select count(*) from audit where tenant_id = 0 and action <> 'key.machine'") == 0
    assert names == {"acme": "Acme", "borea": "Borea"}


@pytest.mark.parametrize(("page_n_of_m", "total"), [(True, 1), (False, None)])
def test_the_header_line_is_always_ours(
    world: World, rendering: ToSend, monkeypatch: pytest.MonkeyPatch, page_n_of_m: bool, total: int | None
) -> None:
    (line,) = lines(world, rendering, monkeypatch, page_n_of_m=page_n_of_m)
    assert (line.first_page, line.total_pages) == (1, total)


def test_without_a_header_line_nothing_is_stamped(
    world: World, rendering: ToSend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lines(world, rendering, monkeypatch, header_line=False) == []


def lines(world: World, rendering: ToSend, monkeypatch: pytest.MonkeyPatch, **tenant: object) -> list[HeaderLine]:
    """What is stamped above the pages."""
    stamped: list[HeaderLine] = []
    monkeypatch.setattr(header_line, "stamp", lambda _source, _target, line, **_: stamped.append(line))
    stage(world, rendering, **tenant)
    return stamped


@pytest.mark.parametrize(
    ("of_did", "of_tenant", "ident"),
    [("2", "1", "2"), ("", "1", "1"), ("", "", "+493023125001"), (" ", "+ ", "+493023125001")],
)
def test_the_ident_is_the_dids_then_the_tenants_then_the_number(
    world: World, rendering: ToSend, of_did: str, of_tenant: str, ident: str
) -> None:
    assert stage(world, rendering, of_did, station_ident=of_tenant).ident == ident


def test_numbers_are_written_for_the_trunk(world: World, rendering: ToSend) -> None:
    sidecar = stage(world, rendering)
    assert (sidecar.dialled, sidecar.caller_id) == ("+33123456789", "03023125001")


def test_a_long_fax_is_stamped_as_a_short_one(world: World, rendering: ToSend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "line_of", lambda *_: HeaderLine(datetime.now(UTC), "Acme", "1", 1, 1))
    staged = world.spool.outbound_tiff(1)
    stage(world, rendering)
    in_memory = staged.read_bytes()
    monkeypatch.setattr(staging, "IN_MEMORY_BYTES", 0)
    stage(world, rendering)
    assert staged.read_bytes() == in_memory
    assert not world.spool.outbound_plain(1).exists()


@pytest.mark.parametrize("in_memory", [0, staging.IN_MEMORY_BYTES])
def test_a_rendering_that_was_changed_is_not_sent(
    world: World, rendering: ToSend, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(staging, "IN_MEMORY_BYTES", in_memory)
    stored = next(world.store.objects())
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    with pytest.raises(DocumentLost, match="has changed"):
        stage(world, rendering)
    assert list(world.spool.outbound.iterdir()) == []


def test_a_document_that_grew_is_not_read_to_its_end(world: World, rendering: ToSend) -> None:
    """As one that was stored before documents were sealed: it would be in FreeSWITCH's memory."""
    plain = replace(rendering, stored=replace(rendering.stored, digest=None))
    next(world.store.objects()).write_bytes(b"x" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(DocumentLost, match="has changed"):
            world.store.read_to_send(plain)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
