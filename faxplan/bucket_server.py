"""A server that speaks S3, as the document store's bucket lies on one: who logs in there, and what its refusals mean.

botocore speaks to it (docs/decisions/documents-in-s3.md); it is loaded by those alone who have a bucket.
"""

import base64
import configparser
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from faxplan.config import Settings
from faxplan.errors import InvalidSetting
from faxplan.objects import StoreUnavailable

SEEN_SECONDS = 5.0
"""So long it counts whether the store was there when it was last looked at."""
CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 20, 3
LOOK_SECONDS = 3
"""How long a look takes at most that only asks whether the store is there: calls wait for it."""
RIGHTS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:ListBucketMultipartUploads",
          "s3:AbortMultipartUpload")  # fmt: skip
_RIGHTS = f"The account may not do that: it needs {', '.join(RIGHTS)}."
_REMEDIES = {
    "InvalidAccessKeyId": "It does not know the access key of store_credentials_file.",
    "SignatureDoesNotMatch": "The secret key of store_credentials_file is wrong, or store_region is.",
    "ExpiredToken": "The token of store_credentials_file has expired.",
    "AccessDenied": _RIGHTS,
    "403": _RIGHTS,
    "NoSuchBucket": "Make the bucket, or correct store_bucket.",
    **dict.fromkeys(
        ("301", "302", "307", "308", "PermanentRedirect"),
        "It leads elsewhere, where nobody follows: write the right address into store_endpoint, with https where it "
        "wants that.",
    ),
    "RequestTimeTooSkewed": "The clocks of this machine and of the server differ: timedatectl.",
}
MISSING = ("NoSuchKey", "404", "NotFound")
_IS_THERE = ("PreconditionFailed", "412")
_OF_ALL = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "NoSuchBucket", "RequestTimeTooSkewed", "301",
           "302", "307", "308", "PermanentRedirect", "429", "TooManyRequests")  # fmt: skip
"""Refusals that every request would get."""
_ANEW = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Settings of the same names, without store_. prefix: empty, or ends with a slash."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    credentials_file: Path | None
    ca_file: Path | None

    @classmethod
    def of(cls, settings: Settings) -> "BucketPlace":
        bucket, _, prefix = settings.store_bucket.removeprefix("s3://").partition("/")
        return cls(
            bucket, f"{prefix}/" if prefix else "", settings.store_endpoint, settings.store_region,
            settings.store_credentials_file, settings.store_ca_file,
        )  # fmt: skip

    def credentials(self) -> dict[str, str]:
        """As botocore's create_client takes them; empty: it looks for them itself. Raises InvalidSetting."""
        if self.credentials_file is None:
            return {}
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(self.credentials_file.read_text(encoding="utf-8"))
            found = parser["default"]
            said = {"aws_access_key_id": found["aws_access_key_id"]}
            said["aws_secret_access_key"] = found["aws_secret_access_key"]
        except OSError as error:
            raise InvalidSetting(
                f"store_credentials_file {self.credentials_file} cannot be read: {error.strerror}. It must be there, "
                "and belong to the user of FreeSWITCH."
            ) from error
        except (configparser.Error, KeyError, UnicodeDecodeError):
            # Without the line that is wrong: it may have the secret.
            raise InvalidSetting(
                f"store_credentials_file {self.credentials_file} needs a section [default] with aws_access_key_id and "
                "aws_secret_access_key, as Amazon's programs write it."
            ) from None
        if "aws_session_token" in found:
            said["aws_session_token"] = found["aws_session_token"]
        return said


class CutOff(Exception):
    """An answer broke off."""


class BucketServer:
    """One for a process and its children; for several threads at once. looked: when it was last seen, monotonic, and
    what was wrong then; None: nothing.
    """

    def __init__(self, at: BucketPlace) -> None:
        self.at = at
        self.looked: tuple[float, str | None] | None = None
        self._lock = threading.Lock()
        self._clients: tuple[int, Any, Any] | None = None

    @property
    def place(self) -> str:
        """s3://bucket/prefix"""
        return f"s3://{self.at.bucket}/{self.at.prefix}".rstrip("/")

    @contextmanager
    def asked(self, *, is_last: bool = True, may_refuse: bool = False) -> Iterator[None]:
        """What goes wrong with the server, in the block, as StoreUnavailable; what it says of an object as
        FileNotFoundError, FileExistsError, EOFError (nothing from there on) and NotImplementedError.

        is_last: no CutOff is to be tried again. may_refuse: a refusal that is about this request alone is one of a
        server that does not know how (NotImplementedError).
        """
        from botocore import exceptions  # noqa: PLC0415 - 30 MB, for those alone who have a bucket

        try:
            yield
        except exceptions.ClientError as error:
            said = error.response.get("Error", {})
            code = str(said.get("Code", ""))
            if code in MISSING:
                raise FileNotFoundError(code) from error
            if code == "InvalidRange":
                raise EOFError(code) from error
            if code in _IS_THERE:
                raise FileExistsError(code) from error
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code == "NotImplemented" or status == 501 or (may_refuse and status < 500 and code not in _OF_ALL):
                raise NotImplementedError(code) from error
            if code in _ANEW:
                # The file may have been written anew since.
                self._clients = None
            remedy = _REMEDIES.get(code, "See whether the server is well.")
            self.fail(f"{self.place} cannot be used ({code}: {str(said.get('Message', ''))[:200]}). {remedy}")
        except (
            exceptions.IncompleteReadError,
            exceptions.ReadTimeoutError,
            exceptions.ResponseStreamingError,
        ) as error:
            if not is_last:
                raise CutOff from error
            self.fail(f"{self.place} has stopped answering ({type(error).__name__}). See whether the server is well.")
        except exceptions.BotoCoreError as error:
            self.fail(f"{self.place} cannot be reached ({str(error)[:200]}). See whether its server runs.")

    def fail(self, told: str) -> NoReturn:
        """Notes and raises it."""
        self.looked = (time.monotonic(), told)
        raise StoreUnavailable(told)

    def client(self, *, looks: bool = False) -> Any:
        """Of this process: a connection is nothing to share with a child."""
        with self._lock:
            # Once read: another thread, to which the server has just said that it knows no such key, forgets them.
            clients = self._clients
            if clients is None or clients[0] != os.getpid():
                self._clients = clients = (os.getpid(), *self._connected())
            return clients[2 if looks else 1]

    def _connected(self) -> tuple[Any, Any]:
        import botocore.session  # noqa: PLC0415 - see asked
        from botocore.config import Config  # noqa: PLC0415

        try:
            found = self.at.credentials()
        except InvalidSetting as error:
            self.fail(str(error))
        # Whatever log_level says: what it notes of each request is for nobody's log.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        session = botocore.session.get_session()
        shared: dict[str, Any] = {
            "signature_version": "s3v4",
            # Servers of others have no host name for each bucket; and they know no checksum but that of the signature.
            "s3": {"addressing_style": "path" if self.at.endpoint else "auto", "payload_signing_enabled": True},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            "max_pool_connections": 32,
        }
        patient = Config(
            **shared, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": TRIES},
        )  # fmt: skip
        brief = Config(
            **shared, connect_timeout=LOOK_SECONDS, read_timeout=LOOK_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
        )  # fmt: skip
        made = [
            session.create_client(
                "s3", region_name=self.at.region, endpoint_url=self.at.endpoint or None,
                verify=None if self.at.ca_file is None else str(self.at.ca_file), config=config, **found,
            )
            for config in (patient, brief)
        ]  # fmt: skip
        if self.at.endpoint:
            for each in made:
                each.meta.events.register_last("before-parameter-build.s3", _stay)
                each.meta.events.register_first("before-sign.s3.DeleteObjects", _with_md5)
        return made[0], made[1]


def _with_md5(request: Any, **_more: Any) -> None:
    """Servers of others may want the digest that S3 wanted of this request at first, and know no newer one."""
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()


def _stay(context: dict[str, Any], **_more: Any) -> None:
    """Has botocore look for no other region where the server answers with a redirect: it asks for that in a request
    which is redirected as well, hundreds of times, until Python can call no deeper (S3RegionRedirectorv2)."""
    context.setdefault("s3_redirect", {})["redirected"] = True
