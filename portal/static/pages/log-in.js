// @ts-check
/** Logging in: the password is worked on here; what is sent opens nothing. */

import { words } from "./client.js";
import { _ } from "./language.js";
import { goOn } from "./onward.js";
import { derived, logIn } from "./session.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("log-in"));
const go = /** @type {HTMLButtonElement} */ (document.getElementById("go"));
const wrong = /** @type {HTMLElement} */ (document.getElementById("wrong"));
const doing = /** @type {HTMLElement} */ (document.getElementById("doing"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  wrong.hidden = true;
  doing.textContent = _("Working on your password. This takes a moment.");
  try {
    const email = /** @type {HTMLInputElement} */ (document.getElementById("email")).value.trim();
    goOn(await logIn(email, await derived(email, password.value)));
  } catch (error) {
    wrong.textContent = words(error);
    wrong.hidden = false;
    doing.textContent = "";
    go.disabled = false;
    password.select();
  }
});
