"""`faxplan draft`, as its user types it."""

import json
from pathlib import Path

import pytest

from faxplan import drafts, render_jobs, renderings
from faxplan.errors import RenderingFailed
from tests.db.test_cli import said, shop
from tests.db.test_covers import said as cover_of
from tests.world import PHRASE, World

__all__ = ["shop"]


@pytest.fixture
def letter(tmp_path: Path) -> str:
    path = tmp_path / "letter.txt"
    path.write_text("One.\n\fTwo.\n")
    return str(path)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text(PHRASE)
    path.chmod(0o600)
    return str(path)


def test_a_draft_is_looked_at_and_sent(
    shop: World, letter: str, secret: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "draft", "list")[0] == "You have no draft. `faxplan draft add FILE` makes one.\n"
    out, _ = said(capsys, "draft", "add", letter)
    assert out.startswith("Draft 1, fine: its pages are made.\n")
    assert "not made yet" in said(capsys, "draft", "open", "1", "--password-file", secret, code=3)[1]
    shop.render_all()
    listed = said(capsys, "draft", "list")[0].splitlines()
    assert listed[0].split() == ["DRAFT", "SINCE", "PAGES", "RESOLUTION", "STATE", "UNTIL"]
    assert listed[1].split()[0] == "1"
    assert " 2 " in listed[1]
    assert "ready" in listed[1]
    folder = tmp_path / "seen"
    out, _ = said(capsys, "draft", "open", "1", "-o", str(folder), "--tiff", "--password-file", secret)
    assert out.splitlines()[0] == "Draft of letter.txt:"
    assert {path.name for path in folder.iterdir()} == {f"draft-1{end}" for end in (".pdf", "-1.png", "-2.png", ".tif")}
    out, err = said(capsys, "draft", "send", "1", "030 23125 002", "030 23125009", "--priority", "urgent")
    assert out.splitlines() == [
        "Fax 1 to 030 23125002, 2 pages: accepted.",
        "Fax 2 to 030 23125009, 2 pages: accepted.",
    ]
    assert "faxplan list --sent" in err
    assert said(capsys, "draft", "send", "1", "030 23125 002", code=1)[1].startswith("As ")
    assert "2/2" not in said(capsys, "list", "--sent")[0]


def test_for_programs_it_is_json(shop: World, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(said(capsys, "draft", "add", letter, "--json", "--resolution", "standard")[0])
    assert (made["id"], made["state"], made["resolution"]) == (1, "waiting", "standard")
    assert json.loads(said(capsys, "draft", "set", "1", "--resolution", "fine", "--json")[0])["resolution"] == "fine"
    assert [each["id"] for each in json.loads(said(capsys, "draft", "list", "--json")[0])] == [1]
    sent = json.loads(said(capsys, "draft", "send", "1", "030 23125 002", "--json")[0])
    assert sent == [{"id": 1, "called_number": "+493023125002"}]


def test_what_is_wrong_is_said(shop: World, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "draft", "add", letter)
    assert "emergency" in said(capsys, "draft", "send", "1", "030 23125 002", "112", code=1)[1]
    assert "There is no file" in said(capsys, "draft", "add", letter + ".no", code=1)[1]
    assert "You have no draft 7." in said(capsys, "draft", "remove", "7", code=1)[1]
    assert said(capsys, "draft", "remove", "1")[0] == "Draft 1 is removed. The next purge destroys it.\n"
    assert said(capsys, "draft", "list")[0].startswith("You have no draft.")
    assert "0 faxes with 0 pages, and 1 draft, would be purged." in said(capsys, "purge", "--dry-run")[1]
    assert said(capsys, "purge")[0].startswith("0 faxes and 1 draft are purged: 1 objects")


def test_with_wait_it_says_what_became_of_its_pages(
    shop: World, letter: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    get = drafts.get

    def rendered_meanwhile(*arguments: object) -> drafts.Draft:
        shop.render_all()
        return get(*arguments)  # type: ignore[arg-type]

    made = drafts.make

    def failed_meanwhile(*arguments: object) -> drafts.Draft:
        found = made(*arguments)  # type: ignore[arg-type]
        with shop.worker.across_tenants() as tx:
            job = render_jobs.claim(tx, worker="test", lease_seconds=60)
        assert job is not None
        renderings.failed(shop.worker, job, "test", RenderingFailed("It is torn."))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(drafts, "make", failed_meanwhile)
        assert "It is torn." in said(capsys, "draft", "add", letter, "--wait", code=1)[1]
    monkeypatch.setattr(drafts, "get", rendered_meanwhile)
    assert "ready" in said(capsys, "draft", "add", letter, "--wait")[0]


def test_several_files_are_one_fax(
    shop: World, letter: str, secret: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Three.\n")
    said(capsys, "draft", "add", letter, str(other))
    said(capsys, "send", str(other), letter, letter, "--to", "030 23125009")
    shop.render_all()
    out, _ = said(capsys, "draft", "open", "1", "-o", str(tmp_path / "seen"), "--password-file", secret)
    assert out.splitlines()[0] == "Draft of letter.txt, other.txt:"
    assert len(list((tmp_path / "seen").glob("*.png"))) == 3
    fax = json.loads(said(capsys, "status", "1", "--json")[0])
    assert (fax["pages"], fax["called_number"]) == (5, "+493023125009")
    bad = tmp_path / "page.ps"
    bad.write_bytes(b"%!PS")
    assert "page.ps: PostScript" in said(capsys, "send", letter, str(bad), "--to", "030 23125009", code=1)[1]
    assert "There is no file /nowhere" in said(capsys, "send", letter, "/nowhere", "--to", "030 23125009", code=1)[1]


def test_a_draft_is_sent_with_a_cover(
    shop: World, letter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cover.txt").write_text("Dear {{ to_name }},\n{{ message }}\n")
    (tmp_path / "message.txt").write_text("Look at page two.\n")
    assert said(capsys, "cover", "list")[0].startswith("Every tenant has the plain cover page")
    out, _ = said(capsys, "cover", "put", "acme", "Letter", str(tmp_path / "cover.txt"), "--footer", "Acme")
    assert out == "Letter may be chosen for faxes.\n"
    said(capsys, "cover", "default", "acme", "Letter")
    assert said(capsys, "cover", "list", "acme")[0].splitlines()[1].split() == ["Letter", "acme", "yes"]
    (tmp_path / "cover.txt").write_text("{{ nmae }}")
    assert "Line 1" in said(capsys, "cover", "put", "acme", "Letter", str(tmp_path / "cover.txt"), code=1)[1]
    said(capsys, "draft", "add", letter)
    shop.render_all()
    sending = ("draft", "send", "1", "030 23125009", "--to-name", "Bea", "--message", str(tmp_path / "message.txt"))
    assert "no cover page 'No'" in said(capsys, *sending, "--cover", "No", code=1)[1]
    assert "cannot be read" in said(capsys, *sending[:-1], str(tmp_path), "--cover", "plain", code=1)[1]
    assert said(capsys, *sending, "--cover", "Letter")[0] == "Fax 1 to 030 23125009, 3 pages: accepted.\n"
    sheet = cover_of(shop, 1)
    assert (sheet.body, sheet.footer) == ("Dear {{ to_name }},\n{{ message }}", "Acme")
    assert (sheet.values["to_name"], sheet.values["message"]) == ("Bea", "Look at page two.")
    said(capsys, "cover", "remove", "acme", "Letter")
    assert "no cover page 'Letter'" in said(capsys, "cover", "remove", "acme", "Letter", code=1)[1]
