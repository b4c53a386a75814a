"""Whatever goes in: an error, or a string in which only whitelisted characters stand where values are."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan.dial_string import Dial, UnsafeDialString, originate

DIAL = Dial(
    attempt_id=17,
    channel_uuid="0b3f1c9e-5d2a-4f6b-8c7d-9e0f1a2b3c4d",
    gateway="carrier",
    called="+493023125002",
    calling="+493023125001",
    t38=True,
    ring_seconds=60,
    call_cap_seconds=3600,
)
UUID = r"[0-9a-f-]{36}"
NUMBER = r"\+?[0-9]{1,20}"
WHOLE = re.compile(
    rf"uuid:({UUID}) originate \{{origination_uuid=\1,origination_caller_id_number=({NUMBER}),"
    r"origination_caller_id_name=\2,ignore_early_media=true,originate_timeout=[0-9]+,fax_enable_t38=(?:true|false),"
    r"fax_enable_t38_request=false,api_hangup_hook='python::fax_out::settle ([0-9]+)',"
    r"execute_on_fax_result='sched_hangup \+3 normal_clearing',"
    r"execute_on_answer='sched_hangup \+[0-9]+ allotted_timeout'\}"
    rf"sofia/gateway/[A-Za-z0-9_-]{{1,63}}/{NUMBER} '&python\(fax_out \3\)'",
    re.ASCII,
)
HOSTILE = [
    "",
    "${system(id)}",
    "1,2",
    "1|2",
    "1:_:2",
    "1'2",
    '1"2',
    "1 2",
    "1\n2",
    "1\n",
    "1\0",
    "1{a=b}",
    "[a=b]1",
    "1)",
    "1\\,2",
    "\udc80",
    "\uff11\uff12",
    "sip:1@example.com",
    "+" * 2 + "1",
]
texts = st.text(max_size=70) | st.sampled_from(HOSTILE) | st.from_regex(r"[-_+0-9a-zA-Z]{0,64}", fullmatch=True)


def test_a_call() -> None:
    assert WHOLE.fullmatch(originate(DIAL))


@pytest.mark.parametrize("field", ["channel_uuid", "gateway", "called", "calling"])
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_hostile_values_are_refused(field: str, value: str) -> None:
    with pytest.raises(UnsafeDialString) as refused:
        originate(replace(DIAL, **{field: value}))
    assert str(refused.value).isascii()


def test_a_number_longer_than_any_is_refused() -> None:
    with pytest.raises(UnsafeDialString):
        originate(replace(DIAL, called="1" * 21))


@given(texts, texts, texts, texts, st.integers(0, 2**63 - 1), st.booleans())
def test_only_whitelisted_characters_stand_where_values_are(
    uuid: str, gateway: str, called: str, calling: str, attempt_id: int, t38: bool
) -> None:
    dials = [
        Dial(attempt_id, uuid, gateway, called, calling, t38, 60, 3600),
        replace(DIAL, called=called, attempt_id=attempt_id),
        replace(DIAL, calling=calling),
        replace(DIAL, gateway=gateway),
        replace(DIAL, channel_uuid=uuid),
    ]
    for dial in dials:
        try:
            made = originate(dial)
        except UnsafeDialString:
            continue
        assert WHOLE.fullmatch(made)
