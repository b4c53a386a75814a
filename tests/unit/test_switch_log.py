"""What the scripts write into FreeSWITCH's log."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import TEXTS

PROJECT = Path(__file__).parents[2]
SCRIPT = """
import json, sys, types
said = []
sys.modules["freeswitch"] = types.SimpleNamespace(consoleLog=lambda level, text: said.append([level, text]))
import faxplan_switch
faxplan_switch.log("err", json.loads(sys.argv[1]))
faxplan_switch.log_failure("it", ValueError(json.loads(sys.argv[1])))
print(json.dumps(said))
"""


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:24])
def test_what_a_stranger_wrote_is_one_short_line_of_ascii(text: str) -> None:
    """In a process of its own: the module changes what its process imports."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(text)],
        env={"PYTHONPATH": f"{PROJECT}:{PROJECT / 'fs_scripts'}"},
        capture_output=True,
        check=True,
    )
    for level, line in json.loads(done.stdout):
        assert level == "err"
        assert line.isascii()
        assert line.removesuffix("\n").isprintable()
        assert line.startswith("faxplan: ")
        assert len(line) < 420
