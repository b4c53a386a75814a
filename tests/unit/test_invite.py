import pytest

from faxplan import invite

OURS, DID, OTHER, ACCOUNT = "gw+carrier", "+493023125001", "+493023125002", "49301234"
TO_DID = f"<sip:{DID}@carrier.example>"
REGISTERED = {"sip_gateway": "carrier", "faxplan_trunk_account": ACCOUNT}


@pytest.mark.parametrize(
    ("variables", "in_to"),
    [
        ({"sip_req_user": DID, "sip_full_to": "<sip:switchboard@a>"}, False),
        # sofia.c, of a call to the Contact that we registered.
        ({**REGISTERED, "sip_req_user": OURS, "sip_full_to": TO_DID}, True),
        ({**REGISTERED, "sip_req_user": ACCOUNT, "sip_full_to": TO_DID}, True),
        # The Contact's parameters, and the number in its user's place. sofia.c: destination_number is To.
        ({**REGISTERED, "sip_req_user": DID, "sip_full_to": f"<sip:{OTHER}@a>", "destination_number": OTHER}, False),
        ({"sip_req_user": OURS, "sip_full_to": TO_DID}, True),
        ({"sip_req_user": "nobody", "sip_full_to": TO_DID}, True),
        ({"sip_full_to": TO_DID}, True),
    ],
    ids=[
        "number in the request",
        "registered trunk",
        "registered trunk that calls the account",
        "registered trunk with the number in the request",
        "gateway that is gone",
        "no user in the request",
        "nothing in the request",
    ],
)
def test_the_called_number_stands_where_the_trunk_writes_it(variables: dict[str, str], in_to: bool) -> None:
    found = invite.read(variables.get)
    assert found.names_its_number_in_to is in_to
    assert (found.to_user if in_to else found.request_user) == DID


def test_parameters_of_a_header_do_not_pass_for_its_user() -> None:
    """sofia.c sets sip_to_user to them."""
    found = invite.read({"sip_full_to": f"{TO_DID};user=evil", "sip_to_user": "evil"}.get)
    assert found.to_user == DID


def test_parameters_of_the_request_are_kept_and_not_dialled() -> None:
    variables = {
        "sip_req_user": f"{DID};npdi",
        "sip_req_uri": f"{DID};npdi@192.0.2.1:5090",
        "sip_req_params": "user=phone",
    }
    found = invite.read(variables.get)
    assert found.request_user == DID
    assert found.request_uri == f"sip:{DID};npdi@192.0.2.1:5090;user=phone"


def test_what_is_not_there_is_none() -> None:
    found = invite.read({}.get)
    assert found == invite.Invite()
    assert found.to_user == ""
