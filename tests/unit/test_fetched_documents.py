"""Documents that lie elsewhere are fetched within bounds, and from where anybody could fetch them."""

import ipaddress
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import fetched_documents
from faxplan.bounded_line import Until
from faxplan.fetched_documents import Linked, fetch
from faxplan.originals import NamedFile
from faxplan.web_client import AddressRefused, Busy, FetchFailed, FetchRefused, WebClient
from tests.web_server import HANGS, Page, WebServer, web_server

HERE = WebClient((ipaddress.ip_network("127.0.0.0/8"),))


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        yield made


def fetched(server: WebServer, folder: Path, *paths: str, client: WebClient = HERE) -> list[NamedFile]:
    return fetch(client, 1, [Linked(server.url(each)) for each in paths], folder)


def test_what_lies_there_is_fetched_in_its_order_with_what_came(server: WebServer, tmp_path: Path) -> None:
    server.pages |= {"/a.pdf?key=1": Page(b"one"), "/b": Page(b"two" * 50_000, is_chunked=True)}
    own = NamedFile(tmp_path / "own", "own.txt")
    links = [Linked(server.url("/a.pdf?key=1")), own, Linked(server.url("/b"), "named.pdf")]
    found = fetch(HERE, 1, links, tmp_path)
    assert [each.name for each in found] == ["a.pdf", "own.txt", "named.pdf"]
    assert [found[0].file.read_bytes(), found[2].file.stat().st_size] == [b"one", 150_000]
    assert found[1] is own


@pytest.mark.parametrize(
    ("path", "said", "name"),
    [
        ("/x", 'attachment; filename="con tract.pdf"', "con tract.pdf"),
        ("/x", "attachment; filename*=UTF-8''%C3%A4.pdf; filename=a.pdf", "ä.pdf"),
        ("/x", 'inline; filename="../../etc/passwd"', "passwd"),
        ("/x", 'inline; filename="a\\"\x07b.pdf"', 'a"_b.pdf'),
        ("/files/a%20b.pdf", "attachment", "a b.pdf"),
        ("/files/%2e%2e%2fc.pdf", "", "c.pdf"),
        ("/files/", ";;;=", "files"),
        ("/", "", "attachment-1"),
        ("/" + "a" * 300 + ".pdf", "", "a" * 146 + ".pdf"),
    ],
)
def test_it_is_called_as_it_is_there(server: WebServer, tmp_path: Path, path: str, said: str, name: str) -> None:
    server.pages[path] = Page(b"x", headers={"Content-Disposition": said} if said else {})
    assert [each.name for each in fetched(server, tmp_path, path)] == [name]


@pytest.mark.parametrize("is_chunked", [True, False])
def test_more_than_may_be_is_not_fetched(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_chunked: bool
) -> None:
    """Of all documents together, whatever each says of itself."""
    monkeypatch.setattr(fetched_documents, "MOST_BYTES", 100_000)
    server.pages |= {"/a": Page(b"x" * 60_000), "/b": Page(b"x" * 1000, repeated=41, is_chunked=is_chunked)}
    assert len(fetched(server, tmp_path, "/a")) == 1
    (tmp_path / "other").mkdir()
    with pytest.raises(FetchRefused, match="too large"):
        fetched(server, tmp_path / "other", "/a", "/b")
    assert sum(each.stat().st_size for each in (tmp_path / "other").iterdir()) <= 100_000


def test_redirects_are_followed_and_not_for_ever(server: WebServer, tmp_path: Path) -> None:
    for each in range(7):
        server.pages[f"/{each}"] = Page(status=302 if each % 2 else 308, headers={"Location": f"/{each + 1}"})
    server.pages["/6"] = Page(b"there")
    assert fetched(server, tmp_path, "/1")[0].name == "6"
    with pytest.raises(FetchRefused, match="more often than 5"):
        fetched(server, tmp_path, "/0")
    assert server.asked == [f"/{each}" for each in (*range(1, 7), *range(6))]


@pytest.mark.parametrize(
    "onward",
    [
        "http://169.254.169.254/latest/meta-data/", "http://127.0.0.2:{port}/secret", "http://localhost:{port}/secret",
        "http://[::1]:{port}/secret", "http://[::ffff:127.0.0.1]:{port}/secret", "https://10.0.0.1/",
        "file:///etc/passwd", "ftp://127.0.0.1/", "http://me:secret@127.0.0.1:{port}/secret", "//127.0.0.1:1/",
        "http://127.0.0.1:{port}\\@x/secret",
    ],
)  # fmt: skip
def test_a_redirect_leads_nowhere_that_the_address_itself_could_not(
    server: WebServer, tmp_path: Path, onward: str
) -> None:
    """Not even to another place of a network that is allowed: that one was named, and this one was not."""
    server.pages |= {
        "/x": Page(status=302, headers={"Location": onward.replace("{port}", str(server.port))}),
        "/secret": Page(b"secret"),
    }
    with pytest.raises(AddressRefused):
        fetched(server, tmp_path, "/x")
    assert server.asked == ["/x"]
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_looked_up_anew_for_each_redirect_and_looked_at(server: WebServer, tmp_path: Path) -> None:
    """DNS rebinding: the second time the name leads elsewhere."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    client = WebClient(HERE.private, resolver=lambda _host, _port: next(answers))
    server.pages["/x"] = Page(status=302, headers={"Location": "/y"})
    with pytest.raises(AddressRefused):
        client.save(f"http://rebinds.example:{server.port}/x", tmp_path / "x", 1000, Until.after(30))
    assert server.asked == ["/x"]


@pytest.mark.parametrize(
    ("page", "error", "words"),
    [
        (Page(status=404), FetchRefused, "answers with 404"),
        (Page(status=403), FetchRefused, "answers with 403"),
        (Page(status=206, content=b"x"), FetchRefused, "answers with 206"),
        (Page(status=302), FetchRefused, "answers with 302"),
        (Page(status=503), FetchFailed, "answers with 503"),
        (Page(status=429), FetchFailed, "answers with 429"),
        (Page(b"x", headers={"Content-Encoding": "gzip"}), FetchRefused, "encoding"),
        (Page(b""), FetchRefused, "is empty"),
    ],
)
def test_what_is_none_is_told_of(
    server: WebServer, tmp_path: Path, page: Page, error: type[Exception], words: str
) -> None:
    server.pages["/x"] = page
    with pytest.raises(error, match=words):
        fetched(server, tmp_path, "/x")


def test_all_documents_have_one_time(server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetched_documents, "SECONDS", 0.5)
    server.pages |= {"/a": Page(b"x"), "/b": HANGS}
    with pytest.raises(FetchFailed, match="in time"):
        fetched(server, tmp_path, "/a", "/b")


def test_slow_servers_take_few_threads_and_one_organisation_not_all_of_them(server: WebServer, tmp_path: Path) -> None:
    server.pages["/x"] = HANGS

    def waits(tenant_id: int, folder: Path) -> None:
        folder.mkdir()
        with pytest.raises(FetchFailed):
            fetch(HERE, tenant_id, [Linked(server.url("/x"))], folder)

    waiting = [threading.Thread(target=waits, args=(each // 2, tmp_path / str(each))) for each in range(4)]
    for number, each in enumerate(waiting):
        each.start()
        while len(server.asked) <= number:
            each.join(0.01)
        if number == 1:
            with pytest.raises(Busy):
                fetch(HERE, 0, [Linked(server.url("/x"))], tmp_path)
    with pytest.raises(Busy):
        fetch(HERE, 7, [Linked(server.url("/x"))], tmp_path)
    server.until.set()
    for each in waiting:
        each.join()
    server.pages["/x"] = Page(b"x")
    assert len(fetch(HERE, 7, [Linked(server.url("/x"))], tmp_path)) == 1
