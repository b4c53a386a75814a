"""Whatever goes in: an error, or a string in which only whitelisted characters stand where values are."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import numbers, post_dial
from faxplan.dial_string import Dial, UnsafeDialString, originate
from faxplan.errors import InvalidNumber
from tests.hostile import NUMBERS

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
CALLED = rf"(?:{NUMBER}|(?:[0-9*]|%23){{1,10}}[0-9]{{1,20}})"
WHOLE = re.compile(
    rf"uuid:({UUID}) originate \{{origination_uuid=\1,origination_caller_id_number=({NUMBER}),"
    r"origination_caller_id_name=\2,sip_cid_type=(?:none|pid|rpid),"
    r"(?:origination_privacy=screen\+hide_name\+hide_number,sip_invite_from_uri=sip:anonymous@anonymous\.invalid,"
    r"sip_from_display=Anonymous,(?:sip_h_Privacy=id,)?)?"
    r"outbound_redirect_fatal=true,ignore_early_media=true,originate_timeout=[0-9]+,fax_enable_t38=(?:true|false),"
    r"fax_enable_t38_request=(?:true|false),(?:t38_gateway_redundancy=[0-3],)?(?:absolute_codec_string=PCM[UA],)?"
    r"(?:rtp_secure_media=mandatory,rtp_secure_media_suites=[A-Z0-9_:]+,)?"
    r"api_hangup_hook='python::fax_out::settle ([0-9]+)',"
    r"api_on_answer='sched_hangup \+[0-9]+ \1 allotted_timeout',"
    r"api_on_fax_success='sched_hangup \+3 \1 normal_clearing',"
    r"api_on_fax_failure='sched_hangup \+3 \1 normal_clearing'\}"
    rf"sofia/gateway/[A-Za-z0-9_-]{{1,63}}/{CALLED} '&python\(fax_out \3\)'",
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


def variables(dial: Dial) -> dict[str, str]:
    """Those of the dial string that hold no comma."""
    braces = originate(dial).partition("{")[2].partition("}")[0]
    return dict(pair.split("=", 1) for pair in braces.split(","))


@pytest.mark.parametrize(("caller_id_in", "kind"), [("from", "none"), ("pai", "pid"), ("rpid", "rpid")])
def test_the_number_stands_where_the_trunk_wants_it(caller_id_in: str, kind: str) -> None:
    found = variables(replace(DIAL, caller_id_in=caller_id_in))
    assert found["sip_cid_type"] == kind
    assert not {"origination_privacy", "sip_invite_from_uri", "sip_from_display", "sip_h_Privacy"} & set(found)


def test_a_private_call_has_an_anonymous_from() -> None:
    found = variables(replace(DIAL, privacy=True))
    assert found["sip_invite_from_uri"] == "sip:anonymous@anonymous.invalid"
    assert found["origination_privacy"] == "screen+hide_name+hide_number"
    assert "sip_h_Privacy" not in found
    assert variables(replace(DIAL, caller_id_in="rpid", privacy=True))["sip_h_Privacy"] == "id"


@pytest.mark.parametrize(("t38_request", "asks"), [("receiver", "false"), ("sender", "true"), ("nobody", "false")])
def test_we_ask_for_t38_where_the_sender_is_to(t38_request: str, asks: str) -> None:
    found = variables(replace(DIAL, t38_request=t38_request))
    assert (found["fax_enable_t38"], found["fax_enable_t38_request"]) == ("true", asks)


def test_a_call_in_audio_neither_asks_for_t38_nor_takes_it() -> None:
    found = variables(replace(DIAL, t38=False, t38_request="sender"))
    assert (found["fax_enable_t38"], found["fax_enable_t38_request"]) == ("false", "false")
    assert "t38_gateway_redundancy" not in found


def test_redundancy_and_codec_are_the_trunks() -> None:
    found = variables(replace(DIAL, t38_redundancy=1, codec="pcma"))
    assert (found["t38_gateway_redundancy"], found["absolute_codec_string"]) == ("1", "PCMA")
    assert "absolute_codec_string" not in variables(DIAL)


def test_encrypted_media_are_demanded_and_never_t38() -> None:
    found = variables(replace(DIAL, t38=False, encrypted_media=True))
    assert (found["rtp_secure_media"], found["fax_enable_t38"]) == ("mandatory", "false")
    assert "AES_CM_128_HMAC_SHA1_80" in found["rtp_secure_media_suites"].split(":")
    assert "rtp_secure_media" not in variables(DIAL)
    with pytest.raises(UnsafeDialString, match="cannot be encrypted"):
        originate(replace(DIAL, t38=True, encrypted_media=True))


@pytest.mark.parametrize("packets", [-1, 4])
def test_more_redundancy_than_fits_a_datagram_is_refused(packets: int) -> None:
    with pytest.raises(UnsafeDialString):
        originate(replace(DIAL, t38_redundancy=packets))


@pytest.mark.parametrize(
    "field", ["channel_uuid", "gateway", "called", "calling", "caller_id_in", "t38_request", "codec"]
)
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_hostile_values_are_refused(field: str, value: str) -> None:
    with pytest.raises(UnsafeDialString) as refused:
        originate(replace(DIAL, **{field: value}))
    assert str(refused.value).isascii()


def test_a_number_longer_than_any_is_refused() -> None:
    with pytest.raises(UnsafeDialString):
        originate(replace(DIAL, called="1" * 31))
    with pytest.raises(UnsafeDialString):
        originate(replace(DIAL, called="+" + "1" * 21))


@given(texts, texts, texts, texts, st.integers(0, 2**63 - 1), st.booleans())
def test_only_whitelisted_characters_stand_where_values_are(
    uuid: str, gateway: str, called: str, calling: str, attempt_id: int, t38: bool
) -> None:
    dials = [
        Dial(attempt_id, uuid, gateway, called, calling, t38, 60, 3600),
        replace(DIAL, called=called, attempt_id=attempt_id),
        replace(DIAL, calling=calling),
        replace(DIAL, gateway=gateway),
        replace(DIAL, channel_uuid=uuid, privacy=t38),
        replace(DIAL, caller_id_in=gateway),
        replace(DIAL, called=called, t38=False, encrypted_media=True),
    ]
    for dial in dials:
        try:
            made = originate(dial)
        except UnsafeDialString:
            continue
        assert WHOLE.fullmatch(made)


@given(
    st.text(max_size=60)
    | st.sampled_from(NUMBERS)
    | st.from_regex(r"\+?[0-9 ()wp,;'{}\[\]$|:@.-]{1,40}", fullmatch=True),
    st.sampled_from(numbers.CALLED_FORMATS),
    st.sampled_from(["", "0", "4711#", "*9*"]),
)
def test_of_what_a_user_writes_only_the_number_comes_into_it(written: str, called_format: str, prefix: str) -> None:
    try:
        number, _ = post_dial.split(written)
        called = numbers.dialled(numbers.normalise(number, "DE"), called_format, "DE", home="DE", prefix=prefix)
    except InvalidNumber:
        return
    matched = WHOLE.fullmatch(originate(replace(DIAL, called=called)))
    assert matched
    assert f"sofia/gateway/carrier/{called.replace('#', '%23')} '" in matched[0]


@pytest.mark.parametrize(
    ("called", "stands"),
    [("0493023125002", "0493023125002"), ("4711#493023125002", "4711%23493023125002"), ("*9*030", "*9*030")],
)
def test_a_prefix_stands_before_the_number_as_a_sip_uri_has_it(called: str, stands: str) -> None:
    made = originate(replace(DIAL, called=called))
    assert WHOLE.fullmatch(made)
    assert f"sofia/gateway/carrier/{stands} '" in made


@pytest.mark.parametrize(
    "called", ["4711#", "#*#", "030#", "0+4930", "+49#30", "%2330", "0 30", "1234567890#1" + "1" * 20]
)
def test_what_is_no_prefix_and_a_number_is_refused(called: str) -> None:
    with pytest.raises(UnsafeDialString):
        originate(replace(DIAL, called=called))
