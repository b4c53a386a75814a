import base64
import json
from dataclasses import replace

import pytest

from faxplan.caller_identity import Caller, identify
from faxplan.invite import Invite

FROM = Invite(sender='"Al Ice" <sip:+4930111@a.example>;tag=1')
ASSERTED = '"Real" <sip:+4930222@carrier.example>'
REMOTE = '"Other" <sip:+4930333@carrier.example>;party=calling;screen=yes;privacy=off'


def caller(invite: Invite, *, trusted: bool = True) -> tuple[str, str, bool]:
    found = identify(invite, trusted=trusted)
    return found.number, found.name, found.anonymous


@pytest.mark.parametrize("trusted", [True, False])
def test_from_says_who_calls(trusted: bool) -> None:
    assert identify(FROM, trusted=trusted) == Caller("+4930111", "Al Ice", False, None, None)


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"asserted": ASSERTED}, "+4930222"),
        ({"asserted": "+4930222"}, "+4930222"),
        ({"asserted": "<tel:+49-30-222>"}, "+4930222"),
        ({"remote_party": REMOTE}, "+4930333"),
        ({"asserted": ASSERTED, "remote_party": REMOTE}, "+4930222"),
        # No number there: the next one that has one.
        ({"asserted": "<sip:trunk@carrier.example>", "remote_party": REMOTE}, "+4930333"),
        ({"asserted": "<sip:trunk@carrier.example>"}, "+4930111"),
        # RFC 3325, 9.1: a SIP and a tel URI may stand there.
        ({"asserted": '"A, B" <sip:trunk@carrier.example>, <tel:+4930222>'}, "+4930222"),
        ({"asserted": "<sip:+4930222@a>, <tel:+4930444>"}, "+4930222"),
        ({"asserted": "<sip:+4930222@carrier.example"}, "+4930111"),
        ({"remote_party": REMOTE.replace("calling", "called")}, "+4930111"),
        ({"remote_party": REMOTE.replace("screen=yes", "screen=no")}, "+4930111"),
    ],
)
def test_what_a_trusted_trunk_asserts_comes_before_from(headers: dict[str, str], number: str) -> None:
    assert caller(replace(FROM, **headers))[0] == number
    assert caller(replace(FROM, **headers), trusted=False) == ("+4930111", "Al Ice", False)


def test_an_asserted_number_without_a_name_has_that_of_from() -> None:
    assert caller(replace(FROM, asserted="<tel:+4930222>")) == ("+4930222", "Al Ice", False)


@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_user_prefers_never_counts(trusted: bool) -> None:
    assert caller(replace(FROM, preferred="<sip:+4930999@evil.example>"), trusted=trusted)[0] == "+4930111"


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        {"privacy": "id"},
        {"privacy": "header;ID"},
        {"privacy": "user; critical"},
        {"privacy": "full"},
        {"sender": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'},
        {"sender": "<sip:c8oqz84zk7z@anonymous.invalid>"},
        {"sender": "<sip:Anonymous@carrier.example>"},
        {"sender": "<sip:Restricted@carrier.example>"},
        {"remote_party": REMOTE.replace("privacy=off", "privacy=full")},
        {"remote_party": REMOTE.replace("privacy=off", "privacy=uri")},
    ],
)
def test_whoever_wants_to_be_anonymous_is_whatever_else_is_there(headers: dict[str, str], trusted: bool) -> None:
    everything = {"asserted": ASSERTED, "remote_party": REMOTE, "preferred": ASSERTED}
    assert caller(replace(FROM, **(everything | headers)), trusted=trusted) == ("", "", True)


@pytest.mark.parametrize("privacy", ["none", "header", "session", "critical", "history", "idea"])
def test_other_wishes_hide_nobody(privacy: str) -> None:
    assert caller(replace(FROM, privacy=privacy)) == ("+4930111", "Al Ice", False)


@pytest.mark.parametrize("sender", [None, "", "nonsense", "<sip:a@b", "<sip:operator@a>", "<sip:+12@a>"])
def test_a_call_may_come_from_no_number(sender: str | None) -> None:
    assert caller(Invite(sender=sender))[0] == ""


# ------------------------------------------------------------------------------------------------------------- verified

PASSED = "TN-Validation-Passed"


@pytest.mark.parametrize(
    ("invite", "verstat"),
    [
        (Invite(sender=f"<sip:+4930111;verstat={PASSED}@a>"), PASSED),
        (Invite(sender=f"<sip:+4930111@a>;verstat={PASSED}"), PASSED),
        (Invite(sender="<sip:+4930111;verstat=tn-validation-failed-c@a>"), "TN-Validation-Failed-C"),
        (Invite(sender="<sip:+4930111;verstat=No-TN-Validation@a>"), "No-TN-Validation"),
        # sofia.c has cut it off.
        (replace(FROM, name_parameters=f"verstat={PASSED}"), PASSED),
        # Off which header is not known.
        (replace(FROM, name_parameters=f"verstat={PASSED}", preferred="<sip:+4930999@a>"), None),
        (replace(FROM, asserted=f"<sip:+4930222;verstat={PASSED}-A@a>"), f"{PASSED}-A"),
        # Of the header that says who calls, and of no other.
        (Invite(sender=f"<sip:+4930111;verstat={PASSED}@a>", asserted=ASSERTED), None),
        (Invite(sender="<sip:+4930111;verstat=${system(id)}@a>"), None),
        (Invite(sender="<sip:+4930111;verstat=TN-Validation-Passed-D@a>"), None),
        (Invite(sender="<sip:+4930111;verstat=TN-Validation-Pa\u017f\u017fed@a>"), None),
        (Invite(sender="<sip:+4930111;verstat=@a>"), None),
        (FROM, None),
    ],
)
def test_a_trusted_trunk_says_whether_the_number_is_proven(invite: Invite, verstat: str | None) -> None:
    assert identify(invite, trusted=True).verstat == verstat
    assert identify(invite, trusted=False).verstat is None


def test_freeswitch_s_own_verification_counts_from_any_trunk_and_first() -> None:
    claimed = Invite(sender=f"<sip:+4930111;verstat={PASSED}@a>")
    failed = replace(claimed, verified="TN-Validation-Failed-A")
    for trusted in (True, False):
        assert identify(failed, trusted=trusted).verstat == "TN-Validation-Failed-A"
    # It had nothing to look at; the trunk may have.
    assert identify(replace(claimed, verified="No-TN-Validation"), trusted=True).verstat == PASSED


def passport(claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'ppt': 'shaken'})}.{part(claims)}.c2lnbmVk;info=<https://cert.example/x>;alg=ES256;ppt=shaken"


@pytest.mark.parametrize(
    ("identity", "attest"),
    [
        (passport({"attest": "B", "orig": {"tn": "4930111"}}), "B"),
        (passport({"attest": "Z"}), None),
        (passport({"attest": ["A"]}), None),
        (passport(["A"]), None),
        (passport({}), None),
        ("", None),
        ("..", None),
        ("a.b.c", None),
        ("a.!!!!.c", None),
        (f"a.{'A' * 9000}.c", None),
        (f"a.{base64.b64encode(b'[' * 6000).decode()}.c", None),
        ("\udcff.\udcff.\udcff", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_how_the_caller_s_provider_attests(identity: str, attest: str | None) -> None:
    invite = replace(FROM, identity=identity)
    assert identify(invite, trusted=True).attest == attest
    assert identify(invite, trusted=False).attest is None


def test_the_attestation_that_was_verified_comes_before_the_one_that_is_written() -> None:
    invite = replace(FROM, identity=passport({"attest": "A"}), verified=f"{PASSED}-C")
    assert identify(invite, trusted=True).attest == "C"
    assert identify(replace(invite, verified="TN-Validation-Failed"), trusted=True).attest is None
