import json

import pytest

from faxplan import cli_output

HOSTILE = "\x9b31m\x1b]0;x\x07\u202e Ä"


def test_json_cannot_move_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    cli_output.print_json({"ident": HOSTILE})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"ident": HOSTILE}


def test_a_table_cannot_move_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    cli_output.print_table(("NAME",), [(HOSTILE,)], empty="")
    assert capsys.readouterr().out.splitlines()[1] == r"\x9b31m\x1b]0;x\x07\u202e Ä"
