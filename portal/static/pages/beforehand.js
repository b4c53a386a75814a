// @ts-check
/** Forms that go off once something was made for them here; what is wrong stands in #not-made. */

import { LockedHere, toUnlock, words } from "./client.js";

/** @param {string} selector of the forms @param {(form: HTMLFormElement) => Promise<void>} make */
export function beforehand(selector, make) {
  const wrong = /** @type {HTMLElement} */ (document.getElementById("not-made"));
  for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll(selector))) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const go = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
      go.disabled = true;
      wrong.hidden = true;
      try {
        await make(form);
        form.submit();
      } catch (error) {
        if (error instanceof LockedHere) {
          location.assign(toUnlock());
          return;
        }
        wrong.textContent = words(error);
        wrong.hidden = false;
        wrong.scrollIntoView({ block: "nearest" });
        go.disabled = false;
      }
    });
  }
}
