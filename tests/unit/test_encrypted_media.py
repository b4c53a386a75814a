import pytest

from faxplan import encrypted_media
from faxplan.call_result import CallResult
from faxplan.failure_rules import Action, Rules


@pytest.mark.parametrize(
    ("suite", "transport", "encrypted"),
    [
        ("AES_CM_128_HMAC_SHA1_80", "tls", True),
        ("AEAD_AES_256_GCM_8", "tls", True),
        ("AES_CM_128_NULL_AUTH", "tls", False),
        ("AES_CM_128_HMAC_SHA1_80", "udp", False),
        ("AES_CM_128_HMAC_SHA1_80", None, False),
        (None, "tls", False),
        ("", "tls", False),
    ],
)
def test_media_are_encrypted_where_keys_came_by_tls(suite: str | None, transport: str | None, encrypted: bool) -> None:
    variables = {"rtp_has_crypto": suite, "sip_via_protocol": transport}
    assert encrypted_media.offered(variables.get) is encrypted


def test_an_answered_call_is_encrypted_where_freeswitch_says_so() -> None:
    assert encrypted_media.confirmed({"rtp_secure_audio_confirmed": "true"}.get)
    assert not encrypted_media.confirmed({}.get)


def test_a_far_end_without_srtp_is_told_in_words_and_not_dialled_again() -> None:
    refused = encrypted_media.explained(CallResult("INCOMPATIBLE_DESTINATION", sip_code=488))
    rule = Rules().of(refused)
    assert rule.action is Action.FINAL
    assert "encrypted media" in rule.words


@pytest.mark.parametrize("cause", ["USER_BUSY", "NORMAL_CLEARING", "NORMAL_TEMPORARY_FAILURE"])
def test_other_ends_stay_what_they_are(cause: str) -> None:
    result = CallResult(cause)
    assert encrypted_media.explained(result) == result


def test_a_fax_that_came_to_talk_was_encrypted() -> None:
    result = CallResult("INCOMPATIBLE_DESTINATION", fax_result_code=49)
    assert encrypted_media.explained(result) == result
