"""docs/failures.md, written from the table of failure_policy: `python -m faxplan.failure_page > docs/failures.md`."""

import sys
from collections.abc import Hashable, Mapping

from faxplan.failure_policy import BY_CAUSE, BY_FAX_CODE, UNKNOWN, Action, Rule

_HEAD = """# What follows when a fax fails

Written by `python -m faxplan.failure_page` from the table in `faxplan/failure_policy.py`, which decides.

Where the two fax machines came to talk, the fax result code counts (spandsp's T.30 completion code, `fax_result_code`);
else the cause of the hang-up: FreeSWITCH makes it of a SIP answer (486: `USER_BUSY`, 404: `UNALLOCATED_NUMBER`), we
make it of a call that was never dialled (lower case). A fax that is dialled again goes on after the last page that was
acknowledged.

A cause or code that is not listed counts as: {unknown}. `faxplan show` says the words, with the code or SIP answer.
"""


def page() -> str:
    """The page, in Markdown."""
    unknown = f"{UNKNOWN.words.lower()}, {_what_follows(UNKNOWN)}"
    lines = [_HEAD.format(unknown=unknown)]
    lines += _table("Fax result codes", "Code", BY_FAX_CODE)
    lines += _table("Causes of a hang-up", "Cause", BY_CAUSE)
    return "\n".join(lines)


def _table(title: str, heading: str, rules: Mapping[int, Rule] | Mapping[str, Rule]) -> list[str]:
    by_rule: dict[Rule, list[Hashable]] = {}
    for key, rule in rules.items():
        by_rule.setdefault(rule, []).append(key)
    rows = [
        f"| {', '.join(f'`{key}`' for key in keys)} | {_what_follows(rule)} | {rule.words} |"
        for rule, keys in by_rule.items()
    ]
    return [f"## {title}", "", f"| {heading} | What follows | Words |", "|---|---|---|", *rows, ""]


def _what_follows(rule: Rule) -> str:
    return "final" if rule.action is Action.FINAL else f"again after {rule.delay // 60} min"


if __name__ == "__main__":
    sys.stdout.write(page())
