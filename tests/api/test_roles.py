"""Who may what: each operation by each role; and which process answers it."""

import pytest
from werkzeug.test import Client

from faxplan import api_keys, users
from faxplan.api_keys import Scope
from faxplan.errors import Forbidden
from portal.api.operations import OPERATIONS
from portal.app import Portal
from portal.roles import ADMINISTRATOR, OPERATOR, USER, Role
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import problem
from tests.api.test_keys import _an_address
from tests.portal.conftest import DOMAIN
from tests.world import Office, World

WHO: dict[str, dict[str, object]] = {
    "user": {},
    "administrator": {"role": users.ADMINISTRATOR},
    "operator": {"operator": True},
    "both": {"role": users.ADMINISTRATOR, "operator": True},
}
MAY: dict[Role, set[str]] = {USER: set(WHO), ADMINISTRATOR: {"administrator", "both"}, OPERATOR: {"operator", "both"}}


def somebody(world: World, portal: Portal, who: str) -> Program:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        made = users.create(tx, world.acme.tenant.id, email=f"who-{who}@acme.example", name=who)
        if WHO[who]:
            users.change(tx, world.acme.tenant.id, made.id, WHO[who])
        made = users.get(tx, world.acme.tenant.id, made.id)
    office = Office(world.acme.tenant, made, world.acme.did)
    # Its first key is one that an operation may end.
    a_program(world, portal, office, name="first")
    return a_program(world, portal, office, name=who)


@pytest.mark.parametrize("who", WHO)
def test_each_operation_is_for_its_role(world: World, portal: Portal, who: str) -> None:
    """SECURITY: an administrator runs no installation, an operator no organisation that is not theirs."""
    program = somebody(world, portal, who)
    scopes = {Scope(each) for each in program.get("/account").get_json()["scopes"]}
    assert (Scope.OPERATOR in scopes) == (who in MAY[OPERATOR])
    refused = set()
    for each in OPERATIONS:
        said = program.ask(each.method, _an_address(each.path), json={})
        if said.status_code == 403 and said.get_json()["error_id"] in ("forbidden", "no-scope"):
            refused.add(each.name)
    expected = {each.name for each in OPERATIONS if who not in MAY[each.role]}
    assert refused == expected


def test_a_key_for_the_installation_is_made_by_who_runs_it_and_does_nothing_for_anybody_else(
    world: World, portal: Portal
) -> None:
    with pytest.raises(Forbidden), world.portal.tenant(world.acme.tenant.id) as tx:
        api_keys.make(tx, world.acme.user, "x", [Scope.OPERATOR], None, actor="test")
    olga = somebody(world, portal, "operator")
    assert olga.get("/installation/tenants").status_code == 200
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, olga.office.user.id, {"operator": False})
    for each in OPERATIONS:
        if each.role is OPERATOR:
            said = olga.ask(each.method, _an_address(each.path), json={})
            assert problem(said) == (403, "forbidden"), each.name


def test_administration_is_answered_by_the_process_that_may_and_the_rest_by_the_other(world: World) -> None:
    """SECURITY: the process that answers everybody has no role admin, and the other one no documents."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR, "operator": True})
        world.acme.user = users.get(tx, world.acme.tenant.id, world.acme.user.id)
    everybody = Portal(world.portal, world.store, DOMAIN, beside=True, settings=world.settings)
    other = Portal(world.portal, world.store, DOMAIN, admin=world.admin, has_users=False, settings=world.settings)
    program = a_program(world, everybody, world.acme)
    for portal, is_administration in ((everybody, False), (other, True)):
        program.client = Client(portal)
        for each in OPERATIONS:
            if each.method == "GET":
                said = program.ask("GET", _an_address(each.path))
                is_answered = said.status_code != 404 or "another process" not in said.get_json()["detail"]
                assert is_answered == (each.is_administration == is_administration), each.name
