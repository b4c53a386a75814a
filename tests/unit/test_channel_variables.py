import pytest

from faxplan import channel_variables as cv

OURS, DID = "gw+carrier", "+493023125001"


@pytest.mark.parametrize(
    ("variables", "called"),
    [
        ({"sip_req_user": DID, "sip_to_user": "switchboard", "destination_number": DID}, DID),
        # sofia.c, of a call to the Contact that we registered.
        ({"sip_gateway": "carrier", "sip_req_user": OURS, "sip_to_user": DID, "destination_number": DID}, DID),
        ({"sip_req_user": OURS, "sip_to_user": DID, "destination_number": OURS}, DID),
        ({"sip_to_user": DID}, DID),
        ({}, ""),
    ],
    ids=["number in the request", "registered trunk", "gateway that is gone", "no user in the request", "nothing"],
)
def test_the_called_number_stands_where_the_trunk_writes_it(variables: dict[str, str], called: str) -> None:
    assert cv.called_user(variables.get) == called
