"""The sofia profile's gateways, from XML files in a folder: rescan adds and never updates, killgw removes (sofia.c)."""

import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Gateway:
    """A gateway that is loaded, with the parameters it was loaded with."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    up: bool = True
    calls_out: int = 0
    failed_calls_out: int = 0


class Gateways:
    """Loaded gateways by name; the name is unique in the whole switch. Thread safe."""

    def __init__(self, folder: Path | None, down: set[str]) -> None:
        self._folder = folder
        self._down = down
        self._lock = threading.Lock()
        self._loaded: dict[str, Gateway] = {}
        self.rescan()

    def find(self, name: str) -> Gateway | None:
        """A loaded gateway, or None."""
        with self._lock:
            return self._loaded.get(name)

    def add(self, name: str) -> None:
        """A gateway without a file, for tests and demonstrations."""
        with self._lock:
            self._loaded.setdefault(name, Gateway(name, up=name not in self._down))

    def rescan(self) -> None:
        """Load every gateway of the folder that is not loaded yet."""
        for name, parameters in self._read().items():
            with self._lock:
                if name not in self._loaded and _is_usable(parameters):
                    self._loaded[name] = Gateway(name, parameters, up=name not in self._down)

    def start(self, name: str) -> bool:
        """startgw: load this one; False if its file is gone or it is unusable. A loaded one stays as it is."""
        parameters = self._read().get(name)
        if parameters is None or not _is_usable(parameters):
            return False
        with self._lock:
            self._loaded.setdefault(name, Gateway(name, parameters, up=name not in self._down))
        return True

    def kill(self, name: str) -> bool:
        """False if no such gateway is loaded."""
        with self._lock:
            return self._loaded.pop(name, None) is not None

    def kill_all(self) -> None:
        """Remove every gateway."""
        with self._lock:
            self._loaded.clear()

    def all(self) -> list[Gateway]:
        """The loaded gateways."""
        with self._lock:
            return list(self._loaded.values())

    def _read(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        files = sorted(self._folder.glob("*.xml")) if self._folder and self._folder.is_dir() else []
        for file in files:
            root = ET.fromstring(f"<gateways>{_preprocessed(file.read_text(encoding='utf-8'))}</gateways>")  # noqa: S314 - our own files
            for gateway in root.iter("gateway"):
                found[gateway.get("name", "")] = {
                    param.get("name", ""): param.get("value", "") for param in gateway.iter("param")
                }
        return found


def _preprocessed(text: str) -> str:
    """The XML preprocessor drops what shares a line with <include> or </include>, without a word."""
    return "\n".join(line for line in text.splitlines() if "<include" not in line and "</include" not in line)


def _is_usable(parameters: dict[str, str]) -> bool:
    """Registration is on by default and needs user name and password, or the gateway is skipped."""
    if parameters.get("register", "true") == "false":
        return True
    return bool(parameters.get("username") and parameters.get("password"))
