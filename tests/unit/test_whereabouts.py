from pathlib import Path

import pytest

from faxplan.journal import Journal
from faxplan.spool import Spool
from faxplan.whereabouts import DIALLING_SECONDS, REPORT_SECONDS, Where, Whereabouts
from tests.scripted_switch import Clock, Originate, ScriptedSwitch

LONG_AGO = DIALLING_SECONDS + 1


def call(**values: object) -> dict[str, object]:
    row = {"attempt_id": 17, "channel_uuid": "uuid", "switch_uuid": "switch-1", "age": LONG_AGO, "expired": False}
    return row | values


@pytest.fixture
def switch(tmp_path: Path) -> ScriptedSwitch:
    return ScriptedSwitch(Clock(), Spool(tmp_path), Journal(tmp_path))


@pytest.fixture
def whereabouts(switch: ScriptedSwitch) -> Whereabouts:
    return Whereabouts(switch, switch.spool)


def test_a_call_of_another_switch_is_gone_at_once(whereabouts: Whereabouts) -> None:
    assert whereabouts.look([call(switch_uuid="before")], (), 0.0) == {17: Where.GONE}


def test_a_call_is_gone_when_no_channel_was_found_for_long_enough(whereabouts: Whereabouts) -> None:
    at = [whereabouts.look([call()], (), now)[17] for now in (0.0, REPORT_SECONDS - 1, REPORT_SECONDS)]
    assert at == [Where.UNREPORTED, Where.UNREPORTED, Where.GONE]


def test_one_look_however_late_is_not_enough(whereabouts: Whereabouts) -> None:
    assert whereabouts.look([], (), 0.0) == {}
    assert whereabouts.look([call()], (), 10 * REPORT_SECONDS) == {17: Where.UNREPORTED}


def test_a_channel_that_was_found_in_between_begins_it_anew(whereabouts: Whereabouts, switch: ScriptedSwitch) -> None:
    whereabouts.look([call()], (), 0.0)
    switch.channels["uuid"] = Originate("uuid", "", "", 17, 0.0)
    assert whereabouts.look([call()], (), 1.0) == {17: Where.RUNNING}
    switch.channels.clear()
    assert whereabouts.look([call()], (), REPORT_SECONDS) == {17: Where.UNREPORTED}


@pytest.mark.parametrize(
    ("row", "on_their_way"), [(call(age=DIALLING_SECONDS - 1), ()), (call(), (17,))], ids=["young", "on its way"]
)
def test_a_call_may_have_no_channel_yet(
    whereabouts: Whereabouts, row: dict[str, object], on_their_way: tuple[int, ...]
) -> None:
    whereabouts.look([row], on_their_way, 0.0)
    assert whereabouts.look([row], on_their_way, REPORT_SECONDS) == {17: Where.UNREPORTED}


def test_a_call_in_a_handlers_hand_is_not_gone_before_its_lease(
    whereabouts: Whereabouts, switch: ScriptedSwitch
) -> None:
    with switch.spool.receiving(17):
        for now in (0.0, REPORT_SECONDS):
            assert whereabouts.look([call()], (), now) == {17: Where.UNREPORTED}
        whereabouts.look([call(expired=True)], (), 0.0)
        assert whereabouts.look([call(expired=True)], (), REPORT_SECONDS) == {17: Where.GONE}
