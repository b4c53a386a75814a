// @ts-check
/** A session begins: the password is worked on here, the key is opened here, and kept for this session's pages. */

import { fromHex, hex } from "../vault/bytes.js";
import { FaxplanError } from "../vault/errors.js";
import { derive, unlock } from "../vault/passphrases.js";
import { remember } from "../vault/remembered.js";
import { asksFor, post, publicKey } from "./client.js";
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
  const key = await unlock(fromHex(said.key.locked), wrap, publicKey(said.key.publicKey));
  try {
    await remember(said.user, key, fromHex(said.secret));
  } finally {
    key.wipe();
  }
  return handOn();
}
