"""How long an organisation keeps its faxes, within what whoever runs the installation allows."""

from collections.abc import Sequence

from werkzeug.wrappers import Response

from faxplan import holds, retention, retention_provisioning
from faxplan.db import Row
from faxplan.errors import FaxplanError
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

_DIRECTION = Field(
    "direction",
    marked("Which faxes"),
    Kind.CHOICE,
    choices=(
        ("", marked("Sent and received ones")),
        (retention.DIRECTIONS["sent"], marked("Sent ones")),
        (retention.DIRECTIONS["received"], marked("Received ones")),
    ),
)
_DAYS = Field(
    "days",
    marked("Days"),
    Kind.NUMBER,
    most=36500,
    hint=marked("From the end of a fax. Empty: the choice is taken back."),
)
MOST_SHOWN = 300


def page(visit: Visit) -> Response:
    """GET: what is chosen, and what follows for each mailbox."""
    return _page(visit)


def choose(visit: Visit) -> Response:
    """POST: a choice, or one that is taken back."""
    form = Form.read(_fields(_shown(visit)), visit.request.form)
    if form.ok:
        mailbox, direction = form.values["mailbox"] or None, form.values["direction"] or None
        try:
            retention_provisioning.choose(
                visit.db, visit.user, form.values["days"], mailbox, direction, actor=visit.actor
            )
            return answers.to("/organisation/retention", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, form, 400)


def _shown(visit: Visit) -> Sequence[Row]:
    return retention_provisioning.shown(visit.db, visit.its_tenant.id)[2]


def _fields(mailboxes: Sequence[Row]) -> Sequence[Field]:
    names = [each["mailbox"] for each in mailboxes]
    label = marked("Of mailbox")
    if len(names) > MOST_SHOWN:
        return (Field("mailbox", label, hint=marked("Its name. Empty: every one.")), _DIRECTION, _DAYS)
    every = ("", marked("Every one without a choice of its own"))
    return (Field("mailbox", label, Kind.CHOICE, choices=[every, *((name, name) for name in names)]), _DIRECTION, _DAYS)


def _page(visit: Visit, form: Form | None = None, status: int = 200) -> Response:
    tenant_id = visit.its_tenant.id
    policy, choices, mailboxes = retention_provisioning.shown(visit.db, tenant_id)
    with visit.db.tenant(tenant_id) as tx:
        held = holds.of_mailboxes(tx, tenant_id)
        held_faxes = holds.count_of_faxes(tx, tenant_id)
    return answers.page(
        visit, "retention.html", status,
        form=form or Form.of(_fields(mailboxes), {}), bounds=policy.bounds, choices=choices,
        mailboxes=mailboxes[:MOST_SHOWN], more=len(mailboxes) - MOST_SHOWN, held=held, held_faxes=held_faxes,
        backup_days=visit.backup_days,
    )  # fmt: skip
