"""What is sent to the API: documents, cover pages, pace."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from faxplan_client import bodies
from faxplan_client.bodies import Body, File


@dataclass(frozen=True, slots=True)
class Link:
    """A document that the server fetches. name: what people read; empty: as it is called there."""

    address: str
    name: str = ""


Documents: TypeAlias = str | Path | File | Link | Iterable[str | Path | File | Link]
"""One or several: paths of files, what is in memory, addresses where they lie."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover page. template: of the organisation's (Client.cover_pages); None: its standard one."""

    to_name: str = ""
    to_company: str = ""
    subject: str = ""
    message: str = ""
    phone: str = ""
    reference: str = ""
    template: int | None = None


@dataclass(frozen=True, slots=True)
class NewPace:
    """How fast a campaign goes: faxes begun in a minute, in a call at once, and when. weekdays: 1 is Monday."""

    per_minute: int = 30
    at_once: int = 10
    opens: str = "00:00"
    closes: str = "24:00"
    weekdays: Sequence[int] = (1, 2, 3, 4, 5, 6, 7)
    start_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewRetries:
    """How often a campaign's faxes are tried, and after how many seconds again. None, empty: as others are."""

    max_attempts: int | None = None
    delays: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class HowToRead:
    """How a CSV file is to be read; what is not said is found out. separator: comma, semicolon, tab, pipe. columns: in
    which column, from 0, `number`, `name`, `first`, `last` and `company` are."""

    separator: str | None = None
    encoding: str | None = None
    heading: bool | None = None
    columns: Mapping[str, int] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """As they are sent."""
        return {**asdict(self), "columns": None if self.columns is None else dict(self.columns)}


def several(documents: Documents) -> list[File | Link]:
    """As they are sent. Raises OSError for a file that is not there."""
    found = [documents] if isinstance(documents, str | Path | File | Link) else list(documents)
    return [_one(each) for each in found]


def _one(document: str | Path | File | Link) -> File | Link:
    if isinstance(document, File | Link):
        return document
    path = Path(document)
    # Before anything is sent.
    path.open("rb").close()
    return File(path.name.encode("utf-8", "replace").decode(), path)


def body(values: dict[str, Any], documents: Iterable[File | Link]) -> Body:
    """Values with documents: as a form, or as JSON where some lie elsewhere."""
    given = {name: plain(value) for name, value in values.items() if value is not None}
    found = list(documents)
    if not any(isinstance(each, Link) for each in found):
        return bodies.of_files([each for each in found if isinstance(each, File)], given)
    return bodies.of_json(given | {"documents": [_said(each) for each in found]})


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Cover | NewPace | NewRetries):
        return {name: plain(each) for name, each in asdict(value).items() if each is not None}
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _said(document: File | Link) -> dict[str, str]:
    if isinstance(document, Link):
        return {"url": document.address, "name": document.name}
    return {"name": document.name, "content": bodies.in_base64(b"".join(document.pieces()))}
