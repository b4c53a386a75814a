// @ts-check
/** Logging out: what this browser keeps of the key goes, before the server forgets what opens it. */

import { forget } from "../vault/remembered.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-log-out]"));
const user = Number(document.querySelector('meta[name="user"]')?.getAttribute("content"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await forget(user);
  } finally {
    form.submit();
  }
});
