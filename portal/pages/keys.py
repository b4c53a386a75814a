"""The keys of mailboxes, each wrapped to this user's own: the browser opens them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from werkzeug.wrappers import Response

from faxplan import handing_on, proofs, user_keys, vault
from faxplan.epochs import Ahead
from faxplan.keyring import Epoch
from faxplan.vault import Grant
from faxplan.wraps import WRAP_BYTES
from portal import answers, handed_over, submitted
from portal.submitted import Submitted
from portal.visit import Visit

_AT_ONCE = 100
"""So many wraps are asked for in one go: a request has its size."""


def ring(visit: Visit) -> Response:
    """POST, for scripts: what they make a keyring of, and the session's secret, which opens the user's own key here."""
    if visit.session is None:
        raise RuntimeError("nobody is logged in")
    tenant_id = visit.its_tenant.id
    with visit.db.tenant(tenant_id) as tx:
        own = user_keys.of_user(tx, tenant_id, visit.user.id)
        epochs = vault.epochs_of_user(tx, tenant_id, visit.user.id)
    return answers.data(
        {
            "user": visit.user.id,
            "secret": visit.session.secret,
            "own": [{"id": each.id, "publicKey": each.public.raw} for each in own],
            "mailboxes": by_mailbox(epochs),
        }
    )


def by_mailbox(epochs: Iterable[Epoch]) -> list[dict[str, Any]]:
    """For a keyring of a script."""
    mailboxes: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for each in epochs:
        mailboxes[each.mailbox_id].append(
            {
                "number": each.number,
                "publicKey": each.public.raw,
                "wraps": [{"key": key, "wrap": wrap} for key, wrap in each.wraps.items()],
                "earlier": each.earlier,
            }
        )
    return [{"mailbox": mailbox, "epochs": found} for mailbox, found in mailboxes.items()]


def due(visit: Visit) -> Response:
    """POST, for scripts: what this user's browser can wrap for others (faxplan/handing_on.py)."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = handing_on.due(tx, visit.user)
        ask = proofs.ask_own(tx, visit.its_session)
    renewals = [said_of_ahead(each) for each in found.renewals[:_AT_ONCE]]
    return answers.data(said_of_due(found.links, found.grants) | {"renewals": renewals, "ask": ask})


def said_of_ahead(wanted: Ahead) -> dict[str, Any]:
    """An epoch that a script is to make."""
    readers = [{"key": key, "publicKey": public.raw} for key, public in wanted.readers.items()]
    return {"mailbox": wanted.mailbox_id, "number": wanted.number, "readers": readers}


def renew(visit: Visit) -> Response:
    """POST, for scripts: the epochs that were made of `renewals`; who opens more by it, in words."""
    given = submitted.json(visit)
    begun = [handed_over.begun(each) for each in given.parts("epochs")]
    with visit.db.tenant(visit.its_tenant.id) as tx:
        gained = handing_on.renew(tx, visit.its_session, begun, given.raw("proof", proofs.BYTES), actor=visit.actor)
    return answers.data({"gained": [{"to": each.to, "mailboxes": each.mailboxes} for each in gained]})


def said_of_due(links: Sequence[tuple[int, int]], grants: Sequence[Grant]) -> dict[str, Any]:
    """What a script is to wrap now: not more than is taken at once; more: whether there is, and it is to ask again."""
    return {
        "more": max(len(links), len(grants)) > _AT_ONCE,
        "links": [{"mailbox": mailbox, "epoch": epoch} for mailbox, epoch in links[:_AT_ONCE]],
        "grants": [
            {"mailbox": each.mailbox_id, "epoch": each.epoch, "key": each.user_key_id, "publicKey": each.public.raw}
            for each in grants[:_AT_ONCE]
        ],
    }


def hand_on(visit: Visit) -> Response:
    """POST, for scripts: what was wrapped; who opens more by it, in words."""
    given = submitted.json(visit)
    links, grants = made(given)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        gained = handing_on.take(
            tx, visit.its_session, links, grants, given.raw("proof", proofs.BYTES), actor=visit.actor
        )
    return answers.data({"gained": [{"to": each.to, "mailboxes": each.mailboxes} for each in gained]})


def made(given: Submitted) -> tuple[dict[tuple[int, int], bytes], dict[tuple[int, int, int], bytes]]:
    """What a script has wrapped: links and grants."""
    links = {
        (each.number("mailbox"), each.number("epoch")): each.raw("wrap", WRAP_BYTES) for each in given.parts("links")
    }
    grants = {
        (each.number("mailbox"), each.number("epoch"), each.number("key")): each.raw("wrap", WRAP_BYTES)
        for each in given.parts("grants")
    }
    return links, grants
