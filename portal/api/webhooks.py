"""Webhooks: which programs are told of faxes, and of what they were told."""

from typing import Any

from werkzeug.wrappers import Response

from faxplan import webhook_events
from faxplan import webhooks as faxplan_webhooks
from faxplan.web_client import WebClient
from faxplan.webhook_events import Delivery, State
from faxplan.webhooks import Endpoint
from portal import wording
from portal.api import call as calls
from portal.api.call import Call
from portal.api.shapes_webhooks import (
    DeliveryFilters,
    NewWebhook,
    Webhook,
    WebhookChange,
    WebhookDeliveries,
    WebhookDelivery,
    Webhooks,
    WebhookWithSecret,
)


def listed(call: Call) -> Response:
    """Those that the user looks after."""
    with call.db.tenant(call.tenant.id) as tx:
        found = faxplan_webhooks.of_user(tx, call.user)
    return calls.answer(Webhooks(webhooks=[Webhook(**_shown(each)) for each in found]))


def make(call: Call) -> Response:
    """A new one."""
    asked = call.given(NewWebhook)
    with call.db.tenant(call.tenant.id) as tx:
        secret, made = faxplan_webhooks.make(
            tx, call.user, asked.address, asked.types, WebClient.of(call.settings), description=asked.description,
            own_only=asked.own_only, actor=call.actor,
        )  # fmt: skip
    return calls.answer(WebhookWithSecret(secret=secret, **_shown(made)), 201)


def one(call: Call) -> Response:
    """All about one."""
    with call.db.tenant(call.tenant.id) as tx:
        found = faxplan_webhooks.get(tx, call.user, call.path["number"])
    return calls.answer(Webhook(**_shown(found)))


def change(call: Call) -> Response:
    """Some of it is another from now on."""
    values = call.given(WebhookChange).model_dump(exclude_none=True)
    with call.db.tenant(call.tenant.id) as tx:
        changed = faxplan_webhooks.change(
            tx, call.user, call.path["number"], values, WebClient.of(call.settings), actor=call.actor
        )
    return calls.answer(Webhook(**_shown(changed)))


def remove(call: Call) -> Response:
    """Nothing is told there any more."""
    with call.db.tenant(call.tenant.id) as tx:
        faxplan_webhooks.remove(tx, call.user, call.path["number"], actor=call.actor)
    return calls.nothing()


def rotate(call: Call) -> Response:
    """Another secret, beside the one before for a day."""
    with call.db.tenant(call.tenant.id) as tx:
        secret, rotated = faxplan_webhooks.rotate(tx, call.user, call.path["number"], actor=call.actor)
    return calls.answer(WebhookWithSecret(secret=secret, **_shown(rotated)))


def test(call: Call) -> Response:
    """It is told of nothing."""
    with call.db.tenant(call.tenant.id) as tx:
        made = webhook_events.test(tx, call.user, call.path["number"], actor=call.actor)
    return calls.answer(_delivery(made), 202)


def deliveries(call: Call) -> Response:
    """Of what it was told, newest first."""
    asked = call.asked(DeliveryFilters)
    place = calls.place_of(asked.cursor)
    with call.db.tenant(call.tenant.id) as tx:
        found = webhook_events.of_endpoint(
            tx, call.user, call.path["number"], limit=asked.limit + 1, before=None if place is None else place[1],
            state=asked.state,
        )  # fmt: skip
    shown, more = found[: asked.limit], found[asked.limit :]
    onward = calls.cursor_of((shown[-1].at, shown[-1].id)) if more else None
    return calls.answer(WebhookDeliveries(deliveries=[_delivery(each) for each in shown], next=onward))


def resend(call: Call) -> Response:
    """Once more."""
    with call.db.tenant(call.tenant.id) as tx:
        found = webhook_events.resend(tx, call.user, call.path["number"], actor=call.actor)
    return calls.answer(_delivery(found), 202)


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "address": endpoint.address,
        "description": endpoint.description,
        "types": list(endpoint.types),
        "own_only": endpoint.own_only,
        "made_by": endpoint.maker,
        "enabled": endpoint.enabled,
        "off_because": endpoint.off_because or None,
        "failing_since": endpoint.failing_since,
        "public_keys": list(endpoint.public_keys),
        "created_at": endpoint.created_at,
    }


def _delivery(delivery: Delivery) -> WebhookDelivery:
    return WebhookDelivery(
        id=delivery.id,
        message_id=delivery.message,
        type=delivery.type,
        timestamp=delivery.at,
        fax_id=delivery.fax_id,
        state=delivery.state,
        tries=delivery.tries,
        next_try_at=delivery.not_before if delivery.state is State.WAITING else None,
        tried_at=delivery.tried_at,
        status=delivery.status,
        detail=wording.for_browser(delivery.said),
        answer=delivery.answer,
    )
