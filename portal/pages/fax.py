"""One fax: its pages, which the browser opens, and its time line; and what its reader does with it."""

from werkzeug.wrappers import Response

from faxplan import (
    contact_names,
    deletion,
    do_not_fax,
    history,
    labels,
    letting_in,
    outbound,
    outbox,
    permissions,
    time_line,
)
from faxplan.db import Row
from faxplan.history import Fax
from faxplan.language import _, marked, ngettext
from faxplan.mailbox_mail import LABELS, Mode
from portal import answers, wording
from portal.visit import Visit


def page(visit: Visit, number: int) -> Response:
    """GET: all about it."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        fax = history.fax(tx, visit.user, number)
        calls = history.attempts(tx, visit.user, number)
        names = contact_names.names_of(tx, visit.user, [fax.other_number])
        other = other_end(fax)
        listed = other is not None and do_not_fax.find(tx, visit.its_tenant.id, other) is not None
        put_on = labels.of_faxes(tx, visit.its_tenant.id, [number])[number]
        known = labels.seen_by(tx, visit.user)
        may_send = permissions.has(tx, visit.its_tenant.id, visit.user.id, permissions.SEND)
        mails = outbox.of_fax(tx, visit.its_tenant.id, number)
        waits = letting_in.waits_for(tx, visit.user, number) if fax.direction == "inbound" else []
    return answers.page(
        visit,
        "fax.html",
        fax=fax,
        headline=time_line.headline(fax, visit.its_tenant.country),
        contact=names.get(fax.other_number or "", ""),
        party=time_line.party(fax, visit.its_tenant.country),
        standing=wording.without_commands(time_line.standing(fax, visit.zone, visit.now)),
        events=time_line.events(fax, calls, visit.its_tenant),
        may_list=other is not None and not listed,
        listed=listed,
        labels=put_on,
        known=known,
        reply_to=other,
        may_send=may_send,
        waits=_waiting(waits),
        mails=[(each, _of_mail(each, visit)) for each in mails],
        has_pages=fax.final and fax.purged_at is None and fax.tiff_id is not None,
    )


def _waiting(mailboxes: list[str]) -> str:
    """Why this reader opens nothing yet, and what becomes of it; empty where they could."""
    if not mailboxes:
        return ""
    return _(
        "You have been let into {mailboxes}, and its key has not reached you yet. It does as soon as another of its"
        " readers logs in, or has a page of this portal open. Then load this page again."
    ).format(mailboxes=", ".join(mailboxes))


_MAILED = {
    "refused": marked("The mail server refuses mail for this address. It is not tried again."),
    "given-up": marked("It was given up: nothing has reached this address."),
    "bounced": marked("It came back: it has not reached this address."),
}


def _of_mail(mail: Row, visit: Visit) -> str:
    """What became of a mail, in words."""
    state, tries, next_at = mail["state"], mail["tries"], mail["not_before"]
    if state in _MAILED:
        return _(_MAILED[state])
    if state == "accepted":
        sent_as = Mode(mail["sent_as"] or Mode.NOTICE)
        if not sent_as.carries_pages:
            return _("A notice with a link was handed over to the mail server.")
        return _("Handed over to the mail server. {what}.").format(what=_(LABELS[sent_as]))
    if not tries:
        # None was tried by itself: what is said is of the mail server as a whole, and for whoever runs it.
        waits = _("Waits to be handed over to the mail server.")
        taken_later = _("That takes no mail at present; it is asked again.")
        return f"{waits} {taken_later}" if mail["said"] else waits
    said = ngettext("Not taken yet, after {tries} try.", "Not taken yet, after {tries} tries.", tries)
    said = said.format(tries=tries)
    if next_at <= visit.now:
        return said
    next_one = _("The next one: {time}.").format(time=time_line.clock(next_at, visit.zone, visit.now))
    return f"{said} {next_one}"


def other_end(fax: Fax) -> str | None:
    """Whose number it came from or went to, in E.164; None: it is not known."""
    number = fax.calling_number if fax.direction == "inbound" else fax.called_number
    return number if number and number.startswith("+") else None


def standing(visit: Visit, number: int) -> Response:
    """GET, for the page's script: where it stands now."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        fax = history.fax(tx, visit.user, number)
    return answers.data(
        {
            "state": fax.state,
            "final": fax.final,
            "standing": wording.without_commands(time_line.standing(fax, visit.zone, visit.now)),
            "pages": fax.pages,
            "done": fax.pages_done + (0 if fax.final else fax.call_pages or 0),
            "calls": fax.attempts_made,
        }
    )


def cancel(visit: Visit, number: int) -> Response:
    """POST: stops one that goes out."""
    outbound.cancel(visit.db, visit.user, number)
    return answers.to(f"/faxes/{number}")


def delete(visit: Visit, number: int) -> Response:
    """POST: nobody sees it any more, until it is brought back or purged."""
    deleted = deletion.delete(visit.db, visit.user, number)
    return answers.page(visit, "deleted.html", number=number, kept_until=deleted.kept_until)


def restore(visit: Visit, number: int) -> Response:
    """POST: brings a deleted one back."""
    deletion.undelete(visit.db, visit.user, number)
    return answers.to(f"/faxes/{number}")
