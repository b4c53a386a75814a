"""An organisation's audit, as its administrators read it."""

import csv
import io
from html import unescape

import pytest

from faxplan import audit
from tests.portal.conftest import Visitor
from tests.portal.test_people import audited, boss
from tests.retained import received
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/audit"


def note(world: World, **values: object) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        given = {"actor": "test", "action": "test.act", "object": "thing:1"} | values
        audit.record(tx, world.acme.tenant.id, **given)  # type: ignore[arg-type]


def text(boss: Visitor, path: str = PAGE) -> str:
    answer = boss.get(path)
    assert answer.status_code == 200
    return unescape(answer.text)


def test_rows_are_words(world: World, boss: Visitor) -> None:
    fax = received(world, world.acme, "one")
    boss.post(f"/faxes/{fax}/keys", Accept="application/json")
    boss.post("/organisation/people", {"email": "eve@acme.example", "name": "Eve Adams", "role": "user"})
    page = text(boss)
    assert f'A User opened fax {fax} <span class="hint">from 127.0.0.1' in page
    assert "A User added Eve Adams" in page
    assert "A User logged in" in page
    note(world, action="session.begin", actor="nobody", object="user:", result="refused")
    assert "Somebody logged in: this was refused" in text(boss)
    note(world, action="odd.act", object="odd:<script>x</script>", who="<img src=x>")
    raw = boss.get(PAGE).text
    assert "<script>x" not in raw
    assert "<img src=x" not in raw


@pytest.mark.parametrize(
    ("query", "seen", "hidden"),
    [
        ("actor=user:7", "BY SEVEN", "BY EIGHT"),
        ("action=note", "BY SEVEN", "ELSE"),
        ("action=note.write", "BY EIGHT", "ELSE"),
        ("object=page:8", "BY EIGHT", "BY SEVEN"),
        ("actor=user:8&object=page:8", "BY EIGHT", "BY SEVEN"),
        ("to=2020-01-01", "Nothing is found", "BY SEVEN"),
        ("from=2020-01-01", "BY SEVEN", "Nothing is found"),
    ],
)
def test_filters_are_in_the_address(world: World, boss: Visitor, query: str, seen: str, hidden: str) -> None:
    note(world, actor="user:7", action="note.write", object="page:7", text="BY SEVEN")
    note(world, actor="user:8", action="note.write", object="page:8", text="BY EIGHT")
    note(world, action="noted", text="ELSE")
    page = text(boss, f"{PAGE}?{query}")
    assert seen in page
    assert hidden not in page


def test_the_list_goes_on(world: World, boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.audit.AT_ONCE", 2)
    for number in range(5):
        note(world, action="note.write", text=f"NOTE {number}")
    seen: list[str] = []
    path = f"{PAGE}?action=note.write"
    while path:
        page = text(boss, path)
        seen += [part[0] for part in page.split("NOTE ")[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0]
    assert seen == ["4", "3", "2", "1", "0"]


def test_what_is_no_day_is_said(boss: Visitor) -> None:
    for query in ("from=soon", "to=2026-13-01"):
        assert boss.get(f"{PAGE}?{query}").status_code == 400
    for query in ("before=x", "before=" + "9" * 40, "actor=%00", "actor=" + "a" * 1000):
        assert boss.get(f"{PAGE}?{query}").status_code == 200


def test_it_is_exported_and_that_is_a_row_of_it(world: World, boss: Visitor) -> None:
    note(world, text="ONE")
    answer = boss.get(f"{PAGE}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["sequence"] for row in rows] == [str(each) for each in range(1, len(rows) + 1)]
    assert rows[-1]["action"] == "audit.export"
    assert {"hash", "previous_hash", "details_hash"} <= rows[0].keys()
    (row,) = audited(world, "audit.export")
    assert row.actor == f"user:{world.acme.user.id}"


def test_of_another_tenant_there_is_nothing(world: World, boss: Visitor) -> None:
    """SECURITY."""
    with world.portal.tenant(world.borea.tenant.id) as tx:
        audit.record(tx, world.borea.tenant.id, actor=f"user:{world.borea.user.id}", action="a.b", object="SECRET")
    for path in (PAGE, f"{PAGE}?action=a.b", f"{PAGE}?object=SECRET", f"{PAGE}.csv"):
        assert "borea" not in text(boss, path).lower()
        assert "a.b" not in text(boss, path.partition("?")[0])
