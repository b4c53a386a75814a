"""A server's API as Python's objects: `Client(address, key)`."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import quote

from faxplan_client import answers, bodies, keys, reading, requests, sealed
from faxplan_client.answers import (
    Account,
    Attempt,
    AuditRow,
    Batch,
    CoverPage,
    Fax,
    Key,
    Mailbox,
    OwnNumber,
    Quota,
    SentFaxes,
)
from faxplan_client.campaigns import Campaigns
from faxplan_client.connection import Connection, new_once
from faxplan_client.contacts import Contacts, Groups
from faxplan_client.errors import CannotOpen, Conflict, UnexpectedAnswer
from faxplan_client.keys import Keyring, ReaderKey, RecoveryCode, Secret
from faxplan_client.requests import Cover, Documents
from faxplan_client.transport import MOST_TRIES, SECONDS, Transport
from faxplan_client.webhooks import Webhooks

Read = TypeVar("Read")
_IN_MEMORY = 8 * 1024**2
_PREFERRED = ("pdf", "tiff")
NEEDS_DOCUMENT = "resend-needs-document"


@dataclass(frozen=True, slots=True)
class Opened:
    """A document of a fax, opened and verified. name: `pdf`, `tiff`, ...; called: what the file was called, if it has a
    name."""

    name: str
    called: str | None
    content: bytes = field(repr=False)


class Client:
    """A server, as one API key sees it. May be used by several threads.

    address: of the organisation, as `https://acme.fax.example.com`. ca_file: certificates of an authority of your own.
    seconds: that the server may be silent. tries: of a request that may safely be repeated; sending is, by its
    Idempotency-Key. Each method raises ClientError: Problem where the server refuses or fails, ConnectionFailed where
    nothing was answered.
    """

    def __init__(
        self, address: str, key: str, *, ca_file: Path | None = None, seconds: float = SECONDS, tries: int = MOST_TRIES
    ) -> None:
        self._connection = Connection(Transport(address, key, seconds=seconds, ca_file=ca_file, tries=tries))
        self.contacts = Contacts(self._connection)
        self.groups = Groups(self._connection)
        self.campaigns = Campaigns(self._connection)
        self.webhooks = Webhooks(self._connection)

    def __repr__(self) -> str:
        return f"Client({self.address!r})"

    @property
    def address(self) -> str:
        """Of the server."""
        return self._connection.transport.address

    # -------------------------------------------------------------------------------------------------------- sending

    def send(  # noqa: PLR0913  # what a fax can have is many things
        self, to: str | Iterable[str], documents: Documents, *, cover: Cover | None = None, resolution: str = "fine",
        priority: str = "normal", send_at: datetime | None = None, caller_id: str | None = None, billing_code: str = "",
        password: str | None = None, labels: Iterable[str] = (), resend_of: int | None = None, once: str | None = None,
    ) -> SentFaxes:  # fmt: skip
        """A fax of the documents to each of the numbers, or none at all: `.faxes`, in their order.

        documents: paths, File for what is in memory, Link for what the server fetches; several are one fax. password:
        of PDFs that need one. resend_of: the fax whose document this is once more. once: the Idempotency-Key, such as
        an order's number: with the same one it is one fax however often it is called within a day. Without one, only
        this call's own repetitions are one.
        """
        values: dict[str, Any] = {
            "to": [to] if isinstance(to, str) else list(to), "cover": cover, "resolution": resolution,
            "priority": priority, "send_at": send_at, "caller_id": caller_id, "billing_code": billing_code or None,
            "password": password, "labels": [*labels], "resend_of": resend_of,
        }  # fmt: skip
        body = requests.body(values, requests.several(documents))
        return self._connection.do(SentFaxes, "POST", "/faxes", body, once=once or new_once())

    def resend(
        self, number: int, to: str | Iterable[str] = (), *, by: Secret | Keyring | None = None,
        priority: str = "normal", send_at: datetime | None = None, caller_id: str | None = None,
        billing_code: str | None = None, once: str | None = None,
    ) -> SentFaxes:  # fmt: skip
        """A fax of one's own that has ended, once more: to where it went, or to these numbers.

        by: what opens it, for when the machines that send can open it no more: their new keys are wrapped here. Without
        it that is a Conflict, `resend-needs-document`.
        """
        asked = {
            "to": [to] if isinstance(to, str) else [*to], "priority": priority, "send_at": requests.plain(send_at),
            "caller_id": caller_id, "billing_code": billing_code,
        }  # fmt: skip
        given = {name: value for name, value in asked.items() if value is not None}
        place, once = f"/faxes/{number}/resend", once or new_once()
        try:
            return self._connection.do(SentFaxes, "POST", place, given, once=once)
        except Conflict as error:
            if by is None or error.error_id != NEEDS_DOCUMENT:
                raise
        ring = by if isinstance(by, Keyring) else self.unlock(by)
        wraps = self._wraps(number, ring)
        return self._connection.do(SentFaxes, "POST", place, {**given, "wraps": wraps}, once=once)

    def _wraps(self, number: int, ring: Keyring) -> list[dict[str, Any]]:
        """Of each of a fax's documents to each machine that sends. Raises CannotOpen."""
        offer = self._connection.do(answers.ResendOffer, "POST", f"/faxes/{number}/resend-offer")
        found = []
        for document in offer.documents:
            key = ring.file_key(document.wraps, document.digest)
            for machine in offer.machines:
                wrap = bodies.in_base64(sealed.wrap_file_key(key, machine.public_key, document.digest))
                found.append({"document": document.document, "machine": machine.machine, "wrap": wrap})
        return found

    def batch(self, number: int) -> Batch:
        """How it stands with all faxes of one call of `send`, by its `batch`."""
        return self._connection.get(Batch, f"/batches/{number}")

    def cancel_batch(self, number: int) -> answers.StoppedBatch:
        """Stops those of them that have not ended."""
        return self._connection.do(answers.StoppedBatch, "POST", f"/batches/{number}/cancel")

    def fax(self, number: int) -> Fax:
        """How it stands with a fax."""
        return self._connection.get(Fax, f"/faxes/{number}")

    def watch(self, number: int, *, every: float = 1.0) -> Iterator[Fax]:
        """How it stands, and again whenever that has changed, until it has ended. every: so many seconds it looks."""
        last: Fax | None = None
        while last is None or not last.final:
            if last is not None:
                time.sleep(every)
            found = self.fax(number)
            if found != last:
                yield found
            last = found

    def wait(self, number: int, *, every: float = 1.0) -> Fax:
        """The fax, once it has ended: `state` says how, `error` why."""
        *_before, last = self.watch(number, every=every)
        return last

    def faxes(
        self, direction: str, *, state: str | None = None, mailbox: int | None = None, label: str | None = None,
        since: datetime | None = None, until: datetime | None = None, batch: int | None = None, part: int = 50,
    ) -> Iterator[Fax]:  # fmt: skip
        """Faxes that were sent (`outbound`) or came in (`inbound`), newest first. part: asked for at a time."""
        for page in self._connection.pages(
            answers.FaxList, "/faxes", lambda each: each.next, direction=direction, state=state, mailbox=mailbox,
            label=label, since=since, until=until, batch=batch, limit=part,
        ):  # fmt: skip
            yield from page.faxes

    def attempts(self, number: int) -> list[Attempt]:
        """All calls of a fax, and how each ended."""
        return self._connection.get(answers.Attempts, f"/faxes/{number}/attempts").attempts

    def cancel(self, number: int) -> bool:
        """Stops a fax. False: it is in a call, which ends within moments."""
        return self._connection.do(answers.Cancelled, "POST", f"/faxes/{number}/cancel").cancelled

    def delete(self, number: int) -> None:
        """Deletes a fax that has ended."""
        self._connection.act("DELETE", f"/faxes/{number}")

    def add_label(self, number: int, label: str) -> None:
        """Puts a label on a fax."""
        self._connection.act("POST", f"/faxes/{number}/labels", {"name": label})

    def remove_label(self, number: int, label: str) -> None:
        """Takes it off."""
        self._connection.act("DELETE", f"/faxes/{number}/labels/{quote(label, safe='')}")

    def labels(self) -> list[str]:
        """All that are on faxes that the user sees."""
        return self._connection.get(answers.LabelNames, "/labels").labels

    # -------------------------------------------------------------------------------------------------------- opening

    def files(self, number: int) -> list[answers.SealedFile]:
        """The sealed files of a fax, which counts as read from then on."""
        return self._connection.get(answers.SealedFiles, f"/faxes/{number}/files").files

    def download(self, number: int, name: str, target: BinaryIO) -> None:
        """Writes a sealed file as it lies there. name: as `files` has it."""
        self._connection.fetch(f"/faxes/{number}/files/{quote(name, safe='')}", target)

    def unlock(self, secret: Secret) -> Keyring:
        """What a secret opens: Password, RecoveryCode (the API key needs the scope faxes:open), or ReaderKey. None is
        sent. Raises CannotOpen as well, and Forbidden (`wrong-login`) for a wrong password or code."""
        if isinstance(secret, ReaderKey):
            private = secret.private
            public = private.public_key().public_bytes_raw()
            for reader in self.reader_keys():
                if reader.public_key == public:
                    return Keyring(private, reader.epochs)
            raise CannotOpen(
                "locked", "This reader's key opens no mailbox of yours: it was revoked, or is another organisation's."
            )
        is_code = isinstance(secret, RecoveryCode)
        derived = keys.of_code(secret.text) if is_code else keys.of_password(secret.text, self._key_parameters())
        given = self._connection.do(
            answers.UserKey, "POST", "/user-key/unlock",
            {"auth": bodies.in_base64(derived.auth), "by": "recovery-code" if is_code else "password"},
        )  # fmt: skip
        return Keyring(keys.unlocked(given.locked, derived.wrap, given.public_key), given.epochs)

    def _key_parameters(self) -> answers.UserKeyParameters:
        return self._connection.get(answers.UserKeyParameters, "/user-key")

    def open(self, number: int, by: Secret | Keyring, name: str | None = None) -> Opened:
        """A document of a fax, opened on this machine and verified to its last byte.

        by: a secret, or what `unlock` gave for one, which is quicker for several. name: as `files` has it; None: the
        PDF, or the TIFF where there is none, as of faxes that were sent. Raises CannotOpen as well.
        """
        ring = by if isinstance(by, Keyring) else self.unlock(by)
        found = {each.name: each for each in self.files(number)}
        chosen = name or next((each for each in _PREFERRED if each in found), "")
        if chosen not in found:
            there = f"There are: {', '.join(found)}." if found else "Its pages are not there (any more)."
            raise CannotOpen("no-such-file", f"Fax {number} has no {chosen or 'PDF or TIFF'}. {there}")
        return self._opened(number, found[chosen], ring)

    def _opened(self, number: int, file: answers.SealedFile, ring: Keyring) -> Opened:
        with SpooledTemporaryFile(_IN_MEMORY) as taken:
            source = cast("BinaryIO", taken)
            self.download(number, file.name, source)
            key = ring.file_key(file.wraps, sealed.digest_of(source))
            found = sealed.SealedFile(source, key, sealed.Context(file.tenant, file.document, file.artefact))
            called = found.name(file.sealed_name) if file.sealed_name else None
            return Opened(file.name, called, b"".join(found.chunks()))

    def reader_keys(self) -> list[answers.ReaderKey]:
        """API readers of the user's mailboxes, and what their keys open."""
        return self._connection.get(answers.ReaderKeys, "/reader-keys").reader_keys

    # -------------------------------------------------------------------------------------------------------- account

    def account(self) -> Account:
        """Whose API key it is."""
        return self._connection.get(Account, "/account")

    def numbers(self) -> list[OwnNumber]:
        """Numbers that the user may call as."""
        return self._connection.get(answers.Numbers, "/numbers").numbers

    def mailboxes(self) -> list[Mailbox]:
        """Those that the user reads."""
        return self._connection.get(answers.Mailboxes, "/mailboxes").mailboxes

    def cover_pages(self) -> list[CoverPage]:
        """Those of the organisation."""
        return self._connection.get(answers.CoverPages, "/cover-pages").cover_pages

    def quota(self) -> list[Quota]:
        """What limits how much the user sends; empty: nothing does."""
        return self._connection.get(answers.Quotas, "/quota").quotas

    def keys(self) -> list[Key]:
        """The user's API keys."""
        return self._connection.get(answers.Keys, "/keys").keys

    def end_key(self, number: int) -> None:
        """One does nothing any more. It may be the one that asks."""
        self._connection.act("DELETE", f"/keys/{number}")

    def audit(
        self, *, actor: str | None = None, action: str | None = None, object_: str | None = None,
        since: datetime | None = None, until: datetime | None = None, part: int = 50,
    ) -> Iterator[AuditRow]:  # fmt: skip
        """What was done in the organisation, newest first, for its administrators."""
        for page in self._connection.pages(
            answers.AuditList, "/audit", lambda each: each.next, actor=actor, action=action, object=object_,
            since=since, until=until, limit=part,
        ):  # fmt: skip
            yield from page.rows

    # --------------------------------------------------------------------------------------------------------- others

    def ask_for(
        self, shape: type[Read], method: str, path: str, *, query: Mapping[str, Any] | None = None,
        json_body: Any = None, once: str | None = None,
    ) -> Read:  # fmt: skip
        """An operation without a method of its own, such as administrators': what is answered, as one of `answers`.

        path: as the OpenAPI document has it, such as `/organisation/mailboxes/12`.
        """
        return reading.read(shape, self._asked(method, path, query, json_body, once))

    def ask(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, json_body: Any = None,
        once: str | None = None,
    ) -> Any:  # fmt: skip
        """The same, as JSON has it; None: nothing is answered."""
        said = self._asked(method, path, query, json_body, once)
        if not said:
            return None
        try:
            return json.loads(said)
        except ValueError as error:
            raise UnexpectedAnswer("What the server answers is no JSON.") from error

    def _asked(
        self, method: str, path: str, query: Mapping[str, Any] | None, json_body: Any, once: str | None
    ) -> bytes:
        if method == "GET":
            return self._connection.asked(path, query or {})
        body = None if json_body is None else bodies.of_json(json_body)
        return self._connection.act(method, path, body, once=once, query=query)
