// @ts-check
/** Whether this browser notifies its user of what comes in: chosen in it, and for it alone. */

const CHOSEN = "notifications";

/** @returns {boolean} whether it can be asked to: some have them for installed pages only */
export function canNotify() {
  return "Notification" in globalThis && globalThis.isSecureContext;
}

/** @returns {boolean} */
export function wantsNotifications() {
  return canNotify() && Notification.permission === "granted" && localStorage.getItem(CHOSEN) === "on";
}

/** @param {boolean} wanted @returns {Promise<void>} */
export async function wantNotifications(wanted) {
  localStorage.setItem(CHOSEN, wanted ? "on" : "off");
  if (wanted) {
    await Notification.requestPermission();
  }
}
