"""What became of a campaign, recipient by recipient, for a table: as many rows at a time as are in memory anyhow.

Each batch is a transaction of its own: whoever fetches a table of 200,000 rows over a slow line holds none open. Cells
that strangers wrote are no formulas in a spreadsheet.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from faxplan import audit, campaigns, language, spreadsheets, tenants
from faxplan.audit import Who
from faxplan.db import Database, Row, Transaction
from faxplan.language import _, marked
from faxplan.plain_words import without_commands
from faxplan.retelling import retold
from faxplan.users import User

AT_ONCE = 2000
COLUMNS = (
    "line", "written", "number", "name", "fields", "state", "why", "fax", "attempts", "pages", "begun_at", "ended_at",
    "result", "sip_code", "fax_result_code",
)  # fmt: skip
STATES = {"released": "under-way"}
"""How others are told of states that are called otherwise here."""
WHY = {
    "invalid-number": marked("This is no number that can be called."),
    "duplicate": marked("This number is in the list already."),
    "do-not-fax": marked("This number is on the do-not-fax list."),
    "number-barred": marked("This number may not be called."),
    "cover-failed": marked("No cover page can be made of what stands there."),
}
"""Why a recipient gets nothing."""


def export(db: Database, user: User, campaign_id: int, *, actor: Who) -> Iterator[str]:
    """Lines of a CSV file, in UTF-8 with its mark, in the language that is spoken now. That it is fetched is a row of
    the audit, before the first line. Raises NotFound at once."""
    with db.tenant(user.tenant_id) as tx:
        campaigns.get(tx, user, campaign_id)
        zone = tenants.get(tx, user.tenant_id).zone
        audit.record(tx, user.tenant_id, actor=actor, action="campaign.export", object=f"campaign:{campaign_id}")
    return _lines(db, user.tenant_id, campaign_id, zone, language.current())


def _lines(db: Database, tenant_id: int, campaign_id: int, zone: ZoneInfo, spoken: str) -> Iterator[str]:
    yield "\ufeff" + _text([COLUMNS])
    after = 0
    while True:
        with db.tenant(tenant_id) as tx:
            rows = _rows(tx, tenant_id, campaign_id, after)
        if not rows:
            return
        after = rows[-1]["id"]
        with language.speaks(spoken):
            text = _text([_cells(row, zone) for row in rows])
        yield text


def _rows(tx: Transaction, tenant_id: int, campaign_id: int, after: int) -> list[Row]:
    return tx.rows(
        """select r.id, r.line, r.written, r.number, r.name, r.fields, r.state, r.why, r.fax_id,
                  f.attempts_made, f.pages_done, coalesce(r.released_at, f.created_at) as begun_at,
                  coalesce(r.ended_at, f.finished_at) as ended_at, f.explanation, a.sip_code, a.fax_result_code
           from (select * from campaign_recipients where tenant_id = %s and campaign_id = %s and id > %s
                 order by id limit %s) r
           left join lateral (
               select * from faxes g where g.tenant_id = r.tenant_id and g.id = r.fax_id offset 0) f on true
           left join lateral (
               select l.sip_code, l.fax_result_code from attempts l
               where l.tenant_id = f.tenant_id and l.fax_id = f.id order by l.number desc limit 1) a on true
           order by r.id""",
        (tenant_id, campaign_id, after, AT_ONCE),
    )


def _cells(row: Row, zone: ZoneInfo) -> Sequence[Any]:
    words = _(WHY[row["why"]]) if row["why"] else without_commands(retold(row["explanation"] or ""))
    return [
        row["line"], spreadsheets.inert(row["written"]), row["number"], spreadsheets.inert(row["name"]),
        json.dumps(row["fields"], ensure_ascii=False) if row["fields"] else "",
        STATES.get(row["state"], row["state"]), row["why"], row["fax_id"], row["attempts_made"], row["pages_done"],
        _moment(row["begun_at"], zone), _moment(row["ended_at"], zone), spreadsheets.inert(words), row["sip_code"],
        row["fax_result_code"],
    ]  # fmt: skip


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).isoformat(timespec="seconds")


def _text(rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(["" if each is None else each for each in row] for row in rows)
    return out.getvalue()
