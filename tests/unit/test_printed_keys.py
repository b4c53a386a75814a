"""Keys that people keep: a tenant's recovery key on paper, an API reader's in a file."""

import json
from pathlib import Path

import pytest

from faxplan import passphrases, printed_keys
from faxplan.passphrases import InvalidSecret

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "sealed-files" / "vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["recovery_keys"], ids=lambda vector: vector["about"])
def test_a_published_recovery_key(vector: dict[str, str]) -> None:
    key = printed_keys.recovery_key(vector["code"])
    assert (key.raw.hex(), key.public.raw.hex()) == (vector["private_key"], vector["public_key"])


@pytest.mark.parametrize("vector", VECTORS["reader_keys"], ids=lambda vector: vector["about"])
def test_a_published_reader_key(vector: dict[str, str]) -> None:
    if "private_key" not in vector:
        with pytest.raises(InvalidSecret, match="fxr_"):
            printed_keys.reader_key(vector["text"])
        return
    key = printed_keys.reader_key(vector["text"])
    assert (key.raw.hex(), key.public.raw.hex()) == (vector["private_key"], vector["public_key"])


def test_a_new_recovery_key_is_read_as_people_write_it() -> None:
    code, key = printed_keys.new_recovery_key()
    assert [len(group) for group in code.split("-")] == [4] * 8
    assert printed_keys.recovery_key(code.lower().replace("-", " ")) == key
    assert printed_keys.new_recovery_key()[1] != key


def test_a_users_recovery_code_is_no_recovery_key_of_the_tenant() -> None:
    """The same letters give something else: neither can be taken for the other."""
    code, key = printed_keys.new_recovery_key()
    assert passphrases.recovery_wrap(code) != key.raw
    with pytest.raises(InvalidSecret, match="eight groups"):
        printed_keys.recovery_key(code[:-1])


def test_a_new_reader_key_is_read_with_the_end_of_its_line() -> None:
    text, key = printed_keys.new_reader_key()
    assert text.startswith("fxr_")
    assert printed_keys.reader_key(f"{text}\n") == key
    assert printed_keys.new_reader_key()[1] != key
