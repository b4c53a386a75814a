// @ts-check
/** A draft: waits for its pages, says on the button what will be sent to how many, and beside it what would become of it. */

import { get, post, Refused } from "./client.js";
import { bringBack, keep, leave } from "./kept.js";
import { _, ngettext } from "./language.js";
import { Recipients } from "./recipients.js";

/** @typedef {{count: number, wrong: string, said: string[], line: string[]}} Foreseen As portal/pages/draft_form.py says it. */

const waiting = /** @type {HTMLElement | null} */ (document.querySelector("[data-waiting]"));
const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-send]"));
const [LOOK, PAUSE] = [700, 200];

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

/** @param {HTMLFormElement} sending */
function follow(sending) {
  const numbers = /** @type {HTMLTextAreaElement} */ (sending.elements.namedItem("numbers"));
  const go = /** @type {HTMLButtonElement} */ (sending.querySelector("[data-go]"));
  const place = new URL(sending.action).pathname.replace(/\/send$/, "");
  // With those of its cover, which cover.js knows.
  const all = () => Number(sending.dataset.pages) && Number(sending.dataset.pages) + Number(sending.dataset.coverPages ?? 0);
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
    const chips = recipients?.chips ?? [];
    keep(place, sending, chips);
    if (!chips.length) {
      label(numbers.value.split(/[\n,;]+/).filter((each) => each.trim()).length);
    }
    // Who is in a group, whose number is there twice, and what is left of a quota, the server knows.
    pause = setTimeout(async () => {
      try {
        const said = new URLSearchParams(/** @type {any} */ (new FormData(sending)));
        said.set("cover_pages", sending.dataset.coverPages ?? "");
        /** @type {Foreseen} */
        const found = await post(`${place}/count`, said);
        if (now === asked) {
          label(found.count);
          tell(sending, found);
        }
      } catch (error) {
        console.warn(error);
      }
    }, PAUSE);
  };
  const recipients = sending.querySelector("[data-chooser]") ? new Recipients(sending, say) : undefined;
  const chips = bringBack(place, sending);
  if (!recipients?.chips.length) {
    chips.forEach((each) => recipients?.put(each));
  }
  for (const details of sending.querySelectorAll("details")) {
    // What was chosen in them is to be seen.
    details.open ||= [...details.querySelectorAll("input, select")].some(isChosen);
  }
  sending.addEventListener("input", (event) => {
    if (event.target instanceof Element && !event.target.closest("[data-chooser]")) {
      say();
    }
  });
  sending.addEventListener("covered", say);
  sending.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) {
      return;
    }
    go.disabled = true;
    leave(place);
  });
  say();
}

/** @param {Element} field */
function isChosen(field) {
  return field instanceof HTMLSelectElement ? field.selectedIndex > 0 : field instanceof HTMLInputElement && field.type === "datetime-local" && Boolean(field.value);
}

/** @param {HTMLFormElement} sending @param {Foreseen} found */
function tell(sending, { wrong, said, line }) {
  const lines = said.map((text) => Object.assign(document.createElement("p"), { className: "hint", textContent: text }));
  const refusal = wrong ? [Object.assign(document.createElement("p"), { className: "wrong", textContent: wrong })] : [];
  const place = /** @type {HTMLElement} */ (sending.querySelector("[data-foreseen]"));
  const [before, now] = [[...place.children], [...refusal, ...lines]].map((some) => some.map((each) => each.textContent).join("\n"));
  // The same once more would be read out again.
  if (before !== now) {
    place.replaceChildren(...refusal, ...lines);
  }
  const figure = /** @type {HTMLElement | null} */ (document.querySelector("[data-line]"));
  if (figure) {
    figure.hidden = !line.length;
    figure.querySelector(".line")?.replaceChildren(...line.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  }
}

if (form) {
  follow(form);
}
if (waiting) {
  setTimeout(wait, LOOK, waiting);
}
