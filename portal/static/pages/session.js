// @ts-check
/** A session begins: the password is worked on here, the key is opened here, and kept for this session's pages. */

import { fromHex, hex, same } from "../vault/bytes.js";
import { FaxplanError } from "../vault/errors.js";
import { assertedPasskey, portalSalt, usePasskey } from "../vault/passkeys.js";
import { derive, unlock } from "../vault/passphrases.js";
import { remember } from "../vault/remembered.js";
import { asksFor, post, publicKey, send } from "./client.js";
import { handOn } from "./hand-on.js";
import { _ } from "./language.js";

/** @typedef {{user: number, csrf: string, secret: string, key: {publicKey: string, locked: string}}} Begun As portal/pages/login.py says it. */

/** WebCrypto is for https and for addresses on the same machine. */
export class Insecure extends FaxplanError {
  static errorId = "insecure";
}

/** Raises Insecure where no browser opens anything. */
export function checkSecure() {
  if (!globalThis.crypto?.subtle) {
    throw new Insecure(_("This page came over an open connection, on which no browser opens sealed faxes. Use its https address."));
  }
}

/**
 * What this user's password gives.
 * @param {string} email @param {string} password
 * @returns {Promise<import("../vault/passphrases.js").Derived>}
 */
export async function derived(email, password) {
  checkSecure();
  const { salt, cost } = await post("/log-in/challenge", new URLSearchParams({ email }));
  return derive(password, fromHex(salt), cost);
}

/**
 * @param {string} email @param {import("../vault/passphrases.js").Derived} known
 * @param {string} [code] of the second factor
 * @returns {Promise<string[]>} for whom keys were handed on, in words. Rejects with Refused and WrongSecret.
 */
export async function logIn(email, { auth, wrap }, code = "") {
  return begin(await post("/log-in", new URLSearchParams({ email, auth: hex(auth), code })), wrap);
}

/**
 * The key is opened, and kept; what it can do for others is done.
 * @param {Begun} said @param {CryptoKey} wrap
 * @returns {Promise<string[]>} as logIn
 */
export async function begin(said, wrap) {
  asksFor(said.csrf);
  return opens({ ...said, ...said.key }, wrap);
}

/**
 * The same in a session that has begun. csrf: of one that was shut until now.
 * @param {{user: number, secret: string, publicKey: string, locked: string, csrf?: string | null}} said @param {CryptoKey} wrap
 * @returns {Promise<string[]>}
 */
export async function opens(said, wrap) {
  if (said.csrf) {
    asksFor(said.csrf);
  }
  const key = await unlock(fromHex(said.locked), wrap, publicKey(said.publicKey));
  try {
    await remember(said.user, key, fromHex(said.secret));
  } finally {
    key.wipe();
  }
  return handOn();
}

/**
 * Logs in with a passkey, which opens the key if it can.
 * @returns {Promise<string[] | null>} null: the key is still locked. Rejects with Refused and PasskeyRefused.
 */
export async function logInByPasskey() {
  checkSecure();
  const { challenge, rpId } = await post("/log-in/passkey/challenge");
  const { assertion, wrap } = await assertedPasskey(fromHex(challenge), rpId);
  const said = await send("/log-in/passkey", assertion);
  asksFor(said.csrf);
  if (!said.lock) {
    return null;
  }
  const lock = { credentialId: fromHex(said.lock.credentialId), salt: fromHex(said.lock.salt) };
  const isPortals = same(lock.salt, await portalSalt());
  // One that was locked by another page is asked once more, with the salt of its own.
  const used = isPortals ? wrap : (await usePasskey([lock], rpId)).wrap;
  return used && opens({ ...said, publicKey: said.key.publicKey, locked: said.lock.locked }, used);
}
