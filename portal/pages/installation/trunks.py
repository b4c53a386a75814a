"""Trunks, as an operator keeps them: how they do, all their values, and whether they work."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from faxplan import called_number, t30_trace, trunk_check, trunk_directory, trunk_provisioning, trunk_tests
from faxplan.db import Row
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked, ngettext
from faxplan.trunk_check import Checked
from portal import answers, roles
from portal.forms import Field, Form, Kind, differing
from portal.roles import OPERATOR
from portal.templates import lasting
from portal.visit import Visit

FORMATS = (
    ("e164", marked("+493012345 (E.164)")),
    ("e164-no-plus", marked("493012345 (E.164 without +)")),
    ("national", marked("As dialled in its country")),
)
_INBOUND = (("any", marked("Any: E.164, then as in its country")), *FORMATS)
NAMED = (
    Field(
        "name",
        marked("Name"),
        required=True,
        longest=63,
        hint=marked("Letters, digits, _ and -. It becomes a gateway of this name, and stays as it is."),
    ),
)
VALUES = (
    Field(
        "host", marked("Host"), required=True, longest=255, hint=marked("The carrier's name or address, without port.")
    ),
    Field("port", marked("Port"), Kind.NUMBER, least=1, most=65535, hint=marked("Empty: 5060, or what the DNS says.")),
    Field("transport", marked("Transport"), Kind.CHOICE, choices=(("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS"))),
    Field(
        "inbound_country",
        marked("Country"),
        required=True,
        longest=2,
        hint=marked("Two letters, such as DE: whose numbering plan the carrier's national numbers are of."),
    ),
    Field(
        "source_networks",
        marked("Its calls come from"),
        Kind.LINES,
        longest=4000,
        hint=marked("Addresses or networks, one a line. Empty: none of its calls is taken."),
    ),
    Field("register", marked("Register with the carrier"), Kind.SWITCH, hint=marked("Needs user name and password.")),
    Field("username", marked("User name"), longest=200),
    Field("password", marked("Password"), Kind.SECRET, longest=200, hint=marked("It is never shown. Empty: as it is.")),
    Field("no_password", marked("Forget the password"), Kind.SWITCH),
    Field("realm", marked("Realm"), longest=200, hint=marked("Of digest authentication. Empty: the host.")),
    Field(
        "ping_seconds",
        marked("Seconds between OPTIONS"),
        Kind.NUMBER,
        least=5,
        most=3600,
        hint=marked("A carrier that does not answer them is down. Empty: none are sent."),
    ),
    Field("called_format", marked("Called numbers are written"), Kind.CHOICE, choices=FORMATS),
    Field("calling_format", marked("The caller's number is written"), Kind.CHOICE, choices=FORMATS),
    Field(
        "called_prefix",
        marked("Dialled before every number"),
        longest=10,
        hint=marked("An outside line, or what the carrier asks for: digits, * and #. Not with E.164 with +."),
    ),
    Field(
        "caller_id_in",
        marked("The caller's number stands in"),
        Kind.CHOICE,
        choices=(
            ("pai", marked("P-Asserted-Identity too")),
            ("rpid", marked("Remote-Party-ID too")),
            ("from", marked("From alone")),
        ),
    ),
    Field(
        "privacy",
        marked("Do not tell the called party the number"),
        Kind.SWITCH,
        hint=marked("The pages still say who sends them."),
    ),
    Field(
        "from_user", marked("User in From"), longest=200, hint=marked("In place of the number, such as the account.")
    ),
    Field("from_domain", marked("Domain in From"), longest=255, hint=marked("Empty: our address.")),
    Field("inbound_format", marked("The carrier writes called numbers"), Kind.CHOICE, choices=_INBOUND),
    Field(
        "inbound_calling_format",
        marked("The carrier writes callers' numbers"),
        Kind.CHOICE,
        choices=(("", marked("As called ones")), *_INBOUND),
    ),
    Field(
        "inbound_prefix",
        marked("Taken off called numbers"),
        longest=10,
        hint=marked("Where they begin so: digits, * and #."),
    ),
    Field(
        "called_from",
        marked("Where its calls say which number is called"),
        required=True,
        longest=60,
        hint=marked("One or several, in their order: request, to, diversion, history-info."),
    ),
    Field(
        "trusts_identity",
        marked("Believe what it says about callers"),
        Kind.SWITCH,
        hint=marked("Off: From alone counts."),
    ),
    Field("t38", marked("T.38"), Kind.SWITCH, hint=marked("Off: sound alone (G.711).")),
    Field(
        "t38_request",
        marked("Who asks for T.38"),
        Kind.CHOICE,
        choices=(("receiver", marked("The receiver")), ("sender", marked("The sender")), ("nobody", marked("Nobody"))),
        hint=marked("One only: FreeSWITCH does not answer a second request after a refused one."),
    ),
    Field(
        "t38_redundancy",
        marked("Earlier packets in each T.38 packet"),
        Kind.NUMBER,
        required=True,
        most=3,
    ),
    Field("v17", marked("V.17"), Kind.SWITCH, hint=marked("Off: 9600 bit/s at most.")),
    Field("ecm", marked("Error correction"), Kind.SWITCH),
    Field(
        "codec",
        marked("Sound that is offered"),
        Kind.CHOICE,
        choices=(("any", marked("Any G.711")), ("pcmu", "PCMU"), ("pcma", "PCMA")),
    ),
    Field(
        "encrypted_media",
        marked("Encrypted media, or no call"),
        Kind.SWITCH,
        hint=marked("SRTP. Needs TLS, and T.38 off: it has no encryption."),
    ),
    Field(
        "t30_trace",
        marked("Keep what the machines said"),
        Kind.CHOICE,
        choices=(
            (t30_trace.OFF, marked("Of no call")),
            (t30_trace.FAILED, marked("Of calls that failed")),
            (t30_trace.ALL, marked("Of all calls")),
        ),
    ),
    Field(
        "max_calls", marked("Calls at once"), Kind.NUMBER, least=1, hint=marked("In both directions. Empty: no limit.")
    ),
    Field(
        "calls_per_second",
        marked("New calls a second"),
        longest=10,
        hint=marked("That go out, such as 0.5. Empty: no limit."),
    ),
    Field(
        "dedicated_to",
        marked("For one tenant alone"),
        longest=40,
        hint=marked("Its short name. Empty: for all."),
    ),
    Field(
        "overflow",
        marked("What it cannot take goes on to other trunks"),
        Kind.SWITCH,
        hint=marked("Of a trunk for one tenant alone."),
    ),
    Field("enabled", marked("Switched on"), Kind.SWITCH, hint=marked("Off: neither calls nor gateway.")),
)
GROUPS = (
    (marked("Where it is"), ("name", "host", "port", "transport", "inbound_country", "source_networks")),
    (marked("Account"), ("register", "username", "password", "no_password", "realm", "ping_seconds")),
    (
        marked("Calls that go out"),
        ("called_format", "calling_format", "called_prefix", "caller_id_in", "privacy", "from_user", "from_domain"),
    ),
    (
        marked("Calls that come in"),
        ("inbound_format", "inbound_calling_format", "inbound_prefix", "called_from", "trusts_identity"),
    ),
    (
        marked("Fax and sound"),
        ("t38", "t38_request", "t38_redundancy", "v17", "ecm", "codec", "encrypted_media", "t30_trace"),
    ),
    (marked("Limits"), ("max_calls", "calls_per_second", "dedicated_to", "overflow", "enabled")),
)
_AT_FIRST: Mapping[str, Any] = {
    "transport": "udp", "called_format": "e164", "calling_format": "e164", "caller_id_in": "pai",
    "inbound_format": "any", "called_from": called_number.REQUEST, "t38": True, "t38_request": "receiver",
    "t38_redundancy": 3, "v17": True, "ecm": True, "codec": "any", "t30_trace": t30_trace.OFF,
    "overflow": True, "enabled": True,
}  # fmt: skip
TEST = (
    Field(
        "number",
        marked("Fax number"),
        required=True,
        longest=40,
        hint=marked("One page is sent to it through this trunk, whatever the routes say. It is a fax of yours."),
    ),
)


def everyone(visit: Visit) -> Response:
    """GET: all of them, and how they do."""
    states = {row["name"]: row for row in trunk_provisioning.states(visit.its_admin)}
    rows = [
        (row, states[row["name"]], _state(states[row["name"]]))
        for row in trunk_provisioning.all_trunks(visit.its_admin)
    ]
    return answers.page(visit, "installation/trunks.html", trunks=rows)


def new(visit: Visit) -> Response:
    """GET: the form for one more."""
    return _new(visit, Form.of((*NAMED, *VALUES), _AT_FIRST))


def add(visit: Visit) -> Response:
    """POST: one more."""
    form = Form.read((*NAMED, *VALUES), visit.request.form)
    if form.ok:
        try:
            values = {name: value for name, value in _stored(form.values).items() if name != "name"}
            name = form.values["name"]
            trunk_provisioning.add_trunk(visit.its_admin, visit.actor, name, trunk_directory.with_sources(values))
            return answers.to(f"/installation/trunks/{name}", note="added")
        except FaxplanError as error:
            form = form.failed(error)
    return _new(visit, form, 400)


def page(visit: Visit, name: str) -> Response:
    """GET: one of them."""
    return _page(visit, name)


def change(visit: Visit, name: str) -> Response:
    """POST: its values."""
    form, now = Form.read(VALUES, visit.request.form), one(visit, name)
    if form.ok:
        try:
            values = _stored(form.values)
            changed = differing({each: value for each, value in values.items() if each != "password"}, now)
            if "password" in values:
                changed["password"] = values["password"]
            if changed:
                trunk_provisioning.change_trunk(visit.its_admin, visit.actor, name, changed)
            return answers.to(f"/installation/trunks/{name}", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, name, form=form, status=400)


def wake(visit: Visit, name: str) -> Response:
    """POST: its rest is over."""
    trunk_provisioning.wake_trunk(visit.its_admin, visit.actor, name)
    return answers.to(f"/installation/trunks/{name}", note="saved")


def remove(visit: Visit, name: str) -> Response:
    """POST: it goes, where no route leads to it."""
    try:
        trunk_provisioning.remove_trunk(visit.its_admin, visit.actor, name)
    except NotFound:
        raise
    except FaxplanError as error:
        return _page(visit, name, form=_form(visit, name).failed(error), status=400)
    return answers.to("/installation/trunks", note="removed")


def check(visit: Visit, name: str) -> Response:
    """POST: asks FreeSWITCH about its gateway, and the carrier by OPTIONS. Nothing is changed."""
    return _page(visit, name, checked=trunk_check.check(visit.its_settings, one(visit, name)))


def test(visit: Visit) -> Response:
    """POST: a page through a trunk, as a fax of the operator's own, which tells what becomes of it.

    Of the process that has the store: a page is made for it, and sealed.
    """
    roles.check(OPERATOR, visit.user)
    form = visit.request.form
    trunk = form.get("trunk", "")
    fax_id = trunk_tests.submit(visit.db, visit.store, visit.user, trunk, form.get("number", ""))
    # It is one of the installation's, so that its name stands in an address as it is.
    return answers.to(f"/installation/trunks/{trunk}/up?fax={fax_id}" if "setting_up" in form else f"/faxes/{fax_id}")


# ------------------------------------------------------------------------------------------------------------ the pages


def one(visit: Visit, name: str) -> Row:
    """A trunk with its values. Raises NotFound."""
    found = next((row for row in trunk_provisioning.all_trunks(visit.its_admin) if row["name"] == name), None)
    if found is None:
        raise NotFound(_("There is no trunk {name}. `faxplan trunk list` shows all.").format(name=repr(name[:64])))
    return found


def _form(visit: Visit, name: str) -> Form:
    row = one(visit, name)
    rate = row["calls_per_second"]
    return Form.of(
        VALUES,
        {
            **row,
            "source_networks": "\n".join(row["source_networks"]),
            "called_from": ", ".join(row["called_from"]),
            "calls_per_second": None if rate is None else f"{rate:g}",
        },
    )


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """As trunk_provisioning takes them, of a form. Raises InvalidTrunk."""
    stored = dict(values)
    for name in trunk_directory.OPTIONAL:
        stored[name] = stored[name] or None
    stored["source_networks"] = trunk_directory.parse_networks(values["source_networks"].split())
    stored["called_from"] = values["called_from"].replace(",", " ").split()
    stored["inbound_country"] = values["inbound_country"].upper()
    rate = values["calls_per_second"].replace(",", ".")
    try:
        stored["calls_per_second"] = float(rate) if rate else None
    except ValueError:
        raise trunk_directory.InvalidTrunk(
            _("{rate} is no number of calls a second. Write it as 0.5.").format(rate=repr(rate))
        ) from None
    if not stored.pop("no_password") and stored["password"] is None:
        del stored["password"]
    return stored


def _state(state: Row) -> tuple[str, str]:
    """What a dot says (a state of a fax, as the stylesheet has them), and a sentence."""
    if not state["enabled"]:
        return "cancelled", _("Switched off")
    if state["rests_seconds"]:
        return "failed", ngettext(
            "Rests for {time} after {count} failure in a row",
            "Rests for {time} after {count} failures in a row",
            state["failures"],
        ).format(time=lasting(state["rests_seconds"]), count=state["failures"])
    if state["unregistered_on"] or state["down_on"]:
        said = _("Node {node} cannot register it").format(node=state["unregistered_on"])
        if not state["unregistered_on"]:
            said = _("Cannot be reached by {nodes}").format(nodes=", ".join(state["down_on"]))
        return "failed", said
    if state["is_tried"]:
        return "partial", _("Has rested, and is tried with one call at a time")
    if state["failures"]:
        return "partial", _("The last calls failed")
    return ("sent", _("Works")) if state["last_success_at"] else ("", _("No call yet"))


def _new(visit: Visit, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "installation/trunk_new.html", status, form=form, groups=GROUPS)


def _page(
    visit: Visit, name: str, *, form: Form | None = None, checked: Checked | None = None, status: int = 200
) -> Response:
    trunk = one(visit, name)
    state = next(row for row in trunk_provisioning.states(visit.its_admin) if row["name"] == name)
    return answers.page(
        visit,
        "installation/trunk.html",
        status,
        trunk=trunk,
        state=state,
        standing=_state(state),
        form=form or _form(visit, name),
        groups=GROUPS,
        checked=checked,
        by_name=trunk_check.asks_by_name(trunk),
        test=Form.of(TEST, {}),
        routes=[row for row in trunk_provisioning.all_routes(visit.its_admin) if row["trunk"] == name],
    )
