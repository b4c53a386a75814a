// @ts-check
/** Whoever asks the server shows that a private key is here, by opening what is wrapped to its public half: faxplan/proofs.py. */

import { utf8 } from "./bytes.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * What is to be said. Bound to words that are no file's header: nothing else is opened for whoever asks.
 * @param {import("./wraps.js").PrivateKey} key @param {Bytes} wrap
 * @returns {Promise<Bytes>} Rejects with SealBroken.
 */
export async function proofBy(key, wrap) {
  return key.unwrap(wrap, new Uint8Array(await crypto.subtle.digest("SHA-256", utf8("faxplan, proof of a key"))));
}
