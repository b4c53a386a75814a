"""Which programs are told of an organisation's faxes, and of what they were told: its administrators' pages."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from faxplan import webhook_events, webhooks
from faxplan.errors import FaxplanError
from faxplan.language import marked
from faxplan.web_client import WebClient
from faxplan.webhooks import Endpoint, Event
from portal import answers, wording
from portal.forms import Field, Form, Kind
from portal.visit import Visit

PAGE = "/organisation/webhooks"
MOST_SHOWN = 50
_ADDRESS = Field("address", marked("Address"), required=True, longest=webhooks.LONGEST_ADDRESS,
                 hint=marked("Of the program, such as https://shop.example/faxes."))  # fmt: skip
_DESCRIPTION = Field("description", marked("What it is"), longest=webhooks.LONGEST_DESCRIPTION)
_TYPES = Field(
    "types", marked("It is told when"), Kind.SEVERAL, choices=[(each.value, webhooks.LABELS[each]) for each in Event]
)
NEW = (
    _ADDRESS,
    _DESCRIPTION,
    _TYPES,
    Field("own_only", marked("Only of my own faxes"), Kind.SWITCH,
          hint=marked("Those that you send, and those in mailboxes that you read. Off: of all of your organisation.")),
)  # fmt: skip
CHANGED = (_ADDRESS, _DESCRIPTION, _TYPES, Field("enabled", marked("It is on"), Kind.SWITCH))


def everything(visit: Visit) -> Response:
    """GET: all of them."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = webhooks.of_user(tx, visit.user)
    return answers.page(visit, "webhooks.html", found=found)


def new(visit: Visit) -> Response:
    """GET: the form for one more."""
    return answers.page(visit, "webhook_new.html", form=Form.of(NEW, {"types": [*webhooks.FINAL]}))


def add(visit: Visit) -> Response:
    """POST: one more. The page that answers shows its secret, this once."""
    form = Form.read(NEW, visit.request.form)
    if form.ok:
        try:
            with visit.db.tenant(visit.its_tenant.id) as tx:
                secret, made = webhooks.make(tx, visit.user, client=_client(visit), actor=visit.actor, **_read(form))
            return _page(visit, made.id, secret=secret)
        except FaxplanError as error:
            form = form.failed(error)
    return answers.page(visit, "webhook_new.html", 400, form=form)


def page(visit: Visit, number: int) -> Response:
    """GET: one of them, and of what it was told."""
    return _page(visit, number)


def change(visit: Visit, number: int) -> Response:
    """POST: it is told elsewhere, of other events, or no more for now."""
    form = Form.read(CHANGED, visit.request.form)
    if form.ok:
        try:
            with visit.db.tenant(visit.its_tenant.id) as tx:
                webhooks.change(tx, visit.user, number, _read(form), _client(visit), actor=visit.actor)
            return answers.to(f"{PAGE}/{number}", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, number, form, 400)


def rotate(visit: Visit, number: int) -> Response:
    """POST: another secret. The page that answers shows it, this once."""
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            secret, _endpoint = webhooks.rotate(tx, visit.user, number, actor=visit.actor)
    except webhooks.InvalidWebhook as error:
        return _page(visit, number, _form(visit, number).failed(error), 400)
    return _page(visit, number, secret=secret)


def test(visit: Visit, number: int) -> Response:
    """POST: it is told of nothing, to see whether it hears."""
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            webhook_events.test(tx, visit.user, number, actor=visit.actor)
    except webhooks.InvalidWebhook as error:
        return _page(visit, number, _form(visit, number).failed(error), 400)
    return answers.to(f"{PAGE}/{number}", note="told-again")


def resend(visit: Visit, number: int) -> Response:
    """POST: what it was told, once more."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        endpoint_id = webhook_events.resend(tx, visit.user, number, actor=visit.actor).endpoint_id
    return answers.to(f"{PAGE}/{endpoint_id}", note="told-again")


def ask(visit: Visit, number: int) -> Response:
    """GET: whether it is really to go."""
    return answers.page(visit, "webhook_delete.html", webhook=_get(visit, number))


def remove(visit: Visit, number: int) -> Response:
    """POST: it is gone."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        webhooks.remove(tx, visit.user, number, actor=visit.actor)
    return answers.to(PAGE, note="removed")


def _get(visit: Visit, number: int) -> Endpoint:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return webhooks.get(tx, visit.user, number)


def _form(visit: Visit, number: int) -> Form:
    found = _get(visit, number)
    return Form.of(
        CHANGED,
        {"address": found.address, "description": found.description, "types": [*found.types], "enabled": found.enabled},
    )


def _read(form: Form) -> Mapping[str, Any]:
    return {**form.values, "types": [Event(each) for each in form.values["types"]]}


def _client(visit: Visit) -> WebClient:
    return WebClient.of(visit.its_settings)


def _page(visit: Visit, number: int, form: Form | None = None, status: int = 200, *, secret: str = "") -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = webhooks.get(tx, visit.user, number)
        told = webhook_events.of_endpoint(
            tx, visit.user, number, limit=MOST_SHOWN, before=_number(visit.request.args.get("before", ""))
        )
    return answers.page(
        visit, "webhook.html", status, webhook=found, form=form or _form(visit, number), secret=secret,
        told=[(each, wording.for_browser(each.said)) for each in told],
        onward=told[-1].id if len(told) == MOST_SHOWN else None,
        hours=webhooks.OVERLAP_HOURS, days=webhook_events.KEEP_DAYS, labels=webhooks.LABELS,
    )  # fmt: skip


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
