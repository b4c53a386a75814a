"""The document store in a bucket, on a real server that speaks S3."""

import io
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from faxplan import (
    backups,
    bucket_server,
    config,
    doctor_bucket,
    doctor_database,
    documents,
    metrics,
    object_bucket,
    object_reader,
    orphans,
    purge_state,
    restoring,
)
from faxplan.database_restore import RestoreRefused
from faxplan.document_store import DocumentLost, Store, StoreUnavailable
from faxplan.documents import Sealed
from faxplan.errors import InvalidSetting
from faxplan.findings import Level
from faxplan.key_folder import KeyFolder
from faxplan.object_bucket import ObjectBucket
from faxplan.objects import is_name
from faxplan.scratch import Scratch
from tests.documented import PROJECT
from tests.faxes import queued
from tests.runtime import SENT, Runtime
from tests.s3_server import BUCKET, SECRET, S3Server, Way, client, running
from tests.world import World

# One server for all of them.
pytestmark = pytest.mark.xdist_group("s3")
PREFIXES = (f"faxes-{number}" for number in range(10**6))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return next(PREFIXES)


@pytest.fixture
def objects(server: S3Server, prefix: str, tmp_path: Path) -> ObjectBucket:
    made = ObjectBucket(server.place(prefix), Scratch(tmp_path / "work"))
    made.accept()
    return made


@pytest.fixture
def store(objects: ObjectBucket, tmp_path: Path) -> Store:
    return Store(objects, KeyFolder(tmp_path / "keys"), Scratch(tmp_path / "work"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "document"
    path.write_bytes(noise(7, 300_000))
    return path


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - content, no secret


def put(store: Store, file: Path) -> Sealed:
    return store.seal(file, 7, documents.ORIGINAL)


def names(server: S3Server, prefix: str) -> set[str]:
    """All, in one request: each of the 256 folders would be one."""
    said = client(server).list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/")
    return {name for each in said.get("Contents", ()) if is_name(name := each["Key"].rpartition("/")[2])}


def read(store: Store, made: Sealed) -> bytes:
    with store.open(made.stored, made.key) as reader:
        return reader.read()


def test_what_is_sealed_is_read_again_and_deleted(
    store: Store, file: Path, tmp_path: Path, server: S3Server, prefix: str
) -> None:
    made = put(store, file)
    folder = int(made.stored.object_name[:2], 16)
    assert [each.name for each in store.listed(folder)] == [made.stored.object_name]
    assert read(store, made) == file.read_bytes()
    assert names(server, prefix) == {made.stored.object_name}
    store.copy_to(made.stored, tmp_path / "copy", made.key)
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    store.delete(made.stored.object_name)
    store.delete(made.stored.object_name)
    with pytest.raises(DocumentLost, match="Restore it from a backup"):
        read(store, made)
    assert list((tmp_path / "work").iterdir()) == []


def test_the_server_has_nothing_that_can_be_read(store: Store, tmp_path: Path, server: S3Server, prefix: str) -> None:
    letter = tmp_path / "letter"
    letter.write_bytes(b"Our prices for the year to come.\n" * 1000)
    made = put(store, letter)
    key = f"{prefix}/{made.stored.object_name[:2]}/{made.stored.object_name}"
    found = client(server).get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert len(found) > letter.stat().st_size
    assert b"prices" not in found


@pytest.mark.parametrize("size", [0, 1, object_reader.HEAD_BYTES, 9_500_000])
def test_any_size_is_read_from_any_place(store: Store, tmp_path: Path, size: int) -> None:
    content = noise(size, size)
    (tmp_path / "one").write_bytes(content)
    made = put(store, tmp_path / "one")
    with store.open(made.stored, made.key) as reader:
        assert reader.read() == content
        for place in (0, size // 2, max(size - 10, 0), 1, size):
            reader.seek(place)
            assert reader.read(20) == content[place : place + 20]


def test_a_large_one_goes_in_parts_and_is_read_within_bounded_memory(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: S3Server, prefix: str
) -> None:
    monkeypatch.setattr(object_bucket, "PART_BYTES", 5 << 20)
    asked: list[int] = []
    fetch = ObjectBucket.fetch

    def noting(self: ObjectBucket, key: str, start: int, most: int) -> tuple[bytes, int]:
        asked.append(most)
        return fetch(self, key, start, most)

    content = noise(1, 13 << 20)
    (tmp_path / "long").write_bytes(content)
    made = put(store, tmp_path / "long")
    monkeypatch.setattr(ObjectBucket, "fetch", noting)
    assert read(store, made) == content
    assert len(asked) > 3
    assert max(asked) <= object_reader.WINDOW_BYTES
    (found,) = client(server).list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/{made.stored.object_name[:2]}")[
        "Contents"
    ]
    assert found["ETag"].endswith('-3"'), "it went in three parts"
    with pytest.raises(DocumentLost, match="not overwritten"):
        store.take_in(tmp_path / "long", made.stored)


class Asked:
    """A client that notes what it is asked, and leads some of it elsewhere."""

    def __init__(self, client: Any, **instead: Callable[..., Any]) -> None:
        self._client = client
        self._instead = instead
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def ask(**what: Any) -> Any:
            self.asked.append(name)
            return self._instead.get(name, getattr(self._client, name))(**what)

        return ask


def through(objects: ObjectBucket, monkeypatch: pytest.MonkeyPatch, **instead: Callable[..., Any]) -> Asked:
    asked = Asked(objects._server.client(), **instead)
    monkeypatch.setattr(objects._server, "client", lambda **_looks: asked)
    return asked


def refuses(code: str, status: int) -> Callable[..., Any]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - for those whom it is for

    def refuse(**_what: Any) -> Any:
        said = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(said, "DeleteObjects")  # type: ignore[arg-type]

    return refuse


class TestAServerThatKnowsNoRanges:
    """Whatever is asked, it gives all of an object."""

    @pytest.fixture
    def reads(self, objects: ObjectBucket, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How much was taken of its answers at once."""
        there, reads = objects._server.client(), []

        class Body:
            def __init__(self, body: Any) -> None:
                self._body = body
                self.close = body.close

            def read(self, size: int | None = None) -> bytes:
                found: bytes = self._body.read(size)
                reads.append(len(found))
                return found

        def all_of_it(**what: Any) -> Any:
            what.pop("Range", None)
            found = there.get_object(**what)
            return {**found, "Body": Body(found["Body"])}

        through(objects, monkeypatch, get_object=all_of_it)
        return reads

    def test_a_large_object_is_read_within_bounded_memory(
        self, store: Store, objects: ObjectBucket, tmp_path: Path, reads: list[int]
    ) -> None:
        content = noise(3, 13 << 20)
        (tmp_path / "long").write_bytes(content)
        made = put(store, tmp_path / "long")
        with store.open(made.stored, made.key) as reader:
            assert reader.read() == content
            for place in (0, 7 << 20, len(content) - 10, 1):
                reader.seek(place)
                assert reader.read(20) == content[place : place + 20]
        assert max(reads) <= object_reader.HEAD_BYTES
        assert sum(reads) < 2 * made.stored.size, "not all of it anew for each window"
        assert list((tmp_path / "work").iterdir()) == []
        start = 5 << 20
        whole = objects._server.client().get_object(Bucket=BUCKET, Key=objects.key_of(made.stored.object_name))["Body"]
        sealed = b"".join(iter(lambda: whole.read(1 << 20), b""))
        assert objects.fetch(objects.key_of(made.stored.object_name), start, 100) == (
            sealed[start : start + 100], len(sealed)
        )  # fmt: skip

    def test_a_small_one_is_asked_for_once(self, store: Store, file: Path, reads: list[int]) -> None:
        made = put(store, file)
        assert read(store, made) == file.read_bytes()
        assert len([each for each in reads if each]) == 1


class TestDeletingMany:
    @pytest.fixture
    def three(self, objects: ObjectBucket, file: Path) -> list[str]:
        found = [f"{number:032x}" for number in range(3)]
        for name in found:
            objects.put(file, name)
        return found

    def test_it_takes_one_request_for_each_thousand(
        self, objects: ObjectBucket, three: list[str], server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = through(objects, monkeypatch)
        assert objects.delete_all([*three[:2], "f" * 32]) == {}
        assert (asked.asked, names(server, prefix)) == (["delete_objects"], {three[2]})
        monkeypatch.setattr(object_bucket, "DELETED_AT_ONCE", 2)
        assert objects.delete_all(three) == {}
        assert (len(asked.asked), names(server, prefix)) == (3, set())
        assert objects.delete_all([]) == {}

    @pytest.mark.parametrize(
        ("code", "status"), [("NotImplemented", 501), ("MethodNotAllowed", 405), ("MalformedXML", 400), ("404", 404)]
    )
    def test_a_server_that_knows_no_such_request_is_asked_for_each(
        self, objects: ObjectBucket, three: list[str], server: S3Server, prefix: str, code: str, status: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        asked = through(objects, monkeypatch, delete_objects=refuses(code, status))
        assert objects.delete_all(three[:2]) == {}
        assert objects.delete_all(three[2:]) == {}
        assert asked.asked == ["delete_objects", "delete_object", "delete_object", "delete_object"]
        assert names(server, prefix) == set()

    @pytest.mark.parametrize(
        ("code", "status"), [("InvalidAccessKeyId", 403), ("SlowDown", 503), ("NoSuchBucket", 404)]
    )
    def test_one_that_is_away_is_told_and_nothing_counts_as_deleted(
        self, objects: ObjectBucket, three: list[str], code: str, status: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = through(objects, monkeypatch, delete_objects=refuses(code, status))
        with pytest.raises(StoreUnavailable, match=code):
            objects.delete_all(three)
        assert asked.asked == ["delete_objects"]

    def test_what_the_answer_does_not_name_is_asked_for_by_itself(
        self, objects: ObjectBucket, three: list[str], server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What says yes to everything, such as a proxy on the way, has deleted nothing."""
        through(objects, monkeypatch, delete_objects=lambda **_what: {})
        assert objects.delete_all(three) == {}
        assert names(server, prefix) == set()

    def test_what_one_object_is_refused_for_is_told_and_the_others_go(
        self, objects: ObjectBucket, three: list[str], server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = objects._server.client()

        def but_one(**what: Any) -> Any:
            *others, last = what["Delete"]["Objects"]
            said = there.delete_objects(Bucket=what["Bucket"], Delete={"Objects": others})
            return {**said, "Errors": [{**last, "Code": "AccessDenied", "Message": "Object is locked"}]}

        through(objects, monkeypatch, delete_objects=but_one)
        assert objects.delete_all(three) == {three[2]: "AccessDenied: Object is locked"}
        assert names(server, prefix) == {three[2]}


def test_nothing_is_overwritten_and_the_same_may_come_again(
    store: Store, objects: ObjectBucket, file: Path, tmp_path: Path
) -> None:
    made = put(store, file)
    sealed = tmp_path / "as it lies there"
    found = store.sealed_file(made.stored)
    assert not isinstance(found, Path)
    sealed.write_bytes(found.read())
    objects.put(sealed, made.stored.object_name)
    (tmp_path / "other").write_bytes(b"x" * sealed.stat().st_size)
    with pytest.raises(DocumentLost, match="not overwritten"):
        objects.put(tmp_path / "other", made.stored.object_name)
    assert read(store, made) == file.read_bytes()


def test_a_server_that_knows_no_condition_overwrites_nothing_either(
    store: Store, objects: ObjectBucket, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_is_conditional", False)
    made = put(store, file)
    (tmp_path / "other").write_bytes(b"other")
    with pytest.raises(DocumentLost, match="not overwritten"):
        objects.put(tmp_path / "other", made.stored.object_name)
    assert read(store, made) == file.read_bytes()


@pytest.mark.parametrize("damage", [lambda old: old[:-1], lambda _: b"", lambda old: old[:200] + b"x" + old[201:]])
def test_what_was_changed_there_is_not_passed_on(
    store: Store, file: Path, server: S3Server, prefix: str, damage: object, tmp_path: Path
) -> None:
    made = put(store, file)
    of = {"Bucket": BUCKET, "Key": f"{prefix}/{made.stored.object_name[:2]}/{made.stored.object_name}"}
    old = client(server).get_object(**of)["Body"].read()
    client(server).put_object(**of, Body=damage(old))  # type: ignore[operator]
    with pytest.raises(DocumentLost, match="has changed"):
        store.copy_to(made.stored, tmp_path / "copy", made.key)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("name", ["", "..", "g" * 32, "A" * 32, "0" * 31, "0" * 31 + "\n"])
def test_a_name_that_the_store_never_gave_reaches_nothing(objects: ObjectBucket, file: Path, name: str) -> None:
    for use in (objects.delete, objects.open, lambda name: objects.put(file, name)):
        with pytest.raises(ValueError, match="not an object name"):
            use(name)


def test_without_its_marker_it_is_not_the_store(
    store: Store, objects: ObjectBucket, file: Path, server: S3Server, prefix: str
) -> None:
    made = put(store, file)
    client(server).delete_object(Bucket=BUCKET, Key=f"{prefix}/.faxplan-store")
    with pytest.raises(StoreUnavailable, match="store accept"):
        objects.look()
    for use in (lambda: put(store, file), lambda: store.scratch, store.check):
        with pytest.raises(StoreUnavailable, match="store accept"):
            use()
    store.delete(made.stored.object_name)
    with pytest.raises(StoreUnavailable), store.open(made.stored, made.key):
        pytest.fail("it was opened")
    store.accept()
    store.check()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bucket": "no-such-bucket"}, "is not the document store"),
        ({"endpoint": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"credentials_file": Path("/does/not/exist")}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(
    server: S3Server, prefix: str, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    wrong = ObjectBucket(replace(server.place(prefix), **change), Scratch(tmp_path / "work"))  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match=told):
        wrong.check()


def test_what_says_yes_to_everything_is_no_store(server: S3Server, prefix: str, tmp_path: Path, file: Path) -> None:
    class Agreeable(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_HEAD  # noqa: N815 - http.server's names

        def log_message(self, *_said: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Agreeable) as says:
        threading.Thread(target=says.serve_forever, daemon=True).start()
        place = server.place(prefix, endpoint=f"http://127.0.0.1:{says.server_port}")
        with pytest.raises(StoreUnavailable, match="is not the document store"):
            ObjectBucket(place, Scratch(tmp_path / "work")).put(file, "0" * 32)
        says.shutdown()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_not_followed(server: S3Server, prefix: str, tmp_path: Path, status: int) -> None:
    """Such as from http to https; or to whoever would like to have our requests."""
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", f"{server.endpoint}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_said: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as leads:
        threading.Thread(target=leads.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{leads.server_port}"
        objects = ObjectBucket(server.place(prefix, endpoint=endpoint), Scratch(tmp_path / "work"))
        uses: list[Callable[[], object]] = [
            objects.look, lambda: list(objects.listed(1)), lambda: objects.note("x"), lambda: objects.delete("0" * 32)
        ]  # fmt: skip
        for use in uses:
            with pytest.raises(StoreUnavailable, match="leads elsewhere, where nobody follows"):
                use()
        leads.shutdown()
    assert len(asked) == len(uses)


def test_a_wrong_secret_is_told_and_a_new_one_taken_up(
    server: S3Server, prefix: str, tmp_path: Path, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    credentials = tmp_path / "credentials"
    right = server.credentials.read_text()
    credentials.write_text(right.replace(SECRET, "an-old-secret"))
    objects = ObjectBucket(replace(server.place(prefix), credentials_file=credentials), Scratch(tmp_path / "work"))
    with pytest.raises(StoreUnavailable, match=r"secret key of store_credentials_file is wrong") as told:
        objects.accept()
    credentials.write_text(right)
    objects.accept()
    objects.look()
    for secret in (SECRET, "an-old-secret"):
        assert secret not in str(told.value)
        assert secret not in "".join(
            record.getMessage() for record in caplog.records if record.name.startswith("faxplan")
        )
    for broken in ("", "[default]\naws_access_key_id = a\n", f"aws_secret_access_key = {SECRET}\n", "[default\n"):
        credentials.write_text(broken)
        with pytest.raises(InvalidSetting, match=r"needs a section \[default\]") as refused:
            replace(server.place(prefix), credentials_file=credentials).credentials()
        assert SECRET not in str(refused.value)


class TestAServerThatFails:
    @pytest.fixture
    def way(self, server: S3Server) -> Iterator[Way]:
        made = Way(server)
        yield made
        made.close()

    @pytest.fixture
    def objects(self, server: S3Server, prefix: str, tmp_path: Path, way: Way) -> ObjectBucket:
        made = ObjectBucket(server.place(prefix, endpoint=way.endpoint), Scratch(tmp_path / "work"))
        made.accept()
        return made

    def test_an_answer_that_breaks_off_is_asked_for_again(
        self, store: Store, objects: ObjectBucket, file: Path, way: Way
    ) -> None:
        made = put(store, file)
        way.cut_after = 100_000
        objects._server._clients = None  # its connections go past that
        with pytest.raises(StoreUnavailable, match="stopped answering"):
            read(store, made)
        assert way.cuts >= object_bucket.TRIES
        way.cut_after = None
        objects._server._clients = None
        assert read(store, made) == file.read_bytes()

    def test_one_that_has_no_time_is_away(
        self, store: Store, objects: ObjectBucket, file: Path, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = put(store, file)
        way.refuses = True
        objects._server._clients = None  # its connections go past that
        with pytest.raises(StoreUnavailable, match="503"):
            objects.look()
        with pytest.raises(StoreUnavailable):
            put(store, file)
        way.refuses = False
        monkeypatch.setattr(object_bucket, "SEEN_SECONDS", 0.0)
        put(store, file)
        assert read(store, made) == file.read_bytes()

    def test_one_that_hangs_is_away_soon(
        self, store: Store, objects: ObjectBucket, server: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bucket_server, "LOOK_SECONDS", 0.3)
        monkeypatch.setattr(object_bucket, "SEEN_SECONDS", 0.0)
        objects._server._clients = None
        server.freeze()
        try:
            with pytest.raises(StoreUnavailable, match="stopped answering"):
                store.check()
        finally:
            server.thaw()
        store.check()


def test_no_fax_fails_while_its_server_is_away(
    world: World, server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way(server)
    there = replace(world, settings=server.settings(world.settings, prefix, endpoint=way.endpoint))
    there = replace(there, store=Store.of(there.settings))
    there.store.accept()
    monkeypatch.setattr(object_bucket, "SEEN_SECONDS", 0.0)
    waits = queued(there, there.acme)
    runtime = Runtime(there, monkeypatch)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)

    def for_seconds(seconds: float) -> None:
        end = runtime.switch.clock.monotonic() + seconds
        runtime.run(lambda: runtime.final(there.acme, waits)() or runtime.switch.clock.monotonic() > end)

    way.refuses = True
    there.store._objects._server._clients = None  # type: ignore[attr-defined]
    for_seconds(20)
    assert there.fax(there.acme, waits)["state"] == "queued"
    assert there.attempts(there.acme, waits) == []
    assert len([line for line in runtime.switch.logged if "nothing new is dialled" in line]) == 1
    way.refuses = False
    for_seconds(100)
    way.close()
    assert there.fax(there.acme, waits)["state"] == "sent"


def test_orphans_and_interrupted_uploads_go_after_a_week(
    world: World, store: Store, file: Path, server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = {"Bucket": BUCKET, "Key": f"{prefix}/00/" + "0" * 32}
    client(server).create_multipart_upload(**of)
    # 256 requests for each look, where two folders have something.
    monkeypatch.setattr(orphans, "FOLDERS", 1)
    store.take_in(file, replace(put(store, file).stored, object_name="0" * 31 + "1"))
    orphans.sweep(world.purge, store, lambda: True)
    assert len(names(server, prefix)) == 2
    assert orphans.count(world.purge, store)[0] == 1
    with world.purge.across_tenants() as tx:
        tx.execute("update purge_state set swept_at = null, next_folder = 0")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + orphans.AGE_SECONDS + 60)
    swept = orphans.sweep(world.purge, store, lambda: True)
    assert (swept.objects, swept.finished) == (1, True)
    assert len(names(server, prefix)) == 1
    assert client(server).list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_purge_leaves_alone_what_others_keep_in_the_bucket(
    objects: ObjectBucket, file: Path, server: S3Server, prefix: str
) -> None:
    """Such as another installation whose prefix is two digits, or somebody's large upload."""
    objects.put(file, "0" * 32)
    theirs = {"Bucket": BUCKET, "Key": f"{prefix}/00/11/{'1' * 32}"}
    client(server).put_object(**theirs, Body=b"theirs")
    assert [each.name for each in objects.listed(0)] == ["0" * 32]
    upload = client(server).create_multipart_upload(**theirs)["UploadId"]
    objects.drop_unfinished(time.time() + 60)
    assert client(server).list_parts(**theirs, UploadId=upload)["UploadId"] == upload
    client(server).abort_multipart_upload(**theirs, UploadId=upload)


@pytest.mark.parametrize("code", ["AccessDenied", "NotImplemented"])
def test_purge_ends_well_where_interrupted_uploads_may_not_be_seen(
    world: World, store: Store, objects: ObjectBucket, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Of an account with less rights than the page names, or a server that does not know the request."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as for those whom it is for

    def refused(**_what: object) -> None:
        raise ClientError({"Error": {"Code": code}}, "ListMultipartUploads")

    monkeypatch.setattr(objects._server.client(), "list_multipart_uploads", refused)
    monkeypatch.setattr(orphans, "FOLDERS", 1)
    assert orphans.sweep(world.purge, store, lambda: True).finished
    assert objects._server.looked is None


def test_the_page_names_every_right_that_a_refusal_does() -> None:
    page = (PROJECT / "docs/scaling.md").read_text()
    assert [each for each in bucket_server.RIGHTS if f"`{each}`" not in page] == []


def test_one_thread_that_forgets_the_connection_takes_it_from_no_other(
    server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bucket_server.BucketServer(server.place(prefix))
    asked.client()
    own = os.getpid()

    def meanwhile() -> int:
        asked._clients = None
        return own

    monkeypatch.setattr(os, "getpid", meanwhile)
    assert asked.client() is not None


def test_a_server_that_hides_the_size_is_told_and_nothing_breaks(
    objects: ObjectBucket, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put(file, "0" * 32)
    hiding = Hiding(objects._server.client())
    monkeypatch.setattr(objects._server, "client", lambda **_looks: hiding)
    with pytest.raises(StoreUnavailable, match="does not say how large"):
        objects.open("0" * 32)


class Hiding:
    """A server whose Content-Range has a star where the size should be, as HTTP allows (RFC 9110, 14.4)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_object(self, **what: Any) -> Any:
        return {**self._client.get_object(**what), "ContentRange": "bytes 0-5/*"}


def test_purge_notes_its_runs_there(world: World, store: Store) -> None:
    purge_state.begin(world.purge, store)
    purge_state.begin(world.purge, store)
    with world.purge.across_tenants() as tx:
        assert purge_state.restored(tx, store) is None
        tx.execute("update purge_state set runs = 1")
        assert purge_state.restored(tx, store) == "the store has seen 2 runs of purge, and the database knows of 1"


def test_the_doctor_says_what_is_wrong(world: World, server: S3Server, prefix: str, objects: ObjectBucket) -> None:
    settings = server.settings(world.settings, prefix)
    found = doctor_bucket.bucket(settings)
    assert [each.level for each in found] == [Level.OK, Level.OK], found
    server.make_bucket("versions")
    client(server).put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    versioned = replace(settings, store_bucket="s3://versions")
    Store.of(versioned).accept()
    assert "keeps versions" in " ".join(each.found for each in doctor_bucket.bucket(versioned))
    server.credentials.chmod(0o644)
    assert "open to others" in " ".join(each.found for each in doctor_bucket.bucket(settings))
    server.credentials.chmod(0o600)
    (_, away) = doctor_bucket.bucket(replace(settings, store_endpoint="http://127.0.0.1:9"))
    assert (away.level, "cannot be reached" in away.found) == (Level.ERROR, True)
    assert doctor_bucket.bucket(world.settings) == []


def test_monitoring_tells_of_no_room(store: Store) -> None:
    assert [each.name for each in metrics._of_store(store)] == ["faxplan_store_up"]


@pytest.mark.parametrize(
    "said",
    [
        {"store_bucket": "bucket"},
        {"store_bucket": "s3://Bucket"},
        {"store_bucket": "s3://bucket//x"},
        {"store_bucket": "s3://bucket/../x"},
        {"store_bucket": "s3://bucket", "store_dir": "/srv/store"},
        {"store_bucket": "s3://bucket", "store_endpoint": "s3.example.com"},
        {"store_bucket": "s3://bucket", "store_endpoint": "https://me:a-password@s3.example.com"},
    ],
)
def test_settings_that_name_no_bucket_are_refused(tmp_path: Path, said: dict[str, str]) -> None:
    file = tmp_path / "faxplan.toml"
    file.write_text(config.to_toml({"database_url": "postgresql://db/faxplan", **said}))
    with pytest.raises(InvalidSetting) as refused:
        config.load(file, {})
    assert "a-password" not in str(refused.value)


def test_a_reader_is_none_that_a_zip_would_miss(store: Store, file: Path) -> None:
    """What reads page images wants to seek and tell."""
    with store.open((made := put(store, file)).stored, made.key) as reader:
        assert reader.seekable()
        reader.seek(-5, io.SEEK_END)
        assert reader.tell() == 300_000 - 5


class TestAnInstallation:
    """With all that an operator does to it."""

    @pytest.fixture
    def there(self, world: World, server: S3Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> World:
        # A pg_dump that is no older than the server.
        monkeypatch.setenv("PATH", f"{world.installation.cluster.programs}:{os.environ['PATH']}")
        there = replace(world, settings=server.settings(world.settings, prefix))
        there = replace(there, store=Store.of(there.settings))
        there.store.accept()
        return there

    def test_a_backup_leaves_documents_there_and_knows_which_are_lost(
        self, there: World, server: S3Server, prefix: str, tmp_path: Path
    ) -> None:
        queued(there, there.acme)
        told: list[str] = []
        taken = backups.take(there.settings, tmp_path / "backup", settings_file=None, told=told.append)
        assert taken.lost == ()
        assert f"documents: 1, which stay in s3://{BUCKET}/{prefix}" in told
        assert not (tmp_path / "backup" / "store").exists()
        (name,) = names(server, prefix)
        there.store.delete(name)
        taken = backups.take(there.settings, tmp_path / "another", settings_file=None)
        assert taken.lost == (name,)

    def test_a_backup_of_a_folder_is_restored_once_its_documents_are_there(
        self, world: World, there: World, tmp_path: Path
    ) -> None:
        queued(world, world.acme)
        backups.take(world.settings, tmp_path / "backup", settings_file=None)
        missing = tuple(restoring._missing(there.settings, tmp_path / "backup"))
        assert len(missing) == 1
        with pytest.raises(RestoreRefused, match="lacks 1 documents that the backup has"):
            restoring.bring_documents(there.settings, tmp_path / "backup", missing, lambda _: None)
        there.store._objects.put(tmp_path / "backup" / missing[0], missing[0][-32:])
        assert restoring._missing(there.settings, tmp_path / "backup") == []

    def test_the_doctor_examines_the_rest_while_its_server_is_away(self, there: World) -> None:
        away = replace(there.settings, store_endpoint="http://127.0.0.1:9")
        found, _ = doctor_database.database(away)
        assert "schema" in [each.what for each in found]

    def test_what_went_wrong_is_told_and_not_that_the_server_went_as_well(
        self, there: World, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        made = [there.store.seal(file, 7, documents.ORIGINAL)]
        there.store._objects._server._clients = None  # type: ignore[attr-defined]
        there.store._objects._server.at = replace(  # type: ignore[attr-defined]
            there.store._objects._server.at, endpoint="http://127.0.0.1:9"  # type: ignore[attr-defined]
        )  # fmt: skip
        with pytest.raises(InvalidSetting, match="the reason"), there.store.kept_if_named(made):
            raise InvalidSetting("the reason")
        assert "left to purge" in caplog.text
