"""A trunk set up step by step: whose it is, its values, what will be written, and how it comes up.

Each step has an address, with what was answered before in its query, but for the password: that is asked for last.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    call_troubles,
    guard,
    history,
    providers,
    time_line,
    trunk_arrival,
    trunk_check,
    trunk_provisioning,
    trunk_registration,
    trunk_setup,
)
from faxplan.errors import FaxplanError, NotFound
from faxplan.history import Fax
from faxplan.language import _, marked
from faxplan.providers import Provider
from faxplan.trunk_registration import Registration
from faxplan.trunk_troubles import Found
from portal import answers
from portal.forms import Field, Form, Kind
from portal.pages.installation import trunks
from portal.visit import Visit

_LOGS_IN = Field(
    "logs_in",
    marked("It wants a user name and a password at each call"),
    Kind.SWITCH,
    hint=marked("Without registering. The password is asked for in the next step."),
)
_SHORT = {"yes": marked("Yes"), "no": marked("No"), "unknown": marked("Nothing was found: ask")}
_HINTS = {
    "source_networks": marked("Addresses or networks, one a line. Empty: what the DNS says of the host."),
    "register": marked("The password is asked for in the next step."),
}
_ASKED = (
    (marked("Where it is"), ("name", "host", "port", "transport", "inbound_country", "source_networks")),
    (marked("Account"), ("register", "logs_in", "username")),
    (marked("Numbers"), ("called_format", "calling_format", "caller_id_in")),
    (marked("Fax and sound"), ("t38", "t38_request", "codec", "max_calls")),
)
_BY_NAME = {field.name: field for field in (*trunks.NAMED, *trunks.VALUES, _LOGS_IN)}
FIELDS = tuple(
    replace(_BY_NAME[name], hint=_HINTS.get(name, _BY_NAME[name].hint)) for _title, names in _ASKED for name in names
)
PASSWORD = Field("password", marked("Password"), Kind.SECRET, required=True, longest=200)
ROUTE = (
    Field(
        "prefix",
        marked("Numbers that begin with"),
        required=True,
        longest=20,
        hint=marked("+ alone: all numbers. +49: those that begin so."),
    ),
)


def choose(visit: Visit) -> Response:
    """GET: whose trunk it is."""
    known = [(each, _(_SHORT[each.t38])) for each in providers.everyone()]
    return answers.page(visit, "installation/trunk_setup.html", providers=known, another=providers.ANOTHER)


def values(visit: Visit, key: str) -> Response:
    """GET: what is asked, with what is known of that carrier."""
    provider = providers.named(key)
    taken = {row["name"] for row in trunk_provisioning.all_trunks(visit.its_admin)}
    first = {**trunk_setup.begin(provider), "name": trunk_setup.name_for(provider, taken)}
    given = visit.request.args
    return _values(visit, key, provider, Form.read(FIELDS, given) if given else Form.of(FIELDS, first))


def review(visit: Visit, key: str) -> Response:
    """GET: what will be written; or what is wrong with the answers."""
    provider, form = providers.named(key), Form.read(FIELDS, visit.request.args)
    if any(row["name"] == form.values.get("name") for row in trunk_provisioning.all_trunks(visit.its_admin)):
        # Before the password is asked for, and not when it is written.
        taken = _("There is a trunk of this name already. Choose another.")
        form = replace(form, errors={**form.errors, "name": taken})
    return _review(visit, key, provider, form)


def write(visit: Visit, key: str) -> Response:
    """POST: it is written, and comes up."""
    provider, given = providers.named(key), visit.request.form
    form = Form.read(FIELDS, given)
    if not form.ok:
        return _values(visit, key, provider, form, 400)
    password = Form.read((PASSWORD,), given)
    if _wants_password(form.values) and not password.ok:
        return _review(visit, key, provider, form, password=password, status=400)
    name = form.values["name"]
    try:
        stored = _stored(form.values)
        if _wants_password(form.values):
            stored["password"] = password.values["password"]
        trunk_provisioning.add_trunk(visit.its_admin, visit.actor, name, stored)
    except FaxplanError as error:
        return _values(visit, key, provider, form.failed(error), 400)
    return answers.to(f"/installation/trunks/{name}/up", note="added")


def up(visit: Visit, name: str) -> Response:
    """GET: how it comes up, and what is left to do."""
    return _up(visit, name, "installation/trunk_up.html")


def up_now(visit: Visit, name: str) -> Response:
    """GET: what changes of it, for the page's script."""
    return _up(visit, name, "installation/trunk_up_now.html")


def register(visit: Visit, name: str) -> Response:
    """POST: has FreeSWITCH register it anew, and tells what the carrier says."""
    trunks.one(visit, name)
    found = trunk_registration.register(visit.its_settings, name)
    return _up(visit, name, "installation/trunk_up.html", registration=found)


def add_route(visit: Visit, name: str) -> Response:
    """POST: numbers go through it."""
    trunks.one(visit, name)
    form = Form.read(ROUTE, visit.request.form)
    if form.ok:
        try:
            trunk_provisioning.add_route(visit.its_admin, visit.actor, form.values["prefix"], name)
            return answers.to(f"/installation/trunks/{name}/up", note="added")
        except FaxplanError as error:
            form = form.failed(error)
    return _up(visit, name, "installation/trunk_up.html", route=form, status=400)


def write_otherwise(visit: Visit, name: str) -> Response:
    """POST: called numbers are written in another way from now on."""
    row, wanted = trunks.one(visit, name), visit.request.form.get("called_format", "")
    if wanted in trunk_setup.other_formats(row["called_format"]):
        trunk_provisioning.change_trunk(visit.its_admin, visit.actor, name, {"called_format": wanted})
    return answers.to(f"/installation/trunks/{name}/up", note="saved")


# ------------------------------------------------------------------------------------------------------------ the pages


def _wants_password(given: Mapping[str, Any]) -> bool:
    return bool(given["register"] or given["logs_in"])


def _stored(given: Mapping[str, Any]) -> dict[str, Any]:
    """As trunk_provisioning takes them, without a password. Raises InvalidTrunk."""
    asked = {name: value for name, value in given.items() if name not in ("name", "logs_in")}
    if not _wants_password(given):
        asked["username"] = None
    return trunk_setup.complete({**asked, "source_networks": given["source_networks"].split()})


def _values(visit: Visit, key: str, provider: Provider | None, form: Form, status: int = 200) -> Response:
    return answers.page(
        visit,
        "installation/trunk_setup_values.html",
        status,
        key=key,
        provider=provider,
        known=_known(provider),
        form=form,
        groups=_ASKED,
    )


def _known(provider: Provider | None) -> str:
    return "" if provider is None else _(providers.T38[provider.t38])


def _review(
    visit: Visit, key: str, provider: Provider | None, form: Form, *, password: Form | None = None, status: int = 200
) -> Response:
    if form.ok:
        try:
            stored = _stored(form.values)
            found = None
            if not stored.get("source_networks"):
                found = trunk_setup.sources(stored)
                stored["source_networks"] = list(found.networks)
            wanted = _wants_password(form.values)
            shown = trunk_setup.check(form.values["name"], {**stored, "password": "x" if wanted else None})
        except FaxplanError as error:
            form = form.failed(error)
    if not form.ok:
        return _values(visit, key, provider, form, 400)
    kept = {**form.shown, "source_networks": "\n".join(stored.get("source_networks", []))}
    return answers.page(
        visit,
        "installation/trunk_setup_review.html",
        status,
        key=key,
        provider=provider,
        form=form,
        kept=kept,
        back=f"/installation/trunk-setup/{key}?{visit.request.query_string.decode('ascii')}",
        shown=shown,
        networks=stored.get("source_networks", []),
        found=found,
        password=(password or Form.of((PASSWORD,), {})) if wanted else None,
    )


def _up(
    visit: Visit,
    name: str,
    template: str,
    *,
    registration: Registration | None = None,
    route: Form | None = None,
    status: int = 200,
) -> Response:
    trunk = trunks.one(visit, name)
    arrival = trunk_arrival.look(visit.its_admin, name)
    fax, sentence, troubles = _test(visit, name)
    wrong_format = bool(call_troubles.WRONG_FORMAT & {each.trouble.name for each in troubles})
    return answers.page(
        visit,
        template,
        status,
        trunk=trunk,
        arrival=arrival,
        checked=trunk_check.check(visit.its_settings, trunk) if arrival.have else None,
        by_name=trunk_check.asks_by_name(trunk),
        registration=registration,
        fax=fax,
        sentence=sentence,
        troubles=troubles,
        others=trunk_setup.other_formats(trunk["called_format"]) if wrong_format else [],
        formats=dict(trunks.FORMATS),
        test=Form.of(trunks.TEST, {}),
        route=route or Form.of(ROUTE, {"prefix": "+"}),
        routes=[row for row in trunk_provisioning.all_routes(visit.its_admin) if row["trunk"] == name],
    )


def _test(visit: Visit, name: str) -> tuple[Fax | None, str, list[Found]]:
    """The test fax of the address, where it is one of the operator's: itself, where it stands, what went wrong."""
    text = visit.request.args.get("fax", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None, "", []
    try:
        with visit.db.tenant(visit.user.tenant_id) as tx:
            fax = history.fax(tx, visit.user, int(text))
            calls = history.attempts(tx, visit.user, fax.id)
    except NotFound:
        return None, "", []
    sentence = time_line.standing(fax, visit.zone, visit.now)
    if not (fax.is_test and fax.final):
        return fax, sentence, []
    return fax, sentence, call_troubles.of(fax, calls, trunk=name, own_address=_own_address(visit))


def _own_address(visit: Visit) -> str:
    try:
        with guard.connect(visit.its_settings) as switch:
            return trunk_check.address_in_sdp(switch, visit.its_settings.sip_profile)
    except FaxplanError:
        return ""
