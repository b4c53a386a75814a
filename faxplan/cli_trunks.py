"""The administrator's commands about trunks and routes."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import called_number, cli_output, cli_passwords, numbers, trunk_directory, trunk_provisioning
from faxplan.cli_passwords import NoPassword

if TYPE_CHECKING:
    from faxplan.cli import Context

_STANDARD_INPUT = "-"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    trunk = cli_output.group(commands, "trunk", "add|list|set|remove", "SIP trunks")
    values = _values()
    add = trunk.add_parser("add", parents=[common, values], help="a new trunk, which becomes a gateway of its name")
    add.add_argument("name", metavar="TRUNK", help="letters, digits, _ and -")
    add.add_argument("--host", required=True, help="the carrier's name or address, without port")
    add.add_argument("--country", dest="inbound_country", required=True, metavar="CC",
                     help="ISO code; national numbers are read, and written, in its plan")  # fmt: skip
    add.set_defaults(command=_add_trunk)
    change = trunk.add_parser("set", parents=[common, values], help="change some of a trunk's values")
    change.add_argument("name", metavar="TRUNK")
    change.add_argument("--host")
    change.add_argument("--country", dest="inbound_country", metavar="CC")
    change.add_argument("--clear", action="append", choices=trunk_directory.OPTIONAL, default=[], metavar="VALUE",
                        help=f"empty one of: {', '.join(trunk_directory.OPTIONAL)}; may be repeated")  # fmt: skip
    change.set_defaults(command=_set_trunk)
    listing = trunk.add_parser("list", parents=[common], help="all trunks; passwords are not shown")
    listing.set_defaults(command=_list_trunks)
    remove = trunk.add_parser("remove", parents=[common], help="take a trunk away, to which no route leads")
    remove.add_argument("name", metavar="TRUNK")
    remove.set_defaults(command=_remove_trunk)
    _add_route_commands(
        cli_output.group(commands, "route", "add|list|remove", "which trunk takes which numbers"), common
    )


def _values() -> argparse.ArgumentParser:
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
    parser.add_argument("--called-format", choices=numbers.CALLED_FORMATS, help="how called numbers are dialled")
    parser.add_argument("--calling-format", choices=numbers.CALLED_FORMATS, help="how the caller ID is written")
    parser.add_argument("--inbound-format", choices=numbers.INBOUND_FORMATS,
                        help="how the carrier writes numbers; any (default): E.164, then national")  # fmt: skip
    parser.add_argument("--called-from", type=_places, metavar="PLACES",
                        help=f"where its calls name the number, in order, of {','.join(called_number.PLACES)} "
                             "(default: request)")  # fmt: skip
    cli_output.add_switch(parser, "--trusts-identity", "believe what it asserts: P-Asserted-Identity, Remote-Party-ID, "
                                                       "verstat, Identity, Diversion, History-Info")  # fmt: skip
    cli_output.add_switch(parser, "--t38", "offer and accept T.38; off: G.711 only")
    cli_output.add_switch(parser, "--enabled", "off: neither calls nor gateway")
    return parser


def _add_route_commands(group: Any, common: argparse.ArgumentParser) -> None:
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("prefix", metavar="PREFIX", help="such as +49; + alone: all numbers. The longest wins")
    through = which.add_mutually_exclusive_group(required=True)
    through.add_argument("trunk", nargs="?", metavar="TRUNK")
    through.add_argument("--barred", action="store_true", help="in place of a trunk: these numbers are not dialled")
    which.add_argument("--only-for", metavar="TENANT", help="a route of this tenant alone")
    add = group.add_parser(
        "add", parents=[common, which], help="let a trunk take the numbers with a prefix, or bar them"
    )
    add.add_argument("--position", type=cli_output.whole_number, default=100, metavar="N",
                     help="among routes of one prefix the lowest comes first (default: 100)")  # fmt: skip
    add.set_defaults(command=_add_route)
    listing = group.add_parser("list", parents=[common], help="all routes")
    listing.set_defaults(command=_list_routes)
    remove = group.add_parser("remove", parents=[common, which], help="take a route, or a bar, away")
    remove.set_defaults(command=_remove_route)


def _add_trunk(context: "Context", options: argparse.Namespace) -> int:
    values = _parsed({**cli_output.given(options, trunk_directory.COLUMNS), **_password(options)})
    next_step = f"Next: `faxplan route add + {options.name}`."
    if values.get("register") and "source_networks" not in values:
        # Calls come from where we register; the carrier's address is the only thing that a caller cannot write.
        values["source_networks"] = trunk_directory.networks_of(values["host"])
        if values["source_networks"]:
            next_step += (
                f" Received calls are taken from {' '.join(values['source_networks'])}, where {values['host']} is."
            )
    trunk_provisioning.add_trunk(context.admin, context.actor, options.name, values)
    if not values.get("source_networks"):
        next_step += f" For received calls: `faxplan trunk set {options.name} --source NETWORK`."
    return cli_output.done(options, {"name": options.name}, f"Trunk {options.name} is entered. {next_step}")


def _set_trunk(context: "Context", options: argparse.Namespace) -> int:
    extra = {**dict.fromkeys(options.clear), **_password(options)}
    values = _parsed(cli_output.changes(options, trunk_directory.COLUMNS, extra))
    trunk_provisioning.change_trunk(context.admin, context.actor, options.name, values)
    return cli_output.done(
        options, {"name": options.name}, f"Trunk {options.name} is changed. Switches take it up within ten seconds."
    )


def _list_trunks(context: "Context", options: argparse.Namespace) -> int:
    found = trunk_provisioning.all_trunks(context.admin)
    rows = [
        (t["name"], t["host"] if t["port"] is None else f"{t['host']} port {t['port']}", t["transport"],
         f"as {t['username']}" if t["register"] else "no", " ".join(t["source_networks"]), t["called_format"],
         t["inbound_country"], "yes" if t["t38"] else "no", "yes" if t["enabled"] else "no")
        for t in found
    ]  # fmt: skip
    headings = ("TRUNK", "HOST", "BY", "REGISTERS", "CALLS FROM", "DIALS", "COUNTRY", "T.38", "ENABLED")
    return cli_output.listed(options, found, headings, rows, "There is no trunk yet. `faxplan trunk add` enters one.")


def _remove_trunk(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.remove_trunk(context.admin, context.actor, options.name)
    return cli_output.done(options, {"name": options.name, "removed": True}, f"Trunk {options.name} is removed.")


def _add_route(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.add_route(
        context.admin, context.actor, options.prefix, options.trunk,
        position=options.position, only_for=options.only_for,
    )  # fmt: skip
    what = "are barred" if options.trunk is None else f"go through {options.trunk}"
    return cli_output.done(options, _route(options), f"Numbers with {options.prefix} {what}.")


def _remove_route(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.remove_route(
        context.admin, context.actor, options.prefix, options.trunk, only_for=options.only_for
    )
    what = "bar" if options.trunk is None else "route"
    through = "" if options.trunk is None else f" through {options.trunk}"
    text = f"The {what} for {options.prefix}{through} is removed."
    return cli_output.done(options, {**_route(options), "removed": True}, text)


def _list_routes(context: "Context", options: argparse.Namespace) -> int:
    found = trunk_provisioning.all_routes(context.admin)
    rows = [
        (
            r["prefix"],
            r["trunk"] or "(barred)",
            r["position"],
            r["only_for"] or "(all)",
            "yes" if r["enabled"] else "no",
        )
        for r in found
    ]
    headings = ("PREFIX", "TRUNK", "POSITION", "TENANT", "ENABLED")
    return cli_output.listed(options, found, headings, rows, "There is no route yet. `faxplan route add` enters one.")


def _route(options: argparse.Namespace) -> dict[str, str | None]:
    return {"prefix": options.prefix, "trunk": options.trunk, "only_for": options.only_for}


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    if "source_networks" in values:
        return {**values, "source_networks": trunk_directory.parse_networks(values["source_networks"])}
    return values


def _places(text: str) -> list[str]:
    """Which of them there are is a rule of the database's."""
    return text.split(",")


def _password(options: argparse.Namespace) -> dict[str, str]:
    if options.password_file is None:
        return {}
    if options.password_file == _STANDARD_INPUT:
        password = cli_passwords.asked("Password of the trunk: ")
    else:
        password = cli_passwords.first_line(Path(options.password_file))
    if not password:
        raise NoPassword("There is no password on the first line. Write it there.")
    return {"password": password}
