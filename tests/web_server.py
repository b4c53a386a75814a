"""A web server of the tests' own, which answers as each of its addresses is told to."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Page:
    """pieces: of the content, each written by itself; with a length, unless it is chunked."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_chunked: bool = False
    repeated: int = 1


@dataclass
class WebServer:
    """asked: each path, as it was asked for. until: what hangs does so until then."""

    port: int
    pages: dict[str, Page]
    asked: list[str]
    until: threading.Event

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


HANGS = Page(status=-1)


@contextmanager
def web_server() -> Iterator[WebServer]:
    """In threads of this process."""
    pages: dict[str, Page] = {}
    asked: list[str] = []
    until = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            page = pages.get(self.path, Page(status=404))
            if page is HANGS:
                until.wait(30)
                self.close_connection = True
                return
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            if page.is_chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(len(page.content) * page.repeated))
            self.end_headers()
            try:
                for _each in range(page.repeated):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(page.content), page.content) if page.is_chunked
                                     else page.content)  # fmt: skip
                if page.is_chunked:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                # Whoever asks hangs up where it has had enough.
                self.close_connection = True

        def log_message(self, *_given: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        serving.start()
        try:
            yield WebServer(server.server_address[1], pages, asked, until)
        finally:
            until.set()
            server.shutdown()
            serving.join()
