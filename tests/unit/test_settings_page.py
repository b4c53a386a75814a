import re
from dataclasses import fields
from pathlib import Path

import pytest

from faxplan import cli, config
from faxplan.config import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("setting", [field.name for field in fields(Settings)])
def test_every_setting_is_described(setting: str) -> None:
    assert re.search(rf"^\| `{setting}` \| .+ \| .+ \|$", (DOCS / "settings.md").read_text(), re.MULTILINE)


def test_nothing_is_described_that_is_no_setting() -> None:
    described = re.findall(r"^\| `([a-z0-9_]+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE)
    assert set(described) <= {field.name for field in fields(Settings)}


def test_with_the_install_page_s_settings_the_guard_can_reach_the_switch(tmp_path: Path) -> None:
    page = (DOCS / "install-on-freeswitch.md").read_text()
    file = tmp_path / "faxplan.toml"
    file.write_text("\n".join(re.findall(r"^    ([a-z_]+ = .+)$", page, re.MULTILINE)))
    settings = config.load(file, {})
    assert settings.event_socket == "127.0.0.1:8021"
    # Made before a password is written into it, for FreeSWITCH's user, as whom the guard runs, and nobody else.
    assert f"install -m 0640 -o root -g freeswitch /dev/null {settings.event_socket_password_file}\n" in page


def test_every_command_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    commands = re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)
    page = (DOCS / "command-line.md").read_text()
    assert len(commands) > 50
    assert [command for command in commands if f"`faxplan {command}" not in page] == []


@pytest.mark.parametrize(
    "group",
    [
        "database",
        "api-key",
        "do-not-fax",
        "tenant",
        "user",
        "mailbox",
        "did",
        "number",
        "trunk",
        "route",
        "quota",
        "failure",
        "hours",
        "destination",
        "barring",
        "audit",
        "retention",
        "hold",
        "passkey",
        "reader",
        "draft",
        "contact",
        "host",
        "label",
    ],
)
def test_every_command_of_a_group_is_described(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([group, "--help"])
    verbs = re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)
    page = (DOCS / "command-line.md").read_text()
    assert len(verbs) >= 2
    assert [verb for verb in verbs if f"`faxplan {group} {verb}" not in page] == []
