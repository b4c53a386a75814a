"""`faxplan trunk add` step by step: asks, shows what it will write, writes, and goes on to cli_trunk_bringing_up."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    cli_output,
    cli_passwords,
    cli_trunk_bringing_up,
    gateways,
    numbers,
    providers,
    sip_options,
    trunk_directory,
    trunk_provisioning,
    trunk_setup,
)
from faxplan.cli_asking import Asking, Stopped
from faxplan.errors import FaxplanError
from faxplan.gateways import Gateway
from faxplan.providers import Provider

if TYPE_CHECKING:
    from faxplan.cli import Context

NONE = "none"
INTERRUPTED = 130
_NO_T38 = "off"
_STANDARD_INPUT = "-"
_CALLER_ID = (
    ("pai", "P-Asserted-Identity and From, as most carriers want it"),
    ("rpid", "Remote-Party-ID and From"),
    ("from", "From alone"),
)
_T38 = (
    ("receiver", "yes; whoever receives asks for it, as is usual"),
    ("sender", "yes; whoever sends asks for it"),
    ("nobody", "yes; we never ask, the carrier does"),
    (_NO_T38, "no: sound alone (G.711)"),
)


def is_meant(options: argparse.Namespace) -> bool:
    """Whether to ask: by --guided, or at a terminal where nothing says what trunk it is."""
    return bool(options.guided or (options.name is None and not options.json and sys.stdin.isatty()))


def guide(context: "Context", options: argparse.Namespace) -> int:
    """The exit code. Whatever ends it says what was written, and how to go on or to undo it."""
    asking, written = Asking(sys.stdout), cli_trunk_bringing_up.Written()
    try:
        name, values, provider = _ask(context, options, asking)
        if not _agreed(options, asking, name, values):
            asking.say("Nothing was written.")
            return 1
        trunk_provisioning.add_trunk(context.admin, context.actor, name, values)
        written.trunk = name
        asking.say(f"Trunk {name} is written.")
        return cli_trunk_bringing_up.bring_up(context, options, asking, written, provider)
    except (KeyboardInterrupt, Stopped) as error:
        asking.say("" if isinstance(error, Stopped) else "\nInterrupted.")
        asking.say(written.standing())
        if isinstance(error, Stopped):
            raise
        return INTERRUPTED
    except FaxplanError:
        asking.say(written.standing())
        raise


def _ask(
    context: "Context", options: argparse.Namespace, asking: Asking
) -> tuple[str, dict[str, Any], Provider | None]:
    """Name, values as trunk_provisioning takes them, and whose trunk it is."""
    asking.say("A new trunk, step by step. Enter takes what stands in brackets; Ctrl-C leaves.")
    asking.say("Nothing is written before you have seen it.\n")
    provider = _provider(options, asking)
    taken = {row["name"] for row in trunk_provisioning.all_trunks(context.admin)}
    name = options.name or asking.text("Name of the trunk", trunk_setup.name_for(provider, taken), _name_check(taken))
    given = cli_output.given(options, trunk_directory.COLUMNS)
    values = {**trunk_setup.begin(provider), **given}
    _ask_where(options, asking, values, provider)
    _ask_account(options, asking, values)
    _ask_numbers(given, asking, values)
    _ask_sources(given, asking, values)
    _ask_fax(given, asking, values)
    return name, trunk_setup.complete(values), provider


def _provider(options: argparse.Namespace, asking: Asking) -> Provider | None:
    key = options.provider
    if key is None:
        choices = [(each.key, each.name) for each in providers.everyone()]
        key = asking.choice("Which carrier?", [*choices, (providers.ANOTHER, "another one")], providers.ANOTHER)
    provider = providers.named(key)
    if provider is not None:
        asking.say(f"{provider.name}. {providers.T38[provider.t38]}")
        asking.say("docs/providers.md has what its documentation says, with sources.\n")
    return provider


def _ask_where(options: argparse.Namespace, asking: Asking, values: dict[str, Any], provider: Provider | None) -> None:
    if options.host is None:
        default = values.get("host")
        example = provider.presets["host"] if provider is not None and provider.host_is_own else "sip.carrier.example"
        question = "Host, without port" if default else f"Host, without port (such as {example})"
        values["host"] = asking.text(question, default, _host_check)
    if options.transport is None:
        kinds = [(each, each.upper()) for each in sip_options.TRANSPORTS]
        values["transport"] = asking.choice("Transport?", kinds, values["transport"])
    if options.port is None:
        port = asking.text("Port (empty: 5060, or what DNS says)", values.get("port") or "", _port_check)
        values["port"] = int(port) if port else None


def _ask_account(options: argparse.Namespace, asking: Asking, values: dict[str, Any]) -> None:
    if options.register is None:
        values["register"] = asking.yes("Does the carrier want you to register?", default=bool(values["register"]))
    wanted = values["register"] or options.username is not None
    if not wanted and options.password_file is None:
        wanted = asking.yes("Does it want a user name and a password at each call?", default=False)
    if not wanted:
        return
    if options.username is None:
        values["username"] = asking.text("User name")
    if options.password_file is None:
        values["password"] = _asked_password(asking)
    elif options.password_file == _STANDARD_INPUT:
        values["password"] = asking.secret("Password of the trunk")
    else:
        values["password"] = cli_passwords.first_line(Path(options.password_file))


def _asked_password(asking: Asking) -> str:
    """Raises Stopped."""
    for _try in range(3):
        if password := asking.secret("Password (not shown)"):
            return password
        asking.say("  A password is needed here.")
    raise Stopped("There was no password.")


def _ask_numbers(given: Mapping[str, Any], asking: Asking, values: dict[str, Any]) -> None:
    if "inbound_country" not in given:
        country = asking.text("Country of the trunk, two letters", values.get("inbound_country"), _country_check)
        values["inbound_country"] = country.upper()
    number = numbers.example(values["inbound_country"])
    shown = [(each, _written(number, each, values["inbound_country"])) for each in numbers.CALLED_FORMATS]
    for column, question in (
        ("called_format", "How are called numbers written?"),
        ("calling_format", "How is the caller ID written?"),
    ):
        if column not in given:
            values[column] = asking.choice(question, shown, values[column])
    if "caller_id_in" not in given:
        values["caller_id_in"] = asking.choice("Where does the caller ID stand?", _CALLER_ID, values["caller_id_in"])


def _written(number: str, called_format: str, country: str) -> str:
    words = {"e164": "E.164", "e164-no-plus": "E.164 without +", "national": f"as dialled inside {country}"}
    return f"{numbers.written(number, called_format, country):<18} {words[called_format]}"


def _ask_sources(given: Mapping[str, Any], asking: Asking, values: dict[str, Any]) -> None:
    if "source_networks" in given:
        return
    found = trunk_setup.sources(values)
    for name, port in found.located.services:
        asking.say(f"  DNS: {values['host']} is served by {name} port {port} (SRV)")
    if not found.networks:
        asking.say(f"  DNS has no address for {values['host']}: check its name, or go on where it is right.")
    default = " ".join(found.networks) or NONE
    asking.say(
        "Where do its calls come from? Addresses or networks, with spaces between; calls from elsewhere get 403."
    )
    answer = asking.text(f"Networks ({NONE}: it sends no calls)", default, _networks_check)
    values["source_networks"] = [] if answer == NONE else answer.replace(",", " ").split()


def _ask_fax(given: Mapping[str, Any], asking: Asking, values: dict[str, Any]) -> None:
    if not {"t38", "t38_request"} & given.keys():
        default = values["t38_request"] if values["t38"] else _NO_T38
        asks = asking.choice("T.38?", _T38, default)
        values["t38"] = asks != _NO_T38
        if asks != _NO_T38:
            values["t38_request"] = asks
    if "max_calls" not in given:
        calls = asking.text("Channels: calls at once (empty: no limit)", "", _calls_check)
        values["max_calls"] = int(calls) if calls else None


def _agreed(options: argparse.Namespace, asking: Asking, name: str, values: Mapping[str, Any]) -> bool:
    shown = trunk_setup.check(name, values)
    asking.say(f"\nThis becomes FreeSWITCH's gateway, {name}.xml:\n")
    asking.say(shown.rstrip("\n"))
    asking.say(f"\nCalls are taken from  {' '.join(values.get('source_networks', [])) or 'nowhere'}")
    asking.say(f"T.38                  {values['t38_request'] + ' asks' if values['t38'] else 'no'}")
    asking.say(f"Calls at once         {values.get('max_calls') or 'no limit'}\n")
    return bool(options.yes) or asking.yes("Write it?", default=True)


# ------------------------------------------------------------------------------------------------------------- checks


class _Wrong(FaxplanError):
    """Of one answer."""

    error_id = "invalid-answer"


def _name_check(taken: set[str]) -> Callable[[str], None]:
    def check(name: str) -> None:
        if name in taken:
            raise _Wrong(f"There is a trunk {name} already; `faxplan trunk set {name}` changes it.")
        gateways.gateway_xml(Gateway(name=name, host="192.0.2.1"))

    return check


def _host_check(host: str) -> None:
    gateways.gateway_xml(Gateway(name="trunk", host=host))


def _port_check(text: str) -> None:
    if text and not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 65535):
        raise _Wrong("A port is a number from 1 to 65535.")


def _calls_check(text: str) -> None:
    if text and not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 2**31):
        raise _Wrong("Write a number from 1 on, or nothing.")


def _country_check(text: str) -> None:
    numbers.check_country(text.upper())


def _networks_check(text: str) -> None:
    if text != NONE:
        trunk_directory.parse_networks(text.replace(",", " ").split())
