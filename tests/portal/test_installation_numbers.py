"""Numbers, as an operator gives them out: one, a range, a table; looked for by how they begin."""

import html
import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from faxplan import audit_list, did_batches, did_provisioning, number_directory, provisioning
from tests.hostile import TEXTS
from tests.portal.conftest import Visitor
from tests.world import World

AT = "/installation/numbers"
BOREAS = "user@borea.example"


def all_of(world: World, tenant: str = "borea") -> list[str]:
    return [row["number"] for row in number_directory.some(world.admin, tenant=tenant, limit=2000)]


def table(olga: Visitor, content: bytes) -> TestResponse:
    return olga.post(f"{AT}/table", {"file": (io.BytesIO(content), "numbers.csv")})


def confirmed(olga: Visitor, tried: TestResponse) -> TestResponse:
    """Enters what a page of several has offered."""
    lines = html.unescape(tried.text.partition('name="lines" value="')[2].partition('"')[0])
    return olga.post(f"{AT}/several", {"lines": lines, "none": (io.BytesIO(b""), "")})


def acts(world: World) -> list[dict[str, Any]]:
    with world.admin.tenant(world.borea.tenant.id) as tx:
        return audit_list.some(tx, world.borea.tenant.id, before=None, limit=2000, action="did")


def test_one_is_added_changed_and_taken_away(world: World, olga: Visitor) -> None:
    form = {"number": "030 231 250 44", "tenant": "borea", "mailbox": BOREAS}
    answer = olga.post(AT, form)
    assert answer.headers["Location"] == f"{AT}/+493023125044?note=added"
    at = f"{AT}/+493023125044"
    assert BOREAS in olga.get(at).text
    provisioning.add_mailbox(world.admin, "x", "borea", "Orders")
    changed = {
        "mailbox": "Orders",
        "name": "Desk",
        "station_ident": "",
        "max_calls": "2",
        "refusal": "busy",
        "t38": "on",
    }
    assert olga.post(at, {**changed, "enabled": "on"}).status_code == 303
    did = did_provisioning.everything(world.admin, "borea", "+493023125044")
    assert (did["mailbox"], did["name"], did["max_calls"], did["refusal"], did["ecm"]) == (
        "Orders",
        "Desk",
        2,
        "busy",
        False,
    )
    row = acts(world)[0]
    assert (row["action"], "t38" in row["details"], row["details"]["ecm"]) == ("did.change", False, False)
    assert olga.post(at, {**changed, "mailbox": "Nowhere", "enabled": "on"}).status_code == 400
    assert olga.post(f"{at}/remove").status_code == 303
    assert olga.get(at).status_code == 404
    assert "+493023125044" not in all_of(world)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"number": "x"}, "number"),
        ({"number": "110"}, "emergency"),
        ({"number": "+493023125001"}, "already"),
        ({"tenant": "nobody"}, "There is no tenant"),
        ({"mailbox": "Nowhere"}, "has no mailbox"),
    ],
)
def test_what_is_wrong_is_said(olga: Visitor, changed: dict[str, object], said: str) -> None:
    answer = olga.post(AT, {"number": "+493023125044", "tenant": "borea", "mailbox": BOREAS, **changed})
    assert (answer.status_code, said in answer.text, "faxplan" in answer.text.lower()) == (400, True, False)


def test_numbers_of_all_tenants_are_found_by_how_they_begin(
    world: World, olga: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("+4940999001", "+4940999002", "+494099900234", "+49409990"):
        did_provisioning.add(world.admin, "x", "borea", number, mailbox=BOREAS, station_ident="")
    monkeypatch.setattr("portal.pages.installation.numbers.AT_ONCE", 2)
    seen: list[str] = []
    path = f"{AT}?q=%2B49%2040%20999%2000"
    while path:
        page = olga.get(path).text
        seen += [part.partition('"')[0] for part in page.split('title="')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == ["+4940999001", "+4940999002", "+494099900234"]
    assert "user@acme.example" in olga.get(AT).text
    assert "user@acme.example" not in olga.get(f"{AT}?tenant=borea").text.partition("<table")[2].partition("</table")[0]
    assert "No number begins so." in olga.get(f"{AT}?q=999").text
    for strange in ("%25", "'", "+49;", "%00", "9" * 400):
        assert olga.get(f"{AT}?q={strange}").status_code == 200


def test_a_range_is_tried_and_entered(world: World, olga: Visitor) -> None:
    form = {"first": "030 231250 00", "last": "030 231250 01", "tenant": "borea", "mailbox": BOREAS}
    # +493023125001 is acme's.
    tried = olga.post(f"{AT}/range", form)
    assert "1 of 2 cannot be entered." in tried.text
    assert "Enter 2 numbers" not in tried.text
    tried = olga.post(f"{AT}/range", {**form, "first": "030 231251 00", "last": "030 231251 99"})
    assert "100 numbers are entered, all together. Nothing has been changed yet." in tried.text
    assert len(all_of(world)) == 1
    assert confirmed(olga, tried).status_code == 303
    assert len(all_of(world)) == 101
    assert len(acts(world)) == 100
    assert {row["actor"] for row in acts(world)} == {f"user:{world.acme.user.id}"}


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("+493023125100", "+4930231251", "is no range"),
        ("+493023125199", "+493023125100", "is no range"),
        ("+493023120000", "+493023121000", "There are 1001 numbers."),
        ("x", "+493023125100", "number"),
    ],
)
def test_what_is_no_range_is_not_tried(olga: Visitor, first: str, last: str, said: str) -> None:
    answer = olga.post(f"{AT}/range", {"first": first, "last": last, "tenant": "borea", "mailbox": BOREAS})
    assert (answer.status_code, said in answer.text) == (400, True)


def test_of_a_table_each_line_is_told_and_nothing_is_changed(world: World, olga: Visitor) -> None:
    tried = table(
        olga,
        b"Number;Tenant;Mailbox;Name\r\n"
        b"030 231250 77;borea;user@borea.example;Desk\r\n"
        b"110;borea;user@borea.example\r\n"
        b"030 231250 78;nobody;x\r\n"
        b"030 231250 77;borea;user@borea.example\r\n"
        b"030 231250 79;borea;Nowhere\r\n",
    )
    page = html.unescape(tried.text)
    assert "4 of 5 cannot be entered." in page
    assert page.count("It is entered.") == 1
    for said in ("emergency", "There is no tenant 'nobody'.", "already", "has no mailbox 'Nowhere'"):
        assert said in page
    assert len(all_of(world)) == 1


def test_a_table_is_entered_whole_or_not_at_all(world: World, olga: Visitor) -> None:
    tried = table(olga, "number,tenant,mailbox,name\n030 231250 77,borea,user@borea.example,Tür".encode("cp1252"))
    assert "1 number is entered" in tried.text
    two = table(olga, b"030 231250 78,borea,user@borea.example\n030 231250 77,acme,user@acme.example,")
    assert "2 numbers are entered" in two.text
    assert confirmed(olga, tried).status_code == 303
    assert did_provisioning.everything(world.admin, "borea", "+493023125077")["name"] == "Tür"
    # One of them was given away meanwhile.
    answer = confirmed(olga, two)
    assert (answer.status_code, "1 of 2 cannot be entered." in answer.text) == (400, True)
    assert "+493023125078" not in all_of(world)
    assert len(acts(world)) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose a file."),
        (b"a,b\n", "Entry 1 has 2 cells."),
        (b"a,b,c,d,e\n", "Entry 1 has 5 cells."),
        (b'"a,b,c\n', "This is no table"),
        (b"a,b,c\n" * 1001, "There are 1001 numbers."),
        (b"number,tenant,mailbox\n", "There are 0 numbers."),
        (b"x" * 50_001, "larger than 50 kB"),
        (b"\0\xff,b,c\n", "cannot be entered"),
    ],
)
def test_what_is_no_table_is_said(olga: Visitor, content: bytes, said: str) -> None:
    answer = table(olga, content)
    assert (answer.status_code in (200, 400), said in answer.text) == (True, True)


def test_a_table_as_large_as_may_be_comes_back(world: World, olga: Visitor) -> None:
    lines = [f"+4930231{each:05d},borea,user@borea.example,{'n' * 8}" for each in range(1000)]
    tried = table(olga, "\n".join(lines).encode())
    assert "Enter 1000 numbers" in tried.text
    assert confirmed(olga, tried).status_code == 303
    assert len(all_of(world)) == 1001


@pytest.mark.parametrize("text", TEXTS)
def test_a_cell_is_text(olga: Visitor, text: str) -> None:
    row = f'"{text.replace(chr(34), chr(34) * 2)}",borea,user@borea.example,x\n'
    page = table(olga, row.encode("utf-8", "surrogatepass"))
    assert page.status_code in (200, 400)
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


def test_a_tenant_may_call_as_a_verified_number(world: World, olga: Visitor) -> None:
    at = "/installation/tenants/borea/verified"
    assert olga.post(at, {"number": "030 99", "how": ""}).status_code == 400
    answer = olga.post(at, {"number": "+493023125001", "how": "Contract"})
    assert (answer.status_code, "is a DID of another tenant" in answer.text) == (400, True)
    assert olga.post(at, {"number": "030 99001234", "how": "Contract, seen"}).status_code == 303
    assert "Contract, seen" in olga.get(f"{AT}?tenant=borea").text
    assert olga.post(f"{at}/remove", {"number": "+493099001234"}).status_code == 303
    assert provisioning.all_numbers(world.admin, "borea") == []


def test_what_was_tried_goes_on_after_each_failure(world: World) -> None:
    """What is wrong with a line takes nothing of the others back."""
    entries = [
        did_batches.Entry("+493023125081", "borea", BOREAS),
        did_batches.Entry("+493023125081", "borea", BOREAS),
        did_batches.Entry("+493023125082", "borea", BOREAS),
        did_batches.Entry("+493023125083", "acme", "user@acme.example"),
        did_batches.Entry("+493023125084", "acme", BOREAS),
    ]
    lines = did_batches.tried(world.admin, entries)
    assert [bool(line.wrong) for line in lines] == [False, True, False, False, True]
    assert all_of(world) == ["+493023125002"]
    good = [entries[each] for each in (0, 2, 3)]
    assert did_batches.add(world.admin, "x", good) == 3
    assert all_of(world) == ["+493023125002", "+493023125081", "+493023125082"]
