"""The PostgreSQL of `make run`."""

from pathlib import Path

from faxplan import postgres, processes
from faxplan.postgres import Cluster
from faxplan.processes import ProcessId


class EmbeddedPostgres:
    """A processes.Service: the embedded PostgreSQL."""

    name = "PostgreSQL"

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._cluster: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        """The server that was started."""
        if self._cluster is None:
            raise RuntimeError("PostgreSQL was not started")
        return self._cluster

    def start(self) -> None:
        """See processes.Service."""
        self._cluster = postgres.start(self._data_dir)

    def alive(self) -> bool:
        """See processes.Service."""
        return self._cluster is not None and self._cluster.running()

    def stop(self) -> None:
        """See processes.Service. Also ends one whose start was interrupted half-way."""
        if self._data_dir.exists():
            postgres.at(self._data_dir).stop()

    def identity(self) -> ProcessId | None:
        """None: one that is left over is found and used again by the next start."""
        return None

    def obituary(self) -> str:
        """See processes.Service."""
        return f"{self.name} ended. {processes.tail(self._data_dir.resolve() / 'server.log')}"
