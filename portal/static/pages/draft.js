// @ts-check
/** A draft: waits for its pages, and says on the button what will be sent to how many. */

import { get, Refused } from "./client.js";

const waiting = /** @type {HTMLElement | null} */ (document.querySelector("[data-waiting]"));
const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-send]"));
const LOOK = 700;

/** @param {HTMLElement} place @returns {Promise<void>} */
async function wait(place) {
  try {
    const { state } = await get(place.dataset.waiting ?? "");
    if (state !== "waiting") {
      location.reload();
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

/** @param {number} count @param {string} word */
function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

if (form) {
  const numbers = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("numbers"));
  const go = /** @type {HTMLButtonElement} */ (form.querySelector("[data-go]"));
  const kept = `numbers of ${form.action}`;
  const say = () => {
    const count = numbers.value.split(/[\n,;]+/).filter((each) => each.trim()).length;
    const pages = Number(form.dataset.pages);
    go.textContent = `Send ${pages ? counted(pages, "page") : "it"}${count ? ` to ${counted(count, "number")}` : ""}`;
    sessionStorage.setItem(kept, numbers.value);
  };
  numbers.value ||= sessionStorage.getItem(kept) ?? "";
  numbers.addEventListener("input", say);
  form.addEventListener("submit", () => {
    go.disabled = true;
    sessionStorage.removeItem(kept);
  });
  say();
}
if (waiting) {
  setTimeout(wait, LOOK, waiting);
}
