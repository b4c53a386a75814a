// @ts-check
/** Logging in: the password is worked on here; what is sent opens nothing. */

import { fromHex, hex } from "../vault/bytes.js";
import { FaxplanError } from "../vault/errors.js";
import { derive, unlock } from "../vault/passphrases.js";
import { remember } from "../vault/remembered.js";
import { PublicKey } from "../vault/wraps.js";
import { post, words } from "./client.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("log-in"));
const go = /** @type {HTMLButtonElement} */ (document.getElementById("go"));
const wrong = /** @type {HTMLElement} */ (document.getElementById("wrong"));
const doing = /** @type {HTMLElement} */ (document.getElementById("doing"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  wrong.hidden = true;
  doing.textContent = "Working on your password. This takes a moment.";
  try {
    await logIn(/** @type {HTMLInputElement} */ (document.getElementById("email")).value.trim(), password.value);
    location.assign("/inbox");
  } catch (error) {
    wrong.textContent = words(error);
    wrong.hidden = false;
    doing.textContent = "";
    go.disabled = false;
    password.select();
  }
});

/** @param {string} email @param {string} secret @returns {Promise<void>} */
async function logIn(email, secret) {
  if (!globalThis.crypto?.subtle) {
    throw new Insecure("This page came over an open connection, on which no browser opens sealed faxes. Use its https address.");
  }
  const { salt, cost } = await post("/log-in/challenge", new URLSearchParams({ email }));
  const { auth, wrap } = await derive(secret, fromHex(salt), cost);
  const said = await post("/log-in", new URLSearchParams({ email, auth: hex(auth) }));
  const key = await unlock(fromHex(said.key.locked), wrap, new PublicKey(fromHex(said.key.publicKey)));
  try {
    await remember(said.user, key, fromHex(said.secret));
  } finally {
    key.wipe();
  }
}

/** WebCrypto is for https and for addresses on the same machine. */
class Insecure extends FaxplanError {
  static errorId = "insecure";
}
