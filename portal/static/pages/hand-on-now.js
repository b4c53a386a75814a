// @ts-check
/** What others wait for is handed to them when it is asked for, and not only at log-in. */

import { keyring, LockedHere, toUnlock } from "./client.js";
import { handOn } from "./hand-on.js";

// Who was let in has the newest key alone, where what came before is not tied to it.
const changed = /** @type {HTMLElement | null} */ (document.querySelector("[data-just-changed]"));
if (changed) {
  handOn().then((told) => {
    tell(told);
    changed.dataset.justChanged = "done";
  });
}

document.querySelector("[data-hand-on-now]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await keyring();
  } catch (error) {
    if (error instanceof LockedHere) {
      location.assign(toUnlock());
      return;
    }
    throw error;
  }
  const told = await handOn();
  if (!tell(told)) {
    location.reload();
  }
});

/**
 * Whoever opens more by it is named at once: at the next log-in nothing is due any more.
 * @param {string[]} told @returns {boolean} whether somebody was
 */
function tell(told) {
  const place = document.getElementById("told-of-keys");
  const items = told.map((text) => Object.assign(document.createElement("li"), { textContent: text }));
  place?.querySelector("ul")?.append(...items);
  if (place && told.length) {
    place.hidden = false;
  }
  return told.length > 0;
}
