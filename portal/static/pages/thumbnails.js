// @ts-check
/** The first pages of the faxes in a list, opened here as they come into view. */

import { content, LockedHere, post } from "./client.js";

const images = /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll("img[data-thumbnail]"));
const AT_ONCE = 4;

/** @returns {Promise<void>} */
async function show() {
  const numbers = Array.from(images, (image) => ["fax", image.dataset.thumbnail ?? ""]);
  if (!numbers.length) {
    return;
  }
  const found = await post("/thumbnails", new URLSearchParams(numbers));
  const waiting = Array.from(images).filter((image) => found[image.dataset.thumbnail ?? ""]);
  await Promise.all(Array.from({ length: AT_ONCE }, () => one(waiting, found)));
}

/** @param {HTMLImageElement[]} waiting @param {Record<string, import("./client.js").Readable>} found */
async function one(waiting, found) {
  for (let image = waiting.shift(); image; image = waiting.shift()) {
    try {
      image.src = URL.createObjectURL(await content(found[image.dataset.thumbnail ?? ""], "image/png"));
    } catch (error) {
      if (error instanceof LockedHere) {
        throw error;
      }
      // A list is a list without this one, too.
      console.warn(error);
    }
  }
}

show().catch((error) => {
  const locked = document.getElementById("locked");
  if (error instanceof LockedHere && locked) {
    locked.hidden = false;
  } else {
    console.warn(error);
  }
});
