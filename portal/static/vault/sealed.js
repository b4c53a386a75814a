// @ts-check
/**
 * Sealed files: sealed and opened in the browser, chunk by chunk (docs/sealed-files/README.md; faxplan/sealed.py does the same).
 * Needs `crypto.subtle`, which a page has only over https or on a local address.
 */

import { joined, random, utf8 } from "./bytes.js";
import { SealBroken } from "./errors.js";
import { CHUNK_BYTES, named, readHeader, sameContext } from "./header.js";
import { _ } from "../pages/language.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./header.js").Context} Context
 * @typedef {import("./header.js").Header} Header
 * @typedef {import("./header.js").Source} Source
 */

const KEY_BYTES = 32;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/** A file key: for one file, and never again. @returns {Bytes} */
export function newKey() {
  return random(KEY_BYTES);
}

/** @param {Blob | Uint8Array} content a file from a form, what was fetched, or bytes @returns {Source} */
export function sourceOf(content) {
  if (content instanceof Uint8Array) {
    return { size: content.length, read: async (start, end) => content.slice(start, end) };
  }
  return {
    size: content.size,
    read: async (start, end) => new Uint8Array(await content.slice(start, end).arrayBuffer()),
  };
}

/**
 * The bytes of the sealed file, piece by piece.
 * @param {Source} source what is sealed
 * @param {Bytes} key of this file alone (newKey)
 * @param {Header} header of newHeader
 * @returns {AsyncGenerator<Bytes, void, void>}
 */
export async function* seal(source, key, header) {
  const { body, header: sealing } = await derived(key, header);
  yield header.encoded;
  yield new Uint8Array(await crypto.subtle.sign("HMAC", sealing, header.encoded));
  const last = Math.max(Math.ceil(source.size / CHUNK_BYTES) - 1, 0);
  for (let number = 0; number <= last; number += 1) {
    const start = number * CHUNK_BYTES;
    const end = Math.min(start + CHUNK_BYTES, source.size);
    const block = await source.read(start, end);
    if (block.length !== end - start) {
      throw new RangeError("the source gave fewer bytes than it has");
    }
    yield new Uint8Array(await crypto.subtle.encrypt(aesGcm(number, last), body, /** @type {Bytes} */ (block)));
  }
}

/**
 * All of it, to be sent.
 * @param {Source} source @param {Bytes} key @param {Header} header
 * @returns {Promise<Blob>}
 */
export async function sealedBlob(source, key, header) {
  const pieces = [];
  for await (const piece of seal(source, key, header)) {
    pieces.push(piece);
  }
  return new Blob(pieces, { type: "application/octet-stream" });
}

/**
 * A file's name, or another short text about it, for whoever has the file's key.
 * @param {string} name @param {Bytes} key @param {Header} header
 * @returns {Promise<Bytes>}
 */
export async function sealName(name, key, header) {
  const iv = random(NONCE_BYTES);
  const { name: sealing } = await derived(key, header);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: header.digest }, sealing, utf8(name));
  return joined(iv, new Uint8Array(sealed));
}

/**
 * What sealName sealed.
 * @param {Bytes} sealedName @param {Bytes} key @param {Header} header
 * @returns {Promise<string>} Rejects with SealBroken.
 */
export async function openName(sealedName, key, header) {
  const [iv, rest] = [sealedName.slice(0, NONCE_BYTES), sealedName.slice(NONCE_BYTES)];
  const { name: sealing } = await derived(key, header);
  try {
    const name = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: header.digest }, sealing, rest);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name);
  } catch (error) {
    throw new SealBroken(_("The name of the document was changed, or is another's."), { cause: error });
  }
}

/** The plain bytes of a sealed file, from any place in it; none is given out before its chunk has been verified. */
export class SealedReader {
  #source;
  #body;
  #start;
  #last;
  /** The chunk that was opened last. */
  #number = -1;
  #chunk = new Uint8Array();

  /** Use `SealedReader.open`. @param {Source} source @param {Header} header @param {CryptoKey} body @param {number} start */
  constructor(source, header, body, start) {
    const length = source.size - start;
    const whole = Math.floor(length / SEALED_CHUNK_BYTES);
    const rest = length % SEALED_CHUNK_BYTES;
    if ((rest && rest < TAG_BYTES) || (!whole && !rest) || (whole && rest === TAG_BYTES)) {
      throw new SealBroken(_("It was cut off."));
    }
    this.#source = source;
    this.#body = body;
    this.#start = start;
    this.#last = rest ? whole : whole - 1;
    this.header = header;
    /** Plain bytes. */
    this.size = length - TAG_BYTES * (this.#last + 1);
  }

  /**
   * @param {Source} source
   * @param {Bytes} key the file key
   * @param {Context | null} expected which file it must be: a good one in another's place is refused. null: any.
   * @returns {Promise<SealedReader>} Rejects with SealBroken: the key is not the file's, the header was changed, it is
   *   another file, it was cut off, or something was appended. A chunk that was changed shows when it is read.
   */
  static async open(source, key, expected) {
    if (expected === undefined) {
      throw new TypeError("say which file is expected, or null");
    }
    const { header, seal: given, end } = await readHeader(source);
    const keys = await derived(key, header);
    if (!(await crypto.subtle.verify("HMAC", keys.header, /** @type {Bytes} */ (given), header.encoded))) {
      throw new SealBroken(_("This key does not open it, or its header was changed."));
    }
    if (expected !== null && !sameContext(expected, header.context)) {
      throw new SealBroken(_("It is {found}, and not {wanted}.", { found: named(header.context), wanted: named(expected) }));
    }
    const reader = new SealedReader(source, header, keys.body, end);
    // The last chunk alone tells that nothing is missing behind it.
    await reader.#load(reader.#last);
    return reader;
  }

  /**
   * @param {number} start @param {number} end as of `slice`: from 0, without `end` itself; past the end there is nothing
   * @returns {Promise<Bytes>} Rejects with SealBroken.
   */
  async read(start, end) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0) {
      throw new RangeError("no place in a file");
    }
    const parts = [];
    const stop = Math.min(end, this.size);
    for (let at = start; at < stop; ) {
      const number = Math.floor(at / CHUNK_BYTES);
      const first = number * CHUNK_BYTES;
      const part = (await this.#load(number)).slice(at - first, stop - first);
      parts.push(part);
      at += part.length;
    }
    return joined(...parts);
  }

  /** All of it, chunk by chunk, from the beginning. @returns {AsyncGenerator<Bytes, void, void>} */
  async *chunks() {
    for (let number = 0; number <= this.#last; number += 1) {
      yield (await this.#load(number)).slice();
    }
  }

  /** All of it, once every chunk has been verified. @param {string} type a media type @returns {Promise<Blob>} */
  async blob(type) {
    const parts = [];
    for await (const chunk of this.chunks()) {
      parts.push(chunk);
    }
    return new Blob(parts, { type });
  }

  /** @param {number} number @returns {Promise<Bytes>} */
  async #load(number) {
    if (number === this.#number) {
      return this.#chunk;
    }
    const start = this.#start + number * SEALED_CHUNK_BYTES;
    const sealed = await this.#source.read(start, start + SEALED_CHUNK_BYTES);
    let chunk;
    try {
      const plain = await crypto.subtle.decrypt(aesGcm(number, this.#last), this.#body, /** @type {Bytes} */ (sealed));
      chunk = new Uint8Array(plain);
    } catch (error) {
      throw new SealBroken(_("It was changed or cut off (chunk {number}).", { number }), { cause: error });
    }
    // Both at once: another read may have come in between.
    this.#number = number;
    this.#chunk = chunk;
    return chunk;
  }
}

/** The keys of a file, which stay in the browser's keeping. @param {Bytes} key @param {Header} header */
async function derived(key, { salt }) {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`a file key has ${KEY_BYTES} bytes`);
  }
  const base = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveKey"]);
  const hkdf = (/** @type {string} */ purpose) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt,
    info: utf8(`faxplan sealed file, ${purpose}`),
  });
  // The length must be said: WebCrypto makes an HMAC key of 64 bytes otherwise.
  const hmac = { name: "HMAC", hash: "SHA-256", length: 8 * KEY_BYTES };
  const aes = { name: "AES-GCM", length: 8 * KEY_BYTES };
  return {
    header: await crypto.subtle.deriveKey(hkdf("header"), base, hmac, false, ["sign", "verify"]),
    body: await crypto.subtle.deriveKey(hkdf("body"), base, aes, false, ["encrypt", "decrypt"]),
    name: await crypto.subtle.deriveKey(hkdf("name"), base, aes, false, ["encrypt", "decrypt"]),
  };
}

/** With the nonce of STREAM: 11 bytes of counter, and whether it is the last chunk. @param {number} number @param {number} last */
function aesGcm(number, last) {
  const iv = new Uint8Array(NONCE_BYTES);
  new DataView(iv.buffer).setBigUint64(3, BigInt(number));
  iv[NONCE_BYTES - 1] = number === last ? 1 : 0;
  return { name: "AES-GCM", iv, tagLength: 8 * TAG_BYTES };
}
