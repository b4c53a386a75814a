"""portal/static/vault/passkeys.js: a user's key, locked and opened by what a passkey's prf gives.

In both browsers with outputs that are given; in Chromium with an authenticator of its own, plugged in by DevTools.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faxplan import passphrases
from faxplan.wraps import PrivateKey, PublicKey
from tests.browser import browsers
from tests.browser.browsers import JavaScriptError, Page
from tests.browser.devtools import CommandFailed, DevTools
from tests.browser.test_sealed import VECTORS

SALT, OUTPUT, ID = bytes(range(32)), bytes(range(100, 132)), b"a credential"


@pytest.mark.parametrize("vector", VECTORS["passkeys"], ids=lambda vector: vector["about"])
def test_a_published_passkey(page: Page, vector: dict[str, str]) -> None:
    output, locked, public = (bytes.fromhex(vector[name]) for name in ("output", "locked", "public_key"))
    given = page.do("unlockedByPasskey", output=output, locked=locked, publicKey=public)
    assert given["raw"].hex() == vector["private_key"]
    # What could open it is gone from the page.
    assert (given["left"], given["extractable"]) == (bytes(32), False)
    with pytest.raises(JavaScriptError) as refused:
        page.do("unlockedByPasskey", output=bytes(32), locked=locked, publicKey=public)
    assert refused.value.error_id == "wrong-secret"


def test_an_output_of_another_size_is_none(page: Page) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("unlockedByPasskey", output=bytes(31), locked=bytes(60), publicKey=SALT)
    assert refused.value.error_id == "passkey-opens-nothing"


@pytest.mark.parametrize("when", ["at creation", "when it is used"])
def test_a_passkey_locks_and_opens_a_key(page: Page, when: str) -> None:
    prf: dict[str, Any] = {"enabled": True}
    if when == "at creation":
        prf["results"] = {"first": OUTPUT}
    given = {"atCreation": {"prf": prf}, "output": OUTPUT}
    done = page.do("withFakePasskey", given=given, salt=SALT, id=ID)
    assert done["opened"] is True
    # And Python opens what was locked there.
    wrap = passphrases.passkey_wrap(OUTPUT)
    assert passphrases.unlock(done["locked"], wrap, done["publicKey"]) == PrivateKey(done["raw"])
    # What goes to the server has nothing of the secret.
    sent = {"credentialId": ID, "clientData": SALT, "attestation": ID, "transports": ["usb"]}
    assert done["registration"] == sent
    assert done["askedFor"][0] == {"uv": "required", "first": SALT}
    assert {each["uv"] for each in done["askedFor"]} == {"required"}
    assert done["askedFor"][-1] == {"uv": "required", "rpId": "faxes.example", "names": ["YSBjcmVkZW50aWFs"]}


@pytest.mark.parametrize(
    ("given", "used", "error_id"),
    [
        ({"atCreation": {}}, None, "passkey-opens-nothing"),
        ({"atCreation": {"prf": {"enabled": False}}}, None, "passkey-opens-nothing"),
        ({"atCreation": {"prf": {"enabled": True}}}, None, "passkey-opens-nothing"),
        ({"atCreation": {"prf": {"enabled": True}}, "output": OUTPUT}, b"another", "passkey-opens-nothing"),
        ({"atCreation": {"prf": {"enabled": True}}, "refused": True}, None, "passkey-refused"),
    ],
    ids=["no prf", "prf is not enabled", "no output", "another passkey", "the user turned away"],
)
def test_a_passkey_that_opens_nothing_is_told(
    page: Page, given: dict[str, Any], used: bytes | None, error_id: str
) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("withFakePasskey", given=given, salt=SALT, id=ID, usedId=used)
    assert refused.value.error_id == error_id


# --------------------------------------------------------------------------------------------- a real one, in Chromium

WITH_MODULES = """(async () => {
  const [{ newPasskey, usePasskey }, { lock, unlock }, { newKeyPair, PublicKey }, { hex, fromHex }] = await Promise.all(
    ["passkeys", "passphrases", "wraps", "bytes"].map((name) => import(`/vault/${name}.js`)));
  try {
    return JSON.stringify(await (async () => { %s })());
  } catch (error) {
    return JSON.stringify({ errorId: error.errorId ?? String(error), cause: String(error.cause) });
  }
})()"""
MAKE = """
  const options = { challenge: new Uint8Array(32), rp: { id: "localhost", name: "Faxes" },
    user: { id: new Uint8Array([7]), name: "anna", displayName: "Anna" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }] };
  const salt = fromHex("%s");
  const { registration, wrap } = await newPasskey(options, salt);
  const { credentialId, clientData } = registration;
  const challenged = JSON.parse(new TextDecoder().decode(clientData)).type;
  const key = await newKeyPair();
  const [raw, publicKey] = [hex(key.raw), hex(key.publicKey.raw)];
  const locked = hex(await lock(key, wrap));
  return { credentialId: hex(credentialId), salt: hex(salt), locked, raw, publicKey, challenged };
"""
USE = """
  const locks = %s.map(({ credentialId, salt, locked, publicKey }) => {
    return { credentialId: fromHex(credentialId), salt: fromHex(salt), locked: fromHex(locked), publicKey };
  });
  const { lock, wrap } = await usePasskey(locks, "localhost");
  const found = await unlock(lock.locked, wrap, new PublicKey(fromHex(lock.publicKey)));
  return { raw: hex(found.raw) };
"""


def run(tools: DevTools, text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(tools.evaluate(WITH_MODULES % text))
    return found


def use(tools: DevTools, *locks: dict[str, str]) -> dict[str, str]:
    return run(tools, USE % json.dumps(locks))


def plugged_in(tools: DevTools, *, prf: bool) -> str:
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        "hasPrf": prf,
    }
    authenticator: str = tools.do("WebAuthn.addVirtualAuthenticator", options=options)["authenticatorId"]
    return authenticator


@pytest.fixture(scope="module")
def tools(run_directory: Path) -> Iterator[DevTools]:
    with browsers.with_devtools(run_directory) as tools:
        tools.do("WebAuthn.enable")
        yield tools


@pytest.fixture
def authenticator(tools: DevTools) -> Iterator[str]:
    found = plugged_in(tools, prf=True)
    yield found
    tools.do("WebAuthn.removeVirtualAuthenticator", authenticatorId=found)


@pytest.mark.xdist_group("chromium")
def test_a_real_passkey_opens_what_it_locked(tools: DevTools, authenticator: str) -> None:
    made = run(tools, MAKE % SALT.hex())
    assert "raw" in made, made
    assert made["challenged"] == "webauthn.create"
    assert use(tools, made) == {"raw": made["raw"]}
    assert PrivateKey(bytes.fromhex(made["raw"])).public == PublicKey(bytes.fromhex(made["publicKey"]))
    # Asked for another salt it gives something else.
    assert use(tools, {**made, "salt": bytes(32).hex()})["errorId"] == "wrong-secret"


@pytest.mark.xdist_group("chromium")
def test_of_several_real_passkeys_the_one_at_hand_opens_its_lock(tools: DevTools, authenticator: str) -> None:
    lost = run(tools, MAKE % SALT.hex())
    tools.do("WebAuthn.clearCredentials", authenticatorId=authenticator)
    here = run(tools, MAKE % OUTPUT.hex())
    assert use(tools, lost, here) == {"raw": here["raw"]}
    assert use(tools, lost)["errorId"] == "passkey-refused"


@pytest.mark.xdist_group("chromium")
def test_a_real_passkey_without_prf_opens_nothing(tools: DevTools) -> None:
    plain = plugged_in(tools, prf=False)
    try:
        assert run(tools, MAKE % SALT.hex())["errorId"] == "passkey-opens-nothing"
    finally:
        tools.do("WebAuthn.removeVirtualAuthenticator", authenticatorId=plain)


@pytest.mark.xdist_group("chromium")
def test_devtools_says_what_fails(tools: DevTools) -> None:
    with pytest.raises(CommandFailed):
        tools.do("WebAuthn.noSuchCommand")
    with pytest.raises(CommandFailed):
        tools.evaluate("Promise.reject(new Error('no'))")
