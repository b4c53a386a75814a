"""Passwords and recovery codes: what they open, and what they do not tell."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faxplan import passphrases, wraps
from faxplan.passphrases import Cost, InvalidSecret, WeakParameters, WrongSecret

PROJECT = Path(__file__).parents[2]
VECTORS = json.loads((PROJECT / "docs" / "sealed-files" / "vectors.json").read_text())
PASSWORD = "four words by the sea"  # noqa: S105 - nobody's
SALT = bytes(range(16))


def test_a_password_opens_the_key_that_it_locked() -> None:
    key = wraps.new_key_pair()
    derived = passphrases.derive(PASSWORD, SALT)
    locked = passphrases.lock(key, derived.wrap)
    assert len(locked) == 60
    again = passphrases.derive(PASSWORD, SALT)
    assert passphrases.unlock(locked, again.wrap, key.public.raw) == key
    assert key.raw not in locked
    for wrong in (passphrases.derive(PASSWORD + "!", SALT), passphrases.derive(PASSWORD, bytes(16))):
        with pytest.raises(WrongSecret):
            passphrases.unlock(locked, wrong.wrap, key.public.raw)


@pytest.mark.parametrize("broken", [b"", bytes(60), bytes(12)])
def test_what_is_no_locked_key_is_told_as_a_wrong_secret(broken: bytes) -> None:
    with pytest.raises(WrongSecret):
        passphrases.unlock(broken, bytes(32), wraps.new_key_pair().public.raw)


def test_a_locked_key_stands_for_its_public_key_alone() -> None:
    """Whoever can write the database puts no other user's locked key in its place."""
    key, other = wraps.new_key_pair(), wraps.new_key_pair()
    wrap = bytes(range(32))
    with pytest.raises(WrongSecret):
        passphrases.unlock(passphrases.lock(other, wrap), wrap, key.public.raw)


def test_a_lock_that_lies_about_its_key_is_refused() -> None:
    """Only who knows the password could make one; but then nothing of another key is taken for the user's."""
    key, other = wraps.new_key_pair(), wraps.new_key_pair()
    wrap, nonce = bytes(range(32)), bytes(12)
    lying = nonce + AESGCM(wrap).encrypt(nonce, other.raw, b"faxplan user key" + key.public.raw)
    with pytest.raises(WrongSecret, match="another user's"):
        passphrases.unlock(lying, wrap, key.public.raw)


def test_what_is_sent_opens_nothing() -> None:
    derived = passphrases.derive(PASSWORD, SALT)
    key = wraps.new_key_pair()
    assert derived.auth != derived.wrap
    with pytest.raises(WrongSecret):
        passphrases.unlock(passphrases.lock(key, derived.wrap), derived.auth, key.public.raw)
    kept = passphrases.stored(derived.auth)
    assert kept != derived.auth
    assert passphrases.is_right(derived.auth, kept)
    assert not passphrases.is_right(derived.wrap, kept)
    # Not with what is stored either: a dump does not log in.
    assert not passphrases.is_right(kept, kept)


def test_the_derivation_is_the_published_one() -> None:
    """Argon2id of 64 MiB, 3 passes, 1 lane; then HKDF. The browser's code has the same two values."""
    derived = passphrases.derive(PASSWORD, SALT)
    assert (derived.auth.hex(), derived.wrap.hex()) == (
        "ef4b079c8cc6afc4673e01013c83cbd3f66a892376ad36f1c9388dcd31f0b435",
        "9c098d013538058e47d3813a8b4720cb61c779f504b14f220403891491048c41",
    )


def test_letters_that_look_alike_are_the_same() -> None:
    composed, decomposed = "gr\u00fc\u00dfe vom meer", "gru\u0308\u00dfe vom meer"
    assert composed != decomposed
    assert passphrases.derive(composed, SALT) == passphrases.derive(decomposed, SALT)


@pytest.mark.parametrize("cost", [Cost(memory=65535), Cost(passes=2), Cost(lanes=0)])
def test_a_server_cannot_ask_for_less(cost: Cost) -> None:
    with pytest.raises(WeakParameters, match="Do not log in"):
        passphrases.derive(PASSWORD, SALT, cost)


def test_a_server_cannot_ask_for_a_short_salt() -> None:
    with pytest.raises(WeakParameters):
        passphrases.derive(PASSWORD, SALT[:15])


def test_nobodys_salt_is_always_the_same_and_nobodys_elses() -> None:
    secret = bytes(32)
    salt = passphrases.fake_salt(secret, "Nobody@acme.example")
    assert len(salt) == passphrases.SALT_BYTES
    assert passphrases.fake_salt(secret, "nobody@acme.example") == salt
    assert passphrases.fake_salt(secret, "nobody@borea.example") != salt
    assert passphrases.fake_salt(bytes([1]) * 32, "nobody@acme.example") != salt


@pytest.mark.parametrize("vector", VECTORS["new_passwords"]["passwords"], ids=lambda vector: ascii(vector["password"]))
def test_a_published_new_password(vector: dict[str, str]) -> None:
    words = VECTORS["new_passwords"]["words"]
    said = {"short": "at least 12", "common": "Many people have", "known": "guesses this one"}
    if not vector["because"]:
        passphrases.check_new(vector["password"], words)
        return
    with pytest.raises(InvalidSecret, match=said[vector["because"]]):
        passphrases.check_new(vector["password"], words)
    # Of somebody else it is no such.
    if vector["because"] == "known":
        passphrases.check_new(vector["password"], ["Bob Smith"])


def test_the_browser_has_the_same_list_of_common_passwords() -> None:
    ours = PROJECT / "faxplan" / "data" / "common-passwords.txt"
    browsers = PROJECT / "portal" / "static" / "vault" / "common-passwords.txt"
    assert ours.read_bytes() == browsers.read_bytes()


@pytest.mark.parametrize("vector", VECTORS["passwords"], ids=lambda vector: vector["about"])
def test_a_published_password(vector: dict[str, Any]) -> None:
    cost = Cost(vector["memory"], vector["passes"], vector["lanes"])
    derived = passphrases.derive(vector["password"], bytes.fromhex(vector["salt"]), cost)
    assert (derived.auth.hex(), derived.wrap.hex()) == (vector["auth"], vector["wrap"])


@pytest.mark.parametrize("vector", VECTORS["recovery_codes"], ids=lambda vector: vector["about"])
def test_a_published_recovery_code(vector: dict[str, Any]) -> None:
    for code in (vector["code"], *vector["also"]):
        assert passphrases.recovery_wrap(code).hex() == vector["wrap"]


@pytest.mark.parametrize("vector", VECTORS["locked_keys"], ids=lambda vector: vector["about"])
def test_a_published_locked_key(vector: dict[str, str]) -> None:
    locked, wrap, public = (bytes.fromhex(vector[name]) for name in ("locked", "wrap", "public_key"))
    assert passphrases.unlock(locked, wrap, public).raw.hex() == vector["private_key"]


@pytest.mark.parametrize("vector", VECTORS["passkeys"], ids=lambda vector: vector["about"])
def test_a_published_passkey(vector: dict[str, str]) -> None:
    wrap = passphrases.passkey_wrap(bytes.fromhex(vector["output"]))
    assert wrap.hex() == vector["wrap"]
    key = passphrases.unlock(bytes.fromhex(vector["locked"]), wrap, bytes.fromhex(vector["public_key"]))
    assert key.raw.hex() == vector["private_key"]


def test_a_passkey_without_a_secret_makes_no_lock() -> None:
    for output in (b"", bytes(31), bytes(33)):
        with pytest.raises(InvalidSecret, match="with the password"):
            passphrases.passkey_wrap(output)


def test_a_recovery_code_is_read_as_people_write_it() -> None:
    code = passphrases.new_recovery_code()
    assert [len(group) for group in code.split("-")] == [4] * 8
    wrap = passphrases.recovery_wrap(code)
    for written in (code.lower(), code.replace("-", ""), f"  {code.replace('-', ' ')} \n", code.replace("O", "0")):
        assert passphrases.recovery_wrap(written) == wrap
    assert passphrases.recovery_wrap(passphrases.new_recovery_code()) != wrap


@pytest.mark.parametrize("code", ["", "ABCD", "ABCD-" * 7 + "ABC", "ABCD-" * 8 + "ABCD", "\u00c4BCD-" * 7 + "ABCD"])
def test_what_is_no_recovery_code_is_told(code: str) -> None:
    with pytest.raises(InvalidSecret, match="eight groups"):
        passphrases.recovery_wrap(code)
