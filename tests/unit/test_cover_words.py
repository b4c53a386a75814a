"""The words of a cover page: fields and conditions, and nothing that could run for long or reach anything."""

import time

import pytest

from faxplan import cover_words
from faxplan.cover_words import FIELDS, InvalidCoverText
from faxplan.refusals import CoverTooLong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dear {{ to_name or 'Sir or Madam' }},", "Dear Sir or Madam,"),
        ("{{ from_name | upper }}", "ANN"),
        ("{% if subject %}About {{ subject }}{% else %}Hello{% endif %}", "Hello"),
        ("{{ 'yes' if message == 'M' and not phone else 'no' }}", "yes"),
        ("{# nobody sees this #}{{ message }}", "M"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)
def test_a_template_says_what_its_fields_are(text: str, said: str) -> None:
    assert cover_words.drawn(text, {"from_name": "Ann", "message": "M"}) == said


def test_a_field_is_text_and_no_template() -> None:
    assert cover_words.drawn("{{ message }}", {"message": "{{ from_name }}{% for %}"}) == "{{ from_name }}{% for %}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ message.__class__.__mro__ }}",
        "{{ message['__class__'] }}",
        "{{ (message|attr('__class__')) }}",
        "{{ message.format(1) }}",
        "{{ self }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum(9999) }}",
        "{{ range(999999999) }}",
        "{% for x in range(999999999) %}{% for y in range(999999999) %}x{% endfor %}{% endfor %}",
        # A loop over letters, by a name that is a field's.
        "{% for date in message %}{% for date in message %}{{ message }}{% endfor %}{% endfor %}",
        "{% for x in message recursive %}{{ loop(message) }}{% endfor %}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% set x = 'a' %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'layout.html' %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ 'x' * 999999999 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ message ~ message }}",
        "{{ '%999999999s' % message }}",
        "{{ '%999999999s' | format(message) }}",
        "{{ message | center(999999999) }}",
        "{{ message | replace('', 'xxxxxxxx') }}",
        "{{ message | map('upper') }}",
        "{{ message | upper('x') }}",
        "{{ [message] }}",
        "{{ {'a': message} }}",
        "{{ 17 }}",
        "{{ secret }}",
        "{{ message is callable }}",
        "{{ message",
        "{% if message %}",
        "{{ " + "(" * 1900 + "message" + ")" * 1900 + " }}",
        "{% if date %}" * 150 + "{% endif %}" * 150,
        "{{ date" + " | trim" * 399 + " }}",
        "{{ date }}" * 399,
        "x" * 4001,
    ],
    ids=lambda text: text[:40],
)
def test_what_could_do_more_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidCoverText):
        cover_words.check(text)
    with pytest.raises(InvalidCoverText):
        cover_words.drawn(text, {"message": "x"})
    assert time.process_time() - begun < 60  # and not for ever


def test_the_line_that_is_wrong_is_named_and_what_there_is() -> None:
    with pytest.raises(InvalidCoverText, match=r"^Line 3: there is no field nmae\. .*to_name, to_company"):
        cover_words.check("Dear\n\n{{ nmae }}")


def test_a_filter_that_there_is_not_is_named_and_those_that_there_are() -> None:
    with pytest.raises(InvalidCoverText, match=r"^Line 1: there is no filter center\. .*upper, lower"):
        cover_words.check("{{ message | center }}")


def test_what_is_let_in_says_no_more_than_goes_on_paper() -> None:
    text = "{{ message }}" * 100
    cover_words.check(text)
    with pytest.raises(CoverTooLong):
        cover_words.drawn(text, {"message": "x" * 6000})


def test_every_field_may_be_said() -> None:
    said = cover_words.drawn(" ".join(f"{{{{ {name} }}}}" for name in FIELDS), {name: name for name in FIELDS})
    assert said == " ".join(FIELDS)
