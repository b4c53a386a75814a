"""The private spool of a node: the pages of calls in progress, and beside each a sidecar that says what the call needs.

    out/<attempt>.tif, out/<attempt>.json      staged before dialling; read by fax_out
    in/<attempt>.tif,  in/<attempt>.json       written before the answer, then by rxfax
    in/<attempt>.work/                         while PDF and images are made of a received fax (received_documents.py)
    in/<attempt>.unreadable/                   pages whose sidecar a disk has damaged: put aside for somebody to look at
    drawing/                                   what a sandbox sees of it, and makes (namespaces.shared)
    out/<attempt>.trace/, in/<attempt>.trace/  the T.30 trace of calls whose trunk wants one (t30_trace.py)

Names come from attempt ids, which the database gives out once: they cannot collide. Everything is 0600 below 0700.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from faxplan import t30_trace
from faxplan.call_result import CallResult
from faxplan.errors import FaxplanError
from faxplan.files import (
    is_put_aside,
    private_folder,
    sweep_partials,
    unreadable_name,
    write_durably,
    write_whole,
)

LOG = logging.getLogger(__name__)

MAX_PATH_BYTES = 250
"""rxfax and txfax cut paths at 255 bytes."""


class SpoolTooDeep(FaxplanError):
    """The spool's path is too long for rxfax and txfax."""

    error_id = "spool-too-deep"


class SidecarDamaged(FaxplanError):
    """The sidecar of a call that came in cannot be read: nothing here says whose its pages are."""

    error_id = "sidecar-damaged"


@dataclass(frozen=True, slots=True)
class OutboundSidecar:
    """What fax_out needs to know. ident: T.30 TSI, at most 20 characters; start_page: 0-based.

    dialled, caller_id: as they went to the trunk. encrypted_media: SRTP, or no pages. from_user, t30_trace: the
    trunk's. tones: sent after the answer, as post_dial.tones gives them; no part of the number.
    """

    tenant_id: int
    fax_id: int
    attempt_id: int
    ident: str
    start_page: int
    dialled: str
    caller_id: str
    use_ecm: bool = True
    disable_v17: bool = False
    encrypted_media: bool = False
    from_user: str | None = None
    t30_trace: str = t30_trace.OFF
    tones: str = ""


@dataclass(frozen=True, slots=True)
class InboundSidecar:
    """Whose a fax is that comes in. t30_trace: the trunk's. epoch, public_key (hexadecimal): to which it is sealed.
    mailers: to which keys it is wrapped besides, to be mailed (mail_readers): public keys by their ids.

    Of a call that was accepted before faxes were sealed: epoch 0.
    """

    tenant_id: int
    fax_id: int
    attempt_id: int
    mailbox_id: int
    channel_uuid: str
    t30_trace: str = t30_trace.OFF
    epoch: int = 0
    public_key: str = ""
    mailers: dict[str, str] = field(default_factory=dict)


class Spool:
    """The spool folder."""

    def __init__(self, root: Path) -> None:
        self.outbound = root / "out"
        self.inbound = root / "in"
        # What this process staged, which is nearly every call: a file to read is a dozen turns at Python's lock.
        self._staged: dict[int, OutboundSidecar] = {}
        self._in_hand: set[int] = set()

    def prepare(self) -> None:
        """Makes the folders, private. Raises SpoolTooDeep and UnsafeFolder."""
        if len(os.fsencode(self.outbound / ("9" * 19 + ".tif"))) > MAX_PATH_BYTES:
            raise SpoolTooDeep(
                f"{self.outbound} is too long a path for FreeSWITCH's fax applications; set spool_dir to a shorter one."
            )
        for folder in (self.outbound.parent, self.outbound, self.inbound):
            private_folder(folder)
            sweep_partials(folder)

    def outbound_tiff(self, attempt_id: int) -> Path:
        """Where the pages of a call that goes out are staged."""
        return self.outbound / f"{attempt_id:d}.tif"

    def outbound_plain(self, attempt_id: int) -> Path:
        """The pages while their header line is stamped."""
        return self.outbound / f"{attempt_id:d}.plain"

    def inbound_tiff(self, attempt_id: int) -> Path:
        """Where rxfax writes."""
        return self.inbound / f"{attempt_id:d}.tif"

    def inbound_work(self, attempt_id: int) -> Path:
        """Where PDF and images are made of them; it need not be there."""
        return self.inbound / f"{attempt_id:d}.work"

    def outbound_trace(self, attempt_id: int) -> Path:
        """The folder of the T.30 trace of a call that goes out; it need not be there."""
        return self.outbound / f"{attempt_id:d}.trace"

    def inbound_trace(self, attempt_id: int) -> Path:
        """Of one that comes in."""
        return self.inbound / f"{attempt_id:d}.trace"

    def stage(self, sidecar: OutboundSidecar) -> None:
        """Writes the sidecar of a call that goes out; its pages must be there already.

        Not fsynced: a machine that loses power has lost the call as well.
        """
        # All values are plain; dataclasses.asdict would copy each of them deeply.
        content = {name: getattr(sidecar, name) for name in sidecar.__slots__}
        write_whole(self.outbound / f"{sidecar.attempt_id:d}.json", json.dumps(content).encode())
        self._staged[sidecar.attempt_id] = sidecar

    def staged(self, attempt_id: int) -> OutboundSidecar | None:
        """The sidecar of a call that goes out; None where none was staged, or a machine lost power over it."""
        if (known := self._staged.get(attempt_id)) is not None:
            return known
        try:
            written = json.loads((self.outbound / f"{attempt_id:d}.json").read_bytes())
            # One that the code of before an upgrade has staged may have fields that are gone.
            return OutboundSidecar(**{name: written[name] for name in OutboundSidecar.__slots__ if name in written})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            LOG.warning("what was staged for attempt %s cannot be read: %s", attempt_id, error)
            return None

    def expect(self, sidecar: InboundSidecar) -> None:
        """Writes the sidecar of a call that comes in, before it is answered."""
        write_durably(self.inbound / f"{sidecar.attempt_id:d}.json", json.dumps(asdict(sidecar)).encode())

    def expected(self, attempt_id: int) -> InboundSidecar | None:
        """The sidecar of a call that comes in; None where there is none. Raises SidecarDamaged."""
        file = self.inbound / f"{attempt_id:d}.json"
        try:
            return InboundSidecar(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise SidecarDamaged(
                f"{file} cannot be read: nothing here says whose the received pages beside it are. `faxplan doctor` "
                "says what to do."
            ) from error

    def put_aside(self, attempt_id: int) -> Path:
        """Keeps the pages of a call whose sidecar is damaged, for somebody who can find out whose they are; where."""
        aside = unreadable_name(self.inbound / f"{attempt_id:d}")
        private_folder(aside)
        with suppress(FileNotFoundError):
            self.inbound_tiff(attempt_id).rename(aside / "fax.tif")
        (self.inbound / f"{attempt_id:d}.json").rename(aside / "call.json")
        self.discard_inbound(attempt_id)
        return aside

    def damaged(self) -> list[Path]:
        """The folders of `put_aside`."""
        return sorted(self.inbound.glob("*.unreadable")) if self.inbound.is_dir() else []

    def has_damaged(self, attempt_id: int) -> bool:
        """Whether pages of a call were put aside."""
        return is_put_aside(self.inbound / f"{attempt_id:d}")

    @contextmanager
    def receiving(self, attempt_id: int) -> Iterator[None]:
        """While a handler of this process has a call that comes in in hand: it takes the pages from here, nobody else.

        Its channel may be gone by then.
        """
        self._in_hand.add(attempt_id)
        try:
            yield
        finally:
            self._in_hand.discard(attempt_id)

    def is_in_hand(self, attempt_id: int) -> bool:
        """Whether a handler is between `receiving` and its end."""
        return attempt_id in self._in_hand

    def note_result(self, attempt_id: int, result: CallResult) -> None:
        """Keeps how a received call ended beside its pages, should they not leave the spool at once (a full disk)."""
        write_whole(self.inbound / f"{attempt_id:d}.result", json.dumps(result.as_dict()).encode())

    def noted_result(self, attempt_id: int) -> CallResult | None:
        """What note_result kept; None where the call never came to its end, and where a full disk kept no whole one."""
        try:
            return CallResult(**json.loads((self.inbound / f"{attempt_id:d}.result").read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def outbound_attempts(self) -> list[int]:
        """Attempts with anything staged."""
        return sorted({int(p.stem) for p in self.outbound.iterdir() if p.stem.isdigit()})

    def inbound_attempts(self) -> list[int]:
        """Attempts that were being received."""
        return sorted({int(p.stem) for p in self.inbound.glob("*.json") if p.stem.isdigit()})

    def discard_outbound(self, attempt_id: int) -> None:
        """Removes what was staged for a call."""
        sidecar = self._staged.pop(attempt_id, None)
        if sidecar is None or sidecar.t30_trace != t30_trace.OFF:
            shutil.rmtree(self.outbound_trace(attempt_id), ignore_errors=True)
        self.outbound_tiff(attempt_id).unlink(missing_ok=True)
        self.outbound_plain(attempt_id).unlink(missing_ok=True)
        (self.outbound / f"{attempt_id:d}.json").unlink(missing_ok=True)

    def discard_inbound(self, attempt_id: int) -> None:
        """Removes what a call wrote."""
        shutil.rmtree(self.inbound_trace(attempt_id), ignore_errors=True)
        shutil.rmtree(self.inbound_work(attempt_id), ignore_errors=True)
        self.inbound_tiff(attempt_id).unlink(missing_ok=True)
        self.inbound_tiff(attempt_id).with_suffix(".pdf").unlink(missing_ok=True)  # of a version before this
        (self.inbound / f"{attempt_id:d}.result").unlink(missing_ok=True)
        (self.inbound / f"{attempt_id:d}.json").unlink(missing_ok=True)
