"""One fax: its pages, which the browser opens, and its time line; and what its reader does with it."""

from werkzeug.wrappers import Response

from faxplan import contacts, deletion, history, labels, outbound, time_line
from portal import answers
from portal.visit import Visit


def page(visit: Visit, number: int) -> Response:
    """GET: all about it."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        fax = history.fax(tx, visit.user, number)
        calls = history.attempts(tx, visit.user, number)
        names = contacts.names_of(tx, visit.user, [fax.other_number])
        put_on = labels.of_faxes(tx, visit.its_tenant.id, [number])[number]
        known = labels.seen_by(tx, visit.user)
    return answers.page(
        visit,
        "fax.html",
        fax=fax,
        headline=time_line.headline(fax, visit.its_tenant.country),
        contact=names.get(fax.other_number or "", ""),
        party=time_line.party(fax, visit.its_tenant.country),
        standing=time_line.standing(fax, visit.zone, visit.now),
        events=time_line.events(fax, calls, visit.its_tenant),
        labels=put_on,
        known=known,
    )


def standing(visit: Visit, number: int) -> Response:
    """GET, for the page's script: where it stands now."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        fax = history.fax(tx, visit.user, number)
    return answers.data(
        {
            "state": fax.state,
            "final": fax.final,
            "standing": time_line.standing(fax, visit.zone, visit.now),
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
