// @ts-check
/**
 * A user's key is made, with its first locks and the first keys of mailboxes; and locked anew by another password or recovery
 * code. What is handed over opens nothing. faxplan/keyring.py and faxplan/epochs.py do the same.
 */

import { Keyring } from "./keyring.js";
import { checkNew } from "./new-password.js";
import { derive, FLOOR, lock, newRecoveryCode, newSalt, recoveryAuth, recoveryWrap } from "./passphrases.js";
import { newKeyPair } from "./wraps.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./wraps.js").ExposedKey} ExposedKey
 * @typedef {import("./wraps.js").PublicKey} PublicKey
 *
 * @typedef {{salt: Bytes, cost: import("./passphrases.js").Cost, auth: Bytes, locked: Bytes}} PasswordLock
 * @typedef {{auth: Bytes, locked: Bytes}} RecoveryLock
 * @typedef {{publicKey: Bytes, password: PasswordLock, recovery: RecoveryLock}} Enrolment What is handed over.
 *
 * @typedef {{mailbox: number, number: number, readers: Map<number, PublicKey>}} Ahead An epoch that is to begin, as the server says.
 * @typedef {{mailbox: number, number: number, publicKey: Bytes, wraps: {key: number, wrap: Bytes}[]}} Begun
 */

/** Stands for the key that is handed over, which has no id yet. */
const NEW_KEY = 0;

/**
 * @param {string} password
 * @param {string[]} words of the user, which make no password
 * @returns {Promise<{key: ExposedKey, code: string, enrolment: Enrolment}>} code: the recovery code, to be shown once. Rejects
 *   with InvalidSecret and CannotDerive.
 */
export async function newUserKey(password, words) {
  await checkNew(password, words);
  const [key, code] = [await newKeyPair(), newRecoveryCode()];
  try {
    const enrolment = {
      publicKey: key.publicKey.raw,
      password: await lockByPassword(key, password),
      recovery: await lockByCode(key, code),
    };
    return { key, code, enrolment };
  } catch (error) {
    key.wipe();
    throw error;
  }
}

/** A lock with a salt of its own; the password was checked. @param {ExposedKey} key @param {string} password @returns {Promise<PasswordLock>} */
export async function lockByPassword(key, password) {
  const salt = newSalt();
  const { auth, wrap } = await derive(password, salt);
  return { salt, cost: FLOOR, auth, locked: await lock(key, wrap) };
}

/** @param {ExposedKey} key @param {string} code @returns {Promise<RecoveryLock>} Rejects with InvalidSecret. */
export async function lockByCode(key, code) {
  return { auth: await recoveryAuth(code), locked: await lock(key, await recoveryWrap(code)) };
}

/**
 * The mailboxes' keys that begin with this user's.
 * @param {Ahead[]} due @param {PublicKey} own
 * @returns {Promise<Begun[]>}
 */
export async function epochsOf(due, own) {
  const begun = [];
  for (const { mailbox, number, readers } of due) {
    const { publicKey, wraps } = await new Keyring(new Map()).newEpoch(mailbox, new Map([...readers, [NEW_KEY, own]]));
    begun.push({ mailbox, number, publicKey: publicKey.raw, wraps: [...wraps].map(([key, wrap]) => ({ key, wrap })) });
  }
  return begun;
}
