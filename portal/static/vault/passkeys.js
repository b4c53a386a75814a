// @ts-check
/**
 * Passkeys that open a user's key, by WebAuthn's extension prf (level 3, 10.1.4): asked for a lock's own salt, a passkey gives 32
 * bytes that nobody else gets, and of which comes the key that opens the lock. They go nowhere. A passkey without prf can log in
 * only. docs/sealed-files/README.md; faxplan/passphrases.py has the same derivation.
 */

import { base64url, random, same, utf8 } from "./bytes.js";
import { PasskeyOpensNothing, PasskeyRefused } from "./errors.js";
import { hkdfWrapping } from "./passphrases.js";
import { _ } from "../pages/language.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {{credentialId: Bytes, salt: Bytes, locked: Bytes}} PasskeyLock As the server keeps it.
 * @typedef {{credentialId: Bytes, clientData: Bytes, attestation: Bytes, transports: string[]}} Registration WebAuthn level 3, 7.1.
 */

const SECRET_BYTES = 32;
const CHALLENGE_BYTES = 32;

/** For one lock. @returns {Bytes} */
export function newPasskeySalt() {
  return random(SECRET_BYTES);
}

/**
 * The wrapping key of a passkey.
 * @param {Bytes} output what its prf gave for the lock's salt; wiped here
 * @returns {Promise<CryptoKey>} for `lock` and `unlock`. Rejects with PasskeyOpensNothing.
 */
export async function passkeyWrap(output) {
  if (output.length !== SECRET_BYTES) {
    throw new PasskeyOpensNothing(_("This passkey gave no secret. It may log in; open your faxes with the password."));
  }
  const wrap = await hkdfWrapping(output, "faxplan passkey, wrap");
  output.fill(0);
  return wrap;
}

/**
 * A new passkey that can open a user's key; the user may have to touch it twice.
 * @param {PublicKeyCredentialCreationOptions} options the server's: challenge, rp, user
 * @param {Bytes} salt of its lock (`newPasskeySalt`)
 * @returns {Promise<{registration: Registration, wrap: CryptoKey}>} registration: for the server, which checks it; `lock` with
 *   `wrap` makes the rest. Rejects with PasskeyOpensNothing and PasskeyRefused.
 */
export async function newPasskey(options, salt) {
  const { registration, wrap } = await registered(options, salt);
  if (!wrap) {
    throw opensNothing();
  }
  return { registration, wrap };
}

/**
 * As newPasskey, also of one that can log in only.
 * @param {PublicKeyCredentialCreationOptions} options @param {Bytes} salt
 * @returns {Promise<{registration: Registration, wrap: CryptoKey | null}>} wrap: null where it opens nothing. Rejects with PasskeyRefused.
 */
export async function registered(options, salt) {
  const credential = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        ...options,
        // Without it a passkey has another secret: always, or never.
        authenticatorSelection: { ...options.authenticatorSelection, userVerification: "required" },
        extensions: { ...options.extensions, prf: { eval: { first: salt } } },
      },
    }),
  );
  const { prf } = credential.getClientExtensionResults();
  const credentialId = new Uint8Array(credential.rawId);
  // Many give their secret only when they are used.
  const output = prf?.results?.first ?? (prf?.enabled ? (await secretOf([{ credentialId, salt }], options.rp.id)).output : null);
  // Not the credential itself: its toJSON has the secret in it, and would take it to the server.
  const response = /** @type {AuthenticatorAttestationResponse} */ (credential.response);
  const registration = {
    credentialId,
    clientData: new Uint8Array(response.clientDataJSON),
    attestation: new Uint8Array(response.attestationObject),
    transports: response.getTransports(),
  };
  return { registration, wrap: output && (await passkeyWrap(bytesOf(output))) };
}

/** Of locks that the portal makes: one salt for all, so that a passkey logs in and opens with one touch. @returns {Promise<Bytes>} */
export async function portalSalt() {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8("faxplan passkey, log-in")));
}

/**
 * Logs in with whichever passkey of this site the user chooses.
 * @param {Bytes} challenge the server's @param {string} rpId the tenant's host
 * @returns {Promise<{assertion: {credentialId: Bytes, clientData: Bytes, authenticatorData: Bytes, signature: Bytes},
 *   wrap: CryptoKey | null}>} assertion: for the server; wrap: of locks with portalSalt; null: it has none. Rejects with PasskeyRefused.
 */
export async function assertedPasskey(challenge, rpId) {
  const first = await portalSalt();
  const credential = await asked(() =>
    navigator.credentials.get({ publicKey: { challenge, rpId, userVerification: "required", extensions: { prf: { eval: { first } } } } }),
  );
  // Not the credential itself: its toJSON has the secret in it, and would take it to the server.
  const response = /** @type {AuthenticatorAssertionResponse} */ (credential.response);
  const assertion = {
    credentialId: new Uint8Array(credential.rawId),
    clientData: new Uint8Array(response.clientDataJSON),
    authenticatorData: new Uint8Array(response.authenticatorData),
    signature: new Uint8Array(response.signature),
  };
  const output = credential.getClientExtensionResults().prf?.results?.first;
  return { assertion, wrap: output ? await passkeyWrap(bytesOf(output)) : null };
}

/**
 * Asks for one of a user's passkeys, and says which lock it opens.
 * @template {{credentialId: Bytes, salt: Bytes}} Lock
 * @param {Lock[]} locks all that the user has
 * @param {string} [rpId] the portal's domain
 * @returns {Promise<{lock: Lock, wrap: CryptoKey}>} Rejects with PasskeyOpensNothing and PasskeyRefused.
 */
export async function usePasskey(locks, rpId) {
  const { lock, output } = await secretOf(locks, rpId);
  return { lock, wrap: await passkeyWrap(bytesOf(output)) };
}

/**
 * @template {{credentialId: Bytes, salt: Bytes}} Lock
 * @param {Lock[]} locks @param {string} [rpId]
 */
async function secretOf(locks, rpId) {
  const evalByCredential = Object.fromEntries(locks.map(({ credentialId, salt }) => [base64url(credentialId), { first: salt }]));
  const credential = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        // The answer goes nowhere: it is the secret that is wanted, and a log-in has a challenge of the server's.
        challenge: random(CHALLENGE_BYTES),
        rpId,
        allowCredentials: locks.map(({ credentialId }) => ({ type: "public-key", id: credentialId })),
        userVerification: "required",
        extensions: { prf: { evalByCredential } },
      },
    }),
  );
  const used = new Uint8Array(credential.rawId);
  const lock = locks.find(({ credentialId }) => same(credentialId, used));
  const output = credential.getClientExtensionResults().prf?.results?.first;
  if (!lock || !output) {
    throw opensNothing();
  }
  return { lock, output };
}

/** @param {() => Promise<Credential | null>} ask @returns {Promise<PublicKeyCredential>} */
async function asked(ask) {
  try {
    const credential = await ask();
    if (credential) {
      return /** @type {PublicKeyCredential} */ (credential);
    }
  } catch (error) {
    throw new PasskeyRefused(_("No passkey was used. Try again, or open your faxes with the password."), { cause: error });
  }
  throw new PasskeyRefused(_("No passkey was used. Try again, or open your faxes with the password."));
}

function opensNothing() {
  return new PasskeyOpensNothing(
    _("This passkey or this browser has no secret to open anything with (WebAuthn's prf). It may log in; open your faxes with the password."),
  );
}

/** @param {BufferSource} source @returns {Bytes} the same bytes, and no copy that would stay */
function bytesOf(source) {
  return source instanceof ArrayBuffer
    ? new Uint8Array(source)
    : new Uint8Array(/** @type {ArrayBuffer} */ (source.buffer), source.byteOffset, source.byteLength);
}
