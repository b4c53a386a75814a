import pytest

from faxplan import channel_variables as cv

OURS, DID, OTHER, ACCOUNT = "gw+carrier", "+493023125001", "+493023125002", "49301234"
REGISTERED = {"sip_gateway": "carrier", "faxplan_trunk_account": ACCOUNT}


@pytest.mark.parametrize(
    ("variables", "called"),
    [
        ({"sip_req_user": DID, "sip_to_user": "switchboard"}, DID),
        # sofia.c, of a call to the Contact that we registered.
        ({**REGISTERED, "sip_req_user": OURS, "sip_to_user": DID}, DID),
        ({**REGISTERED, "sip_req_user": ACCOUNT, "sip_to_user": DID}, DID),
        # The Contact's parameters, and the number in its user's place. sofia.c: destination_number is To.
        ({**REGISTERED, "sip_req_user": DID, "sip_to_user": OTHER, "destination_number": OTHER}, DID),
        ({"sip_req_user": OURS, "sip_to_user": DID}, DID),
        ({"sip_to_user": DID}, DID),
        ({}, ""),
    ],
    ids=[
        "number in the request",
        "registered trunk",
        "registered trunk that calls the account",
        "registered trunk with the number in the request",
        "gateway that is gone",
        "no user in the request",
        "nothing",
    ],
)
def test_the_called_number_stands_where_the_trunk_writes_it(variables: dict[str, str], called: str) -> None:
    assert cv.called_user(variables.get) == called
