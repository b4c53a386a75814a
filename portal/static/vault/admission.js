// @ts-check
/**
 * Who reads a mailbox: what is made for that in the client of whoever changes it. faxplan/epochs.py and faxplan/admission.py do
 * the same. Nothing that is handed over opens anything.
 */

import { newKeyPair } from "./wraps.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./wraps.js").PublicKey} PublicKey
 */

/**
 * A mailbox's next epoch, for exactly these readers; its private key is forgotten. Public keys suffice for it.
 * @param {Map<number, PublicKey>} readers by the ids of their keys
 * @returns {Promise<{publicKey: PublicKey, wraps: Map<number, Bytes>}>}
 */
export async function newEpochFor(readers) {
  const key = await newKeyPair();
  try {
    const wraps = new Map();
    for (const [id, reader] of readers) {
      wraps.set(id, await reader.wrapPrivate(key));
    }
    return { publicKey: key.publicKey, wraps };
  } finally {
    key.wipe();
  }
}
