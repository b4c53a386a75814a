"""The numbers to which nobody of an organisation sends faxes."""

import csv
import io
from pathlib import Path

import pytest

from faxplan import do_not_fax, do_not_fax_provisioning, drafts
from faxplan.do_not_fax import DoNotFax
from faxplan.originals import HandedIn
from faxplan.outbound import SendRequest, submit
from faxplan.recipients import Recipients
from tests.portal.conftest import Visitor
from tests.portal.test_people import audited, boss
from tests.retained import received, sent
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/do-not-fax"
NUMBER = "+493023125009"


def entries(world: World) -> dict[str, str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return {row["number"]: row["reason"] for row in do_not_fax.of_tenant(tx, world.acme.tenant.id)}


def test_to_a_number_on_the_list_nothing_is_accepted(world: World, boss: Visitor, letter: Path) -> None:
    assert boss.post(PAGE, {"number": "030 23125 009", "reason": "They asked for it"}).status_code == 303
    page = boss.get(PAGE).text
    assert "030 23125009" in page
    assert "A User" in page
    with pytest.raises(DoNotFax, match=r"030 23125009.*They asked for it.*A User"):
        submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "letter.txt"))
    draft = drafts.make(world.portal, world.store, world.acme.user, HandedIn(letter, "letter.txt"))
    with pytest.raises(DoNotFax):
        drafts.send(world.portal, world.store, world.acme.user, draft.id, Recipients(["+493023125008", NUMBER]))
    answer = boss.post(f"/drafts/{draft.id}/send", {"numbers": NUMBER, "priority": "normal"})
    assert (answer.status_code, "do-not-fax list (They asked for it)" in answer.text) == (400, True)
    # Who tried it stands in the audit; others' lists are theirs.
    assert {row.details["reason"] for row in audited(world, "fax.submit")} == {"do-not-fax"}
    submit(world.portal, world.store, world.borea.user, SendRequest(NUMBER, letter, "letter.txt"))
    # Off the list again.
    assert boss.post(PAGE, {"remove": NUMBER}).status_code == 303
    submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "letter.txt"))
    assert [row.actor for row in audited(world, "do-not-fax.remove")] == [f"user:{world.acme.user.id}"]


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_a_user_enters_whom_a_fax_went_to_or_came_from(world: World, ann: Visitor, direction: str) -> None:
    fax = received(world, world.acme, "one") if direction == "inbound" else sent(world, world.acme)
    column = "calling_number" if direction == "inbound" else "called_number"
    number = str(world.fax(world.acme, fax)[column])
    assert "Do not fax this number again" in ann.get(f"/faxes/{fax}").text
    answer = ann.post(f"/faxes/{fax}/do-not-fax", {"reason": "By phone"})
    page = ann.get(answer.headers["Location"]).text
    assert "do-not-fax list now" in page
    assert "Do not fax this number again" not in page
    assert entries(world) == {number: "By phone"}
    assert [row.actor for row in audited(world, "do-not-fax.add")] == [f"user:{world.acme.user.id}"]
    assert ann.get(PAGE).status_code == 403
    assert ann.post(PAGE, {"remove": number}).status_code == 403


def test_a_withheld_number_is_none_to_be_entered(world: World, ann: Visitor) -> None:
    fax = received(world, world.acme, "one")
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set calling_number = null where id = %s", (fax,))
    assert "Do not fax this number again" not in ann.get(f"/faxes/{fax}").text
    assert ann.post(f"/faxes/{fax}/do-not-fax").status_code == 404


def send_file(boss: Visitor, content: bytes) -> tuple[int, str]:
    answer = boss.post(f"{PAGE}/file", {"file": (io.BytesIO(content), "list.csv")})
    return answer.status_code, answer.text


def test_a_file_is_read_in_and_written(world: World, boss: Visitor) -> None:
    content = '\ufeffNumber,Reason\r\n030 23125 009,"said so, twice"\r\n\r\n+4930 23125008\r\n=1+1,\r\n'
    status, text = send_file(boss, content.encode())
    assert (status, "line 5 (=1+1)" in text) == (400, True)
    assert entries(world) == {}
    status, _ = send_file(boss, content.replace("=1+1,\r\n", "").encode())
    assert status == 303
    assert entries(world) == {NUMBER: "said so, twice", "+493023125008": ""}
    (row,) = audited(world, "do-not-fax.read-in")
    assert row.details == {"lines": 2, "added": 2}
    answer = boss.get(f"{PAGE}.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(each["number"], each["reason"]) for each in rows] == sorted(entries(world).items())
    # What was written is read, and changes nothing.
    assert send_file(boss, answer.data)[0] == 303
    assert len(entries(world)) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b'"', b"x" * 300_000, b"112\n", b"+4930231250099," + b"r" * 201, b"\0", b"a,b\n" * 30_000],
)
def test_what_is_no_list_is_refused(world: World, boss: Visitor, content: bytes) -> None:
    status, text = send_file(boss, content)
    assert status == (303 if content == b"" else 400)
    assert "faxplan" not in text.lower()
    assert entries(world) == {}


def test_no_spreadsheet_takes_a_reason_for_a_formula(world: World, boss: Visitor) -> None:
    boss.post(PAGE, {"number": NUMBER, "reason": "=HYPERLINK(1)"})
    assert f"{NUMBER},'=HYPERLINK(1)," in boss.get(f"{PAGE}.csv").text


def test_the_list_goes_on_and_is_searched(world: World, boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.do_not_fax.AT_ONCE", 2)
    for last in range(5):
        do_not_fax_provisioning.add(world.admin, "administrator:root", "acme", f"+49302312500{last}", "")
    seen: list[str] = []
    path = f"{PAGE}?q=030+231"
    while path:
        page = boss.get(path).text
        seen += [part.partition('"')[0] for part in page.split('<span title="')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen == [f"+49302312500{last}" for last in range(5)]
    assert "an operator" in boss.get(PAGE).text
    assert "No number is found" in boss.get(f"{PAGE}?q=777").text


@pytest.mark.parametrize(
    "form",
    [{"number": ""}, {"number": "112"}, {"number": "x"}, {"number": NUMBER, "reason": "r" * 201}, {"remove": NUMBER}],
)
def test_what_is_wrong_is_said(world: World, boss: Visitor, form: dict[str, object]) -> None:
    answer = boss.post(PAGE, form)
    assert (answer.status_code, "faxplan" in answer.text.lower()) == (400, False)
    assert entries(world) == {}
