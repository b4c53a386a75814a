"""Webhooks: where programs are told of what becomes of faxes, of which events, and by what that is signed.

An endpoint is the organisation's, told of all its faxes and looked after by its administrators; or it is a user's own
(`own_only`), told of the faxes that they send and of those in mailboxes that they read, and looked after by them and
by administrators. Secrets are shown once, and only the worker reads them. Each function works within a tenant (role
portal).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from faxplan import audit, permissions
from faxplan.audit import Who
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.language import _, marked
from faxplan.users import ADMINISTRATOR, User
from faxplan.web_client import AddressRefused, WebClient
from faxplan.webhook_signatures import SigningKeys, public_text

CHANNEL = "faxplan_webhooks"
"""Notified when there is more to tell."""
MOST_OF_TENANT = 50
MOST_SECRETS = 4
LONGEST_ADDRESS = 2000
LONGEST_DESCRIPTION = 200
OVERLAP_HOURS = 24
"""So long the secret before signs beside the one in its place."""
_TURN = 0x77656268
"""Any number ("webh" in ASCII)."""


class Event(StrEnum):
    """What endpoints are told: `fax.` and a state of a fax."""

    ACCEPTED = "fax.accepted"
    QUEUED = "fax.queued"
    DIALING = "fax.dialing"
    SENDING = "fax.sending"
    SENT = "fax.sent"
    FAILED = "fax.failed"
    CANCELLED = "fax.cancelled"
    RECEIVING = "fax.receiving"
    RECEIVED = "fax.received"
    PARTIAL = "fax.partial"


LABELS = {
    Event.ACCEPTED: marked("A fax was handed in"),
    Event.QUEUED: marked("It waits for a call, also for another one"),
    Event.DIALING: marked("A call begins"),
    Event.SENDING: marked("The other side has answered"),
    Event.SENT: marked("A fax has arrived"),
    Event.FAILED: marked("A fax has failed, sent or received"),
    Event.CANCELLED: marked("A fax was stopped"),
    Event.RECEIVING: marked("A fax is coming in"),
    Event.RECEIVED: marked("A fax came in"),
    Event.PARTIAL: marked("Part of a fax came in"),
}
FINAL = (Event.SENT, Event.FAILED, Event.CANCELLED, Event.RECEIVED, Event.PARTIAL)
"""After them nothing more happens to a fax; unless others are chosen these are."""


class InvalidWebhook(FaxplanError):
    """A webhook as it is wanted cannot be."""

    error_id = "invalid-webhook"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """maker: the address of who made it. off_because: gone or failing, where a worker has turned it off; else empty.
    public_keys: as text, of what signs now, the newest first. failing_since: nothing was delivered since then."""

    id: int
    made_by: int
    maker: str
    own_only: bool
    address: str
    description: str
    types: tuple[Event, ...]
    enabled: bool
    off_because: str
    created_at: datetime
    failing_since: datetime | None
    public_keys: tuple[str, ...]


def of_user(tx: Transaction, user: User) -> list[Endpoint]:
    """Those that a user looks after, the oldest first."""
    return [_endpoint(row) for row in tx.rows(f"{_SELECT} order by e.id", _whose(user))]


def get(tx: Transaction, user: User, endpoint_id: int) -> Endpoint:
    """One of these. Raises NotFound."""
    row = tx.row(f"{_SELECT} and e.id = %(endpoint)s", {**_whose(user), "endpoint": endpoint_id})
    if row is None:
        raise NotFound(_("There is no such webhook."))
    return _endpoint(row)


def make(
    tx: Transaction, user: User, address: str, types: Collection[Event], client: WebClient, *, description: str = "",
    own_only: bool = False, actor: Who,
) -> tuple[str, Endpoint]:  # fmt: skip
    """A new one, and its secret, which is shown this once. Raises Forbidden, InvalidWebhook and AddressRefused."""
    permissions.check(tx, user.tenant_id, user.id, permissions.Permission.API)
    if user.role != ADMINISTRATOR and not own_only:
        raise Forbidden(
            _("Only an administrator has the whole organisation's faxes told of. Make a webhook of your own faxes.")
        )
    values = _checked({"address": address, "types": types, "description": description}, client)
    tx.take_turn(_TURN, user.tenant_id)
    if tx.value("select count(*) from webhook_endpoints where tenant_id = %s", (user.tenant_id,)) >= MOST_OF_TENANT:
        raise InvalidWebhook(
            _("Your organisation has {most} webhooks, which is the most. Delete one that is not used.").format(
                most=MOST_OF_TENANT
            )
        )
    endpoint_id: int = tx.value(
        """insert into webhook_endpoints (tenant_id, made_by, own_only, address, description, types)
           values (%s, %s, %s, %s, %s, %s) returning id""",
        (user.tenant_id, user.id, own_only, values["address"], values["description"], values["types"]),
    )
    keys = _put_keys(tx, user.tenant_id, endpoint_id)
    audit.record(
        tx, user.tenant_id, actor=actor, action="webhook.make", object=f"webhook:{endpoint_id}", own_only=own_only,
        **values,
    )  # fmt: skip
    return keys.secret_text, get(tx, user, endpoint_id)


def change(
    tx: Transaction, user: User, endpoint_id: int, values: Mapping[str, Any], client: WebClient, *, actor: Who
) -> Endpoint:
    """values: address, description, types (Event) and enabled, or some of these. Turned on it begins anew. Raises
    NotFound, Forbidden, InvalidWebhook and AddressRefused."""
    permissions.check(tx, user.tenant_id, user.id, permissions.Permission.API)
    found = get(tx, user, endpoint_id)
    is_now = {"address": found.address, "description": found.description, "enabled": found.enabled,
              "types": [each.value for each in found.types]}  # fmt: skip
    new = {name: value for name, value in _checked(values, client).items() if value != is_now[name]}
    if new:
        anew = ", off_because = '', failures = 0, failing_since = null, rests_until = null"
        tx.execute(
            f"""update webhook_endpoints set {", ".join(f"{name} = %({name})s" for name in new)}
                {anew if new.get("enabled") or "address" in new else ""}
                where tenant_id = %(tenant)s and id = %(endpoint)s""",
            {**new, "tenant": user.tenant_id, "endpoint": endpoint_id},
        )
        if new.get("enabled"):
            tx.notify(CHANNEL)
        changed = get(tx, user, endpoint_id)
        audit.record(
            tx, user.tenant_id, actor=actor, action="webhook.change", object=f"webhook:{endpoint_id}", **new
        )  # fmt: skip
        return changed
    return get(tx, user, endpoint_id)


def remove(tx: Transaction, user: User, endpoint_id: int, *, actor: Who) -> None:
    """Nobody is told there any more, also of what waits. Raises NotFound."""
    endpoint = get(tx, user, endpoint_id)
    tx.execute("delete from webhook_endpoints where tenant_id = %s and id = %s", (user.tenant_id, endpoint_id))
    audit.record(
        tx, user.tenant_id, actor=actor, action="webhook.remove", object=f"webhook:{endpoint_id}",
        address=endpoint.address,
    )  # fmt: skip


def rotate(tx: Transaction, user: User, endpoint_id: int, *, actor: Who) -> tuple[str, Endpoint]:
    """Another secret, which is shown this once, and another key pair; those before sign beside them for OVERLAP_HOURS.
    Raises NotFound, Forbidden and InvalidWebhook."""
    permissions.check(tx, user.tenant_id, user.id, permissions.Permission.API)
    get(tx, user, endpoint_id)
    ids = {"tenant": user.tenant_id, "endpoint": endpoint_id, "hours": OVERLAP_HOURS}
    tx.take_turn(_TURN, user.tenant_id)
    tx.execute(
        "delete from webhook_secrets where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s and ends_at < now()",
        ids,
    )
    kept = tx.execute(
        """update webhook_secrets set ends_at = coalesce(ends_at, now() + make_interval(hours => %(hours)s))
           where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s""",
        ids,
    )
    if kept >= MOST_SECRETS:
        raise InvalidWebhook(
            _("The secret was changed {times} times within a day. Wait until the first of them has ended.").format(
                times=MOST_SECRETS - 1
            )
        )
    keys = _put_keys(tx, user.tenant_id, endpoint_id)
    rotated = get(tx, user, endpoint_id)
    audit.record(tx, user.tenant_id, actor=actor, action="webhook.rotate", object=f"webhook:{endpoint_id}")
    return keys.secret_text, rotated


_SELECT = """select e.id, e.made_by, u.email as maker, e.own_only, e.address, e.description, e.types, e.enabled,
                    e.off_because, e.created_at, e.failing_since,
                    array(select s.public_key from webhook_secrets s
                          where s.tenant_id = e.tenant_id and s.endpoint_id = e.id
                            and (s.ends_at is null or s.ends_at > now()) order by s.id desc) as public_keys
             from webhook_endpoints e join users u on u.tenant_id = e.tenant_id and u.id = e.made_by
             where e.tenant_id = %(tenant)s and (%(all)s or e.own_only and e.made_by = %(user)s)"""


def _whose(user: User) -> dict[str, Any]:
    return {"tenant": user.tenant_id, "user": user.id, "all": user.role == ADMINISTRATOR}


def _endpoint(row: Row) -> Endpoint:
    types = tuple(each for each in Event if each.value in row["types"])
    keys = tuple(public_text(bytes(each)) for each in row["public_keys"])
    return Endpoint(**row | {"types": types, "public_keys": keys})


def _put_keys(tx: Transaction, tenant_id: int, endpoint_id: int) -> SigningKeys:
    keys = SigningKeys.new()
    tx.execute(
        """insert into webhook_secrets (tenant_id, endpoint_id, secret, private_key, public_key)
           values (%s, %s, %s, %s, %s)""",
        (tenant_id, endpoint_id, keys.secret, keys.private_key, keys.public_key),
    )
    return keys


def _checked(values: Mapping[str, Any], client: WebClient) -> dict[str, Any]:
    """As the columns have them."""
    new = dict(values)
    if "address" in new:
        new["address"] = new["address"].strip()
        client.check(new["address"])
        if not new["address"].startswith("https://") and not client.private:
            raise AddressRefused(_("Nothing is told without TLS: the address has to begin with https."))
    if "description" in new:
        new["description"] = " ".join(new["description"].split())
        if len(new["description"]) > LONGEST_DESCRIPTION or not new["description"].isprintable():
            raise InvalidWebhook(
                _("A description has at most {most} characters, on one line.").format(most=LONGEST_DESCRIPTION)
            )
    if "types" in new:
        new["types"] = [each.value for each in Event if each in new["types"]]
        if not new["types"]:
            raise InvalidWebhook(_("Choose of what the program is to be told."))
    return new
