// @ts-check
/**
 * Who waits for a key is handed it by whichever page of a reader's is open, and not only at the next log-in. Whoever opens more by
 * it is named on this page and those after it, until somebody has said that they have read that.
 */

import { keyring, LockedHere, toUnlock } from "./client.js";
import { handOn } from "./hand-on.js";
import { _ } from "./language.js";

/** What does not open cannot be handed on: it is not tried at each turn. */
const AGAIN_MINUTES = 10;

/** @param {string} user */
const place = (user) => `told of keys of ${user}`;
/** @param {string} user */
const tried = (user) => `keys tried of ${user}`;

/** @param {string} user who is logged in, an id @returns {Promise<void>} */
export async function handOnHere(user) {
  if (Date.now() - Number(localStorage.getItem(tried(user))) < AGAIN_MINUTES * 60_000) {
    return;
  }
  try {
    await keyring();
  } catch (error) {
    if (error instanceof LockedHere) {
      askToOpen();
      return;
    }
    throw error;
  }
  // A page that is left meanwhile hears no more of whom it was: what is kept beforehand says where that stands.
  const before = toldBefore(user);
  localStorage.setItem(place(user), JSON.stringify([...new Set([...before, _("Keys were handed on while a page was left. Who reads your mailboxes stands at Inbox, Who reads this.")])]));
  const told = await handOn();
  if (before.length || told.length) {
    localStorage.setItem(place(user), JSON.stringify([...before, ...told]));
  } else {
    localStorage.removeItem(place(user));
  }
  if (told.length) {
    showTold(user);
  } else {
    localStorage.setItem(tried(user), String(Date.now()));
  }
}

/** @param {string} user */
export function showTold(user) {
  const told = toldBefore(user);
  if (!told.length) {
    return;
  }
  const list = document.createElement("ul");
  list.append(...told.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const seen = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: _("I have read this") });
  const section = shown(_("You have handed keys on"), _("Your key was needed to let others read. If you do not know one of these, tell your administrator."), list, seen);
  seen.addEventListener("click", () => {
    localStorage.removeItem(place(user));
    section.remove();
  });
}

function askToOpen() {
  const link = Object.assign(document.createElement("a"), { href: toUnlock(), textContent: _("Open your faxes") });
  const line = document.createElement("p");
  line.append(link);
  shown(_("Somebody waits for a key that you have"), _("It is handed over as soon as your faxes are open in this browser."), line);
}

/** @param {string} title @param {string} about @param {HTMLElement[]} more @returns {HTMLElement} in the place of the one before */
function shown(title, about, ...more) {
  const section = document.createElement("section");
  section.className = "told";
  section.dataset.toldOfKeys = "";
  section.setAttribute("role", "status");
  section.append(Object.assign(document.createElement("h2"), { textContent: title }), Object.assign(document.createElement("p"), { textContent: about }), ...more);
  document.querySelector("[data-told-of-keys]")?.remove();
  document.getElementById("news")?.after(section);
  return section;
}

/** @param {string} user @returns {string[]} */
function toldBefore(user) {
  return JSON.parse(localStorage.getItem(place(user)) ?? "[]");
}
