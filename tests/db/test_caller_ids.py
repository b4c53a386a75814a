"""A fax calls as a DID of its tenant or as a number that was verified for it, and as nothing else."""

from pathlib import Path

import pytest

from faxplan import caller_ids, did_provisioning, outbound, provisioning
from faxplan.caller_ids import ForeignCallerId, NumberTaken
from faxplan.errors import InvalidNumber, NoCallerId
from faxplan.outbound import SendRequest
from tests.faxes import claim, queued
from tests.world import World

VERIFIED = "+493099990001"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A page.\n")
    return path


def verify(world: World, number: str = VERIFIED, slug: str = "acme") -> None:
    provisioning.add_number(world.admin, "test", slug, number, how="an invoice of its carrier")


def calling_number(world: World, letter: Path, calling: str | None) -> object:
    """The number that a fax calls as, handed in with this wish."""
    request = SendRequest("+49 40 123456", letter, letter.name, calling=calling)
    fax = outbound.submit(world.portal, world.store, world.acme.user, request)
    return world.fax(world.acme, fax.fax_id)["calling_number"]


def test_a_fax_calls_as_the_tenants_first_did_or_as_what_was_chosen(world: World, letter: Path) -> None:
    did_provisioning.add(
        world.admin, "test", "acme", "+493023125007", mailbox="user@acme.example", station_ident="+49 30 7"
    )
    verify(world)
    assert calling_number(world, letter, None) == world.acme.did
    assert calling_number(world, letter, "030 23125 007") == "+493023125007"
    assert calling_number(world, letter, "030 99990001") == VERIFIED


@pytest.mark.parametrize("calling", ["+493023125002", "+493099990002", "+493099990003"])
def test_nobody_calls_as_a_number_that_is_not_theirs(world: World, letter: Path, calling: str) -> None:
    verify(world)
    verify(world, "+493099990002", "borea")
    with pytest.raises(ForeignCallerId, match=r"may not call as .*, but as 030 23125001, 030 99990001"):
        calling_number(world, letter, calling)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0


def test_what_is_no_number_is_none_to_call_as(world: World, letter: Path) -> None:
    with pytest.raises(InvalidNumber):
        calling_number(world, letter, "anonymous")


def test_a_tenant_without_a_did_calls_as_its_verified_number(world: World, letter: Path) -> None:
    did_provisioning.remove(world.admin, "test", "acme", world.acme.did)
    with pytest.raises(NoCallerId, match="faxplan number add"):
        calling_number(world, letter, None)
    verify(world)
    assert calling_number(world, letter, None) == VERIFIED


def test_another_tenants_did_cannot_be_verified(world: World) -> None:
    with pytest.raises(NumberTaken):
        verify(world, world.borea.did)
    assert provisioning.all_numbers(world.admin, None) == []


def test_a_claim_asks_again(world: World) -> None:
    def claimed() -> tuple[str | None, str]:
        queued(world, world.acme)
        with world.switch.tenant(world.acme.tenant.id) as tx:
            tx.execute("update faxes set calling_number = %s where state = 'queued'", (VERIFIED,))
        (fax,) = claim(world)
        return fax.calling_number, fax.did_ident

    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set station_ident = '1'")
    verify(world)
    assert claimed() == (VERIFIED, "")
    # It has become the DID of somebody else, who alone may call as it.
    did_provisioning.add(world.admin, "test", "borea", VERIFIED, mailbox="user@borea.example", station_ident="")
    assert claimed() == (world.acme.did, "1")
    did_provisioning.remove(world.admin, "test", "borea", VERIFIED)
    assert claimed() == (VERIFIED, "")
    provisioning.remove_number(world.admin, "test", "acme", VERIFIED)
    assert claimed() == (world.acme.did, "1")
    did_provisioning.remove(world.admin, "test", "acme", world.acme.did)
    assert claimed() == (None, "")


def test_a_tenants_verified_numbers_are_its_own(world: World) -> None:
    verify(world)
    for db in (world.portal, world.switch):
        with db.tenant(world.borea.tenant.id) as tx:
            assert caller_ids.verified(tx, world.acme.tenant.id) == []
