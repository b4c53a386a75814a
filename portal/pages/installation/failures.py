"""What follows when a call fails, as an operator decides it: the shipped table, and what was changed of it."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from faxplan import calling_provisioning, failure_page, failure_rules
from faxplan.errors import FaxplanError
from faxplan.failure_rules import SHIPPED, Action, Downgrade, Rule
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.pages.installation.tenants import short_names
from portal.visit import Visit

FIELDS = (
    Field(
        "condition",
        marked("How the call ended"),
        required=True,
        longest=70,
        hint=marked("fax:CODE, sip:CODE or cause:NAME, such as sip:486 or cause:USER_BUSY."),
    ),
    Field(
        "action",
        marked("What follows"),
        Kind.CHOICE,
        choices=(
            (Action.RETRY.value, marked("Again, after some time")),
            (Action.NEXT_TRUNK.value, marked("At once through the next trunk")),
            (Action.FINAL.value, marked("Nothing: the fax has failed")),
        ),
    ),
    Field("delay", marked("Seconds until the next call"), Kind.NUMBER, hint=marked("Empty: as shipped.")),
    Field("times", marked("How often, for one fax"), Kind.NUMBER, hint=marked("Empty: as shipped.")),
    Field(
        "downgrade",
        marked("The next call goes"),
        Kind.CHOICE,
        choices=(
            ("", marked("As shipped")),
            (Downgrade.NONE.value, marked("With all")),
            (Downgrade.LESS.value, marked("With less: without V.17, then T.38, then error correction")),
            (Downgrade.V17.value, marked("Without V.17")),
            (Downgrade.AUDIO.value, marked("Without T.38")),
            (Downgrade.ECM.value, marked("Without error correction")),
        ),
    ),
    Field("tenant", marked("Of one tenant's calls"), longest=40, hint=marked("Its short name. Empty: of all.")),
    Field("trunk", marked("Through one trunk"), longest=63, hint=marked("Its name. Empty: through any.")),
)
KINDS = (
    ("fax", marked("Fax result codes")),
    ("sip", marked("SIP codes")),
    ("cause", marked("Causes of a hang-up")),
)


def everything(visit: Visit) -> Response:
    """GET: what was changed, the form to change more, and the shipped table."""
    condition = visit.request.args.get("condition", "")
    given: dict[str, Any] = {"condition": condition, "action": Action.RETRY.value}
    if condition in SHIPPED:
        given["action"] = SHIPPED[condition].action.value
    return _everything(visit, Form.of(FIELDS, given))


def put(visit: Visit) -> Response:
    """POST: decides otherwise."""
    form = Form.read(FIELDS, visit.request.form)
    if form.ok:
        given = form.values
        try:
            calling_provisioning.set_rule(
                visit.its_admin,
                visit.actor,
                given["condition"],
                Action(given["action"]),
                delay=given["delay"],
                times=given["times"],
                downgrade=Downgrade(given["downgrade"]) if given["downgrade"] else None,
                tenant=given["tenant"] or None,
                trunk=given["trunk"] or None,
            )
            return answers.to("/installation/failures", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _everything(visit, form, 400)


def reset(visit: Visit) -> Response:
    """POST: as shipped again."""
    given = visit.request.form
    calling_provisioning.reset_rule(
        visit.its_admin,
        visit.actor,
        given.get("condition", ""),
        tenant=given.get("tenant") or None,
        trunk=given.get("trunk") or None,
    )
    return answers.to("/installation/failures", note="removed")


def _everything(visit: Visit, form: Form, status: int = 200) -> Response:
    changed = [(row, _as_changed(row)) for row in calling_provisioning.changed_rules(visit.its_admin)]
    shipped = [(kind, title, _of_kind(kind)) for kind, title in KINDS]
    form = form.suggesting(short_names(visit), "tenant")
    return answers.page(visit, "installation/failures.html", status, changed=changed, shipped=shipped, form=form)


def _as_changed(row: Mapping[str, Any]) -> str:
    less = None if row["downgrade"] is None else Downgrade(row["downgrade"])
    change = failure_rules.Change(Action(row["action"]), row["delay"], row["times"], less)
    return failure_page.what_follows(change.of(SHIPPED.get(row["condition"], failure_rules.UNKNOWN)))


def _of_kind(kind: str) -> list[tuple[Rule, list[str], str]]:
    by_rule: dict[Rule, list[str]] = {}
    for condition, rule in SHIPPED.items():
        if condition.startswith(f"{kind}:"):
            by_rule.setdefault(rule, []).append(condition)
    return [(rule, conditions, failure_page.what_follows(rule)) for rule, conditions in by_rule.items()]
