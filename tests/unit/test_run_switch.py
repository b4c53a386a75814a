import sys
from pathlib import Path

import pytest

from faxplan import run_switch
from faxplan.errors import SwitchUnavailable
from faxplan.freeswitch_found import FreeSwitchFound

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[FreeSwitchFound | None]:
    """What is on the machine: replace the one item."""
    (tmp_path / "mod_python3.so").write_text(f"libpython{OURS}.so")
    there: list[FreeSwitchFound | None] = [
        FreeSwitchFound(tmp_path / "freeswitch", tmp_path, None, tmp_path / "freeswitch.py", ())
    ]
    monkeypatch.setattr("faxplan.freeswitch_found.find", lambda: there[0])
    return there


def test_a_freeswitch_that_is_whole_is_used(found: list[FreeSwitchFound | None]) -> None:
    choice = run_switch.choose(None)
    assert choice.found is found[0]
    assert "--switch bench" in choice.why


def test_the_bench_is_used_where_it_was_asked_for(found: list[FreeSwitchFound | None]) -> None:
    assert run_switch.choose("bench").found is None


def test_without_freeswitch_the_bench_is_used_and_says_why(found: list[FreeSwitchFound | None]) -> None:
    found[0] = None
    choice = run_switch.choose(None)
    assert choice.found is None
    assert "because no FreeSWITCH is installed" in choice.why
    assert "docs/install-on-freeswitch.md" in choice.why
    with pytest.raises(SwitchUnavailable, match="no FreeSWITCH is installed"):
        run_switch.choose("freeswitch")


def test_a_freeswitch_that_lacks_a_module_is_named_with_it(found: list[FreeSwitchFound | None], tmp_path: Path) -> None:
    found[0] = FreeSwitchFound(tmp_path / "freeswitch", tmp_path, None, None, ("mod_spandsp is not there",))
    assert "mod_spandsp is not there" in run_switch.choose(None).why


def test_a_freeswitch_for_another_python_is_not_used(found: list[FreeSwitchFound | None], tmp_path: Path) -> None:
    (tmp_path / "mod_python3.so").write_text("libpython3.99.so")
    assert f"its mod_python3 runs Python 3.99, and Faxplan is on {OURS}" in run_switch.choose(None).why
