import pytest

from bench import invite

FROM = ("From", '"Al Ice" <sip:+4930111@a.example>;tag=1')


def test_headers_become_the_variables_that_mod_sofia_makes() -> None:
    found = invite.variables([FROM, ("To", "<sip:+4930222@b.example>"), ("X-Mine", "1"), ("Subject", "2")])
    assert found == {
        "sip_full_from": FROM[1],
        "sip_from_user": "+4930111",
        "sip_from_display": "Al Ice",
        "sip_from_tag": "1",
        "sip_full_to": "<sip:+4930222@b.example>",
        "sip_to_user": "+4930222",
        "sip_h_X-Mine": "1",
    }


def test_a_parameter_overwrites_the_part_of_its_name() -> None:
    assert invite.variables([("To", "<sip:+4930222@b>;user=evil")])["sip_to_user"] == "evil"


def test_of_several_headers_there_is_what_mod_sofia_leaves() -> None:
    found = invite.variables(
        [("Diversion", "<sip:1@a>"), ("diversion", "<sip:2@a>"), ("Diversion", "<sip:3@a>"),
         ("History-Info", "<sip:1@a>;index=1"), ("History-InfoX", "<sip:2@a>;index=2"),
         ("P-Asserted-Identity", "<sip:1@a>"), ("P-Asserted-Identity", "<tel:1>")]
    )  # fmt: skip
    assert found["sip_h_Diversion"] == "<sip:3@a>"
    assert found["sip_history_info"] == "<sip:1@a>;index=1, <sip:2@a>;index=2"
    assert found["sip_P-Asserted-Identity"] == "<sip:1@a>"


def test_what_could_be_expanded_is_not_there() -> None:
    assert "sip_Privacy" not in invite.variables([("Privacy", "${system(id)}")])


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ([FROM], ("+4930111", "Al Ice")),
        ([("From", "<sip:+4930111@a>")], ("+4930111", "+4930111")),
        ([FROM, ("P-Asserted-Identity", "<sip:+4930222@a>")], ("+4930222", "Al Ice")),
        ([FROM, ("P-Preferred-Identity", '"Evil" <sip:+4930999@a>'), ("Remote-Party-ID", "<sip:+4930333@a>")],
         ("+4930999", "Evil")),
        ([("From", '"${x}" <sip:$a@b>')], ("%a", "%{x}")),
    ],
)  # fmt: skip
def test_the_caller_id_is_the_last_that_anybody_wrote(headers: list[tuple[str, str]], shown: tuple[str, str]) -> None:
    assert invite.caller_id(headers) == shown
