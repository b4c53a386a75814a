// @ts-check
/** A recovery code is shown, once; on goes who says to have kept it. */

import { _ } from "./language.js";

/** @param {string} code @returns {Promise<void>} once it is kept */
export function keep(code) {
  const step = /** @type {HTMLElement} */ (document.getElementById("code-step"));
  const shown = /** @type {HTMLOutputElement} */ (document.getElementById("code"));
  const copied = /** @type {HTMLElement} */ (document.getElementById("copied"));
  document.querySelectorAll("[data-step]").forEach((each) => /** @type {HTMLElement} */ (each).hidden = true);
  shown.textContent = code;
  step.hidden = false;
  step.scrollIntoView();
  // It is not shown again: whoever reloads, or closes the page, is asked whether they mean it.
  addEventListener("beforeunload", stay);
  document.getElementById("print-code")?.addEventListener("click", () => print());
  document.getElementById("copy-code")?.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code);
      copied.textContent = _("Copied. Put it where you find it again, and not beside your password.");
    } catch {
      copied.textContent = _("This browser does not copy it. Print it, or write it down.");
    }
  });
  return new Promise((resolve) => {
    document.getElementById("kept-form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      removeEventListener("beforeunload", stay);
      shown.textContent = "";
      step.hidden = true;
      resolve();
    });
  });
}

/** @param {BeforeUnloadEvent} event */
function stay(event) {
  event.preventDefault();
}
