"""Documents that are named by their addresses: fetched to local disk, within bounds of bytes, time, and number."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from faxplan import attachment_names
from faxplan.bounded_line import Until
from faxplan.language import _
from faxplan.originals import NamedFile
from faxplan.web_client import Busy, FetchRefused, Saved, WebClient

SECONDS = 45.0
"""For all documents of a request together."""
MOST_BYTES = 100 * 1024**2
"""Of all documents of a request together."""
_MOST_AT_ONCE, _MOST_OF_TENANT = 4, 2
"""Requests whose documents are fetched, in a process: if all are slow, most of its threads are free."""
_lock = threading.Lock()
_at_work: Counter[int] = Counter()


@dataclass(frozen=True, slots=True)
class Linked:
    """A document that lies elsewhere. name: what it is called here; empty: as it is there."""

    address: str
    name: str = ""


def fetch(client: WebClient, tenant_id: int, files: Sequence[NamedFile | Linked], folder: Path) -> list[NamedFile]:
    """These files, in their order, with those that lie elsewhere fetched into the folder.

    Raises AddressRefused, FetchRefused, and FetchFailed for what may work later.
    """
    if not any(isinstance(each, Linked) for each in files):
        return [each for each in files if isinstance(each, NamedFile)]
    for each in files:
        if isinstance(each, Linked):
            client.check(each.address)
    with _one_of(tenant_id):
        until, left, found = Until.after(SECONDS), MOST_BYTES, []
        for number, each in enumerate(files):
            if isinstance(each, NamedFile):
                found.append(each)
                continue
            target = folder / f"fetched-{number}"
            saved = client.save(each.address, target, left, until)
            left -= saved.size
            if not saved.size:
                raise FetchRefused(
                    _("What lies at {host} is empty.").format(host=urlsplit(saved.address).hostname or "")
                )
            found.append(NamedFile(target, each.name or _name(saved, number + 1)))
        return found


@contextmanager
def _one_of(tenant_id: int) -> Iterator[None]:
    """Raises Busy: whoever waited would take a thread, too."""
    with _lock:
        if _at_work.total() >= _MOST_AT_ONCE or _at_work[tenant_id] >= _MOST_OF_TENANT:
            raise Busy(_("Documents of other requests are being fetched at this moment. Try again in a few seconds."))
        _at_work[tenant_id] += 1
    try:
        yield
    finally:
        with _lock:
            _at_work[tenant_id] -= 1
            if not _at_work[tenant_id]:
                del _at_work[tenant_id]


def _name(saved: Saved, number: int) -> str:
    """As Content-Disposition has it (RFC 6266), else the last part of the path."""
    said = Message()
    said["Content-Disposition"] = saved.disposition.encode("ascii", "replace").decode()
    parameters = said.get_params(header="Content-Disposition", failobj=[])
    given: list[Any] = [value for name, value in parameters if name == "filename"]
    # One in another alphabet (filename*) comes as a tuple, and is the better one.
    best = next((each for each in given if isinstance(each, tuple)), given[0] if given else "")
    written = collapse_rfc2231_value(best) or unquote(urlsplit(saved.address).path).rstrip("/")
    return attachment_names.safe(written, number)
