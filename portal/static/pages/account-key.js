// @ts-check
/** Who is logged in gives the password once more: it opens their key for what is to be done with it. */

import { fromHex } from "../vault/bytes.js";
import { unlock } from "../vault/passphrases.js";
import { publicKey, send } from "./client.js";
import { derived } from "./session.js";

/** @typedef {import("../vault/bytes.js").Bytes} Bytes */

const email = document.querySelector("[data-email]")?.getAttribute("data-email") ?? "";

/** What the password gives for the server; it opens nothing. @param {string} password @returns {Promise<Bytes>} */
export async function authOf(password) {
  return (await derived(email, password)).auth;
}

/**
 * @template T
 * @param {string} password
 * @param {(given: {key: import("../vault/wraps.js").ExposedKey, auth: Bytes, words: string[]}) => Promise<T>} act
 * @returns {Promise<T>} Rejects with Refused.
 */
export async function withKey(password, act) {
  const { auth, wrap } = await derived(email, password);
  const said = await send("/account/key", { auth });
  const key = await unlock(fromHex(said.locked), wrap, publicKey(said.publicKey));
  try {
    return await act({ key, auth, words: said.words });
  } finally {
    key.wipe();
  }
}
