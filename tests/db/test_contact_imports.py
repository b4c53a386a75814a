"""Files of contacts: looked at first, then taken in; nothing of them is lost."""

from typing import Any

import pytest

from faxplan import contact_files, contact_groups, contact_imports, contacts, users
from faxplan.contact_files import Reading, UnreadableFile
from faxplan.contact_imports import AlreadyTaken, NoColumn
from faxplan.contacts import Entry, TooManyContacts, Wanted
from faxplan.errors import NotFound
from tests.world import World

FOUND_OUT = Reading()
FILE = """Name;Firma;Telefax;Notiz
Ann;Co;030 23125009;first
Bob;;030 23125008;
;;030 23125007;
Carl;;112;
Ann;;03023125009;second
"Dora;;030 23125006;
"""


def rows(world: World) -> list[dict[str, Any]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows("select name, company, number, note from contacts order by sort_key")


def begin(world: World, content: str = FILE) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return contact_imports.begin(tx, world.acme.user, "list.csv", content.encode()).id


def take(world: World, number: int, *, shared: bool = False, group: int | None = None) -> dict[str, int]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        user = world.acme.user
        return contact_imports.counts(contact_imports.take(tx, user, number, FOUND_OUT, shared=shared, group_id=group))


def test_a_file_is_looked_at_and_taken_in(world: World) -> None:
    number = begin(world)
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        found = contact_imports.preview(tx, user, FILE.encode(), FOUND_OUT, shared=False)
        assert contacts.find(tx, user, Wanted(), limit=9) == []
    assert found.new == [
        Entry("Ann", "Co", "+493023125009", "", "second"),
        Entry("Bob", "", "+493023125008", "", ""),
    ]
    assert [each.record.line for each in found.unreadable] == [4, 5, 7]
    assert "name or a company" in found.unreadable[0].why
    assert take(world, number) == contact_imports.counts(found) == {"new": 2, "changed": 0, "same": 1, "unreadable": 3}
    assert [(row["name"], row["note"]) for row in rows(world)] == [("Ann", "second"), ("Bob", "")]
    with world.portal.tenant(user.tenant_id) as tx:
        (row,) = tx.rows("select object, details from audit where action like 'contact%%'")
        assert [each.name for each in contacts.find(tx, user, Wanted("co"), limit=9)] == ["Ann"]
    assert row["object"] == f"contact-import:{number}"
    assert row["details"] == {"shared": False, "new": 2, "changed": 0, "same": 1, "unreadable": 3}
    # By a second click, nothing twice.
    with pytest.raises(AlreadyTaken):
        take(world, number)
    assert len(rows(world)) == 2


def test_the_lines_that_are_left_are_a_file_that_can_be_corrected(world: World) -> None:
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        found = contact_imports.preview(tx, user, FILE.encode(), FOUND_OUT, shared=False)
        text = contact_imports.left(found, ";")
        lines = text.removeprefix("\ufeff").splitlines()
        assert lines[0] == "Name;Firma;Telefax;Notiz;Line;Why"
        assert lines[1].startswith(";;030 23125007;;4;")
        assert lines[3].startswith('"""Dora;;030 23125006;";;;;7;')
        corrected = text.replace("112", "030 23125005").replace(";;030 23125007", "Eve;;030 23125007")
        again = contact_imports.preview(tx, user, corrected.encode(), FOUND_OUT, shared=False)
    assert [each.name for each in again.new] == ["Eve", "Carl"]


def test_what_is_there_is_changed_where_the_file_says_more(world: World) -> None:
    take(world, begin(world))
    again = "Name,Fax,E-Mail\nANN,+49 30 23125009,ann@x.example\nBob,030 23125008,\nBob,030 23125007,\n"
    assert take(world, begin(world, again)) == {"new": 1, "changed": 1, "same": 1, "unreadable": 0}
    assert rows(world)[0] == {"name": "ANN", "company": "Co", "number": "+493023125009", "note": "second"}
    # Shared ones are others.
    assert take(world, begin(world, again), shared=True)["new"] == 3


def test_what_is_exported_is_there_when_it_comes_back(world: World) -> None:
    take(world, begin(world, "Name,Fax,Note\n=1+1,030 23125009,'=x\n'@b,+43 1 5800,-\n"))
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        text = contact_files.write_entries(each.entry for each in contacts.all_of(tx, user, Wanted()))
    assert "'+4315800" in text
    assert take(world, begin(world, text)) == {"new": 0, "changed": 0, "same": 2, "unreadable": 0}


def test_a_file_goes_into_a_group(world: World) -> None:
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        group = contact_groups.add(tx, user, "Customers", shared=True).id
    with pytest.raises(contact_groups.NotShared):
        take(world, begin(world), group=group)
    assert rows(world) == []
    take(world, begin(world), shared=True)
    take(world, begin(world), shared=True, group=group)
    with world.portal.tenant(user.tenant_id) as tx:
        assert contact_groups.get(tx, user, group).members == 2


def test_others_shared_contacts_are_left_to_them(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        other = users.create(tx, world.acme.tenant.id, email="other@acme.example", name="Other")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        contacts.add(tx, other, Entry("Ann", "Theirs", "030 23125009"), shared=True)
        found = contact_imports.preview(tx, world.acme.user, FILE.encode(), FOUND_OUT, shared=True)
    assert [each.record.line for each in found.unreadable] == [2, 4, 5, 6, 7]
    assert (len(found.new), found.changed) == (1, {})


def test_what_is_not_said_or_has_no_room_is_refused_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoColumn):
        take(world, begin(world, "Name,Colour\nAnn,red\n"))
    with pytest.raises(UnreadableFile):
        begin(world, "x" * (5 * 1024**2 + 1))
    monkeypatch.setattr(contacts, "MOST_OWN", 1)
    with pytest.raises(TooManyContacts):
        take(world, begin(world))
    assert rows(world) == []


def test_a_file_is_its_users_alone_and_goes_with_the_next_one(world: World) -> None:
    """SECURITY."""
    first = begin(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        boss = users.create(tx, world.acme.tenant.id, email="b@acme.example", name="B", role="administrator")
    for who in (boss, world.borea.user):
        with pytest.raises(NotFound), world.portal.tenant(who.tenant_id) as tx:
            contact_imports.get(tx, who, first)
    begin(world)
    with pytest.raises(NotFound), world.portal.tenant(world.acme.tenant.id) as tx:
        contact_imports.get(tx, world.acme.user, first)


def test_ten_thousand_lines_are_taken_in(world: World) -> None:
    lines = "".join(f"Name {each},+4930{10_000_000 + each}\n" for each in range(10_000))
    assert take(world, begin(world, "Name,Fax\n" + lines))["new"] == 10_000
    assert take(world, begin(world, "Name,Fax\n" + lines))["same"] == 10_000
