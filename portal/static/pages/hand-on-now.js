// @ts-check
/** What others wait for is handed to them when it is asked for, and not only at log-in. */

import { keyring, LockedHere, toUnlock } from "./client.js";
import { handOn } from "./hand-on.js";

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
