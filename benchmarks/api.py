"""Faxes that programs hand in by API a second, on one core, beside a handler that only parses the same upload.

    python benchmarks/api.py [--requests 200] [--rounds 5] [--sandbox namespace] [--write docs/benchmarks]

Both are WSGI applications in one process, which keeps to one processor with all that it starts; PostgreSQL has the
others. They take the same requests in turns, one after the other: multipart/form-data with a number and a PDF of one
page. The other one parses them with Werkzeug, the PDF to a file, and answers. Ours makes a fax of each: the key is
looked up and its rate counted, the PDF looked at in the sandbox, the document sealed and durable in the store, and fax,
quota, audit and the answer for its Idempotency-Key committed.
"""

import argparse
import io
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from _live import a_world
from _page import where_and_when, write_section
from werkzeug.wrappers import Request, Response

from faxplan import api_keys, namespaces
from faxplan.api_keys import Scope
from faxplan.config import SANDBOXES
from faxplan.document_store import Store
from faxplan.namespaces import LIMITS
from portal.app import Portal
from tests.fax_mails import pdf
from tests.retained import count

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
DOMAIN = "fax.example"
WARM = 20
_BOUNDARY = "a-boundary-of-the-benchmark"


@dataclass
class Rates:
    """Requests a second, round by round."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Ours of the bare one's, the median of the rounds."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=200, help="in each round, to each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sandbox", choices=SANDBOXES, default=SANDBOXES[0])
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="the section in FOLDER.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rates = measure(Path(folder), options)
    text = report(options, rates)
    print(text)
    if options.write:
        write_section(options.write.with_suffix(".md"), "Faxes by API", text)


def measure(base: Path, options: argparse.Namespace) -> Rates:
    numbers, rates = itertools.count(), Rates()
    with a_world(base) as (world, _cluster):
        # PostgreSQL runs already, and keeps them all.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        world.settings = replace(world.settings, sandbox=options.sandbox, api_requests_per_minute=10**9)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            secret, _key = api_keys.make(tx, world.acme.user, "x", [Scope.FAXES_SEND], None, actor="benchmark")
        store = Store.of(world.settings, namespaces.pooled)
        ours = Portal(world.portal, store, DOMAIN, settings=world.settings)
        parses = bare(base)
        host = f"{world.acme.tenant.slug}.{DOMAIN}"
        for application in (ours, parses):
            run(application, host, secret, numbers, WARM)
        for _ in range(options.rounds):
            rates.ours.append(run(ours, host, secret, numbers, options.requests))
            rates.bare.append(run(parses, host, secret, numbers, options.requests))
        store.confinement.close()
        assert count(world, "faxes") == WARM + options.rounds * options.requests
    return rates


def bare(base: Path) -> Wsgi:
    class ToFile(Request):
        def _get_file_stream(self, *_given: object, **_named: object) -> IO[bytes]:
            return tempfile.TemporaryFile("w+b", dir=base)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = ToFile(environ)
        for each in request.files.values():
            each.close()
        return Response(f'{{"to": "{request.form["to"]}"}}', 201)(environ, start_response)

    return answer


def run(application: Wsgi, host: str, secret: str, numbers: Iterator[int], requests: int) -> float:
    """Requests a second."""
    body = _body()
    began = time.perf_counter()
    for _ in range(requests):
        _ask(application, host, secret, next(numbers), body)
    return requests / (time.perf_counter() - began)


def _ask(application: Wsgi, host: str, secret: str, number: int, body: bytes) -> None:
    environ = {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/api/v1/faxes", "QUERY_STRING": "",
        "SERVER_NAME": host, "SERVER_PORT": "443", "HTTP_HOST": host, "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": f"Bearer {secret}",
        "HTTP_IDEMPOTENCY_KEY": f"request-{number}", "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": f"multipart/form-data; boundary={_BOUNDARY}", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    said: list[str] = []
    text = b"".join(application(environ, lambda status, _headers, _error=None: said.append(status)))
    assert said[0].startswith("201"), text


def _body() -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="to"\r\n\r\n+493023125009\r\n'
    file = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    return head.encode() + file.encode() + pdf(1) + f"\r\n--{_BOUNDARY}--\r\n".encode()


def report(options: argparse.Namespace, rates: Rates) -> str:
    command = (
        f"python benchmarks/api.py --requests {options.requests} --rounds {options.rounds} --sandbox {options.sandbox}"
    )
    confined = "with limits alone" if options.sandbox == LIMITS else "in a namespace"
    return f"""`{command}`, {where_and_when()}.

{(__doc__ or "").split("[--write docs/benchmarks]")[1].strip()}

| | Requests a second (least - most) |
|---|---|
| a handler that only parses them | {_shown(rates.bare)} |
| `POST /faxes`, documents {confined} | {_shown(rates.ours)} |
| of that | **{rates.share:.3f}** |
"""


def _shown(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.0f} ({min(rates):.0f} - {max(rates):.0f})"


if __name__ == "__main__":
    main()
