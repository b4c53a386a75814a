import json
import stat
from pathlib import Path

import pytest

from faxplan.call_result import CallResult
from faxplan.spool import InboundSidecar, OutboundSidecar, SidecarDamaged, Spool, SpoolTooDeep


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "spool")
    made.prepare()
    return made


def outbound(attempt_id: int) -> OutboundSidecar:
    return OutboundSidecar(
        tenant_id=1,
        fax_id=2,
        attempt_id=attempt_id,
        ident="+49 30 1",
        start_page=3,
        dialled="03023125002",
        caller_id="+493023125001",
        use_ecm=False,
    )


def inbound(attempt_id: int) -> InboundSidecar:
    return InboundSidecar(1, 2, attempt_id, 4, "0b3f1c9e-5d2a-4f6b-8c7d-9e0f1a2b3c4d")


def test_what_was_staged_before_an_upgrade_is_read(spool: Spool) -> None:
    spool.stage(outbound(17))
    file = spool.outbound / "17.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "header": "Acme"}))
    assert Spool(spool.outbound.parent).staged(17) == outbound(17)


def test_what_is_staged_is_read(spool: Spool) -> None:
    assert spool.staged(17) is None
    spool.stage(outbound(17))
    after_a_crash = Spool(spool.outbound.parent)
    assert [each.staged(17) for each in (spool, after_a_crash)] == [outbound(17)] * 2
    spool.discard_outbound(17)
    assert [each.staged(17) for each in (spool, after_a_crash)] == [None] * 2


def test_what_is_expected_is_read(spool: Spool) -> None:
    assert spool.expected(17) is None
    spool.expect(inbound(17))
    assert spool.expected(17) == inbound(17)


def test_outbound_and_inbound_do_not_mix(spool: Spool) -> None:
    spool.stage(outbound(17))
    spool.expect(inbound(18))
    spool.outbound_tiff(19).touch()
    spool.inbound_tiff(20).touch()
    assert spool.outbound_attempts() == [17, 19]
    # 20 has no sidecar: nobody knows whose it is, and rxfax never starts without one.
    assert spool.inbound_attempts() == [18]


def test_discarding_leaves_nothing_and_may_be_repeated(spool: Spool) -> None:
    spool.stage(outbound(17))
    spool.outbound_tiff(17).write_bytes(b"II*\0")
    spool.expect(inbound(18))
    spool.inbound_tiff(18).write_bytes(b"II*\0")
    spool.inbound_tiff(18).with_suffix(".pdf").write_bytes(b"%PDF")
    for _ in range(2):
        spool.discard_outbound(17)
        spool.discard_inbound(18)
    assert not [*spool.outbound.iterdir(), *spool.inbound.iterdir()]


def test_it_is_private(spool: Spool) -> None:
    spool.stage(outbound(17))
    (file,) = spool.outbound.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (spool.outbound, spool.inbound):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_path_that_the_fax_applications_would_cut_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 230)
    with pytest.raises(SpoolTooDeep, match="shorter"):
        Spool(deep).prepare()
    assert not deep.exists()


def test_a_half_written_sidecar_is_none(spool: Spool) -> None:
    (spool.outbound / ".17.json.4711.partial").write_bytes(b'{"tenant_id": 1, "fa')
    (spool.inbound / ".18.json.4711.partial").write_bytes(b'{"tenant_id": 1, "fa')
    assert spool.staged(17) is None
    assert spool.outbound_attempts() == []
    assert spool.inbound_attempts() == []


@pytest.mark.parametrize("damage", [b"", b'{"hangup_ca', b"[]", b"null", b'{"no_such_field": 1}', b"\xff\xfe"])
def test_a_noted_result_that_cannot_be_read_is_none(spool: Spool, damage: bytes) -> None:
    result = CallResult("NORMAL_CLEARING", fax_success=True, pages=2)
    spool.note_result(17, result)
    assert spool.noted_result(17) == result
    (spool.inbound / "17.result").write_bytes(damage)
    assert spool.noted_result(17) is None


def test_pages_put_aside_of_two_calls_with_one_id_lie_beside_each_other(spool: Spool) -> None:
    kept = []
    for pages in (b"one", b"two"):
        spool.expect(inbound(17))
        spool.inbound_tiff(17).write_bytes(pages)
        (spool.inbound / "17.json").write_bytes(b"")
        with pytest.raises(SidecarDamaged, match=r"/17\.json cannot be read"):
            spool.expected(17)
        kept.append(spool.put_aside(17))
        assert spool.expected(17) is None
    assert [(aside / "fax.tif").read_bytes() for aside in kept] == [b"one", b"two"]
    assert spool.damaged() == sorted(kept)
    assert [spool.has_damaged(attempt_id) for attempt_id in (1, 17, 18)] == [False, True, False]
    assert spool.inbound_attempts() == []


def test_what_is_put_aside_before_a_page_came_keeps_the_sidecar(spool: Spool) -> None:
    spool.expect(inbound(17))
    assert [file.name for file in spool.put_aside(17).iterdir()] == ["call.json"]
