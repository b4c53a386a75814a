"""The keys of mailboxes, each wrapped to this user's own: the browser opens them."""

from collections import defaultdict
from typing import Any

from werkzeug.wrappers import Response

from faxplan import user_keys, vault
from portal import answers
from portal.visit import Visit


def ring(visit: Visit) -> Response:
    """POST, for scripts: what they make a keyring of, and the session's secret, which opens the user's own key here."""
    if visit.session is None:
        raise RuntimeError("nobody is logged in")
    tenant_id = visit.its_tenant.id
    with visit.db.tenant(tenant_id) as tx:
        own = user_keys.of_user(tx, tenant_id, visit.user.id)
        epochs = vault.epochs_of_user(tx, tenant_id, visit.user.id)
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
    return answers.data(
        {
            "user": visit.user.id,
            "secret": visit.session.secret,
            "own": [{"id": each.id, "publicKey": each.public.raw} for each in own],
            "mailboxes": [{"mailbox": mailbox, "epochs": found} for mailbox, found in mailboxes.items()],
        }
    )
