from pathlib import Path

import pytest

from faxplan.journal import Journal
from faxplan.spool import Spool
from faxplan.whereabouts import DIALLING_SECONDS, REPORT_SECONDS, UNHEARD_SECONDS, Where, Whereabouts
from tests.scripted_switch import Clock, Originate, ScriptedSwitch

LONG_AGO = DIALLING_SECONDS + 1
STAGED = (17,)


def call(**values: object) -> dict[str, object]:
    row: dict[str, object] = {"attempt_id": 17, "channel_uuid": "uuid", "switch_uuid": "switch-1", "age": LONG_AGO}
    row |= {"expired": False, "direction": "outbound"}
    return row | values


@pytest.fixture
def switch(tmp_path: Path) -> ScriptedSwitch:
    return ScriptedSwitch(Clock(), Spool(tmp_path), Journal(tmp_path))


@pytest.fixture
def whereabouts(switch: ScriptedSwitch) -> Whereabouts:
    return Whereabouts(switch, switch.spool)


def test_a_call_of_another_switch_is_gone_at_once(whereabouts: Whereabouts) -> None:
    assert whereabouts.look([call(switch_uuid="before")], (), STAGED, 0.0) == {17: Where.GONE}


def test_a_call_is_gone_when_no_channel_was_found_for_long_enough(whereabouts: Whereabouts) -> None:
    at = [whereabouts.look([call()], (), STAGED, now)[17] for now in (0.0, REPORT_SECONDS - 1, REPORT_SECONDS)]
    assert at == [Where.UNREPORTED, Where.UNREPORTED, Where.GONE]


@pytest.mark.parametrize(
    ("row", "on_their_way", "staged", "where"),
    [
        (call(age=UNHEARD_SECONDS + 1), (), (), Where.UNDIALLED),
        (call(age=UNHEARD_SECONDS - 1), (), (), Where.UNREPORTED),
        (call(age=UNHEARD_SECONDS + 1), (17,), (), Where.UNREPORTED),
        (call(age=UNHEARD_SECONDS + 1), (), STAGED, Where.UNREPORTED),
        (call(age=UNHEARD_SECONDS + 1, direction="inbound"), (), (), Where.UNREPORTED),
        (call(age=UNHEARD_SECONDS + 1, switch_uuid="before"), (), (), Where.GONE),
    ],
    ids=["never dialled", "just claimed", "on its way", "staged", "came in", "another switch"],
)
def test_a_claim_of_this_switch_of_which_nothing_was_staged_never_was_a_call(
    whereabouts: Whereabouts,
    row: dict[str, object],
    on_their_way: tuple[int, ...],
    staged: tuple[int, ...],
    where: Where,
) -> None:
    assert whereabouts.look([row], on_their_way, staged, 0.0) == {17: where}


def test_one_look_however_late_is_not_enough(whereabouts: Whereabouts) -> None:
    assert whereabouts.look([], (), STAGED, 0.0) == {}
    assert whereabouts.look([call()], (), STAGED, 10 * REPORT_SECONDS) == {17: Where.UNREPORTED}


def test_a_channel_that_was_found_in_between_begins_it_anew(whereabouts: Whereabouts, switch: ScriptedSwitch) -> None:
    whereabouts.look([call()], (), STAGED, 0.0)
    switch.channels["uuid"] = Originate("uuid", "", "", 17, 0.0)
    assert whereabouts.look([call()], (), STAGED, 1.0) == {17: Where.RUNNING}
    switch.channels.clear()
    assert whereabouts.look([call()], (), STAGED, REPORT_SECONDS) == {17: Where.UNREPORTED}


@pytest.mark.parametrize(
    ("row", "on_their_way"), [(call(age=DIALLING_SECONDS - 1), ()), (call(), (17,))], ids=["young", "on its way"]
)
def test_a_call_may_have_no_channel_yet(
    whereabouts: Whereabouts, row: dict[str, object], on_their_way: tuple[int, ...]
) -> None:
    whereabouts.look([row], on_their_way, STAGED, 0.0)
    assert whereabouts.look([row], on_their_way, STAGED, REPORT_SECONDS) == {17: Where.UNREPORTED}


def test_a_call_in_a_handlers_hand_is_not_gone_before_its_lease(
    whereabouts: Whereabouts, switch: ScriptedSwitch
) -> None:
    with switch.spool.receiving(17):
        for now in (0.0, REPORT_SECONDS):
            assert whereabouts.look([call()], (), STAGED, now) == {17: Where.UNREPORTED}
        whereabouts.look([call(expired=True)], (), STAGED, 0.0)
        assert whereabouts.look([call(expired=True)], (), STAGED, REPORT_SECONDS) == {17: Where.GONE}
