// @ts-check
/** The account's choice of notifications. */

import { _ } from "./language.js";
import { canNotify, wantNotifications, wantsNotifications } from "./notifications.js";

const button = /** @type {HTMLButtonElement} */ (document.getElementById("notify"));
const said = /** @type {HTMLElement} */ (document.getElementById("notify-said"));

function show() {
  button.hidden = !canNotify();
  if (!canNotify()) {
    said.textContent = _("This browser shows none here.");
  } else if (Notification.permission === "denied") {
    button.hidden = true;
    said.textContent = _("This browser was told not to show any from here. Allow them in its settings for this page, then load it again.");
  } else {
    button.textContent = wantsNotifications() ? _("Tell me no more") : _("Tell me in this browser");
    said.textContent = wantsNotifications() ? _("On, as long as one of these pages is open, also behind others.") : _("Off");
  }
}

button.addEventListener("click", async () => {
  await wantNotifications(!wantsNotifications());
  show();
});
show();
