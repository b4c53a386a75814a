"""What follows from the way a call ended: done, again when and how, or final, in words that a person understands.

The table is failure_rules.py's; here is how its line applies to a fax that has had some calls already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from faxplan.call_result import CallResult
from faxplan.failure_rules import BUSY, DOCUMENT, DROPPED, UNKNOWN, UNSUPPORTED, Action, Rule, Rules, timed_out
from faxplan.language import _, marked

ALL_BUT_GOODBYE = marked("Every page was acknowledged; the call broke off before the far end said good-bye.")
LONGEST_DELAY = 15 * 60
UNKNOWN_DELAY = 60
"""Seconds before a fax is dialled again whose call nobody will report on."""
OTHERS_DELAY = 60
"""Seconds until trunks that are down now are asked, for the first time."""
OLDEST = timedelta(hours=24)
FEWEST_CALLS = 20
"""So long a fax waits for a trunk that works, and so often it is dialled meanwhile: closed hours are no trial."""
US_REST = 60 * 60
US_CALLS, US_CALLS_BUSY = 2, 15
"""47 CFR 68.318(b): calls in a row to a number without success, and where each was busy; then an hour of rest."""


@dataclass(frozen=True, slots=True)
class Redials:
    """Under 47 CFR 68.318(b): calls in a row without success since the last rest, and whether each was busy."""

    calls: int = 0
    busy: bool = True


@dataclass(frozen=True, slots=True)
class Situation:
    """A fax at the end of a call. Pages are of the whole fax; start_page: 0-based, that the call began with.

    recorded_pages: acknowledged in this call by page events. attempts_made: this one included. uncounted: earlier ones
    that were none of the fax's tries. waited: for how long no trunk could take it; calls_since: in that time, this one
    included. trunks_tried: others just before this one; trunks_left: that could take it now; trunks_later: others that
    may, once they do not rest, or are mended. seen: how often each rule, by name, followed an earlier call; uses: and
    led to another that was not at once through the next trunk. redials: None where the tenant has no such limit.
    rendered_again: whether the pages have been made anew already. is_test: of a trunk, by this one call. machine:
    whether the far end is known to be a fax machine, whatever the result says. trunk_works: whether this trunk took
    another call since the first that it, or another, did not. delays: seconds before the second try, the third and so
    on, the last for all further ones, in place of the table's; none: as that has it.
    """

    start_page: int
    recorded_pages: int
    pages: int
    attempts_made: int
    max_attempts: int
    uncounted: int = 0
    waited: timedelta = timedelta()
    calls_since: int = 0
    trunks_tried: int = 0
    trunks_left: int = 0
    trunks_later: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    uses: Mapping[str, int] = field(default_factory=dict)
    redials: Redials | None = None
    rendered_again: bool = False
    is_test: bool = False
    machine: bool = True
    trunk_works: bool = False
    delays: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """outcome: as attempts.outcome. pages_done: of the whole fax, after this call. delay: seconds; None: final.

    counted: whether it was one of the tries that a tenant limits. rule: its line of the table; None: all was sent.
    next_trunk: through another one. render_again: the pages first. redials: as they are now.
    """

    outcome: str
    pages_done: int
    delay: int | None
    explanation: str
    counted: bool = True
    rule: Rule | None = None
    next_trunk: bool = False
    render_again: bool = False
    redials: Redials | None = None


def pages_done(result: CallResult, now: Situation) -> int:
    """Pages of the whole fax that have been acknowledged, after this call."""
    return min(now.start_page + max(result.pages, now.recorded_pages), now.pages)


def decide(result: CallResult, now: Situation, rules: Rules | None = None) -> Decision:
    """What follows for an outbound fax.

    A page once acknowledged is never sent again. A success counts only if the acknowledged pages are all of ours
    (fax_success alone has been seen with 0 pages); and pages that are all acknowledged count without it, since sending
    them again would be worse (docs/decisions/what-counts-as-sent.md).

    A call that a trunk could not take uses up no try: a trunk that is down would else fail a whole queue in minutes.
    Such calls come at growing distances, until it has been so for OLDEST and FEWEST_CALLS.
    """
    pages, done = now.pages, pages_done(result, now)
    if result.fax_success and done == pages:
        return Decision(
            "sent",
            pages,
            None,
            _("All {pages} pages arrived.").format(pages=pages) if pages > 1 else _("The page arrived."),
        )
    if done == pages:
        return Decision("sent", pages, None, ALL_BUT_GOODBYE)
    rule = (rules or Rules()).of(result, machine=now.machine)
    progressed = done > now.start_page
    shipped = not rule.changed and rule.name not in (DOCUMENT.name, UNSUPPORTED.name)
    if progressed and shipped and rule.action is not Action.RETRY:
        # Whatever the switch says, it was no fault of number or trunk.
        rule = DROPPED
    outcome = "incomplete" if progressed else "not-sent"
    return _follow(result, now, rule, outcome, done)


def _follow(result: CallResult, now: Situation, rule: Rule, outcome: str, done: int) -> Decision:
    said = what_happened(rule, result, done, now.pages)
    counted = result.channel and not rule.trunk_fault
    if now.is_test:
        return Decision(outcome, done, None, f"{said}.", counted=counted, rule=rule)
    if rule.render_again and not now.rendered_again:
        words = _("{said}. It is rendered again, as A4 in fine resolution.").format(said=said)
        return Decision(outcome, done, 0, words, rule=rule, render_again=True)
    if (elsewhere := _elsewhere(result, now, rule, outcome, said, done)) is not None:
        return elsewhere
    proven = rule.proven and now.trunk_works and now.seen.get(rule.name)
    if rule.delay is None or proven:
        why = _("It took other calls meanwhile, so it is this one that it does not take.") if proven else ""
        return Decision(outcome, done, None, f"{said}. {why}".strip(), counted=counted, rule=rule)
    if not counted:
        return _uncounted(result, now, rule, outcome, said, done)
    return _counted(now, rule, outcome, said, done)


def _elsewhere(result: CallResult, now: Situation, rule: Rule, outcome: str, said: str, done: int) -> Decision | None:
    """Through another trunk: at once, or, where that is all that the rule has, once it can."""
    if rule.action is not Action.NEXT_TRUNK or (rule.one_more and now.seen.get(rule.name)):
        return None
    if now.trunks_left:
        delay, redials = _rested(now.redials, rule, 0, outcome) if _may_have_rung(result) else (0, now.redials)
        words = _("{said}. It goes through another trunk {when}.").format(said=said, when=_when(delay))
        return Decision(
            outcome, done, delay, words + _why_rested(delay, 0), counted=False, rule=rule, next_trunk=True,
            redials=redials,
        )  # fmt: skip
    if rule.delay is None and now.trunks_later:
        # The only ones left are down: that is no reason to give up what this one does not do.
        return _uncounted(result, now, replace(rule, delay=OTHERS_DELAY), outcome, said, done)
    return None


def _counted(now: Situation, rule: Rule, outcome: str, said: str, done: int) -> Decision:
    tries = now.attempts_made - now.uncounted
    if tries >= now.max_attempts:
        words = _("{said}. That was try {tries} of {max_attempts}, the last.").format(
            said=said, tries=tries, max_attempts=now.max_attempts
        )
        return Decision(outcome, done, None, words, rule=rule)
    if _is_used_up(now, rule):
        return Decision(
            outcome, done, None, _("{said}, again. It is not dialled once more.").format(said=said), rule=rule
        )
    wanted = now.delays[min(tries, len(now.delays)) - 1] if now.delays else rule.delay or 0
    delay, redials = _rested(now.redials, rule, wanted, outcome)
    words = _("{said}. Try {tries} of {max_attempts}; the next {when}.").format(
        said=said, tries=tries, max_attempts=now.max_attempts, when=_when(delay)
    ) + _why_rested(delay, wanted)
    return Decision(outcome, done, delay, words, rule=rule, redials=redials)


def _uncounted(result: CallResult, now: Situation, rule: Rule, outcome: str, said: str, done: int) -> Decision:
    if _is_used_up(now, rule):
        return Decision(
            outcome,
            done,
            None,
            _("{said}, again. It is not dialled once more.").format(said=said),
            counted=False,
            rule=rule,
        )
    if now.waited >= OLDEST and now.calls_since >= FEWEST_CALLS and not rule.for_ever:
        hours = now.waited // timedelta(hours=1)
        words = _(
            "{said}. It was so for {hours} hours, {calls_since} times; send it again when the trunk works."
        ).format(said=said, hours=hours, calls_since=now.calls_since)
        return Decision(outcome, done, None, words, counted=False, rule=rule)
    rounds = now.uncounted // (now.trunks_tried + 1)
    delay = min((rule.delay or 0) * 2 ** min(rounds, 8), max(LONGEST_DELAY, rule.delay or 0))
    rest, redials = _rested(now.redials, rule, delay, outcome) if _may_have_rung(result) else (delay, now.redials)
    words = _("{said}. It is dialled again {when}.").format(said=said, when=_when(rest)) + _why_rested(rest, delay)
    return Decision(outcome, done, rest, words, counted=False, rule=rule, redials=redials)


def decide_unknown(now: Situation, *, redial: bool) -> Decision:
    """What follows a call that nobody will ever report on: its switch died. redial: whether the tenant wants that."""
    result = CallResult(hangup_cause="NONE")
    pages, done = now.pages, pages_done(result, now)
    lost = _("The switch stopped during the call; {done} of {pages} pages were acknowledged").format(
        done=done, pages=pages
    )
    tries = now.attempts_made - now.uncounted
    if done == pages:
        return Decision("sent", done, None, f"{lost}.")
    if not redial:
        return Decision(
            "unknown", done, None, _("{lost}. It is not dialled again, as your organisation chose.").format(lost=lost)
        )
    if now.is_test or tries >= now.max_attempts:
        most = 1 if now.is_test else now.max_attempts
        return Decision(
            "unknown",
            done,
            None,
            _("{lost}. That was try {tries} of {most}, the last.").format(lost=lost, tries=tries, most=most),
        )
    outcome = "incomplete" if done > now.start_page else "not-sent"
    delay, redials = _rested(now.redials, UNKNOWN, UNKNOWN_DELAY, outcome)
    words = _("{lost}. The rest is sent again.").format(lost=lost) + _why_rested(delay, UNKNOWN_DELAY)
    return Decision("unknown", done, delay, words, redials=redials)


def _may_have_rung(result: CallResult) -> bool:
    """Of a call that its trunk did not take: whether somebody's line may have rung all the same."""
    return result.channel and timed_out(result)


def _is_used_up(now: Situation, rule: Rule) -> bool:
    return rule.times is not None and now.uses.get(rule.name, 0) >= rule.times


def _rested(redials: Redials | None, rule: Rule, delay: int, outcome: str) -> tuple[int, Redials | None]:
    """The delay with the rest that US rules ask for."""
    if redials is None:
        return delay, None
    if outcome == "incomplete":
        return delay, Redials()
    busy = redials.busy and rule.name == BUSY.name
    calls = redials.calls + 1
    if calls >= (US_CALLS_BUSY if busy else US_CALLS):
        return max(delay, US_REST), Redials()
    return delay, Redials(calls, busy)


def _why_rested(delay: int, otherwise: int | None) -> str:
    return " " + _("(US rules ask for an hour between redials.)") if delay > (otherwise or 0) else ""


def _when(seconds: int) -> str:
    if seconds < 60:
        return _("at once") if seconds == 0 else _("in {seconds} seconds").format(seconds=seconds)
    minutes = round(seconds / 60)
    return _("in a minute") if minutes == 1 else _("in {minutes} minutes").format(minutes=minutes)


def what_happened(rule: Rule, result: CallResult, done: int = 0, pages: int = 0) -> str:
    """In words, without what follows. done of pages: acknowledged, of the whole fax; 0: they are left out."""
    words = rule.words
    if done:
        words = _("{words} after {done} of {pages} pages").format(words=words, done=done, pages=pages)
    if result.fax_result_text and result.fax_result_code:
        return f"{words} ({result.fax_result_text})"
    if result.sip_code and result.sip_code >= 300:
        return f"{words} (SIP {result.sip_code})"
    return words
