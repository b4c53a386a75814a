// @ts-check
/** Fax TIFFs of ours, one after the other: faxplan/tiff_directory.py writes them (little-endian, each page one strip). */

/** @typedef {import("../vault/bytes.js").Bytes} Bytes */

const [HEADER_BYTES, ENTRY_BYTES] = [8, 12];
const [STRIP_OFFSET, X_RESOLUTION, Y_RESOLUTION, PAGE_NUMBER] = [273, 282, 283, 297];

/**
 * A cover and what it goes before, as one file: of the cover, whose pages stand there once for each resolution, those of the first.
 * @param {Uint8Array} cover @param {Uint8Array} pages
 * @returns {Bytes}
 */
export function joined(cover, pages) {
  const moved = cover.length - HEADER_BYTES;
  const whole = new Uint8Array(cover.length + pages.length - HEADER_BYTES);
  whole.set(cover);
  whole.set(pages.subarray(HEADER_BYTES), cover.length);
  const view = new DataView(whole.buffer);
  const before = directories(new DataView(cover.buffer, cover.byteOffset, cover.length));
  const first = dpi(view, before[0]);
  const kept = before.slice(0, before.findIndex((at) => dpi(view, at) !== first) >>> 0);
  const then = directories(new DataView(pages.buffer, pages.byteOffset, pages.length)).map((at) => at + moved);
  const all = [...kept, ...then];
  all.forEach((at, number) => {
    for (const entry of entries(view, at)) {
      const tag = view.getUint16(entry, true);
      if (tag === PAGE_NUMBER) {
        view.setUint32(entry + 8, number | (all.length << 16), true);
      } else if (number >= kept.length && [STRIP_OFFSET, X_RESOLUTION, Y_RESOLUTION].includes(tag)) {
        view.setUint32(entry + 8, view.getUint32(entry + 8, true) + moved, true);
      }
    }
    view.setUint32(following(view, at), all[number + 1] ?? 0, true);
  });
  return whole;
}

/** Where the directory of each page is. @param {DataView} view @returns {number[]} */
function directories(view) {
  const found = [];
  for (let at = view.getUint32(4, true); at; at = view.getUint32(following(view, at), true)) {
    found.push(at);
  }
  return found;
}

/** @param {DataView} view @param {number} at of a directory @returns {number[]} */
function entries(view, at) {
  return Array.from({ length: view.getUint16(at, true) }, (_none, number) => at + 2 + number * ENTRY_BYTES);
}

/** Where it stands where the next directory is. @param {DataView} view @param {number} at */
function following(view, at) {
  return at + 2 + view.getUint16(at, true) * ENTRY_BYTES;
}

/** Lines an inch. @param {DataView} view @param {number} at */
function dpi(view, at) {
  const entry = entries(view, at).find((each) => view.getUint16(each, true) === Y_RESOLUTION);
  const value = entry === undefined ? 0 : view.getUint32(entry + 8, true);
  return value ? view.getUint32(value, true) / view.getUint32(value + 4, true) : 0;
}
