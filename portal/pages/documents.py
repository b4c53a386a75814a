"""Sealed files as they lie in the store, and the wraps of their keys: the browser opens them."""

from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Response

from faxplan import viewing
from faxplan.documents import StoredObject
from faxplan.viewing import Readable
from portal import answers, sealed_files
from portal.visit import Visit


def of_fax(visit: Visit, number: int) -> Response:
    """POST, for scripts: what opens all of a fax."""
    found = viewing.of_fax(visit.db, visit.user, number, address=visit.address)
    return answers.data([_said(each, f"/faxes/{number}") for each in found])


def seen(visit: Visit, number: int) -> Response:
    """POST, for scripts: a page of a fax was opened in the browser."""
    viewing.seen(visit.db, visit.user, number)
    return answers.data({})


def of_draft(visit: Visit, number: int) -> Response:
    """POST, for scripts: what opens a draft."""
    found = viewing.of_draft(visit.db, visit.user, number, address=visit.address)
    return answers.data([_said(each, f"/drafts/{number}") for each in found])


def of_campaign(visit: Visit, number: int) -> Response:
    """POST, for scripts: what opens what the covers of a campaign say."""
    found = viewing.of_campaign(visit.db, visit.user, number, address=visit.address)
    return answers.data([_said(each, f"/campaigns/{number}") for each in found])


def sealed_of_campaign(visit: Visit, number: int) -> Response:
    """GET: that, sealed."""
    return _sealed(visit, viewing.stored_of_campaign(visit.db, visit.user, number))


def thumbnails(visit: Visit) -> Response:
    """POST, for scripts: what opens the thumbnails of these faxes (`fax`, again and again), by their ids."""
    ids = [
        int(each) for each in visit.request.form.getlist("fax") if each.isascii() and each.isdigit() and len(each) < 20
    ]
    found = viewing.thumbnails(visit.db, visit.user, _possible(ids), address=visit.address)
    return answers.data({each: _said(readable, f"/faxes/{each}") for each, readable in found.items()})


def sealed_of_fax(visit: Visit, number: int, kind: str) -> Response:
    """GET: a sealed file of a fax, whole or a range of it."""
    return _sealed(visit, viewing.stored(visit.db, visit.user, number, kind))


def sealed_of_draft(visit: Visit, number: int, kind: str) -> Response:
    """GET: a sealed file of a draft."""
    return _sealed(visit, viewing.stored_of_draft(visit.db, visit.user, number, kind))


def _sealed(visit: Visit, stored: StoredObject) -> Response:
    found = visit.store.sealed_file(stored)
    try:
        response = sealed_files.answer(visit.request, found)
    except FileNotFoundError:
        # Purged a moment ago, say: asked again, the store says what it is.
        visit.store.sealed_file(stored)
        raise
    response.headers["Cache-Control"] = "no-store"
    return response


def _said(readable: Readable, place: str) -> dict[str, Any]:
    stored = readable.stored
    return {
        "name": readable.name,
        "address": f"{place}/{readable.name}",
        "context": {"tenant": stored.tenant_id, "document": stored.object_name, "artefact": stored.kind},
        "digest": stored.digest,
        "wraps": [{"mailbox": each[0], "epoch": each[1], "wrap": wrap} for each, wrap in readable.wraps.items()],
        "sealedName": readable.sealed_name,
    }


def _possible(ids: Sequence[int]) -> list[int]:
    """Those that the database could have."""
    return [each for each in ids if each < 2**63]
