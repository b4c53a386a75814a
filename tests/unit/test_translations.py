"""The catalogues: complete, and each translation fits its message. What fails here: `make messages`, then translate."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from faxplan import failure_policy, failure_rules, inbound, language
from faxplan.call_result import CallResult
from faxplan.failure_policy import Redials, Situation
from faxplan.retelling import retold
from portal import wording
from portal.messages import PROJECT, extracted, untranslated

LANGUAGES = [each for each in language.available() if each != language.SOURCE]
_FIELD = re.compile(r"\{(\w+)(?:![rsa])?(?::[^{}]*)?\}|%\((\w+)\)s")
_TAG = re.compile(r"<[^<>]+>")
_COMMAND = re.compile(r"`[^`]*`")
_ADVICE = "Run `make messages`, then translate what has none in faxplan/locale (docs/translating.md)."


@cache
def catalogue(name: str) -> Catalog:
    with (language.FOLDER / f"{name}.po").open("rb") as file:
        return read_po(file, locale=name)


def ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def pairs(name: str) -> Iterator[tuple[str, str]]:
    """Each message, of something counted the form for many, with each of its translations."""
    for message in catalogue(name):
        if message.id:
            for said in (message.string,) if isinstance(message.string, str) else message.string:
                yield ids(message)[-1], said


def test_there_is_a_language_beside_english() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_message_is_in_the_catalogue_and_translated(name: str) -> None:
    wanted, there = ({ids(each) for each in found if each.id} for found in (extracted(), catalogue(name)))
    assert wanted - there == set(), _ADVICE
    assert there - wanted == set(), _ADVICE
    assert [each.id for each in untranslated(catalogue(name))] == [], _ADVICE


def test_no_message_stands_in_an_f_string() -> None:
    """Where Python 3.11 does not find it: `make messages` and this page's other tests would know nothing of it."""
    found = []
    for path in sorted(path for folder in ("faxplan", "portal") for path in (PROJECT / folder).rglob("*.py")):
        for joined in ast.walk(ast.parse(path.read_text())):
            if isinstance(joined, ast.JoinedStr):
                calls = [each for each in ast.walk(joined) if isinstance(each, ast.Call) and each.args]
                said = [each.func for each in calls if isinstance(each.args[0], ast.Constant)]
                if {each.id for each in said if isinstance(each, ast.Name)} & {"_", "gettext", "ngettext", "marked"}:
                    found.append(f"{path.relative_to(PROJECT)}:{joined.lineno}")
    assert found == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_what_is_counted_has_each_of_the_language_s_forms(name: str) -> None:
    found = catalogue(name)
    wrong = [
        each.id for each in found if each.id and not isinstance(each.id, str) and len(each.string) != found.num_plurals
    ]
    assert wrong == []


def _fields(text: str) -> set[str]:
    return {brace or percent for brace, percent in _FIELD.findall(text)}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_translation_has_the_places_elements_and_commands_of_its_message(name: str) -> None:
    for message, said in pairs(name):
        assert _fields(said) == _fields(message), said
        assert sorted(_TAG.findall(said)) == sorted(_TAG.findall(message)), said
        assert sorted(_COMMAND.findall(said)) == sorted(_COMMAND.findall(message)), said
        # What is left could not be filled in.
        assert re.findall(r"[{}]|%\(", _FIELD.sub("", said)) == re.findall(r"[{}]|%\(", _FIELD.sub("", message)), said
        # They are put together with others.
        assert (said[:1].isspace(), said[-1:].isspace()) == (message[:1].isspace(), message[-1:].isspace()), said


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_translation_shouts_nowhere_and_names_no_maker(name: str) -> None:
    for _message, said in pairs(name):
        assert "!" not in _FIELD.sub("", said), said
        assert "faxplan" not in re.sub(r"faxplan[_/]\w+", "", _COMMAND.sub("", said)).lower(), said


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_browser_is_given_no_commands_in_any_language(name: str) -> None:
    for message, said in pairs(name):
        if "`faxplan " in message:
            kept = "`faxplan " in wording.for_browser(message)
            assert ("`faxplan " in wording.for_browser(said)) == kept, said


def _explanations() -> set[str]:
    """All sentences that a fax's end may have, in English."""
    results = [
        CallResult(hangup_cause=each.removeprefix("cause:")) for each in failure_rules.SHIPPED if "cause:" in each
    ]
    results += [CallResult(hangup_cause="USER_BUSY", sip_code=486), CallResult(hangup_cause="NONE", sip_code=403)]
    results += [
        CallResult(hangup_cause="NORMAL_CLEARING", fax_result_code=code, fax_result_text="It said so", pages=pages)
        for code, pages in product((0, 2, 5, 11, 41, 49), (0, 1))
    ]
    results.append(CallResult(hangup_cause="NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=2))
    said = set()
    for result, tries, left, redials, test in product(results, (1, 3), (0, 1), (None, Redials(1)), (False, True)):
        now = Situation(
            start_page=0, recorded_pages=0, pages=2, attempts_made=tries, max_attempts=3, trunks_left=left,
            redials=redials, is_test=test, seen={"forbidden": 1}, trunk_works=True,
        )  # fmt: skip
        said.add(failure_policy.decide(result, now).explanation)
        said |= {failure_policy.decide_unknown(now, redial=each).explanation for each in (True, False)}
    for state, pages in product(("received", "partial", "failed"), (1, 2)):
        said.add(inbound.in_words(state, pages, results[-2]))
    return said


@pytest.mark.parametrize("name", LANGUAGES)
def test_what_lies_in_the_database_in_english_is_told_in_the_language(name: str) -> None:
    english = _explanations()
    assert len(english) > 50
    with language.speaks(name):
        for text in english:
            # What a machine said stays.
            left = set(re.split(r"(?<=[.)]) ", text.replace(" (It said so)", "")))
            told = retold(text)
            assert not [each for each in left if each in told], told


def test_what_is_none_of_our_messages_is_told_as_it_is() -> None:
    strange = "Ein Text. And one more {that} we never said (so)."
    with language.speaks("de"):
        assert retold(strange) == strange
        assert retold("The line was busy. " + strange) == "Die Leitung war besetzt. " + strange
        assert retold("The line was busy. " * 100) == "The line was busy. " * 100
    assert retold("The line was busy.") == "The line was busy."


def test_numbers_and_days_are_written_as_in_the_language() -> None:
    assert (language.number(14400), language.number(1.25, 1), language.share(0.5)) == ("14,400", "1.2", "50%")
    with language.speaks("de"):
        assert (language.number(14400), language.number(12.34, 1)) == ("14.400", "12,3")
        assert language.share(0.5) == "50\N{NO-BREAK SPACE}%"
