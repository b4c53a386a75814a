"""The mail server of `make run`: it keeps what it is handed in files, and passes nothing on.

A process of its own: `python -m faxplan.run_mail PORT FOLDER`, until SIGTERM.
"""

import argparse
import asyncio
import itertools
import re
import signal
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from faxplan import files

_LARGEST_BYTES = 64 * 1024**2
_NO_PART_OF_A_NAME = re.compile(r"[^A-Za-z0-9@._+-]")


class KeptMail:
    """Where mails lie: a folder for each recipient, and in it 1.eml, 2.eml and so on, private."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, recipient: str, content: bytes) -> Path:
        """The new file. Raises OSError and UnsafeFolder."""
        folder = self.of(recipient)
        files.private_folder(folder)
        for number in itertools.count(len([*folder.glob("*.eml")]) + 1):
            target = folder / f"{number}.eml"
            if files.write_new_durably(target, content):
                return target
        raise AssertionError("there are always more numbers")

    def of(self, recipient: str) -> Path:
        """The folder of a recipient, whatever an address has in it."""
        return self._folder / (_NO_PART_OF_A_NAME.sub("_", recipient).lstrip(".") or "_")

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """What aiosmtpd answers to a mail."""
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self.keep(recipient, content)
        return "250 kept"


async def serve(port: int, folder: Path) -> None:
    """On 127.0.0.1, until SIGTERM or SIGINT."""
    handler = KeptMail(folder)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=_LARGEST_BYTES, hostname="localhost", ident="mail", loop=loop),
        "127.0.0.1",
        port,
    )
    async with server:
        await ended.wait()


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="python -m faxplan.run_mail", description=__doc__)
    _parser.add_argument("port", type=int)
    _parser.add_argument("folder", type=Path)
    _options = _parser.parse_args()
    asyncio.run(serve(_options.port, _options.folder))
