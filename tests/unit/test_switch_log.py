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


DOMAIN = """
import json, logging, sys, types
said = []
sys.modules["freeswitch"] = types.SimpleNamespace(consoleLog=lambda level, text: said.append([level, text]))
import faxplan_switch
log = logging.getLogger("faxplan.received_copies")
log.info("not this")
log.warning("a %s", "warning")
try:
    raise OSError(28, "No space left\\non device")
except OSError:
    log.exception("17.tif: the TIFF goes alone")
log.error("%d", "no number")
print(json.dumps(said))
"""


def test_what_the_domain_logs_is_in_the_switch_s_log() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DOMAIN],
        env={"PYTHONPATH": f"{PROJECT}:{PROJECT / 'fs_scripts'}"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == [
        ["warning", "faxplan: a warning\n"],
        ["err", "faxplan: 17.tif: the TIFF goes alone (OSError: [Errno 28] No space left\\non device)\n"],
        ["err", "faxplan: a message of faxplan.received_copies cannot be logged\n"],
    ]
    assert done.stderr == ""


ABOUT = """
import sys, types
said = []
sys.modules["freeswitch"] = types.SimpleNamespace(consoleLog=lambda level, text: said.append(text))
import faxplan_switch
from faxplan import log_lines
with log_lines.about(tenant=3, fax=17, attempt=23):
    faxplan_switch.log("err", "x" * 1000)
faxplan_switch.log("notice", "runtime ends")
print("".join(text[-60:] for text in said), end="")
"""


def test_a_line_about_a_call_says_which_however_long_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ABOUT],
        env={"PYTHONPATH": f"{PROJECT}:{PROJECT / 'fs_scripts'}"},
        capture_output=True,
        check=True,
        text=True,
    )
    first, second = done.stdout.splitlines()
    assert first.endswith("xxx tenant=3 fax=17 attempt=23")
    assert second == "faxplan: runtime ends"
