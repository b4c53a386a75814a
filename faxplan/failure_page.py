"""docs/failures.md, written from the table of failure_rules: `python -m faxplan.failure_page > docs/failures.md`."""

import sys

from faxplan.failure_rules import SHIPPED, UNKNOWN, Action, Downgrade, Rule
from faxplan.language import _, marked

_HEAD = """# What follows when a fax fails

Written by `python -m faxplan.failure_page` from the table in `faxplan/failure_rules.py`, which decides.

Where the two fax machines came to talk, the fax result code counts (spandsp's T.30 completion code,
`fax_result_code`); else the SIP code where it stands here, else the cause of the hang-up: FreeSWITCH makes it of the
SIP code, or of the Q.850 cause that a carrier sends along (486: `USER_BUSY`, 404: `UNALLOCATED_NUMBER`), we make it of
a call that was never dialled (lower case). Code 49 of a call in which nothing of a fax machine was heard counts as
`no-machine`: a person picked up, and hung up. What would be *trunk-fault* counts as `rang` where a 180, 182 or 183
without media had come (with media it may be an announcement, and FreeSWITCH does not tell a 180 from a 183 then), and
where nothing followed upon any of them (408, 504): at once through another trunk, the same telephone would ring again.
The next call, later, does go through another one. A redirection (300, 301, 302, 305) is never followed: it leads past
routes, limits and encryption, to whatever number and host it names. A fax that is dialled again goes on after the last
page that was acknowledged.

- *next trunk*: at once, through the next trunk of the route that has not been tried just before and does not rest.
  Where that is full for some seconds, the call comes back to one that failed; but to none that refused it.
- *trunk fault*: uses up none of the fax's tries. It comes again at growing distances, up to 15 min, for 24 hours and
  at least 20 calls. A trunk with three of them in a row, to different numbers, rests for 10 seconds, and twice as long
  with each further one, up to 5 minutes; in between it is tried with one call at a time until it takes one. Where a
  node's switch cannot reach its gateway, it rests at once, and on that node.
- A fax that still waits 72 hours after it was handed in, or was to be sent (setting `wait_hours`; a tenant's own:
  `faxplan tenant set --wait-hours`), is given up, whatever this table says, and says why it was waiting: no worker, no
  switch, a trunk that is off or fails, closed hours. One in a call is not: what follows the call is judged then.
- *final* after *next trunk*: once no other trunk is left. One that rests, or was down just before, is waited for.
- *with less*: the next call goes without V.17, then without T.38, then without ECM. Two calls in a row that failed in
  T.38, or broke off in it before a page came over, switch it off for the number; `faxplan destination list` shows that.
  `faxplan failure set --downgrade` says otherwise for a line: `less`, `v17`, `audio` (no T.38), `ecm`, or `none`.
- *our-configuration*: nothing that a carrier or a number does. `faxplan doctor` says how many calls of the last 24
  hours ended so, by node and trunk, and what to look at; a tenant's administrators are told, at most once a day.

What is not listed counts as: {unknown}. `faxplan failure list` shows the table as it is in your installation, and
`faxplan failure set` changes a line of it: for all, for one tenant, for one trunk. `faxplan show` says for each call
which line applied, and what followed, in words.
"""
LESS = {
    Downgrade.LESS: marked(", with less"), Downgrade.V17: marked(", without V.17"),
    Downgrade.AUDIO: marked(", without T.38"),
    Downgrade.ECM: marked(", without ECM"), Downgrade.NONE: marked(", with all"),
}  # fmt: skip
"""What the next call goes without, in words."""
_TABLES = (
    ("fax", "Fax result codes", "Code"),
    ("sip", "SIP codes", "Code"),
    ("cause", "Causes of a hang-up", "Cause"),
)


def page() -> str:
    """The page, in Markdown."""
    lines = [_HEAD.format(unknown=f"{UNKNOWN.words.lower()}, {what_follows(UNKNOWN)}")]
    for kind, title, heading in _TABLES:
        lines += _table(title, heading, f"{kind}:")
    return "\n".join(lines)


def _table(title: str, heading: str, kind: str) -> list[str]:
    by_rule: dict[Rule, list[str]] = {}
    for condition, rule in SHIPPED.items():
        if condition.startswith(kind):
            by_rule.setdefault(rule, []).append(condition.removeprefix(kind))
    rows = [
        f"| {', '.join(f'`{each}`' for each in found)} | {rule.name} | {what_follows(rule)} | {rule.words} |"
        for rule, found in by_rule.items()
    ]
    return [f"## {title}", "", f"| {heading} | Rule | What follows | Words |", "|---|---|---|---|", *rows, ""]


def what_follows(rule: Rule) -> str:
    """A rule in a few words."""
    steps = []
    if rule.render_again:
        steps.append(_("once more with pages made anew, A4 and fine"))
    if rule.action is Action.NEXT_TRUNK:
        steps.append(_("next trunk") + (_(", once") if rule.one_more else ""))
    again = _("again after {time}")
    steps.append(_("final") if rule.delay is None else again.format(time=_duration(rule.delay)))
    if rule.times is not None:
        steps[-1] += _(", once") if rule.times == 1 else _(", {count} times").format(count=rule.times)
    if rule.downgrade is not None:
        steps[-1] += _(LESS[rule.downgrade])
    if rule.proven:
        steps.append(_("final if the trunk took other calls meanwhile"))
    return _(", then ").join(steps) + (_(" (trunk fault)") if rule.trunk_fault else "")


def _duration(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


if __name__ == "__main__":
    sys.stdout.write(page())
