"""`faxplan lmtp` as a process: each recipient has an answer, and whatever happens no mail is lost, or faxed twice."""

import itertools
import random
import shutil
import signal
import smtplib
import socket
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from faxplan import cli, mail_access
from faxplan.users import User
from tests.db.test_mail_in import ANN, HOST, NUMBER, TO, ann, faxes
from tests.lmtp import Client, taker
from tests.mail_corpus.building import attached, mail, multipart, pdf, text, with_contract
from tests.retained import count
from tests.world import World

__all__ = ["ann"]


def test_each_recipient_has_an_answer_and_no_secret_is_logged(world: World, ann: User, tmp_path: Path) -> None:
    with world.admin.tenant(ann.tenant_id) as tx:
        token = mail_access.new_token(tx, ann, actor="test")
    to = [
        TO,
        "hello@" + HOST,
        f"112@{HOST}",
        f"{NUMBER}p4711@{HOST}",
        f"{NUMBER}@nobody.example",
        f"030+{token}@{HOST}",
    ]
    with taker(world, tmp_path) as running, Client(running) as client:
        assert client.esmtp_features["size"] == str(60 * 1024**2)
        replies = client.hand_over(with_contract(f"Cc: {to[3]}, {to[2]}"), *to)
        assert [code for code, _ in replies] == [250, 550, 550, 250, 550, 550]
        assert [said[:5] for _, said in replies] == ["2.0.0", "5.1.3", "5.1.3", "2.0.0", "5.1.2", "5.1.3"]
        # On the same connection, and from a machine that gives the secret address.
        scan = mail(multipart(text(), attached(pdf(), "a.pdf")), proof="", sender="From: s@printer.local")
        assert client.hand_over(scan, f"{NUMBER}+{token}@{HOST}", sender="s@printer.local")[0][0] == 250
        assert client.hand_over(with_contract(number="Message-ID: <3@x>"), TO, sender="")[0][1][:5] == "5.6.0"
        # A dot that begins a line is none of the end.
        dots = mail(text(".\r\n..\r\nend"), number="Message-ID: <4@x>")
        assert client.hand_over(dots, TO)[0][0] == 250
        assert client.hand_over(b"From: x\r\n" + b"x" * 5000 + b"\r\n", TO)[0][0] == 550
        for wrong, code in (("VRFY a", 502), ("EHLO x", 500), ("RCPT TO:x", 503), ("DATA", 503), ("NONSENSE", 500)):
            assert client.says(wrong)[0] == code, wrong
        assert client.says(f"MAIL FROM:<{ANN}> SIZE=99999999")[0] == 552
        assert running.end() == 0
    assert len(faxes(world)) == 4
    said = running.log.read_text()
    assert "taking mails" in said
    for secret in (token, "4711", "Contract", NUMBER):
        assert secret not in said


def test_a_mail_that_is_examined_is_answered_before_the_end(world: World, ann: User, tmp_path: Path) -> None:
    large = multipart(text(), *[attached(pdf(str(each), 5), f"{each}.pdf") for each in range(15)])
    with taker(world, tmp_path) as running, Client(running) as client, Client(running) as idle:
        ended: list[int] = []

        def end() -> None:
            while not any((tmp_path / "state" / "work").rglob("files/*")):
                time.sleep(0.001)
            ended.append(running.end())

        ending = threading.Thread(target=end)
        ending.start()
        assert client.hand_over(mail(large), TO)[0][0] == 250
        ending.join()
        # Who has nothing in hand is told, and comes again.
        assert idle.getreply()[0] == 421
        idle.close()
    assert ended == [0]
    assert len(faxes(world)) == 1
    assert not any((tmp_path / "state" / "work").rglob("files/*"))


def test_while_the_database_is_away_mails_stay_at_the_mail_server(world: World, ann: User, tmp_path: Path) -> None:
    with taker(world, tmp_path) as running, Client(running) as client:
        assert client.hand_over(with_contract(), TO)[0][0] == 250
        world.installation.let_in(anybody=False)
        try:
            assert client.hand_over(with_contract(number="Message-ID: <2@x>"), TO)[0][0] == 451
        finally:
            world.installation.let_in(anybody=True)
        client.says("RSET")
        assert client.hand_over(with_contract(number="Message-ID: <2@x>"), TO)[0][0] == 250
    assert len(faxes(world)) == 2


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap, for a disk that is full")
def test_while_the_disk_is_full_mails_stay_at_the_mail_server(world: World, ann: User, tmp_path: Path) -> None:
    work = world.settings.work
    work.mkdir(mode=0o700, exist_ok=True)
    full = [
        "bwrap",
        "--die-with-parent",
        "--dev-bind",
        "/",
        "/",
        "--perms",
        "0700",
        "--size",
        str(1024**2),
        "--tmpfs",
        str(work),
    ]
    large = mail(multipart(text(), attached(pdf() + bytes(3 * 1024**2), "a.pdf")))
    # In the first it is full while the mail comes, in the second while it is taken apart.
    half = mail(multipart(text(), attached(pdf() + bytes(450 * 1024), "a.pdf")), number="Message-ID: <2@x>")
    with taker(world, tmp_path, full) as running, Client(running) as client:
        for content in (large, half):
            code, said = client.hand_over(content, TO)[0]
            assert (code, said[:5]) == (452, "4.3.1")
        assert client.hand_over(with_contract(number="Message-ID: <3@x>"), TO)[0][0] == 250
    assert len(faxes(world)) == 1


@pytest.mark.parametrize(
    ("mails", "kills"),
    [(10, 4), pytest.param(1000, 150, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
    ids=["few", "thousand"],
)
def test_nothing_is_lost_and_nothing_faxed_twice_by_kills_at_random(
    world: World, ann: User, tmp_path: Path, mails: int, kills: int
) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    left = set(range(mails))
    at = set(chance.sample(range(mails), kills))

    def content(number: int) -> bytes:
        to = f"+4930231{number:05}@{HOST}"
        return with_contract(f"Cc: {to}", number=f"Message-ID: <{number}@x>")

    with taker(world, tmp_path) as running:
        for number in range(mails):
            killing = None
            while number in left:
                try:
                    with Client(running) as client:
                        if number in at:
                            at.remove(number)
                            killing = threading.Timer(chance.uniform(0, 0.12), running.end, [signal.SIGKILL])
                            killing.start()
                        ((code, _),) = client.hand_over(content(number), f"+4930231{number:05}@{HOST}")
                    assert code == 250 or killing is not None
                    left -= {number} if code == 250 else set()
                except (smtplib.SMTPException, OSError):
                    # Its end, and nothing else.
                    assert killing is not None
                if killing is not None:
                    killing.join()
                    killing = None
                    running.start()
    sent = sorted(str(each["called_number"]) for each in faxes(world))
    assert sent == [f"+4930231{number:05}" for number in range(mails)]
    assert count(world, "documents", "kind = 'original'") == mails


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_while_it_starts_again_and_again_nobody_is_refused_and_each_mail_comes_once(
    world: World, ann: User, tmp_path: Path
) -> None:
    """Its socket is another's, as with faxplan-lmtp.socket. Who was told 421 comes again."""
    mails, told = 20, 0
    place = Path(tempfile.mkdtemp()) / "lmtp"
    with closing(socket.socket(socket.AF_UNIX)) as listening, taker(world, tmp_path) as running:
        with Client(running):
            running.end()
        listening.bind(str(place))
        listening.listen(100)
        running.place, running.passed = place, listening
        running.start()
        stop = threading.Event()

        def restart() -> None:
            for begun in itertools.count(2):
                # Before that SIGTERM ends it as it ends any program.
                while running.log.read_text().count("taking mails") < begun:
                    time.sleep(0.02)
                if stop.wait(0.3):
                    return
                assert running.end() == 0
                running.start()

        restarting = threading.Thread(target=restart)
        restarting.start()
        for number in range(mails):
            to = f"+4930231{number:05}@{HOST}"
            content = with_contract(f"Cc: {to}", number=f"Message-ID: <{number}@x>")
            code = 0
            while code != 250:
                with closing(smtplib.LMTP()) as probe:
                    # Not one of them: the queue is kept.
                    probe.connect(str(place), 0)
                try:
                    with Client(running) as client:
                        ((code, _),) = client.hand_over(content, to)
                except (smtplib.SMTPException, OSError, AssertionError):
                    told += 1
        stop.set()
        restarting.join()
    shutil.rmtree(place.parent)
    print(f"{mails} mails; {told} times told to come again")
    sent = sorted(str(each["called_number"]) for each in faxes(world))
    assert sent == [f"+4930231{number:05}" for number in range(mails)]


def test_a_mail_server_s_pipe(
    world: World, ann: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with taker(world, tmp_path) as running:  # for its settings
        running.end()
    monkeypatch.setenv("FAXPLAN_CONFIG", str(tmp_path / "lmtp.toml"))

    def piped(content: bytes, *arguments: str) -> int:
        file = tmp_path / "piped"
        file.write_bytes(content)
        with file.open("rb") as stdin, monkeypatch.context() as patched:
            patched.setattr("sys.stdin", type("Stdin", (), {"buffer": stdin}))
            return cli.main(["mail-in", *arguments])

    assert piped(with_contract(), "-f", ANN, TO) == 0
    assert piped(with_contract(), "-f", ANN, TO) == 0
    assert piped(with_contract(), "-f", ANN, f"hello@{HOST}") == 67
    assert piped(with_contract(proof=""), "-f", ANN, TO) == 77
    assert "not proven" in capsys.readouterr().err
    assert piped(b"\r\n", "-f", ANN, TO) == 69
    assert piped(with_contract(), TO) == 64
    settings = tmp_path / "lmtp.toml"
    right = settings.read_text()
    settings.write_text(f"{right}\nno_such_setting = 1\n")
    assert piped(with_contract(), "-f", ANN, TO) == 75
    settings.write_text(right)
    world.installation.let_in(anybody=False)
    try:
        assert piped(with_contract(), "-f", ANN, TO) == 75
    finally:
        world.installation.let_in(anybody=True)
    # It is no fault of the mail, and must not come back.
    settings = (tmp_path / "lmtp.toml").read_text()
    (tmp_path / "lmtp.toml").write_text(f"{settings}\nno_such_setting = 1\n")
    assert piped(with_contract(number="Message-ID: <2@x>"), "-f", ANN, TO) == 75
    (tmp_path / "lmtp.toml").write_text(settings)
    assert len(faxes(world)) == 1
