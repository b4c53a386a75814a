// @ts-check
/** A draft: waits for its pages, and says on the button what will be sent to how many. */

import { get, post, Refused } from "./client.js";
import { _, ngettext } from "./language.js";
import { Recipients } from "./recipients.js";

const waiting = /** @type {HTMLElement | null} */ (document.querySelector("[data-waiting]"));
const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-send]"));
const LOOK = 700;

/** @param {HTMLElement} place @returns {Promise<void>} */
async function wait(place) {
  try {
    const { state } = await get(place.dataset.waiting ?? "");
    if (state !== "waiting") {
      // Not reload: the page may have come of a form.
      location.replace((place.dataset.waiting ?? "").replace(/\/standing$/, ""));
      return;
    }
  } catch (error) {
    if (error instanceof Refused) {
      place.textContent = error.message;
      return;
    }
    console.warn(error);
  }
  setTimeout(wait, LOOK, place);
}

if (form) {
  const numbers = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("numbers"));
  const go = /** @type {HTMLButtonElement} */ (form.querySelector("[data-go]"));
  const [kept, keptChips] = [`numbers of ${form.action}`, `contacts of ${form.action}`];
  // With those of its cover, which cover.js knows.
  const all = () => Number(form.dataset.pages) && Number(form.dataset.pages) + Number(form.dataset.coverPages ?? 0);
  let asked = 0;
  /** @type {number | undefined} */
  let pause;

  /** On the button, what will be sent to how many. @param {number} count 0: that is not known */
  const label = (count) => {
    const pages = all();
    const what = pages ? ngettext("{count} page", "{count} pages", pages) : _("it");
    go.textContent = count
      ? ngettext("Send {what} to {count} number", "Send {what} to {count} numbers", count, { what })
      : _("Send {what}", { what });
  };
  const say = () => {
    clearTimeout(pause);
    const now = ++asked;
    const chips = recipients.chips;
    sessionStorage.setItem(kept, numbers.value);
    sessionStorage.setItem(keptChips, JSON.stringify(chips));
    if (!chips.length) {
      label(numbers.value.split(/[\n,;]+/).filter((each) => each.trim()).length);
      return;
    }
    // Who is in a group, and whose number is there twice, the server knows.
    pause = setTimeout(async () => {
      const said = new URLSearchParams({ numbers: numbers.value });
      chips.forEach(({ kind, id }) => said.append(kind, String(id)));
      try {
        const { count } = await post(form.action.replace(/\/send$/, "/count"), said);
        if (now === asked) {
          label(count);
        }
      } catch (error) {
        console.warn(error);
        label(0);
      }
    }, 150);
  };
  const recipients = new Recipients(form, say);
  numbers.value ||= sessionStorage.getItem(kept) ?? "";
  if (!recipients.chips.length) {
    JSON.parse(sessionStorage.getItem(keptChips) ?? "[]").forEach((/** @type {import("./recipients.js").Chip} */ each) => recipients.put(each));
  }
  numbers.addEventListener("input", say);
  form.addEventListener("covered", say);
  form.addEventListener("submit", () => {
    go.disabled = true;
    sessionStorage.removeItem(kept);
    sessionStorage.removeItem(keptChips);
  });
  say();
}
if (waiting) {
  setTimeout(wait, LOOK, waiting);
}
