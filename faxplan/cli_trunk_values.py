"""A trunk's values on the command line: the options that give them, and how a table shows them."""

import argparse
from collections.abc import Mapping
from typing import Any

from faxplan import called_number, cli_output, numbers, t30_trace
from faxplan.dial_string import MOST_REDUNDANCY

_NOTHING = "none"


def options() -> argparse.ArgumentParser:
    """The options of `trunk add` and `trunk set`; each leads to the column of its name, as trunk_directory has them."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--port", type=cli_output.whole_number, help="default: 5060, or what DNS says for a host name")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"])
    parser.add_argument("--source", dest="source_networks", action="append", metavar="NETWORK",
                        help="address or network from which its calls come; may be repeated")  # fmt: skip
    cli_output.add_switch(parser, "--register", "register with the carrier, which needs user name and password")
    parser.add_argument("--username")
    parser.add_argument("--password-file", metavar="FILE",
                        help="the password stands on its first line; `-`: ask, or read it from a pipe")  # fmt: skip
    parser.add_argument("--realm", help="of digest authentication (default: the host)")
    parser.add_argument(
        "--ping-seconds", type=cli_output.whole_number, metavar="N", help="OPTIONS so often; without answer it is down"
    )
    _add_number_formats(parser)
    parser.add_argument("--called-from", type=_places, metavar="PLACES",
                        help=f"where its calls name the number, in order, of {','.join(called_number.PLACES)} "
                             "(default: request)")  # fmt: skip
    _add_caller_id(parser)
    _add_media(parser)
    _add_encryption(parser)
    _add_identity(parser)
    parser.add_argument("--t30-trace", choices=[t30_trace.OFF, t30_trace.FAILED, t30_trace.ALL],
                        help="of which calls the T.30 is kept for `faxplan show --trace` (default: off)")  # fmt: skip
    _add_limits(parser)
    cli_output.add_switch(parser, "--enabled", "off: neither calls nor gateway")
    return parser


def _add_number_formats(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--called-format", choices=numbers.CALLED_FORMATS, help="how called numbers are dialled")
    parser.add_argument("--calling-format", choices=numbers.CALLED_FORMATS, help="how the caller ID is written")
    parser.add_argument("--inbound-format", choices=numbers.INBOUND_FORMATS,
                        help="how the carrier writes numbers; any (default): E.164, then national")  # fmt: skip
    parser.add_argument("--called-prefix", type=_prefix, metavar="DIGITS",
                        help="dialled before every called number: an outside line, or what the carrier asks for; "
                             "digits, * and #, at most 10; `none`: nothing")  # fmt: skip
    parser.add_argument("--inbound-prefix", type=_prefix, metavar="DIGITS",
                        help="taken off the called number of its calls, where that begins so; `none`")  # fmt: skip
    parser.add_argument("--inbound-calling-format", choices=numbers.INBOUND_FORMATS,
                        help="how the carrier writes calling numbers (default: as called ones)")  # fmt: skip


def _add_caller_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--caller-id-in", choices=["from", "pai", "rpid"],
                        help="where the number stands: in From alone, or in P-Asserted-Identity (default) or "
                             "Remote-Party-ID too")  # fmt: skip
    cli_output.add_switch(parser, "--privacy", "the called party is not told the number: anonymous From, Privacy: id")
    parser.add_argument("--from-user", metavar="USER", help="in From in the number's place, such as the account")
    parser.add_argument("--from-domain", metavar="HOST", help="in From and with the number (default: our address)")


def _add_media(parser: argparse.ArgumentParser) -> None:
    cli_output.add_switch(parser, "--t38", "ask for T.38 and take it; off: G.711 only")
    parser.add_argument("--t38-request", choices=["receiver", "sender", "nobody"],
                        help="which side of a call asks for T.38 (default: receiver); only one may")  # fmt: skip
    parser.add_argument("--t38-redundancy", type=cli_output.whole_number, metavar="N",
                        help="earlier packets that each T.38 packet repeats, 0 to 3 (default: 3)")  # fmt: skip
    cli_output.add_switch(parser, "--v17", "off: 9600 bit/s at most, for lines that do not carry V.17")
    cli_output.add_switch(parser, "--ecm", "error correction")
    parser.add_argument("--codec", choices=["any", "pcmu", "pcma"],
                        help="G.711 of which kind is offered in calls that go out (default: any)")  # fmt: skip


def _add_identity(parser: argparse.ArgumentParser) -> None:
    cli_output.add_switch(parser, "--trusts-identity",
                          "believe what it asserts: P-Asserted-Identity, Remote-Party-ID, verstat, Identity, "
                          "Diversion, History-Info")  # fmt: skip


def _add_encryption(parser: argparse.ArgumentParser) -> None:
    cli_output.add_switch(parser, "--encrypted-media", "SRTP or no call; needs --transport tls and --t38 off")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-calls", type=cli_output.whole_number, metavar="N",
                        help="calls at once on all nodes, both directions (default: no limit)")  # fmt: skip
    parser.add_argument("--calls-per-second", type=cli_output.above_zero, metavar="N",
                        help="new calls a second that go out, from all nodes together (default: no limit)")  # fmt: skip
    parser.add_argument("--dedicated-to", metavar="TENANT",
                        help="only its calls go out through it, before any other trunk; `none`: shared")  # fmt: skip
    cli_output.add_switch(parser, "--overflow", "calls that a dedicated trunk cannot take go on to the shared ones")


def _prefix(text: str) -> str:
    """Which characters it may have is a rule of the database's."""
    return "" if text == _NOTHING else text


def _places(text: str) -> list[str]:
    """Which of them there are is a rule of the database's."""
    return text.split(",")


def shown(trunk: Mapping[str, Any]) -> dict[str, str]:
    """A trunk, as trunk_directory.everyone has it, in columns for people: by heading. registered_by: a node, or None;
    behind: nodes that have an old version of it.
    """
    host, port = trunk["host"], trunk["port"]
    return {
        "TRUNK": trunk["name"],
        "HOST": host if port is None else f"{host} port {port}",
        "BY": trunk["transport"],
        "REGISTERS": _registers(trunk),
        "CALLS FROM": " ".join(trunk["source_networks"]),
        "IDENTITY": "trusted" if trunk["trusts_identity"] else "From only",
        "DIALS": f"{trunk['called_prefix']} {trunk['called_format']}".strip(),
        "COUNTRY": trunk["inbound_country"],
        "CALLER ID": _caller_id(trunk),
        "T.38": f"{trunk['t38_request']} asks" if trunk["t38"] else "no",
        "MEDIA": _media(trunk),
        "LIMITS": _limits(trunk),
        "FOR": _serves(trunk),
        "ENABLED": "yes" if trunk["enabled"] else "no",
        "OLD ON": " ".join(trunk["behind"]),
    }


def _registers(trunk: Mapping[str, Any]) -> str:
    if not trunk["register"]:
        return "no"
    return f"as {trunk['username']}" + (f" on {trunk['registered_by']}" if trunk["registered_by"] else "")


def _caller_id(trunk: Mapping[str, Any]) -> str:
    return f"{trunk['caller_id_in']}, anonymous" if trunk["privacy"] else str(trunk["caller_id_in"])


def _media(trunk: Mapping[str, Any]) -> str:
    """What differs from the rule; empty where nothing does."""
    parts = ["SRTP"] if trunk["encrypted_media"] else []
    parts += [] if trunk["codec"] == "any" else [str(trunk["codec"])]
    parts += [f"no {name}" for name, column in (("V.17", "v17"), ("ECM", "ecm")) if not trunk[column]]
    if trunk["t38_redundancy"] != MOST_REDUNDANCY:
        parts.append(f"redundancy {trunk['t38_redundancy']}")
    if trunk["t30_trace"] != t30_trace.OFF:
        parts.append(f"T.30 traces: {trunk['t30_trace']}")
    return ", ".join(parts)


def _limits(trunk: Mapping[str, Any]) -> str:
    calls, pace = trunk["max_calls"], trunk["calls_per_second"]
    return ", ".join(([] if calls is None else [f"{calls} calls"]) + ([] if pace is None else [f"{pace:g} a second"]))


def _serves(trunk: Mapping[str, Any]) -> str:
    if trunk["dedicated_to"] is None:
        return "(all)"
    return f"{trunk['dedicated_to']}{'' if trunk['overflow'] else ', no overflow'}"
