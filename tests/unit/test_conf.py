"""conf/ as FreeSWITCH reads it: preprocessor first, then XML; and only parameters that FreeSWITCH knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from faxplan.config import CALL_CAP_SECONDS

CONF = Path(__file__).parents[2] / "conf"
XML_FILES = sorted(CONF.rglob("*.xml"))
PROFILE = CONF / "sip_profiles" / "faxplan.xml"
DIALPLAN = CONF / "dialplan" / "faxplan.xml"

# Read by sofia.c (config_sofia) and by the configuration readers of the other modules, FreeSWITCH 1.10.12 to 1.11.
PROFILE_PARAMETERS = {
    "apply-inbound-acl",
    "auth-calls",
    "auth-calls-acl-only",
    "caller-id-type",
    "contact-user",
    "context",
    "dialplan",
    "disable-hold",
    "disable-register",
    "disable-srv503",
    "disable-transfer",
    "enable-timer",
    "ext-rtp-ip",
    "ext-sip-ip",
    "inbound-codec-negotiation",
    "inbound-codec-prefs",
    "manage-presence",
    "outbound-codec-prefs",
    "p-asserted-id-parse",
    "pass-callee-id",
    "rtp-autofix-timing",
    "rtp-ip",
    "rtp-timer-name",
    "sip-ip",
    "sip-port",
    "suppress-cng",
    "tls",
    "tls-sip-port",
    "tls-verify-policy",
    "tls-version",
    "user-agent-string",
    "username",
    "vad",
}
OTHER_PARAMETERS = {
    "python.conf.xml": {"startup-script"},
    "spandsp.conf.xml": {
        "total-modems", "use-ecm", "disable-v17", "verbose", "enable-t38", "enable-t38-request", "ident", "header",
        "spool-dir", "file-prefix",
    },
    "acl.conf.xml": set(),
    "switch.conf.xml": {
        "switchname", "loglevel", "rtp-start-port", "rtp-end-port", "rtp-port-usage-robustness", "max-sessions",
        "sessions-per-second", "api-expansion", "dump-cores",
    },
    "event_socket.conf.xml": {"listen-ip", "listen-port", "password", "nat-map"},
    "logfile.conf.xml": {"rotate-on-hup", "rollover", "maximum-rotate", "uuid"},
    "modules.conf.xml": set(),
    "sofia.conf.xml": {"log-level"},
}  # fmt: skip


def without_comments(text: str) -> str:
    return re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)


def settings() -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(PROFILE.read_text().splitlines()):
        if found := re.fullmatch(r' *<param name="([^"]*)" value="([^"]*)"/>', line):
            yield number, found[1], found[2]


@pytest.mark.parametrize("path", XML_FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_is_xml_as_freeswitch_reads_it(path: Path) -> None:
    text = path.read_text(encoding="ascii")
    etree.fromstring(text.encode())
    # The preprocessor drops the lines with include tags; what is left goes into a larger file.
    left = [line for line in text.splitlines() if not re.search(r"</?include>|<\?|X-PRE-PROCESS", line)]
    assert etree.fromstring("\n".join(["<all>", *left, "</all>"]).encode()).tag == "all"


@pytest.mark.parametrize("path", XML_FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_the_preprocessor_s_lines_hold_nothing_else(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "<include>" in line or "</include>" in line:
            assert line in ("<include>", "</include>")
        if "<?" in line:
            assert line == '<?xml version="1.0"?>'
    for line in without_comments(path.read_text()).splitlines():
        if "x-pre-process" in line.lower():
            assert re.fullmatch(r' *<X-PRE-PROCESS cmd="(set|include)" data="[^"]+"/>', line)


@pytest.mark.parametrize("path", XML_FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_every_variable_is_set_somewhere(path: Path) -> None:
    of_freeswitch = {"local_ip_v4", "temp_dir"}
    in_files = {name for file in XML_FILES for name in re.findall(r'data="(\w+)=', file.read_text())}
    of_the_launcher = {
        f"faxplan_{name}"
        for name in (
            "switch_name",
            "log_level",
            "rtp_start_port",
            "rtp_end_port",
            "max_sessions",
            "sessions_per_second",
        )
    } | {"faxplan_event_socket_port"}
    used = set(re.findall(r"\$\$\{(\w+)\}", without_comments(path.read_text())))
    known = of_freeswitch | in_files | (of_the_launcher if "standalone" in path.parts else set())
    assert used - known == set()


def test_the_profile_uses_parameters_that_freeswitch_knows_once_each() -> None:
    names = [name for _, name, _ in settings()]
    assert set(names) == PROFILE_PARAMETERS
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "path", [path for path in XML_FILES if path.name.endswith(".conf.xml")], ids=lambda path: path.name
)
def test_other_files_use_parameters_that_freeswitch_knows(path: Path) -> None:
    found = etree.fromstring(path.read_bytes())
    assert found.get("name") == path.name.removesuffix(".xml")
    assert {param.get("name") for param in found.iter("param")} == OTHER_PARAMETERS[path.name]


def test_every_profile_parameter_has_its_reason() -> None:
    lines = PROFILE.read_text().splitlines()
    parameters = {number for number, _, _ in settings()}
    for number, name, _ in settings():
        above = number - 1
        # One reason may stand above a pair, such as both directions of a codec list.
        while above in parameters:
            above -= 1
        assert lines[above].rstrip().endswith("-->"), f"{name} has no reason above it"


@pytest.mark.parametrize("name", ["ident", "header"])
def test_no_default_ident_or_header(name: str) -> None:
    found = etree.parse(CONF / "autoload_configs" / "spandsp.conf.xml").find(f".//param[@name='{name}']")
    assert found is not None
    # An empty value is skipped, and the library's own name goes out.
    assert found.get("value") == "_undef_"


def test_the_profile_is_a_fax_profile() -> None:
    values = {name: value for _, name, value in settings()}
    assert values["inbound-codec-prefs"] == values["outbound-codec-prefs"] == "PCMU,PCMA"
    assert values["enable-timer"] == "false"
    assert values["rtp-timer-name"] == "soft"
    assert values["apply-inbound-acl"] == "faxplan-trunks"
    assert values["auth-calls"] == values["auth-calls-acl-only"] == "true"
    assert values["context"] == "faxplan"


def test_the_dialplan_gives_no_application_what_a_caller_sent() -> None:
    actions = etree.parse(DIALPLAN).findall(".//action")
    order = [f"{action.get('application')} {action.get('data')}" for action in actions]
    for data in (action.get("data", "").replace("$${faxplan_inbound_cap}", "") for action in actions):
        assert "$" not in data
    # T.38 is allowed and the cap stands before the script answers.
    assert order.index("set fax_enable_t38=true") < order.index("python fax_in")
    assert order.index("sched_hangup +$${faxplan_inbound_cap} allotted_timeout") < order.index("python fax_in")
    assert order[-1] == "hangup NORMAL_TEMPORARY_FAILURE"


def test_the_gateways_folder_is_where_the_profile_looks() -> None:
    assert '<X-PRE-PROCESS cmd="include" data="faxplan/*.xml"/>' in PROFILE.read_text()


def test_received_calls_may_last_as_long_as_faxplan_reckons_with() -> None:
    assert f'data="faxplan_inbound_cap={CALL_CAP_SECONDS}"' in (CONF / "faxplan" / "vars.xml").read_text()
