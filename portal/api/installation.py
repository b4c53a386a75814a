"""What those who run the installation have programs do: organisations, numbers, trunks, routes."""

from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    did_batches,
    did_provisioning,
    invitations,
    number_directory,
    provisioning,
    tenant_directory,
    tenants,
    trunk_directory,
    trunk_provisioning,
)
from faxplan.db import Row
from faxplan.did_batches import Entry, Line, NotAllOfThem
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.permissions import stored
from portal import wording
from portal.api import call as calls
from portal.api import shapes_installation as shapes
from portal.api import shapes_trunks
from portal.api.call import Call
from portal.api.problems import InvalidRequest, NotAllEntered
from portal.api.shapes_organisation import Named

# -------------------------------------------------------------------------------------------------------- organisations


def all_tenants(call: Call) -> Response:
    """Some of them, by short name."""
    asked = call.asked(Named)
    after = calls.after_of(asked.cursor)
    rows = tenant_directory.some(call.its_admin, words=asked.text, after=after, limit=asked.limit + 1)
    shown, onward = calls.part_of(rows, asked.limit, lambda row: row["slug"])
    listed = [
        shapes.ListedTenant(
            slug=row["slug"], name=row["name"], country=row["country"], enabled=row["enabled"], people=row["people"],
            numbers=row["dids"],
        )
        for row in shown
    ]  # fmt: skip
    return calls.answer(shapes.Tenants(tenants=listed, next=onward))


def add_tenant(call: Call) -> Response:
    """One more."""
    made = provisioning.add_tenant(call.its_admin, call.actor, call.given(shapes.NewTenant).model_dump())
    return calls.answer(_tenant(made), 201)


def tenant(call: Call) -> Response:
    """How it is set."""
    return calls.answer(_tenant(tenant_directory.one(call.its_admin, call.path["slug"])))


def change_tenant(call: Call) -> Response:
    """Otherwise; or it is switched off."""
    slug = tenant_directory.one(call.its_admin, call.path["slug"]).slug
    values = calls.changed(call.given(shapes.ChangeTenant), nullable=_NO_LIMIT)
    if "permissions" in values:
        values["permissions"] = stored(values["permissions"])
    if values:
        provisioning.change_tenant(call.its_admin, call.actor, slug, values)
    return calls.answer(_tenant(tenant_directory.one(call.its_admin, slug)))


_NO_LIMIT = ("max_calls", "calls_per_hour", "pages_per_hour", "wait_hours")


def _tenant(found: tenants.Tenant) -> shapes.Tenant:
    return shapes.Tenant(**{name: getattr(found, name) for name in shapes.Tenant.model_fields})


def people(call: Call) -> Response:
    """Who they are, and what they may."""
    slug = tenant_directory.one(call.its_admin, call.path["slug"]).slug
    rows = provisioning.all_users(call.its_admin, slug)
    return calls.answer(shapes.People(people=[_person(row) for row in rows]))


def add_person(call: Call) -> Response:
    """One more."""
    asked, slug = call.given(shapes.NewPerson), call.path["slug"]
    made = provisioning.add_user(call.its_admin, call.actor, slug, email=asked.email, name=asked.name, role=asked.role)
    return calls.answer(_person(tenant_directory.person(call.its_admin, slug, made.id)), 201)


def change_person(call: Call) -> Response:
    """What they may. Who runs the installation is said in the portal, and at a shell."""
    slug, number = call.path["slug"], call.path["number"]
    tenant_directory.person(call.its_admin, slug, number)
    values = calls.changed(call.given(shapes.ChangePerson))
    if values:
        provisioning.change_user(call.its_admin, call.actor, slug, number, values)
    return calls.answer(_person(tenant_directory.person(call.its_admin, slug, number)))


def invite(call: Call) -> Response:
    """A link by which who has none yet chooses a password; one before it works no more."""
    slug = call.path["slug"]
    email = tenant_directory.person(call.its_admin, slug, call.path["number"])["email"]
    _user, token = provisioning.invite(call.its_admin, call.actor, slug, email, by_program=True)
    link = invitations.link(call.settings.portal_of(slug), token)
    return calls.answer(shapes.Invitation(link=link, days=invitations.DAYS), 201)


def _person(row: Row) -> shapes.Person:
    return shapes.Person(**{name: row[name] for name in shapes.Person.model_fields})


# -------------------------------------------------------------------------------------------------------------- numbers


def all_numbers(call: Call) -> Response:
    """Some of them, by number."""
    asked = call.asked(shapes.NumberFilters)
    rows = number_directory.some(
        call.its_admin, beginning=asked.text, tenant=asked.tenant, after=calls.after_of(asked.cursor),
        limit=asked.limit + 1,
    )  # fmt: skip
    shown, onward = calls.part_of(rows, asked.limit, lambda row: row["number"])
    names = shapes.InstallationNumber.model_fields
    listed = [shapes.InstallationNumber(**{name: row[name] for name in names}) for row in shown]
    return calls.answer(shapes.InstallationNumbers(numbers=listed, next=onward))


def add_number(call: Call) -> Response:
    """One, for an organisation's mailbox."""
    asked = call.given(shapes.NewNumber)
    did = did_provisioning.add(
        call.its_admin, call.actor, asked.tenant, asked.number, mailbox=asked.mailbox, station_ident=""
    )
    if asked.name:
        did_provisioning.change(call.its_admin, call.actor, asked.tenant, did.number, {"name": asked.name})
    return _number(call, asked.tenant, did.number, 201)


def add_numbers(call: Call) -> Response:
    """Several: all of them, or none; or what would become of each."""
    asked, admin = call.given(shapes.NumberBatch), call.its_admin
    if bool(asked.numbers) == (asked.range is not None):
        raise InvalidRequest(_("Send either numbers or a range."), [("/numbers", _("one of them"))])
    if asked.range is not None:
        entries = did_batches.of_range(admin, **asked.range.model_dump())
    else:
        entries = [Entry(each.number, each.tenant, each.mailbox, each.name) for each in asked.numbers]
    lines = did_batches.tried(admin, entries)
    if not asked.only_try:
        try:
            did_batches.add(admin, call.actor, entries)
        except NotAllOfThem as error:
            raise NotAllEntered(str(error), list(_wrong(error.lines))) from error
    entered = 0 if asked.only_try else len(lines)
    return calls.answer(shapes.TriedNumbers(entered=entered, numbers=[_line(each) for each in lines]))


def _wrong(lines: Any) -> Any:
    for place, each in enumerate(lines):
        if each.wrong:
            yield f"/numbers/{place}", wording.for_browser(each.wrong)


def _line(each: Line) -> shapes.TriedNumber:
    return shapes.TriedNumber(
        written=each.entry.number, number=each.number, tenant=each.entry.tenant, mailbox=each.entry.mailbox,
        name=each.entry.name, wrong=wording.for_browser(each.wrong),
    )  # fmt: skip


def number(call: Call) -> Response:
    """All about one."""
    e164 = call.path["e164"]
    return _number(call, number_directory.tenant_of(call.its_admin, e164), e164)


def change_number(call: Call) -> Response:
    """Its mailbox, and what its calls may do."""
    e164 = call.path["e164"]
    slug = number_directory.tenant_of(call.its_admin, e164)
    values = calls.changed(call.given(shapes.ChangeInstallationNumber), nullable=["max_calls"])
    mailbox = values.pop("mailbox", None)
    if values or mailbox is not None:
        did_provisioning.change(call.its_admin, call.actor, slug, e164, values, mailbox=mailbox)
    return _number(call, slug, e164)


def remove_number(call: Call) -> Response:
    """It is nobody's any more."""
    e164 = call.path["e164"]
    did_provisioning.remove(call.its_admin, call.actor, number_directory.tenant_of(call.its_admin, e164), e164)
    return calls.nothing()


def _number(call: Call, slug: str, e164: str, status: int = 200) -> Response:
    row = {**did_provisioning.everything(call.its_admin, slug, e164), "tenant": slug}
    names = shapes.InstallationNumberSettings.model_fields
    return calls.answer(shapes.InstallationNumberSettings(**{name: row[name] for name in names}), status)


# --------------------------------------------------------------------------------------------------------------- trunks


def all_trunks(call: Call) -> Response:
    """All of them, and how they do."""
    return calls.answer(shapes_trunks.Trunks(trunks=_trunks(call)))


def add_trunk(call: Call) -> Response:
    """One more."""
    values = _trunk_values(call.given(shapes_trunks.NewTrunk))
    name = values.pop("name")
    trunk_provisioning.add_trunk(call.its_admin, call.actor, name, trunk_directory.with_sources(values))
    return calls.answer(_trunk(call, name), 201)


def trunk(call: Call) -> Response:
    """One of them."""
    return calls.answer(_trunk(call, call.path["name"]))


def change_trunk(call: Call) -> Response:
    """Otherwise."""
    name = _trunk(call, call.path["name"]).name
    values = _trunk_values(call.given(shapes_trunks.ChangeTrunk))
    if values:
        trunk_provisioning.change_trunk(call.its_admin, call.actor, name, values)
    return calls.answer(_trunk(call, name))


def remove_trunk(call: Call) -> Response:
    """It goes, where no route leads to it."""
    trunk_provisioning.remove_trunk(call.its_admin, call.actor, call.path["name"])
    return calls.nothing()


def wake_trunk(call: Call) -> Response:
    """Its rest is over."""
    trunk_provisioning.wake_trunk(call.its_admin, call.actor, call.path["name"])
    return calls.answer(_trunk(call, call.path["name"]))


def _trunk_values(asked: shapes_trunks.ChangeTrunk) -> dict[str, Any]:
    values = calls.changed(asked, nullable=trunk_directory.OPTIONAL)
    if "source_networks" in values:
        values["source_networks"] = trunk_directory.parse_networks(values["source_networks"])
    return {name: None if name in trunk_directory.OPTIONAL and value == "" else value for name, value in values.items()}


def _trunks(call: Call) -> list[shapes_trunks.Trunk]:
    states = {row["name"]: row for row in trunk_provisioning.states(call.its_admin)}
    found = []
    for row in trunk_provisioning.all_trunks(call.its_admin):
        # One that was made between the two has not been used.
        state = states.get(row["name"], _UNUSED | {"enabled": row["enabled"]})
        known = {name: state[name] for name in ("rests_seconds", "failures", "calls", "last_success_at")}
        found.append(shapes_trunks.Trunk.model_validate({**row, **known, "state": _state(state)}))
    return found


_UNUSED: Row = {
    "rests_seconds": 0, "down_on": [], "unregistered_on": None, "is_tried": False, "failures": 0, "calls": 0,
    "last_success_at": None,
}  # fmt: skip


def _state(state: Row) -> str:
    for name, is_so in (
        ("off", not state["enabled"]), ("rests", state["rests_seconds"]),
        ("unreachable", state["down_on"] or state["unregistered_on"]),
        ("on-trial", state["is_tried"]), ("failing", state["failures"]), ("works", state["last_success_at"]),
    ):  # fmt: skip
        if is_so:
            return name
    return "unused"


def _trunk(call: Call, name: str) -> shapes_trunks.Trunk:
    found = next((each for each in _trunks(call) if each.name == name), None)
    if found is None:
        raise NotFound(_("There is no such trunk."))
    return found


# --------------------------------------------------------------------------------------------------------------- routes


def all_routes(call: Call) -> Response:
    """All of them."""
    rows = trunk_provisioning.all_routes(call.its_admin)
    return calls.answer(shapes_trunks.Routes(routes=[shapes_trunks.Route(**row) for row in rows]))


def add_route(call: Call) -> Response:
    """One more."""
    asked = call.given(shapes_trunks.NewRoute)
    values = asked.model_dump(exclude={"prefix", "trunk", "only_for"})
    trunk_provisioning.add_route(
        call.its_admin, call.actor, asked.prefix, asked.trunk, only_for=asked.only_for, **values
    )
    return calls.answer(_route(call, asked), 201)


def change_route(call: Call) -> Response:
    """Otherwise."""
    which = call.asked(shapes_trunks.WhichRoute)
    _route(call, which)
    values = calls.changed(call.given(shapes_trunks.ChangeRoute), nullable=["cost"])
    if values:
        trunk_provisioning.change_route(
            call.its_admin, call.actor, which.prefix, which.trunk, values, only_for=which.only_for
        )
    return calls.answer(_route(call, which))


def remove_route(call: Call) -> Response:
    """It goes."""
    which = call.asked(shapes_trunks.WhichRoute)
    trunk_provisioning.remove_route(call.its_admin, call.actor, which.prefix, which.trunk, only_for=which.only_for)
    return calls.nothing()


def _route(call: Call, which: shapes_trunks.WhichRoute) -> shapes_trunks.Route:
    wanted = (which.prefix, which.trunk, which.only_for)
    for row in trunk_provisioning.all_routes(call.its_admin):
        if (row["prefix"], row["trunk"], row["only_for"]) == wanted:
            return shapes_trunks.Route(**row)
    raise NotFound(_("There is no such route any more."))
