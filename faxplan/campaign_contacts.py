"""Contacts and their groups as recipients of a campaign (role portal, within a tenant).

They are written down where files lie (campaign_files), by one statement that brings nothing here: as they are at that
moment, whatever becomes of them before a worker comes to them. From then on they are read as a file is, so many at a
time, each number once, and nobody who is on the do-not-fax list.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from faxplan import campaign_files, contact_files, contact_groups, contacts, spreadsheets
from faxplan.campaign_files import Progress
from faxplan.campaigns import NoRecipients
from faxplan.contact_files import Reading, UnreadableFile
from faxplan.db import Transaction
from faxplan.language import _
from faxplan.users import User

MOST_CONTACTS, MOST_GROUPS = 10_000, 200
"""That are named one by one."""
_HEADING = ("Fax number", "Name", "Company")
"""How a cover page may name what is beside the number."""
_READING = Reading("comma", True, {"number": 0, "name": 1, "company": 2}, contact_files.UTF_8)


def bring(
    tx: Transaction,
    user: User,
    campaign_id: int,
    *,
    contact_ids: Sequence[int] = (),
    group_ids: Sequence[int] = (),
    everyone: bool = False,
) -> Progress:
    """Contacts, those of groups, or all that the user sees, each once. Raises NotFound, also of a contact or a group;
    NotNow, FileInHand, NoRecipients, and Forbidden for who may have no contacts."""
    contacts.check_permitted(tx, user)
    campaign_files.check_room(tx, user, campaign_id)
    _check_seen(tx, user, contact_ids, group_ids)
    tx.give_time(60)
    row = tx.one(
        _WRITTEN,
        {
            "tenant": user.tenant_id, "user": user.id, "campaign": campaign_id, "everyone": everyone,
            "contacts": list(contact_ids), "groups": list(group_ids), "heading": ",".join(_HEADING),
            "reading": json.dumps(asdict(_READING)), "formula": _FORMULA,
        },
    )  # fmt: skip
    if not row["lines"]:
        raise NoRecipients(_("There is nobody in it."))
    if row["bytes"] > campaign_files.MOST_BYTES:
        raise UnreadableFile(_("These are too many contacts at once. Add them group by group."))
    tx.notify(campaign_files.CHANNEL)
    return Progress(row["lines"], 0)


def _check_seen(tx: Transaction, user: User, contact_ids: Sequence[int], group_ids: Sequence[int]) -> None:
    seen = {each.id for each in contact_groups.of_user(tx, user)} if group_ids else set()
    for each in group_ids:
        if each not in seen:
            contact_groups.get(tx, user, each)
    unseen = tx.value(
        """select min(i) from unnest(%s::bigint[]) i where not exists (
               select from contacts c where c.tenant_id = %s and c.id = i and c.scope in (0, %s))""",
        (list(contact_ids), user.tenant_id, user.id),
    )
    if unseen is not None:
        contacts.get(tx, user, unseen)


_FORMULA = "^'*[-\n" + "".join(spreadsheets.SIGNS).replace("-", "") + "]"


def _cell(value: str) -> str:
    """As contact_files.write has it: with an apostrophe before what that takes off again."""
    return f"""'"' || replace(case when {value} ~ %(formula)s then '''' else '' end || {value}, '"', '""') || '"'"""


_WRITTEN = f"""
    with chosen as (
        select c.sort_key, c.id, c.number, {_cell("coalesce(nullif(c.name, ''), c.company)")} as name,
               {_cell("c.company")} as company
        from contacts c
        where c.tenant_id = %(tenant)s and c.scope in (0, %(user)s)
          and (%(everyone)s or c.id = any (%(contacts)s::bigint[]) or c.id in (
                  select m.contact_id from contact_group_members m
                  where m.tenant_id = %(tenant)s and m.group_id = any (%(groups)s::bigint[])))),
    written as (
        insert into campaign_files (tenant_id, campaign_id, content, reading, lines)
        select %(tenant)s, %(campaign)s,
               convert_to(%(heading)s || E'\\n' || string_agg(concat_ws(',', number, name, company), E'\\n'
                                                             order by sort_key, id), 'UTF8'),
               %(reading)s, count(*)
        from chosen having count(*) > 0
        returning lines, length(content) as bytes)
    select coalesce(max(lines), 0) as lines, coalesce(max(bytes), 0) as bytes from written"""
