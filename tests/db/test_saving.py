"""A fax's pages are saved for who reads it, and the audit says who opened it, or tried to."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from faxplan import history, outbound, saving, user_keys, vault
from faxplan.documents import Locked
from faxplan.history import Fax
from faxplan.keyring import Keyring
from faxplan.outbound import SendRequest
from faxplan.saving import FolderNotWritable
from tests.faxes import NUMBER
from tests.world import World


@pytest.fixture
def fax(world: World, tmp_path: Path) -> Fax:
    """One that the user sends, rendered."""
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    request = SendRequest(NUMBER, letter, "letter.txt")
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return history.fax(tx, world.acme.user, fax_id)


def ring_of(world: World) -> Keyring:
    tenant_id, user = world.acme.tenant.id, world.acme.user
    with world.portal.tenant(tenant_id) as tx:
        (key,) = user_keys.of_user(tx, tenant_id, user.id)
        return Keyring({key.id: world.keyrings[tenant_id]}, vault.epochs_of_user(tx, tenant_id, user.id))


def opens(world: World) -> list[Mapping[str, object]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows("select actor, object, result, details from audit where action = 'fax.open' order by sequence")


def test_who_opens_a_fax_is_in_the_audit(world: World, fax: Fax, tmp_path: Path) -> None:
    ring, user = ring_of(world), world.acme.user
    saving.save(world.portal, world.store, user, fax, ring, tmp_path / "out")
    (told,) = opens(world)
    assert (told["actor"], told["object"], told["result"]) == (f"user:{user.id}", f"fax:{fax.id}", "done")
    assert told["details"] == {"keys": ring.own}


def test_who_could_not_open_it_is_too(world: World, fax: Fax, tmp_path: Path) -> None:
    with pytest.raises(Locked):
        saving.save(world.portal, world.store, world.acme.user, fax, Keyring({}, []), tmp_path / "out")
    (told,) = opens(world)
    assert (told["object"], told["result"]) == (f"fax:{fax.id}", "refused")


def test_it_is_also_where_nothing_came_of_it(world: World, fax: Fax, tmp_path: Path) -> None:
    """Its key was given out."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(FolderNotWritable):
        saving.save(world.portal, world.store, world.acme.user, fax, ring_of(world), tmp_path / "out")
    assert [each["result"] for each in opens(world)] == ["done"]
