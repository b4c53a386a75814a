// @ts-check
/** A session that ends while a page is open: the page says so, sends nothing, and keeps what is written in it until somebody has logged in again. */

import { _ } from "./language.js";

/** @type {HTMLElement | undefined} */
let said;

/** The session is over. */
export function over() {
  if (!said) {
    const link = Object.assign(document.createElement("a"), { href: "/log-in", target: "_blank", className: "button primary", textContent: _("Log in in another tab") });
    say(_("You are logged out"), _("Nothing comes in on this page any more, and nothing is sent or saved from it. What you have written here stays: log in in another tab, come back, and go on."), link);
  }
}

/**
 * There is a session again. @param {{user: number, csrf: string}} session @param {string} user whose page this is
 * @returns {boolean} whether the page is that user's
 */
export function back(session, user) {
  if (String(session.user) !== user) {
    const link = Object.assign(document.createElement("a"), { href: location.href, className: "button primary", textContent: _("Load this page again") });
    say(_("Somebody else is logged in"), _("This page is from before that: nothing is sent or saved from it."), link);
    return false;
  }
  if (said) {
    said.remove();
    said = undefined;
    document.removeEventListener("submit", hold, true);
    document.querySelector('meta[name="csrf"]')?.setAttribute("content", session.csrf);
    for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[type="hidden"][name="csrf"]'))) {
      field.value = session.csrf;
    }
  }
  return true;
}

/** @param {string} title @param {string} about @param {HTMLElement} link */
function say(title, about, link) {
  const section = document.createElement("section");
  section.className = "told";
  section.dataset.sessionOver = "";
  section.tabIndex = -1;
  section.setAttribute("role", "alert");
  const line = document.createElement("p");
  line.append(link);
  section.append(Object.assign(document.createElement("h2"), { textContent: title }), Object.assign(document.createElement("p"), { textContent: about }), line);
  said?.remove();
  said = section;
  document.getElementById("news")?.after(section);
  document.addEventListener("submit", hold, true);
}

/** @param {Event} event */
function hold(event) {
  if (event.target instanceof HTMLFormElement && event.target.method === "post") {
    event.preventDefault();
    event.stopImmediatePropagation();
    said?.scrollIntoView({ block: "center" });
    said?.focus();
  }
}
