// @ts-check
/**
 * The user key from page to page. Keys that cannot be extracted still lie readable in the browser's profile on disk; so what is
 * kept (IndexedDB) is locked by a secret that the server gives to a live session only, and forgets at log-out or expiry. Each page
 * asks for it, unlocks, and has a key that lives in memory alone.
 */

import { WrongSecret } from "./errors.js";
import { lock, sessionWrap, unlock } from "./passphrases.js";
import { PublicKey } from "./wraps.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./wraps.js").ExposedKey} ExposedKey
 * @typedef {import("./wraps.js").PrivateKey} PrivateKey
 */

const DATABASE = "faxplan-vault";
const STORE = "user-keys";

/**
 * Keeps a user's key for the pages of this session; `key` stays open, for its `hold`.
 * @param {number} user @param {ExposedKey} key
 * @param {Bytes} secret the session's, 32 bytes
 * @returns {Promise<void>}
 */
export async function remember(user, key, secret) {
  const locked = await lock(key, await sessionWrap(secret));
  const kept = { user, publicKey: key.publicKey.raw, locked };
  await inStore("readwrite", (store) => store.put(kept));
}

/**
 * @param {number} user @param {Bytes} secret the session's
 * @returns {Promise<PrivateKey | null>} null: nothing is kept for this session, and the user unlocks again
 */
export async function recall(user, secret) {
  const kept = await inStore("readonly", (store) => store.get(user));
  if (!kept) {
    return null;
  }
  try {
    return (await unlock(kept.locked, await sessionWrap(secret), new PublicKey(kept.publicKey))).hold();
  } catch (error) {
    if (!(error instanceof WrongSecret)) {
      throw error;
    }
    // Of a session that is over.
    await forget(user);
    return null;
  }
}

/** At log-out. @param {number} user @returns {Promise<void>} */
export async function forget(user) {
  await inStore("readwrite", (store) => store.delete(user));
}

/**
 * @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>} what the request gave, once the transaction is complete
 */
async function inStore(mode, act) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "user" });
  const database = await new Promise((resolve, reject) => {
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
