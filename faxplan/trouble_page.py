"""docs/troubleshooting-trunks.md, written from trunk_trouble_table: `python -m faxplan.trouble_page >
docs/troubleshooting-trunks.md`."""

import re
import sys

from faxplan.language import _
from faxplan.trunk_trouble_table import TABLE

_HEAD = """# When a trunk does not work

Written by `python -m faxplan.trouble_page` from the table in `faxplan/trunk_trouble_table.py`, which the command
line and the portal show too. `faxplan trunk test TRUNK` looks at the first three parts, and with `--to NUMBER` sends
the test fax. Capitals stand for what your message names. [Failures](failures.md) has what follows when a fax fails
later on, and [carriers and T.38](providers.md) what carriers' documentation says.
"""
_FIELD = re.compile(r"\{(\w+)\}")


def page() -> str:
    """The page, in Markdown."""
    lines = [_HEAD]
    seen = ""
    for trouble in TABLE.values():
        if trouble.seen != seen:
            seen = trouble.seen
            lines += [f"## {_(seen)}", "", "| What is said | What to do |", "|---|---|"]
        lines.append(f"| {_shown(trouble.means)} | {_shown(trouble.do)} |")
        if _last(trouble.name):
            lines.append("")
    return "\n".join(lines)


def _shown(text: str) -> str:
    return _FIELD.sub(lambda field: field[1].upper(), _(text)).replace("|", "\\|")


def _last(name: str) -> bool:
    names = list(TABLE)
    at = names.index(name)
    return at + 1 == len(names) or TABLE[names[at + 1]].seen != TABLE[name].seen


if __name__ == "__main__":
    sys.stdout.write(page())
