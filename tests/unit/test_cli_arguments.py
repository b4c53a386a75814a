"""What the command line says of arguments that it cannot take."""

import pytest

from faxplan import cli


@pytest.mark.parametrize("written", [["030", "123456"], ["+49", "(30)", "123456"]])
def test_a_number_that_was_not_quoted_is_told_so(written: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["send", "letter.pdf", *written])
    assert ended.value.code == 2
    assert f'one argument: "{" ".join(written)}", in quotes' in capsys.readouterr().err


def test_an_option_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["send", "letter.pdf", "030123456", "--sooner"])
    assert "unrecognized arguments: --sooner" in capsys.readouterr().err


def test_where_several_files_go_is_to_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    for written in (["letter.pdf"], ["letter.pdf", "b.pdf", "030123456"]):
        with pytest.raises(SystemExit):
            cli.main(["send", *written])
        assert "--to" in capsys.readouterr().err
