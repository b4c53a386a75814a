// @ts-check
/** A file on the server, read by ranges (RFC 9110, 14): what is looked at is fetched, and nothing else. */

import { NotFetched } from "./errors.js";
import { sourceOf } from "./sealed.js";
import { _ } from "../pages/language.js";

/** @typedef {import("./header.js").Source} Source */

/** So much comes with the first answer: the header of a sealed file and, of a short one, all. */
const FIRST_BYTES = 65536;

/**
 * What the server has under an address of its own. A server that knows no ranges gives all of it at once, which is taken.
 * @param {string} address
 * @returns {Promise<Source>} Rejects with NotFetched; so does its `read`.
 */
export async function rangesOf(address) {
  const answer = await asked(address, 0, FIRST_BYTES);
  const head = await content(answer);
  if (answer.status === 200) {
    return sourceOf(head);
  }
  const size = sizeOf(answer, 0, head.length);
  if (head.length !== Math.min(size, FIRST_BYTES)) {
    throw unlike();
  }
  return {
    size,
    async read(start, end) {
      const stop = Math.min(end, size);
      if (start >= stop || stop <= head.length) {
        return head.slice(start, Math.max(stop, start));
      }
      const piece = await asked(address, start, stop);
      const found = await content(piece);
      if (piece.status !== 206 || sizeOf(piece, start, found.length) !== size || found.length !== stop - start) {
        throw unlike();
      }
      return found;
    },
  };
}

/** @param {string} address @param {number} start @param {number} end */
async function asked(address, start, end) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Range: `bytes=${start}-${end - 1}` }, cache: "no-store" });
  } catch (error) {
    throw new NotFetched(_("The server does not answer. Try again."), { cause: error });
  }
  if (!answer.ok) {
    throw new NotFetched(_("The server answered {status}. Load the page again.", { status: answer.status }));
  }
  return answer;
}

/** @param {Response} answer */
async function content(answer) {
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    throw new NotFetched(_("The connection broke off. Try again."), { cause: error });
  }
}

/** Of the whole file, where it is the range that was asked for. @param {Response} answer @param {number} start @param {number} length */
function sizeOf(answer, start, length) {
  const said = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+)$/.exec(answer.headers.get("Content-Range") ?? "");
  if (!said || Number(said[1]) !== start || Number(said[2]) !== start + length - 1) {
    throw unlike();
  }
  return Number(said[3]);
}

function unlike() {
  return new NotFetched(_("The server gave another part of the file than it was asked for. Load the page again."));
}
