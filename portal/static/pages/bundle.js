// @ts-check
/** What was handed in, opened here: one file, or a bundle of several (faxplan/bundle.py). */

import { fileWraps, keyring, reader } from "./client.js";
import { _ } from "./language.js";
import { fromHex } from "../vault/bytes.js";
import { SealBroken } from "../vault/errors.js";
import { openName } from "../vault/sealed.js";

/**
 * @typedef {import("./client.js").Readable} Readable
 * @typedef {import("./files.js").Item} Item
 */

const MAGIC = [0x89, 0x46, 0x58, 0x42, 0x0d, 0x0a, 0x1a, 0x0a];
const [BEGIN, MOST_LIST] = [MAGIC.length + 4, 128 * 1024];

/** The files of an original; their contents are fetched when they are asked for. @param {Readable} original @returns {Promise<Item[]>} */
export async function filesOf(original) {
  const open = await reader(original);
  const head = await open.read(0, BEGIN);
  if (head.length < BEGIN || MAGIC.some((byte, place) => head[place] !== byte)) {
    return [{ name: await nameOf(original, open.header), size: open.size, content: () => open.blob("") }];
  }
  const length = new DataView(head.buffer, head.byteOffset).getUint32(MAGIC.length);
  if (length > MOST_LIST) {
    throw new SealBroken("The files are damaged.");
  }
  /** @type {{name: string, bytes: number}[]} */
  const listed = JSON.parse(new TextDecoder().decode(await open.read(BEGIN, BEGIN + length)));
  let at = BEGIN + length;
  return listed.map(({ name, bytes }) => {
    const [from, to] = [at, at + bytes];
    at = to;
    return { name, size: bytes, content: async () => new Blob([/** @type {import("../vault/bytes.js").Bytes} */ (await open.read(from, to))]) };
  });
}

/** @param {Readable} original @param {import("../vault/header.js").Header} header */
async function nameOf(original, header) {
  if (original.sealedName === null) {
    return _("Document");
  }
  const key = await (await keyring()).fileKey(header.digest, fileWraps(original));
  try {
    return await openName(fromHex(original.sealedName), key, header);
  } finally {
    key.fill(0);
  }
}
