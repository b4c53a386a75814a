"""How a trunk is, out of what FreeSWITCH says, and who answers an OPTIONS."""

from dataclasses import replace
from typing import Any

import pytest

from faxplan import sip_dns, sip_options, trunk_check, trunk_troubles
from faxplan.config import Settings
from faxplan.sip_options import Answer, NoAnswer, TlsTrust
from faxplan.trunk_check import GatewayState

TRUNK: dict[str, Any] = {
    "name": "carrier", "host": "192.0.2.10", "port": 5070, "transport": "udp", "enabled": True,
}  # fmt: skip
STATUS = (
    "=====\nName    \tcarrier\nProfile \tfaxplan\nPing    \t1782\nPingFreq\t30\nPingTime\t12.50\nPingState\t0/0/0\n"
    "State   \t{state}\nStatus  \t{status}\nUptime  \t5s\nCallsIN \t3\nCallsOUT\t7\nFailedCallsIN\t1\n"
    "FailedCallsOUT\t2\n====="
)
ANSWER = Answer("192.0.2.10 port 5070", 200, "OK", 12.0, 1, {})


class Switch:
    """Says what it is given."""

    def __init__(self, gateway: str, profile: str = "SIP-IP           \t192.0.2.1\n") -> None:
        self.said = {
            "sofia status gateway carrier": gateway,
            "sofia status profile faxplan": profile,
            "global_getvar faxplan_tls_verify": "out",
            "global_getvar certs_dir": "/etc/freeswitch/tls",
        }

    def api(self, command: str) -> str:
        return self.said[command]

    def __enter__(self) -> "Switch":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What OPTIONS were sent, each of which is answered."""
    found: list[dict[str, Any]] = []

    def ask(host: str, port: int | None, transport: str, **how: Any) -> Answer:
        found.append({"host": host, "port": port, "transport": transport, **how})
        return ANSWER

    monkeypatch.setattr(sip_options, "ask", ask)
    return found


def check(monkeypatch: pytest.MonkeyPatch, switch: Switch, **changed: Any) -> trunk_check.Checked:
    monkeypatch.setattr(trunk_check.guard, "connect", lambda _: switch)
    return trunk_check.check(Settings("postgresql:///"), {**TRUNK, **changed})


def test_a_trunk_that_works(monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]) -> None:
    found = check(monkeypatch, Switch(STATUS.format(state="NOREG", status="UP (ping)")))
    assert found.gateway == GatewayState("NOREG", True, 30, 12.5, 7, 2, 3, 1)
    assert (found.options, found.problems, found.not_asked) == (ANSWER, (), "")
    assert asked == [{"host": "192.0.2.10", "port": 5070, "transport": "udp", "source": "192.0.2.1", "trust": None}]


@pytest.mark.parametrize(
    ("gateway", "changed", "told"),
    [
        (STATUS.format(state="NOREG", status="DOWN"), {}, "does not answer FreeSWITCH's OPTIONS, or with 503 or 408"),
        (STATUS.format(state="TRYING", status="DOWN"), {}, "is under way (state TRYING)"),
        (STATUS.format(state="FAIL_WAIT", status="DOWN"), {}, "state FAIL_WAIT"),
        ("Invalid Gateway!\n", {}, "does not know the gateway"),
        ("Invalid Gateway!\n", {"enabled": False}, "switched off"),
        ("Invalid Gateway!\n", {"transport": "tls"}, "faxplan_tls must be true"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]], gateway: str, changed: dict[str, Any], told: str
) -> None:
    (problem,) = check(monkeypatch, Switch(gateway), **changed).problems
    assert told in problem


@pytest.mark.parametrize("state", ["UNREGED", "TRYING", "REGISTER", "REGED"])
def test_a_registration_that_is_renewed_is_no_problem(
    monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]], state: str
) -> None:
    assert check(monkeypatch, Switch(STATUS.format(state=state, status="UP"))).problems == ()


@pytest.mark.parametrize(
    ("status", "ping", "told"),
    [
        (503, 30, "answers OPTIONS with 503: FreeSWITCH takes the gateway down"),
        (408, 30, "answers OPTIONS with 408: FreeSWITCH takes the gateway down"),
        (603, 30, "answers OPTIONS with 603: FreeSWITCH takes the gateway down"),
        (503, 0, "answers OPTIONS with 503: it takes no calls now"),
        (404, 30, None),
        (500, 30, None),
    ],
)
def test_an_answer_that_takes_the_gateway_down_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, status: int, ping: int, told: str | None
) -> None:
    monkeypatch.setattr(sip_options, "ask", lambda *_, **__: replace(ANSWER, status=status))
    said = STATUS.format(state="NOREG", status="UP").replace("PingFreq\t30", f"PingFreq\t{ping}")
    found = check(monkeypatch, Switch(said))
    assert found.options is not None
    assert [told in problem for problem in found.problems if told] == ([True] if told else [])
    assert bool(found.problems) == bool(told)


def test_tls_is_asked_for_as_freeswitch_would(monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]) -> None:
    check(monkeypatch, Switch(STATUS.format(state="NOREG", status="UP")), transport="tls")
    trust = asked[0]["trust"]
    assert isinstance(trust, TlsTrust)
    assert (str(trust.certificates), trust.names_host) == ("/etc/freeswitch/tls", False)


def test_a_carrier_that_is_silent_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object, **__: object) -> Answer:
        raise NoAnswer(trunk_troubles.met("silent", where="it", seconds=4))

    monkeypatch.setattr(sip_options, "ask", ask)
    found = check(monkeypatch, Switch(STATUS.format(state="NOREG", status="UP")))
    assert found.options is None
    (problem,) = found.problems
    assert problem.startswith("it did not answer OPTIONS: nothing came within 4 s.")


def test_a_profile_that_does_not_run_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    found = check(monkeypatch, Switch(STATUS.format(state="NOREG", status="UP"), "Invalid Profile!\n"))
    assert "does not run" in found.problems[0]
    assert asked == []


def test_without_freeswitch_nothing_is_asked(asked: list[dict[str, Any]]) -> None:
    found = trunk_check.check(Settings("postgresql:///"), TRUNK)
    assert "event_socket is not set" in found.not_asked
    assert (found.gateway, found.options, asked) == (None, None, [])


@pytest.mark.parametrize(
    ("host", "port", "by_name"),
    [
        ("sip.example", None, True),
        ("sip.example", 5060, False),
        ("192.0.2.1", None, False),
        ("2001:db8::1", None, False),
    ],
)
def test_our_options_does_not_look_up_what_freeswitch_does(host: str, port: int | None, by_name: bool) -> None:
    assert trunk_check.asks_by_name({"host": host, "port": port}) is by_name


def test_a_name_without_port_is_asked_where_the_dns_says(
    monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(
        sip_dns, "services", lambda host, _: (("a.sip.example", 5071),) if host == "sip.example" else ()
    )
    up = Switch(STATUS.format(state="NOREG", status="UP"))
    check(monkeypatch, up, host="sip.example", port=None)
    check(monkeypatch, up, host="other.example", port=None)
    check(monkeypatch, up, host="sip.example", port=5070)
    assert [each.get("at") for each in asked] == [("a.sip.example", 5071), None, None]
