import json
import subprocess
import sys

import pytest

from faxplan import shallow_json

ON_A_SMALL_STACK = """
import sys, threading
from faxplan import shallow_json

def read():
    for text in ("[" * 500_000, '{"a":' * 500_000):
        try:
            shallow_json.read(text)
        except ValueError:
            print("refused")

threading.stack_size(240 * 1024)
thread = threading.Thread(target=read)
thread.start()
thread.join()
"""


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"attest": "A", "dest": {"tn": ["12155550131"]}},
        [[{}]] * 100,
        {"[" * 50 + '"' + "{" * 50: ["\\", "]\\" * 50, '\\"[' * 50, "ü"]},
        json.loads(nested(shallow_json.DEEPEST)),
    ],
)
def test_what_json_reads_comes_back(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert shallow_json.read(text) == value
        assert shallow_json.read(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        nested(shallow_json.DEEPEST + 1),
        '{"a":' * 33 + "1" + "}" * 33,
        # Brackets in a text neither open nor close.
        '["' + "]" * 90 + '",' + nested(32) + "]",
        '["\\"' + "]" * 90 + '",' + nested(32) + "]",
        '"' + nested(90),
        "",
        b"\xff",
        b"[",
    ],
)
def test_what_is_too_deep_or_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        shallow_json.read(text)


@pytest.mark.parametrize("unended", ['\\"', '"' + "\\" * 3])
def test_a_text_without_an_end_costs_its_length_and_not_its_square(unended: str) -> None:
    # The square of these would be hours, with Python's lock held.
    with pytest.raises(ValueError, match=r"."):
        shallow_json.read("[" * 33 + '"' + unended * 500_000)


def test_the_deepest_of_all_leaves_a_thread_of_freeswitch_alive() -> None:
    done = subprocess.run([sys.executable, "-c", ON_A_SMALL_STACK], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n" * 2), done.stderr
