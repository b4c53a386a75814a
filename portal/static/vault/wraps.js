// @ts-check
/**
 * Wraps: a file key, or another reader's private key, sealed to one reader with HPKE (RFC 9180: DHKEM(X25519, HKDF-SHA256),
 * HKDF-SHA256, AES-256-GCM). docs/sealed-files/README.md has the format; faxplan/wraps.py does the same.
 */

import { joined, random, same, utf8 } from "./bytes.js";
import { BrowserTooOld, SealBroken } from "./errors.js";
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "./vendor/hpke/core/esm/mod.js";
import { _ } from "../pages/language.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/** Of a file key: encapsulated key 32, key 32, tag 16. */
export const WRAP_BYTES = 80;
const KEY_BYTES = 32;
const X25519 = { name: "X25519" };
/** PrivateKeyInfo (RFC 8410) up to the 32 bytes of the key: WebCrypto takes no raw private keys. */
const PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);
const FILE_KEY = utf8("faxplan wrap of a file key");
const PRIVATE_KEY = utf8("faxplan wrap of a private key");
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** Of a reader: a user, a mailbox's epoch, or one that passes (dispatch, mailer). */
export class PublicKey {
  /** @param {Bytes} raw 32 bytes (RFC 7748) */
  constructor(raw) {
    if (raw.length !== KEY_BYTES) {
      throw new RangeError(`a public key has ${KEY_BYTES} bytes`);
    }
    this.raw = raw.slice();
  }

  /** @param {PublicKey} other @returns {boolean} */
  equals(other) {
    return same(this.raw, other.raw);
  }

  /**
   * That reader's wrap of the key of the file whose header has this digest (Header).
   * @param {Bytes} fileKey @param {Bytes} digest
   * @returns {Promise<Bytes>} 80 bytes
   */
  async wrap(fileKey, digest) {
    return this.#sealed(fileKey, joined(FILE_KEY, digest));
  }

  /**
   * That reader's wrap of another reader's private key: a mailbox's for its member, an epoch's for the next.
   * @param {ExposedKey} other
   * @returns {Promise<Bytes>} 80 bytes
   */
  async wrapPrivate(other) {
    return this.#sealed(other.raw, joined(PRIVATE_KEY, other.publicKey.raw));
  }

  /** @param {Bytes} key @param {Bytes} info */
  async #sealed(key, info) {
    if (key.length !== KEY_BYTES) {
      throw new RangeError(`a key has ${KEY_BYTES} bytes`);
    }
    const recipientPublicKey = await publicKeyOf(this);
    const { enc, ct } = await suite.seal({ recipientPublicKey, info }, key);
    return joined(new Uint8Array(enc), new Uint8Array(ct));
  }
}

/** Of a reader. The key itself is in the browser's keeping and does not come out; what a page must not lose is its wrap. */
export class PrivateKey {
  #key;

  /** Use `ExposedKey.hold`. @param {CryptoKey} key that cannot be extracted @param {PublicKey} publicKey */
  constructor(key, publicKey) {
    if (key.extractable) {
      throw new TypeError("a private key that could be taken out again");
    }
    this.#key = key;
    this.publicKey = publicKey;
  }

  /**
   * The key of the file whose header has this digest.
   * @param {Bytes} wrap @param {Bytes} digest
   * @returns {Promise<Bytes>} Rejects with SealBroken: it is another reader's wrap, or another file's.
   */
  async unwrap(wrap, digest) {
    return this.#opened(wrap, joined(FILE_KEY, digest));
  }

  /**
   * The private key that belongs to this public one.
   * @param {Bytes} wrap @param {PublicKey} publicKey
   * @returns {Promise<ExposedKey>} Rejects with SealBroken, also where it is not that one's.
   */
  async unwrapPrivate(wrap, publicKey) {
    const found = await ExposedKey.of(await this.#opened(wrap, joined(PRIVATE_KEY, publicKey.raw)));
    if (!found.publicKey.equals(publicKey)) {
      found.wipe();
      throw new SealBroken(_("This wrap holds another key than it says."));
    }
    return found;
  }

  /** @param {Bytes} wrap @param {Bytes} info */
  async #opened(wrap, info) {
    let found;
    try {
      // Both keys are given: the library would export the private one to find the other.
      const recipientKey = { privateKey: this.#key, publicKey: await publicKeyOf(this.publicKey) };
      const enc = wrap.slice(0, KEY_BYTES).buffer;
      found = new Uint8Array(await suite.open({ recipientKey, enc, info }, wrap.slice(KEY_BYTES)));
    } catch (error) {
      throw new SealBroken(_("This key does not open it: it is another reader's, or another file's."), { cause: error });
    }
    if (found.length !== KEY_BYTES) {
      throw new SealBroken(_("This wrap holds no key."));
    }
    return found;
  }
}

/**
 * A private key whose bytes lie open: between its making or opening and its wrapping or locking. `hold` or `wipe` ends that;
 * one of them must follow.
 */
export class ExposedKey {
  #key;
  #raw;
  #wiped = false;

  /** Use `ExposedKey.of` or `newKeyPair`. @param {Bytes} raw @param {CryptoKey} key @param {PublicKey} publicKey */
  constructor(raw, key, publicKey) {
    this.#raw = raw;
    this.#key = key;
    this.publicKey = publicKey;
  }

  /** @returns {Bytes} 32 bytes, and not those that stand there once they were wiped: a wrap of zeros would lose the key. */
  get raw() {
    if (this.#wiped) {
      throw new TypeError("this private key was held or wiped before");
    }
    return this.#raw;
  }

  /** @param {Bytes} raw 32 bytes; these same are wiped later @returns {Promise<ExposedKey>} Rejects with BrowserTooOld. */
  static async of(raw) {
    if (raw.length !== KEY_BYTES) {
      throw new RangeError(`a private key has ${KEY_BYTES} bytes`);
    }
    const pkcs8 = joined(PKCS8, raw);
    const key = await imported("pkcs8", pkcs8, false, ["deriveBits"]).finally(() => pkcs8.fill(0));
    const base = new PublicKey(Uint8Array.of(9, ...new Uint8Array(KEY_BYTES - 1)));
    const found = await crypto.subtle.deriveBits({ ...X25519, public: await publicKeyOf(base) }, key, 8 * KEY_BYTES);
    return new ExposedKey(raw, key, new PublicKey(new Uint8Array(found)));
  }

  /** The same key, in the browser's keeping. @returns {PrivateKey} */
  hold() {
    this.wipe();
    return new PrivateKey(this.#key, this.publicKey);
  }

  /** Its bytes are gone. */
  wipe() {
    this.#raw.fill(0);
    this.#wiped = true;
  }
}

/** A reader's, random. @returns {Promise<ExposedKey>} */
export async function newKeyPair() {
  return ExposedKey.of(random(KEY_BYTES));
}

/** @param {PublicKey} publicKey @returns {Promise<CryptoKey>} */
function publicKeyOf({ raw }) {
  return imported("raw", raw, true, []);
}

/** @param {"raw" | "pkcs8"} format @param {Bytes} key @param {boolean} extractable @param {KeyUsage[]} usages */
async function imported(format, key, extractable, usages) {
  try {
    return await crypto.subtle.importKey(format, key, X25519, extractable, usages);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") {
      throw new BrowserTooOld(
        _("This browser is too old to open faxes: it has no X25519. Update it, or take another one: Chromium from 133 on, Firefox 130."),
        { cause: error },
      );
    }
    throw error;
  }
}
