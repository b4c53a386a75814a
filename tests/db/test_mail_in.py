"""A mail becomes faxes, or is refused, for each of its recipients; once, and in whose name is proven."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from faxplan import brands, mail_access, originals, quotas, source, tenants, users
from faxplan.documents import StoredObject
from faxplan.errors import DatabaseUnavailable
from faxplan.mail_in import MailIn, Outcome, State
from faxplan.users import User
from tests.db.test_mailer import keys as keys  # noqa: PLC0414 - a fixture
from tests.mail_corpus import building
from tests.mail_corpus.building import MTA, PROVEN, Case, attached, html, mail, multipart, pdf, text, with_contract
from tests.mail_corpus.corpus import ALL
from tests.mailing import mails
from tests.retained import count, execute
from tests.world import World

HOST = "fax.acme.example"
NUMBER = "+493023125009"
TO = building.RECIPIENT
ANN = building.SENDER
NOTHING = "nothing in this mail that could be faxed"
LIBREOFFICE = "Outlook: a Word document"
NO_FAX = {
    "a mail with nothing": NOTHING,
    "a body of white space": NOTHING,
    "an empty document": "empty",
    "damage: no empty line behind the header": NOTHING,
    "damage: no part behind the boundary": NOTHING,
    "size: 100 documents": "50 at most",
    "headers slipped in by a recipient's name": "not proven",
}
"""Mails that are read, and of which nothing can be faxed."""
_NEVER = ("reply", "report", "list")


@pytest.fixture
def ann(world: World) -> User:
    """Whom the corpus says to be from."""
    tenant = world.acme.tenant.id
    with world.admin.tenant(tenant) as tx:
        brands.add_host(tx, tenant, HOST, "fax.example")
        brands.confirm_host(tx, tenant, HOST)
        mail_access.add_address(tx, world.acme.user, ANN, actor="test")
    world.settings = replace(world.settings, mail_authserv_ids=MTA, mail_domain="fax.carrier.example")
    return world.acme.user


def mail_in(world: World) -> MailIn:
    made = MailIn(world.portal, world.store, world.settings)
    made._mark = building.MARK
    return made


def take(world: World, content: bytes, *to: str, sender: str = ANN) -> list[Outcome]:
    file = world.settings.state_dir / "mail"
    file.write_bytes(content)
    return mail_in(world).take(file, sender, to or [TO])


def one(world: World, content: bytes, to: str = TO, sender: str = ANN) -> Outcome:
    (found,) = take(world, content, to, sender=sender)
    return found


def faxes(world: World) -> list[dict[str, Any]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows("select * from faxes order by id")


def change(world: World, **values: object) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, values)


def originals_of(world: World) -> list[bytes]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select object_name, kind, bytes, digest from documents where kind in ('original', 'cover') order by id")
    return [
        world.opened(StoredObject(world.acme.tenant.id, row["kind"], row["object_name"], row["bytes"], bytes(row["digest"])))
        for row in rows
    ]


# ------------------------------------------------------------------------------------------------------------ the corpus


def test_of_each_mail_of_the_corpus_there_is_a_fax_or_an_answer(
    world: World, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in: list[tuple[str, ...]] = []
    stored = originals._store

    def seen(store: Any, tenant_id: int, document: originals.HandedIn) -> Any:
        handed_in.append(tuple(sha256(each.file.read_bytes()).hexdigest() for each in document.files))
        return stored(store, tenant_id, document)

    monkeypatch.setattr(originals, "_store", seen)
    wrong = []
    for case in ALL:
        handed_in.clear()
        before = len(faxes(world))
        found = one(world, case.make().replace(b"<1@acme.example>", f"<{before}-{id(case)}@x>".encode()))
        made = len(faxes(world)) - before
        if (why := _is_wrong(case, found, made, handed_in)) is not None:
            wrong.append((case.name, why, found))
    assert wrong == []


def _is_wrong(case: Case, found: Outcome, made: int, handed_in: Sequence[tuple[str, ...]]) -> str | None:
    expected = case.expected
    proven = expected.proof and expected.sender in (ANN,)
    may = not expected.refused and proven and expected.automatic not in _NEVER and not expected.loops
    if not may:
        return None if (found.state, made) == (State.REFUSED, 0) and found.words else "not refused"
    files = tuple(each.digest for each in expected.files)
    if case.name in NO_FAX or (case.name == LIBREOFFICE and source.soffice() is None):
        return None if (found.state, made) == (State.REFUSED, 0) and NO_FAX.get(case.name, "") in found.words else "?"
    if (found.state, made) != (State.ACCEPTED, 1):
        return "no fax"
    if files and handed_in[-1][-len(files) :] != files:
        return "other files"
    return None
