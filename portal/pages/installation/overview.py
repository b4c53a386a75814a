"""How the installation does: what runs, what waits, how calls went, and what needs a hand."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from faxplan import overview
from faxplan.language import _, marked, ngettext
from faxplan.overview import Need, Needed
from portal import answers
from portal.templates import lasting
from portal.visit import Visit

CALLS_SHOWN = 10


def page(visit: Visit) -> Response:
    """GET: all of it."""
    return _answer(visit, "installation/overview.html")


def now(visit: Visit) -> Response:
    """GET: what changes of it, for the page's script."""
    return _answer(visit, "installation/overview_now.html")


def _answer(visit: Visit, template: str) -> Response:
    found = overview.look(visit.its_admin)
    needed = [(each, _words(each), _place(each)) for each in found.needed]
    return answers.page(visit, template, found=found, needed=needed, calls=found.calls[:CALLS_SHOWN])


def calls(visit: Visit) -> Response:
    """GET: the calls that run."""
    return answers.page(visit, "installation/calls.html", calls=overview.calls(visit.its_admin))


def calls_now(visit: Visit) -> Response:
    """GET: the same, for the page's script."""
    return answers.page(visit, "installation/calls_now.html", calls=overview.calls(visit.its_admin))


def nodes(visit: Visit) -> Response:
    """GET: the machines that dial."""
    return answers.page(
        visit, "installation/nodes.html", machines=overview.machines(visit.its_admin), late=overview.LATE_SECONDS
    )


_WORDS = {
    Need.NO_NODE: marked(
        "No node has reported yet, so nothing is dialled or received. Start FreeSWITCH with the fax scripts."
    ),
    Need.NODE_LATE: marked("Node {name} has not reported for {time}. Look at its FreeSWITCH."),
    Need.TRUNK_DOWN: marked("Trunk {name} cannot be reached by {nodes}."),
    Need.TRUNK_UNREGISTERED: marked("Trunk {name} cannot be registered by node {node}: nothing goes through it."),
    Need.TRUNK_RESTS: marked("Trunk {name} rests after failed calls. The last one: {why}"),
    Need.QUEUE_OLD: marked("Faxes of {name} that are due have waited for {time}."),
    Need.MAIL_OLD: marked("Mail of {name} has waited for {time}. The mail server said: {why}"),
}


def _words(needed: Needed) -> str:
    """A sentence with what to do."""
    name, told = needed.what, needed.told
    if needed.need is Need.QUOTA:
        return _of_quota(name, told)
    if needed.need is Need.CONFIGURATION:
        return ngettext(
            "{count} call was not made as the switch is not set up for it ({condition}), through {name}.",
            "{count} calls were not made as the switch is not set up for them ({condition}), through {name}.",
            told["calls"],
        ).format(count=told["calls"], condition=told["condition"], name=name)
    given = {
        **told,
        "name": name,
        "time": lasting(told.get("seconds", 0)),
        "why": told.get("why") or (_("nothing yet") if needed.need is Need.MAIL_OLD else _("no reason said")),
    }
    return _(_WORDS[needed.need]).format(**given)


def _of_quota(tenant: str, told: Mapping[str, Any]) -> str:
    used = told["used_pages"] + told["reserved_pages"]
    whose = tenant if told["user"] is None else f"{told['user']} ({tenant})"
    return _("{name}: {used} of {limit} pages this {period} are used or held.").format(
        name=whose,
        used=used,
        limit=told["limit_pages"],
        period=_("day") if told["period"] == "day" else _("month"),
    )


def _place(needed: Needed) -> str:
    """Where it is mended."""
    if needed.need in (Need.NO_NODE, Need.NODE_LATE):
        return "/installation/nodes"
    if needed.need in (Need.TRUNK_DOWN, Need.TRUNK_RESTS, Need.TRUNK_UNREGISTERED):
        return f"/installation/trunks/{needed.what}"
    if needed.need is Need.QUEUE_OLD:
        return f"/installation/queue/{needed.what}"
    if needed.need is Need.MAIL_OLD:
        return "/installation/queue#mail"
    if needed.need is Need.CONFIGURATION:
        return "/installation/failures"
    return f"/installation/tenants/{needed.what}/limits"
