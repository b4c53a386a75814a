"""Which number a call is for: where a trunk's INVITE may say it, in the order that the trunk's entry gives."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from faxplan import sip_address
from faxplan.invite import Invite

REQUEST, TO, DIVERSION, HISTORY_INFO = "request", "to", "diversion", "history-info"
PLACES = (REQUEST, TO, DIVERSION, HISTORY_INFO)
_TRUSTED = frozenset({DIVERSION, HISTORY_INFO})
_INDEX = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,20}")
_MOST = 20
"""Entries of one header that are looked at; a header with more is none of a telephone call."""


def written(invite: Invite, places: Sequence[str], *, trusted: bool) -> Iterator[tuple[str, str]]:
    """Each number that the call may be for, the likeliest first: (place, as it is written there).

    places: of PLACES. Request-URI stands for To where it is our own Contact. Diversion and History-Info count only
    where the trunk is trusted, and only if every entry of theirs is as RFC 5806 and RFC 7044 have it; the newest first.
    """
    for place in places:
        if place in _TRUSTED and not trusted:
            continue
        if place == REQUEST and invite.names_its_number_in_to:
            yield TO, invite.to_user
        elif place == REQUEST:
            yield REQUEST, invite.request_user
        elif place == TO:
            yield TO, invite.to_user
        elif place == DIVERSION:
            yield from ((place, number) for number in _diverted(invite.diversion))
        elif place == HISTORY_INFO:
            yield from ((place, number) for number in _retargeted(invite.history))


def without_prefix(text: str, prefix: str) -> str:
    """A number, as written, without what its trunk writes before called numbers (trunks.inbound_prefix).

    As it is, where it does not begin so. A # is written as %23 (RFC 3261, 25.1) by those who do it right.
    """
    plain = unquote(text)
    return plain.removeprefix(prefix) if prefix and plain.startswith(prefix) else text


def _diverted(header: str | None) -> list[str]:
    """The numbers that diverted the call. The topmost entry is the newest (RFC 5806, 5.1)."""
    found = [sip_address.parse(each) for each in _entries(header)]
    if None in found:
        return []
    return [each.number for each in found if each is not None and each.number]


def _retargeted(header: str | None) -> list[str]:
    """The numbers that the call went to, by their index (RFC 7044, 5.1)."""
    found = [sip_address.parse(each) for each in _entries(header)]
    by_index = {}
    for each in found:
        index = "" if each is None else each.parameters.get("index", "")
        if each is None or not _INDEX.fullmatch(index):
            return []
        by_index[tuple(map(int, index.split(".")))] = each.number
    if len(by_index) != len(found):
        return []
    return [by_index[index] for index in sorted(by_index, reverse=True) if by_index[index]]


def _entries(header: str | None) -> list[str]:
    """Both headers are lists of name-addr: each with its brackets."""
    values = sip_address.split(header or "") or []
    return values if len(values) <= _MOST and all("<" in value for value in values) else []
