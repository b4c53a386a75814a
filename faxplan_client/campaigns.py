"""Campaigns, as a part of a client."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from faxplan_client import answers, requests
from faxplan_client.answers import Campaign, Recipient
from faxplan_client.bodies import File
from faxplan_client.connection import Connection, new_once
from faxplan_client.requests import Documents, NewPace

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
        self, name: str, documents: Documents, *, pace: NewPace | None = None, resolution: str = "fine",
        caller_id: str | None = None, billing_code: str = "", password: str | None = None, once: str | None = None,
    ) -> Campaign:  # fmt: skip
        """One of the documents, without recipients yet. once: as of Client.send."""
        values: dict[str, Any] = {
            "name": name, "pace": pace, "resolution": resolution, "caller_id": caller_id,
            "billing_code": billing_code or None, "password": password,
        }  # fmt: skip
        body = requests.body(values, requests.several(documents))
        return self._connection.do(Campaign, "POST", "/campaigns", body, once=once or new_once())

    def change(self, campaign: int, *, name: str | None = None, pace: NewPace | None = None) -> Campaign:
        """Gives it another name or pace."""
        given = {"name": name, "pace": None if pace is None else requests.plain(pace)}
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

    def add_csv(self, campaign: int, file: str | Path | bytes) -> int:
        """The same of a CSV file: its path, or what is in it."""
        document = File("recipients.csv", file) if isinstance(file, bytes) else file
        body = requests.body({}, requests.several(document))
        return self._connection.do(answers.Reading, "POST", f"/campaigns/{campaign}/recipients", body).lines

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
