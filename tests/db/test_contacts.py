"""Contacts and groups: who sees them, who changes them, how they are found."""

import pytest

from faxplan import contact_groups, contact_names, contacts, users
from faxplan.constraints import ConstraintViolated
from faxplan.contact_groups import GroupFull, NotShared, TooManyGroups
from faxplan.contacts import ALL, OWN, SHARED, Contact, Entry, TooManyContacts, Wanted
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, Forbidden, InvalidNumber, NotFound
from faxplan.users import User
from tests.hostile import TEXTS
from tests.world import World


def person(world: World, email: str, role: str = "user") -> User:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return users.create(tx, world.acme.tenant.id, email=email, name=email, role=role)


@pytest.fixture
def other(world: World) -> User:
    return person(world, "other@acme.example")


@pytest.fixture
def boss(world: World) -> User:
    return person(world, "boss@acme.example", "administrator")


def entry(name: str, number: str = "030 23125009", company: str = "") -> Entry:
    return Entry(name, company, number)


def add(world: World, user: User, given: Entry, *, shared: bool = False) -> Contact:
    with world.portal.tenant(user.tenant_id) as tx:
        return contacts.add(tx, user, given, shared=shared)


def found(world: World, user: User, text: str = "", scope: str = ALL, group: int | None = None) -> list[str]:
    with world.portal.tenant(user.tenant_id) as tx:
        return [each.shown for each in contacts.find(tx, user, Wanted(text, scope, group), limit=100)]


def audited(world: World) -> list[tuple[str, str]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select action, object from audit where action like 'contact%%' order by sequence")
    return [(row["action"], row["object"]) for row in rows]


def test_a_number_is_kept_as_it_is_called_from_everywhere(world: World) -> None:
    made = add(
        world, world.acme.user, Entry("  Ann \n Müller ", "Müller & Co", "030 / 23125-009", "a@b.example", "x\r\ny ")
    )
    assert (made.name, made.number, made.note) == ("Ann Müller", "+493023125009", "x\ny")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        changed = contacts.change(tx, world.acme.user, made.id, Entry("", "Co", "+43 1 5800"), shared=False)
    assert (changed.shown, changed.number, changed.created_at) == ("Co", "+4315800", made.created_at)
    assert found(world, world.acme.user, "ann") == []
    assert found(world, world.acme.user, "co") == ["Co"]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        contacts.remove(tx, world.acme.user, made.id)
    assert found(world, world.acme.user) == []
    assert audited(world) == [(f"contact.{each}", f"contact:{made.id}") for each in ("add", "change", "remove")]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (Entry("", " ", "030 23125009"), ConstraintViolated),
        (Entry("a" * 201, "", "030 23125009"), ConstraintViolated),
        (Entry("a", "b" * 201, "030 23125009"), ConstraintViolated),
        (Entry("a", "", "030 23125009", "no address"), ConstraintViolated),
        (Entry("a", "", "030 23125009", "a@b.example", "n" * 2001), ConstraintViolated),
        (Entry("a\x1b[2J", "", "030 23125009"), ConstraintViolated),
        (Entry("a", "", "112"), InvalidNumber),
        (Entry("a", "", "nobody"), InvalidNumber),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(world: World, given: Entry, error: type[FaxplanError]) -> None:
    with pytest.raises(error) as raised:
        add(world, world.acme.user, given)
    assert "rule" not in str(raised.value)
    assert found(world, world.acme.user) == []


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_are_kept_as_they_are_or_refused(world: World, text: str) -> None:
    try:
        made = add(world, world.acme.user, Entry(text, text, "030 23125009", "", text))
    except ConstraintViolated:
        return
    assert made.name == " ".join(text.split())
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert contact_names.names_of(tx, world.acme.user, ["+493023125009"]) == {"+493023125009": made.name}
        assert contacts.numbers_of(tx, world.acme.user, text) == ["+493023125009"]


@pytest.mark.parametrize("text", [*TEXTS, "%", "_", "\\", "'", "\U0010ffff", "\u0300"])
def test_no_search_breaks_or_finds_everything(world: World, text: str) -> None:
    add(world, world.acme.user, entry("Zoe", "+43 1 5800"))
    assert found(world, world.acme.user, text) == []
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert contacts.numbers_of(tx, world.acme.user, text) == []


@pytest.mark.parametrize(
    "text",
    ["mül", "Mul", "MUELLER", "o'br", "brien müll", "straße", "STRASSE", "ø", "zoe\u0308", "030 231", "+49 30",
     "0049302", "3023", "4930231", "(030) 23125-009", "1860"],
)  # fmt: skip
def test_any_beginning_of_a_word_or_of_the_number_finds(world: World, text: str) -> None:
    add(world, world.acme.user, Entry("Zoë O'Brien-Müller", "Ørsted Straße 1860", "030 23125009"))
    add(world, world.acme.user, Entry("Nobody", "", "+43 1 5800"))
    assert found(world, world.acme.user, text) == ["Zoë O'Brien-Müller"]


@pytest.mark.parametrize("text", ["üller", "brien nobody", "23125", "+4931", "03", "ullerm"])
def test_what_is_in_the_middle_finds_nothing(world: World, text: str) -> None:
    add(world, world.acme.user, Entry("Zoë O'Brien-Müller", "", "+43 1 23125"))
    assert found(world, world.acme.user, text) == []


def test_lists_are_in_order_of_names_and_go_on_where_they_ended(world: World) -> None:
    for number, name in enumerate(["Zoe", "ann", "Österreich", "Olaf", "ann", "Bob"]):
        add(world, world.acme.user, entry(name), shared=number % 2 == 0)
    pages: list[str] = []
    after: tuple[str, int] | None = None
    with world.portal.tenant(world.acme.tenant.id) as tx:
        while page := contacts.find(tx, world.acme.user, Wanted(), limit=2, after=after):
            pages += [each.name for each in page]
            after = page[-1].sort_key, page[-1].id
        assert [each.name for each in contacts.all_of(tx, world.acme.user, Wanted())] == pages
    assert pages == ["ann", "ann", "Bob", "Olaf", "Österreich", "Zoe"]
    assert found(world, world.acme.user, scope=SHARED) == ["ann", "Österreich", "Zoe"]
    assert found(world, world.acme.user, scope=OWN) == ["ann", "Bob", "Olaf"]


def test_nobody_sees_what_is_another_users_own(world: World, other: User, boss: User) -> None:
    """SECURITY: administrators neither; as if it never was."""
    mine = add(world, world.acme.user, entry("Ann"))
    for who in (other, boss, world.borea.user):
        assert found(world, who, "ann") == []
        with world.portal.tenant(who.tenant_id) as tx:
            assert contacts.some(tx, who, [mine.id]) == []
            assert contacts.numbers_of(tx, who, "ann") == []
            assert contact_names.names_of(tx, who, [mine.number]) == {}
            for act in (
                lambda tx=tx, who=who: contacts.get(tx, who, mine.id),
                lambda tx=tx, who=who: contacts.change(tx, who, mine.id, mine.entry, shared=True),
                lambda tx=tx, who=who: contacts.remove(tx, who, mine.id),
                lambda tx=tx, who=who: contact_groups.chosen(tx, who, [mine.id], []),
            ):
                with pytest.raises(NotFound) as raised:
                    act()
                assert str(raised.value) == f"You have no contact {mine.id}."


def test_a_shared_one_is_changed_by_who_made_it_and_by_administrators(world: World, other: User, boss: User) -> None:
    made = add(world, other, entry("Ann"), shared=True)
    assert found(world, world.acme.user, "ann") == ["Ann"]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        for act in (
            lambda: contacts.change(tx, world.acme.user, made.id, made.entry, shared=True),
            lambda: contacts.change(tx, world.acme.user, made.id, made.entry, shared=False),
            lambda: contacts.remove(tx, world.acme.user, made.id),
        ):
            with pytest.raises(Forbidden):
                act()
        contacts.change(tx, other, made.id, entry("Ann B"), shared=True)
        contacts.change(tx, boss, made.id, entry("Ann C"), shared=True)
    assert found(world, world.acme.user) == ["Ann C"]


def test_ones_own_name_for_a_number_comes_first(world: World, other: User) -> None:
    add(world, other, entry("Ours", company="x"), shared=True)
    add(world, world.acme.user, entry("", company="Mine"))
    for who, name in ((world.acme.user, "Mine"), (other, "Ours")):
        with world.portal.tenant(who.tenant_id) as tx:
            assert contact_names.names_of(tx, who, ["+493023125009", None, "+4930"]) == {"+493023125009": name}


def test_there_is_an_end_to_how_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "MOST_OWN", 1)
    monkeypatch.setattr(contacts, "MOST_SHARED", 1)
    first = add(world, world.acme.user, entry("Ann"))
    for shared in (False, True):
        if shared:
            add(world, world.acme.user, entry("Shared"), shared=True)
        with pytest.raises(TooManyContacts):
            add(world, world.acme.user, entry("Bob"), shared=shared)
    with pytest.raises(TooManyContacts), world.portal.tenant(world.acme.tenant.id) as tx:
        contacts.change(tx, world.acme.user, first.id, first.entry, shared=True)


# --------------------------------------------------------------------------------------------------------------- groups


def group(world: World, user: User, name: str, *ids: int, shared: bool = False) -> int:
    with world.portal.tenant(user.tenant_id) as tx:
        made = contact_groups.add(tx, user, name, shared=shared)
        contact_groups.put(tx, user, made.id, ids)
        return made.id


def members(tx: Transaction, user: User) -> dict[str, int]:
    return {each.name: each.members for each in contact_groups.of_user(tx, user)}


def test_a_contact_is_in_several_groups(world: World) -> None:
    user = world.acme.user
    ann, bob = add(world, user, entry("Ann")), add(world, user, entry("Bob", "+43 1 5800"))
    first, second = group(world, user, "Customers", ann.id, bob.id), group(world, user, "Friends", ann.id)
    assert (found(world, user, group=first), found(world, user, group=second)) == (["Ann", "Bob"], ["Ann"])
    assert found(world, user, "b", group=first) == ["Bob"]
    with world.portal.tenant(user.tenant_id) as tx:
        assert [each.name for each in contact_groups.of_contact(tx, user, ann.id)] == ["Customers", "Friends"]
        assert contact_groups.put(tx, user, first, [ann.id, 999999]) == 0
        assert contact_groups.take(tx, user, first, [ann.id]) == 1
        assert members(tx, user) == {"Customers": 1, "Friends": 1}
        contacts.remove(tx, user, ann.id)
        assert members(tx, user) == {"Customers": 1, "Friends": 0}
        contact_groups.rename(tx, user, first, "Clients")
        assert contact_groups.named(tx, user, "CLIENTS").id == first
        contact_groups.remove(tx, user, first)
        assert members(tx, user) == {"Friends": 0}
    assert found(world, user) == ["Bob"]


def test_a_number_is_sent_to_once(world: World) -> None:
    user = world.acme.user
    one, same, third = (add(world, user, entry(*each)) for each in [("A",), ("B",), ("C", "+43 1 5800")])
    both = group(world, user, "Both", one.id, third.id)
    with world.portal.tenant(user.tenant_id) as tx:
        chosen = contact_groups.chosen(tx, user, [same.id, third.id], [both])
    assert [(each.name, each.number) for each in chosen] == [("A", "+493023125009"), ("C", "+4315800")]


def test_nobody_sees_another_users_group(world: World, other: User, boss: User) -> None:
    """SECURITY."""
    mine = group(world, world.acme.user, "Mine", add(world, world.acme.user, entry("Ann")).id)
    for who in (other, boss, world.borea.user):
        assert found(world, who, group=mine) == []
        with world.portal.tenant(who.tenant_id) as tx:
            assert contact_groups.of_user(tx, who) == []
            for act in (
                lambda tx=tx, who=who: contact_groups.get(tx, who, mine),
                lambda tx=tx, who=who: contact_groups.named(tx, who, "Mine"),
                lambda tx=tx, who=who: contact_groups.rename(tx, who, mine, "x"),
                lambda tx=tx, who=who: contact_groups.remove(tx, who, mine),
                lambda tx=tx, who=who: contact_groups.put(tx, who, mine, []),
                lambda tx=tx, who=who: contact_groups.take(tx, who, mine, []),
                lambda tx=tx, who=who: contact_groups.chosen(tx, who, [], [mine]),
            ):
                with pytest.raises(NotFound):
                    act()


def test_a_shared_group_is_changed_by_who_made_it_and_by_administrators(world: World, other: User, boss: User) -> None:
    ours = group(world, other, "Ours", shared=True)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        user = world.acme.user
        for act in (
            lambda: contact_groups.rename(tx, user, ours, "x"),
            lambda: contact_groups.remove(tx, user, ours),
            lambda: contact_groups.put(tx, user, ours, []),
            lambda: contact_groups.take(tx, user, ours, []),
        ):
            with pytest.raises(Forbidden):
                act()
        contact_groups.rename(tx, boss, ours, "All of us")
        assert members(tx, user) == {"All of us": 0}


def test_what_is_a_users_own_comes_into_no_shared_group(world: World, other: User) -> None:
    """SECURITY: nor does it stay in one, or in another's, once it is no longer shared."""
    user = world.acme.user
    mine, shared = add(world, user, entry("Mine")), add(world, user, entry("Shared", "+43 1 5800"), shared=True)
    ours = group(world, user, "Ours", shared.id, shared=True)
    theirs = group(world, other, "Theirs", shared.id)
    own = group(world, user, "Own", shared.id, mine.id)
    with pytest.raises(NotShared), world.portal.tenant(user.tenant_id) as tx:
        contact_groups.put(tx, user, ours, [mine.id])
    with world.portal.tenant(user.tenant_id) as tx:
        contacts.change(tx, user, shared.id, shared.entry, shared=False)
        assert members(tx, other) == {"Ours": 0, "Theirs": 0}
        assert members(tx, user) == {"Ours": 0, "Own": 2}
        assert contact_groups.chosen(tx, other, [], [ours, theirs]) == []
        assert len(contact_groups.chosen(tx, user, [], [own])) == 2


def test_a_groups_name_is_there_once(world: World, other: User) -> None:
    group(world, world.acme.user, "Müller")
    with pytest.raises(ConstraintViolated, match="of this name already"):
        group(world, world.acme.user, " muller ")
    group(world, other, "Müller")
    group(world, world.acme.user, "Müller", shared=True)
    for name in ("", " ", "a" * 101, "a\x00b", "\ud800"):
        with pytest.raises(ConstraintViolated, match="100 characters"):
            group(world, world.acme.user, name)


def test_there_is_an_end_to_groups_and_to_their_members(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_groups, "MOST", 1)
    monkeypatch.setattr(contact_groups, "MOST_MEMBERS", 1)
    ann, bob = add(world, world.acme.user, entry("Ann")), add(world, world.acme.user, entry("Bob"))
    with pytest.raises(GroupFull):
        group(world, world.acme.user, "Both", ann.id, bob.id)
    group(world, world.acme.user, "One", ann.id)
    with pytest.raises(TooManyGroups):
        group(world, world.acme.user, "Two")


def test_the_database_keeps_its_rules_by_itself(world: World) -> None:
    """Whatever the application forgets."""
    user = world.acme.user
    columns = "tenant_id, made_by, name, company, number, email, note, sort_key"
    good = [user.tenant_id, user.id, "Ann", "", "+493023125009", "", "", ""]
    for position, wrong in (
        (2, ""),
        (2, "a" * 201),
        (2, "a\nb"),
        (3, "b" * 201),
        (4, "030"),
        (5, "x"),
        (6, "n" * 2001),
    ):
        values = [*good]
        values[position] = wrong
        with pytest.raises(ConstraintViolated), world.portal.tenant(user.tenant_id) as tx:
            tx.execute(f"insert into contacts ({columns}) values ({', '.join(['%s'] * 8)})", values)
