"""The fax numbers of an organisation: where their faxes go, and who may call them. Which it has, the operator says."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from faxplan import did_callers, did_provisioning, dids, mailboxes
from faxplan.errors import FaxplanError, InvalidNumber, NotFound
from faxplan.language import _, marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

AT_ONCE = 100
MOST_CHOICES = 300
"""More mailboxes are no list to choose from: their names are written."""
_IDENT = marked("Digits that the other machine shows. Empty: your organisation's, else the number itself.")
_FIELDS = (
    Field("name", marked("Name"), longest=100, hint=marked("What your people call it, such as Front desk.")),
    Field("station_ident", marked("Station ident"), longest=20, hint=_IDENT),
    Field("max_calls", marked("Calls at once"), Kind.NUMBER, least=1, hint=marked("Empty: no limit of its own.")),
    Field(
        "refusal",
        marked("Callers who are not let in hear"),
        Kind.CHOICE,
        choices=(("decline", marked("that the call is declined")), ("busy", marked("that the line is busy"))),
    ),
    Field("ecm", marked("Error correction (ECM)"), Kind.SWITCH, hint=marked("Off only for callers that fail with it.")),
    Field("t38", marked("T.38"), Kind.SWITCH, hint=marked("Off: faxes come as sound (G.711).")),
    Field("enabled", marked("Takes calls"), Kind.SWITCH),
    Field(
        "opt_out",
        marked("For those who want no more faxes"),
        Kind.SWITCH,
        hint=marked("Who faxes to it goes on the do-not-fax list."),
    ),
)
CALLER = (
    Field(
        "caller",
        marked("Callers"),
        required=True,
        longest=30,
        hint=marked("How their numbers begin, as +4930; or the word anonymous, for those who show none."),
    ),
    Field(
        "rule",
        marked("What becomes of them"),
        Kind.CHOICE,
        choices=((did_callers.BLOCK, marked("They are refused")), (did_callers.ALLOW, marked("They are let in"))),
    ),
)
REFUSALS = {
    dids.BY_CALLER: marked("by the list of callers"),
    dids.DID_FULL: marked("since this number had as many calls as it takes"),
    dids.TENANT_FULL: marked("since your organisation had as many calls as it may"),
}


def everything(visit: Visit) -> Response:
    """GET: all of them; those whose number, name or mailbox has the words in it."""
    words, after = visit.request.args.get("q", "").strip(), visit.request.args.get("after", "")
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = dids.directory(tx, visit.its_tenant.id, words=words, after=after, limit=AT_ONCE + 1)
    shown = found[:AT_ONCE]
    onward = shown[-1]["number"] if len(found) > AT_ONCE else None
    return answers.page(visit, "numbers.html", numbers=shown, words=words, onward=onward, is_first=not after)


def page(visit: Visit, did: str) -> Response:
    """GET: one of them."""
    found = _found(visit, did)
    return _page(visit, found, Form.of(_fields(visit, found), found), Form.of(CALLER, {}))


def change(visit: Visit, did: str) -> Response:
    """POST: where its faxes go, and what its calls may do."""
    found = _found(visit, did)
    form = Form.read(_fields(visit, found), visit.request.form)
    if form.ok:
        changed = {name: value for name, value in form.values.items() if value != found[name]}
        mailbox = changed.pop("mailbox", None)
        try:
            if changed or mailbox is not None:
                did_provisioning.change(
                    visit.its_admin, visit.actor, visit.its_tenant.slug, found["number"], changed, mailbox=mailbox
                )
            return answers.to(f"/organisation/numbers/{found['number']}", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, found, form, Form.of(CALLER, {}), 400)


def change_callers(visit: Visit, did: str) -> Response:
    """POST: an entry of its list of callers (`caller`, `rule`), or one less (`remove`)."""
    found = _found(visit, did)
    wants, where = visit.request.form, (visit.its_admin, visit.actor, visit.its_tenant.slug, found["number"])
    form = Form.of(CALLER, {}) if "remove" in wants else Form.read(CALLER, wants)
    if form.ok:
        try:
            if "remove" in wants:
                did_provisioning.remove_caller(*where, wants["remove"])
            else:
                did_provisioning.add_caller(*where, form.values["caller"], form.values["rule"])
            return answers.to(f"/organisation/numbers/{found['number']}", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, found, Form.of(_fields(visit, found), found), form, 400)


def _found(visit: Visit, did: str) -> Mapping[str, Any]:
    """As did_provisioning.everything. Raises NotFound, also for what is no number."""
    try:
        return did_provisioning.everything(visit.its_admin, visit.its_tenant.slug, did)
    except InvalidNumber as error:
        raise NotFound(_("Your organisation has no such number.")) from error


def _fields(visit: Visit, found: Mapping[str, Any]) -> Sequence[Field]:
    """With the mailboxes that there are."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        there = mailboxes.directory(tx, visit.its_tenant.id, limit=MOST_CHOICES + 1)
    names = [each["name"] for each in there]
    label = marked("Mailbox")
    if len(names) > MOST_CHOICES:
        return (Field("mailbox", label, required=True, hint=marked("Its name.")), *_FIELDS)
    if found["mailbox"] not in names:
        names.append(found["mailbox"])
    return (Field("mailbox", label, Kind.CHOICE, choices=[(name, name) for name in names]), *_FIELDS)


def _page(visit: Visit, found: Mapping[str, Any], form: Form, caller: Form, status: int = 200) -> Response:
    slug, number = visit.its_tenant.slug, found["number"]
    return answers.page(
        visit, "number.html", status,
        did=did_provisioning.everything(visit.its_admin, slug, number), form=form, caller=caller,
        reached=did_provisioning.reached(visit.its_admin, slug, number), why=REFUSALS,
    )  # fmt: skip
