// @ts-check
/** What others wait for is handed to them when it is asked for, and not only at log-in. */

import { keyring, LockedHere, toUnlock } from "./client.js";
import { handOn } from "./hand-on.js";

// Who was let in has the newest key alone, where what came before is not tied to it.
const changed = /** @type {HTMLElement | null} */ (document.querySelector("[data-just-changed]"));
if (changed) {
  handOn().then(() => (changed.dataset.justChanged = "done"));
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
  await handOn();
  location.reload();
});
