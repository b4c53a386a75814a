"""JSON that somebody else wrote, read on the small stack of a thread of FreeSWITCH's (240 KiB).

json descends by recursion in C. Python 3.11 counts that with Python's own calls, which mod_python3 limits to 240; from
3.12 on it is counted apart, up to thousands of levels (Py_C_RECURSION_LIMIT). Some 1,500 of them fill that stack, and
no exception comes of it: the process ends, with all its calls.
"""

import json
import re
from typing import Any

DEEPEST = 32
"""Lists and objects, one within another. What is read here has four at most."""
_MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A text may lack its end: were each quote in it tried anew, it would take the square of its length."""


def read(text: str | bytes) -> Any:
    """bytes: in UTF-8. Raises ValueError for what is no JSON, or is deeper than DEEPEST."""
    if isinstance(text, bytes):
        text = text.decode()
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} lists and objects, one within another")
    return json.loads(text)


def _depth(text: str) -> int:
    """How deep json would have to descend; where it is no JSON perhaps more, never less."""
    depth = deepest = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark[0] in "]}":
            depth -= 1
    return deepest
