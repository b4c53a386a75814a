"""A mail as it comes by LMTP: to its end, whatever it is cut into; and answers, whatever is in them."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from faxplan import cli_mail_in, lmtp, lmtp_dialogue
from faxplan.config import Settings
from faxplan.errors import InvalidSetting
from faxplan.lmtp import LmtpServer
from faxplan.lmtp_dialogue import Unstuffing, reply
from faxplan.mail_in import MailIn
from faxplan.mail_outcomes import Outcome, State

STUFFED = b"A: b\r\n\r\n..\r\n...x\r\ny.\r\n\n.\n\r.\r\n\r\n..end\r\n.\r\n"
PLAIN = b"A: b\r\n\r\n.\r\n..x\r\ny.\r\n\n.\n\r.\r\n\r\n.end\r\n"
AFTER = b"MAIL FROM:<a@x>\r\n.\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 11, 1000])
@pytest.mark.parametrize(("stuffed", "plain"), [(STUFFED, PLAIN), (b".\r\n", b""), (b"..\r\n.\r\n", b".\r\n")])
def test_a_mail_ends_where_its_dot_is_whatever_it_is_cut_into(size: int, stuffed: bytes, plain: bytes) -> None:
    reading, found, whole = Unstuffing(), b"", stuffed + AFTER
    at = 0
    while not reading.has_ended:
        found += reading.feed(whole[at : at + size])
        at += size
    assert found == plain
    assert (reading.rest or b"") + whole[at:] == AFTER


@pytest.mark.parametrize("words", ["", "Plain.", "Gr\u00fc\u00dfe\r\n250 OK\x00", "word " * 500, "\ud800", "x" * 9000])
def test_an_answer_is_lines_of_ascii_and_nothing_else(words: str) -> None:
    lines = reply(550, "5.7.0", words).split("\r\n")
    assert all(line.isascii() and line.isprintable() and len(line) <= 512 for line in lines)
    assert [line[:4] for line in lines] == ["550-"] * (len(lines) - 1) + ["550 "]


def outcome(state: State, code: str = "5.6.0") -> Outcome:
    return Outcome("x", state, code, "")


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([outcome(State.ACCEPTED)], 0),
        ([outcome(State.REFUSED, "5.1.3"), outcome(State.REFUSED, "5.1.2")], 67),
        ([outcome(State.REFUSED, "5.7.1")], 77),
        ([outcome(State.REFUSED, "5.7.1"), outcome(State.REFUSED, "5.1.2")], 69),
        ([outcome(State.ACCEPTED), outcome(State.REFUSED)], 69),
        ([outcome(State.REFUSED), outcome(State.FULL)], 75),
        ([outcome(State.ACCEPTED), outcome(State.LATER)], 75),
    ],
)
def test_a_pipe_ends_as_mail_servers_read_it(outcomes: list[Outcome], code: int) -> None:
    assert cli_mail_in.exit_code(outcomes) == code


class Slow:
    """In the place of MailIn: it is done when it is told to be."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.taken: list[int] = []

    def look_at(self, _recipient: str) -> None:
        return None

    def take(self, file: Path, _sender: str, recipients: Sequence[str]) -> list[Outcome]:
        self.go_on.wait(30)
        self.taken.append(file.stat().st_size)
        return [Outcome(each, State.ACCEPTED, "2.0.0", "Taken") for each in recipients]


async def said(reader: asyncio.StreamReader) -> str:
    lines = [await reader.readline()]
    while lines[-1][3:4] == b"-":
        lines.append(await reader.readline())
    return lines[-1].decode()


async def handed_over(path: Path, to: int = 1) -> list[str]:
    reader, writer = await asyncio.open_unix_connection(path)
    await said(reader)
    for command in ("LHLO x", "MAIL FROM:<a@x>", *["RCPT TO:<1@x>"] * to, "DATA"):
        writer.write(f"{command}\r\n".encode())
        answer = await said(reader)
    replies = [answer]
    if answer.startswith("354"):
        writer.write(b"A: b\r\n\r\n" + b"x" * 2000 + b"\r\n.\r\nNOOP\r\n")
        replies = [await said(reader) for _ in range(to)]
        assert (await said(reader)).startswith("250")
    writer.close()
    return replies


def test_of_more_mails_than_there_is_room_for_the_rest_stays_at_the_mail_server(tmp_path: Path) -> None:
    slow, socket = Slow(), tmp_path / "s"
    settings = replace(Settings(""), lmtp_listen=f"unix:{socket}", lmtp_at_once=1)

    async def many() -> list[list[str]]:
        server = LmtpServer(cast(MailIn, slow), tmp_path, settings)
        running = asyncio.create_task(server.run())
        while not socket.exists():
            await asyncio.sleep(0)
        waiting = [asyncio.create_task(handed_over(socket)) for _ in range(8)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 3:
            done, _ = await asyncio.wait(waiting, timeout=0.01)
        refused = [each.result() for each in done]
        slow.go_on.set()
        await asyncio.gather(*waiting)
        again = await handed_over(socket, to=3)
        server.stop()
        await running
        return [*refused, again]

    *refused, again = asyncio.run(many())
    assert len(refused) == 3
    assert all(code.startswith("451 4.3.2") for (code,) in refused)
    assert [each[:9] for each in again] == ["250 2.0.0"] * 3
    assert slow.taken == [len(b"A: b\r\n\r\n") + 2002] * 6
    assert list(tmp_path.glob("mail-*")) == []


def test_what_is_too_large_is_read_to_its_end_and_refused_to_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, socket = Slow(), tmp_path / "s"
    settings = replace(Settings(""), lmtp_listen=f"unix:{socket}", lmtp_at_once=1)
    monkeypatch.setattr(lmtp_dialogue, "MOST_BYTES", 1000)

    async def one() -> list[str]:
        server = LmtpServer(cast(MailIn, slow), tmp_path, settings)
        running = asyncio.create_task(server.run())
        while not socket.exists():
            await asyncio.sleep(0)
        found = await handed_over(socket, to=2)
        server.stop()
        await running
        return found

    assert [each[:9] for each in asyncio.run(one())] == ["552 5.3.4"] * 2
    assert (slow.taken, list(tmp_path.glob("mail-*"))) == ([], [])


@pytest.mark.parametrize("where", ["0.0.0.0:8024", "192.0.2.1:24", "fax.example:24", ":24", "8024", "unix:lmtp", "::"])
def test_it_listens_on_this_machine_alone(where: str) -> None:
    async def listens() -> None:
        await lmtp.listening(where, asyncio.Protocol, asyncio.get_running_loop())

    with pytest.raises(InvalidSetting, match="this machine alone"):
        asyncio.run(listens())
