// @ts-check
/** Bytes: put together, compared, written as hex. All are Uint8Array. */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const encoder = new TextEncoder();

/** UTF-8. @param {string} text @returns {Bytes} */
export function utf8(text) {
  return encoder.encode(text);
}

/** @param {...Uint8Array} parts @returns {Bytes} */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Whether both are the same. Of public things only (magic, public keys): it takes longer the more of them is alike.
 * @param {Uint8Array} one @param {Uint8Array} other @returns {boolean}
 */
export function same(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** From the browser's own source. @param {number} count @returns {Bytes} */
export function random(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** In small letters. @param {Uint8Array} bytes @returns {string} */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Raises RangeError where it is none. @param {string} text @returns {Bytes} */
export function fromHex(text) {
  if (text.length % 2 || !/^[0-9a-f]*$/i.test(text)) {
    throw new RangeError("no hex");
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

/** Without padding (RFC 4648, 5). @param {Uint8Array} bytes @returns {string} */
export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
