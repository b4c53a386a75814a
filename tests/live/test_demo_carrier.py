"""One FreeSWITCH alone, as in `make run`: its gateway `carrier` leads back to itself, and a document goes round."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faxplan import mailboxes, outbound
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.outbound import SendRequest
from tests.live.conftest import NOT_INSTALLED
from tests.world import Office, World

SCRIPTS = Path(__file__).parents[2] / "fs_scripts"
LETTER = "Dear Sir or Madam,\n\nplease find three pages.\n\f\nThe second.\n\f\nAnd the third.\n"


@pytest.fixture
def alone(world: World, tmp_path: Path) -> Iterator[Instance]:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    file = tmp_path / "faxplan.toml"
    settings = world.settings
    file.write_text(
        f'database_url = "{settings.database_url}"\nstate_dir = "{settings.state_dir}"\nnode = "{settings.node}"\n'
    )
    instance = Instance(
        found,
        InstanceOptions(
            tmp_path / "switch",
            SCRIPTS,
            Path(sys.executable),
            name="alone",
            environment={"FAXPLAN_CONFIG": str(file), "PYTHONDONTWRITEBYTECODE": "1"},
            demo_carrier=True,
        ),
    )
    try:
        instance.start()
        yield instance
    finally:
        instance.stop()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, f"not within 90 s: {what}"
        time.sleep(0.2)


def inbox(world: World, office: Office) -> list[mailboxes.Entry]:
    with world.portal.tenant(office.tenant.id) as tx:
        return mailboxes.entries(tx, office.tenant.id, office.user.id)


def test_python_in_the_switch_answers(alone: Instance) -> None:
    assert alone.api("python fax_queue::alive") == "+OK"


def test_a_document_lands_in_the_other_tenants_mailbox(world: World, alone: Instance, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text(LETTER)
    request = SendRequest(world.borea.did, letter, letter.name)
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    world.render_all()
    wait_until(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final")
    wait_until(lambda: bool(inbox(world, world.borea)), "the fax to lie in the mailbox")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"]) == ("sent", 3), fax
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["t38_status"], attempt["pages"]) == ("sent", "negotiated", 3)
    (entry,) = inbox(world, world.borea)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, world.acme.did)


def test_a_number_that_nobody_has_is_refused_with_404(world: World, alone: Instance, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text(LETTER)
    request = SendRequest("+493023125999", letter, letter.name)
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    world.render_all()
    wait_until(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["sip_code"] == 404
    assert world.fax(world.acme, fax_id)["state"] == "failed"
