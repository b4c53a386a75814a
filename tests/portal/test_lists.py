"""The lists: filters, search and labels as their addresses and forms have them."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from faxplan import contacts, holds, labels, listings, mailboxes, membership, users
from faxplan.db import Transaction
from faxplan.listings import INBOX
from portal.app import Portal
from portal.pages import all_of_list, faxes
from tests.faxes import accepted
from tests.full_lists import fill
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor
from tests.retained import execute, received, sent
from tests.world import World


def came(world: World, number: str | None = "+4989654321", *, days_ago: float = 0, mailbox: int | None = None) -> int:
    """A fax that lies in a mailbox of acme's user, without a document."""
    tenant, user = world.acme.tenant.id, world.acme.user
    mailbox = mailbox or user.mailbox_id
    assert mailbox is not None
    with world.switch.tenant(tenant) as tx:
        fax = int(
            tx.value(
                """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, calling_number, pages,
                                      pages_done, explanation, finished_at, created_at)
                   values (%s, 'inbound', 'received', %s, %s, %s, 1, 1, '1 page received.', now(),
                           now() - make_interval(secs => %s)) returning id""",
                (tenant, mailbox, world.acme.did, number, days_ago * 86400),
            )
        )
        mailboxes.deliver(tx, tenant, mailbox, fax)
    execute(
        world, "update mailbox_entries set added_at = now() - make_interval(secs => %s) where fax_id = %s",
        (days_ago * 86400, fax),
    )  # fmt: skip
    return fax


def shown(page: str) -> list[int]:
    """The faxes in a list, in its order."""
    return [int(each) for each in re.findall(r'class="who"><a href="/faxes/(\d+)"', page)]


def listed(ann: Visitor, path: str = "/inbox", **said: Any) -> list[int]:
    answer = ann.get(f"{path}?{urlencode(said)}")
    assert answer.status_code == 200, answer.text
    return shown(answer.text)


def address(page: str, words: str) -> str:
    """Where a link leads."""
    return unescape(re.findall(rf'<a[^>]* href="([^"]*)"[^>]*>{re.escape(words)}', page)[0])


def group(world: World, name: str = "Post") -> int:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        found = mailboxes.create_group(tx, world.acme.tenant.id, name)
        membership.join(tx, world.acme.tenant.id, found, world.acme.user)
    return found


def audited(world: World, action: str) -> list[dict[str, Any]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows(
            "select object, actor, address, details from audit where action = %s order by sequence", (action,)
        )


# ------------------------------------------------------------------------------------------------------------ filters


def test_a_list_is_narrowed_to_a_mailbox_and_each_says_how_many_are_unread(world: World, ann: Visitor) -> None:
    post = group(world)
    there, here = came(world, mailbox=post), came(world)
    page = ann.get("/inbox").text
    assert shown(page) == [here, there]
    assert 'aria-current="true">All mailboxes' in page
    narrowed = ann.get(address(page, "Post")).text
    assert shown(narrowed) == [there]
    assert re.search(r'aria-current="true">Post <span class="count">1<', narrowed)
    assert shown(ann.get(address(narrowed, "All mailboxes")).text) == [here, there]


def test_of_many_unread_ones_no_more_are_counted_than_are_said(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = group(world)
    came(world)
    for _ in range(3):
        came(world, mailbox=post)
    monkeypatch.setattr(listings, "MOST_COUNTED", 2)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert [each.unread for each in listings.read_mailboxes(tx, world.acme.user)] == [2, 1]
    monkeypatch.setattr(listings, "read_mailboxes", lambda *_: [listings.ReadMailbox(post, "Post", 100),
                                                               listings.ReadMailbox(post + 1, "Q", 99)])  # fmt: skip
    page = ann.get("/inbox").text
    assert re.findall(r'class="count">([^<]*)<', page) == ["99+", "99"]


def test_a_list_is_narrowed_by_state_by_what_is_unread_and_by_day(world: World, ann: Visitor) -> None:
    old, new, failed = came(world, days_ago=3), came(world, days_ago=1), came(world, days_ago=0.001)
    execute(world, "update faxes set state = 'failed' where id = %s", (failed,))
    execute(world, "update mailbox_entries set read_at = now() where fax_id = %s", (new,))
    page = ann.get("/inbox").text
    assert shown(ann.get(address(page, "Failed")).text) == [failed]
    assert shown(ann.get(address(page, "Arrived")).text) == [new, old]
    unread = ann.get(address(page, "Unread")).text
    assert shown(unread) == [failed, old]
    # Filters add up, and each is taken off by the link that put it on.
    both = ann.get(address(unread, "Failed")).text
    assert shown(both) == [failed]
    assert shown(ann.get(address(both, "Unread")).text) == [failed]
    with world.portal.tenant(world.acme.tenant.id) as tx:
        day = tx.value(
            "select (added_at at time zone 'Europe/Berlin')::date from mailbox_entries where fax_id = %s", (new,)
        )
    assert listed(ann, **{"from": day, "to": day}) == [new]
    assert listed(ann, **{"from": day}) == [failed, new]
    assert listed(ann, to=day) == [new, old]


def test_what_was_sent_is_narrowed_too(world: World, ann: Visitor) -> None:
    arrived, failed = sent(world, world.acme), sent(world, world.acme)
    execute(world, "update faxes set state = 'failed' where id = %s", (failed,))
    assert listed(ann, "/sent", standing="arrived") == [arrived]
    assert listed(ann, "/sent", standing="failed") == [failed]
    assert listed(ann, "/sent", standing="open") == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"mailbox": "77"}, "You read no such mailbox"),
        ({"mailbox": "x"}, "You read no such mailbox"),
        ({"mailbox": "9" * 40}, "You read no such mailbox"),
        ({"standing": "nonsense"}, "no such state"),
        ({"standing": "stopped"}, "no such state"),
        ({"label": "77"}, "on no fax that you see"),
        ({"label": "-1"}, "on no fax that you see"),
        ({"from": "yesterday"}, "Write a day as 2026-11-30"),
        ({"to": "2026-02-30"}, "Write a day as"),
        ({"to": "9999-12-31"}, "Write a day as"),
        ({"from": "2026-11-30", "to": "2026-11-29"}, "after the last one"),
        ({"q": "nobody & <b>"}, "Nothing is called &#39;nobody &amp; &lt;b&gt;&#39;"),
        ({"q": "0"}, "at least its first three digits"),
        ({"q": "+"}, "Nothing is called"),
    ],
)
def test_what_is_no_filter_is_said_in_words_with_a_way_to_all(
    world: World, ann: Visitor, said: dict[str, str], words: str
) -> None:
    came(world)
    answer = ann.get(f"/inbox?{urlencode(said)}")
    assert answer.status_code == 400
    assert words in answer.text
    assert shown(answer.text) == []
    assert shown(ann.get(address(answer.text, "Show all faxes")).text) != []


@pytest.mark.parametrize("text", [*TEXTS, "9" * 400, "0001-01-01", "%00", "\x00", "-", "1-1", "9" * 18 + "-1"])
def test_whatever_an_address_says_is_no_fault_of_the_page(ann: Visitor, text: str) -> None:
    for path in ("/inbox", "/sent"):
        for name in ("q", "mailbox", "unread", "standing", "label", "from", "to", "before"):
            answer = ann.get(f"{path}?{urlencode({name: text.encode('utf-8', 'replace')})}")
            assert answer.status_code in (200, 400)
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text


def test_an_empty_result_says_so_and_offers_to_take_the_filters_off(world: World, ann: Visitor) -> None:
    fax = came(world)
    page = ann.get("/inbox?standing=failed&q=%2B4989").text
    assert "No fax is found like this" in page
    assert shown(ann.get(address(page, "Take the filters off")).text) == [fax]


def test_a_narrowed_list_goes_on_narrowed(world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faxes, "AT_ONCE", 2)
    ids = [came(world, days_ago=days) for days in range(5)]
    came(world, "+12075550143", days_ago=2.5)
    seen: list[int] = []
    path = "/inbox?q=089+654"
    while path:
        page = ann.get(path).text
        seen += shown(page)
        path = unescape(page.partition('rel="next" href="')[2].partition('"')[0])
    assert seen == ids
    assert shown(ann.get(address(page, "Newest")).text) == ids[:2]


def test_a_list_that_looked_at_many_says_how_far_and_goes_on(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faxes, "AT_ONCE", 1)
    monkeypatch.setattr(listings, "MOST_LOOKED_AT", 2)
    fax = came(world, days_ago=9)
    execute(world, "update faxes set state = 'failed' where id = %s", (fax,))
    for days in range(5):
        came(world, days_ago=days)
    page = ann.get("/inbox?q=%2B4989&standing=failed").text
    assert shown(page) == []
    assert "Looked through as far back as" in page
    assert "No fax is found" not in page
    for _ in range(3):
        page = ann.get(address(page, "Look further back")).text
        if shown(page):
            break
    assert shown(page) == [fax]


def test_a_forwarded_or_moved_fax_stands_by_its_arrival_there(world: World, ann: Visitor) -> None:
    post = group(world)
    older, newer = came(world, days_ago=2), came(world, days_ago=1)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set mailbox_id = %s where id = %s", (post, older))
        tx.execute("update mailbox_entries set mailbox_id = %s, added_at = now() where fax_id = %s", (post, older))
    assert listed(ann) == [older, newer]
    assert listed(ann, mailbox=post) == [older]
    assert listed(ann, mailbox=world.acme.user.mailbox_id) == [newer]


def test_what_is_being_received_is_shown_before_it_lies_in_the_mailbox(world: World, ann: Visitor) -> None:
    side = accepted(world, world.acme, "now")
    lying = came(world)
    assert listed(ann) == [side.fax_id, lying]
    assert listed(ann, unread=1) == [lying]


# ------------------------------------------------------------------------------------------------------------- search


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("+4989654321", ["b"]), ("089 654321", ["b"]), ("(089) 65-43", ["b"]), ("0049 89", ["b"]), ("089/654", ["b"]),
        ("+1 207", ["a"]), ("001 207", ["a"]), ("030", []), ("+4989654322", []), ("+12075550143", ["a"]),
    ],
)  # fmt: skip
def test_a_number_is_found_as_it_is_dialled_whole_or_from_its_beginning(
    world: World, ann: Visitor, words: str, found: list[str]
) -> None:
    ids = {"a": came(world, "+12075550143"), "b": came(world, "+4989654321")}
    came(world, None)
    assert listed(ann, q=words) == [ids[each] for each in found]


def test_a_label_is_found_by_its_name_however_it_is_written(world: World, ann: Visitor) -> None:
    one, _other = came(world), came(world)
    ann.post(f"/faxes/{one}/labels", {"label": "  Straße  17 "})
    for words in ("Straße 17", "STRASSE 17", " strasse  17"):
        assert listed(ann, q=words) == [one]


def test_a_contact_is_found_by_a_word_of_its_name(world: World, ann: Visitor) -> None:
    theirs, other = came(world, "+4989654321"), came(world, "+49896543210")
    assert ann.get("/inbox?q=Muster").status_code == 400
    entry = contacts.Entry("Mia Muster", "Muster GmbH", "+4989654321")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        contacts.add(tx, world.acme.user, entry, shared=False)
    assert listed(ann, q="must") == [theirs]
    # Its number, or the beginning of it, finds the others that begin so as well.
    assert listed(ann, q="089 654321") == [other, theirs]


def test_a_label_that_looks_like_a_number_and_the_number_are_both_found(world: World, ann: Visitor) -> None:
    numbered, labelled = came(world, "+4989654321"), came(world, "+12075550143")
    ann.post(f"/faxes/{labelled}/labels", {"label": "089 65"})
    assert listed(ann, q="089 65") == [labelled, numbered]


# ------------------------------------------------------------------------------------------------------------- labels


def test_a_label_is_put_on_a_fax_shown_followed_and_taken_off(world: World, ann: Visitor) -> None:
    fax, _other = came(world), came(world)
    assert ann.post(f"/faxes/{fax}/labels", {"label": "Invoice"}).headers["Location"] == f"/faxes/{fax}?note=labelled"
    page = ann.get(f"/faxes/{fax}").text
    assert shown(ann.get(address(page, "Invoice")).text) == [fax]
    assert shown(ann.get(address(ann.get("/inbox").text, "Invoice")).text) == [fax]
    # Capitals and small letters are the same, and the first way of writing it stays.
    ann.post(f"/faxes/{fax}/labels", {"label": "INVOICE"})
    assert ann.get(f"/faxes/{fax}").text.count('class="label"') == 1
    ann.post(f"/faxes/{fax}/labels", {"label": "invoice", "do": "unlabel"})
    assert 'class="label"' not in ann.get(f"/faxes/{fax}").text
    user = f"user:{world.acme.user.id}"
    (added,), (removed,) = audited(world, "label.add"), audited(world, "label.remove")
    for row in (added, removed):
        assert (row["actor"], row["address"]) == (user, "127.0.0.1")
        assert row["details"] == {"name": "Invoice", "faxes": [fax]}


def test_a_label_is_seen_by_who_sees_the_fax_and_by_nobody_else(
    world: World, portal: Portal, ann: Visitor, ben: Visitor
) -> None:
    fax = came(world)
    ann.post(f"/faxes/{fax}/labels", {"label": "Merger"})
    with world.admin.tenant(world.acme.tenant.id) as tx:
        second = users.create(tx, world.acme.tenant.id, email="second@acme.example", name="Second")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (label,) = labels.seen_by(tx, world.acme.user)
        assert labels.seen_by(tx, second) == []
        assert labels.named(tx, second, "merger") is None
    assert "Merger" not in ben.get("/inbox").text
    assert ben.get(f"/inbox?label={label.id}").status_code == 400
    assert ben.get("/inbox?q=merger").status_code == 400
    # With the mailbox the label comes along.
    with world.admin.tenant(world.acme.tenant.id) as tx:
        mailboxes.add_member(tx, world.acme.tenant.id, world.acme.user.mailbox_id or 0, second.id)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert labels.seen_by(tx, second) == [label]


def test_on_somebody_else_s_fax_no_label_is_put(world: World, ann: Visitor) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        second = users.create(tx, world.acme.tenant.id, email="second@acme.example", name="Second")
    theirs = came(world, mailbox=second.mailbox_id)
    mine = came(world)
    assert ann.post(f"/faxes/{theirs}/labels", {"label": "x"}).status_code == 404
    ann.post("/faxes/selected", {"fax": [str(theirs), str(mine)], "do": "label", "label": "x"})
    ann.post("/faxes/selected", {"fax": [str(theirs), str(mine)], "do": "read"})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert [row["fax_id"] for row in tx.rows("select fax_id from fax_labels")] == [mine]
        assert [row["fax_id"] for row in tx.rows("select fax_id from mailbox_entries where read_at is null")] == [
            theirs
        ]


def test_labels_stay_with_a_fax_that_is_moved_and_with_one_that_is_brought_back(world: World, ann: Visitor) -> None:
    post = group(world)
    fax = received(world, world.acme, "one")
    ann.post(f"/faxes/{fax}/labels", {"label": "Invoice"})
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set mailbox_id = %s where id = %s", (post, fax))
        tx.execute("update mailbox_entries set mailbox_id = %s, added_at = now() where fax_id = %s", (post, fax))
    assert listed(ann, q="invoice", mailbox=post) == [fax]
    ann.post(f"/faxes/{fax}/delete")
    assert ann.get("/inbox?q=invoice").status_code == 400
    assert listed(ann) == []
    ann.post(f"/faxes/{fax}/restore")
    assert listed(ann, q="invoice", mailbox=post) == [fax]


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\u202eb", "a\x07b", "a\u200bb"])
def test_what_can_be_no_label_is_said_in_words(world: World, ann: Visitor, name: str) -> None:
    answer = ann.post(f"/faxes/{came(world)}/labels", {"label": name})
    assert answer.status_code == 400
    assert "label" in answer.text
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from labels") == 0


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_label_is_text(world: World, ann: Visitor, text: str) -> None:
    fax = came(world)
    ann.post(f"/faxes/{fax}/labels", {"label": text.encode("utf-8", "replace")})
    for path in ("/inbox", f"/faxes/{fax}"):
        page = ann.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


def test_there_is_an_end_to_labels_of_an_organisation_and_of_a_fax(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "MOST", 3)
    monkeypatch.setattr(labels, "MOST_ON_ONE", 2)
    one, other = came(world), came(world)
    for name in ("a", "b"):
        assert ann.post(f"/faxes/{one}/labels", {"label": name}).status_code == 303
    answer = ann.post(f"/faxes/{one}/labels", {"label": "c"})
    assert (answer.status_code, "has 2 labels already" in answer.text) == (400, True)
    assert ann.post(f"/faxes/{other}/labels", {"label": "c"}).status_code == 303
    answer = ann.post(f"/faxes/{other}/labels", {"label": "d"})
    assert (answer.status_code, "has 3 labels already" in answer.text) == (400, True)
    # One that is on no fax makes room.
    ann.post(f"/faxes/{one}/labels", {"label": "a", "do": "unlabel"})
    assert ann.post(f"/faxes/{other}/labels", {"label": "d"}).status_code == 303


# ----------------------------------------------------------------------------------------------------- several at once


def test_several_are_labelled_at_once_and_the_list_is_as_it_was(world: World, ann: Visitor) -> None:
    ids = [came(world) for _ in range(3)]
    chosen = [str(each) for each in ids[:2]]
    here = "/inbox?q=089&unread=1"
    answer = ann.post("/faxes/selected", {"fax": chosen, "do": "label", "label": "Invoice", "list": here})
    assert answer.headers["Location"] == "/inbox?q=089&unread=1&note=labelled"
    assert sorted(listed(ann, q="invoice")) == ids[:2]
    ann.post("/faxes/selected", {"fax": chosen[:1], "do": "unlabel", "label": "invoice", "list": here})
    assert listed(ann, q="invoice") == [ids[1]]


def test_several_are_marked_as_read_and_as_unread(world: World, ann: Visitor) -> None:
    ids = [came(world) for _ in range(3)]
    chosen = [str(each) for each in ids[:2]]
    assert ann.post("/faxes/selected", {"fax": chosen, "do": "read"}).headers["Location"] == "/inbox?note=read"
    assert listed(ann, unread=1) == [ids[2]]
    ann.post("/faxes/selected", {"fax": chosen[:1], "do": "unread"})
    assert listed(ann, unread=1) == [ids[2], ids[0]]
    assert [row["details"] for row in audited(world, "fax.mark")] == [
        {"faxes": ids[:2], "read": True},
        {"faxes": ids[:1], "read": False},
    ]


def test_several_are_deleted_and_brought_back_and_what_is_held_stays(world: World, ann: Visitor) -> None:
    ids = [came(world) for _ in range(3)]
    execute(world, "insert into holds (tenant_id, fax_id, reason, set_by) values (%s, %s, 'a lawsuit', 'test')",
            (world.acme.tenant.id, ids[0]))  # fmt: skip
    answer = ann.post(
        "/faxes/selected", {"fax": [str(each) for each in ids], "do": "delete", "list": "/inbox?unread=1"}
    )
    assert "2 faxes are deleted" in answer.text
    assert "under legal hold" in answer.text
    assert listed(ann) == ids[:1]
    again = re.findall(r'name="fax" value="(\d+)"', answer.text)
    assert [int(each) for each in again] == ids[1:]
    # One that purge was quicker for, or that somebody else has brought back, keeps no other.
    ann.post(f"/faxes/{ids[1]}/restore")
    answer = ann.post("/faxes/selected", {"fax": again, "do": "restore"})
    assert (answer.status_code, f"no deleted fax {ids[1]}" in answer.text) == (404, True)
    assert sorted(listed(ann)) == ids
    ann.post("/faxes/selected", {"fax": again, "do": "delete"})
    answer = ann.post("/faxes/selected", {"fax": again, "do": "restore", "list": "/inbox?unread=1"})
    assert answer.headers["Location"] == "/inbox?unread=1&note=restored"
    assert sorted(listed(ann)) == ids


def test_without_a_selection_nothing_is_done(world: World, ann: Visitor) -> None:
    fax = came(world)
    for chosen in ([], ["x"], ["-1"], ["9" * 30], [""]):
        answer = ann.post("/faxes/selected", {"fax": chosen, "do": "delete"})
        assert answer.headers["Location"] == "/inbox?note=none-selected"
    assert listed(ann) == [fax]
    assert ann.post("/faxes/selected", {"fax": [str(fax)], "do": "nonsense"}).status_code == 404


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/account", "javascript:alert(1)", "/inbox\r\nX: y", "http://["]
)
def test_one_is_led_back_to_a_list_of_ours_only(world: World, ann: Visitor, back: str) -> None:
    answer = ann.post("/faxes/selected", {"fax": [str(came(world))], "do": "read", "list": back})
    assert answer.headers["Location"] == "/inbox?note=read"
    answer = ann.post("/faxes/selected", {"list": "/sent?q=1&evil=//x&note=saved", "fax": []})
    assert answer.headers["Location"] == "/sent?q=1&note=none-selected"


# ------------------------------------------------------------------------------------------------------------- tables


def test_a_list_is_a_table_also_where_it_is_laid_out_as_none(world: World, ann: Visitor) -> None:
    came(world, days_ago=400)
    page = ann.get("/inbox").text
    table = page.partition("<table")[2].partition("</table>")[0]
    for tag, role in (("tr", "row"), ("td", "cell"), ("thead", "rowgroup"), ("tbody", "rowgroup")):
        assert re.findall(rf"<{tag}\b", table) == re.findall(rf'<{tag}\b(?= role="{role}")', table) != []
    assert re.findall(r"<th\b", table) == re.findall(r'<th\b(?= role="(?:columnheader|rowheader)")', table)
    # The exact time is text of the page.
    assert re.search(r"<time [^>]*>.*?20\d\d-\d\d-\d\d \d\d:\d\d:\d\d CES?T.*?</time>", table)


def test_the_thumbnails_of_a_list_cost_the_same_however_long_it_is(
    world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [received(world, world.acme, f"{number}") for number in range(4)]
    statements: list[int] = []
    rows = Transaction.rows
    asked: list[str] = []

    def counted(self: Transaction, sql: str, parameters: Any = None) -> Any:
        asked.append(sql)
        return rows(self, sql, parameters)

    monkeypatch.setattr(Transaction, "rows", counted)
    for some in (ids[:1], ids):
        asked.clear()
        found = ann.post("/thumbnails", {"fax": [str(each) for each in some]}).get_json()
        assert len(found) == len(some)
        statements.append(len(asked))
    assert statements[0] == statements[1]


def test_the_mailboxes_of_a_list_are_the_user_s(world: World, ann: Visitor) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        second = users.create(tx, world.acme.tenant.id, email="second@acme.example", name="Second")
        mailboxes.create_group(tx, world.acme.tenant.id, "Secret")
    theirs, mine = came(world, mailbox=second.mailbox_id), came(world)
    assert "Secret" not in ann.get("/inbox").text
    assert ann.get(f"/inbox?mailbox={second.mailbox_id}").status_code == 400
    with world.portal.tenant(world.acme.tenant.id) as tx:
        filters = listings.Filters(mailbox_id=second.mailbox_id)
        assert listings.part(tx, world.acme.user, INBOX, filters, limit=5).places == ()
        assert listings.seen(tx, world.acme.user, [theirs, mine]) == [mine]


PAGES = (
    "/inbox", "/inbox?before=1790000000000000-9", "/inbox?mailbox={group}", "/inbox?q=030+2312", "/inbox?q=%2B493",
    "/inbox?q=invoice", "/inbox?unread=1", "/inbox?standing=failed", "/inbox?from=2026-01-01&to=2026-06-30",
    "/inbox?unread=1&standing=failed", "/sent", "/sent?q=089", "/sent?standing=arrived", "/sent?q=invoice",
)  # fmt: skip


def test_no_page_of_a_list_looks_through_a_table(world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its statements, on what benchmarks/lists.py measures, in small."""
    group = fill(world, 10_000).group
    rows, plans = Transaction.rows, []

    def explained(self: Transaction, sql: str, parameters: Any = None) -> Any:
        if sql.lstrip()[:6].lower() in ("select", "with l"):
            plan = "\n".join(str(row["QUERY PLAN"]) for row in rows(self, f"explain {sql}", parameters))
            plans.append((sql, plan))
        return rows(self, sql, parameters)

    monkeypatch.setattr(Transaction, "rows", explained)
    for path in PAGES:
        assert shown(ann.get(path.format(group=group)).text) or "unread=1&standing" in path, path
    assert len(plans) > 5 * len(PAGES)
    wrong = [each for each in plans if re.search(r"Seq Scan on (faxes|listings|fax_labels|mailbox_entries)\b", each[1])]
    assert not wrong, "\n\n".join(wrong[0])


def test_all_of_a_list_are_marked_a_part_at_a_time(world: World, ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what comes in meanwhile left alone, and others' too."""
    monkeypatch.setattr(faxes, "AT_ONCE", 2)
    monkeypatch.setattr(all_of_list, "AT_ONCE", 2)
    mine = [came(world, "+493012345678", days_ago=each) for each in range(3)]
    other = came(world, days_ago=5)
    assert "Do something with all faxes" in ann.get("/inbox").text
    form: dict[str, object] = {"list": "/inbox?q=%2B493012345678", "do": "label", "label": "Checked"}
    page = ann.post("/faxes/all", form).text
    assert "found with this search" in page
    assert audited(world, "label.add") == []
    steps = 0
    while 'name="go"' in page:
        form = {name: hidden(page, name) for name in ("list", "do", "label", "before", "done", "go")}
        page = ann.post("/faxes/all", form).text
        came(world, "+493012345678")
        steps += 1
    assert (steps, "Done, with 3 faxes." in page) == (2, True)
    assert sorted(fax for each in audited(world, "label.add") for fax in each["details"]["faxes"]) == sorted(mine)
    assert other not in mine


def hidden(page: str, name: str) -> str:
    return unescape(page.partition(f'<input type="hidden" name="{name}" value="')[2].partition('"')[0])


def test_of_what_is_deleted_all_at_once_it_is_said_what_stays(world: World, ann: Visitor) -> None:
    gone, held = came(world), came(world, days_ago=1)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        holds.place(tx, world.acme.tenant.id, mailbox_id=None, fax_id=held, reason="x", set_by="test")
    page = ann.post("/faxes/all", {"list": "/inbox", "do": "delete", "go": "1"}).text
    assert "1 fax stays as it is" in page
    assert f"Fax {held} is under legal hold" in page
    assert "Done, with 1 fax." in page
    assert shown(ann.get("/inbox").text) == [held]
    assert gone != held
    for wrong in ({"list": "/nowhere", "do": "delete"}, {"list": "/inbox", "do": "print"}):
        assert ann.post("/faxes/all", wrong).status_code == 404


def test_a_fax_that_is_full_of_labels_keeps_no_other_from_one(world: World, ann: Visitor) -> None:
    first, full, last = (came(world, days_ago=each) for each in range(3))
    for number in range(labels.MOST_ON_ONE):
        ann.post(f"/faxes/{full}/labels", {"label": f"L{number}"})
    page = ann.post("/faxes/all", {"list": "/inbox", "do": "label", "label": "Checked", "go": "1"}).text
    assert f"Fax {full} has 20 labels already" in page
    assert "1 fax stays as it is" in page
    assert "Done, with 2 faxes." in page
    with world.portal.tenant(world.acme.tenant.id) as tx:
        on = labels.of_faxes(tx, world.acme.tenant.id, [first, full, last])
    assert [any(each.name == "Checked" for each in on[fax]) for fax in (first, full, last)] == [True, False, True]


def test_what_goes_to_a_sandbox_number_is_marked_in_the_list(world: World, ann: Visitor) -> None:
    plain, test = sent(world, world.acme), sent(world, world.acme)
    execute(world, "update faxes set is_test = true where id = %s", (test,))
    rows = ann.get("/sent").text.split('<tr role="row"')
    marked = [re.findall(r'href="/faxes/(\d+)"', row)[0] for row in rows if '<span class="tag">test</span>' in row]
    assert marked == [str(test)]
    assert any(f'href="/faxes/{plain}"' in row for row in rows)
