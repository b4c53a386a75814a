// @ts-check
/** The header of a sealed file, which anybody can read: docs/sealed-files/README.md. */

import { fromHex, hex, joined, random, same, utf8 } from "./bytes.js";
import { SealBroken } from "./errors.js";
import { _ } from "../pages/language.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

/**
 * Where bytes are read from. `read` gives those from `start` up to `end`, or fewer where there are no more.
 * @typedef {{size: number, read: (start: number, end: number) => Promise<Uint8Array>}} Source
 */

/**
 * What a sealed file is. document: its object name in the store; artefact: what it is, such as `received-tiff`, `page-images`
 * @typedef {{tenant: number, document: string, artefact: string}} Context
 */

/** Plain bytes of each chunk but the last. */
export const CHUNK_BYTES = 65536;
export const SEAL_BYTES = 32;
const SUITE = "AES-256-GCM-STREAM+HKDF-SHA256+HMAC-SHA256";
const VERSION = 1;
const MAGIC = joined(utf8("FAXPLAN"), Uint8Array.of(VERSION));
const MEMBERS = ["artefact", "chunk", "document", "salt", "suite", "tenant"];
const SALT_BYTES = 16;
const LONGEST_HEADER_BYTES = 4096;
const LENGTH_BYTES = 4;

/** What stands before the chunks. */
export class Header {
  /**
   * @param {Context} context
   * @param {Bytes} salt 16 bytes
   * @param {Bytes} encoded as in the file, without the seal
   * @param {Bytes} digest SHA-256 of what is encoded: to this a wrap is bound
   */
  constructor(context, salt, encoded, digest) {
    this.context = Object.freeze({ ...context });
    this.salt = salt;
    this.encoded = encoded;
    this.digest = digest;
    Object.freeze(this);
  }
}

/**
 * The header of a file that is to be sealed.
 * @param {Context} context
 * @param {Bytes} [salt] random unless given (test vectors)
 * @returns {Promise<Header>} Rejects with RangeError where no header can say that.
 */
export async function newHeader({ artefact, document, tenant }, salt = random(SALT_BYTES)) {
  const said = { artefact, chunk: CHUNK_BYTES, document, salt: hex(salt), suite: SUITE, tenant };
  const text = canonical(said);
  if (!isOurs(said) || text.length > LONGEST_HEADER_BYTES) {
    throw new RangeError("no context of a sealed file");
  }
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.length);
  return header(said, joined(MAGIC, length, text));
}

/**
 * The header at the beginning of a file, and its seal, which is not looked at yet.
 * @param {Source} source
 * @returns {Promise<{header: Header, seal: Uint8Array, end: number}>} end: where the chunks begin. Rejects with SealBroken.
 */
export async function readHeader(source) {
  const start = await exactly(source, 0, MAGIC.length + LENGTH_BYTES);
  if (!same(start.subarray(0, MAGIC.length - 1), MAGIC.subarray(0, -1))) {
    throw new SealBroken(_("This is no sealed file."));
  }
  const version = start[MAGIC.length - 1];
  if (version !== VERSION) {
    throw new SealBroken(_("It is sealed in version {version} of the format, and this reads {ours}. Load the page again.", { version, ours: VERSION }));
  }
  const length = new DataView(start.buffer, start.byteOffset).getUint32(MAGIC.length);
  if (length > LONGEST_HEADER_BYTES) {
    throw new SealBroken(_("Its header is too long. The file is damaged."));
  }
  const text = await exactly(source, start.length, length);
  const seal = await exactly(source, start.length + length, SEAL_BYTES);
  return { header: await header(parsed(text), joined(start, text)), seal, end: start.length + length + SEAL_BYTES };
}

/** @param {Context} one @param {Context} other @returns {boolean} */
export function sameContext(one, other) {
  return one.tenant === other.tenant && one.document === other.document && one.artefact === other.artefact;
}

/** @param {Context} context @returns {string} For people. */
export function named({ artefact, document, tenant }) {
  return `${artefact} of document ${document}, tenant ${tenant}`;
}

/** @param {Source} source @param {number} start @param {number} count */
async function exactly(source, start, count) {
  const found = await source.read(start, start + count);
  if (found.length !== count) {
    throw new SealBroken(_("It was cut off."));
  }
  return found;
}

/** @param {any} said @param {Bytes} encoded */
async function header({ artefact, document, salt, tenant }, encoded) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoded));
  return new Header({ artefact, document, tenant }, fromHex(salt), encoded, digest);
}

/** @param {Uint8Array} text */
function parsed(text) {
  let said;
  try {
    said = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text));
  } catch (error) {
    throw new SealBroken(_("Its header cannot be read. The file is damaged."), { cause: error });
  }
  if (!isOurs(said) || !same(canonical(said), text)) {
    throw new SealBroken(_("Its header is not one that this version writes."));
  }
  return said;
}

/** Whether its members are what a header has. That there are no others shows when it is written again. @param {any} said */
function isOurs(said) {
  return (
    said !== null &&
    typeof said === "object" &&
    said.suite === SUITE &&
    said.chunk === CHUNK_BYTES &&
    Number.isSafeInteger(said.tenant) &&
    typeof said.document === "string" &&
    typeof said.artefact === "string" &&
    typeof said.salt === "string" &&
    new RegExp(`^[0-9a-f]{${2 * SALT_BYTES}}$`).test(said.salt)
  );
}

/**
 * Of RFC 8785 what a header needs, in ASCII: sorted keys, no spaces. Written of its members one by one, so that what was
 * read is compared with what would be written.
 * @param {Record<string, unknown>} said
 */
function canonical(said) {
  const members = MEMBERS.map((name) => `${JSON.stringify(name)}:${JSON.stringify(said[name])}`);
  const escaped = (/** @type {string} */ letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return utf8(`{${members.join(",")}}`.replace(/[\u007f-\uffff]/g, escaped));
}
