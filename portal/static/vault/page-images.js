// @ts-check
/**
 * A fax's page images: one PNG of a ZIP whose members are stored (docs/sealed-files/README.md; faxplan/page_images.py writes it).
 * Of a fax of 200 pages a browser reads the directory and the pages that are looked at, and no others.
 */

import { PageImagesBroken } from "./errors.js";
import { _ } from "../pages/language.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./header.js").Source} Source
 * @typedef {{start: number, size: number}} Place of a member: where its local header begins, and how long its content is
 */

const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const NAME_BYTES = 8;
const [END, ENTRY, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];
const NAME = /^(?!0000)[0-9]{4}\.png$/;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const LARGEST_IMAGE = 64 * 1024 * 1024;

/** The pages of one fax that were drawn. One that could not be has no image, and the others keep their numbers. */
export class PageImages {
  #source;
  #places;

  /** Use `PageImages.open`. @param {Source} source @param {Map<number, Place>} places */
  constructor(source, places) {
    this.#source = source;
    this.#places = places;
  }

  /**
   * @param {Source} source the ZIP: a SealedReader is one
   * @returns {Promise<PageImages>} Rejects with PageImagesBroken, and as the source does.
   */
  static async open(source) {
    const end = view(await exactly(source, source.size - END_BYTES, END_BYTES));
    const [count, size, start] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
    // On one disk, without a comment, and nothing between the directory and its end.
    const plain = end.getUint32(4, true) === 0 && end.getUint16(8, true) === count && end.getUint16(20, true) === 0;
    if (end.getUint32(0, true) !== END || !plain || start + size !== source.size - END_BYTES) {
      throw new PageImagesBroken(_("The page images cannot be read. Open the fax's PDF instead."));
    }
    if (size !== count * (ENTRY_BYTES + NAME_BYTES)) {
      throw unlike();
    }
    return new PageImages(source, placesOf(view(await exactly(source, start, size)), count, start));
  }

  /** The numbers of the pages that there are, from 1, in order. @returns {number[]} */
  get numbers() {
    return [...this.#places.keys()];
  }

  /**
   * The image of a page.
   * @param {number} number from 1
   * @returns {Promise<Blob | null>} null: that page has none. Rejects with PageImagesBroken, and as the source does.
   */
  async page(number) {
    const place = this.#places.get(number);
    if (!place) {
      return null;
    }
    const before = LOCAL_BYTES + NAME_BYTES;
    const member = await exactly(this.#source, place.start, before + place.size);
    const local = view(member);
    if (local.getUint32(0, true) !== LOCAL || local.getUint16(26, true) !== NAME_BYTES || local.getUint16(28, true)) {
      throw unlike();
    }
    const png = member.subarray(before);
    if (!PNG.every((byte, at) => png[at] === byte)) {
      throw unlike();
    }
    return new Blob([/** @type {Bytes} */ (png)], { type: "image/png" });
  }
}

/** The pages of a fax that has a cover: those of the cover, and then those of its document. */
export class PagesWithCover {
  #cover;
  #pages;

  /** @param {PageImages} cover @param {PageImages} pages */
  constructor(cover, pages) {
    this.#cover = cover;
    this.#pages = pages;
  }

  /** @returns {number} how many pages the cover has */
  get before() {
    return this.#cover.numbers.at(-1) ?? 0;
  }

  /** As of PageImages. @returns {number[]} */
  get numbers() {
    return [...this.#cover.numbers, ...this.#pages.numbers.map((each) => each + this.before)];
  }

  /** As of PageImages. @param {number} number @returns {Promise<Blob | null>} */
  page(number) {
    return number <= this.before ? this.#cover.page(number) : this.#pages.page(number - this.before);
  }
}

/** @param {DataView} directory @param {number} count @param {number} end where the members end */
function placesOf(directory, count, end) {
  /** @type {Map<number, Place>} */
  const places = new Map();
  let last = 0;
  for (let at = 0; at < directory.byteLength; at += ENTRY_BYTES + NAME_BYTES) {
    const letters = new Uint8Array(directory.buffer, directory.byteOffset + at + ENTRY_BYTES, NAME_BYTES);
    const name = String.fromCharCode(...letters);
    const [size, start] = [directory.getUint32(at + 24, true), directory.getUint32(at + 42, true)];
    const number = NAME.test(name) ? Number(name.slice(0, 4)) : 0;
    const plain =
      directory.getUint32(at, true) === ENTRY &&
      // Neither flags nor a method: stored, with its size before it.
      directory.getUint32(at + 8, true) === 0 &&
      directory.getUint32(at + 20, true) === size &&
      directory.getUint16(at + 28, true) === NAME_BYTES &&
      // No extra field, no comment, on the same disk.
      directory.getUint32(at + 30, true) === 0 &&
      directory.getUint16(at + 34, true) === 0;
    if (!plain || number <= last || size > LARGEST_IMAGE || start + LOCAL_BYTES + NAME_BYTES + size > end) {
      throw unlike();
    }
    last = number;
    places.set(number, { start, size });
  }
  return places;
}

function unlike() {
  return new PageImagesBroken(_("It holds something else than pages in their order."));
}

/** @param {Uint8Array} bytes */
function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @param {Source} source @param {number} start @param {number} count */
async function exactly(source, start, count) {
  const found = start < 0 ? new Uint8Array() : await source.read(start, start + count);
  if (found.length !== count) {
    throw new PageImagesBroken(_("The page images were cut off. Open the fax's PDF instead."));
  }
  return found;
}
