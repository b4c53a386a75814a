import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faxplan import numbers, post_dial
from faxplan.errors import InvalidNumber


@pytest.mark.parametrize(
    ("written", "number", "digits"),
    [
        ("030 123456", "030 123456", ""),
        ("030 123456w12", "030 123456", "w12"),
        ("030 123456 p 22-33 w 1#", "030 123456", "p2233w1#"),
        ("(030) 123456W*0P#9", "(030) 123456", "w*0p#9"),
        ("+49 (30)w1A2BCD", "+49 (30)", "w1A2BCD"),
        ("030 123456w12ww", "030 123456", "w12"),
        ("tel:+4930123456p1", "tel:+4930123456", "p1"),
        # Words for digits, and other letters, are the number's own affair.
        ("1 800 FLOWERS", "1 800 FLOWERS", ""),
        ("whatever", "whatever", ""),
    ],
)
def test_a_number_and_what_is_dialled_after_the_answer_are_two_things(written: str, number: str, digits: str) -> None:
    assert post_dial.split(written) == (number, digits)


@pytest.mark.parametrize(
    "after",
    ["w", "wp", "w1x", "w" + "1" * 21, "w1" + "p" * 21 + "1", "w1${x}", "w1;2", "w1,2", "w\0", "w1a", "w1\n2", "w٣"],
)
def test_anything_else_after_the_answer_is_refused_without_repeating_it(after: str) -> None:
    with pytest.raises(InvalidNumber, match="1 to 20 of the digits") as refused:
        post_dial.split(f"030 123456{after}")
    assert f"030 123456{after}" not in str(refused.value)
    assert "030 123456" in str(refused.value)


def test_the_most_that_is_taken_is_what_freeswitch_sends() -> None:
    """It sends none of a text of more than 99 characters."""
    _, digits = post_dial.split("030 123456" + "p1" * 19 + "1")
    assert len(post_dial.tones(digits)) == 20 + 4 * 19
    with pytest.raises(InvalidNumber, match="at most 19 pauses"):
        post_dial.split("030 123456" + "p1" * 20)


@given(st.from_regex("[wp][0-9*#A-Dwp]{0,45}", fullmatch=True) | st.text(max_size=50))
def test_nothing_but_dtmf_and_pauses_comes_through(after: str) -> None:
    try:
        number, digits = post_dial.split(f"030 123456w{after}")
    except InvalidNumber:
        return
    assert number == "030 123456"
    assert re.fullmatch("[0-9*#A-Dwp]{1,40}", digits)
    assert len(re.sub("[wp]", "", digits)) <= 20
    tones = post_dial.tones(digits)
    assert re.fullmatch("[0-9*#ABCDw]{1,99}", tones)
    assert re.fullmatch(r"tone_stream://[0-9*#ABCDvdw=;%(),-]+", post_dial.tone_stream(tones))


@given(st.text(max_size=60))
def test_digits_after_the_answer_never_become_part_of_the_number(text: str) -> None:
    try:
        number = numbers.normalise(post_dial.split(f"030 2312500{text}")[0], "DE")
    except InvalidNumber:
        return
    assert number.startswith("+49302312500")


@pytest.mark.parametrize("written", ["030 23125002w12", "030 23125002p112", "030 23125x002", "0w30 23125002"])
def test_a_number_that_was_not_parted_is_no_number(written: str) -> None:
    with pytest.raises(InvalidNumber):
        numbers.normalise(written, "DE")


def test_words_for_digits_are_a_number() -> None:
    assert numbers.normalise("1 800 FLOWERS", "US") == "+18003569377"


@pytest.mark.parametrize("kept", ["", "1 2", "w1'", "1${x}", "é", "1\n", "+12", "p" * 30])
def test_what_was_kept_is_looked_at_once_more_before_it_is_executed(kept: str) -> None:
    with pytest.raises(InvalidNumber):
        post_dial.tones(kept)


def test_pauses_are_freeswitchs() -> None:
    assert post_dial.tones("wp1") == "wwwww1"
    assert post_dial.milliseconds("wwwww1") == 5 * 500 + 300 + 300
    assert post_dial.tone_stream("ww12w#") == (
        "tone_stream://%(0,1000,0);v=-10;d=150;w=100;12;%(0,500,0);v=-10;d=150;w=100;#"
    )
