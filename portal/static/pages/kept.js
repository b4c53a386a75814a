// @ts-check
/** What a draft's form says, kept in this tab while its page is loaded anew: its pages are made, or its files changed. */

/** @typedef {{fields: Record<string, string | boolean>, chips: import("./recipients.js").Chip[]}} Kept */

const OTHERS = new Set(["csrf", "contact", "group"]);

/** @param {string} place the draft's address */
function key(place) {
  return `form of ${place}`;
}

/** @param {HTMLFormElement} form @returns {(HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement)[]} */
function fields(form) {
  return /** @type {any[]} */ ([...form.elements]).filter((each) => each.name && !OTHERS.has(each.name) && !["submit", "button", "hidden", "file", "password"].includes(each.type));
}

/** @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} field */
function ticked(field) {
  return field instanceof HTMLInputElement && (field.type === "checkbox" || field.type === "radio");
}

/** @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} field */
function named(field) {
  return ticked(field) ? `${field.name} ${field.value}` : field.name;
}

/** @param {string} place @param {HTMLFormElement} form @param {import("./recipients.js").Chip[]} chips */
export function keep(place, form, chips) {
  const said = fields(form).map((each) => [named(each), ticked(each) ? /** @type {HTMLInputElement} */ (each).checked : each.value]);
  sessionStorage.setItem(key(place), JSON.stringify({ fields: Object.fromEntries(said), chips }));
}

/** Fills the form in again. @param {string} place @param {HTMLFormElement} form @returns {import("./recipients.js").Chip[]} */
export function bringBack(place, form) {
  /** @type {Kept} */
  const kept = JSON.parse(sessionStorage.getItem(key(place)) ?? '{"fields": {}, "chips": []}');
  for (const field of fields(form)) {
    const value = kept.fields[named(field)];
    if (typeof value === "boolean") {
      /** @type {HTMLInputElement} */ (field).checked = value;
    } else if (value !== undefined) {
      field.value = value;
      if (field instanceof HTMLSelectElement && field.selectedIndex < 0) {
        // What is no choice any more.
        field.selectedIndex = 0;
      }
    }
  }
  return kept.chips;
}

const LEFT = "form that was sent";

/** The draft's form is on its way: it is forgotten on the next page, unless that is this one again, or the log-in. @param {string} place */
export function leave(place) {
  sessionStorage.setItem(LEFT, place);
}

/** On a page of somebody who is logged in. */
export function forgetLeft() {
  const place = sessionStorage.getItem(LEFT);
  if (place && location.pathname !== place) {
    forget(place);
  }
  sessionStorage.removeItem(LEFT);
}

/** @param {string} place */
export function forget(place) {
  sessionStorage.removeItem(key(place));
}

/** To the draft that stands in its place. @param {string} from @param {string} to */
export function handOver(from, to) {
  const kept = sessionStorage.getItem(key(from));
  if (kept !== null) {
    sessionStorage.setItem(key(to), kept);
  }
  forget(from);
}
