"""The search for secrets finds them however they are written: else a test that finds none would show nothing."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import secrets_sought

SECRET = bytes(range(200, 232))


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize(
    "written",
    [lambda raw: raw, lambda raw: raw.hex().encode(), lambda raw: raw.hex().upper().encode(), base64.b64encode,
     base64.urlsafe_b64encode],
    ids=["raw", "hex", "HEX", "base64", "base64url"],
)  # fmt: skip
def test_a_secret_is_found_in_each_form_wherever_it_begins(written: object, before: int, tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"key: " + written(b"x" * before + SECRET + b"yz") + b"\n")  # type: ignore[operator]
    wanted = {"it": SECRET, "another": SECRET[::-1]}
    assert secrets_sought.in_files(secrets_sought.files_below(tmp_path), wanted) == {"it"}


def test_it_is_found_in_the_memory_and_the_environment_of_another_process() -> None:
    script = "import os, sys; kept = bytes.fromhex(os.environ['GIVEN']); print(flush=True); sys.stdin.read()"
    given = {"GIVEN": SECRET.hex(), "PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        wanted = {"it": SECRET, "another": SECRET[::-1]}
        assert secrets_sought.in_memory(process.pid, wanted) == {"it"}
        assert secrets_sought.in_environment(process.pid, wanted) == {"it"}
        process.communicate(b"")
