// @ts-check
/**
 * Private keys that are shown once and kept by people: a tenant's recovery key on paper, an API reader's in a file. No server has
 * them: it is given the public key. docs/sealed-files/README.md has both forms; faxplan/printed_keys.py does the same.
 */

import { base64url } from "./bytes.js";
import { InvalidSecret } from "./errors.js";
import { codeBytes, hkdfBits, newRecoveryCode } from "./passphrases.js";
import { ExposedKey, newKeyPair } from "./wraps.js";
import { _ } from "../pages/language.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

const READER_KEY = /^fxr_([A-Za-z0-9_-]{43})$/;

/**
 * A tenant's recovery key, as it is printed, and what it is: hand over `key.publicKey`, then `key.wipe()`.
 * @returns {Promise<{code: string, key: ExposedKey}>}
 */
export async function newRecoveryKey() {
  const code = newRecoveryCode();
  return { code, key: await recoveryKey(code) };
}

/**
 * What a printed one stands for, as it was typed. `hold` it for a Keyring of the tenant's mailboxes.
 * @param {string} code
 * @returns {Promise<ExposedKey>} Rejects with InvalidSecret.
 */
export async function recoveryKey(code) {
  return ExposedKey.of(await hkdfBits(codeBytes(code), "faxplan tenant recovery key"));
}

/**
 * An API reader's key, as it is shown (`fxr_` and the private key in base64url), and what it is.
 * @returns {Promise<{text: string, key: ExposedKey}>}
 */
export async function newReaderKey() {
  const key = await newKeyPair();
  return { text: `fxr_${base64url(key.raw)}`, key };
}

/** @param {string} text @returns {Promise<ExposedKey>} Rejects with InvalidSecret. */
export async function readerKey(text) {
  const written = READER_KEY.exec(text.trim())?.[1];
  const raw = written && Uint8Array.from(atob(`${written.replace(/-/g, "+").replace(/_/g, "/")}=`), (byte) => byte.charCodeAt(0));
  // The last letter has two bits more than it needs: there is one way to write each key.
  if (!raw || base64url(raw) !== written) {
    throw new InvalidSecret(_("An API reader's key is fxr_ and 43 letters and digits. See whether all of it is in the file."));
  }
  return ExposedKey.of(raw);
}
