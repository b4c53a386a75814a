"""The operator's commands about nodes."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, guard, node_provisioning
from faxplan.db import Row

if TYPE_CHECKING:
    from faxplan.cli import Context


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "node", "list|drain|resume|remove", "the machines with FreeSWITCH")
    listing = group.add_parser("list", parents=[common], help="all nodes: calls, what they register, what waits there")
    listing.set_defaults(command=_list)
    for verb, words, command in (
        ("drain", "it takes no calls any more; those that run go on, and another node registers its trunks", _drain),
        ("resume", "a drained one takes calls again", _resume),
        ("remove", "forget a machine that is gone", _remove),
    ):
        parser = group.add_parser(verb, parents=[common], help=words)
        parser.add_argument("node", metavar="NODE")
        parser.set_defaults(command=command)
        if verb == "remove":
            parser.add_argument("--lost", action="store_true", help="its disk is lost, with the received faxes on it")


def state(node: Row) -> str:
    """Of a row of nodes.everyone, for people."""
    if node["stopped"]:
        return f"stopped on purpose {node['silent']:.0f} s ago"
    if node["silent"] >= guard.SILENT_SECONDS:
        return f"silent for {node['silent']:.0f} s"
    if node["draining_since"] is not None:
        return "drained"
    return "paused" if node["paused"] else "at work"


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = node_provisioning.everyone(context.admin)
    rows = [
        (
            each["name"],
            state(each),
            f"{each['sent'] + each['received']} of {each['max_channels']}",
            each["waiting"],
            " ".join(each["registers"]),
            " ".join(each["behind"]),
        )
        for each in found
    ]
    headings = ("NODE", "RUNTIME", "CALLS", "FAXES ON ITS DISK", "REGISTERS", "OLD TRUNKS")
    return cli_output.listed(options, found, headings, rows, "No switch has reported yet.")


def _drain(context: "Context", options: argparse.Namespace) -> int:
    node_provisioning.drain(context.admin, context.actor, options.node)
    text = (
        f"{options.node} takes no calls any more in some seconds. `faxplan node list` says when the last has ended; "
        f"`faxplan node resume {options.node}` lets it again."
    )
    return cli_output.done(options, {"node": options.node, "drained": True}, text)


def _resume(context: "Context", options: argparse.Namespace) -> int:
    node_provisioning.resume(context.admin, context.actor, options.node)
    return cli_output.done(options, {"node": options.node, "drained": False}, f"{options.node} takes calls again.")


def _remove(context: "Context", options: argparse.Namespace) -> int:
    calls = node_provisioning.remove(context.admin, context.actor, options.node, lost=options.lost)
    ended = f" {calls} calls of it are ended by other nodes within a minute, as unknown." if calls else ""
    text = f"{options.node} is forgotten.{ended} If it starts again, it is there again."
    return cli_output.done(options, {"node": options.node, "removed": True, "calls": calls}, text)
