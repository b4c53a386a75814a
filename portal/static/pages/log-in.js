// @ts-check
/** Logging in: the password is worked on here; what is sent opens nothing. A code is asked for where there is a second factor. */

import { PasskeyRefused } from "../vault/errors.js";
import { Refused, words } from "./client.js";
import { _ } from "./language.js";
import { goOn } from "./onward.js";
import { derived, logIn, logInByPasskey } from "./session.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("log-in"));
const go = /** @type {HTMLButtonElement} */ (document.getElementById("go"));
const byPasskey = /** @type {HTMLButtonElement} */ (document.getElementById("by-passkey"));
const wrong = /** @type {HTMLElement} */ (document.getElementById("wrong"));
const doing = /** @type {HTMLElement} */ (document.getElementById("doing"));
const email = /** @type {HTMLInputElement} */ (document.getElementById("email"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
const codeStep = /** @type {HTMLFormElement} */ (document.getElementById("code-form"));
const code = /** @type {HTMLInputElement} */ (document.getElementById("totp"));
const wrongCode = /** @type {HTMLElement} */ (document.getElementById("wrong-code"));

const { to = "/inbox" } = form.dataset;

/** What the password gave, until the code is there. @type {{email: string, known: import("../vault/passphrases.js").Derived} | undefined} */
let waiting;

byPasskey.hidden = !globalThis.PublicKeyCredential;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  busy(_("Working on your password. This takes a moment."));
  try {
    const who = email.value.trim();
    waiting = { email: who, known: await derived(who, password.value) };
    goOn(await logIn(who, waiting.known), to);
  } catch (error) {
    if (error instanceof Refused && error.id === "code-needed") {
      form.hidden = true;
      codeStep.hidden = false;
      code.focus();
      return;
    }
    say(wrong, error);
    password.select();
  }
});

codeStep.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrongCode.hidden = true;
  try {
    if (waiting) {
      goOn(await logIn(waiting.email, waiting.known, code.value), to);
    }
  } catch (error) {
    say(wrongCode, error);
    code.select();
  }
});

byPasskey.addEventListener("click", async () => {
  busy(_("Waiting for your passkey."));
  try {
    const told = await logInByPasskey();
    if (told === null) {
      location.assign("/unlock");
    } else {
      goOn(told, to);
    }
  } catch (error) {
    if (error instanceof PasskeyRefused) {
      // In the words of a log-in: nothing is open yet.
      say(wrong, new Refused(_("No passkey was used. Try again, or log in with your password."), "passkey-refused"));
    } else {
      say(wrong, error);
    }
  }
});

/** @param {string} text */
function busy(text) {
  go.disabled = byPasskey.disabled = true;
  wrong.hidden = true;
  doing.textContent = text;
}

/** @param {HTMLElement} place @param {unknown} error */
function say(place, error) {
  place.textContent = words(error);
  place.hidden = false;
  doing.textContent = "";
  go.disabled = byPasskey.disabled = false;
}
