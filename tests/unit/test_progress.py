import io

from faxplan.progress import Display


def test_a_pipe_gets_each_piece_of_news_once() -> None:
    stream = io.StringIO()
    display = Display(stream, live=False)
    for news in ("Dialling.", "Dialling.", "Sending: 1 of 2 pages arrived.", "The page arrived."):
        display.update("a line for terminals", news)
    display.close()
    assert [line.split("  ")[1] for line in stream.getvalue().splitlines()] == [
        "Dialling.",
        "Sending: 1 of 2 pages arrived.",
        "The page arrived.",
    ]


def test_a_terminal_has_one_line_that_changes() -> None:
    stream = io.StringIO()
    display = Display(stream, live=True)
    display.update("first", "news")
    display.update("second", "news")
    display.close()
    display.close()
    assert stream.getvalue() == "\r\x1b[Kfirst\r\x1b[Ksecond\n"
