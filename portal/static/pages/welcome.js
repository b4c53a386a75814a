// @ts-check
/** Who was invited chooses a password; the key is made here. The link's token is in the fragment, which browsers send nowhere. */

import { epochsOf, newUserKey } from "../vault/enrol.js";
import { publicKey, Refused, send, words } from "./client.js";
import { _ } from "./language.js";
import { judges } from "./new-password.js";
import { goOn } from "./onward.js";
import { keep } from "./recovery-code.js";
import { checkSecure, derived, logIn } from "./session.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("welcome"));
const go = /** @type {HTMLButtonElement} */ (document.getElementById("go"));
const wrong = /** @type {HTMLElement} */ (document.getElementById("wrong"));
const doing = /** @type {HTMLElement} */ (document.getElementById("doing"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
const token = location.hash.slice(1);
/** So often others may change who reads a mailbox while this key is made. */
const MOST_TRIES = 5;
/** Kept in this tab: by which link a password was chosen here. */
const CHOSEN = `password chosen by ${token}`;

/** @type {{name: string, email: string, words: string[], hasKey: boolean, epochs: any[]}} As portal/pages/welcome.py says it. */
let invited;

judges(password, () => invited.words);
try {
  checkSecure();
  invited = await look();
  show();
} catch (error) {
  say(words(error));
  if (error instanceof Refused && error.id === "invitation-gone") {
    leadOn();
  }
}

/** To the log-in, which is where whoever has used the link goes on; also who has reloaded the page with the recovery code. */
function leadOn() {
  if (sessionStorage.getItem(CHOSEN)) {
    say(_("You have chosen your password already: log in with it. If you did not keep the recovery code that was shown, make another one at Account, Recovery code: it takes the place of that one."));
  }
  /** @type {HTMLElement} */ (document.getElementById("used")).hidden = false;
}

async function look() {
  if (!token) {
    throw new Refused(_("This link is cut off. Open it as you were given it, to its end."), "invitation-gone");
  }
  return send("/welcome/look", { token });
}

function show() {
  const name = invited.name || invited.email;
  /** @type {HTMLElement} */ (document.getElementById("hello")).textContent = _("Welcome, {name}", { name });
  /** @type {HTMLInputElement} */ (document.getElementById("email")).value = invited.email;
  /** @type {HTMLElement} */ (document.getElementById("anew")).hidden = !invited.hasKey;
  /** @type {HTMLElement} */ (document.getElementById("choose")).hidden = false;
  doing.textContent = "";
  password.focus();
}

/** @param {string} text */
function say(text) {
  wrong.textContent = text;
  wrong.hidden = false;
  doing.textContent = "";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  wrong.hidden = true;
  doing.textContent = _("Making your key. This takes a moment.");
  try {
    const chosen = password.value;
    const code = await enrol(chosen);
    sessionStorage.setItem(CHOSEN, "yes");
    await keep(code);
    goOn(await logIn(invited.email, await derived(invited.email, chosen)));
  } catch (error) {
    form.hidden = false;
    say(words(error));
    go.disabled = false;
  }
});

/** The recovery code. @param {string} chosen @returns {Promise<string>} */
async function enrol(chosen) {
  const { key, code, enrolment } = await newUserKey(chosen, invited.words);
  try {
    for (let tries = 1; ; tries++) {
      const ahead = invited.epochs.map(({ mailbox, number, readers }) => ({
        mailbox,
        number,
        readers: new Map(readers.map((/** @type {{key: number, publicKey: string}} */ each) => [each.key, publicKey(each.publicKey)])),
      }));
      try {
        await send("/welcome", { token, anew: invited.hasKey, key: enrolment, epochs: await epochsOf(ahead, key.publicKey) });
        return code;
      } catch (error) {
        if (!(error instanceof Refused) || error.id !== "epoch-moved" || tries === MOST_TRIES) {
          throw error;
        }
        invited = { ...(await look()), hasKey: invited.hasKey };
      }
    }
  } finally {
    key.wipe();
  }
}
