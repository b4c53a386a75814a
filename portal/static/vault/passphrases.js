// @ts-check
/**
 * What a password, a passphrase or a recovery code opens: a user's private key, and, with a password, the log-in.
 *
 * A password is never sent. Argon2id (RFC 9106) and HKDF make two keys of it here: *auth*, which is sent at log-in, and
 * *wrap*, which opens the private key and goes nowhere. docs/sealed-files/README.md; faxplan/passphrases.py does the same.
 */

import { joined, random, utf8 } from "./bytes.js";
import { CannotDerive, InvalidSecret, WeakParameters, WrongSecret } from "./errors.js";
import { ExposedKey } from "./wraps.js";
import { _ } from "../pages/language.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./wraps.js").PublicKey} PublicKey
 * @typedef {{memory: number, passes: number, lanes: number}} Cost Of Argon2id. memory: KiB; the others as in RFC 9106.
 * @typedef {{auth: Bytes, wrap: CryptoKey}} Derived auth: 32 bytes, sent at log-in; wrap: stays here.
 */

/** No client derives with less, whatever a server says. @type {Readonly<Cost>} */
export const FLOOR = Object.freeze({ memory: 65536, passes: 3, lanes: 1 });
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CODE_BYTES = 20;
const OPENS_KEY = utf8("faxplan user key");
/** RFC 4648: no 0, 1, 8 or 9. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Random, for one user. @returns {Bytes} */
export function newSalt() {
  return random(SALT_BYTES);
}

/**
 * Takes some tenths of a second and 64 MiB, in a worker, so that the page goes on.
 * @param {string} password
 * @param {Bytes} salt of the user, from the server
 * @param {Cost} [cost] of the user, from the server
 * @returns {Promise<Derived>} Rejects with WeakParameters or CannotDerive.
 */
export async function derive(password, salt, cost = FLOOR) {
  const numbers = [cost.memory, cost.passes, cost.lanes].every(Number.isSafeInteger);
  if (!numbers || cost.memory < FLOOR.memory || cost.passes < FLOOR.passes || cost.lanes < 1 || salt.length < SALT_BYTES) {
    throw new WeakParameters(
      _("The server asks for a weaker protection of the password than this page accepts. Do not log in; tell whoever runs it."),
    );
  }
  const stretched = await argon2id(written(password), salt, cost);
  const base = await hkdfBase(stretched);
  stretched.fill(0);
  const auth = await crypto.subtle.deriveBits(hkdf("faxplan password, auth"), base, 8 * KEY_BYTES);
  return { auth: new Uint8Array(auth), wrap: await wrapping(base, "faxplan password, wrap") };
}

/** 160 random bits, for paper: eight groups of four letters and digits. @returns {string} */
export function newRecoveryCode() {
  const bits = Array.from(random(CODE_BYTES), (byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = Array.from({ length: bits.length / 5 }, (_, at) => BASE32[parseInt(bits.slice(5 * at, 5 * at + 5), 2)]);
  return Array.from({ length: letters.length / 4 }, (_, at) => letters.slice(4 * at, 4 * at + 4).join("")).join("-");
}

/**
 * The wrapping key of a recovery code, as it was written down: in small letters, with spaces or without hyphens.
 * @param {string} code
 * @returns {Promise<CryptoKey>} Rejects with InvalidSecret.
 */
export async function recoveryWrap(code) {
  return hkdfWrapping(codeBytes(code), "faxplan recovery code, wrap");
}

/**
 * What a recovery code logs in with, as `auth` of a password.
 * @param {string} code
 * @returns {Promise<Bytes>} 32 bytes. Rejects with InvalidSecret.
 */
export async function recoveryAuth(code) {
  return hkdfBits(codeBytes(code), "faxplan recovery code, auth");
}

/**
 * The 20 bytes of a code, as it was written down. Raises InvalidSecret.
 * @param {string} code
 * @returns {Bytes}
 */
export function codeBytes(code) {
  // Whoever copies it by hand takes I for 1 and O for 0; neither digit is in it.
  const misread = new Map([["0", "O"], ["1", "I"], ["8", "B"]]);
  const plain = code.toUpperCase().replace(/[\s-]/g, "").replace(/[018]/g, (digit) => misread.get(digit) ?? digit);
  if (plain.length !== (8 * CODE_BYTES) / 5 || Array.from(plain).some((letter) => !BASE32.includes(letter))) {
    throw new InvalidSecret(_("A recovery code has eight groups of four letters and digits. See whether one is missing."));
  }
  const bits = Array.from(plain, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from({ length: CODE_BYTES }, (_, at) => parseInt(bits.slice(8 * at, 8 * at + 8), 2));
}

/**
 * A wrapping key for one purpose, of a secret that nobody can guess.
 * @param {Bytes} secret @param {string} purpose
 * @returns {Promise<CryptoKey>}
 */
export async function hkdfWrapping(secret, purpose) {
  return wrapping(await hkdfBase(secret), purpose);
}

/**
 * 32 bytes for one purpose, of a secret that nobody can guess.
 * @param {Bytes} secret @param {string} purpose
 * @returns {Promise<Bytes>}
 */
export async function hkdfBits(secret, purpose) {
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf(purpose), await hkdfBase(secret), 8 * KEY_BYTES));
}

/**
 * The wrapping key of a session's secret, which the server gives to a live session only (remembered.js).
 * @param {Bytes} secret 32 random bytes
 * @returns {Promise<CryptoKey>}
 */
export async function sessionWrap(secret) {
  if (secret.length !== KEY_BYTES) {
    throw new RangeError(`a session's secret has ${KEY_BYTES} bytes`);
  }
  return hkdfWrapping(secret, "faxplan session, wrap");
}

/**
 * A user's private key, opened by a wrapping key.
 * @param {ExposedKey} key @param {CryptoKey} wrap
 * @returns {Promise<Bytes>} 60 bytes, for the server
 */
export async function lock(key, wrap) {
  const iv = random(NONCE_BYTES);
  const additionalData = joined(OPENS_KEY, key.publicKey.raw);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, wrap, key.raw);
  return joined(iv, new Uint8Array(sealed));
}

/**
 * The private key that belongs to this public one.
 * @param {Bytes} locked @param {CryptoKey} wrap @param {PublicKey} publicKey
 * @returns {Promise<ExposedKey>} to `hold`, once it is locked anew where that is wanted. Rejects with WrongSecret and BrowserTooOld.
 */
export async function unlock(locked, wrap, publicKey) {
  const iv = locked.slice(0, NONCE_BYTES);
  const additionalData = joined(OPENS_KEY, publicKey.raw);
  let raw;
  try {
    raw = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, wrap, locked.slice(NONCE_BYTES));
  } catch (error) {
    throw new WrongSecret(_("That is not the right one. Try again; capital letters count in a password."), { cause: error });
  }
  const found = await ExposedKey.of(new Uint8Array(raw));
  if (!found.publicKey.equals(publicKey)) {
    found.wipe();
    throw new WrongSecret(_("The key that it opens is another user's. Tell whoever runs this server."));
  }
  return found;
}

/** As RFC 8265 (OpaqueString) has it: letters that look alike on two keyboards are the same bytes. @param {string} password */
function written(password) {
  return utf8(password.normalize("NFC"));
}

/** @param {Bytes} password @param {Bytes} salt @param {Cost} cost @returns {Promise<Bytes>} 32 bytes */
async function argon2id(password, salt, cost) {
  const worker = new Worker(new URL("./argon2-worker.js", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.key ? resolve(data.key) : reject(new Error(data.problem)));
      worker.onerror = (event) => reject(new Error(event.message ?? "the worker did not start"));
      worker.postMessage({ password, salt, ...cost, length: KEY_BYTES });
    });
  } catch (error) {
    throw new CannotDerive(
      _("This browser cannot work on the password: WebAssembly is blocked, or memory is short. Close other pages and try again, or take another browser."),
      { cause: error },
    );
  } finally {
    // And with it its 64 MiB, in which the password was.
    worker.terminate();
    password.fill(0);
  }
}

/** @param {Bytes} secret @returns {Promise<CryptoKey>} */
function hkdfBase(secret) {
  return crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
}

/** @param {string} purpose */
function hkdf(purpose) {
  // RFC 5869: no salt is as many zero bytes as the hash has. Some browsers take no empty one.
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(KEY_BYTES), info: utf8(purpose) };
}

/** @param {CryptoKey} base @param {string} purpose @returns {Promise<CryptoKey>} */
function wrapping(base, purpose) {
  const aes = { name: "AES-GCM", length: 8 * KEY_BYTES };
  return crypto.subtle.deriveKey(hkdf(purpose), base, aes, false, ["encrypt", "decrypt"]);
}
