import io
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pikepdf
import pytest
from PIL import Image

from faxplan import cli, fax_tiff, nodes, outbound, page_images, progress, settling, users
from faxplan.call_result import CallResult
from faxplan.config import to_toml
from faxplan.home import Home
from faxplan.journal import Outcome
from faxplan.outbound import SendRequest, Submitted
from faxplan.spool import Spool
from tests import hostile
from tests.faxes import claim, queued
from tests.retained import received
from tests.world import PHRASE, World

ACME = "user@acme.example"


@pytest.fixture
def shop(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    file = tmp_path / "faxplan.toml"
    names = ("database_url", "state_dir", "sandbox")
    file.write_text(to_toml({name: getattr(world.settings, name) for name in names}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    monkeypatch.setenv("FAXPLAN_USER", ACME)
    return world


@pytest.fixture
def letter(tmp_path: Path) -> str:
    path = tmp_path / "letter.txt"
    path.write_text("One.\n\fTwo.\n")
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert cli.main(arguments) == code
    out, err = capsys.readouterr()
    return out, err


def test_send_says_as_whom_and_what(shop: World, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "send", letter, "030 23125 002")
    assert err == "As user@acme.example of Acme.\n"
    assert out.startswith("Fax 1 to 030 23125002: accepted.\n")
    shop.render_all()
    assert "It waits for a free line." in said(capsys, "status", "1")[0]
    listed = said(capsys, "list", "--sent")[0].splitlines()
    assert listed[0].split() == ["FAX", "TIME", "NUMBER", "PAGES", "STATE", "WHAT"]
    assert listed[1].split()[-2:] == ["0/2", "queued"]
    assert said(capsys, "show", "1")[0].startswith("Fax 1 to 030 23125002: queued. It waits for a free line.\n")
    assert "to 030 23125002 " in listed[1]
    assert said(capsys, "status", "1")[0].startswith("Fax 1 to 030 23125002: queued.")
    assert said(capsys, "cancel", "1")[0] == "Fax 1 is cancelled.\n"
    assert said(capsys, "cancel", "1", code=1)[1].endswith("faxplan: Fax 1 has ended already (cancelled).\n")


def test_every_json_result_is_one_value(shop: World, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "send", letter, "030 23125 002", "--json")
    assert (json.loads(out)["state"], err) == ("accepted", "")
    assert json.loads(said(capsys, "list", "--json")[0])[0]["called_number"] == "+493023125002"
    assert json.loads(said(capsys, "show", "1", "--json")[0])["attempts"] == []
    assert json.loads(said(capsys, "status", "1", "--json")[0])["id"] == 1
    assert json.loads(said(capsys, "status", "--json")[0]) == {"nodes": [], "calls": [], "queue": []}
    assert {"email": ACME, "tenant": "acme"} in json.loads(said(capsys, "users", "--json")[0])
    assert json.loads(said(capsys, "settings", "--json")[0])["state_dir"] == str(shop.settings.state_dir)
    assert json.loads(said(capsys, "cancel", "1", "--json")[0]) == {"fax": 1, "cancelled": True}


def test_what_a_sent_file_was_called_steers_no_terminal(
    shop: World, letter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text(PHRASE)
    request = SendRequest("030 23125 002", Path(letter), "".join(filter(hostile.can_be_sealed, hostile.TEXTS)))
    outbound.submit(shop.portal, shop.store, shop.acme.user, request)
    shop.render_all()
    out, _ = said(capsys, "open", "1", "-o", str(tmp_path / "saved"), "--password-file", str(tmp_path / "password"))
    assert out.startswith("Sent as O'Brien")
    assert out.replace("\n", "").isprintable()
    assert len(out.splitlines()) == 4


def test_the_pages_of_a_sent_fax_can_be_saved(
    shop: World, letter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text(PHRASE)
    by_password = ("--password-file", str(tmp_path / "password"))
    said(capsys, "send", letter, "030 23125 002")
    assert "has no page to save" in said(capsys, "open", "1", *by_password, code=1)[1]
    shop.render_all()
    folder = tmp_path / "with space"
    out, _ = said(capsys, "open", "1", "-o", str(folder), *by_password)
    names = ["fax-1.pdf", "fax-1-1.png", "fax-1-2.png"]
    assert out.splitlines() == ["Sent as letter.txt:", *(str(folder / name) for name in names)]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    with pikepdf.open(folder / "fax-1.pdf") as pdf:
        assert len(pdf.pages) == 2
    out, _ = said(capsys, "open", "1", "--tiff", "-o", str(folder), *by_password)
    assert out.splitlines() == ["Sent as letter.txt:", *(str(folder / name) for name in [*names, "fax-1.tif"])]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "fax-1.tif"])
    assert [(page.width, page.y_dpi) for page in fax_tiff.read(folder / "fax-1.tif").pages] == [(1728, 196)] * 2


@pytest.mark.parametrize("sealed_with_it", [True, False], ids=["sealed with it", "of before there were images"])
def test_the_images_of_a_fax_are_those_that_were_sealed_with_it(
    shop: World,
    letter: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    sealed_with_it: bool,
) -> None:
    (tmp_path / "password").write_text(PHRASE)
    said(capsys, "send", letter, "030 23125 002")
    shop.render_all()
    drawn, real = [], page_images.make
    if not sealed_with_it:
        with shop.worker.tenant(shop.acme.tenant.id) as tx:
            tx.execute("update renderings set images_id = null, thumbnail_id = null")
    monkeypatch.setattr(page_images, "make", lambda *given, **options: drawn.append(given) or real(*given, **options))
    said(capsys, "open", "1", "-o", str(tmp_path / "out"), "--password-file", str(tmp_path / "password"))
    assert len(drawn) == (0 if sealed_with_it else 1)
    for number in (1, 2):
        path = tmp_path / "out" / f"fax-1-{number}.png"
        assert path.stat().st_mode & 0o777 == 0o600
        with Image.open(path) as image:
            assert image.width == 1728


def test_a_password_comes_from_a_pipe(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(locked, encryption=pikepdf.Encryption(user="open sesame", owner="owner"))
    assert "password" in said(capsys, "send", str(locked), "030 23125 002", code=1)[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("open sesame\n"))
    assert "accepted" in said(capsys, "send", str(locked), "030 23125 002", "--password")[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["send", "/no/such/file", "030 23125 002"], "There is no file /no/such/file. Give the path"),
        (["send", "LETTER", "112"], "emergency number"),
        (["show", "99"], "You have no fax 99."),
        (["open", "99"], "You have no fax 99."),
        (["show", "99999999999999999999"], "You have no fax 99999999999999999999."),
        (["cancel", "99999999999999999999"], "You have no fax 99999999999999999999 to cancel."),
        (["list", "--as", "nobody@nowhere.example"], "There is no user 'nobody@nowhere.example'."),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(
    shop: World, letter: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    out, err = said(capsys, *[letter if word == "LETTER" else word for word in arguments], code=1)
    assert out == ""
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("limit", ["-1", "99999999999", "many"])
def test_a_limit_that_cannot_be_is_wrong_usage(shop: World, capsys: pytest.CaptureFixture[str], limit: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["list", "--limit", limit])
    assert ended.value.code == 2
    assert f"{limit!r} is no whole number" in capsys.readouterr().err


def test_a_file_is_sent_whose_name_is_no_utf_8(shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # "Ä.txt" as a machine of the last century wrote it; and as the command line then has it.
    name = os.fsdecode(b"\xc4.txt")
    (tmp_path / name).write_text("One.\n")
    said(capsys, "send", str(tmp_path / name), "030 23125 002")
    shop.render_all()
    (tmp_path / "password").write_text(PHRASE)
    opened = said(capsys, "open", "1", "-o", str(tmp_path / "out"), "--password-file", str(tmp_path / "password"))[0]
    assert "\N{REPLACEMENT CHARACTER}.txt" in opened
    assert json.loads(said(capsys, "status", "1", "--json")[0])["state"] == "queued"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--as", "\udcff"], "is not UTF-8"),
        (["send", "LETTER", "\udcff"], "is not a telephone number"),
        (["send", "\udcff", "112"], r"There is no file \udcff."),
    ],
)
def test_what_is_no_utf_8_is_refused_in_a_sentence(
    shop: World, letter: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    _, err = said(capsys, *[letter if word == "LETTER" else word for word in arguments], code=1)
    assert message in err


@pytest.mark.parametrize("stream", [io.TextIOWrapper(io.BytesIO(b"\xe4\n"), "utf-8"), io.StringIO("\udce4\n")])
def test_a_password_of_a_pdf_that_is_no_utf_8_is_refused(
    shop: World, letter: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stream: io.TextIOBase
) -> None:
    monkeypatch.setattr("sys.stdin", stream)
    assert "UTF-8" in said(capsys, "send", letter, "030 23125 002", "--password", code=1)[1]


def test_with_several_users_one_must_be_chosen(
    shop: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FAXPLAN_USER")
    _, err = said(capsys, "list", code=2)
    assert "user@acme.example/acme, user@borea.example/borea" in err
    assert said(capsys, "list", "--as", "user@borea.example")[0] == "There is no fax yet.\n"


def test_an_address_that_two_tenants_know_needs_the_tenant(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.admin.tenant(shop.borea.tenant.id) as tx:
        users.create(tx, shop.borea.tenant.id, email=ACME, name="The same")
    assert "user@acme.example/acme, user@acme.example/borea" in said(capsys, "list", code=1)[1]
    assert said(capsys, "list", "--as", f"{ACME}/borea")[0] == "There is no fax yet.\n"


def test_a_database_that_is_away_is_exit_code_3(
    shop: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", "postgresql:///faxplan?host=/nowhere")
    assert said(capsys, "list", code=3)[1].startswith("faxplan: PostgreSQL is out of reach")
    error = json.loads(said(capsys, "list", "--json", code=3)[1])
    assert (error["error_id"], error["retryable"]) == ("database-unavailable", True)


@pytest.fixture
def outage(shop: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The database goes away as soon as a fax is accepted. It is back, with the fax cancelled, when somebody waits for
    the second time; how long they meant to wait."""
    waited: list[float] = []
    submit = outbound.submit

    def submitted(*arguments: Any) -> Submitted:
        accepted = submit(*arguments)
        shop.installation.let_in(anybody=False)
        return accepted

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            shop.installation.let_in(anybody=True)
            outbound.cancel(shop.portal, shop.acme.user, 1)

    monkeypatch.setattr(outbound, "submit", submitted)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    return waited


def test_a_database_that_goes_away_once_the_fax_is_accepted_is_waited_for(
    shop: World, letter: str, outage: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    # Exit code 3 would have a script send it again, and it would arrive twice.
    out, _ = said(capsys, "send", letter, "030 23125 002", "--wait", code=1)
    assert out.startswith("Fax 1 to 030 23125002: accepted.\n")
    assert out.count("The database is away") == 1
    assert out.endswith("Cancelled before it was dialled.\n")
    assert len(outage) == 2


def test_a_script_that_waits_has_the_number_of_the_fax_before_anything_can_go_wrong(
    shop: World, letter: str, outage: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, "send", letter, "030 23125 002", "--wait", "--json", code=1)
    assert json.loads(err.splitlines()[0]) == {"fax": 1, "state": "accepted"}
    assert (json.loads(out)["id"], json.loads(out)["state"]) == (1, "cancelled")


def test_a_fax_that_was_accepted_is_never_told_to_be_tried_again(
    shop: World, letter: str, outage: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = said(capsys, "send", letter, "030 23125 002", "--json")
    assert json.loads(out) == {"id": 1, "state": "accepted", "called_number": "+493023125002", "pages": None}
    shop.installation.let_in(anybody=True)
    assert said(capsys, "send", letter, "030 23125 002")[0].startswith("Fax 2 to 030 23125002: accepted.\n")
    assert outage == []


def test_wrong_usage_is_exit_code_2(shop: World) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["send"])
    assert ended.value.code == 2


def test_the_settings_of_make_run_are_found_and_named(
    shop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FAXPLAN_CONFIG")
    monkeypatch.setenv("FAXPLAN_HOME", str(tmp_path))
    monkeypatch.setattr("faxplan.config.DEFAULT_FILE", tmp_path / "none.toml")
    using = f"Using {tmp_path / 'faxplan.toml'}, the settings of `make run`"
    with Home(tmp_path).locked():
        out, err = said(capsys, "users")
    assert err == f"{using}.\n"
    assert ACME in out
    _out, err = said(capsys, "users")
    assert err == f"{using}, which is not running: start it in another terminal.\n"


def test_the_doctor_gives_a_terminal_no_orders(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    with shop.switch.across_tenants() as tx:
        nodes.report(tx, "node\x1b[2J", switch_uuid="x", max_channels=1)
    with shop.admin.across_tenants() as tx:
        tx.execute("update nodes set heartbeat_at = now() - interval '1 hour'")
    told, _ = said(capsys, "doctor", code=1)
    assert r"node node\x1b[2J: silent for" in told
    assert "\x1b" not in told


def test_the_doctor_looks_at_database_and_folders(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (shop.settings.state_dir, shop.settings.store, shop.settings.spool):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    Spool(shop.settings.spool).prepare()
    found = {f["what"]: f for f in json.loads(said(capsys, "doctor", "--json", code=1)[0])}
    fine = ("database as admin", "database as switch", "schema", "database roles", "clock", "spool", "document store")
    assert {found[what]["level"] for what in fine} == {"ok"}
    assert found["trunks"]["found"] == "carrier"
    # No runtime has ever reported in this installation.
    assert found["runtime"]["level"] == "error"
    text = said(capsys, "doctor", code=1)[0]
    assert "error   runtime: node" in text


def test_a_call_that_broke_is_shown_step_by_step(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    fax_id = queued(shop, shop.acme)
    (fax,) = claim(shop)
    broken = CallResult(
        "NORMAL_CLEARING", fax_success=False, fax_result_code=13, fax_result_text="Unexpected\x1b", answered_at=1.75e9
    )
    trace = 'FLOW T.30 Rx:  CSI without final frame tag\nFLOW T.30 Remote gave CSI as: "\x1b[2J"\n'
    outcome = Outcome(fax.tenant_id, fax_id, fax.attempt_id, broken)
    settling.settle(shop.switch, outcome, None, actor="test", trace=trace)
    lines = said(capsys, "show", str(fax_id), "--trace")[0].splitlines()
    assert lines[-3:-1] == [
        r"          <- CSI      the receiver's ident ('\x1b[2J')",
        r"         >>>  it broke here (Unexpected\x1b)",
    ]
    told = json.loads(said(capsys, "show", str(fax_id), "--trace", "--json")[0])
    assert [(step["side"], step["name"]) for step in told["traces"]["1"]] == [("received", "CSI")]
    assert "traces" not in json.loads(said(capsys, "show", str(fax_id), "--json")[0])


@pytest.fixture
def other(shop: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Another user of acme, who has a key; and the file with everybody's password."""
    (tmp_path / "password").write_text(PHRASE + "\n")
    with shop.admin.tenant(shop.acme.tenant.id) as tx:
        users.create(tx, shop.acme.tenant.id, email="ben@acme.example", name="Ben")
    said(capsys, "enrol", "--as", "ben@acme.example", "--password-file", str(tmp_path / "password"))
    return str(tmp_path / "password")


def test_a_received_fax_is_forwarded_to_another_mailbox(
    shop: World, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fax_id, ben = str(received(shop, shop.acme, "a")), "ben@acme.example"
    out, err = said(capsys, "forward", fax_id, ben, "--password-file", other)
    assert (out, err) == (f"A copy of fax {fax_id} lies in mailbox {ben}: fax 2.\n", f"As {ACME} of Acme.\n")
    line = f"Forwarded by {ACME}, a copy of fax {fax_id}."
    assert f"received  {line} 1 page received." in said(capsys, "list", "--inbox", "--as", ben)[0]
    assert f"          {line}\n" in said(capsys, "show", "2", "--as", ben)[0]
    assert "Forwarded" not in said(capsys, "list")[0] + said(capsys, "show", fax_id)[0]
    shown = json.loads(said(capsys, "show", "2", "--as", ben, "--json")[0])
    assert (shown["fax"]["copy_of"], shown["fax"]["forwarded_by"], shown["attempts"]) == (int(fax_id), ACME, [])
    said(capsys, "open", "2", "--as", ben, "-o", str(tmp_path / "bens"), "--password-file", other)
    assert (tmp_path / "bens" / "fax-2.pdf").exists()
    assert "fax 2 is the same one.\n" in said(capsys, "forward", fax_id, ben, "--password-file", other, code=1)[1]


def test_a_received_fax_is_moved_to_another_mailbox(
    shop: World, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fax_id, ben = str(received(shop, shop.acme, "a")), "ben@acme.example"
    moved = said(capsys, "move", fax_id, ben, "--password-file", other)[0]
    assert moved == (
        f"Fax {fax_id} lies in mailbox {ben} now. Until the next purge, `faxplan delete 2 --undo` brings a copy back "
        "to where it lay.\n"
    )
    assert "You have no fax" in said(capsys, "show", fax_id, code=1)[1]
    said(capsys, "open", fax_id, "--as", ben, "-o", str(tmp_path), "--password-file", other)
    back = said(capsys, "move", fax_id, ACME, "--as", ben, "--password-file", other, "--json")[0]
    assert json.loads(back) == {"fax": int(fax_id), "mailbox": ACME, "left": 3}
    copied = said(capsys, "forward", fax_id, ben, "--password-file", other, "--json")[0]
    assert json.loads(copied) == {"fax": int(fax_id), "mailbox": ben, "copy": 4}


def test_a_wrong_password_hands_nothing_on(
    shop: World, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fax_id = str(received(shop, shop.acme, "a"))
    (tmp_path / "wrong").write_text("staple, battery & horse\n")
    for command in ("forward", "move"):
        said(capsys, command, fax_id, "ben@acme.example", "--password-file", str(tmp_path / "wrong"), code=1)
    assert "There is no fax yet." in said(capsys, "list", "--as", "ben@acme.example")[0]
    assert fax_id in said(capsys, "list")[0]
