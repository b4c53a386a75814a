"""What our INVITE said, from FreeSWITCH's variables. tests/live compares it with what a carrier read."""

import pytest

from faxplan import sent_invite
from faxplan.sent_invite import SentInvite

PLAIN = {
    "sip_req_uri": "+493099001234@192.0.2.1:5080;transport=tcp",
    "sip_destination_url": "sip:+493099001234@192.0.2.1:5080",
    "sip_from_host": "192.0.2.9",
    "sip_cid_type": "pid",
    "origination_caller_id_number": "+493023125001",
    "origination_caller_id_name": "+493023125001",
    # Of the far end's BYE: its From is whom we called.
    "sip_full_from": "<sip:+493099001234@192.0.2.1>;tag=b",
    "sip_full_to": '"+493023125001" <sip:+493023125001@192.0.2.9>;tag=a',
    "sip_from_display": "far end",
}
PRIVATE = PLAIN | {
    "sip_invite_from_uri": "sip:anonymous@anonymous.invalid",
    "sip_from_host": "anonymous.invalid",
    "sip_local_network_addr": "192.0.2.9",
}


def said(variables: dict[str, str], from_user: str | None = None) -> SentInvite:
    return sent_invite.read(variables.get, from_user)


def test_the_far_ends_bye_changes_nothing_of_it() -> None:
    assert said(PLAIN) == SentInvite(
        request_uri="sip:+493099001234@192.0.2.1:5080;transport=tcp",
        to="<sip:+493099001234@192.0.2.1:5080>",
        sender='"+493023125001" <sip:+493023125001@192.0.2.9>',
        asserted='"+493023125001" <sip:+493023125001@192.0.2.9>',
    )


@pytest.mark.parametrize(
    ("kind", "asserted"),
    [
        ("none", None),
        ("rpid", '"+493023125001" <sip:+493023125001@192.0.2.9>;party=calling;screen=yes;privacy=off'),
    ],
)
def test_the_caller_id_stands_where_the_trunk_wants_it(kind: str, asserted: str | None) -> None:
    assert said(PLAIN | {"sip_cid_type": kind}).asserted == asserted


def test_with_a_from_user_it_stands_there_in_the_numbers_place() -> None:
    found = said(PLAIN, "account7")
    assert found.sender == '"+493023125001" <sip:account7@192.0.2.9>'
    assert found.asserted == '"+493023125001" <sip:+493023125001@192.0.2.9>'


def test_with_privacy_from_is_anonymous_and_the_trunk_is_told_the_number() -> None:
    found = said(PRIVATE)
    assert found.sender == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert found.asserted == '"+493023125001" <sip:+493023125001@192.0.2.9>'
    assert said(PRIVATE | {"sip_invite_domain": "trunk.example"}).asserted == (
        '"+493023125001" <sip:+493023125001@trunk.example>'
    )
    assert str(said(PRIVATE | {"sip_cid_type": "rpid"}).asserted).endswith("privacy=full")


def test_what_no_variable_tells_is_not_made_up() -> None:
    assert said(PRIVATE, "account7").asserted is None
    assert said({}) == SentInvite()
    assert said({k: v for k, v in PLAIN.items() if k != "sip_req_uri"}) == SentInvite()
