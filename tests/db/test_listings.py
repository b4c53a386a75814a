"""Lists of faxes: what is in them, in which order, and what PostgreSQL does for them whatever there is."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from faxplan import listings
from faxplan.db import Transaction
from faxplan.listings import EVERYTHING, INBOX, SENT, Filters, Part, Search
from tests.full_lists import PREFIXES, Filled, fill
from tests.world import World

SIZE = 10_000


@pytest.fixture
def filled(world: World) -> Filled:
    return fill(world, SIZE)


def walked(world: World, of: str, filters: Filters, *, limit: int = 40) -> list[Part]:
    """All parts of a list, one after the other."""
    parts: list[Part] = []
    place = None
    with world.portal.tenant(world.acme.tenant.id) as tx:
        while not parts or place is not None:
            parts.append(listings.part(tx, world.acme.user, of, filters, limit=limit, before=place))
            place = parts[-1].onward
    return parts


WHERE = {
    "everything": (EVERYTHING, "true"),
    "unread": (Filters(unread=True), "unread"),
    "failed": (Filters(standing="failed"), "standing = 'failed'"),
    "a week": (
        Filters(since=datetime.now(UTC) - timedelta(days=90), until=datetime.now(UTC) - timedelta(days=30)),
        "at >= now() - interval '90 days' and at < now() - interval '30 days'",
    ),
    "a short beginning": (Filters(search=Search([PREFIXES[0][:4]])), "number like '+493%%'"),
    "a beginning": (Filters(search=Search([PREFIXES[0]])), "number like '+49302312%%'"),
    "a long beginning": (Filters(search=Search([PREFIXES[0] + "12"])), "number like '+4930231212%%'"),
    "several beginnings": (
        Filters(search=Search([PREFIXES[1], PREFIXES[2][:5]])), "number like '+49896543%%' or number like '+4922%%'"
    ),
    "whole numbers": (
        Filters(search=Search(numbers=[f"{PREFIXES[0]}{each:04}" for each in range(40)])),
        "number >= '+493023120000' and number < '+493023120040'",
    ),
    "unread and failed": (Filters(unread=True, standing="failed"), "unread and standing = 'failed'"),
    "a beginning, unread": (
        Filters(search=Search([PREFIXES[0]]), unread=True), "unread and number like '+49302312%%'"
    ),
    "a label": ("label", "fax_id in (select fax_id from fax_labels where label_id = %(label)s)"),
    "a label, failed": (
        "label, failed", "standing = 'failed' and fax_id in (select fax_id from fax_labels where label_id = %(label)s)"
    ),
    "a beginning or a label": (
        "search for both",
        "number like '+49896543%%' or fax_id in (select fax_id from fax_labels where label_id = %(label)s)",
    ),
}  # fmt: skip


def of_label(world: World, filters: Any) -> tuple[Filters, int]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        label = int(tx.value("select id from labels where key = 'invoice'"))
    given = {
        "label": Filters(label_id=label),
        "label, failed": Filters(label_id=label, standing="failed"),
        "search for both": Filters(search=Search([PREFIXES[1]], label_id=label)),
    }
    return given.get(filters, filters) if isinstance(filters, str) else filters, label


def test_every_list_has_what_it_should_in_order_and_each_once(
    world: World, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever leads through an index; also where a part ends because so many were looked at."""
    for most in (listings.MOST_LOOKED_AT, 90):
        monkeypatch.setattr(listings, "MOST_LOOKED_AT", most)
        for name, (asked, where) in WHERE.items():
            filters, label = of_label(world, asked)
            for of in (INBOX, SENT):
                with world.portal.tenant(world.acme.tenant.id) as tx:
                    expected = tx.rows(
                        f"""select at, fax_id from listings where list = %(list)s and ({where}) and owner_id in (
                              select %(user)s where %(list)s = 'sent' union all
                              select mailbox_id from mailbox_members where %(list)s = 'inbox' and user_id = %(user)s)
                            order by at desc, fax_id desc""",
                        {"list": of, "user": world.acme.user.id, "label": label},
                    )
                parts = walked(world, of, filters)
                found = [place for part in parts for place in part.places]
                assert found == [(row["at"], row["fax_id"]) for row in expected], (name, of, most)
                assert found or "unread" in name or "failed" in name, (name, of)


def test_a_part_that_ends_early_says_so_and_looks_at_no_more(
    world: World, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "MOST_LOOKED_AT", 200)
    first, *others = walked(world, INBOX, Filters(search=Search([PREFIXES[0]]), unread=True))
    assert first.until is not None
    assert len(first.places) < 40
    assert others[-1].until is None


def test_what_leads_is_an_index_whatever_is_asked_for(
    world: World, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sequential scan, no bitmap, and no list is sorted as a whole: a part reads what it shows."""
    plans: list[str] = []
    run = Transaction.rows

    def explained(self: Transaction, sql: str, parameters: Any = None) -> Any:
        if "cross join lateral" in sql:
            plans.append(
                "\n".join(
                    str(row["QUERY PLAN"]) for row in run(self, f"explain (analyze, timing off) {sql}", parameters)
                )
            )
        return run(self, sql, parameters)

    monkeypatch.setattr(Transaction, "rows", explained)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        for asked, _where in WHERE.values():
            filters, _label = of_label_in(tx, asked)
            for of in (INBOX, SENT):
                part = listings.part(tx, world.acme.user, of, filters, limit=50)
                deep = listings.part(tx, world.acme.user, of, filters, limit=50, before=middle(tx, of))
                assert len(part.places) <= 50 >= len(deep.places)
    assert len(plans) >= 2 * 2 * len(WHERE)
    for plan in plans:
        assert "Seq Scan" not in plan
        assert "Bitmap" not in plan
        # What is read of a list at once.
        for scan in re.findall(r"Scan .*listings\w* .*?rows=(\d+)[.\d]* loops=(\d+)\)", plan):
            rows, loops = map(int, scan)
            assert rows * loops <= listings.MOST_LOOKED_AT + 51 * loops, plan


def of_label_in(tx: Transaction, asked: Any) -> tuple[Filters, int]:
    label = int(tx.value("select id from labels where key = 'invoice'"))
    given = {
        "label": Filters(label_id=label),
        "label, failed": Filters(label_id=label, standing="failed"),
        "search for both": Filters(search=Search([PREFIXES[1]], label_id=label)),
    }
    return given[asked] if isinstance(asked, str) else asked, label


def middle(tx: Transaction, of: str) -> listings.Place:
    row = tx.one("select at, fax_id from listings where list = %s order by at offset 200 limit 1", (of,))
    return row["at"], row["fax_id"]
