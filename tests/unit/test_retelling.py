"""What is told again in a language holds what strangers have written: the work grows with its length, and no faster."""

import pytest

from faxplan import language, retelling
from faxplan.retelling import retold

# In how many windows of sentences one is, with how many endings; and how often what stands for a placeholder is told.
WINDOWS, ENDINGS, LEVELS = 1 + 2 + 3, 3, 5
STRANGE = {
    "sentences": "a b. ",
    "full stops": ".",
    "asides": " (a)",
    "open asides": " (a",
    "sentences with asides": "a b (c d). ",
    "spaces": " ",
    "lines": "a.\n",
}
OURS = {
    "trunks": "Fax 1 to ",
    "placeholders": " of 1, ",
    "one within another": "Nobody here has the address ",
    "twice the same": "Trunk a is switched off. `faxplan trunk set a --enabled ",
    "whole messages": "Line 7: Fax 1 to 2 was handed in. ",
}


def looked_at(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many characters are looked for among the messages, all in all."""
    found: list[int] = []
    message = retelling._message

    def counted(known: retelling._Messages, text: str, depth: int) -> str | None:
        found.append(len(text))
        return message(known, text, depth)

    monkeypatch.setattr(retelling, "_message", counted)
    retelling._retold.cache_clear()
    with language.speaks("de"):
        retold(text)
    monkeypatch.undo()
    return sum(found)


@pytest.mark.parametrize("length", [125, 500, 1000])
@pytest.mark.parametrize("piece", STRANGE.values(), ids=STRANGE)
def test_what_a_stranger_writes_is_looked_at_a_few_times(
    piece: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (piece * length)[:length]
    assert 0 < looked_at(text, monkeypatch) <= WINDOWS * ENDINGS * length


@pytest.mark.parametrize("length", [125, 500, 1000])
@pytest.mark.parametrize("piece", OURS.values(), ids=OURS)
def test_so_it_is_where_it_is_like_our_messages(piece: str, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (piece * length)[:length]
    assert 0 < looked_at(text, monkeypatch) <= WINDOWS * ENDINGS * LEVELS * length


class Counted(str):
    """A text that counts how often something is looked for in it."""

    __slots__ = ("times",)
    times: int

    def find(self, *args: object) -> int:  # type: ignore[override]
        self.times += 1
        return super().find(*args)  # type: ignore[arg-type]

    def startswith(self, *args: object) -> bool:  # type: ignore[override]
        self.times += 1
        return super().startswith(*args)  # type: ignore[arg-type]


def test_each_part_of_a_message_is_looked_for_once() -> None:
    """However often it is there: nothing is tried another time."""
    messages = retelling._messages("de").filled
    assert len(messages) > 100
    for told in messages:
        text = Counted(told.parts[0] + "a" + "".join((part or " ") * 40 for part in told.parts[1:]))
        text.times = 0
        told.match(text)
        assert text.times <= 2 * len(told.parts)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Fax 1 to 2.", {"a": "1", "b": "2"}),
        ("Fax 1 to 2 to 3.", {"a": "1", "b": "2 to 3"}),
        ("Fax  to  to 3.", {"a": " to ", "b": "3"}),
        ("Fax 1 to 2", None),
        ("Fax 1 to .", None),
        ("Fax  to 2.", None),
        ("A Fax 1 to 2.", None),
    ],
)
def test_what_stands_for_placeholders(text: str, values: dict[str, str] | None) -> None:
    assert retelling._Told(("Fax ", " to ", "."), ("a", "b"), ("",)).match(text) == values


def test_a_placeholder_that_is_there_twice_stands_for_the_same() -> None:
    told = retelling._Told(("", " is off: set ", " ", " on"), ("a", "a", "b"), ("",))
    assert told.match("my trunk is off: set my trunk at last on") == {"a": "my trunk", "b": "at last"}
    assert told.match("my trunk is off: set another at last on") is None
    assert retelling._Told(("", " is off: ", ""), ("a", "a"), ("",)).match("x is off: xy") is None


def test_of_many_sentences_the_last_stay_as_they_are() -> None:
    with language.speaks("de"):
        assert retold(" ".join(["The line was busy."] * 14)) == " ".join(
            ["Die Leitung war besetzt."] * 12 + ["The line was busy."] * 2
        )
        assert retold("The line was busy (SIP 486).") == "Die Leitung war besetzt (SIP 486)."


def test_no_message_has_more_sentences_than_are_looked_for_at_once() -> None:
    assert "de" in language.available()[1:]
    for name in language.available()[1:]:
        for message, _said in language.of_domain(name):
            assert len(retelling._SENTENCES.split(message)) <= retelling._WINDOW, message
