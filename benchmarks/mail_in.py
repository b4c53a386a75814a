"""Mails that `faxplan lmtp` accepts a second, beside an aiosmtpd that takes them and stores nothing.

    python benchmarks/mail_in.py [--mails 100] [--rounds 5] [--at-once 4] [--sandbox namespace]
                                 [--write docs/benchmarks]

Both are processes on a socket of this machine, and take the same mails in turns, of as many connections at once: a text
and a PDF of one page, proven by DKIM as a mail server has found it. Ours makes a fax of each before it answers: it is
taken apart, the PDF looked at in the sandbox, document and cover page sealed and durable in the store, and fax, quota,
audit and the note of the mail committed. The other one reads mails to their end and answers.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from _live import a_world
from _page import where_and_when, write_section

from faxplan import brands, mail_access
from faxplan.config import SANDBOXES
from faxplan.namespaces import LIMITS
from tests.lmtp import Client, Taker, taker
from tests.mail_corpus.building import MTA, SENDER, with_contract
from tests.retained import count
from tests.world import World

HOST = "fax.acme.example"
WARM = 20
_BARE = """
import asyncio, sys
from aiosmtpd.lmtp import LMTP
class Hooks:
    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 Taken"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: LMTP(Hooks(), loop=loop, hostname="x"), sys.argv[1])
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass
class Rates:
    """Mails a second, round by round."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Ours of the bare one's, the median of the rounds."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mails", type=int, default=100, help="in each round, of each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=4, help="connections, and mails that ours looks at at once")
    parser.add_argument("--sandbox", choices=SANDBOXES, default=SANDBOXES[0])
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(Path(folder), options)
    text = report(options, rates)
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Mails that become faxes", text)


def measure(base: Path, options: argparse.Namespace) -> Rates:
    numbers, rates = itertools.count(), Rates()
    with a_world(base) as (world, _cluster):
        prepare(world, options)
        with taker(world, base) as ours, bare(base) as other:
            run(ours, numbers, WARM, options.at_once)
            run(other, numbers, WARM, options.at_once)
            for _ in range(options.rounds):
                rates.ours.append(run(ours, numbers, options.mails, options.at_once))
                rates.bare.append(run(other, numbers, options.mails, options.at_once))
        assert count(world, "faxes") == WARM + options.rounds * options.mails
    return rates


def prepare(world: World, options: argparse.Namespace) -> None:
    tenant = world.acme.tenant.id
    with world.admin.tenant(tenant) as tx:
        brands.add_host(tx, tenant, HOST, "fax.example")
        brands.confirm_host(tx, tenant, HOST)
        mail_access.add_address(tx, world.acme.user, SENDER, actor="benchmark")
    world.settings = replace(
        world.settings, mail_authserv_ids=MTA, lmtp_at_once=options.at_once, sandbox=options.sandbox
    )


@contextmanager
def bare(base: Path) -> Iterator[Taker]:
    with tempfile.TemporaryDirectory() as short:
        made = Taker(None, base, Path(short) / "bare", base / "bare.log")  # type: ignore[arg-type]  # needs none
        made.process = subprocess.Popen([sys.executable, "-c", _BARE, str(made.socket)])
        try:
            yield made
        finally:
            made.end()


def run(to: Taker, numbers: Iterator[int], mails: int, at_once: int) -> float:
    """Mails a second."""
    contents = [_mail(next(numbers)) for _ in range(mails)]
    shares: Sequence[Sequence[bytes]] = [contents[at::at_once] for at in range(at_once)]
    with ThreadPoolExecutor(at_once) as threads:
        clients = [Client(to) for _ in range(at_once)]
        began = time.perf_counter()
        list(threads.map(_hand_over, clients, shares))
        took = time.perf_counter() - began
    for client in clients:
        client.close()
    return mails / took


def _hand_over(client: Client, contents: Sequence[bytes]) -> None:
    for content in contents:
        ((code, said),) = client.hand_over(content, f"+493023125009@{HOST}")
        assert code == 250, said


def _mail(number: int) -> bytes:
    return with_contract(number=f"Message-ID: <{number}@acme.example>")


def report(options: argparse.Namespace, rates: Rates) -> str:
    command = (
        f"python benchmarks/mail_in.py --mails {options.mails} --rounds {options.rounds} --at-once {options.at_once} "
        f"--sandbox {options.sandbox}"
    )
    confined = "with limits alone" if options.sandbox == LIMITS else "in a namespace"
    return f"""`{command}`, {where_and_when()}.

{(__doc__ or "").split("[--write docs/benchmarks]")[1].strip()}

| | Mails a second (least - most) |
|---|---|
| an aiosmtpd that stores nothing | {_shown(rates.bare)} |
| `faxplan lmtp`, documents {confined} | {_shown(rates.ours)} |
| of that | **{rates.share:.3f}** |
"""


def _shown(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.0f} ({min(rates):.0f} - {max(rates):.0f})"


if __name__ == "__main__":
    main()
