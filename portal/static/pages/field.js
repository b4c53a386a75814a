// @ts-check
/** Forms whose work is done here: while it goes on they say so, and what is wrong stands above them. */

import { words } from "./client.js";

/**
 * @param {string} id of the form, which has #wrong, #go and #doing
 * @param {string} text what is said meanwhile
 * @param {() => Promise<void>} act
 */
export function onSubmit(id, text, act) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById(id));
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (form.querySelector(`#${name}, [data-${name}]`));
  const [wrong, doing] = [part("wrong"), part("doing")];
  const go = /** @type {HTMLButtonElement} */ (part("go"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    wrong.hidden = true;
    doing.textContent = text;
    try {
      await act();
      doing.textContent = "";
    } catch (error) {
      wrong.textContent = words(error);
      wrong.hidden = false;
      doing.textContent = "";
    }
    go.disabled = false;
  });
}
