"""Campaigns, as a part of a client."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from faxplan_client import answers, requests
from faxplan_client.answers import (
    Campaign,
    CampaignTest,
    CoverFields,
    CoverPreview,
    FilePreview,
    Progress,
    Recipient,
)
from faxplan_client.bodies import Body, File
from faxplan_client.connection import Connection, new_once
from faxplan_client.requests import Cover, Documents, HowToRead, NewPace, NewRetries

_MOST_NUMBERS = 10_000
_MOST_RECIPIENTS = 1000


class Campaigns:
    """`client.campaigns`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, part: int = 20) -> Iterator[Campaign]:
        """Those that the user sees, newest first."""
        for page in self._connection.pages(answers.Campaigns, "/campaigns", lambda each: each.next, limit=part):
            yield from page.campaigns

    def get(self, campaign: int) -> Campaign:
        """How it stands with one."""
        return self._connection.get(Campaign, f"/campaigns/{campaign}")

    def make(
        self, name: str, documents: Documents, *, pace: NewPace | None = None, retries: NewRetries | None = None,
        resolution: str = "fine", caller_id: str | None = None, billing_code: str = "", password: str | None = None,
        once: str | None = None,
    ) -> Campaign:  # fmt: skip
        """One of the documents, without recipients yet. once: as of Client.send."""
        values: dict[str, Any] = {
            "name": name, "pace": pace, "retries": retries, "resolution": resolution, "caller_id": caller_id,
            "billing_code": billing_code or None, "password": password,
        }  # fmt: skip
        body = requests.body(values, requests.several(documents))
        return self._connection.do(Campaign, "POST", "/campaigns", body, once=once or new_once())

    def clone(
        self, campaign: int, *, name: str | None = None, recipients: str = "none", documents: Documents = (),
        resolution: str = "fine", password: str | None = None, once: str | None = None,
    ) -> Campaign:  # fmt: skip
        """A draft as this one is. recipients: whom of this one it goes to: `all`, `failed`, `none`. documents: in the
        place of its own, which one that has ended has not any more."""
        found = requests.several(documents)
        values = {"name": name, "recipients": recipients, "resolution": resolution, "password": password}
        body = (
            requests.body(values, found) if found else {key: each for key, each in values.items() if each is not None}
        )
        return self._connection.do(Campaign, "POST", f"/campaigns/{campaign}/clone", body, once=once or new_once())

    def cover(self, campaign: int) -> CoverFields:
        """Whether there is a cover page, and the fields that its texts may have."""
        return self._connection.get(CoverFields, f"/campaigns/{campaign}/cover")

    def set_cover(self, campaign: int, cover: Cover) -> CoverFields:
        """Each fax has this cover page, with fields of its recipient: `Cover(to_name="{{ name }}")`."""
        return self._connection.do(CoverFields, "PUT", f"/campaigns/{campaign}/cover", requests.plain(cover))

    def remove_cover(self, campaign: int) -> None:
        """There is none any more."""
        self._connection.act("DELETE", f"/campaigns/{campaign}/cover")

    def preview_cover(self, campaign: int, cover: Cover, recipient: int | None = None) -> CoverPreview:
        """A cover page as a recipient (by its id; None: the first) would get it. Nothing of it is kept."""
        asked = {"cover": requests.plain(cover), "recipient": recipient}
        return self._connection.do(CoverPreview, "POST", f"/campaigns/{campaign}/cover/preview", asked)

    def test(self, campaign: int, to: str, recipient: int | None = None, *, once: str | None = None) -> CampaignTest:
        """A fax as a recipient (likewise) would get it, to a number of one's own. A worker sends it within moments."""
        place = f"/campaigns/{campaign}/test"
        return self._connection.do(
            CampaignTest, "POST", place, {"to": to, "recipient": recipient}, once=once or new_once()
        )

    def tests(self, campaign: int) -> Sequence[CampaignTest]:
        """The last tests, newest first."""
        return self._connection.get(answers.CampaignTests, f"/campaigns/{campaign}/tests").tests

    def change(
        self, campaign: int, *, name: str | None = None, pace: NewPace | None = None, retries: NewRetries | None = None
    ) -> Campaign:
        """Gives it another name, pace or retries: all of these."""
        given = {"name": name, "pace": requests.plain(pace), "retries": requests.plain(retries)}
        asked = {name: value for name, value in given.items() if value is not None}
        return self._connection.do(Campaign, "PATCH", f"/campaigns/{campaign}", asked)

    def add_numbers(self, campaign: int, numbers: Iterable[str]) -> int:
        """Adds recipients, which are looked at after the answer (`Campaign.recipients`); how many lines."""
        given = [*numbers][: _MOST_NUMBERS + 1]
        if len(given) > _MOST_NUMBERS:
            raise ValueError(f"{_MOST_NUMBERS} numbers at a time; more go as CSV (add_csv)")
        return self._connection.do(
            answers.Reading, "POST", f"/campaigns/{campaign}/recipients", {"numbers": given}
        ).lines

    def add_csv(self, campaign: int, file: str | Path | bytes, how: HowToRead | None = None) -> int:
        """The same of a CSV file: its path, or what is in it. how: None: found out."""
        place = f"/campaigns/{campaign}/recipients"
        return self._connection.do(answers.Reading, "POST", place, _csv(file, how)).lines

    def preview_csv(self, campaign: int, file: str | Path | bytes, how: HowToRead | None = None) -> FilePreview:
        """How a CSV file would be read."""
        place = f"/campaigns/{campaign}/recipients/preview"
        return self._connection.do(FilePreview, "POST", place, _csv(file, how))

    def add_contacts(
        self, campaign: int, *, contacts: Iterable[int] = (), groups: Iterable[int] = (), everybody: bool = False
    ) -> int:
        """The same of contacts and groups, by their ids, or of all that the user sees. Takes `contacts:read`."""
        given = {"contacts": [*contacts], "groups": [*groups], "all_contacts": everybody}
        return self._connection.do(answers.Reading, "POST", f"/campaigns/{campaign}/recipients", given).lines

    def stop_reading(self, campaign: int) -> None:
        """What is being read is read no further."""
        self._connection.act("DELETE", f"/campaigns/{campaign}/file")

    def recipients(self, campaign: int, *, state: str | None = None) -> Iterator[Recipient]:
        """Whom it goes to, in their order. state: those in it alone."""
        after = 0
        while True:
            part = self._connection.get(
                answers.Recipients, f"/campaigns/{campaign}/recipients", state=state, after=after,
                limit=_MOST_RECIPIENTS,
            ).recipients  # fmt: skip
            yield from part
            if len(part) < _MOST_RECIPIENTS:
                return
            after = part[-1].id

    def results(self, campaign: int, target: BinaryIO) -> None:
        """Writes what became of each recipient, as CSV."""
        self._connection.fetch(f"/campaigns/{campaign}/results.csv", target)

    def progress(self, campaign: int) -> Progress:
        """How far it is, over time, and when it is through."""
        return self._connection.get(Progress, f"/campaigns/{campaign}/progress")

    def start(self, campaign: int) -> Campaign:
        """It goes, or goes on."""
        return self._connection.do(Campaign, "POST", f"/campaigns/{campaign}/start")

    def pause(self, campaign: int) -> Campaign:
        """Nothing more is begun."""
        return self._connection.do(Campaign, "POST", f"/campaigns/{campaign}/pause")

    def cancel(self, campaign: int) -> Campaign:
        """It is over."""
        return self._connection.do(Campaign, "POST", f"/campaigns/{campaign}/cancel")

    def remove(self, campaign: int) -> None:
        """Forgets one that was never started."""
        self._connection.act("DELETE", f"/campaigns/{campaign}")


def _csv(file: str | Path | bytes, how: HowToRead | None) -> Body:
    document = File("recipients.csv", file) if isinstance(file, bytes) else file
    return requests.body({} if how is None else how.values, requests.several(document))
