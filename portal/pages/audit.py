"""What was done in an organisation, and by whom: its audit, in words."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from faxplan import audit_entries, audit_export, audit_words, cdr
from faxplan.audit_entries import Wanted
from faxplan.db import Row
from portal import answers
from portal.visit import Visit

AT_ONCE = 50
_FILTERS = ("actor", "action", "object", "from", "to")
PAGE = "/organisation/audit"


def page(visit: Visit) -> Response:
    """GET: the newest rows, those before `before`; by `actor`, `action`, `object`, and days `from` and `to`."""
    tenant_id, given = visit.its_tenant.id, _given(visit)
    before = visit.request.args.get("before", "")
    with visit.db.tenant(tenant_id) as tx:
        rows = audit_entries.some(
            tx, tenant_id, _wanted(visit), before=int(before) if _is_number(before) else None, limit=AT_ONCE + 1
        )
        shown = rows[:AT_ONCE]
        names = audit_entries.names(tx, tenant_id, [*shown, *_filter_row(given)])
    country = visit.its_tenant.country
    onward = _address(given, before=str(shown[-1]["sequence"])) if len(rows) > AT_ONCE else None
    return answers.page(
        visit,
        "audit.html",
        rows=[
            {
                **row,
                "words": audit_words.sentence(row, names, country),
                "whence": audit_words.whence(row),
                "codes": json.dumps(row["details"], ensure_ascii=False, indent=2, sort_keys=True),
                "only": {name: _address(given | {name: row[name]}) for name in ("actor", "action", "object")},
                "who": audit_words.who(row["actor"], names),
                "what": audit_words.what(row["object"], names, country),
            }
            for row in shown
        ],
        filters=[
            {
                "name": name,
                "text": _filter_text(name, given, names, country),
                "without": _address(_without(given, name)),
            }
            for name in ("actor", "action", "object")
            if name in given
        ],
        given=given,
        onward=onward,
        first=_address(given) if before else None,
        file=_address(given, path=f"{PAGE}.csv"),
    )


def file(visit: Visit) -> Response:
    """GET: rows of these days with their hashes, as a stranger verifies them (docs/audit.md), as a CSV file."""
    tenant, wanted = visit.its_tenant, _wanted(visit)
    with visit.its_admin.tenant(tenant.id) as tx:
        # Before the first row is given: whoever breaks it off has what came so far.
        audit_export.note(
            tx,
            visit.actor,
            tenant.id,
            f"tenant:{tenant.slug}",
            since=cdr.plain(wanted.since),
            until=cdr.plain(wanted.until),
        )

    def lines() -> Iterator[str]:
        yield _line(audit_export.COLUMNS)
        with visit.its_admin.tenant(tenant.id) as tx:
            for row in audit_export.rows(tx, tenant.id, since=wanted.since, until=wanted.until):
                yield _line([row[name] for name in audit_export.COLUMNS])

    return answers.table(f"audit-{tenant.slug}.csv", lines())


def _line(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(["" if each is None else each for each in values])
    return out.getvalue()


def _given(visit: Visit) -> dict[str, str]:
    found = {name: visit.request.args.get(name, "").strip().replace("\0", "") for name in _FILTERS}
    return {name: value for name, value in found.items() if value}


def _wanted(visit: Visit) -> Wanted:
    given = _given(visit)
    period = cdr.period(given.get("from"), given.get("to"), visit.zone)
    return Wanted(given.get("actor", ""), given.get("action", ""), given.get("object", ""), period.since, period.until)


def _filter_row(given: dict[str, str]) -> list[Row]:
    return [{"actor": given.get("actor", ""), "object": given.get("object", ""), "details": {}}]


def _filter_text(name: str, given: dict[str, str], names: Any, country: str) -> str:
    if name == "actor":
        return audit_words.who(given[name], names)
    return audit_words.what(given[name], names, country) if name == "object" else given[name]


def _without(given: dict[str, str], name: str) -> dict[str, str]:
    return {each: value for each, value in given.items() if each != name}


def _address(given: dict[str, str], *, path: str = PAGE, **more: str) -> str:
    query = urlencode({**given, **more})
    return f"{path}?{query}" if query else path


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
