// @ts-check
/** Where a fax stands, as long as that changes; asked less often while nothing does. */

import { get, Refused } from "./client.js";

const place = /** @type {HTMLElement} */ (document.querySelector("[data-standing]"));
const said = /** @type {HTMLElement} */ (place.querySelector("[data-words]"));
const progress = /** @type {HTMLProgressElement | null} */ (document.querySelector("[data-progress]"));
const [SOONEST, LATEST] = [1000, 15_000];

/** @param {number} wait @returns {Promise<void>} */
async function look(wait) {
  let next = Math.min(wait * 1.5, LATEST);
  try {
    const now = await get(place.dataset.standing ?? "");
    // Another call, or its end: the time line has more to tell.
    if (now.final || String(now.calls) !== place.dataset.calls) {
      location.reload();
      return;
    }
    if (said.textContent !== now.standing) {
      said.textContent = now.standing;
      next = SOONEST;
    }
    if (progress && now.pages) {
      progress.value = now.done;
    }
  } catch (error) {
    if (error instanceof Refused) {
      // Logged out, or it is gone: nothing more is to be seen here.
      said.textContent = error.message;
      return;
    }
    console.warn(error);
    next = LATEST;
  }
  setTimeout(look, next, next);
}

setTimeout(look, SOONEST, SOONEST);
