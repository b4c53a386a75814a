"""Routes, as an operator keeps them: which trunks take which numbers, in which order; and why a call would go so."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from faxplan import route_explanation, trunk_provisioning
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from faxplan.route_explanation import Explanation
from portal import answers
from portal.forms import Field, Form, Kind, differing
from portal.pages.installation.tenants import short_names
from portal.visit import Visit

_PREFIX = Field(
    "prefix",
    marked("Numbers that begin with"),
    required=True,
    longest=20,
    hint=marked("Such as +49; + alone: all. X, Z and N stand for 0 to 9, 1 to 9, 2 to 9. The longest that fits wins."),
)
_ONLY_FOR = Field(
    "only_for", marked("Of one tenant alone"), longest=40, hint=marked("Its short name. Empty: of all tenants.")
)
_VALUES = (
    Field(
        "position",
        marked("Position"),
        Kind.NUMBER,
        required=True,
        hint=marked("Among routes of one beginning the lowest comes first."),
    ),
    Field(
        "weight",
        marked("Weight"),
        Kind.NUMBER,
        required=True,
        least=1,
        most=1000,
        hint=marked("Its share of the calls among trunks of one position."),
    ),
    Field("cost", marked("Cost of a minute"), longest=20, hint=marked("Such as 0.012: for records only.")),
    Field(
        "in_clear",
        marked("May take in clear what a trunk with encrypted media takes as well"),
        Kind.SWITCH,
    ),
    Field("enabled", marked("Switched on"), Kind.SWITCH, hint=marked("Off: as if it were not there.")),
)
EXPLAINED = (
    Field("tenant", marked("Tenant"), required=True, longest=40, hint=marked("Whose call it would be, by short name.")),
    Field("number", marked("Number"), required=True, longest=60, hint=marked("As somebody of that tenant writes it.")),
)
BARRED = ""
"""In place of a trunk's name."""
_UNCHOSEN, _BARS = "", ":barred"
"""Of the form for one more: nothing is barred by leaving a field as it came. No trunk is called so."""
_SURE = Field("sure", marked("Yes, bar them"), Kind.SWITCH)


def everything(visit: Visit) -> Response:
    """GET: all of them, as they are tried, and the form for one more."""
    given = {"position": 100, "weight": 1, "enabled": True, "trunk": visit.request.args.get("trunk", _UNCHOSEN)}
    return _everything(visit, Form.of(_new(visit), given))


def add(visit: Visit) -> Response:
    """POST: one more."""
    form = _of_one_more(visit)
    if form.ok:
        try:
            values = _stored(form.values)
            prefix, trunk, only_for = values.pop("prefix"), values.pop("trunk"), values.pop("only_for")
            bars = trunk == _BARS
            if bars and not values.pop("sure"):
                return _everything(visit, replace(form, wrong=_asked(prefix, only_for)), 400)
            trunk = BARRED if bars else trunk
            trunk_provisioning.add_route(
                visit.its_admin, visit.actor, prefix, trunk or None, only_for=only_for or None, **values
            )
            return answers.to("/installation/routes", note="added")
        except FaxplanError as error:
            form = form.failed(error)
    return _everything(visit, form, 400)


def _of_one_more(visit: Visit) -> Form:
    """What came of the form for one. Of numbers that are to be barred it is asked whether that is meant."""
    submitted = visit.request.form
    fields = _new(visit)
    form = Form.read((*fields, _SURE) if submitted.get("trunk") == _BARS else fields, submitted)
    if submitted.get("trunk") == _UNCHOSEN:
        form = replace(form, errors={**form.errors, "trunk": _("Choose a trunk, or that they are barred.")})
    return form


def _asked(prefix: str, only_for: str) -> str:
    if only_for:
        return _(
            "Nothing would be sent any more to numbers that begin with {prefix}, for {tenant}, but where a longer "
            "beginning fits. If that is meant, tick it at the end of the form."
        ).format(prefix=prefix, tenant=only_for)
    return _(
        "Nothing would be sent any more to numbers that begin with {prefix}, for every tenant, but where a longer "
        "beginning fits. If that is meant, tick it at the end of the form."
    ).format(prefix=prefix)


def one(visit: Visit) -> Response:
    """GET: one of them, by what it was entered with."""
    row = _one(visit, visit.request.args)
    return _page(visit, row, Form.of(_VALUES, row))


def change(visit: Visit) -> Response:
    """POST: its values."""
    row, form = _one(visit, visit.request.args), Form.read(_VALUES, visit.request.form)
    if form.ok:
        try:
            changed = differing(_stored(form.values), row)
            if changed:
                trunk_provisioning.change_route(
                    visit.its_admin, visit.actor, row["prefix"], row["trunk"], changed, only_for=row["only_for"]
                )
            return answers.to("/installation/routes", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, row, form, 400)


def remove(visit: Visit) -> Response:
    """POST: it goes."""
    row = _one(visit, visit.request.args)
    trunk_provisioning.remove_route(visit.its_admin, visit.actor, row["prefix"], row["trunk"], only_for=row["only_for"])
    return answers.to("/installation/routes", note="removed")


def explain(visit: Visit) -> Response:
    """GET: what would become of a tenant's call to a number."""
    given = visit.request.args
    if "number" not in given:
        return _explained(visit, Form.of(EXPLAINED, {"tenant": given.get("tenant", "")}))
    form = Form.read(EXPLAINED, given)
    if not form.ok:
        return _explained(visit, form, 400)
    try:
        found = route_explanation.explain(
            visit.its_admin, visit.its_settings, form.values["tenant"], form.values["number"]
        )
    except FaxplanError as error:
        return _explained(visit, form.failed(error), 400)
    return _explained(visit, form, found=found)


# ------------------------------------------------------------------------------------------------------------ the pages


def address(row: Mapping[str, Any], act: str = "one") -> str:
    """Of a route's page."""
    which = {"prefix": row["prefix"], "trunk": row["trunk"] or BARRED, "only_for": row["only_for"] or ""}
    return f"/installation/routes/{act}?{urlencode(which)}"


def _new(visit: Visit) -> tuple[Field, ...]:
    names = [(row["name"], row["name"]) for row in trunk_provisioning.all_trunks(visit.its_admin)]
    nowhere = (_BARS, marked("Nowhere: they are barred"))
    through = Field("trunk", marked("They go"), Kind.CHOICE, choices=((_UNCHOSEN, marked("Choose")), *names, nowhere))
    return (_PREFIX, through, _ONLY_FOR, *_VALUES)


def _one(visit: Visit, which: Mapping[str, str]) -> dict[str, Any]:
    """Raises NotFound."""
    wanted = (which.get("prefix", ""), which.get("trunk") or None, which.get("only_for") or None)
    for row in trunk_provisioning.all_routes(visit.its_admin):
        if (row["prefix"], row["trunk"], row["only_for"]) == wanted:
            return row
    raise NotFound(_("There is no such route any more."))


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """As trunk_provisioning takes them, of a form. Raises InvalidCost."""
    text = values["cost"].replace(",", ".")
    try:
        cost = Decimal(text) if text else None
    except InvalidOperation:
        cost = Decimal("NaN")
    if cost is not None and not (cost.is_finite() and cost >= 0):
        raise InvalidCost(_("{text} is no amount. Write it as 0.012.").format(text=text))
    return {**values, "cost": cost}


class InvalidCost(FaxplanError):
    """It is no amount of money."""

    error_id = "invalid-cost"


def _everything(visit: Visit, form: Form, status: int = 200) -> Response:
    found = sorted(trunk_provisioning.all_routes(visit.its_admin), key=_as_tried)
    rows = [(row, address(row)) for row in found]
    form = form.suggesting(short_names(visit), "only_for")
    return answers.page(visit, "installation/routes.html", status, routes=rows, form=form)


def _as_tried(row: Mapping[str, Any]) -> tuple[int, str, bool, int, str]:
    """The longest beginning first, of one the tenants' own, then by position (dial_plan)."""
    return -len(row["prefix"]), row["prefix"], row["only_for"] is None, row["position"], row["trunk"] or ""


def _page(visit: Visit, row: Mapping[str, Any], form: Form, status: int = 200) -> Response:
    return answers.page(
        visit, "installation/route.html", status, route=row, form=form, here=address(row), away=address(row, "remove")
    )


def _explained(visit: Visit, form: Form, status: int = 200, found: Explanation | None = None) -> Response:
    form = form.suggesting(short_names(visit), "tenant")
    return answers.page(visit, "installation/route_explained.html", status, form=form, found=found)
