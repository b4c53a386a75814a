"""The installation's own chain of the audit: who did what to it, the newest first, and all of it as a file."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from faxplan import audit, audit_export, audit_list
from faxplan.db import Row
from portal import answers
from portal.visit import Visit

AT_ONCE = 100
_FILTERS = ("action", "actor", "result")


def page(visit: Visit) -> Response:
    """GET: its rows; of one kind, of one actor, with one result."""
    given = {name: visit.request.args.get(name, "").strip() for name in _FILTERS}
    before = visit.request.args.get("before", "")
    start = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    with visit.its_admin.across_tenants() as tx:
        found = audit_list.some(tx, audit.INSTALLATION, before=start, limit=AT_ONCE + 1, **given)
        nouns = audit_list.nouns(tx, audit.INSTALLATION)
        shown = found[:AT_ONCE]
        names = audit_list.names(tx, shown)
    kept = {name: value for name, value in given.items() if value}
    onward = urlencode({**kept, "before": shown[-1]["sequence"]}) if len(found) > AT_ONCE else None
    return answers.page(
        visit,
        "installation/audit.html",
        rows=[(row, _details(row)) for row in shown],
        nouns=nouns,
        names=names,
        given=given,
        onward=onward,
        start=urlencode(kept),
        is_first=start is None,
        with_=lambda **other: urlencode({**kept, **other}),
    )


def export(visit: Visit) -> Response:
    """GET: all of it as CSV, with the hashes by which others verify it. That is a row of it, too."""
    admin = visit.its_admin
    with admin.across_tenants() as tx:
        audit.record(
            tx, audit.INSTALLATION, actor=visit.actor, action="audit.export", object="installation",
            since=None, until=None,
        )  # fmt: skip

    def lines() -> Iterator[str]:
        with admin.across_tenants() as tx:
            yield _line(audit_export.COLUMNS)
            for row in audit_export.rows(tx, audit.INSTALLATION, since=None, until=None):
                yield _line(["" if row[name] is None else row[name] for name in audit_export.COLUMNS])

    response = Response(lines(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="audit-installation.csv"'
    return response


def _line(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def _details(row: Row) -> str:
    return ", ".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in row["details"].items()
        if value is not None
    )
