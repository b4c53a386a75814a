"""The administrator's commands about DIDs: where their faxes go, what their calls may do, and who may call them."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, did_callers, did_provisioning, dids, numbers, provisioning

if TYPE_CHECKING:
    from faxplan.cli import Context

_VALUES = ("station_ident", "enabled", "name", "max_calls", "ecm", "t38", "refusal", "opt_out")
_REASONS = {
    dids.BY_CALLER: "caller not let in",
    dids.DID_FULL: "as many calls for it as its max_calls",
    dids.TENANT_FULL: "as many calls of the tenant as its max_calls",
}


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "did", "add|list|show|set|remove|caller", "DIDs of tenants")
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    which.add_argument("number", metavar="NUMBER", help="as +49 30 123456, or as it is dialled in the tenant's country")
    add = group.add_parser("add", parents=[common, which], help="give a number to a tenant's mailbox")
    add.add_argument("--mailbox", required=True, metavar="NAME", help="where its faxes go; a user's is the address")
    add.add_argument("--station-ident", default="", metavar="TEXT", help="T.30 ident (default: the tenant's)")
    add.set_defaults(command=_add)
    listing = group.add_parser("list", parents=[common], help="all DIDs; a tenant's first is its caller ID")
    listing.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    listing.set_defaults(command=_list)
    show = group.add_parser("show", parents=[common, which], help="one DID: its settings, callers and refused calls")
    show.set_defaults(command=_show)
    _add_set(group.add_parser("set", parents=[common, which], help="change some of a DID's values"))
    remove = group.add_parser("remove", parents=[common, which], help="take a number from a tenant")
    remove.set_defaults(command=_remove)
    _add_caller_commands(cli_output.group(group, "caller", "add|list|remove", "who may call a DID"), common, which)


def _add_set(change: argparse.ArgumentParser) -> None:
    change.add_argument("--mailbox", metavar="NAME", help="where its faxes go")
    change.add_argument("--station-ident", metavar="TEXT", help="T.30 ident; empty: the tenant's")
    change.add_argument("--name", metavar="TEXT", help="what people call it")
    change.add_argument("--max-calls", type=cli_output.whole_number, metavar="N", help="calls for it at once; then 486")
    change.add_argument(
        "--refusal", choices=["decline", "busy"], help="what callers hear that are not let in: 603 or 486"
    )
    for option, meaning in (
        ("--ecm", "error correction"),
        ("--t38", "off: G.711 audio only"),
        ("--enabled", "off: calls get 404"),
        ("--opt-out", "who faxes to it goes on the do-not-fax list"),
    ):
        cli_output.add_switch(change, option, meaning)
    change.add_argument("--clear", action="append", choices=dids.OPTIONAL, default=[], metavar="VALUE",
                        help=f"empty one of: {', '.join(dids.OPTIONAL)}; may be repeated")  # fmt: skip
    change.set_defaults(command=_set)


def _add_caller_commands(group: Any, common: argparse.ArgumentParser, which: argparse.ArgumentParser) -> None:
    caller = argparse.ArgumentParser(add_help=False)
    caller.add_argument(
        "caller", metavar="CALLER", help="+ and the leading digits of numbers; + alone: all; or anonymous"
    )
    add = group.add_parser("add", parents=[common, which, caller], help="let callers in, or refuse them")
    rule = add.add_mutually_exclusive_group(required=True)
    rule.add_argument("--allow", dest="rule", action="store_const", const=did_callers.ALLOW,
                      help="let in; with any such entry, whom none fits is refused")  # fmt: skip
    rule.add_argument("--block", dest="rule", action="store_const", const=did_callers.BLOCK, help="refuse")
    add.set_defaults(command=_add_caller)
    listing = group.add_parser("list", parents=[common, which], help="a DID's entries; the longest that fits decides")
    listing.set_defaults(command=_list_callers)
    remove = group.add_parser("remove", parents=[common, which, caller], help="take an entry away")
    remove.set_defaults(command=_remove_caller)


def _add(context: "Context", options: argparse.Namespace) -> int:
    did = did_provisioning.add(
        context.admin, context.actor, options.slug, options.number,
        mailbox=options.mailbox, station_ident=options.station_ident,
    )  # fmt: skip
    text = f"Faxes to {numbers.readable(did.number, None)} go to mailbox {options.mailbox} of {options.slug}."
    keys = did_provisioning.keys_for(context.admin, options.slug, did)
    if keys is None:
        text += (
            f" Until a member of that one, or an administrator of {options.slug}, is enrolled (`faxplan enrol --as "
            "EMAIL`), calls to it are answered with 480, as nobody could open a fax."
        )
    elif keys != options.mailbox:
        text += (
            " That one has no key until a member of it is enrolled (`faxplan enrol --as EMAIL`); until then they go to "
            f"{keys}, of an administrator."
        )
    result = {name: getattr(did, name) for name in ("tenant_id", "number", "mailbox_id", "station_ident")}
    return cli_output.done(options, result, text)


def _set(context: "Context", options: argparse.Namespace) -> int:
    given = cli_output.changes(options, (*_VALUES, "mailbox"), dict.fromkeys(options.clear))
    mailbox = given.pop("mailbox", None)
    number = did_provisioning.change(context.admin, context.actor, options.slug, options.number, given, mailbox=mailbox)
    return cli_output.done(options, {"number": number}, f"DID {numbers.readable(number, None)} is changed.")


def _remove(context: "Context", options: argparse.Namespace) -> int:
    number = did_provisioning.remove(context.admin, context.actor, options.slug, options.number)
    text = f"{numbers.readable(number, None)} is nobody's now: calls to it are answered with 404."
    return cli_output.done(options, {"number": number, "removed": True}, text)


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = provisioning.all_dids(context.admin, options.slug)
    rows = [
        (
            numbers.readable(d["number"], None), d["tenant"], d["name"], _mailbox(d), d["station_ident"],
            d["max_calls"], _media(d), d["refused"], "yes" if d["enabled"] else "no",
        )
        for d in found
    ]  # fmt: skip
    headings = ("DID", "TENANT", "NAME", "MAILBOX", "STATION IDENT", "CALLS AT ONCE", "MEDIA", "REFUSED", "ENABLED")
    return cli_output.listed(options, found, headings, rows, "There is no DID yet. `faxplan did add` enters one.")


def _show(context: "Context", options: argparse.Namespace) -> int:
    did = did_provisioning.everything(context.admin, options.slug, options.number)
    rows: list[tuple[object, ...]] = [
        ("number", numbers.readable(did["number"], None)),
        ("name", did["name"]),
        ("mailbox", _mailbox(did)),
        ("station ident", did["station_ident"] or "(the tenant's)"),
        ("calls at once", did["max_calls"] or "(no limit of its own)"),
        ("media", _media(did)),
        ("enabled", "yes" if did["enabled"] else "no"),
        ("for opt-outs", "yes" if did["opt_out"] else "no"),
        ("callers", "; ".join(f"{each['rule']} {each['caller']}" for each in did["callers"]) or "(everybody)"),
        ("others hear", "486 busy" if did["refusal"] == "busy" else "603 decline"),
    ]
    rows += [("refused", f"{each['calls']}: {_REASONS[each['reason']]}, last {each['last_at']:%Y-%m-%d %H:%M} UTC")
             for each in did["refusals"]]  # fmt: skip
    return cli_output.listed(options, did, ("WHAT", "HOW"), rows, "")


def _add_caller(context: "Context", options: argparse.Namespace) -> int:
    caller = did_provisioning.add_caller(
        context.admin, context.actor, options.slug, options.number, options.caller, options.rule
    )
    done = "let in" if options.rule == did_callers.ALLOW else "refused"
    text = f"{_whom(caller)} are {done} from now on."
    return cli_output.done(options, {"caller": caller, "rule": options.rule}, text)


def _remove_caller(context: "Context", options: argparse.Namespace) -> int:
    caller = did_provisioning.remove_caller(context.admin, context.actor, options.slug, options.number, options.caller)
    return cli_output.done(options, {"caller": caller, "removed": True}, f"The entry for {caller} is removed.")


def _list_callers(context: "Context", options: argparse.Namespace) -> int:
    found = did_provisioning.callers(context.admin, options.slug, options.number)
    rows = [(each["rule"], each["caller"]) for each in found]
    return cli_output.listed(options, found, ("RULE", "CALLER"), rows, "Everybody may call it.")


def _mailbox(did: dict[str, Any]) -> str:
    return str(did["mailbox"]) if did["receives"] else f"{did['mailbox']} (may not receive: calls get 404)"


def _whom(caller: str) -> str:
    if caller == did_callers.ANONYMOUS:
        return "Anonymous callers"
    return "Callers with a number" if caller == "+" else f"Callers whose numbers begin with {caller}"


def _media(did: dict[str, Any]) -> str:
    return f"{'T.38' if did['t38'] else 'audio only'}{'' if did['ecm'] else ', no ECM'}"
