"""The administrator's commands about trunks."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import (
    cli_output,
    cli_passwords,
    cli_trunk_guide,
    cli_trunk_test,
    cli_trunk_values,
    providers,
    trunk_directory,
    trunk_provisioning,
)
from faxplan.cli_passwords import NoPassword

if TYPE_CHECKING:
    from faxplan.cli import Context

_STANDARD_INPUT = "-"
_NOBODY = "none"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    trunk = cli_output.group(commands, "trunk", "add|list|set|remove|state|test|wake", "SIP trunks")
    values = cli_trunk_values.options()
    add = trunk.add_parser(
        "add", parents=[common, values], help="a new trunk, which becomes a gateway of its name; alone: step by step"
    )
    add.add_argument("name", nargs="?", metavar="TRUNK", help="letters, digits, _ and -")
    add.add_argument("--host", help="the carrier's name or address, without port")
    add.add_argument("--country", dest="inbound_country", metavar="CC",
                     help="ISO code; national numbers are read, and written, in its plan")  # fmt: skip
    _add_guide_options(add)
    add.set_defaults(command=_add_trunk, check=_whether_enough)
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
    state = trunk.add_parser("state", parents=[common], help="how each trunk does: rests, failures, calls in flight")
    state.set_defaults(command=_show_states)
    wake = trunk.add_parser("wake", parents=[common], help="end a trunk's rest, once it is mended")
    wake.add_argument("name", metavar="TRUNK")
    wake.set_defaults(command=_wake_trunk)
    cli_trunk_test.add_command(trunk, common)


def _add_guide_options(add: argparse.ArgumentParser) -> None:
    guided = add.add_argument_group("step by step (docs/trunks.md)")
    guided.add_argument("--guided", action="store_true",
                        help="ask for what no option says, show what is written, bring it up and test it")  # fmt: skip
    guided.add_argument("--provider", metavar="KEY",
                        help=f"whose trunk it is: {', '.join(each.key for each in providers.everyone())}; "
                             f"`{providers.ANOTHER}`")  # fmt: skip
    guided.add_argument("--route", metavar="PREFIX", help="give it this route, such as +; `none`: no route")
    guided.add_argument("--test", metavar="NUMBER", help="send a test fax to this number; `none`: no test fax")
    guided.add_argument("--from", dest="calling", metavar="NUMBER", help="the test fax calls as this number")
    guided.add_argument("--as", dest="user", metavar="USER", help="whose fax the test is")
    guided.add_argument("--yes", action="store_true", help="write it without asking")


def _whether_enough(options: argparse.Namespace) -> str:
    """What is wrong with the arguments of `trunk add`; empty: nothing."""
    if cli_trunk_guide.is_meant(options):
        return "--guided asks questions, and --json answers none; leave one out" if options.json else ""
    needed = {"TRUNK": options.name, "--host": options.host, "--country": options.inbound_country}
    missing = [word for word, given in needed.items() if given is None]
    if missing:
        return f"the following arguments are required: {', '.join(missing)} (or --guided, which asks)"
    only = ("provider", "route", "test", "calling", "user")
    meant = [f"--{'from' if name == 'calling' else 'as' if name == 'user' else name}" for name in only
             if getattr(options, name) is not None]  # fmt: skip
    return f"{', '.join(meant)}: of --guided alone" if meant else ""


def _add_trunk(context: "Context", options: argparse.Namespace) -> int:
    if cli_trunk_guide.is_meant(options):
        return cli_trunk_guide.guide(context, options)
    values = _parsed(cli_output.given(options, trunk_directory.COLUMNS), _password(options))
    next_step = f"Next: `faxplan route add + {options.name}`."
    stored = trunk_directory.with_sources(values)
    if stored is not values and stored["source_networks"]:
        next_step += f" Received calls are taken from {' '.join(stored['source_networks'])}, where {values['host']} is."
    trunk_provisioning.add_trunk(context.admin, context.actor, options.name, stored)
    if not stored.get("source_networks"):
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
    behind, holders = trunk_provisioning.trunks_on_nodes(context.admin)
    for trunk in found:
        trunk["registered_by"] = next((each["node"] for each in holders if each["trunk"] == trunk["name"]), None)
        trunk["behind"] = [each["node"] for each in behind if each["trunk"] == trunk["name"]]
    rows = [cli_trunk_values.shown(trunk) for trunk in found]
    headings = tuple(rows[0]) if rows else ()
    cells = [tuple(row.values()) for row in rows]
    return cli_output.listed(options, found, headings, cells, "There is no trunk yet. `faxplan trunk add` enters one.")


def _remove_trunk(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.remove_trunk(context.admin, context.actor, options.name)
    return cli_output.done(options, {"name": options.name, "removed": True}, f"Trunk {options.name} is removed.")


def _show_states(context: "Context", options: argparse.Namespace) -> int:
    found = trunk_provisioning.states(context.admin)
    rows = [
        (s["name"], _state(s), s["calls"] if s["max_calls"] is None else f"{s['calls']} of {s['max_calls']}",
         s["failures"], _when(s["last_success_at"]), _when(s["last_failure_at"]), s["last_failure"])
        for s in found
    ]  # fmt: skip
    headings = ("TRUNK", "STATE", "CALLS", "FAILURES IN A ROW", "LAST WORKED", "LAST FAILED", "LAST FAILURE")
    return cli_output.listed(options, found, headings, rows, "There is no trunk yet. `faxplan trunk add` enters one.")


def _state(state: dict[str, Any]) -> str:
    if not state["enabled"]:
        return "off"
    if state["rests_seconds"]:
        return f"rests for {state['rests_seconds']} s"
    if state["is_tried"]:
        return "tried, one call at a time"
    if nodes := state["unregistered_on"] or ", ".join(state["down_on"]):
        return f"{'not registered' if state['unregistered_on'] else 'down'} on {nodes}"
    if state["failures"]:
        return "fails"
    return "works" if state["last_success_at"] else "new"


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _wake_trunk(context: "Context", options: argparse.Namespace) -> int:
    trunk_provisioning.wake_trunk(context.admin, context.actor, options.name)
    text = f"Trunk {options.name} is used again; its failures are forgotten."
    return cli_output.done(options, {"name": options.name, "awake": True}, text)


def _parsed(*given: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for each in given for name, value in each.items()}
    if "source_networks" in values:
        values["source_networks"] = trunk_directory.parse_networks(values["source_networks"])
    if values.get("dedicated_to") == _NOBODY:
        values["dedicated_to"] = None
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
