"""Checkpoints: what the audit was at one moment, as C2SP's tlog-checkpoint writes it.

fax.example.com/audit                            origin; after a restore of the database fax.example.com/audit/2
1207                                             leaves of the Merkle tree: rows of all chains
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=     its root
time 2026-11-26T04:30:00Z                        here the extension lines begin
chain 0 120 5feceb66...                          tenant (0: the installation), rows, hash of the last one
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from faxplan.merkle import HASH_BYTES
from faxplan.signed_notes import NoteRefused, Signer, Verifier

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NUMBER = r"(0|[1-9][0-9]{0,18})"
_CHAIN = re.compile(rf"chain {_NUMBER} ([1-9][0-9]{{0,18}}) ([0-9a-f]{{64}})")
_SIZE = re.compile(_NUMBER)
_GENERATION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """generation: 1, and one more after each restore. root: 32 bytes. at: UTC, whole seconds.

    chains: of each tenant that has rows, how many, and the last one's hash.
    """

    name: str
    generation: int
    size: int
    root: bytes
    at: datetime
    chains: Mapping[int, tuple[int, str]]

    @property
    def origin(self) -> str:
        """The log's name: another one once rows were lost, since a log never signs what contradicts itself."""
        return self.name if self.generation == 1 else f"{self.name}/{self.generation}"

    @property
    def shown(self) -> str:
        """For people."""
        return f"the checkpoint of {self.at:{_TIME}} ({self.size} rows)"

    def text(self) -> str:
        """The note's text."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), f"time {self.at:{_TIME}}"]
        lines += [f"chain {tenant} {size} {last}" for tenant, (size, last) in sorted(self.chains.items())]
        return "".join(f"{line}\n" for line in lines)

    def signed(self, signer: Signer) -> str:
        """The whole note."""
        return signer.signed(self.text())


def read(note: str, verifier: Verifier) -> Checkpoint:
    """A checkpoint that the verifier's key has signed. Raises NoteRefused."""
    lines = verifier.opened(note).removesuffix("\n").split("\n")
    try:
        origin, size, root, *extensions = lines
        found = Checkpoint(
            verifier.name,
            _generation(origin, verifier.name),
            int(_matched(_SIZE, size)[0]),
            base64.b64decode(root, validate=True),
            datetime.strptime(extensions[0], f"time {_TIME}").replace(tzinfo=UTC),
            {int(m[1]): (int(m[2]), m[3]) for m in (_matched(_CHAIN, line) for line in extensions[1:])},
        )
    except (ValueError, IndexError, binascii.Error):
        raise NoteRefused(
            "This note is signed, but it is no checkpoint of an audit. Give a checkpoint's file."
        ) from None
    # Written anew it is the same, so nothing stands there twice, in another order or in another form.
    if len(found.root) != HASH_BYTES or found.text() != "".join(f"{line}\n" for line in lines):
        raise NoteRefused("This note is signed, but it is not written as a checkpoint is. Give a checkpoint's file.")
    return found


def _generation(origin: str, name: str) -> int:
    if origin == name:
        return 1
    return int(_matched(_GENERATION, origin.removeprefix(f"{name}/"))[0])


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return found
