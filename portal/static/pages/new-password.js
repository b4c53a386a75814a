// @ts-check
/** A field for a new password: what is wrong with it is said while it is written. */

import { checkNew } from "../vault/new-password.js";
import { InvalidSecret } from "../vault/errors.js";
import { _ } from "./language.js";

/** Long enough that nobody is told of a mistake in the middle of a word. */
const PAUSE = 300;

/**
 * @param {HTMLInputElement} field @param {() => string[]} known what makes no password: names and addresses
 */
export function judges(field, known) {
  const said = /** @type {HTMLElement} */ (document.getElementById(`${field.id}-judged`));
  const before = said.textContent;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const text = field.value;
      const fault = text ? await faultOf(text, known()) : null;
      if (text === field.value) {
        said.textContent = fault ?? (text ? _("This one will do.") : before);
        said.dataset.judged = fault ? "bad" : text ? "good" : "";
        field.setAttribute("aria-invalid", String(Boolean(fault)));
      }
    }, PAUSE);
  });
  for (const each of document.querySelectorAll(`[data-shows="${field.id}"]`)) {
    const tick = /** @type {HTMLInputElement} */ (each);
    tick.addEventListener("change", () => (field.type = tick.checked ? "text" : "password"));
  }
}

/** @param {string} text @param {string[]} known @returns {Promise<string | null>} */
async function faultOf(text, known) {
  try {
    await checkNew(text, known);
    return null;
  } catch (error) {
    if (error instanceof InvalidSecret) {
      return error.message;
    }
    throw error;
  }
}
