"""The document store's objects in a bucket of a server that speaks S3, as several nodes share it.

What goes there was sealed before: the server sees names, sizes and times. docs/decisions/documents-in-s3.md
"""

import contextlib
import filecmp
import io
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from faxplan.bucket_server import MISSING, SEEN_SECONDS, TRIES, BucketPlace, BucketServer, CutOff
from faxplan.config import Settings
from faxplan.object_reader import HEAD_BYTES, ObjectReader, blocks
from faxplan.objects import MARK, MARKER, DocumentLost, Listed, StoreUnavailable, checked_name, is_name
from faxplan.scratch import Scratch

LOG = logging.getLogger(__name__)
PART_BYTES = 16 << 20
"""What is larger goes in parts of this size, each in memory while it goes."""
DELETED_AT_ONCE = 1000
"""What S3 takes in one request."""
_LESS = "{place} gives less of an object than it says. See whether the server is well."


class ObjectBucket:
    """See objects.Objects. One for a process and its children; for several threads at once."""

    def __init__(self, at: BucketPlace, scratch: Scratch) -> None:
        self._server = BucketServer(at)
        self._bucket, self._prefix = at.bucket, at.prefix
        self._scratch = scratch
        self._is_conditional = self._deletes_many = True
        self.knows_ranges = True

    @classmethod
    def of(cls, settings: Settings, scratch: Scratch) -> "ObjectBucket":
        """That of the settings."""
        return cls(BucketPlace.of(settings), scratch)

    @property
    def place(self) -> str:
        return self._server.place

    @property
    def folder(self) -> Path | None:
        return None

    def check(self) -> None:
        """What was seen in the last SEEN_SECONDS counts."""
        looked = self._server.looked
        if looked is None or time.monotonic() - looked[0] > SEEN_SECONDS:
            self.look()
        elif looked[1] is not None:
            raise StoreUnavailable(looked[1])

    def look(self) -> None:
        """As check, now."""
        try:
            with self._server.asked():
                marker = self._server.client(looks=True).head_object(**self._of(MARKER))
            # What says yes to everything, such as a proxy on the way, would say so to each document that is put.
            if marker.get("ContentLength") != len(MARK):
                raise FileNotFoundError(MARKER)
        except FileNotFoundError:
            self._server.fail(
                f"{self.place} is not the document store: {MARKER} is missing in it. If this is a new store, or one "
                "that was copied without that object: `faxplan store accept`."
            )
        self._server.looked = (time.monotonic(), None)

    def be_there(self) -> None:
        self.check()

    def accept(self) -> None:
        with self._server.asked():
            self._server.client().put_object(**self._of(MARKER), Body=MARK)
        self._server.looked = None

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        checked_name(name)
        self.check()
        with self._scratch.folder() as folder:
            made = folder / "sealed"
            yield made
            self.put(made, name)

    def put(self, file: Path, name: str) -> None:
        """What is there is not overwritten. Raises DocumentLost where that is something else."""
        key, size = self._key(name), file.stat().st_size
        self.check()
        try:
            with self._server.asked():
                self._put(file, key, size)
        except FileExistsError:
            # The answer to an earlier try was lost, or it is repeated.
            if not self._is_same(file, name, size):
                raise DocumentLost(
                    f"Object {name} is in {self.place} with other content, and is not overwritten."
                ) from None

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(ObjectReader(self, name), 64 << 10))

    def delete(self, name: str) -> None:
        with self._server.asked():
            self._server.client().delete_object(Bucket=self._bucket, Key=self._key(name))

    def delete_all(self, names: Sequence[str]) -> Mapping[str, str]:
        left: dict[str, str] = {}
        for first in range(0, len(names), DELETED_AT_ONCE):
            some = names[first : first + DELETED_AT_ONCE]
            told = self._delete_many(some) if self._deletes_many else {}
            left |= {name: why for name, why in told.items() if why is not None}
            # Also what the answer does not name: what says yes to everything has deleted nothing.
            for name in some:
                if name not in told:
                    self.delete(name)
        return left

    def _delete_many(self, names: Sequence[str]) -> Mapping[str, str | None]:
        """In one request; what the server says of each: None, it is gone, or why it is not. Of those that it does not
        name, or where it does not know such a request, nobody knows.
        """
        keys = {self._key(name): name for name in names}
        try:
            with self._server.asked(may_refuse=True):
                said = self._server.client().delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys]}
                )
        except (NotImplementedError, FileNotFoundError, FileExistsError, EOFError):
            self._deletes_many = False
            return {}
        told: dict[str, str | None] = {
            keys[each["Key"]]: None for each in said.get("Deleted", ()) if each.get("Key") in keys
        }
        for each in said.get("Errors", ()):
            if each.get("Key") in keys:
                code = str(each.get("Code", ""))
                told[keys[each["Key"]]] = None if code in MISSING else f"{code}: {str(each.get('Message', ''))[:200]}"
        return told

    def make_deletions_last(self, names: Iterable[str]) -> None:
        """Nothing: the server has said that they are gone."""

    def listed(self, number: int) -> Iterator[Listed]:
        folder = f"{self._prefix}{number:02x}/"
        after: dict[str, str] = {}
        while True:
            with self._server.asked():
                page = self._server.client().list_objects_v2(Bucket=self._bucket, Prefix=folder, **after)
            for each in page.get("Contents", ()):
                name = each["Key"].removeprefix(folder)
                # Purge removes what is listed and no row names: nothing that others keep in the bucket is to be.
                if is_name(name):
                    yield Listed(name, each["Size"], each["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            after = {"ContinuationToken": page["NextContinuationToken"]}

    def remove(self, listed: Listed, number: int) -> bool:
        with self._server.asked():
            self._server.client().delete_object(
                Bucket=self._bucket, Key=f"{self._prefix}{number:02x}/{listed.name}"
            )  # fmt: skip
        return True

    def drop_unfinished(self, before: float) -> None:
        """What is left costs room and nothing else: an account that may not, or a server that knows no such request,
        keeps nobody from what comes after."""
        try:
            self._drop_unfinished(before)
        except (StoreUnavailable, NotImplementedError) as error:
            LOG.warning("what interrupted uploads have left in %s stays there: %s", self.place, error)
            self._server.looked = None

    def _drop_unfinished(self, before: float) -> None:
        with self._server.asked():
            found = self._server.client().list_multipart_uploads(Bucket=self._bucket, Prefix=self._prefix)
        for each in found.get("Uploads", ()):
            # Others may upload into the bucket, too; and not every server goes by the prefix.
            if each["Initiated"].timestamp() < before and self._is_ours(each["Key"]):
                with contextlib.suppress(FileNotFoundError), self._server.asked():
                    self._server.client().abort_multipart_upload(
                        Bucket=self._bucket, Key=each["Key"], UploadId=each["UploadId"]
                    )

    def note(self, name: str) -> bytes | None:
        try:
            return self.fetch(self._prefix + name, 0, HEAD_BYTES)[0]
        except FileNotFoundError:
            return None

    def set_note(self, name: str, content: bytes) -> None:
        self.check()
        with self._server.asked():
            self._server.client().put_object(**self._of(name), Body=content)

    def room(self) -> tuple[int, int] | None:
        return None

    def keeps_versions(self) -> bool:
        """Whether what is deleted is kept there all the same."""
        with self._server.asked():
            found = self._server.client().get_bucket_versioning(Bucket=self._bucket)
        return found.get("Status") in ("Enabled", "Suspended")

    def overwrites(self) -> bool:
        """Whether the server overwrites an object although it is asked not to: tried with the marker, which stays."""
        try:
            with self._server.asked():
                self._server.client().put_object(**self._of(MARKER), Body=MARK, IfNoneMatch="*")
        except FileExistsError:
            return False
        except NotImplementedError:
            pass
        return True

    # -------------------------------------------------------------------------------------------------------- requests

    def fetch(self, key: str, start: int, most: int) -> tuple[bytes, int]:
        """So many bytes of an object from there on, and how many it has in all. Raises FileNotFoundError."""
        for tries_left in reversed(range(TRIES)):
            try:
                with self._server.asked(is_last=not tries_left):
                    found = self._server.client().get_object(
                        Bucket=self._bucket, Key=key, Range=f"bytes={start}-{start + most - 1}"
                    )
                    # A server that knows no ranges gives all of it.
                    self.knows_ranges = "ContentRange" in found
                    said = found["ContentRange"] if self.knows_ranges else f"/{found.get('ContentLength', '')}"
                    size = str(said).rpartition("/")[2]
                    with contextlib.closing(found["Body"]) as body:
                        if not size.isdecimal():
                            self._server.fail(f"{self.place} does not say how large an object is: no S3 does so.")
                        if not self.knows_ranges:
                            for _skipped in blocks(body, start):
                                pass
                        content = b"".join(blocks(body, most))
                if len(content) < min(most, max(int(size) - start, 0)):
                    # Let go of by whoever is on the way, and not noticed as broken off.
                    raise CutOff
                return content, int(size)
            except EOFError:
                return b"", 0
            except CutOff:
                # botocore tries again what had no answer, and not an answer that broke off.
                if not tries_left:
                    self._server.fail(_LESS.format(place=self.place))
        raise AssertionError  # pragma: no cover - the last try raises

    def whole(self, key: str, size: int) -> BinaryIO:
        """All of an object, in a file without a name: of a server that knows no ranges each window would be a request
        for all that is before it. Raises FileNotFoundError.
        """
        for tries_left in reversed(range(TRIES)):
            copy = self._scratch.file()
            try:
                with self._server.asked(is_last=not tries_left):
                    found = self._server.client().get_object(Bucket=self._bucket, Key=key)
                    with contextlib.closing(found["Body"]) as body:
                        copy.writelines(blocks(body, size))
                if copy.tell() == size:
                    return copy
            except CutOff:
                pass
            except BaseException:
                copy.close()
                raise
            copy.close()
            if not tries_left:
                self._server.fail(_LESS.format(place=self.place))
        raise AssertionError  # pragma: no cover - the last try raises

    def key_of(self, name: str) -> str:
        """Under which key an object lies."""
        return self._key(name)

    def missing(self, name: str) -> DocumentLost:
        """What an object is that is not there. Raises StoreUnavailable where the store is not there either."""
        self.look()
        return DocumentLost(f"Object {name} is missing in {self.place}. Restore it from a backup.")

    def _put(self, file: Path, key: str, size: int) -> None:
        only_new: dict[str, str] = {"IfNoneMatch": "*"} if self._is_conditional else {}
        if not self._is_conditional:
            with contextlib.suppress(FileNotFoundError), self._server.asked():
                self._server.client().head_object(Bucket=self._bucket, Key=key)
                raise FileExistsError(key)
        try:
            with self._server.asked():
                if size > PART_BYTES:
                    self._put_in_parts(file, key, only_new)
                    return
                with file.open("rb") as body:
                    self._server.client().put_object(
                        Bucket=self._bucket, Key=key, Body=body, ContentLength=size, **only_new
                    )  # fmt: skip
        except NotImplementedError:
            if not self._is_conditional:
                self._server.fail(f"{self.place} does not take objects: the server does not know how.")
            self._is_conditional = False
            self._put(file, key, size)

    def _put_in_parts(self, file: Path, key: str, only_new: dict[str, str]) -> None:
        client, of = self._server.client(), {"Bucket": self._server.at.bucket, "Key": key}
        upload = {**of, "UploadId": client.create_multipart_upload(**of)["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            with file.open("rb") as reader:
                while part := reader.read(PART_BYTES):
                    number = len(parts) + 1
                    tag = client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]
                    parts.append({"PartNumber": number, "ETag": tag})
            client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **only_new)
        except BaseException:
            # What is left there goes with the orphans (drop_unfinished).
            with contextlib.suppress(Exception):
                client.abort_multipart_upload(**upload)
            raise

    def _is_same(self, file: Path, name: str, size: int) -> bool:
        with self._scratch.folder() as folder:
            there = folder / "there"
            with self.open(name) as reader, there.open("wb") as writer:
                while block := reader.read(HEAD_BYTES):
                    writer.write(block)
            return there.stat().st_size == size and filecmp.cmp(file, there, shallow=False)

    def _is_ours(self, key: str) -> bool:
        name = key.rpartition("/")[2]
        return is_name(name) and key == self._key(name)

    def _of(self, name: str) -> dict[str, str]:
        """The parameters that name something beside the objects."""
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    def _key(self, name: str) -> str:
        return f"{self._prefix}{checked_name(name)[:2]}/{name}"
