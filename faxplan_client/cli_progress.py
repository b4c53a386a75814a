"""Watching faxes and campaigns: one line that changes on a terminal, one line an event anywhere else."""

import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TextIO, TypeVar

from faxplan_client.answers import Campaign, Fax
from faxplan_client.cli_output import clock, count, on_one_line
from faxplan_client.client import Client
from faxplan_client.errors import ClientError

Found = TypeVar("Found")
_BAR = 24
_LOOK_SECONDS = 0.5
_LOOK_EACH_SECONDS = 0.2
_AWAY_SECONDS = 2.0
AWAY = "The server is away; waiting for it."


class Display:
    """Writes progress to a stream: on a terminal it rewrites one line, elsewhere it writes only news."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._open = False
        self._said = ""
        self._started = time.monotonic()

    def update(self, drawn: str, doing: str, news: str) -> None:
        """drawn, doing: a bar, and what is beside it, for a terminal. news: what happened, for a file or a pipe."""
        if self._live:
            line = on_one_line(f"{drawn}  {time.monotonic() - self._started:3.0f} s  {doing}")
            # Carriage return, and erase to the end of the line.
            self._stream.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
            self._open = True
        elif news != self._said:
            self._stream.write(f"{datetime.now().astimezone():%H:%M:%S}  {on_one_line(news)}\n")
        self._said = news
        self._stream.flush()

    def close(self) -> None:
        """Leaves the last line as it stands."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False


def follow(client: Client, numbers: Sequence[int], display: Display) -> list[Fax]:
    """Shows faxes until all have ended; the faxes, in that order.

    A server that is away is waited for, however long: they are accepted, and whoever is told to try again sends twice.
    Raises ClientError where it will not come back by itself.
    """
    found: dict[int, Fax] = {}
    try:
        while True:
            open_ones = [each for each in numbers if each not in found or not found[each].final]
            for each in open_ones:
                found[each] = _patiently(partial(client.fax, each), display, "The fax is accepted, and not lost.")
            display.update(*_of_faxes([found[each] for each in numbers]))
            if all(each.final for each in found.values()):
                return [found[each] for each in numbers]
            time.sleep(max(_LOOK_SECONDS, _LOOK_EACH_SECONDS * len(open_ones)))
    finally:
        display.close()


def follow_campaign(client: Client, number: int, display: Display) -> Campaign:
    """Shows a campaign until it has ended, or rests; raises as `follow`."""
    try:
        while True:
            found = _patiently(lambda: client.campaigns.get(number), display, "The campaign goes on there.")
            display.update(campaign_bar(found), campaign_standing(found), campaign_standing(found))
            if found.state != "running":
                return found
            time.sleep(_LOOK_SECONDS * 2)
    finally:
        display.close()


def until_read(client: Client, number: int, display: Display) -> Campaign:
    """Shows how far a file of recipients is read, until it is; raises as `follow`."""
    try:
        while True:
            found = _patiently(lambda: client.campaigns.get(number), display, "The file is read there.")
            lines, read = found.recipients.lines, found.recipients.lines_read or 0
            if lines is None or found.recipients.wrong:
                return found
            said = f"{read} of {lines} lines are read."
            display.update(_bar(read, lines), said, said)
            time.sleep(_LOOK_SECONDS)
    finally:
        display.close()


def _patiently(ask: Callable[[], Found], display: Display, comfort: str) -> Found:
    while True:
        try:
            return ask()
        except ClientError as error:
            if not error.retryable:
                raise
            display.update(f"[{'-' * _BAR}]", AWAY, f"{AWAY} {comfort}")
            time.sleep(_AWAY_SECONDS)


def _of_faxes(faxes: Sequence[Fax]) -> tuple[str, str, str]:
    if len(faxes) == 1:
        (fax,) = faxes
        said = standing(fax)
        doing = {"dialing": f"Dialling {fax.to}", "sending": f"Sending to {fax.to}"}.get(fax.state, said)
        return fax_bar(fax), doing, said
    ended = sum(1 for each in faxes if each.final)
    sent = sum(1 for each in faxes if each.state == "sent")
    said = f"{ended} of {len(faxes)} faxes have ended, {sent} of them well."
    return _bar(ended, len(faxes)), said, said


def standing(fax: Fax) -> str:
    """What happens to a fax at this moment, or what became of it, in a sentence."""
    if fax.final:
        if fax.error is not None:
            return fax.error.detail
        if fax.state == "sent" and fax.pages is not None:
            return f"{'The page' if fax.pages == 1 else f'All {fax.pages} pages'} arrived."
        return f"It is {fax.state}."
    if fax.state == "queued":
        return _waiting(fax)
    return {
        "accepted": "Its pages are being prepared.",
        "dialing": "Dialling.",
        "sending": f"Sending: {fax.pages_done} of {count(fax.pages or 0, 'page')} arrived.",
        "receiving": f"Receiving: {count(fax.pages_done, 'page')} so far.",
    }.get(fax.state, f"It is {fax.state}.")


def _waiting(fax: Fax) -> str:
    if fax.next_attempt_at is None or fax.next_attempt_at <= datetime.now(UTC):
        return "It waits for a free line."
    at = clock(fax.next_attempt_at)
    if fax.error is None:
        return f"It is dialled at {at}."
    return f"{fax.error.detail} Trying again at {at} (attempt {fax.attempts + 1} of {fax.most_attempts})."


def fax_bar(fax: Fax) -> str:
    """How much of it has arrived: `[========------------]  1 of 3 pages`."""
    if not fax.pages:
        return f"[{'-' * _BAR}]"
    done = min(fax.pages_done, fax.pages)
    return f"{_bar(done, fax.pages)}  {done} of {count(fax.pages, 'page')}"


def campaign_bar(campaign: Campaign) -> str:
    """How many of its faxes have ended."""
    counts = campaign.recipients
    ended = counts.sent + counts.failed + counts.cancelled
    return f"{_bar(ended, counts.total)}  {ended} of {counts.total}"


def campaign_standing(campaign: Campaign) -> str:
    """How it stands with it, in a sentence."""
    counts = campaign.recipients
    words = {"draft": "not started", "cancelled": "cancelled", "finished": "finished", "paused": "paused"}
    parts = [f"{counts.sent} sent", f"{counts.failed} failed"]
    others = {"cancelled": counts.cancelled, "under way": counts.under_way, "waiting": counts.waiting}
    parts += [f"{number} {what}" for what, number in others.items() if number]
    why = f" {campaign.why}" if campaign.why else ""
    return f"It is {words.get(campaign.state, campaign.state)}: {', '.join(parts)}.{why}"


def _bar(done: int, whole: int) -> str:
    filled = _BAR * done // whole if whole else 0
    return f"[{'=' * filled}{'-' * (_BAR - filled)}]"
