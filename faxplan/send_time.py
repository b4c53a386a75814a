"""When a fax is to be sent, as its user writes it: a moment by the clock of a time zone."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from faxplan import language
from faxplan.errors import FaxplanError
from faxplan.language import _

_CLOCK = re.compile("[0-9]{1,2}:[0-9]{2}")
FURTHEST = timedelta(days=366)


class InvalidSendTime(FaxplanError):
    """It is no moment, or not one at which a fax can be sent."""

    error_id = "invalid-send-time"


def parse(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """`2026-11-30 08:00` (or with T, with seconds, with an offset from UTC), or `08:00`: the next time it is that late.

    Without an offset it is by the clock of `zone`. A time that a change of clocks leaves out is as much later as they
    jump; of one that comes twice the first is meant. Raises InvalidSendTime, also for the past and for more than a
    year ahead.
    """
    here = now.astimezone(zone)
    written = text.strip()
    try:
        if _CLOCK.fullmatch(written):
            clock = time.fromisoformat(written.zfill(5))
            moment = datetime.combine(here.date(), clock, zone)
            if moment.astimezone(UTC) <= now:
                moment = datetime.combine(here.date() + timedelta(days=1), clock, zone)
        else:
            moment = datetime.fromisoformat(written)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone)
        exact = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidSendTime(
            _("{text} is no time. Write it as {here:%Y-%m-%d %H:%M}, or as 08:00.").format(
                text=repr(text[:40]), here=here + timedelta(hours=1)
            )
        ) from error
    if exact <= now:
        raise InvalidSendTime(
            _("{exact} is past; it is {now} now.").format(exact=_shown(exact, zone), now=_shown(now, zone))
        )
    if exact - now > FURTHEST:
        raise InvalidSendTime(
            _("{exact} is more than a year ahead. Choose a nearer time.").format(exact=_shown(exact, zone))
        )
    return exact


def _shown(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{language.moment(local)} {local:%Z}"
