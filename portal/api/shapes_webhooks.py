"""What programs send and get about webhooks."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from faxplan import webhook_events, webhooks
from faxplan.webhook_events import State
from faxplan.webhooks import Event
from portal.api.shapes import LIST_SIZE, MOST_LISTED, Shape

Address = Annotated[
    str, Field(min_length=1, max_length=webhooks.LONGEST_ADDRESS, examples=["https://shop.example/faxes"])
]
Description = Annotated[str, Field(max_length=webhooks.LONGEST_DESCRIPTION)]
Types = Annotated[list[Event], Field(min_length=1, max_length=len(Event))]


class NewWebhook(Shape):
    """A program that is to be told."""

    address: Address = Field(description="Where: over https, in no private network.")
    description: Description = ""
    types: Types = Field(default_factory=lambda: list(webhooks.FINAL), description="Of which events.")
    own_only: bool = Field(
        default=False,
        description="Of the user's own faxes: those that they send, and those in mailboxes that they read. Else of the "
        "whole organisation's, as only an administrator may.",
    )


class WebhookChange(Shape):
    """What is to be another; what is not named stays."""

    address: Address | None = None
    description: Description | None = None
    types: Types | None = None
    enabled: bool | None = Field(None, description="Turned on, it is told of what waits for it, too.")


class Webhook(Shape):
    """A program that is told."""

    id: int
    address: str
    description: str
    types: list[Event]
    own_only: bool
    made_by: str = Field(description="The e-mail address of who made it.")
    enabled: bool
    off_because: Literal["gone", "failing"] | None = Field(
        description="Why it was turned off: it answered with 410, or nothing was delivered for days. None: by hand, or "
        "it is on."
    )
    failing_since: datetime | None = Field(description="Since then nothing was delivered. None: nothing has failed.")
    public_keys: list[str] = Field(
        description="Of what signs now (`v1a`, Ed25519), the newest first.", examples=[["whpk_"]]
    )
    created_at: datetime


class WebhookWithSecret(Webhook):
    """With what it is signed by (`v1`, HMAC-SHA256), which is shown this once."""

    secret: str = Field(examples=["whsec_"])


class Webhooks(Shape):
    """All that the user looks after."""

    webhooks: list[Webhook]


class WebhookDelivery(Shape):
    """What was told, or is to be."""

    id: int
    message_id: str = Field(description="`webhook-id`")
    type: str
    timestamp: datetime = Field(description="When it happened.")
    fax_id: int | None = Field(description="None: a test.")
    state: State
    tries: int
    next_try_at: datetime | None = Field(description="None: it waits no more.")
    tried_at: datetime | None
    status: int | None = Field(description="What was answered last. None: nothing was.")
    detail: str = Field(description="Why the last try has failed.")
    answer: str = Field(description=f"How the last answer began: {webhook_events.MOST_ANSWER} bytes at most.")


class WebhookDeliveries(Shape):
    """Some of them, newest first."""

    deliveries: list[WebhookDelivery]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class DeliveryFilters(Shape):
    """Which."""

    state: State | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = LIST_SIZE
    cursor: Annotated[str, Field(max_length=300)] | None = None
