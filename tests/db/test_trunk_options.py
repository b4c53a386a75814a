"""What a trunk's row says reaches the call: from the table through claim and staging into the dial string."""

import re
from dataclasses import replace

import pytest

from faxplan import accepting, tenants
from faxplan.accepting import Accepted, IncomingCall, Refused
from faxplan.lookups import Caller as Waiting
from faxplan.spool import OutboundSidecar
from faxplan.staging import Stager
from tests.faxes import NODE, claim, invite, queued
from tests.routing import add_trunk, change
from tests.world import World

CALL = IncomingCall("uuid-1", "127.0.0.1", invite("+493023125001", "+493099001234"))


def dialled(world: World, **columns: object) -> dict[str, str]:
    """The variables of a call through the trunk with these columns."""
    return called(world, **columns)[0]


def called(world: World, **columns: object) -> tuple[dict[str, str], OutboundSidecar]:
    """Those, and what fax_out reads."""
    if columns:
        change(world, "trunks", **columns)
    queued(world, world.acme)
    (fax,) = claim(world)
    with world.switch.across_tenants() as tx:
        tenant = tenants.get(tx, fax.tenant_id)
    stager = Stager(world.store, world.spool, world.settings)
    staged = stager.take(fax, tenant)
    assert staged is not None
    argument = staged.argument()
    stager.close()
    found = re.fullmatch(r"uuid:\S+ originate \{([^}]*)\}sofia/gateway/carrier/\S+ '&python\(fax_out \d+\)'", argument)
    assert found, argument
    sidecar = world.spool.staged(fax.attempt_id)
    assert sidecar is not None
    return dict(pair.split("=", 1) for pair in found[1].split(",")), sidecar


def test_the_number_stands_where_the_trunk_wants_it(world: World) -> None:
    assert dialled(world)["sip_cid_type"] == "pid"
    private = dialled(world, caller_id_in="rpid", privacy=True)
    assert (private["sip_cid_type"], private["sip_from_display"]) == ("rpid", "Anonymous")


def test_a_trunks_profile_of_t38_reaches_a_sent_call(world: World) -> None:
    plain, sidecar = called(world)
    assert (plain["fax_enable_t38_request"], plain["t38_gateway_redundancy"]) == ("false", "3")
    assert (sidecar.use_ecm, sidecar.disable_v17) == (True, False)
    columns = {"t38_request": "sender", "t38_redundancy": 0, "v17": False, "ecm": False, "codec": "pcmu"}
    found, sidecar = called(world, **columns)
    assert (found["fax_enable_t38_request"], found["t38_gateway_redundancy"]) == ("true", "0")
    assert found["absolute_codec_string"] == "PCMU"
    assert (sidecar.use_ecm, sidecar.disable_v17) == (False, True)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        offered = tx.rows("select t38_offered, v17_offered, ecm_offered from attempts order by id")
    assert [tuple(row.values()) for row in offered] == [(True, True, True), (True, False, False)]


def test_audio_only_is_neither_asked_for_nor_taken(world: World) -> None:
    found = dialled(world, t38=False, t38_request="sender")
    assert (found["fax_enable_t38"], found["fax_enable_t38_request"]) == ("false", "false")


@pytest.mark.parametrize(
    ("columns", "enabled", "asks"),
    [
        ({}, "true", "true"),
        ({"t38_request": "sender"}, "true", "false"),
        ({"t38_request": "nobody"}, "true", "false"),
        ({"t38": False}, "false", "false"),
    ],
    ids=str,
)
def test_a_received_call_asks_for_t38_where_the_receiver_is_to(
    world: World, columns: dict[str, object], enabled: str, asks: str
) -> None:
    found = received(world, v17=True, **columns)
    assert (found["fax_enable_t38"], found["fax_enable_t38_request"]) == (enabled, asks)


def test_a_received_call_has_its_trunks_modems(world: World) -> None:
    found = received(world, v17=False, ecm=False, t38_redundancy=1)
    assert (found["fax_disable_v17"], found["fax_use_ecm"], found["t38_gateway_redundancy"]) == ("true", "false", "1")


def received(world: World, **columns: object) -> dict[str, str]:
    change(world, "trunks", **columns)
    decision = accept(world, replace(CALL, encrypted=bool(columns.get("encrypted_media"))))
    assert isinstance(decision, Accepted)
    return dict(decision.variables)


ENCRYPTED = {"encrypted_media": True, "t38": False, "transport": "tls"}


def test_encrypted_media_reach_a_sent_call(world: World) -> None:
    found, sidecar = called(world, **ENCRYPTED)
    assert (found["rtp_secure_media"], found["fax_enable_t38"]) == ("mandatory", "false")
    assert sidecar.encrypted_media


def test_a_received_call_stays_encrypted(world: World) -> None:
    found = received(world, **ENCRYPTED)
    assert (found["rtp_secure_media_inbound"], found["fax_enable_t38"]) == ("mandatory", "false")


def test_a_call_in_the_clear_is_refused_where_media_are_encrypted(world: World) -> None:
    change(world, "trunks", **ENCRYPTED)
    decision = accept(world, CALL)
    assert isinstance(decision, Refused)
    assert decision.cause == "INCOMPATIBLE_DESTINATION"
    assert isinstance(accept(world, replace(CALL, encrypted=True)), Accepted)


def test_a_stranger_does_not_choose_a_trunk_that_takes_calls_in_the_clear(world: World) -> None:
    add_trunk(world, "secret", source_networks=["127.0.0.1"], **ENCRYPTED)
    chosen = replace(CALL, gateway="carrier")
    assert isinstance(accept(world, chosen), Refused)
    found = accept(world, replace(chosen, encrypted=True))
    assert isinstance(found, Accepted)
    assert found.variables["fax_enable_t38"] == "false"


def accept(world: World, call: IncomingCall) -> Accepted | Refused:
    return accepting.accept(world.switch, world.spool, call, NODE, Waiting())


def test_a_prefix_is_dialled_before_the_number_and_kept_in_the_record(world: World) -> None:
    change(world, "trunks", called_format="national", called_prefix="4711#")
    queued(world, world.acme)
    (fax,) = claim(world)
    with world.switch.across_tenants() as tx:
        tenant = tenants.get(tx, fax.tenant_id)
    stager = Stager(world.store, world.spool, world.settings)
    staged = stager.take(fax, tenant)
    assert staged is not None
    assert "sofia/gateway/carrier/4711%2303099001234 '" in staged.argument()
    stager.close()
    sidecar = world.spool.staged(fax.attempt_id)
    assert sidecar is not None
    assert sidecar.dialled == "4711#03099001234"
    # The number is as it was: for limits, for what is learned of it, and for its sender.
    assert fax.called_number == "+493099001234"
