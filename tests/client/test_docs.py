"""docs/client.md says what is so: its commands and its program are run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import faxplan_client
from faxplan.config import to_toml
from tests.client.conftest import Server, working
from tests.documented import claimed
from tests.retained import received
from tests.world import PHRASE

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "client.md").read_text(encoding="utf-8")
THERE = (
    "http://harrow-pike.localhost:8080", "edmund@harrow-pike.example", ".venv/bin/faxplan", ".venv/bin/python",
    "remote open 2 ",
)  # fmt: skip
"""What is of `make run` in the commands: here it is of the test."""


def blocks(kind: str) -> list[str]:
    return claimed(__file__, "docs/client.md", kind)


def test_the_commands_and_the_program_do_what_they_say(server: Server, tmp_path: Path) -> None:
    world = server.world
    number = received(world, world.acme, "one")
    settings = tmp_path / "faxplan.toml"
    settings.write_text(
        to_toml({name: getattr(world.settings, name) for name in ("database_url", "state_dir", "sandbox")})
    )
    (tmp_path / "password.txt").write_text(PHRASE + "\n")
    (program,) = blocks("python")
    (tmp_path / "first.py").write_text(program)
    python = re.search(r"run by `(\.venv/bin/python first\.py)`", TEXT)
    assert python is not None
    commands = [*blocks("sh"), python[1]]
    whole = "\n".join(commands)
    here = (server.address(world.acme), world.acme.user.email, str(Path(sys.executable).with_name("faxplan")),
            sys.executable, f"remote open {number} ")  # fmt: skip
    for before, after in zip(THERE, here, strict=True):
        assert before in whole
        whole = whole.replace(before, after)
    assert whole.count("remote campaign") == 5
    with working(server):
        done = subprocess.run(
            ["bash", "-euc", whole], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "FAXPLAN_CONFIG": str(settings),
                 "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "office is Acme at", "Fax 2 to +15555550101: accepted.", "The page arrived.", f"fax-{number}.pdf",
        "First campaign goes to 2 recipients.", "It is finished: 2 sent, 0 failed.", "sent 1 of 1",
    ):  # fmt: skip
        assert said in done.stdout, done.stdout + done.stderr
    assert (tmp_path / f"fax-{number}.pdf").read_bytes()[:5] == b"%PDF-"
    assert "Ann" in (tmp_path / "results.csv").read_text(encoding="utf-8-sig")


def test_what_it_names_is_there() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z]+)(?:\(.*?\))?`", TEXT))
    assert len(named) > 10
    assert {each for each in named if each[1].islower()} <= set(faxplan_client.__all__)
    for method in re.findall(r"`client\.([a-z_.]+)", TEXT):
        thing: object = faxplan_client.Client("https://fax.example.com", "fxp_" + "x" * 43)
        for part in method.split("."):
            thing = getattr(thing, part)
