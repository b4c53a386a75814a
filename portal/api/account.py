"""What the user has to do with: organisation, numbers, mailboxes, cover pages, quota."""

from werkzeug.wrappers import Response

from faxplan import caller_ids, cover_templates, listings, quotas
from portal.api import call as calls
from portal.api import shapes_account as shapes
from portal.api.call import Call


def account(call: Call) -> Response:
    """Whose key it is."""
    return calls.answer(
        shapes.Account(
            organisation=call.tenant.name,
            user=call.user.name,
            email=call.user.email,
            key=call.key.name,
            scopes=sorted(each.value for each in call.key.scopes),
            expires_at=call.key.expires_at,
        )
    )


def numbers(call: Call) -> Response:
    """As which the user may call."""
    with call.db.tenant(call.tenant.id) as tx:
        found = caller_ids.usable(tx, call.tenant.id, call.user.id)
    return calls.answer(
        shapes.Numbers(numbers=[shapes.OwnNumber(number=each, is_standard=at == 0) for at, each in enumerate(found)])
    )


def mailboxes(call: Call) -> Response:
    """Those that the user reads."""
    with call.db.tenant(call.tenant.id) as tx:
        found = listings.read_mailboxes(tx, call.user)
    return calls.answer(
        shapes.Mailboxes(mailboxes=[shapes.Mailbox(id=each.id, name=each.name, unread=each.unread) for each in found])
    )


def cover_pages(call: Call) -> Response:
    """The organisation's, and the plain one."""
    with call.db.tenant(call.tenant.id) as tx:
        own = cover_templates.of_tenant(tx, call.tenant.id)
        default = cover_templates.default(tx, call.tenant.id)
    return calls.answer(
        shapes.CoverPages(
            cover_pages=[
                shapes.CoverPage(id=each.id, name=each.name, is_standard=each.id == default.id)
                for each in (cover_templates.plain(), *own)
            ]
        )
    )


def quota(call: Call) -> Response:
    """What limits how much the user sends."""
    with call.db.tenant(call.tenant.id) as tx:
        found = quotas.of_user(tx, call.tenant.id, call.user.id)
    return calls.answer(
        shapes.Quotas(
            quotas=[
                shapes.Quota(
                    of="organisation" if each["user_id"] is None else "user", period=each["period"],
                    pages=each["limit_pages"], used=each["used_pages"], reserved=each["reserved_pages"],
                    room=each["room"], begins_anew_at=each["next_period"],
                )
                for each in found
            ]
        )
    )  # fmt: skip
