"""Commands about how calls are made: what follows from a failure, when faxes are dialled, what is known of numbers."""

import argparse
from typing import TYPE_CHECKING, Any

from faxplan import calling_provisioning, cli_output, failure_page, numbers, priorities, sending_hours
from faxplan.destinations import Offered
from faxplan.failure_rules import SHIPPED, Action, Downgrade

if TYPE_CHECKING:
    from faxplan.cli import Context

_DAYS = {each: name.capitalize() for each, name in enumerate(sending_hours.DAYS, 1)}


def add_commands(commands: Any, common: argparse.ArgumentParser, personal: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    _add_failure_commands(
        cli_output.group(commands, "failure", "list|set|reset", "what follows when a call fails"), common
    )
    _add_hours_commands(
        cli_output.group(commands, "hours", "add|list|clear", "when a tenant's faxes are dialled"), common
    )
    _add_destination_commands(
        cli_output.group(commands, "destination", "list|set|forget", "what is known of fax numbers"), personal
    )


def _add_failure_commands(group: Any, common: argparse.ArgumentParser) -> None:
    scope = argparse.ArgumentParser(add_help=False)
    scope.add_argument("--tenant", metavar="TENANT", help="of this tenant's calls only")
    scope.add_argument("--trunk", metavar="TRUNK", help="of calls through this trunk only")
    condition = {"metavar": "CONDITION", "help": "fax:CODE, sip:CODE or cause:NAME, such as sip:486"}
    listing = group.add_parser("list", parents=[common], help="the whole table, and what was changed of it")
    listing.add_argument("--changed", action="store_true", help="only what was changed")
    listing.set_defaults(command=_list_rules)
    change = group.add_parser("set", parents=[common, scope], help="decide otherwise than the shipped table")
    change.add_argument("condition", **condition)
    change.add_argument("action", choices=[each.value for each in Action])
    change.add_argument("--after", dest="delay", type=cli_output.whole_number, metavar="SECONDS",
                        help="until the next call")  # fmt: skip
    change.add_argument("--times", type=cli_output.whole_number, metavar="N",
                        help="how often it may lead to another call of one fax")  # fmt: skip
    change.add_argument("--downgrade", choices=[each.value for each in Downgrade],
                        help="what the next call goes without: less (V.17, then T.38, then ECM), one of v17, audio (no "
                             "T.38) and ecm, or none")  # fmt: skip
    change.set_defaults(command=_set_rule)
    reset = group.add_parser("reset", parents=[common, scope], help="as shipped again")
    reset.add_argument("condition", **condition)
    reset.set_defaults(command=_reset_rule)


def _add_hours_commands(group: Any, common: argparse.ArgumentParser) -> None:
    tenant = {"metavar": "TENANT", "help": "the tenant's short name"}
    add = group.add_parser("add", parents=[common], help="hours at which faxes may be dialled; others may not then")
    add.add_argument("slug", **tenant)
    add.add_argument("days", metavar="DAYS", help="mon-fri, or sat,sun, or daily")
    add.add_argument("clock", metavar="HOURS", help="08:00-18:00, by the clock of the tenant's time zone")
    add.add_argument("--priority", choices=priorities.WORDS, help="of faxes of this priority (default: of all)")
    add.set_defaults(command=_add_hours)
    listing = group.add_parser("list", parents=[common], help="a tenant's hours")
    listing.add_argument("slug", **tenant)
    listing.set_defaults(command=_list_hours)
    clear = group.add_parser("clear", parents=[common], help="faxes may be dialled at all times again")
    clear.add_argument("slug", **tenant)
    clear.set_defaults(command=_clear_hours)


def _add_destination_commands(group: Any, personal: argparse.ArgumentParser) -> None:
    number = {"metavar": "NUMBER", "help": "as +49 30 123456, or as it is dialled in the tenant's country"}
    listing = group.add_parser("list", parents=[personal], help="numbers that are called with less than all")
    listing.set_defaults(command=_list_numbers)
    change = group.add_parser("set", parents=[personal], help="say what calls to a number may use")
    change.add_argument("number", **number)
    for option, meaning in (
        ("--t38", "off: G.711 only"),
        ("--v17", "off: at most 9,600 bit/s"),
        ("--ecm", "off: none"),
    ):
        cli_output.add_switch(change, option, meaning)
    change.add_argument("--days", type=cli_output.whole_number, metavar="N",
                        help="until it expires: 1 to 3650 (default: never)")  # fmt: skip
    change.add_argument("--why", default="", metavar="TEXT")
    change.set_defaults(command=_set_number)
    forget = group.add_parser("forget", parents=[personal], help="call a number with all again")
    forget.add_argument("number", **number)
    forget.set_defaults(command=_forget_number)


def _list_rules(context: "Context", options: argparse.Namespace) -> int:
    changed = calling_provisioning.changed_rules(context.admin)
    rows = [
        (r["condition"], r["tenant"] or "(all)", r["trunk"] or "(all)", _changed(r), "changed by the administrator")
        for r in changed
    ]
    shipped = {} if options.changed else SHIPPED
    rows += [(each, "(all)", "(all)", failure_page.what_follows(rule), rule.words) for each, rule in shipped.items()]
    table = [
        {
            "condition": each,
            "action": rule.action.value,
            "delay": rule.delay,
            "times": rule.times,
            "downgrade": rule.downgrade,
            "words": rule.words,
        }
        for each, rule in shipped.items()
    ]
    headings = ("CONDITION", "TENANT", "TRUNK", "WHAT FOLLOWS", "WORDS")
    empty = "Nothing was changed. Without --changed the shipped table is shown."
    return cli_output.listed(options, {"changed": changed, "shipped": table}, headings, rows, empty)


def _changed(row: dict[str, Any]) -> str:
    words = str(row["action"])
    words += "" if row["delay"] is None else f", after {row['delay']} s"
    words += "" if row["times"] is None else f", {row['times']} times"
    return words + ("" if row["downgrade"] is None else failure_page.LESS[Downgrade(row["downgrade"])])


def _set_rule(context: "Context", options: argparse.Namespace) -> int:
    calling_provisioning.set_rule(
        context.admin, context.actor, options.condition, Action(options.action), delay=options.delay,
        times=options.times, downgrade=None if options.downgrade is None else Downgrade(options.downgrade),
        tenant=options.tenant, trunk=options.trunk,
    )  # fmt: skip
    return cli_output.done(options, _rule(options), f"From now on {options.condition} means {options.action}.")


def _reset_rule(context: "Context", options: argparse.Namespace) -> int:
    calling_provisioning.reset_rule(
        context.admin, context.actor, options.condition, tenant=options.tenant, trunk=options.trunk
    )
    return cli_output.done(options, _rule(options), f"{options.condition} is as shipped again.")


def _rule(options: argparse.Namespace) -> dict[str, Any]:
    return {"condition": options.condition, "tenant": options.tenant, "trunk": options.trunk}


def _add_hours(context: "Context", options: argparse.Namespace) -> int:
    priority = None if options.priority is None else priorities.named(options.priority)
    found = sending_hours.parse(options.days, options.clock)
    calling_provisioning.add_hours(context.admin, context.actor, options.slug, found, priority)
    what = "Faxes" if priority is None else f"{priority.word.capitalize()} faxes"
    text = f"{what} of {options.slug} are dialled {options.days} {options.clock}, and at no hours that are not entered."
    entered = calling_provisioning.hours(context.admin, options.slug)
    if priority is not None and any(each["priority"] is None for each in entered):
        text += " The hours for all faxes are not theirs any more: `faxplan hours list`."
    return cli_output.done(options, {"tenant": options.slug, "hours": found}, text)


def _clear_hours(context: "Context", options: argparse.Namespace) -> int:
    gone = calling_provisioning.clear_hours(context.admin, context.actor, options.slug)
    text = f"Faxes of {options.slug} are dialled at all times."
    return cli_output.done(options, {"tenant": options.slug, "removed": gone}, text)


def _list_hours(context: "Context", options: argparse.Namespace) -> int:
    found = calling_provisioning.hours(context.admin, options.slug)
    rows = [
        ("all" if h["priority"] is None else priorities.Priority(h["priority"]).word, _DAYS[h["weekday"]],
         f"{h['opens']}-{h['closes']}")
        for h in found
    ]  # fmt: skip
    empty = f"Faxes of {options.slug} are dialled at all times. `faxplan hours add` limits that."
    return cli_output.listed(options, found, ("FAXES", "DAY", "HOURS"), rows, empty)


def _list_numbers(context: "Context", options: argparse.Namespace) -> int:
    user = context.user()
    found = calling_provisioning.known_numbers(context.portal, user)
    rows = [
        (
            numbers.readable(n["number"], None),
            *("off" if n[f"{each}_off"] else "" for each in ("t38", "v17", "ecm")),
            n["t38_failures"] or "",
            n["entered_by"],
            "never" if n["expires_at"] is None else f"{n['expires_at']:%Y-%m-%d}",
            n["why"],
        )
        for n in found
    ]
    headings = ("NUMBER", "T.38", "V.17", "ECM", "T.38 FAILURES", "BY", "EXPIRES", "WHY")
    return cli_output.listed(options, found, headings, rows, "Every number is called with T.38, V.17 and ECM.")


def _set_number(context: "Context", options: argparse.Namespace) -> int:
    chosen = cli_output.changes(options, ("t38", "v17", "ecm"))
    offered = Offered(**{"t38": True, "v17": True, "ecm": True, **chosen})
    number = calling_provisioning.set_number(
        context.portal, context.user(), options.number, offered, days=options.days, why=options.why
    )
    text = f"Calls to {numbers.readable(number, None)} are made so from now on."
    return cli_output.done(options, {"number": number, "offered": offered, "days": options.days}, text)


def _forget_number(context: "Context", options: argparse.Namespace) -> int:
    number = calling_provisioning.forget_number(context.portal, context.user(), options.number)
    text = f"Calls to {numbers.readable(number, None)} use all again."
    return cli_output.done(options, {"number": number, "forgotten": True}, text)
