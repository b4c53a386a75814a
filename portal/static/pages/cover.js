// @ts-check
/** A cover page as it will be sent, shown as one writes it: the server draws it, and keeps nothing. */

import { _, ngettext } from "./language.js";

const [PAUSE, BUSY] = [400, 1000];

const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-cover]"));
const form = place?.closest("form") ?? /** @type {HTMLFormElement | null} */ (document.querySelector("form.narrow"));
if (place && form) {
  follow(place, form);
}

/** @param {HTMLElement} place @param {HTMLFormElement} form */
function follow(place, form) {
  const sheet = /** @type {HTMLElement} */ (place.querySelector("[data-sheet]"));
  const image = Object.assign(document.createElement("img"), { alt: sheet.dataset.alt });
  const caption = /** @type {HTMLElement} */ (sheet.querySelector("[data-caption]"));
  const wrong = /** @type {HTMLElement} */ (place.querySelector("[data-cover-wrong]"));
  const which = /** @type {HTMLSelectElement | null} */ (form.elements.namedItem("cover"));
  const fields = /** @type {HTMLElement | null} */ (place.querySelector("[data-cover-fields]"));
  const chips = form.querySelector("[data-chips]");
  /** @type {number | undefined} */
  let pause;
  let asking = new AbortController();

  const show = async () => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
      const answer = await fetch(place.dataset.preview ?? "", { method: "POST", body, signal, headers: { Accept: "application/json, image/png" } });
      if (answer.status === 503) {
        pause = setTimeout(show, BUSY);
        return;
      }
      if (!answer.ok) {
        tell((await answer.json()).detail);
        return;
      }
      const pages = Number(answer.headers.get("X-Cover-Pages"));
      const address = URL.createObjectURL(await answer.blob());
      if (signal.aborted) {
        URL.revokeObjectURL(address);
        return;
      }
      URL.revokeObjectURL(image.src);
      image.src = address;
      sheet.prepend(image);
      caption.textContent = ngettext("{count} cover page, as it will be sent", "{count} cover pages, as they will be sent", pages);
      sheet.hidden = false;
      count(pages);
      tell("");
    } catch (error) {
      if (!signal.aborted) {
        console.warn(error);
        tell(_("The cover page cannot be shown now. Try again in a moment."));
      }
    }
  };
  /** For whoever says how many pages will be sent. @param {number} pages of the cover */
  const count = (pages) => {
    if (form.dataset.coverPages !== String(pages)) {
      form.dataset.coverPages = String(pages);
      form.dispatchEvent(new Event("covered"));
    }
  };
  /** @param {string} words */
  const tell = (words) => {
    wrong.textContent = words;
    wrong.hidden = !words;
  };
  const changed = () => {
    clearTimeout(pause);
    const none = which?.value === "";
    if (fields) {
      fields.hidden = none;
    }
    if (none) {
      asking.abort();
      sheet.hidden = true;
      count(0);
      tell("");
      return;
    }
    if (!(place instanceof HTMLDetailsElement) || place.open) {
      pause = setTimeout(show, PAUSE);
    }
  };
  // The one contact's name is what stands there where nothing is written.
  const named = () => {
    const all = [...(chips?.children ?? [])].map((each) => /** @type {HTMLElement} */ (each));
    const name = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("cover_to_name"));
    if (name) {
      name.placeholder = all.length === 1 && all[0].dataset.kind === "contact" ? (all[0].querySelector("bdi")?.textContent ?? "") : "";
    }
    changed();
  };
  form.addEventListener("input", changed);
  place.addEventListener("toggle", changed);
  if (chips) {
    new MutationObserver(named).observe(chips, { childList: true });
  }
  changed();
}
