// @ts-check
/** Who was handed a key of a mailbox that opens nothing is told so: nobody else can see it. */

import { keyring, LockedHere } from "./client.js";

const notice = /** @type {HTMLElement | null} */ (document.querySelector("[data-not-whole]"));

if (notice) {
  try {
    notice.hidden = await (await keyring()).isWhole(Number(notice.dataset.notWhole));
  } catch (error) {
    if (!(error instanceof LockedHere)) {
      throw error;
    }
  }
}
